"""A whole drill, as it is told."""

from __future__ import annotations

from msgspec import Struct

from weighbridge.swap.drill.fates import Fate
from weighbridge.swap.drill.gone import Gone
from weighbridge.swap.drill.outcome import Outcome


class Measured(Struct, frozen=True):
    """How a fallback did when it was asked what its route was asked before; `problem`: why it was not asked."""

    verdict: str = "undecided"
    requests: int = 0
    worse: tuple[str, ...] = ()  #: what is shown to be worse
    spent: int = 0  #: micro-units of `currency`
    currency: str = "USD"
    problem: str = ""


class Told(Struct, frozen=True):
    """A whole drill: who is gone, what becomes of each route, and what a live one showed."""

    gone: Gone
    plan: int
    fates: tuple[Fate, ...]
    replayed: dict[str, Measured] = {}
    live: tuple[Outcome, ...] = ()
    seconds: float = 0.0
