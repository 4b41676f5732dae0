"""`weighbridge engines fact`: facts that changed, for every gateway on the store, at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.canon import FactChange

UNKNOWN = "unknown"

Subject = Annotated[
    str,
    typer.Argument(help="What it is about: model:NAME, host:NAME or engine:MODEL@HOST.", metavar="SUBJECT"),
]
Field = Annotated[str, typer.Argument(help="The fact, such as jurisdiction or retention_days.", metavar="FIELD")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit log.", metavar="TEXT")]

app = typer.Typer(help="Facts that changed: running gateways go by them at once.", no_args_is_help=True)


@app.command("set")
def set_(
    ctx: typer.Context,
    subject: Subject,
    field: Field,
    value: Annotated[str, typer.Argument(help="What holds from now on; 'unknown' satisfies no rule.", metavar="VALUE")],
    source: Annotated[str, typer.Option("--source", help="Where it says so: an address.", metavar="TEXT")] = "",
    why: Why = "",
    as_json: common.Json = False,
) -> None:
    """Let a fact hold from now on, over what the catalogue says.

    Gateways on the same store follow within a quarter of a second: an engine
    that no longer satisfies a policy is asked nothing more.

    Example: weighbridge engines fact set host:zai retention_days 30
    """
    from weighbridge.access import facts
    from weighbridge.canon import FactChange
    from weighbridge.engines.catalogue import load

    kind, name = _subject(subject)
    change = FactChange(kind, name, field, None if value == UNKNOWN else value, source)  # type: ignore[arg-type]
    config = common.load_config(ctx)
    with common.state_store(config) as state:
        kept = facts.set_fact(state, load(config), change, who=common.who(), at=time.time(), why=why)
    if as_json:
        common.print_json(kept)
    else:
        text = (
            f"{subject}: {field} is {_value(kept)} from now on. Running gateways follow within a quarter of a second."
        )
        common.console().print(common.printable(text), markup=False)


@app.command()
def clear(ctx: typer.Context, subject: Subject, field: Field, why: Why = "", as_json: common.Json = False) -> None:
    """Let the catalogue's own word hold again.

    Example: weighbridge engines fact clear host:zai retention_days
    """
    from weighbridge.access import facts

    kind, name = _subject(subject)
    with common.state_store(common.load_config(ctx)) as state:
        facts.clear_fact(state, kind, name, field, who=common.who(), at=time.time(), why=why)
    if as_json:
        common.print_json({"cleared": f"{subject}:{field}"})
    else:
        text = f"{subject}: {field} is what the catalogue says again."
        common.console().print(common.printable(text), markup=False)


@app.command("list")
def list_(ctx: typer.Context, as_json: common.Json = False) -> None:
    """List the facts that were set.

    Example: weighbridge engines fact list
    """
    from weighbridge.access import facts

    with common.state_store(common.load_config(ctx)) as state:
        found = facts.listed(state)
    if as_json:
        common.print_json(found)
        return
    if not found:
        common.console().print("No fact was set: the catalogue's own hold.")
        return
    _table(found)


def _table(found: list[FactChange]) -> None:
    from datetime import UTC, datetime

    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for head in ("subject", "fact", "value", "since", "source"):
        table.add_column(head, overflow="fold", no_wrap=head == "since")
    for one in found:
        since = datetime.fromtimestamp(one.at, UTC).date().isoformat()
        row = (f"{one.kind}:{one.name}", one.field, _value(one), since, one.source)
        table.add_row(*(escape(common.printable(cell)) for cell in row))
    common.console().print(table)


def _value(change: FactChange) -> str:
    match change.value:
        case None:
            return UNKNOWN
        case bool():
            return "true" if change.value else "false"
    return str(change.value)


def _subject(text: str) -> tuple[str, str]:
    from weighbridge.engines.facts import FIELDS
    from weighbridge.errors import did_you_mean

    kind, colon, name = text.partition(":")
    if kind not in FIELDS or not colon or not name:
        raise InputError(
            f"'{text[:100]}' names nothing that has facts.",
            where="SUBJECT",
            fix=f"Write model:NAME, host:NAME or engine:MODEL@HOST. {did_you_mean(kind[:50], FIELDS)}",
        )
    return kind, name
