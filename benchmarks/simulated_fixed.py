"""Simulations of what is decided by one look: means, verdicts, their power, unpaired differences, clusters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from simulated import ALPHA, MARGIN, Draw, Row, binary, inside, row, skewed, symmetric, together
from weighbridge.weigh import stats, verdict
from weighbridge.weigh.stats import clusters, exact, sizes, unpaired
from weighbridge.weigh.stats.assumed import Assumptions


def means(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of means: what a scorecard shows."""
    rng = np.random.default_rng(seed)
    for share in (0.5, 0.9, 0.99):
        for n in (20, 100, 1_000, 10_000):
            right = rng.binomial(n, share, draws)
            held = {k: inside(stats.mean_interval([1.0] * k + [0.0] * (n - k)), share) for k in set(right.tolist())}
            hits = [held[k] for k in right.tolist()]
            yield row("Means", "Wilson", f"{share:.0%} right", n, "coverage", 0.95, hits)
    for name, (a, b) in {"symmetric grades": (2, 2), "skewed grades": (8, 0.5)}.items():
        for n in (20, 100, 1_000):
            hits = [inside(stats.mean_interval(rng.beta(a, b, n).tolist()), a / (a + b)) for _ in range(draws)]
            yield row("Means", "Student's t", name, n, "coverage", 0.95, hits)
    for groups, size, unequal in ((10, 10, False), (10, 10, True), (50, 10, False), (50, 10, True), (500, 4, True)):
        hits = []
        for _ in range(draws):
            _, scores, labels = together(rng, groups=groups, size=size, unequal=unequal)
            hits.append(inside(stats.mean_interval(scores.tolist(), labels), 0.9 - MARGIN))
        kind = "unequal" if unequal else "equal"
        yield row("Means", "Wilson, clusters", f"{groups} {kind} clusters", len(scores), "coverage", 0.95, hits)


def claims(draws: int, seed: int) -> Iterator[Row]:
    """Verdicts on a candidate that is exactly the margin worse: either claim is then an error."""
    rng = np.random.default_rng(seed)
    cases: list[tuple[str, int, Draw]] = []
    for n in (20, 60, 200, 1_000, 10_000):
        for won in (0.0, 0.01, 0.1):
            name = f"right/wrong, wins {won:.0%}, losses {won + MARGIN:.0%}"
            cases.append((name, n, partial(binary, n=n, won=won, lost=won + MARGIN)))
    cases += [("grades, symmetric", n, partial(symmetric, n=n)) for n in (20, 200, 10_000)]
    cases += [("grades, few large losses", n, partial(skewed, n=n)) for n in (20, 60, 200, 10_000)]
    for groups, size, unequal in ((5, 12, False), (20, 12, False), (20, 12, True), (100, 4, True), (1_000, 10, True)):
        kind = "unequal" if unequal else "equal"
        cases.append(
            (f"{groups} {kind} clusters", groups * size, partial(together, groups=groups, size=size, unequal=unequal))
        )
    for name, n, draw in cases:
        known: dict[tuple[float, float], str] = {}
        words = []
        for _ in range(draws):
            base, candidate, labels = draw(rng)
            key = (float(base.sum()), float(candidate.sum()))
            exactly = name.startswith("right")
            if not exactly or key not in known:
                known[key] = verdict.compare(base.tolist(), candidate.tolist(), clusters=labels, margin=MARGIN).verdict
            words.append(known[key])
        for word in ("safe", "unsafe"):
            yield row("Verdicts", f"claim of {word}", name, n, "error", ALPHA, [one == word for one in words])


