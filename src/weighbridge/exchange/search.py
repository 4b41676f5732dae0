"""Finding an engine that answers: one after the other, until the first byte of an answer or the deadline.

Where a route is hedged, the next engine is asked as well once the first has taken too long to begin.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from weighbridge.canon import Engine, Route, Trace
from weighbridge.engines.client import Client
from weighbridge.engines.clock import Clock
from weighbridge.engines.upstream import Upstream
from weighbridge.errors import EngineError, InputError
from weighbridge.exchange.errands import Errand
from weighbridge.exchange.health import Visit
from weighbridge.exchange.hedge import Answered, Race
from weighbridge.exchange.permit import Permit
from weighbridge.exchange.steering import Steering
from weighbridge.exchange.tracer import Asking, Tracer
from weighbridge.routes import Choice


class Search:
    """One exchange's search.

    Args:
        client: Calls engines.
        clock: Time.
        steering: Knows who is well, and who may be asked twice.
        route: Says whether to hedge; None where an engine was named directly.
        choice: What holds for every engine that is asked.
        tracer: The exchange; it has the permit.
        errand: What is wanted.
        seconds: How long it may take, as its route says.
        deadline: When it must be over; a caller may give it less than the route.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        *,
        steering: Steering,
        route: Route | None,
        choice: Choice,
        tracer: Tracer,
        errand: Errand,
        seconds: float,
        deadline: float,
    ) -> None:
        self._client = client
        self._clock = clock
        self._health = steering.health
        self._hedges = steering.hedges
        self._route = route
        self._choice = choice
        self._tracer = tracer
        self._errand = errand
        self._seconds = seconds
        self._deadline = deadline
        self._queue: deque[Engine] = deque()
        self._first: Engine | None = None
        self._granted: bool | None = None  # may this exchange be hedged? None: nobody asked yet
        self._passed: list[EngineError] = []
        self._failed: list[tuple[Engine, EngineError]] = []

    async def answer(self, engines: Sequence[Engine]) -> Answered:
        """The answer of the first engine that gives one.

        Raises:
            EngineError: All failed: the last one's error, naming the others. Or one that no engine would answer.
            InputError: The first cannot be asked this.
        """
        self._queue = deque(engines)
        route = self._route
        if route is not None and route.hedge is not None and len(engines) > 1:
            self._hedges.seen(route.name, route.hedge_share)
            return await self._race(route.name, route.hedge)
        while (stay := self._next()) is not None:
            try:
                return await self._ask(stay)
            except Exception as error:
                if self._final(stay.engine, error):
                    raise
        raise self._told()

    async def _race(self, route: str, after: float) -> Answered:
        """Ask one; if its answer has not begun after so many seconds, one more beside it. The first to begin wins."""
        race = Race(self._clock, after)
        self._tracer.won = race.keep
        second: Engine | None = None
        final: BaseException | None = None
        try:
            while True:
                if not len(race):
                    if final is not None:
                        raise final
                    if (stay := self._next()) is None:
                        raise self._told()
                    race.start(stay.engine, self._ask(stay))
                elif race.late and (second or final) is None and self._may_hedge(route) and (stay := self._next()):
                    second = stay.engine
                    race.start(second, self._ask(stay, hedge=True))
                for engine, task in await race.news():
                    if (error := task.exception()) is None:
                        return task.result()
                    if self._final(engine, error):
                        final = error
                    second = None if engine is second else second
        finally:
            await race.close()

    def _may_hedge(self, route: str) -> bool:
        """May a second engine be asked in this exchange? If one fails, the next one may take its place."""
        if not any(map(self._health.ready, self._queue)):
            return False
        if self._granted is None:
            self._granted = self._hedges.take(route)
        return self._granted

    def _next(self) -> _Stay | None:
        """The next engine that may be asked now. Those that are passed over are told in the trace."""
        while self._queue and (not self._failed or self._clock.monotonic() < self._deadline):
            engine = self._queue.popleft()
            try:
                return self._enter(engine)
            except EngineError as error:
                self._tracer.asking(engine).passed(error)
                self._passed.append(error)
        return None

    def _enter(self, engine: Engine) -> _Stay:
        alone = not any(self._health.ready(other) for other in self._queue)
        visit = self._health.enter(engine, alone=alone)
        permit = self._tracer.permit
        try:
            if permit is not None:
                permit.enter(engine)
        except BaseException:
            visit.leave()
            raise
        self._first = self._first or engine
        return _Stay(engine, visit, permit, alone=alone)

    def _final(self, engine: Engine, error: BaseException) -> bool:
        """Is this how the exchange ends, whoever else there is?"""
        if isinstance(error, EngineError):
            self._failed.append((engine, error))
            return not error.transient
        if not isinstance(error, InputError) or (engine is self._first and not self._passed):
            return True
        # What a fallback cannot be asked does not hide why it was needed.
        self._tracer.asking(engine).fail(error)
        return False

    def _told(self) -> EngineError:
        """The error of an exchange that nobody answered: the last failure, or the shortest wait."""
        if not self._failed:
            return min(self._passed, key=lambda error: error.retry_after or 0.0)
        *others, (_, last) = self._failed
        if others:
            told = ", ".join(f"{engine.name}: {error.code}" for engine, error in others)
            last.what += f" (Before it failed: {told}.)"
        return last

    async def _ask(self, stay: _Stay, *, hedge: bool = False) -> Answered:
        engine, tracer, errand = stay.engine, self._tracer, self._errand
        asking = tracer.asking(engine, hedge=hedge)
        tracer.ended.append(stay.ended)
        started = self._clock.monotonic()
        upstream: Upstream | None = None
        answered = False
        try:
            outgoing = await errand.write(engine, self._choice, tracer)
            upstream = await self._client.open(
                engine,
                outgoing.back,
                outgoing.body,
                stream=errand.stream,
                deadline=self._deadline,
                first_byte_timeout=self._choice.first_token_timeout if errand.stream else None,
                on_attempt=asking.tried,
                on_send=asking.sending,
                headers=outgoing.headers,
                target=errand.target,
                patient=stay.alone,
            )
            answer = await errand.answer(asking, tracer, outgoing, upstream)
        except EngineError as error:
            self._learn(stay, asking, error, started, opened=upstream is not None)
            raise
        except asyncio.CancelledError:
            if tracer.engine is not None:
                stay.visit.lost(self._clock.monotonic() - started, stream=errand.stream)
            raise
        else:
            answered = True
            stay.visit.began(self._clock.monotonic() - started, stream=errand.stream)
            return answer
        finally:
            if not answered:
                stay.leave()
                if upstream is not None:
                    await upstream.close()

    def _learn(self, stay: _Stay, asking: Asking, error: EngineError, started: float, *, opened: bool) -> None:
        """What a failure says of the engine, and of this exchange."""
        if opened:
            asking.spoil(error)
        elif not asking.asked:
            asking.fail(error, started)
        # One that got less than half of the time that it should have is not blamed for being late.
        limit = self._choice.first_token_timeout if self._errand.stream else None
        due = min(self._seconds, limit) if limit is not None else self._seconds
        stay.visit.failed(error, fair=2 * (self._clock.monotonic() - started) >= due)


class _Stay:
    """One call's place among those that an engine may have at once; left once, whoever is the first to say so.

    `alone`: nobody else can answer, so that it is worth waiting for this one.
    """

    def __init__(self, engine: Engine, visit: Visit, permit: Permit | None, *, alone: bool) -> None:
        self.engine = engine
        self.visit = visit
        self.alone = alone
        self._permit = permit
        self._in = True

    def ended(self, trace: Trace) -> None:
        """The exchange is over, and with it this call, if it answered."""
        if self._in and trace.engine == self.engine.name and trace.outcome != "ok":
            self.visit.broke(trace.outcome, trace.error)
        self.leave()

    def leave(self) -> None:
        """Give it back."""
        if self._in:
            self._in = False
            self.visit.leave()
            if self._permit is not None:
                self._permit.leave(self.engine)
