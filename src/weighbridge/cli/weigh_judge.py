"""`weigh run --judge`: engines that judge what no program can grade, and compare answers side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Model, Reply
from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from weighbridge.cli.engine_room import EngineRoom
    from weighbridge.weigh.judges.bench import Bench
    from weighbridge.weigh.runner import Grades, Options, Outcome, Progress
    from weighbridge.weigh.types import Grade, Sample, Suite, Weighing

MAX_JUDGES = 9

Judge = Annotated[
    str,
    typer.Option("--judge", help="Engines that grade the samples of the grader rubric, with commas.", metavar="A,B"),
]
Pairs = Annotated[
    bool, typer.Option("--pairs", help="The judges also compare every answer with the base's, in both orders.")
]
Force = Annotated[
    bool, typer.Option("--judge-force", help="Let an engine judge its own family. Every result tells of it.")
]


class Asked(Struct, frozen=True):
    """What the command line says of judges; `sequential`: the run stops as soon as every verdict is known."""

    judges: str = ""
    pairs: bool = False
    force: bool = False
    sequential: bool = False


class Judging(Struct, frozen=True):
    """Who judges, what, and which contestants are of a judge's own family."""

    engines: tuple[Engine, ...] = ()
    pairs: bool = False
    kin: dict[str, tuple[str, ...]] = {}


def choose(asked: Asked, suite: Suite, contestants: Sequence[Engine], room: EngineRoom, options: Options) -> Judging:
    """The judges that are asked for, known to be callable, before anything is paid for.

    Raises:
        InputError: A judge comes twice or is of a contestant's family, there is nothing to judge, or nobody to do it.
        WeighbridgeError: A judge is unknown, lacks its key, or cannot run here.
    """
    from weighbridge.weigh.judges import family, stage

    names = [name.strip() for name in asked.judges.split(",") if name.strip()]
    rubrics = stage.has_rubrics(suite.samples)
    if not names:
        _check_unjudged(asked, suite, rubrics=rubrics)
        return Judging()
    _check_work(asked, contestants, options, rubrics=rubrics)
    if asked.sequential:
        _check_sequential(asked, options)
    judges = _engines(names, room)
    if asked.force:
        found = family.kin(judges, contestants, _finder(room))
    else:
        family.check(judges, contestants, _finder(room))
        found = {}
    _check_prices(judges, options)
    return Judging(tuple(judges), asked.pairs, found)


def seat(room: EngineRoom, store: Any, judging: Judging, options: Options, *, spent: int = 0) -> Bench:
    """The judges' bench, with what a run has left of its budget.

    Args:
        room: What calls engines.
        store: Where answers are kept.
        judging: Who judges what.
        options: How the run is made.
        spent: What it has spent until now, in micro-units.
    """
    from weighbridge.weigh.judges.bench import Bench, Terms
    from weighbridge.weigh.purse import Purse

    terms = Terms(options.day, options.folder, options.seed, options.concurrency, options.fresh)
    purse = Purse(None if options.budget is None else max(0, options.budget - spent))
    return Bench(judging.engines, room.road, store, terms, purse=purse, prepare=room.local.start)


def hook(bench: Bench) -> Grades:
    """A grader for a run that needs every grade at once: judges where a sample has a rubric, its own grader elsewhere."""
    from weighbridge.weigh import graders, grades
    from weighbridge.weigh.graders import rubric
    from weighbridge.weigh.judges import grading
    from weighbridge.weigh.waited import Marked

    async def grade(sample: Sample, reply: Reply) -> Grade:
        if sample.grader == rubric.NAME:
            return await grading.grade(bench, sample, reply)
        return graders.grade(sample, reply)

    def mark(sample: Sample) -> str:
        # What judges say is kept already, by all that they were asked.
        return "" if sample.grader == rubric.NAME else grades.mark(sample)

    return Marked(grade, mark)


async def judge(
    room: EngineRoom,
    store: Any,
    outcome: Outcome,
    judging: Judging,
    options: Options,
    progress: Progress,
    *,
    base: str,
    graded_by: Bench | None = None,
) -> tuple[Outcome, dict[str, Any]]:
    """Let the judges judge what a run gave.

    Args:
        room: What calls engines.
        store: Where answers are kept.
        outcome: The run's.
        judging: Who judges what.
        options: How the run was made; its budget is for judges as well.
        progress: Is kept up to date.
        base: Whom the others are compared with.
        graded_by: The bench that graded by rubrics while the run was made, if one did; see `hook`.

    Returns:
        The outcome with the grades that were given, and the fields of a weighing that tell of the judges.

    Raises:
        EngineError: A judge cannot be called, or has answered none of its calls. Answers and judgements are kept.
    """
    from weighbridge.weigh.judges import stage

    if not judging.engines:
        return outcome, {}
    bench = graded_by or seat(room, store, judging, options, spent=progress.spent)
    before, total, done = progress.spent, progress.total, progress.done

    def tell() -> None:
        progress.done += 1
        progress.spent = before + bench.spent

    progress.engine = "judging"
    samples, rubrics = outcome.samples, stage.has_rubrics(outcome.samples)
    if rubrics and graded_by is None:
        outcome = await _graded(bench, outcome, progress, tell)
    fields: dict[str, Any] = {
        "judges": stage.records(bench, judging.kin, rubrics=rubrics, pairs=judging.pairs),
    }
    if judging.pairs:
        progress.total += len(samples) * (len(outcome.results) - 1)
        preferences = await stage.compare_all(bench, samples, outcome.results, base=base, seed=options.seed, tell=tell)
        chosen = room.config.settings.weigh
        fields["preferences"] = preferences
        fields["preferred"] = stage.preferred(samples, preferences, margin=chosen.margin, alpha=chosen.alpha)
    bench.check_heard()
    progress.engine, progress.total, progress.done = "", total, done  # what is told of the run counts answers alone
    return _stopped(outcome, bench), fields


