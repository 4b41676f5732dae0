"""Simulations of ratios, quantiles, several claims, judges and repeats, and of verdicts that are looked at all along."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from simulated import ALPHA, MARGIN, Row, inside, row, together
from weighbridge.weigh import stats
from weighbridge.weigh.stats import agreement, powered, quantiles, ratios, repeats, sequential, several, sizes
from weighbridge.weigh.stats.assumed import Assumptions
from weighbridge.weigh.stats.strength import strengths


def amounts(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of cost per solved sample, and of how it changes from one engine to another."""
    rng = np.random.default_rng(seed)
    true = float(np.exp(0.32))  # the mean of a lognormal with sigma 0.8
    for n in (20, 100, 1_000):
        hits: dict[str, list[bool]] = {"Fieller": [], "change, delta": [], "change, bootstrap": []}
        for index in range(max(200, draws // 4)):
            size = rng.lognormal(0, 0.8, n)
            base, candidate = size * rng.uniform(0.8, 1.2, n), size * rng.uniform(0.5, 1.5, n)
            solved, also = (rng.random((2, n)) < 0.7).astype(float)
            hits["Fieller"].append(inside(ratios.ratio(base, solved), true / 0.7))
            for method in ("delta", "bootstrap"):
                found = ratios.change((base, solved), (candidate, also), method=method, seed=seed + index, draws=500)
                hits[f"change, {method}"].append(inside(found, 1.0))
        for name, held in hits.items():
            yield row("Ratios", name, "70 % solved, skewed cost", n, "coverage", 0.95, held)


def times(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of quantiles of skewed times, and of their differences."""
    rng = np.random.default_rng(seed)
    for p, z in ((0.5, 0.0), (0.95, stats.normal_quantile(0.95)), (0.99, stats.normal_quantile(0.99))):
        for n in (20, 100, 1_000, 10_000):
            held = [
                inside(quantiles.quantile_interval(rng.lognormal(size=n), p), float(np.exp(z))) for _ in range(draws)
            ]
            yield row("Quantiles", "order statistics", f"p{p * 100:.0f}", n, "coverage", 0.95, held)
    for p in (0.5, 0.95):
        for n in (100, 500):
            for paired in (True, False):
                held = []
                for index in range(max(200, draws // 4)):
                    common = rng.normal(size=n)
                    other = common if paired else rng.normal(size=n)
                    old = np.exp(0.8 * common + 0.6 * rng.normal(size=n))
                    new = np.exp(0.8 * other + 0.6 * rng.normal(size=n))
                    found = quantiles.quantile_difference(old, new, p, paired=paired, seed=seed + index, draws=400)
                    held.append(inside(found, 0.0))
                name = f"difference, {'paired' if paired else 'unpaired'} bootstrap"
                yield row("Quantiles", name, f"p{p * 100:.0f}", n, "coverage", 0.95, held)


def together_claims(draws: int, seed: int) -> Iterator[Row]:
    """Ten claims at once, of which some are true: the chance of any false one, or the share that is false."""
    rng = np.random.default_rng(seed)
    from scipy.special import ndtr

    any_holm, share_bh = [], []
    for _ in range(draws):
        z = rng.normal(size=10) * sqrt(0.5) + rng.normal() * sqrt(0.5) + np.where(np.arange(10) < 4, 3.0, 0.0)
        p_values = (1 - ndtr(z)).tolist()
        any_holm.append(any(value <= ALPHA for value in several.holm(p_values)[4:]))
        rejected = [value <= ALPHA for value in several.benjamini_hochberg(p_values)]
        share_bh.append(sum(rejected[4:]) / max(1, sum(rejected)))
    yield row("Several claims", "Holm, any false", "4 of 10 true, dependent", 10, "error", ALPHA, any_holm)
    found = float(np.mean(share_bh))
    error = float(np.std(share_bh) / sqrt(draws))
    name = "Benjamini-Hochberg, share false"
    yield Row("Several claims", name, "4 of 10 true, dependent", 10, "error", ALPHA, found, error, draws)


RATED = {
    "judge and labels (PPI)": "a fifth labelled, judge right in 85 %",
    "Bradley-Terry, win probability": "three engines, unequal",
    "pass@2": "four answers each",
    "flips": "four answers each",
    "Cohen's kappa, bootstrap": "two raters, each right in 85 %",
}


def raters(draws: int, seed: int) -> Iterator[Row]:
    """Two-sided 95 % intervals of win probabilities, of grades that people gave few of, and of repeats."""
    rng = np.random.default_rng(seed)
    times_drawn = max(200, draws // 4)
    for n in (100, 1_000):
        hits: dict[str, list[bool]] = {"judge and labels (PPI)": [], "Bradley-Terry, win probability": [], "pass@2": []}
        hits |= {"flips": [], "Cohen's kappa, bootstrap": []}
        for index in range(times_drawn):
            truth = rng.random(n) < 0.6
            judged = np.where(rng.random(n) < 0.85, truth, ~truth).astype(float)
            human = [float(right) if place < n // 5 else None for place, right in enumerate(truth.tolist())]
            hits["judge and labels (PPI)"].append(inside(powered.mean(judged.tolist(), human).estimate, 0.6))
            strength = {"a": 0.8, "b": 0.0, "c": -0.5}
            first = rng.choice(["a", "b"], size=n).tolist()
            second = ["c" if one == "b" or rng.random() < 0.5 else "b" for one in first]
            chances = [1 / (1 + np.exp(strength[two] - strength[one])) for one, two in zip(first, second, strict=True)]
            found = strengths(first, second, (rng.random(n) < chances).astype(float).tolist()).beats("a", "b")
            hits["Bradley-Terry, win probability"].append(inside(found, 1 / (1 + np.exp(-0.8))))
            solved = rng.random((n, 4)) < rng.beta(2, 2, n)[:, None]
            hits["pass@2"].append(inside(repeats.passes_at(solved.tolist(), 2), 1 - 0.3))
            hits["flips"].append(inside(repeats.flips(solved.astype(float).tolist()), 0.4))
            other = np.where(rng.random(n) < 0.85, truth, ~truth)
            agreed = agreement.kappa(judged.tolist(), other.astype(float).tolist(), seed=seed + index, draws=300)
            # Both are right in 85 %: they agree in 0.745, by chance in 0.57^2 + 0.43^2.
            hits["Cohen's kappa, bootstrap"].append(inside(agreed, (0.745 - 0.5098) / (1 - 0.5098)))
        for name, held in hits.items():
            yield row("Judges and repeats", name, RATED[name], n, "coverage", 0.95, held)


def looking(draws: int, seed: int) -> Iterator[Row]:
    """Sequential verdicts on a candidate that is exactly the margin worse, looked at after every sample."""
    rng = np.random.default_rng(seed)
    for n in (20, 100, 1_000, 10_000):
        for won in (0.0, 0.1):
            times_drawn = max(200, draws // 4) if n == 10_000 else draws
            words, peeked = [], []
            for _ in range(times_drawn):
                values = rng.choice([1.0, -1.0, 0.0], p=[won, won + MARGIN, 1 - 2 * won - MARGIN], size=n)
                words.append(sequential.stopping(values, MARGIN, ALPHA).verdict)
                peeked.append(naive(values))
            setting = f"wins {won:.0%}, losses {won + MARGIN:.0%}"
            for word in ("safe", "unsafe"):
                hits = [one == word for one in words]
                yield row("Sequential", f"claim of {word}, ever", setting, n, "error", ALPHA, hits)
            if won and n > 20:
                yield row("Sequential", "for comparison: t bound peeked at", setting, n, "error", ALPHA, peeked)
    suite = np.repeat([1.0, -1.0, 0.0], [40, 80, 680])  # its own mean is -MARGIN
    words = [sequential.stopping(rng.permutation(suite), MARGIN, ALPHA, population=800).verdict for _ in range(draws)]
    for word in ("safe", "unsafe"):
        hits = [one == word for one in words]
        yield row("Sequential", f"claim of {word}, ever", "a finite suite, order drawn", 800, "error", ALPHA, hits)
    words, covered = [], []
    for _ in range(max(200, draws // 4)):
        base, candidate, labels = together(rng, groups=300, size=4, unequal=True)
        codes = stats.codes_of(labels or [])
        order = rng.permutation(300)
        sums = np.bincount(codes, weights=candidate - base).astype(np.float64)[order]
        sizes = np.bincount(codes).astype(np.float64)[order]
        words.append(sequential.stopping(sums, MARGIN, ALPHA, sizes=sizes).verdict)
        found = sequential.bounds(sums, ALPHA, sizes=sizes)
        covered.append(found.low <= -MARGIN)
    for word in ("safe", "unsafe"):
        hits = [one == word for one in words]
        yield row("Sequential", f"claim of {word}, ever", "300 unequal clusters", len(base), "error", ALPHA, hits)
    yield row("Sequential", "lower bound, at all times", "300 unequal clusters", len(base), "coverage", 0.95, covered)


def stopping_early(draws: int, seed: int) -> Iterator[Row]:
    """What sequential verdicts cost and save: power within, and samples used of, what a fixed number needs for 80 %."""
    for square, difference in ((0.0, 0.0), (0.02, 0.0), (0.1, 0.0), (0.1, 0.02), (0.3, 0.0), (0.2, -0.12)):
        assumed = Assumptions(square, difference)
        needed = sizes.samples_needed(assumed, margin=MARGIN, alpha=ALPHA) or 0
        times_drawn = max(200, draws // 4)
        for factor in (1, 3):
            used, words = sizes.simulate(
                assumed, factor * needed, margin=MARGIN, alpha=ALPHA, seed=seed, draws=times_drawn
            )
            right = "safe" if difference > -MARGIN else "unsafe"
            hits = (words == right).tolist()
            setting = f"{square:.0%} disagree, truly {difference:+.0%}; suite of {factor}x the fixed number"
            yield row("Stopping early", "right verdict", setting, factor * needed, "power", sum(hits) / len(hits), hits)
            error = float(used.std() / sqrt(times_drawn)) / needed
            share = float(used.mean()) / needed
            name = "mean samples used, of the fixed number"
            yield Row("Stopping early", name, setting, factor * needed, "samples", share, share, error, times_drawn)


def naive(values: NDArray[np.float64]) -> bool:
    """Would looking at the plain t bound after every sample (from the 20th) ever have claimed safety?"""
    n = np.arange(1, len(values) + 1)
    mean = np.cumsum(values) / n
    variance = np.maximum(np.cumsum(values**2) / n - mean**2, 0) * n / np.maximum(1, n - 1)
    return bool((mean - 1.645 * np.sqrt(variance / n) > -MARGIN)[19:].any())
