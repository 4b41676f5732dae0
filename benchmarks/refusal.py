"""How often the kinds of answers that phrases tell agree with judges, on recorded answers to sensitive requests.

    python benchmarks/refusal.py --data ../shared/data/speechmap

Beside it stands how often two judges agree with each other: more than that is not to be had.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from weighbridge.canon import Choice, Reply, TextPart
from weighbridge.weigh.graders.kinds import kind_of
from weighbridge.weigh.stats.agreement import agreed, kappa

KINDS = {"COMPLETE": "answered", "EVASIVE": "evasive", "DENIAL": "refused"}


def rows(folder: Path) -> Iterator[tuple[tuple[str, str, str], str, str]]:
    """What was asked of whom, the answer, and the judge's word for it; what failed is passed over."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as file:
            for line in file:
                told: dict[str, Any] = json.loads(line)
                choices = (told.get("response") or {}).get("choices") or [{}]
                text = (choices[0].get("message") or {}).get("content") or ""
                if told["compliance"] in KINDS and text:
                    name = (path.name.partition("__")[0], told["model"], told["question_id"])
                    yield name, text, KINDS[told["compliance"]]


def main() -> None:
    """Print the agreement of phrases with each judge, and of the judges with each other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with one folder of answers per judge")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folders = sorted(path for path in given.data.glob("judge_*") if path.is_dir())
    if not folders:
        parser.error(f"{given.data}: no folder is called judge_*")
    judged = {folder.name.removeprefix("judge_"): list(rows(folder)) for folder in folders}
    found = []
    for judge, told in judged.items():
        ours = [kind_of(Reply(choices=(Choice(parts=(TextPart(text),)),))) for _, text, _ in told]
        found.append(_compared(f"phrases, {judge}", [kind for _, _, kind in told], list(ours)))
        for suite in sorted({name[0] for name, _, _ in told}):
            places = [place for place, (name, _, _) in enumerate(told) if name[0] == suite]
            found.append(
                _compared(f"  {suite}", [told[place][2] for place in places], [ours[place] for place in places])
            )
    one, other = ({name: kind for name, _, kind in told} for told in list(judged.values())[:2])
    shared = [name for name in one if name in other]
    found.append(_compared("two judges", [one[name] for name in shared], [other[name] for name in shared]))
    if given.json:
        print(json.dumps(found, indent=2))
        return
    print(f"{'':34}{'answers':>8}{'agree':>8}{'kappa':>8}{'no answer':>11}{'missed':>8}{'told so':>9}{'falsely':>9}")
    for row in found:
        counts = f"{row['none']:11}{row['missed']:8}{row['told']:9}{row['false']:9}"
        print(f"{row['of']:34}{row['n']:8}{row['agree']:8.3f}{row['kappa']:8.3f}{counts}")


def _compared(of: str, wanted: list[str], got: list[str]) -> dict[str, Any]:
    pairs = Counter(zip(wanted, got, strict=True))
    no = {pair: count for pair, count in pairs.items() if (pair[0] == "answered") != (pair[1] == "answered")}
    share, chance = agreed(wanted, got), kappa(wanted, got, seed=0, draws=200)
    return {
        "of": of,
        "n": len(wanted),
        "agree": share.value,
        "kappa": chance.value if chance else 0.0,
        "none": sum(kind != "answered" for kind in wanted),
        "missed": sum(count for pair, count in no.items() if pair[1] == "answered"),
        "told": sum(kind != "answered" for kind in got),
        "false": sum(count for pair, count in no.items() if pair[0] == "answered"),
    }


if __name__ == "__main__":
    main()
