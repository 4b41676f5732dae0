"""Two engines that answered different samples: the difference of their means, without pairs to cancel what is hard."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import sqrt
from typing import NamedTuple

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import (
    Bounds,
    Spread,
    bounded_mean,
    few_far,
    fractions,
    is_binary,
    spread,
    t_quantile,
    wilson,
)


class Difference(NamedTuple):
    """A difference of two means, candidate - base, with its one-sided bounds and the method that gave them."""

    value: float
    se: float
    low: float
    high: float
    method: str


def welch(old: Spread, new: Spread, alpha: float) -> Bounds:
    """One-sided bounds of a difference of means (Welch 1947), with Satterthwaite's degrees of freedom (1946)."""
    errors = [(_error(one) ** 2, _freedom(one)) for one in (old, new)]
    total = sum(error for error, _ in errors)
    if total <= 0:
        return Bounds(new.mean - old.mean, new.mean - old.mean)
    freedom = total**2 / sum(error**2 / max(1.0, df) for error, df in errors)
    half = t_quantile(1 - alpha, freedom) * sqrt(total)
    return Bounds(new.mean - old.mean - half, new.mean - old.mean + half)


def newcombe(old: tuple[float, float], new: tuple[float, float], z: tuple[float, float]) -> Bounds:
    """Bounds of a difference of independent shares from the score interval of each (Newcombe 1998, method 10).

    Args:
        old: The base's share and the (effective) number of samples behind it.
        new: The candidate's.
        z: Standard errors to either side, for each of the two.
    """
    (p, n), (q, m) = old, new
    one, two = wilson(p, n, z[0]), wilson(q, m, z[1])
    return Bounds(
        q - p - sqrt((q - two.low) ** 2 + (one.high - p) ** 2), q - p + sqrt((two.high - q) ** 2 + (p - one.low) ** 2)
    )


def independent(
    base: Sequence[float],
    candidate: Sequence[float],
    *,
    base_clusters: Sequence[Hashable] | None = None,
    candidate_clusters: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> Difference:
    """The difference of two engines' mean scores that were taken on different samples.

    Newcombe's interval where all scores are 0 or 1, else Welch's; on effective numbers where there are clusters. Where few
    scores lie far from the middle one it is not narrower than what `bounded_mean` says of either side, taken together as
    Newcombe does.

    Args:
        base: Scores of the engine in use, fractions.
        candidate: Scores of the other engine.
        base_clusters: One label per score of the base; None takes them as independent.
        candidate_clusters: The same for the candidate. A cluster is not to stand on both sides.
        alpha: Error rate of each bound.

    Raises:
        InputError: One of the two has fewer than three scores, or a single cluster.
    """
    values = fractions(base), fractions(candidate)
    if not all(len(one) for one in values):
        raise InputError("One of the two engines has no score.", where="unpaired", fix="Score both engines.")
    old, new = spread(values[0], base_clusters), spread(values[1], candidate_clusters)
    value, se = new.mean - old.mean, sqrt(_error(old) ** 2 + _error(new) ** 2)
    if not (old.enough and new.enough):
        raise InputError(
            "There is too little to compare: each engine needs three scores, in more than one cluster.",
            where="unpaired",
            fix="Score more samples.",
        )
    if is_binary(*values):
        critical = old.critical(alpha, scored=True), new.critical(alpha, scored=True)
        found = newcombe((old.mean, old.effective), (new.mean, new.effective), critical)
        return Difference(value, se, *found, "unpaired score (Newcombe)")
    found = welch(old, new, alpha)
    if any(few_far(one, 1.0) for one in values):
        # A side whose values hardly vary tells Welch little of its error: its own bounds are put beside the other's.
        labels = (base_clusters, candidate_clusters)
        ours, theirs = (
            bounded_mean(one, of, low=0.0, high=1.0, alpha=alpha, clusters=each)
            for one, of, each in zip(values, (old, new), labels, strict=True)
        )
        down = sqrt((ours.high - old.mean) ** 2 + (new.mean - theirs.low) ** 2)
        up = sqrt((old.mean - ours.low) ** 2 + (theirs.high - new.mean) ** 2)
        found = Bounds(min(found.low, value - down), max(found.high, value + up))
    return Difference(value, se, max(-1.0, found.low), min(1.0, found.high), "unpaired t (Welch)")


def _error(of: Spread) -> float:
    """The larger of the plain and the clustered standard error."""
    return of.se * sqrt(of.design)


def _freedom(of: Spread) -> float:
    return of.freedom if of.freedom is not None else of.n - 1.0
