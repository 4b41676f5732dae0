"""Stored responses: chains, what is kept when, streams held until they are kept, and pages of items."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.errors import InputError, NotFoundError, TooLargeError
from weighbridge.gateway.responses import MAX_TURNS, Responses, Sieve, page


class Store:
    """Stored responses in memory."""

    def __init__(self):
        self.rows: dict[tuple[str, str], bytes] = {}
        self.settled = 0

    def put(self, id, body, *, caller=""):  # noqa: A002 - the protocol's word
        self.rows[caller, id] = body

    def get(self, id, *, caller=""):  # noqa: A002 - as above
        return self.rows.get((caller, id))

    def delete(self, id, *, caller=""):  # noqa: A002 - as above
        return self.rows.pop((caller, id), None) is not None

    async def settle(self):
        self.settled += 1


@pytest.fixture
def store():
    return Store()


def said(text):
    return {"type": "message", "role": "user", "content": text}


def answer(name, text, status="completed"):
    output = [
        {
            "type": "message",
            "id": f"msg_{name}",
            "role": "assistant",
            "content": [{"type": "output_text", "text": text}],
        }
    ]
    return {"id": name, "object": "response", "status": status, "output": output, "n": 1.0}  # fmt: skip


async def turn(responses, name, text, previous="", caller="me", **more):
    asked = {"model": "m", "input": text, **more}
    keeper = responses.keeper(json.dumps(asked).encode(), previous, caller)
    if keeper is not None:
        await keeper.whole(json.dumps(answer(name, f"to {text}")).encode())


async def expanded(responses, earlier, asked, caller="me"):
    found = await responses.expand(json.dumps(asked).encode(), earlier, caller)
    return None if found is None else json.loads(found)


async def test_a_chain_is_put_in_front(store):
    responses = Responses(store, 10_000)
    await turn(responses, "r1", "one \N{SNOWMAN}", instructions="secret")
    await turn(responses, "r2", [said("two"), {"type": "item_reference", "id": "x"}], previous="r1")
    found = await expanded(responses, "r2", {"model": "m", "previous_response_id": "r2", "input": "three", "n": 1.50})
    assert found is not None
    assert "previous_response_id" not in found
    assert "instructions" not in found  # they hold for one request
    assert found["n"] == 1.5
    texts = [item.get("content") for item in found["input"]]
    assert texts[0] == "one \N{SNOWMAN}"
    assert texts[1][0]["text"] == "to one \N{SNOWMAN}"
    assert [item.get("type") for item in found["input"]] == [
        "message", "message", "message", "item_reference", "message", "message",
    ]  # fmt: skip
    assert texts[-1] == "three"
    assert store.settled == 2


async def test_without_an_input_of_its_own(store):
    responses = Responses(store, 10_000)
    await turn(responses, "r1", "one")
    empty: tuple[dict[str, Any], ...] = ({}, {"input": None}, {"input": []})
    for more in empty:
        found = await expanded(responses, "r1", {"model": "m", **more})
        assert found is not None
        assert len(found["input"]) == 2


async def test_what_is_not_ours_stays(store):
    responses = Responses(store, 10_000)
    assert await expanded(responses, "resp_host", {"model": "m", "input": "x"}) is None
    await turn(responses, "r1", "one", previous="resp_host")
    assert await expanded(responses, "r1", {"model": "m"}, caller="you") is None
    found = await expanded(responses, "r1", {"model": "m", "previous_response_id": "r1"})
    assert found is not None
    assert found["previous_response_id"] == "resp_host"
    assert len(found["input"]) == 2


async def test_chains_are_bounded(store):
    responses = Responses(store, 2_000)
    await turn(responses, "big", "x" * 3_000)
    with pytest.raises(TooLargeError) as error:
        await expanded(responses, "big", {"model": "m"})
    assert error.value.where == "previous_response_id"
    await turn(responses, "a", "x", previous="b")
    await turn(responses, "b", "x", previous="a")
    with pytest.raises(InputError, match="back to itself"):
        await expanded(responses, "a", {"model": "m"})
    long = Responses(store, 10**9)
    for number in range(MAX_TURNS + 1):
        await turn(long, f"t{number}", "x", previous=f"t{number - 1}")
    assert await expanded(long, f"t{MAX_TURNS - 2}", {"model": "m"}) is not None
    with pytest.raises(TooLargeError):
        await expanded(long, f"t{MAX_TURNS}", {"model": "m"})


async def test_what_is_not_to_be_stored_is_not(store):
    responses = Responses(store, 10_000)
    await turn(responses, "r1", "one", store=False)
    for body in (
        b'"\xff"',
        b"not json",
        b"[]",
        b'{"id": "r"}',
        b'{"id": "r", "status": "failed"}',
        b'{"status": "completed"}',
    ):
        keeper = responses.keeper(b'{"input": "x"}', "", "me")
        assert keeper is not None
        await keeper.whole(body)
    assert store.rows == {}
    for given_ in (True, None):
        await turn(responses, "r", "one", store=given_)
        assert store.rows.pop(("me", "r"))


async def test_retrieving_and_deleting(store):
    responses = Responses(store, 10_000)
    body = b'{"id": "r1",  "status": "incomplete", "output": [],   "x": 1e2}'
    keeper = responses.keeper(b'{"input": [{"role": "user", "content": "x"}]}', "", "me")
    assert keeper is not None
    await keeper.whole(body)
    assert await responses.retrieve("r1", "me") == body  # to the byte
    assert [json.loads(bytes(item)) for item in await responses.items("r1", "me")] == [{"role": "user", "content": "x"}]
    for who, what in (("you", "r1"), ("me", "r2"), ("", "r1")):
        for ask in (responses.retrieve, responses.forget, responses.items):
            with pytest.raises(NotFoundError):
                await ask(what, who)
    assert json.loads(await responses.forget("r1", "me")) == {"id": "r1", "object": "response", "deleted": True}
    with pytest.raises(NotFoundError):
        await responses.forget("r1", "me")


def event(kind, **more):
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()


STREAM = [
    event("response.created", response=answer("r1", "", "in_progress")),
    event("response.output_text.delta", delta='event: response.completed\n\ndata: {"type":"response.completed"}'),
    b": comment\n\n",
    event("response.completed", response=answer("r1", "hi")),
    b"data: [DONE]\n\n",
]


async def several(parts):
    for part in parts:
        yield part


@given(st.integers(1, 40), st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_the_end_is_held_however_the_stream_is_cut(size, line_end):
    stream = b"".join(STREAM).replace(b"\n", line_end)
    sieve = Sieve()
    passed = b""
    for at in range(0, len(stream), size):
        passed += sieve.feed(stream[at : at + size])
    assert passed == b"".join(STREAM[:3]).replace(b"\n", line_end)
    assert passed + sieve.held == stream
    assert sieve.response is not None
    assert json.loads(sieve.response)["id"] == "r1"


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_no_byte_is_lost_whatever_it_is(parts):
    sieve = Sieve()
    passed = b"".join(map(sieve.feed, parts))
    assert passed + sieve.held == b"".join(parts)


@pytest.mark.parametrize(
    "last",
    [
        b"data: response.completed {\n\n",
        b'data: {"type": "response.completed"}\n\n',
        b'data: {"type": "response.failed", "response": {"id": "x"}}\n\n',
        b'data: {"note": {"type": "response.completed"}}\n\n',
    ],
)
def test_what_only_looks_like_the_end_passes(last):
    sieve = Sieve()
    assert sieve.feed(last) == last
    assert sieve.response is None


async def test_a_stream_is_stored_before_it_ends(store):
    keeper = Responses(store, 10_000).keeper(b'{"input": "hi", "stream": true}', "", "me")
    assert keeper is not None
    got = b""
    async for chunk in keeper.chunks(several(STREAM)):
        assert chunk.startswith(b"event: response.completed") == bool(store.rows)
        got += chunk
    assert got == b"".join(STREAM)
    turned = msgspec.json.decode(store.rows["me", "r1"])
    assert turned["response"]["output"][0]["content"][0]["text"] == "hi"
    assert turned["input"] == [said("hi")]


async def test_a_stream_that_breaks_is_not_stored(store):
    keeper = Responses(store, 10_000).keeper(b'{"input": "hi", "stream": true}', "", "me")
    assert keeper is not None
    parts = [*STREAM[:2], b"data: {half"]
    assert b"".join([chunk async for chunk in keeper.chunks(several(parts))]) == b"".join(parts)
    assert store.rows == {}


def items(*values):
    return [msgspec.Raw(json.dumps(value).encode()) for value in values]


def test_pages_of_items():
    rows = items(said("a"), {"role": "assistant", "content": "b"}, {"type": "reasoning", "id": "rs_1"})
    first = json.loads(page(rows, {"limit": "2"}))
    assert [row["id"] for row in first["data"]] == ["rs_1", "item_1"]
    assert (first["first_id"], first["last_id"], first["has_more"]) == ("rs_1", "item_1", True)
    assert first["data"][1]["content"] == [{"type": "output_text", "text": "b", "annotations": []}]
    rest = json.loads(page(rows, {"limit": "2", "after": "item_1"}))
    assert rest["data"][0]["content"] == [{"type": "input_text", "text": "a"}]
    assert rest["has_more"] is False
    assert json.loads(page(rows, {"order": "asc"}))["data"][0]["id"] == "item_0"
    assert json.loads(page([], {})) == {
        "object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False,
    }  # fmt: skip
    assert json.loads(page(rows, {"after": "nobody"}))["data"] == []
    for limit in ("0", "101", "-1", "x", "", "9" * 5000, "\N{SUPERSCRIPT TWO}"):
        with pytest.raises(InputError):
            page(rows, {"limit": limit})
