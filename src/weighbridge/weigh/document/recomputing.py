"""What a document's raw part comes down to, worked out anew by the functions that made its figures."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from weighbridge.canon import Engine, Reply
from weighbridge.errors import InputError
from weighbridge.weigh import graders, masking, scorecard
from weighbridge.weigh.document import canonical, columns, rebuilding, writing
from weighbridge.weigh.document.matching import Leaf
from weighbridge.weigh.document.shape import Document, Pass
from weighbridge.weigh.types import Grade, Result, Sample, Suite, Weighing

JUDGED_ELSEWHERE = ("rubric", "code")  #: graders that take a judge or a sandbox, not the answer alone


def figures(told: Weighing) -> dict[str, Any]:
    """Every figure that follows from the raw part, as `writing.figures` has it.

    Raises:
        InputError: The raw part cannot be weighed: a contestant is no engine of it, a score is no fraction.
    """
    suite = Suite(told.suite, told.samples, told.digest)
    found = scorecard.weighing(
        suite,
        told.engines,
        told.results,
        base=told.base,
        margin=told.margin,
        alpha=told.alpha,
        seed=told.seed,
        day=told.day,
        started=told.started,
        noise=told.again,
        version=told.version,
        stopped=told.stopped,
        levels=told.levels,
        identifiers_by=told.identifiers_by,
        repeats=told.repeats,
    )
    return writing.figures(msgspec.structs.replace(found, preferred=_preferred(told)))


def _preferred(told: Weighing) -> dict[str, Any]:
    from weighbridge.weigh.judges import stage

    if not told.preferences:
        return {}
    return dict(stage.preferred(told.samples, told.preferences, margin=told.margin, alpha=told.alpha))


def stoppings(told: Weighing, suite: Suite | None) -> Iterator[Leaf]:
    """When each sequential comparison stopped: the run's order, drawn from its seed, is walked again.

    That takes all samples of the suite, those that were not asked as well: from the suite at hand, or from the document
    where every one was asked. What was saved counts calls that no document holds.
    """
    samples = _all_samples(told, suite)
    if samples is None:
        return
    from weighbridge.weigh.course import Course

    names = [name for name in told.results if name != told.base]
    passes = 1 + max((len(found) for found in told.repeats.values()), default=0)
    course = Course(
        samples, base=told.base, candidates=names, margin=told.margin, alpha=told.alpha, seed=told.seed, passes=passes
    )
    for name, results in told.results.items():
        for one in (results, *told.repeats.get(name, ())):
            for result in one:
                course.told(name, result)
    found = course.stoppings()
    for name, stop in told.stopping.items():
        for field in ("verdict", "used", "of", "low", "high"):
            other = getattr(found[name], field) if name in found else None
            yield Leaf(f"figures.stopping.{name}.{field}", getattr(stop, field), other)


def _all_samples(told: Weighing, suite: Suite | None) -> Sequence[Sample] | None:
    """Every sample of the suite that a sequential run drew from; None where they are not known."""
    if not told.stopping:
        return None
    most = max(stop.of for stop in told.stopping.values())
    if len(told.samples) == most:
        return told.samples
    asked = {sample.id for sample in told.samples}
    if suite is not None and len(suite.samples) == most and asked <= {sample.id for sample in suite.samples}:
        return suite.samples
    return None


def contestants(told: Weighing) -> dict[str, Engine]:
    """The engine behind each contestant's name."""
    levels = told.levels or (None,)
    return {masking.name_of(engine.name, level): engine for engine in told.engines for level in levels}


def costs(document: Document, engines: dict[str, Engine]) -> Iterator[Leaf]:
    """The cost of every answer whose tokens are told: tokens times the prices of the day."""
    day, count = document.raw.run.day, len(document.raw.suite.samples.id)
    for place, one in enumerate(document.raw.passes):
        engine = engines.get(one.engine)
        if engine is None:
            continue
        for index, usage in columns.usages(one, count):
            told = one.cost[index] if one.cost else None
            yield Leaf(f"raw.passes[{place}].cost[{index}]", told, engine.cost(usage, day))


