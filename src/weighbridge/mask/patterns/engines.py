"""Two ways of finding where each entry of a table matches: hyperscan in one pass, or `re`, one entry after the other.

Both give the same matches. hyperscan looks for signs alone (see `shape`); the entry's own expression is then run with
`re` in the windows around them, which are wide enough to hold any match and the letter behind it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.shape import Shape, literal, shape_of

_LEFT = (
    r"(?:(?<![A-Za-z0-9])|(?![A-Za-z0-9])|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f][0-9A-Fa-f])|(?<=\\u00[0-9A-Fa-f][0-9A-Fa-f]))"
)
"""A match begins a word. What an escape of JSON or of a URL ends in is no part of the word behind it."""
_RIGHT = r"(?:(?![A-Za-z0-9])|(?<![A-Za-z0-9]))"
_SHARD = 8  #: entries that hyperscan looks for at once: more of them make its tables grow faster than they save
_SHORT = 3  #: letters of an anchor that is found too often to be a sign


class Entry(Struct, frozen=True):
    """A detector, ready to run."""

    detector: Detector
    exact: re.Pattern[str]
    shape: Shape
    group: int | str  #: of the match: the value


def entry_of(detector: Detector) -> Entry:
    """Make a detector ready.

    Raises:
        re.error: Its pattern is none.
        ValueError: Its pattern could take forever.
    """
    shape = shape_of(detector.pattern, folded=detector.folded)
    pattern = detector.pattern
    if detector.edges == "word":
        pattern = f"{_LEFT}(?:{pattern}){_RIGHT}"
    exact = re.compile(pattern, re.IGNORECASE if detector.folded else 0)
    return Entry(detector, exact, shape, "value" if "value" in exact.groupindex else 0)


class OneByOne:
    """With `re` alone."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries

    def prepare(self) -> None:
        """Nothing is built."""

    def matches(self, text: str, low: str) -> Iterator[tuple[Entry, re.Match[str]]]:
        """Every match of every entry.

        Args:
            text: To look through.
            low: The same in small letters.
        """
        for entry in self._entries:
            anchors = entry.detector.anchors
            if anchors and not any(anchor.lower() in low for anchor in anchors):
                continue
            for found in entry.exact.finditer(text):
                yield entry, found


class _Sign(Struct, frozen=True):
    """What tells that an entry may match: its expression, and how far around its end a match may reach."""

    expression: bytes
    owner: int
    before: int
    behind: int
    folded: bool
    word: bool = False  #: a literal: cheap to look for together with others
    head: bool = False  #: the match begins with it


class _Shard(Struct, frozen=True):
    signs: tuple[_Sign, ...]
    database: Any


