"""`weighbridge mask drill`: does anything leak? Canaries in every position, and a search through all that comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weighbridge.cli import common

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from weighbridge.canon import Masking
    from weighbridge.cli.drill_run import Drilled
    from weighbridge.settings import Config

LEAKED = 4  #: exit code where anything leaked, or a caller did not get its own values back
_SHOWN = 10  #: flaws that are told one by one
_NARROW = 18  #: columns for a kind's name
_LevelOption = Literal["", "none", "secrets", "personal", "strict"]


def drill(
    ctx: typer.Context,
    route: Annotated[str, typer.Argument(help="The route, or an engine, whose masking is drilled.")],
    level: Annotated[
        _LevelOption, typer.Option("--level", help="Another level than the route's.", metavar="LEVEL")
    ] = "",
    kinds: Annotated[
        str, typer.Option("--kinds", help="Only these, with commas between; all that the level masks if left out.")
    ] = "",
    quick: Annotated[bool, typer.Option("--quick", help="Each dialect and each failure once.")] = False,
    keep: Annotated[
        str, typer.Option("--keep", help="Leave the drill's files in this empty or new folder.", metavar="FOLDER")
    ] = "",
    as_json: common.Json = False,
) -> None:
    """Plant invented values of each kind everywhere, and look for what leaks.

    A gateway of the drill's own runs on a free port, with your settings and the route's masking, and
    a store that is removed afterwards. Its engines are a host that keeps every byte it gets and says
    all of it again: nothing leaves this machine, no key is used, nothing is billed. Requests of the
    four dialects, streamed and whole, with a value of each kind in every position, reach it in each
    of the four; it also fails, asks to wait, hands over to another engine, breaks off in mid-stream and
    repeats the request in its errors. Then what it got, the traces, the whole store, the logs and the
    figures are searched: as written, without separators, in JSON and URL escapes, base64, reversed, in
    lower case. What comes back must be what was sent. Exit code 4 if anything leaked.

    Example: weighbridge mask drill assistant --quick
    """
    import asyncio
    import tempfile
    from pathlib import Path

    config = common.load_config(ctx)
    masking = _masking(config, route, level)
    chosen = _kinds(config, masking, kinds)
    if keep:
        drilled = asyncio.run(_drilled(config, route, masking, chosen, _empty(Path(keep)), quick=quick))
    else:
        with tempfile.TemporaryDirectory(prefix="weighbridge-drill-") as folder:
            drilled = asyncio.run(_drilled(config, route, masking, chosen, Path(folder), quick=quick))
    if as_json:
        common.print_json(drilled)
    else:
        _tell(common.console(), drilled, masking)
    if not drilled.clean:
        raise typer.Exit(LEAKED)


def _masking(config: Config, name: str, level: str) -> Masking:
    """What is masked of the route's requests: for the engine that sees the most, of those that must not see all."""
    from msgspec.structs import replace

    from weighbridge import routes
    from weighbridge.canon import LEVELS, Plan
    from weighbridge.engines import catalogue
    from weighbridge.exchange.maskings import masking_for
    from weighbridge.mask.kinds import check_kinds, own_kinds

    known = common.with_facts(config, catalogue.load(config))
    where = str(config.file or "")
    declared = routes.from_config(config.routes, known.engine, where=where)
    check_kinds(declared, own_kinds(config.settings.mask), where=where)
    plan = Plan(0, declared, declared)
    if common.has_state(config):
        with common.state_store(config) as state:
            current = state.current()
        plan = current.plan if current is not None else plan
    choice = routes.choose(plan, name, known.engine)
    found = [masking_for(engine, choice, config.settings.mask) for engine in choice.engines]
    masked = [one for one in found if one.level != "none"] or found
    least = min(masked, key=lambda one: LEVELS.index(one.level))
    return replace(least, level=next(one for one in LEVELS if one == level)) if level else least


