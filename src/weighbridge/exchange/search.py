"""Finding an engine that answers: one after the other, until the first byte of an answer or the deadline."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.canon import Engine
from weighbridge.engines.client import Client
from weighbridge.engines.clock import Clock
from weighbridge.engines.upstream import Upstream
from weighbridge.errors import EngineError, InputError
from weighbridge.exchange.answer import StreamedAnswer, WholeAnswer
from weighbridge.exchange.errands import Errand
from weighbridge.exchange.permit import Permit
from weighbridge.exchange.tracer import Tracer
from weighbridge.routes import Choice


class Search:
    """One exchange's search.

    Args:
        client: Calls engines.
        clock: Time.
        choice: What holds for every engine that is asked.
        tracer: The exchange; it has the permit.
        errand: What is wanted.
        deadline: On the monotonic clock.
    """

    def __init__(
        self, client: Client, clock: Clock, choice: Choice, tracer: Tracer, errand: Errand, deadline: float
    ) -> None:
        self._client = client
        self._clock = clock
        self._choice = choice
        self._tracer = tracer
        self._errand = errand
        self._deadline = deadline
        self._failed: list[tuple[Engine, EngineError]] = []

    async def answer(self, engines: Sequence[Engine]) -> WholeAnswer | StreamedAnswer:
        """The answer of the first engine that gives one.

        Raises:
            EngineError: All failed: the last one's error, naming the others. Or one that no engine would answer.
            InputError: The first cannot be asked this.
        """
        for engine in engines:
            try:
                return await self._ask(engine)
            except EngineError as error:
                if not error.transient:
                    raise
                self._failed.append((engine, error))
                if self._clock.monotonic() >= self._deadline:
                    break
            except InputError as error:
                # What a fallback cannot be asked does not hide why it was needed.
                if not self._failed:
                    raise
                self._tracer.asking(engine).fail(error)
        raise self._told()

    def _told(self) -> EngineError:
        *others, (_, last) = self._failed
        if others:
            told = ", ".join(f"{engine.name}: {error.code}" for engine, error in others)
            last.what += f" (Before it failed: {told}.)"
        return last

    async def _ask(self, engine: Engine) -> WholeAnswer | StreamedAnswer:
        stay = _Stay(engine, self._tracer.permit)
        asking = self._tracer.asking(engine)
        started = self._clock.monotonic()
        upstream: Upstream | None = None
        answered = False
        try:
            stay.enter()
            self._tracer.ended.append(stay.leave)
            outgoing = await self._errand.write(engine, self._choice)
            upstream = await self._client.open(
                engine,
                outgoing.back,
                outgoing.body,
                stream=self._errand.stream,
                deadline=self._deadline,
                first_byte_timeout=self._choice.first_token_timeout if self._errand.stream else None,
                on_attempt=asking.tried,
                on_send=asking.sending,
                headers=outgoing.headers,
                target=self._errand.target,
            )
            answer = await self._errand.answer(asking, self._tracer, outgoing, upstream)
        except EngineError as error:
            if upstream is not None:
                asking.spoil(error)
            elif not asking.asked:
                asking.fail(error, started)
            raise
        else:
            answered = True
            return answer
        finally:
            if not answered:
                stay.leave()
                if upstream is not None:
                    await upstream.close()


class _Stay:
    """One call's place among those that an engine may have at once; left once, whoever is the first to say so."""

    def __init__(self, engine: Engine, permit: Permit | None) -> None:
        self._engine = engine
        self._permit = permit
        self._in = False

    def enter(self) -> None:
        """Take it, or raise RateLimitedError."""
        if self._permit is not None:
            self._permit.enter(self._engine)
        self._in = True

    def leave(self, _: object = None) -> None:
        """Give it back."""
        if self._in:
            self._in = False
            if self._permit is not None:
                self._permit.leave(self._engine)