def powers(draws: int, seed: int) -> Iterator[Row]:
    """The chance of the right verdict with as many samples as `sizes` asks for."""
    rng = np.random.default_rng(seed)
    for square, difference in ((0.05, 0.0), (0.2, 0.0), (0.2, 0.02), (0.2, -0.12)):
        assumed = Assumptions(square, difference)
        n = sizes.samples_needed(assumed, margin=MARGIN, alpha=ALPHA) or 0
        word = "safe" if difference > -MARGIN else "unsafe"
        hits = []
        for _ in range(draws):
            base, candidate, _ = binary(rng, n=n, won=(square + difference) / 2, lost=(square - difference) / 2)
            hits.append(verdict.compare(base.tolist(), candidate.tolist(), margin=MARGIN).verdict == word)
        yield row("Power", "planned for 80 %", f"{square:.0%} disagree, truly {difference:+.0%}", n, "power", 0.8, hits)
    assumed = Assumptions(0.2, 0.0, icc=0.25, cluster_size=10)
    n = sizes.samples_needed(assumed, margin=MARGIN, alpha=ALPHA) or 0
    hits = []
    for _ in range(draws):
        kinds = rng.choice(3, p=[0.1, 0.1, 0.8], size=(round(n / 10), 11))
        kind = np.where(rng.random((len(kinds), 10)) < 0.5, kinds[:, 10:], kinds[:, :10]).ravel()
        base, candidate = np.array([0.0, 1.0, 1.0])[kind], np.array([1.0, 0.0, 1.0])[kind]
        labels = np.repeat(np.arange(len(kinds)), 10).tolist()
        found = verdict.compare(base.tolist(), candidate.tolist(), clusters=labels, margin=MARGIN)
        hits.append(found.verdict == "safe")
    yield row("Power", "planned for 80 %", "clusters of 10, correlation 0.25", n, "power", 0.8, hits)


def apart(draws: int, seed: int) -> Iterator[Row]:
    """Bounds of differences of engines that answered different samples, and McNemar's exact test."""
    rng = np.random.default_rng(seed)
    for p, q in ((0.5, 0.5), (0.95, 0.9), (0.99, 0.98)):
        for n in (20, 100, 1_000):
            lows, highs = [], []
            for right, better in zip(
                rng.binomial(n, p, draws).tolist(), rng.binomial(n, q, draws).tolist(), strict=True
            ):
                scores = [1.0] * right + [0.0] * (n - right), [1.0] * better + [0.0] * (n - better)
                found = unpaired.independent(*scores)
                lows.append(found.low <= q - p)
                highs.append(found.high >= q - p)
            yield row("Unpaired", "Newcombe, lower", f"{p:.0%} against {q:.0%}", n, "coverage", 0.95, lows)
            yield row("Unpaired", "Newcombe, upper", f"{p:.0%} against {q:.0%}", n, "coverage", 0.95, highs)
    for n in (20, 200):
        hits = []
        for _ in range(draws):
            found = unpaired.independent(rng.beta(2, 2, n).tolist(), rng.beta(4, 4, 2 * n).tolist())
            hits.append(found.low <= 0)
        yield row("Unpaired", "Welch, lower", "unequal spread and number", n, "coverage", 0.95, hits)
    for discordant in (10, 40, 200):
        wins = rng.binomial(discordant, 0.5, draws).tolist()
        hits = [exact.mcnemar(k, discordant - k) <= ALPHA for k in wins]
        yield row("Unpaired", "McNemar, exact", "no difference", discordant, "error", ALPHA, hits)


def clustered(draws: int, seed: int) -> Iterator[Row]:
    """One-sided 95 % bounds of means over clusters: CR2 with Student's t, and the bootstrap."""
    rng = np.random.default_rng(seed)
    for groups, unequal in ((3, False), (5, True), (10, True), (30, False), (30, True), (200, True)):
        lows: dict[str, list[bool]] = {"CR2 and t": [], "cluster bootstrap": []}
        highs: dict[str, list[bool]] = {"CR2 and t": [], "cluster bootstrap": []}
        for index in range(max(200, draws // 4)):
            sizes = np.where(np.arange(groups) % 5 == 0, 30, 4) if unequal else np.full(groups, 10)
            labels = np.repeat(np.arange(groups), sizes)
            values = rng.normal(size=groups)[labels] + rng.normal(size=len(labels))
            plain = clusters.clustered(values, labels.tolist())
            assert plain
            resampled = clusters.bootstrap(values, labels.tolist(), alpha=ALPHA, seed=seed + index, draws=500)
            for name, found in (("CR2 and t", plain.bounds(ALPHA)), ("cluster bootstrap", resampled)):
                lows[name].append(found.low <= 0)
                highs[name].append(found.high >= 0)
        for name, hits in lows.items():
            kind = "unequal" if unequal else "equal"
            yield row("Clusters", name, f"{groups} {kind} clusters", len(labels), "coverage", 0.95, hits)
