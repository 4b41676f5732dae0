"""What can be shown without a gateway in processes: comparisons, scopes, the admin API's doors."""

from __future__ import annotations

import asyncio
import hmac
import traceback
from contextlib import nullcontext
from hmac import compare_digest
from pathlib import Path
from typing import Any

import pytest

from weighbridge.access import keys
from weighbridge.access.keyring import Keyring
from weighbridge.canon import Key, Plan, Route
from weighbridge.errors import (
    AccessError,
    ForbiddenError,
    InputError,
    SettingsError,
    UnknownEngineError,
    WeighbridgeError,
)
from weighbridge.gateway import scopes
from weighbridge.gateway.admit import Admit
from weighbridge.gateway.listen import check_exposure
from weighbridge.gateway.lists import Listed
from weighbridge.settings import Gateway
from weighbridge.store.state import State
from weighbridge.web.app import application
from weighbridge.web.door import Opener
from weighbridge.web.operations import Desk
from weighbridge.web.table import OPERATIONS

PLAN = Plan(1, {name: Route(name, "m@h") for name in ("assistant", "hidden")}, {})


def test_the_access_key_is_compared_in_constant_time(monkeypatch):
    seen = []

    def watched(one, two):
        seen.append((len(one), len(two)))
        return compare_digest(one, two)

    door = Admit(Gateway(), host="127.0.0.1", port=1, key="open sesame")
    monkeypatch.setattr(hmac, "compare_digest", watched)
    for shown in (b"", b"o", b"open sesam", b"open sesame", b"open sesame2", b"x" * 100_000, b"\xff"):
        try:
            door.key({b"x-api-key": shown} if shown else {})
        except AccessError:
            assert shown != b"open sesame"
    assert set(seen) == {(32, 32)}
    assert len(seen) == 6


def test_the_access_key_and_given_keys_side_by_side(tmp_path):
    state = State(tmp_path / "state.db")
    secret = keys.create(state, name="shop", who="ann", at=1.0).secret.encode()
    ring = Keyring()
    ring.apply(state.records("key"))
    state.close()
    door = Admit(Gateway(), host="127.0.0.1", port=1, key="open sesame", keyring=ring, clock=lambda: 2.0)
    given = door.key({b"x-api-key": secret})
    assert given.key is not None
    assert given.key.name == "shop"
    whole = door.key({b"x-api-key": b"open sesame"})
    assert (whole.key, len({given.id, whole.id, ""})) == (None, 3)
    assert secret.decode() not in repr(given)
    with pytest.raises(AccessError):
        door.key({})
    alone = Admit(Gateway(require_key=True), host="127.0.0.1", port=1, key="")
    with pytest.raises(AccessError):
        alone.key({})
    with pytest.raises(AccessError):
        alone.watcher({b"x-api-key": b"x"})


def test_other_machines_are_let_in_only_with_a_key():
    with pytest.raises(SettingsError) as error:
        check_exposure(Gateway(host="0.0.0.0"), {})
    assert "require_key" in error.value.fix
    check_exposure(Gateway(host="0.0.0.0", require_key=True), {})
    check_exposure(Gateway(host="0.0.0.0"), {"WEIGHBRIDGE_ACCESS_KEY": "x"})


def resolve(name: str) -> Any:
    if name not in {"m", "m@h"}:
        raise UnknownEngineError("No.")
    return type("Engine", (), {"name": "m@h"})()


@pytest.mark.parametrize(
    ("scope", "name", "allowed"),
    [
        ({}, "anything", True),
        ({"routes": ("assistant",)}, "assistant", True),
        ({"routes": ("assistant",)}, "hidden", False),
        ({"routes": ("assistant",)}, "m@h", False),
        ({"routes": ("*",)}, "m@h", False),
        ({"routes": ("*",)}, "hidden", True),
        ({"engines": ("m@*",)}, "m@h", True),
        ({"engines": ("m@*",)}, "m", True),
        ({"engines": ("m",)}, "m", False),
        ({"engines": ("m@*",)}, "hidden", True),
        ({"engines": ("n@*",)}, "m@h", False),
        ({"engines": ("*",)}, "nothing", False),
        ({"routes": ("assistant",), "engines": ("m@h",)}, "m@h", True),
        ({"routes": ("assistant",), "engines": ("m@h",)}, "hidden", False),
        ({"routes": ("*",)}, "a" * 1000, False),
    ],
)
def test_scopes(scope, name, allowed):
    key = Key(id="k", name="k", created=0.0, **scope)
    with nullcontext() if allowed else pytest.raises(ForbiddenError):
        scopes.check_name(key, name, PLAN, resolve)
    rows = [Listed(one, "x") for one in ("assistant", "hidden", "m@h")]
    if name in {row.name for row in rows}:
        assert (name in {row.name for row in scopes.within(key, rows, PLAN)}) is allowed
    scopes.check_name(None, name, PLAN, resolve)
    assert scopes.within(None, rows, PLAN) == rows


