"""Means and shares with their bounds: what every verdict is made of.

Nothing here draws at random, so the same scores give the same figures on every machine. Scores lie in
[0, 1]. `docs/statistics.md` gives each method's source and its limits.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from weighbridge.weigh.types import Interval

FloatArray = NDArray[np.float64]
Codes = NDArray[np.intp]

ALPHA = 0.05  #: of the two-sided intervals around means
POWER = 0.8
_NOTHING = 1e-9
_FEW = 10  # fewer values far from the middle than this are too few to take a spread from
_FAR = 0.25  # of the whole range: so far from the middle value a value lies far


class Bounds(NamedTuple):
    """The two one-sided bounds of an interval."""

    low: float
    high: float


class Spread(NamedTuple):
    """How far a mean may be off by chance, with and without clusters.

    `se` takes values as independent; `se_clustered` is robust to what clusters share, None without clusters
    or with only one. `design` (>= 1) is how many values count as one independent value. `clusters` is None
    where values are their own clusters, and so is `freedom`, the degrees of freedom of `se_clustered`.
    """

    n: int
    mean: float
    se: float
    se_clustered: float | None
    clusters: int | None
    design: float
    freedom: float | None = None

    @property
    def effective(self) -> float:
        """The number of independent values that would say as much."""
        return self.n / self.design

    @property
    def enough(self) -> bool:
        """Can anything be said of the spread at all?"""
        return self.n > 2 and self.clusters != 1  # noqa: PLR2004 - two values show a difference, not a spread

    def critical(self, alpha: float, *, scored: bool = False) -> float:
        """How many standard errors a one-sided bound lies away.

        Args:
            alpha: One-sided error rate.
            scored: The variance follows from the mean (shares), so that it need not be estimated: a normal
                quantile then, unless clusters make it an estimate again.
        """
        if self.clusters is not None:
            return t_quantile(1 - alpha, self.freedom or self.clusters - 1)
        return normal_quantile(1 - alpha) if scored else t_quantile(1 - alpha, self.n - 1)


class ClusterError(NamedTuple):
    """A cluster-robust standard error and its degrees of freedom."""

    se: float
    freedom: float


def normal_quantile(p: float) -> float:
    """The standard normal distribution's quantile."""
    return NormalDist().inv_cdf(p)


def t_quantile(p: float, df: float) -> float:
    """Student's t quantile with `df` degrees of freedom."""
    from scipy.special import stdtrit  # loaded only here: it costs most of a second

    return float(stdtrit(df, p))


def quantile(values: Sequence[float], p: float) -> float | None:
    """The p-quantile by linear interpolation of the order statistics (Hyndman and Fan 1996, type 7).

    Returns:
        The quantile in the values' own unit, or None of no values.
    """
    return float(np.quantile(np.asarray(values, dtype=np.float64), p)) if len(values) else None


def fractions(values: Sequence[float] | FloatArray) -> FloatArray:
    """Scores as an array, to 12 decimals: equal scores whose last digits differ by rounding become equal."""
    exact: FloatArray = np.asarray(values, dtype=np.float64)
    return exact.round(12)


def is_binary(*arrays: FloatArray) -> bool:
    """Is every score exactly 0 or 1?"""
    return all(bool(((a == 0) | (a == 1)).all()) for a in arrays)


def codes_of(labels: Sequence[Hashable]) -> Codes:
    """Cluster labels as numbers 0, 1, 2, ... in the order of their first appearance."""
    seen: dict[Hashable, int] = {}
    return np.fromiter((seen.setdefault(label, len(seen)) for label in labels), dtype=np.intp, count=len(labels))


def spread(values: FloatArray, clusters: Sequence[Hashable] | None = None) -> Spread:
    """The mean of `values` with its plain and its cluster-robust standard error.

    The robust one is `cluster_error`'s. The design effect (Kish 1965) is never taken below 1: negative dependence
    between samples of one cluster is nearly always chance. Where no variance was seen there is nothing to estimate it
    from, and each cluster counts as one value (Kish's effective number, so that unequal sizes count for less).

    Args:
        values: At least one finite number.
        clusters: One label per value; None takes all values as independent.
    """
    n = len(values)
    mean = float(values.mean())
    varied = n > 1 and values.min() != values.max()  # a rounded mean must not make equal values vary
    se = float(values.std(ddof=1)) / sqrt(n) if varied else 0.0
    if clusters is None:
        return Spread(n, mean, se, None, None, 1.0)
    codes = codes_of(clusters)
    sizes = np.bincount(codes)
    sums: FloatArray = np.zeros(len(sizes))
    if varied:
        sums = np.bincount(codes, weights=values - mean).astype(np.float64)
    error = cluster_error(sums, sizes)
    whole = float(sizes @ sizes) / n  # design effect if the samples of a cluster always agree
    if error is None:
        return Spread(n, mean, se, None, len(sizes), whole)
    design = max(1.0, (error.se / se) ** 2) if se > 0 else whole
    return Spread(n, mean, se, error.se, len(sizes), design, error.freedom)


