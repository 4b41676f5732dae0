"""Makes of overlapping spans a list without overlaps that covers every character that any of them covered."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from weighbridge.canon import Span

_CERTAIN = 1.0  #: a checksum agrees, or the configuration says so
_TIERS = {"term": 0, "secret": 1, "pattern": 2, "name": 3}


def resolve(spans: Sequence[Span], *, min_score: float, kinds: Collection[str] | None) -> list[Span]:
    """Spans without overlaps, in order.

    Where spans overlap, the one that is surest of what it is gives the kind to all that they cover together. A certain
    one keeps its own borders, so that its value is known again elsewhere, and what others cover beside it stays covered.

    Args:
        spans: In any order.
        min_score: What is less certain is left out.
        kinds: What to keep; None for everything.
    """
    kept = [
        span
        for span in spans
        if span.score >= min_score and span.start < span.end and (kinds is None or span.kind in kinds)
    ]
    certain = _apart(span for span in kept if span.score >= _CERTAIN)
    chosen = set(certain)
    rest = _merged(sorted(span for span in kept if span not in chosen))
    return sorted([*certain, *(part for span in rest for part in _outside(span, certain))])


def _rank(span: Span) -> tuple[int, float, int, int, str]:
    """The best first: what covers most, then the surer one, then what found it; the kind's name makes it the same always."""
    return (span.start - span.end, -span.score, _TIERS[span.tier], span.start, span.kind)


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Those of the spans that stay whole, the best first; in order, none over another."""
    chosen: list[Span] = []
    for span in sorted(spans, key=_rank):
        at = bisect_left(chosen, span.start, key=_start)
        before = at == 0 or chosen[at - 1].end <= span.start
        if before and (at == len(chosen) or chosen[at].start >= span.end):
            chosen.insert(at, span)
    return chosen


def _start(span: Span) -> int:
    return span.start


def _outside(span: Span, certain: Sequence[Span]) -> Iterator[Span]:
    """What the certain ones leave of a span."""
    at = bisect_left(certain, span.start, key=_start)
    start = max(span.start, certain[at - 1].end) if at else span.start
    while start < span.end:
        next_start = certain[at].start if at < len(certain) else span.end
        if start < next_start:
            yield replace(span, start=start, end=min(next_start, span.end))
        if at == len(certain):
            return
        start = certain[at].end
        at += 1


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that hang together by overlapping become one, of the best one's kind."""
    best: Span | None = None
    start = end = 0
    for span in spans:
        if best is None or span.start >= end:
            if best is not None:
                yield replace(best, start=start, end=end)
            best, start, end = span, span.start, span.end
            continue
        end = max(end, span.end)
        best = min(best, span, key=_rank)
    if best is not None:
        yield replace(best, start=start, end=end)
