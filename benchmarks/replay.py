"""Replay real recorded answers: is the verdict the one that all the data gives, and how much of the sample does it take?

    python benchmarks/replay.py [--data ../shared/data/zeroeval] [--seeds 3] [--margin 5] [--only gpt-4o,Yi] [--limit 400] [--json]

The folder holds `gsm/MODEL.json.gz`, lists of answers as ZeroEval publishes them. A route is answered by `--base`; its traffic
is what that model was asked and answered. Every other model plays its own recorded answers, and `weighbridge swap replay` is
run as anyone would run it, with the right answers given. "All the data" is one look at every answer of both
(`weigh.verdict.compare`), with the same grader and tolerance. A replay may be undecided where that is not, since it may be
looked at after every answer; it must not say the contrary, and what it says must be true of the whole file.
"""

from __future__ import annotations

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from weighbridge.canon import Attempt, Choice, Message, Reply, Request, TextPart, Trace, Usage
from weighbridge.store.traces import TraceWriter
from weighbridge.weigh import graders
from weighbridge.weigh.types import Sample
from weighbridge.weigh.verdict import compare

BASE = "gpt-4o-mini-2024-07-18"
_TOKEN = 4  #: letters of one, about


@dataclass(frozen=True)
class Run:
    """One replay. `full` is the verdict of one look at all data, `truth` on which side of the tolerance they lie."""

    candidate: str
    seed: int
    difference: float
    truth: str
    full: str
    verdict: str
    correct: str
    used: float
    calls: int
    seconds: float


def answers_of(path: Path, limit: int) -> dict[str, tuple[str, str]]:
    """By question, a model's answer and the right one."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        rows = json.load(stream)
    found = {row["question"]: (row["output"][0], row["answer"]) for row in rows}
    return dict(list(found.items())[:limit] if limit else found)


def right(answers: dict[str, tuple[str, str]], questions: list[str]) -> list[float]:
    """The scores of a model's answers."""
    samples = (Sample("x", (), target=answers[one][1], grader="number") for one in questions)
    return [
        graders.grade(sample, Reply((Choice((TextPart(answers[one][0]),)),))).score
        for sample, one in zip(samples, questions, strict=True)
    ]


def lay_out(
    folder: Path, models: dict[str, dict[str, tuple[str, str]]], base: str, questions: list[str]
) -> dict[str, str]:
    """A configuration, one recorded host per model, the base's traffic, and the right answers. Gives the engines' names."""
    lines, names = [], {}
    for place, (model, answers) in enumerate(models.items()):
        names[model] = f"m{place}@h{place}"
        rows = ({"input": one, "output": answers[one][0]} for one in questions)
        (folder / f"h{place}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        lines += [
            f'[models.m{place}]\nlab = "lab {place}"\ntitle = {json.dumps(model)}',
            f'[hosts.h{place}]\nurl = "http://h{place}.invalid/v1"\nauth = "none"\nrecorded = {{ path = "h{place}.jsonl" }}',
            f'[offers."m{place}@h{place}"]',
        ]
    lines.append(f'[routes.gsm]\nprimary = "{names[base]}"\n')
    (folder / "weighbridge.toml").write_text("\n".join(lines), encoding="utf-8")
    targets = ({"input": one, "target": models[base][one][1]} for one in questions)
    (folder / "targets.jsonl").write_text("".join(json.dumps(row) + "\n" for row in targets), encoding="utf-8")
    writer = TraceWriter(folder / ".weighbridge" / "traces")
    for trace in traffic(models[base], questions, names[base]):
        writer.record(trace)
    writer.close()
    return names


def traffic(answers: dict[str, tuple[str, str]], questions: list[str], engine: str) -> Iterator[Trace]:
    """What the route was asked, and what it answered."""
    began = time.time() - 3600
    for place, question in enumerate(questions):
        output = answers[question][0]
        usage = Usage(input=len(question) // _TOKEN, output=len(output) // _TOKEN)
        yield Trace(
            id=f"{place:026d}",
            at=began + place,
            route="gsm",
            engine=engine,
            dialect="openai-chat",
            total=1.0,
            usage=usage,
            attempts=(Attempt(engine, 0.0, 1.0, billed=True, usage=usage),),
            request=Request(model="gsm", messages=(Message("user", (TextPart(question),)),)),
            reply=Reply((Choice((TextPart(output),)),), usage),
        )


def replay(folder: Path, engine: str, *, seed: int, margin: float, size: int) -> tuple[dict[str, Any], float]:
    """What the command says, and how many seconds it took."""
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "swap", "replay", "gsm", engine]
    command += ["--targets", "targets.jsonl", "--grader", "number", "--sample", str(size), "--seed", str(seed)]
    command += ["--margin", f"{margin:g}", "--fresh", "--json"]
    began = time.monotonic()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=folder)
    return json.loads(done.stdout), time.monotonic() - began


