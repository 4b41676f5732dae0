"""Means over clustered samples: the standard error that few and unequal clusters need, and the cluster bootstrap."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from weighbridge.weigh.stats.means import Bounds, FloatArray, cluster_error, codes_of, t_quantile

DRAWS = 2_000
FEW = 8  #: clusters (degrees of freedom and one); fewer have too few distinct resamples to take tails from
_NOTHING = 1e-12
_BLOCK = 2_000_000  # numbers drawn at once: 16 MB


class Clustered(NamedTuple):
    """A mean with the standard error and the degrees of freedom that its clusters allow."""

    mean: float
    se: float
    freedom: float
    clusters: int

    def bounds(self, alpha: float) -> Bounds:
        """One-sided bounds by Student's t."""
        half = t_quantile(1 - alpha, self.freedom) * self.se
        return Bounds(self.mean - half, self.mean + half)


def clustered(values: FloatArray, clusters: Sequence[Hashable]) -> Clustered | None:
    """The mean with the CR2 error and Bell and McCaffrey's degrees of freedom; None of fewer than two clusters.

    See `means.cluster_error` for both.
    """
    codes = codes_of(clusters)
    sizes = np.bincount(codes)
    mean = float(values.mean())
    sums: FloatArray = np.bincount(codes, weights=values - mean).astype(np.float64)
    error = cluster_error(sums, sizes)
    return Clustered(mean, error.se, error.freedom, len(sizes)) if error else None


def bootstrap(
    values: FloatArray, clusters: Sequence[Hashable] | None = None, *, alpha: float, seed: int, draws: int = DRAWS
) -> Bounds:
    """One-sided bounds of a mean from resampling whole clusters: percentile-t (Efron and Tibshirani 1993, chapter 12).

    Each resample's distance from the mean is measured in its own standard errors, so that skew is followed. With fewer
    than eight clusters, or unequal ones with as few degrees of freedom, or where some resample in a hundred does not vary, the t bounds of `clustered` are given: too
    few distinct resamples then tell nothing of the tails.

    Args:
        values: Finite numbers.
        clusters: One label per value; None takes every value as its own.
        alpha: Error rate of each bound.
        seed: The same seed gives the same bounds.
        draws: Resamples.
    """
    codes = np.arange(len(values)) if clusters is None else codes_of(clusters)
    sizes: FloatArray = np.bincount(codes).astype(np.float64)
    mean, count = float(values.mean()), len(sizes)
    sums: FloatArray = np.bincount(codes, weights=values - mean).astype(np.float64)
    order = np.lexsort((sums, sizes))  # so that the order in which clusters come does not matter
    sums, sizes = sums[order], sizes[order]
    error = cluster_error(sums, sizes)
    if error is None:
        return Bounds(-np.inf, np.inf)
    plain = Clustered(mean, error.se, error.freedom, count).bounds(alpha)
    if is_few(error.freedom) or error.se == 0:
        return plain
    distances = np.concatenate([_distances(often, sums, sizes) for often in resamples(count, seed, draws)])
    kept = distances[np.isfinite(distances)]
    if len(kept) < 0.99 * draws:
        return plain
    low, high = np.quantile(kept, [alpha, 1 - alpha])
    return Bounds(mean - float(high) * error.se, mean - float(low) * error.se)


def is_few(freedom: float) -> bool:
    """Do the clusters say too little for a bootstrap?"""
    return freedom < FEW - 1 - _NOTHING


def resamples(count: int, seed: int, draws: int) -> Iterator[FloatArray]:
    """How often each of `count` clusters is drawn: blocks of rows, one row per resample.

    They are drawn as they are asked for, so that many clusters take no more memory than few.
    """
    rng = np.random.default_rng(seed)
    rows = max(1, _BLOCK // count)
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        drawn = rng.integers(0, count, size=(size, count)) + np.arange(size)[:, None] * count
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count).astype(np.float64)


def _distances(often: FloatArray, sums: FloatArray, sizes: FloatArray) -> FloatArray:
    """Each resample's mean (of values around 0) in its own standard errors."""
    count = len(sums)
    total = often @ sizes
    mean = (often @ sums) / total
    squares = often @ (sums * sums) - 2 * mean * (often @ (sums * sizes)) + mean**2 * (often @ (sizes * sizes))
    se = np.sqrt(np.maximum(squares, 0.0) * count / (count - 1)) / total
    with np.errstate(divide="ignore", invalid="ignore"):
        found: FloatArray = np.where(se > _NOTHING, mean / se, np.inf)
    return found
