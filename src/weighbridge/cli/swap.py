"""`weighbridge swap`: move a route to another engine, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, swap_canary, swap_drill, swap_preflight, swap_replay

if TYPE_CHECKING:
    from weighbridge.canon import Publication
    from weighbridge.swap import Status

app = typer.Typer(help="Move a route to another engine under live traffic, and back.", no_args_is_help=True)

Route = Annotated[str, typer.Argument(help="The route, as applications name it.", metavar="ROUTE")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.", metavar="TEXT")]

app.command()(swap_preflight.preflight)
app.command()(swap_replay.replay)
app.command()(swap_canary.shadow)
app.command()(swap_canary.start)
app.command()(swap_drill.drill)
app.command()(swap_canary.pause)
app.command()(swap_canary.resume)


@app.command()
def promote(
    ctx: typer.Context,
    route: Route,
    engine: Annotated[str, typer.Argument(help="The engine that is to answer it.", metavar="ENGINE")],
    why: Why = "",
    as_json: common.Json = False,
) -> None:
    """Let ENGINE answer ROUTE from now on. Requests under way finish where they began.

    Example: weighbridge swap promote assistant glm-5.2@zai --why "weighed safe"
    """
    import time

    from weighbridge import swap
    from weighbridge.engines.catalogue import load

    config = common.load_config(ctx)
    with common.state_store(config) as state:
        made = swap.promote(
            state,
            load(config),
            route,
            engine,
            who=common.who(),
            why=why,
            at=time.time(),
            environ=common.environ(config),
        )
    _tell(made, as_json=as_json)


@app.command()
def rollback(ctx: typer.Context, route: Route, why: Why = "", as_json: common.Json = False) -> None:
    """Undo the last promotion of ROUTE. Once more goes one further back.

    Example: weighbridge swap rollback assistant
    """
    import time

    from weighbridge import swap
    from weighbridge.engines.catalogue import load

    config = common.load_config(ctx)
    with common.state_store(config) as state:
        made = swap.rollback(state, load(config), route, who=common.who(), why=why, at=time.time())
    _tell(made, as_json=as_json)


@app.command()
def status(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="Only this route.", metavar="[ROUTE]")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How much of the history to show.")] = 10,
    as_json: common.Json = False,
) -> None:
    """Show which engine answers which route, how moves in stages stand, and what was done.

    Example: weighbridge swap status assistant
    """
    import time

    from weighbridge import swap

    config = common.load_config(ctx)
    with common.state_store(config) as state:
        found = swap.status(state, route, limit=limit, now=time.time())
    if as_json:
        common.print_json(found)
    else:
        _show(found)


@app.command()
def history(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="Only this route.", metavar="[ROUTE]")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 50,
    as_json: common.Json = False,
) -> None:
    """Tell who changed what, when and why, newest first.

    Example: weighbridge swap history assistant
    """
    from weighbridge import swap

    config = common.load_config(ctx)
    with common.state_store(config) as state:
        found = swap.status(state, route, limit=limit).history
    if as_json:
        common.print_json(found)
    else:
        _tell_history(found)


def _tell(made: Publication, *, as_json: bool) -> None:
    if as_json:
        common.print_json(made)
        return
    answers = made.plan.routes[made.route]
    out = common.console()
    out.print(f"{made.route} -> {answers.primary}", markup=False)
    out.print(f"Plan {made.plan.number} is in force. Running gateways follow within a quarter of a second.")


def _show(found: Status) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = common.console()
    if not found.routes:
        out.print("No routes yet. Declare one in weighbridge.toml under [routes.NAME], then start 'weighbridge serve'.")
        return
    table = Table(title=f"Plan {found.plan}", title_justify="left", box=None, pad_edge=False)
    for column in ("route", "engine", "then"):
        table.add_column(column, overflow="fold")
    for name, route in sorted(found.routes.items()):
        engine = route.primary
        if route.canary is not None:
            engine += f"\n{route.canary.share * 100:.4g} % of conversations: {route.canary.engine}"
        table.add_row(escape(name), escape(engine), escape(", ".join(route.fallbacks)))
    out.print(table)
    if found.cut:
        out.print(f"Cut off by a drill: {', '.join(found.cut)}", style="yellow", markup=False)
    for move in found.moves:
        swap_canary.show(move)
    out.print("\nHistory, newest first")
    _tell_history(found.history)


def _tell_history(history: list[Publication]) -> None:
    from datetime import datetime

    out = common.console()
    for one in history:
        when = datetime.fromtimestamp(one.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        entry = one.plan.routes.get(one.route)
        to = f" -> {entry.primary}" if entry is not None else ""
        if entry is not None and entry.canary is not None and one.action == "canary":
            to = f" -> {entry.canary.engine}, {entry.canary.share * 100:.4g} %"
        what = f"{one.action} {one.route}{to}".strip()
        out.print(f"{when}  plan {one.plan.number}: {what}, by {one.who}", markup=False)
        if one.why:
            out.print(f"    {one.why}", markup=False)