async def _graded(bench: Bench, outcome: Outcome, progress: Progress, tell: Callable[[], None]) -> Outcome:
    """The outcome with the grades of all samples that have a rubric, of each pass."""
    from weighbridge.weigh.judges import stage

    samples = outcome.samples
    passes = len(outcome.results) + bool(outcome.noise) + sum(map(len, outcome.repeats.values()))
    progress.total += passes * sum(sample.grader == "rubric" for sample in samples)
    results = {name: await stage.grade_all(bench, samples, r, tell=tell) for name, r in outcome.results.items()}
    repeats = {
        name: tuple([await stage.grade_all(bench, samples, r, tell=tell) for r in more])
        for name, more in outcome.repeats.items()
    }
    noise = await stage.grade_all(bench, samples, outcome.noise, tell=tell) if outcome.noise else ()
    return replace(outcome, results=results, repeats=repeats, noise=noise)


def print_told(out: Console, weighing: Weighing) -> None:
    """What there is to tell of the judges, under the scorecards."""
    from rich.padding import Padding
    from rich.text import Text

    from weighbridge.weigh import numbers
    from weighbridge.weigh.judges.told import tell

    told = tell(weighing)
    if told is None:
        return
    out.print("\nJudges", style="bold")
    for sentence in told.sentences:
        text = sentence if out.encoding.lower().startswith("utf") else numbers.ascii_only(sentence)
        out.print(Padding(Text(text), (0, 0, 0, 2)))
    if told.spent:
        out.print(f"  Judging cost {common.money(told.spent)}, earlier runs included.", markup=False)


def with_told(weighing: Weighing) -> Any:
    """A weighing for programs: with what there is to tell of its judges, where there is any."""
    import msgspec

    from weighbridge.weigh.judges.told import tell

    told = tell(weighing)
    if told is None:
        return weighing
    return {**msgspec.to_builtins(weighing), "judging": replace(told, judges=())}


def _stopped(outcome: Outcome, bench: Bench) -> Outcome:
    if not bench.unasked:
        return outcome
    why = f"{bench.purse.told()} does not cover the next judgement at worst; {bench.unasked} were not asked for"
    return replace(outcome, stopped=f"{outcome.stopped}; {why}" if outcome.stopped else why)


def _engines(names: Sequence[str], room: EngineRoom) -> list[Engine]:
    if len(names) > MAX_JUDGES:
        raise InputError(f"--judge names {len(names)} engines.", where="--judge", fix=f"Name 1 to {MAX_JUDGES}.")
    return list(room.engines(names, "--judge").values())


def _check_unjudged(asked: Asked, suite: Suite, *, rubrics: bool) -> None:
    for given, name in ((asked.pairs, "--pairs"), (asked.force, "--judge-force")):
        if given:
            raise InputError(f"{name} needs a judge.", where=name, fix="Name one: --judge ENGINE.")
    if rubrics:
        raise InputError(
            "The suite holds samples of the grader 'rubric', which only a judge can grade.",
            where=suite.name,
            fix="Name one: --judge ENGINE.",
        )


def _check_work(asked: Asked, contestants: Sequence[Engine], options: Options, *, rubrics: bool) -> None:
    if not rubrics and not asked.pairs:
        raise InputError(
            "There is nothing to judge: no sample is of the grader 'rubric'.",
            where="--judge",
            fix="Add --pairs to have the answers compared, or give samples a rubric.",
        )
    if asked.pairs and len(contestants) * max(1, len(options.levels)) < 2:  # noqa: PLR2004 - a pair
        raise InputError("One engine alone makes no pair.", where="--pairs", fix="Name two or more with --engines.")


def _check_sequential(asked: Asked, options: Options) -> None:
    """A run that stops early needs every grade at once."""
    if asked.pairs:
        raise InputError(
            "A sequential run stops by scores, and pairs are judged when it is over.",
            where="--pairs",
            fix="Leave out --sequential, or --pairs.",
        )
    if options.budget is not None:
        raise InputError(
            "In a sequential run judges are asked while answers are, and one budget cannot be held for both.",
            where="--budget",
            fix="Leave out --sequential, or --budget.",
        )


def _check_prices(judges: Sequence[Engine], options: Options) -> None:
    """Raise InputError if there is a budget and a judge whose cost cannot be told."""
    from weighbridge.canon import Request
    from weighbridge.weigh.purse import worst_cost

    for engine in judges if options.budget is not None else ():
        worst_cost(engine, Request(model=engine.name), options.day)


def _finder(room: EngineRoom) -> Any:
    def find(name: str) -> Model | None:
        return next((engine.model for engine in room.catalogue.of_model(name)), None)

    return find
