"""Prediction-powered estimates: many cheap grades of a judge, corrected by a few of people.

The estimator is PPI++ for means (Angelopoulos, Duchi and Zrnic 2023). It is as unbiased as people's grades alone,
whatever the judge does, and its interval is narrower the better the judge follows people. Which samples people grade has
to be drawn at random: that is the one thing it rests on.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import inf, sqrt
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import ALPHA, Codes, FloatArray, cluster_error, codes_of, few_far, t_quantile
from weighbridge.weigh.types import Interval

_FEW = 3  # labels; fewer show no spread


class Powered(Struct, frozen=True):
    """A mean of people's grades over all samples, though they graded few.

    `estimate` is the powered one, `labels_alone` that of people's grades without the judge, `judge_alone` the judge's mean,
    whose bias is unknown. `trust` is how much weight the judge got: 0 none, 1 full. `se` belongs to `estimate`.
    `saves` is how many times as many grades of people would be needed for an interval as narrow without the judge.
    """

    estimate: Interval
    labels_alone: Interval
    judge_alone: float
    trust: float
    se: float
    labelled: int

    @property
    def saves(self) -> float:
        """How many times as many people's grades the judge stands for; 1 if it was of no help."""
        wide, narrow = (i.high - i.low for i in (self.labels_alone, self.estimate))
        return max(1.0, (wide / narrow) ** 2) if narrow > 0 and wide < inf else 1.0


