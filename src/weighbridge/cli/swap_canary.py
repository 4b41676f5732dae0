"""`weighbridge swap start|pause|resume`: a move in stages, which goes on and goes back by what it sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weighbridge.swap.canary import Swap
    from weighbridge.swap.canary.judging import Finding
    from weighbridge.swap.canary.record import Guard
    from weighbridge.swap.canary.standing import Move

Route = Annotated[str, typer.Argument(help="The route, as applications name it.", metavar="ROUTE")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.", metavar="TEXT")]
Tolerances = Annotated[
    list[str] | None,
    typer.Option("--tolerance", help="How much worse is fine, in percent: errors=0.5,cost=off.", metavar="LIST"),
]
_PERCENT = 100
_ONE = 1_000_000  #: micro-units of money


def start(
    ctx: typer.Context,
    route: Route,
    engine: Annotated[str, typer.Argument(help="The engine that is to answer it in the end.", metavar="ENGINE")],
    stages: Annotated[
        str, typer.Option("--stages", help="Its share of the conversations, in percent.", metavar="LIST")
    ] = "1,5,25,50,100",
    tolerance: Tolerances = None,
    least: Annotated[int, typer.Option(min=1, help="Conversations on each side that a stage takes at least.")] = 50,
    hold: Annotated[str, typer.Option("--hold", help="How long a stage takes at least: 10m, 2h.", metavar="TIME")] = "",
    harm: Annotated[
        float, typer.Option(help="Conversations of the next stage, in percent of all, that may go wrong at most.")
    ] = 0.8,
    alpha: Annotated[
        float, typer.Option(help="The chance, in percent, of going back although nothing is worse.")
    ] = 5.0,
    why: Why = "",
    as_json: common.Json = False,
) -> None:
    """Move ROUTE to ENGINE in stages; guards go on by evidence, and go back by themselves.

    Conversations stay on their side. The gateway looks after it, so that this terminal may be closed.
    Guards: errors, format, tools, refusals, latency, cost, feedback.

    Example: weighbridge swap start assistant glm-5.2@zai --tolerance latency=20,cost=off
    """
    _begin(
        ctx,
        route,
        engine,
        stages=tuple(_numbers(stages)),
        tolerances=_tolerances(tolerance or ()),
        least=least,
        hold=_seconds(hold),
        harm=harm / _PERCENT,
        alpha=alpha / _PERCENT,
        why=why,
        as_json=as_json,
    )


def shadow(
    ctx: typer.Context,
    route: Route,
    engine: Annotated[str, typer.Argument(help="The engine that is asked as well.", metavar="ENGINE")],
    share: Annotated[float, typer.Option(help="Of the requests, in percent.")] = 5.0,
    budget: Annotated[
        str | None,
        typer.Option("--budget", help="To spend, in its price's currency; none: any. 1 by default.", metavar="AMOUNT"),
    ] = None,
    tolerance: Tolerances = None,
    least: Annotated[int, typer.Option(min=1, help="Conversations that it takes at least to be called safe.")] = 50,
    alpha: Annotated[float, typer.Option(help="The chance, in percent, of a wrong verdict.")] = 5.0,
    why: Why = "",
    as_json: common.Json = False,
) -> None:
    """Ask ENGINE a share of ROUTE's live requests as well, once their callers have an answer.

    Nobody sees its answers. It ends when the verdict is known or the budget is
    spent; 'swap rollback ROUTE' ends it before.

    Example: weighbridge swap shadow assistant glm-5.2@zai --share 5 --budget 2
    """
    _begin(
        ctx,
        route,
        engine,
        stages=(share / _PERCENT,),
        tolerances=_tolerances(tolerance or ()),
        least=least,
        alpha=alpha / _PERCENT,
        why=why,
        shadow=True,
        budget=_ONE if budget is None else _budget(budget),
        as_json=as_json,
    )


def _begin(ctx: typer.Context, route: str, engine: str, *, as_json: bool, **how: Any) -> None:
    import secrets
    import time

    from weighbridge.engines.catalogue import load
    from weighbridge.routes.policy import day_of
    from weighbridge.swap import canary

    config, now = common.load_config(ctx), time.time()
    known = load(config)
    if how.get("budget") == _ONE and known.engine(engine).price_at(day_of(now)) is None:
        how["budget"] = None  # nobody knows what it costs, and nobody said what it may
    swap = canary.Swap(secrets.token_hex(8), route, "", engine, now, who=common.who(), **how)
    with common.state_store(config) as state:
        made = canary.start(state, known, swap, environ=common.environ(config))
    if as_json:
        common.print_json(made)
        return
    out = common.console()
    what = "requests go to {} as well now" if made.shadow else "conversations go to {} now"
    out.print(f"{route}: {made.share * _PERCENT:.4g} % of the {what.format(made.candidate)}.", markup=False)
    out.print(f"See how it stands: weighbridge swap status {route}", markup=False)
    if not config.settings.store.bodies:
        out.print(
            "Texts are not recorded (store.bodies): format, tools and refusals cannot be guarded.", style="yellow"
        )


def pause(ctx: typer.Context, route: Route, why: Why = "", as_json: common.Json = False) -> None:
    """Stay in the stage that is in force. Guards go on watching, and may still go back.

    Example: weighbridge swap pause assistant --why "until Monday"
    """
    import time

    from weighbridge.swap import canary

    with common.state_store(common.load_config(ctx)) as state:
        made = canary.pause(state, route, who=common.who(), why=why, at=time.time())
    _tell(made, as_json=as_json)


def resume(ctx: typer.Context, route: Route, why: Why = "", as_json: common.Json = False) -> None:
    """Go on with a move that was paused.

    Example: weighbridge swap resume assistant
    """
    import time

    from weighbridge.swap import canary

    with common.state_store(common.load_config(ctx)) as state:
        made = canary.resume(state, route, who=common.who(), why=why, at=time.time())
    _tell(made, as_json=as_json)


def _tell(swap: Swap, *, as_json: bool) -> None:
    if as_json:
        common.print_json(swap)
    else:
        common.console().print(f"{swap.route} -> {swap.candidate}: {swap.status} at {swap.share:.0%}.", markup=False)


def _numbers(text: str) -> Iterator[float]:
    for piece in text.split(","):
        yield _percent(piece, "--stages") / _PERCENT


def _percent(text: str, where: str) -> float:
    try:
        return float(text.strip().removesuffix("%"))
    except ValueError as error:
        raise InputError(f"'{text[:50]}' is no number.", where=where, fix="Give percent, such as 0.5.") from error


def _tolerances(given: list[str] | tuple[()]) -> dict[Guard, float]:
    from weighbridge.errors import did_you_mean
    from weighbridge.swap.canary import GUARDS

    found = dict(GUARDS)
    for piece in ",".join(given).split(",") if given else ():
        name, _, value = piece.partition("=")
        guard = next((one for one in GUARDS if one == name.strip()), None)
        if guard is None:
            raise InputError(f"There is no guard '{name[:50]}'.", where="--tolerance", fix=did_you_mean(name, GUARDS))
        if value.strip() == "off":
            found.pop(guard, None)
        else:
            found[guard] = _percent(value, f"--tolerance {guard}") / _PERCENT
    return found


def _budget(text: str) -> int | None:
    from weighbridge.cli.rulebook import amount

    found = amount(text, "--budget")
    return found if isinstance(found, int) else None


def _seconds(text: str) -> float:
    from weighbridge.cli.times import span

    return span(text, "--hold") if text else 0.0


# --- how it stands --------------------------------------------------------------------------------


def show(move: Move) -> None:
    """How a move stands, for people."""
    from datetime import datetime

    from rich.table import Table

    out, swap = common.console(), move.swap
    begun = datetime.fromtimestamp(swap.started).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    shares = [f"{share * _PERCENT:.4g} %" for share in swap.stages]
    if swap.open:
        shares[swap.stage] = f"[{shares[swap.stage]}]"
    kind = "Shadow" if swap.shadow else "Move"
    out.print(
        f"\n{kind} of {swap.route}: {swap.base} -> {swap.candidate}, {swap.status.replace('_', ' ')}", markup=False
    )
    out.print(f"Stages {', '.join(shares)}; begun {begun} by {swap.who}", markup=False)
    if swap.why:
        out.print(f"    {common.printable(swap.why)}", markup=False)
    out.print(f"This stage: {move.canary:,} conversations on the candidate, {move.control:,} to compare them with.")
    table = Table(box=None, pad_edge=False)
    for at, column in enumerate(
        ("guard", "pairs", "candidate", "today's", "may be", "p", "fires at", *(("verdict",) if swap.shadow else ()))
    ):
        table.add_column(column, justify="right" if at else "left", overflow="fold")
    for one in move.findings:
        table.add_row(*_cells(one), *((one.verdict if one.pairs else "-",) if swap.shadow else ()))
    out.print(table)
    if swap.reason:
        out.print(f"It ended: {common.printable(swap.reason)}", markup=False)
    elif move.next:
        out.print(f"Next: {move.next}.", markup=False)


def _cells(one: Finding) -> tuple[str, ...]:
    from weighbridge.swap.canary.judging import SHARES

    if one.guard in SHARES:
        sides = ["-" if side is None else f"{side:.2%}" for side in (one.canary, one.control)]
        bound = f"+{one.tolerance:.2%}"
    elif one.guard == "latency":
        sides = ["-" if side is None else f"{side:.3g} s" for side in (one.canary, one.control)]
        bound = f"+{one.tolerance:.0%}"
    else:
        sides = ["-" if side is None else f"{side / 1e6:.3g}" for side in (one.canary, one.control)]
        bound = f"+{one.tolerance:.0%}"
    where = f" ({one.where})" if one.where else ""
    return (f"{one.guard}{where}", f"{one.pairs:,}", *sides, bound, f"{one.p:.2g}", f"{one.limit:.2g}")
