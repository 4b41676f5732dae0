"""Limits and budgets: listed, set, cleared."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from weighbridge.access import rules
from weighbridge.access.subjects import resolve
from weighbridge.canon import Rule
from weighbridge.web.on_routes import Reason, Why
from weighbridge.web.operations import Asked, Operation

_SUBJECT = {"subject": "key:NAME, team:NAME, route:NAME, engine:NAME, or KIND:* for each."}

Count = Annotated[int, Meta(ge=0, le=rules.MOST)] | None | UnsetType


class RuleChange(Struct, frozen=True, forbid_unknown_fields=True):
    """What is to change; null takes a limit or a budget away, and what is left out stays."""

    requests: Count = UNSET
    input_tokens: Count = UNSET
    output_tokens: Count = UNSET
    concurrency: Count = UNSET
    day: Count = UNSET
    month: Count = UNSET
    soft: Annotated[float, Meta(gt=0, le=1)] | UnsetType | None = UNSET
    hard: bool | UnsetType | None = UNSET
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")] | UnsetType | None = UNSET
    why: Why = ""


def _list(asked: Asked) -> list[Rule]:
    return rules.listed(asked.desk.state)


def _subject(asked: Asked) -> str:
    """The subject as rules name it: people call keys by their names."""
    desk = asked.desk
    published = desk.state.current()
    routes = published.plan.routes if published else {}
    return resolve(desk.state, asked.path["subject"], routes=routes, engines=desk.catalogue().offers)


def _set(asked: Asked) -> Rule:
    changes = {name: value for name, value in asdict(asked.body).items() if value is not UNSET and name != "why"}
    return rules.set_rule(
        asked.desk.state,
        _subject(asked),
        changes,
        who=asked.who,
        why=asked.body.why,
        acting=asked.role,
        at=asked.desk.now(),
    )


def _clear(asked: Asked) -> Rule:
    fields = dict.fromkeys((*rules.LIMITS, *rules.AMOUNTS))
    return rules.set_rule(
        asked.desk.state,
        _subject(asked),
        fields,
        who=asked.who,
        why=asked.body.why,
        acting=asked.role,
        at=asked.desk.now(),
    )


ROWS = (
    Operation("rules", "GET", "/rules", "viewer", "All limits and budgets; money in micro-units.", _list, list[Rule]),
    Operation(
        "set_rule",
        "PATCH",
        "/rules/{subject:path}",
        "operator",
        "Change the limits and budgets of a subject.",
        _set,
        Rule,
        takes=RuleChange,
        places=_SUBJECT,
    ),
    Operation(
        "clear_rule",
        "DELETE",
        "/rules/{subject:path}",
        "operator",
        "Take all limits and budgets of a subject away.",
        _clear,
        Rule,
        takes=Reason,
        places=_SUBJECT,
    ),
)
