"""The text of a JSON value without its escapes, and the way from every place in it back to the text as it was written.

A string that holds JSON again is looked through in the same way. What is no JSON is looked through twice: as it is, and
as if it were, for a value may hide behind escapes in a text that was cut off.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence

import msgspec
from msgspec import Struct

from weighbridge.canon import Span
from weighbridge.mask.quoting import MOST, escaped, unescaped

_TOKEN = re.compile(r'"((?:[^"\\]+|\\.)*)"|(?<![\w.+-])(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])', re.DOTALL)
_ESCAPE = re.compile(r'\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])')
_NO_CHARACTER = "\ufffd"


class Leaf(Struct, frozen=True):
    """A string without its quotes, or a number. `depth`: in how many strings it stands."""

    start: int
    end: int
    depth: int
    number: bool = False


class Hit(Struct, frozen=True):
    """A value in the text as it is written."""

    start: int
    end: int
    kind: str
    value: str  #: without escapes
    bare: bool = False  #: a number, of which a string must be made
    depth: int = 0
    around: tuple[str, str] = ("", "")  #: the characters beside it

    def written(self, surrogate: str) -> str:
        """What takes its place, quoted where it must be."""
        if self.bare:
            return escaped(f'"{surrogate}"', self.depth)
        return surrogate


class _Runs:
    """A text that is made of pieces of another, and where each came from."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.at: list[int] = []  # in the new text
        self.start: list[int] = []  # in the old one
        self.end: list[int] = []
        self.size = 0

    def add(self, piece: str, start: int, end: int) -> None:
        if piece:
            self.pieces.append(piece)
            self.at.append(self.size)
            self.start.append(start)
            self.end.append(end)
            self.size += len(piece)

    def first(self, place: int) -> int:
        """Where the character at a place begins in the old text."""
        run = bisect_right(self.at, place) - 1
        if run < 0:
            return place
        inside = place - self.at[run]
        return self.start[run] + (inside if self._plain(run) else 0)

    def last(self, place: int) -> int:
        """Where the character before a place ends in the old text."""
        run = bisect_left(self.at, place) - 1
        if run < 0:
            return self.start[0] if self.start else place
        return self.start[run] + place - self.at[run] if self._plain(run) else self.end[run]

    def _plain(self, run: int) -> bool:
        return self.end[run] - self.start[run] == len(self.pieces[run])


class JsonView:
    """A text, looked through as JSON.

    Args:
        raw: As it is written.
    """

    def __init__(self, raw: str) -> None:
        self._raw = raw
        self.valid = _valid(raw)
        self._runs, self._leaves = _decoded(raw, 1)
        self.text = "".join(self._runs.pieces)  #: without escapes

    def raw(self, start: int, end: int) -> tuple[int, int]:
        """Where a piece of the text stands as it is written."""
        return self._runs.first(start), self._runs.last(end) if end > start else self._runs.first(start)

    def hits(self, find: Callable[[str], Sequence[Span]]) -> list[Hit]:
        """The values that are found, in order, none over another and none over a quote.

        Args:
            find: Finds values in a text without escapes; may be asked twice.
        """
        found = [hit for span in sorted(find(self.text)) for hit in self._within(span)]
        if self.valid:
            return list(_apart(found))
        plain = (
            Hit(span.start, span.end, span.kind, self._raw[span.start : span.end], around=_around(self._raw, span))
            for span in (find(self._raw) if self.text != self._raw else ())
        )
        return list(_apart(sorted((*found, *plain), key=lambda hit: (hit.start, -hit.end))))

    def _within(self, span: Span) -> Iterator[Hit]:
        """A value within the leaves that it touches: what is between them stays."""
        if not self.valid:
            start, end = self.raw(span.start, span.end)
            yield Hit(start, end, span.kind, self.text[span.start : span.end], around=_around(self.text, span))
            return
        at = bisect_right(self._leaves, span.start, key=lambda leaf: leaf.end)
        while at < len(self._leaves) and self._leaves[at].start < span.end:
            leaf = self._leaves[at]
            at += 1
            whole = leaf.number
            start = leaf.start if whole else max(span.start, leaf.start)
            end = leaf.end if whole else min(span.end, leaf.end)
            if end <= start:
                continue
            raw_start, raw_end = self.raw(start, end)
            beside = ("", "") if whole else _around(self.text, Span(start, end, ""))
            yield Hit(raw_start, raw_end, span.kind, self.text[start:end], whole, leaf.depth, beside)


