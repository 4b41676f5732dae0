"""How far two or more raters agree, beyond what chance alone would give: raw agreement, kappa, alpha.

Intervals of kappa and alpha are from reweighing whole units (clusters of units, where there are any) at random, seeded:
`reweighed` says how, and how kinds that are rare are allowed for. They do not depend on the order of units.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import suppress
from math import isnan, nan
from typing import Any, Literal

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.clusters import DRAWS
from weighbridge.weigh.stats.means import ALPHA, Codes, FloatArray, mean_interval
from weighbridge.weigh.stats.reweighed import Imagined, Statistic, interval
from weighbridge.weigh.types import Interval

Metric = Literal["nominal", "interval"]
Rating = Hashable | float | None

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
        draws: How often weights are drawn.

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

    could = _two_raters(kinds)
    return interval(rows, first != second, statistic, could, clusters, seed=seed, alpha=alpha, draws=draws)


def _two_raters(kinds: int) -> Imagined:
    """What two raters could have said: of one unit's weight in all, both the same kind; of another's, one kind and any other."""
    one, rest = np.eye(kinds), (1 - np.eye(kinds)) / max(1, kinds - 1)
    same, apart = np.ones((kinds, 1)), np.zeros((kinds, 1))
    rows = np.block([[same, one, one], [apart, one, rest], [apart, rest, one]])
    return Imagined(rows, np.repeat([1 / kinds, 0.5 / kinds], [kinds, 2 * kinds]))


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
        draws: How often weights are drawn.

    Returns:
        Alpha with its percentile interval and the number of units that had two values; None where there is no such unit
        or all values are the same. Where grades of a few units only lie high (or low), it is narrower than it should be.

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
    rows, statistic, could = _by_distance(rated) if metric == "interval" else _by_kind(rated)
    kept = None if clusters is None else [label for _, label in told]
    return interval(rows, rows[:, 1] > _NOTHING, statistic, could, kept, seed=seed, alpha=alpha, draws=draws)


def _by_kind(rated: Sequence[Sequence[Rating]]) -> tuple[FloatArray, Statistic, Imagined]:
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

    one, rest = np.eye(kinds), (1 - np.eye(kinds)) / max(1, kinds - 1)
    of_two = np.full((kinds, 1), 2.0)
    could = np.block([[of_two, 0 * of_two, 2 * one], [of_two, of_two, one + rest]]) * sizes.mean() / 2
    return rows, statistic, Imagined(could, np.full(2 * kinds, 1 / kinds))


def _by_distance(rated: Sequence[Sequence[Rating]]) -> tuple[FloatArray, Statistic, Imagined]:
    """The same where squared distances of numbers count: sums of values and of their squares are enough."""
    numbers = [_numbers(values) for values in rated]
    middle = float(np.concatenate(numbers).mean())  # distances do not change, but large numbers would lose their digits
    rows = np.array([_moments(values - middle) for values in numbers])

    def statistic(sums: FloatArray) -> FloatArray:
        n = sums[:, 0]
        expected = 2 * (n * sums[:, 3] - sums[:, 2] ** 2) / (n * (n - 1))
        return _chance_corrected(sums[:, 1] / n, expected)

    pooled = np.concatenate(numbers) - middle
    low, high = pooled.min(), pooled.max()
    could = np.array([_moments(np.array(pair)) for pair in ((low, low), (high, high), (low, high))])
    return rows, statistic, Imagined(could * len(pooled) / len(rated) / 2, np.array([0.5, 0.5, 1.0]), distances=True)


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
    """How many kinds there are, and each value's as a number: in their own order, where they have one."""
    seen: list[Any] = list(dict.fromkeys(values))
    with suppress(TypeError):
        seen = sorted(seen)
    if len(seen) > KINDS:
        raise InputError(
            f"Raters gave {len(seen):,} distinct values; at most {KINDS:,} are told apart.",
            fix="Compare numbers with the interval metric.",
        )
    places = {value: place for place, value in enumerate(seen)}
    return len(seen), np.array([places[value] for value in values], dtype=np.intp)


def _chance_corrected(seen: FloatArray, expected: FloatArray) -> FloatArray:
    """1 - seen / expected disagreement, not a number where chance would never disagree."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected > _NOTHING, 1 - seen / expected, nan)


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
