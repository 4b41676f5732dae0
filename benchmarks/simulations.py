"""How often every interval holds and every test errs, by simulation: ties, clusters, few discordant pairs, n = 20 to 10,000.

    python benchmarks/simulations.py [--draws 2000] [--seed 1] [--only WORD] [--json] [--markdown [FILE]]

Each row is one setting whose truth is known. `found` is measured over `draws` simulated data sets; its Monte Carlo error
stands beside it. A row is marked where it errs more often than it says by more than three such errors, and where it is
more careful than it says by as much. `--markdown` writes docs/simulations.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from math import inf, sqrt
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from weighbridge.weigh import stats, verdict
from weighbridge.weigh.stats import (
    clusters,
    exact,
    planning,
    quantiles,
    ratios,
    sequential,
    several,
    unpaired,
)

Kind = Literal["coverage", "error", "power", "samples"]
Pairs = tuple[NDArray[np.float64], NDArray[np.float64], list[int] | None]
Draw = Callable[[np.random.Generator], Pairs]
PAGE = Path(__file__).resolve().parents[1] / "docs" / "simulations.md"
MARGIN = 0.05
ALPHA = 0.05


@dataclass(frozen=True)
class Row:
    """One setting: what was to be found, and what was. Shares are fractions."""

    table: str
    method: str
    setting: str
    n: int
    kind: Kind
    nominal: float
    found: float
    error: float
    draws: int

    @property
    def mark(self) -> str:
        """Does it err more often than it says, or less?"""
        if self.kind in {"power", "samples"}:
            return "" if abs(self.found - self.nominal) <= max(3 * self.error, 0.1 * self.nominal) else "differs"
        over = self.nominal - self.found if self.kind == "coverage" else self.found - self.nominal
        if over > 3 * self.error:
            return "ERRS MORE"
        return "careful" if over < -3 * self.error else ""


def row(table: str, method: str, setting: str, n: int, kind: Kind, nominal: float, hits: list[bool]) -> Row:
    """A row from whether each simulated data set was a hit."""
    found = sum(hits) / len(hits)
    spread = max(nominal * (1 - nominal), 1e-4)
    return Row(table, method, setting, n, kind, nominal, found, sqrt(spread / len(hits)), len(hits))


# --- how data are drawn ---------------------------------------------------------------------------


def binary(rng: np.random.Generator, *, n: int, won: float, lost: float) -> Pairs:
    """Pairs of right and wrong answers: scores of base and candidate."""
    wins, losses, _ = rng.multinomial(n, [won, lost, 1 - won - lost])
    ties = n - wins - losses
    return np.repeat([0.0, 1.0, 1.0], [wins, losses, ties]), np.repeat([1.0, 0.0, 1.0], [wins, losses, ties]), None


def skewed(rng: np.random.Generator, *, n: int) -> Pairs:
    """Graded scores: most answers are as good, a few lose a lot; true mean difference -MARGIN."""
    base = rng.uniform(0.4, 0.9, n)
    return base, base - np.where(rng.random(n) < MARGIN / 0.4, 0.4, 0.0), None


def symmetric(rng: np.random.Generator, *, n: int) -> Pairs:
    """Graded scores without skew, true mean difference -MARGIN."""
    base = rng.uniform(0.35, 0.7, n)
    return base, base - MARGIN + rng.uniform(-0.3, 0.3, n), None


def together(rng: np.random.Generator, *, groups: int, size: int, unequal: bool) -> Pairs:
    """Right and wrong answers of which those of one cluster tend to go together; difference -MARGIN over samples."""
    sizes = np.where(np.arange(groups) % 5 == 0, 4 * size, size // 2 or 1) if unequal else np.full(groups, size)
    labels = np.repeat(np.arange(groups), sizes)
    chances = [0.1, 0.1 + MARGIN, 0.8 - MARGIN]
    common, own = rng.choice(3, p=chances, size=groups)[labels], rng.choice(3, p=chances, size=len(labels))
    kind = np.where(rng.random(len(labels)) < 0.5, common, own)
    base, candidate = np.array([0.0, 1.0, 1.0])[kind], np.array([1.0, 0.0, 1.0])[kind]
    return base, candidate, labels.tolist()


# --- tables ---------------------------------------------------------------------------------------


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
    """The chance of the right verdict with as many samples as `planning` asks for."""
    rng = np.random.default_rng(seed)
    for square, difference in ((0.05, 0.0), (0.2, 0.0), (0.2, 0.02), (0.2, -0.12)):
        assumed = planning.Assumptions(square, difference)
        n = planning.samples_needed(assumed, margin=MARGIN, alpha=ALPHA) or 0
        word = "safe" if difference > -MARGIN else "unsafe"
        hits = []
        for _ in range(draws):
            base, candidate, _ = binary(rng, n=n, won=(square + difference) / 2, lost=(square - difference) / 2)
            hits.append(verdict.compare(base.tolist(), candidate.tolist(), margin=MARGIN).verdict == word)
        yield row("Power", "planned for 80 %", f"{square:.0%} disagree, truly {difference:+.0%}", n, "power", 0.8, hits)
    assumed = planning.Assumptions(0.2, 0.0, icc=0.25, cluster_size=10)
    n = planning.samples_needed(assumed, margin=MARGIN, alpha=ALPHA) or 0
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
    for groups in (20, 200):
        held = []
        for index in range(max(200, draws // 4)):
            columns = rng.normal(size=(groups, 1)) + rng.normal(size=(groups, 10))
            bounds = several.simultaneous(columns, alpha=ALPHA, seed=seed + index, draws=500)
            held.append(all(one.low <= 0 for one in bounds))
        yield row(
            "Several claims", "simultaneous lower bounds", "10 columns, dependent", groups, "coverage", 0.95, held
        )


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
        assumed = planning.Assumptions(square, difference)
        needed = planning.samples_needed(assumed, margin=MARGIN, alpha=ALPHA) or 0
        times_drawn = max(200, draws // 4)
        for factor in (1, 3):
            used, words = planning.simulate(
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


def inside(found: stats.Bounds | object, true: float) -> bool:
    """Does an interval hold the true value?"""
    return bool(getattr(found, "low", -inf) <= true <= getattr(found, "high", inf))


TABLES: dict[str, Callable[[int, int], Iterator[Row]]] = {
    "means": means,
    "verdicts": claims,
    "power": powers,
    "unpaired": apart,
    "clusters": clustered,
    "ratios": amounts,
    "quantiles": times,
    "several": together_claims,
    "sequential": looking,
    "stopping": stopping_early,
}


# --- what is printed ------------------------------------------------------------------------------

WORDS = {"coverage": "coverage", "error": "error rate", "power": "power", "samples": "samples"}


def line(one: Row) -> tuple[str, ...]:
    """A row's cells."""
    measured = one.table == "Stopping early"
    nominal = "" if measured else f"{one.nominal:.1%}"
    return (
        one.method,
        one.setting,
        f"{one.n:,}",
        WORDS[one.kind],
        nominal,
        f"{one.found:.1%}",
        f"{one.error:.1%}",
        one.mark,
    )


