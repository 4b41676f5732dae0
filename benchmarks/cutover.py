"""How long a cutover takes: from `swap promote` to the first and to the last answer under the new plan.

    python benchmarks/cutover.py [--json] [--swaps 30] [--workers 2]

Two recorded engines answer at once; 16 connections ask without pause. The goal is 250 ms until every worker follows.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

CLIENTS = 16
CLI = "from weighbridge.cli import main; main()"
ASK = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}


def write_configuration(folder: Path) -> None:
    text = '[models.m]\nlab = "bench"\n[routes.assistant]\nprimary = "m@left"\n'
    for side in ("left", "right"):
        (folder / f"{side}.jsonl").write_text(json.dumps({"input": "hi", "output": side}) + "\n")
        text += f'[hosts.{side}]\nurl = "http://{side}.invalid/v1"\nauth = "none"\n'
        text += f'recorded = {{ path = "{side}.jsonl" }}\n[offers."m@{side}"]\n'
    (folder / "weighbridge.toml").write_text(text)


async def ask_forever(url: str, seen: list[tuple[float, float, int]]) -> None:
    """Note when each request was sent, when its answer came, and under which plan."""
    import aiohttp

    async with aiohttp.ClientSession() as session:
        while True:
            sent = time.perf_counter()
            async with session.post(url + "/v1/chat/completions", json=ASK) as answer:
                await answer.read()
                seen.append((sent, time.perf_counter(), int(answer.headers["x-weighbridge-plan"])))


async def measure(folder: Path, url: str, swaps: int) -> dict[str, Any]:
    from weighbridge import settings, swap
    from weighbridge.engines import catalogue
    from weighbridge.store.state import State

    config = settings.load(folder / "weighbridge.toml", environ={})
    engines = catalogue.load(config)
    state = State(config.state_place)
    seen: list[tuple[float, float, int]] = []
    clients = [asyncio.create_task(ask_forever(url, seen)) for _ in range(CLIENTS)]
    await asyncio.sleep(2.0)
    first: list[float] = []
    last: list[float] = []
    for number in range(swaps):
        engine = ("m@right", "m@left")[number % 2]
        made = swap.promote(state, engines, "assistant", engine, who="bench", why="", at=time.time(), environ={})
        published = time.perf_counter()
        await asyncio.sleep(0.7)
        after = [row for row in seen if row[0] >= published]
        first.append(min(came for _, came, plan in after if plan == made.plan.number) - published)
        last.append(max((sent for sent, _, plan in after if plan != made.plan.number), default=published) - published)
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    state.close()
    return {
        "swaps": swaps,
        "requests": len(seen),
        "first_answer_ms_p50": statistics.median(first) * 1e3,
        "last_old_request_ms_p50": statistics.median(last) * 1e3,
        "last_old_request_ms_max": max(last) * 1e3,
        "goal_ms": 250,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--swaps", type=int, default=30)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_configuration(folder)
        command = [sys.executable, "-c", CLI, "serve", "--port", "0", "--json", "--workers", str(options.workers)]
        process = subprocess.Popen(command, cwd=folder, env=dict(os.environ), stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            result = asyncio.run(measure(folder, said["url"], options.swaps))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key.replace('_', ' '):26} {value:10,.1f}")


if __name__ == "__main__":
    main()
