"""Intervals of what follows from sums over units, such as kappa: units are reweighed at random, and what was not seen counts.

The weights are those of the Bayesian bootstrap (Rubin 1981). Beside the units that were seen stand imagined ones of a
weight that is less than one unit's each: a plain bootstrap shows no disagreement where none was seen, and so takes what
is rare for impossible. For two raters and two kinds these are Jeffreys' prior of the table's four cells.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from math import inf, isnan, sqrt
from typing import NamedTuple

import numpy as np

from weighbridge.weigh.stats.means import FloatArray, cluster_error, codes_of, t_quantile
from weighbridge.weigh.types import Interval

Statistic = Callable[[FloatArray], FloatArray]

_BLOCK = 2_000_000  # numbers drawn at once: 16 MB
_FEW = 10  # as in `means`: fewer units that disagree are too few to show how far
_TWO = 2


class Imagined(NamedTuple):
    """Units that could have been seen, each as a row, with its mean weight in units.

    Where `distances` are measured, one unit may disagree far more than most do. Imagined ones at the far ends are then
    counted in only where fewer than ten units disagree at all, and never make an interval narrower.
    """

    rows: FloatArray
    masses: FloatArray
    distances: bool = False


def interval(
    rows: FloatArray,
    disagreed: np.ndarray,
    statistic: Statistic,
    imagined: Imagined,
    clusters: Sequence[Hashable] | None,
    *,
    seed: int,
    alpha: float,
    draws: int,
) -> Interval | None:
    """A statistic of summed rows, with its percentiles over clusters that are reweighed; their order does not matter.

    What clusters share has to be estimated from them, as distances have to be from units: the interval is then as much
    wider as Student's t is for so many.

    Args:
        rows: One row of addends per unit.
        disagreed: Of each unit, whether its raters disagreed.
        statistic: Of rows of sums; at most 1, and not a number where it does not exist.
        imagined: What could have been seen.
        clusters: One label per unit; None takes units as independent.
        seed: The same seed gives the same interval.
        alpha: Two-sided error rate.
        draws: How often all weights are drawn.

    Returns:
        None where the statistic does not exist; the whole range from -1 to 1 of a single cluster.
    """
    value = float(statistic(rows.sum(axis=0, keepdims=True))[0])
    if isnan(value):
        return None
    n = len(rows)
    codes = np.arange(n) if clusters is None else codes_of(clusters)
    sizes = np.bincount(codes)
    if len(sizes) < _TWO:
        return Interval(value=value, low=-1.0, high=1.0, n=n)
    summed = np.zeros((len(sizes), rows.shape[1]))
    np.add.at(summed, codes, rows)
    choices = [imagined._replace(rows=imagined.rows * n / len(sizes))]
    if imagined.distances:
        nothing = Imagined(imagined.rows[:0], imagined.masses[:0])
        few = len(np.unique(codes[disagreed])) < _FEW
        choices = [nothing, *choices] if few else [nothing]
    wider = _wider(np.sort(sizes), alpha) if imagined.distances or clusters is not None else 1.0
    ends = [_ends(summed, statistic, one, wider, seed=seed, alpha=alpha, draws=draws) for one in choices]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    return Interval(value=value, low=min(value, max(-1.0, low)), high=max(value, min(1.0, high)), n=n)


def _ends(
    summed: FloatArray, statistic: Statistic, imagined: Imagined, wider: float, *, seed: int, alpha: float, draws: int
) -> tuple[float, float]:
    """The percentiles over weights that are drawn. Rows that are alike are drawn as one, by the sum of their weights."""
    alike, often = np.unique(summed, axis=0, return_counts=True)
    rows, shapes = np.concatenate([alike, imagined.rows]), np.concatenate([often, imagined.masses])
    found = np.concatenate([statistic(weights @ rows) for weights in _weights(shapes, len(summed), seed, draws)])
    low, middle, high = np.quantile(found[~np.isnan(found)], [alpha / 2, 0.5, 1 - alpha / 2])
    return float(middle - wider * (middle - low)), float(middle + wider * (high - middle))


def _weights(shapes: FloatArray, total: int, seed: int, draws: int) -> Iterator[FloatArray]:
    """Blocks of weights, one row per draw, that add up to `total`."""
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // len(shapes))
    for start in range(0, draws, rows):
        drawn = rng.standard_gamma(shapes, size=(min(rows, draws - start), len(shapes)))
        yield drawn * (total / drawn.sum(axis=1, keepdims=True))


def _wider(sizes: np.ndarray, alpha: float) -> float:
    """How much wider Student's t is for so many clusters, and the spread without a mean that was taken from them."""
    error, count = cluster_error(np.zeros(len(sizes)), sizes), len(sizes)  # for its degrees of freedom alone
    freedom = error.freedom if error else 1.0
    return t_quantile(1 - alpha / 2, freedom) / t_quantile(1 - alpha / 2, inf) * sqrt(count / (count - 1))
