"""How strong engines are, from votes on pairs of their answers: Bradley-Terry, told as the probability to win.

The log-odds that the first of two is preferred are the difference of their strengths (Bradley and Terry 1952), plus style
terms where they are given. A tie is half a win for either. Intervals are robust (a sandwich): they do not rest on the
model being right, and allow for votes that belong together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import sqrt

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from weighbridge.errors import InputError
from weighbridge.weigh.stats import pairings
from weighbridge.weigh.stats.means import ALPHA, Codes, FloatArray, codes_of, normal_quantile, t_quantile
from weighbridge.weigh.stats.pairings import Votes
from weighbridge.weigh.types import Interval

PRIOR = 1.0  #: ties of every engine with an average one, which nobody saw: separable votes stay finite
_TWO = 2
_STEPS = 200
_EXACT = 1e-10
_FURTHEST = 2.0  # log-odds that one step goes at most
_FAINT = 1e-6  # precision of a style feature's effect around 0 where there is no prior
_WEAK = 1e-2  # the same beside a prior: a standard deviation of ten log-odds, so that features may follow from others
_INFINITE = 40.0  # log-odds; nobody votes often enough to tell more
_LARGEST = 700.0


class Style(Struct, frozen=True):
    """What one style feature does: log-odds gained per standard deviation of its difference, with its interval."""

    name: str
    effect: Interval


class Strengths:
    """The strengths of engines, how sure they are, and what follows from them.

    Attributes:
        names: The engines, in the order of their first vote.
        values: Strengths in log-odds, around a mean of 0, in the order of `names`.
        votes: How many votes each engine stood in.
        style: What style features do, in the order they were given.
        critical: Standard errors to either side of an interval.
    """

    def __init__(
        self,
        names: Sequence[str],
        values: FloatArray,
        covariances: Sequence[FloatArray],
        votes: NDArray[np.int64],
        style: tuple[Style, ...],
        critical: float,
    ) -> None:
        self.names = tuple(names)
        self.values = values
        self.votes = votes
        self.style = style
        self.critical = critical
        self._covariances = covariances
        self._index = {name: place for place, name in enumerate(names)}

    def beats(self, one: str, other: str) -> Interval:
        """The probability that `one` is preferred to `other`, at equal style; `n` is the votes of the two together.

        Raises:
            InputError: Nobody voted on one of them.
        """
        i, j = self._place(one), self._place(other)
        if i == j:
            return Interval(value=0.5, low=0.5, high=0.5, n=int(self.votes[i]))
        gap = float(self.values[i] - self.values[j])
        return self._probability(gap, float(self._errors(i)[j]), int(self.votes[i] + self.votes[j]))

    def field(self, one: str) -> Interval:
        """The probability that `one` is preferred to another engine drawn at random, at equal style.

        Raises:
            InputError: Nobody voted on it.
        """
        i = self._place(one)
        wins = _logistic(self.values[i] - self.values)
        slopes = wins * (1 - wins)
        wins[i] = slopes[i] = 0
        others = len(self.names) - 1
        share = float(wins.sum()) / others
        gradient = -slopes / others
        gradient[i] += float(slopes.sum()) / others
        error = sqrt(max(float(gradient @ c @ gradient) for c in self._covariances))
        inner = min(1 - _EXACT, max(_EXACT, share))
        odds = float(np.log(inner) - np.log1p(-inner))
        return self._probability(odds, error / (inner * (1 - inner)), int(self.votes[i]))

    def places(self, one: str) -> tuple[int, int]:
        """The best and the worst place that `one` may have: plainly better engines come before it, plainly worse after.

        Each pair is judged by its own interval, so that a place is as sure as its pairs are, not surer.

        Raises:
            InputError: Nobody voted on it.
        """
        i = self._place(one)
        gaps = self.values - self.values[i]
        apart = np.abs(gaps) > self.critical * self._errors(i) + _EXACT
        return 1 + int((apart & (gaps > 0)).sum()), len(self.names) - int((apart & (gaps < 0)).sum())

    def _errors(self, i: int) -> FloatArray:
        """The standard errors of one engine's distance to every other."""
        squares = [c[i, i] + c.diagonal() - 2 * c[i] for c in self._covariances]
        found: FloatArray = np.sqrt(np.maximum(0.0, np.max(squares, axis=0)))
        return found

    def _place(self, name: str) -> int:
        if name not in self._index:
            raise InputError(f"Nobody voted on {name!r}.", fix=f"Name one of: {', '.join(self.names[:10])}.")
        return self._index[name]

    def _probability(self, odds: float, error: float, n: int) -> Interval:
        reach = self.critical * error
        value, low, high = (
            float(_logistic(np.array(max(-_LARGEST, min(_LARGEST, at))))) for at in (odds, odds - reach, odds + reach)
        )
        return Interval(value=value, low=low, high=high, n=n)


