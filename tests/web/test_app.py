"""The admin API's frame: who comes in, what is read, how errors are told."""

import asyncio
import json
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from weighbridge.errors import AccessError, NotFoundError, StoreError
from weighbridge.gateway.admit import Admit
from weighbridge.settings import Gateway
from weighbridge.web.app import MAX_BODY, application
from weighbridge.web.on_routes import Reason
from weighbridge.web.openapi import document
from weighbridge.web.operations import Desk, Operation


class Note(Struct, frozen=True, forbid_unknown_fields=True):
    text: Annotated[str, Meta(max_length=10)]


class Some(Struct, frozen=True, forbid_unknown_fields=True):
    limit: Annotated[int, Meta(ge=1, le=9)] = 3


class Said(Struct, frozen=True):
    who: str
    what: str


def said(asked):
    what = f"{dict(asked.path)} {asked.query} {asked.body}"
    return Said(asked.who, what)


def failing(error):
    def run(_asked):
        raise error

    return run


ROWS = (
    Operation("open", "GET", "/open", "", "Open.", said, Said),
    Operation("look", "GET", "/notes/{name}", "viewer", "Look.", said, Said, query=Some),
    Operation("make", "POST", "/notes/{name}", "operator", "Make.", said, Said, takes=Note, status=201),
    Operation("drop", "DELETE", "/notes/{name}", "operator", "Drop.", said, Said, takes=Reason),
    Operation("deep", "GET", "/deep/{name:path}", "viewer", "Look.", said, Said),
    Operation("gone", "GET", "/gone", "viewer", "No.", failing(NotFoundError("It is gone.", fix="Look.")), Said),
    Operation("full", "GET", "/full", "viewer", "No.", failing(StoreError("It is away.")), Said),
    Operation("fault", "GET", "/fault", "viewer", "No.", failing(ZeroDivisionError("secret")), Said),
)


def opened(shown: list[bytes], _now: float) -> Any:
    if shown == [b"v"]:
        return "vera", "viewer"
    if shown == [b"o"]:
        return "olga", "operator"
    raise AccessError("No key that opens this was shown.")


APP = application(
    Desk(state=None, config=None, catalogue=None, environ={}, masters=None, now=lambda: 5.0),  # type: ignore[arg-type]
    ROWS,
    admit=Admit(Gateway(), host="127.0.0.1", port=8791, key=""),
    opened=opened,
)


def call(method, path, *, key="v", body=b"", headers=(), host=b"127.0.0.1:8791", query=b""):
    sent: list[dict[str, Any]] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]
    told = [(b"host", host), *headers]
    if key:
        told.append((b"authorization", f"Bearer {key}".encode()))
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query,
        "headers": told, "http_version": "1.1", "scheme": "http", "server": ("127.0.0.1", 8791), "root_path": "",
    }  # fmt: skip

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(APP(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    data = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], json.loads(data) if data else None, found


def test_an_operation_gets_who_asks_and_what_was_sent():
    status, made, headers = call("POST", "/notes/n-1", key="o", body=b'{"text": "hi"}')
    assert status == 201
    assert made == {"who": "olga", "what": "{'name': 'n-1'} None Note(text='hi')"}
    assert headers["cache-control"] == "no-store"
    assert call("GET", "/deep/a/b", key="v")[1]["what"].startswith("{'name': 'a/b'}")
    assert "limit=7" in call("GET", "/notes/n", query=b"limit=7")[1]["what"]


def test_a_body_that_may_be_empty_may_be_left_out():
    assert call("DELETE", "/notes/n", key="o")[1]["what"].endswith("Reason(why='')")
    told = document(ROWS)["paths"]["/notes/{name}"]
    assert [told[method]["requestBody"]["required"] for method in ("post", "delete")] == [True, False]
    assert call("POST", "/notes/n", key="o")[0] == 400


def test_what_is_open_asks_for_no_key():
    assert call("GET", "/open", key="")[0] == 200
    assert call("GET", "/openapi.json", key="")[1]["openapi"] == "3.1.0"


@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ({"method": "POST", "path": "/notes/n", "key": "v", "body": b'{"text": "x"}'}, 403, "role operator"),
        ({"method": "GET", "path": "/notes/n", "key": ""}, 401, "No key"),
        ({"method": "GET", "path": "/notes/n", "key": "", "query": b"key=v"}, 401, "No key"),
        ({"method": "GET", "path": "/notes/n", "host": b"evil.example"}, 403, "Host header"),
        ({"method": "GET", "path": "/openapi.json", "host": b"evil.example"}, 403, "Host header"),
        ({"method": "GET", "path": "/notes/n", "headers": [(b"origin", b"http://evil.example")]}, 403, "evil.example"),
        ({"method": "GET", "path": "/notes/n", "query": b"limit=0"}, 400, ">= 1"),
        ({"method": "GET", "path": "/notes/n", "query": b"limit=x"}, 400, "int"),
        ({"method": "GET", "path": "/notes/n", "query": b"more=1"}, 400, "more"),
        ({"method": "GET", "path": "/notes/" + "n" * 300}, 404, "such a name"),
        ({"method": "GET", "path": "/notes/a\x00b"}, 404, "such a name"),
        ({"method": "POST", "path": "/notes/n", "key": "o", "body": b"{"}, 400, "truncated"),
        ({"method": "POST", "path": "/notes/n", "key": "o", "body": b'{"text": "' + b"x" * 11 + b'"}'}, 400, "<= 10"),
        ({"method": "POST", "path": "/notes/n", "key": "o", "body": b'{"text": "\xff"}'}, 400, "utf"),
        ({"method": "POST", "path": "/notes/n", "key": "o", "body": b"x" * (MAX_BODY + 1)}, 413, "larger"),
        ({"method": "GET", "path": "/nowhere"}, 404, "/nowhere"),
        ({"method": "DELETE", "path": "/open"}, 405, "DELETE"),
        ({"method": "GET", "path": "/gone"}, 404, "gone"),
        ({"method": "GET", "path": "/full"}, 507, "away"),
    ],
)
def test_errors_say_what_and_the_fix_and_do_nothing(how, status, words):
    found, made, _ = call(how.pop("method"), how.pop("path"), **how)
    assert found == status
    assert words in f"{made['error']['message']} {made['error']['fix']}"


def test_a_fault_of_our_own_tells_nothing_of_itself(caplog):
    status, made, _ = call("GET", "/fault")
    assert status == 500
    assert "secret" not in json.dumps(made)
    assert "ZeroDivisionError" in caplog.text


def test_a_wrong_key_and_a_role_that_is_too_small_are_told_apart():
    assert call("GET", "/gone", key="x")[2]["www-authenticate"] == "Bearer"
    assert "www-authenticate" not in call("POST", "/notes/n", key="v", body=b"{}")[2]


def test_the_document_tells_every_operation_with_its_role_and_its_errors():
    told = document(ROWS)
    assert set(told["paths"]) == {"/open", "/notes/{name}", "/deep/{name}", "/gone", "/full", "/fault"}
    post = told["paths"]["/notes/{name}"]["post"]
    assert post["description"] == "Role: operator."
    assert {"201", "400", "401", "403", "404", "413", "507"} <= set(post["responses"])
    look = told["paths"]["/notes/{name}"]["get"]
    assert [(one["in"], one["name"]) for one in look["parameters"]] == [("path", "name"), ("query", "limit")]
    assert "security" not in told["paths"]["/open"]["get"]
    assert msgspec.json.decode(msgspec.json.encode(told)) == told
