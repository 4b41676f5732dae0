"""Brings values back into an answer: each surrogate once, the longest first, whole or in pieces as they come.

Of a text in pieces nothing waits but its longest end that may become a surrogate. What was brought back is not looked
through again, and nothing is brought back that the same request did not take away.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable

from weighbridge.canon import WayOut
from weighbridge.errors import MaskError
from weighbridge.mask.links import Links
from weighbridge.mask.matching import HEAD, Pattern, Patterns, Table, joins
from weighbridge.mask.quoting import Quotes, escaped, unescaped

_BEFORE = 8  #: characters that tell whether a word begins: the longest escape, and the one before it
_WRITTEN = re.compile(r'["\\\x00-\x1f]')
_ESCAPE = re.compile(r'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])|"')

Edit = tuple[int, int, int]
"""Where something was replaced, from and to, and how long what stands there now is."""


class Restorer:
    """Brings back what a sheet knew when this was made. May be used by several threads at once.

    Args:
        patterns: What is looked for.
        urls: What becomes of a surrogate within an address.
        hosts: Those of addresses in which values come back all the same.
    """

    def __init__(self, patterns: Patterns, *, urls: WayOut = "restore", hosts: frozenset[str] = frozenset()) -> None:
        self._patterns = patterns
        self._urls = urls
        self._hosts = hosts

    @property
    def active(self) -> bool:
        """Is there anything that could come back?"""
        return bool(self._patterns)

    def text(self, text: str) -> str:
        """Plain text with values.

        Raises:
            MaskError: One would come back into an address, and that is refused.
        """
        return self._whole(text, json=False)

    def json(self, text: str) -> str:
        """The text of a JSON value with values in it, escaped as its strings want it.

        Raises:
            MaskError: As for `text`.
        """
        return self._whole(text, json=True)

    def stream(self, *, json: bool = False) -> StreamRestorer:
        """The same for one text that comes in pieces."""
        return StreamRestorer(
            self._patterns.json if json else self._patterns.text, json=json, urls=self._urls, hosts=self._hosts
        )

    def offsets(self, text: str) -> Callable[[int], int]:
        """Where a place in this text is after `text` was done with it; one within a surrogate is within its value.

        Raises:
            MaskError: As for `text`.
        """
        stream = self.stream()
        stream.feed(text)
        stream.close()
        edits = stream.edits
        starts = [start for start, _, _ in edits]
        moved = [0]
        for start, end, length in edits:
            moved.append(moved[-1] + length - (end - start))

        def place(offset: int) -> int:
            at = bisect_right(starts, offset)
            if at and offset < edits[at - 1][1]:
                start, _, length = edits[at - 1]
                return start + moved[at - 1] + min(offset - start, length)
            return offset + moved[at]

        return place

    def _whole(self, text: str, *, json: bool) -> str:
        if not self._patterns or not text:
            return text
        stream = self.stream(json=json)
        done = stream.feed(text) + stream.close()
        return done if done != text else text


class StreamRestorer:
    """One text in pieces. For one thread at a time.

    Args:
        table: What is looked for.
        json: Is it the text of a JSON value?
        urls: What becomes of a surrogate within an address.
        hosts: Those of addresses in which values come back all the same.
    """

    def __init__(self, table: Table, *, json: bool, urls: WayOut, hosts: frozenset[str]) -> None:
        self._heads = table.heads
        self._tiny = table.tiny
        self._known = table.known
        self._longest = table.longest
        self._grows = table.grows
        self._search = table.starts.search
        self._json = json
        self._refuse = urls == "refuse"
        self._links = Links(hosts) if urls != "restore" else None
        self._quotes = Quotes() if json else None
        self._passed: list[str] = []  # that links and quotes have not seen yet
        self._looks = self._links is not None or self._quotes is not None
        self._tail = ""  # what was passed on last, and what is held back
        self._from = 0  # where that begins
        self._offset = 0  # of the tail's beginning in the whole text
        self.edits: list[Edit] = []

    def feed(self, chunk: str) -> str:
        """What can be said of the text up to here.

        Raises:
            MaskError: A value would come back into an address, and that is refused.
        """
        return self._advance(chunk, end=False)

    def close(self) -> str:
        """All that is left.

        Raises:
            MaskError: As for `feed`.
        """
        return self._advance("", end=True)

    def _advance(self, chunk: str, *, end: bool) -> str:
        text = self._tail + chunk
        at = done = looked = self._from
        size = len(text)
        made = ""
        search, heads = self._search, self._heads
        hold = size
        while (found := search(text, at)) is not None:
            start = found.start()
            if not end and size - start < self._longest and self._grows(text[start:].lower()):
                hold = start
                break
            lengths = heads.get(text[start : start + HEAD].lower()) or self._tiny
            at = start + 1
            stop, put = self._match(text, start, lengths, end=end)
            if put is None:
                if stop:
                    hold = start
                    break
                continue
            if self._looks:
                self._look(text[looked:start])
                looked = start
            if not self._opens(put):
                continue
            if not self._stays():
                value = self._written(put, text[start:stop])
                made += text[done:start] + value
                self.edits.append((self._offset + start, self._offset + stop, len(value)))
                done = stop
            at = stop
        if hold > done:
            made += text[done:hold]
        if self._looks:
            self._passed.append(text[looked:hold])
        cut = hold - _BEFORE if hold > _BEFORE else 0
        self._tail = text[cut:]
        self._from = hold - cut
        self._offset += cut
        return made

    def _match(self, text: str, start: int, lengths: tuple[int, ...], *, end: bool) -> tuple[int, Pattern | None]:
        """The longest one that stands here, and where it ends; none, and whether that is still to be seen."""
        low = text[start : start + lengths[0]].lower() if lengths else ""
        for length in lengths:
            one = self._known.get(low[:length]) if length <= len(low) else None
            if one is None:
                continue
            stop = start + length
            if one.bounded and not self._ends(text, stop, one, end=end):
                if not end and self._open(text[stop:], one):
                    return 1, None
                continue
            if one.value_of(text[start:stop]) is not None:
                return stop, one
        return 0, None

    @staticmethod
    def _open(rest: str, one: Pattern) -> bool:
        """Must more come before it is known whether a word ends before this?"""
        if one.low[-1] == '"':
            return not rest.strip(" \t\r\n")
        return not rest or (one.genitive and rest in {"s", "S"})

    def _ends(self, text: str, stop: int, one: Pattern, *, end: bool) -> bool:
        """Does the word end here? An s may follow on the name of a person."""
        if one.low[-1] == '"':
            # A number of JSON comes back without its quotes; not where it is the name of a field.
            rest = text[stop:].lstrip(" \t\r\n")
            return rest[0] != ":" if rest else end
        if stop >= len(text):
            return end
        if not joins(text[stop]):
            return True
        if not one.genitive or text[stop] not in "sS":
            return False
        return end if stop + 1 >= len(text) else not joins(text[stop + 1])

    def _opens(self, one: Pattern) -> bool:
        """Does the surrogate of a number, which has its quotes with it, begin a string here? In a text they are the text's."""
        if self._quotes is None or one.low[-1] != '"':
            return True
        escapes = len(one.low) - len(one.low.lstrip("\\"))
        return self._quotes.opens(
            (escapes + 1).bit_length() - 1
        )  # 0, 1, 3, 7 of them: each string doubles them and adds one

    def _stays(self) -> bool:
        """Does the surrogate that comes next stay as it is?"""
        if self._links is None or not self._links.leaving:
            return False
        if self._refuse:
            raise MaskError(
                "The engine puts a masked value into an address, and the route refuses that.",
                where="urls",
                fix='Set urls = "keep" or "restore" in the route\'s mask section.',
            )
        return True

    def _written(self, one: Pattern, said: str) -> str:
        """The value for a surrogate, as it must be written where that stands."""
        value = one.value_of(said)
        assert value is not None
        if one.escape == "json" and self._quotes is not None and _WRITTEN.search(value):
            return escaped(value, self._quotes.depth)
        return value

    def _look(self, text: str) -> None:
        """Tell links and quotes what they have not seen: only where a surrogate stands, what is before it matters."""
        self._passed.append(text)
        text = "".join(self._passed)
        self._passed = []
        if self._quotes is not None:
            self._quotes.feed(text)
        if self._links is None:
            return
        at, said = 0, []
        for found in _ESCAPE.finditer(text) if self._json else ():
            said.append(text[at : found.start()])
            at = found.end()
            if found[0] != '"':
                said.append(unescaped(found[0]))
                continue
            self._links.feed("".join(said))
            self._links.reset()
            said = []
        self._links.feed("".join(said) + text[at:])
