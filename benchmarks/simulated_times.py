"""Simulations of what samples share: quantiles of times in clusters and over repeated passes, and costs with long tails."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulated import Row, inside, row
from weighbridge.weigh import stats
from weighbridge.weigh.stats import quantiles, ratios

_SHARED = 0.6  #: of the spread of a time's logarithm, what a cluster shares
_SETTINGS = {
    "30 clusters of 10": [10] * 30,
    "12 clusters of 50": [50] * 12,
    "40 clusters, 2 to 20": [2, 4, 6, 20] * 10,
    "60 samples, 5 passes": [5] * 60,
}


def shared_times(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of quantiles, and of their differences, where samples of a cluster take alike long."""
    rng = np.random.default_rng(seed)
    for setting, sizes in _SETTINGS.items():
        codes = np.repeat(np.arange(len(sizes)), sizes)
        labels, n = codes.tolist(), len(codes)
        for p in (0.5, 0.95):
            z = stats.normal_quantile(p)
            held, differ = [], []
            for index in range(max(200, draws // 4)):
                common = rng.normal(size=len(sizes))
                old = _times(rng, common, codes)
                held.append(inside(quantiles.quantile_interval(old, p, labels), float(np.exp(z))))
                new = np.exp(0.2) * _times(rng, 0.7 * common + np.sqrt(0.51) * rng.normal(size=len(sizes)), codes)
                found = quantiles.quantile_difference(
                    old, new, p, paired=True, clusters=labels, seed=seed + index, draws=400
                )
                differ.append(inside(found, float(np.exp(0.2 + z) - np.exp(z))))
            name = f"p{p * 100:.0f}"
            yield row("Times that hang together", "order statistics", f"{name}, {setting}", n, "coverage", 0.95, held)
            yield row("Times that hang together", "difference", f"{name}, {setting}", n, "coverage", 0.95, differ)


def _times(rng: np.random.Generator, common: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    own = rng.normal(size=len(codes))
    found: NDArray[np.float64] = np.exp(np.sqrt(_SHARED) * common[codes] + np.sqrt(1 - _SHARED) * own)
    return found


def long_tails(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of costs where few samples cost most of the money: sigma is that of the cost's logarithm."""
    rng = np.random.default_rng(seed)
    for sigma in (1.5, 2.0):
        for n in (30, 100, 300, 1_000):
            one, mean, change = np.ones(n), [], []
            for index in range(max(200, draws // 4)):
                common = rng.normal(size=n)
                old, new = (np.exp(sigma * (0.7 * common + np.sqrt(0.51) * rng.normal(size=n))) for _ in range(2))
                mean.append(inside(ratios.ratio(old, one), float(np.exp(sigma**2 / 2))))
                found = ratios.change((old, one), (new, one), method="bootstrap", seed=seed + index, draws=500)
                change.append(inside(found, 1.0))
            for name, held in (("Fieller", mean), ("change, bootstrap", change)):
                yield row("Long tails", name, f"sigma {sigma:g}", n, "coverage", 0.95, held)
