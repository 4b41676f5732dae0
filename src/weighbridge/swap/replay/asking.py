"""Asks the candidate what was asked before, as the route would: its policy, its masking, its deadlines, and nobody else.

Nothing is asked that the budget does not cover. Tools are never run: an answer that calls one is looked at, and that is all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Key, Reply, Trace
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import EngineError, WeighbridgeError
from weighbridge.exchange import Call, StreamedAnswer, WholeAnswer
from weighbridge.swap.replay.course import Course
from weighbridge.swap.replay.drawing import Question
from weighbridge.swap.replay.pairs import Pair, pair
from weighbridge.swap.replay.seams import Journal
from weighbridge.weigh.asking import THINKING
from weighbridge.weigh.faults import BUSY, HOPELESS, MAY_COST, Streaks
from weighbridge.weigh.pace import Gate
from weighbridge.weigh.purse import Purse, worst_cost

MAX_TRIES = 5
MAX_WAIT = 30.0  #: seconds between two tries of a request
_LONGER = 2  #: times as long as the recorded answer is what the new one is expected to be at most
_SHORTEST = 256  #: tokens of an answer that are expected at least


class Opens(Protocol):
    """Whoever answers calls: the road."""

    async def open(self, call: Call, /) -> WholeAnswer | StreamedAnswer:
        """Begin an answer."""


class Terms(Struct, frozen=True):
    """How a replay is made.

    `day` is the one whose prices count. `concurrency` is the most calls at once. `grader` is for right answers. `keys` are
    those that recorded requests may have shown, by id: their own policies hold as well.
    """

    day: str
    concurrency: int = 8
    grader: str = ""
    keys: Mapping[str, Key] = {}


class Progress(Struct):
    """How far a replay is."""

    total: int = 0
    done: int = 0
    failed: int = 0
    spent: int = 0  #: micro-units of the candidate's currency


Judges = Callable[[Question, Reply], Awaitable[float | None]]
"""How much judges prefer the candidate's answer to the recorded one, from 0 to 1; None where they cannot be read."""


async def nobody(_question: Question, _reply: Reply) -> float | None:
    """Judges nothing."""
    return None


