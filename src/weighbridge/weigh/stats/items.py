"""One ability per engine from many suites, though not every engine took every suite: the 1PL model of item response theory.

The log-odds that an engine solves an item are its ability minus the item's difficulty (Rasch 1960). Difficulties are
random, around a mean of each suite's own, and are integrated out (marginal maximum likelihood, Bock and Aitkin 1981), so
that few engines do not make abilities spread too far. A suite that all find hard counts for no less than an easy one.

Standard errors are the larger of a robust one (a sandwich) and the model's own, weak prior included: of an engine that
solved everything, or of engines that no suite links, a robust error sees no spread at all.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import log, sqrt
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import ALPHA, Codes, FloatArray, codes_of, normal_quantile, t_quantile
from weighbridge.weigh.types import Interval

SCALE = 200 / log(3)  #: points per unit of log-odds: 200 points are three times the odds, as NIST CAISI tells abilities
MIDDLE = 1000.0  #: points of the engines' mean ability
MOST = 500  #: engines and suites, of each
_WIDE = 5.0  # log-odds: standard deviation of the weak prior of abilities, so that all-or-nothing engines stay finite
_LOOSE = 1.0  # the same of the logarithm of a suite's spread of difficulty
_FAR = 100.0  # the same of a suite's mean difficulty, which is infinite where nobody ever fails
_NODES = 31
_TWO = 2
_STEP = 1e-4
_STEEP = 1e-6


class Answer(NamedTuple):
    """How one engine did on one item: `right` of `tries` answers."""

    engine: str
    suite: str
    item: Hashable
    right: float
    tries: float = 1


class Ability(Struct, frozen=True):
    """An engine's ability in points, `se` its standard error; `answers` how many answers it rests on."""

    engine: str
    points: Interval
    se: float
    answers: int


class Abilities:
    """Abilities of engines and what their differences mean.

    Attributes:
        engines: In the order of their first answer.
        values: Abilities in log-odds, around a mean of 0.
        groups: Engines that suites link, directly or over others. What lies between two groups is unknown: gaps there are
            the prior's, and so wide.
        extreme: Engines that solved everything or nothing. How far they are away is the prior's word alone.
        difficulty: Each suite's mean difficulty and its spread over items, in log-odds.
        critical: Standard errors to either side of an interval.
    """

    def __init__(
        self,
        engines: Sequence[str],
        values: FloatArray,
        covariances: Sequence[FloatArray],
        difficulty: dict[str, tuple[float, float]],
        read: Read,
        critical: float,
    ) -> None:
        self.engines = tuple(engines)
        self.values = values
        self.difficulty = difficulty
        self.critical = critical
        self.groups = _linked(read)
        right, tries = read.right.sum(axis=0), read.tries.sum(axis=0)
        self.extreme = tuple(name for i, name in enumerate(engines) if right[i] in {0, tries[i]})
        self._covariances = covariances
        self._answers = tuple(int(n) for n in tries)

    def ability(self, engine: str) -> Ability:
        """An engine's ability against the mean of all engines, which stands at 1,000 points.

        Raises:
            InputError: It answered nothing.
        """
        i = self._place(engine)
        se = SCALE * sqrt(max(0.0, *(float(c[i, i]) for c in self._covariances)))
        return Ability(engine, self._points(MIDDLE + SCALE * float(self.values[i]), se, i), se, self._answers[i])

    def gap(self, one: str, other: str) -> Interval:
        """By how many points `one` is more able than `other`: 200 are three times the odds of solving an item.

        Raises:
            InputError: One of them answered nothing.
        """
        i, j = self._place(one), self._place(other)
        se = SCALE * sqrt(max(0.0, *(float(c[i, i] + c[j, j] - 2 * c[i, j]) for c in self._covariances)))
        return self._points(SCALE * float(self.values[i] - self.values[j]), se, i)

    def _place(self, engine: str) -> int:
        if engine not in self.engines:
            raise InputError(f"{engine!r} answered nothing.", fix=f"Name one of: {', '.join(self.engines[:10])}.")
        return self.engines.index(engine)

    def _points(self, value: float, se: float, i: int) -> Interval:
        half = self.critical * se
        return Interval(value=value, low=value - half, high=value + half, n=self._answers[i])


