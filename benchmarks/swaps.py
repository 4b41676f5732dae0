"""Promote and roll back without end under clients of four dialects: what fails, what is cut short, who is late.

    python benchmarks/swaps.py [--json] [--swaps 1000] [--clients 64] [--gateways 1] [--postgres URL]

Recorded engines of two hosts answer with text and with a call of a tool, whole and as streams. A client asks again as soon
as it has its answer. "Late" are requests sent more than 250 ms after a move was acknowledged that were still answered under an
earlier plan; with several gateways (on a PostgreSQL store) the limit is 1 s. Nothing may fail, be cut short, or be late.
"""

from __future__ import annotations

import argparse
import asyncio
import bisect
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

CLI = "from weighbridge.cli import main; main()"
CONFIG = """
[store]
{store}
[gateway]
workers = 2
[models.m]
lab = "bench"
[routes.assistant]
primary = "m@left"
"""
HOST = """
[hosts.{0}]
url = "http://{0}.invalid/v1"
auth = "none"
recorded = {{ path = "{0}.jsonl", latency = 0.02, chunk_seconds = 0.001 }}
[offers."m@{0}"]
"""
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
SLACK = 0.02  #: seconds of a client's own between its clock and the wire


class Ask(NamedTuple):
    """One kind of request: its path, its body, and what ends an answer that is whole."""

    path: str
    body: dict[str, Any]
    end: bytes


def asks() -> list[Ask]:
    """Four dialects, with and without a tool, whole and streamed."""
    found = []
    for tool in (False, True):
        text = "use the tool" if tool else "hi"
        named = {"name": "weather", "description": ""}
        chat: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": text}]}
        respond: dict[str, Any] = {"model": "assistant", "input": text}
        message: dict[str, Any] = {"model": "assistant", "max_tokens": 100, "messages": chat["messages"]}
        gemini: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": text}]}]}
        if tool:
            chat["tools"] = [{"type": "function", "function": {**named, "parameters": SCHEMA}}]
            respond["tools"] = [{"type": "function", **named, "parameters": SCHEMA}]
            message["tools"] = [{**named, "input_schema": SCHEMA}]
            gemini["tools"] = [{"functionDeclarations": [{**named, "parameters": SCHEMA}]}]
        base = "/v1beta/models/assistant:"
        found += [
            Ask("/v1/chat/completions", chat, b'"finish_reason"'),
            Ask("/v1/chat/completions", chat | {"stream": True}, b"[DONE]"),
            Ask("/v1/responses", respond, b'"status":"completed"'),
            Ask("/v1/responses", respond | {"stream": True}, b"response.completed"),
            Ask("/v1/messages", message, b'"stop_reason"'),
            Ask("/v1/messages", message | {"stream": True}, b"message_stop"),
            Ask(base + "generateContent", gemini, b'"finishReason"'),
            Ask(base + "streamGenerateContent?alt=sse", gemini, b'"finishReason"'),
        ]
    return found


