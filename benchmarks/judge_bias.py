"""How far a judge is swayed by places and lengths, and what a few labels correct, on recorded judgements.

    python benchmarks/judge_bias.py [FOLDER] [--seeds 2000] [--json]

FOLDER (by default ../shared/data) holds alpaca_eval and speechmap as they are published. AlpacaEval's judge saw each pair
once, in an order drawn at random, so the effect of the place is the difference of the candidate's win rate between both
orders. Prediction-powered intervals are drawn from 5 % of labels, over many draws of who is labelled: how often they
hold the value of all labels, and how wide they are beside the labels alone. There the labels are one judge's and the
cheap grades another's, or those of a rule that knows nothing but lengths. Exit code 1 if an interval holds too seldom.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import sys
from collections.abc import Iterator
from math import exp, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from refusal import rows as verdicts
from weighbridge.weigh.judges import bias
from weighbridge.weigh.stats import lengths, powered
from weighbridge.weigh.stats.unpaired import independent
from weighbridge.weigh.types import Judgement, Preference

SHARE = 0.05
LEAST = 0.95


def judged(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """AlpacaEval's annotations by candidate."""
    found = {}
    for path in sorted((folder / "alpaca_eval" / "annotations").glob("*.json.gz")):
        with gzip.open(path) as file:
            found[path.name.removesuffix(".json.gz")] = json.load(file)
    return found


def second(row: dict[str, Any]) -> bool | None:
    """Did the candidate stand second? The judge's token says `m` for the first and `M` for the second; None: unreadable."""
    raw = row.get("raw_completion")
    if not raw:
        return None
    told = ast.literal_eval(raw) if isinstance(raw, str) else raw
    logprobs = {one["token"]: one["logprob"] for one in told["logprobs"]["content"][0]["top_logprobs"]}
    if not {"m", "M"} <= set(logprobs):
        return None
    share = 1 / (1 + exp(logprobs["m"] - logprobs["M"]))  # of the second
    wins = row["preference"] - 1
    if abs(share - wins) < abs(1 - share - wins):
        return True
    return False if abs(share - wins) > abs(1 - share - wins) else None


