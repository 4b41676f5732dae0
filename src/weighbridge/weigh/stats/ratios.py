"""Ratios of sums: cost per solved sample, tokens per answer; of one engine, and of one against another on the same samples.

A ratio of means is no mean of ratios: samples that were not solved have no cost per solved sample of their own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import exp, inf, sqrt
from typing import Literal

import numpy as np

from weighbridge.errors import InputError
from weighbridge.weigh.stats.clusters import DRAWS, is_few, resamples
from weighbridge.weigh.stats.means import ALPHA, FloatArray, cluster_error, codes_of, t_quantile
from weighbridge.weigh.types import Interval

Amounts = Sequence[float] | FloatArray

_LARGEST = 700.0  # logarithm of what a float can hold, nearly


def ratio(
    top: Amounts,
    bottom: Amounts,
    clusters: Sequence[Hashable] | None = None,
    *,
    alpha: float = ALPHA,
) -> Interval:
    """The ratio of two sums over the same samples with Fieller's interval (1954).

    It takes in all ratios r at which the mean of `top - r * bottom` is no further from 0 than Student's t allows, with
    the cluster-robust error. Where the bottom itself may be 0 there is no upper end: it is infinite.

    Args:
        top: For instance each sample's cost; not negative.
        bottom: For instance each sample's score; not negative, and not all 0.
        clusters: One label per sample; None takes them as independent.
        alpha: Two-sided error rate.

    Raises:
        InputError: The lengths differ, a value is negative or no number, or the bottom is 0 throughout.
    """
    x, y = _amounts(top, "top"), _amounts(bottom, "bottom")
    codes = _codes(len(x), clusters, len(y))
    sizes = np.bincount(codes)
    value = _divided(float(x.sum()), float(y.sum()), "bottom")
    sums = np.bincount(codes, weights=x), np.bincount(codes, weights=y)
    centred = sums[0] - x.mean() * sizes, sums[1] - y.mean() * sizes
    error = cluster_error(centred[1], sizes)
    if error is None:
        return Interval(value, 0.0, inf, len(x))
    limit = t_quantile(1 - alpha / 2, error.freedom) ** 2
    weight = 1 / (1 - sizes / sizes.sum()) / len(x) ** 2
    xx, xy, yy = (float((one * two * weight).sum()) for one, two in ((centred[0],) * 2, centred, (centred[1],) * 2))
    a = y.mean() ** 2 - limit * yy
    b = x.mean() * y.mean() - limit * xy
    c = x.mean() ** 2 - limit * xx
    root = sqrt(max(0.0, b * b - a * c))
    low = max(0.0, c / (b + root)) if b + root > 0 else 0.0  # the smaller root, written so that it survives a = 0
    return Interval(value, min(value, low), (b + root) / a if a > 0 else inf, len(x))


def change(
    base: tuple[Amounts, Amounts],
    candidate: tuple[Amounts, Amounts],
    clusters: Sequence[Hashable] | None = None,
    *,
    alpha: float = ALPHA,
    method: Literal["delta", "bootstrap"] = "delta",
    seed: int = 0,
    draws: int = DRAWS,
) -> Interval:
    """How many times the base's ratio the candidate's is, on the same samples: 1 is no change, 0.5 is half.

    The interval is Student's on the log of it, with the error of its linear part (the delta method), or its
    percentile-t bootstrap over whole samples or clusters, pairs kept. The bootstrap follows skew better and needs
    eight clusters; with fewer, the delta method is used.

    Args:
        base: Tops and bottoms of the engine in use, one of each per sample; see `ratio`.
        candidate: The same of the other engine, in the same order.
        clusters: One label per sample; None takes them as independent.
        alpha: Two-sided error rate.
        method: How the interval is found.
        seed: Of the bootstrap.
        draws: Resamples of the bootstrap.

    Raises:
        InputError: The lengths differ, a value is negative or no number, or a sum is 0.
    """
    named = zip(("base top", "base bottom", "candidate top", "candidate bottom"), (*base, *candidate), strict=True)
    parts = [_amounts(values, name) for name, values in named]
    codes = _codes(len(parts[0]), clusters, *(len(one) for one in parts[1:]))
    sizes = np.bincount(codes).astype(np.float64)
    sums: FloatArray = np.stack([np.bincount(codes, weights=one) for one in parts]).astype(np.float64)
    totals = sums.sum(axis=1)
    for name, total in zip(
        ("base's top", "base's bottom", "candidate's top", "candidate's bottom"), totals, strict=True
    ):
        _divided(1.0, float(total), name)
    signs = np.array([-1.0, 1.0, 1.0, -1.0])
    value = float(signs @ np.log(totals))
    n = len(parts[0])
    # The linear part of the log, per cluster: its sum is 0, and its spread is that of the log.
    linear = (signs[:, None] * sums / totals[:, None]).sum(axis=0) * n
    error = cluster_error(linear, sizes)
    if error is None:
        return Interval(exp(value), 0.0, inf, n)
    half = t_quantile(1 - alpha / 2, error.freedom) * error.se
    low, high = value - half, value + half
    if method == "bootstrap" and not is_few(error.freedom) and error.se > 0:
        distances = _distances(sums, signs, value, seed, draws)
        if len(distances) >= 0.99 * draws:
            lower, upper = np.quantile(distances, [alpha / 2, 1 - alpha / 2])
            low, high = value - float(upper) * error.se, value - float(lower) * error.se
    return Interval(exp(value), exp(low), exp(high) if high < _LARGEST else inf, n)


def _distances(sums: FloatArray, signs: FloatArray, value: float, seed: int, draws: int) -> FloatArray:
    """Each resample's log change less the true one, in its own standard errors; those without a sum are left out."""
    found, count = [], sums.shape[1]
    for often in resamples(count, seed, draws):
        totals = often @ sums.T
        with np.errstate(divide="ignore", invalid="ignore"):
            linear = (signs / totals) @ sums
            error = np.sqrt((often * linear**2).sum(axis=1) * count / (count - 1))
            distance = (np.log(totals) @ signs - value) / error
        found.append(distance[np.isfinite(distance)])
    return np.concatenate(found)


def _amounts(values: Amounts, name: str) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    wrong = ~((array >= 0) & (array < inf))  # so that NaN is wrong too
    if wrong.any():
        place = int(wrong.argmax())
        raise InputError(
            f"The amount {array[place]:g} cannot stand in a ratio.",
            where=f"{name}, sample {place + 1}",
            fix="Give amounts that are numbers and not negative.",
        )
    return array


def _codes(n: int, clusters: Sequence[Hashable] | None, *others: int) -> np.ndarray:
    if not n or any(other != n for other in others) or (clusters is not None and len(clusters) != n):
        raise InputError(
            f"{n} amounts do not go with {', '.join(map(str, others))}"
            + (f" and {len(clusters)} clusters." if clusters is not None else "."),
            where="ratio",
            fix="Give one of each, and one cluster if any, per sample.",
        )
    return np.arange(n) if clusters is None else codes_of(clusters)


def _divided(top: float, bottom: float, name: str) -> float:
    if bottom <= 0:
        raise InputError(
            f"The {name} is 0 in every sample, so there is no ratio.", where=name, fix="Show it as unknown."
        )
    return top / bottom
