"""Many claims at once, over axes, categories or candidates: how many of them are false."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.means import FloatArray


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: rejecting those up to alpha, the chance of any false rejection is alpha at most (Holm 1979).

    It needs no independence. p-values that hold at any time, 1 over a `Sequential.evidence`, are as good.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return _back(stepped, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: of those up to alpha, the expected share that is false is alpha at most.

    Benjamini and Hochberg (1995); it holds for independent claims and for such as depend on each other positively.
    """
    p = _checked(p_values)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * (len(p) / np.arange(1, len(p) + 1))  # in this order no rounding takes one below its p-value
    return _back(np.minimum.accumulate(stepped[::-1])[::-1], order)


def shared(alpha: float, claims: int) -> float:
    """The error rate of each of several claims, so that all hold together with 1 - alpha (Bonferroni's inequality)."""
    return alpha / max(1, claims)


def _checked(p_values: Sequence[float]) -> FloatArray:
    p = np.asarray(p_values, dtype=np.float64)
    if not ((p >= 0) & (p <= 1)).all():
        raise InputError("A p-value is not between 0 and 1.", where="several", fix="Give probabilities.")
    return p


def _back(stepped: FloatArray, order: np.ndarray) -> list[float]:
    found = np.empty(len(stepped))
    found[order] = np.minimum(1.0, stepped)
    return [float(value) for value in found]
