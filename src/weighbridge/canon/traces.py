"""Traces: one recorded exchange each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from weighbridge.canon.masks import Level
from weighbridge.canon.replies import Loss, Reply, Usage
from weighbridge.canon.requests import Request


class Attempt(Struct, frozen=True, omit_defaults=True):
    """One call of one engine within an exchange."""

    engine: str
    started: float  #: seconds since the exchange began
    ended: float
    outcome: str = "ok"  #: ok, or the code of the error
    status: int | None = None
    message: str = ""
    billed: bool = False  #: the host charges for it, or may: it was sent the request and did not refuse it
    usage: Usage | None = None  #: what is charged for, as far as the host told; marked where it is an estimate
    cost: int | None = None  #: micro-units of `currency`; None: nothing is charged, or the engine's price is unknown
    currency: str = "USD"
    hedge: bool = False  #: asked beside another engine, which was slow


class Trace(Struct, frozen=True, omit_defaults=True):
    """One recorded exchange."""

    id: str
    at: float  #: when it began, seconds since 1970
    route: str
    engine: str  #: the engine that answered; "" if none did
    plan: int = 0
    outcome: str = "ok"  #: ok, cancelled, interrupted, or the code of an error
    dialect: str = ""
    streamed: bool = False
    conversation: str = ""
    source: str = "gateway"  #: gateway, ask, weigh, judge, replay, shadow
    first_token: float | None = None  #: seconds
    total: float | None = None  #: seconds
    usage: Usage | None = None
    cost: int | None = None  #: micro-units of `currency`, of all attempts in it together
    currency: str = "USD"
    attempts: tuple[Attempt, ...] = ()
    losses: tuple[Loss, ...] = ()
    error: str = ""
    key: str = ""  #: the id of the key that was shown
    team: str = ""
    mask: Level = "none"  #: at which level the engine's copy of the request was masked
    masked: dict[str, int] = {}  #: how many values, by kind
    cached: bool = False  #: given again from an earlier answer: nothing was billed
    swap: str = ""  #: the id of the move that was under way for its conversation
    arm: Literal["", "canary", "control", "shadow"] = ""  #: which side of that move it was on
    pair: str = ""  #: of a shadow: the id of the exchange that it repeats
    request: Request | None = None
    reply: Reply | None = None


def charges(trace: Trace) -> Iterator[Attempt]:
    """What hosts charge for an exchange: each attempt that was billed, whether it answered or not.

    A trace of before attempts told it counts as one attempt.
    """
    billed = [attempt for attempt in trace.attempts if attempt.billed]
    if not billed and not trace.cached and trace.usage is not None and trace.engine:
        total = trace.total or 0.0
        yield Attempt(
            trace.engine, 0.0, total, billed=True, usage=trace.usage, cost=trace.cost, currency=trace.currency
        )
    yield from billed
