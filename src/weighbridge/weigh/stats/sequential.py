"""Verdicts that may be looked at after every sample: betting e-processes and the bounds that follow from them.

A gambler bets against "the candidate is no better than base + bound". Under that hypothesis no way of betting makes
money on average, so the chance that the wealth ever reaches 1 / alpha is at most alpha (Ville 1939), however often one
looks and whatever makes one stop (Waudby-Smith and Ramdas 2023, "Estimating means of bounded random variables by
betting"). The wealth here is shared out over a fixed grid of bets, each kept throughout (Robbins' method of mixtures,
as in the same paper's section on grids): then the bounds move one way with the hypothesis, and can be bisected.

The unit is a whole cluster, drawn in random order: its samples' differences are added up, so that what is bounded is the
mean over samples, the figure that `verdict.compare` gives. `docs/statistics.md` says what is generalised over.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, sqrt
from typing import NamedTuple

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import Bounds, FloatArray
from weighbridge.weigh.types import VerdictWord

#: Shares of the largest bet that can never ruin, and how the first wealth is shared out over them. A fifth more rides
#: on the largest: where two engines always agree it is the best bet by far.
BETS: FloatArray = np.geomspace(0.02, 1.0, 10)
SHARES: FloatArray = np.array([0.08] * 9 + [0.28])
_GRID = 1 << 25  # bounds between 0 and 1 that are looked at: to 3e-8
_ROUNDING = 1e-9  # differences of scores are no further outside [-1, 1] than this


class Stop(NamedTuple):
    """Where a sequential comparison ends: after `used` clusters, all of them if it is still undecided."""

    verdict: VerdictWord
    used: int


class Sequential:
    """A comparison of a candidate with a base that may stop as soon as its verdict is known.

    Feed it whole clusters in random order; a sample that belongs to none is a cluster of one. Claims: `safe`, the mean
    difference is above -margin; `unsafe`, it is below. Each is made wrongly with probability alpha at most, whenever
    and why ever one stops. Of several candidates each has an instance of its own, and may go on while others are open:
    what has been said stays said.

    Attributes:
        verdict: The first claim that the wealth allowed, which later clusters do not change, else `undecided`.
        n: Samples so far.
        clusters: Clusters so far.
    """

    def __init__(self, margin: float, alpha: float, *, largest: int = 1, population: int | None = None) -> None:
        """Begin without any sample.

        Args:
            margin: How much worse still counts as good enough, a fraction. 0 asks which of the two is better.
            alpha: Error rate of each claim.
            largest: Samples in the largest cluster that can come. It limits the bets, so it must be known before.
            population: Clusters that there are to draw from, without putting any back. If given, the claims hold for
                the mean over exactly these as well as for the mean over all that they may stand for; without it for
                the latter alone.

        Raises:
            InputError: A value is out of range.
        """
        _check(margin, alpha, largest, population)
        self.margin = margin
        self.alpha = alpha
        self.largest = largest
        self.population = population
        self.verdict: VerdictWord = "undecided"
        self.n = 0
        self._sums: list[float] = []
        self._sizes: list[int] = []
        self._total = 0.0
        # One row for "safe", one for "unsafe": log wealth of every bet.
        self._wealth: FloatArray = np.tile(np.log(SHARES), (2, 1))
        self._best = [0.0, 0.0]
        self._found: tuple[int, Bounds] = (0, Bounds(-1.0, 1.0))

    @property
    def clusters(self) -> int:
        """Clusters so far."""
        return len(self._sums)

    def add(self, cluster_differences: Sequence[float]) -> VerdictWord:
        """Take in the differences (candidate - base, -1 to 1) of all samples of one cluster.

        Raises:
            InputError: The cluster is empty or larger than `largest`, a difference is out of range, or all clusters of
                the population have been given already.
        """
        size, total = len(cluster_differences), float(sum(cluster_differences))
        self._check_cluster(cluster_differences, size)
        for side, sign in enumerate((1.0, -1.0)):
            bound = -sign * self.margin
            null = 0.0
            if self.population is not None:
                null = max(0.0, (bound * self.n - sign * self._total) / (self.population - self.clusters))
            reach = self.largest * (1 + bound) + null
            with np.errstate(divide="ignore"):
                self._wealth[side] += np.log1p(BETS * max(-1.0, (sign * total - bound * size - null) / reach))
            self._best[side] = max(self._best[side], float(np.logaddexp.reduce(self._wealth[side])))
            if self.verdict == "undecided" and self._best[side] >= -log(self.alpha):
                self.verdict = ("safe", "unsafe")[side]
        self._sums.append(total)
        self._sizes.append(size)
        self._total += total
        self.n += size
        return self.verdict

    @property
    def difference(self) -> float | None:
        """The mean difference so far, over samples; None of none. It is a description: stopping early flatters it."""
        return self._total / self.n if self.n else None

    @property
    def low(self) -> float:
        """The lower one-sided bound: the mean is above it, with probability 1 - alpha at all times at once."""
        return self._bounds().low

    @property
    def high(self) -> float:
        """The upper one-sided bound, likewise."""
        return self._bounds().high

    @property
    def evidence(self) -> tuple[float, float]:
        """The largest wealth so far against "not safe" and against "not unsafe".

        1 over it is a p-value that holds at any time, for the corrections in `several`.
        """
        return exp(min(self._best[0], 700.0)), exp(min(self._best[1], 700.0))

    def _bounds(self) -> Bounds:
        if self._found[0] != self.clusters:
            found = bounds(
                np.array(self._sums),
                self.alpha,
                sizes=np.array(self._sizes),
                largest=self.largest,
                population=self.population,
            )
            self._found = (self.clusters, found)
        return self._found[1]

    def _check_cluster(self, differences: Sequence[float], size: int) -> None:
        where = f"cluster {self.clusters + 1}"
        if not 1 <= size <= self.largest:
            raise InputError(
                f"A cluster of {size} samples cannot be taken in, where the largest was said to have {self.largest}.",
                where=where,
                fix="Give the size of the suite's largest cluster as `largest`, and no cluster without samples.",
            )
        if not all(-1 - _ROUNDING <= value <= 1 + _ROUNDING for value in differences):  # NaN is outside as well
            raise InputError(
                "A difference is outside -1 to 1.", where=where, fix="Give differences of scores that are fractions."
            )
        if self.population is not None and self.clusters >= self.population:
            raise InputError(
                f"There were to be {self.population} clusters, and all of them were given.",
                where=where,
                fix="Give the number of clusters in the suite as `population`.",
            )


def stopping(
    sums: FloatArray,
    margin: float,
    alpha: float,
    *,
    sizes: FloatArray | None = None,
    largest: int | None = None,
    population: int | None = None,
) -> Stop:
    """Where a `Sequential` comparison of these clusters, in this order, would have stopped.

    Args:
        sums: Each cluster's differences added up; of independent samples just their differences.
        margin: As for `Sequential`.
        alpha: As for `Sequential`.
        sizes: Samples in each cluster; None takes every one as of one sample.
        largest: Samples in the largest cluster that could have come; by default the largest that came.
        population: As for `Sequential`.
    """
    sizes = np.ones(len(sums)) if sizes is None else sizes
    largest = int(sizes.max(initial=1)) if largest is None else largest
    _check(margin, alpha, largest, population)
    threshold = -log(alpha)
    reached = [
        path >= threshold
        for path in (
            log_wealth(sums, sizes, -margin, largest=largest, population=population),
            log_wealth(-sums, sizes, margin, largest=largest, population=population),
        )
    ]
    first = [int(hit.argmax()) if hit.any() else len(sums) for hit in reached]
    if min(first) == len(sums):
        return Stop("undecided", len(sums))
    return Stop("safe" if first[0] <= first[1] else "unsafe", min(first) + 1)


def bounds(
    sums: FloatArray,
    alpha: float,
    *,
    sizes: FloatArray | None = None,
    largest: int | None = None,
    population: int | None = None,
) -> Bounds:
    """The confidence sequence's two one-sided bounds after the last of these clusters.

    Each holds at all times at once with probability 1 - alpha, so the narrowest so far is given. Arguments are those
    of `stopping`.
    """
    sizes = np.ones(len(sums)) if sizes is None else sizes
    largest = int(sizes.max(initial=1)) if largest is None else largest
    low, high = (_lower(signed, sizes, alpha, largest=largest, population=population) for signed in (sums, -sums))
    return Bounds(low, -high)


def log_wealth(
    sums: FloatArray, sizes: FloatArray, bound: float, *, largest: int, population: int | None = None
) -> FloatArray:
    """The log of the wealth after each cluster, of a bet against "the mean is at most `bound`".

    A cluster pays its sum less `bound` times its size, relative to the most that it can lose. Where clusters are drawn
    from a `population` without being put back, what is left to draw is no longer as it was: if what came was poor, what
    comes is richer, and this much is taken off. What is taken off is never less than 0, so the wealth is a
    supermartingale both under the hypothesis about the population at hand and under the one about all that it stands for.
    """
    gains = sums - bound * sizes
    null: FloatArray = np.zeros(len(gains))
    if population is not None and len(gains):
        before = np.concatenate(([0.0], np.cumsum(gains)[:-1]))
        null = np.maximum(0.0, -before / (population - np.arange(len(gains))))
    paid = np.maximum(-1.0, (gains - null) / (largest * (1 + bound) + null))  # -1 but for rounding
    total: FloatArray = np.full(len(gains), -inf)
    with np.errstate(divide="ignore"):
        for bet, weight in zip(BETS, SHARES, strict=True):
            total = np.logaddexp(total, log(weight) + np.cumsum(np.log1p(bet * paid)))
    return total


def _lower(sums: FloatArray, sizes: FloatArray, alpha: float, *, largest: int, population: int | None) -> float:
    """The largest bound that has been refuted at some time: the wealth falls as the bound rises.

    Bounds are looked at on a grid, so that the one found does not depend on where the search began. It begins where
    normal means would have it, and goes outward; between a bound that is refuted and one that is not it alternates
    between the middle and where a straight line crosses. With many samples that takes a third of the looks of halving.
    """
    low, high, turn = 0, 2 * _GRID, 0
    left = right = inf  # how far the wealth is above the threshold at `low`, and below it at `high`, once known
    place, step = _first_look(sums, sizes, alpha)
    while high - low > 1:
        place = min(high - 1, max(low + 1, place))
        path = log_wealth(sums, sizes, place / _GRID - 1, largest=largest, population=population)
        over = float(path.max(initial=0.0)) + log(alpha)
        if over >= 0:
            low, left = place, over
        else:
            high, right = place, -over
        if inf in {left, right}:
            place, step = place + (step if over >= 0 else -step), 2 * step
        elif turn % 3:
            place = low + int((high - low) * left / (left + right)) + turn % 3 - 1
        else:
            place = (low + high) // 2
        turn += 1
    return low / _GRID - 1


def _first_look(sums: FloatArray, sizes: FloatArray, alpha: float) -> tuple[int, int]:
    """About where on the grid the bound will be, and how far from there to look next."""
    if not len(sums):
        return _GRID, _GRID
    total = float(sizes.sum())
    mean = float(sums.sum()) / total
    error = sqrt(float(((sums - mean * sizes) ** 2).sum())) / total
    reach = error * sqrt(log(len(sums)) - 2 * log(alpha))
    return int((mean - reach + 1) * _GRID), max(1, int(reach * _GRID / 16), _GRID // len(sums))


def _check(margin: float, alpha: float, largest: int, population: int | None) -> None:
    if not -1 < margin < 1:
        raise InputError(
            f"A margin of {margin:g} cannot be used.", where="margin", fix="Give a fraction: 0.03 is 3 points."
        )
    if not 0 < alpha < 1:
        raise InputError(
            f"An error rate of {alpha:g} cannot be used.", where="alpha", fix="Give a fraction: 0.05 stands for 5 %."
        )
    if largest < 1:
        raise InputError(f"A largest cluster of {largest} samples cannot be.", where="largest", fix="Give 1 or more.")
    if population is not None and population < 1:
        raise InputError(f"A population of {population} clusters cannot be.", where="population", fix="Give 1 or more.")
