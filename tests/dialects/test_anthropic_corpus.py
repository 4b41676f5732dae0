"""Recorded exchanges with Anthropic: each is read and written back as it was, and crosses to OpenAI Chat and back."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from weighbridge import dialects
from weighbridge.canon import Failure, OpaquePart, Profile, TextDelta
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.errors import RefusedRequestError, UnknownModelError
from weighbridge.wire import outline

pytestmark = pytest.mark.shared
CLAUDE = dialects.get("anthropic-messages")
CHAT = dialects.get("openai-chat")
AS_IT_IS = Profile()


@pytest.fixture
def rows(shared):
    with gzip.open(shared / "wire" / "anthropic-messages.jsonl.gz") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def replies(rows):
    return [(row["id"], row["response"]) for row in rows if row["status"] == 200 and not row["stream"]]


@pytest.fixture
def streams(rows):
    return [(row["id"], row["response"].encode()) for row in rows if row["stream"]]


def read(raw, cuts=(), dialect=CLAUDE):
    reader = dialect.reader()
    events = []
    start = 0
    for cut in [*cuts, len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def write(dialect, events):
    reply = Fold.of(events).reply()
    writer = dialect.writer(id=reply.id, model=reply.model, created=reply.created, usage=True)
    return b"".join(writer.write(e) for e in events) + writer.close(), writer.losses


def same_or_told(before, after, losses, places):
    """Whatever differs between two outlines was told by a loss in its place."""
    for field in [field for field in before if before[field] != after[field]]:
        assert any(place in loss.field for loss in losses for place in places[field]), (field, before, after)


def test_every_request_comes_back_equal(rows):
    assert len(rows) > 190
    for row in rows:
        request = CLAUDE.read_request(json.dumps(row["request"]).encode())
        written, losses = CLAUDE.write_request(request, AS_IT_IS)
        assert json.loads(written) == row["request"], row["id"]
        assert losses == ()
        assert not CLAUDE.needs_rewrite(request, AS_IT_IS)


def test_every_reply_comes_back_equal(replies):
    assert len(replies) > 180
    for name, told in replies:
        reply = CLAUDE.read_reply(json.dumps(told).encode())
        assert (json.loads(CLAUDE.write_reply(reply)[0]), CLAUDE.write_reply(reply)[1]) == (told, ()), name
        assert reply.finish is not None
        assert reply.usage is not None
        assert reply.usage.output == told["usage"]["output_tokens"]
        assert reply.usage.input >= told["usage"]["input_tokens"]


def test_every_stream_says_the_same_however_it_is_cut(streams):
    rng = random.Random(20261122)
    assert len(streams) >= 12
    for _, raw in streams:
        whole = read(raw)
        assert not any(isinstance(e, Failure) for e in whole)
        for _ in range(8):
            cuts = sorted(rng.sample(range(1, len(raw)), min(len(raw) - 1, rng.randrange(1, 80))))
            assert read(raw, cuts) == whole
        assert read(raw, range(1, len(raw))) == whole
        relay = CLAUDE.relay(usage=False)
        assert relay.feed(raw) == (raw, whole)
        assert relay.close() == (b"", [])


def test_every_stream_written_again_says_the_same(streams):
    rng = random.Random(20261123)
    for name, raw in streams:
        events = read(raw)
        written, losses = write(CLAUDE, events)
        cuts = sorted(rng.sample(range(1, len(written)), 40))
        assert Fold.of(read(written, cuts)).reply() == Fold.of(events).reply(), name
        assert losses == ()


def test_text_of_streams_is_whole(streams):
    for _, raw in streams:
        expected = ""
        for line in raw.decode().splitlines():
            if line.startswith("data: {"):
                expected += (json.loads(line[6:]).get("delta") or {}).get("text") or ""
        assert "".join(e.text for e in read(raw) if isinstance(e, TextDelta)) == expected


def test_a_reply_told_as_a_stream_says_the_same(replies):
    for name, told in replies:
        reply = CLAUDE.read_reply(json.dumps(told).encode())
        written, losses = write(CLAUDE, list(unfold(reply, words=True)))
        assert outline.of_reply(Fold.of(read(written)).reply()) == outline.of_reply(reply), name
        assert losses == ()


def test_recorded_errors_are_told_apart(rows):
    kinds = {}
    for row in rows:
        if row["status"] != 200:
            body = json.dumps(row["response"]).encode()
            error = CLAUDE.read_error(row["status"], {}, body, engine="m@h")
            assert CLAUDE.write_error(error) == (row["status"], body)
            kinds[row["status"]] = type(error)
    assert kinds == {404: UnknownModelError, 400: RefusedRequestError}


REQUEST = {"system": ["messages"], "turns": ["messages"], "tools": ["tools"], "max_output": ["max_"], "stop": ["stop"]}


def test_every_request_crosses_to_openai_chat_and_back(rows):
    exact = 0
    for row in rows:
        request = CLAUDE.read_request(json.dumps(row["request"]).encode())
        there, lost = CHAT.write_request(request, AS_IT_IS)
        back, lost_again = CLAUDE.write_request(CHAT.read_request(there), AS_IT_IS)
        before = outline.of_request(request)
        after = outline.of_request(CLAUDE.read_request(back))
        same_or_told(before, after, [*lost, *lost_again], REQUEST)
        exact += before == after
        opaque = [p for m in request.messages for p in m.parts if isinstance(p, OpaquePart)]
        hosted = [tool for tool in request.tools if tool.opaque is not None]
        assert any(loss.severity == "high" for loss in lost) or not (opaque or hosted), row["id"]
    assert exact > 185


REPLY = {
    "text": ["parts"],
    "reasoning": ["reasoning"],
    "tool_calls": ["tool"],
    "finish": ["finish"],
    "usage": ["usage"],
}


def test_every_reply_crosses_to_openai_chat_and_back(replies):
    exact = 0
    for _, told in replies:
        reply = CLAUDE.read_reply(json.dumps(told).encode())
        there, lost = CHAT.write_reply(reply)
        back, lost_again = CLAUDE.write_reply(CHAT.read_reply(there))
        before, after = outline.of_reply(reply), outline.of_reply(CLAUDE.read_reply(back))
        same_or_told(before, after, [*lost, *lost_again], REPLY)
        exact += before == after
    assert exact > 175


def test_every_stream_crosses_to_openai_chat(streams):
    for _, raw in streams:
        events = read(raw)
        written, lost = write(CHAT, events)
        before = outline.of_reply(Fold.of(events).reply())
        after = outline.of_reply(Fold.of(read(written, dialect=CHAT)).reply())
        same_or_told(before, after, lost, REPLY)


def test_what_is_written_fits_the_vendors_own_types(replies, streams):
    beta = pytest.importorskip("anthropic.types.beta", reason="needs the vendor's SDK")
    pydantic = pytest.importorskip("pydantic")
    events = pydantic.TypeAdapter(beta.BetaRawMessageStreamEvent)
    for name, told in replies:
        written, _ = CLAUDE.write_reply(CLAUDE.read_reply(json.dumps(told).encode()))
        message = beta.BetaMessage.model_validate_json(written)
        assert message.stop_reason == told["stop_reason"], name
    for _, raw in streams:
        written, _ = write(CLAUDE, read(raw))
        for part in written.split(b"\n\n")[:-1]:
            events.validate_json(part.partition(b"data: ")[2])


def test_answers_of_another_dialect_fit_the_vendors_own_types(shared):
    types = pytest.importorskip("anthropic.types", reason="needs the vendor's SDK")
    pydantic = pytest.importorskip("pydantic")
    events = pydantic.TypeAdapter(types.RawMessageStreamEvent)
    with gzip.open(shared / "wire" / "openai-chat.jsonl.gz") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        if row["status"] != 200 or (not row["stream"] and "choices" not in row["response"]):
            continue
        if not row["stream"]:
            reply = CHAT.read_reply(json.dumps(row["response"]).encode())
            types.Message.model_validate_json(CLAUDE.write_reply(reply)[0])
            continue
        found = read(row["response"].encode(), dialect=CHAT)
        if not isinstance(found[-1], Failure):
            for part in write(CLAUDE, found)[0].split(b"\n\n")[:-1]:
                events.validate_json(part.partition(b"data: ")[2])
