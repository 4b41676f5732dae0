"""Every call that a host may charge for has its cost in the trace, however the exchange goes; nothing else has."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from weighbridge import routes, settings
from weighbridge.canon import Attempt, Key, Message, Plan, Request, TextPart, Trace, Usage, charges
from weighbridge.engines import catalogue
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import NoEndpoints
from weighbridge.engines.transport import HttpRequest
from weighbridge.errors import BrokenAnswerError, UnreachableError, WeighbridgeError
from weighbridge.exchange import Call, Road, StreamedAnswer

MIDNIGHT = 20_000 * 86_400.0
PRICES = """
[hosts.{name}]
url = "http://{name}.test/v1"
auth = "none"
[offers."m@{name}"]
price = [
    {{ input = {n}, output = {n}0 }},
    {{ input = {n}00, output = {n}000, valid_from = "2024-10-04" }},
]
"""
WAYS = ("ok", "silent", "refuse", "nowhere", "drop", "early", "mid")
FREE = frozenset({"refuse", "nowhere"})
EVENTS = [
    '{"id":"x","choices":[{"index":0,"delta":{"content":"12345678"}}]}',
    '{"id":"x","choices":[{"index":0,"delta":{"content":"12345678"}}]}',
    '{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
]
USAGE = '{"id":"x","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4}}'
WHOLE = (
    '{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"12345678"},"finish_reason":"stop"}]%s}'
)


class Response:
    """An answer of the test network."""

    def __init__(self, status: int, chunks: list[bytes], *, breaks: bool) -> None:
        self.status = status
        self.headers: dict[str, str] = {}
        self._chunks = chunks
        self._breaks = breaks

    async def read(self, limit: int) -> bytes:
        body = b"".join([chunk async for chunk in self.chunks()])
        assert len(body) <= limit
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            await asyncio.sleep(0)
            yield chunk
        if self._breaks:
            raise BrokenAnswerError("The connection broke in the middle of the answer.")

    async def close(self) -> None:
        """Nothing is under way."""


class Network:
    """Hosts that do as they are told, and bill for it."""

    def __init__(self, ways: dict[str, list[str]]) -> None:
        self.ways = ways
        self.bills: list[tuple[str, str]] = []

    async def send(self, request: HttpRequest, **_: float) -> Response:
        name = request.url.removeprefix("http://").partition(".")[0]
        ways = self.ways[name]
        way = ways.pop(0) if len(ways) > 1 else ways[0]
        if way == "nowhere":
            raise UnreachableError("No connection: refused.")
        if way == "refuse":
            return Response(503, [b"{}"], breaks=False)
        self.bills.append((name, way))
        await asyncio.sleep(0)
        if way == "drop":
            raise UnreachableError("The connection broke.") from ConnectionResetError()
        told = way == "ok"
        if b'"stream":true' in request.body.replace(b" ", b""):
            events = [*EVENTS, *([USAGE] if told else []), "[DONE]"]
            lines = [f"data: {event}\n\n".encode() for event in events]
            cut = {"early": 0, "mid": 1}.get(way, len(lines))
            return Response(200, lines[:cut], breaks=way in {"early", "mid"})
        usage = ',"usage":{"prompt_tokens":9,"completion_tokens":4}' if told else ""
        body = (WHOLE % usage).encode()
        return Response(200, [body[: 20 if way in {"early", "mid"} else None]], breaks=way in {"early", "mid"})

    async def close(self) -> None:
        """Nothing is held."""


class Books:
    """A ledger that keeps every page."""

    def __init__(self) -> None:
        self.pages: list[tuple[Attempt, ...]] = []

    def owe(self, trace_id: str, engine: str, attempts: tuple[Attempt, ...], note: bytes) -> None:
        self.pages.append(attempts)


@functools.cache
def known(extra: str) -> tuple[settings.Config, Catalogue]:
    """The engines of these tests; reading all that are built in takes a while."""
    prices = "".join(PRICES.format(name=name, n=n) for n, name in enumerate("abc", 1))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "weighbridge.toml").write_text("[client]\nretries = 1\n[models.m]\n" + prices + extra)
        config = settings.load(start=Path(folder), environ={})
        return config, catalogue.load(config)


class Bench:
    """A road to three hosts of one model."""

    def __init__(self, ways: dict[str, list[str]], now: float = MIDNIGHT - 100, extra: str = "") -> None:
        config, found = known(extra)
        self.network = Network(ways)
        self.clock = FakeClock(now)
        self.traces: list[Trace] = []
        self.books = Books()
        ids = itertools.count()
        declared = routes.from_config({"r": {"primary": "m@a", "fallbacks": ["m@b", "m@c"]}}, found.engine)
        self.road = Road(
            catalogue=found,
            client=Client(
                settings=config.settings.client,
                transport=self.network,
                endpoints=NoEndpoints(),
                environ={},
                clock=self.clock,
                rng=random.Random(1),
            ),
            plan=lambda: Plan(1, declared),
            record=self.traces.append,
            deadline=30.0,
            new_id=lambda: f"t{next(ids)}",
            clock=self.clock,
            ledger=self.books,
        )


def request(*, stream: bool = False, text: str = "x" * 40, **more) -> Request:
    return Request("r", (Message("user", (TextPart(text),)),), stream=stream, stream_usage=stream, **more)


async def _exchange(bench: Bench, call: Call, leave: int) -> None:
    """One exchange, which its client leaves after so many turns of the loop."""

    async def go() -> None:
        answer = await bench.road.open(call)
        try:
            if isinstance(answer, StreamedAnswer):
                async for _ in answer.events():
                    await asyncio.sleep(0)
        finally:
            await answer.close()

    task = asyncio.ensure_future(go())
    for _ in range(leave):
        await asyncio.sleep(0)
    task.cancel()
    with contextlib.suppress(WeighbridgeError, asyncio.CancelledError):
        await task


@hypothesis_settings(max_examples=100, deadline=None)
@given(
    ways=st.fixed_dictionaries({name: st.lists(st.sampled_from(WAYS), min_size=1, max_size=3) for name in "abc"}),
    stream=st.booleans(),
    leave=st.integers(0, 40) | st.just(500),
)
def test_each_call_that_was_billed_has_exactly_one_attempt(ways, stream, leave) -> None:
    bench = Bench(ways)
    asyncio.run(_exchange(bench, Call(request(stream=stream)), leave))
    bills = bench.network.bills
    if not bench.traces:  # it left before it began
        assert bills == []
        return
    (trace,) = bench.traces
    billed = [attempt for attempt in trace.attempts if attempt.billed]
    called = [attempt.engine for attempt in billed]
    if trace.outcome == "cancelled" and len(billed) == len(bills) + 1:
        called.pop()  # it left when its call was on its way already: nobody can know whether it arrived
        assert billed[-1].usage == Usage(10, estimated=True)
    assert called == [f"m@{name}" for name, _ in bills]
    for attempt in trace.attempts:
        assert (attempt.usage is not None) == (attempt.cost is not None) == attempt.billed
        assert attempt.ended >= attempt.started >= 0
    for (_, way), attempt in zip(bills, billed, strict=False):
        assert attempt.usage is not None
        assert attempt.usage.estimated or (way == "ok" and attempt.usage == Usage(9, 0, 4))
    if leave == 500 and bills and bills[-1][1] in {"ok", "silent"}:
        assert trace.outcome == "ok"
        assert billed[-1].usage is not None
        assert billed[-1].usage.estimated == (bills[-1][1] == "silent")
    assert sum(attempt.cost or 0 for attempt in billed) == (trace.cost or 0)
    assert bench.books.pages[-1] == tuple(billed)  # what the journal holds when the trace is not written yet
    sizes = [len(page) for page in bench.books.pages]
    assert max(sizes) <= len(bills) + 1  # a try that reached nobody was owed for a moment


async def run(ways: dict[str, list[str]], call: Call, **more) -> Trace:
    bench = Bench({"a": ["refuse"], "b": ["refuse"], "c": ["refuse"]} | ways, **more)
    return await bench.road.run(call)


async def test_a_failed_engine_and_the_one_that_answered_are_both_charged() -> None:
    trace = await run({"a": ["early"], "b": ["ok"]}, Call(request(stream=True)))
    early, whole = charges(trace)
    assert (early.engine, early.outcome, early.usage) == ("m@a", "broken_answer", Usage(10, estimated=True))
    assert (early.cost, whole.cost, trace.cost) == (10, 98, 108)
    assert (trace.engine, trace.usage) == ("m@b", Usage(9, 0, 4))


async def test_a_stream_that_breaks_is_charged_for_what_had_come() -> None:
    trace = await run({"a": ["mid"]}, Call(request(stream=True)))
    (attempt,) = charges(trace)
    assert (trace.outcome, attempt.usage) == ("broken_answer", Usage(10, output=2, estimated=True))


async def test_the_price_is_that_of_the_day_on_which_the_exchange_began() -> None:
    call = Call(request(text="x" * 4_000_000))
    before = await run({"a": ["silent"]}, call, now=MIDNIGHT - 0.001)
    after = await run({"a": ["silent"]}, call, now=MIDNIGHT)
    assert (before.cost, after.cost) == (1_000_020, 100_002_000)


async def test_service_tiers_and_keys_are_known() -> None:
    extra = '[hosts.d]\nurl = "http://a.test/v1"\nauth = "none"\n[offers."m@d"]\n'
    extra += "price = { input = 1000000, output = 0, service = { flex = { input = 500000 } } }\n"
    bench = Bench({"a": ["ok"]}, extra=extra)
    key = Key("k-1", "shop", 0.0, team="web")
    plain = await bench.road.run(Call(request(), route="m@d", key=key))
    flex = await bench.road.run(Call(request(service_tier="flex"), route="m@d"))
    assert (plain.cost, flex.cost) == (9_000_000, 4_500_000)
    assert (plain.key, plain.team, flex.key) == ("k-1", "web", "")


async def test_what_was_refused_or_never_reached_anyone_costs_nothing() -> None:
    trace = await run({"b": ["nowhere"]}, Call(request()))
    assert list(charges(trace)) == []
    assert trace.cost is None
    assert all(not attempt.billed and attempt.cost is None for attempt in trace.attempts)


async def test_the_ledger_hears_of_a_call_before_its_host_does() -> None:
    bench = Bench({"a": ["ok"]})
    heard: list[int] = []
    send = bench.network.send

    async def watched(request: HttpRequest, **how: float) -> Response:
        heard.append(len(bench.books.pages[-1]))
        return await send(request, **how)

    bench.network.send = watched  # type: ignore[method-assign]
    await bench.road.run(Call(request()))
    assert heard == [1]


def test_traces_of_before_tell_one_call() -> None:
    old = Trace("t", 0.0, "r", "m@a", usage=Usage(3), cost=7, attempts=(Attempt("m@a", 0.0, 1.0),))
    (one,) = charges(old)
    assert (one.engine, one.cost, one.usage) == ("m@a", 7, Usage(3))
    assert list(charges(Trace("t", 0.0, "r", "m@a", usage=Usage(3), cost=0, cached=True))) == []


@pytest.mark.parametrize("way", sorted(FREE))
async def test_a_retry_that_succeeds_is_the_only_one_charged(way: str) -> None:
    trace = await run({"a": [way, "ok"]}, Call(request()))
    assert [attempt.billed for attempt in trace.attempts] == [False, True]
    assert trace.cost == 9 + 40
