"""Streamed answers on their way to a client, and what keeps them alive while an engine thinks.

`await send` returns when the client has room for more, so a slow client slows the engine and fills no memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from weighbridge.gateway.answers import JSON, Pairs, Send

HEARTBEAT = b": weighbridge\n\n"
"""A comment: every client's parser passes over it, while an event of ours would break some."""

_EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
# Proxies on the way must pass events on as they come.
_NO_CACHE = (b"cache-control", b"no-cache, no-transform")
_NO_BUFFER = (b"x-accel-buffering", b"no")
_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")  #: of an event
_LONGEST_END = 4
_STEPS = 4  #: of the timer within the time after which a stream counts as quiet
SENDING = -(1 << 60)  #: so few steps that no beat comes


class Form(Protocol):
    """Another form of a stream than events: takes their bytes and gives its own."""

    def feed(self, chunk: bytes) -> bytes:
        """What can be written by now."""
        ...

    def close(self) -> bytes:
        """What ends it."""
        ...


class Heartbeat:
    """Calls `beat` whenever nothing was sent for a while. One timer, however many chunks pass.

    Whoever sends something sets `quiet` to `SENDING` before and to 0 after: the timer alone looks at the time.

    Args:
        seconds: How long; a beat may come up to a quarter later.
        beat: Sends a sign of life.
        loop: Gives timers.
    """

    def __init__(self, seconds: float, beat: Callable[[], Awaitable[None]], loop: asyncio.AbstractEventLoop) -> None:
        self._step = seconds / _STEPS
        self._beat = beat
        self._loop = loop
        #: steps of the timer since something was sent
        self.quiet = 0
        #: the beat under way: nothing may be sent beside it
        self.beating: asyncio.Task[None] | None = None
        self._timer = loop.call_later(self._step, self._tick)

    def stop(self) -> None:
        """No more beats."""
        self._timer.cancel()
        if self.beating is not None:
            self.beating.cancel()

    def _tick(self) -> None:
        self.quiet += 1
        if self.quiet > _STEPS:
            self.quiet = SENDING
            self.beating = self._loop.create_task(self._run())
        self._timer = self._loop.call_later(self._step, self._tick)

    async def _run(self) -> None:
        try:
            await self._beat()
        finally:
            self.quiet = 0
            self.beating = None


class Stream:
    """A streamed answer.

    Args:
        send: ASGI's.
        told: The headers that go with the answer; read when it starts.
        early: Those that are known before there is an answer.
        form: Another form than events, for a client that asked for it.
    """

    def __init__(self, send: Send, told: Pairs, *, early: Pairs | None = None, form: Form | None = None) -> None:
        self._send = send
        self._told = told
        self._early = early or []
        self._form = form
        self._heart: Heartbeat | None = None
        self._tail = b""
        self.started = False

    def keep_alive(self, seconds: float) -> None:
        """From now on send a comment whenever nothing was sent for so long; 0: never.

        An answer that takes this long to begin is begun by the first comment, with status 200: what fails afterwards
        can only be told in the stream.
        """
        if seconds > 0 and self._form is None:
            self._heart = Heartbeat(seconds, self._beat, asyncio.get_running_loop())

    def stop(self) -> None:
        """No more comments."""
        if self._heart is not None:
            self._heart.stop()

    async def relay(self, chunks: AsyncIterator[bytes]) -> None:
        """Send every chunk as it comes, then the end."""
        await self._alone()
        if not self.started:
            await self._start(self._told)
        if self._form is not None:
            chunks = _in_form(chunks, self._form)
        if self._heart is None:
            async for chunk in chunks:
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        else:
            await self._beside(self._heart, chunks)
        await self._end(b"")

    async def fail(self, data: bytes) -> None:
        """Tell in the stream that it ends here; `data` are the events that say so."""
        await self._end(data if self._form is None else self._form.feed(data))

    async def _end(self, data: bytes) -> None:
        await self._alone()
        self.stop()
        if self._form is not None:
            data += self._form.close()
        await self._send({"type": "http.response.body", "body": data})

    async def _beside(self, heart: Heartbeat, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            if heart.beating is not None:
                await heart.beating
            heart.quiet = SENDING
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            self._tail = chunk if len(chunk) >= _LONGEST_END else self._tail[-_LONGEST_END:] + chunk
            heart.quiet = 0

    async def _alone(self) -> None:
        """Wait for a comment that is just being sent."""
        if self._heart is not None and self._heart.beating is not None:
            await asyncio.wait([self._heart.beating])

    async def _beat(self) -> None:
        if not self.started:
            await self._start(self._told + self._early)
        # Never in the middle of an event: on the fast lane a chunk may end anywhere.
        if not self._tail or self._tail.endswith(_ENDS):
            await self._send({"type": "http.response.body", "body": HEARTBEAT, "more_body": True})

    async def _start(self, headers: Pairs) -> None:
        self.started = True
        kind = _EVENT_STREAM if self._form is None else JSON
        start = {"type": "http.response.start", "status": 200, "headers": [kind, _NO_CACHE, _NO_BUFFER, *headers]}
        await self._send(start)


async def _in_form(chunks: AsyncIterator[bytes], form: Form) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        if data := form.feed(chunk):
            yield data