def places(candidate: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What standing second does to the candidate's win rate."""
    orders: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        if (place := second(row)) is not None:
            orders[place].append(row["preference"] - 1)
    found = independent(orders[False], orders[True], alpha=0.025)
    return {
        "candidate": candidate,
        "n": len(orders[True]) + len(orders[False]),
        "first": float(np.mean(orders[False])),
        "second": float(np.mean(orders[True])),
        "effect": found.value,
        "low": found.low,
        "high": found.high,
    }


def long_ones(candidate: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What being longer does: the share of longer answers that win, and the win rate were both equally long."""
    made = [
        Preference(
            str(place),
            score=row["preference"] - 1,
            judged=(Judgement("judge", row["preference"] - 1),),
            base_length=len(row["output_1"]),
            candidate_length=len(row["output_2"]),
        )
        for place, row in enumerate(rows)
    ]
    found = bias.length(made)
    assert found
    assert found.longer
    assert found.pull
    assert found.controlled
    return {
        "candidate": candidate,
        "win_rate": found.share.value,
        "longer": found.longer.value,
        "longer_low": found.longer.low,
        "longer_high": found.longer.high,
        "pull": found.pull.value,
        "pull_low": found.pull.low,
        "pull_high": found.pull.high,
        "equal": found.controlled.value,
        "mean_difference": found.mean_difference,
    }


def drawn(name: str, cheap: list[float], labels: list[float], seeds: int) -> dict[str, Any]:
    """Intervals from so few labels, over many draws of which samples are labelled."""
    whole, count = float(np.mean(labels)), max(20, round(SHARE * len(labels)))
    held = alone = 0
    widths, wide = [], []
    for seed in range(seeds):
        chosen = set(np.random.default_rng(seed).choice(len(labels), size=count, replace=False).tolist())
        known = [label if place in chosen else None for place, label in enumerate(labels)]
        found = powered.mean(cheap, known)
        held += found.estimate.low <= whole <= found.estimate.high
        alone += found.labels_alone.low <= whole <= found.labels_alone.high
        widths.append(found.estimate.high - found.estimate.low)
        wide.append(found.labels_alone.high - found.labels_alone.low)
    return {
        "of": name,
        "n": len(labels),
        "labels": count,
        "held": held / seeds,
        "alone_held": alone / seeds,
        "width": float(np.mean(widths)),
        "alone_width": float(np.mean(wide)),
        "judge_alone": float(np.mean(cheap)) - whole,
        "seeds": seeds,
    }


def by_length(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[float]:
    """Grades by a rule that knows lengths alone, learnt on another candidate's judgements."""
    steps = np.array([len(row["output_2"]) - len(row["output_1"]) for row in others], dtype=np.float64)
    wins = np.array([row["preference"] - 1 for row in others])
    scale = float(steps.std())
    known = np.column_stack([np.ones(len(steps)), np.tanh(steps / scale)])
    weights = lengths.fit(known, wins)
    mine = np.array([len(row["output_2"]) - len(row["output_1"]) for row in rows], dtype=np.float64)
    there = np.column_stack([np.ones(len(mine)), np.tanh(mine / scale)])
    return [float(value) for value in 1 / (1 + np.exp(-there @ weights))]


def powers(folder: Path, seeds: int) -> Iterator[dict[str, Any]]:
    """Prediction-powered intervals on both kinds of recorded judgements."""
    found = judged(folder)
    names = list(found)
    for place, name in enumerate(names):
        other = found[names[(place + 1) % len(names)]]
        labels = [row["preference"] - 1 for row in found[name]]
        yield drawn(f"{name}, by length", by_length(found[name], other), labels, seeds)
    folders = sorted(path for path in (folder / "speechmap").glob("judge_*") if path.is_dir())
    if len(folders) > 1:
        one, two = ({name: float(kind == "answered") for name, _, kind in verdicts(path)} for path in folders[:2])
        both = [name for name in one if name in two]
        yield drawn("answered at all, by another judge", [one[n] for n in both], [two[n] for n in both], seeds)


def main() -> int:
    """Print what places, lengths and few labels do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = judged(given.folder)
    if not found:
        parser.error(f"{given.folder}: there are no annotations of AlpacaEval")
    place = [places(name, rows) for name, rows in found.items() if any(second(row) is not None for row in rows)]
    length = [long_ones(name, rows) for name, rows in found.items()]
    power = list(powers(given.folder, given.seeds))
    short = [row for row in power if row["held"] < LEAST - 2.58 * sqrt(LEAST * (1 - LEAST) / row["seeds"])]
    if given.json:
        print(json.dumps({"places": place, "lengths": length, "powered": power}, indent=2))
        return bool(short)
    print(f"{'place':34}{'n':>5}{'first':>9}{'second':>9}{'effect':>9}   95 % interval, points")
    for row in place:
        ends = f"{row['low'] * 100:+.1f} to {row['high'] * 100:+.1f}"
        print(
            f"{row['candidate']:34}{row['n']:5}{row['first']:9.1%}{row['second']:9.1%}{row['effect'] * 100:+9.1f}   {ends}"
        )
    print(
        f"\n{'length':34}{'wins':>7}{'longer wins':>13}   {'interval':16}{'log-odds':>9}   {'interval':16}{'equal':>7}"
    )
    for row in length:
        ends = f"{row['longer_low']:.1%} to {row['longer_high']:.1%}"
        pull = f"{row['pull_low']:+.2f} to {row['pull_high']:+.2f}"
        print(
            f"{row['candidate']:34}{row['win_rate']:7.1%}{row['longer']:13.1%}   {ends:16}{row['pull']:+9.2f}   "
            f"{pull:16}{row['equal']:7.1%}"
        )
    print(
        f"\n{'few labels':46}{'n':>6}{'labels':>8}{'held':>8}{'width':>8}{'alone':>8}{'width':>8}{'judge off by':>14}"
    )
    for row in power:
        print(
            f"{row['of']:46}{row['n']:6}{row['labels']:8}{row['held']:8.1%}{row['width']:8.3f}{row['alone_held']:8.1%}"
            f"{row['alone_width']:8.3f}{row['judge_alone'] * 100:+13.1f}"
        )
    return bool(short)


if __name__ == "__main__":
    sys.exit(main())
