"""Many claims at once, over axes, categories or candidates: how many of them are false, and bounds that hold together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from statistics import NormalDist

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import Bounds, FloatArray, codes_of, t_quantile

DRAWS = 4_000
_BLOCK = 2_000_000  # numbers drawn at once: 16 MB


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: rejecting those up to alpha, the chance of any false rejection is alpha at most (Holm 1979).

    It needs no independence. p-values that hold at any time, 1 over a `Sequential.evidence`, are as good.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _back(stepped, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: of those up to alpha, the expected share that is false is alpha at most.

    Benjamini and Hochberg (1995); it holds for independent claims and for such as depend on each other positively.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * (len(p) / np.arange(1, len(p) + 1))  # in this order no rounding takes one below its p-value
    return _back(np.minimum.accumulate(stepped[::-1])[::-1], order)


def shared(alpha: float, claims: int) -> float:
    """The error rate of each of several claims, so that all hold together with 1 - alpha (Bonferroni's inequality)."""
    return alpha / max(1, claims)


def simultaneous(
    columns: FloatArray, clusters: Sequence[Hashable] | None = None, *, alpha: float, seed: int, draws: int = DRAWS
) -> list[Bounds]:
    """One-sided lower and upper bounds of several means over the same samples, all lower ones holding together.

    Wider than single ones, narrower than Bonferroni's where columns go together: the critical value is that of the
    largest standardised mean, by the multiplier bootstrap (Chernozhukov, Chetverikov and Kato 2013) with one factor per
    cluster, as rows that were measured on one sample are not independent. It is never less than Student's for one claim,
    nor more than Student's for Bonferroni's share.

    Args:
        columns: Samples by claims.
        clusters: One label per sample; None takes samples as independent.
        alpha: The chance that any lower bound is wrong; the same, on its own, for the upper ones.
        seed: The same seed gives the same bounds.
        draws: Draws of factors.

    Raises:
        InputError: There is nothing to bound, or only one cluster.
    """
    codes = np.arange(len(columns)) if clusters is None else codes_of(clusters)
    count = int(codes.max(initial=-1)) + 1
    if columns.ndim != 2 or count < 2 or len(codes) != len(columns):  # noqa: PLR2004 - a table, and a spread
        raise InputError(
            "There is too little to bound several means.",
            where="several",
            fix="Give a table of samples by claims, in two clusters or more.",
        )
    means = columns.mean(axis=0)
    sums = np.stack([np.bincount(codes, weights=column) for column in (columns - means).T], axis=1)
    errors = np.sqrt((sums**2).sum(axis=0) * count / (count - 1)) / len(columns)
    varied = errors > 0
    rng = np.random.default_rng(seed)
    largest = np.zeros(draws)
    if varied.any():
        scaled = sums[:, varied] / len(columns) / errors[varied]
        rows = max(1, _BLOCK // count)
        for start in range(0, draws, rows):
            factors = rng.standard_normal(size=(min(rows, draws - start), count))
            largest[start : start + len(factors)] = (factors @ scaled).max(axis=1)
    least, most = (t_quantile(1 - share, count - 1) for share in (alpha, shared(alpha, columns.shape[1])))
    # Student's quantile at the probability that the largest of normal means has.
    reached = NormalDist().cdf(float(np.quantile(largest, 1 - alpha)) * sqrt(count / (count - 1)))
    critical = min(most, max(least, t_quantile(min(reached, 1 - shared(alpha, columns.shape[1])), count - 1)))
    return [
        Bounds(float(mean - critical * error), float(mean + critical * error))
        for mean, error in zip(means, errors, strict=True)
    ]


def _checked(p_values: Sequence[float]) -> FloatArray:
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("A p-value is not between 0 and 1.", where="several", fix="Give probabilities.")
    return p


def _back(stepped: FloatArray, order: np.ndarray) -> list[float]:
    found = np.empty(len(stepped))
    found[order] = np.minimum(1.0, stepped)
    return [float(value) for value in found]
