"""Intervals of quantiles, as of times to an answer: of one engine, and of one against another."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from math import floor, inf

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.clusters import is_few, resamples
from weighbridge.weigh.stats.means import ALPHA, FloatArray, cluster_error, codes_of, t_quantile
from weighbridge.weigh.types import Interval

DRAWS = 1_000
_BLOCK = 2_000_000  # numbers drawn at once: 16 MB
_MOST_DRAWN = 50_000_000  # in all; larger samples are resampled less often, but 200 times at least
_LEAST = 5  # values; the spread of fewer says nothing


def quantile_interval(
    values: Sequence[float] | FloatArray,
    p: float,
    clusters: Sequence[Hashable] | None = None,
    *,
    alpha: float = ALPHA,
) -> Interval:
    """The p-quantile (type 7) between two order statistics, whatever the distribution (Conover 1999, section 3.2).

    The ends are the outermost values that cannot be left out with an error of alpha / 2 each, by the binomial
    distribution of how many values lie below the quantile. Where even the extreme value may be inside, as for a p99 of 100
    values, that end is infinite: nothing so far was seen of it.

    Values in clusters count as fewer: as many as would tell the share of values below the quantile as surely, if they were
    independent (Korn and Graubard 1998; Woodruff 1952 for quantiles).

    Args:
        values: Finite numbers.
        p: Which quantile, between 0 and 1.
        clusters: One label per value; None takes them as independent.
        alpha: Two-sided error rate.

    Raises:
        InputError: There are no values, or p is not between 0 and 1.
    """
    from scipy.special import bdtr  # loaded only here: it costs most of a second

    ordered = _ordered(values, p)
    n = len(ordered)
    value = float(np.quantile(ordered, p))  # between two values, so with hardly any it may lie beyond an end
    worth = n if clusters is None else _worth(np.asarray(values, dtype=np.float64) <= value, clusters, alpha)
    chances = bdtr(np.arange(worth), worth, p)  # of at most k values below the quantile
    below = int(np.searchsorted(chances, alpha / 2, side="right"))  # order statistics 1 to `below` may be left out
    above = int(np.searchsorted(chances, 1 - alpha / 2, side="left"))
    low = float(ordered[below * n // worth - 1]) if below else -inf
    high = float(ordered[min(n - 1, -((above + 1) * n // -worth) - 1)]) if above < worth else inf
    return Interval(value, min(value, low), max(value, high), n)


def _worth(below: np.ndarray, clusters: Sequence[Hashable], alpha: float) -> int:
    """As many independent values as tell the share of `below` as surely as these do in their clusters."""
    codes, share, n = codes_of(clusters), float(below.mean()), len(below)
    sizes = np.bincount(codes)
    error = cluster_error(np.bincount(codes, weights=below - share).astype(np.float64), sizes)
    if error is None:
        return 0
    if error.se == 0:  # as all lie below, or as many in every cluster: no sign of how clusters differ
        return min(n, len(sizes))
    wider = t_quantile(1 - alpha / 2, error.freedom) / t_quantile(1 - alpha / 2, inf)
    return min(n, floor(share * (1 - share) / (error.se * wider) ** 2))


def quantile_difference(
    base: Sequence[float] | FloatArray,
    candidate: Sequence[float] | FloatArray,
    p: float,
    *,
    paired: bool,
    clusters: Sequence[Hashable] | None = None,
    alpha: float = ALPHA,
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """The difference of two p-quantiles, candidate - base, with a percentile bootstrap interval.

    Pairs are resampled as pairs, since both engines take longer where there is more to say. It is not the quantile of the
    differences. With few values beyond the quantile (fewer than five in either sample) the ends are infinite. Pairs in
    clusters are resampled with their whole cluster, and the interval is as much wider as Student's t is for so many; with
    fewer than eight clusters, or fewer than five that reach beyond the quantile, its ends are infinite.

    Args:
        base: The engine in use: times of its answers.
        candidate: The other engine's; of the same samples in the same order where `paired`.
        p: Which quantile, between 0 and 1.
        paired: Do the values stand in pairs?
        clusters: One label per pair; None takes pairs as independent.
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
    if clusters is not None:
        ends = _clustered(old, new, p, codes_of(clusters), alpha, seed, draws)
        return Interval(value, min(value, value + ends[0]), max(value, value + ends[1]), n)
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


def _clustered(
    old: FloatArray, new: FloatArray, p: float, codes: np.ndarray, alpha: float, seed: int, draws: int
) -> tuple[float, float]:
    """How far the ends lie from the difference, by resampling whole clusters of pairs."""
    count = int(codes.max()) + 1
    beyond = min(len(np.unique(codes[_beyond(one, p)])) for one in (old, new))
    error = cluster_error(np.zeros(count), np.bincount(codes))  # for its degrees of freedom alone
    if error is None or is_few(error.freedom) or beyond < _LEAST:
        return -inf, inf
    draws = max(200, min(draws, _MOST_DRAWN // len(old)))
    found = np.concatenate(list(_differences(old, new, p, codes, resamples(count, seed, draws))))
    middle = float(np.median(found))
    wider = t_quantile(1 - alpha / 2, error.freedom) / t_quantile(1 - alpha / 2, inf) * (count / (count - 1)) ** 0.5
    low, high = np.quantile(found, [alpha / 2, 1 - alpha / 2])
    return (float(low) - middle) * wider, (float(high) - middle) * wider


def _beyond(values: FloatArray, p: float) -> np.ndarray:
    """Which values lie on the rarer side of their own quantile."""
    at = np.quantile(values, p)
    return values >= at if p >= 0.5 else values <= at  # noqa: PLR2004 - the middle


def _differences(
    old: FloatArray, new: FloatArray, p: float, codes: np.ndarray, drawn: Iterator[FloatArray]
) -> Iterator[FloatArray]:
    """Of each resample, the difference of the quantiles; a value counts as often as its cluster was drawn."""
    orders = [np.argsort(values, kind="stable") for values in (old, new)]
    rows = max(1, _BLOCK // len(old))
    for often in drawn:
        for start in range(0, len(often), rows):
            block = often[start : start + rows]
            ends = []
            for values, order in zip((old, new), orders, strict=True):
                reached = np.cumsum(block[:, codes[order]], axis=1)
                at = (reached >= p * reached[:, -1:]).argmax(axis=1)
                ends.append(values[order[at]])
            yield ends[1] - ends[0]


def _ordered(values: Sequence[float] | FloatArray, p: float) -> FloatArray:
    array: FloatArray = np.sort(np.asarray(values, dtype=np.float64))
    if not 0 < p < 1 or not len(array) or not np.isfinite(array).all():
        raise InputError(
            f"There is no {p:g}-quantile of {len(array)} values.",
            where="quantiles",
            fix="Give finite numbers, and a quantile between 0 and 1: 0.95 for p95.",
        )
    return array
