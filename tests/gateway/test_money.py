"""What was recorded is what hosts billed, to the micro-unit, whatever happens: failures, retries, failover, clients
that leave, workers and whole gateways that are killed. Estimates are marked, and nothing is billed without a trace."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gateways import Host

from weighbridge.canon import Attempt, charges
from weighbridge.store.reader import scan
from weighbridge.store.spend import spent
from weighbridge.store.state import State

PRICES = {"a": (3, 11), "b": (17, 29), "c": (41, 53)}  # of input and output, per million tokens
WAYS = ("ok", "ok", "ok", "ok", "refuse", "drop", "early", "mid", "slow", "hang")
TOML = """
[gateway]
workers = 2
drain_seconds = 5
[client]
retries = 1
backoff = 0.01
[hosts.test]
url = "http://127.0.0.1:{port}/v1"
auth = "none"
{models}
[routes.main]
primary = "a@test"
fallbacks = ["b@test", "c@test"]
hedge = 0.15
hedge_share = 1.0
"""
MODEL = """
[models.{name}]
[offers."{name}@test"]
price = {{ input = {prices[0]}, output = {prices[1]}, cached = 1 }}
"""


def usage_of(number: int) -> dict[str, Any]:
    """The tokens of a call, different for each number."""
    cached = {"cached_tokens": number % 7}
    return {"prompt_tokens": 1000 + number, "completion_tokens": 5000 + 3 * number, "prompt_tokens_details": cached}


def price_of(model: str, number: int) -> int:
    usage = usage_of(number)
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    price_in, price_out = PRICES[model]
    cost: int = (usage["prompt_tokens"] - cached) * price_in + cached + usage["completion_tokens"] * price_out
    return cost


class BillingHost(Host):
    """A host that does as each request says, and bills every one that it does not refuse."""

    def __init__(self) -> None:
        super().__init__()
        self.bills: list[tuple[str, int, bool]] = []  # model, number, whether the whole answer was sent

    def after(self, count: int, do: Callable[[], None]) -> None:
        """Do something as soon as so many calls were billed."""
        end = time.monotonic() + 20
        while len(self.bills) < count:
            assert time.monotonic() < end, "too few calls came"
            time.sleep(0.005)
        do()

    async def _write(self, seen, writer):
        asked = json.loads(seen.body["messages"][-1]["content"])
        number, way = asked["number"], asked["ways"][seen.model]
        if way == "refuse":
            writer.write(b"HTTP/1.1 503 X\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
            await writer.drain()
            return True
        self.bills.append((seen.model, number, False))
        if way == "drop":
            return False
        if way == "hang":
            await asyncio.sleep(60)
        send = self._stream if seen.body.get("stream") else self._whole
        whole = await send(writer, seen.model, number, way)
        if whole:
            self.bills[self.bills.index((seen.model, number, False))] = (seen.model, number, True)
        return whole

    async def _whole(self, writer, model, number, way):
        message = {"role": "assistant", "content": f"{model} {number}"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps({"id": "x", "model": model, "choices": [choice], "usage": usage_of(number)}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
        if way in {"early", "mid"}:
            writer.write(body[: len(body) // 2])
            await writer.drain()
            return False
        if way == "slow":
            await asyncio.sleep(0.3)
        writer.write(body)
        await writer.drain()
        return True

    async def _stream(self, writer, model, number, way):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await writer.drain()
        if way == "early":
            return False
        base = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": model}
        for step in range(6):
            if way == "mid" and step == 4:
                return False
            await self._event(writer, base | {"choices": [{"index": 0, "delta": {"content": f"{model}{step} "}}]})
            await asyncio.sleep(0.08 if way == "slow" else 0.001)
        await self._event(writer, base | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        await self._event(writer, base | {"choices": [], "usage": usage_of(number)})
        data = b"data: [DONE]\n\n"
        writer.write(b"%x\r\n" % len(data) + data + b"\r\n0\r\n\r\n")
        await writer.drain()
        return True

    @staticmethod
    async def _event(writer, value):
        data = b"data: " + json.dumps(value).encode() + b"\n\n"
        writer.write(b"%x\r\n" % len(data) + data + b"\r\n")
        await writer.drain()


@pytest.fixture
def host() -> Iterator[BillingHost]:
    made = BillingHost()
    made.start()
    yield made
    made.stop()


class Clients:
    """Clients that ask one thing after the other; `got`: who answered those that came whole."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self.got: list[tuple[str, int]] = []
        self.outcomes: Counter[str] = Counter()

    def run(self, url: str, count: int) -> None:
        with ThreadPoolExecutor(8) as pool:
            for found in [pool.submit(self._ask, url) for _ in range(count)]:
                found.result()

    def _ask(self, url: str) -> None:
        with self._lock:
            number, rng = next(self._numbers), random.Random(self._rng.random())
        stream, leaves = rng.random() < 0.6, rng.random() < 0.2
        ways = {model: rng.choice(WAYS) for model in PRICES}
        if "hang" in ways.values():
            leaves = True
        content = json.dumps({"number": number, "ways": ways})
        body = {"model": "main", "stream": stream, "messages": [{"role": "user", "content": content}]}
        connection = http.client.HTTPConnection("127.0.0.1", int(url.rpartition(":")[2]), timeout=0.4 if leaves else 20)
        outcome = "broken"
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            data = answer.read(1) if leaves and stream else answer.read()
            outcome = str(answer.status)
            if answer.status == 200 and (data.endswith(b"data: [DONE]\n\n") if stream else True):
                engine = answer.headers["x-weighbridge-engine"].partition("@")[0]
                self.got.append((engine, number))
                outcome = "whole"
            elif leaves:
                outcome = "left"
        except (OSError, http.client.HTTPException):
            outcome = "left" if leaves else "broken"
        finally:
            connection.close()
        self.outcomes[outcome] += 1


