"""What leaves the road: an engine's answer, whole or as a stream, in the dialect that the caller speaks.

An answer ends its trace: when it was read to the end, when it broke, or when it was closed before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Protocol

from weighbridge.canon import (
    Begin,
    Engine,
    Event,
    Failure,
    Finish,
    Loss,
    ReasoningDelta,
    Reply,
    Request,
    Route,
    TextDelta,
    Trace,
)
from weighbridge.dialects.base import Dialect, Relay, StreamReader, StreamWriter
from weighbridge.dialects.fold import Fold
from weighbridge.errors import EngineError, MaskError
from weighbridge.exchange.keeping import Keeper
from weighbridge.exchange.tracer import Tracer

if TYPE_CHECKING:
    from weighbridge.mask.masker import Masked

Restore = Callable[[list[Event]], list[Event]]
"""The way back of what the way out did to the request (tool calls out of a grammar's JSON); [] asks for the rest."""


class Closing(Protocol):
    """A call that is under way."""

    async def close(self) -> None:
        """End it."""
        ...


Steps = list[tuple[bytes, list[Event]]]
"""Bytes for the caller, each with the events that they complete."""


class Rewriter:
    """Reads an engine's stream and writes it anew for a caller: a `Relay` where bytes cannot pass as they are.

    Args:
        reader: Of the engine's dialect.
        front: The caller's dialect; None for a caller who only wants events.
        asked: What the caller asks.
        restore: The way back of what the way out changed.
        unmask: Puts the caller's own values into what it is written, and nowhere else.
        name: The answer's id for the caller; the engine's own if empty.
    """

    def __init__(
        self,
        reader: StreamReader,
        front: Dialect | None,
        *,
        asked: Request,
        restore: Restore | None = None,
        unmask: Restore | None = None,
        name: str = "",
    ) -> None:
        self._unmask = unmask
        self._reader = reader
        self._front = front
        self._asked = asked
        self._restore = restore
        self._name = name
        self._writer: StreamWriter | None = None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be written so far."""
        return self._writer.losses if self._writer else ()

    def feed(self, chunk: bytes) -> tuple[bytes, list[Event]]:
        """The caller's bytes and the events that these bytes complete."""
        return self._write(self._reader.feed(chunk))

    def close(self) -> tuple[bytes, list[Event]]:
        """What is left when the engine's stream has ended."""
        last, events = self._write(self._reader.close())
        if self._restore is not None:
            more, held = self._written(self._restore([]))
            last, events = last + more, events + held
        if self._unmask is not None:
            last += self._bytes(self._unmask([]))
        return (last + self._writer.close() if self._writer else last), events

    def tell(self, failure: Failure) -> bytes:
        """The bytes that end the caller's stream with a failure, whatever it is in the middle of."""
        return self._written([failure])[0]

    def _write(self, events: list[Event]) -> tuple[bytes, list[Event]]:
        return self._written(self._restore(events) if self._restore and events else events)

    def _written(self, events: list[Event]) -> tuple[bytes, list[Event]]:
        if self._front is None or not events:
            return b"", events
        return self._bytes(self._unmask(events) if self._unmask is not None else events), events

    def _bytes(self, events: list[Event]) -> bytes:
        if self._front is None or not events:
            return b""
        if self._writer is None:
            begin = events[0] if isinstance(events[0], Begin) else Begin()
            asked = self._asked
            self._writer = self._front.writer(
                id=self._name or begin.id,
                model=begin.model,
                created=begin.created,
                usage=asked.stream_usage,
                asked=asked,
            )
        return b"".join(map(self._writer.write, events))


class Answer:
    """What both kinds of answers tell: who answered, under which plan, and what was lost on the way."""

    def __init__(self, tracer: Tracer, engine: Engine) -> None:
        self._tracer = tracer
        self.trace_id = tracer.id
        self.engine = engine.name
        self.plan = tracer.plan

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the translation dropped or changed."""
        return self._tracer.losses

    @property
    def told(self) -> tuple[tuple[bytes, bytes], ...]:
        """Further headers for the caller: how much of its limits is left, and whether the answer was kept."""
        return self._tracer.headers

    @property
    def shadowed(self) -> Route | None:
        """The route whose shadow is to repeat the exchange."""
        return None if self._tracer.cached else self._tracer.shadowed

    @property
    def trace(self) -> Trace | None:
        """The trace; None until the answer has ended."""
        return self._tracer.trace


class WholeAnswer(Answer):
    """An answer that arrived in one piece. Its trace is complete."""

    def __init__(self, tracer: Tracer, engine: Engine, *, reply: Reply, body: bytes) -> None:
        super().__init__(tracer, engine)
        self._reply = reply
        self._body = body

    async def body(self) -> bytes:
        """The answer in the caller's dialect."""
        return self._body

    async def reply(self) -> Reply:
        """The answer itself."""
        return self._reply

    async def close(self, *, reason: str = "") -> None:
        """Nothing is under way any more."""


class StreamedAnswer(Answer):
    """An answer that is still arriving: its beginning was read, to know that there is one.

    Only one of `chunks`, `events` and `reply` may be used, once. `close` must be called in the end, whatever happened.

    Args:
        tracer: The exchange's trace.
        engine: Who answers.
        upstream: The answer under way.
        source: Its bytes from here on.
        relay: Turns them into the caller's bytes and into events.
        head: What was read of it already.
        front: The caller's dialect, which tells of a broken connection; None for a caller who only wants events.
        keeper: Keeps what the answer holds beside its text.
        masked: What was put in the place of the caller's values; the trace holds it, the caller gets its values.
    """

    def __init__(
        self,
        tracer: Tracer,
        engine: Engine,
        *,
        upstream: Closing,
        source: AsyncIterator[bytes],
        relay: Relay,
        head: Steps,
        front: Dialect | None,
        keeper: Keeper,
        masked: Masked | None = None,
    ) -> None:
        super().__init__(tracer, engine)
        self._upstream = upstream
        self._source = source
        self._relay = relay
        self._head = head
        self._front = front
        self._keeper = keeper
        self._masked = masked
        self._fold = Fold()
        self._last = b""  # the bytes that were passed on last

    async def chunks(self) -> AsyncIterator[bytes]:
        """The answer's bytes in the caller's dialect, as they arrive; an error in mid-stream in its own way."""
        async for data, _ in self._steps():
            if data:
                self._last = data
                yield data

    async def events(self) -> AsyncIterator[Event]:
        """The answer's events; the last one is a Failure if the engine broke off."""
        unmask = self._masked.events() if self._masked is not None else None
        async for _, events in self._steps():
            for event in unmask(events) if unmask is not None and events else events:
                yield event
        for event in unmask([]) if unmask is not None else ():
            yield event

    async def reply(self) -> Reply:
        """The whole answer, once it is complete.

        Raises:
            EngineError: The engine broke off.
        """
        async for _ in self._steps():
            pass
        trace = self._tracer.trace
        if trace is not None and trace.outcome != "ok":
            raise EngineError(trace.error, where=self.engine)
        reply = self._fold.reply()
        return self._masked.reply(reply) if self._masked is not None else reply

    def tell(self, code: str, message: str) -> bytes:
        """The bytes that tell the caller of a failure of ours and end its stream, in its dialect's own way.

        Nothing of the answer may be sent after them.
        """
        return self._tell(Failure(code, message))

    async def close(self, *, reason: str = "") -> None:
        """Cancel what is still under way and end the trace; safe to call twice.

        Args:
            reason: Why we broke it off; "": the caller went away.
        """
        await self._upstream.close()
        self._end(*broken_off(reason))

    async def _steps(self) -> AsyncIterator[tuple[bytes, list[Event]]]:
        for data, events in self._head:
            await self._take(events)
            yield data, events
        try:
            async for chunk in self._source:
                data, events = self._relay.feed(chunk)
                await self._take(events)
                yield data, events
            data, events = self._closed()
        except (EngineError, MaskError) as error:
            failure = Failure(error.code, str(error))
            data, events = self._tell(failure), [failure]
        await self._take(events)
        failed = self._fold.failure
        self._end(failed.code if failed else "ok", failed.message if failed else "")
        yield data, events

    def _closed(self) -> tuple[bytes, list[Event]]:
        """The end. A host that hung up in the middle told nobody: on the fast lane, too, the caller is told."""
        data, events = self._relay.close()
        cut = next((event for event in events if type(event) is Failure), None)
        if cut is None or isinstance(self._relay, Rewriter):
            return data, events
        return self._tell(cut), events  # without the half of an event that was held back

    async def _take(self, events: list[Event]) -> None:
        """Add events up, before their bytes are passed on: a turn that is complete is kept before its end is told."""
        ended = False
        for event in events:
            self._fold.add(event)
            if type(event) is TextDelta or type(event) is ReasoningDelta:
                self._tracer.heard(len(event.text))
            ended = ended or type(event) is Finish
        if ended:
            await self._keeper.keep(self._fold.reply())

    def _tell(self, failure: Failure) -> bytes:
        if self._front is None:
            return b""
        if isinstance(self._relay, Rewriter):
            return self._relay.tell(failure)
        # What the fast lane has passed on is not known in detail: the event alone, which ends the stream, and never as a
        # part of an event that was cut off.
        gap = b"" if self._last.endswith(b"\n\n") else b"\n\n"
        return gap + self._front.writer(id="", model="", created=0, usage=False).write(failure)

    def _end(self, outcome: str, error: str) -> None:
        if self._tracer.trace is None:
            if isinstance(self._relay, Rewriter):
                self._tracer.lose(self._relay.losses)
            self._tracer.end(outcome, reply=self._fold.reply(), error=error, whole=self._fold.finished)


def broken_off(reason: object = "") -> tuple[str, str]:
    """The outcome and the error of an exchange that ended before its answer: we broke it off, or its caller left."""
    return ("interrupted", reason) if isinstance(reason, str) and reason else ("cancelled", "The caller went away.")
