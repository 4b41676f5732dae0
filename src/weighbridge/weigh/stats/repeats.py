"""The same samples asked several times: how often an engine gets there, how often it changes its mind, its own noise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import comb, sqrt

import numpy as np
from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import ALPHA, FloatArray, mean_interval, normal_quantile
from weighbridge.weigh.types import Interval

_TWO = 2
_GRID = (np.arange(1_000) + 0.5) / 1_000  # probabilities at which a distribution is looked at
_STEPS = 50  # halvings
_FEW = 10  # as in `means`: fewer samples that differ are too few to tell how far

Scores = Sequence[Sequence[float]]


class Noise(Struct, frozen=True):
    """How far two runs of one engine over one suite are apart by chance alone.

    `sd` is the standard deviation of the difference of their means, with its interval; `floor` is the size that the
    difference of two further runs exceeds in a share `alpha` of cases, though `sd` itself is only known roughly. A change
    smaller than the floor shows nothing.
    """

    sd: Interval
    floor: float


def passes_at(
    results: Sequence[Sequence[bool]], k: int, clusters: Sequence[Hashable] | None = None, *, alpha: float = ALPHA
) -> Interval | None:
    """pass@k: the probability that at least one of `k` answers to a sample is right.

    Of n answers with c right it is `1 - C(n - c, k) / C(n, k)` (Chen et al. 2021), without bias for any n >= k, averaged over
    samples. The interval generalises over samples.

    Args:
        results: For each sample, whether each answer was right. Samples with fewer than `k` answers are left out.
        k: Answers that one has the choice of.
        clusters: One label per sample; None takes samples as independent.
        alpha: Two-sided error rate.

    Returns:
        None where no sample has `k` answers; `n` counts those that have.

    Raises:
        InputError: `k` is below 1, or there is not one cluster per sample.
    """
    return _over_samples(results, k, lambda n, c: 1 - comb(n - c, k) / comb(n, k), clusters, alpha)


def passes_all(
    results: Sequence[Sequence[bool]], k: int, clusters: Sequence[Hashable] | None = None, *, alpha: float = ALPHA
) -> Interval | None:
    """pass^k: the probability that all of `k` answers to a sample are right (Yao et al. 2024), `C(c, k) / C(n, k)`.

    Arguments, result and errors are those of `passes_at`.
    """
    return _over_samples(results, k, lambda n, c: comb(c, k) / comb(n, k), clusters, alpha)


def flips(scores: Scores, clusters: Sequence[Hashable] | None = None, *, alpha: float = ALPHA) -> Interval | None:
    """The probability that two answers of one engine to one sample are graded differently.

    For each sample the share of its pairs of answers with different scores, averaged over samples. Two runs that flip in
    10 % of samples need not differ in their means at all: see `noise`.

    Args:
        scores: For each sample the scores of its answers, fractions. Samples with one answer are left out.
        clusters: One label per sample; None takes samples as independent.
        alpha: Two-sided error rate.

    Returns:
        None where no sample was answered twice.

    Raises:
        InputError: There is not one cluster per sample.
    """
    kept = _answered(scores, _TWO, clusters)
    if not kept:
        return None
    shares = []
    for told, _ in kept:
        _, counts = np.unique(np.asarray(told, dtype=np.float64).round(12), return_counts=True)
        n = len(told)
        shares.append(float(n * n - counts @ counts) / (n * (n - 1)))
    return mean_interval(shares, _labels(kept, clusters), alpha=alpha)


def noise(scores: Scores, clusters: Sequence[Hashable] | None = None, *, alpha: float = ALPHA) -> Noise | None:
    """The engine's own noise floor: how far apart two runs over these samples are by chance.

    The variance of the difference of two runs' means is twice the mean variance within samples, over their number:
    samples are fixed, only answers are drawn. It holds where answers of one run are independent of one another.

    The floor is a prediction: the variance is taken as gamma distributed around what was seen, with one flip more than
    that, so that where nothing flipped the floor is not nothing. Where at least ten samples were graded differently, the
    one more is of the size that was seen, else it is a flip from one end of the scale to the other.

    Args:
        scores: For each sample the scores of its answers, fractions. Samples with one answer are left out.
        clusters: One label per sample, for the interval around the standard deviation.
        alpha: Two-sided error rate, of the interval as of the floor.

    Returns:
        None where no sample was answered twice.

    Raises:
        InputError: There is not one cluster per sample.
    """
    kept = _answered(scores, _TWO, clusters)
    if not kept:
        return None
    # A variance of n fractions is at most n / (n - 1) / 4, of two 1/2: doubled it is a fraction, as the interval wants.
    within = [2 * float(np.var(told, ddof=1)) for told, _ in kept]
    of = mean_interval(within, _labels(kept, clusters), alpha=alpha)
    value, low, high = (sqrt(max(0.0, v) / len(kept)) for v in (of.value, of.low, of.high))
    floor = _exceeded(np.asarray(within).round(12), alpha) / len(kept)
    return Noise(sd=Interval(value=value, low=low, high=high, n=len(kept)), floor=floor)


def _exceeded(variances: FloatArray, alpha: float) -> float:
    """What the size of a sum of differences exceeds in a share `alpha` of cases, if they have about such variances.

    Given its variance the sum is normal. Of n flips between 0 and 1 the posterior of the variance is gamma with shape
    n + 1; other variances have the gamma with their sum and their sum of squares, and one more, for mean and variance.
    """
    from scipy.special import gammaincinv, ndtr  # loaded only here: it costs most of a second

    total, squares = float(variances.sum()), float(variances @ variances)
    more = 1.0 if np.count_nonzero(variances) < _FEW else squares / total
    mean, square = total + more, squares + more**2
    spreads = np.sqrt(square / mean * gammaincinv(mean**2 / square, _GRID))
    low, high = 0.0, float(spreads[-1]) * normal_quantile(1 - alpha / 4)  # nothing is exceeded less often there
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if 2 * float(ndtr(-middle / spreads).mean()) > alpha else (low, middle)
    return high


def _over_samples(
    results: Sequence[Sequence[bool]],
    k: int,
    share: Callable[[int, int], float],
    clusters: Sequence[Hashable] | None,
    alpha: float,
) -> Interval | None:
    if k < 1:
        raise InputError(f"k is {k}, but one can only choose among at least one answer.", fix="Give k >= 1.")
    kept = _answered(results, k, clusters)
    if not kept:
        return None
    shares = [share(len(told), sum(map(bool, told))) for told, _ in kept]
    return mean_interval(shares, _labels(kept, clusters), alpha=alpha)


def _answered(
    scores: Scores, least: int, clusters: Sequence[Hashable] | None
) -> list[tuple[Sequence[float], Hashable]]:
    """Samples with enough answers, each with its cluster."""
    if clusters is not None and len(clusters) != len(scores):
        raise InputError(
            f"There are {len(scores):,} samples and {len(clusters):,} clusters.", fix="Give one cluster per sample."
        )
    labels = range(len(scores)) if clusters is None else clusters
    return [(told, label) for told, label in zip(scores, labels, strict=True) if len(told) >= least]


def _labels(kept: list[tuple[Sequence[float], Hashable]], clusters: Sequence[Hashable] | None) -> list[Hashable] | None:
    return None if clusters is None else [label for _, label in kept]