def mean(
    judged: Sequence[float],
    human: Sequence[float | None],
    clusters: Sequence[Hashable] | None = None,
    *,
    alpha: float = ALPHA,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Powered:
    """The mean that people would give all samples, from the judge's grades of all and people's of some.

    With weight w the estimate is `w * judge's mean over samples without a label + mean over labels of (human - w * judge)`,
    and w is the one with the least variance, kept within 0 and 1. Student's t with labels - 1 degrees of freedom (or
    clusters - 1), since w and the spread are estimated from few labels. Where fewer than ten labels deviate from the middle
    one by a quarter of the range, each end of the interval takes in one more label at the far end: rare labels that were
    not drawn would otherwise count as impossible.

    Args:
        judged: The judge's grade of every sample, at least three.
        human: A person's grade of the same sample, None where there is none; at least three there.
        clusters: One label per sample; None takes samples as independent.
        alpha: Two-sided error rate.
        bounds: Where a mean can lie at all.

    Raises:
        InputError: Lengths differ, fewer than three samples have a person's grade, or they are all of one cluster.
    """
    machine, people, labelled = _arrays(judged, human, clusters)
    groups = np.arange(len(machine)) if clusters is None else codes_of(clusters)
    y, f, rest = people[labelled], machine[labelled], machine[~labelled]
    own, other = groups[labelled], groups[~labelled]
    if len(np.unique(own)) < _FEW - (clusters is not None):
        raise InputError(
            "All samples that a person graded are of one cluster.", fix="Have people grade samples of several clusters."
        )
    trust = _trust(y, f, own, rest, other)
    value = float((y - trust * f).mean()) + (trust * float(rest.mean()) if len(rest) else 0.0)
    se, freedom = _error(y - trust * f, own, trust * rest, other)
    alone_se, alone_freedom = _error(y, own, rest[:0], other[:0])
    furthest = float((bounds[0] - trust * f).min()), float((bounds[1] - trust * f).max())
    return Powered(
        estimate=_interval(
            value, se, freedom, alpha=alpha, bounds=bounds, n=len(machine), seen=_Seen(y - trust * f, furthest)
        ),
        labels_alone=_interval(
            float(y.mean()), alone_se, alone_freedom, alpha=alpha, bounds=bounds, n=len(y), seen=_Seen(y, bounds)
        ),
        judge_alone=float(machine.mean()),
        trust=trust,
        se=se,
        labelled=len(y),
    )


def difference(
    base_judged: Sequence[float],
    candidate_judged: Sequence[float],
    base_human: Sequence[float | None],
    candidate_human: Sequence[float | None],
    clusters: Sequence[Hashable] | None = None,
    *,
    alpha: float = ALPHA,
) -> Powered:
    """The paired difference of two engines' means, candidate - base, as people would find it.

    A sample counts as labelled where people graded both answers. See `mean` for the rest.

    Raises:
        InputError: As `mean`, or lengths differ.
    """
    if len({len(base_judged), len(candidate_judged), len(base_human), len(candidate_human)}) > 1:
        raise InputError(
            "The two engines do not have the same samples.", fix="Give one grade of each engine per sample."
        )
    judged = [new - old for old, new in zip(base_judged, candidate_judged, strict=True)]
    human = [
        None if old is None or new is None else new - old for old, new in zip(base_human, candidate_human, strict=True)
    ]
    return mean(judged, human, clusters, alpha=alpha, bounds=(-1.0, 1.0))


def _arrays(
    judged: Sequence[float], human: Sequence[float | None], clusters: Sequence[Hashable] | None
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    if len(judged) != len(human) or (clusters is not None and len(clusters) != len(judged)):
        raise InputError(
            f"There are {len(judged):,} grades of the judge and {len(human):,} of people.",
            fix="Give one of each, and one cluster, per sample; None where no person graded it.",
        )
    machine = np.asarray(judged, dtype=np.float64)
    people = np.array([np.nan if one is None else one for one in human], dtype=np.float64)
    labelled = ~np.isnan(people)
    if int(labelled.sum()) < _FEW:
        raise InputError(
            f"People graded {int(labelled.sum())} of {len(judged):,} samples; three are the least.",
            fix="Have people grade more samples, drawn at random.",
        )
    if not np.isfinite(machine).all() or not np.isfinite(people[labelled]).all():
        raise InputError("A grade is no finite number.", fix="Leave samples out that the judge did not grade.")
    return machine, people, labelled


def _trust(y: FloatArray, f: FloatArray, own: Codes, rest: FloatArray, other: Codes) -> float:
    """The weight with the least variance: cov(human, judge) / ((1 + n / N) var(judge)), by sums over clusters."""
    if not len(rest):
        return 0.0
    n = len(y)
    ours, theirs = _sums(f - f.mean(), own), _sums(y - y.mean(), own)
    rests = _sums(rest - rest.mean(), other)
    both = float(ours @ theirs) / n**2
    spread = float(ours @ ours) / n**2 + float(rests @ rests) / len(rest) ** 2
    return min(1.0, max(0.0, both / spread)) if spread > 0 else 0.0


def _sums(values: FloatArray, codes: Codes) -> FloatArray:
    _, dense = np.unique(codes, return_inverse=True)
    found: FloatArray = np.bincount(dense, weights=values).astype(np.float64)
    return found


def _error(first: FloatArray, own: Codes, rest: FloatArray, other: Codes) -> tuple[float, float]:
    """The standard error of mean(first) + mean(rest), clusters on both sides, and its degrees of freedom.

    A cluster with samples on both sides sums over both, so that what they share is counted once. The factor is G / (G - 1)
    over the labelled clusters, the fewer ones.
    """
    shares = (first - first.mean()) / len(first)
    codes, values = own, shares
    if len(rest):
        codes = np.concatenate([own, other])
        values = np.concatenate([shares, (rest - rest.mean()) / len(rest)])
    _, sizes = np.unique(own, return_counts=True)
    labelled = len(sizes)
    sums = _sums(values, codes)
    found = cluster_error(_sums(first - first.mean(), own), sizes)
    freedom = found.freedom if found else labelled - 1.0
    return sqrt(float(sums @ sums) * labelled / (labelled - 1)), freedom


class _Seen(NamedTuple):
    """The labelled values behind a mean, and how far such a value can lie to either side."""

    values: FloatArray
    ends: tuple[float, float]

    @property
    def few(self) -> bool:
        """Do fewer than ten lie far from the middle one? Then the spread that was seen is no guide to what was not."""
        return few_far(self.values, self.ends[1] - self.ends[0])


def _interval(
    value: float, se: float, freedom: float, *, alpha: float, bounds: tuple[float, float], n: int, seen: _Seen
) -> Interval:
    """Student's interval; where deviating labels are few, each end takes in one more of them at the far end."""
    critical = t_quantile(1 - alpha / 2, freedom)
    low, high = value - critical * se, value + critical * se
    if seen.few:
        below, above = (
            _one_more(value, se, seen, end, sign * critical) for end, sign in zip(seen.ends, (-1, 1), strict=True)
        )
        low, high = min(low, below), max(high, above)
    value = min(bounds[1], max(bounds[0], value))
    return Interval(value=value, low=max(bounds[0], min(value, low)), high=min(bounds[1], max(value, high)), n=n)


def _one_more(value: float, se: float, seen: _Seen, end: float, critical: float) -> float:
    """The bound after one more label at an end; see `means.bounded_mean`, which does the same."""
    n = len(seen.values)
    step = (end - float(seen.values.mean())) / (n + 1)
    return value + step + critical * sqrt(se**2 * (n / (n + 1)) ** 2 + n / (n + 1) * step**2)
