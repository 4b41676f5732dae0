"""How sums of money look, in the terminal and as CSV."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weighbridge.cli import common
from weighbridge.store.spend import SUMS, Dimension, Spent

if TYPE_CHECKING:
    from rich.console import Console

_MICRO = 1_000_000
_MONEY = ("cost", "estimated")


def row(one: Spent, groups: Sequence[Dimension], names: Mapping[str, str]) -> dict[str, Any]:
    """One group for a program: what it was grouped by, the currency, the sums. Money is in whole micro-units."""
    found: dict[str, Any] = {name: getattr(one, name) for name in groups}
    if "key" in groups:
        found["key_name"] = names.get(one.key, "")
    return found | {"currency": one.currency} | {name: getattr(one, name) for name in SUMS}


def csv(rows: Sequence[Mapping[str, Any]], groups: Sequence[Dimension]) -> None:
    """The rows as CSV on standard output. Money is in units of the currency, exact to the millionth."""
    import csv as tables

    heads = list(row(Spent(), groups, {}))
    out = tables.writer(sys.stdout, lineterminator="\n")
    out.writerow(heads)
    for one in rows:
        out.writerow([exact(one[name]) if name in _MONEY else one[name] for name in heads])


def exact(micro: int) -> str:
    """Micro-units as a decimal number, without rounding."""
    return f"{micro // _MICRO}.{micro % _MICRO:06d}"


def table(out: Console, rows: Sequence[Spent], groups: Sequence[Dimension], names: Mapping[str, str]) -> None:
    """One line per group, and one for each currency's sum."""
    from rich.markup import escape
    from rich.table import Table

    made = Table(box=None, pad_edge=False)
    for name in groups:
        made.add_column(name, overflow="fold")
    for head in ("exchanges", "in", "out", "cost"):
        made.add_column(head, justify="right", no_wrap=True)
    for one in rows:
        made.add_row(*(escape(_named(one, name, names)) for name in groups), *_figures(one))
    if groups and len(rows) > 1:
        for currency in dict.fromkeys(one.currency for one in rows):
            total = _total([one for one in rows if one.currency == currency], currency)
            made.add_row("all", *("" for _ in groups[1:]), *_figures(total))
    out.print(made)
    for note in _notes(rows):
        out.print(note, markup=False)


def _named(one: Spent, name: Dimension, names: Mapping[str, str]) -> str:
    value: str = getattr(one, name)
    return common.printable(names.get(value, value) if name == "key" else value) or "-"


def _figures(one: Spent) -> tuple[str, ...]:
    counts = (f"{n:,}" for n in (one.exchanges, one.input_tokens, one.output_tokens))
    cost = common.money(one.cost, one.currency)
    return (*counts, f"~{cost}" if one.estimated else cost)


def _total(rows: Sequence[Spent], currency: str) -> Spent:
    sums = {name: sum(getattr(one, name) for one in rows) for name in SUMS}
    return Spent(currency=currency, **sums)


def _notes(rows: Sequence[Spent]) -> list[str]:
    notes = []
    for currency in dict.fromkeys(one.currency for one in rows):
        estimated = sum(one.estimated for one in rows if one.currency == currency)
        if estimated:
            notes.append(
                f"~ {common.money(estimated, currency)} of it is estimated: calls that broke off, or hosts that told no tokens."
            )
    unpriced, cached = sum(one.unpriced for one in rows), sum(one.cached for one in rows)
    if unpriced:
        notes.append(f"Calls without a known price, missing here: {unpriced:,}.")
    if cached:
        notes.append(f"Answered from the cache, for nothing: {cached:,}.")
    return notes
