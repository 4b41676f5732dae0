"""What clients see, and what is kept, while things go wrong in the middle of a move in stages.

    python benchmarks/faults.py [--json] [--seconds 4] [--clients 16]

Half of a route's conversations are on the candidate, whose host misbehaves in each way in turn, and is well again before the
next; then a worker is killed, the state store is locked for 10 s, and no more can be written to the disk. Half of the clients
stream. "Whole": the answer was complete; "told": it was not, and the client was told so in its dialect; "lost": anything else,
of which there must be nothing but the requests that a killed worker had in its hands. The key has a budget: "charged" is what
hosts asked for, in micro-units, "spent" what is counted against the budget, and they differ by what a killed worker had in its
hands and by nothing else. The guards of the move are switched off, or they would end it at the first fault.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import functools
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

CLI = "from weighbridge.cli import main; main()"
TOKENS = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
COST = 10 * 1 + 5 * 2  #: micro-units of one answer at the prices below
HOST_FAULTS = ("hangs", "resets", "sends garbage", "answers 429", "breaks off in mid-stream", "answers 500")
CONFIG = """
[client]
deadline = 8.0
retries = 0
[resilience]
open_seconds = 0.5
max_cooldown = 1.0
slow_start = 0.5
[gateway]
workers = 2
[models.m]
lab = "bench"
[routes.assistant]
primary = "m@steady"
first_token_timeout = 1.0
timeout = 4.0
"""
HOST = """
[hosts.{0}]
url = "http://127.0.0.1:{1}/v1"
auth = "none"
[offers."m@{0}"]
price = {{ input = 1.0, output = 2.0, valid_from = "2020-01-01" }}
"""


class Host:
    """Speaks Chat Completions, as well or as badly as it is told."""

    def __init__(self) -> None:
        self.fault = ""
        self.charged = 0
        self.port = 0

    async def start(self) -> asyncio.Server:
        """Begin to listen, on a port of its own."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                body = json.loads(await reader.readexactly(length))
                if not await self._answer(writer, stream=bool(body.get("stream"))):
                    break
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, *, stream: bool) -> bool:
        fault = self.fault
        if fault == "hangs":
            await asyncio.sleep(60)
        if fault in ("hangs", "resets"):
            writer.transport.abort()
            return False
        if fault == "sends garbage":
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 15\r\n\r\n<p>\x00\xff oh no</p>"
            )
            return True
        if fault in ("answers 429", "answers 500"):
            status, more = (b"429 x", b"retry-after: 60\r\n") if fault == "answers 429" else (b"500 x", b"")
            writer.write(b"HTTP/1.1 " + status + b"\r\n" + more + b"content-length: 2\r\n\r\n{}")
            return True
        return await self._well(writer, stream=stream, torn=fault == "breaks off in mid-stream")

    async def _well(self, writer: asyncio.StreamWriter, *, stream: bool, torn: bool) -> bool:
        message = {"role": "assistant", "content": "All is well."}
        if not stream:
            data = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "usage": TOKENS,
                               "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})  # fmt: skip
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(data))
            writer.write(data[: len(data) // 2].encode() if torn else data.encode())
            if torn:
                writer.transport.abort()
            self.charged += COST if not torn else 0
            return not torn
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for piece in ({"role": "assistant", "content": "All "}, {"content": "is well."}):
            writer.write(self._event(choices=[{"index": 0, "delta": piece, "finish_reason": None}]))
            await writer.drain()
            await asyncio.sleep(0.005)
            if torn:
                writer.transport.abort()
                return False
        writer.write(self._event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
        writer.write(self._event(choices=[], usage=TOKENS) + b"data: [DONE]\n\n")
        await writer.drain()
        self.charged += COST
        return False

    def _event(self, **fields: Any) -> bytes:
        row = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", **fields}
        return b"data: " + json.dumps(row).encode() + b"\n\n"


class Clients:
    """Applications that ask without pause, and what they saw."""

    def __init__(self, url: str, key: str, count: int) -> None:
        self._url, self._key, self._count = url, key, count
        self.seen: Counter[str] = Counter()
        self.how: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """All of them ask, as long as the block runs."""
        self.seen, self.how = Counter(), Counter()
        stop = asyncio.Event()
        tasks = [asyncio.create_task(self._ask(number, stop)) for number in range(self._count)]
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    async def _ask(self, number: int, stop: asyncio.Event) -> None:
        import aiohttp

        stream, turn = number % 2 == 0, 0
        body = {
            "model": "assistant",
            "messages": [{"role": "user", "content": "Is all well? Say it in three words or so."}],
            "stream": stream,
        }
        body |= {"stream_options": {"include_usage": True}} if stream else {}
        async with aiohttp.ClientSession(headers={"authorization": f"Bearer {self._key}"}) as session:
            while not stop.is_set():
                turn += 1
                about = {"x-weighbridge-conversation": f"{number}-{turn}-{time.monotonic_ns()}"}
                try:
                    async with session.post(self._url + "/v1/chat/completions", json=body, headers=about) as answer:
                        self._note(answer.status, await answer.read(), stream=stream)
                except (aiohttp.ClientError, OSError) as error:
                    self._lose(type(error).__name__)

    def _note(self, status: int, data: bytes, *, stream: bool) -> None:
        whole = b'"finish_reason"' in data and b'"stop"' in data and (not stream or b"[DONE]" in data)
        if status == 200 and whole:
            self.seen["whole"] += 1
        elif b'"error"' in data:
            self.seen["told"] += 1
            self.how[message(data)] += 1
        else:
            self._lose(f"{status} {data[-60:]!r}")

    def _lose(self, what: str) -> None:
        self.seen["lost"] += 1
        self.how[what] += 1


def message(data: bytes) -> str:
    """What an error says, without what differs from one to the next."""
    line = next(line for line in data.splitlines() if b'"error"' in line)
    error = json.loads(line.removeprefix(b"data: "))["error"]
    return f"{error.get('code') or error.get('type')}: {re.sub(r'[0-9.]+ s', 'some s', error['message'])[:60]}"


class Bench:
    """A gateway with two workers in the middle of a move, its two hosts, and its clients."""

    def __init__(self, folder: Path, seconds: float, count: int) -> None:
        self._folder, self._seconds, self._count = folder, seconds, count
        self._steady, self._shaky = Host(), Host()
        self.rows: dict[str, dict[str, Any]] = {}

    async def run(self) -> None:
        """Everything that goes wrong, one after the other."""
        from weighbridge import settings
        from weighbridge.store.state import State

        servers = [await self._steady.start(), await self._shaky.start()]
        hosts = HOST.format("steady", self._steady.port) + HOST.format("shaky", self._shaky.port)
        (self._folder / "weighbridge.toml").write_text(CONFIG + hosts)
        config = settings.load(self._folder / "weighbridge.toml", environ={})
        state = State(config.state_place)
        process = serve(self._folder)
        try:
            assert process.stdout is not None
            said = json.loads(await asyncio.to_thread(process.stdout.readline))
            self._clients = Clients(said["url"], begin(state, config), self._count)
            self._state = state
            await self._all(said, config.state_place)
        finally:
            state.close()
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            for server in servers:
                server.close()

    async def _all(self, said: dict[str, Any], place: str) -> None:
        await self._during("nothing", lambda: None)
        for fault in HOST_FAULTS:
            await self._during(f"candidate {fault}", functools.partial(setattr, self._shaky, "fault", fault))
        await self._during("a worker is killed", lambda: os.kill(said["workers"][0], signal.SIGKILL))
        lock = sqlite3.connect(place, check_same_thread=False, isolation_level=None)
        await self._during("store locked for 10 s", lambda: lock.execute("BEGIN EXCLUSIVE"), lock.rollback, 10.0)
        lock.close()
        full = [said["pid"], *workers(said["pid"])]
        await self._during("disk full", lambda: limit(full, 1), lambda: limit(full, resource.RLIM_INFINITY))

    async def _during(
        self, name: str, act: Callable[[], Any], over: Callable[[], Any] = lambda: None, wait: float = 0.0
    ) -> None:
        """One fault under load, then the time to be well again."""
        before, money = self._charged(), totals(self._state)
        async with self._clients.asking():
            await asyncio.sleep(0.5)
            await asyncio.to_thread(act)
            await asyncio.sleep(wait or self._seconds)
            self._shaky.fault = ""
            await asyncio.to_thread(over)
        seen = dict(self._clients.seen) | {"how": dict(self._clients.how)}
        async with self._clients.asking():  # until the candidate is asked as before
            await asyncio.sleep(2.5)
        spent, estimated = (now - then for now, then in zip(await self._added_up(), money, strict=True))
        self.rows[name] = seen | {"charged": self._charged() - before, "spent": spent, "estimated": estimated}

    async def _added_up(self) -> tuple[int, int]:
        """What is counted as spent, once nothing more comes."""
        found = totals(self._state)
        while True:
            await asyncio.sleep(3.0)
            if (now := totals(self._state)) == found:
                return found
            found = now

    def _charged(self) -> int:
        return self._steady.charged + self._shaky.charged


def begin(state: Any, config: Any) -> str:
    """A key with a hard budget, and a move that no guard ends; the key's secret."""
    from weighbridge.access import keys, rules
    from weighbridge.engines import catalogue
    from weighbridge.swap import canary

    made = keys.create(state, name="app", who="bench", at=time.time())
    rules.set_rule(state, f"key:{made.key.id}", {"month": 10**9}, who="bench", at=time.time())
    swap = canary.Swap("x", "assistant", "", "m@shaky", time.time(), stages=(0.5,), alpha=1e-300)
    canary.start(state, catalogue.load(config), swap, environ={})
    return made.secret


def serve(folder: Path) -> subprocess.Popen[str]:
    """A gateway with two workers."""
    command = [sys.executable, "-c", CLI, "serve", "--port", "0", "--json"]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def workers(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [int(pid) for pid in children]


def limit(pids: list[int], size: int) -> None:
    """No file of these processes may grow beyond so many bytes: what a full disk is to them."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def totals(state: Any) -> tuple[int, int]:
    """What is counted as spent: by what hosts said, and by estimates where an answer did not end."""
    from weighbridge.store import spend

    rows = spend.spent(state, by=())
    return sum(row.cost - row.estimated for row in rows), sum(row.estimated for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each fault but the locked store")
    parser.add_argument("--clients", type=int, default=16)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), given.seconds, given.clients)
        asyncio.run(bench.run())
    if given.json:
        print(json.dumps(bench.rows, indent=2))
        return
    print(f"{'what goes wrong':35} {'whole':>6} {'told':>5} {'lost':>5} {'charged':>8} {'spent':>8} {'est.':>6}")
    for what, row in bench.rows.items():
        counts = f"{row.get('whole', 0):6,} {row.get('told', 0):5,} {row.get('lost', 0):5,}"
        print(f"{what:35} {counts} {row['charged']:8,} {row['spent']:8,} {row['estimated']:6,}")
        for how, count in row["how"].items():
            print(f"  {count:,} x {how}")


if __name__ == "__main__":
    main()
