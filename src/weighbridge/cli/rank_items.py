"""`weighbridge rank --items`: one ability per engine and one difficulty per item, by the 1PL model."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec import Struct

from weighbridge.cli import common, documents, rank_odd
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.weigh.item_rows import Rows
    from weighbridge.weigh.stats.items import Abilities
    from weighbridge.weigh.types import Interval

_MOST = 40  #: engines and suites that the terminal lists
_FEW = 5  #: engines that a line of it names
_DOCUMENTS = (".json", ".html")


class Able(Struct, frozen=True):
    """One engine's ability in points, and by how many it is above the one named."""

    engine: str
    answers: int
    points: Interval
    above: Interval | None = None


class Hard(Struct, frozen=True):
    """How hard a suite's items are, in points: a mean engine solves half of the items that stand at 1,000."""

    suite: str
    points: float
    spread: float


def rank(source: str, *, against: str, cluster: str, alpha: float, as_json: bool) -> None:
    """Rank engines by the items that they solve, and tell how hard the suites are.

    Raises:
        InputError: The file cannot be used, or the engine named answered nothing.
    """
    from weighbridge.weigh.stats import difficulty, items

    rows = _rows(source, cluster)
    found = items.abilities(rows.answers, clusters=rows.clusters, alpha=alpha)
    single = difficulty.difficulties(found, rows.answers, alpha=alpha)
    able = [
        Able(name, one.answers, one.points, found.gap(name, against) if against else None)
        for name in found.engines
        for one in (found.ability(name),)
    ]
    able.sort(key=lambda one: -one.points.value)
    hard = [
        Hard(name, items.MIDDLE + items.SCALE * mean, items.SCALE * spread)
        for name, (mean, spread) in found.difficulty.items()
    ]
    if as_json:
        common.print_json(
            {
                "answers": len(rows.answers),
                "alpha": alpha,
                "engines": able,
                "groups": found.groups,
                "extreme": found.extreme,
                "suites": hard,
                "items": single,
            }
        )
    else:
        _show(able, hard, against)
        _warn(found)
        rank_odd.show(common.console(), single, engines=len(able))


def _rows(source: str, cluster: str) -> Rows:
    """Answers as JSON Lines, or those of a saved weighing."""
    from weighbridge.weigh import item_rows

    if not source.lower().endswith(_DOCUMENTS):
        return item_rows.read(source, sys.stdin.buffer, cluster=cluster)
    from weighbridge.weigh.document import weighing_of

    if cluster:
        raise InputError("A saved weighing knows its clusters.", where="--cluster", fix="Leave --cluster out.")
    return item_rows.of_weighing(weighing_of(documents.open_document(source)))


def _show(able: list[Able], hard: list[Hard], against: str) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = common.console()
    table = Table(box=None, pad_edge=False)
    table.add_column("engine", overflow="fold")
    table.add_column("answers", justify="right")
    table.add_column("points")
    if against:
        table.add_column(f"above {escape(common.printable(against))}", overflow="fold")
    for one in able[:_MOST]:
        cells = [escape(common.printable(one.engine)), f"{one.answers:,}", _points(one.points)]
        table.add_row(*cells, *([_points(one.above, "+")] if one.above is not None else []))
    out.print(table)
    if len(able) > _MOST:
        out.print(f"and {len(able) - _MOST} more: --json", style="dim")
    for suite in hard[:_MOST]:
        name = f"The items of {common.printable(suite.suite)}" if suite.suite else "The items"
        out.print(f"{name} stand at {suite.points:,.0f} points, give or take {suite.spread:,.0f}.", markup=False)
    out.print("Engines stand at 1,000 on average; 200 points more are three times the odds.")


def _warn(found: Abilities) -> None:
    """Tell what the answers leave open, though there are figures."""
    out = common.console()
    if len(found.groups) > 1:
        told = " | ".join(_names(group) for group in found.groups[:_MOST])
        out.print(f"No suite links these, so what lies between them is unknown: {told}.", markup=False)
    if found.extreme:
        told = _names(found.extreme)
        out.print(
            f"Solved everything or nothing: {told}. How far away, only a guess tells (a weak prior).", markup=False
        )


def _names(engines: tuple[str, ...]) -> str:
    more = f" and {len(engines) - _FEW:,} more" if len(engines) > _FEW else ""
    return ", ".join(common.printable(name) for name in engines[:_FEW]) + more


def _points(found: Interval, sign: str = "") -> str:
    return f"{found.value:{sign}.0f} ({found.low:{sign}.0f} to {found.high:{sign}.0f})"
