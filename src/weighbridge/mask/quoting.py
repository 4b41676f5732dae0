"""How deep in strings within strings a text of JSON stands: so often must what is written there be escaped."""

from __future__ import annotations

import json
import re

MOST = 4  #: strings within strings that are told apart
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_PLAIN = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_RUN = re.compile(r'[^"\\]+')


def unescaped(escape: str) -> str:
    """The character that an escape stands for."""
    if escape[1] == "u":
        return chr(int(escape[2:6], 16))
    return _PLAIN.get(escape[1], escape[1])


def escaped(text: str, depth: int) -> str:
    """The text as it is written within that many strings."""
    for _ in range(depth):
        text = json.dumps(text, ensure_ascii=False)[1:-1]
    return text


class Quotes:
    """Follows the text of a JSON value, and what its strings hold, if that is JSON again."""

    def __init__(self, level: int = 1) -> None:
        self._level = level
        self._held = ""  # the beginning of an escape
        self._inner: Quotes | None = None
        self._within = False
        self._first = ""  # of the string that is under way

    @property
    def depth(self) -> int:
        """In how many strings what comes next stands."""
        if not self._within:
            return 0
        return 1 + (self._inner.depth if self._inner is not None else 0)

    def opens(self, level: int) -> bool:
        """Would a quote that is escaped for so many strings open a string of JSON if it came next?"""
        if level == 0:
            return not self._within
        return self._within and self._inner is not None and self._inner.opens(level - 1)

    def feed(self, text: str) -> None:
        """More of the text."""
        text = self._held + text
        self._held = ""
        at = 0
        while at < len(text):
            if (run := _RUN.match(text, at)) is not None:
                at = run.end()
                self._content(run[0])
            elif text[at] == '"':
                self._turn()
                at += 1
            else:
                at = self._escape(text, at)

    def _turn(self) -> None:
        self._within = not self._within
        self._inner, self._first = None, ""

    def _escape(self, text: str, at: int) -> int:
        found = _ESCAPE.match(text, at)
        if found is not None:
            self._content(unescaped(found[0]))
            return found.end()
        if len(text) - at < 6 and re.fullmatch(r"\\(?:u[0-9a-fA-F]*)?", text[at:]):  # noqa: PLR2004 - the longest one
            self._held = text[at:]
            return len(text)
        self._content(text[at])
        return at + 1

    def _content(self, text: str) -> None:
        if not self._within:
            return
        if not self._first:
            self._first = text.lstrip()[:1]
            if self._first and self._first in "{[" and self._level < MOST:
                self._inner = Quotes(self._level + 1)
        if self._inner is not None:
            self._inner.feed(text)
