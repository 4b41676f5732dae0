"""Every route's fate in a plan of a catalogue's size, and how soon a live cut reaches all workers.

    python benchmarks/drill.py [--json] [--routes 200] [--drills 30] [--cuts 10] [--seed 0]

Routes with random fallbacks and policies are made over the engines of the built-in catalogue; hosts, labs, countries and engines are
taken away. What the drill says of each route is compared with what a gateway's own road would choose. Then 16 clients ask a gateway
of two workers without pause, while a route's engine is cut off and comes back: the last request that it answered, after
the cut was acknowledged. The limit is 250 ms, and nothing may fail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from weighbridge import routes, settings
from weighbridge.canon import Plan, Policy, Request, Route
from weighbridge.engines import catalogue
from weighbridge.errors import PolicyError, WeighbridgeError
from weighbridge.exchange import Call
from weighbridge.exchange.screen import PolicyScreen
from weighbridge.store.state import State
from weighbridge.swap import drill

CLI = "from weighbridge.cli import main; main()"
CLIENTS = 16
DAY = "2026-11-01"
NOW = 1_793_500_000.0
POLICIES = (None, None, Policy(jurisdictions=("EU", "US")), Policy(open_weights=True), Policy(no_training=True))
ASK = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}
CONFIG = """
[models.m]
lab = "bench"
[routes.assistant]
primary = "m@left"
fallbacks = ["m@right"]
"""
HOST = """
[hosts.{0}]
recorded = {{ path = "answers.jsonl" }}
[offers."m@{0}"]
"""


def catalogue_plan(known: catalogue.Catalogue, count: int, rng: random.Random) -> Plan:
    """Routes whose own engines satisfy their policy."""
    names = known.names()
    made: dict[str, Route] = {}
    while len(made) < count:
        primary, *rest = rng.sample(names, rng.randint(1, 4))
        route = Route(f"route {len(made):03}", primary, tuple(rest), policy=rng.choice(POLICIES))
        if chosen(known, Plan(1, {route.name: route}), route.name, {}) == primary:
            made[route.name] = route
    return Plan(1, made)


def chosen(known: catalogue.Catalogue, plan: Plan, name: str, environ: dict[str, str]) -> str:
    """Whom a gateway would ask first, by its own choice and screen, of those whose key is set; "" for nobody."""
    from weighbridge.engines.keys import has_key

    try:
        choice = routes.choose(plan, name, known.engine)
        screen = PolicyScreen(lambda: NOW, lambda *_: None)
        admitted = screen.admitted(Call(Request(name)), plan, choice)
    except (PolicyError, WeighbridgeError):
        return ""
    return next((one.name for one in admitted if not environ or has_key(one, environ)), "")


def check_fates(given: argparse.Namespace) -> dict[str, Any]:
    known = catalogue.load()
    rng = random.Random(given.seed)
    plan = catalogue_plan(known, given.routes, rng)
    engines = known.engines()
    hosts = sorted({engine.host.name for engine in engines})
    labs = sorted({engine.model.lab for engine in engines if engine.model.lab})
    countries = sorted({engine.host.jurisdiction for engine in engines} - {""})
    environ = {engine.host.key_env: "k" for engine in engines if engine.host.key_env}
    wrong, states, took = [], Counter[str](), []
    for number in range(given.drills):
        name = rng.choice((hosts, labs, countries, known.names())[number % 4])
        gone = drill.gone(known, plan, name)
        terms = drill.Terms(None, 0.0, NOW, DAY, environ)
        started = time.perf_counter()
        found = asyncio.run(drill.fates(plan, known, gone.engines, terms))
        took.append(time.perf_counter() - started)
        for fate in found:
            states[fate.state] += 1
            right = chosen(known, replace(plan, cut=gone.engines), fate.route, environ)
            if fate.to != right:
                wrong.append((name, fate.route, fate.to, right))
    return {
        "fates": sum(states.values()),
        "wrong": len(wrong),
        "first_wrong": wrong[:3],
        "states": dict(states),
        "ms_per_drill": 1e3 * sum(took) / len(took),
    }


async def ask_forever(url: str, seen: list[tuple[float, int, str]]) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        while True:
            sent = time.time()
            async with session.post(url + "/v1/chat/completions", json=ASK) as answer:
                await answer.read()
                seen.append((sent, answer.status, answer.headers.get("x-weighbridge-engine", "")))


async def cut_often(folder: Path, url: str, count: int) -> dict[str, Any]:
    config = settings.load(folder / "weighbridge.toml", environ={})
    state = State(config.state_place)
    seen: list[tuple[float, int, str]] = []
    clients = [asyncio.create_task(ask_forever(url, seen)) for _ in range(CLIENTS)]
    await asyncio.sleep(1.0)
    reached, back = [], []
    for number in range(count):
        now = time.time()
        cut = drill.Cut(str(number), "left", ("m@left",), now, now + 60, "bench")
        await asyncio.to_thread(drill.begin, state, cut)
        acknowledged = time.time()
        await asyncio.sleep(0.6)
        ended = time.time()
        reached.append(
            max([at - acknowledged for at, _, by in seen if by == "m@left" and acknowledged < at < ended] + [0])
        )
        await asyncio.to_thread(drill.end, state, [cut], who="bench", at=time.time())
        returned = time.time()
        await asyncio.sleep(0.6)
        back.append(max([at - returned for at, _, by in seen if by == "m@right" and at > returned] + [0]))
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    state.close()
    return {
        "cuts": count,
        "requests": len(seen),
        "failed": sum(status != 200 for _, status, _ in seen),
        "latest_after_cut_ms": 1e3 * max(reached),
        "latest_after_return_ms": 1e3 * max(back),
        "limit_ms": 250,
    }


def check_live(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "weighbridge.toml").write_text(CONFIG + HOST.format("left") + HOST.format("right"))
        (folder / "answers.jsonl").write_text(json.dumps({"input": "hi", "output": "hello"}) + "\n")
        command = [sys.executable, "-c", CLI, "serve", "--port", "0", "--json", "--workers", "2"]
        process = subprocess.Popen(command, cwd=folder, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            return asyncio.run(cut_often(folder, json.loads(process.stdout.readline())["url"], count))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--routes", type=int, default=200)
    parser.add_argument("--drills", type=int, default=30)
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found = check_fates(given) | check_live(given.cuts)
    if given.json:
        print(json.dumps(found, indent=2))
        return
    for key, value in found.items():
        print(f"{key.replace('_', ' '):24} {value:,.1f}" if isinstance(value, float) else f"{key:24} {value}")


if __name__ == "__main__":
    main()
