"""How far two or more raters agree, beyond what chance alone would give: raw agreement, kappa, alpha.

Intervals of kappa and alpha are from resampling whole units (clusters of units, where there are any), seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import isnan, nan
from typing import Literal

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.clusters import DRAWS, resamples
from weighbridge.weigh.stats.means import ALPHA, Codes, FloatArray, codes_of, mean_interval, unseen
from weighbridge.weigh.types import Interval

Metric = Literal["nominal", "interval"]
Rating = Hashable | float | None
Statistic = Callable[[FloatArray], FloatArray]

KINDS = 1_000  #: distinct nominal values that are compared at most
_TWO = 2
_NOTHING = 1e-12


def agreed(
    one: Sequence[Hashable],
    other: Sequence[Hashable],
    clusters: Sequence[Hashable] | None = None,
    *,
    alpha: float = ALPHA,
) -> Interval:
    """The share of units to which two raters gave the same value, with its score interval.

    Args:
        one: The first rater's values, one per unit.
        other: The second's, of the same units.
        clusters: One label per unit; None takes units as independent.
        alpha: Two-sided error rate.

    Raises:
        InputError: There is no unit, or the lengths differ.
    """
    _same_length(one, other, clusters)
    return mean_interval([float(a == b) for a, b in zip(one, other, strict=True)], clusters, alpha=alpha)


def kappa(
    one: Sequence[Hashable],
    other: Sequence[Hashable],
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int,
    alpha: float = ALPHA,
    draws: int = DRAWS,
) -> Interval | None:
    """Cohen's kappa (1960): agreement of two raters, 1 where they always agree, 0 where chance would do as well.

    Chance is what two raters with these habits of giving each value would agree on, were they to look at nothing.

    Args:
        one: The first rater's values, one per unit.
        other: The second's, of the same units.
        clusters: One label per unit; None takes units as independent.
        seed: The same seed gives the same interval.
        alpha: Two-sided error rate.
        draws: Resamples.

    Returns:
        Kappa with its percentile interval; None where both raters only ever gave one and the same value, for then
        nothing tells agreement from habit.

    Raises:
        InputError: There is no unit, the lengths differ, or there are more than 1,000 distinct values.
    """
    _same_length(one, other, clusters)
    kinds, codes = _kinds([*one, *other])
    first, second = codes[: len(one)], codes[len(one) :]
    units = np.arange(len(one))
    rows = np.zeros((len(one), 1 + 2 * kinds))
    rows[:, 0] = first == second
    rows[units, 1 + first] = 1
    rows[units, 1 + kinds + second] = 1

    def statistic(sums: FloatArray) -> FloatArray:
        left, right = sums[:, 1 : 1 + kinds], sums[:, 1 + kinds :]
        n = left.sum(axis=1)
        by_chance = (left * right).sum(axis=1) / n**2
        return _chance_corrected(1 - sums[:, 0] / n, 1 - by_chance)

    return _interval(rows, statistic, clusters, seed=seed, alpha=alpha, draws=draws)


def krippendorff(
    units: Sequence[Sequence[Rating]],
    clusters: Sequence[Hashable] | None = None,
    *,
    metric: Metric = "nominal",
    seed: int,
    alpha: float = ALPHA,
    draws: int = DRAWS,
) -> Interval | None:
    """Krippendorff's alpha (2011): agreement of any number of raters, of whom some may have left some units out.

    1 where all agree, 0 where values might as well have been dealt out at random over units, below 0 where raters
    disagree more than that.

    Args:
        units: For each unit its values, None (or nothing) for a rater who gave none. Which rater gave which is not
            looked at. Units with fewer than two values say nothing of agreement and are left out.
        clusters: One label per unit; None takes units as independent.
        metric: `nominal`: values are the same or not. `interval`: numbers, whose squared distance counts.
        seed: The same seed gives the same interval.
        alpha: Two-sided error rate.
        draws: Resamples.

    Returns:
        Alpha with its percentile interval and the number of units that had two values; None where there is no such unit
        or all values are the same.

    Raises:
        InputError: There is no unit, lengths differ, a value of the interval metric is no finite number, or there are
            more than 1,000 distinct nominal values.
    """
    _same_length(units, units, clusters)
    labels = range(len(units)) if clusters is None else clusters
    told = [(_given(unit), label) for unit, label in zip(units, labels, strict=True)]
    told = [(values, label) for values, label in told if len(values) >= _TWO]
    if not told:
        return None
    rated = [values for values, _ in told]
    rows, statistic = _by_distance(rated) if metric == "interval" else _by_kind(rated)
    kept = None if clusters is None else [label for _, label in told]
    return _interval(rows, statistic, kept, seed=seed, alpha=alpha, draws=draws)


def _by_kind(rated: Sequence[Sequence[Rating]]) -> tuple[FloatArray, Statistic]:
    """For each unit: values, disagreement within, how often each value was given; and alpha from sums of those."""
    kinds, codes = _kinds([value for values in rated for value in values])
    rows = np.zeros((len(rated), 2 + kinds))
    sizes = np.array([len(values) for values in rated])
    np.add.at(rows, (np.repeat(np.arange(len(rated)), sizes), 2 + codes), 1)
    counts = rows[:, 2:]
    rows[:, 0] = sizes
    rows[:, 1] = (sizes**2 - (counts**2).sum(axis=1)) / (sizes - 1)

    def statistic(sums: FloatArray) -> FloatArray:
        n, pooled = sums[:, 0], sums[:, 2:]
        expected = (n**2 - (pooled**2).sum(axis=1)) / (n * (n - 1))
        return _chance_corrected(sums[:, 1] / n, expected)

    return rows, statistic


def _by_distance(rated: Sequence[Sequence[Rating]]) -> tuple[FloatArray, Statistic]:
    """The same where squared distances of numbers count: sums of values and of their squares are enough."""
    numbers = [_numbers(values) for values in rated]
    middle = float(np.concatenate(numbers).mean())  # distances do not change, but large numbers would lose their digits
    rows = np.array([_moments(values - middle) for values in numbers])

    def statistic(sums: FloatArray) -> FloatArray:
        n = sums[:, 0]
        expected = 2 * (n * sums[:, 3] - sums[:, 2] ** 2) / (n * (n - 1))
        return _chance_corrected(sums[:, 1] / n, expected)

    return rows, statistic


def _moments(values: FloatArray) -> tuple[float, float, float, float]:
    size, total, squares = len(values), float(values.sum()), float(values @ values)
    within = 2 * (size * squares - total**2) / (size - 1)
    return size, max(0.0, within), total, squares


def _numbers(values: Sequence[Rating]) -> FloatArray:
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
            raise InputError(
                f"A rating is {value!r}, which is no finite number.",
                fix="Compare such ratings with the nominal metric.",
            )
    return np.asarray(values, dtype=np.float64)


def _given(values: Sequence[Rating]) -> list[Rating]:
    return [v for v in values if v is not None and not (isinstance(v, float) and isnan(v))]


def _kinds(values: Sequence[Hashable]) -> tuple[int, Codes]:
    codes = codes_of(values)
    kinds = int(codes.max()) + 1
    if kinds > KINDS:
        raise InputError(
            f"Raters gave {kinds:,} distinct values; at most {KINDS:,} are told apart.",
            fix="Compare numbers with the interval metric.",
        )
    return kinds, codes


def _chance_corrected(seen: FloatArray, expected: FloatArray) -> FloatArray:
    """1 - seen / expected disagreement, not a number where chance would never disagree."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > _NOTHING, 1 - seen / expected, nan)


