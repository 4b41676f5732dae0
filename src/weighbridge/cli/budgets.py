"""`weighbridge budgets`: how much may be spent by the day and the month, and how much is left."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from weighbridge.cli import common, rulebook

if TYPE_CHECKING:
    from weighbridge.canon import Rule
    from weighbridge.settings import Config
    from weighbridge.store.state import State

app = typer.Typer(help="Set budgets by the day and the month, and see what is left of them.", no_args_is_help=True)


class Standing(Struct, frozen=True):
    """A budget and what was spent of it; money in micro-units. None of it is known for what stands for each."""

    subject: str
    name: str
    period: str  #: day, month
    span: str  #: which day or month, UTC
    limit: int
    spent: int | None
    left: int | None
    share: float | None  #: spent, of the limit
    currency: str
    soft: float  #: the share from which answers carry a warning
    hard: bool  #: are requests refused that would go over it?


@app.command("set")
def set_(
    ctx: typer.Context,
    subject: rulebook.Subject,
    day: Annotated[
        str | None, typer.Option("--day", help="To spend per UTC day; 'none' takes it away.", metavar="AMOUNT")
    ] = None,
    month: Annotated[str | None, typer.Option("--month", help="To spend per UTC month.", metavar="AMOUNT")] = None,
    soft: Annotated[
        str | None, typer.Option("--soft", help="The share from which answers carry a warning.", metavar="SHARE")
    ] = None,
    soft_only: Annotated[
        bool | None, typer.Option("--soft-only/--hard", help="Only warn, or refuse what would go over it.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", help="Of the amounts; USD if none is given.", metavar="CODE")
    ] = None,
    why: rulebook.Why = "",
    as_json: common.Json = False,
) -> None:
    """Set a budget of a key, a team, a route or an engine. What is not named stays.

    A hard budget also refuses engines whose price in its currency is unknown.
    What was spent before in the same day or month counts.

    Example: weighbridge budgets set team:web --day 10 --month 200 --soft 80%
    """
    changes = rulebook.given(
        day=rulebook.amount(day, "--day"),
        month=rulebook.amount(month, "--month"),
        soft=rulebook.share(soft, "--soft"),
        hard=None if soft_only is None else not soft_only,
        currency=currency,
    )
    rule, name = rulebook.change(ctx, subject, changes, why)
    _tell(rule, name, as_json=as_json)


@app.command()
def show(ctx: typer.Context, subject: rulebook.OneSubject = None, as_json: common.Json = False) -> None:
    """Show budgets, what was spent of them and what is left.

    Example: weighbridge budgets show team:web
    """
    now = time.time()
    with rulebook.store(ctx) as (config, state):
        rules = rulebook.chosen(state, config, subject)
        _fold(config, state, now)
        names = rulebook.key_names(state)
        rows = [row for rule in rules for row in _standings(state, rule, rulebook.called(rule.subject, names), now)]
    if as_json:
        common.print_json(rows)
    elif rows:
        _table(rows)
    else:
        whose = f" for {subject}" if subject else ""
        common.console().print(f"No budgets{whose}. Set one: weighbridge budgets set SUBJECT", markup=False)


@app.command()
def clear(ctx: typer.Context, subject: rulebook.Subject, why: rulebook.Why = "", as_json: common.Json = False) -> None:
    """Take the budgets of a subject away; its limits stay.

    Example: weighbridge budgets clear team:web
    """
    from weighbridge.access.rules import AMOUNTS

    rule, name = rulebook.change(ctx, subject, dict.fromkeys(AMOUNTS), why)
    _tell(rule, name, as_json=as_json)


def _fold(config: Config, state: State, now: float) -> None:
    """Add up what was recorded since; where a gateway runs, it does so itself, every second."""
    from weighbridge.store import spend

    with spend.folding(config.traces_path) as ours:
        if ours:
            spend.fold(state, config.traces_path, now=now)


def _standings(state: State, rule: Rule, name: str, now: float) -> Iterator[Standing]:
    from weighbridge.access.rules import EACH
    from weighbridge.access.seeding import days
    from weighbridge.store.spend import total

    for period, limit, form in (("day", rule.day, "%Y-%m-%d"), ("month", rule.month, "%Y-%m")):
        if limit is None:
            continue
        span = time.strftime(form, time.gmtime(now))
        first, last = days(span)
        each = rule.subject.endswith(f":{EACH}")
        spent = None if each else total(state, rule.subject, since=first, until=last, currency=rule.currency)
        yield Standing(
            subject=rule.subject,
            name=name,
            period=period,
            span=span,
            limit=limit,
            spent=spent,
            left=None if spent is None else max(0, limit - spent),
            share=None if spent is None or not limit else round(spent / limit, 4),
            currency=rule.currency,
            soft=rule.soft,
            hard=rule.hard,
        )


def _tell(rule: Rule, name: str, *, as_json: bool) -> None:
    if as_json:
        fields = ("day", "month", "soft", "hard", "currency")
        common.print_json({"subject": rule.subject, "name": name, **{field: getattr(rule, field) for field in fields}})
        return
    amounts = [
        f"{common.money(amount, rule.currency)} a {period}"
        for period, amount in (("day", rule.day), ("month", rule.month))
        if amount is not None
    ]
    if amounts:
        beyond = "more is refused" if rule.hard else "more is let through"
        said = f"{name}: {', '.join(amounts)}; a warning from {rule.soft:.0%}, {beyond}"
    else:
        said = f"{name} has no budget."
    common.console().print(said, markup=False, soft_wrap=True)


def _table(rows: Sequence[Standing]) -> None:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("subject", overflow="fold")
    table.add_column("span", no_wrap=True)
    for head in ("limit", "spent", "left", ""):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("over it", no_wrap=True)
    for row in rows:
        money = [
            "" if value is None else common.money(value, row.currency) for value in (row.limit, row.spent, row.left)
        ]
        share = "" if row.share is None else f"{row.share:.0%}"
        beyond = "refused" if row.hard else "warned"
        table.add_row(escape(common.printable(row.name)), row.span, *money, share, beyond)
    common.console().print(table)
