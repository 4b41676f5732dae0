"""How `weigh run` and the demo conduct a weighing: everything between what is asked and the figures."""

from __future__ import annotations

import contextlib
import gc
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from weighbridge import __version__
from weighbridge.cli import bars, common, weigh_code, weigh_course, weigh_judge

if TYPE_CHECKING:
    from weighbridge.canon import Engine
    from weighbridge.cli.engine_room import EngineRoom
    from weighbridge.weigh.runner import Options
    from weighbridge.weigh.sandbox.grading import Bench
    from weighbridge.weigh.types import Suite, Weighing

_YOUNG = 20_000  #: objects from which on garbage is looked for


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """Look for garbage more seldom: results that live on, by hundreds of thousands, would be walked through ever again."""
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


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
    with contextlib.closing(Results(room.config.results_path)) as results, calm():
        async with bars.of_calls(progress, lambda: progress.engine or "weighing"):
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
        tell(f"{progress.reused} of {progress.total} answers are from earlier runs; --fresh asks again.")
    if progress.copied:
        tell(
            f"{progress.copied} of {progress.total} answers are copies: another sample of this run asks the very same."
        )
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
        tell(f"The suite {suite.name} names no identifiers and detectors find none: what leaks stays unknown.")
        return suite, ""
    tell(f"The suite {suite.name} names no identifiers; what detectors find in it counts as such.")
    return found, "detectors"


def tell(sentence: str) -> None:
    """A sentence beside the result, on standard error."""
    common.console(stderr=True).print(sentence, markup=False, soft_wrap=True)
