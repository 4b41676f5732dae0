"""Facts that changed while gateways run."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from weighbridge.access import facts
from weighbridge.canon import FactChange
from weighbridge.errors import NotFoundError
from weighbridge.web.on_routes import Reason, Why
from weighbridge.web.operations import Asked, Operation

_PLACES = {"kind": "model, host or engine.", "field": "Such as jurisdiction.", "name": "Of the model, host or engine."}
_PATH = "/facts/{kind}/{field}/{name:path}"

Text = Annotated[str, Meta(max_length=1000)]
Value = bool | int | float | Text | Annotated[list[Text], Meta(max_length=100)] | None


class NewFact(Struct, frozen=True, forbid_unknown_fields=True):
    """What holds from now on; null: unknown, which no rule accepts."""

    value: Value
    source: Annotated[str, Meta(max_length=1000, description="Where it stands.")] = ""
    why: Why = ""


def _list(asked: Asked) -> list[FactChange]:
    return facts.listed(asked.desk.state)


def _set(asked: Asked) -> FactChange:
    desk, body, path = asked.desk, asked.body, asked.path
    value: Any = tuple(body.value) if isinstance(body.value, list) else body.value
    told = {"kind": path["kind"], "name": path["name"], "field": path["field"], "value": value, "source": body.source}
    try:
        change = msgspec.convert(told, FactChange)
    except msgspec.ValidationError as error:
        raise NotFoundError(f"{error}.", where="kind", fix="Use model, host or engine.") from None
    return facts.set_fact(
        desk.state, desk.catalogue(), change, who=asked.who, at=desk.now(), why=body.why, acting=asked.role
    )


def _clear(asked: Asked) -> list[FactChange]:
    path = asked.path
    facts.clear_fact(
        asked.desk.state,
        path["kind"],
        path["name"],
        path["field"],
        who=asked.who,
        at=asked.desk.now(),
        why=asked.body.why,
        acting=asked.role,
    )
    return _list(asked)


ROWS = (
    Operation("facts", "GET", "/facts", "viewer", "Every fact that was set.", _list, list[FactChange]),
    Operation(
        "set_fact",
        "PUT",
        _PATH,
        "operator",
        "Let a fact hold from now on, over what the catalogue says.",
        _set,
        FactChange,
        takes=NewFact,
        places=_PLACES,
    ),
    Operation(
        "clear_fact",
        "DELETE",
        _PATH,
        "operator",
        "Let the catalogue's own word hold again; what is left.",
        _clear,
        list[FactChange],
        takes=Reason,
        places=_PLACES,
    ),
)
