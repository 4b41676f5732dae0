"""Limits over machines: two gateways of four workers on one PostgreSQL, under load.

    python benchmarks/limits.py [--json] [--workers 4] [--limit 600] [--lease 0.05] [--keys 10]

Prints how many requests a key got of its limit, how many it had under way of its limit of those, how long a revoked key was
still let in anywhere, and what a leased limit adds to a request's time, beside the same requests without a rule. The
load and the engine run in this process, so times are those of a busy machine; the counts are exact.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from weighbridge.access import keys
from weighbridge.access.rules import set_rule
from weighbridge.store.state import State

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "helpers"))

import gateways as helpers
import postgres

AT_ONCE = 24
BODY = {"model": "main", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


class Machines:
    """Two gateways, each with a store of its own, on one database."""

    def __init__(self, server: postgres.Server, *, workers: int, lease: float) -> None:
        url = server.make()
        self.state = State(url)
        self.host = helpers.Host({"slow": helpers.Behaviour(first_delay=0.3)}).start()
        self.workers = workers
        self.all = []
        for _ in range(2):
            folder = Path(tempfile.mkdtemp(prefix="weighbridge-limits-"))
            head = f'[store]\nstate = "{url}"\n[gateway]\nworkers = {workers}\n[limits]\nlease = {lease}\n'
            routes = {"main": ("alpha",), "slow": ("slow",)}
            (folder / "weighbridge.toml").write_text(
                head + helpers.toml(self.host.port, ["alpha", "slow"], routes), encoding="utf-8"
            )
            self.all.append(helpers.Gateway(folder))

    def key(self, name: str, **rule: int) -> tuple[str, dict[str, str]]:
        """A key, and its rule, known to every worker."""
        made = keys.create(self.state, name=name, who="benchmark", at=time.time())
        if rule:
            set_rule(self.state, f"key:{made.key.id}", rule, who="benchmark", at=time.time())
        time.sleep(0.5)
        return made.key.id, {"authorization": f"Bearer {made.secret}"}

    def ask(self, headers: dict[str, str], count: int, model: str = "main") -> tuple[list[int], list[float]]:
        """Statuses and seconds of requests that go to both in turn."""

        def one(number: int) -> tuple[int, float]:
            begun = time.perf_counter()
            body = BODY | {"model": model}
            status = helpers.post(self.all[number % 2], "/v1/chat/completions", body, **headers)[0]
            return status, time.perf_counter() - begun

        with ThreadPoolExecutor(AT_ONCE) as pool:
            done = list(pool.map(one, range(count)))
        return [status for status, _ in done], [seconds for _, seconds in done]

    def close(self) -> None:
        """End both."""
        for one in self.all:
            one.stop()
        self.host.stop()
        self.state.close()


def requests(machines: Machines, limit: int) -> dict[str, Any]:
    """How many of a minute's requests are let through, where twice as many are sent."""
    while True:
        _, headers = machines.key(f"minute-{time.time()}", requests=limit)
        time.sleep(max(0.0, 60 - time.time() % 60) if time.time() % 60 > 20 else 0.0)  # room for the rest
        minute = time.time() // 60
        statuses, _ = machines.ask(headers, 2 * limit)
        if time.time() // 60 == minute:
            return {"limit": limit, "let_through": statuses.count(200), "refused": statuses.count(429)}


def under_way(machines: Machines, limit: int) -> dict[str, Any]:
    """How many requests are under way at most, where more want to be."""
    _, headers = machines.key("few", concurrency=limit)
    before, most, stop = len(machines.host.seen), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not stop.wait(0.002):
            most = max(most, sum(not seen.done and seen.left is None for seen in machines.host.seen[before:]))

    watching = threading.Thread(target=watch)
    watching.start()
    statuses, _ = machines.ask(headers, 6 * AT_ONCE, "slow")
    stop.set()
    watching.join()
    return {"limit": limit, "most": most, "answered": statuses.count(200)}


def revoked(machines: Machines, count: int) -> dict[str, Any]:
    """How long after its revocation a key is let in last, by any worker."""
    times = []
    for number in range(count):
        key, headers = machines.key(f"lost-{number}")
        keys.revoke(machines.state, key, who="benchmark", at=time.time())
        begun = last = time.perf_counter()

        def let_in(one: helpers.Gateway, headers: dict[str, str] = headers) -> bool:
            return bool(helpers.post(one, "/v1/models", b"", "GET", **headers)[0] == 200)

        while time.perf_counter() - last < 0.5:  # dozens of connections to each worker
            for one in machines.all:
                if let_in(one):
                    last = time.perf_counter()
        times.append(1000 * (last - begun))
    return {"keys": count, "median_ms": round(statistics.median(times)), "most_ms": round(max(times))}


def cost(machines: Machines) -> dict[str, Any]:
    """A request's time with and without a leased limit that nobody reaches."""
    found = {}
    for name, rule in (("without", {}), ("with", {"requests": 1_000_000}), ("without again", {})):
        _, headers = machines.key(f"cost {name}", **rule)
        machines.ask(headers, 50)
        statuses, seconds = machines.ask(headers, 600)
        assert set(statuses) == {200}
        parts = statistics.quantiles(seconds, n=100)
        found[name] = {"p50_ms": round(1000 * parts[49], 1), "p99_ms": round(1000 * parts[98], 1)}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--limit", type=int, default=600)
    parser.add_argument("--lease", type=float, default=0.05)
    parser.add_argument("--keys", type=int, default=10)
    asked = parser.parse_args()
    if why := postgres.missing():
        sys.exit(why)
    server = postgres.Server()
    machines = Machines(server, workers=asked.workers, lease=asked.lease)
    try:
        found = {
            "requests per minute": requests(machines, asked.limit),
            "under way": under_way(machines, 8),
            "revoked": revoked(machines, asked.keys),
            "time of a request": cost(machines),
        }
    finally:
        machines.close()
        server.end()
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    print(f"two gateways of {asked.workers} workers on one PostgreSQL, leases of {asked.lease:.0%}")
    for name, figures in found.items():
        print(f"{name:<22}" + "  ".join(f"{key} {value}" for key, value in figures.items()))


if __name__ == "__main__":
    main()
