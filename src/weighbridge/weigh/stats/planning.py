"""How many samples a verdict needs: power by number of samples, fixed beforehand or looked at all along.

Assumptions come from a pilot, an earlier result, or the user. The fixed design's power is that of the bounds which
`verdict.compare` uses (Nam 1997 for pairs of right and wrong answers); the sequential one's is found by simulation.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import ceil, log, sqrt
from statistics import NormalDist

import numpy as np
from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import (
    POWER,
    FloatArray,
    codes_of,
    fractions,
    is_binary,
    normal_quantile,
    spread,
    t_quantile,
    unseen,
)
from weighbridge.weigh.stats.pairs import loss_share
from weighbridge.weigh.stats.sequential import stopping

MOST = 10_000_000  #: samples; a plan for more is no plan
DRAWS = 200  #: simulated sequential runs
_MOST_DRAWN = 30_000  # samples of one simulated run: more would take minutes, and tell no more
_FURTHEST = 3  # times what is needed
_CURVE = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0)


class Assumptions(Struct, frozen=True):
    """What a plan takes for true of the two engines on such samples.

    `mean_square` is the mean squared difference of a pair's scores; where answers are right or wrong it is the share of
    pairs in which the two disagree. `difference` is candidate - base. `icc` is the correlation of differences within a
    cluster, `cluster_size` the number of samples that a cluster has (weighted by size where it varies). `pairs` is how
    many pairs it was taken from, 0 where the user said so.
    """

    mean_square: float
    difference: float = 0.0
    binary: bool = True
    icc: float = 0.0
    cluster_size: float = 1.0
    pairs: int = 0

    @property
    def design(self) -> float:
        """How many samples say as much as one independent one (Kish 1965)."""
        return max(1.0, 1 + (self.cluster_size - 1) * self.icc)


class Point(Struct, frozen=True):
    """One row of the curve: with `n` samples, the chance of the right verdict.

    `power` is for a number that is fixed beforehand. `sequential` is for stopping as soon as the verdict is known, and
    `expected` is how many samples are then used on average; both are None beyond what was simulated.
    """

    n: int
    clusters: int
    power: float
    sequential: float | None = None
    expected: float | None = None


class Plan(Struct, frozen=True):
    """How many samples a verdict takes.

    `verdict` is the one that is right under the assumptions. `needed` samples in `clusters` clusters have the `power`
    asked for, None where not even 10 million have. `sequential_median` and `sequential_mean` are the samples that a
    sequential run of `drawn` samples uses, and `sequential_power` is the chance that it finds the verdict in them.
    """

    assumptions: Assumptions
    verdict: str
    margin: float
    alpha: float
    power: float
    needed: int | None
    clusters: int | None
    curve: tuple[Point, ...]
    drawn: int
    sequential_median: float
    sequential_mean: float
    sequential_power: float
    seed: int
    draws: int


def assume(
    base: Sequence[float],
    candidate: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    difference: float = 0.0,
    alpha: float = 0.05,
) -> Assumptions:
    """Assumptions from a pilot or an earlier result: all but the true difference, which is the user's to suppose.

    A pilot's own difference is too noisy to plan with. Where no pair disagreed, the largest disagreement that stays
    unseen with probability alpha stands in.

    Raises:
        InputError: There are no pairs, or the lengths differ.
    """
    if not len(base) or len(base) != len(candidate) or (clusters is not None and len(clusters) != len(base)):
        raise InputError(
            f"{len(base)} base scores and {len(candidate)} candidate scores make no pilot.",
            where="pilot",
            fix="Give one score of each engine, and one cluster if any, per sample.",
        )
    old, new = fractions(base), fractions(candidate)
    values = fractions(new - old)
    of = spread(values, clusters)
    seen = float(values @ values) / of.n or unseen(of.effective, alpha)
    size = 1.0
    if clusters is not None:
        sizes = np.bincount(codes_of(clusters))
        size = float(sizes @ sizes) / of.n
    icc = min(1.0, (of.design - 1) / (size - 1)) if size > 1 else 0.0
    mean_square = min(1.0, max(seen, abs(difference)))
    return Assumptions(mean_square, difference, is_binary(old, new), icc, size, of.n)


def plan(
    assumptions: Assumptions,
    *,
    margin: float,
    alpha: float = 0.05,
    power: float = POWER,
    available: int | None = None,
    seed: int = 0,
    draws: int = DRAWS,
) -> Plan:
    """Samples for a verdict, the curve of power by number of samples, and what stopping early saves.

    Args:
        assumptions: See `assume`.
        margin: How much worse still counts as good enough, a fraction above 0.
        alpha: One-sided error rate.
        power: The chance of the right verdict that is asked for.
        available: Samples that there are; the curve and the simulation go no further. None: three times what is needed.
        seed: Of the simulated runs.
        draws: How many runs are simulated.

    Raises:
        InputError: A value is out of range, or the true difference is the margin itself: no number decides that.
    """
    _check(assumptions, margin, alpha, power, available, draws)
    needed = samples_needed(assumptions, margin=margin, alpha=alpha, power=power)
    limit = available or min(MOST, _FURTHEST * (needed or MOST))
    drawn = min(limit, _MOST_DRAWN)
    used, found = simulate(assumptions, drawn, margin=margin, alpha=alpha, seed=seed, draws=draws)
    right = _right(assumptions, margin)
    hits = found == right
    curve = []
    for n in _curve(needed, limit):
        inside = n <= drawn
        curve.append(
            Point(
                n,
                ceil(n / assumptions.cluster_size),
                power_at(assumptions, n, margin=margin, alpha=alpha),
                float((hits & (used <= n)).mean()) if inside else None,
                float(np.minimum(used, n).mean()) if inside else None,
            )
        )
    return Plan(
        assumptions,
        right,
        margin,
        alpha,
        power,
        needed,
        None if needed is None else ceil(needed / assumptions.cluster_size),
        tuple(curve),
        drawn,
        float(np.median(used)),
        float(used.mean()),
        float(hits.mean()),
        seed,
        draws,
    )


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


def _right(assumptions: Assumptions, margin: float) -> str:
    return "safe" if assumptions.difference > -margin else "unsafe"


def _deviations(assumptions: Assumptions, margin: float) -> tuple[float, float]:
    """A pair's standard deviation, if the difference were the margin and as it is assumed."""
    square, mean = assumptions.mean_square, assumptions.difference
    true = sqrt(max(0.0, square - mean**2))
    if not assumptions.binary:
        return true, true
    wins, losses = (square + mean) / 2, (square - mean) / 2
    lost = loss_share(1.0, wins, losses, -margin)
    return sqrt(max(0.0, 2 * lost - margin * (1 + margin))), true