def cluster_error(sums: FloatArray, sizes: Sequence[int] | NDArray[Any]) -> ClusterError | None:
    """The standard error of a mean that allows for whatever the samples of a cluster share (CR2, Bell and McCaffrey 2002).

    Each cluster's squared sum of deviations is divided by `1 - its share of all samples`, so that it is unbiased where
    samples are independent after all. With clusters of one size it is Liang and Zeger's (1986) with the factor
    G / (G - 1), as Miller (2024) proposes for evaluations, and the degrees of freedom are G - 1. With unequal
    ones both allow for what a large cluster hides. The degrees of freedom are Satterthwaite's for clusters whose
    samples agree entirely, the case in which they are fewest, G - 1 at most.

    Args:
        sums: Each cluster's sum of deviations from the mean.
        sizes: Samples in each.

    Returns:
        None of fewer than two clusters.
    """
    parts = np.asarray(sizes, dtype=np.float64)
    parts = parts / parts.sum()
    if len(parts) < 2:  # noqa: PLR2004 - one cluster shows no difference between clusters
        return None
    n = float(np.asarray(sizes).sum())
    se = sqrt(float((sums * sums / (1 - parts)).sum())) / n
    return ClusterError(se, _freedom(parts))


def _freedom(parts: FloatArray) -> float:
    """Satterthwaite's degrees of freedom of that error: 2 E(V)^2 / var(V), where each cluster is one normal value.

    The error's square is then `sum of c (u - mean)^2` with `c = w^2 / (1 - w)`; the traces of that form and of its square
    are written out by moments of the parts `w`, so that no matrix of clusters by clusters is needed.
    """
    c = parts * parts / (1 - parts)
    whole = float(parts @ parts)
    c0, c1, c2 = float(c.sum()), float(c @ parts), float(c @ (parts * parts))
    own = whole - 2 * parts
    trace = float(c @ (1 + own))
    square = whole**2 * c0**2 + 2 * c2 * c0 - 4 * whole * c1 * c0 + 2 * c1**2 + float((c * c) @ (1 + 2 * own))
    return min(len(parts) - 1.0, trace**2 / square)