def test_the_most_harmful_class_that_was_told_counts():
    assert scopes.data_class([]) == ""
    assert scopes.data_class([b"public"]) == "public"
    assert scopes.data_class([b"secret", b"public"]) == "secret"
    assert scopes.data_class([b"public", b" Personal , internal"]) == "personal"
    for told in (b"", b"none", b"public;secret", b"public,", b"\xff"):
        with pytest.raises(InputError):
            scopes.data_class([b"public", told])


@pytest.mark.parametrize(
    "place",
    [
        "postgresql://u:hunter2@[bad",
        "postgresql://u:hunter2@127.0.0.1:1/x?password=hunter2",
        "postgresql://u:hunter2@127.0.0.1:port/x",
        "postgresql+nodriver://u:hunter2@127.0.0.1/x",
        "mysql://u:hunter2@127.0.0.1/x",
        "sqlite://u:hunter2@127.0.0.1/x",
    ],
)
def test_passwords_of_databases_in_errors(place):
    with pytest.raises(WeighbridgeError) as error:
        State(place)
    told = traceback.format_exception_only(error.value)
    assert "hunter2" not in f"{error.value} {error.value.where} {error.value.fix} {told}"


# --- the admin API ----------------------------------------------------------------------------

RANK = {"viewer": 0, "operator": 1, "admin": 2}


@pytest.fixture(scope="module")
def admin(tmp_path_factory):
    """The real table of operations over a store; gives the status of a request, and the store."""
    state = State(Path(tmp_path_factory.mktemp("admin")) / "state.db")
    made = {
        role: keys.create(state, name=role, role=role, who="ann", at=1.0).secret
        for role in ("viewer", "operator", "admin")
    }
    made["application"] = keys.create(state, name="shop", who="ann", at=1.0).secret
    made["gone"] = keys.create(state, name="gone", role="admin", who="ann", at=1.0).secret
    keys.revoke(state, "gone", who="ann", at=1.0)
    desk: Any = {"state": state, "config": None, "catalogue": None, "environ": {}, "masters": None, "now": lambda: 5.0}
    desk = Desk(**{name: value for name, value in desk.items() if name in Desk.__struct_fields__})
    door = Admit(Gateway(), host="127.0.0.1", port=8791, key="")
    app = application(desk, OPERATIONS, admit=door, opened=Opener(state, ""))

    def status(method: str, path: str, shown: str) -> int:
        sent: list[Any] = []
        waiting = [{"type": "http.request", "body": b"nonsense", "more_body": False}, {"type": "http.disconnect"}]
        told = [(b"host", b"127.0.0.1:8791"), *([(b"authorization", f"Bearer {shown}".encode())] if shown else [])]
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
            "headers": told, "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8791), "root_path": "",
        }  # fmt: skip

        async def receive():
            return waiting.pop(0)

        async def send(message):
            sent.append(message)

        asyncio.run(app(scope, receive, send))
        found: int = sent[0]["status"]
        return found

    yield status, made, state
    state.close()


@pytest.mark.parametrize("row", OPERATIONS, ids=lambda row: row.name)
def test_roles_of_the_admin_api(admin, row):
    status, made, state = admin
    if not row.role:
        return
    path = row.path
    for part in ("{key}", "{name}", "{subject}", "{route}", "{engine}", "{kind}", "{field}"):
        path = path.replace(part, "nothing")
    before = len(keys.listed(state))
    for role, rank in RANK.items():
        if rank < RANK[row.role]:
            assert status(row.method, path, made[role]) == 403, role
    assert status(row.method, path, made["application"]) == 403
    for shown in ("", made["gone"], "' OR '1'='1", made["admin"][:-1], made["admin"] + "x"):
        assert status(row.method, path, shown) == 401, shown
    assert len(keys.listed(state)) == before
