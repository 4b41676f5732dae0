"""Power by number of samples: fixed beforehand by formula, looked at all along by simulation.

The fixed design's power is that of the bounds which `verdict.compare` uses (Nam 1997 for pairs of right and wrong answers).
"""

from __future__ import annotations

from math import ceil, log, sqrt
from statistics import NormalDist

import numpy as np

from weighbridge.weigh.stats.assumed import Assumptions
from weighbridge.weigh.stats.means import POWER, FloatArray, normal_quantile, t_quantile
from weighbridge.weigh.stats.pairs import loss_share
from weighbridge.weigh.stats.sequential import stopping

MOST = 10_000_000  #: samples; a plan for more is no plan
DRAWS = 200  #: simulated sequential runs


def power_at(assumptions: Assumptions, n: int, *, margin: float, alpha: float) -> float:
    """The chance that `n` samples, fixed beforehand, give the right verdict (normal approximation)."""
    distance = abs(assumptions.difference + margin)
    under, true = _deviations(assumptions, margin)
    effective = n / assumptions.design
    clustered = assumptions.cluster_size > 1
    if assumptions.binary and not clustered:
        critical = normal_quantile(1 - alpha)
    else:
        freedom = (n / assumptions.cluster_size if clustered else n) - 1
        if freedom < 1:
            return 0.0
        critical = t_quantile(1 - alpha, freedom)
    if effective * log(1 - distance if distance < 1 else 1e-12) > log(alpha):
        return 0.0  # not even all pairs alike would tell: the exact bound is wider than the distance
    if true == 0:
        return 1.0
    return NormalDist().cdf((sqrt(effective) * distance - critical * under) / true)


def samples_needed(assumptions: Assumptions, *, margin: float, alpha: float, power: float = POWER) -> int | None:
    """The fewest samples with the power asked for; None if 10 million are not enough."""
    if power_at(assumptions, MOST, margin=margin, alpha=alpha) < power:
        return None
    low, high = 0, MOST
    while high - low > 1:
        middle = (low + high) // 2
        if power_at(assumptions, middle, margin=margin, alpha=alpha) >= power:
            high = middle
        else:
            low = middle
    return high


def simulate(
    assumptions: Assumptions, n: int, *, margin: float, alpha: float, seed: int, draws: int = DRAWS
) -> tuple[FloatArray, np.ndarray]:
    """Sequential runs over `n` samples that are drawn as assumed.

    Differences take three values, one of them 0, so that their mean and mean square are those assumed; within a cluster
    each is the cluster's own with probability sqrt(icc), else drawn afresh, which gives that correlation.

    Returns:
        For each run the samples used, and its verdict.
    """
    rng = np.random.default_rng(seed)
    square, mean = assumptions.mean_square, assumptions.difference
    step = min(1.0, square / abs(mean)) if mean else 1.0
    share = square / step**2 if square else 0.0
    chances = np.clip([(share + mean / step) / 2, (share - mean / step) / 2, 1 - share], 0, 1)
    values = np.array([step, -step, 0.0])
    size = max(1, round(assumptions.cluster_size))
    groups = ceil(n / size)
    used, words = np.empty(draws), []
    for run in range(draws):
        drawn = rng.choice(values, p=chances / chances.sum(), size=(groups, size))
        if size > 1 and assumptions.icc > 0:
            alike = rng.random((groups, size)) < sqrt(assumptions.icc)
            drawn = np.where(alike, rng.choice(values, p=chances / chances.sum(), size=(groups, 1)), drawn)
        stop = stopping(
            drawn.sum(axis=1), margin, alpha, sizes=np.full(groups, float(size)), largest=size, population=groups
        )
        used[run] = min(n, stop.used * size)
        words.append(stop.verdict)
    return used, np.array(words)


def _deviations(assumptions: Assumptions, margin: float) -> tuple[float, float]:
    """A pair's standard deviation, if the difference were the margin and as it is assumed."""
    square, mean = assumptions.mean_square, assumptions.difference
    true = sqrt(max(0.0, square - mean**2))
    if not assumptions.binary:
        return true, true
    wins, losses = (square + mean) / 2, (square - mean) / 2
    lost = loss_share(1.0, wins, losses, -margin)
    return sqrt(max(0.0, 2 * lost - margin * (1 + margin))), true
