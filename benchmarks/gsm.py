"""Reproduce published GSM8K figures from recorded answers, and weigh two of the models with `weighbridge compare`.

    python benchmarks/gsm.py [FOLDER] [--json]

FOLDER (by default ../shared/data/zeroeval) holds `gsm/MODEL.json.gz` (lists of answers) and `gsm.published_summary.json`, as ZeroEval publishes them.
An answer counts when the first number in its first "answer" field equals the reference: a model that corrects
itself in a second object has already answered. The published figures take the same view.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BASE = "Qwen2-72B-Instruct"
CANDIDATE = "gpt-4o-mini-2024-07-18"
# Files that the published table calls by another name.
PUBLISHED_AS = {
    "DeepSeek-Coder-V2-0724": "deepseek-v2-coder-0724",
    "gemma-2-27b-it@together": "gemma-2-27b-it",
}
# The same weights on two hosts: each answer of the second is compared with the first's.
HOSTS = ("Llama-3.1-405B-Inst@sambanova", "Llama-3.1-405B-Instruct-Turbo")

_ANSWER = re.compile(r'"answer"\s*:\s*("(?:[^"\\]|\\.)*"|[^,}\s]+)')
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def number(text: str) -> float | None:
    """The first number of a text; thousands separators are no part of it."""
    found = _NUMBER.search(text.replace(",", "").replace("$", ""))
    return float(found[0]) if found else None


def is_right(output: str, reference: str) -> bool:
    """Numeric exact match of the first answer."""
    found = _ANSWER.search(output)
    value = number(found[1]) if found else None
    return value is not None and value == number(reference)


def grade(path: Path) -> list[dict[str, Any]]:
    """One row with an id and a score per recorded answer."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        answers = json.load(stream)
    return [{"id": row["id"], "score": is_right(row["output"][0], row["answer"])} for row in answers]


def compare(base: list[dict[str, Any]], candidate: list[dict[str, Any]], *options: str) -> str:
    """What `weighbridge compare` prints for two graded models."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{name}.jsonl" for name in (BASE, CANDIDATE)]
        for path, rows in zip(paths, (base, candidate), strict=True):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "compare"]
        command += [path.name for path in paths] + ["--id", "id", "--score", "score", *options]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout


def reproduce(folder: Path) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """A row per model (percent: published, ours, ours - published), and the graded answers by model."""
    summary = json.loads((folder / "gsm.published_summary.json").read_text(encoding="utf-8"))
    published = {row["Model"]: float(row["Acc"]) for row in summary}
    table, graded = [], {}
    for path in sorted((folder / "gsm").glob("*.json.gz")):
        model = path.name.removesuffix(".json.gz")
        rows = graded[model] = grade(path)
        ours = 100 * sum(row["score"] for row in rows) / len(rows)
        theirs = published.get(PUBLISHED_AS.get(model, model))
        difference = None if theirs is None else round(round(ours, 2) - theirs, 2) + 0.0  # no -0.0
        table.append({"model": model, "published": theirs, "ours": round(ours, 2), "difference": difference})
    return table, graded


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "zeroeval"
    parser.add_argument(
        "folder", type=Path, nargs="?", default=default, help="folder with gsm/ and gsm.published_summary.json"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.folder == default and not default.is_dir():
        print("skipped: the recorded answers are not beside this checkout; name their folder")
        return
    if not (options.folder / "gsm.published_summary.json").is_file():
        parser.error(f"{options.folder} has no gsm.published_summary.json")
    table, graded = reproduce(options.folder)
    pair = graded[BASE], graded[CANDIDATE]
    if options.json:
        found = json.loads(compare(*pair, "--json"))
        print(json.dumps({"models": table, "base": BASE, "candidate": CANDIDATE, "comparison": found}, indent=2))
        return
    print(f"{'model':<42}{'published':>10}{'ours':>8}{'difference':>12}")
    for row in table:
        published = "-" if row["published"] is None else f"{row['published']:.2f}"
        difference = "-" if row["difference"] is None else f"{row['difference']:+.2f}"
        print(f"{row['model']:<42}{published:>10}{row['ours']:>8.2f}{difference:>12}")
    print()
    print(compare(*pair), end="")


if __name__ == "__main__":
    main()
