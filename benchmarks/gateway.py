"""What the gateway costs: requests per second, CPU per request, added latency, stream events per second.

    python benchmarks/gateway.py [--json] [--seconds 4] [--workers 1]

A mock engine runs in a process of its own and answers at once, so what is measured is the gateway, recording on. Load
and engine share one core, the gateway's worker has another (where there are two). Every figure stands beside the same load sent
straight to the mock engine in the same run; the ratio is the sturdier figure.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import uvloop

EVENTS = 64  #: in a stream
CONNECTIONS = 32
TEXT = "word " * 160  #: an answer of about 1 KB
PROMPT = "Tell me something. " * 60  #: a request of about 1.2 KB
STREAM = re.compile(rb'"stream": ?true')
CLI = "from weighbridge.cli import main; main()"
TICK = os.sysconf("SC_CLK_TCK")

# --- the engine -------------------------------------------------------------------------------

_HEAD = {"id": "c", "created": 1, "model": "mock"}
_USAGE = {"prompt_tokens": 300, "completion_tokens": 160, "total_tokens": 460}


def whole_answer() -> bytes:
    message = {"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}
    body = json.dumps(_HEAD | {"object": "chat.completion", "choices": [message], "usage": _USAGE}).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body


def streamed_answer() -> bytes:
    def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        value = _HEAD | {"object": "chat.completion.chunk", "choices": [choice]}
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    parts = [event({"content": "word word "}) for _ in range(EVENTS - 1)] + [event({}, "stop"), b"data: [DONE]\n\n"]
    chunks = b"".join(b"%x\r\n" % len(part) + part + b"\r\n" for part in parts)
    return (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        + chunks
        + b"0\r\n\r\n"
    )


class Engine(asyncio.Protocol):
    """Answers every request with the same bytes."""

    whole = whole_answer()
    streamed = streamed_answer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection is there."""
        self.transport = cast("asyncio.Transport", transport)
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """A part of a request's body."""
        self.body += body

    def on_message_complete(self) -> None:
        """A message is complete."""
        self.transport.write(self.streamed if STREAM.search(self.body) else self.whole)
        self.body = b""


def run_engine(pipe: Connection, core: int) -> None:
    os.sched_setaffinity(0, {core})

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Engine, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


# --- the load ---------------------------------------------------------------------------------


