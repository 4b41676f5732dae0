"""The road of one request: choose -> adapt -> call -> restore -> record, walked once.

The gateway, `ask` and `weigh` all come this way, so what is measured is what is served. Policy and masking will
stand before `choose`, where the request is still the caller's own. An engine that fails before its first
byte was passed on is followed by the next one of its route; after that byte, the error is told in the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Engine, Plan, Reply, Trace
from weighbridge.dialects.base import Relay
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.engines.upstream import Upstream
from weighbridge.errors import EngineError, InputError, WeighbridgeError
from weighbridge.exchange.adapt import Fetching, Outgoing, adapt, back_of, refuse_losses
from weighbridge.exchange.answer import Rewriter, StreamedAnswer, WholeAnswer, broken_off
from weighbridge.exchange.call import Call
from weighbridge.exchange.head import read_head
from weighbridge.exchange.keeping import Keeper, Keepsakes
from weighbridge.exchange.tracer import Asking, Tracer
from weighbridge.exchange.tries import Ledger
from weighbridge.routes import Choice, choose


class _Errand(Struct, frozen=True):
    """What is wanted of whichever engine answers: how it is asked, and what is made of its answer.

    `serves`: engines for which it is false are passed over.
    """

    write: Callable[[Engine, Choice], Awaitable[Outgoing]]
    answer: Callable[[Asking, Tracer, Outgoing, Upstream], Awaitable[WholeAnswer | StreamedAnswer]]
    stream: bool = False
    target: str = ""
    serves: Callable[[Engine], bool] | None = None


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
        keepsakes: Where the thinking of earlier answers is kept; by default nowhere.
        fetcher: Gets what requests tell by address, for routes that allow it; by default nobody does.
        ledger: Keeps what exchanges under way owe.
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
        keepsakes: Keepsakes | None = None,
        fetcher: Fetching | None = None,
        ledger: Ledger | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._client = client
        self._plan = plan
        self._record = record
        self._deadline = deadline
        self._new_id = new_id
        self._clock = clock
        self._keepsakes = keepsakes
        self._fetcher = fetcher
        self._ledger = ledger
        self._choices: tuple[Plan, dict[str, Choice]] = (plan(), {})

    async def open(self, call: Call) -> WholeAnswer | StreamedAnswer:
        """Begin an answer: return once an engine has given its first content (or all of it, if not streamed).

        Raises:
            NotFoundError: No such route or engine.
            EngineError: Every engine of the route failed; the last one's error, naming the others.
            InputError: The request cannot be carried.
            LossError: The route is strict, and something that was asked for would be lost on the way.
        """
        return await self._go(call, self._conversation(call), self._record)

    async def run(self, call: Call) -> Trace:
        """A whole exchange, read to its end. What fails is told by the trace's `outcome` and `error`."""
        traces: list[Trace] = []

        def record(trace: Trace) -> None:
            traces.append(trace)
            self._record(trace)

        try:
            answer = await self._go(call, self._conversation(call), record)
        except WeighbridgeError:
            return traces[0]
        try:
            if isinstance(answer, StreamedAnswer):
                async for _ in answer.events():
                    pass
        finally:
            await answer.close()
        return traces[0]

    async def forward(
        self,
        call: Call,
        *,
        target: str,
        write: Callable[[Engine], bytes],
        read: Callable[[bytes], Reply],
        serves: Callable[[Engine], bool],
    ) -> WholeAnswer:
        """A whole call that is no conversation (embeddings, counting), with choice, failover, retries and a trace.

        Args:
            call: What the trace tells of it. It decides who is asked, and in which of the host's dialects.
            target: What is appended to the host's address.
            write: Makes the body for an engine.
            read: Reads an answer, for the trace; the caller gets its bytes as they are.
            serves: Can an engine be asked this? Others are passed over.

        Raises:
            NotFoundError: No such route or engine.
            EngineError: As for `open`.
            InputError: No engine of the route serves this.
        """

        async def written(engine: Engine, _: Choice) -> Outgoing:
            back = back_of(engine, call.dialect)
            return Outgoing(back, write(engine), headers=call.request.headers if back.name == call.dialect else {})

        async def answered(asking: Asking, tracer: Tracer, _: Outgoing, upstream: Upstream) -> WholeAnswer:
            body = await upstream.read()
            reply = read(body)
            asking.read(reply)
            return await _complete(asking.engine, tracer, upstream, reply, body)

        answer = await self._go(call, _Errand(written, answered, target=target, serves=serves), self._record)
        assert isinstance(answer, WholeAnswer)
        return answer

    def _conversation(self, call: Call) -> _Errand:
        async def written(engine: Engine, choice: Choice) -> Outgoing:
            outgoing = await adapt(
                call,
                engine,
                await self._client.endpoint(engine),
                keepsakes=self._keepsakes,
                fetcher=self._fetcher if choice.fetch else None,
            )
            if choice.strict:
                refuse_losses(outgoing.losses, engine)
            return outgoing

        async def answered(
            asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream
        ) -> WholeAnswer | StreamedAnswer:
            keeper = Keeper(call.request, asking.engine, outgoing.back.name, self._keepsakes, caller=call.caller)
            tell = self._streamed if call.request.stream else self._whole
            return await tell(call, asking, tracer, outgoing, upstream, keeper)

        return _Errand(written, answered, stream=call.request.stream)

    async def _go(self, call: Call, errand: _Errand, record: Callable[[Trace], None]) -> WholeAnswer | StreamedAnswer:
        plan = self._plan()
        tracer = Tracer(
            call,
            trace_id=call.trace_id or self._new_id(),
            plan=plan.number,
            clock=self._clock,
            record=record,
            ledger=self._ledger,
        )
        try:
            choice = self._choose(plan, tracer.route)
            return await self._first_that_answers(call, choice, tracer, errand)
        except WeighbridgeError as error:
            tracer.end(error.code, error=str(error))
            raise
        except asyncio.CancelledError as error:
            outcome, why = broken_off(*error.args[:1])
            tracer.end(outcome, error=why)
            raise
        except Exception as error:
            tracer.end("error", error=f"{type(error).__name__}: {error}")
            raise

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

    async def _first_that_answers(
        self, call: Call, choice: Choice, tracer: Tracer, errand: _Errand
    ) -> WholeAnswer | StreamedAnswer:
        deadline = self._clock.monotonic() + (choice.timeout or self._deadline)
        if call.deadline is not None:
            deadline = min(deadline, call.deadline)
        engines = [engine for engine in choice.engines if errand.serves is None or errand.serves(engine)]
        if not engines:
            raise InputError(
                f"No engine behind '{tracer.route}' can be asked this.",
                where="model",
                fix="Name a route or an engine whose host offers it.",
            )
        failed: list[tuple[Engine, EngineError]] = []
        for engine in engines:
            try:
                return await self._ask(engine, choice, tracer, errand, deadline)
            except EngineError as error:
                if not error.transient:
                    raise
                failed.append((engine, error))
                if self._clock.monotonic() >= deadline:
                    break
            except InputError as error:
                # What a fallback cannot be asked does not hide why it was needed.
                if not failed:
                    raise
                tracer.asking(engine).fail(error)
        if len(failed) > 1:
            others = ", ".join(f"{engine.name}: {error.code}" for engine, error in failed[:-1])
            failed[-1][1].what += f" (Before it failed: {others}.)"
        raise failed[-1][1]

    async def _ask(
        self, engine: Engine, choice: Choice, tracer: Tracer, errand: _Errand, deadline: float
    ) -> WholeAnswer | StreamedAnswer:
        started = self._clock.monotonic()
        asking = tracer.asking(engine)
        upstream: Upstream | None = None
        try:
            outgoing = await errand.write(engine, choice)
            upstream = await self._client.open(
                engine,
                outgoing.back,
                outgoing.body,
                stream=errand.stream,
                deadline=deadline,
                first_byte_timeout=choice.first_token_timeout if errand.stream else None,
                on_attempt=asking.tried,
                on_send=asking.sending,
                headers=outgoing.headers,
                target=errand.target,
            )
            return await errand.answer(asking, tracer, outgoing, upstream)
        except EngineError as error:
            if upstream is not None:
                asking.spoil(error)
            elif not asking.asked:
                asking.fail(error, started)
            raise
        finally:
            if upstream is not None and tracer.engine is not engine:
                await upstream.close()

    async def _whole(
        self, call: Call, asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream, keeper: Keeper
    ) -> WholeAnswer:
        body = await upstream.read()
        reply = outgoing.back.read_reply(body)
        asking.read(reply)
        tracer.token()
        if outgoing.wrapped is not None:
            reply = outgoing.wrapped.reply(reply)
        tracer.losses = outgoing.losses
        if not outgoing.verbatim and call.dialect:
            named = replace(reply, id=_name(call, outgoing, tracer) or reply.id)
            body, lost = dialects.get(call.dialect).write_reply(named, call.request)
            tracer.lose(lost)
        await keeper.keep(reply)
        return await _complete(asking.engine, tracer, upstream, reply, body)

    async def _streamed(
        self, call: Call, asking: Asking, tracer: Tracer, outgoing: Outgoing, upstream: Upstream, keeper: Keeper
    ) -> StreamedAnswer:
        engine = asking.engine
        front = dialects.get(call.dialect) if call.dialect else None
        relay: Relay
        if outgoing.verbatim:
            relay = outgoing.back.relay(usage=call.request.stream_usage)
        else:
            restore = outgoing.wrapped.events() if outgoing.wrapped else None
            name = _name(call, outgoing, tracer)
            relay = Rewriter(outgoing.back.reader(), front, asked=call.request, restore=restore, name=name)
        source = upstream.chunks()
        head = await read_head(source, relay)
        tracer.token()
        tracer.engine = engine
        tracer.losses = outgoing.losses
        return StreamedAnswer(
            tracer, engine, upstream=upstream, source=source, relay=relay, head=head, front=front, keeper=keeper
        )


async def _complete(engine: Engine, tracer: Tracer, upstream: Upstream, reply: Reply, body: bytes) -> WholeAnswer:
    tracer.engine = engine
    await upstream.close()
    tracer.end(reply=reply)
    return WholeAnswer(tracer, engine, reply=reply, body=body)


def _name(call: Call, outgoing: Outgoing, tracer: Tracer) -> str:
    """The id of an answer that crosses dialects: the trace's. Some hosts draw theirs from a thousand, or give none."""
    return "" if outgoing.back.name == call.dialect else tracer.id
