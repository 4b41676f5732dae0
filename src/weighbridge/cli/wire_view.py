"""How the matrix of `wire conform` looks in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weighbridge.cli.common import printable
from weighbridge.wire.matrix import ALL, Matrix

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN = 20


def show(out: Console, matrix: Matrix, *, missing: list[str]) -> None:
    """Print the checks of each dialect with their counts, the features in which some fail, and the failures."""
    from rich.table import Table

    for dialect, count in sorted(matrix.rows.items()):
        table = Table(title=f"{dialect}: {count} exchanges", title_justify="left", box=None, padding=(0, 2, 0, 0))
        table.add_column("check", ratio=1)
        for name in ("ok", "told", "failed"):
            table.add_column(name, justify="right")
        for check in matrix.checks(dialect):
            cell = matrix.cells[dialect, ALL, check]
            table.add_row(check, str(cell.ok), str(cell.told or "-"), f"[red]{cell.failed}[/]" if cell.failed else "-")
        out.print(table)
        failing = [f for f in matrix.features(dialect)[1:] if _failed(matrix, dialect, f)]
        if failing:
            out.print(f"fails with: {', '.join(failing)}")
        out.print()
    for failure in matrix.failures[:_SHOWN]:
        out.print(
            printable(
                f"{failure.dialect} {failure.id}, {failure.check}\n  {failure.differs}\n  {failure.reason}".rstrip()
            ),
            markup=False,
        )
    if len(matrix.failures) > _SHOWN:
        out.print(f"and {len(matrix.failures) - _SHOWN} more: see --json")
    if missing:
        out.print(f"Not parsed in the vendor's own SDK, which is not installed: {', '.join(missing)}.")
    out.print("told: it came back different, and a Loss had said so.")


def _failed(matrix: Matrix, dialect: str, feature: str) -> int:
    return sum(c.failed for (d, f, _), c in matrix.cells.items() if (d, f) == (dialect, feature))
