"""`weighbridge weigh score`: one number of several axes, by weights of your own, with its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from weighbridge.cli import common, documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weighbridge.weigh.axes.weights import Weighted


def score(
    source: Annotated[str, typer.Argument(help="A report or document; - reads standard input.", metavar="DOCUMENT")],
    weights: Annotated[
        str, typer.Option("--weights", help="How much each axis counts: quality=3,cost_per_1000=1.", metavar="WEIGHTS")
    ],
    as_json: common.Json = False,
) -> None:
    """Sum up axes of a weighing, by weights of your own.

    Nobody else sums them: how much a point of quality is worth in money is for
    you to say. Each axis becomes points from 0 to 1, shown beside the sum; what
    is unknown is left out and told. docs/axes.md names the axes.

    Example: weighbridge weigh score card.json --weights quality=3,cost_per_1000=1
    """
    from weighbridge.weigh import document
    from weighbridge.weigh.axes import weights as rules

    wanted = rules.read(weights)
    weighing = document.weighing_of(documents.open_document(source))
    found = rules.weighted(weighing.scorecards, wanted)
    if as_json:
        common.print_json(found)
    else:
        _show(found)


def _show(found: Sequence[Weighted]) -> None:
    from rich.markup import escape
    from rich.table import Table

    out = common.console()
    table = Table(box=None, pad_edge=False)
    table.add_column("axis (weight)", overflow="fold")
    for one in found:
        table.add_column(escape(common.printable(one.engine)), justify="right", overflow="fold")
    for place, part in enumerate(found[0].parts if found else ()):
        cells = [_points(one.parts[place].points) for one in found]
        table.add_row(f"{escape(common.printable(part.axis))} ({part.weight:g})", *cells)
    table.add_row("together", *(_points(one.value) for one in found), style="bold")
    out.print(table)
    if any(part.points is None for one in found for part in one.parts):
        out.print(
            "What is unknown is left out of an engine's sum: sums of different parts compare badly.", style="yellow"
        )
    out.print("The sum says what your weights say, and has no interval; the axes have theirs.", style="dim")


def _points(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