HEADS = ("method", "setting", "n", "what", "nominal", "found", "Monte Carlo error", "")


def markdown(rows: list[Row], seed: int) -> str:
    """The page of the documentation."""
    marked = [one for one in rows if one.mark == "ERRS MORE"]
    parts = [
        "# Simulations",
        "",
        "How often every interval holds and every test errs, where the truth is known because it was made up. Each line is "
        "one setting, drawn again and again; the last but one figure is the Monte Carlo error, one standard deviation of what "
        "chance does to the figure beside it. A line is marked `ERRS MORE` where it errs more often than it says by more than three "
        "of these, and `careful` where less often by as much.",
        "",
        f"Written by `python benchmarks/simulations.py --markdown` with seed {seed}: {len(rows)} settings, {len(marked)} of which "
        "err more than they say. [Statistics](statistics.md) says what each method is.",
    ]
    for table in dict.fromkeys(one.table for one in rows):
        parts += ["", f"## {table}", "", (NAMES[table].__doc__ or "").strip(), "", "| " + " | ".join(HEADS) + " |"]
        parts += ["|---|---|--:|---|--:|--:|--:|---|"]
        parts += ["| " + " | ".join(line(one)) + " |" for one in rows if one.table == table]
    parts += ["", "## Where it errs more than it says", "", *(DEVIATIONS if marked else ["Nowhere in these settings."])]
    return "\n".join(parts) + "\n"


NAMES = {
    "Means": means,
    "Verdicts": claims,
    "Power": powers,
    "Unpaired": apart,
    "Clusters": clustered,
    "Ratios": amounts,
    "Quantiles": times,
    "Several claims": together_claims,
    "Sequential": looking,
    "Stopping early": stopping_early,
}
DEVIATIONS = ["DEVIATIONS"]


def show(rows: list[Row]) -> None:
    """The tables for a terminal."""
    for table in dict.fromkeys(one.table for one in rows):
        print(f"\n{table}")
        for one in rows:
            if one.table == table:
                method, setting, n, what, nominal, found, error, mark = line(one)
                print(f"  {method:<38}{setting:<48}{n:>7} {what:<11}{nominal:>7}{found:>8} +-{error:>5} {mark}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=2_000, help="simulated data sets per setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=TABLES, help="one table")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--markdown", type=Path, nargs="?", const=PAGE, help="write the page (default docs/simulations.md)"
    )
    options = parser.parse_args()
    rows = []
    for name, make in TABLES.items():
        if options.only in {None, name}:
            began = time.perf_counter()
            rows += list(make(options.draws, options.seed))
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if options.json:
        print(json.dumps([asdict(one) | {"mark": one.mark} for one in rows], indent=2))
    else:
        show(rows)
    if options.markdown:
        options.markdown.write_text(markdown(rows, options.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
