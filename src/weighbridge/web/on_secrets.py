"""Keys of hosts that the state store holds: their names, never their values."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from weighbridge.access import secrets
from weighbridge.web.on_routes import Reason, Why
from weighbridge.web.operations import Asked, Operation

_SECRET = {"secret": "By which it is found: store:NAME among the keys of a host."}


class Value(Struct, frozen=True, forbid_unknown_fields=True):
    """The secret."""

    value: Annotated[str, Meta(pattern="^[!-~]{1,4096}$", description="What the host gave.")]
    why: Why = ""

    def __repr__(self) -> str:
        """Without the value: what is printed or logged by mistake must not give it away."""
        return "Value(...)"


def _list(asked: Asked) -> list[secrets.Shown]:
    return secrets.listed(asked.desk.state)


def _set(asked: Asked) -> secrets.Shown:
    desk = asked.desk
    return secrets.set_secret(
        desk.state,
        desk.masters,
        asked.path["secret"],
        asked.body.value,
        who=asked.who,
        at=desk.now(),
        why=asked.body.why,
        acting=asked.role,
    )


def _remove(asked: Asked) -> list[secrets.Shown]:
    secrets.remove(
        asked.desk.state,
        asked.path["secret"],
        who=asked.who,
        at=asked.desk.now(),
        why=asked.body.why,
        acting=asked.role,
    )
    return _list(asked)


ROWS = (
    Operation("secrets", "GET", "/secrets", "viewer", "The names of all secrets.", _list, list[secrets.Shown]),
    Operation(
        "set_secret",
        "PUT",
        "/secrets/{secret}",
        "admin",
        "Keep a secret, encrypted, in place of the one that had the name.",
        _set,
        secrets.Shown,
        takes=Value,
        places=_SECRET,
    ),
    Operation(
        "remove_secret",
        "DELETE",
        "/secrets/{secret}",
        "admin",
        "Forget a secret; the names of those that are left.",
        _remove,
        list[secrets.Shown],
        takes=Reason,
        places=_SECRET,
    ),
)