def runs(options: argparse.Namespace) -> Iterator[Run]:
    """Every candidate, every seed."""
    files = {path.name.removesuffix(".json.gz"): path for path in sorted((options.data / "gsm").glob("*.json.gz"))}
    wanted = [name for name in options.only.split(",") if name]
    chosen = [name for name in files if name == options.base or not wanted or any(one in name for one in wanted)]
    models = {name: answers_of(files[name], options.limit) for name in chosen}
    questions = sorted(set.intersection(*(set(answers) for answers in models.values())))
    scores = {name: right(answers, questions) for name, answers in models.items()}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = lay_out(folder, models, options.base, questions)
        for candidate in (name for name in chosen if name != options.base):
            full = compare(scores[options.base], scores[candidate], margin=options.margin / 100)
            for seed in range(options.seeds):
                found, seconds = replay(folder, names[candidate], seed=seed, margin=options.margin, size=len(questions))
                correct = next(one for one in found["metrics"] if one["name"] == "correct")
                yield Run(
                    candidate=candidate,
                    seed=seed,
                    difference=full.difference,
                    truth="safe" if full.difference > -options.margin / 100 else "unsafe",
                    full=full.verdict,
                    verdict=found["verdict"],
                    correct=correct["verdict"],
                    used=found["looked_at"] / found["sample"],
                    calls=found["calls"],
                    seconds=seconds,
                )


def summary(found: list[Run]) -> dict[str, int | float]:
    """What holds of all runs."""
    known = [one for one in found if one.full != "undecided"]
    said = [one for one in found if one.verdict != "undecided"]
    return {
        "replays": len(found),
        "decided by one look at all data": len(known),
        "of these, replays that say the same": sum(one.verdict == one.full for one in known),
        "of these, replays that say the contrary": sum(one.verdict not in (one.full, "undecided") for one in known),
        "replays that decide": len(said),
        "of these, false of the whole file": sum(one.verdict != one.truth for one in said),
        "median share of the sample used, where decided": median(one.used for one in said) if said else 1.0,
        "mean share of the sample used, over all": sum(one.used for one in found) / len(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "zeroeval"
    parser.add_argument("--data", type=Path, default=default, help="folder with gsm/")
    parser.add_argument("--base", default=BASE, help="the model in use")
    parser.add_argument("--only", default="", help="parts of the candidates' names, with commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--margin", type=float, default=5.0, help="points")
    parser.add_argument("--limit", type=int, default=0, help="take only the first so many questions")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.data == default and not default.is_dir():
        print("skipped: the recorded answers are not beside this checkout; name their folder with --data")
        return
    if not (options.data / "gsm").is_dir():
        parser.error(f"{options.data} has no gsm/")
    found = []
    if not options.json:
        print(f"{'candidate':<40}{'seed':>5}{'points':>8}{'truth':>8}{'all data':>11}{'replay':>11}{'used':>6}{'s':>6}")
    for one in runs(options):
        found.append(one)
        if not options.json:
            print(
                f"{one.candidate:<40}{one.seed:>5}{100 * one.difference:>+8.2f}{one.truth:>8}{one.full:>11}"
                f"{one.verdict:>11}{one.used:>6.0%}{one.seconds:>6.1f}",
                flush=True,
            )
    told = summary(found)
    if options.json:
        print(json.dumps({"base": options.base, "summary": told, "runs": [asdict(one) for one in found]}, indent=2))
        return
    print()
    for name, value in told.items():
        print(f"{name:<60}{value:>8.0%}" if "share" in name else f"{name:<60}{value:>8.0f}")


if __name__ == "__main__":
    main()
