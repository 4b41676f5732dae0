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
    cost: int | None = None  #: micro-units
    currency: str = "USD"
    attempts: tuple[Attempt, ...] = ()
    losses: tuple[Loss, ...] = ()
    error: str = ""
    request: Request | None = None
    reply: Reply | None = None
