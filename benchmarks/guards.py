"""How soon the guards of a move in stages go back from planted faults, and how seldom from an engine that is as good.

    python benchmarks/guards.py [--canaries 100] [--faulty 20] [--seed 0] [--json]

Conversations are simulated: both engines fail, miscall and refuse at the same small rates, take lognormal times and costs,
and users speak four languages. A fault is planted into the candidate's alone. What judges is what judges in a gateway, with its
usual stages, tolerances and alpha. "Requests" are the route's, of one exchange each, from the first of the first stage on.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from weighbridge.store.evidence import Row
from weighbridge.swap.canary import Swap
from weighbridge.swap.canary.deciding import decide
from weighbridge.swap.canary.judging import Judge, Said
from weighbridge.swap.signs import Signs
from weighbridge.weigh.stats.means import wilson

ERRORS, MALFORMED, MISCALLED, REFUSED = 0.005, 0.01, 0.02, 0.02
LANGUAGES = (("en", 0.7), ("de", 0.1), ("fr", 0.1), ("zh", 0.1))
SPREAD = 0.6  #: of the logarithm of times and costs
LOOK = 25  #: pairs between two looks
MOST = 40_000  #: pairs of a stage; none takes as many

Plant = Callable[[Signs, random.Random], Signs]


class End(NamedTuple):
    """How a simulated move ended."""

    did: str
    guard: str
    stage: int
    pairs: int
    requests: int


def fine(said: Signs, _rng: random.Random) -> Signs:
    return said


def malformed(said: Signs, rng: random.Random) -> Signs:
    return replace(said, malformed=said.malformed or rng.random() < 0.02) if said.malformed is not None else said


def miscalled(said: Signs, rng: random.Random) -> Signs:
    return replace(said, miscalled=said.miscalled or rng.random() < 0.1) if said.miscalled is not None else said


def slower(said: Signs, _rng: random.Random) -> Signs:
    return replace(said, seconds=said.seconds * 1.3) if said.seconds is not None else said


def silent(said: Signs, _rng: random.Random) -> Signs:
    return replace(said, refused=True) if said.language == "de" and not said.failed else said


def failing(said: Signs, rng: random.Random) -> Signs:
    return Signs(failed=True, language=said.language) if rng.random() < 0.01 else said


FAULTS: dict[str, tuple[Plant, str]] = {
    "2 % more malformed JSON": (malformed, "format"),
    "10 % of tool calls off": (miscalled, "tools"),
    "30 % slower": (slower, "latency"),
    "refuses in one language": (silent, "refusals"),
    "1 % more errors": (failing, "errors"),
}


def exchange(rng: random.Random) -> Signs:
    """What one exchange of a healthy engine says: half ask for JSON, a third have tools."""
    language = rng.choices([name for name, _ in LANGUAGES], [share for _, share in LANGUAGES])[0]
    if rng.random() < ERRORS:
        return Signs(failed=True, language=language)
    kind = rng.random()
    return Signs(
        failed=False,
        malformed=rng.random() < MALFORMED if kind < 0.5 else None,
        miscalled=rng.random() < MISCALLED if kind > 2 / 3 else None,
        refused=rng.random() < REFUSED,
        seconds=rng.lognormvariate(0, SPREAD),
        cost=round(1000 * rng.lognormvariate(0, SPREAD)),
        language=language,
    )


def rows(plant: Plant, rng: random.Random, at: float) -> Iterator[Row]:
    for n in range(2 * MOST):
        arm = ("canary", "control")[n % 2]
        said = exchange(rng)
        told = Said(signs=plant(said, rng) if arm == "canary" else said)
        yield Row("s", f"{at} {n}", arm, f"{at} {n}", at, msgspec.json.encode(told), n + 1)


def move(plant: Plant, seed: int) -> End:
    """One move from its first stage to its end."""
    rng = random.Random(f"guards {seed}")
    swap = Swap("s", "r", "old", "new", 0.0, moved=0.5)
    pairs, requests, controls = 0, 0.0, list[Row]()
    while True:
        judge, share = Judge(swap), swap.share
        judge.take(controls if share > 0.5 else ())
        fresh = (row for row in rows(plant, rng, swap.moved + 0.1) if share < 1 or row.arm == "canary")
        for n, row in enumerate(fresh, 1):
            judge.take([row])
            controls += [row] if row.arm == "control" else []
            if row.arm == "canary":
                pairs, requests = pairs + 1, requests + 1 / share
            if n % (2 * LOOK):
                continue
            decision = decide(judge, now=swap.moved + 1e9)
            if decision.do != "wait":
                break
        if decision.do == "back":
            guard = decision.why.partition(":")[0].partition(" ")[0]
            return End("back", guard, swap.stage, pairs, math.ceil(requests))
        if decision.do != "advance":
            return End(decision.do, "", swap.stage, pairs, math.ceil(requests))
        swap = replace(swap, stage=swap.stage + 1, moved=swap.moved + 1)


def run(plant: Plant, count: int, seed: int) -> list[End]:
    with ProcessPoolExecutor() as pool:
        return list(pool.map(partial(move, plant), range(seed, seed + count), chunksize=2))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--canaries", type=int, default=100, help="moves to an engine that is as good")
    parser.add_argument("--faulty", type=int, default=20, help="moves to an engine with each fault")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {}
    for name, (plant, guard) in FAULTS.items():
        ends = run(plant, given.faulty, given.seed)
        canary = [end.pairs for end in ends]
        route = [end.requests for end in ends]
        found[name] = {
            "rolled_back": sum(end.did == "back" for end in ends) / len(ends),
            "by_its_guard": sum(end.guard == guard for end in ends) / len(ends),
            "canary_median": statistics.median(canary),
            "canary_most": max(canary),
            "requests_median": statistics.median(route),
            "last_stage": max(end.stage for end in ends) + 1,
        }
    ends = run(fine, given.canaries, given.seed + 10_000)
    wrong = sum(end.did == "back" for end in ends)
    low, high = wilson(wrong / len(ends), len(ends), 1.96)
    found["as good"] = {
        "rolled_back": wrong / len(ends),
        "interval": [low, high],
        "stated": Swap("", "", "", "", 0.0).alpha,
        "finished": sum(end.did == "finish" for end in ends) / len(ends),
        "canary_median": statistics.median(end.pairs for end in ends),
        "requests_median": statistics.median(end.requests for end in ends),
    }
    if given.json:
        json.dump(found, sys.stdout, indent=1)
        return
    print(f"{'fault of the candidate':28} {'back':>6} {'by guard':>9} {'its requests':>13} {'most':>7} {'stage':>6}")
    for name, one in found.items():
        if "by_its_guard" in one:
            shares = f"{one['rolled_back']:6.0%} {one['by_its_guard']:9.0%}"
            print(f"{name:28} {shares} {one['canary_median']:13,.0f} {one['canary_most']:7,} {one['last_stage']:6}")
    fair = found["as good"]
    print(
        f"{'none: it is as good':28} {fair['rolled_back']:6.1%}  of {len(ends)} moves (95 %: {low:.1%} to {high:.1%}; "
        f"stated: at most {fair['stated']:.0%})"
    )
    print(f"{'':28} {fair['finished']:.0%} went to their end, after {fair['canary_median']:,.0f} of its requests")


if __name__ == "__main__":
    main()
