"""Exact bounds and tests of right and wrong answers: what holds for any number of samples, however few.

`share_bounds` and `edges` are cheap and used by every verdict; `pair_bounds` searches all outcomes that there could be.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, lgamma, sqrt

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import Bounds, FloatArray, normal_quantile
from weighbridge.weigh.stats.pairs import paired_score

MOST_PAIRS = 1_000  #: for the search of all outcomes, whose number grows with the square
_LEFT_OUT = 0.01  # part of alpha that is spent on leaving out losses' shares which the data all but rule out
_GRID = 24  # shares of losses that are tried
_STEPS = 14  # halvings: to 1e-4
_NOTHING = 1e-12
_UNLIKELY = 1e-11  # the chance of seven standard deviations, for shares of this kind
_WIDE = 7  # standard deviations on either side of what is enumerated; the rest counts as against us


def share_bounds(events: float, n: float, alpha: float) -> Bounds:
    """Exact one-sided bounds of a share (Clopper and Pearson 1934), each with error rate alpha.

    Both counts may have a fraction where they are effective numbers.
    """
    from scipy.special import betaincinv  # loaded only here: it costs most of a second

    low = float(betaincinv(events, n - events + 1, alpha)) if events > 0 else 0.0
    high = float(betaincinv(events + 1, n - events, 1 - alpha)) if events < n else 1.0
    return Bounds(low, high)


def edges(n: float, wins: float, losses: float, alpha: float) -> Bounds:
    """Bounds of (wins - losses) / n that are exact where one of the two never happens, and too narrow elsewhere.

    They are what is left of Tango's interval's weakness: with hardly a win its upper bound is too low.
    """
    won, lost = share_bounds(wins, n, alpha), share_bounds(losses, n, alpha)
    return Bounds(min(wins / n - lost.high, won.low - losses / n), max(wins / n - lost.low, won.high - losses / n))


def mcnemar(wins: int, losses: int) -> float:
    """The two-sided p-value of "neither is better", exact given the number of discordant pairs (McNemar 1947)."""
    from scipy.special import bdtr  # loaded only here: it costs most of a second

    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5))) if wins + losses else 1.0


def pair_bounds(n: int, wins: int, losses: int, alpha: float) -> Bounds:
    """Exact unconditional one-sided bounds of the difference of paired shares.

    All outcomes that are at least as far out by Tango's statistic are added up, at the least favourable share of losses
    (Hsueh, Liu and Chen 2001), which is sought within a confidence interval of it (Berger and Boos 1994). The error
    rate is alpha at most, to the 24 shares that are tried; the bounds are rounded outwards by 1e-4 at most.

    Raises:
        InputError: There are more than 1,000 pairs, or fewer than one.
    """
    if not 0 < n <= MOST_PAIRS or wins < 0 or losses < 0 or wins + losses > n:
        raise InputError(
            f"{wins} wins and {losses} losses in {n} pairs cannot be searched.",
            where="pairs",
            fix=f"Give counts that fit in 1 to {MOST_PAIRS} pairs; for more, the score interval is as good.",
        )
    return Bounds(_lower(n, wins, losses, alpha), -_lower(n, losses, wins, alpha))


def _lower(n: int, wins: int, losses: int, alpha: float) -> float:
    start = paired_score(n, wins, losses, normal_quantile(1 - alpha)).low
    likely = share_bounds(losses, n, alpha * _LEFT_OUT / 2)
    level = alpha * (1 - _LEFT_OUT)
    width = max(0.02, (wins - losses) / n - start)
    high = min((wins - losses) / n, start + width)
    low = start
    while low > -1 and _tail(n, wins, losses, low, likely) > level:
        low = max(-1.0, low - width)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _tail(n, wins, losses, middle, likely) <= level:
            low = middle
        else:
            high = middle
    return max(-1.0, low)


def _tail(n: int, wins: int, losses: int, delta: float, likely: Bounds) -> float:
    """The largest chance of an outcome as far above `delta` as the one seen, over the shares of losses in `likely`."""
    lowest, highest = max(likely.low, 0.0, -delta), min(likely.high, (1 - delta) / 2)
    if lowest > highest:
        return 0.0
    lost = np.linspace(lowest, highest, _GRID)[:, None, None]
    won = np.maximum(0.0, lost + delta)
    w, few_w = _window(n, lowest + delta, highest + delta)
    z, few_z = _window(n, lowest, highest)
    grid_w, grid_l = np.meshgrid(w, z, indexing="ij")
    inside = grid_w + grid_l <= n
    further = inside & (_scores(n, grid_w, grid_l, delta) >= _scores(n, *_one(wins, losses), delta)[0] - 1e-9)
    at_w, at_l = grid_w[further], grid_l[further]
    table = _factorials(n)
    ways = table[n] - table[at_w] - table[at_l] - table[n - at_w - at_l]
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = ways + _times(at_w, won[:, :, 0]) + _times(at_l, lost[:, :, 0])
        logs += _times(n - at_w - at_l, 1 - won[:, :, 0] - lost[:, :, 0])
    return float(np.exp(logs).sum(axis=1).max()) + few_w + few_z


@lru_cache(maxsize=128)
def _factorials(n: int) -> FloatArray:
    """The logs of 0! to n!."""
    return np.array([lgamma(k + 1) for k in range(n + 1)])


def _one(wins: int, losses: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([wins]), np.array([losses])


def _times(count: np.ndarray, share: FloatArray) -> FloatArray:
    """`count` times the log of `share`, where nothing of nothing is nothing."""
    found: FloatArray = np.where(count == 0, 0.0, count * np.log(np.maximum(share, 0.0)))
    return found


def _window(n: int, lowest: float, highest: float) -> tuple[np.ndarray, float]:
    """Counts that are all but certain for shares between the two, and a bound of the chance of any other."""
    low, high = max(0.0, lowest), min(1.0, max(0.0, highest))
    first = max(0, int(n * low - _WIDE * sqrt(n * low) - 1))
    last = min(n, ceil(n * high + _WIDE * sqrt(n * high) + 4 * _WIDE))
    return np.arange(first, last + 1), 0.0 if (first == 0 and last == n) else _UNLIKELY


def _scores(n: int, wins: np.ndarray, losses: np.ndarray, delta: float) -> FloatArray:
    """Tango's statistic of many outcomes at once."""
    b = -wins - losses + (2 * n - wins + losses) * delta
    c = -losses * delta * (1 - delta)
    root = np.sqrt(np.maximum(0.0, b * b - 8 * n * c))
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(b <= 0, (root - b) / (4 * n), -2 * c / (b + root))
        variance = n * (2 * share + delta * (1 - delta))
        distance = wins - losses - n * delta
        found: FloatArray = np.where(
            variance > _NOTHING, distance / np.sqrt(np.maximum(variance, 1e-300)), np.where(distance > 0, np.inf, 0.0)
        )
    return found
