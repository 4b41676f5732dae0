"""`weighbridge swap drill`: somebody is gone as of now; what fails, and where does everything else go?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from weighbridge.cli import common, swap_drill_view
from weighbridge.errors import InputError, WeighbridgeError

if TYPE_CHECKING:
    from weighbridge.settings import Config
    from weighbridge.store.state import State
    from weighbridge.swap.drill import Cut, Fate, Measured, Told

UNSAFE = 10  #: exit code where a route has no safe fallback, and `--fail-on-unsafe` asks for it
INTERRUPTED = 130
_MICRO = 1_000_000
_MARGIN = 5.0  #: points by which a fallback may be worse
_AT_ONCE = 8  #: requests under way
_KEPT = 86_400.0  #: seconds that answers of earlier replays count for
_TICK = 0.5  #: seconds between two looks whether a live drill is over
_SETTLE = 1.0  #: seconds until the last exchanges of a live drill are on the disk


def drill(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            help="An engine, a model, a host, a lab, or a country (CN); host:NAME means one of them alone.",
            metavar="NAME",
        ),
    ] = "",
    since: Annotated[
        str, typer.Option("--since", help="Traffic that is looked at: 2h (ago), 7d, 2026-11-02.", metavar="TIME")
    ] = "7d",
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Recorded requests of each route to look at.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    replay: Annotated[
        int, typer.Option("--replay", min=0, max=10_000, help="Ask fallbacks so many recorded requests of each route.")
    ] = 0,
    budget: Annotated[
        float | None, typer.Option(min=0, max=1e6, help="Most to spend on that for each route, in USD.", metavar="USD")
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Cut them off in the running gateways, for a time.")] = False,
    span: Annotated[str, typer.Option("--for", help="How long: 30s, 5m, at most 24h.", metavar="TIME")] = "60s",
    force: Annotated[bool, typer.Option("--force", help="Even if a route is left without an answer.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the live drills now: of NAME, or all.")] = False,
    fail_on_unsafe: Annotated[
        bool, typer.Option("--fail-on-unsafe", help="Exit with 10 where a route has no safe fallback.")
    ] = False,
    as_json: common.Json = False,
) -> None:
    """Say what would fail if NAME were gone as of now, and where each route would go.

    Nothing is sent without --replay or --live. A live drill ends by itself, even if
    this terminal is closed; Ctrl-C ends it at once.

    Example: weighbridge swap drill openai --live --for 2m
    """
    import asyncio
    import time

    from weighbridge.cli.route import ground
    from weighbridge.cli.times import ago
    from weighbridge.cli.times import span as seconds_of
    from weighbridge.routes.policy import day_of
    from weighbridge.swap import drill as drills

    config = common.load_config(ctx)
    if stop:
        _stop(config, name, as_json=as_json)
        return
    if not name:
        raise InputError("Who is gone?", where="NAME", fix="Name an engine, a model, a host, a lab, or a country.")
    plan, known, _ = ground(config, "")
    now = time.time()
    terms = drills.Terms(
        folder=config.traces_path,
        since=ago(since, now, "--since") or 0.0,
        now=now,
        day=day_of(now),
        environ=common.environ(config),
        size=sample,
        seed=seed,
    )
    gone = drills.gone(known, plan, name)
    found = drills.Told(gone, plan.number, asyncio.run(drills.fates(plan, known, gone.engines, terms)))
    if replay:
        how = Replaying(replay, seed, terms.since, now, None if budget is None else int(budget * _MICRO))
        found = replace(found, replayed=_replayed(config, found, how))
    if not as_json:
        swap_drill_view.show(found)
    if live:
        found = _live(config, found, seconds_of(span, "--for"), force=force, quiet=as_json)
    if as_json:
        common.print_json(found)
    if fail_on_unsafe and not all(fate.safe for fate in found.fates):
        raise typer.Exit(UNSAFE)


@dataclass(frozen=True)
class Replaying:
    """How fallbacks are asked: how many requests of each route, from when on, for how many micro-units of money."""

    size: int
    seed: int
    since: float
    now: float
    budget: int | None


def _replayed(config: Config, told: Told, how: Replaying) -> dict[str, Measured]:
    """By route that moves, what its fallback makes of recorded requests."""
    from weighbridge.swap import drill as drills

    found = {}
    for fate in told.fates:
        if fate.state == "moves":
            try:
                found[fate.route] = _measured(config, fate, how)
            except WeighbridgeError as error:
                found[fate.route] = drills.Measured(problem=error.what)
    return found


def _measured(config: Config, fate: Fate, how: Replaying) -> Measured:
    import asyncio

    from weighbridge.cli import swap_replay_room as room
    from weighbridge.swap import drill as drills
    from weighbridge.swap import replay as replaying
    from weighbridge.swap.replay import metrics

    wanted = room.wanted(
        config, fate.route, fate.to, concurrency=_AT_ONCE, grader="number", budget=how.budget, judge=""
    )
    folder, base = config.traces_path, wanted.base.name
    drawn = replaying.draw(folder, fate.route, base, since=how.since, now=how.now, size=how.size, seed=how.seed)
    counted = metrics.applicable(metrics.tolerances("", _MARGIN), drawn.questions, judged=False)
    course = replaying.Course(drawn.questions, counted, alpha=config.settings.weigh.alpha, seed=how.seed)
    known = replaying.earlier(folder, fate.route, fate.to, drawn.questions, since=how.now - _KEPT)
    held = room.Held(drawn, course, known)
    asyncio.run(room.run(wanted, held))
    if held.made is None or held.made.failure is not None:
        raise held.made.failure if held.made is not None and held.made.failure is not None else InputError("no answer")
    price = wanted.candidate.price_at(wanted.terms.day)
    found = replaying.report(
        drawn,
        course,
        held.made,
        route=fate.route,
        base=base,
        candidate=fate.to,
        plan=wanted.plan.number,
        day=wanted.terms.day,
        seed=how.seed,
        currency=price.currency if price else "USD",
        judged=0,
        interrupted=False,
    )
    worse = tuple(one.title.lower() for one in found.metrics if one.verdict == "unsafe")
    return drills.Measured(found.verdict, found.looked_at, worse, found.spent, found.currency)


def _stop(config: Config, name: str, *, as_json: bool) -> None:
    import time

    from weighbridge.swap import drill as drills

    with common.state_store(config) as state:
        mine = [cut for cut in drills.cuts(state) if name in ("", cut.name)]
        drills.end(state, mine, who=common.who(), at=time.time())
    if as_json:
        common.print_json(mine)
    else:
        of = f" of {name}" if name else ""
        common.console().print(f"Ended {len(mine)} drill{'s' if len(mine) != 1 else ''}{of}.", markup=False)


def _live(config: Config, told: Told, seconds: float, *, force: bool, quiet: bool) -> Told:
    """Cut them off, wait, let them back in, and tell what happened."""
    import secrets
    import time

    from weighbridge.swap import drill as drills

    dead = [fate.route for fate in told.fates if fate.state == "fails"]
    if dead and not force:
        raise InputError(
            f"{len(dead)} route{'s' if len(dead) > 1 else ''} would be left without an answer: {', '.join(dead[:5])}.",
            where="--live",
            fix="Give them a fallback first, or say --force.",
        )
    now = time.time()
    cut = drills.Cut(secrets.token_hex(8), told.gone.name, told.gone.engines, now, now + seconds, common.who())
    with common.state_store(config) as state:
        drills.begin(state, cut)
        try:
            _wait(state, cut, quiet=quiet)
        except KeyboardInterrupt:
            common.console(stderr=True).print("Ended before its time.")
        finally:
            drills.end(state, [cut], who=common.who(), at=time.time())
        until = time.time()
    time.sleep(_SETTLE)
    hit = [fate.route for fate in told.fates if fate.state != "untouched"]
    lasted = until - cut.started
    found = drills.outcome(
        config.traces_path, hit, since=cut.started - max(lasted, 3600.0), start=cut.started, until=until
    )
    told = replace(told, live=found, seconds=lasted)
    if not quiet:
        swap_drill_view.show_live(told)
    return told


def _wait(state: State, cut: Cut, *, quiet: bool) -> None:
    """Until its time is over, or somebody ended it."""
    import time

    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from weighbridge.swap import drill as drills

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    hidden = quiet or common.quiet()
    with Progress(*columns, console=common.console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task(f"{cut.name} is gone", total=cut.until - cut.started)
        while (now := time.time()) < cut.until:
            time.sleep(min(_TICK, cut.until - now))
            bar.update(task, completed=time.time() - cut.started)
            if not any(one.id == cut.id for one in drills.cuts(state)):
                return