def kill_all(gateway) -> None:
    """kill -9 of the parent and every process below it."""
    below = [
        int(n) for n in Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    ]
    for pid in (gateway.process.pid, *below):
        os.kill(pid, signal.SIGKILL)
    gateway.process.communicate()
    while any(
        Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text() for pid in below
    ):
        time.sleep(0.01)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", [1])
def test_recorded_is_what_was_billed(serve, host, seed: int) -> None:
    models = "".join(MODEL.format(name=name, prices=prices) for name, prices in PRICES.items())
    text = TOML.format(port=host.port, models=models)
    clients = Clients(seed)
    first = serve(text)
    with ThreadPoolExecutor(1) as killer:
        killed = killer.submit(host.after, 40, lambda: os.kill(first.said["workers"][0], signal.SIGKILL))
        clients.run(first.url, 60)
        killed.result()
        killed = killer.submit(host.after, len(host.bills) + 25, lambda: kill_all(first))
        clients.run(first.url, 40)
        killed.result()
    second = serve(text)
    clients.run(second.url, 40)
    assert second.stop() == 0

    traces = list(scan(second.store / "traces"))
    assert len({trace.id for trace in traces}) == len(traces)
    billed = [(trace, attempt) for trace in traces for attempt in charges(trace)]
    _check_calls(host, clients, [attempt for _, attempt in billed])
    _check_sums(second.store, [attempt for _, attempt in billed])
    for trace in traces:
        assert sum(a.cost or 0 for a in charges(trace)) == (trace.cost or 0)
    assert list((second.store / "journal").iterdir()) == []
    assert clients.outcomes["whole"] > 40  # else little was tried
    assert any(trace.outcome == "interrupted" for trace in traces)


def _check_calls(host: BillingHost, clients: Clients, attempts: list[Attempt]) -> None:
    """Each bill has one attempt; what a client got whole is there exactly; all else is marked as an estimate."""
    assert all(attempt.cost is not None and attempt.usage is not None for attempt in attempts)
    exact = Counter(
        (a.engine.partition("@")[0], a.usage.input - 1000) for a in attempts if a.usage and not a.usage.estimated
    )
    for attempt in attempts:
        assert attempt.usage is not None
        if not attempt.usage.estimated:
            model = attempt.engine.partition("@")[0]
            assert attempt.cost == price_of(model, attempt.usage.input - 1000)
    assert max(exact.values()) == 1
    assert exact.keys() <= {(model, number) for model, number, whole in host.bills if whole}
    assert set(clients.got) <= exact.keys()
    for model in PRICES:
        bills = sum(name == model for name, _, _ in host.bills)
        calls = sum(attempt.engine == f"{model}@test" for attempt in attempts)
        # What was on its way to the host when its worker was killed may not have come there.
        assert bills <= calls <= bills + 2 * 8


def _check_sums(store: Path, attempts: list[Attempt]) -> None:
    state = State(store / "state.db")
    rows = {row.engine: row for row in spent(state, by=["engine"])}
    state.close()
    for name, row in rows.items():
        mine = [attempt for attempt in attempts if attempt.engine == name]
        assert row.cost == sum(a.cost or 0 for a in mine)
        assert row.estimated == sum(a.cost or 0 for a in mine if a.usage and a.usage.estimated)
        assert row.unpriced == 0
    assert {attempt.engine for attempt in attempts} == rows.keys()
