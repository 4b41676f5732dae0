"""Traces: one recorded exchange each."""

from __future__ import annotations

from msgspec import Struct

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
    usage: Usage | None = None  #: what the host billed, as far as it told; marked where it is an estimate
    cost: int | None = None  #: micro-units of `currency`; None: the engine's price is unknown
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
    source: str = "gateway"  #: gateway, ask, weigh
    first_token: float | None = None  #: seconds
    total: float | None = None  #: seconds
    usage: Usage | None = None
    cost: int | None = None  #: micro-units of `currency`, of all attempts together
    currency: str = "USD"
    attempts: tuple[Attempt, ...] = ()
    losses: tuple[Loss, ...] = ()
    error: str = ""
    key: str = ""  #: the id of the key that was shown
    team: str = ""
    cached: bool = False  #: given again from an earlier answer: nothing was billed
    request: Request | None = None
    reply: Reply | None = None