def _curve(needed: int | None, limit: int) -> list[int]:
    middle = min(needed or limit, limit)
    return sorted({n for part in _CURVE if 0 < (n := round(part * middle)) <= limit} | {limit, middle})


def _check(
    assumptions: Assumptions, margin: float, alpha: float, power: float, available: int | None, draws: int
) -> None:
    limits = [
        ("margin", margin, 0 < margin < 1, "Give a fraction above 0 and below 1: 0.03 stands for 3 points."),
        ("alpha", alpha, 0 < alpha < 0.5, "Give a fraction above 0 and below 0.5: 0.05 stands for 5 %."),  # noqa: PLR2004
        ("power", power, 0 < power < 1, "Give a fraction above 0 and below 1: 0.8 stands for 80 %."),
        ("available", available, available is None or available > 0, "Give the number of samples that there are."),
        ("draws", draws, 0 < draws <= 100_000, "Give from 1 to 100000 simulated runs."),  # noqa: PLR2004
        ("icc", assumptions.icc, 0 <= assumptions.icc <= 1, "Give a correlation from 0 to 1."),
        ("cluster size", assumptions.cluster_size, 1 <= assumptions.cluster_size < 1e6, "Give 1 or more."),  # noqa: PLR2004
        (
            "discordance",
            assumptions.mean_square,
            0 <= assumptions.mean_square <= 1,
            "Give the share of samples, from 0 to 1, on which the two disagree.",
        ),
        (
            "difference",
            assumptions.difference,
            _possible(assumptions),
            "Give a fraction that is no larger than the share of samples on which the two disagree.",
        ),
    ]
    for name, value, good, fix in limits:
        if not good:
            raise InputError(f"A value of {value} cannot be used for the {name}.", where=name, fix=fix)
    if assumptions.difference == -margin:
        raise InputError(
            "A candidate that is worse by the margin exactly is neither safe nor unsafe, with any number of samples.",
            where="difference",
            fix="Suppose a difference that is not the margin.",
        )


def _possible(assumptions: Assumptions) -> bool:
    mean = abs(assumptions.difference)
    return mean <= assumptions.mean_square if assumptions.binary else mean**2 <= assumptions.mean_square
