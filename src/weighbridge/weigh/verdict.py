"""May a route move from a base to a candidate? The paired comparison and its verdict against a margin."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from math import ceil

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh import stats
from weighbridge.weigh.stats.exact import edges, pair_bounds
from weighbridge.weigh.stats.unpaired import independent
from weighbridge.weigh.types import Comparison, VerdictWord

MARGIN = 0.03
ALPHA = 0.05
SEARCHED = 40  #: pairs of right and wrong answers without clusters; up to here all outcomes are searched


def compare(
    base: Sequence[float],
    candidate: Sequence[float],
    *,
    clusters: Sequence[Hashable] | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
) -> Comparison:
    """Compare two engines on the same samples, pair by pair.

    Args:
        base: Scores of the engine in use, fractions from 0 to 1.
        candidate: Scores of the other engine, in the same order.
        clusters: One label per pair where samples are not independent; None takes every pair as its own.
        margin: How much worse the candidate may be and still be good enough, as a fraction.
        alpha: One-sided error rate: how often, about, a candidate that is exactly `margin` worse may be
            found safe (and how often one that is no more than `margin` worse may be found unsafe).

    Returns:
        The difference candidate - base with the two one-sided bounds that decide. With one or two pairs, or one
        cluster, the bounds are the whole range. `more_needed` is None once the verdict is known. It is 0 where
        there were samples enough to clear an equal candidate and the verdict is open all the same: then the
        candidate is most likely somewhat worse.

    Raises:
        InputError: There are no pairs, the lengths differ, a score is no fraction, or margin or alpha is out of range.
    """
    check_limits(margin, alpha)
    old, new = _scores(base, "base"), _scores(candidate, "candidate")
    _check_lengths(len(old), len(new), clusters)
    differences = stats.fractions(new - old)
    of = stats.spread(differences, clusters)
    binary = stats.is_binary(old, new)
    discordant = int(np.count_nonzero(differences)) if binary else None
    bounds, method = _bounds(differences, of, clusters, binary=binary, alpha=alpha)
    word = decide(bounds.low, bounds.high, margin)
    more = _more(differences, of, binary=binary, margin=margin, alpha=alpha) if word == "undecided" else None
    return Comparison(
        n=of.n,
        base_mean=float(old.mean()),
        candidate_mean=float(new.mean()),
        difference=of.mean,
        se=of.se,
        ci_low=bounds.low,
        ci_high=bounds.high,
        z=of.mean / of.se if of.se > 0 else None,
        verdict=word,
        more_needed=more,
        margin=margin,
        alpha=alpha,
        method=method,
        clusters=of.clusters,
        discordant=discordant,
        se_clustered=of.se_clustered,
    )


def apart(
    base: Sequence[float],
    candidate: Sequence[float],
    *,
    base_clusters: Sequence[Hashable] | None = None,
    candidate_clusters: Sequence[Hashable] | None = None,
    margin: float = MARGIN,
    alpha: float = ALPHA,
) -> Comparison:
    """Compare two engines that answered different samples of one kind; pairs tell more, where there are any.

    Args:
        base: Scores of the engine in use, fractions from 0 to 1; three at least.
        candidate: Scores of the other engine.
        base_clusters: One label per score of the base where samples are not independent.
        candidate_clusters: The same for the candidate.
        margin: See `compare`.
        alpha: See `compare`.

    Returns:
        The difference of the means. `n` is the smaller number of samples; `more_needed` is not known.

    Raises:
        InputError: There are too few scores, a score is no fraction, or margin or alpha is out of range.
    """
    check_limits(margin, alpha)
    old, new = _scores(base, "base"), _scores(candidate, "candidate")
    found = independent(
        base, candidate, base_clusters=base_clusters, candidate_clusters=candidate_clusters, alpha=alpha
    )
    return Comparison(
        n=min(len(old), len(new)),
        base_mean=float(old.mean()),
        candidate_mean=float(new.mean()),
        difference=found.value,
        se=found.se,
        ci_low=found.low,
        ci_high=found.high,
        z=found.value / found.se if found.se > 0 else None,
        verdict=decide(found.low, found.high, margin),
        more_needed=None,
        margin=margin,
        alpha=alpha,
        method=found.method if base_clusters is None else f"{found.method}, robust to clusters",
    )


def decide(low: float, high: float, margin: float) -> VerdictWord:
    """The verdict that two one-sided bounds allow."""
    if low > -margin:
        return "safe"
    return "unsafe" if high < -margin else "undecided"


def check_limits(margin: float, alpha: float) -> None:
    """Refuse a margin or an error rate that means nothing.

    Raises:
        InputError: margin is not between 0 and 1, or alpha not between 0 and 0.5.
    """
    if not 0 < margin < 1:
        raise InputError(
            f"A margin of {margin:g} cannot be used.",
            where="margin",
            fix="Give a fraction above 0 and below 1: 0.03 stands for 3 points.",
        )
    if not 0 < alpha < 0.5:  # noqa: PLR2004 - a bound that errs half the time bounds nothing
        raise InputError(
            f"An error rate of {alpha:g} cannot be used.",
            where="alpha",
            fix="Give a fraction above 0 and below 0.5: 0.05 stands for 5 %.",
        )


def _scores(values: Sequence[float], name: str) -> stats.FloatArray:
    array = np.asarray(values, dtype=np.float64)
    wrong = ~((array >= 0) & (array <= 1))  # so that NaN is wrong too
    if wrong.any():
        place = int(wrong.argmax())
        raise InputError(
            f"The score {array[place]:g} is no fraction from 0 to 1.",
            where=f"{name}, pair {place + 1}",
            fix="Divide scores by the highest score that is possible.",
        )
    return array


def _check_lengths(base: int, candidate: int, clusters: Sequence[Hashable] | None) -> None:
    if base != candidate or (clusters is not None and len(clusters) != base):
        raise InputError(
            f"{base} base scores, {candidate} candidate scores"
            + (f" and {len(clusters)} clusters" if clusters is not None else "")
            + " do not pair.",
            fix="Give one score of each engine, and one cluster if any, per sample.",
        )
    if not base:
        raise InputError("There are no pairs to compare.", fix="Score both engines on the same samples.")


def _bounds(
    differences: stats.FloatArray,
    of: stats.Spread,
    clusters: Sequence[Hashable] | None,
    *,
    binary: bool,
    alpha: float,
) -> tuple[stats.Bounds, str]:
    if not of.enough:
        return stats.Bounds(-1.0, 1.0), "whole range: one cluster" if of.clusters == 1 else "whole range: too few pairs"
    suffix = f", robust to {of.clusters} clusters" if of.clusters is not None else ""
    if not binary:
        bounds = stats.bounded_mean(differences, of, low=-1.0, high=1.0, alpha=alpha, clusters=clusters)
        return bounds, ("paired t" if of.se > 0 else "exact, no pair differs from another") + suffix
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    if of.clusters is None and of.n <= SEARCHED:
        return _searched(of.n, wins, losses, alpha), "exact, over all outcomes"
    bounds = _binary_bounds(of, wins, losses, alpha)
    critical = of.critical(alpha)
    bounds = stats.with_one_more(bounds, differences, of, clusters, low=-1.0, high=1.0, critical=critical)
    bounds = stats.Bounds(max(-1.0, bounds.low), min(1.0, bounds.high))
    return bounds, ("paired score (Tango)" if wins or losses else "exact, no discordant pair") + suffix


@lru_cache(maxsize=4096)
def _searched(n: int, wins: int, losses: int, alpha: float) -> stats.Bounds:
    found = pair_bounds(n, wins, losses, alpha)
    difference = (wins - losses) / n
    return stats.Bounds(min(found.low, difference), max(found.high, difference))


def _binary_bounds(of: stats.Spread, wins: int, losses: int, alpha: float) -> stats.Bounds:
    """Tango's bounds on the effective number of pairs, or those that are exact where wins or losses never happen, if wider.

    With clusters they are never narrower than the plain cluster-robust t interval.
    """
    critical = of.critical(alpha, scored=True)
    low, high = stats.paired_score(of.effective, wins / of.design, losses / of.design, critical)
    edge = edges(of.effective, wins / of.design, losses / of.design, alpha)
    low, high = min(low, edge.low), max(high, edge.high)
    if of.se_clustered is not None:
        half = critical * of.se_clustered
        low, high = max(-1.0, min(low, of.mean - half)), min(1.0, max(high, of.mean + half))
    return stats.Bounds(min(low, of.mean), max(high, of.mean))


def _more(differences: stats.FloatArray, of: stats.Spread, *, binary: bool, margin: float, alpha: float) -> int:
    """Further pairs for 80 % power at difference 0. Discordance never seen is taken at its upper bound."""
    mean_square = float(differences @ differences) / of.n or stats.unseen(of.effective, alpha)
    count = stats.pairs_for_shares if binary else stats.pairs_for_means
    return max(0, ceil(count(mean_square, margin=margin, alpha=alpha) * of.design) - of.n)
