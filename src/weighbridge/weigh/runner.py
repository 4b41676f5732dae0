"""Asks engines all samples of a suite: bounded, resumable, within a budget.

Engines that run here are asked one after another, since they would compete for the same cores and their times would
be fiction. All others are asked sample by sample in turns, so that a slow hour hits all alike. An answer is stored
as soon as it is there, named by what was asked: whoever asks the same again is answered from the store. Failures are
never stored; the next run asks again. A run that may stop early follows a course, see `course`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from weighbridge.canon import Engine, Level, Reply, Request, Trace
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import BudgetError, WeighbridgeError
from weighbridge.exchange import Call
from weighbridge.weigh import asking, grades, identifiers, masking
from weighbridge.weigh.asking import Answer, Contestant
from weighbridge.weigh.course import Course
from weighbridge.weigh.faults import BUSY, MAY_COST, Streaks
from weighbridge.weigh.pace import Gate
from weighbridge.weigh.purse import Purse, worst_cost
from weighbridge.weigh.terms import Options, Outcome, Progress, Runs, Store
from weighbridge.weigh.types import Grade, Result, Sample, Suite
from weighbridge.weigh.watch import Watch

__all__ = ["Grades", "Options", "Outcome", "Progress", "Runs", "Store", "run"]

CHUNK = 64  #: samples that are looked up in the store at once
MAX_TRIES = 5
MAX_WAIT = 30.0  #: seconds between two tries of a sample
BLOCK = 32  #: samples that engines here are asked in a row before the next one's turn, where a run may stop early
GRADED_AT_ONCE = 16  #: stored answers that a grader which waits is given at once

#: A grader that may wait, for a sandbox say.
Grades = Callable[[Sample, Reply], Awaitable[Grade]]


class _Job(NamedTuple):
    contestant: Contestant
    sample: Sample
    call: Call
    key: str
    worst: int
    known: Answer | None = None


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
        EngineError: An engine cannot be called at all, or failed ten times in a row. What others answered is kept.
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
    running.check_prices(suite.samples[:1], engines)
    running.progress.total += len(suite.samples) * len(contestants)
    groups = _groups(contestants)
    for block in _blocks(course.samples, groups) if course else [suite.samples]:
        for group in groups:
            await running.ask(block, group, prepare)
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
        self._course = course
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
        self._results: dict[tuple[str, int, str], Result] = {}
        self._failure: WeighbridgeError | None = None
        self._unasked = 0

    def check_prices(self, samples: Sequence[Sample], engines: Sequence[Engine]) -> None:
        """Raise InputError if there is a budget and an engine whose cost cannot be told."""
        for engine in engines if self._options.budget is not None else ():
            for sample in samples:
                worst_cost(engine, self._request(sample, engine), self._options.day)

    async def ask(
        self, samples: Sequence[Sample], group: Sequence[Contestant], prepare: Callable[[Engine], Awaitable[object]]
    ) -> None:
        """Ask a group of engines in turns. Nothing new is asked once the budget is spent or an engine is hopeless."""
        left = self._left(samples, group)
        async with asyncio.TaskGroup() as tasks:
            try:
                for job in left:
                    if job.known is not None:
                        await self._grading.acquire()
                        tasks.create_task(self._regrade(job, job.known))
                        continue
                    await self._prepare(job.contestant.engine, prepare)
                    gate = self._gate(job.contestant.engine)
                    ticket = await gate.enter()
                    if self._decided:
                        gate.leave()
                        break
                    if self._failure or not await self._purse.reserve(job.worst):
                        gate.leave()
                        self._unasked += 1 + sum(1 for more in left if more.known is None)
                        break
                    tasks.create_task(self._ask(job, gate, ticket))
            except WeighbridgeError as error:  # a group of errors would hide it
                self._failure = self._failure or error
        if self._failure:
            raise self._failure
        self.progress.engine = ""

    def _left(self, samples: Sequence[Sample], group: Sequence[Contestant]) -> Iterator[_Job]:
        """The questions that the store cannot answer, sample by sample; those that it can are answered on the way.

        A few at a time, so that naming the later ones costs no time before the first call.
        """
        names = [asking.identity(c.engine, self._options.folder) for c in group]
        for start in range(0, len(samples), CHUNK):
            if self._decided:
                return
            jobs = [
                self._job(sample, contestant, name)
                for sample in samples[start : start + CHUNK]
                for contestant, name in zip(group, names, strict=True)
            ]
            known = {} if self._options.fresh else self._store.get_many(job.key for job in jobs)
            for job in jobs:
                answer = _read(known.get(job.key))
                if answer is None:
                    yield job
                elif self._grade is None:
                    self._keep(job, self._graded(job, answer, self._kept_grade(job, answer), reused=True))
                else:
                    yield job._replace(known=answer)

    def _job(self, sample: Sample, contestant: Contestant, name: bytes) -> _Job:
        engine, options = contestant.engine, self._options
        request = self._request(sample, engine, contestant.repeat)
        worst = worst_cost(engine, request, options.day) if options.budget is not None else 0
        key = asking.key(name, request, contestant.repeat, self._masking(contestant.level))
        call = Call(request=request, source="weigh", mask=masking.masking_of(contestant.level))
        return _Job(contestant, sample, call, key, worst)

    def _masking(self, level: Level | None) -> str:
        """What names how a contestant's requests are masked; "" where nobody masks."""
        if level == "none":
            return level
        return f"{level} {self._options.masking}" if level else self._options.masking

    def _request(self, sample: Sample, engine: Engine, repeat: int = 0) -> Request:
        options = self._options
        # The second answer that a noise floor is made of is asked for with the very same words.
        seed = options.seed + (repeat if options.repeats > 1 else 0)
        return asking.request_for(
            sample, engine, max_tokens=options.max_tokens, seed=seed, temperature=options.temperature
        )

    async def _prepare(self, engine: Engine, prepare: Callable[[Engine], Awaitable[object]]) -> None:
        if engine.host.runs_here:
            self.progress.engine = engine.name
            if engine.name not in self._prepared:
                await prepare(engine)
                self._prepared.add(engine.name)

    @property
    def _decided(self) -> bool:
        return self._course is not None and self._course.decided

    def outcome(self, samples: Sequence[Sample], contestants: Sequence[Contestant]) -> Outcome:
        """Put the results in order; after an early stop, those of samples that all were asked."""
        looked = None if self._course is None else self._course.looked
        whole = [
            s
            for s in samples
            if (looked is None or s.id in looked)
            and all((c.name, c.repeat, s.id) in self._results for c in contestants)
        ]
        if not whole:
            raise BudgetError(
                "The budget does not allow one sample to be asked of every engine.",
                where="--budget",
                fix="Raise it, or ask fewer or cheaper engines. Answers that were paid for are kept.",
            )
        ordered = {(c.name, c.repeat): tuple(self._results[c.name, c.repeat, s.id] for s in whole) for c in contestants}
        stopped = (
            f"{self._purse.told()} does not cover the next answer at worst; {self._unasked} questions were not asked, "
            f"{len(samples) - len(whole)} of {len(samples)} samples are left out"
        )
        return Outcome(
            samples=tuple(whole),
            results={name: found for (name, repeat), found in ordered.items() if repeat == 0},
            noise=next(
                (found for (name, repeat), found in ordered.items() if repeat and name == self._options.noise), ()
            ),
            stopped=stopped if self._unasked else "",
            unasked=self._unasked,
            repeats=self._repeats(ordered),
        )

    def _repeats(self, ordered: dict[tuple[str, int], tuple[Result, ...]]) -> dict[str, tuple[tuple[Result, ...], ...]]:
        """The further passes of every contestant."""
        if self._options.repeats == 1:
            return {}
        names = dict.fromkeys(name for name, _ in ordered)
        return {n: tuple(ordered[n, again] for again in range(1, self._options.repeats)) for n in names}

    def _gate(self, engine: Engine) -> Gate:
        if engine.name not in self._gates:
            slots = engine.host.serving.get("slots") if engine.host.runs_here else None
            most = self._options.concurrency
            self._gates[engine.name] = Gate(min(most, slots) if isinstance(slots, int) else most)
        return self._gates[engine.name]

    async def _ask(self, job: _Job, gate: Gate, ticket: int) -> None:
        """One sample, to its answer or its last failure."""
        paid = 0
        try:
            trace, bodies = await self._try(job, gate, ticket)
            masking.check_level(job.contestant.engine.name, job.contestant.level, trace)
            cost = job.contestant.engine.cost(trace.usage, self._options.day) if trace.usage else trace.cost
            paid = cost if cost is not None else job.worst if trace.outcome in MAY_COST else 0
            if trace.outcome == "ok" and trace.reply is not None and trace.engine == job.contestant.engine.name:
                answer = Answer(trace.reply, trace.usage, trace.first_token, trace.total, trace.at, trace.id)
                if job.contestant.level is not None:
                    answer = replace(answer, sent=identifiers.sent(bodies), masked=trace.masked)
                self._store.put(job.key, msgspec.json.encode(answer))
                self._streaks.answered(trace.engine)
                self._keep(job, self._graded(job, answer, await self._of(job, answer), reused=False))
            else:
                self._failed(job, trace, cost)
        except WeighbridgeError as error:
            self._failure = self._failure or error
        finally:
            gate.leave()
            self._purse.settle(job.worst, paid)
            self.progress.spent = self._purse.spent

    async def _regrade(self, job: _Job, answer: Answer) -> None:
        """A stored answer, by a grader that waits."""
        try:
            if self._failure is None:
                self._keep(job, self._graded(job, answer, await self._of(job, answer), reused=True))
        except WeighbridgeError as error:
            self._failure = self._failure or error
        finally:
            self._grading.release()

    async def _of(self, job: _Job, answer: Answer) -> Grade:
        return self._kept_grade(job, answer) if self._grade is None else await self._grade(job.sample, answer.reply)

    def _kept_grade(self, job: _Job, answer: Answer) -> Grade:
        """The grade that is kept with the answer if it still holds; else one that is given now, and kept."""
        graded, grade, given = grades.with_grade(job.sample, answer, grades.mark(job.sample))
        if given:
            self._store.put(job.key, msgspec.json.encode(graded))
        return grade

    async def _try(self, job: _Job, gate: Gate, ticket: int) -> tuple[Trace, list[bytes]]:
        """The exchange, and every body that was sent in it."""
        wait, tried = 1.0, 1
        while True:
            with self._watch.over() as bodies:
                trace = await self._road.run(job.call)
            if trace.outcome in BUSY or any(attempt.outcome in BUSY for attempt in trace.attempts):
                gate.slow(ticket)
            elif trace.outcome == "ok":
                gate.well()
            if trace.outcome not in BUSY or tried == MAX_TRIES or self._failure:
                return trace, bodies
            await self._clock.sleep(wait)
            wait, tried = min(2 * wait, MAX_WAIT), tried + 1

    def _failed(self, job: _Job, trace: Trace, cost: int | None) -> None:
        name = job.contestant.name
        code, said = trace.outcome, trace.error
        if code == "ok":
            code, said = "broken_answer", f"{trace.engine} answered instead." if trace.reply else "There is no answer."
        self._keep(
            job,
            Result(
                sample=job.sample.id,
                engine=name,
                cost=cost,
                total=trace.total,
                at=trace.at,
                error=f"{code}: {said}",
                trace=trace.id,
            ),
        )
        self._failure = self._failure or self._streaks.failed(name, code, said)

    def _graded(self, job: _Job, answer: Answer, grade: Grade, *, reused: bool) -> Result:
        engine = job.contestant.engine
        return Result(
            sample=job.sample.id,
            engine=job.contestant.name,
            grade=grade,
            reply=answer.reply,
            usage=answer.usage,
            cost=engine.cost(answer.usage, self._options.day) if answer.usage else None,
            first_token=answer.first_token,
            total=answer.total,
            at=answer.at,
            trace=answer.trace,
            reused=reused,
            exposure=masking.exposed(job.sample, job.contestant.level, answer.sent, answer.masked),
        )

    def _keep(self, job: _Job, result: Result) -> None:
        self._results[job.contestant.name, job.contestant.repeat, job.sample.id] = result
        self.progress.done += 1
        self.progress.reused += result.reused
        self.progress.failed += bool(result.error)
        if self._course is not None and job.contestant.repeat < self._options.repeats:
            self._course.told(job.contestant.name, result)


def _read(value: bytes | None) -> Answer | None:
    """A stored answer; None for one that this version cannot read, which is then asked for again."""
    if value is None:
        return None
    try:
        return msgspec.json.decode(value, type=Answer)
    except msgspec.DecodeError:
        return None
