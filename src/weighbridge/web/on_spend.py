"""What was spent."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from weighbridge.access import keys
from weighbridge.store.spend import DIMENSIONS, Dimension, Spent, spent
from weighbridge.web.operations import Asked, Operation

Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$", description="A UTC day.")]
_WORDS = "|".join(DIMENSIONS)


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """Which sums."""

    by: Annotated[
        str,
        Meta(pattern=f"^({_WORDS})(,({_WORDS})){{0,9}}$", description="What to group by, such as team,day."),
    ] = "engine"
    since: Day | UnsetType = UNSET
    until: Day | UnsetType = UNSET
    key: Annotated[str, Meta(max_length=255, description="Only this key: its name or id.")] | UnsetType = UNSET
    team: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    route: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET
    engine: Annotated[str, Meta(max_length=255)] | UnsetType = UNSET


def _spend(asked: Asked) -> list[Spent]:
    wanted = asked.query
    chosen: dict[str, Any] = {
        name: value for name in ("team", "route", "engine") if (value := getattr(wanted, name)) is not UNSET
    }
    if wanted.key is not UNSET:
        chosen["key"] = keys.find(asked.desk.state, wanted.key).id if wanted.key else ""
    by: list[Dimension] = [name for name in DIMENSIONS if name in wanted.by.split(",")]
    return spent(asked.desk.state, by=by, since=wanted.since or "", until=wanted.until or "", **chosen)


ROWS = (
    Operation(
        "spend",
        "GET",
        "/spend",
        "viewer",
        "What was spent, as far as gateways have added it up; money in micro-units.",
        _spend,
        list[Spent],
        query=Wanted,
    ),
)