def _around(text: str, span: Span) -> tuple[str, str]:
    return text[span.start - 1 : span.start] if span.start else "", text[span.end : span.end + 1]


def _apart(hits: Sequence[Hit]) -> Iterator[Hit]:
    """Those that begin first; of two over one another, the other one's rest is masked with it."""
    kept: Hit | None = None
    for hit in hits:
        if kept is not None and hit.start < kept.end:
            continue
        if kept is not None:
            yield kept
        kept = hit
    if kept is not None:
        yield kept


def _valid(raw: str) -> bool:
    try:
        msgspec.json.decode(raw.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return False
    return True


def _decoded(raw: str, level: int) -> tuple[_Runs, list[Leaf]]:
    """The text without escapes and its leaves; one within a string that holds JSON is a level deeper."""
    runs, leaves, at = _Runs(), [], 0
    for token in _TOKEN.finditer(raw):
        if token[2] is not None:
            runs.add(raw[at : token.start()], at, token.start())
            leaves.append(Leaf(runs.size, runs.size + len(token[2]), level - 1, number=True))
            at = token.start()
            runs.add(raw[at : token.end()], at, token.end())
            at = token.end()
            continue
        start, end = token.span(1)
        runs.add(raw[at:start], at, start)
        content = _unescaped(token[1], start)
        inner = "".join(content.pieces)
        begun = runs.size
        if level < MOST and inner.lstrip()[:1] in {"{", "["} and _valid(inner):
            _nest(runs, leaves, content, inner, level + 1)
        else:
            for piece, one, other in zip(content.pieces, content.start, content.end, strict=True):
                runs.add(piece, one, other)
            leaves.append(Leaf(begun, runs.size, level))
        at = end
    runs.add(raw[at:], at, len(raw))
    return runs, leaves


def _nest(runs: _Runs, leaves: list[Leaf], content: _Runs, inner: str, level: int) -> None:
    """Put in the text of a string that holds JSON, every piece with the place where it comes from in the end."""
    deeper, below = _decoded(inner, level)
    begun = runs.size
    for piece, start, end in zip(deeper.pieces, deeper.start, deeper.end, strict=True):
        if end - start != len(piece):
            runs.add(piece, content.first(start), content.last(end))
            continue
        at = start
        while at < end:  # a plain piece may have come of several
            run = bisect_right(content.at, at) - 1
            stop = min(end, content.at[run] + len(content.pieces[run]))
            runs.add(inner[at:stop], content.first(at), content.last(stop))
            at = stop
    leaves += [Leaf(begun + leaf.start, begun + leaf.end, leaf.depth, leaf.number) for leaf in below]


def _unescaped(text: str, offset: int) -> _Runs:
    runs, at = _Runs(), 0
    for escape in _ESCAPE.finditer(text):
        runs.add(text[at : escape.start()], offset + at, offset + escape.start())
        runs.add(_character(escape[0]), offset + escape.start(), offset + escape.end())
        at = escape.end()
    runs.add(text[at:], offset + at, offset + len(text))
    return runs


def _character(escape: str) -> str:
    if len(escape) > 6:  # noqa: PLR2004 - a character of two
        return (
            (escape[:6] + escape[6:])
            .encode()
            .decode("unicode_escape")
            .encode("utf-16", "surrogatepass")
            .decode("utf-16")
        )
    made = unescaped(escape)
    return _NO_CHARACTER if "\ud800" <= made <= "\udfff" else made
