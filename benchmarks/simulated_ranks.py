"""Simulations of what ranks engines: votes with ties, win rates at equal length, and abilities over suites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from simulated import Row, inside, row
from weighbridge.weigh.stats.items import SCALE, Answer, abilities
from weighbridge.weigh.stats.lengths import controlled
from weighbridge.weigh.stats.strength import strengths

TABLE = "Ranks"
_STRONG = 0.9  #: of decided votes that the better engine gets
_PULL = 1.5  #: log-odds that one unit of tanh of length is worth
_LINKED = 100  #: items of a suite of which the other engine took few


def ranks(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals: chances to win where votes are ties, win rates at equal length, distances in ability."""
    rng = np.random.default_rng(seed)
    yield from _ties(rng, max(200, draws // 2))
    yield from _lengths(rng, max(200, draws // 2))
    yield from _abilities(rng, max(200, draws // 8))


def _ties(rng: np.random.Generator, draws: int) -> Iterator[Row]:
    for tied in (0.5, 0.8, 0.95):
        chances = [(1 - tied) * _STRONG, (1 - tied) * (1 - _STRONG), tied]
        for n in (3, 10, 30, 100, 1_000):
            held = []
            for _ in range(draws):
                votes = rng.choice([1.0, 0.0, 0.5], p=chances, size=n).tolist()
                found = strengths(["a"] * n, ["b"] * n, votes).beats("a", "b")
                held.append(inside(found, chances[0] + tied / 2))
            yield row(TABLE, "Bradley-Terry, win probability", f"{tied:.0%} ties", n, "coverage", 0.95, held)


def _lengths(rng: np.random.Generator, draws: int) -> Iterator[Row]:
    for true, sizes in ((0.6, (20, 100)), (0.9, (15, 50, 300)), (0.98, (50, 100, 1_000))):
        for n in sizes:
            rates, pulls = [], []
            for _ in range(draws):
                scores, differences = _preferences(rng, true, n)
                found = controlled(scores, differences)
                rates.append(inside(found and found.controlled, true))
                pulls.append(inside(found and found.length, _PULL))
            for name, held in (("win rate at equal length", rates), ("what length is worth", pulls)):
                yield row(TABLE, name, f"{true:.0%} at equal length", n, "coverage", 0.95, held)
    for true in (0.6, 0.9):
        labels = np.repeat(np.arange(30), 5)
        held = []
        for _ in range(draws):
            scores, differences = _preferences(rng, true, 30)
            found = controlled(np.repeat(scores, 5).tolist(), np.repeat(differences, 5).tolist(), labels.tolist())
            held.append(inside(found and found.controlled, true))
        setting = f"{true:.0%} at equal length, 30 clusters that agree"
        yield row(TABLE, "win rate at equal length", setting, 150, "coverage", 0.95, held)


def _preferences(rng: np.random.Generator, true: float, n: int) -> tuple[list[float], list[float]]:
    """Preferences for answers that are longer more often than not, by a judge who likes that."""
    differences = rng.normal(0.5, 1, n)
    odds = np.log(true / (1 - true)) + _PULL * np.tanh(differences / differences.std(ddof=1))
    return (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float).tolist(), differences.tolist()


def _abilities(rng: np.random.Generator, draws: int) -> Iterator[Row]:
    for true, n in (
        ((0.5, -0.5), 30),
        ((0.5, -0.5), 100),
        ((3.0, 0.0), 30),
        ((3.0, 1.0, 0.0), 30),
        ((3.0, 0.0), 100),
        ((6.0, 0.0), 20),
        ((5.0, -5.0), 20),
        ((1.0, 0.5, 0.0, -0.5, -1.0), 100),
    ):
        held = []
        for _ in range(draws):
            suite = _answers(rng, true, rng.normal(size=n), "s")
            held.append(inside(abilities(suite).gap("e0", f"e{len(true) - 1}"), SCALE * (true[0] - true[-1])))
        told = ", ".join(f"{one:g}" for one in true)
        yield row(TABLE, "distance in ability", f"one suite, abilities {told}", n, "coverage", 0.95, held)
    for links in (0, 1, 2, 5, 20):
        held = []
        for _ in range(draws):
            hard = rng.normal(size=_LINKED)
            own = _answers(rng, (0.5,), hard, "s1")
            other = _answers(rng, (-0.5,), hard[:links], "s1", first=1)
            alone = _answers(rng, (-0.5,), rng.normal(1.5, 1, _LINKED), "s2", first=1)
            held.append(inside(abilities(own + other + alone).gap("e0", "e1"), SCALE))
        setting = f"a suite each, {links} items in common"
        yield row(TABLE, "distance in ability", setting, _LINKED + links, "coverage", 0.95, held)


def _answers(
    rng: np.random.Generator, able: Sequence[float], hard: np.ndarray, suite: str, *, first: int = 0
) -> list[Answer]:
    """What engines answer to items, each engine to all of them."""
    return [
        Answer(f"e{first + j}", suite, i, float(rng.random() < 1 / (1 + np.exp(one - ability))))
        for j, ability in enumerate(able)
        for i, one in enumerate(hard.tolist())
    ]