def _kinds(config: Config, masking: Masking, wanted: str) -> tuple[str, ...]:
    from weighbridge.cli.drill_positions import ALL_KINDS
    from weighbridge.cli.drill_run import kinds_of
    from weighbridge.errors import InputError, did_you_mean

    if not wanted:
        return kinds_of(masking, config.settings.mask)
    named = [kind.strip() for kind in wanted.split(",") if kind.strip()]
    for kind in named:
        if kind not in ALL_KINDS:
            raise InputError(
                f"There is no canary of the kind '{kind[:50]}'.", where="--kinds", fix=did_you_mean(kind, ALL_KINDS)
            )
    return tuple(kind for kind in ALL_KINDS if kind in named)


def _empty(folder: Path) -> Path:
    from weighbridge.errors import InputError

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InputError("The folder is not empty.", where=str(folder), fix="Give a new one.")
    return folder.absolute()


async def _drilled(
    config: Config, route: str, masking: Masking, kinds: tuple[str, ...], folder: Path, *, quick: bool
) -> Drilled:
    from weighbridge.cli.drill_run import drill as run

    with common.console(stderr=True).status("Starting the gateway ...") as status:
        return await run(config, route, masking, kinds, folder, quick=quick, progress=status.update)


def _tell(out: Console, drilled: Drilled, masking: Masking) -> None:
    from rich.text import Text

    kept = [kind for kind in drilled.kinds if masking.kinds.get(kind) == "keep"]
    out.print(
        f"{drilled.route}, level {drilled.level}: {drilled.canaries:,} canaries of {len(drilled.kinds)} kinds in "
        f"{len(drilled.positions)} positions, {drilled.requests} exchanges; {drilled.searched / 1e6:,.1f} MB "
        f"searched in {drilled.seconds:.0f} s.",
        markup=False,
    )
    if drilled.leaks:
        _tell_leaks(out, drilled)
        if kept:
            out.print(f"The route keeps {', '.join(kept)} as it is: that is told here, too.", markup=False)
    flaws = f"{len(drilled.broken)} values or answers did not come back whole"
    for one in drilled.broken[:_SHOWN]:
        way = f"{one.dialect} to {one.host}, {one.name}{', streamed' if one.streamed else ''}"
        what = f"{one.kind} in {one.position}: " if one.kind else ""
        out.print(common.printable(f"  {way}: {what}{one.where}"), markup=False)
    found = len({(leak.kind, leak.position) for leak in drilled.leaks})
    out.print(Text(f"{found} leaks", "bold red" if found else "bold green"), Text(f"; {flaws}."), sep="")


def _tell_leaks(out: Console, drilled: Drilled) -> None:
    """Kinds by positions, then the sums."""
    from weighbridge.cli.drill_positions import POSITIONS
    from weighbridge.cli.drill_run import counted

    places = [position for position in drilled.positions if any(leak.position == position for leak in drilled.leaks)]
    for start in range(0, len(places), (common.WIDTH - _NARROW) // 3):
        shown = places[start : start + (common.WIDTH - _NARROW) // 3]
        head = "".join(f"{start + i + 1:>3}" for i in range(len(shown)))
        out.print(f"{'kind':<{_NARROW}}{head}", style="bold", markup=False)
        for kind in drilled.kinds:
            marks = [
                sum(leak.kind == kind and leak.position == position for leak in drilled.leaks) for position in shown
            ]
            if any(marks):
                row = "".join(f"{min(mark, 99) or '.':>3}" for mark in marks)
                out.print(f"{kind:<{_NARROW}.{_NARROW - 1}}{row}", markup=False)
    for number, position in enumerate(places, 1):
        out.print(f"{number:>3} {position}: {POSITIONS[position]}", markup=False)
    for field in ("place", "form", "dialect", "host", "name"):
        sums = counted((leak for leak in drilled.leaks if getattr(leak, field)), field)
        told = ", ".join(f"{name} {count}" for name, count in sums.most_common())
        out.print(f"by {field}: {told}", markup=False)
