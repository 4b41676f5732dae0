"""Keys: made, listed, rotated, revoked."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from weighbridge.access import keys
from weighbridge.canon import AdminRole, Policy
from weighbridge.web.on_routes import Reason, Why
from weighbridge.web.operations import Asked, Operation

_KEY = {"key": "The key's name or id."}
Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_]([A-Za-z0-9_ .@+-]{0,62}[A-Za-z0-9_.@+-])?$")]
Scope = Annotated[
    list[Annotated[str, Meta(pattern="^[!-+.-~]{1,200}$")]],
    Meta(max_length=100, description="Patterns; * stands for anything. None: all."),
]
Time = Annotated[float, Meta(ge=0, le=1e11, description="Seconds since 1970.")]


class NewKey(Struct, frozen=True, forbid_unknown_fields=True):
    """The key that is wanted."""

    name: Name
    team: Name | None = None
    role: Annotated[AdminRole, Meta(description="In the admin API; empty for applications.")] = ""
    routes: Scope = []
    engines: Scope = []
    dialects: Scope = []
    expires: Time | None = None
    policy: Policy | None = None
    share_cache: bool = False
    metadata: Annotated[
        dict[
            Annotated[str, Meta(pattern="^[ -~]{1,64}$")],
            Annotated[str, Meta(max_length=512)],
        ],
        Meta(max_length=32),
    ] = {}
    why: Why = ""


class Rotation(Struct, frozen=True, forbid_unknown_fields=True):
    """How a key gets its next secret."""

    overlap: Annotated[
        float, Meta(ge=0, le=keys.MAX_OVERLAP, description="Seconds that the old secret still opens the door.")
    ] = 0.0
    expires: Time | None = None
    why: Why = ""


class MadeKey(Struct, frozen=True):
    """The key, and its secret: the only time that it is told."""

    key: keys.Shown
    secret: str


def _list(asked: Asked) -> list[keys.Shown]:
    return [keys.shown(key, asked.desk.now()) for key in keys.listed(asked.desk.state)]


def _show(asked: Asked) -> keys.Shown:
    return keys.shown(keys.find(asked.desk.state, asked.path["key"]), asked.desk.now())


def _create(asked: Asked) -> MadeKey:
    body, now = asked.body, asked.desk.now()
    made = keys.create(
        asked.desk.state,
        name=body.name,
        team=body.team or "",
        role=body.role,
        routes=body.routes,
        engines=body.engines,
        dialects=body.dialects,
        expires=body.expires,
        policy=body.policy,
        share_cache=body.share_cache,
        metadata=body.metadata,
        who=asked.who,
        why=body.why,
        acting=asked.role,
        at=now,
    )
    return MadeKey(keys.shown(made.key, now), made.secret)


def _rotate(asked: Asked) -> MadeKey:
    body, now = asked.body, asked.desk.now()
    made = keys.rotate(
        asked.desk.state,
        asked.path["key"],
        overlap=body.overlap,
        expires=body.expires,
        who=asked.who,
        why=body.why,
        acting=asked.role,
        at=now,
    )
    return MadeKey(keys.shown(made.key, now), made.secret)


def _revoke(asked: Asked) -> keys.Shown:
    now = asked.desk.now()
    revoked = keys.revoke(
        asked.desk.state, asked.path["key"], who=asked.who, why=asked.body.why, acting=asked.role, at=now
    )
    return keys.shown(revoked, now)


ROWS = (
    Operation("keys", "GET", "/keys", "viewer", "All keys, those in use first.", _list, list[keys.Shown]),
    Operation("create_key", "POST", "/keys", "admin", "Make a key.", _create, MadeKey, takes=NewKey, status=201),
    Operation("key", "GET", "/keys/{key}", "viewer", "One key.", _show, keys.Shown, places=_KEY),
    Operation(
        "rotate_key",
        "POST",
        "/keys/{key}/rotate",
        "admin",
        "Give a key a new secret.",
        _rotate,
        MadeKey,
        takes=Rotation,
        places=_KEY,
    ),
    Operation(
        "revoke_key",
        "POST",
        "/keys/{key}/revoke",
        "admin",
        "End a key for good; gateways refuse it at once.",
        _revoke,
        keys.Shown,
        takes=Reason,
        places=_KEY,
    ),
)
