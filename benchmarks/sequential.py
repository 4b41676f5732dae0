"""Sequential verdicts on recorded real answers: is a false claim as rare as it says, and how many samples are used?

    python benchmarks/sequential.py [FOLDER] [--orders 200] [--margin 0.03] [--alpha 0.05] [--seed 1] [--json]

FOLDER (by default ../shared/data/zeroeval) holds graded or recorded answers as `benchmarks/gsm.py` reads them. Every pair of
models is compared in many random orders. The whole file is the truth: where its difference is at or beyond the margin, "safe" is
a false claim, and "unsafe" where it is not. To put the error rate to its hardest test, every pair is also weighed against a
margin that is its own difference to the digit, so that either claim is false, and "better" is asked of models that are equal by
construction (each sample's two scores are swapped at random).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import gsm
from weighbridge.weigh.stats.sequential import stopping
from weighbridge.weigh.verdict import compare

Scores = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Pair:
    """One pair over all orders. Shares are fractions; `used` is the median share of samples when it stopped."""

    base: str
    candidate: str
    n: int
    difference: float
    truth: str
    fixed: str  #: the verdict of one look at the whole file
    safe: float
    unsafe: float
    undecided: float
    false: float
    used: float
    at_margin: float  #: false claims, safe or unsafe, of a margin that is the difference itself


def scores_of(folder: Path) -> Scores:
    """Each model's scores in the order of the samples' ids, of those that every model answered."""
    graded = {
        path.name.removesuffix(".json.gz"): gsm.grade(path) for path in sorted((folder / "gsm").glob("*.json.gz"))
    }
    by_id = {model: {row["id"]: float(row["score"]) for row in rows} for model, rows in graded.items()}
    ids = sorted(set.intersection(*(set(one) for one in by_id.values())))
    return {model: np.array([one[key] for key in ids]) for model, one in by_id.items()}


def weigh(scores: Scores, base: str, candidate: str, *, margin: float, alpha: float, orders: int, seed: int) -> Pair:
    """One pair in many random orders."""
    values = scores[candidate] - scores[base]
    n, difference = len(values), float(values.mean())
    rng = np.random.default_rng([seed, n, *candidate.encode(), *base.encode()])
    words, used, false = [], [], 0
    for _ in range(orders):
        order = rng.permutation(n)
        stop = stopping(values[order], margin, alpha, population=n)
        words.append(stop.verdict)
        used.append(stop.used / n)
        false += stopping(values[order], -difference, alpha, population=n).verdict != "undecided"
    safe, unsafe = words.count("safe") / orders, words.count("unsafe") / orders
    truth = "safe" if difference > -margin else "unsafe"
    wrong = unsafe if truth == "safe" else safe
    rest = 1 - safe - unsafe
    at_margin = false / orders
    fixed = compare(scores[base].tolist(), scores[candidate].tolist(), margin=margin, alpha=alpha).verdict
    return Pair(
        base, candidate, n, difference, truth, fixed, safe, unsafe, rest, wrong, float(np.median(used)), at_margin
    )


def equal_by_construction(scores: Scores, *, alpha: float, orders: int, seed: int) -> float:
    """How often two models whose scores are swapped at random, sample by sample, are told apart at any time."""
    rng = np.random.default_rng(seed)
    pairs = list(combinations(scores, 2))
    claims = 0
    for index in range(orders):
        base, candidate = pairs[index % len(pairs)]
        values = scores[candidate] - scores[base]
        swapped = rng.permutation(values) * rng.choice([-1.0, 1.0], size=len(values))
        claims += stopping(swapped, 0.0, alpha).verdict != "undecided"
    return claims / orders


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "zeroeval"
    parser.add_argument("folder", type=Path, nargs="?", default=default, help="folder with gsm/")
    parser.add_argument("--orders", type=int, default=200, help="random orders of each pair")
    parser.add_argument("--margin", type=float, default=0.03)
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.folder == default and not default.is_dir():
        print("skipped: the recorded answers are not beside this checkout; name their folder")
        return
    if not (options.folder / "gsm").is_dir():
        parser.error(f"{options.folder} has no gsm/")
    scores = scores_of(options.folder)
    chosen = {"margin": options.margin, "alpha": options.alpha, "orders": options.orders, "seed": options.seed}
    # The stronger model stands first, so that differences are losses, as of a cheaper candidate.
    ranked = sorted(scores, key=lambda model: -scores[model].mean())
    rows = [weigh(scores, *pair, **chosen) for pair in combinations(ranked, 2)]
    rows.sort(key=lambda one: -one.difference)
    equal = equal_by_construction(scores, alpha=options.alpha, orders=20 * options.orders, seed=options.seed)
    known = [one for one in rows if one.fixed != "undecided"]
    summary = {
        "pairs": len(rows),
        "false claims": float(np.mean([one.false for one in rows])),
        "worst pair's false claims": max(one.false for one in rows),
        "false claims, either, where the margin is the difference": float(np.mean([one.at_margin for one in rows])),
        "worst pair's, of 2 alpha": max(one.at_margin for one in rows),
        "equal models told apart, of 2 alpha": equal,
        "decided": float(np.mean([1 - one.undecided for one in rows])),
        "median share of samples used": float(np.median([one.used for one in rows])),
        "pairs that one look at the whole file decides": len(known) / len(rows),
        "of these decided sequentially": float(np.mean([1 - one.undecided for one in known])) if known else 0.0,
        "of these, median share of samples used": float(np.median([one.used for one in known])) if known else 1.0,
        "Monte Carlo error of one pair at alpha": sqrt(options.alpha * (1 - options.alpha) / options.orders),
    }
    if options.json:
        print(json.dumps({"settings": chosen, "summary": summary, "pairs": [asdict(one) for one in rows]}, indent=2))
        return
    print(
        f"{'base':<40}{'candidate':<40}{'difference':>11}{'truth':>8}{'one look':>11}{'safe':>7}{'unsafe':>8}{'open':>7}",
        end="",
    )
    print(f"{'false':>7}{'used':>7}{'at margin':>11}")
    for one in rows:
        print(
            f"{one.base:<40}{one.candidate:<40}{100 * one.difference:>+11.2f}{one.truth:>8}{one.fixed:>11}{one.safe:>7.0%}",
            end="",
        )
        print(f"{one.unsafe:>8.0%}{one.undecided:>7.0%}{one.false:>7.1%}{one.used:>7.0%}{one.at_margin:>11.1%}")
    print()
    for name, value in summary.items():
        print(f"{name:<60}{value:>8.0f}" if name == "pairs" else f"{name:<60}{value:>8.1%}")


if __name__ == "__main__":
    main()
