"""An engine that answers from recorded exchanges: the public test double, and a way to weigh answers already paid for.

Delays, failures and broken connections can be set, so that what an application does about them can be tried out.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, structs

from weighbridge.canon import Begin, Choice, Event, Host, Reply, Request, ToolCallPart
from weighbridge.dialects import get
from weighbridge.dialects.base import Dialect
from weighbridge.dialects.fold import Fold, unfold
from weighbridge.dialects.upstream_errors import classify
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.pacing import Pace, RecordedResponse, pause
from weighbridge.engines.recorded_rows import MAX_DEPTH, load, named
from weighbridge.engines.recording import Order, Recording, Row, key_of, question_of
from weighbridge.engines.transport import HttpRequest, HttpResponse, place
from weighbridge.errors import (
    BrokenAnswerError,
    EngineError,
    InputError,
    SettingsError,
    UnknownModelError,
    UnreachableError,
    did_you_mean,
)

_OK = 200
_REMEMBERED = 1000


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
    order: Annotated[
        Order,
        Meta(description="What decides on the answer: the question, the number of the engine's turn, or the sequence."),
    ] = "question"


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

    A request for a stream gets one although its answer was recorded whole, and the other way round. Answers recorded
    in another dialect are told in this one. What was not recorded gets a 404 that names the nearest question.

    Args:
        source: A JSONL file, or rows as objects: `{"request": {...}, "response": ..., "status": 200, "headers": {}}`
            with `response` an object or a raw event stream, also with `dialect` and `path` where it was recorded in
            another dialect; or `{"input": ..., "output": "...", "reasoning": "...", "tool_calls": [{"name": "...",
            "arguments": {}}], "usage": {}}`. A row with `"when": {"last": "...", "system": "...", "tools": true}`
            answers whatever fits it, before all others.
        dialect: The dialect of requests and answers; a name or the dialect itself.
        latency: Seconds before an answer begins; a row's own `latency` goes first.
        chunk: Bytes that come at once; with 0 streams come event by event and whole answers at once.
        chunk_seconds: Seconds between two chunks.
        fail_rate: Share of the requests that fail, drawn with `seed`.
        fail_status: HTTP status of these failures; 0 makes no connection at all.
        retry_after: Seconds that a failure asks to wait.
        disconnect_after: Bytes of an answer after which its connection breaks; None never breaks it.
        seed: Seed of the failures.
        order: What decides on the answer: `question`; `turn`, the first row for the engine's first turn and so on,
            which plays a script to an agent; `sequence`, the next row for each request. Rows need no `input` then.
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
        order: Order = "question",
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
        self._order: Order = order
        self._clock = clock
        self._lock = asyncio.Lock()
        self._recording: Recording | None = None
        if not isinstance(self._source, Path):
            self._recording = load(self._source, self._dialect, order)

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
        return RecordedResponse(
            request.url, status, headers, body, self._pace, read_timeout, self._clock, self._was_aborted
        )

    async def close(self) -> None:
        """Nothing to close: there are no connections."""

    def _was_aborted(self) -> None:
        self.aborted += 1

    async def _load(self) -> Recording:
        if self._recording is None:
            async with self._lock:
                if self._recording is None:
                    self._recording = await asyncio.to_thread(load, self._source, self._dialect, self._order)
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
        model, stream = named(request.url)
        try:
            asked = self._dialect.read_request(request.body, max_depth=MAX_DEPTH, model=model, stream=stream)
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
            return status, {**row.headers, **plain}, body, row
        return status, {"content-type": kind, **row.headers}, body, row

    def _shape(self, row: Row, asked: Request) -> tuple[int, str, bytes]:
        """A row's status, content type and body, streamed or whole as the request wants it."""
        whole, streamed = "application/json", "text/event-stream"
        own = row.dialect.name == self._dialect.name
        if row.status != _OK:
            told = row.body or row.events
            if own:
                return row.status, whole, told
            raise row.dialect.read_error(row.status, row.headers, told, engine="recorded")
        if own and row.events and asked.stream:
            return _OK, streamed, row.events
        if own and row.body and not asked.stream:
            return _OK, whole, row.body
        if row.events and asked.stream:
            reader = row.dialect.reader()
            return _OK, streamed, self._stream([*reader.feed(row.events), *reader.close()], asked)
        reply = self._reply(row, asked)
        if asked.stream:
            return _OK, streamed, self._stream(list(unfold(reply, words=True)), asked)
        return _OK, whole, self._dialect.write_reply(reply, asked)[0]

    def _stream(self, events: list[Event], asked: Request) -> bytes:
        begin = next((event for event in events if isinstance(event, Begin)), Begin())
        writer = self._dialect.writer(
            id=begin.id, model=begin.model, created=begin.created, usage=asked.stream_usage, asked=asked
        )
        return b"".join(map(writer.write, events)) + writer.close()

    def _reply(self, row: Row, asked: Request) -> Reply:
        if row.reply is not None:
            made_id = f"recorded-{row.key.hex()[:24]}"
            choices = tuple(_with_ids(choice, key_of(asked)) for choice in row.reply.choices)
            created = int(self._clock.now())
            return structs.replace(row.reply, choices=choices, id=made_id, model=asked.model, created=created)
        if row.body:
            return row.dialect.read_reply(row.body)
        reader = row.dialect.reader()
        fold = Fold.of(reader.feed(row.events) + reader.close())
        if fold.failure:
            raise BrokenAnswerError(fold.failure.message, fix="Ask for a stream, or record the exchange again.")
        return fold.reply()


def _with_ids(choice: Choice, asked: bytes) -> Choice:
    """Tool calls without ids get some that differ from request to request."""
    parts = tuple(
        structs.replace(part, id=f"call_{hashlib.sha256(asked + bytes([i % 256])).hexdigest()[:24]}")
        if isinstance(part, ToolCallPart) and not part.id
        else part
        for i, part in enumerate(choice.parts)
    )
    return structs.replace(choice, parts=parts)


def _unknown(asked: Request, recording: Recording) -> UnknownModelError:
    near = recording.nearest(asked)
    return UnknownModelError(
        f"No recorded answer for {question_of(asked)[:200]!r}.",
        fix=f"The nearest recorded question is {near!r}." if near else "Nothing is recorded.",
    )
