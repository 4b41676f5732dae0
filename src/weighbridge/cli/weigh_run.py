"""`weighbridge weigh run`: the same samples to several engines, scorecards, and a verdict on each candidate."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge import __version__
from weighbridge.cli import common, documents, weigh_code, weigh_course, weigh_judge, weigh_report
from weighbridge.errors import InputError, did_you_mean
from weighbridge.settings import Config

if TYPE_CHECKING:
    from weighbridge.canon import Engine, Level
    from weighbridge.cli.engine_room import EngineRoom
    from weighbridge.weigh.runner import Options, Progress
    from weighbridge.weigh.sandbox.grading import Bench
    from weighbridge.weigh.types import Suite, Weighing

MAX_ENGINES = 32
MICRO = 1_000_000
_TICK = 0.2  #: seconds between two looks at the progress


def run(
    ctx: typer.Context,
    suite: Annotated[str, typer.Argument(help="starter, medical, a JSONL file, or traces:ROUTE.", metavar="SUITE")],
    engines: Annotated[
        str, typer.Option("--engines", "-e", help="Engines to weigh, with commas: A,B,C.", metavar="A,B,C")
    ],
    base: Annotated[
        str | None, typer.Option(help="The engine that the others are compared with; the first by default.")
    ] = None,
    margin: Annotated[float | None, common.option("weigh.margin")] = None,
    alpha: Annotated[float | None, common.option("weigh.alpha")] = None,
    concurrency: Annotated[int | None, common.option("weigh.concurrency")] = None,
    budget: Annotated[
        float | None, typer.Option(help="Most to spend in this run, in USD.", metavar="USD", show_default="no limit")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take only the first so many samples.")] = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Ask the base twice: how much does an engine differ from itself?")
    ] = False,
    sequential: weigh_course.Sequential = False,
    repeats: weigh_course.Repeats = 1,
    temperature: weigh_course.Temperature = None,
    mask: Annotated[
        str,
        typer.Option(
            help="Weigh one engine against itself at levels of masking (none, secrets, personal, strict).",
            metavar="LEVELS",
        ),
    ] = "",
    grader: Annotated[
        str, typer.Option(help="For traces: how free text is compared (exact, contains, choice, number).")
    ] = "",
    judge: weigh_judge.Judge = "",
    pairs: weigh_judge.Pairs = False,
    judge_force: weigh_judge.Force = False,
    unsafe_code: weigh_code.Unsafe = False,
    reports: weigh_report.Reports = None,
    with_answers: weigh_report.WithAnswers = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Ask again what earlier runs have answered.")] = False,
    fail_on: documents.FailOn = "",
    as_json: common.Json = False,
) -> None:
    """Weigh engines on the same samples: scorecards, and may you move?

    Answers are kept: run the same command again and nothing is asked twice.
    With --json a report is written only if --report names one.

    Example: weighbridge weigh starter --engines smollm2-135m@local,gemma-3-270m@local
    """
    import asyncio

    from weighbridge.weigh import masking, suites
    from weighbridge.weigh.runner import Options

    documents.check_fail_on(fail_on)
    levels = masking.read_levels(mask)
    if levels:
        _check_masked(engines, base)
    config = common.load_config(
        ctx,
        weigh__margin=margin,
        weigh__alpha=alpha,
        weigh__concurrency=concurrency,
        weigh__temperature=temperature,
    )
    targets = weigh_report.check(reports or ([] if as_json else [Path(weigh_report.REPORT)]))
    loaded = suites.load(suite, traces=config.traces_path, grader=grader, limit=limit, tell=_tell)
    code = weigh_code.choose(loaded, unsafe=unsafe_code)
    chosen = config.settings.weigh
    options = Options(
        day=time.strftime("%Y-%m-%d", time.gmtime()),
        folder=config.folder,
        concurrency=chosen.concurrency,
        max_tokens=chosen.max_tokens,
        seed=chosen.seed,
        budget=_micro(budget),
        fresh=fresh,
        levels=levels,
        masking=_masking(config, levels),
        repeats=repeats,
        temperature=chosen.temperature,
    )
    try:
        asked = weigh_judge.Asked(judge, pairs, judge_force, sequential)
        weighing = asyncio.run(
            _weigh(config, loaded, engines, base, options, asked, code, noise=noise, sequential=sequential)
        )
    except KeyboardInterrupt:
        _tell("Interrupted. What was answered is kept: run the same command again to go on from there.")
        raise typer.Exit(130) from None
    finally:
        if code:
            code.close()
    weigh_report.write(targets, weighing, with_answers=with_answers)
    _show(weighing, targets, as_json=as_json)
    documents.fail_on(fail_on, weigh_course.verdicts(weighing))


async def _weigh(
    config: Config,
    suite: Suite,
    engines: str,
    base: str | None,
    options: Options,
    asked: weigh_judge.Asked,
    code: Bench | None,
    *,
    noise: bool,
    sequential: bool,
) -> Weighing:
    from msgspec.structs import replace

    from weighbridge.cli.engine_room import open_room
    from weighbridge.weigh import masking

    async with open_room(config) as room:
        found, chosen = pick(engines, base, room)
        name = masking.name_of(chosen.name, options.levels[0]) if options.levels else chosen.name
        options = replace(options, noise=name if noise or options.repeats > 1 else "")
        judging = weigh_judge.choose(asked, suite, found, room, options)
        if sequential:
            weigh_course.check(found, options)
        return await conduct(
            room, suite, found, base=name, options=options, judging=judging, code=code, sequential=sequential
        )


async def conduct(
    room: EngineRoom,
    suite: Suite,
    engines: list[Engine],
    *,
    base: str,
    options: Options,
    judging: weigh_judge.Judging | None = None,
    code: Bench | None = None,
    sequential: bool = False,
) -> Weighing:
    """Run a suite over engines, with a progress bar where someone looks, and work out the verdicts.

    Args:
        room: What calls engines.
        suite: What is asked.
        engines: Who is asked.
        base: The name of the engine, or of it at a level of masking, that the others are compared with.
        options: How it is asked; `weigh.margin` and `weigh.alpha` come from the room's configuration.
        judging: Who judges the answers, if anyone does.
        code: What runs the code of answers, if the suite asks for any.
        sequential: Stop as soon as every verdict is known?
    """
    import asyncio

    from msgspec.structs import replace

    from weighbridge.store.results import Results
    from weighbridge.weigh import runner, scorecard
    from weighbridge.weigh.watch import Watch

    started = time.time()
    watch = Watch()
    room.client.watch = watch
    suite, named_by = await _named(room, suite) if options.levels else (suite, "")
    if any(level != "none" for level in options.levels):
        await asyncio.to_thread(room.veils.load)  # what is loaded once is no part of an answer's time
    progress = runner.Progress()
    chosen = room.config.settings.weigh
    course = weigh_course.course(suite, engines, options, chosen, base=base) if sequential else None
    with contextlib.closing(Results(room.config.results_path)) as results:
        async with _progress_bar(progress):
            # A run that stops by its grades needs them at once; all others are judged when their times are taken.
            judging = judging or weigh_judge.Judging()
            bench = weigh_judge.seat(room, results, judging, options) if course and judging.engines else None
            outcome = await runner.run(
                suite,
                engines,
                room.road,
                results,
                options=options,
                progress=progress,
                prepare=room.local.start,
                watch=watch,
                course=course,
                grade=weigh_code.hook(code, weigh_judge.hook(bench) if bench else None),
            )
            outcome, told = await weigh_judge.judge(
                room, results, outcome, judging, options, progress, base=base, graded_by=bench
            )
    if progress.reused:
        _tell(f"{progress.reused} of {progress.total} answers are from earlier runs; --fresh asks again.")
    weighing = scorecard.weighing(
        replace(suite, samples=outcome.samples),
        engines,
        outcome.results,
        base=base,
        margin=chosen.margin,
        alpha=chosen.alpha,
        seed=chosen.seed,
        day=options.day,
        started=started,
        noise=outcome.noise,
        version=__version__,
        stopped=outcome.stopped,
        levels=options.levels,
        identifiers_by=named_by,
        repeats=outcome.repeats,
    )
    sandbox = code.box.name if code else ""
    return replace(weighing, **told, stopping=course.stoppings() if course else {}, sandbox=sandbox)


def _check_masked(engines: str, base: str | None) -> None:
    """With --mask one engine is weighed, and its first level is the base."""
    names = [name for name in engines.split(",") if name.strip()]
    if len(names) > 1:
        raise InputError(
            f"--mask weighs one engine against itself, and --engines names {len(names)}.",
            where="--mask",
            fix="Name one engine; weigh several without --mask, or one after the other.",
        )
    if base is not None:
        raise InputError(
            "--mask weighs one engine against itself, so --base has nothing to name.",
            where="--base",
            fix="Leave it out: the first level of --mask is the base.",
        )


def _masking(config: Config, levels: tuple[Level, ...]) -> str:
    """What decides on what is masked, in one name; "" where nothing is, so that such answers keep the name they had."""
    import hashlib

    import msgspec

    from weighbridge.mask.detect import MODELS
    from weighbridge.mask.names.models import Models

    settings = config.settings.mask
    if not levels and settings.level == "none" and not settings.force:
        return ""
    known = [model.sha256 for model in Models(config.store_path / MODELS).list()]
    told = msgspec.json.encode([__version__, known, settings], order="sorted")
    return hashlib.sha256(told).hexdigest()


async def _named(room: EngineRoom, suite: Suite) -> tuple[Suite, str]:
    """The suite with its identifiers, and who named them: detectors, where the suite itself names none."""
    import asyncio

    from weighbridge.mask.detect import finder_of
    from weighbridge.weigh import masking

    if masking.has_identifiers(suite.samples):
        return suite, "suite"
    config = room.config
    finder = finder_of(config.settings.mask, config.store_path)
    found = await asyncio.to_thread(masking.with_found, suite, finder)
    if not masking.has_identifiers(found.samples):
        _tell(f"The suite {suite.name} names no identifiers and detectors find none: what leaks stays unknown.")
        return suite, ""
    _tell(f"The suite {suite.name} names no identifiers; what detectors find in it counts as such.")
    return found, "detectors"


def pick(engines: str, base: str | None, room: EngineRoom) -> tuple[list[Engine], Engine]:
    """The engines of a list with commas, and the base among them; each is known to be callable.

    Raises:
        InputError: None or too many are named, one comes twice, a name is a route's, or the base is not among them.
        WeighbridgeError: One is unknown, lacks its key, or cannot run here.
    """
    names = [name.strip() for name in engines.split(",") if name.strip()]
    if not names or len(names) > MAX_ENGINES:
        raise InputError(f"--engines names {len(names)} engines.", fix=f"Name 1 to {MAX_ENGINES}, with commas.")
    found: dict[str, Engine] = {}
    for name in names:
        if name in room.config.routes:
            raise InputError(
                f"'{name}' is a route, and which engine answers it may change.",
                where="--engines",
                fix="Name the engine itself.",
            )
        engine = room.engine(name)
        if engine.name in found:
            raise InputError(
                f"The engine {engine.name} is named twice.",
                where="--engines",
                fix="Name it once; --noise weighs the base against itself.",
            )
        found[engine.name] = engine
    if base is None:
        return list(found.values()), next(iter(found.values()))
    wanted = base if base in found else next((e.name for e in found.values() if e.model.name == base), "")
    if not wanted:
        raise InputError(
            f"The base '{base}' is not among the engines.", where="--base", fix=did_you_mean(base, [*found])
        )
    return list(found.values()), found[wanted]


@contextlib.asynccontextmanager
async def _progress_bar(progress: Progress) -> AsyncIterator[None]:
    """A bar on standard error while the block runs; nothing where nobody looks."""
    if common.quiet():
        yield
        return
    import asyncio

    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(bar_width=20),
        bars.MofNCompleteColumn(),
        bars.TextColumn("{task.fields[cost]}"),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=common.console(stderr=True), auto_refresh=False, transient=True) as shown:
        bar = shown.add_task("weighing", total=None, cost="")

        def look() -> None:
            name = progress.engine or "weighing"
            cost = common.money(progress.spent) + (f", {progress.failed} failed" if progress.failed else "")
            shown.update(bar, completed=progress.done, total=progress.total or None, description=name[:30], cost=cost)
            shown.refresh()

        async def watch() -> None:
            while True:
                look()
                await asyncio.sleep(_TICK)

        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
            look()


def _show(weighing: Weighing, reports: list[Path], *, as_json: bool) -> None:
    if as_json:
        common.print_json(weigh_course.with_told(weigh_judge.with_told(weighing), weighing))
        return
    from weighbridge.cli.scorecard_view import print_weighing

    out = common.console()
    print_weighing(out, weighing)
    weigh_course.print_told(out, weighing)
    weigh_judge.print_told(out, weighing)
    out.print()
    weigh_report.tell(reports)


def _micro(budget: float | None) -> int | None:
    if budget is None:
        return None
    if not math.isfinite(budget) or budget < 0:
        raise InputError(f"A budget of {budget} makes no sense.", where="--budget", fix="Give dollars, such as 2.50.")
    return int(budget * MICRO)


def _tell(sentence: str) -> None:
    common.console(stderr=True).print(sentence, markup=False, soft_wrap=True)
