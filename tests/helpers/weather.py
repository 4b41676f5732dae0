"""Hosts that are well, slow, full or down, by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from scripts import Theatre, streamed

from weighbridge import dialects
from weighbridge.canon import Engine, Message, Reply, Request, Route, TextPart, Usage
from weighbridge.canon.replies import Choice
from weighbridge.engines.transport import HttpRequest, HttpResponse
from weighbridge.errors import UnreachableError
from weighbridge.exchange import Call, Road
from weighbridge.exchange.steering import Steering
from weighbridge.settings import Resilience

CHAT = dialects.get("openai-chat")
USAGE = Usage(input=9, output=4)


class Weather(msgspec.Struct):
    """How a host does. `begins`: seconds until its answer's first byte; `breaks`: after its first event."""

    status: int = 200
    headers: dict[str, str] = {}
    begins: float = 0.0
    down: bool = False
    breaks: bool = False


class Sky:
    """A transport on which each host does as its weather says: one, or one that depends on the time."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self.over: dict[str, Weather | Callable[[float], Weather]] = {}
        self.asked: list[str] = []
        self.open = 0  # answers under way

    async def send(self, request: HttpRequest, *, connect_timeout: float, read_timeout: float) -> HttpResponse:
        host = (urlsplit(request.url).hostname or "").removesuffix(".test")
        self.asked.append(host)
        found = self.over.get(host, Weather())
        weather = found if isinstance(found, Weather) else found(self._town.clock.monotonic())
        await self._town.wait(weather.begins)
        if weather.down:
            raise UnreachableError("Nobody is there.")
        return _Answer(self, weather, stream=bool(msgspec.json.decode(request.body).get("stream")))

    async def close(self) -> None:
        pass


class _Answer:
    def __init__(self, sky: Sky, weather: Weather, *, stream: bool) -> None:
        self.status = weather.status
        self.headers = weather.headers
        self._sky = sky
        self._breaks = weather.breaks
        reply = Reply(
            id="r1", model="m", choices=(Choice(parts=(TextPart("Hello."),), finish="stop"),), usage=USAGE, created=1
        )
        self._body = b"{}" if self.status != 200 else streamed(CHAT, reply) if stream else CHAT.write_reply(reply)[0]
        self._closed = False
        sky.open += 1

    async def chunks(self) -> AsyncIterator[bytes]:
        half = len(self._body) * 2 // 3
        yield self._body[:half]
        if self._breaks:
            raise UnreachableError("The line broke.")
        yield self._body[half:]

    async def read(self, limit: int) -> bytes:
        return self._body[:limit]

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._sky.open -= 1


class Town(Theatre):
    """A road to hosts under a sky.

    Args:
        engines: Who may answer.
        route: How the route `r` differs from one that asks all of them in order.
    """

    def __init__(self, engines: Iterable[Engine], *, settings: Resilience | None = None, **route: Any) -> None:
        first, *others = engines
        made = Route("r", first.name, tuple(one.name for one in others), **route)
        super().__init__(first, *others, routes=[made])
        self.sky = Sky(self)
        self.stage = self.sky  # type: ignore[assignment]
        self.steering = Steering(settings or Resilience(), clock=self.clock)

    def way(self, **more: Any) -> Road:
        """A worker's road, which learns."""
        return self.road(steering=self.steering, **more)

    async def wait(self, seconds: float) -> None:
        """Until the test has moved the clock so far."""
        over = asyncio.Event()
        timer = self.clock.call_later(seconds, over.set)
        try:
            if seconds > 0:
                await over.wait()
        finally:
            timer.cancel()

    async def pass_time(self, seconds: float, step: float = 0.5) -> None:
        """Move the clock, in steps in which everyone gets to run."""
        await self.settle()
        for _ in range(round(seconds / step)):
            self.clock.advance(step)
            await self.settle()

    async def settle(self) -> None:
        """Let everyone run who can."""
        for _ in range(25):
            await asyncio.sleep(0)


def ask(*, stream: bool = False, conversation: str = "", model: str = "r", **more: Any) -> Call:
    """A question."""
    request = Request(model, (Message("user", (TextPart("hi"),)),), stream=stream, stream_usage=stream)
    return Call(request, conversation=conversation, **more)
