"""The second half of the demo: a real gateway under live traffic, while its route is swapped there and back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from weighbridge import settings, swap
from weighbridge.engines import catalogue
from weighbridge.engines.transport import AiohttpTransport, HttpRequest, Transport
from weighbridge.errors import EngineError, WeighbridgeError
from weighbridge.store.state import State

ROUTE = "assistant"
CLIENTS = 8
SWAPS = 20
PAUSE = 1.0  #: seconds between two swaps
QUESTIONS = ("Name a colour.", "Say hello.", "What is 2 + 3?", "Name an animal.", "Name a city.", "Count to five.")
_IN_A_ROW = 16
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0


@dataclass
class Traffic:
    """What the clients and the swaps saw."""

    answers: Counter[str] = field(default_factory=Counter)
    streamed: int = 0
    failures: list[str] = field(default_factory=list)
    cutovers: list[float] = field(default_factory=list)  #: seconds, one per swap; see `_cutover`


@asynccontextmanager
async def gateway(config_file: Path, engines: list[str]) -> AsyncIterator[str]:
    """Run `weighbridge serve` as a process of its own; gives its address, and stops it in the end."""
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "--config", str(config_file)]
    command += ["serve", "--json", "--port", "0", *(word for engine in engines for word in ("--local", engine))]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(settings.ENV_PREFIX)}
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.PIPE, env=environ, cwd=config_file.parent, start_new_session=True
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise WeighbridgeError("The gateway did not start.", fix="Its own error stands above.")
        yield msgspec.json.decode(line)["url"]
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def wait_loaded(url: str, engines: list[str], transport: Transport) -> None:
    """Wait until the gateway's local engines are loaded.

    Raises:
        WeighbridgeError: One failed, or they take too long.
    """
    end = time.monotonic() + _START_SECONDS
    states: Mapping[str, str] = {}
    while time.monotonic() < end:
        response = await transport.send(HttpRequest("GET", f"{url}/readyz", {}), connect_timeout=5, read_timeout=5)
        states = msgspec.json.decode(await response.read(1 << 20))["local"]
        if all(states.get(engine) == "ready" for engine in engines):
            return
        if failed := [engine for engine, state in states.items() if state not in ("ready", "loading")]:
            raise WeighbridgeError(f"{failed[0]} did not load: {states[failed[0]]}.", fix="Free some memory.")
        await asyncio.sleep(0.1)
    raise WeighbridgeError(f"The local engines did not load: {states}.", fix="Try again when the machine is less busy.")


async def drive(url: str, config: settings.Config, engines: list[str], progress: Callable[[str], None]) -> Traffic:
    """Send traffic from several clients while the route is swapped from engine to engine.

    Args:
        url: The gateway.
        config: Its configuration: names the store where plans are published.
        engines: The engines to swap between, the one in force first.
        progress: Told what happens.
    """
    traffic = Traffic()
    stop = asyncio.Event()
    transport = AiohttpTransport(connections=CLIENTS)
    watching = AiohttpTransport(connections=1)  # its own: the clients never leave a connection of theirs free
    known = catalogue.load(config)
    state = State(config.state_place)
    try:
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(_client(url, number, transport, traffic, stop))
            for number in range(1, SWAPS + 1):
                await asyncio.sleep(PAUSE)
                engine = engines[number % len(engines)]
                made = await asyncio.to_thread(
                    swap.promote,
                    state,
                    known,
                    ROUTE,
                    engine,
                    who="demo",
                    why=f"swap {number} of {SWAPS}",
                    at=time.time(),
                    environ=os.environ,
                )
                traffic.cutovers.append(await _cutover(url, made.plan.number, watching))
                progress(f"swap {number:2} of {SWAPS} -> {engine}, {sum(traffic.answers.values())} answers so far")
            await asyncio.sleep(PAUSE)
            stop.set()
    finally:
        state.close()
        await transport.close()
        await watching.close()
    return traffic


async def _cutover(url: str, plan: int, transport: Transport) -> float:
    """How long after a swap was acknowledged a worker still held the plan before it. Seconds.

    Asks again and again which plan is in force, each time over a new connection, which reaches any of the workers,
    until a long row of answers names the new one.
    """
    acknowledged = time.monotonic()
    last_old = 0.0
    row = 0
    while row < _IN_A_ROW:
        asked = time.monotonic() - acknowledged
        request = HttpRequest("GET", f"{url}/readyz", {"connection": "close"})
        response = await transport.send(request, connect_timeout=10, read_timeout=10)
        new = msgspec.json.decode(await response.read(1 << 20))["plan"] == plan
        row = row + 1 if new else 0
        last_old = last_old if new else asked
    return last_old


async def _client(url: str, number: int, transport: Transport, traffic: Traffic, stop: asyncio.Event) -> None:
    """Ask, read the whole answer, ask again; every second client streams. Nothing is ever sent twice."""
    turn = number
    stream = number % 2 == 1
    while not stop.is_set():
        body = {
            "model": ROUTE,
            "messages": [{"role": "user", "content": QUESTIONS[turn % len(QUESTIONS)]}],
            "max_tokens": 8,
            "temperature": 0,
            "stream": stream,
        }
        turn += 1
        try:
            headers = {"content-type": "application/json"}
            request = HttpRequest("POST", f"{url}/v1/chat/completions", headers, msgspec.json.encode(body))
            response = await transport.send(request, connect_timeout=10, read_timeout=120)
            answer = await response.read(1 << 20)
        except EngineError as error:
            traffic.failures.append(str(error))
            continue
        if response.status != 200 or (stream and not answer.rstrip().endswith(b"data: [DONE]")):  # noqa: PLR2004
            traffic.failures.append(f"status {response.status}: {answer[:200].decode(errors='replace')}")
            continue
        traffic.answers[response.headers["x-weighbridge-engine"]] += 1
        traffic.streamed += stream