def _interval(
    rows: FloatArray,
    statistic: Statistic,
    clusters: Sequence[Hashable] | None,
    *,
    seed: int,
    alpha: float,
    draws: int,
) -> Interval | None:
    """A statistic of summed rows, with the percentiles of the same over resampled clusters of rows.

    Resamples in which the statistic does not exist are left out. Where no disagreement was seen at all, no resample shows
    one either: what these units never showed may still be in a share `unseen` of them, which agree by chance alone.
    """
    value = float(statistic(rows.sum(axis=0, keepdims=True))[0])
    if isnan(value):
        return None
    n = len(rows)
    if clusters is not None:
        codes = codes_of(clusters)
        summed = np.zeros((int(codes.max()) + 1, rows.shape[1]))
        np.add.at(summed, codes, rows)
        rows = summed
    if len(rows) < _TWO:
        return Interval(value=value, low=-1.0, high=1.0, n=n)
    if value > 1 - _NOTHING:
        return Interval(value=value, low=1 - unseen(len(rows), alpha / 2), high=1.0, n=n)
    drawn = np.concatenate([statistic(often @ rows) for often in resamples(len(rows), seed, draws)])
    low, high = np.quantile(drawn[~np.isnan(drawn)], [alpha / 2, 1 - alpha / 2])
    return Interval(value=value, low=min(value, float(low)), high=max(value, float(high)), n=n)


def _same_length(one: Sequence[object], other: Sequence[object], clusters: Sequence[Hashable] | None) -> None:
    if not one:
        raise InputError("There is nothing that was rated.", fix="Give at least one unit.")
    if len(one) != len(other) or (clusters is not None and len(clusters) != len(one)):
        raise InputError(
            f"Values of {len(one):,} and {len(other):,} units"
            + (f" and {len(clusters):,} clusters" if clusters is not None else "")
            + " do not belong together.",
            fix="Give one value of each rater, and one cluster, per unit.",
        )
