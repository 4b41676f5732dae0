"""How the bytes of a recorded answer come: in pieces, with pauses, and broken off where that is wanted."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from msgspec import Struct

from weighbridge.engines.clock import Clock
from weighbridge.engines.transport import place, too_large
from weighbridge.errors import BrokenAnswerError, DeadlineError

_EVENT = re.compile(rb".+?(?:\r\n\r\n|\n\n|\Z)", re.DOTALL)


class Pace(Struct, frozen=True):
    """How an answer's bytes come: how many at once, with what pauses (seconds), and after how many they break off."""

    chunk: int = 0
    seconds: float = 0.0
    disconnect_after: int | None = None


class RecordedResponse:
    """A recorded answer under way; see `HttpResponse`. `aborted` is called if it is closed before its end."""

    def __init__(
        self,
        url: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        pace: Pace,
        read_timeout: float,
        clock: Clock,
        aborted: Callable[[], None],
    ) -> None:
        self.status = status
        self.headers = headers
        self._aborted = aborted
        self._url = url
        self._body = body
        self._pace = pace
        self._read_timeout = read_timeout
        self._clock = clock
        self._open = True

    async def read(self, limit: int) -> bytes:
        """The whole body; see `HttpResponse.read`."""
        found = bytearray()
        async for chunk in self.chunks():
            found += chunk
            if len(found) > limit:
                await self.close()
                raise too_large(limit, place(self._url))
        return bytes(found)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces, with the pauses that were set."""
        pace, sent = self._pace, 0
        for chunk in self._pieces():
            if sent and pace.seconds:
                await pause(self._clock, pace.seconds, self._read_timeout, self._url)
            if not self._open:
                return
            left = None if pace.disconnect_after is None else pace.disconnect_after - sent
            if left is not None and left < len(chunk):
                if left > 0:
                    yield chunk[:left]
                self._open = False
                raise BrokenAnswerError(
                    f"The connection broke after {pace.disconnect_after} bytes, as the recorded host was told to.",
                    where=place(self._url),
                    fix="Unset its disconnect_after.",
                )
            sent += len(chunk)
            yield chunk
        self._open = False

    async def close(self) -> None:
        """Break off."""
        if self._open:
            self._open = False
            self._aborted()

    def _pieces(self) -> Iterable[bytes]:
        size = self._pace.chunk
        if size:
            return (self._body[i : i + size] for i in range(0, len(self._body), size))
        if self.headers.get("content-type", "").startswith("text/event-stream"):
            return (match[0] for match in _EVENT.finditer(self._body))
        return [self._body] if self._body else []


async def pause(clock: Clock, seconds: float, limit: float, url: str) -> None:
    """Wait, but not longer than the read timeout allows.

    Raises:
        DeadlineError: `seconds` is more than `limit`.
    """
    if seconds > limit:
        await clock.sleep(limit)
        raise DeadlineError(
            f"Nothing came for {limit:g} s.", where=place(url), fix="Try again, or raise client.read_timeout."
        )
    if seconds > 0:
        await clock.sleep(seconds)
