"""Routes, plans and who decided on them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from weighbridge.canon.masks import Masking
from weighbridge.canon.rules import Policy


class Trial(Struct, frozen=True, omit_defaults=True):
    """A share of a route's conversations on which another engine is tried. Who is in it depends on `swap` and them alone."""

    engine: str
    share: float  #: of the conversations, 0 to 1
    swap: str  #: the id of the move that it belongs to


class Route(Struct, frozen=True, omit_defaults=True):
    """The name that an application asks for, and who answers."""

    name: str
    primary: str
    fallbacks: tuple[str, ...] = ()
    timeout: float | None = None  #: seconds for the whole exchange; None: the setting client.deadline
    first_token_timeout: float | None = (
        None  #: seconds until a stream's answer begins, per engine; None: no limit of its own
    )
    strict: bool = False  #: refuse a request of which the translation would lose something of severity high
    fetch: bool = False  #: may images and files be fetched from their addresses for engines that take no address?
    policy: Policy | None = None  #: what must be true of every engine that answers
    balance: Literal["", "price", "latency", "weight"] = (
        ""  #: how requests are spread over those engines of the route that offer the primary's model; "": in order
    )
    weights: dict[str, float] = {}  #: by engine, for balance = "weight"; 1 where none is given
    sticky: bool = False  #: does a conversation stay on the engine that answered it last, while that engine can?
    hedge: float | None = None  #: seconds without a first token after which the next engine is asked as well
    hedge_share: float = 0.05  #: most exchanges, as a share, that may be asked twice
    cache: float = 0.0  #: seconds that an answer is given again to an equal request; 0: never
    cache_any: bool = False  #: also answers to requests with a temperature above 0 and no seed
    mask: Masking | None = None  #: what its engines must not see; None: as the setting mask.level says
    canary: Trial | None = None  #: who answers a share of the conversations instead
    shadow: Trial | None = None  #: who is asked a share of the requests as well, unseen by the caller

    @property
    def engines(self) -> tuple[str, ...]:
        """Everyone who may see its requests, the primary first."""
        tried = [trial.engine for trial in (self.canary, self.shadow) if trial is not None]
        return tuple(dict.fromkeys((self.primary, *self.fallbacks, *tried)))


class Plan(Struct, frozen=True):
    """The immutable, numbered table of all routes."""

    number: int
    routes: dict[str, Route] = {}
    declared: dict[str, Route] = {}  #: what the configuration said when this plan was made
    cut: tuple[str, ...] = ()  #: engines that nobody may be sent to, as if they were gone


class Publication(Struct, frozen=True, omit_defaults=True):
    """A plan coming into force: who did it, when, and why."""

    sequence: int
    plan: Plan
    at: float
    who: str = ""
    why: str = ""
    action: str = ""  #: declare, promote, rollback, canary, shadow, withdraw, cut
    route: str = ""


class Vote(Struct, frozen=True, omit_defaults=True):
    """Which of several answers a person preferred, before knowing whose they were."""

    at: float
    who: str
    question: str
    engines: tuple[str, ...]  #: in the order in which they were shown
    choice: str  #: an engine, or tie, or none
    traces: tuple[str, ...] = ()