def abilities(
    answers: Sequence[Answer], *, clusters: Sequence[Hashable] | None = None, alpha: float = ALPHA
) -> Abilities:
    """Abilities of engines by marginal maximum likelihood with a weak normal prior.

    Standard errors are robust, by items, or by clusters of items where they are given, and never smaller than the model's
    own: the square root of the inverse curvature of the log posterior.

    Args:
        answers: What engines did on items; an item is one of its suite. An engine need not have taken all.
        clusters: One label per answer that joins items which are not independent; all answers to one item have one label.
        alpha: Two-sided error rate.

    Raises:
        InputError: There is no answer, fewer than two engines or two items, more right than tries, an item of two clusters, or
            too many engines or suites.
    """
    from scipy.optimize import minimize

    read = read_answers(answers, clusters)
    k, suites = len(read.engines), len(read.suites)
    start = np.concatenate([np.zeros(k + suites), np.zeros(suites)])
    found = minimize(_objective, start, args=(read,), jac=True, method="BFGS", tol=_STEEP)
    at: FloatArray = np.asarray(found.x, dtype=np.float64)
    inverse = np.linalg.inv(_curvature(at, read))
    scores = _sums(_item_scores(at, read)[1], read.groups)
    count = len(scores)
    robust = inverse @ (scores.T @ scores) @ inverse * count / (count - 1)
    centre = np.eye(k) - 1 / k
    critical = normal_quantile(1 - alpha / 2) if clusters is None else t_quantile(1 - alpha / 2, count - 1)
    return Abilities(
        read.engines,
        at[:k] - at[:k].mean(),
        [centre @ c[:k, :k] @ centre for c in (robust, inverse)],
        {
            name: (float(at[k + i] - at[:k].mean()), float(np.exp(at[k + suites + i])))
            for i, name in enumerate(read.suites)
        },
        read,
        critical,
    )


class Read(NamedTuple):
    """Answers as tables of items by engines."""

    engines: list[str]
    suites: list[str]
    items: list[tuple[str, Hashable]]  #: suite and item of each row
    right: FloatArray  #: items by engines
    tries: FloatArray
    suite: Codes  #: of each item
    groups: Codes  #: of each item


def read_answers(answers: Sequence[Answer], clusters: Sequence[Hashable] | None) -> Read:
    """The tables of `answers`; see `abilities` for the arguments and for what is refused."""
    if clusters is not None and len(clusters) != len(answers):
        raise InputError(f"There are {len(answers):,} answers and {len(clusters):,} clusters.", fix="Give one each.")
    engines = list(dict.fromkeys(one.engine for one in answers))
    suites = list(dict.fromkeys(one.suite for one in answers))
    items = list(dict.fromkeys((one.suite, one.item) for one in answers))
    if len(engines) < _TWO or len(items) < _TWO:
        raise InputError(
            f"There are answers of {len(engines)} engines to {len(items)} items.",
            fix="Abilities need two engines and two items at least.",
        )
    if max(len(engines), len(suites)) > MOST:
        raise InputError(f"There are more than {MOST} engines or suites.", fix="Leave some out.")
    place = {name: i for i, name in enumerate(engines)}, {key: i for i, key in enumerate(items)}
    right, tries = np.zeros((2, len(items), len(engines)))
    labels: dict[int, Hashable] = {}
    for number, one in enumerate(answers):
        if not 0 <= one.right <= one.tries < np.inf:
            raise InputError(
                f"{one.engine!r} was right in {one.right:g} of {one.tries:g} tries of item {one.item!r}.",
                fix="Give at most as many right answers as tries.",
            )
        i, j = place[1][one.suite, one.item], place[0][one.engine]
        right[i, j] += one.right
        tries[i, j] += one.tries
        label = i if clusters is None else clusters[number]
        if labels.setdefault(i, label) != label:
            raise InputError(f"Item {one.item!r} is in two clusters.", fix="Give all answers to an item one label.")
    of = {name: i for i, name in enumerate(suites)}
    suite = np.array([of[name] for name, _ in items], dtype=np.intp)
    groups = codes_of([labels[i] for i in range(len(items))])
    if int(groups.max()) < 1:
        raise InputError("All items are of one cluster.", fix="Take items of several, or give no clusters.")
    return Read(engines, suites, items, right, tries, suite, groups)


