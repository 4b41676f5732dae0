"""Recorded exchanges over Responses: read and written back as they were, cut anywhere, and there and back again."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from weighbridge import dialects
from weighbridge.canon import Failure, OpaquePart, PartEvent, Profile, TextDelta
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.errors import RefusedRequestError
from weighbridge.wire import outline

pytestmark = pytest.mark.shared
RESPONSES = dialects.get("openai-responses")
NEUTRAL = Profile()


@pytest.fixture
def rows(shared):
    with gzip.open(shared / "wire" / "openai-responses.jsonl.gz") as file:
        return [json.loads(line) for line in file]


@pytest.fixture
def answers(rows):
    return [row for row in rows if row["status"] == 200 and not row["stream"]]


@pytest.fixture
def streams(rows):
    return [row for row in rows if row["stream"]]


def read(raw, cuts=()):
    reader = RESPONSES.reader()
    events = []
    start = 0
    for cut in [*cuts, len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def again(events):
    begin = events[0]
    writer = RESPONSES.writer(id=begin.id, model=begin.model, created=begin.created, usage=True)
    return b"".join(map(writer.write, events)) + writer.close(), writer.losses


def test_every_request_comes_back_equal(rows):
    assert len(rows) > 150
    for row in rows:
        asked = row["request"]
        request = RESPONSES.read_request(json.dumps(asked).encode())
        written, losses = RESPONSES.write_request(request, NEUTRAL)
        assert json.loads(written) == asked, row["id"]
        assert losses == ()
        assert not RESPONSES.needs_rewrite(request, NEUTRAL)
        assert request.model == asked["model"]


def test_every_reply_comes_back_equal(answers):
    assert len(answers) > 120
    for row in answers:
        told = row["response"]
        reply = RESPONSES.read_reply(json.dumps(told).encode())
        written, losses = RESPONSES.write_reply(reply)
        assert json.loads(written) == told, row["id"]
        assert losses == ()
        assert (reply.finish == "pause") == (told["status"] == "queued")
        if told["usage"]:
            assert reply.usage is not None
            assert (reply.usage.input, reply.usage.output) == (
                told["usage"]["input_tokens"],
                told["usage"]["output_tokens"],
            )


def test_every_stream_says_the_same_however_it_is_cut(streams):
    rng = random.Random(20261102)
    for row in streams:
        raw = row["response"].encode()
        whole = read(raw)
        assert not any(isinstance(event, Failure) for event in whole), row["id"]
        for _ in range(4):
            cuts = sorted(rng.sample(range(1, len(raw)), min(len(raw) - 1, rng.randrange(1, 80))))
            assert read(raw, cuts) == whole


def test_every_stream_written_again_says_the_same(streams):
    rng = random.Random(20261103)
    for row in streams:
        events = read(row["response"].encode())
        fold = Fold.of(events)
        reply = fold.reply()
        assert fold.finished
        written, losses = again(events)
        assert losses == ()
        cuts = sorted(rng.sample(range(1, len(written)), 40))
        once_more = Fold.of(read(written, cuts)).reply()
        assert once_more.choices == reply.choices, row["id"]
        assert once_more.usage == reply.usage
        assert once_more.model == reply.model
        assert (once_more.id == reply.id) == reply.id.startswith("resp_")


def test_a_stream_tells_what_its_final_response_holds(streams):
    for row in streams:
        final = next(
            json.loads(line[5:])["response"]
            for line in row["response"].splitlines()
            if line.startswith("data:") and '"response.completed"' in line
        )
        whole = RESPONSES.read_reply(json.dumps(final).encode())
        told = Fold.of(read(row["response"].encode())).reply()
        assert outline.of_reply(told) == outline.of_reply(whole), row["id"]
        kinds = [type(part) for part in told.choices[0].parts]
        assert len(kinds) <= len(whole.choices[0].parts)


def test_text_of_streams_is_whole(streams):
    for row in streams:
        expected = "".join(
            json.loads(line[5:])["delta"]
            for line in row["response"].splitlines()
            if line.startswith("data:") and '"response.output_text.delta"' in line
        )
        events = read(row["response"].encode())
        assert "".join(e.text for e in events if isinstance(e, TextDelta)) == expected


def test_hosted_tools_come_whole(streams):
    found = [e.part for row in streams for e in read(row["response"].encode()) if isinstance(e, PartEvent)]
    assert {p.data["type"] for p in found if isinstance(p, OpaquePart)} >= {"web_search_call", "code_interpreter_call"}


def test_a_reply_unfolded_and_folded_says_the_same(answers):
    for row in answers:
        reply = RESPONSES.read_reply(json.dumps(row["response"]).encode())
        folded = Fold.of(unfold(reply)).reply()
        if not folded.choices:
            continue
        written, _ = again(list(unfold(folded, words=True)))
        assert Fold.of(read(written)).reply().choices == folded.choices, row["id"]


def test_recorded_errors_are_told_apart(rows):
    failed = [row for row in rows if row["status"] != 200]
    assert len(failed) == 5
    for row in failed:
        body = json.dumps(row["response"]).encode()
        error = RESPONSES.read_error(row["status"], {}, body, engine="m@h")
        assert isinstance(error, RefusedRequestError)
        assert RESPONSES.write_error(error) == (row["status"], body)


@pytest.mark.parametrize("other", [name for name in dialects.NAMES if name != "openai-responses"])
def test_requests_cross_and_come_back(rows, other):
    """Whatever differs in outline was told as a loss of its place."""
    dialect = dialects.get(other)
    same = 0
    for row in rows:
        request = RESPONSES.read_request(json.dumps(row["request"]).encode())
        there, lost = dialect.write_request(request, NEUTRAL)
        read_there = dialect.read_request(there, model=request.model, stream=request.stream)
        back, lost_again = RESPONSES.write_request(read_there, NEUTRAL)
        before = outline.of_request(request)
        after = outline.of_request(RESPONSES.read_request(back))
        if before["max_output"] is None:  # some dialects demand one
            before["max_output"] = after["max_output"]
        if before == after:
            same += 1
            continue
        assert [*lost, *lost_again], (row["id"], before, after)
    assert same > 140


@pytest.mark.parametrize("other", [name for name in dialects.NAMES if name != "openai-responses"])
def test_replies_cross_and_come_back(answers, other):
    dialect = dialects.get(other)
    same = 0
    for row in answers:
        if row["response"]["status"] == "queued":  # no answer yet: others have no word for that
            continue
        reply = RESPONSES.read_reply(json.dumps(row["response"]).encode())
        there, lost = dialect.write_reply(reply)
        back, lost_again = RESPONSES.write_reply(dialect.read_reply(there))
        before = outline.of_reply(reply)
        after = outline.of_reply(RESPONSES.read_reply(back))
        if before == after:
            same += 1
            continue
        assert [*lost, *lost_again], (row["id"], before, after)
    assert same > 110