class Replay:
    """One run.

    Args:
        road: What carries calls, by `plan_for`; it records into `journal`.
        journal: Where its traces come by.
        engine: The candidate.
        route: The route.
        course: What is asked, in which order, and until when.
        terms: How.
        new_id: Makes the ids of traces.
        purse: The money; None is no limit.
        judges: Compare two answers.
        known: Answers of earlier replays, see `drawing.earlier`: what they answer is not asked again.
        clock: For waiting.

    Attributes:
        progress: How far it is.
        asked: Calls that were made.
        reused: Questions that were answered in earlier replays.
        spent: What they cost, in micro-units of the candidate's currency, as far as its price is known.
        unsaid: Requests that say nothing of the candidate, by the reason: nothing was sent, or we broke it off.
        stopped: Why it ended before the sample did and without a verdict; "" if it did not.
        failure: What makes further questions pointless, if anything does.
    """

    def __init__(
        self,
        road: Opens,
        journal: Journal,
        engine: Engine,
        route: str,
        course: Course,
        terms: Terms,
        *,
        new_id: Callable[[], str],
        purse: Purse | None = None,
        judges: Judges = nobody,
        known: Mapping[str, Trace] | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        self._road = road
        self._journal = journal
        self._engine = engine
        self._route = route
        self._course = course
        self._terms = terms
        self._new_id = new_id
        self._purse = purse or Purse(None)
        self._judges = judges
        self._clock = clock
        self.progress = Progress()
        self._scale = 1.0  # how much dearer than expected an answer turned out to be
        self._known = known or {}
        self.asked = self.spent = self.reused = 0
        self.unsaid: dict[str, int] = {}
        self.stopped = ""
        self.failure: WeighbridgeError | None = None

    async def run(self) -> None:
        """Ask until the verdict is known, the sample is used up, or the budget does not cover the next question.

        Raises:
            InputError: There is a budget, and the candidate's price is unknown or in another currency.
            EngineError: The candidate or a judge cannot be called at all, and nothing was answered.
        """
        slots = self._engine.host.serving.get("slots") if self._engine.host.runs_here else None
        most = self._terms.concurrency
        gate = Gate(min(most, slots) if isinstance(slots, int) else most)
        questions = self._course.questions
        self.progress.total = len(questions)
        async with asyncio.TaskGroup() as tasks:
            try:
                for question in questions:
                    if question.trace.key and question.trace.key not in self._terms.keys:
                        self._unsaid(question, "key unknown")  # nobody knows whom it admitted, so nobody is asked
                        continue
                    if (known := self._known.get(question.trace.id)) is not None and not self._over:
                        self.reused += 1
                        await self._look(question, known, known.reply)
                        continue
                    ticket = await gate.enter()
                    expected = None if self._over else await self._afford(question)
                    if expected is None or self._over:
                        gate.leave()
                        break
                    task = tasks.create_task(self._one(question, gate, ticket, expected))
                    if expected and not self.asked:
                        await task  # the first one by itself: it tells how good what is expected is
            except WeighbridgeError as error:  # a group of errors would hide it
                self.failure = self.failure or error
        if self.failure:
            if not self._course.looked:
                raise self.failure
            self.stopped = self.stopped or str(self.failure)

    @property
    def _over(self) -> bool:
        return self._course.decided or self.failure is not None

    async def _afford(self, question: Question) -> int | None:
        """Set aside what asking this is expected to cost; None where the money does not suffice."""
        if self._purse.budget is None:
            return 0
        while True:
            expected = self._expected(question)
            if not await self._purse.reserve(expected):
                self.stopped = f"{self._purse.told()} does not cover the next answer"
                return None
            if self._expected(question) == expected:
                return expected
            self._purse.settle(expected, 0)  # while it waited, an answer turned out dearer than expected

    def _expected(self, question: Question) -> int:
        return round(self._scale * self._plain(question))

    def _plain(self, question: Question) -> int:
        """Micro-units that this costs with an answer up to twice as long as the recorded one, or as long as it may be."""
        request, recorded = question.request, question.trace.usage
        tokens = max(_SHORTEST, _LONGER * (recorded.output if recorded is not None else 0))
        tokens += THINKING if self._engine.model.reasoning else 0
        limits = request.sampling.max_tokens, self._engine.offer.max_output, self._engine.model.max_output
        tokens = min(tokens, *(limit for limit in limits if limit), tokens)
        sized = replace(request, sampling=replace(request.sampling, max_tokens=tokens))
        return worst_cost(self._engine, sized, self._terms.day)

    async def _one(self, question: Question, gate: Gate, ticket: int, expected: int) -> None:
        """One question, to its answer or its last failure."""
        paid = 0
        try:
            try:
                trace, reply, paid = await self._try(question, gate, ticket, expected)
            finally:
                self._purse.settle(expected, paid)
            if expected:
                self._scale = max(self._scale, paid / max(1, self._plain(question)))
            await self._look(question, trace, reply)
        except WeighbridgeError as error:
            self.failure = self.failure or error
        finally:
            gate.leave()  # not before it is told: no more are asked in vain than are under way at once

    async def _look(self, question: Question, trace: Trace, reply: Reply | None) -> None:
        """Compare an answer with the recorded one."""
        # In a thread: to compare long texts takes milliseconds, and the times of others' answers are being taken.
        found = await asyncio.to_thread(pair, question, trace, reply, grader=self._terms.grader)
        if found is not None and found.both_answered and reply is not None:
            found = replace(found, preferred=await self._judges(question, reply))
        self._told(question, trace, found)

    async def _try(self, question: Question, gate: Gate, ticket: int, expected: int) -> tuple[Trace, Reply | None, int]:
        """The exchange, its answer, and what all tries of it cost."""
        wait, tried, paid = 1.0, 1, 0
        while True:
            trace, reply = await self._ask(question)
            paid += self._paid(trace, expected)
            if trace.outcome in BUSY:
                gate.slow(ticket)
            elif trace.outcome == "ok":
                gate.well()
            if trace.outcome not in BUSY or tried == MAX_TRIES or self.failure:
                return trace, reply, paid
            await self._clock.sleep(wait)
            wait, tried = min(2 * wait, MAX_WAIT), tried + 1

    def _paid(self, trace: Trace, expected: int) -> int:
        self.asked += bool(trace.attempts)
        self.spent += trace.cost or 0
        self.progress.spent = self.spent
        return trace.cost if trace.cost is not None else expected if trace.outcome in MAY_COST else 0

    async def _ask(self, question: Question) -> tuple[Trace, Reply | None]:
        """One exchange: what is recorded of it, and the answer as the caller would read it."""
        recorded, name = question.trace, self._new_id()
        call = Call(
            question.request,
            route=self._route,
            dialect=recorded.dialect,
            source="replay",
            conversation=recorded.conversation,
            trace_id=name,
            key=self._terms.keys.get(recorded.key),
            pair=recorded.id,
        )
        try:
            answer = await self._road.open(call)
        except WeighbridgeError:
            return self._journal.take(name), None
        reply = None
        try:
            reply = await answer.reply()
        except EngineError:
            pass  # the trace tells
        finally:
            await answer.close()
        return self._journal.take(name), reply

    def _told(self, question: Question, trace: Trace, found: Pair | None) -> None:
        self.progress.failed += found is not None and bool(found.error)
        if trace.outcome in HOPELESS:
            self.failure = self.failure or Streaks().failed(self._engine.name, trace.outcome, trace.error)
        elif found is None:
            self._unsaid(question, trace.outcome)
        else:
            self.progress.done += 1
            self._course.told(question, found)

    def _unsaid(self, question: Question, reason: str) -> None:
        self.progress.done += 1
        self.unsaid[reason] = self.unsaid.get(reason, 0) + 1
        self._course.told(question, None)
