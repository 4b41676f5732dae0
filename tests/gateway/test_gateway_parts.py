"""The gateway's parts, each by itself: figures, journal, admission, channel, local engines, sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from weighbridge.canon import (
    Act,
    Attempt,
    Engine,
    Host,
    Loss,
    Model,
    Offer,
    Plan,
    Profile,
    Publication,
    Record,
    Severity,
    Trace,
    Usage,
)
from weighbridge.engines import catalogue
from weighbridge.engines.endpoints import Endpoint
from weighbridge.errors import (
    AccessError,
    ForbiddenError,
    InputError,
    LocalEngineError,
    MissingExtraError,
    PortError,
    SettingsError,
    TooLargeError,
)
from weighbridge.gateway import channel as ch
from weighbridge.gateway.admit import Admit, Gone, read_body
from weighbridge.gateway.answers import lost, preflight
from weighbridge.gateway.edge import Edge, Server
from weighbridge.gateway.listen import check_exposure, is_loopback, listen, url
from weighbridge.gateway.lists import Listed, many, one
from weighbridge.gateway.locals import Keeper, ParentEndpoints
from weighbridge.gateway.metrics import FAMILIES, Metrics, Snapshot, render, total
from weighbridge.gateway.plans import Plans, declare, dispatch
from weighbridge.settings import Config, Gateway, Settings
from weighbridge.store.state import State

# --- figures ----------------------------------------------------------------------------------


def unbounded(_size):
    """Takes any number of bytes."""


def trace(**more):
    values: Any = {"id": "t", "at": 1.0, "route": "r", "engine": "e@h", "first_token": 0.02, "total": 0.3}
    return Trace(**values | more)


def test_figures_come_from_traces():
    metrics = Metrics()
    usage = Usage(input=10, cached=4, output=5)
    metrics.observe(trace(usage=usage, cost=2_500_000, dialect="gemini-generate"))
    failed = Attempt(engine="d@h", started=0, ended=1, outcome="overloaded")
    metrics.observe(trace(outcome="deadline", attempts=(failed,), first_token=None))
    text = render(metrics.snapshot())
    assert 'weighbridge_requests_total{route="r",engine="e@h",outcome="ok"} 1\n' in text
    assert 'weighbridge_requests_total{route="r",engine="e@h",outcome="deadline"} 1\n' in text
    assert 'weighbridge_dialect_requests_total{dialect="gemini-generate",outcome="ok"} 1\n' in text
    assert 'weighbridge_tokens_total{engine="e@h",kind="cached"} 4\n' in text
    assert 'weighbridge_cost_total{engine="e@h",currency="USD"} 2.5\n' in text
    assert 'weighbridge_attempts_failed_total{engine="d@h",outcome="overloaded"} 1\n' in text
    assert 'weighbridge_first_token_seconds_bucket{route="r",engine="e@h",le="0.01"} 0\n' in text
    assert 'weighbridge_first_token_seconds_bucket{route="r",engine="e@h",le="0.025"} 1\n' in text
    assert 'weighbridge_total_seconds_count{route="r",engine="e@h"} 2\n' in text
    assert 'weighbridge_total_seconds_sum{route="r",engine="e@h"} 0.6\n' in text


def test_labels_are_escaped():
    metrics = Metrics()
    metrics.observe(trace(route='a"b\\c\nd'))
    assert 'route="a\\"b\\\\c\\nd"' in render(metrics.snapshot())


def test_gauges_of_the_dead_do_not_count():
    metrics = Metrics()
    metrics.in_flight = 3
    metrics.set("weighbridge_plan", 7)
    metrics.observe(trace())
    snapshot = metrics.snapshot()
    both = total([snapshot, snapshot])
    assert ("weighbridge_in_flight", (), 6) in both.values
    assert ("weighbridge_plan", (), 7) in both.values
    names = {name for name, _, _ in total([snapshot], gauges=False).values}
    assert names == {"weighbridge_requests_total", "weighbridge_dialect_requests_total"}


@given(st.lists(st.floats(min_value=0, max_value=1000), max_size=30), st.integers(1, 5))
def test_adding_up_is_the_same_as_counting_in_one_place(times, workers):
    alone, split = Metrics(), [Metrics() for _ in range(workers)]
    for number, seconds in enumerate(times):
        alone.observe(trace(total=seconds, first_token=None))
        split[number % workers].observe(trace(total=seconds, first_token=None))
    wire = [msgspec.json.decode(msgspec.json.encode(one.snapshot()), type=Snapshot) for one in split]
    ours, theirs = render(total(wire)).splitlines(), render(alone.snapshot()).splitlines()
    assert [x for x in ours if "_sum" not in x] == [x for x in theirs if "_sum" not in x]


def test_every_figure_has_a_line_of_help():
    assert all(family.help.endswith(".") and family.name.startswith("weighbridge_") for family in FAMILIES)


# --- admission --------------------------------------------------------------------------------


def test_hosts_that_are_ours():
    admit = Admit(Gateway(allowed_hosts=("Gate.example",)), host="127.0.0.1", port=80, key="")
    for host in (b"127.0.0.1:80", b"localhost", b"LocalHost:80", b"[::1]", b"gate.example", b"gate.example:80"):
        admit.place({b"host": host})
    for host in (b"", b"evil.example", b"127.0.0.1:81", b"localhost.evil.example", b"127.0.0.1.nip.io:80"):
        with pytest.raises(ForbiddenError):
            admit.place({b"host": host})
    with pytest.raises(ForbiddenError):
        admit.place({})


def test_keys():
    admit = Admit(Gateway(), host="127.0.0.1", port=1, key="s3cret")
    admit.key({b"authorization": b"Bearer s3cret"})
    admit.key({b"authorization": b"bearer  s3cret"})
    for shown in (b"", b"Bearer", b"Bearer ", b"Bearer S3cret", b"Basic s3cret", b"s3cret", b"Bearer s3cret2", b"\xff"):
        with pytest.raises(AccessError) as error:
            admit.key({b"authorization": shown})
        assert "s3cret" not in str(error.value)
    Admit(Gateway(), host="127.0.0.1", port=1, key="").key({})


def test_keys_in_the_ways_of_all_dialects():
    admit = Admit(Gateway(), host="127.0.0.1", port=1, key="s3 cret")
    ways: list[tuple[dict[bytes, bytes], bytes]] = [
        ({b"authorization": b"Bearer s3 cret"}, b""),
        ({b"x-api-key": b"s3 cret"}, b""),
        ({b"x-goog-api-key": b"s3 cret"}, b""),
        ({}, b"alt=sse&key=s3%20cret"),
        ({b"authorization": b"Bearer placeholder", b"x-api-key": b"s3 cret"}, b""),
    ]
    callers = {admit.key(headers, query).id for headers, query in ways}
    assert len(callers) == 1
    assert "s3" not in callers.pop()
    wrong: list[tuple[dict[bytes, bytes], bytes]] = [
        ({b"authorization": b"Basic s3 cret"}, b""),
        ({b"x-api-key": b""}, b""),
        ({b"x-api-key": b"s3 cret2"}, b""),
        ({}, b"monkey=s3%20cret"),
        ({}, b"key="),
    ]
    for headers, query in wrong:
        with pytest.raises(AccessError):
            admit.key(headers, query)


def test_callers_are_told_apart_without_an_access_key():
    admit = Admit(Gateway(), host="127.0.0.1", port=1, key="")
    one, other = admit.key({b"x-api-key": b"one"}).id, admit.key({b"authorization": b"Bearer other"}).id
    assert len({one, other, ""}) == 3
    assert admit.key({}, b"key=one").id == one
    assert admit.key({}).id == ""


def messages(*parts, then="http.disconnect"):
    queue = [
        {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]

    async def receive():
        return queue.pop(0) if queue else {"type": then}

    return receive


@given(st.lists(st.binary(max_size=20), min_size=1), st.integers(0, 100))
def test_bodies_are_read_whole_or_refused(parts, limit):
    whole = b"".join(parts)
    reading = read_body(messages(*parts), None, limit, grow=unbounded)
    if len(whole) > limit:
        with pytest.raises(TooLargeError):
            asyncio.run(reading)
    else:
        assert asyncio.run(reading) == whole


async def test_bodies_that_do_not_come():
    with pytest.raises(Gone):
        await read_body(messages(), b"5", 10, grow=unbounded)
    with pytest.raises(TooLargeError):
        await read_body(messages(b"x"), b"11", 10, grow=unbounded)
    with pytest.raises(TooLargeError):
        await read_body(messages(b"x"), b"9" * 5000, 10, grow=unbounded)
    times = iter([0.0, 30.0, 61.0])
    with pytest.raises(InputError, match="60 seconds"):
        await read_body(messages(b"a", b"b", b"c", b"d"), b"4", 10, grow=unbounded, clock=lambda: next(times))


# --- what answers tell ------------------------------------------------------------------------


def test_losses_in_a_header():
    losses = [
        Loss("user", "r", "low"),
        Loss("tools[0]", "r", "high"),
        Loss("messages[1].content[0]", "r", "high"),
        Loss("seed", "r"),
    ]
    assert lost(losses) == b"4; high=tools[0],messages[1].content[0]; medium=seed; low=user"
    assert lost([Loss("tools[0]", "a"), Loss("tools[0]", "b")]) == b"2; medium=tools[0]"


@given(st.lists(st.tuples(st.text(max_size=300), st.sampled_from(["low", "medium", "high"])), max_size=60))
def test_any_losses_fit_a_header(losses):
    told = lost([Loss(field, "r", cast("Severity", severity)) for field, severity in losses])
    assert len(told) <= 1024
    assert all(32 <= byte < 127 for byte in told)
    assert told.startswith(b"%d" % len(losses))


def test_a_list_of_losses_that_is_too_long_says_so():
    told = lost([Loss(f"messages[{number}].content[0].cache_control", "r") for number in range(500)])
    assert told.startswith(b"500; medium=messages[0].content[0].cache_control,")
    assert told.endswith(b",...")


def test_lists_parse_in_the_sdks_own_types():
    from anthropic.types import ModelInfo
    from openai.types import Model as OpenAIModel

    for row in (Listed("a@b", "b", "Title", 86_400, 1000, 100), Listed("route", "weighbridge")):
        assert OpenAIModel.model_validate(one(row, "openai-chat")).id == row.name
        told = ModelInfo.model_validate(one(row, "anthropic-messages"))
        assert (told.id, told.created_at.timestamp(), told.max_tokens) == (row.name, row.created, row.max_output)
    assert many([], "anthropic-messages") == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_what_pages_may_send():
    def allowed(asked):
        (value,) = [value for name, value in preflight(asked) if name.endswith(b"allow-headers")]
        return value

    always = allowed(b"")
    names = always.split(b", ")
    assert {b"authorization", b"content-type", b"x-api-key", b"x-weighbridge-conversation"} <= set(names)
    assert len(names) == len(set(names))
    assert allowed(b"x-stainless-os, x-b") == always + b", x-stainless-os, x-b"
    for malformed in (b"a\r\nb: c", b"a," * 5000, b"a b", b"a;b", "é".encode(), b"a\0"):
        assert allowed(malformed) == always


# --- sockets ----------------------------------------------------------------------------------


def test_addresses():
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.1", "example.com")] == [False] * 4
    assert url("::1", 5) == "http://[::1]:5"
    assert url("0.0.0.0", 5) == "http://127.0.0.1:5"
    check_exposure(Gateway(host="0.0.0.0"), {"WEIGHBRIDGE_ACCESS_KEY": "k"})
    with pytest.raises(SettingsError):
        check_exposure(Gateway(host="0.0.0.0"), {"WEIGHBRIDGE_ACCESS_KEY": ""})


def test_listening():
    with listen("127.0.0.1", 0) as sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.get_inheritable()
        with pytest.raises(PortError) as error:
            listen("127.0.0.1", sock.getsockname()[1])
        assert "--port" in error.value.fix
    with pytest.raises(PortError):
        listen("no such host.invalid", 0)


# --- connections ------------------------------------------------------------------------------


class Wire:
    """A transport that keeps what was written."""

    def __init__(self):
        self.written = b""
        self.closed = ""

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = self.closed or "closed"

    def abort(self):
        self.closed = "aborted"

    def is_closing(self):
        return bool(self.closed)

    def set_write_buffer_limits(self, high):
        pass

    def get_extra_info(self, name, default=None):
        return default


@pytest.fixture
async def connection():
    waiting = asyncio.Event()

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hi", "more_body": scope["path"] == "/slow"})
        if scope["path"] == "/slow":
            await waiting.wait()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = Server(app, sock)
        made: Any = Edge(config=server._config, server_state=server._state, app_state={})
        wire = Wire()
        made.connection_made(wire)
        yield made, wire
        waiting.set()
        await asyncio.gather(*made.tasks)
        if made.timeout_keep_alive_task:
            made.timeout_keep_alive_task.cancel()


HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


async def test_clients_that_send_too_slowly_are_let_go(connection):
    made, wire = connection
    now = made.loop.time()
    made.sweep(now + 60)
    assert not wire.closed  # nothing was sent yet: an open connection is no sin
    made.data_received(HEAD)
    made.sweep(now + 10)
    assert (wire.closed, made.quiet) == ("", False)
    made.sweep(made.loop.time() + 16)
    assert wire.closed == "closed"
    assert wire.written.startswith(b"HTTP/1.1 400")


async def test_connections_that_never_send_are_closed(connection):
    made, wire = connection
    made.sweep(made.loop.time() + 91)
    assert wire.closed == "closed"


async def test_clients_that_stop_reading_are_let_go(connection):
    made, wire = connection
    made.data_received(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
    await asyncio.sleep(0)
    assert not made.quiet
    made.pause_writing()
    made.sweep(made.loop.time() + 60)
    made.resume_writing()
    made.sweep(made.loop.time() + 600)
    assert not wire.closed
    made.pause_writing()
    made.sweep(made.loop.time() + 121)
    assert wire.closed == "aborted"
    made.connection_lost(None)


async def test_who_asks_is_told_that_the_client_left(connection):
    made, wire = connection
    told = []
    made.watch(lambda: told.append(1))
    made.connection_lost(None)
    assert told == [1]
    wire.closed = "closed"
    made.watch(lambda: told.append(2))  # too late to wait: told at once
    assert told == [1, 2]
    made.watch(None)


# --- the channel ------------------------------------------------------------------------------


async def test_messages_arrive_in_order_and_the_end_is_noticed(tmp_path):
    ours, theirs = ch.pair()
    theirs.settimeout(0)
    other = ch.Channel(theirs)
    got = []
    everything = asyncio.Event()

    def take(message):
        got.append(message)
        if len(got) == 101:
            everything.set()

    start = ch.Start(
        config=Config(settings=Settings(), folder=tmp_path, file=tmp_path / "weighbridge.toml", routes={"r": {"primary": "x"}}),
        host="127.0.0.1",
        port=1,
        journal="j",
        publication=Publication(sequence=1, plan=Plan(1), at=1.0),
    )  # fmt: skip
    ours.send(ch.Ready())  # before it is open: dropped
    opened = asyncio.Event()
    running = asyncio.create_task(ours.run(take, opened.set))
    await opened.wait()
    reading = asyncio.create_task(other.run(take))
    ours.send(start)
    for number in range(100):
        ours.send(ch.Ask(number))
    await ours.flush()
    await everything.wait()
    assert got[0] == start
    assert [message.id for message in got[1:]] == list(range(100))
    ours.close()
    await asyncio.gather(running, reading)
    other.send(ch.Ready())  # nobody is left: dropped
    other.close()


# --- plans ------------------------------------------------------------------------------------


async def test_plans_follow_the_store(tmp_path):
    state = State(tmp_path / "state.db")
    first = declare(state, {}, resolve=catalogue.load().engine, who="t", why="", at=1.0)
    assert declare(state, {}, resolve=catalogue.load().engine, who="t", why="", at=2.0) == first
    state.alter("key", "a", lambda _: b"1", Act(1.0, "t", "key.create"))
    plans = Plans(first, str(tmp_path / "state.db"), state.everything())
    told: asyncio.Queue[object] = asyncio.Queue()
    plans.watch(asyncio.get_running_loop(), told.put_nowait, told.put_nowait)
    kept = plans.plan()
    made = state.publish(Plan(0, declared={}), action="promote", who="t", why="", route="", at=3.0)
    assert await asyncio.wait_for(told.get(), 30) == made.plan == plans.plan()
    assert kept is first.plan  # who began with it keeps it
    changed = state.alter("key", "b", lambda _: b"2", Act(1.0, "t", "key.create"))
    assert await asyncio.wait_for(told.get(), 30) == [changed]
    gone = state.alter("key", "a", lambda _: None, Act(1.0, "t", "key.revoke"))
    assert await asyncio.wait_for(told.get(), 30) == [gone]
    assert plans.records == (changed,) == tuple(state.everything())
    await asyncio.to_thread(plans.close)
    state.close()


async def test_a_store_of_an_earlier_day_takes_back_what_came_since(tmp_path):
    state = State(tmp_path / "state.db")
    first = declare(state, {}, resolve=catalogue.load().engine, who="t", why="", at=1.0)
    old = state.alter("key", "old", lambda _: b"1", Act(1.0, "t", "key.create"))
    state.close()
    before = (tmp_path / "state.db").read_bytes()
    state = State(tmp_path / "state.db")
    new = state.alter("key", "new", lambda _: b"2", Act(1.0, "t", "key.create"))
    plans = Plans(first, str(tmp_path / "state.db"), state.everything())
    state.close()
    (tmp_path / "copy.db").write_bytes(before)
    (tmp_path / "copy.db").replace(tmp_path / "state.db")
    told: asyncio.Queue[object] = asyncio.Queue()
    plans.watch(asyncio.get_running_loop(), told.put_nowait, told.put_nowait)
    assert await asyncio.wait_for(told.get(), 30) == [structs.replace(new, data=None), old]
    assert plans.records == (old,)
    await asyncio.to_thread(plans.close)


def test_records_go_to_those_who_follow_their_kind():
    class Kept:
        def __init__(self):
            self.seen = []

        def apply(self, records):
            self.seen.append(list(records))

    keys, rules, silent = Kept(), Kept(), Kept()
    key, rule, other = (Record(kind, "n", 1, b"") for kind in ("key", "rule", "other"))
    dispatch([rule, key, other], {"key": (keys,), "rule": (rules, keys), "fact": (silent,)})
    assert keys.seen == [[key], [rule]]
    assert (rules.seen, silent.seen) == ([[rule]], [])


# --- local engines ----------------------------------------------------------------------------

ENGINE = Engine(Model("m"), Host("local"), Offer("m", "local"), Profile())


class Runs:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.closed = False

    async def endpoint(self, engine):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        await asyncio.sleep(0)
        return answer

    async def close(self):
        self.closed = True


async def test_local_engines_load_behind_requests():
    now = [0.0]
    told: list[ch.Local] = []
    runs = Runs(MissingExtraError("no llama", fix="install it"), Endpoint("http://x/v1"))

    def tell(local):
        told.append(local)
        worker.told(local)

    keeper = Keeper(runs, tell, clock=lambda: now[0])
    worker = ParentEndpoints(lambda name: keeper.want(ENGINE))
    with pytest.raises(LocalEngineError, match="no llama"):
        await worker.endpoint(ENGINE)
    with pytest.raises(LocalEngineError, match="no llama"):
        await worker.endpoint(ENGINE)  # remembered: not tried again at once
    now[0] = 60.0
    first, second = await asyncio.gather(worker.endpoint(ENGINE), worker.endpoint(ENGINE))
    assert first == second == Endpoint("http://x/v1")
    assert [local.state for local in told] == ["loading", "failed", "failed", "loading", "ready"]
    assert await worker.endpoint(ENGINE) == first
    await keeper.close()
    assert runs.closed


async def test_a_request_does_not_wait_for_ever_for_a_local_engine():
    asked: list[str] = []
    worker = ParentEndpoints(asked.append, patience=0.01)
    with pytest.raises(LocalEngineError, match="still loading") as error:
        await worker.endpoint(ENGINE)
    assert error.value.retry_after == 5
    assert asked == ["m@local"]
    worker.told(ch.Local("m@local", "ready", endpoint=b'{"url":"http://y/v1"}'))
    assert (await worker.endpoint(ENGINE)).url == "http://y/v1"


def test_python_modules_of_the_current_folder_are_not_run(tmp_path):
    (tmp_path / "msgspec.py").write_text("raise SystemExit('hijacked')")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "weighbridge.gateway.worker"],
        cwd=tmp_path,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "hijacked" not in done.stderr
