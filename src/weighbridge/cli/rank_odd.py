"""`weighbridge rank --items`: single items, so that a broken one is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from weighbridge.cli import common

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from weighbridge.weigh.stats.difficulty import Difficulty

_LISTED = 5  #: items of each kind that the terminal lists
_ENOUGH = 5  #: engines; fewer make hardly any pattern so unlikely
ODD = 0.05  #: an item whose solvers are so weak by chance no oftener than this is listed


class Sorted(Struct, frozen=True):
    """Items by what is to be seen in them. `hardest` and `easiest` are solved by some and missed by some."""

    hardest: list[Difficulty]
    easiest: list[Difficulty]
    nobody: list[Difficulty]
    everybody: list[Difficulty]
    odd: list[Difficulty]  #: solved by the weak and missed by the able; the least likely first
    checked: int  #: of how many it can be said who solved them


def sort(found: Sequence[Difficulty]) -> Sorted:
    """Sort items by kind."""
    between = sorted((one for one in found if 0 < one.solved < one.tries), key=lambda one: -one.points.value)
    told = [(one.chance, one) for one in found if one.chance is not None]
    return Sorted(
        between,
        between[::-1],
        [one for one in found if not one.solved],
        [one for one in found if one.solved == one.tries],
        [one for chance, one in sorted(told, key=lambda pair: pair[0]) if chance <= ODD],
        len(told),
    )


def show(out: Console, found: Sequence[Difficulty], *, engines: int) -> None:
    """A few items of each kind; all of them are in the JSON."""
    items = sort(found)
    several = len({one.suite for one in found}) > 1
    out.print()
    _table(out, "Hardest", items.hardest, several=several)
    _table(out, "Easiest", items.easiest, several=several)
    _names(out, "Nobody solves", items.nobody, len(found), several=several)
    _names(out, "Everybody solves", items.everybody, len(found), several=several)
    _odd(out, items, several=several, engines=engines)


def _table(out: Console, title: str, found: Sequence[Difficulty], *, several: bool) -> None:
    from rich.markup import escape
    from rich.table import Table

    if not found:
        return
    table = Table(box=None, pad_edge=False, title_justify="left")
    table.add_column(title.lower(), overflow="fold", min_width=12)
    table.add_column("solved", justify="right")
    table.add_column("points")
    for one in found[:_LISTED]:
        low, high = one.points.low, one.points.high
        table.add_row(
            escape(_name(one, several=several)),
            f"{one.solved:g} of {one.tries:g}",
            f"{one.points.value:,.0f} ({low:,.0f} to {high:,.0f})",
        )
    out.print(table)


def _names(out: Console, title: str, found: Sequence[Difficulty], of: int, *, several: bool) -> None:
    if not found:
        return
    listed = ", ".join(_name(one, several=several) for one in found[:_LISTED])
    more = f" and {len(found) - _LISTED:,} more" if len(found) > _LISTED else ""
    out.print(f"{title} {len(found):,} of {of:,}: {listed}{more}.", markup=False)


def _odd(out: Console, items: Sorted, *, several: bool, engines: int) -> None:
    if not items.checked:
        return
    if not items.odd:
        few = f", but {engines} engines can hardly show it" if engines < _ENOUGH else ""
        out.print(f"No item is solved by the weak and missed by the able more than chance would have it{few}.")
        return
    expected = items.checked * ODD
    out.print(
        f"Solved by the weak, missed by the able: {len(items.odd):,} of {items.checked:,}; chance alone gives "
        f"up to {expected:.0f}. Look at their targets first:"
        if expected >= 1
        else f"Solved by the weak, missed by the able: {len(items.odd):,} of {items.checked:,}. Look at their targets:"
    )
    for one in items.odd[:_LISTED]:
        chance, adjusted = one.chance or 0.0, one.adjusted or 0.0
        sure = "hardly by chance" if adjusted <= ODD else "may be chance"
        name = _name(one, several=several)
        out.print(f"  {name}: solved {one.solved:g} of {one.tries:g}, p = {chance:.2g}, {sure}", markup=False)
    if len(items.odd) > _LISTED:
        out.print(f"  and {len(items.odd) - _LISTED:,} more: --json", style="dim")


def _name(one: Difficulty, *, several: bool) -> str:
    return common.printable(f"{one.suite}/{one.item}" if several and one.suite else one.item)
