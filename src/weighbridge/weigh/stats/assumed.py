"""What a plan takes for true of two engines: supposed, or taken from a pilot or an earlier result."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import codes_of, fractions, is_binary, spread, unseen


class Assumptions(Struct, frozen=True):
    """What a plan takes for true of the two engines on such samples.

    `mean_square` is the mean squared difference of a pair's scores; where answers are right or wrong it is the share of
    pairs in which the two disagree. `difference` is candidate - base. `icc` is the correlation of differences within a
    cluster, `cluster_size` the number of samples that a cluster has (weighted by size where it varies). `pairs` is how
    many pairs it was taken from, 0 where the user said so.
    """

    mean_square: float
    difference: float = 0.0
    binary: bool = True
    icc: float = 0.0
    cluster_size: float = 1.0
    pairs: int = 0

    @property
    def design(self) -> float:
        """How many samples say as much as one independent one (Kish 1965)."""
        return max(1.0, 1 + (self.cluster_size - 1) * self.icc)


def assume(
    base: Sequence[float],
    candidate: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    difference: float = 0.0,
    alpha: float = 0.05,
) -> Assumptions:
    """Assumptions from a pilot or an earlier result: all but the true difference, which is the user's to suppose.

    A pilot's own difference is too noisy to plan with. Where no pair disagreed, the largest disagreement that stays
    unseen with probability alpha stands in.

    Raises:
        InputError: There are no pairs, or the lengths differ.
    """
    if not len(base) or len(base) != len(candidate) or (clusters is not None and len(clusters) != len(base)):
        raise InputError(
            f"{len(base)} base scores and {len(candidate)} candidate scores make no pilot.",
            where="pilot",
            fix="Give one score of each engine, and one cluster if any, per sample.",
        )
    old, new = fractions(base), fractions(candidate)
    values = fractions(new - old)
    of = spread(values, clusters)
    seen = float(values @ values) / of.n or unseen(of.effective, alpha)
    size = 1.0
    if clusters is not None:
        sizes = np.bincount(codes_of(clusters))
        size = float(sizes @ sizes) / of.n
    icc = min(1.0, (of.design - 1) / (size - 1)) if size > 1 else 0.0
    binary = is_binary(old, new)
    return Assumptions(
        min(1.0, max(seen, least_square(difference, binary=binary))), difference, binary, icc, size, of.n
    )


def least_square(difference: float, *, binary: bool) -> float:
    """The least mean square that a mean difference can have: a right or wrong answer differs by 1 or not at all."""
    return abs(difference) if binary else difference**2
