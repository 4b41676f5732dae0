"""Right and wrong answers to the same samples: score and exact bounds of their difference, and how many pairs it takes."""

from __future__ import annotations

from math import inf, sqrt

from weighbridge.weigh.stats.means import POWER, Bounds, normal_quantile

_STEPS = 80  # halvings: more than a double can tell apart


def paired_score(n: float, wins: float, losses: float, z: float) -> Bounds:
    """The score interval of a difference of paired shares (Tango 1998).

    Args:
        n: Pairs; like the two counts it may have a fraction where it is an effective number.
        wins: Pairs in which only the candidate was right.
        losses: Pairs in which only the base was right.
        z: Standard errors to either side.

    Returns:
        Bounds of (wins - losses) / n. They are apart even where no pair is discordant.
    """
    return Bounds(_score_bound(n, wins, losses, z), -_score_bound(n, losses, wins, z))


def _score_bound(n: float, wins: float, losses: float, z: float) -> float:
    low, high = -1.0, (wins - losses) / n
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _score(n, wins, losses, middle) > z:
            low = middle
        else:
            high = middle
    return low


def _score(n: float, wins: float, losses: float, delta: float) -> float:
    """Tango's statistic: how many standard errors the observed difference lies above `delta`."""
    variance = n * (2 * loss_share(n, wins, losses, delta) + delta * (1 - delta))
    distance = wins - losses - n * delta
    if variance <= 0:
        return inf if distance > 0 else 0.0
    return distance / sqrt(variance)


def loss_share(n: float, wins: float, losses: float, delta: float) -> float:
    """The likeliest share of losses if the true difference is `delta`: a root of a quadratic (Tango 1998)."""
    a = 2 * n
    b = -wins - losses + (2 * n - wins + losses) * delta
    c = -losses * delta * (1 - delta)
    root = sqrt(max(0.0, b * b - 4 * a * c))
    return (root - b) / (2 * a) if b <= 0 else -2 * c / (b + root)


def pairs_for_shares(discordance: float, *, margin: float, alpha: float, power: float = POWER) -> float:
    """Pairs that a paired score test of non-inferiority needs at true difference 0 (Nam 1997).

    Args:
        discordance: The share of pairs in which exactly one of the two is right.
        margin: How much worse still counts as good enough, a fraction above 0.
        alpha: One-sided error rate.
        power: The chance to find an equal candidate safe.
    """
    half = discordance / 2
    under_margin = 2 * loss_share(1.0, half, half, -margin) - margin * (1 + margin)
    reach = normal_quantile(1 - alpha) * sqrt(under_margin) + normal_quantile(power) * sqrt(discordance)
    return (reach / margin) ** 2


def pairs_for_means(mean_square: float, *, margin: float, alpha: float, power: float = POWER) -> float:
    """The same for scores between 0 and 1: `mean_square` is the mean squared difference of a pair."""
    reach = normal_quantile(1 - alpha) + normal_quantile(power)
    return mean_square * (reach / margin) ** 2
