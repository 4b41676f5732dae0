"""Asks engines all samples of a suite: bounded, resumable, within a budget.

Engines that run here are asked one after another, since they would compete for the same cores and their times would
be fiction. All others are asked sample by sample in turns, so that a slow hour hits all alike. An answer is stored
as soon as it is there, named by what was asked: whoever asks the same again is answered from the store, and samples that
ask the very same share one call. Failures are never stored; the next run asks again. A run that may stop early follows a course, see `course`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from weighbridge.canon import Engine, Level, Trace
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import WeighbridgeError
from weighbridge.weigh import grades, identifiers, masking, twins, waited
from weighbridge.weigh.asking import Answer, Contestant
from weighbridge.weigh.course import Course
from weighbridge.weigh.faults import BUSY, MAY_COST, Streaks
from weighbridge.weigh.pace import Gate
from weighbridge.weigh.purse import Purse
from weighbridge.weigh.questions import Question, Questions
from weighbridge.weigh.tally import Tally
from weighbridge.weigh.terms import Options, Outcome, Progress, Runs, Store
from weighbridge.weigh.types import Grade, Sample, Suite
from weighbridge.weigh.waited import Grades
from weighbridge.weigh.watch import Watch

__all__ = ["Grades", "Options", "Outcome", "Progress", "Runs", "Store", "run"]

MAX_TRIES = 5
MAX_WAIT = 30.0  #: seconds between two tries of a sample
BLOCK = 32  #: samples that engines here are asked in a row before the next one's turn, where a run may stop early
GRADED_AT_ONCE = 16  #: stored answers that a grader which waits is given at once


async def _no_preparation(_engine: Engine) -> None:
    """Nothing to do."""


async def run(
    suite: Suite,
    engines: Sequence[Engine],
    road: Runs,
    store: Store,
    *,
    options: Options,
    progress: Progress | None = None,
    prepare: Callable[[Engine], Awaitable[object]] = _no_preparation,
    clock: Clock = SYSTEM,
    watch: Watch | None = None,
    grade: Grades | None = None,
    course: Course | None = None,
) -> Outcome:
    """Ask every engine every sample, and grade the answers.

    Args:
        suite: What is asked.
        engines: Who is asked.
        road: What carries the calls.
        store: Where answers are kept and found again.
        options: How.
        progress: Is kept up to date.
        prepare: Called before an engine that runs here is asked its first sample: loading is no part of its times.
        clock: For waiting.
        watch: Sees what is sent; without it nobody knows what an engine saw.
        grade: Grades answers in place of `graders.grade`, where grading takes time. Answers are stored before they are
            graded, so what it raises loses none.
        course: Of a run that may stop early: samples are asked in its order until it has decided, and the outcome holds
            those that it has looked at.

    Raises:
        BudgetError: The budget does not allow one sample to be asked of every engine.
        InputError: A budget is set and an engine's price is unknown or in another currency.
        EngineError: An engine cannot be called at all, failed ten times in a row, or its first ten calls all failed. What
            others answered is kept.
        SettingsError: More is masked for an engine than the level at which it is weighed.
        StoreError: Answers cannot be stored.
    """
    levels: tuple[Level | None, ...] = options.levels or (None,)
    contestants = [Contestant(engine, level=level) for engine in engines for level in levels]
    once = list(contestants)
    contestants += [Contestant(c.engine, again, c.level) for again in range(1, options.repeats) for c in once]
    if options.repeats == 1:
        contestants += [Contestant(c.engine, 1, c.level) for c in once if c.name == options.noise]
    running = _Run(road, store, options, progress or Progress(), clock, watch, grade=grade, course=course)
    running.twins = twins.of(suite.samples)
    running.check_prices(suite.samples[:1], engines)
    running.progress.total += len(suite.samples) * len(contestants)
    groups = _groups(contestants)
    for block in _blocks(course.samples, groups) if course else [suite.samples]:
        for group in groups:
            await running.ask(block, group, prepare)
    if course is not None and course.decided:
        course.stored = running.stored(course.samples, [c for c in contestants if c.repeat < options.repeats])
    return running.outcome(suite.samples, contestants)


def _groups(contestants: Sequence[Contestant]) -> list[list[Contestant]]:
    """Who is asked in turns: each engine that runs here by itself, all others together."""
    here = [[c] for c in contestants if c.engine.host.runs_here]
    away = [c for c in contestants if not c.engine.host.runs_here]
    return [*here, away] if away else here


def _blocks(samples: Sequence[Sample], groups: Sequence[list[Contestant]]) -> list[Sequence[Sample]]:
    """The samples in pieces that every group is asked before the next one begins.

    Engines that run here cannot be asked in turns, sample by sample: they would be measured with each other's leavings in
    the caches. One after the other over all samples would leave nothing to save. So each gets a short block in a row.
    """
    if len(groups) == 1:
        return [samples]
    return [samples[start : start + BLOCK] for start in range(0, len(samples), BLOCK)]


class _Run:
    """One run's state."""

    def __init__(
        self,
        road: Runs,
        store: Store,
        options: Options,
        progress: Progress,
        clock: Clock,
        watch: Watch | None = None,
        *,
        grade: Grades | None = None,
        course: Course | None = None,
    ) -> None:
        self._grade = grade
        self._prepared: set[str] = set()
        self._grading = asyncio.Semaphore(GRADED_AT_ONCE)
        self._road = road
        self._watch = watch or Watch()
        self._store = store
        self._options = options
        self.progress = progress
        self._clock = clock
        self._purse = Purse(options.budget)
        self._streaks = Streaks()
        self._gates: dict[str, Gate] = {}
        self._questions = Questions(store, options, words=options.texts or grade is not None)
        self._tally = Tally(options, progress, course)
        self._failure: WeighbridgeError | None = None
        self._firsts: dict[str, asyncio.Task[Trace | None]] = {}  # by key, of samples that are in `twins`
        self._in_order = course is not None
        self.twins: frozenset[str] = frozenset()
        self.check_prices = self._questions.check_prices

    async def ask(
        self, samples: Sequence[Sample], group: Sequence[Contestant], prepare: Callable[[Engine], Awaitable[object]]
    ) -> None:
        """Ask a group of engines in turns. Nothing new is asked once the budget is spent or an engine is hopeless."""
        left = self._left(samples, group)
        async with asyncio.TaskGroup() as tasks:
            try:
                while (turn := await self._turn(left, tasks, prepare)) is not None:
                    question, gate, ticket = turn
                    worst = self._questions.worst(question)
                    if self._failure or not await self._purse.reserve(worst):
                        gate.leave()
                        self._tally.unasked += 1 + sum(1 for more in left if more.known is None)
                        break
                    task = tasks.create_task(self._ask(question, worst, gate, ticket))
                    if question.sample.id in self.twins:
                        self._firsts[question.key] = task
            except WeighbridgeError as error:  # a group of errors would hide it
                self._failure = self._failure or error
        if self._failure:
            raise self._failure
        self.progress.engine = ""

    async def _turn(
        self, left: Iterator[Question], tasks: asyncio.TaskGroup, prepare: Callable[[Engine], Awaitable[object]]
    ) -> tuple[Question, Gate, int] | None:
        """The next question that has to be asked, with its place at the gate; those before it are seen to on the way."""
        for question in left:
            if await self._answered(question, tasks):
                continue
            await self._prepare(question.contestant.engine, prepare)
            gate = self._gate(question.contestant.engine)
            ticket = await gate.enter()
            if self._tally.decided:
                gate.leave()
                return None
            latest = self._questions.latest(question)  # another run may have asked it while this one waited
            if await self._answered(latest, tasks):
                gate.leave()
            else:
                return latest, gate, ticket
        return None

    async def _answered(self, question: Question, tasks: asyncio.TaskGroup) -> bool:
        """Is there an answer already, in the store or to the same request? Then it is taken in."""
        first = self._firsts.get(question.key)
        if first is None and question.known is None:
            return False
        await self._grading.acquire()
        tasks.create_task(self._regrade(question) if first is None else self._copy(question, first))
        return True

    def _left(self, samples: Sequence[Sample], group: Sequence[Contestant]) -> Iterator[Question]:
        """The questions to ask, and those whose answers are to be waited for; the others are answered on the way."""
        for question in self._questions.of(samples, group, in_order=self._in_order):
            if self._tally.decided:
                return
            if question.known is None or self._grade is not None or question.key in self._firsts:
                yield question
            else:
                grade = grades.kept(question.known, grades.mark(question.sample))
                if grade is None:
                    grade = self._kept_grade(question, self._questions.whole(question))
                self._tally.answered(question, question.known, grade, reused=True)

    def stored(self, samples: Sequence[Sample], contestants: Sequence[Contestant]) -> int:
        """How many questions that this run has left out have an answer in the store all the same."""
        found = self._questions.of(samples, contestants, in_order=True)
        return sum(question.known is not None and not self._tally.has(question) for question in found)

    async def _prepare(self, engine: Engine, prepare: Callable[[Engine], Awaitable[object]]) -> None:
        if engine.host.runs_here:
            self.progress.engine = engine.name
            if engine.name not in self._prepared:
                await prepare(engine)
                self._prepared.add(engine.name)

    def outcome(self, samples: Sequence[Sample], contestants: Sequence[Contestant]) -> Outcome:
        """What came of it."""
        return self._tally.outcome(samples, contestants, self._purse.told())

    def _gate(self, engine: Engine) -> Gate:
        if engine.name not in self._gates:
            slots = engine.host.serving.get("slots") if engine.host.runs_here else None
            most = self._options.concurrency
            self._gates[engine.name] = Gate(min(most, slots) if isinstance(slots, int) else most)
        return self._gates[engine.name]

    async def _ask(self, question: Question, worst: int, gate: Gate, ticket: int) -> Trace | None:
        """One sample, to its answer or its last failure; that one is returned."""
        paid, engine = 0, question.contestant.engine
        try:
            trace, bodies = await self._try(question, gate, ticket)
            masking.check_level(engine.name, question.contestant.level, trace)
            cost = engine.cost(trace.usage, self._options.day) if trace.usage else trace.cost
            paid = cost if cost is not None else worst if trace.outcome in MAY_COST else 0
            if trace.outcome == "ok" and trace.reply is not None and trace.engine == engine.name:
                answer = Answer(trace.usage, trace.first_token, trace.total, trace.at, trace.id, reply=trace.reply)
                if question.contestant.level is not None:
                    answer = replace(answer, sent=identifiers.sent(bodies), masked=trace.masked)
                self._store.put(question.key, msgspec.json.encode(answer))
                self._streaks.answered(question.name)
                self._tally.answered(question, answer, await self._of(question, answer), reused=False)
            else:
                self._failed(question, trace, cost)
                return trace
        except WeighbridgeError as error:
            self._failure = self._failure or error
        finally:
            gate.leave()
            self._purse.settle(worst, paid)
            self.progress.spent = self._purse.spent
        return None

    async def _copy(self, question: Question, first: asyncio.Task[Trace | None]) -> None:
        """What the same request of another sample came to in this run."""
        try:
            failed = await first
            if failed is not None:
                self._tally.failed(question, failed, None, _why(failed))
            elif self._failure is None:
                answer = self._questions.whole(question)
                self._tally.answered(question, answer, await self._of(question, answer), reused=True, copied=True)
        except WeighbridgeError as error:
            self._failure = self._failure or error
        finally:
            self._grading.release()

    async def _regrade(self, question: Question) -> None:
        """A stored answer, by a grader that waits."""
        try:
            if self._failure is None:
                answer = self._questions.whole(question)
                self._tally.answered(question, answer, await self._of(question, answer), reused=True)
        except WeighbridgeError as error:
            self._failure = self._failure or error
        finally:
            self._grading.release()

    async def _of(self, question: Question, answer: Answer) -> Grade:
        if self._grade is None:
            return self._kept_grade(question, answer)
        graded, grade, given = await waited.with_grade(question.sample, answer, self._grade)
        if given:
            self._store.put(question.key, msgspec.json.encode(graded))
        return grade

    def _kept_grade(self, question: Question, answer: Answer) -> Grade:
        """The grade that is kept with the answer if it still holds; else one that is given now, and kept."""
        graded, grade, given = grades.with_grade(question.sample, answer, grades.mark(question.sample))
        if given:
            self._store.put(question.key, msgspec.json.encode(graded))
        return grade

    async def _try(self, question: Question, gate: Gate, ticket: int) -> tuple[Trace, list[bytes]]:
        """The exchange, and every body that was sent in it."""
        wait, tried, call = 1.0, 1, question.call
        while True:
            with self._watch.over() as bodies:
                trace = await self._road.run(call)
            if trace.outcome in BUSY or any(attempt.outcome in BUSY for attempt in trace.attempts):
                gate.slow(ticket)
            elif trace.outcome == "ok":
                gate.well()
            if trace.outcome not in BUSY or tried == MAX_TRIES or self._failure:
                return trace, bodies
            await self._clock.sleep(wait)
            wait, tried = min(2 * wait, MAX_WAIT), tried + 1

    def _failed(self, question: Question, trace: Trace, cost: int | None) -> None:
        why = _why(trace)
        self._tally.failed(question, trace, cost, why)
        code, _, said = why.partition(": ")
        if question.name in self._questions.met:
            self._streaks.met(question.name)
        self._failure = self._failure or self._streaks.failed(question.name, code, said)


def _why(trace: Trace) -> str:
    """Why a call gave no answer: the error's code, and what was said."""
    if trace.outcome != "ok":
        return f"{trace.outcome}: {trace.error}"
    return f"broken_answer: {f'{trace.engine} answered instead.' if trace.reply else 'There is no answer.'}"
