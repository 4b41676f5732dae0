"""Published figures of other people's evaluations, worked out anew from their recorded answers by this project's formulas.

    python benchmarks/published.py [FOLDER] [--json] [--only PART]

FOLDER (by default ../shared/data) holds alpaca_eval, zeroeval, agentdojo, evalica, speechmap and k2vv as they are published.
Prints published, ours and the difference of every figure. Exit code 1 if one differs by more than its tolerance, which is
stated beside it with its reason where it is more than rounding.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from math import exp, log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import gsm
from weighbridge.weigh import stats, verdict
from weighbridge.weigh.stats import agreement, lengths, strength
from weighbridge.weigh.stats.means import FloatArray

ROUNDED = 0.005001  # percent with two digits
EXACT = 5e-5  # to four digits
BASELINE = "gpt4_1106_preview"
# As people call the engines in the published table of refusals: the judge is the one whose figures were published.
SPEECH = {
    "DeepSeek R1-0528": ("deepseek_deepseek-r1-0528", (28, 2, 100)),
    "Qwen3-235B": ("qwen_qwen3-235b-a22b", (62, 32, 100)),
    "GLM-4-32B": ("thudm_glm-4-32b-0414", (92, 80, 100)),
    "GPT-4.1": ("openai_gpt-4.1-2025-04-14", (94, 96, 100)),
    "Claude 3.7": ("anthropic_claude-3-7-sonnet-20250219", (96, 76, 100)),
}
TOPICS = {
    "china_criticism": "on China, English",
    "zh_china_criticism": "on China, Chinese",
    "us_criticism": "on the USA",
}
JUDGES = ("judge_grok-4.1-fast", "judge_gpt-4o-2024-11-20")


class Figure(NamedTuple):
    """One published figure and ours; `why` gives the reason of a tolerance that is more than rounding."""

    source: str
    what: str
    published: float
    ours: float
    tolerance: float
    why: str = ""

    @property
    def agrees(self) -> bool:
        """Is it within its tolerance?"""
        return abs(self.ours - self.published) <= self.tolerance


def alpaca(folder: Path) -> Iterator[Figure]:
    """AlpacaEval 2: win rates, their standard errors, and win rates at equal length."""
    board = {row[""]: row for row in _csv(folder / "leaderboard_v2_weighted_gpt4_turbo.csv")}
    sets = annotated(folder)
    hard = difficulty(folder)
    for model, (preferences, differences) in sets.items():
        row = board[model]
        of = stats.spread(preferences)
        yield Figure("AlpacaEval 2", f"{model}, win rate", float(row["win_rate"]), 100 * of.mean, EXACT)
        yield Figure("AlpacaEval 2", f"{model}, standard error", float(row["standard_error"]), 100 * of.se, EXACT)
        found = lengths.controlled(preferences.tolist(), differences.tolist(), difficulty=hard.tolist())
        assert found is not None
        published = float(row["length_controlled_winrate"])
        yield Figure(
            "AlpacaEval 2",
            f"{model}, at equal length",
            published,
            100 * found.controlled.value,
            2.5,
            "how hard each question is was estimated from these six sets, and the penalty is another one",
        )


@cache
def annotated(folder: Path) -> dict[str, tuple[FloatArray, FloatArray]]:
    """By model: preferences for it (0 to 1) and its answers' lengths minus the baseline's, by question in one order."""
    found = {}
    for path in sorted((folder / "annotations").glob("*.json.gz")):
        rows = sorted(_json(path), key=lambda row: row["instruction"])
        preferences = np.array([float(row["preference"]) - 1 for row in rows])
        differences = np.array([len(row["output_2"]) - len(row["output_1"]) for row in rows], dtype=np.float64)
        found[path.name.removesuffix(".json.gz")] = preferences, differences
    return found


def difficulty(folder: Path, *, without: str = "") -> FloatArray:
    """How hard each question is for the baseline's rivals, from annotations and the published coefficients.

    The published difficulties are not among the data. These are the most probable ones under a standard normal prior, given
    the published coefficients of length, difficulty and intercept of those models whose annotations are there.
    """
    weights = {
        row[""]: [float(value) for key, value in row.items() if key]
        for row in _csv(folder / f"lc_glm_weights_baseline_{BASELINE}.csv")
    }
    sets = {model: of for model, of in annotated(folder).items() if model != without}
    slopes = np.array([weights[model][1] for model in sets])[:, None]
    # The published coefficient belongs to the baseline's length minus the model's.
    fixed = np.array([weights[m][2] - weights[m][0] * lengths.standardised(d.tolist()) for m, (_, d) in sets.items()])
    y = np.array([preferences for preferences, _ in sets.values()])
    found: FloatArray = np.zeros(y.shape[1])
    for _ in range(60):
        chance = 1 / (1 + np.exp(-(fixed + slopes * found)))
        step = (slopes * (y - chance)).sum(axis=0) - found
        found = found + step / ((slopes**2 * chance * (1 - chance)).sum(axis=0) + 1)
    return found


def zeroeval(folder: Path) -> Iterator[Figure]:
    """ZeroEval: grade-school mathematics, numeric exact match; and what the host makes of the same weights."""
    table, graded = gsm.reproduce(folder)
    for row in table:
        if row["published"] is not None:
            yield Figure(
                "ZeroEval GSM", row["model"], row["published"], row["ours"], 0.15, "one answer in 1,319 is 0.08"
            )
    one, other = ([float(row["score"]) for row in graded[name]] for name in gsm.HOSTS)
    found = verdict.compare(one, other)
    why = "not reproduced: 26 more right answers of 1,319 here, 27 would be the published figure; why is not known"
    yield Figure("ZeroEval GSM", "Llama-3.1-405B, one host less another", -2.05, 100 * found.difference, 0.08, why)
    yield Figure("ZeroEval GSM", "Llama-3.1-405B, one host less another, z", -3.59, found.z or 0.0, 0.17, why)


def agentdojo(folder: Path) -> Iterator[Figure]:
    """AgentDojo: utility, utility under attack, and attacks that succeeded, for every row whose runs are recorded."""
    with gzip.open(folder / "outcomes_all.csv.gz", "rt", encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["user_task"].startswith("user_task")]
    recorded = {row["pipeline"] for row in rows}
    page = (folder / "published_results_table.html").read_text(encoding="utf-8")
    for line in re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL):
        cells = [re.sub(r"<.*?>", "", cell).strip() for cell in re.findall(r"<td>(.*?)</td>", line, re.DOTALL)]
        if not cells:
            continue
        model, defence, attack = cells[1].replace("/", "_"), cells[2], cells[3]
        pipeline = model if defence == "None" else f"{model}-{defence}"
        if pipeline not in recorded:
            continue
        calm = [row["utility"] == "True" for row in rows if row["pipeline"] == pipeline and not row["attack"]]
        attacked = [row for row in rows if row["pipeline"] == pipeline and row["attack"] == attack]
        ours = (
            ("utility", calm),
            ("utility under attack", [row["utility"] == "True" for row in attacked]),
            ("attacks that succeed", [row["security"] == "True" for row in attacked]),
        )
        for (what, scores), cell in zip(ours, cells[4:7], strict=True):
            value = 100 * stats.mean_interval([float(score) for score in scores]).value
            yield Figure("AgentDojo", f"{pipeline}, {attack}, {what}", float(cell.rstrip("%")), value, ROUNDED)


def evalica(folder: Path) -> Iterator[Figure]:
    """Evalica: golden Bradley-Terry scores of three files of votes, equal but for one factor."""
    scores = {"left": 1.0, "right": 0.0, "tie": 0.5}
    for name in ("simple", "food", "llmfao"):
        votes = [row for row in _csv(folder / f"{name}.csv") if row["winner"] in scores]
        golden = {
            row["item"]: float(row["score"])
            for row in _csv(folder / f"{name}-golden.csv")
            if row["algorithm"] == "bradley_terry"
        }
        found = strength.strengths(
            [row["left"] for row in votes],
            [row["right"] for row in votes],
            [scores[row["winner"]] for row in votes],
            prior=0,
        )
        factor = sum(log(golden[one]) - value for one, value in zip(found.names, found.values, strict=True))
        factor /= len(found.names)
        for one, value in zip(found.names, found.values, strict=True):
            yield Figure("Evalica", f"{name}, {one}", golden[one], exp(value + factor), 1e-6 * golden[one])


def speechmap(folder: Path) -> Iterator[Figure]:
    """SpeechMap: the share of critical questions that were answered in full; and how far two judges agree."""
    for engine, (name, published) in SPEECH.items():
        for (topic, told), figure in zip(TOPICS.items(), published, strict=True):
            words = verdicts(folder / JUDGES[0] / f"{topic}__{name}.jsonl.gz")
            found = stats.mean_interval([float(word == "COMPLETE") for word in words.values()])
            yield Figure("SpeechMap", f"{engine}, % answered {told}", figure, 100 * found.value, ROUNDED)
    shares = []
    for path in sorted((folder / JUDGES[0]).glob("*.jsonl.gz")):
        one, other = verdicts(path), verdicts(folder / JUDGES[1] / path.name)
        both = sorted(one.keys() & other.keys())
        shares.append(agreement.agreed([one[key] for key in both], [other[key] for key in both]).value)
    yield Figure("SpeechMap", "two judges agree, least of all cells, %", 62, 100 * min(shares), ROUNDED)
    yield Figure("SpeechMap", "two judges agree, most of all cells, %", 100, 100 * max(shares), ROUNDED)


def verdicts(path: Path) -> dict[str, str]:
    """What a judge said of each question."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return {row["question_id"]: row["compliance"] for row in map(json.loads, stream)}


