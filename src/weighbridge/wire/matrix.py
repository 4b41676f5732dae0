"""The matrix dialect x feature x check, with counts and the ids of what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.wire import features
from weighbridge.wire.checks import Checked, Finding

ALL = "all"


class Cell(Struct):
    """How one check ended over the exchanges that use a feature."""

    ok: int = 0
    told: int = 0
    failed: int = 0
    ids: list[str] = []  #: of those that failed

    @property
    def total(self) -> int:
        """How many exchanges went through it."""
        return self.ok + self.told + self.failed

    def add(self, row: str, finding: Finding) -> None:
        """Count one more."""
        match finding.outcome:
            case "ok":
                self.ok += 1
            case "told":
                self.told += 1
            case "failed":
                self.failed += 1
                self.ids.append(row)


class Failed(Struct, frozen=True):
    """One check that failed: whose, which, what differs, and why that is accepted, if it is."""

    id: str
    dialect: str
    check: str
    differs: str
    reason: str = ""


class Matrix(Struct):
    """Counts by dialect, feature and check, and every failure."""

    rows: dict[str, int] = {}  #: exchanges by dialect
    cells: dict[tuple[str, str, str], Cell] = {}
    failures: list[Failed] = []

    @property
    def unexplained(self) -> list[Failed]:
        """The failures that nobody gave a reason for."""
        return [failure for failure in self.failures if not failure.reason]

    def checks(self, dialect: str) -> list[str]:
        """The checks that a dialect's exchanges went through, in order."""
        return list(dict.fromkeys(check for d, _, check in self.cells if d == dialect))

    def features(self, dialect: str) -> list[str]:
        """The features that a dialect's exchanges use, in the order of `features.NAMES`, after all of them."""
        used = {feature for d, feature, _ in self.cells if d == dialect}
        return [name for name in (ALL, *features.NAMES) if name in used]

    def as_json(self) -> dict[str, Any]:
        """The matrix as JSON."""
        cells = [
            {"dialect": d, "feature": f, "check": c, "ok": x.ok, "told": x.told, "failed": x.failed, "ids": x.ids}
            for (d, f, c), x in self.cells.items()
        ]
        return {"rows": self.rows, "cells": cells, "failures": msgspec.to_builtins(self.failures)}


def gather(results: Iterable[Checked], known: Mapping[str, str] | None = None) -> Matrix:
    """Count.

    Args:
        results: The exchanges.
        known: By id, why an exchange may fail.
    """
    known = known or {}
    cells: defaultdict[tuple[str, str, str], Cell] = defaultdict(Cell)
    matrix = Matrix()
    for result in results:
        matrix.rows[result.dialect] = matrix.rows.get(result.dialect, 0) + 1
        for finding in result.findings:
            for feature in (ALL, *sorted(result.features)):
                cells[result.dialect, feature, finding.check].add(result.id, finding)
            if finding.outcome == "failed":
                matrix.failures.append(
                    Failed(result.id, result.dialect, finding.check, finding.differs, known.get(result.id, ""))
                )
    matrix.cells = dict(cells)
    return matrix
