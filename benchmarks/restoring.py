"""Restoring: streams cut at random places, whose values must all come back, and what a piece of a stream costs.

    python benchmarks/restoring.py [--json] [--chunkings 100000] [--seed 5] [--live 50]

Prints how many of the chunkings came out wrong, microseconds per piece of about four characters with that many live
surrogates, and beside it the same loop with a function that passes its text on. Times are those of the processor: what
else runs on the machine does not count.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from weighbridge.canon import Span
from weighbridge.mask.restore import StreamRestorer
from weighbridge.mask.secret import conversation_key
from weighbridge.mask.sheet import Sheet

KINDS = ("person", "email", "phone", "ip", "api_key", "card", "address")
GIVEN = ("Anna", "Jan", "Zoë", "Ute", "Émile", "Olga")
FAMILY = ("Kowalska", "Groß", "Nowak", "Lindqvist", "O'Hara", "Şahin")
WORDS = (
    "the",
    "answer",
    "is",
    "written",
    "here",
    "für",
    "您好",
    "then",
    "https://host.test/?q=",
    "\n",
    "—",
    "🙂",
    'a "quote"',
)
ROUNDS = 7


def value(draw: random.Random, kind: str) -> str:  # noqa: PLR0911 - one for each kind
    """An invented value."""
    match kind:
        case "person":
            given, family = draw.choice(GIVEN), draw.choice(FAMILY)
            return draw.choice(
                (given, f"{given} {family}", f"{given} {family}".upper(), "王小明", f"{given} {family}-Wu")
            )
        case "email":
            return f"user{draw.randrange(10**6)}@firm.test"
        case "phone":
            return f"+44 20 {draw.randrange(1000, 9999)} {draw.randrange(1000, 9999)}"
        case "ip":
            return f"10.{draw.randrange(256)}.{draw.randrange(256)}.{draw.randrange(256)}"
        case "card":
            return " ".join(str(draw.randrange(1000, 9999)) for _ in range(4))
        case "address":
            return f'{draw.randrange(999)} "High" St\nLeeds \\ {draw.randrange(99)}'
    return f"sk_{draw.randrange(10**9)}"


def filled(draw: random.Random, live: int) -> tuple[Sheet, list[tuple[str, str]]]:
    """A sheet with so many values, and each with what stands in its place."""
    sheet = Sheet(conversation_key(draw.randbytes(32), "bench", "c"))
    pairs = {}
    for number in range(100 * live):
        kind = KINDS[number % len(KINDS)]
        made = value(draw, kind)
        pairs[made] = sheet.replace(made, [Span(0, len(made), kind)])
        if len(pairs) == live:
            break
    return sheet, list(pairs.items())


def told(draw: random.Random, pairs: Sequence[tuple[str, str]], count: int) -> tuple[str, str]:
    """What an engine says, and what its caller is to read."""
    said, meant = [], []
    for _ in range(count):
        one, other = draw.choice(pairs) if draw.random() < 0.4 else (draw.choice(WORDS),) * 2
        said.append(other)
        meant.append(one)
    return " ".join(said), " ".join(meant)


def cut(draw: random.Random, text: str, mean: float) -> list[str]:
    """The text in pieces of random length."""
    pieces, at = [], 0
    while at < len(text):
        size = 1 + int(draw.expovariate(1 / mean))
        pieces.append(text[at : at + size])
        at += size
    return pieces


def wrong(draw: random.Random, chunkings: int, live: int) -> int:
    """How many chunkings do not say what they should: plain texts, strings of JSON, JSON within JSON, several at once."""
    errors = 0
    for number in range(chunkings):
        if number % 500 == 0:
            sheet, pairs = filled(draw, live)
            restorer = sheet.restorer()
        form = number % 4
        streams = [told(draw, pairs, draw.randrange(1, 12)) for _ in range(2)]
        made: list[tuple[StreamRestorer, list[str], list[str]]] = []
        for said, _ in streams:
            text = said if form == 0 else json.dumps({"a": [said], "b": 1}, ensure_ascii=form == 1)
            text = json.dumps({"arguments": text}) if form == 3 else text
            made.append((restorer.stream(json=form > 0), cut(draw, text, draw.choice((1, 3, 9))), []))
        while any(pieces for _, pieces, _ in made):  # two answers, a piece of each in turn
            for stream, pieces, out in made:
                if pieces:
                    out.append(stream.feed(pieces.pop(0)))
        for (stream, _, out), (_, meant) in zip(made, streams, strict=True):
            out.append(stream.close())
            errors += _said("".join(out), form) != meant
    return errors


def _said(text: str, form: int) -> str | None:
    try:
        tree: Any = text if form == 0 else json.loads(text)
        tree = json.loads(tree["arguments"]) if form == 3 else tree
    except ValueError:
        return None
    made: str = tree if form == 0 else tree["a"][0]
    return made


def per_piece(pieces: Sequence[str], feed: Callable[[], Callable[[str], str]]) -> float:
    """Microseconds for one piece: the median of some rounds."""
    times = []
    for _ in range(ROUNDS):
        one = feed()
        begun = time.process_time()
        for piece in pieces:
            one(piece)
        times.append((time.process_time() - begun) / len(pieces) * 1e6)
    return statistics.median(times)


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--chunkings", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--live", type=int, default=50)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    sheet, pairs = filled(draw, given.live)
    said, _ = told(draw, pairs, 6000)
    pieces = cut(draw, said, 3.6)
    restorer, careful = sheet.restorer(), sheet.restorer(urls="keep")
    begun = time.perf_counter()
    errors = wrong(draw, given.chunkings, given.live)
    result = {
        "chunkings": given.chunkings,
        "errors": errors,
        "seconds": round(time.perf_counter() - begun, 1),
        "live": len(sheet.entries),
        "characters_per_piece_p50": statistics.median(map(len, pieces)),
        "us_per_piece": round(per_piece(pieces, lambda: restorer.stream().feed), 2),
        "us_per_piece_json": round(per_piece(pieces, lambda: restorer.stream(json=True).feed), 2),
        "us_per_piece_addresses_kept": round(per_piece(pieces, lambda: careful.stream().feed), 2),
        "us_per_piece_passed_on": round(per_piece(pieces, lambda: lambda text: text), 3),
    }
    result["ratio"] = round(result["us_per_piece"] / result["us_per_piece_passed_on"], 1)
    if given.json:
        print(json.dumps(result))
    else:
        for name, figure in result.items():
            print(f"{name.replace('_', ' '):28} {figure}")
    return int(errors > 0)


if __name__ == "__main__":
    sys.exit(main())