class OnePass:
    """With hyperscan; may be used by several threads at once.

    Its tables take seconds to build. They are built when so much text has come that this pays: until then `re` is used.

    Args:
        entries: The table.
        patience: Characters that are looked through with `re` before the tables are built.
    """

    def __init__(self, entries: Sequence[Entry], *, patience: int = 0) -> None:
        self._slow = OneByOne(entries)
        self._patience = patience
        import hyperscan

        self._hyperscan: Any = hyperscan
        self._entries = entries
        self._lock = threading.Lock()
        self._shards: tuple[_Shard, ...] = ()
        self._thread = threading.local()

    def prepare(self) -> None:
        """Build the tables now."""
        self._patience = 0
        self._ready()

    def matches(self, text: str, low: str) -> Iterator[tuple[Entry, re.Match[str]]]:
        """Every match of every entry.

        Args:
            text: To look through.
            low: The same in small letters.
        """
        if self._patience > 0:
            self._patience -= len(text)
            yield from self._slow.matches(text, low)
            return
        starts, windows = self._near_signs(text)
        for owner, places in starts.items():
            entry = self._entries[owner]
            yield from ((entry, found) for found in _from(entry.exact, text, places))
        for owner, around in windows.items():
            entry = self._entries[owner]
            merged = _merged(around, len(text)) if entry.shape.bounded else [(0, len(text))]
            for start, end in merged:
                yield from ((entry, found) for found in _within(entry.exact, text, start, end))

    def _near_signs(self, text: str) -> tuple[dict[int, set[int]], dict[int, list[tuple[int, int]]]]:
        """For each entry of which there is a sign: where its matches may begin, or the stretches that hold them."""
        data = text.encode()
        hits: dict[_Sign, list[int]] = {}
        for shard, scratch in self._ready():
            ends: list[tuple[int, int]] = []
            shard.database.scan(data, match_event_handler=_keep, context=ends, scratch=scratch)
            for number, end in ends:
                hits.setdefault(shard.signs[number], []).append(end)
        place = _places(data, hits.values(), ascii_only=len(data) == len(text))
        starts: dict[int, set[int]] = {}
        windows: dict[int, list[tuple[int, int]]] = {}
        for sign, ends_of in hits.items():
            if sign.head:
                starts.setdefault(sign.owner, set()).update(place[end] - sign.before for end in ends_of)
            else:
                around = [(place[end] - sign.before, place[end] + sign.behind) for end in ends_of]
                windows.setdefault(sign.owner, []).extend(around)
        return starts, windows

    def _ready(self) -> list[tuple[_Shard, Any]]:
        """The tables, each with this thread's own room to work in."""
        if not self._shards:
            with self._lock:
                if not self._shards:
                    self._shards = self._built()
        ready: list[tuple[_Shard, Any]] | None = getattr(self._thread, "ready", None)
        if ready is None:
            ready = [(shard, self._hyperscan.Scratch(shard.database)) for shard in self._shards]
            self._thread.ready = ready
        return ready

    def _built(self) -> tuple[_Shard, ...]:
        signs = [sign for number, entry in enumerate(self._entries) for sign in _signs(number, entry)]
        words = [sign for sign in signs if sign.word]
        others = [sign for sign in signs if not sign.word]
        groups = [words, *(others[at : at + _SHARD] for at in range(0, len(others), _SHARD))]
        return tuple(self._compiled(group) for group in groups if group)

    def _compiled(self, signs: Sequence[_Sign]) -> _Shard:
        database = self._hyperscan.Database(mode=self._hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=[sign.expression for sign in signs],
            ids=list(range(len(signs))),
            flags=[self._hyperscan.HS_FLAG_CASELESS if sign.folded else 0 for sign in signs],
        )
        return _Shard(tuple(signs), database)


def _signs(number: int, entry: Entry) -> list[_Sign]:
    shape, anchors = entry.shape, entry.detector.anchors
    if shape.heads and shape.bounded:
        return [
            _Sign(literal(head, folded=shape.folded), number, len(head), 0, shape.folded, word=True, head=True)
            for head in sorted(shape.heads)
        ]
    if anchors and min(map(len, anchors)) > _SHORT:
        return [_Sign(literal(word), number, shape.width, shape.width, folded=True, word=True) for word in anchors]
    return [_Sign(shape.sign, number, shape.reach, shape.width, shape.folded)]


def _keep(sign: int, start: int, end: int, flags: int, ends: list[tuple[int, int]]) -> None:  # noqa: ARG001 - its shape
    ends.append((sign, end))


_INNER = bytes(range(0x80, 0xC0))  #: bytes within a code point, behind its first


def _places(data: bytes, ends: Iterable[Sequence[int]], *, ascii_only: bool) -> Mapping[int, int]:
    """By offset in bytes: how many code points begin before it."""
    offsets = sorted({end for some in ends for end in some})
    if ascii_only:
        return dict(zip(offsets, offsets, strict=True))
    places: dict[int, int] = {}
    at = count = 0
    for offset in offsets:
        count += len(data[at:offset].translate(None, _INNER))
        places[offset] = count
        at = offset
    return places


def _merged(windows: list[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    windows.sort()
    merged: list[tuple[int, int]] = []
    for start, end in windows:
        if merged and start <= merged[-1][1] + 1:
            if end > merged[-1][1]:
                merged[-1] = merged[-1][0], min(end, length)
        else:
            merged.append((max(0, start), min(end, length)))
    return merged


def _from(exact: re.Pattern[str], text: str, places: Iterable[int]) -> Iterator[re.Match[str]]:
    """The matches that begin at one of these places, none over another."""
    free = 0
    for place in sorted(places):
        found = exact.match(text, place) if place >= free else None
        if found is not None:
            yield found
            free = found.end()


def _within(exact: re.Pattern[str], text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """The matches in a window, as they are in the whole text: the letter behind the window is seen as well."""
    limit = min(end + 1, len(text))
    found = exact.search(text, start, limit)
    while found is not None:
        if found.end() == limit < len(text):  # what is behind the window may change it
            again = exact.match(text, found.start())
            if again is None:
                found = exact.search(text, found.start() + 1, limit)
                continue
            found = again
        yield found
        found = exact.search(text, max(found.end(), found.start() + 1), limit)
