"""The recorded traffic of a route: how much there was, and a fair sample of it."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from weighbridge.canon import Trace
from weighbridge.errors import NotFoundError

DAY = 86_400.0  #: seconds
SAMPLE = 500  #: requests that are looked at where nobody says how many


class Traffic(Struct, frozen=True):
    """What a route was asked in a span of time, and those requests that are looked at.

    `bare` were recorded without their texts and cannot be looked at. `days` is how long the record reaches back, one
    day at least: less says nothing of a month.
    """

    requests: int
    failed: int
    bare: int
    days: float
    sample: tuple[Trace, ...]

    @property
    def monthly(self) -> float:
        """Requests in thirty days, at the pace of the record."""
        return self.requests / self.days * 30


def read(folder: Path | None, route: str, *, since: float, now: float, size: int = SAMPLE, seed: int = 0) -> Traffic:
    """Read the exchanges of a route, and keep a random sample of them.

    Only what applications sent through the gateway counts. Memory does not grow with the number of traces.

    Args:
        folder: Of the traces.
        route: The route.
        since: Seconds since 1970; older exchanges do not count.
        now: Seconds since 1970.
        size: The most exchanges to keep.
        seed: Of the sample: the same one keeps the same exchanges.

    Raises:
        NotFoundError: Nothing is on record, or nothing with its texts.
        StoreError: The folder cannot be read.
    """
    from weighbridge.store import reader

    found: Iterable[Trace] = ()
    if folder is not None:
        found = reader.scan(folder, route=route, source="gateway", since=since)
    made = collect(found, now=now, size=size, rng=random.Random(seed))  # noqa: S311 - a sample is no secret
    if not made.requests:
        raise NotFoundError(
            f"The route '{route}' has no exchange on record in that time.",
            where=str(folder or ""),
            fix="Look further back with --since, or see `weighbridge traces list`; "
            "exchanges are recorded while `weighbridge serve` runs.",
        )
    if not made.sample:
        raise NotFoundError(
            f"The {made.requests:,} exchanges of '{route}' were recorded without their texts.",
            where="store.bodies",
            fix="Set store.bodies = true, and record new traffic.",
        )
    return made


def collect(traces: Iterable[Trace], *, now: float, size: int, rng: random.Random) -> Traffic:
    """Count traces, and keep `size` of those with texts, each with the same chance (Vitter 1985, algorithm R)."""
    kept: list[Trace] = []
    seen = failed = bare = 0
    first = now
    for trace in traces:
        first = min(first, trace.at)
        failed += trace.outcome != "ok"
        if trace.request is None or not trace.request.messages:
            bare += 1
            continue
        seen += 1
        if len(kept) < size:
            kept.append(trace)
        elif (place := rng.randrange(seen)) < size:
            kept[place] = trace
    kept.sort(key=lambda trace: (trace.at, trace.id))
    return Traffic(seen + bare, failed, bare, max(1.0, (now - first) / DAY), tuple(kept))
