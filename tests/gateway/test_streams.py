"""Streams to clients: comments while an engine thinks, never within an event, and the list form."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from weighbridge import dialects
from weighbridge.canon import Failure
from weighbridge.dialects.gemini_generate.array import AsArray
from weighbridge.gateway.streams import HEARTBEAT, Heartbeat, Stream

CHAT = dialects.get("openai-chat")


def failure():
    return CHAT.writer(id="", model="", created=0, usage=False).write(Failure("overloaded", "Too much."))


class Timers:
    """A loop whose time is ours; tasks run on the real one."""

    def __init__(self):
        self.now = 100.0
        self.due: list[Any] = []

    def call_later(self, seconds, callback):
        timer = Timer(self.now + seconds, callback)
        self.due.append(timer)
        return timer

    def create_task(self, work):
        return asyncio.get_running_loop().create_task(work)

    async def go(self, seconds):
        """Let time pass, timer by timer, and let everything run that this started."""
        end = self.now + seconds
        while ready := [timer for timer in self.due if timer.at <= end]:
            first = min(ready, key=lambda timer: timer.at)
            self.due.remove(first)
            self.now = max(self.now, first.at)
            if not first.cancelled:
                first.callback()
            for _ in range(5):
                await asyncio.sleep(0)
        self.now = end


class Timer:
    def __init__(self, at, callback):
        self.at = at
        self.callback = callback
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Out:
    """ASGI's send, which a test may hold."""

    def __init__(self):
        self.messages: list[Any] = []
        self.free = asyncio.Event()
        self.free.set()

    async def __call__(self, message):
        await self.free.wait()
        self.messages.append(message)

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.messages)


@pytest.fixture
def timers():
    return Timers()


def alive(stream, timers, seconds=10.0):
    """As `keep_alive`, with a loop of the test's own."""
    stream._heart = Heartbeat(seconds, stream._beat, timers)
    return stream


async def chunks(queue):
    while (chunk := await queue.get()) is not None:
        yield chunk


async def settle():
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_quiet_stream_gets_comments(timers):
    """After ten seconds, or up to a quarter later."""
    out, queue = Out(), asyncio.Queue[bytes | None]()
    stream = alive(Stream(out, [(b"a", b"b")]), timers)
    relaying = asyncio.create_task(stream.relay(chunks(queue)))
    queue.put_nowait(b"data: 1\n\n")
    await settle()
    await timers.go(9)
    assert out.body == b"data: 1\n\n"
    await timers.go(4)
    assert out.body == b"data: 1\n\n" + HEARTBEAT
    await timers.go(9)
    queue.put_nowait(b"data: 2\n\n")  # in time: the next comment is ten seconds from here
    await settle()
    await timers.go(10)
    assert out.body.count(HEARTBEAT) == 1
    await timers.go(3)
    assert out.body.count(HEARTBEAT) == 2
    await timers.go(50)
    assert out.body.count(HEARTBEAT) == 6
    queue.put_nowait(None)
    await relaying
    await timers.go(100)
    assert out.body.count(HEARTBEAT) == 6
    assert out.messages[0]["status"] == 200
    assert (b"a", b"b") in out.messages[0]["headers"]
    assert "more_body" not in out.messages[-1]
    assert all(timer.cancelled for timer in timers.due)


@pytest.mark.parametrize(
    ("pieces", "whole"),
    [
        ([b"data: 1\n"], False),
        ([b"data: 1\n", b"\n"], True),
        ([b"data: 1\r\n\r\n"], True),
        ([b"data: 1\r\n\r", b"\n"], True),
        ([b"data: 1\r\n\r"], False),
        ([b"data: 1\r\r"], True),
        ([b"data: 1\n\n", b"d"], False),
        ([b"data: 1", b"\n", b"\n"], True),
    ],
)
async def test_comments_stand_between_events(timers, pieces, whole):
    out, queue = Out(), asyncio.Queue[bytes | None]()
    stream = alive(Stream(out, []), timers)
    relaying = asyncio.create_task(stream.relay(chunks(queue)))
    for piece in pieces:
        queue.put_nowait(piece)
    await settle()
    await timers.go(13)
    assert out.body == b"".join(pieces) + (HEARTBEAT if whole else b"")
    queue.put_nowait(None)
    await relaying


async def test_an_answer_that_takes_long_is_begun_by_a_comment(timers):
    out = Out()
    told = [(b"vary", b"origin")]
    stream = alive(Stream(out, told, early=[(b"x-weighbridge-trace", b"t")]), timers)
    await timers.go(10)
    assert not stream.started
    await timers.go(3)
    assert stream.started
    assert out.messages[0]["status"] == 200
    assert out.messages[0]["headers"][-2:] == [(b"vary", b"origin"), (b"x-weighbridge-trace", b"t")]
    assert out.body == HEARTBEAT
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()
    queue.put_nowait(b"data: 1\n\n")
    queue.put_nowait(None)
    await stream.relay(chunks(queue))
    assert out.body == HEARTBEAT + b"data: 1\n\n"
    assert [message["type"] for message in out.messages].count("http.response.start") == 1


async def test_what_fails_after_a_comment_is_told_in_the_stream(timers):
    out = Out()
    stream = alive(Stream(out, []), timers)
    await timers.go(13)
    await stream.fail(failure())
    last = out.messages[-1]
    assert b'"overloaded"' in last["body"]
    assert "more_body" not in last


async def test_nothing_is_sent_beside_something_else(timers):
    """A client that does not read holds the chunk; no comment may overtake it, nor stand in line behind it."""
    out, queue = Out(), asyncio.Queue[bytes | None]()
    stream = alive(Stream(out, []), timers)
    relaying = asyncio.create_task(stream.relay(chunks(queue)))
    await settle()
    out.free.clear()
    queue.put_nowait(b"data: 1\n\n")
    await settle()
    await timers.go(100)
    out.free.set()
    await settle()
    assert out.body == b"data: 1\n\n"
    out.free.clear()
    await timers.go(13)  # a comment on its way, held
    queue.put_nowait(b"data: 2")
    await settle()
    out.free.set()
    await settle()
    assert out.body == b"data: 1\n\n" + HEARTBEAT + b"data: 2"
    queue.put_nowait(None)
    await relaying


async def test_no_comments_where_none_are_wanted():
    out = Out()
    stream = Stream(out, [])
    stream.keep_alive(0)
    assert stream._heart is None
    listed = Stream(out, [], form=AsArray())
    listed.keep_alive(1)
    assert listed._heart is None
    stream.keep_alive(1)
    stream.stop()
    listed.stop()


async def test_the_list_form():
    out, queue = Out(), asyncio.Queue[bytes | None]()
    for chunk in (b'data: {"a"', b": 1}\n\nda", b'ta: {"b": 2}\r\n\r\n', None):
        queue.put_nowait(chunk)
    await Stream(out, [], form=AsArray()).relay(chunks(queue))
    assert json.loads(out.body) == [{"a": 1}, {"b": 2}]
    assert dict(out.messages[0]["headers"])[b"content-type"] == b"application/json"


async def test_a_list_that_fails_is_still_a_list():
    out, queue = Out(), asyncio.Queue[bytes | None]()
    queue.put_nowait(b'data: {"a": 1}\n\n')
    stream = Stream(out, [], form=AsArray())
    relaying = asyncio.create_task(stream.relay(chunks(queue)))
    await settle()
    relaying.cancel()
    await stream.fail(failure())
    first, error = json.loads(out.body)
    assert first == {"a": 1}
    assert error["error"]["code"] == "overloaded"
