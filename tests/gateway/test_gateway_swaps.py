"""Swapping engines under live traffic, while the workers are replaced: nobody notices."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time

import aiohttp
import pytest
from gateways import Gateway

from weighbridge import settings, swap
from weighbridge.engines import catalogue
from weighbridge.store.state import State

pytestmark = pytest.mark.xdist_group("gateway")

#: In the run that decides about every change, fewer: they take a minute.
SWAPS, RESTARTS = (80, 4) if "CI" in os.environ else (200, 10)
CLIENTS = 64
ENGINES = ("writer@left", "writer@right")
TEXTS = {name: " ".join(f"{name.partition('@')[2]}{n}" for n in range(30)) for name in ENGINES}
CONFIG = """
[gateway]
workers = 2
[models.writer]
lab = "test"
[routes.assistant]
primary = "writer@left"
"""
HOST = """
[hosts.{0}]
url = "http://{0}.test/v1"
auth = "none"
recorded = {{ path = "{0}.jsonl", latency = 0.01, chunk_seconds = 0.002 }}
[offers."writer@{0}"]
"""


@pytest.fixture
def gateway(tmp_path):
    text = CONFIG
    for engine in ENGINES:
        name = engine.partition("@")[2]
        text += HOST.format(name)
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"input": "hi", "output": TEXTS[engine]}) + "\n")
    (tmp_path / "weighbridge.toml").write_text(text)
    made = Gateway(tmp_path)
    yield made
    assert made.stop() == 0
    assert made.errors == ""


class Clients:
    """Applications that keep asking, keep their connections, and never try twice."""

    def __init__(self, url):
        self.url = url + "/v1/chat/completions"
        self.stop = False
        self.whole = 0
        self.wrong = []
        self.by_engine = dict.fromkeys(ENGINES, 0)

    async def run(self, session, *, stream):
        body = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        while not self.stop:
            await asyncio.sleep(0.05)  # leaves the cores to the workers that start
            try:
                async with session.post(self.url, json=body) as answer:
                    engine = answer.headers.get("x-weighbridge-engine", "")
                    data = (await answer.read()).decode()
            except (aiohttp.ClientError, OSError) as error:
                self.wrong.append(repr(error))
                continue
            if answer.status != 200 or read(data, stream=stream) != TEXTS[engine]:
                self.wrong.append((answer.status, engine, data[-200:]))
            else:
                self.whole += 1
                self.by_engine[engine] += 1


def read(data, *, stream):
    """The text of a whole answer; of a stream only if it is whole, with its terminator."""
    if not stream:
        return json.loads(data)["choices"][0]["message"]["content"]
    events = [line.removeprefix("data: ") for line in data.split("\n\n") if line]
    if events.pop() != "[DONE]":
        return "truncated"
    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    if choices[-1]["finish_reason"] != "stop":
        return "unfinished"
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def swap_often(folder, store, done):
    """Publish swap after swap; slowly enough that they last as long as the restarts, if `done` says how far these are."""
    config = settings.load(folder / "weighbridge.toml", environ={})
    engines = catalogue.load(config)
    state = State(store / "state.db")
    for number in range(SWAPS):
        engine = ENGINES[(number + 1) % 2]
        swap.promote(state, engines, "assistant", engine, who="test", why="", at=time.time(), environ={})
        while number / SWAPS > done() + 0.02:
            time.sleep(0.01)
    state.close()


def restart_often(gateway, progress):
    for number in range(RESTARTS):
        os.kill(gateway.said["pid"], signal.SIGHUP)
        wanted = 2 * (number + 1)
        gateway.until(lambda wanted=wanted: gateway.figure("weighbridge_worker_restarts_total") >= wanted, 120)
        progress.append(number)


@pytest.mark.timeout(400)
async def test_swaps_and_restarts_under_load_fail_nothing(gateway):
    clients = Clients(gateway.url)
    progress: list[int] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        running = [asyncio.create_task(clients.run(session, stream=n % 2 == 0)) for n in range(CLIENTS)]
        try:
            await asyncio.gather(
                asyncio.to_thread(restart_often, gateway, progress),
                asyncio.to_thread(
                    swap_often, gateway.folder, gateway.store, lambda: 1 if clients.wrong else len(progress) / RESTARTS
                ),
            )
        finally:
            clients.stop = True
            await asyncio.gather(*running)
    assert clients.wrong == []
    assert clients.whole > 10 * CLIENTS
    assert min(clients.by_engine.values()) > CLIENTS
    # A worker too busy to answer in time is told of by its last report, a second old: the figures follow soon.
    gateway.until(lambda: gateway.figure("weighbridge_requests_total") == clients.whole)
    assert gateway.figure("weighbridge_interrupted_total") == 0
    state = State(gateway.store / "state.db")
    assert len(state.history(1000)) == SWAPS + 1
    state.close()


async def test_after_a_promotion_every_worker_follows(gateway):
    async def engines(session, count=40):
        body = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}

        async def one():
            async with session.post(gateway.url + "/v1/chat/completions", json=body) as answer:
                await answer.read()
                return answer.headers["x-weighbridge-engine"]

        return set(await asyncio.gather(*(one() for _ in range(count))))

    config = settings.load(gateway.folder / "weighbridge.toml", environ={})
    state = State(gateway.store / "state.db")
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        assert await engines(session) == {"writer@left"}
        swap.promote(
            state, catalogue.load(config), "assistant", "writer@right", who="t", why="", at=time.time(), environ={}
        )
        end = time.monotonic() + 20
        while await engines(session) != {"writer@right"}:
            assert time.monotonic() < end
        assert await engines(session) == {"writer@right"}
        made = swap.rollback(state, catalogue.load(config), "assistant", who="t", why="", at=time.time())
        assert made.plan.number == 1
        while await engines(session) != {"writer@left"}:
            assert time.monotonic() < end
    state.close()
