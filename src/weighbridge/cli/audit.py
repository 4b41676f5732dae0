"""`weighbridge audit`: what administrators did, and whether the log of it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common
from weighbridge.errors import DamagedError

if TYPE_CHECKING:
    from weighbridge.store.audit import Entry

app = typer.Typer(help="Show what administrators did, and check that the log of it is whole.", no_args_is_help=True)


@app.command()
def show(
    ctx: typer.Context,
    since: Annotated[
        str | None, typer.Option("--since", help="From then on: 2h (ago), 7d, 2026-11-02.", metavar="TIME")
    ] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Only entries after this number.", metavar="N")] = 0,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="The newest so many.")] = 50,
    as_json: common.Json = False,
) -> None:
    """Show who did what, when and why, the oldest first.

    Example: weighbridge audit show --since 7d
    """
    import time

    from weighbridge.cli.times import ago

    config = common.load_config(ctx)
    begin = ago(since, time.time(), "--since")
    with common.state_store(config) as state:
        entries = state.acts(after=after, since=begin, limit=limit, newest=True)
    if as_json:
        common.print_json(entries)
        return
    out = common.console()
    for entry in entries:
        out.print(_line(entry), markup=False, soft_wrap=True)
    if not entries:
        out.print("Nothing was done.", markup=False)


@app.command()
def verify(
    ctx: typer.Context,
    head: Annotated[
        str, typer.Option("--head", help="A hash that an earlier look told: the log must hold it.", metavar="HASH")
    ] = "",
    as_json: common.Json = False,
) -> None:
    """Compute every hash of the log anew; exit code 6 where an entry was changed or removed.

    Whoever can write to the database could write all hashes anew, or remove the newest
    entries: so keep the head that is printed in another place, and give it to the next look.

    Example: weighbridge audit verify --head 3f9a...
    """
    config = common.load_config(ctx)
    with common.state_store(config) as state:
        found, name = state.verify(head.strip().lower()), state.name
    if as_json:
        common.print_json(found)
    if found.broken is not None:
        raise DamagedError(
            f"Entry {found.broken} of the audit log is not as it was written: {found.problem}.",
            where=name,
            fix="Compare with a copy of the database; the entries before it are whole.",
        )
    if not as_json:
        out = common.console()
        out.print(f"The audit log is whole: {found.entries} entries.", markup=False)
        out.print(f"head {found.head}", markup=False, soft_wrap=True)


def _line(entry: Entry) -> str:
    from datetime import datetime

    act = entry.act
    when = datetime.fromtimestamp(act.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    role = f" ({act.role})" if act.role else ""
    detail = "".join(f" {name}={value}" for name, value in act.detail.items())
    why = f": {act.why}" if act.why else ""
    text = f"{entry.sequence:>5}  {when}  {act.who}{role}  {act.action} {act.subject}{detail}{why}"
    return common.printable(text).replace("\n", " ")
