"""What simulations share: settings whose truth is known, and rows of what was found in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["coverage", "error", "power", "samples"]
Pairs = tuple[NDArray[np.float64], NDArray[np.float64], list[int] | None]
Draw = Callable[[np.random.Generator], Pairs]
MARGIN = 0.05
ALPHA = 0.05


@dataclass(frozen=True)
class Row:
    """One setting: what was to be found, and what was. Shares are fractions."""

    table: str
    method: str
    setting: str
    n: int
    kind: Kind
    nominal: float
    found: float
    error: float
    draws: int

    @property
    def mark(self) -> str:
        """Does it err more often than it says, or less?"""
        if self.kind in {"power", "samples"}:
            return "" if abs(self.found - self.nominal) <= max(3 * self.error, 0.1 * self.nominal) else "differs"
        over = self.nominal - self.found if self.kind == "coverage" else self.found - self.nominal
        if over > 3 * self.error:
            return "ERRS MORE"
        return "careful" if over < -3 * self.error else ""


def row(table: str, method: str, setting: str, n: int, kind: Kind, nominal: float, hits: list[bool]) -> Row:
    """A row from whether each simulated data set was a hit."""
    found = sum(hits) / len(hits)
    spread = max(nominal * (1 - nominal), 1e-4)
    return Row(table, method, setting, n, kind, nominal, found, sqrt(spread / len(hits)), len(hits))


def binary(rng: np.random.Generator, *, n: int, won: float, lost: float) -> Pairs:
    """Pairs of right and wrong answers: scores of base and candidate."""
    wins, losses, _ = rng.multinomial(n, [won, lost, 1 - won - lost])
    ties = n - wins - losses
    return np.repeat([0.0, 1.0, 1.0], [wins, losses, ties]), np.repeat([1.0, 0.0, 1.0], [wins, losses, ties]), None


def skewed(rng: np.random.Generator, *, n: int) -> Pairs:
    """Graded scores: most answers are as good, a few lose a lot; true mean difference -MARGIN."""
    base = rng.uniform(0.4, 0.9, n)
    return base, base - np.where(rng.random(n) < MARGIN / 0.4, 0.4, 0.0), None


def symmetric(rng: np.random.Generator, *, n: int) -> Pairs:
    """Graded scores without skew, true mean difference -MARGIN."""
    base = rng.uniform(0.35, 0.7, n)
    return base, base - MARGIN + rng.uniform(-0.3, 0.3, n), None


def together(rng: np.random.Generator, *, groups: int, size: int, unequal: bool) -> Pairs:
    """Right and wrong answers of which those of one cluster tend to go together; difference -MARGIN over samples."""
    sizes = np.where(np.arange(groups) % 5 == 0, 4 * size, size // 2 or 1) if unequal else np.full(groups, size)
    labels = np.repeat(np.arange(groups), sizes)
    chances = [0.1, 0.1 + MARGIN, 0.8 - MARGIN]
    common, own = rng.choice(3, p=chances, size=groups)[labels], rng.choice(3, p=chances, size=len(labels))
    kind = np.where(rng.random(len(labels)) < 0.5, common, own)
    base, candidate = np.array([0.0, 1.0, 1.0])[kind], np.array([1.0, 0.0, 1.0])[kind]
    return base, candidate, labels.tolist()


def inside(found: object, true: float) -> bool:
    """Does an interval hold the true value?"""
    return bool(getattr(found, "low", -inf) <= true <= getattr(found, "high", inf))
