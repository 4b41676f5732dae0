"""Writing answers: whole ones, streams and errors, as ASGI messages.

`await send` returns when the client has room for more, so a slow client slows the engine and fills no memory.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from weighbridge.canon import Failure
from weighbridge.dialects.base import Dialect
from weighbridge.errors import EngineError, WeighbridgeError
from weighbridge.exchange import StreamedAnswer, WholeAnswer

Send = Callable[[Any], Awaitable[None]]
Pairs = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
_EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
# Proxies on the way must pass events on as they come.
_NO_CACHE = (b"cache-control", b"no-cache, no-transform")
_NO_BUFFER = (b"x-accel-buffering", b"no")
CLOSE = (b"connection", b"close")
PREFLIGHT: Pairs = [
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"authorization, content-type, x-weighbridge-conversation"),
    (b"access-control-max-age", b"600"),
]


async def whole(send: Send, status: int, headers: Pairs, body: bytes) -> None:
    """Send an answer in one piece."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def json(send: Send, value: Any, *, status: int = 200, headers: Pairs | None = None) -> None:
    """Send a value as JSON."""
    await whole(send, status, [JSON, *(headers or [])], msgspec.json.encode(value))


async def error(
    send: Send, problem: WeighbridgeError, dialect: Dialect, *, headers: Pairs, status: int | None = None
) -> None:
    """Send an error as the client's dialect words it; with `status` under another status than the dialect's."""
    usual, body = dialect.write_error(problem)
    if isinstance(problem, EngineError) and problem.retry_after is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(max(0.0, problem.retry_after))))
    await whole(send, usual if status is None else status, [JSON, *headers], body)


class Stream:
    """A streamed answer on its way to the client.

    Args:
        send: ASGI's.
        dialect: What the client speaks.
        headers: What goes with the answer.
    """

    def __init__(self, send: Send, dialect: Dialect, headers: Pairs) -> None:
        self._send = send
        self._dialect = dialect
        self._headers = headers
        self.started = False

    async def relay(self, answer: StreamedAnswer) -> None:
        """Send every chunk as it comes, then the end."""
        await self._start()
        async for chunk in answer.chunks():
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def fail(self, code: str, message: str) -> None:
        """Tell in the stream that it ends here."""
        writer = self._dialect.writer(id="", model="", created=0, usage=False)
        await self._send({"type": "http.response.body", "body": writer.write(Failure(code, message))})

    async def _start(self) -> None:
        self.started = True
        headers = [_EVENT_STREAM, _NO_CACHE, _NO_BUFFER, *self._headers]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})


def cors(origin: bytes) -> Pairs:
    """What lets a page of an origin that was admitted read the answer."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"x-weighbridge-engine, x-weighbridge-plan, x-weighbridge-trace"),
        (b"vary", b"origin"),
    ]


def told(answer: WholeAnswer | StreamedAnswer) -> Pairs:
    """The headers that say who answered, under which plan, with which trace and losses."""
    headers = [
        (b"x-weighbridge-engine", ascii_of(answer.engine)),
        (b"x-weighbridge-plan", b"%d" % answer.plan),
        (b"x-weighbridge-trace", answer.trace_id.encode()),
    ]
    if answer.losses:
        headers.append((b"x-weighbridge-loss", b"%d" % len(answer.losses)))
    return headers


def ascii_of(text: str) -> bytes:
    """A name as a header can carry it."""
    return text.encode("ascii", "replace")