def strengths(
    first: Sequence[str],
    second: Sequence[str],
    scores: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    style: Mapping[str, Sequence[float]] | None = None,
    weights: Sequence[float] | None = None,
    prior: float = PRIOR,
    alpha: float = ALPHA,
) -> Strengths:
    """Strengths of engines from votes on pairs.

    The prior is one tie of every engine with an average one, and counts in the standard errors as one vote. Without it an
    engine that always won would be infinitely strong. Beside it stands one on each style effect, of ten log-odds.

    Errors are robust ones, but never smaller than the model's own: of votes that all went one way, or that all were ties, a
    robust error sees no spread. Ties spread less than the model says, by their share, of the pair and of all votes, if one
    more vote were decided. What the prior adds is never taken off.

    Args:
        first: The one engine of each vote.
        second: The other.
        scores: 1 prefers the first, 0 the second, 0.5 neither; anything between is allowed.
        clusters: One label per vote (a voter, a question); None takes votes as independent.
        style: Style features by name: the first answer's minus the second's, one number per vote, in any unit. Strengths
            are then those at equal style (Li, Angelopoulos and Chiang 2024).
        weights: How often each vote counts; None counts each once.
        prior: How many such ties every engine is given; 0 needs votes that tie all engines together.
        alpha: Two-sided error rate of the intervals.

    Raises:
        InputError: There is no vote, lengths differ, an engine is compared with itself, a number is out of its range, a single
            cluster, too many engines, or (without prior) votes that leave a strength infinite or unknown.
    """
    if prior < 0:
        raise InputError(f"The prior is {prior:g}, but is a number of ties.", fix="Give 0 or more.")
    votes = pairings.read(first, second, scores, weights, style or {})
    groups = np.arange(len(votes.scores)) if clusters is None else _grouped(clusters, len(votes.scores))
    count = int(groups.max()) + 1
    critical = normal_quantile(1 - alpha / 2) if clusters is None else t_quantile(1 - alpha / 2, count - 1)
    seen = votes.with_prior(prior) if prior else votes
    if prior:
        groups = np.concatenate([groups, count + np.arange(len(votes.names))])
    found, inverse = _fit(seen, alone=not prior)
    residuals = (seen.scores - _logistic(seen.odds(found))) * seen.weights
    robust = inverse @ _meat(seen, residuals, groups, plain=clusters is None) @ inverse
    chance = _logistic(votes.odds(found))
    tied = votes.information(votes.weights * chance * (1 - chance) * (1 - _decided(votes, groups[: len(votes.scores)])))
    covariances = [robust, inverse - inverse @ tied @ inverse]
    k = len(votes.names)
    effects = [
        Style(name, _around(found[k + i], critical * sqrt(max(c[k + i, k + i] for c in covariances)), len(first)))
        for i, name in enumerate(style or {})
    ]
    centre = np.eye(k) - 1 / k
    stood = np.bincount(votes.one, minlength=k) + np.bincount(votes.other, minlength=k)
    return Strengths(
        votes.names,
        found[:k] - found[:k].mean(),
        [centre @ c[:k, :k] @ centre for c in covariances],
        stood,
        tuple(effects),
        critical,
    )


