"""Evidence against "no worse than that", which grows with each pair and may be looked at at any time.

A gambler bets against the hypothesis, as in `sequential`, whose bets these are. The mean of several such wealths is one
again: so a hypothesis that speaks of several groups at once is tested by the mean over them, at no loss of alpha.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import numpy as np

from weighbridge.weigh.stats.means import FloatArray
from weighbridge.weigh.stats.sequential import BETS, SHARES


class Wealth:
    """The wealth of who bets that values have a mean above `bound`, from 1 on.

    Under "the mean is at most `bound`, whatever came before" it exceeds 1 / alpha ever, with probability alpha at most
    (Ville 1939).

    Args:
        bound: 0 to below 1; values are from -1 to 1.

    Attributes:
        n: Values so far.
        best: The logarithm of the largest wealth so far.
    """

    def __init__(self, bound: float) -> None:
        self._bound = bound
        self._logs: FloatArray = np.log(SHARES)
        self.n = 0
        self.best = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        with np.errstate(divide="ignore"):
            self._logs = self._logs + np.log1p(BETS * max(-1.0, (value - self._bound) / (1 + self._bound)))
        self.n += 1
        self.best = max(self.best, self.now)

    @property
    def now(self) -> float:
        """The logarithm of the wealth now."""
        return float(np.logaddexp.reduce(self._logs))


def mean_wealth(parts: Sequence[tuple[float, Wealth]]) -> float:
    """The logarithm of the mean of wealths, each with the share of the first wealth that was put on it.

    Args:
        parts: Shares, which add up to 1 at most (what is not put on anything is kept), and wealths.
    """
    left = 1 - sum(share for share, _ in parts)
    terms = [log(share) + wealth.now for share, wealth in parts if share > 0]
    return float(np.logaddexp.reduce([*terms, *([log(left)] if left > 1e-12 else [])])) if terms else 0.0  # noqa: PLR2004


def p_value(best: float) -> float:
    """The p-value at any time of the logarithm of a largest wealth."""
    return min(1.0, exp(-best))
