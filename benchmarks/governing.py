"""What governing costs: CPU per request with keys, limits, budgets, policies, balance, hedges and caches, off and on.

    python benchmarks/governing.py [--json] [--seconds 2] [--rounds 3]

One gateway for each row, all of them running at once; the rows take turns under the same load, so that a machine that
drifts drifts for all. The mock engine answers at once. `ratio` is against the gateway in which nothing is governed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

import gateway as plain
from weighbridge import settings
from weighbridge.access import keys, rules
from weighbridge.store.state import State

MODEL = '[models.mock]\nlab = "bench"\nlab_country = "FR"\nopen_weights = true\nlicence = "Apache-2.0"\n'
PRICE = "price = { input = 0.5, output = 2.0 }\n"
POLICY = (
    '[routes.assistant.policy]\njurisdictions = ["EU"]\nlab_countries = ["FR"]\nopen_weights = true\n'
    'licences = ["Apache-*"]\nno_training = true\nmax_retention_days = 0\ndata_class = "personal"\n'
    'max_output_price = 3.0\ndialects = ["openai-chat"]\nmax_output = 4096\n'
)
BALANCE = 'balance = "latency"\nsticky = true\n'
LIMITS = {"requests": 10**9, "input_tokens": 10**12, "output_tokens": 10**12, "concurrency": 10_000}
BUDGET = {"day": 10**14, "month": 10**15}


@dataclass
class Case:
    """One row: what the configuration adds, what is set for the key, and what each request adds."""

    name: str
    route: str = ""
    policy: str = ""
    key: bool = False
    rule: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)


CASES = (
    Case("nothing"),
    Case("a key", key=True),
    Case("a key with limits", key=True, rule=LIMITS),
    Case("a key with budgets", key=True, rule=BUDGET),
    Case("a key with both", key=True, rule=LIMITS | BUDGET),
    Case("a policy of ten rules", policy=POLICY, body={"max_tokens": 500}),
    Case("balance, sticky", route=BALANCE),
    Case("a hedge that is not needed", route="hedge = 5.0\n"),
    Case("cache, nothing fits", route="cache = 3600\n", body={"temperature": 0.5}),
    Case("cache, always a hit", route="cache = 3600\n", body={"temperature": 0}),
    Case(
        "all but hits",
        route=BALANCE + "hedge = 5.0\ncache = 3600\n",
        policy=POLICY,
        key=True,
        rule=LIMITS | BUDGET,
        body={"temperature": 0.5, "max_tokens": 500},
    ),
)


@dataclass
class Running:
    """A case's gateway."""

    case: Case
    process: subprocess.Popen[str]
    request: bytes
    url: str
    pids: list[int]
    costs: list[float] = field(default_factory=list)


def start(case: Case, folder: Path, port: int) -> Running:
    folder.mkdir()
    host = (
        f'[hosts.NAME]\nurl = "http://127.0.0.1:{port}/v1"\nauth = "none"\njurisdiction = "DE"\nretention_days = 0\n'
        'trains_on_inputs = false\ncleared_for = "personal"\n[offers."mock@NAME"]\n' + PRICE
    )
    (folder / "weighbridge.toml").write_text(
        MODEL
        + host.replace("NAME", "one")
        + host.replace("NAME", "two")
        + f'[routes.assistant]\nprimary = "mock@one"\nfallbacks = ["mock@two"]\n{case.route}{case.policy}'
    )
    secret = govern(case, folder)
    command = [sys.executable, "-c", plain.CLI, "serve", "--port", "0", "--json", "--workers", "1"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    request = plain.request_bytes(said["url"], "assistant", stream=False, key=secret, **case.body)
    return Running(case, process, request, said["url"], said["workers"])


def govern(case: Case, folder: Path) -> str:
    """Make the key and its rule; the secret."""
    if not case.key:
        return ""
    state = State(settings.load(start=folder).state_place)
    made = keys.create(state, name="bench", who="bench", at=time.time())
    if case.rule:
        rules.set_rule(state, f"key:{made.key.id}", case.rule, who="bench", at=time.time())
    state.close()
    return made.secret


async def measure(running: list[Running], seconds: float, rounds: int) -> None:
    for one in running:
        await plain.flat_out(one.url, one.request, 1.0, one.pids)  # warm
    for _ in range(rounds):
        for one in running:
            load = await plain.flat_out(one.url, one.request, seconds, one.pids)
            one.costs.append(load.cpu / load.requests * 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    ours, theirs = multiprocessing.Pipe()
    engine = multiprocessing.get_context("spawn").Process(
        target=plain.run_engine, args=(theirs, cores[-1]), daemon=True
    )
    engine.start()
    port = ours.recv()
    running: list[Running] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for number, case in enumerate(CASES):
                running.append(start(case, Path(folder) / str(number), port))
                os.sched_setaffinity(running[-1].pids[0], {cores[0]})
            uvloop.run(measure(running, options.seconds, options.rounds))
        finally:
            for one in running:
                one.process.send_signal(signal.SIGTERM)
            for one in running:
                one.process.wait(60)
            engine.kill()
    tell(running, as_json=options.json)


def tell(running: list[Running], *, as_json: bool) -> None:
    base = statistics.median(running[0].costs)
    rows = [(one.case.name, statistics.median(one.costs), statistics.median(one.costs) / base) for one in running]
    if as_json:
        print(json.dumps([{"case": name, "cpu_us": cost, "ratio": ratio} for name, cost, ratio in rows], indent=2))
        return
    print(f"{'':28} {'CPU us/request':>14} {'more':>8} {'ratio':>6}")
    for name, cost, ratio in rows:
        print(f"{name:28} {cost:14.0f} {cost - base:+8.0f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
