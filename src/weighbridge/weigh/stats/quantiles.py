"""Intervals of quantiles, as of times to an answer: of one engine, and of one against another."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import ALPHA, FloatArray
from weighbridge.weigh.types import Interval

DRAWS = 1_000
_BLOCK = 2_000_000  # numbers drawn at once: 16 MB
_MOST_DRAWN = 50_000_000  # in all; larger samples are resampled less often, but 200 times at least
_LEAST = 5  # values; the spread of fewer says nothing


def quantile_interval(values: Sequence[float] | FloatArray, p: float, *, alpha: float = ALPHA) -> Interval:
    """The p-quantile (type 7) between two order statistics, whatever the distribution (Conover 1999, section 3.2).

    The ends are the outermost values that cannot be left out with an error of alpha / 2 each, by the binomial
    distribution of how many values lie below the quantile. Where even the extreme value may be inside, as for a p99 of 100
    values, that end is infinite: nothing so far was seen of it.

    Raises:
        InputError: There are no values, or p is not between 0 and 1.
    """
    from scipy.special import bdtr  # loaded only here: it costs most of a second

    ordered = _ordered(values, p)
    n = len(ordered)
    chances = bdtr(np.arange(n), n, p)  # of at most k values below the quantile
    below = int(np.searchsorted(chances, alpha / 2, side="right"))  # order statistics 1 to `below` may be left out
    above = int(np.searchsorted(chances, 1 - alpha / 2, side="left"))
    low = float(ordered[below - 1]) if below else -inf
    high = float(ordered[above]) if above < n else inf
    value = float(np.quantile(ordered, p))  # between two values, so with hardly any it may lie beyond an end
    return Interval(value, min(value, low), max(value, high), n)


def quantile_difference(
    base: Sequence[float] | FloatArray,
    candidate: Sequence[float] | FloatArray,
    p: float,
    *,
    paired: bool,
    alpha: float = ALPHA,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """The difference of two p-quantiles, candidate - base, with a percentile bootstrap interval.

    Pairs are resampled as pairs, since both engines take longer where there is more to say. It is not the quantile of the
    differences. With few values beyond the quantile (fewer than five in either sample) the ends are infinite.

    Args:
        base: The engine in use: times of its answers.
        candidate: The other engine's; of the same samples in the same order where `paired`.
        p: Which quantile, between 0 and 1.
        paired: Do the values stand in pairs?
        alpha: Two-sided error rate.
        seed: The same seed gives the same interval.
        draws: Resamples; fewer where there are more than 50,000 values, to bound the time.

    Raises:
        InputError: There are no values, p is not between 0 and 1, or pairs differ in number.
    """
    old, new = np.asarray(base, dtype=np.float64), np.asarray(candidate, dtype=np.float64)
    value = float(np.quantile(_ordered(new, p), p)) - float(np.quantile(_ordered(old, p), p))
    if paired and len(old) != len(new):
        raise InputError(
            f"{len(old)} and {len(new)} values do not pair.", where="quantiles", fix="Give one of each per sample."
        )
    n = min(len(old), len(new))
    if min(p, 1 - p) * n < _LEAST:
        return Interval(value, -inf, inf, n)
    rng = np.random.default_rng(seed)
    draws = max(200, min(draws, _MOST_DRAWN // max(len(old), len(new))))
    rows = max(1, _BLOCK // max(len(old), len(new)))
    found = []
    for start in range(0, draws, rows):
        size = min(rows, draws - start)
        first = rng.integers(0, len(old), size=(size, len(old)))
        second = first if paired else rng.integers(0, len(new), size=(size, len(new)))
        found.append(np.quantile(new[second], p, axis=1) - np.quantile(old[first], p, axis=1))
    low, high = np.quantile(np.concatenate(found), [alpha / 2, 1 - alpha / 2])
    return Interval(value, min(value, float(low)), max(value, float(high)), n)


def _ordered(values: Sequence[float] | FloatArray, p: float) -> FloatArray:
    array: FloatArray = np.sort(np.asarray(values, dtype=np.float64))
    if not 0 < p < 1 or not len(array) or not np.isfinite(array).all():
        raise InputError(
            f"There is no {p:g}-quantile of {len(array)} values.",
            where="quantiles",
            fix="Give finite numbers, and a quantile between 0 and 1: 0.95 for p95.",
        )
    return array
