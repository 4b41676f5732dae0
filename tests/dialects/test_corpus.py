"""Recorded exchanges with real providers: each is read and written back as it was."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from weighbridge import dialects
from weighbridge.canon import Failure, Profile, TextDelta, UsageEvent
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.errors import BrokenAnswerError, RefusedRequestError, UnknownModelError

pytestmark = pytest.mark.shared
CHAT = dialects.get("openai-chat")
AS_IT_IS = Profile(stream_usage=True)


@pytest.fixture
def rows(shared):
    with gzip.open(shared / "wire" / "openai-chat.jsonl.gz") as file:
        return [json.loads(line) for line in file]


def read(raw, cuts=()):
    reader = CHAT.reader()
    events = []
    start = 0
    for cut in [*cuts, len(raw)]:
        events += reader.feed(raw[start:cut])
        start = cut
    return events + reader.close()


def test_every_request_comes_back_equal(rows):
    assert len(rows) > 200
    for row in rows:
        asked = row["request"]
        request = CHAT.read_request(json.dumps(asked).encode())
        written, losses = CHAT.write_request(request, AS_IT_IS)
        told = json.loads(written)
        if request.stream and not request.stream_usage:
            assert told.pop("stream_options") == {"include_usage": True}
            assert CHAT.needs_rewrite(request, AS_IT_IS)
        else:
            assert not CHAT.needs_rewrite(request, AS_IT_IS)
        assert told == asked, row["id"]
        assert losses == ()
        assert request.model == asked["model"]
        assert len(request.messages) == len(asked["messages"])


def test_every_request_takes_another_model_and_keeps_its_bytes(rows):
    for row in rows:
        body = json.dumps(row["request"], indent=1).encode()
        spliced = CHAT.splice_model(body, 'new "name"')
        old = json.dumps(row["request"]["model"]).encode()
        assert body == spliced.replace(b'"model": "new \\"name\\""', b'"model": ' + old, 1)


def test_every_reply_comes_back_equal(rows):
    replies = [r for r in rows if r["status"] == 200 and not r["stream"] and "choices" in r["response"]]
    assert len(replies) > 200
    for row in replies:
        told = row["response"]
        reply = CHAT.read_reply(json.dumps(told).encode())
        assert json.loads(CHAT.write_reply(reply)[0]) == told, row["id"]
        assert reply.finish is not None
        assert reply.usage is not None
        assert reply.usage.input == told["usage"]["prompt_tokens"]
        assert 0 <= reply.usage.cached <= reply.usage.input
        assert reply.text or reply.choices[0].parts or reply.choices[0].refusal or told["choices"]


def test_a_reply_unfolded_and_folded_says_the_same(rows):
    for row in rows:
        if row["status"] != 200 or row["stream"] or "choices" not in row["response"]:
            continue
        reply = CHAT.read_reply(json.dumps(row["response"]).encode())
        folded = Fold.of(unfold(reply)).reply()
        assert folded == Fold.of(unfold(folded, words=True)).reply()
        assert folded.text == reply.text
        assert folded.usage == reply.usage
        assert [c.finish for c in folded.choices] == [c.finish for c in reply.choices]
        assert [c.refusal for c in folded.choices] == [c.refusal for c in reply.choices]


def test_what_is_no_chat_reply_is_told_as_broken(rows):
    strange = [r for r in rows if r["status"] == 200 and not r["stream"] and "choices" not in r["response"]]
    for row in strange:
        with pytest.raises(BrokenAnswerError) as caught:
            CHAT.read_reply(json.dumps(row["response"]).encode())
        assert caught.value.where == "choices"


def test_every_stream_says_the_same_however_it_is_cut(rows):
    rng = random.Random(20261101)
    for row in rows:
        if not row["stream"]:
            continue
        raw = row["response"].encode()
        whole = read(raw)
        for _ in range(8):
            cuts = sorted(rng.sample(range(1, len(raw)), min(len(raw) - 1, rng.randrange(1, 80))))
            assert read(raw, cuts) == whole
        assert read(raw, range(1, len(raw))) == whole


def test_every_stream_written_again_says_the_same(rows):
    ended = failed = 0
    for row in rows:
        if not row["stream"]:
            continue
        events = read(row["response"].encode())
        fold = Fold.of(events)
        reply = fold.reply()
        writer = CHAT.writer(id=reply.id, model=reply.model, created=reply.created, usage=True)
        written = b"".join(writer.write(e) for e in events) + writer.close()
        again = Fold.of(read(written))
        assert again.reply() == reply
        assert again.failure == fold.failure
        ended += fold.finished
        failed += fold.failure is not None
        if fold.failure is None:
            assert fold.finished
            assert fold.first_text
            assert reply.usage is not None
    assert ended > 25
    assert failed >= 2


def test_the_relay_passes_every_stream_on(rows):
    for row in rows:
        if not row["stream"]:
            continue
        raw = row["response"].encode()
        for usage in (True, False):
            relay = CHAT.relay(usage=usage)
            out, events = b"", []
            for i in range(0, len(raw), 37):
                passed, found = relay.feed(raw[i : i + 37])
                out += passed
                events += found
            passed, found = relay.close()
            assert events + found == read(raw)
            if usage:
                assert out + passed == raw
            else:
                assert b'"choices":[],"usage":{' not in out + passed
                kept = [e for e in read(out + passed) if not isinstance(e, UsageEvent)]
                assert kept == [e for e in events + found if not isinstance(e, UsageEvent)]


def test_recorded_errors_are_told_apart(rows):
    kinds: dict[type, list[int]] = {}
    for row in rows:
        if row["status"] == 200:
            continue
        body = json.dumps(row["response"]).encode()
        error = CHAT.read_error(row["status"], {}, body, engine="m@h")
        assert error.status == row["status"]
        assert error.where == "m@h"
        assert error.fix
        assert error.body
        kinds.setdefault(type(error), []).append(row["status"])
    assert set(kinds[UnknownModelError]) == {404}
    assert set(kinds[RefusedRequestError]) == {400}
    assert len(kinds) == 2


def test_errors_inside_recorded_streams(rows):
    failures = [
        events[-1]
        for row in rows
        if row["stream"] and isinstance((events := read(row["response"].encode()))[-1], Failure)
    ]
    assert {f.code for f in failures} == {"refused_request"}
    assert any("Token limit" in f.message for f in failures)
    assert any("Tool call validation failed" in f.message for f in failures)


def test_text_of_streams_is_whole(rows):
    for row in rows:
        if not row["stream"]:
            continue
        raw = row["response"]
        expected = ""
        for line in raw.splitlines():
            if line.startswith("data: {"):
                for choice in json.loads(line[6:]).get("choices", []):
                    content = choice["delta"].get("content")
                    expected += content if isinstance(content, str) else ""
        found = "".join(e.text for e in read(raw.encode()) if isinstance(e, TextDelta))
        assert found == expected
