"""Routes, plans and who decided on them."""

from __future__ import annotations

from msgspec import Struct


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


class Plan(Struct, frozen=True):
    """The immutable, numbered table of all routes."""

    number: int
    routes: dict[str, Route] = {}
    declared: dict[str, Route] = {}  #: what the configuration said when this plan was made


class Publication(Struct, frozen=True, omit_defaults=True):
    """A plan coming into force: who did it, when, and why."""

    sequence: int
    plan: Plan
    at: float
    who: str = ""
    why: str = ""
    action: str = ""  #: declare, promote, rollback
    route: str = ""


class Vote(Struct, frozen=True, omit_defaults=True):
    """Which of several answers a person preferred, before knowing whose they were."""

    at: float
    who: str
    question: str
    engines: tuple[str, ...]  #: in the order in which they were shown
    choice: str  #: an engine, or tie, or none
    traces: tuple[str, ...] = ()
