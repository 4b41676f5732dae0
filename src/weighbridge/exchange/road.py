"""The road of one request: choose -> adapt -> call -> restore -> record, walked once.

The gateway, `ask` and `weigh` all come this way, so what is measured is what is served. Policy and masking will
stand before `choose`, where the request is still the caller's own. An engine that fails before its first
byte was passed on is followed by the next one of its route; after that byte, the error is told in the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from weighbridge import dialects
from weighbridge.canon import Attempt, Begin, Engine, Event, Failure, Loss, Plan, Trace
from weighbridge.dialects.base import Relay
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.upstream import Upstream
from weighbridge.errors import BrokenAnswerError, EngineError, WeighbridgeError
from weighbridge.exchange.adapt import Outgoing, adapt
from weighbridge.exchange.answer import Rewriter, Steps, StreamedAnswer, WholeAnswer
from weighbridge.exchange.call import Call
from weighbridge.exchange.tracer import Tracer
from weighbridge.routes import Choice, choose

MAX_HEAD = 4 * 1024 * 1024
"""Bytes of a stream that may pass without any content before it counts as broken."""


class Road:
    """Answers calls.

    Args:
        catalogue: Where engines are found by name.
        client: What calls them.
        plan: Gives the plan in force; asked once per exchange.
        record: Takes each finished trace; must not block.
        deadline: Seconds for an exchange whose route sets no timeout.
        clock: Both clocks.
        new_id: Makes trace ids.
    """

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        client: Client,
        plan: Callable[[], Plan],
        record: Callable[[Trace], None],
        deadline: float,
        new_id: Callable[[], str],
        clock: Clock = SYSTEM,
    ) -> None:
        self._catalogue = catalogue
        self._client = client
        self._plan = plan
        self._record = record
        self._deadline = deadline
        self._new_id = new_id
        self._clock = clock
        self._choices: tuple[Plan, dict[str, Choice]] = (plan(), {})

    async def open(self, call: Call) -> WholeAnswer | StreamedAnswer:
        """Begin an answer: return once an engine has given its first content (or all of it, if not streamed).

        Raises:
            NotFoundError: No such route or engine.
            EngineError: Every engine of the route failed; the last one's error, naming the others.
            InputError: The request cannot be carried.
        """
        return await self._open(call, self._record)

    async def _open(self, call: Call, record: Callable[[Trace], None]) -> WholeAnswer | StreamedAnswer:
        plan = self._plan()
        tracer = Tracer(
            call, trace_id=call.trace_id or self._new_id(), plan=plan.number, clock=self._clock, record=record
        )
        try:
            choice = self._choose(plan, tracer.route)
            return await self._first_that_answers(call, choice, tracer)
        except WeighbridgeError as error:
            tracer.end(error.code, error=str(error))
            raise
        except asyncio.CancelledError:
            tracer.end("cancelled", error="The caller went away.")
            raise
        except Exception as error:
            tracer.end("error", error=f"{type(error).__name__}: {error}")
            raise

    async def run(self, call: Call) -> Trace:
        """A whole exchange, read to its end. What fails is told by the trace's `outcome` and `error`."""
        traces: list[Trace] = []

        def record(trace: Trace) -> None:
            traces.append(trace)
            self._record(trace)

        try:
            answer = await self._open(call, record)
        except WeighbridgeError:
            return traces[0]
        try:
            if isinstance(answer, StreamedAnswer):
                async for _ in answer.events():
                    pass
        finally:
            await answer.close()
        return traces[0]

    def _choose(self, plan: Plan, name: str) -> Choice:
        """Choices are worked out once per plan and name, not per request."""
        known, choices = self._choices
        if known is not plan:
            choices = {}
            self._choices = (plan, choices)
        choice = choices.get(name)
        if choice is None:
            choice = choices[name] = choose(plan, name, self._catalogue.engine)
        return choice

    async def _first_that_answers(self, call: Call, choice: Choice, tracer: Tracer) -> WholeAnswer | StreamedAnswer:
        deadline = self._clock.monotonic() + (choice.timeout or self._deadline)
        if call.deadline is not None:
            deadline = min(deadline, call.deadline)
        failed: list[tuple[Engine, EngineError]] = []
        for engine in choice.engines:
            try:
                return await self._ask(call, engine, tracer, deadline, choice.first_token_timeout)
            except EngineError as error:
                if not error.transient:
                    raise
                failed.append((engine, error))
                if self._clock.monotonic() >= deadline:
                    break
        if len(failed) > 1:
            others = ", ".join(f"{engine.name}: {error.code}" for engine, error in failed[:-1])
            failed[-1][1].what += f" (Before it failed: {others}.)"
        raise failed[-1][1]

    async def _ask(
        self, call: Call, engine: Engine, tracer: Tracer, deadline: float, first_token_timeout: float | None
    ) -> WholeAnswer | StreamedAnswer:
        started = self._clock.monotonic()
        seen = tracer.attempts
        upstream: Upstream | None = None
        try:
            outgoing = adapt(call, engine, await self._client.endpoint(engine))
            upstream = await self._client.open(
                engine,
                outgoing.back,
                outgoing.body,
                stream=call.request.stream,
                deadline=deadline,
                first_byte_timeout=first_token_timeout if call.request.stream else None,
                on_attempt=tracer.attempt,
            )
            if call.request.stream:
                return await self._streamed(call, engine, tracer, outgoing, upstream)
            return await self._whole(call, engine, tracer, outgoing, upstream)
        except EngineError as error:
            ended = self._clock.monotonic()
            if upstream is not None:
                tracer.spoil(ended, error)
            elif tracer.attempts == seen:
                # What never came to a call: no key, an engine that does not load.
                tracer.attempt(Attempt(engine.name, started, ended, error.code, error.status, error.what))
            raise
        finally:
            if upstream is not None and tracer.engine is not engine:
                await upstream.close()

    async def _whole(
        self, call: Call, engine: Engine, tracer: Tracer, outgoing: Outgoing, upstream: Upstream
    ) -> WholeAnswer:
        body = await upstream.read()
        reply = outgoing.back.read_reply(body)
        tracer.token()
        if outgoing.wrapped is not None:
            reply = outgoing.wrapped.reply(reply)
        lost: tuple[Loss, ...] = ()
        if not outgoing.verbatim and call.dialect:
            body, lost = dialects.get(call.dialect).write_reply(reply, call.request)
        _answers(tracer, engine, outgoing, lost)
        await upstream.close()
        tracer.end(reply=reply)
        return WholeAnswer(tracer, engine, reply=reply, body=body)

    async def _streamed(
        self, call: Call, engine: Engine, tracer: Tracer, outgoing: Outgoing, upstream: Upstream
    ) -> StreamedAnswer:
        front = dialects.get(call.dialect) if call.dialect else None
        relay: Relay
        if outgoing.verbatim:
            relay = outgoing.back.relay(usage=call.request.stream_usage)
        else:
            restore = outgoing.wrapped.events() if outgoing.wrapped else None
            relay = Rewriter(outgoing.back.reader(), front, usage=call.request.stream_usage, restore=restore)
        source = upstream.chunks()
        head = await _read_head(source, relay)
        tracer.token()
        _answers(tracer, engine, outgoing)
        return StreamedAnswer(tracer, engine, upstream=upstream, source=source, relay=relay, head=head, front=front)


def _answers(tracer: Tracer, engine: Engine, outgoing: Outgoing, lost: tuple[Loss, ...] = ()) -> None:
    tracer.engine = engine
    tracer.losses = outgoing.losses + lost


async def _read_head(source: AsyncIterator[bytes], relay: Relay) -> Steps:
    """The stream up to its first content.

    Raises:
        BrokenAnswerError: It failed, or ended, before any content: another engine may still answer.
    """
    steps: Steps = []
    size = 0
    async for chunk in source:
        step = relay.feed(chunk)
        steps.append(step)
        if _has_content(step[1]):
            return steps
        size += len(chunk)
        if size > MAX_HEAD:
            raise BrokenAnswerError(f"The engine sent {size} bytes without any content.")
    _has_content(relay.close()[1])
    raise BrokenAnswerError("The engine's stream ended before it began.")


def _has_content(events: list[Event]) -> bool:
    for event in events:
        if isinstance(event, Failure):
            raise BrokenAnswerError(f"The engine answered with an error: {event.message}")
        if not isinstance(event, Begin):
            return True
    return False
