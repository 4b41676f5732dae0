"""How hard each item is, and whether the able solve it rather than the others: what finds an item with a wrong key.

A difficulty is the mean of its posterior, given the abilities and how the suite's difficulties are spread; its interval
takes the abilities as known. An item that nobody solved, or everybody, so has a finite one.

In the 1PL model it is chance who solves an item once it is known how many do: the odds of a pattern of right answers are
exp(the sum of the solvers' abilities), whatever the difficulty (Rasch 1960; as a test, Ponocny 2001). `chance` is how
likely so small a sum is. It is exact where patterns are few, else a normal approximation with that law's own moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, erf, log, prod, sqrt

import numpy as np
from msgspec import Struct

from weighbridge.weigh.stats.items import MIDDLE, SCALE, Abilities, Answer, Read, read_answers
from weighbridge.weigh.stats.means import ALPHA, FloatArray
from weighbridge.weigh.stats.several import benjamini_hochberg
from weighbridge.weigh.types import Interval

_GRID: FloatArray = np.linspace(-6.0, 6.0, 241)  # spreads of a suite around its mean
_CHUNK = 4096  # items at once
_PATTERNS = 4096  # right answers of an item's engines, that are counted one by one
_TRIES = 30  # of one engine at one item; more would be weighed with numbers beyond all bounds
_SAME = 1e-9


class Difficulty(Struct, frozen=True):
    """One item. `points` is its difficulty: an engine that stands at as many solves it half of the time.

    `solved` of `tries` answers were right. `chance` is how likely it is that the solvers are no more able than they are;
    None where all or none were right, scores are fractions, or an engine tried more than 30 times. `adjusted` is the same
    with all items in view: of those listed up to a level, that share is listed wrongly (Benjamini and Hochberg 1995).
    """

    suite: str
    item: str
    points: Interval
    solved: float
    tries: float
    chance: float | None = None
    adjusted: float | None = None


def difficulties(found: Abilities, answers: Sequence[Answer], *, alpha: float = ALPHA) -> list[Difficulty]:
    """Every item's difficulty, in the order of its first answer.

    Args:
        found: What `abilities` made of the same answers.
        answers: What engines did on items.
        alpha: Two-sided error rate of the intervals.

    Raises:
        InputError: As for `abilities`.
    """
    read = read_answers(answers, None)
    values = np.array([found.values[found.engines.index(name)] for name in read.engines])
    points = _points(found, read, values, alpha)
    chances = _chances(read, values)
    known = [chance for chance in chances if chance is not None]
    adjusted = iter(benjamini_hochberg(known))
    solved, tries = read.right.sum(axis=1), read.tries.sum(axis=1)
    return [
        Difficulty(
            suite,
            str(item),
            points[i],
            float(solved[i]),
            float(tries[i]),
            chances[i],
            None if chances[i] is None else next(adjusted),
        )
        for i, (suite, item) in enumerate(read.items)
    ]


def _points(found: Abilities, read: Read, values: FloatArray, alpha: float) -> list[Interval]:
    made: list[Interval] = []
    told = [found.difficulty[name] for name in read.suites]
    means, spreads = (np.array(column)[read.suite] for column in zip(*told, strict=True))
    for start in range(0, len(read.items), _CHUNK):
        rows = slice(start, start + _CHUNK)
        at = means[rows, None] + spreads[rows, None] * _GRID
        logs = np.tile(-0.5 * _GRID**2, (len(at), 1))
        for j, ability in enumerate(values):
            odds = ability - at
            logs += read.right[rows, j, None] * odds - read.tries[rows, j, None] * np.logaddexp(0, odds)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        below = np.cumsum(shares, axis=1)
        low, high = ((below >= share).argmax(axis=1) for share in (alpha / 2, 1 - alpha / 2))
        tries = read.tries[rows].sum(axis=1)
        for i, mean in enumerate((shares * at).sum(axis=1)):
            ends = [MIDDLE + SCALE * float(at[i, end]) for end in (low[i], high[i])]
            made.append(Interval(MIDDLE + SCALE * float(mean), ends[0], ends[1], n=int(tries[i])))
    return made


def _chances(read: Read, values: FloatArray) -> list[float | None]:
    """For each item, how likely it is that its solvers are no more able than they are."""
    laws: dict[bytes, _Law] = {}
    found: list[float | None] = []
    for right, tries in zip(read.right, read.tries, strict=True):
        total = right.sum()
        whole = np.array_equal(right, right.round()) and np.array_equal(tries, tries.round())
        if not whole or not 0 < total < tries.sum() or tries.max() > _TRIES:
            found.append(None)
            continue
        law = laws.get(tries.tobytes())
        if law is None:
            took = tries > 0
            law = laws[tries.tobytes()] = _Law(values[took], tries[took].astype(int))
        found.append(law.below(int(total), float(right @ values)))
    return found


class _Law:
    """How the sum of the solvers' abilities is distributed, given how many answers are right."""

    def __init__(self, values: FloatArray, tries: np.ndarray) -> None:
        self._few: tuple[np.ndarray, FloatArray, FloatArray] | None = None
        if prod(int(n) + 1 for n in tries) <= _PATTERNS:
            self._few = _patterns(values, tries)
        else:
            self._moments = _moments(values, tries)

    def below(self, total: int, reached: float) -> float:
        if self._few is not None:
            counts, sums, weights = self._few
            mine = counts == total
            return float(weights[mine & (sums <= reached + _SAME)].sum() / weights[mine].sum())
        mean, variance = self._moments[0][total], self._moments[1][total]
        if variance <= _SAME:
            return 1.0
        return 0.5 * (1 + erf((reached - mean) / sqrt(2 * variance)))


def _patterns(values: FloatArray, tries: np.ndarray) -> tuple[np.ndarray, FloatArray, FloatArray]:
    """Every way to be right: how many answers are, the sum of abilities, and its weight up to a factor."""
    counts, sums, weights = np.zeros(1, dtype=int), np.zeros(1), np.zeros(1)
    for ability, most in zip(values, tries, strict=True):
        right = np.arange(most + 1)
        ways = np.array([log(comb(int(most), int(x))) for x in right])
        counts = np.add.outer(counts, right).ravel()
        sums = np.add.outer(sums, right * ability).ravel()
        weights = np.add.outer(weights, right * ability + ways).ravel()
    return counts, sums, np.exp(weights - weights.max())


def _moments(values: FloatArray, tries: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """By how many answers are right, the mean and the variance of the sum of abilities."""
    weight, first, second = np.ones(1), np.zeros(1), np.zeros(1)
    for ability, most in zip(values, tries, strict=True):
        fresh = np.zeros((3, len(weight) + int(most)))
        for right in range(int(most) + 1):
            more = ability * right
            factor = comb(int(most), right) * np.exp(more)
            place = slice(right, right + len(weight))
            fresh[0, place] += factor * weight
            fresh[1, place] += factor * (first + more * weight)
            fresh[2, place] += factor * (second + 2 * more * first + more**2 * weight)
        weight, first, second = fresh / fresh[0].max()
    mean = first / np.maximum(weight, np.finfo(float).tiny)
    return mean, np.maximum(0.0, second / np.maximum(weight, np.finfo(float).tiny) - mean**2)
