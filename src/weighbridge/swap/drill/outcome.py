"""What a live drill did: answers kept, time and money, route by route, from the traces of that time and of before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import median

from msgspec import Struct

from weighbridge.canon import Trace
from weighbridge.swap.preflight.shares import Share, share
from weighbridge.swap.signs import form

_OURS = frozenset({"cancelled", "limit_reached", "budget_spent", "bad_input", "too_large", "mask_failed"})
"""Outcomes that tell nothing of whether an engine was there."""


class Span(Struct, frozen=True):
    """A route over some time. Seconds and micro-units are medians of what was answered; None where nothing was."""

    exchanges: int
    answered: Share
    engines: dict[str, int]
    seconds: float | None
    cost: float | None
    ill: Share  #: answers that refused, or had not the form that was asked for


class Outcome(Struct, frozen=True):
    """A route before a drill and while it lasted."""

    route: str
    before: Span
    during: Span


def outcome(folder: Path, routes: Iterable[str], *, since: float, start: float, until: float) -> tuple[Outcome, ...]:
    """What became of routes while engines were cut off.

    Args:
        folder: Of the traces.
        routes: Their names.
        since: When the time before begins, in seconds since 1970.
        start: When the drill began.
        until: When it ended.

    Raises:
        StoreError: The traces cannot be read.
    """
    from weighbridge.store import reader

    wanted = set(routes)
    before: dict[str, list[Trace]] = {name: [] for name in wanted}
    during: dict[str, list[Trace]] = {name: [] for name in wanted}
    if folder.is_dir():
        for trace in reader.scan(folder, since=since, until=until, source="gateway"):
            if trace.route in wanted:
                (before if trace.at < start else during)[trace.route].append(trace)
    return tuple(Outcome(name, span(before[name]), span(during[name])) for name in sorted(wanted))


def span(traces: Iterable[Trace]) -> Span:
    """What these exchanges of one route say."""
    counted = [trace for trace in traces if trace.outcome not in _OURS]
    fine = [trace for trace in counted if trace.outcome == "ok"]
    costs = [trace.cost for trace in fine if trace.cost is not None]
    graded = [form(one.request, one.reply) for one in fine if one.request is not None and one.reply is not None]
    ill = sum(bool(one.malformed or one.miscalled or one.refused) for one in graded)
    return Span(
        exchanges=len(counted),
        answered=share(len(fine), len(counted)),
        engines=dict(Counter(trace.engine for trace in fine).most_common()),
        seconds=median(times) if (times := [one.total for one in fine if one.total is not None]) else None,
        cost=median(costs) if costs else None,
        ill=share(ill, len(graded)),
    )
