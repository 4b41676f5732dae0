"""The headers by which each dialect tells its clients how much of their limits is left."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from urllib.parse import quote

from weighbridge.access.meters import INPUT, OUTPUT, REQUESTS, Level, wait

Pairs = tuple[tuple[bytes, bytes], ...]
BUDGET = b"x-weighbridge-budget"


def told(dialect: str, levels: Sequence[Level], now: float) -> Pairs:
    """What a client of a dialect is told: of several limits of one kind the one that is reached first.

    Args:
        dialect: The client's.
        levels: How its limits stand, what it asked for included.
        now: Seconds since 1970.
    """
    write = _WRITERS.get(dialect)
    if write is None:
        return ()
    tightest = {field: one for field in (REQUESTS, INPUT, OUTPUT) if (one := _tightest(levels, (field,))) is not None}
    return tuple(write(tightest, now)) if tightest else ()


def budgets(levels: Iterable[Level], names: Sequence[str]) -> Pairs:
    """The budgets that near their end, as `key:ID day 83%`."""
    parts = [
        f"{quote(level.want.subject, safe=':@/.* ')} {names[level.want.field]} {_percent(level)}%"
        for level in levels
        if warns(level)
    ]
    return ((BUDGET, ", ".join(parts).encode()),) if parts else ()


def warns(level: Level) -> bool:
    """Is as much of a budget used and reserved as its owner wants to be told?"""
    return level.want.soft > 0 and level.taken >= level.want.soft * level.want.limit


def _percent(level: Level) -> int:
    return 100 if level.want.limit <= 0 else level.taken * 100 // level.want.limit


def _tightest(levels: Iterable[Level], fields: tuple[int, ...]) -> Level | None:
    fitting = (level for level in levels if level.want.field in fields)
    return min(fitting, key=lambda level: level.want.limit - level.taken, default=None)


def _left(level: Level) -> bytes:
    return b"%d" % max(0, level.want.limit - level.taken)


def _openai(tightest: dict[int, Level], now: float) -> list[tuple[bytes, bytes]]:
    """One limit of requests and one of tokens; resets as a duration."""
    found = [(b"requests", tightest.get(REQUESTS)), (b"tokens", _tightest(tightest.values(), (INPUT, OUTPUT)))]
    told = []
    for name, level in found:
        if level is not None:
            told += [
                (b"x-ratelimit-limit-" + name, b"%d" % level.want.limit),
                (b"x-ratelimit-remaining-" + name, _left(level)),
                (b"x-ratelimit-reset-" + name, b"%ds" % math.ceil(wait(level.want.field, now))),
            ]
    return told


def _anthropic(tightest: dict[int, Level], now: float) -> list[tuple[bytes, bytes]]:
    """Limits of requests, input and output tokens; resets as a time (RFC 3339)."""
    told = []
    for field, level in tightest.items():
        name = (
            b"anthropic-ratelimit-" + {REQUESTS: b"requests", INPUT: b"input-tokens", OUTPUT: b"output-tokens"}[field]
        )
        reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(math.ceil(now + wait(field, now))))
        told += [
            (name + b"-limit", b"%d" % level.want.limit),
            (name + b"-remaining", _left(level)),
            (name + b"-reset", reset.encode()),
        ]
    return told


_WRITERS: dict[str, Callable[[dict[int, Level], float], list[tuple[bytes, bytes]]]] = {
    "openai-chat": _openai,
    "openai-responses": _openai,
    "anthropic-messages": _anthropic,
}
