"""The road of one request: choose -> mask -> adapt -> call -> restore -> record, walked once.

The gateway, `ask` and `weigh` all come this way, so what is measured is what is served. Between the choice and the
first call stand policy, the cache, and the limits. An engine that fails before its first
byte was passed on is followed by the next one of its route; after that byte, the error is told in the stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from weighbridge.canon import Engine, Plan, Reply, Request, Route, Trace
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import InputError, MaskError, NotFoundError, PolicyError, WeighbridgeError
from weighbridge.exchange.adapt import Fetching
from weighbridge.exchange.answer import StreamedAnswer, WholeAnswer, broken_off
from weighbridge.exchange.call import Call
from weighbridge.exchange.errands import Errand, Errands
from weighbridge.exchange.keeping import Keepsakes
from weighbridge.exchange.permit import Governor
from weighbridge.exchange.seams import Cache, Screen
from weighbridge.exchange.search import Search
from weighbridge.exchange.shadow import Shadows
from weighbridge.exchange.steering import Steering, indifferent
from weighbridge.exchange.tracer import Tracer, day_of
from weighbridge.exchange.tries import Ledger
from weighbridge.exchange.veil import Veil, Veils
from weighbridge.routes import Choice, arm, choose, shadowed


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
        governor: Lets exchanges in, as far as limits and budgets allow; by default everyone.
        screen: Knows which engines policies admit; by default all.
        cache: Knows answers that were given before; by default none.
        steering: Knows how engines do; by default every engine may be asked at any time.
        veils: Hides from engines what they must not see. Without it, a request of which something must be hidden is refused.
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
        governor: Governor | None = None,
        screen: Screen | None = None,
        cache: Cache | None = None,
        steering: Steering | None = None,
        veils: Veils | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._client = client
        self._errands = Errands(client, keepsakes, fetcher)
        self._plan = plan
        self._record = record
        self._deadline = deadline
        self._new_id = new_id
        self._clock = clock
        self._ledger = ledger
        self._governor = governor
        self._screen = screen
        self._cache = cache
        self._steering = steering or indifferent(clock)
        self._veils = veils
        self._shadows: Shadows | None = None
        self._choices: tuple[Plan, dict[str, Choice]] = (plan(), {})

    @property
    def catalogue(self) -> Catalogue:
        """Where engines are found. A new one counts from the next exchange on."""
        return self._catalogue

    @catalogue.setter
    def catalogue(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._choices = (self._choices[0], {})

    async def open(self, call: Call) -> WholeAnswer | StreamedAnswer:
        """Begin an answer: return once an engine has given its first content (or all of it, if not streamed).

        Raises:
            NotFoundError: No such route or engine.
            PolicyError: No engine of the route satisfies the policies.
            LimitError: A limit or a budget of ours is reached.
            EngineError: Every engine of the route failed; the last one's error, naming the others.
            InputError: The request cannot be carried.
            LossError: The route is strict, and something that was asked for would be lost on the way.
        """
        answer = await self._go(call, self._errands.conversation(call), self._record)
        if self._shadows is not None and answer.shadowed is not None:
            self._shadows.follow(call, answer.shadowed, answer.trace_id)
        return answer

    def cast(self, shadows: Shadows) -> None:
        """From now on, repeat exchanges of routes that have a shadow. Without it, nobody repeats any."""
        self._shadows = shadows

    async def run(self, call: Call) -> Trace:
        """A whole exchange, read to its end. What fails is told by the trace's `outcome` and `error`."""
        traces: list[Trace] = []

        def record(trace: Trace) -> None:
            traces.append(trace)
            self._record(trace)

        try:
            answer = await self._go(call, self._errands.conversation(call), record)
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
        write: Callable[[Request, Engine], bytes],
        read: Callable[[bytes], Reply],
        serves: Callable[[Engine], bool],
    ) -> WholeAnswer:
        """A whole call that is no conversation (embeddings, counting), with choice, failover, retries and a trace.

        Args:
            call: What the trace tells of it. It decides who is asked, and in which of the host's dialects.
            target: What is appended to the host's address.
            write: Makes the body for an engine, of the request as that engine may see it.
            read: Reads an answer, for the trace; the caller gets its bytes as they are.
            serves: Can an engine be asked this? Others are passed over.

        Raises:
            NotFoundError: No such route or engine.
            EngineError: As for `open`.
            InputError: No engine of the route serves this.
        """
        errand = self._errands.plain(call, target=target, write=write, read=read, serves=serves)
        answer = await self._go(call, errand, self._record)
        assert isinstance(answer, WholeAnswer)
        return answer

    async def _go(self, call: Call, errand: Errand, record: Callable[[Trace], None]) -> WholeAnswer | StreamedAnswer:
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
            return await self._answer(call, plan, tracer, errand)
        except WeighbridgeError as error:
            tracer.end(error.code, error=str(error))
            if tracer.veil is not None:
                error.what = tracer.veil.tell(
                    error.what
                )  # the caller reads its own values, the trace does not hold them
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

    async def _answer(self, call: Call, plan: Plan, tracer: Tracer, errand: Errand) -> WholeAnswer | StreamedAnswer:
        choice = self._on_its_side(call, self._choose(plan, tracer.route), tracer)
        if self._screen is not None:
            choice = replace(choice, engines=self._screen.admitted(call, plan, choice, talks=errand.serves is None))
        engines = tuple(engine for engine in choice.engines if errand.serves is None or errand.serves(engine))
        if not engines:
            raise InputError(
                f"No engine behind '{tracer.route}' can be asked this.",
                where="model",
                fix="Name a route or an engine whose host offers it.",
            )
        tracer.veil = self._veil(call, choice)
        if self._cache is not None and errand.serves is None and (kept := self._cache.look(call, choice, tracer)):
            return kept
        route = plan.routes.get(choice.route)
        tried = choice.entry.canary.engine if tracer.arm == "canary" and choice.entry and choice.entry.canary else ""
        ordered = self._ordered(call, route, engines, tried)
        if route is not None and errand.serves is None:
            ordered = self._held(call, plan, choice, ordered)
        seconds = choice.timeout or self._deadline
        deadline = self._clock.monotonic() + seconds
        if call.deadline is not None:
            deadline = min(deadline, call.deadline)
        if self._governor is not None:
            first = next(filter(self._steering.health.ready, ordered), ordered[0])
            tracer.permit = await self._governor.admit(
                call, trace_id=tracer.id, route=tracer.route, engine=first, deadline=deadline
            )
        search = Search(
            self._client,
            self._clock,
            steering=self._steering,
            route=route,
            choice=choice,
            tracer=tracer,
            errand=errand,
            seconds=seconds,
            deadline=deadline,
        )
        answer = await search.answer(ordered)
        if tracer.engine is not None:
            self._steering.balancer.answered(route, tracer.engine, call.conversation)
        return answer

    def _held(self, call: Call, plan: Plan, choice: Choice, ordered: Sequence[Engine]) -> Sequence[Engine]:
        """A turn with tool calls pending stays on the engine that began it, if another could not read its thinking.

        That engine must still be one that is known, not cut off, and admitted; if it fails, the others follow.
        """
        kept = self._errands.pending(call)
        if kept is None or not kept.engine or kept.issuer == ordered[0].issuer or kept.engine in plan.cut:
            return ordered
        engine = next((one for one in ordered if one.name == kept.engine), None)
        if engine is None:
            engine = self._former(call, plan, choice, kept.engine)
        return ordered if engine is None else [engine, *(one for one in ordered if one is not engine)]

    def _former(self, call: Call, plan: Plan, choice: Choice, name: str) -> Engine | None:
        """An engine that the route had before, if it may still be asked."""
        key = f"{choice.route}\0{name}"
        try:
            former = self._choices[1].get(key)
            if former is None:
                former = self._choices[1][key] = replace(choice, engines=(self._catalogue.engine(name),), canary=None)
            return (former.engines if self._screen is None else self._screen.admitted(call, plan, former))[0]
        except (NotFoundError, PolicyError):
            return None

    def _on_its_side(self, call: Call, choice: Choice, tracer: Tracer) -> Choice:
        """Where another engine is tried, the conversation's side of that; see `routes.arm`."""
        entry = choice.entry
        if entry is not None and entry.shadow is not None and self._shadows is not None:
            if entry.shadow.engine not in self._plan().cut and shadowed(entry.shadow, tracer.id):
                tracer.swap, tracer.arm, tracer.shadowed = entry.shadow.swap, "control", entry
            return choice
        if choice.canary is None or choice.entry is None or choice.entry.canary is None:
            return choice
        trial = choice.entry.canary
        tracer.swap, tracer.arm = trial.swap, arm(trial, call.conversation or tracer.id)
        return choice.canary if tracer.arm == "canary" else choice

    def _veil(self, call: Call, choice: Choice) -> Veil | None:
        if self._veils is not None:
            return self._veils.over(call, choice)
        wanted = [call.mask, choice.entry.mask if choice.entry is not None else None]
        if any(one is not None and one.level != "none" for one in wanted):
            raise MaskError("The request is to be masked, and nothing here masks.", where=choice.route)
        return None

    def _ordered(self, call: Call, route: Route | None, engines: tuple[Engine, ...], tried: str) -> Sequence[Engine]:
        """In which order they are asked; one that is tried on the conversation comes first, whatever else holds."""
        if route is None or len(engines) == 1:
            return engines
        if engines[0].name == tried:
            return [engines[0], *self._ordered(call, route, engines[1:], "")]
        return self._steering.balancer.order(
            route,
            engines,
            conversation=call.conversation,
            stream=call.request.stream,
            day=day_of(self._clock.now()) if route.balance == "price" else "",
        )
