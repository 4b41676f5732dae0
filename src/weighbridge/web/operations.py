"""What an operation of the admin API is: one row says its path, its role, what it takes and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from weighbridge.access.masters import Masters
from weighbridge.canon import AdminRole
from weighbridge.engines.catalogue import Catalogue
from weighbridge.settings import Config
from weighbridge.store.state import State


class Desk(Struct, frozen=True):
    """What operations work with.

    `catalogue` and `config` are asked anew by each operation that needs them; `environ` tells which keys of hosts are set, and
    `masters` lock what the store keeps of them.
    """

    state: State
    config: Callable[[], Config]
    catalogue: Callable[[], Catalogue]
    environ: Mapping[str, str]
    masters: Masters
    now: Callable[[], float]


class Asked(Struct, frozen=True):
    """One request that was let in. `query` and `body` are what the operation says it takes."""

    desk: Desk
    who: str
    role: AdminRole
    path: Mapping[str, str]
    query: Any = None
    body: Any = None


class Operation(Struct, frozen=True):
    """One row of the table.

    Attributes:
        name: Its id in the OpenAPI document.
        method: GET, POST, PUT, PATCH or DELETE.
        path: With `{names}`; see `places` for what they mean.
        role: The least that a caller must be; "" for whoever asks.
        summary: One sentence.
        run: Does it.
        gives: The type of what it returns.
        takes: The type of its body, if it takes one.
        query: The type of what may follow the question mark.
        status: Of an answer that went well.
        places: What the names in the path mean.
    """

    name: str
    method: str
    path: str
    role: AdminRole
    summary: str
    run: Callable[[Asked], Any]
    gives: Any
    takes: Any = None
    query: Any = None
    status: int = 200
    places: Mapping[str, str] = {}


class Told(Struct, frozen=True):
    """What went wrong, where, and the fix."""

    code: str
    message: str
    where: str = ""
    fix: str = ""


class Refusal(Struct, frozen=True):
    """Every answer that is not a success."""

    error: Told
