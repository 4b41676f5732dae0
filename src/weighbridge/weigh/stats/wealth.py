"""Evidence against "no worse than that", which grows with each pair and may be looked at at any time.

A gambler bets against the hypothesis, as in `sequential`, whose bets these are. The mean of several such wealths is one
again: so a hypothesis that speaks of several groups at once is tested by the mean over them, at no loss of alpha.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log

import numpy as np

from weighbridge.weigh.stats.means import FloatArray
from weighbridge.weigh.stats.sequential import BETS, SHARES

_HALVINGS = 26
_ROUNDING = 1e-12
_STEPS = 16  #: different values of which the bets' outcomes are remembered


class Wealth:
    """The wealth of who bets that values have a mean above `bound`, from 1 on.

    Under "the mean is at most `bound`, whatever came before" it exceeds 1 / alpha ever, with probability alpha at most
    (Ville 1939).

    Args:
        bound: Above -1 and below 1; values are from -1 to 1.

    Attributes:
        n: Values so far.
        now: The logarithm of the wealth.
        best: The largest that was so far.
    """

    def __init__(self, bound: float) -> None:
        self.bound = bound
        self._logs: FloatArray = np.log(SHARES)
        self._steps: dict[float, FloatArray] = {}
        self.n = 0
        self.now = 0.0
        self.best = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        step = self._steps.get(value)  # most values come again and again: -1, 0, 1
        if step is None:
            with np.errstate(divide="ignore"):
                step = np.log1p(BETS * max(-1.0, (value - self.bound) / (1 + self.bound)))
            if len(self._steps) < _STEPS:
                self._steps[value] = step
        self._logs = self._logs + step
        self.n += 1
        self.now = float(np.logaddexp.reduce(self._logs))
        self.best = max(self.best, self.now)


def mean_wealth(parts: Sequence[tuple[float, Wealth]]) -> float:
    """The logarithm of the mean of wealths, each with the share of the first wealth that was put on it.

    Args:
        parts: Shares above 0, which add up to 1 at most (what is not put on anything is kept), and wealths.
    """
    left = 1 - sum(share for share, _ in parts)
    terms = [log(share) + wealth.now for share, wealth in parts] + ([log(left)] if left > _ROUNDING else [])
    top = max(terms, default=0.0)
    return top + log(sum(exp(term - top) for term in terms)) if terms else 0.0


def upper_bound(counts: Mapping[float, int], alpha: float) -> float:
    """The mean of values from -1 to 1 is below this, with probability 1 - alpha at all times at once.

    It is the least mean against which the wealth after these values has reached 1 / alpha; the order in which they came does
    not matter to it, so that a few numbers stand for any number of values.

    Args:
        counts: How often each value came.
        alpha: Error rate.
    """
    values = np.array(list(counts), dtype=float)
    times = np.array(list(counts.values()), dtype=float)
    starts = np.log(SHARES)
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        with np.errstate(divide="ignore"):
            steps = np.log1p(np.outer(BETS, np.maximum(-1.0, (middle - values) / (1 - middle))))
        gained = np.where(times > 0, steps * times, 0.0).sum(axis=1)
        if float(np.logaddexp.reduce(starts + gained)) >= -log(alpha):
            high = middle
        else:
            low = middle
    return high


def p_value(best: float) -> float:
    """The p-value at any time of the logarithm of a largest wealth."""
    return min(1.0, exp(-best))
