"""The engine that answers from recorded exchanges."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from weighbridge import dialects
from weighbridge.canon import Finish, Host, Reply, TextDelta, Usage
from weighbridge.dialects.fold import Fold
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.recorded import RecordedTransport, from_host
from weighbridge.engines.transport import HttpRequest
from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    InputError,
    SettingsError,
    UnknownModelError,
    UnreachableError,
)
from weighbridge.testing import recorded_client, recorded_engine

CHAT = dialects.get("openai-chat")
SUMS = {"input": "What is 2 + 2?", "output": "It is 4.", "usage": {"input": 7, "output": 3}}


def body(text="What is 2 + 2?", *, system="", **fields):
    messages = [{"role": "system", "content": system}] if system else []
    return json.dumps({"model": "m", "messages": [*messages, {"role": "user", "content": text}], **fields}).encode()


async def send(transport, asked=None, *, read_timeout=60.0):
    request = HttpRequest("POST", "http://test.recorded/v1/chat/completions", {}, asked or body())
    return await transport.send(request, connect_timeout=1.0, read_timeout=read_timeout)


async def reply(transport, asked=None) -> Reply:
    response = await send(transport, asked)
    assert response.status == 200
    assert response.headers["content-type"] == "application/json"
    return CHAT.read_reply(await response.read(1 << 20))


async def stream(transport, asked=None):
    response = await send(transport, asked or body(stream=True, stream_options={"include_usage": True}))
    assert response.headers["content-type"] == "text/event-stream"
    reader = CHAT.reader()
    return [e for c in [c async for c in response.chunks()] for e in reader.feed(c)] + reader.close()


async def refused(transport, asked=None):
    response = await send(transport, asked)
    return CHAT.read_error(response.status, response.headers, await response.read(1 << 20), engine="e")


def made(*rows, **options):
    return RecordedTransport(rows, clock=FakeClock(), **options)


def exchange(text, answer, *, streamed=False, **fields):
    message = {"role": "assistant", "content": answer}
    whole = {"id": "r", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    if streamed:
        writer = CHAT.writer(id="r", model="m", created=1, usage=True)
        raw = writer.write(TextDelta(answer)) + writer.write(Finish("stop")) + writer.close()
        return {"request": json.loads(body(text)), "response": raw.decode(), "stream": True, **fields}
    return {"request": json.loads(body(text)), "response": whole, **fields}


async def test_an_answer_is_given_whole_and_streamed():
    transport = made(SUMS)
    whole = await reply(transport)
    assert whole.text == "It is 4."
    assert whole.usage == Usage(7, 0, 3)
    assert whole.model == "m"
    fold = Fold.of(await stream(transport))
    assert fold.failure is None
    assert fold.reply().text == "It is 4."
    assert fold.usage == Usage(7, 0, 3)
    texts = [e.text for e in await stream(transport) if isinstance(e, TextDelta)]
    assert texts == ["It ", "is ", "4."]
    without = await stream(transport, body(stream=True))
    assert Fold.of(without).usage is None


async def test_an_exchange_is_given_whole_and_streamed():
    transport = made(exchange("a", "Whole"), exchange("b", "In a stream", streamed=True))
    assert (await reply(transport, body("a"))).text == "Whole"
    assert Fold.of(await stream(transport, body("a", stream=True))).reply().text == "Whole"
    assert (await reply(transport, body("b"))).text == "In a stream"
    assert Fold.of(await stream(transport, body("b", stream=True))).reply().text == "In a stream"


async def test_the_same_question_again_gets_the_next_answer():
    transport = made({"input": "q", "output": "1"}, {"input": "x", "output": "9"}, {"input": "q", "output": "2"})
    assert [(await reply(transport, body("q"))).text for _ in range(4)] == ["1", "2", "2", "2"]


async def test_messages_and_tools_tell_questions_apart():
    tool = {"type": "function", "function": {"name": "f"}}
    talk = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "q"}]
    transport = made(
        {"input": "q", "output": "plain"},
        {"input": talk, "output": "brief"},
        {"input": "q", "output": "with a tool", "tools": [tool]},
    )
    assert (await reply(transport, body("q", system="Be brief"))).text == "brief"
    assert (await reply(transport, body("q", tools=[tool], temperature=1))).text == "with a tool"
    assert (await reply(transport, body("q"))).text == "plain"
    assert (await reply(transport, body(" q ", system="Never seen"))).text == "plain"


async def test_what_was_not_recorded_names_the_nearest():
    error = await refused(made(SUMS, {"input": "Name a river", "output": "Rhine"}), body("What is 3 + 3?"))
    assert isinstance(error, UnknownModelError)
    assert error.status == 404
    assert "'What is 3 + 3?'" in error.what
    assert "'What is 2 + 2?'" in error.what


async def test_a_request_that_cannot_be_read():
    error = await refused(made(SUMS), b'{"model":"m","messages":5}')
    assert error.status == 400
    assert "messages" in error.what


async def test_recorded_errors_are_given_again():
    row = {
        "request": json.loads(body("q")),
        "status": 429,
        "response": {"error": {"message": "Slow down"}},
        "headers": {"Retry-After": "3"},
    }
    error = await refused(made(row), body("q", stream=True))
    assert error.code == "rate_limited"
    assert error.retry_after == 3.0


async def test_an_error_page_is_given_as_it_was():
    row = {"request": json.loads(body("q")), "status": 502, "response": "<html>Bad gateway</html>", "stream": False}
    assert await (await send(made(row), body("q"))).read(1000) == b"<html>Bad gateway</html>"


async def test_images_and_tools_belong_to_the_question():
    def look(url):
        asked = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        answered = {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": url}]}
        odd = {"role": "user", "content": [{"type": "video_url", "video_url": url}]}
        return [asked, {"role": "assistant", "reasoning_content": "x", "tool_calls": [call]}, answered, odd]

    transport = made({"input": look("https://a"), "output": "a"}, {"input": look("https://b"), "output": "b"})
    for name in "ba":
        asked = json.dumps({"model": "m", "messages": look(f"https://{name}")}).encode()
        assert (await reply(transport, asked)).text == name


async def test_a_recorded_stream_that_failed_cannot_be_given_whole():
    row = {"request": json.loads(body("q")), "response": 'data: {"error":{"message":"Oh no","code":500}}\n\n'}
    transport = made(row)
    error = await refused(transport, body("q"))
    assert error.status == 502
    assert "Oh no" in error.what
    assert (await stream(transport, body("q", stream=True)))[-1].message == "Oh no"


async def test_latency_and_pauses_are_taken_from_the_clock():
    clock = FakeClock()
    slow = {"input": "slow", "output": "a b", "latency": 5}
    transport = RecordedTransport([SUMS, slow], latency=0.5, chunk_seconds=0.25, clock=clock)
    await reply(transport)
    assert clock.slept == [0.5]
    clock.slept.clear()
    await stream(transport, body("slow", stream=True))
    assert clock.slept[0] == 5
    assert set(clock.slept[1:]) == {0.25}


async def test_what_takes_longer_than_the_read_timeout():
    transport = made(SUMS, latency=10.0)
    with pytest.raises(DeadlineError, match="2 s"):
        await send(transport, read_timeout=2.0)
    response = await send(made(SUMS, chunk=5, chunk_seconds=3.0), read_timeout=2.0)
    with pytest.raises(DeadlineError):
        await response.read(1000)


async def test_chunks_have_the_size_that_was_set():
    response = await send(made(SUMS, chunk=7))
    chunks = [c async for c in response.chunks()]
    assert {len(c) for c in chunks[:-1]} == {7}
    assert CHAT.read_reply(b"".join(chunks)).text == "It is 4."
    events = [c async for c in (await send(made(SUMS), body(stream=True))).chunks()]
    assert all(c.endswith(b"\n\n") and c.count(b"\n\n") == 1 for c in events)


async def test_failures_are_drawn_from_the_seed():
    def outcomes(seed):
        return made(SUMS, fail_rate=0.5, fail_status=529, retry_after=2.5, seed=seed)

    async def statuses(transport):
        return [(await send(transport)).status for _ in range(40)]

    first = await statuses(outcomes(1))
    assert set(first) == {200, 529}
    assert first == await statuses(outcomes(1))
    assert first != await statuses(outcomes(2))
    error = await refused(made(SUMS, fail_rate=1.0, fail_status=503, retry_after=2.5))
    assert error.code == "overloaded"
    assert error.retry_after == 2.5
    with pytest.raises(UnreachableError):
        await send(made(SUMS, fail_rate=1.0, fail_status=0))


async def test_the_connection_breaks_where_it_was_told_to():
    for chunk in (0, 4):
        response = await send(made(SUMS, chunk=chunk, disconnect_after=10), body(stream=True))
        chunks = response.chunks()
        got = b""
        while len(got) < 10:
            got += await anext(chunks)
        assert len(got) == 10
        with pytest.raises(BrokenAnswerError, match="10 bytes"):
            await anext(chunks)
    assert (await reply(made(SUMS, disconnect_after=100_000))).text == "It is 4."
    with pytest.raises(BrokenAnswerError):
        await (await send(made(SUMS, disconnect_after=0))).read(1000)


async def test_closing_breaks_off_and_is_counted_once():
    transport = made(SUMS)
    response = await send(transport, body(stream=True))
    chunks = response.chunks()
    assert await anext(chunks)
    await response.close()
    await response.close()
    assert [c async for c in chunks] == []
    assert transport.aborted == 1
    done = await send(transport)
    await done.read(10_000)
    await done.close()
    assert transport.aborted == 1
    assert len(transport.requests) == 2
    await transport.close()


async def test_an_answer_over_the_limit():
    with pytest.raises(BrokenAnswerError, match="larger"):
        await (await send(made(SUMS))).read(20)


# --- files and settings -------------------------------------------------------------------------------


def written(path: Path, text: bytes) -> RecordedTransport:
    path.write_bytes(text)
    return RecordedTransport(path, clock=FakeClock())


async def loaded(path: Path, text: bytes):
    return await reply(written(path, text))


async def test_files(tmp_path):
    line = json.dumps(SUMS).encode()
    assert (await loaded(tmp_path / "a.jsonl", b"\n" + line + b"\n\n")).text == "It is 4."
    assert (await loaded(tmp_path / "a.jsonl.gz", gzip.compress(line))).text == "It is 4."
    assert (await loaded(tmp_path / "ünï.jsonl", json.dumps({**SUMS, "output": "vier €"}).encode())).text == "vier €"


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (b"", "a.jsonl", "empty"),
        (b"{}", "a.jsonl:1", "neither"),
        (b"5", "a.jsonl:1", "not an object"),
        (json.dumps(SUMS).encode() + b"\n\n{oops", "a.jsonl:3", "Not valid JSON"),
        (b'{"input":"\xff","output":""}', "a.jsonl:1", "its byte 11 is 0xff"),
        (b"[" * 100_000, "a.jsonl:1", "nested too deep"),
        (b'{"input":5,"output":"x"}', "a.jsonl:1: input", "messages"),
        (b'{"input":"a","output":5}', "a.jsonl:1: output", "not text"),
        (b'{"input":"a","output":"b","usage":5}', "a.jsonl:1: usage", "cannot be read"),
        (b'{"input":"a","output":"b","usage":{"input":"x"}}', "a.jsonl:1: usage", "cannot be read"),
        (b'{"input":"a","output":"b","latency":-1}', "a.jsonl:1: latency", "no latency"),
        (b'{"request":{"model":"m"},"response":{}}', "a.jsonl:1: request", "messages"),
        (
            b'{"request":{"model":"m","messages":[{"role":"user","content":"x"}]},"response":{},"status":"ok"}',
            "a.jsonl:1: status",
            "status",
        ),
        (
            b'{"request":{"model":"m","messages":[{"role":"user","content":"x"}]},"response":{},"headers":[1]}',
            "a.jsonl:1: headers",
            "headers",
        ),
    ],
)
async def test_what_is_wrong_in_a_file_is_named_with_its_line(tmp_path, text, where, words):
    with pytest.raises(InputError, match=words) as caught:
        await loaded(tmp_path / "a.jsonl", text)
    assert caught.value.where == str(tmp_path / where)
    assert caught.value.fix


async def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        await send(RecordedTransport(tmp_path / "missing.jsonl"))
    with pytest.raises(InputError, match="cannot be read"):
        await loaded(tmp_path / "a.jsonl.gz", b"not packed")
    with pytest.raises(InputError, match="cannot be read"):
        await loaded(tmp_path / "a.jsonl.gz", gzip.compress(json.dumps(SUMS).encode() * 50)[:-9])


async def test_a_host_with_recorded_answers(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(SUMS))
    clock = FakeClock()
    host = Host("h", recorded={"path": "a.jsonl", "latency": 1, "chunk_bytes": 9})
    transport = from_host(host, tmp_path, clock)
    assert (await reply(transport)).text == "It is 4."
    assert clock.slept == [1]
    assert len(await anext((await send(transport)).chunks())) == 9


@pytest.mark.parametrize(
    ("recorded", "words"),
    [
        ({"path": "a", "latncy": 1}, "Did you mean 'latency'"),
        ({"latency": 1}, "path"),
        ({"path": "a", "fail_rate": 2}, "fail_rate"),
        ({"path": "a", "fail_status": "x"}, "fail_status"),
        ({"path": ""}, "path"),
    ],
)
def test_settings_that_cannot_be_used(tmp_path, recorded, words):
    with pytest.raises(SettingsError, match=words) as caught:
        from_host(Host("h", recorded=recorded), tmp_path, FakeClock())
    assert caught.value.where.startswith("hosts.h.recorded")


async def test_the_public_test_doubles(tmp_path):
    clock = FakeClock()
    client = recorded_client([SUMS], clock=clock)
    engine = recorded_engine("m@h")
    assert engine.name == "m@h"
    upstream = await client.open(engine, CHAT, body(), stream=False, deadline=clock.monotonic() + 10)
    assert CHAT.read_reply(await upstream.read()).text == "It is 4."
    (tmp_path / "a.jsonl").write_text(json.dumps(SUMS))
    replayed = recorded_engine(path=str(tmp_path / "a.jsonl"))
    upstream = await client.open(replayed, CHAT, body(), stream=False, deadline=clock.monotonic() + 10)
    assert CHAT.read_reply(await upstream.read()).text == "It is 4."
    await client.close()