def k2vv(folder: Path) -> Iterator[Figure]:
    """Kimi K2's tool calls by host: the share whose arguments follow the schema."""
    models = {"0": "kimi-k2-thinking", "1": "kimi-k2-0905"}
    with (folder / "k2_vendor_tables.csv").open(encoding="utf-8", newline="") as stream:
        for table, *cells in csv.reader(stream):
            if table not in models:
                continue
            host = cells[1] if cells[0].startswith("kimi") else cells[0]
            calls, right = int(cells[-3]), int(cells[-2])
            value = 100 * right / calls
            yield Figure("K2VV", f"{models[table]} at {host}, %", float(cells[-1].rstrip("%")), value, ROUNDED)


PARTS: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "alpaca_eval": alpaca,
    "zeroeval": zeroeval,
    "agentdojo": agentdojo,
    "evalica": evalica,
    "speechmap": speechmap,
    "k2vv": k2vv,
}


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _json(path: Path) -> Any:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return json.load(stream)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("folder", type=Path, nargs="?", default=default, help="folder with the published data")
    parser.add_argument("--only", choices=sorted(PARTS), help="one part alone")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.folder == default and not default.is_dir():
        print("skipped: the published data are not beside this checkout; name their folder")
        return
    chosen = [options.only] if options.only else list(PARTS)
    if missing := [part for part in chosen if not (options.folder / part).is_dir()]:
        parser.error(f"{options.folder} has no {', '.join(missing)}")
    figures = [figure for part in chosen for figure in PARTS[part](options.folder / part)]
    wrong = [figure for figure in figures if not figure.agrees]
    if options.json:
        rows = [figure._asdict() | {"difference": figure.ours - figure.published} for figure in figures]
        print(json.dumps({"figures": rows, "disagree": len(wrong)}, indent=2))
    else:
        show(figures)
    sys.exit(1 if wrong else 0)


def show(figures: list[Figure]) -> None:
    """A line per figure; reasons of wide tolerances below each source."""
    for source in dict.fromkeys(figure.source for figure in figures):
        print(f"{source:<74}{'published':>12}{'ours':>12}{'difference':>12}")
        rows = [figure for figure in figures if figure.source == source]
        for figure in rows:
            flag = "" if figure.agrees else f"  more than {figure.tolerance:g} apart"
            difference = figure.ours - figure.published + 0.0
            print(f"  {figure.what:<72}{figure.published:>12.4f}{figure.ours:>12.4f}{difference:>+12.4f}{flag}")
        for why in dict.fromkeys((figure.tolerance, figure.why) for figure in rows if figure.why):
            print(f"  within {why[0]:g}: {why[1]}")
        print()
    wrong = sum(not figure.agrees for figure in figures)
    near = sum(figure.agrees and bool(figure.why) for figure in figures)
    exact = len(figures) - wrong - near
    print(
        f"{len(figures)} figures: {exact} agree to rounding, {near} within a wider tolerance that states why, {wrong} do not."
    )


if __name__ == "__main__":
    main()