def _linked(read: Read) -> tuple[tuple[str, ...], ...]:
    """The engines in groups that no suite joins: who took one suite is compared by it, be it by other items of it."""
    groups = [{i} for i in range(len(read.engines))]
    for suite in range(len(read.suites)):
        took = set(np.flatnonzero(read.tries[read.suite == suite].any(axis=0)).tolist())
        joined = took.union(*(one for one in groups if one & took))
        groups = [one for one in groups if not one & joined] + ([joined] if joined else [])
    return tuple(tuple(read.engines[i] for i in sorted(one)) for one in sorted(groups, key=min))


def _objective(at: FloatArray, read: Read) -> tuple[float, FloatArray]:
    """The negative log posterior and its gradient: abilities, suites' means, logarithms of their spreads."""
    total, scores = _item_scores(at, read)
    k, suites = len(read.engines), len(read.suites)
    precision = np.zeros(len(at))
    precision[:k] = 1 / _WIDE**2
    precision[k : k + suites] = 1 / _FAR**2
    precision[k + suites :] = 1 / _LOOSE**2
    return -total + 0.5 * float(precision @ at**2), -scores.sum(axis=0) + precision * at


def _item_scores(at: FloatArray, read: Read) -> tuple[float, FloatArray]:
    """The log likelihood, and each item's gradient of it."""
    k, suites = len(read.engines), len(read.suites)
    nodes, masses = np.polynomial.hermite_e.hermegauss(_NODES)
    spread = np.exp(at[k + suites :])[read.suite]
    difficulty = at[k : k + suites][read.suite][:, None] + spread[:, None] * nodes  # items by nodes
    logs = np.tile(np.log(masses / masses.sum()), (len(read.suite), 1))
    for j in range(k):
        odds = at[j] - difficulty
        logs += read.right[:, j, None] * odds - read.tries[:, j, None] * np.logaddexp(0, odds)
    top = logs.max(axis=1, keepdims=True)
    shares = np.exp(logs - top)
    norm = shares.sum(axis=1, keepdims=True)
    shares /= norm
    pulled = np.zeros(difficulty.shape)
    gradient = np.zeros((len(read.suite), len(at)))
    for j in range(k):  # once more, engine by engine: memory stays items by nodes
        solved = np.exp(-np.logaddexp(0, difficulty - at[j]))
        residuals = (read.right[:, j, None] - read.tries[:, j, None] * solved) * shares
        gradient[:, j] = residuals.sum(axis=1)
        pulled -= residuals
    rows = np.arange(len(read.suite))
    gradient[rows, k + read.suite] = pulled.sum(axis=1)
    gradient[rows, k + suites + read.suite] = spread * (pulled @ nodes)
    return float((top + np.log(norm)).sum()), gradient


def _curvature(at: FloatArray, read: Read) -> FloatArray:
    """The Hessian of the objective by central differences of its gradient."""
    columns: list[Any] = []
    for i in range(len(at)):
        move = np.zeros(len(at))
        move[i] = _STEP
        columns.append((_objective(at + move, read)[1] - _objective(at - move, read)[1]) / (2 * _STEP))
    found: FloatArray = np.column_stack(columns)
    return (found + found.T) / 2


def _sums(values: FloatArray, groups: Codes) -> FloatArray:
    found = np.zeros((int(groups.max()) + 1, values.shape[1]))
    np.add.at(found, groups, values)
    return found
