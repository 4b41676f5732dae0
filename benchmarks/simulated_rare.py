"""Simulations of what is rare: raters' agreement on kinds that hardly come, and the noise of engines that hardly flip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulated import ALPHA, Row, inside, row
from weighbridge.weigh.stats import agreement, repeats
from weighbridge.weigh.types import Interval

_TABLE = "Rare kinds and noise"
_BINARY = ((20, 0.05, 0.6), (30, 0.05, 0.6), (20, 0.1, 0.6), (40, 0.05, 0.7), (100, 0.05, 0.6), (20, 0.5, 0.9))
_CLUSTERS = ((5, 10), (20, 25), (100, 5))
_FLIPS = ((20, 0.01), (50, 0.01), (100, 0.01), (20, 0.05), (50, 0.05), (100, 0.05), (20, 0.3), (100, 0.3))


def rare(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of agreement, where there is any to tell, and how often two runs exceed the noise floor."""
    rng = np.random.default_rng(seed)
    for n, share, true in _BINARY:
        yield _kappa(rng, n, share, true, draws)
    for groups, size in _CLUSTERS:
        yield _clustered(rng, groups, size, max(200, draws // 4))
    for n in (10, 20, 60):
        yield _grades(rng, n, max(200, draws // 4))
    for n, chance in _FLIPS:
        yield _floor(rng, n, chance, draws)


def _kappa(rng: np.random.Generator, n: int, share: float, true: float, draws: int) -> Row:
    """Two raters with the same habits; tables in which both only ever gave one kind have no kappa and are left out."""
    apart = (1 - true) * share * (1 - share)
    known: dict[tuple[int, ...], Interval | None] = {}
    hits = []
    for counts in rng.multinomial(n, [1 - share - apart, apart, apart, share - apart], draws).tolist():
        key = tuple(counts)
        if key not in known:
            one, other = (np.repeat(kinds, counts).tolist() for kinds in ([0, 0, 1, 1], [0, 1, 0, 1]))
            known[key] = agreement.kappa(one, other, seed=1)
        if (found := known[key]) is not None:
            hits.append(inside(found, true))
    return row(_TABLE, "Cohen's kappa", f"a kind of {share:.0%}, truly {true}", n, "coverage", 0.95, hits)


def _clustered(rng: np.random.Generator, groups: int, size: int, draws: int) -> Row:
    """Two raters, each right in 90 %, where most of a cluster's units are one unit."""
    labels = np.repeat(np.arange(groups), size)
    hits = []
    for index in range(draws):
        common, own = rng.random((3, groups))[:, labels], rng.random((3, len(labels)))
        drawn = np.where(rng.random((3, len(labels))) < 0.7, common, own)
        truth = drawn[0] < 0.5
        one, other = np.where(drawn[1] < 0.9, truth, ~truth), np.where(drawn[2] < 0.9, truth, ~truth)
        found = agreement.kappa(one.tolist(), other.tolist(), labels.tolist(), seed=index, draws=500)
        hits.append(found is None or inside(found, 0.64))  # they agree in 0.82, by chance in a half
    setting = f"{groups} clusters, correlation 0.49"
    return row(_TABLE, "Cohen's kappa", setting, len(labels), "coverage", 0.95, hits)


def _grades(rng: np.random.Generator, n: int, draws: int) -> Row:
    """Grades of two raters, of which one unit in ten lies far above the others."""
    hits = []
    for index in range(draws):
        level = (rng.random(n) < 0.1) / 0.3  # of variance 1
        units = level[:, None] + rng.normal(0, 1 / 3, size=(n, 2))  # so that alpha is 1 / (1 + 1 / 9)
        found = agreement.krippendorff(units.tolist(), metric="interval", seed=index, draws=500)
        hits.append(found is None or inside(found, 0.9))
    return row(_TABLE, "Krippendorff's alpha", "grades, one in ten far above", n, "coverage", 0.95, hits)


def _floor(rng: np.random.Generator, n: int, chance: float, draws: int) -> Row:
    """Is the floor that two passes give exceeded by two further ones?"""
    known: dict[int, float] = {}
    hits = []
    for passes in rng.random((draws, 4, n)) < chance:
        flipped = int((passes[0] != passes[1]).sum())
        if flipped not in known:
            found = repeats.noise([(0.0, 1.0)] * flipped + [(0.0, 0.0)] * (n - flipped))
            known[flipped] = found.floor if found else 0.0
        means = passes[2:].mean(axis=1)
        hits.append(bool(abs(means[0] - means[1]) > known[flipped] + 1e-12))
    setting = f"two passes, answers change in {chance:.0%}"
    return row(_TABLE, "two runs beyond the noise floor", setting, n, "error", ALPHA, hits)
