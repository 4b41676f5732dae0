"""What is looked for in an answer: every surrogate in the forms in which engines give it back, and its value for each."""

from __future__ import annotations

import functools
import json
import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

from msgspec import Struct

from weighbridge.mask.entries import Entry

Match = Literal["exact", "any", "style"]
"""Which capitals a surrogate may have: its own, any, or those of a word in small letters, in capitals, or with one."""

HEAD = 3  #: characters by which candidates are found
_CJK = "\u2e80-\u9fff\ua000-\ua4cf\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
_JOINS = rf"[^\W_\u1100-\u11ff{_CJK}]"
_joining = re.compile(_JOINS)
_SHORTEST = 5  #: letters of a word that comes back by itself


def joins(char: str) -> bool:
    """Does the character make one word with letters beside it? Those of Chinese, Japanese and Korean do not."""
    return bool(_joining.match(char))


class Pattern(Struct):
    """One form of a surrogate. `low`: it, in small letters."""

    low: str
    value: str  #: as it was replaced, where capitals do not tell which one it was
    match: Match
    bounded: bool  #: must a word end behind it?
    genitive: bool = False  #: may an s stand behind it?
    escape: Literal["", "json", "url"] = ""  #: how the value is written where this form stands
    forms: dict[str, str] = {}  #: the value for each way in which the surrogate is written

    def value_of(self, text: str) -> str | None:
        """The value for the surrogate as it is written here; None: it is something else."""
        if (found := self.forms.get(text)) is not None:
            return found
        match self.match:
            case "exact":
                return None
            case "any":
                return self.value
        if text.isupper():
            return self.value.upper()
        if text.islower():
            return self.value.lower()
        return self.value if text[1:].islower() else None


class Patterns:
    """All that is looked for; for plain text, and for the text of JSON values.

    Args:
        entries: What may come back.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = tuple(entry for entry in entries if entry.mode in {"surrogate", "token"})

    def __bool__(self) -> bool:
        """Is there anything?"""
        return bool(self._entries)

    @functools.cached_property
    def text(self) -> Table:
        """For plain text."""
        return Table(self._entries, json=False)

    @functools.cached_property
    def json(self) -> Table:
        """For the text of JSON values."""
        return Table(self._entries, json=True)


class Table:
    """Patterns by how they begin.

    Args:
        entries: What may come back.
        json: Is it for the text of JSON values?
    """

    def __init__(self, entries: Iterable[Entry], *, json: bool) -> None:
        self._all: dict[str, Pattern] = {}
        for entry in entries:
            self._add_entry(entry, json=json)
        #: every pattern, in small letters
        self.known = self._all
        #: in order: what begins with a text stands where that would
        self.sorted = sorted(self._all)
        heads: dict[str, set[int]] = {}
        for low in self._all:
            heads.setdefault(low[:HEAD], set()).add(len(low))
        for head, lengths in heads.items():
            lengths.update(*(heads.get(head[:size], ()) for size in range(1, len(head))))
        #: how long those are that begin so, the longest first
        self.heads = {head: tuple(sorted(lengths, reverse=True)) for head, lengths in heads.items()}
        #: those that are shorter than what they are found by
        self.tiny = tuple(sorted({len(head) for head in heads if len(head) < HEAD}, reverse=True))
        self.longest = max(map(len, self._all), default=0)
        self.starts = starts("".join(sorted({low[0] for low in self._all})))

    def grows(self, text: str) -> bool:
        """May the text, in small letters, become a pattern that is longer?"""
        at = bisect_right(self.sorted, text)
        return at < len(self.sorted) and self.sorted[at].startswith(text)

    def _add_entry(self, entry: Entry, *, json: bool) -> None:
        if json and entry.form == "bare":
            for written in (f'"{entry.surrogate}"', f'\\"{entry.surrogate}\\"', f'\\\\\\"{entry.surrogate}\\\\\\"'):
                self._add(written, entry.value, "any", bounded=True)
        match: Match = "any"
        if entry.kind == "person" and entry.mode == "surrogate" and entry.surrogate.isascii():
            match = "exact"
        named = entry.mode == "surrogate"
        self._add_forms(entry.surrogate, entry.value, match, bounded=named, json=json)
        for value, word in entry.parts:
            if len(word) >= _SHORTEST or not word.isascii():
                self._add_forms(word, value, "style", bounded=named, genitive=word.isascii(), json=json)

    def _add_forms(
        self, surrogate: str, value: str, match: Match, *, bounded: bool, json: bool, genitive: bool = False
    ) -> None:
        inner: Literal["", "json"] = "json" if json else ""
        bounded = bounded and joins(surrogate[-1])
        self._add(surrogate, value, match, bounded=bounded, genitive=genitive, escape=inner)
        if not surrogate.isascii() and json:
            escaped = _escaped(surrogate)
            self._add(escaped, value, "any", escape="json")
            self._add(escaped.replace("\\", "\\\\"), value, "any", escape="json")
        in_url = quote(surrogate, safe="")
        if in_url != surrogate:
            self._add(in_url, quote(value, safe="", errors="replace"), "any", bounded=bounded, escape="url")

    def _add(
        self,
        surrogate: str,
        value: str,
        match: Match,
        *,
        bounded: bool = False,
        genitive: bool = False,
        escape: Literal["", "json", "url"] = "",
    ) -> None:
        low = surrogate.lower()
        made = self._all.get(low)
        if made is None:
            made = self._all[low] = Pattern(low, value, match, bounded, genitive, escape, {})
        elif made.match == "exact" and match == "style":
            made.match, made.value, made.genitive = match, value, genitive
        made.forms.setdefault(surrogate, value)


def _escaped(text: str) -> str:
    return json.dumps(text)[1:-1]


@functools.lru_cache(maxsize=256)
def starts(firsts: str) -> re.Pattern[str]:
    """Where a surrogate may begin that begins with one of these: where a word does, or at any mark.

    The letter of an escape, such as the n of a new line, and the digits of one are no part of a word.
    """
    words = "".join(char for char in firsts if joins(char))
    marks = "".join(char for char in firsts if not joins(char))
    before = rf"(?:(?<!{_JOINS})|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{{2}})|(?<=\\u[0-9A-Fa-f]{{4}}))"
    either = []
    if words:
        either.append(f"{before}[{re.escape(words + words.upper())}]")
    if marks:
        either.append(f"[{re.escape(marks)}]")
    return re.compile("|".join(either) if either else r"(?!)")