def uncosted(document: Document) -> int:
    """Costs that are told without the tokens they are for."""
    return sum(
        cost is not None and (not one.input or one.input[index] is None)
        for one in document.raw.passes
        for index, cost in enumerate(one.cost)
    )


def samples(document: Document) -> Iterator[Leaf]:
    """The digests of those samples that are in the document."""
    told = document.raw.suite.samples
    for index, whole in enumerate(told.whole):
        yield Leaf(f"raw.suite.samples.digest[{index}]", told.digest[index], canonical.digest(whole))
        for name in ("id", "grader", "category", "cluster"):
            column = getattr(told, name)
            if column or whole.get(name):
                default = "exact" if name == "grader" else ""
                yield Leaf(
                    f"raw.suite.samples.{name}[{index}]", column[index] if column else "", whole.get(name, default)
                )


def answers(document: Document) -> Iterator[Leaf]:
    """The digests of those answers that are in the document."""
    for place, one in enumerate(document.raw.passes):
        for index, said in enumerate(one.said):
            told = one.answer[index] if one.answer else ""
            yield Leaf(f"raw.passes[{place}].answer[{index}]", told, columns.answer_digest(said) if said else "")


def grades(document: Document) -> Iterator[Leaf]:
    """The grades of those answers that are in the document with their questions, given anew."""
    if not document.raw.suite.samples.whole:
        return
    asked = rebuilding.samples_of(document)
    for place, one in enumerate(document.raw.passes):
        for index, result in _results(one, asked) if one.said else ():
            sample = asked[index]
            if result.reply is not None and result.grade is not None and sample.grader not in JUDGED_ELSEWHERE:
                found = _grade(sample, result.reply)
                yield Leaf(f"raw.passes[{place}].score[{index}]", None if result.missing else result.score, found)


def _grade(sample: Sample, reply: Reply) -> float | None:
    try:
        grade = graders.grade(sample, reply)
    except InputError:  # a grader that this program does not have
        return None
    return None if grade.missing else grade.score


def ungraded(document: Document) -> int:
    """Grades that cannot be given anew from the document alone."""
    told = document.raw.suite.samples
    elsewhere = [grader in JUDGED_ELSEWHERE for grader in told.grader]
    return sum(
        outcome == "graded"
        and not (one.judged and one.judged[index])
        and (elsewhere[index] or not told.whole or not one.said)
        for one in document.raw.passes
        for index, outcome in enumerate(one.outcome)
    )


def judgements(document: Document) -> Iterator[Leaf]:
    """The scores that follow from what judges said, of answers and of pairs."""
    from weighbridge.weigh.judges.comparing import scored
    from weighbridge.weigh.judges.grading import of_judgements

    for place, one in enumerate(document.raw.passes):
        for index, rows in enumerate(one.judged):
            if rows:
                found: Grade = of_judgements(rows)
                yield Leaf(
                    f"raw.passes[{place}].score[{index}]", one.score[index], None if found.missing else found.score
                )
    for candidate, preferences in document.raw.preferences.items():
        for index, preference in enumerate(preferences):
            if preference.judged:
                path = f"raw.preferences.{candidate}[{index}].score"
                yield Leaf(path, preference.score, scored(preference.judged, candidate))


def prompts(document: Document) -> Iterator[Leaf]:
    """The digests of the prompts that judges were asked with."""
    for index, judge in enumerate(document.raw.judges):
        yield Leaf(f"raw.judges[{index}].digest", judge.digest, hashlib.sha256(judge.prompt.encode()).hexdigest())


def _results(one: Pass, asked: Sequence[Sample]) -> Iterable[tuple[int, Result]]:
    """The results of a pass, with the index of their sample."""
    present = [index for index, outcome in enumerate(one.outcome) if outcome != "absent"]
    return zip(present, columns.read(one, asked), strict=True)
