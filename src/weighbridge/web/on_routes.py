"""Routes: how they stand, promote, roll back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from weighbridge import swap
from weighbridge.canon import Publication
from weighbridge.swap import canary
from weighbridge.web.operations import Asked, Operation

_ROUTE = {"route": "The route, as applications name it."}

Why = Annotated[str, Meta(max_length=1000, description="The reason, for the history.")]


class Promotion(Struct, frozen=True, forbid_unknown_fields=True):
    """The engine that is to answer a route."""

    engine: Annotated[str, Meta(min_length=1, max_length=255, description="model@host")]
    why: Why = ""


class Reason(Struct, frozen=True, forbid_unknown_fields=True):
    """Why it is done."""

    why: Why = ""


Part = Annotated[float, Meta(ge=0, lt=1)]
Times = Annotated[float, Meta(ge=0, lt=100)]


class Tolerances(Struct, frozen=True, forbid_unknown_fields=True):
    """How much worse a candidate may be: parts of one, for latency and cost of what the other engine takes."""

    errors: Part | None = None
    format: Part | None = None
    tools: Part | None = None
    refusals: Part | None = None
    latency: Times | None = None
    cost: Times | None = None
    feedback: Part | None = None

    def over(self, usual: Mapping[canary.Guard, float]) -> dict[canary.Guard, float]:
        """The usual ones, with those that are given in their place."""
        given: dict[canary.Guard, float] = {
            name: value for name in canary.GUARDS if (value := getattr(self, name)) is not None
        }
        return {**usual, **given}


class Stages(Struct, frozen=True, forbid_unknown_fields=True):
    """A move in stages. Shares, tolerances, alpha and harm are parts of one, not percent."""

    engine: Annotated[str, Meta(min_length=1, max_length=255, description="model@host")]
    stages: Annotated[tuple[float, ...], Meta(min_length=1, max_length=20, description="Growing shares.")] = (
        canary.STAGES
    )
    tolerances: Annotated[
        Tolerances, Meta(description="By guard, how much worse is fine; others have their usual one.")
    ] = msgspec.field(default_factory=Tolerances)
    only: Annotated[bool, Meta(description="Guard by these tolerances alone.")] = False
    alpha: Annotated[float, Meta(gt=0, lt=0.5, description="The chance of going back without a cause.")] = 0.05
    harm: Annotated[float, Meta(gt=0, le=1, description="The most that may go wrong in the next stage.")] = 0.008
    least: Annotated[int, Meta(ge=1, le=1_000_000, description="Conversations on each side of a stage.")] = 50
    hold: Annotated[float, Meta(ge=0, le=2_592_000, description="Seconds that a stage takes at least.")] = 0.0
    shadow: Annotated[bool, Meta(description="Ask the engine as well: nobody sees its answers. One stage.")] = False
    budget: Annotated[
        Annotated[int, Meta(ge=0, le=10**15)] | None, Meta(description="What a shadow may spend, in micro-units.")
    ] = None
    why: Why = ""


class Limit(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the history is wanted."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="The most publications to give.")] = 20


def _status(asked: Asked) -> swap.Status:
    desk = asked.desk
    return swap.status(desk.state, asked.path.get("route", ""), limit=asked.query.limit, now=desk.now())


def _promote(asked: Asked) -> Publication:
    desk, body = asked.desk, asked.body
    return swap.promote(
        desk.state,
        desk.catalogue(),
        asked.path["route"],
        body.engine,
        who=asked.who,
        why=body.why,
        at=desk.now(),
        environ=desk.environ,
    )


def _rollback(asked: Asked) -> Publication:
    desk, route = asked.desk, asked.path["route"]
    return swap.rollback(desk.state, desk.catalogue(), route, who=asked.who, why=asked.body.why, at=desk.now())


def _start(asked: Asked) -> canary.Swap:
    desk, body = asked.desk, asked.body
    now = desk.now()
    begun = canary.Swap(
        id=secrets.token_hex(8),
        route=asked.path["route"],
        base="",
        candidate=body.engine,
        started=now,
        stages=body.stages,
        tolerances=body.tolerances.over({} if body.only else canary.GUARDS),
        alpha=body.alpha,
        harm=body.harm,
        least=body.least,
        hold=body.hold,
        shadow=body.shadow,
        budget=body.budget if body.shadow else None,
        who=asked.who,
        why=body.why,
    )
    return canary.start(desk.state, desk.catalogue(), begun, environ=desk.environ)


def _pause(asked: Asked) -> canary.Swap:
    desk = asked.desk
    return canary.pause(desk.state, asked.path["route"], who=asked.who, why=asked.body.why, at=desk.now())


def _resume(asked: Asked) -> canary.Swap:
    desk = asked.desk
    return canary.resume(desk.state, asked.path["route"], who=asked.who, why=asked.body.why, at=desk.now())


ROWS = (
    Operation(
        "start_move",
        "POST",
        "/moves/{route:path}",
        "operator",
        "Move a route to an engine in stages, which go on and go back by evidence.",
        _start,
        canary.Swap,
        takes=Stages,
        places=_ROUTE,
    ),
    Operation(
        "pause_move",
        "POST",
        "/pause/{route:path}",
        "operator",
        "Stay in the stage that is in force.",
        _pause,
        canary.Swap,
        takes=Reason,
        places=_ROUTE,
    ),
    Operation(
        "resume_move",
        "POST",
        "/resume/{route:path}",
        "operator",
        "Go on with a move that was paused.",
        _resume,
        canary.Swap,
        takes=Reason,
        places=_ROUTE,
    ),
    Operation(
        "routes", "GET", "/routes", "viewer", "All routes and the last publications.", _status, swap.Status, query=Limit
    ),
    Operation(
        "route",
        "GET",
        "/routes/{route:path}",
        "viewer",
        "One route and its history.",
        _status,
        swap.Status,
        query=Limit,
        places=_ROUTE,
    ),
    Operation(
        "promote",
        "POST",
        "/promote/{route:path}",
        "operator",
        "Let an engine answer a route from now on.",
        _promote,
        Publication,
        takes=Promotion,
        places=_ROUTE,
    ),
    Operation(
        "rollback",
        "POST",
        "/rollback/{route:path}",
        "operator",
        "Undo the last promotion of a route.",
        _rollback,
        Publication,
        takes=Reason,
        places=_ROUTE,
    ),
)