def write_configuration(folder: Path, postgres: str) -> None:
    store = f'state = "{postgres}"' if postgres else ""
    text = CONFIG.format(store=store)
    call: dict[str, Any] = {"tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    for side in ("left", "right"):
        words = " ".join(f"{side}{n}" for n in range(20))
        rows: list[dict[str, Any]] = [{"input": "hi", "output": words}, {"input": "use the tool"} | call]
        (folder / f"{side}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        text += HOST.format(side)
    (folder / "weighbridge.toml").write_text(text)


class Tally:
    """What clients saw."""

    def __init__(self) -> None:
        self.whole = 0
        self.wrong: Counter[str] = Counter()
        self.seen: list[tuple[float, int]] = []  #: when a request was sent, and the plan that answered it

    def take(self, ask: Ask, sent: float, status: int, plan: str, data: bytes) -> None:
        """One answer: whole, or what was wrong with it."""
        if status != 200:
            self.wrong[f"{status} {ask.path}: {data[:120].decode(errors='replace')}"] += 1
        elif ask.end not in data.replace(b'": "', b'":"'):
            self.wrong[f"cut short: {ask.path}"] += 1
        else:
            self.whole += 1
        self.seen.append((sent, int(plan or 0)))


async def client(url: str, kinds: list[Ask], tally: Tally, stop: asyncio.Event) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        number = 0
        while not stop.is_set():
            ask = kinds[number % len(kinds)]
            number += 1
            sent = time.monotonic()
            try:
                async with session.post(url + ask.path, json=ask.body) as answer:
                    data = await answer.read()
                    tally.take(ask, sent, answer.status, answer.headers.get("x-weighbridge-plan", ""), data)
            except (aiohttp.ClientError, OSError) as error:
                tally.wrong[type(error).__name__] += 1


def swap_often(folder: Path, swaps: int, pause: float) -> list[tuple[float, int]]:
    """When each move was acknowledged, and the sequence of plans since then."""
    from weighbridge import settings, swap
    from weighbridge.engines import catalogue
    from weighbridge.store.state import State

    config = settings.load(folder / "weighbridge.toml", environ=os.environ)
    engines, state = catalogue.load(config), State(config.state_place)
    done = []
    for number in range(swaps):
        how: dict[str, Any] = {"who": "bench", "why": "", "at": time.time()}
        if number % 2:
            made = swap.rollback(state, engines, "assistant", **how)
        else:
            made = swap.promote(state, engines, "assistant", "m@right", environ={}, **how)
        done.append((time.monotonic(), made.plan.number))
        time.sleep(pause)
    state.close()
    return done


def late(tally: Tally, moves: list[tuple[float, int]], limit: float) -> tuple[int, float]:
    """Requests under a plan that had been replaced for longer than the limit; and the latest of all, in seconds."""
    at = [when for when, _ in moves]
    count, worst = 0, 0.0
    for sent, plan in tally.seen:
        last = bisect.bisect_right(at, sent) - 1
        if last < 0 or plan == moves[last][1]:
            continue
        if last + 1 < len(moves) and plan == moves[last + 1][1]:
            continue  # it was sent before the next move, and began after it
        behind = sent - at[last]
        worst = max(worst, behind)
        count += behind > limit + SLACK
    return count, worst


async def measure(folder: Path, urls: list[str], given: argparse.Namespace) -> dict[str, Any]:
    limit = 0.25 if len(urls) == 1 else 1.0
    tally, stop = Tally(), asyncio.Event()
    kinds = asks()
    clients = [
        asyncio.create_task(client(urls[n % len(urls)], kinds[n % len(kinds) :] + kinds[: n % len(kinds)], tally, stop))
        for n in range(given.clients)
    ]
    await asyncio.sleep(1.0)
    moves = await asyncio.to_thread(swap_often, folder, given.swaps, given.pause)
    await asyncio.sleep(limit)
    stop.set()
    await asyncio.gather(*clients)
    count, worst = late(tally, moves, limit)
    gaps = [b - a for (a, _), (b, _) in itertools.pairwise(moves)]
    return {
        "gateways": len(urls),
        "moves": len(moves),
        "moves_per_second": 1 / statistics.mean(gaps),
        "whole_answers": tally.whole,
        "failed_or_cut_short": sum(tally.wrong.values()),
        "late": count,
        "latest_ms": worst * 1e3,
        "limit_ms": limit * 1e3,
        "wrong": dict(tally.wrong.most_common(5)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--swaps", type=int, default=1000, help="promotions and rollbacks, in turn")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two moves")
    parser.add_argument("--gateways", type=int, default=1, help="each with two workers; more than one need --postgres")
    parser.add_argument("--postgres", default="", help="the URL of an empty database for the state")
    given = parser.parse_args()
    if given.gateways > 1 and not given.postgres:
        parser.error("several gateways need --postgres")
    running = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_configuration(folder, given.postgres)
        try:
            for number in range(given.gateways):
                environ = os.environ | {"WEIGHBRIDGE_STORE_PATH": str(folder / f"store{number}")}
                command = [sys.executable, "-c", CLI, "serve", "--port", "0", "--json"]
                running.append(subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, text=True))
            urls = [json.loads(one.stdout.readline())["url"] for one in running if one.stdout is not None]
            if not given.postgres:
                os.environ["WEIGHBRIDGE_STORE_PATH"] = str(folder / "store0")
            result = asyncio.run(measure(folder, urls, given))
        finally:
            for one in running:
                one.send_signal(signal.SIGTERM)
            for one in running:
                one.wait(60)
    if given.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key.replace('_', ' '):22} {value:>12,.1f}" if isinstance(value, float) else f"{key:22} {value!s:>12}")


if __name__ == "__main__":
    main()
