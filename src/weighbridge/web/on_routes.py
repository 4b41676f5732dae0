"""Routes: how they stand, promote, roll back."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from weighbridge import swap
from weighbridge.canon import Publication
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


class Limit(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the history is wanted."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="The most publications to give.")] = 20


def _status(asked: Asked) -> swap.Status:
    return swap.status(asked.desk.state, asked.path.get("route", ""), limit=asked.query.limit)


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


ROWS = (
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