def _fit(votes: Votes, *, alone: bool) -> tuple[FloatArray, FloatArray]:
    """Newton's method; returns the coefficients and the inverse of their information."""
    k, size = len(votes.names), len(votes.names) + votes.extras.shape[1]
    ridge = np.zeros((size, size))
    ridge[k:, k:] = (_FAINT if alone else _WEAK) * np.eye(size - k)
    if alone:  # strengths are differences: without a prior their mean has to be held
        ridge[:k, :k] = 1 / k
    found: FloatArray = np.zeros(size)
    for _ in range(_STEPS):
        chance = _logistic(votes.odds(found))
        try:
            information = votes.information(votes.weights * chance * (1 - chance))
            inverse: FloatArray = np.asarray(np.linalg.inv(information + ridge), dtype=np.float64)
        except np.linalg.LinAlgError:
            break
        step = inverse @ (votes.gradient(votes.weights * (votes.scores - chance)) - ridge @ found)
        largest = float(np.abs(step).max())
        if not np.isfinite(largest) or float(np.abs(found).max()) > _INFINITE:
            break
        found += step * min(1.0, _FURTHEST / max(_EXACT, largest))
        if largest < _EXACT * (1 + float(np.abs(found).max())):
            return found, inverse
    raise InputError(
        "These votes leave a strength infinite or unknown: someone always won, or two groups never met.",
        fix="Give a prior above 0.",
    )


def _decided(votes: Votes, groups: Codes) -> FloatArray:
    """How much of a vote's variance is left beside ties, for each vote: 1 where none can be, 0 where all must be.

    One more decided vote is counted in, as large as a group of votes is (Kish's effective number of them). A pair's share
    is drawn towards that of all votes by as much, and never taken below it: few ties of two engines tell little.
    """
    split = votes.weights * (1 - 4 * votes.scores * (1 - votes.scores))
    sizes = np.bincount(groups, weights=votes.weights)
    more = float(sizes @ sizes) / float(sizes.sum())
    overall = float((split.sum() + more) / (votes.weights.sum() + more))
    low, high = np.minimum(votes.one, votes.other), np.maximum(votes.one, votes.other)
    _, pair = np.unique(low * len(votes.names) + high, return_inverse=True)
    by_pair = (np.bincount(pair, weights=split) + more * overall) / (np.bincount(pair, weights=votes.weights) + more)
    found: FloatArray = np.maximum(overall, by_pair)[pair]
    return found


def _meat(votes: Votes, residuals: FloatArray, groups: Codes, *, plain: bool) -> FloatArray:
    """The sum over clusters of the outer products of their scores, with G / (G - 1)."""
    count = int(groups.max()) + 1
    factor = count / max(1, count - 1)
    if plain:
        return votes.information(residuals**2) * factor
    from scipy.sparse import csr_matrix

    k = len(votes.names)
    values = np.concatenate([residuals, -residuals])
    places = np.concatenate([groups, groups]), np.concatenate([votes.one, votes.other])
    by_engine = csr_matrix((values, places), shape=(count, k + 1))[:, :k]
    columns = [np.bincount(groups, weights=residuals * column, minlength=count) for column in votes.extras.T]
    by_style = np.column_stack(columns) if columns else np.zeros((count, 0))
    across = by_engine.T @ by_style
    return np.block([[(by_engine.T @ by_engine).toarray(), across], [across.T, by_style.T @ by_style]]) * factor


def _grouped(clusters: Sequence[Hashable], votes: int) -> Codes:
    if len(clusters) != votes:
        raise InputError(f"There are {votes:,} votes and {len(clusters):,} clusters.", fix="Give one label per vote.")
    codes = codes_of(clusters)
    if int(codes.max()) + 1 < _TWO:
        raise InputError("All votes are of one cluster.", fix="Collect votes of several, or give no clusters.")
    return codes


def _around(value: float, half: float, n: int) -> Interval:
    return Interval(value=float(value), low=float(value - half), high=float(value + half), n=n)


def _logistic(x: FloatArray) -> FloatArray:
    found: FloatArray = np.exp(-np.logaddexp(0, -x))
    return found
