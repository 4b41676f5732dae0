"""An engine that answers from recorded exchanges: the public test double, and a way to weigh answers already paid for.

Delays, failures and broken connections can be set, so that what an application does about them can be tried out.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs

from weighbridge.canon import Host, Reply, Request
from weighbridge.dialects import get
from weighbridge.dialects.base import Dialect
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.dialects.upstream_errors import classify
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.recording import MAX_DEPTH, Recording, Row, load, question_of
from weighbridge.engines.transport import HttpRequest, HttpResponse, place, too_large
from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    EngineError,
    InputError,
    SettingsError,
    UnknownModelError,
    UnreachableError,
    did_you_mean,
)

_OK = 200
_REMEMBERED = 1000
_EVENT = re.compile(rb".+?(?:\r\n\r\n|\n\n|\Z)", re.DOTALL)


class Options(Struct, frozen=True, forbid_unknown_fields=True):
    """What `[hosts.NAME.recorded]` may say."""

    path: Annotated[str, Meta(min_length=1, description="JSONL file of exchanges or answers; also packed with gzip.")]
    latency: Annotated[float, Meta(ge=0, le=3600, description="Seconds before an answer begins.")] = 0.0
    chunk_bytes: Annotated[int, Meta(ge=0, description="Bytes that come at once; 0: one event of a stream.")] = 0
    chunk_seconds: Annotated[float, Meta(ge=0, le=3600, description="Seconds between two chunks.")] = 0.0
    fail_rate: Annotated[float, Meta(ge=0, le=1, description="Share of requests that fail.")] = 0.0
    fail_status: Annotated[int, Meta(ge=0, le=599, description="Their HTTP status; 0: no connection at all.")] = 500
    retry_after: Annotated[float, Meta(ge=0, le=86400, description="Seconds that a failure asks to wait.")] | None = (
        None
    )
    disconnect_after: Annotated[int, Meta(ge=0, description="Bytes after which the connection breaks.")] | None = None
    seed: Annotated[int, Meta(description="Seed of the failures.")] = 0


def from_host(host: Host, folder: Path, clock: Clock = SYSTEM) -> RecordedTransport:
    """The transport of a host with recorded answers. Its file is read when the first request comes.

    Raises:
        SettingsError: A key is unknown, or a value has the wrong type or is out of range.
    """
    where = f"hosts.{host.name}.recorded"
    for key in host.recorded:
        if key not in Options.__struct_fields__:
            raise SettingsError(
                f"Unknown setting '{key}'.", where=where, fix=did_you_mean(key, Options.__struct_fields__)
            )
    try:
        options = msgspec.convert(host.recorded, Options)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$.")
        raise SettingsError(
            f"{message}.", where=f"{where}.{field.rstrip('`')}".rstrip("."), fix="Correct the value."
        ) from error
    values = structs.asdict(options)
    path = folder / Path(values.pop("path")).expanduser()
    return RecordedTransport(path, dialect=get(host.dialect), chunk=values.pop("chunk_bytes"), clock=clock, **values)


class RecordedTransport:
    """Answers every request from a recording.

    A request for a stream gets one although its answer was recorded whole, and the other way round. What was not
    recorded gets a 404 that names the nearest question.

    Args:
        source: A JSONL file, or rows as objects: `{"request": {...}, "response": ..., "status": 200, "headers": {}}`
            with `response` an object or a raw event stream, or `{"input": ..., "output": "...", "usage": {}}`.
        dialect: The dialect of requests and answers; a name or the dialect itself.
        latency: Seconds before an answer begins; a row's own `latency` goes first.
        chunk: Bytes that come at once; with 0 streams come event by event and whole answers at once.
        chunk_seconds: Seconds between two chunks.
        fail_rate: Share of the requests that fail, drawn with `seed`.
        fail_status: HTTP status of these failures; 0 makes no connection at all.
        retry_after: Seconds that a failure asks to wait.
        disconnect_after: Bytes of an answer after which its connection breaks; None never breaks it.
        seed: Seed of the failures.
        clock: Time.

    Attributes:
        requests: The last requests, oldest first.
        aborted: How many answers were closed before their end.
    """

    def __init__(
        self,
        source: Path | str | Iterable[dict[str, Any]],
        *,
        dialect: Dialect | str = "openai-chat",
        latency: float = 0.0,
        chunk: int = 0,
        chunk_seconds: float = 0.0,
        fail_rate: float = 0.0,
        fail_status: int = 500,
        retry_after: float | None = None,
        disconnect_after: int | None = None,
        seed: int = 0,
        clock: Clock = SYSTEM,
    ) -> None:
        self.requests: deque[HttpRequest] = deque(maxlen=_REMEMBERED)
        self.aborted = 0
        self._source = Path(source) if isinstance(source, str) else source
        self._dialect = get(dialect) if isinstance(dialect, str) else dialect
        self._latency = latency
        self._pace = Pace(chunk, chunk_seconds, disconnect_after)
        self._fail_rate = fail_rate
        self._fail_status = fail_status
        self._retry_after = retry_after
        self._rng = random.Random(seed)  # noqa: S311 - failures that can be repeated, nothing secret
        self._clock = clock
        self._lock = asyncio.Lock()
        self._recording: Recording | None = None
        if not isinstance(self._source, Path):
            self._recording = load(self._source, self._dialect)

    async def send(self, request: HttpRequest, *, connect_timeout: float, read_timeout: float) -> HttpResponse:
        """Answer a request; see `Transport.send`.

        Raises:
            InputError: The recording cannot be used; `where` names the file and its line.
        """
        del connect_timeout  # nothing is connected
        recording = await self._load()
        self.requests.append(request)
        latency = self._latency
        row: Row | None = None
        if self._fail_rate and self._rng.random() < self._fail_rate:
            status, headers, body = self._failure(request)
        else:
            status, headers, body, row = self._answer(request, recording)
        if row is not None and row.latency is not None:
            latency = row.latency
        await pause(self._clock, latency, read_timeout, request.url)
        return RecordedResponse(self, request.url, status, headers, body, self._pace, read_timeout, self._clock)

    async def close(self) -> None:
        """Nothing to close: there are no connections."""

    async def _load(self) -> Recording:
        if self._recording is None:
            async with self._lock:
                if self._recording is None:
                    self._recording = await asyncio.to_thread(load, self._source, self._dialect)
        return self._recording

    def _failure(self, request: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        if self._fail_status == 0:
            raise UnreachableError(
                "No connection: the recorded host plays dead.", where=place(request.url), fix="Lower its fail_rate."
            )
        kind = classify(self._fail_status, "", "")
        headers = {} if self._retry_after is None else {"retry-after": f"{self._retry_after:g}"}
        told = kind(f"The recorded host fails with {self._fail_status}, as it was told to.")
        return self._fail_status, {"content-type": "application/json", **headers}, self._dialect.write_error(told)[1]

    def _answer(self, request: HttpRequest, recording: Recording) -> tuple[int, dict[str, str], bytes, Row | None]:
        plain = {"content-type": "application/json"}
        try:
            asked = self._dialect.read_request(request.body, max_depth=MAX_DEPTH)
        except InputError as error:
            status, body = self._dialect.write_error(error)
            return status, plain, body, None
        row = recording.find(asked)
        if row is None:
            return 404, plain, self._dialect.write_error(_unknown(asked, recording))[1], None
        try:
            status, kind, body = self._shape(row, asked)
        except EngineError as error:
            status, body = self._dialect.write_error(error)
            return status, plain, body, row
        return status, {"content-type": kind, **row.headers}, body, row

    def _shape(self, row: Row, asked: Request) -> tuple[int, str, bytes]:
        """A row's status, content type and body, streamed or whole as the request wants it."""
        whole, streamed = "application/json", "text/event-stream"
        if row.status != _OK:
            return row.status, whole, row.body or row.events
        if row.events and asked.stream:
            return _OK, streamed, row.events
        if row.body and not asked.stream:
            return _OK, whole, row.body
        reply = self._reply(row, asked)
        if not asked.stream:
            return _OK, whole, self._dialect.write_reply(reply, asked)[0]
        writer = self._dialect.writer(id=reply.id, model=reply.model, created=reply.created, usage=asked.stream_usage)
        pieces = [writer.write(event) for event in unfold(reply, words=True)]
        return _OK, streamed, b"".join(pieces) + writer.close()

    def _reply(self, row: Row, asked: Request) -> Reply:
        if row.reply is not None:
            made_id = f"recorded-{row.key.hex()[:24]}"
            return structs.replace(row.reply, id=made_id, model=asked.model, created=int(self._clock.now()))
        if row.body:
            return self._dialect.read_reply(row.body)
        reader = self._dialect.reader()
        fold = Fold.of(reader.feed(row.events) + reader.close())
        if fold.failure:
            raise BrokenAnswerError(fold.failure.message, fix="Ask for a stream, or record the exchange again.")
        return fold.reply()


class Pace(Struct, frozen=True):
    """How an answer's bytes come: how many at once, with what pauses (seconds), and after how many they break off."""

    chunk: int = 0
    seconds: float = 0.0
    disconnect_after: int | None = None


class RecordedResponse:
    """A recorded answer under way; see `HttpResponse`."""

    def __init__(
        self,
        transport: RecordedTransport,
        url: str,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        pace: Pace,
        read_timeout: float,
        clock: Clock,
    ) -> None:
        self.status = status
        self.headers = headers
        self._transport = transport
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
            self._transport.aborted += 1

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


def _unknown(asked: Request, recording: Recording) -> UnknownModelError:
    near = recording.nearest(asked)
    return UnknownModelError(
        f"No recorded answer for {question_of(asked)[:200]!r}.",
        fix=f"The nearest recorded question is {near!r}." if near else "Nothing is recorded.",
    )
