"""`weighbridge limits`: how much of what may be asked for, per minute and at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, rulebook

if TYPE_CHECKING:
    from weighbridge.canon import Rule

app = typer.Typer(help="Limit requests and tokens per minute, and requests at a time.", no_args_is_help=True)

_COLUMNS = (
    ("requests", "requests/min"),
    ("input_tokens", "input/min"),
    ("output_tokens", "output/min"),
    ("concurrency", "at a time"),
)


@app.command("set")
def set_(
    ctx: typer.Context,
    subject: rulebook.Subject,
    requests: Annotated[
        str | None, typer.Option("--requests", help="Requests per minute; 'none' takes a limit away.", metavar="N")
    ] = None,
    input_tokens: Annotated[
        str | None, typer.Option("--input-tokens", help="Input tokens per minute, such as 50k.", metavar="N")
    ] = None,
    output_tokens: Annotated[
        str | None, typer.Option("--output-tokens", help="Output tokens per minute.", metavar="N")
    ] = None,
    concurrency: Annotated[
        str | None, typer.Option("--concurrency", help="Requests at a time; more wait their turn.", metavar="N")
    ] = None,
    why: rulebook.Why = "",
    as_json: common.Json = False,
) -> None:
    """Set limits of a key, a team, a route or an engine. What is not named stays.

    Minutes are those of the clock. All workers count together; machines do
    so where they share a PostgreSQL database. Gateways follow at once.

    Example: weighbridge limits set key:shop --requests 600 --output-tokens 50k
    """
    changes = rulebook.given(
        requests=rulebook.count(requests, "--requests"),
        input_tokens=rulebook.count(input_tokens, "--input-tokens"),
        output_tokens=rulebook.count(output_tokens, "--output-tokens"),
        concurrency=rulebook.count(concurrency, "--concurrency"),
    )
    rule, name = rulebook.change(ctx, subject, changes, why)
    _tell(rule, name, as_json=as_json)


@app.command()
def show(ctx: typer.Context, subject: rulebook.OneSubject = None, as_json: common.Json = False) -> None:
    """Show limits: all, or those that hold for one subject.

    Example: weighbridge limits show
    """
    with rulebook.store(ctx) as (config, state):
        rules = [rule for rule in rulebook.chosen(state, config, subject) if _limited(rule)]
        names = rulebook.key_names(state)
    if as_json:
        common.print_json([_row(rule, rulebook.called(rule.subject, names)) for rule in rules])
    elif rules:
        _table(rules, names)
    else:
        whose = f" for {subject}" if subject else ""
        common.console().print(f"No limits{whose}. Set one: weighbridge limits set SUBJECT", markup=False)


@app.command()
def clear(ctx: typer.Context, subject: rulebook.Subject, why: rulebook.Why = "", as_json: common.Json = False) -> None:
    """Take all limits of a subject away; its budgets stay.

    Example: weighbridge limits clear key:shop
    """
    from weighbridge.access.rules import LIMITS

    rule, name = rulebook.change(ctx, subject, dict.fromkeys(LIMITS), why)
    _tell(rule, name, as_json=as_json)


def _tell(rule: Rule, name: str, *, as_json: bool) -> None:
    if as_json:
        common.print_json(_row(rule, name))
    elif _limited(rule):
        said = [f"{getattr(rule, field):,} {head}" for field, head in _COLUMNS if getattr(rule, field) is not None]
        common.console().print(f"{name}: {', '.join(said)}", markup=False, soft_wrap=True)
    else:
        common.console().print(f"{name} has no limits.", markup=False, soft_wrap=True)


def _limited(rule: Rule) -> bool:
    return any(getattr(rule, field) is not None for field, _ in _COLUMNS)


def _row(rule: Rule, name: str) -> dict[str, str | int | None]:
    return {"subject": rule.subject, "name": name, **{field: getattr(rule, field) for field, _ in _COLUMNS}}


def _table(rules: Sequence[Rule], names: Mapping[str, str]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("subject", overflow="fold")
    for _, head in _COLUMNS:
        table.add_column(head, justify="right", no_wrap=True)
    for rule in rules:
        values = (getattr(rule, field) for field, _ in _COLUMNS)
        name = escape(common.printable(rulebook.called(rule.subject, names)))
        table.add_row(name, *("" if value is None else f"{value:,}" for value in values))
    common.console().print(table)
