"""Recorded exchanges with Google AI and Vertex AI: each is read and written back as it was."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from weighbridge.canon import OpaquePart, Profile, TextPart, ToolCallPart, ToolResultPart
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.dialects.gemini_generate import GeminiGenerate
from weighbridge.dialects.gemini_generate.array import AsArray
from weighbridge.errors import RefusedRequestError, UnknownModelError

pytestmark = pytest.mark.shared
GEMINI = GeminiGenerate()
PLAIN = Profile()


@pytest.fixture
def rows(shared):
    with gzip.open(shared / "wire" / "gemini-generate.jsonl.gz") as file:
        return [json.loads(line) for line in file]


def read_request(row):
    return GEMINI.read_request(json.dumps(row["request"]).encode(), model="m", stream=row["stream"])


def read(raw, cuts=()):
    reader = GEMINI.reader()
    events = []
    start = 0
    for cut in [*cuts, len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def replies(rows):
    return [r for r in rows if r["status"] == 200 and not r["stream"]]


def streams(rows):
    return [r for r in rows if r["status"] == 200 and r["stream"]]


def rewritten(events, reply):
    writer = GEMINI.writer(id=reply.id, model=reply.model, created=reply.created, usage=True)
    raw = b"".join(writer.write(e) for e in events) + writer.close()
    assert writer.losses == ()
    return raw


def test_every_request_comes_back_equal(rows):
    assert len(rows) > 200
    for row in rows:
        request = read_request(row)
        written, losses = GEMINI.write_request(request, PLAIN)
        assert json.loads(written) == row["request"], row["id"]
        assert losses == ()
        assert not GEMINI.needs_rewrite(request, PLAIN)


def test_every_answer_of_a_tool_names_its_call(rows):
    answers = 0
    for row in rows:
        request = read_request(row)
        calls = [p for m in request.messages for p in m.parts if isinstance(p, ToolCallPart)]
        results = [p for m in request.messages for p in m.parts if isinstance(p, ToolResultPart)]
        assert all(call.id for call in calls)
        for part in results:
            answers += 1
            assert any(call.id == part.call_id and call.name == part.name for call in calls), row["id"]
    assert answers > 150


def test_requests_written_as_if_from_elsewhere_say_the_same(rows):
    """Without what this dialect keeps for itself, the turns still hold the same parts."""
    for row in rows:
        request = read_request(row)
        bare = type(request)(request.model, request.messages, request.tools, request.tool_choice)
        written, _ = GEMINI.write_request(bare, PLAIN)
        again = GEMINI.read_request(written, model="m")
        kinds = [type(p) for m in request.messages for p in m.parts if p != TextPart("")]
        assert [type(p) for m in again.messages for p in m.parts if p != TextPart("")] == kinds, row["id"]
        assert [t.name for t in again.tools if t.name] == [t.name for t in request.tools if t.name]
        assert again.tool_choice == request.tool_choice


def test_every_reply_comes_back_equal(rows):
    found = replies(rows)
    assert len(found) > 200
    for row in found:
        told = row["response"]
        reply = GEMINI.read_reply(json.dumps(told).encode())
        written, losses = GEMINI.write_reply(reply)
        assert json.loads(written) == told, row["id"]
        assert losses == ()
        assert reply.finish is not None
        assert reply.id
        assert reply.model
        usage = told["usageMetadata"]
        assert reply.usage is not None
        assert reply.usage.input + reply.usage.output == usage["totalTokenCount"], row["id"]
        assert reply.usage.reasoning == usage.get("thoughtsTokenCount", 0)


def test_a_reply_unfolded_written_as_a_stream_and_read_says_the_same(rows):
    for row in replies(rows):
        reply = GEMINI.read_reply(json.dumps(row["response"]).encode())
        events = list(unfold(reply, words=True))
        again = Fold.of(read(rewritten(events, reply))).reply()
        assert again.text == reply.text
        assert again.usage == reply.usage
        assert [c.finish for c in again.choices] == [c.finish for c in reply.choices]
        calls = [(c.id, c.name, c.arguments, c.blobs) for c in reply.choices[0].tool_calls]
        assert [(c.id, c.name, c.arguments, c.blobs) for c in again.choices[0].tool_calls] == calls
        opaque = [p for p in reply.choices[0].parts if isinstance(p, OpaquePart)]
        assert [p for p in again.choices[0].parts if isinstance(p, OpaquePart)] == opaque


def test_grounded_texts_have_their_citations_in_place(rows):
    placed = 0
    for row in replies(rows):
        reply = GEMINI.read_reply(json.dumps(row["response"]).encode())
        grounding = row["response"]["candidates"][0].get("groundingMetadata") or {}
        segments = {s["segment"]["text"] for s in grounding.get("groundingSupports", [])}
        for part in reply.choices[0].parts:
            for citation in part.citations if isinstance(part, TextPart) else ():
                assert isinstance(part, TextPart)
                assert part.text[citation.start : citation.end] in segments
                placed += 1
    assert placed > 20


def test_every_stream_says_the_same_however_it_is_cut(rows):
    rng = random.Random(20261107)
    assert len(streams(rows)) > 10
    for row in streams(rows):
        raw = row["response"].encode()
        whole = read(raw)
        fold = Fold.of(whole)
        assert fold.failure is None
        assert fold.finished
        for _ in range(8):
            cuts = sorted(rng.sample(range(1, len(raw)), min(len(raw) - 1, rng.randrange(1, 80))))
            assert read(raw, cuts) == whole
        if len(raw) < 10_000:
            assert read(raw, range(1, len(raw))) == whole


def test_every_stream_written_again_says_the_same_in_both_forms(rows):
    rng = random.Random(20261108)
    for row in streams(rows):
        raw = row["response"].encode()
        events = read(raw)
        reply = Fold.of(events).reply()
        written = rewritten(events, reply)
        cuts = sorted(rng.sample(range(1, len(written)), 20))
        assert Fold.of(read(written, cuts)).reply() == reply, row["id"]
        for source in (raw, written):
            turner = AsArray()
            array = b"".join(turner.feed(source[i : i + 13]) for i in range(0, len(source), 13)) + turner.close()
            assert isinstance(json.loads(array), list)
            cuts = sorted(rng.sample(range(1, len(array)), 20))
            assert Fold.of(read(array, cuts)).reply() == reply


def test_the_relay_passes_every_stream_on(rows):
    for row in streams(rows):
        raw = row["response"].encode()
        relay = GEMINI.relay(usage=False)
        out, events = b"", []
        for i in range(0, len(raw), 37):
            passed, found = relay.feed(raw[i : i + 37])
            out += passed
            events += found
        passed, found = relay.close()
        assert out + passed == raw
        assert events + found == read(raw)


def test_text_of_streams_is_whole(rows):
    for row in streams(rows):
        expected = "".join(
            part.get("text", "")
            for line in row["response"].splitlines()
            if line.startswith("data: {")
            for candidate in json.loads(line[6:]).get("candidates", [])
            for part in candidate["content"]["parts"]
            if not part.get("thought")
        )
        assert Fold.of(read(row["response"].encode())).reply().text == expected


def test_recorded_errors_are_told_apart_and_passed_on(rows):
    kinds = []
    for row in rows:
        if row["status"] == 200:
            continue
        body = json.dumps(row["response"]).encode()
        error = GEMINI.read_error(row["status"], {}, body, engine="m@h")
        kinds.append(type(error))
        assert GEMINI.write_error(error) == (row["status"], body)
    assert set(kinds) == {UnknownModelError, RefusedRequestError}