class Caller(asyncio.Protocol):
    """One connection; sends a request and tells when its answer is complete."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.parser = httptools.HttpResponseParser(self)
        self.done: asyncio.Future[float] | None = None
        self.status = 0
        self.bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection is there."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        self.bytes += len(data)
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        """A message is complete."""
        self.status = self.parser.get_status_code()
        self.parser = httptools.HttpResponseParser(self)
        if self.done is not None:
            self.done.set_result(time.perf_counter())

    async def ask(self, request: bytes) -> float:
        """Send a request; seconds until its answer was complete."""
        started = time.perf_counter()
        self.done = self.loop.create_future()
        self.transport.write(request)
        ended = await self.done
        if self.status != 200:
            raise RuntimeError(f"status {self.status}")
        return ended - started


@dataclass
class Load:
    """What one load measured."""

    requests: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds

    def quantile(self, q: float) -> float:
        """A quantile of the latencies, in microseconds."""
        return statistics.quantiles(self.latencies, n=1000)[round(q * 1000) - 1] * 1e6


def request_bytes(url: str, model: str, *, stream: bool, key: str = "", **more: Any) -> bytes:
    value = {"model": model, "messages": [{"role": "user", "content": PROMPT}], "stream": stream, **more}
    body = json.dumps(value).encode()
    host = urlsplit(url).netloc
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
    if key:
        head += f"authorization: Bearer {key}\r\n"
    return head.encode() + b"content-length: %d\r\n\r\n" % len(body) + body


async def connect(url: str, count: int) -> list[Caller]:
    loop = asyncio.get_running_loop()
    parts = urlsplit(url)
    return [(await loop.create_connection(Caller, parts.hostname or "", parts.port or 0))[1] for _ in range(count)]


async def flat_out(url: str, request: bytes, seconds: float, pids: list[int]) -> Load:
    """As many requests as come through."""
    callers = await connect(url, CONNECTIONS)
    load = Load()
    end = time.perf_counter() + seconds

    async def run(caller: Caller) -> None:
        while time.perf_counter() < end:
            await caller.ask(request)
            load.requests += 1

    started, cpu = time.perf_counter(), cpu_of(pids)
    await asyncio.gather(*(run(caller) for caller in callers))
    load.seconds, load.cpu = time.perf_counter() - started, cpu_of(pids) - cpu
    for caller in callers:
        caller.transport.close()
    return load


async def paced(url: str, request: bytes, seconds: float, rate: int) -> Load:
    """A request every 1/rate seconds, whether the last one was answered or not."""
    idle = await connect(url, CONNECTIONS)
    load = Load(seconds=seconds)
    pending: set[asyncio.Task[None]] = set()

    async def one(caller: Caller) -> None:
        load.latencies.append(await caller.ask(request))
        idle.append(caller)

    started = time.perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
        caller = idle.pop() if idle else (await connect(url, 1))[0]
        task = asyncio.get_running_loop().create_task(one(caller))
        pending.add(task)
        task.add_done_callback(pending.discard)
    await asyncio.gather(*pending)
    for caller in idle:
        caller.transport.close()
    load.requests = len(load.latencies)
    return load


def cpu_of(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


# --- the gateway ------------------------------------------------------------------------------


def start_gateway(folder: Path, port: int, workers: int) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    (folder / "weighbridge.toml").write_text(
        '[models.mock]\nlab = "bench"\n[hosts.bench]\n'
        f'url = "http://127.0.0.1:{port}/v1"\nauth = "none"\nself_hosted = true\n'
        '[offers."mock@bench"]\n[routes.assistant]\nprimary = "mock@bench"\n'
    )
    command = [sys.executable, "-c", CLI, "serve", "--port", "0", "--json", "--workers", str(workers)]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said: dict[str, Any] = json.loads(process.stdout.readline())
    return process, said


def memory_mb(pids: list[int]) -> float:
    return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * 4096 / 1e6


async def measure(direct: str, gateway: str, pids: list[int], seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    plain = request_bytes(gateway, "assistant", stream=False)
    stream = request_bytes(gateway, "assistant", stream=True)
    await flat_out(gateway, plain, 1.0, pids)  # warm
    await flat_out(gateway, stream, 1.0, pids)
    ours, theirs = await flat_out(gateway, plain, seconds, pids), await flat_out(direct, plain, seconds, pids)
    found["requests_per_s"] = ours.rate
    found["direct_requests_per_s"] = theirs.rate
    found["ratio"] = ours.rate / theirs.rate
    found["cpu_us_per_request"] = ours.cpu / ours.requests * 1e6
    found["requests_per_s_per_core"] = ours.requests / ours.cpu
    ours, theirs = await flat_out(gateway, stream, seconds, pids), await flat_out(direct, stream, seconds, pids)
    found["events_per_s"] = ours.rate * EVENTS
    found["direct_events_per_s"] = theirs.rate * EVENTS
    found["cpu_us_per_event"] = ours.cpu / ours.requests / EVENTS * 1e6
    ours, theirs = await paced(gateway, plain, seconds, 200), await paced(direct, plain, seconds, 200)
    for name, q in (("p50", 0.5), ("p99", 0.99)):
        found[f"added_us_{name}_at_200_per_s"] = ours.quantile(q) - theirs.quantile(q)
        found[f"direct_us_{name}_at_200_per_s"] = theirs.quantile(q)
    found["worker_mb"] = memory_mb(pids)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    engine = context.Process(target=run_engine, args=(theirs, cores[-1]), daemon=True)
    engine.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        process, said = start_gateway(Path(folder), port, options.workers)
        try:
            for number, pid in enumerate(said["workers"]):
                os.sched_setaffinity(pid, {cores[number % max(1, len(cores) - 1)]})
            result = uvloop.run(measure(f"http://127.0.0.1:{port}", said["url"], said["workers"], options.seconds))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
            engine.kill()
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):32} {value:12,.2f}")


if __name__ == "__main__":
    main()
