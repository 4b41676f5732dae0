"""`weighbridge weigh run`: the same samples to several engines, scorecards, and a verdict on each candidate."""

from __future__ import annotations

import contextlib
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import (
    common,
    documents,
    weigh_code,
    weigh_conduct,
    weigh_course,
    weigh_judge,
    weigh_report,
    weigh_who,
)
from weighbridge.errors import InputError
from weighbridge.settings import Config

if TYPE_CHECKING:
    from weighbridge.weigh.runner import Options
    from weighbridge.weigh.sandbox.grading import Bench
    from weighbridge.weigh.types import Suite, Weighing

MICRO = 1_000_000


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

    Example: weighbridge weigh starter -e smollm2-135m@local,gemma-3-270m@local
    """
    import asyncio

    from weighbridge.weigh import masking, suites, words
    from weighbridge.weigh.runner import Options

    documents.check_fail_on(fail_on)
    levels = masking.read_levels(mask)
    if levels:
        weigh_who.check_masked(engines, base)
    config = common.load_config(
        ctx,
        weigh__margin=margin,
        weigh__alpha=alpha,
        weigh__concurrency=concurrency,
        weigh__temperature=temperature,
    )
    targets = weigh_report.check(reports or ([] if as_json else [Path(weigh_report.REPORT)]))
    loaded = suites.load(suite, traces=config.traces_path, grader=grader, limit=limit, tell=weigh_conduct.tell)
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
        masking=weigh_who.masking(config, levels),
        repeats=repeats,
        temperature=chosen.temperature,
        texts=as_json or bool(judge),  # whoever reads them here holds them all; reports fetch what they show
    )
    try:
        asked = weigh_judge.Asked(judge, pairs, judge_force, sequential)
        made: list[Weighing] = []  # not the task's result, which asyncio writes out, for nobody, once the task is over

        async def weigh() -> None:
            made.append(
                await _weigh(config, loaded, engines, base, options, asked, code, noise=noise, sequential=sequential)
            )

        asyncio.run(weigh())
    except KeyboardInterrupt:
        weigh_conduct.tell("Interrupted. What was answered is kept: run the same command again to go on from there.")
        raise typer.Exit(130) from None
    finally:
        if code:
            code.close()
    (weighing,) = made
    with contextlib.closing(weigh_report.Kept(config)) as kept:
        weigh_report.write(targets, weighing, fetch=kept.fetch, with_answers=with_answers)
    _show(weighing, targets, as_json=as_json)
    documents.fail_on(fail_on, weigh_course.verdicts(weighing), words.uncompared(weighing))


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
        found, chosen = weigh_who.pick(engines, base, room)
        name = masking.name_of(chosen.name, options.levels[0]) if options.levels else chosen.name
        options = replace(options, noise=name if noise or options.repeats > 1 else "")
        judging = weigh_judge.choose(asked, suite, found, room, options)
        if sequential:
            weigh_course.check(found, options)
        return await weigh_conduct.conduct(
            room, suite, found, base=name, options=options, judging=judging, code=code, sequential=sequential
        )


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
