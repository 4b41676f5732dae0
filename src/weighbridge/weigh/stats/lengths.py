"""The win rate at equal length: what a judge would prefer if it could not reward the longer answer.

The model is that of AlpacaEval 2 (Dubois, Galambosi, Liang and Hashimoto 2024): the log-odds of a preference are an
intercept, plus the tanh of the standardised difference of length, plus how hard the question is. The length-controlled
win rate is the mean over questions of what the model says without its length term.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import exp, inf, log, sqrt

import numpy as np
from msgspec import Struct

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import (
    ALPHA,
    Bounds,
    Codes,
    FloatArray,
    codes_of,
    fractions,
    mean_interval,
    spread,
    t_quantile,
    wilson,
)
from weighbridge.weigh.types import Interval

PRIOR = (
    0.01  #: precision of each coefficient around 0: a standard deviation of 10 in log-odds, so that none is infinite
)
_FEW = 10  # preferences; fewer cannot tell length from quality
_STEPS = 100
_EXACT = 1e-10
_EDGE = 1e-9
_STEEPEST = 10.0  # the largest change of a coefficient in one step
_PARTS = 3


class Controlled(Struct, frozen=True):
    """A win rate as it is, and as it would be at equal length.

    `length` is how many log-odds the candidate gains where its answer is one unit of tanh longer, `difficulty` what it gains
    per unit of difficulty; None where difficulty was not given.
    """

    raw: Interval
    controlled: Interval
    length: Interval
    difficulty: float | None


def controlled(
    scores: Sequence[float],
    differences: Sequence[float],
    clusters: Sequence[Hashable] | None = None,
    *,
    difficulty: Sequence[float] | None = None,
    alpha: float = ALPHA,
) -> Controlled | None:
    """The length-controlled win rate, with an interval that allows for the fitted coefficients and the drawn questions.

    The standard error is robust (a sandwich), by clusters where they are given; the interval is symmetric in log-odds, with
    Student's t. Near 0 or 1 a robust error sees hardly any spread: in log-odds no end is nearer than Wilson's of the plain
    win rate, times what the model's own error of the win rate grows by where length is taken out. Coefficients have a weak prior, where AlpacaEval has a cross-validated L1 penalty and two extra baselines of
    its own: `benchmarks/published.py` prints how far the two are apart. Without `difficulty` they are different figures.

    Args:
        scores: 1 prefers the candidate, 0 the base; anything between is allowed.
        differences: Length of the candidate's answer minus the base's, in any unit.
        clusters: One label per preference; None takes them as independent.
        difficulty: How hard each question is, in any unit; None leaves the term out.
        alpha: Two-sided error rate.

    Returns:
        None of fewer than ten preferences or of one cluster, which cannot tell length from quality.

    Raises:
        InputError: Lengths differ, a score is no fraction, or a number is not finite.
    """
    y, x = _arrays(scores, differences, difficulty)
    if clusters is not None and len(clusters) != len(y):
        raise InputError("There is not one cluster per preference.", fix="Give one label per preference, or none.")
    groups = np.arange(len(y)) if clusters is None else codes_of(clusters)
    count = int(groups.max()) + 1 if len(y) else 0
    if len(y) < _FEW or count < _PARTS:
        return None
    fitted = fit(x, y)
    probability = _logistic(x @ fitted)
    slope = np.linalg.inv((x * (probability * (1 - probability))[:, None]).T @ x + PRIOR * np.eye(x.shape[1]))
    # How much each preference moves the coefficients, and with the question's own place the win rate.
    moves = (x * (y - probability)[:, None]) @ slope
    equal = x.copy()
    equal[:, 1] = 0
    rates = _logistic(equal @ fitted)
    rate = float(rates.mean())
    gradient = (equal * (rates * (1 - rates))[:, None]).mean(axis=0)
    errors = [_error(values, groups, count) for values in (moves @ gradient + (rates - rate) / len(y), moves[:, 1])]
    critical = t_quantile(1 - alpha / 2, count - 1 if clusters is not None else len(y) - x.shape[1])
    split = _split(y, probability)
    errors[1] = max(errors[1], sqrt(split * float(slope[1, 1])))
    of_model = sqrt(float(gradient @ slope @ gradient) + float(rates.var()) / len(y))
    inner = min(1 - _EDGE, max(_EDGE, rate))
    reach = critical * errors[0] / (inner * (1 - inner))
    least = _least(y, clusters, split, of_model / (inner * (1 - inner)), alpha)
    coefficient = float(fitted[1])
    return Controlled(
        raw=mean_interval(y.tolist(), clusters, alpha=alpha),
        controlled=_in_odds(rate, max(reach, least.low), max(reach, least.high), len(y)),
        length=Interval(
            value=coefficient, low=coefficient - critical * errors[1], high=coefficient + critical * errors[1], n=len(y)
        ),
        difficulty=float(fitted[2]) if difficulty is not None else None,
    )


def at_equal_length(scores: Sequence[float], differences: Sequence[float]) -> Interval | None:
    """The share that would prefer the candidate at equal length; None where there is too little to tell."""
    found = controlled(scores, differences)
    return found.controlled if found else None


def fit(x: FloatArray, y: FloatArray, *, prior: float = PRIOR) -> FloatArray:
    """Coefficients of a logistic model of fractions, by Newton's method with a weak normal prior around 0.

    Args:
        x: One row per value, one column per coefficient.
        y: Fractions.
        prior: Precision of the prior.
    """
    found: FloatArray = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        probability = _logistic(x @ found)
        slope = (x * (probability * (1 - probability))[:, None]).T @ x + prior * np.eye(x.shape[1])
        step = np.linalg.solve(slope, x.T @ (y - probability) - prior * found)
        found = found + step * min(1.0, _STEEPEST / max(_EXACT, float(np.abs(step).max())))
        if float(np.abs(step).max()) < _EXACT:
            break
    return found


def _arrays(
    scores: Sequence[float], differences: Sequence[float], difficulty: Sequence[float] | None
) -> tuple[FloatArray, FloatArray]:
    if len(scores) != len(differences) or (difficulty is not None and len(difficulty) != len(scores)):
        raise InputError(
            f"There are {len(scores):,} preferences and {len(differences):,} differences of length.",
            fix="Give one difference of length (and one difficulty) per preference.",
        )
    y: FloatArray = np.asarray(scores, dtype=np.float64)
    columns = [np.ones(len(y)), standardised(differences)]
    if difficulty is not None:
        columns.append(np.asarray(difficulty, dtype=np.float64))
    x = np.column_stack(columns)
    if not np.isfinite(x).all() or not ((y >= 0) & (y <= 1)).all():
        raise InputError(
            "A preference is no fraction, or a length no finite number.", fix="Leave out pairs that nobody judged."
        )
    return y, x


def standardised(differences: Sequence[float]) -> FloatArray:
    """The tanh of differences in units of their standard deviation; all 0 where every one is."""
    values: FloatArray = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or not (values != 0).any():  # noqa: PLR2004 - a single value has no spread
        return np.zeros(len(values))
    spread = float(values.std(ddof=1))
    if spread == 0:  # all differ by the same: length cannot be told from the intercept, and the prior shares it out
        return np.tanh(np.sign(values))
    return np.tanh(values / spread)


def _error(influence: FloatArray, groups: Codes, count: int) -> float:
    sums = np.bincount(groups, weights=influence)
    return sqrt(float(sums @ sums) * count / (count - 1))


def _split(y: FloatArray, probability: FloatArray) -> float:
    """What is left of the variance of wins and losses beside ties and other fractions, if one more were a win or a loss."""
    whole = probability * (1 - probability)
    return float(1 - max(0.0, min(1.0, (y * (1 - y)).sum() / whole.sum())) * len(y) / (len(y) + 1))


def _least(y: FloatArray, clusters: Sequence[Hashable] | None, split: float, error: float, alpha: float) -> Bounds:
    """How far the ends lie away at least, in log-odds: as Wilson's of the plain win rate, in units of the model's errors."""
    of = spread(fractions(y), clusters)
    ends = wilson(of.mean, of.effective / split, of.critical(alpha / 2, scored=True))
    plain = fit(np.ones((len(y), 1)), y)
    chance = float(_logistic(plain)[0])
    wider = max(1.0, error * sqrt(len(y) * chance * (1 - chance) + PRIOR))
    return Bounds(wider * (float(plain[0]) - _odds(ends.low)), wider * (_odds(ends.high) - float(plain[0])))


def _odds(share: float) -> float:
    """Log-odds, infinite at 0 and 1."""
    return log(share / (1 - share)) if 0 < share < 1 else (share - 0.5) * inf


def _in_odds(rate: float, down: float, up: float, n: int) -> Interval:
    """An interval around a rate whose ends lie so far away in log-odds: it stays a share."""
    middle = _odds(min(1 - _EDGE, max(_EDGE, rate)))
    low, high = (1 / (1 + exp(-max(-700.0, min(700.0, end)))) for end in (middle - down, middle + up))
    return Interval(value=rate, low=min(rate, low), high=max(rate, high), n=n)


def _logistic(x: FloatArray) -> FloatArray:
    found: FloatArray = np.exp(-np.logaddexp(0, -x))
    return found