def wilson(share: float, n: float, z: float) -> Bounds:
    """The score interval of a share (Wilson 1927).

    Args:
        share: The observed share, 0 to 1.
        n: Independent observations behind it; an effective number may have a fraction.
        z: Standard errors to either side.
    """
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Bounds(min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


def unseen(n: float, alpha: float) -> float:
    """The largest probability that an event can have which `n` independent trials never showed.

    Exact (Clopper and Pearson 1934 at zero events; at alpha 0.05 nearly the "rule of three", 3 / n).
    """
    return 1 - alpha ** (1 / n) if n > 0 else 1.0


def bounded_mean(
    values: FloatArray,
    of: Spread,
    *,
    low: float,
    high: float,
    alpha: float,
    clusters: Sequence[Hashable] | None = None,
) -> Bounds:
    """One-sided bounds of the mean of values that cannot leave [low, high].

    As a rule Student's t interval, with the larger of the plain and the clustered standard error. On the side to which the
    values (or the clusters' sums) are skewed the bound is moved out as Hall's transformation says (1992). Where fewer
    than 10 values, or clusters, lie far from the middle one, the spread that was seen is no guide to what was not seen:
    one further value at the far end is then counted in, or one further cluster (`with_one_more`). Where no value differs,
    the bound is the exact one: the first value names the common value, so the other n - 1 are the trials that never showed
    another.
    """
    if not of.enough:
        return Bounds(low, high)
    centre = of.mean
    if float(np.ptp(values)) == 0:
        share = unseen(of.effective - 1, alpha)
        return Bounds(centre - share * (centre - low), centre + share * (high - centre))
    critical = of.critical(alpha)
    error = of.se * sqrt(of.design)
    down, up = _unskewed(critical, _skewness(values, clusters), of.clusters or of.n)
    found = Bounds(centre - max(critical, down) * error, centre + max(critical, up) * error)
    if few_far(values, high - low):
        found = _wider(found, centre, error, of.effective, (low, high), critical)
    found = with_one_more(found, values, of, clusters, low=low, high=high, critical=critical)
    return Bounds(min(centre, max(low, found.low)), max(centre, min(high, found.high)))


def with_one_more(
    found: Bounds,
    values: FloatArray,
    of: Spread,
    clusters: Sequence[Hashable] | None,
    *,
    low: float,
    high: float,
    critical: float,
) -> Bounds:
    """Bounds that allow for clusters that fail as a whole, where too few did so to tell how often they do.

    With fewer than 10 clusters whose mean lies far from that of the middle cluster, one further cluster at the far end is
    counted in; clusters of unequal size count as Kish's effective number of them (1965).
    """
    if clusters is None or of.se_clustered is None:
        return found
    codes = codes_of(clusters)
    sizes = np.bincount(codes)
    if not few_far(np.bincount(codes, weights=values) / sizes, high - low):
        return found
    count = float(sizes.sum()) ** 2 / float(sizes @ sizes)
    return _wider(found, of.mean, of.se_clustered, count, (low, high), critical)


def few_far(values: FloatArray, width: float) -> bool:
    """Do fewer than 10 of the values lie further from the middle one than a quarter of the range that they might take?"""
    return int((np.abs(values - np.median(values)) > _FAR * width).sum()) < _FEW


def _skewness(values: FloatArray, clusters: Sequence[Hashable] | None) -> float:
    """The skewness of the values, or of the clusters' sums of deviations."""
    centred = values - values.mean()
    if clusters is not None:
        centred = np.bincount(codes_of(clusters), weights=centred).astype(np.float64)
    spread_of = float(np.sqrt((centred**2).mean()))
    return float((centred**3).mean()) / spread_of**3 if spread_of > _NOTHING else 0.0


def _unskewed(critical: float, skewness: float, n: int) -> tuple[float, float]:
    """How many standard errors the lower and the upper bound lie away, if skewness is allowed for (Hall 1992).

    Hall's monotone cubic makes the studentised mean nearly symmetric; this is its inverse at either quantile.
    """
    part = skewness / sqrt(n)
    if abs(part) < _NOTHING:
        return critical, critical

    def inverse(z: float) -> float:
        return 3 / part * (float(np.cbrt(1 + part * (z - part / 6))) - 1)

    return inverse(critical), -inverse(-critical)


def _wider(found: Bounds, mean: float, error: float, n: float, ends: tuple[float, float], critical: float) -> Bounds:
    """The bounds, not nearer than those after one more independent value at either end."""
    low, high = (_one_more(mean, error, n, end, sign * critical) for end, sign in zip(ends, (-1, 1), strict=True))
    return Bounds(min(found.low, low), max(found.high, high))


def _one_more(mean: float, error: float, n: float, extreme: float, critical: float) -> float:
    """The t bound of a mean of n values, with this standard error, after one more independent value at `extreme`."""
    squares = n * n * error * error + n / (n + 1) * (mean - extreme) ** 2
    return (n * mean + extreme) / (n + 1) + critical * sqrt(squares / n / (n + 1))


def mean_interval(
    scores: Sequence[float], clusters: Sequence[Hashable] | None = None, *, alpha: float = ALPHA
) -> Interval:
    """A mean score with its two-sided interval.

    Wilson's interval where all scores are 0 or 1 (on the effective number of samples, with Student's t, where
    there are clusters: Korn and Graubard 1998), else `bounded_mean`.

    Args:
        scores: At least one fraction.
        clusters: One label per score; None takes them as independent.
        alpha: Two-sided error rate.
    """
    values = fractions(scores)
    of = spread(values, clusters)
    if not is_binary(values):
        found = bounded_mean(values, of, low=0.0, high=1.0, alpha=alpha / 2, clusters=clusters)
    elif of.clusters == 1:
        found = Bounds(0.0, 1.0)
    else:
        found = wilson(of.mean, of.effective, of.critical(alpha / 2, scored=True))
    return Interval(value=of.mean, low=found.low, high=found.high, n=of.n)
