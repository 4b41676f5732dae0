"""What is counted of a subject, and the spans in which it is: minutes of the clock, UTC days and months."""

from __future__ import annotations

import time
from datetime import date
from typing import Literal

Field = Literal["requests", "input", "output", "concurrency", "day", "month"]
FIELDS: tuple[Field, ...] = ("requests", "input", "output", "concurrency", "day", "month")
REQUESTS, INPUT, OUTPUT, CONCURRENCY, DAY, MONTH = range(len(FIELDS))


def numbers(now: float) -> tuple[int, ...]:
    """The numbers of the spans that hold now, in the order of the fields."""
    minute = int(now // 60)
    day = time.gmtime(now)
    return minute, minute, minute, 0, int(now // 86_400), day.tm_year * 12 + day.tm_mon - 1


def start(span: int, field: int) -> float:
    """When a span begins, in seconds since 1970."""
    if field == CONCURRENCY:
        return 0.0
    if field == MONTH:
        return float((date(span // 12, span % 12 + 1, 1) - date(1970, 1, 1)).days * 86_400)
    return span * (86_400.0 if field == DAY else 60.0)


def wait(field: int, now: float) -> float:
    """Seconds until a meter's next span begins; for what has no spans, until it is worth another try."""
    return 1.0 if field == CONCURRENCY else max(0.0, start(numbers(now)[field] + 1, field) - now)


def told(span: int, field: int) -> str:
    """A span as people and other machines read it: `2026-11-23T10:05`, `2026-11-23`, `2026-11`; "" for no span."""
    if field == CONCURRENCY:
        return ""
    form = "%Y-%m-%dT%H:%M" if field < CONCURRENCY else "%Y-%m-%d" if field == DAY else "%Y-%m"
    return time.strftime(form, time.gmtime(start(span, field)))
