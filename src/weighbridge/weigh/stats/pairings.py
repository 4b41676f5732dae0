"""Votes on pairs of engines as numbers: what a model of strengths is fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import Codes, FloatArray

MOST = 2_000  #: engines; all pairs of them are kept in memory
_SAME = 1e-9  # of the largest value: a column that varies by less is constant but for rounding


class Votes(NamedTuple):
    """Votes as numbers. An engine's number beyond those with a name is the average engine, whose strength is 0."""

    names: list[str]
    one: Codes
    other: Codes
    scores: FloatArray
    weights: FloatArray
    extras: FloatArray  #: a row per vote, a column per style feature

    def with_prior(self, ties: float) -> Votes:
        """The same, and a tie of every engine with the average one."""
        k = len(self.names)
        return self._replace(
            one=np.concatenate([self.one, np.arange(k)]),
            other=np.concatenate([self.other, np.full(k, k)]),
            scores=np.concatenate([self.scores, np.full(k, 0.5)]),
            weights=np.concatenate([self.weights, np.full(k, ties)]),
            extras=np.vstack([self.extras, np.zeros((k, self.extras.shape[1]))]),
        )

    def odds(self, coefficients: FloatArray) -> FloatArray:
        """The log-odds of each vote for its first engine."""
        k = len(self.names)
        values = np.append(coefficients[:k], 0.0)
        found: FloatArray = values[self.one] - values[self.other] + self.extras @ coefficients[k:]
        return found

    def gradient(self, residuals: FloatArray) -> FloatArray:
        """Sums of residuals along the design."""
        return np.concatenate([self._by_engine(residuals), residuals @ self.extras])

    def information(self, weights: FloatArray) -> FloatArray:
        """The design's weighted cross product."""
        k = len(self.names)
        flat = np.bincount(self.one * (k + 1) + self.other, weights=weights, minlength=(k + 1) ** 2)
        met: FloatArray = flat.reshape(k + 1, k + 1).astype(np.float64)
        met += met.T.copy()
        engines = (np.diag(met.sum(axis=1)) - met)[:k, :k]
        weighted = self.extras * weights[:, None]
        across = [self._by_engine(column) for column in weighted.T]
        side = np.column_stack(across) if across else np.zeros((k, 0))
        return np.block([[engines, side], [side.T, weighted.T @ self.extras]])

    def _by_engine(self, values: FloatArray) -> FloatArray:
        k = len(self.names)
        sums = np.bincount(self.one, weights=values, minlength=k + 1)
        sums = sums - np.bincount(self.other, weights=values, minlength=k + 1)
        return sums[:k].astype(np.float64)


def read(
    first: Sequence[str],
    second: Sequence[str],
    scores: Sequence[float],
    weights: Sequence[float] | None,
    style: Mapping[str, Sequence[float]],
) -> Votes:
    """Votes as numbers, checked; style features in units of their standard deviations.

    Raises:
        InputError: See `strength.strengths`.
    """
    names, one, other = _engines(first, second)
    n = len(one)
    columns = [_numbers(f"style {name!r}", values, n) for name, values in style.items()]
    return Votes(
        names,
        one,
        other,
        _numbers("score", scores, n, low=0.0, high=1.0),
        np.ones(n) if weights is None else _weights(weights, n),
        np.column_stack([column / _scale(column) for column in columns]) if columns else np.zeros((n, 0)),
    )


def _scale(column: FloatArray) -> float:
    """The standard deviation of a feature, or where it is constant its size, so that its unit never matters."""
    largest = float(np.abs(column).max())
    spread = float((column / largest).std()) if largest else 0.0
    return largest * (spread if spread > _SAME else 1.0) or 1.0


def _weights(weights: Sequence[float], votes: int) -> FloatArray:
    found = _numbers("weight", weights, votes, low=0.0)
    if not found.any():
        raise InputError("No vote counts: all weights are 0.", fix="Give some votes a weight above 0, or no weights.")
    return found


def _engines(first: Sequence[str], second: Sequence[str]) -> tuple[list[str], Codes, Codes]:
    if len(first) != len(second) or not first:
        raise InputError(
            f"There are votes with {len(first):,} first and {len(second):,} second engines.", fix="Give both."
        )
    names = list(dict.fromkeys(name for pair in zip(first, second, strict=True) for name in pair))
    if len(names) > MOST:
        raise InputError(f"There are {len(names):,} engines; at most {MOST:,} are compared.", fix="Leave some out.")
    place = {name: i for i, name in enumerate(names)}
    one, other = (np.fromiter((place[name] for name in side), dtype=np.intp) for side in (first, second))
    same = np.flatnonzero(one == other)
    if len(same):
        raise InputError(f"Vote {same[0] + 1} compares {first[same[0]]!r} with itself.", fix="Leave such votes out.")
    return names, one, other


def _numbers(
    what: str, values: Sequence[float], votes: int, *, low: float = -np.inf, high: float = np.inf
) -> FloatArray:
    found: FloatArray = np.asarray(values, dtype=np.float64)
    if len(found) != votes:
        raise InputError(f"There are {votes:,} votes, but {what} has {len(found):,} numbers.", fix="Give one per vote.")
    bad = np.flatnonzero(~(np.isfinite(found) & (found >= low) & (found <= high)))
    if len(bad):
        raise InputError(f"Vote {bad[0] + 1} has {what} {found[bad[0]]:g}.", fix="Correct it, or leave the vote out.")
    return found
