"""`weighbridge swap replay`: recorded requests asked again of another engine, and whether the route may move to it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from weighbridge.cli import common, documents, swap_replay_view
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.cli.swap_replay_room import Held, Wanted

INTERRUPTED = 130  #: exit code
_MICRO = 1_000_000
_KEPT = 86_400.0  #: seconds for which answers of earlier replays count


def replay(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="The route, as applications name it.", metavar="ROUTE")],
    engine: Annotated[str, typer.Argument(help="The engine that you think of moving to.", metavar="ENGINE")],
    since: Annotated[
        str, typer.Option("--since", help="Traffic from then on: 2h (ago), 7d, 2026-11-02.", metavar="TIME")
    ] = "7d",
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Requests at most, drawn at random.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the sample and its order.")] = 0,
    margin: Annotated[
        float, typer.Option(help="How much worse still counts as good enough, in points of every share.")
    ] = 5.0,
    tolerance: Annotated[
        str,
        typer.Option(help="The same by metric: errors=1,format=2 in points, latency=20,cost=10 in percent."),
    ] = "",
    alpha: Annotated[float | None, common.option("weigh.alpha")] = None,
    budget: Annotated[
        float | None, typer.Option(help="Most to spend, in USD.", metavar="USD", show_default="no limit")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, max=1024, help="Most calls under way at once.")] = 8,
    targets: Annotated[
        Path | None,
        typer.Option(help='Right answers: JSONL of {"trace": ID or "input": TEXT, "target": ...}.', metavar="FILE"),
    ] = None,
    grader: Annotated[
        str, typer.Option(help="How answers are compared with targets: number, choice, exact, contains, regex.")
    ] = "number",
    judge: Annotated[
        str, typer.Option("--judge", help="An engine that compares both answers, in both orders.", metavar="ENGINE")
    ] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask again what replays of the last day have answered.")
    ] = False,
    fail_on: documents.FailOn = "",
    as_json: common.Json = False,
) -> None:
    """Ask ENGINE what ROUTE was asked before, and say whether moving there is safe.

    Requests are masked as the route demands, and no tool is run. It stops as soon as the verdict is known.
    Answers are kept: run it again within a day and nothing is asked twice, but for what is masked.

    Example: weighbridge swap replay assistant glm-5.2@zai --budget 2
    """
    import asyncio

    from weighbridge.cli import swap_replay_room
    from weighbridge.cli.times import ago
    from weighbridge.swap import replay as replaying
    from weighbridge.swap.replay import metrics
    from weighbridge.swap.replay.targets import read as read_targets

    documents.check_fail_on(fail_on)
    told = metrics.tolerances(tolerance, margin)
    right = read_targets(targets, grader) if targets is not None else {}
    config = common.load_config(ctx, weigh__alpha=alpha)
    wanted = swap_replay_room.wanted(
        config, route, engine, concurrency=concurrency, grader=grader, budget=_micro(budget), judge=judge
    )
    now = time.time()
    drawn = replaying.draw(
        config.traces_path,
        route,
        wanted.base.name,
        since=ago(since, now, "--since") or 0.0,
        now=now,
        size=sample,
        seed=seed,
    )
    drawn = replace(drawn, questions=replaying.with_targets(drawn.questions, right))
    if right and not any(one.target is not None for one in drawn.questions):
        raise InputError(
            f"None of the {len(right):,} targets belongs to a request of the sample.",
            where=str(targets),
            fix="Name requests by the ids of their traces, or by the user's last words as they were recorded.",
        )
    counted = metrics.applicable(told, drawn.questions, judged=bool(judge))
    name = wanted.candidate.name
    known = {} if fresh else replaying.earlier(config.traces_path, route, name, drawn.questions, since=now - _KEPT)
    course = replaying.Course(drawn.questions, counted, alpha=config.settings.weigh.alpha, seed=seed)
    held = swap_replay_room.Held(drawn, course, known)
    try:
        asyncio.run(swap_replay_room.run(wanted, held))
    except KeyboardInterrupt:
        held.interrupted = True
    _end(wanted, held, seed=seed, fail_on=fail_on, as_json=as_json)


def _end(wanted: Wanted, held: Held, *, seed: int, fail_on: str, as_json: bool) -> None:
    """Tell what came of it, also of what was broken off."""
    from weighbridge.swap import replay as replaying

    if held.made is None:
        raise typer.Exit(INTERRUPTED)
    price = wanted.candidate.price_at(wanted.terms.day)
    found = replaying.report(
        held.drawn,
        held.course,
        held.made,
        route=wanted.route,
        base=wanted.base.name,
        candidate=wanted.candidate.name,
        plan=wanted.plan.number,
        day=wanted.terms.day,
        seed=seed,
        currency=price.currency if price else "USD",
        judged=held.judged,
        interrupted=held.interrupted,
    )
    if as_json:
        common.print_json(found)
    else:
        swap_replay_view.show(found)
    if held.interrupted:
        raise typer.Exit(INTERRUPTED)
    if held.made.failure is not None:
        raise held.made.failure
    documents.fail_on(fail_on, [found.verdict])


def _micro(budget: float | None) -> int | None:
    if budget is None:
        return None
    if not math.isfinite(budget) or budget < 0:
        raise InputError(f"A budget of {budget} makes no sense.", where="--budget", fix="Give dollars, such as 2.50.")
    return int(budget * _MICRO)
