from __future__ import annotations

import asyncio
import json
import random
from typing import ClassVar

import pytest

from weighbridge import dialects
from weighbridge.canon import Attempt, Message, Request, TextPart
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import Endpoint, NoEndpoints
from weighbridge.engines.retry import Retries
from weighbridge.engines.transport import AiohttpTransport
from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    EngineError,
    LocalEngineError,
    NoCreditError,
    NoKeyError,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
    UnknownModelError,
    UnreachableError,
    WrongKeyError,
)
from weighbridge.settings import Client as ClientSettings

KEY = "sk-very-secret"


class Dialect:
    """As much of a dialect as the client needs."""

    name = "tiny"
    headers: ClassVar[dict[str, str]] = {}

    def target(self, model, *, stream):
        return "/chat"

    def read_error(self, status, headers, body, *, engine):
        kinds = {400: RefusedRequestError, 401: WrongKeyError, 402: NoCreditError, 429: RateLimitedError}
        after = headers.get("retry-after")
        text = body.decode()
        return kinds.get(status, OverloadedError)(
            text or "?", status=status, retry_after=float(after) if after else None, body=text
        )


class Response:
    def __init__(self, status=200, chunks=(b"ok",), headers=None):
        self.status = status
        self.headers = headers or {}
        self._chunks = chunks
        self.closed = 0

    async def read(self, limit):
        return b"".join([c async for c in self.chunks()])

    async def chunks(self):
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            if callable(chunk):
                await chunk()
            else:
                yield chunk

    async def close(self):
        self.closed += 1


class Script:
    """A transport that follows a script; an exception is raised, a function is awaited first."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.sent = []
        self.timeouts = []

    async def send(self, request, *, connect_timeout, read_timeout):
        self.sent.append(request)
        self.timeouts.append((connect_timeout, read_timeout))
        step = self.steps.pop(0)
        if callable(step):
            step = await step()
        if isinstance(step, Exception):
            raise step
        return step

    async def close(self):
        self.steps = []


class Local:
    """Endpoints with one engine that listens somewhere."""

    async def endpoint(self, engine):
        return Endpoint("http://127.0.0.1:9/v1", key="local-key", tools="grammar")


def dropped_connection():
    error = UnreachableError("dropped")
    error.__cause__ = ConnectionResetError()
    return error


@pytest.fixture
def clock():
    return FakeClock(1000.0)


@pytest.fixture
def client(clock):
    def make(transport, environ=None, endpoints=None, **settings):
        return Client(
            settings=ClientSettings(**settings),
            transport=transport,
            endpoints=endpoints or NoEndpoints(),
            environ=environ if environ is not None else {"X_KEY": KEY},
            clock=clock,
            rng=random.Random(1),
        )

    return make


@pytest.fixture
def host(engine):
    return engine("http://127.0.0.1:1/v1/", key_env="X_KEY", headers={"X-Api-Token": "tok-123456", "x-b": "c"})


async def start(client, engine, **more):
    options = {"stream": False, "deadline": 1100.0, **more}
    return await client.open(engine, Dialect(), b"{}", **options)


async def test_the_request_goes_to_the_hosts_path_with_key_and_headers(client, host):
    script = Script(Response(), Response())
    made = client(script, connect_timeout=3.0, read_timeout=60.0)
    assert await (await start(made, host)).read() == b"ok"
    await start(made, host, stream=True)
    first, second = script.sent
    assert (first.method, first.url, first.body) == ("POST", "http://127.0.0.1:1/v1/chat", b"{}")
    assert first.headers == {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept": "application/json",
        "x-api-token": "tok-123456",
        "x-b": "c",
    }
    assert second.headers["accept"] == "text/event-stream"
    assert script.timeouts[0] == (3.0, 60.0)


@pytest.mark.parametrize("environ", [{}, {"X_KEY": ""}, {"X_KEY": " \n"}])
async def test_no_key_no_call(client, host, environ):
    script = Script()
    with pytest.raises(NoKeyError) as caught:
        await start(client(script, environ), host)
    assert caught.value.fix == "Set X_KEY in the environment."
    assert script.sent == []


async def test_a_keys_trailing_newline_is_forgiven(client, host):
    script = Script(Response())
    await start(client(script, {"X_KEY": KEY + "\n"}), host)
    assert script.sent[0].headers["authorization"] == f"Bearer {KEY}"


async def test_hosts_without_keys_get_none(client, engine):
    script = Script(Response(), Response())
    made = client(script, {"K": "v"})
    await start(made, engine("http://x", auth="none", key_env="K"))
    await start(made, engine("http://x"))
    assert all("authorization" not in request.headers for request in script.sent)


async def test_local_engines_are_asked_where_they_listen(client, engine):
    script = Script(Response())
    made = client(script, endpoints=Local())
    local = engine(serving={"slots": 2})
    assert (await made.endpoint(local)).tools == "grammar"
    assert await made.endpoint(engine("http://x")) is None
    await start(made, local)
    assert script.sent[0].url == "http://127.0.0.1:9/v1/chat"
    assert script.sent[0].headers["authorization"] == "Bearer local-key"
    with pytest.raises(LocalEngineError, match="No local engines"):
        await start(client(Script()), local)


def test_which_hosts_are_local(engine):
    assert engine().host.runs_here
    assert engine("http://x", serving={"slots": 1}).host.runs_here
    assert not engine("http://x").host.runs_here
    assert not engine(recorded={"path": "x"}).host.runs_here


async def test_a_local_engine_that_loads_too_long_is_told(client, clock, engine):
    class Loading:
        async def endpoint(self, engine):
            clock.advance(50)
            await asyncio.Event().wait()

    with pytest.raises(LocalEngineError, match="still loading"):
        await start(client(Script(), endpoints=Loading()), engine(), first_byte_timeout=10)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 520, 529])
async def test_what_passes_is_sent_again(client, clock, host, status):
    script = Script(Response(status), UnreachableError("refused"), Response())
    upstream = await start(client(script, retries=2, backoff=1.0), host)
    assert upstream.status == 200
    assert len(clock.slept) == 2
    assert 0.5 <= clock.slept[0] <= 1.0 <= clock.slept[1] <= 2.0


@pytest.mark.parametrize("status", [400, 401, 402, 404, 501, 505])
async def test_what_will_not_pass_is_not_sent_again(client, clock, host, status):
    script = Script(Response(status))
    with pytest.raises(EngineError) as caught:
        await start(client(script), host)
    assert caught.value.status == status
    assert caught.value.where == "m@h at http://127.0.0.1:1"
    assert len(script.sent) == 1
    assert clock.slept == []


async def test_an_error_of_a_final_kind_is_final_whatever_its_status(client, host):
    class Quota(Dialect):
        def read_error(self, status, headers, body, *, engine):
            return NoCreditError("insufficient_quota", status=status)

    script = Script(Response(429))
    with pytest.raises(NoCreditError):
        await client(script).open(host, Quota(), b"", stream=False, deadline=1100.0)
    assert len(script.sent) == 1


async def test_the_retries_end(client, clock, host):
    script = Script(*[Response(503, [b"busy"]) for _ in range(9)])
    with pytest.raises(OverloadedError, match="busy"):
        await start(client(script, retries=3), host)
    assert len(script.sent) == 4
    assert len(clock.slept) == 3


async def test_retry_after_is_obeyed(client, clock, host):
    script = Script(Response(429, headers={"retry-after": "7"}), Response())
    await start(client(script, backoff=0.25), host)
    assert 7.0 <= clock.slept[0] <= 7.25


async def test_a_long_retry_after_is_handed_on_at_once(client, clock, host):
    script = Script(Response(429, headers={"retry-after": "21"}))
    with pytest.raises(RateLimitedError) as caught:
        await start(client(script, max_retry_after=20.0), host)
    assert caught.value.retry_after == 21.0
    assert clock.slept == []


async def test_nobody_waits_past_the_deadline(client, clock, host):
    script = Script(Response(429, headers={"retry-after": "10"}))
    with pytest.raises(RateLimitedError):
        await start(client(script), host, deadline=1009.0)
    assert clock.slept == []


async def test_a_stale_connection_is_replaced_once_for_free(client, clock, host):
    script = Script(dropped_connection(), Response())
    await start(client(script, retries=0), host)
    assert clock.slept == [0.0]
    script = Script(dropped_connection(), dropped_connection())
    with pytest.raises(UnreachableError):
        await start(client(script, retries=0), host)
    assert len(script.sent) == 2


async def test_silence_is_not_sent_again(client, host):
    script = Script(DeadlineError("Nothing came for 60 s."))
    with pytest.raises(DeadlineError):
        await start(client(script), host)
    assert len(script.sent) == 1


async def test_every_try_is_told(client, clock, host):
    async def slow():
        clock.advance(2)
        return Response(503, [b"busy"])

    seen: list[Attempt] = []
    await start(client(Script(slow, Response())), host, on_attempt=seen.append)
    again = 1002.0 + clock.slept[0]
    assert seen == [
        Attempt("m@h", 1000.0, 1002.0, "overloaded", 503, "busy"),
        Attempt("m@h", again, again, status=200, billed=True),
    ]


async def test_keys_are_blacked_out_of_what_a_host_quotes(client, host):
    script = Script(Response(401, [f"Wrong key {KEY} or tok-".encode(), b"123456, c"]))
    with pytest.raises(WrongKeyError) as caught:
        await start(client(script), host)
    assert caught.value.what == caught.value.body == "Wrong key *** or ***, c"


async def test_an_endless_or_broken_error_text_still_leaves_its_status(client, host):
    endless = Response(400, [b"x" * 50_000] * 99)
    with pytest.raises(RefusedRequestError) as caught:
        await start(client(Script(endless)), host)
    assert len(caught.value.body) == 64 * 1024
    assert endless.closed
    broken = Response(400, [b"half", BrokenAnswerError("broke")])
    with pytest.raises(RefusedRequestError, match="half"):
        await start(client(Script(broken)), host)


@pytest.mark.parametrize("status", [101, 301, 307])
async def test_redirects_are_errors(client, host, status):
    script = Script(Response(status, [b""], {"location": "http://elsewhere/?key=1"}))
    with pytest.raises(BrokenAnswerError, match=f"status {status}") as caught:
        await start(client(script), host)
    assert "elsewhere" not in str(caught.value)
    assert len(script.sent) == 1


async def test_a_deadline_in_the_past_sends_nothing(client, host):
    script = Script()
    with pytest.raises(DeadlineError):
        await start(client(script), host, deadline=999.0)
    assert script.sent == []


async def test_an_answer_must_begin_in_time(client, clock, host):
    async def never():
        clock.advance(11)
        await asyncio.Event().wait()

    with pytest.raises(DeadlineError, match="No answer began"):
        await start(client(Script(never)), host, first_byte_timeout=10)


async def test_a_first_chunk_must_come_in_time(client, clock, host):
    async def wait():
        clock.advance(11)
        await asyncio.sleep(0)

    response = Response(chunks=[wait, b"late"])
    upstream = await start(client(Script(response)), host, first_byte_timeout=10)
    with pytest.raises(DeadlineError, match="did not begin"):
        await upstream.read()
    assert response.closed


async def test_after_the_first_chunk_only_the_deadline_counts(client, clock, host):
    async def wait():
        clock.advance(60)

    response = Response(chunks=[b"a", wait, b"b", wait, b"c"])
    upstream = await start(client(Script(response)), host, first_byte_timeout=10)
    chunks = upstream.chunks()
    assert [await anext(chunks), await anext(chunks)] == [b"a", b"b"]
    with pytest.raises(DeadlineError, match="not complete in time") as caught:
        [_ async for _ in chunks]
    assert caught.value.where == "m@h at http://127.0.0.1:1"
    assert response.closed


async def test_a_reader_that_pauses_past_the_deadline_is_told(client, clock, host):
    upstream = await start(client(Script(Response(chunks=[b"a", b"b"]))), host, stream=True)
    chunks = upstream.chunks()
    assert await anext(chunks) == b"a"
    clock.advance(200)
    with pytest.raises(DeadlineError):
        [_ async for _ in chunks]


async def test_a_transport_that_never_wakes_its_reader_cannot_hold_it(client, clock, host):
    async def stuck():
        clock.advance(200)
        await asyncio.Event().wait()

    response = Response(chunks=[b"a", stuck])
    upstream = await start(client(Script(response)), host)
    with pytest.raises(DeadlineError):
        await upstream.read()
    assert response.closed
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_who_is_cancelled_at_the_deadline_stays_cancelled(client, clock, host):
    stuck = asyncio.Event()
    upstream = await start(client(Script(Response(chunks=[stuck.wait]))), host)
    task = asyncio.ensure_future(upstream.read())
    await asyncio.sleep(0)
    clock.advance(200)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_recorded_host_answers_from_its_file(client, engine, tmp_path):
    row = {"input": "What is 2+2?", "output": "4"}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    target = engine(recorded={"path": "rows.jsonl", "latency": 3.0}, serving={})
    made = client(Script())
    made._folder = tmp_path
    assert await made.endpoint(target) is None
    dialect = dialects.get("openai-chat")
    asked = Request("m-1", (Message("user", (TextPart("What is 2+2?"),)),))
    body, _ = dialect.write_request(asked, target.profile)
    for _ in range(2):
        upstream = await made.open(target, dialect, body, stream=False, deadline=1100.0)
        assert dialect.read_reply(await upstream.read()).text == "4"
    with pytest.raises(DeadlineError):
        await made.open(target, dialect, body, stream=False, deadline=1100.0, first_byte_timeout=1.0)
    await made.close()
    unknown, _ = dialect.write_request(Request("m-1", (Message("user", (TextPart("?"),)),)), target.profile)
    with pytest.raises(UnknownModelError):
        await made.open(target, dialect, unknown, stream=False, deadline=1100.0)


async def test_answers_are_bounded(client, host):
    response = Response(chunks=[b"x" * 600_000] * 3)
    upstream = await start(client(Script(response), max_answer_mb=1.0), host)
    with pytest.raises(BrokenAnswerError, match="larger than 1 MB"):
        await upstream.read()
    assert response.closed


async def test_a_break_in_the_middle_names_the_engine(client, host):
    upstream = await start(client(Script(Response(chunks=[b"a", BrokenAnswerError("broke")]))), host)
    with pytest.raises(BrokenAnswerError) as caught:
        await upstream.read()
    assert caught.value.where == "m@h at http://127.0.0.1:1"


async def test_closing_twice_is_harmless_and_leaves_no_timer(client, clock, host):
    upstream = await start(client(Script(Response())), host)
    await upstream.close()
    await upstream.close()
    assert not clock._timers


def test_the_jitter_is_seeded_and_bounded():
    settings = ClientSettings(retries=10, backoff=60.0)
    error = OverloadedError("busy", status=503)
    runs = []
    for _ in range(2):
        retries = Retries(settings, random.Random(7))
        runs.append([retries.wait(error, 1e9) for _ in range(11)])
    assert runs[0] == runs[1]
    assert runs[0][-1] is None
    assert all(wait is not None and 15 <= wait <= 30 for wait in runs[0][:-1])


# --- against a real server ------------------------------------------------------------------------


@pytest.fixture
async def real():
    transport = AiohttpTransport(connections=8)
    yield Client(settings=ClientSettings(), transport=transport, endpoints=NoEndpoints(), environ={})
    await transport.close()


def far():
    return asyncio.get_running_loop().time() + 60


async def test_a_host_that_closes_idle_connections_costs_no_request(real, loopback, engine):
    """As llama.cpp does: the connection ends after the answer, without having said so."""

    async def answer(server, _, writer):
        writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        if server.connections == 1:
            # the first connection dies when its second request arrives
            server.answer = hang_up

    async def hang_up(server, _, writer):
        server.answer = answer
        writer.transport.abort()

    async with loopback(answer) as server:
        target = engine(server.url)
        for _ in range(3):
            upstream = await real.open(target, Dialect(), b"{}", stream=False, deadline=far())
            assert await upstream.read() == b"ok"
        assert server.connections == 2


@pytest.mark.parametrize("how", ["cancel", "close", "leave"])
async def test_who_leaves_in_mid_stream_is_noticed_within_a_second(real, loopback, engine, how):
    async def endless(_, __, writer):
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        await asyncio.Event().wait()

    async with loopback(endless) as server:
        upstream = await real.open(engine(server.url), Dialect(), b"{}", stream=True, deadline=far())
        got = asyncio.Event()

        async def consume():
            async for _ in upstream.chunks():
                got.set()
                if how == "leave":
                    break

        task = asyncio.ensure_future(consume())
        await asyncio.wait_for(got.wait(), 5)
        await asyncio.sleep(0)
        if how == "cancel":
            task.cancel()
        elif how == "close":
            await upstream.close()
        await asyncio.wait_for(server.gone.wait(), 10)
        if how != "leave":
            with pytest.raises((asyncio.CancelledError, BrokenAnswerError)):
                await task
        await upstream.close()


async def test_who_leaves_before_the_first_byte_is_noticed_within_a_second(real, loopback, engine):
    async def silent(_, __, writer):
        await asyncio.Event().wait()

    async with loopback(silent) as server:
        task = asyncio.ensure_future(real.open(engine(server.url), Dialect(), b"{}", stream=True, deadline=far()))
        await asyncio.wait_for(server.reached.wait(), 5)
        task.cancel()
        await asyncio.wait_for(server.gone.wait(), 10)
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_deadlines_hold_on_the_real_clock_too(real, loopback, engine):
    async def silent(_, __, writer):
        await asyncio.Event().wait()

    async def stuck(_, __, writer):
        writer.write(b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
        await asyncio.Event().wait()

    import aiohttp  # noqa: F401 - loading it must not count against the deadline

    async with loopback(silent) as server:
        soon = asyncio.get_running_loop().time() + 1.0
        with pytest.raises(DeadlineError):
            await real.open(engine(server.url), Dialect(), b"{}", stream=True, deadline=soon)
        await asyncio.wait_for(server.gone.wait(), 10)
    async with loopback(stuck) as server:
        soon = asyncio.get_running_loop().time() + 1.0
        upstream = await real.open(engine(server.url), Dialect(), b"{}", stream=True, deadline=soon)
        with pytest.raises(DeadlineError):
            await upstream.read()
        await asyncio.wait_for(server.gone.wait(), 10)


async def test_many_at_once(real, loopback, wire, engine):
    http, saying = wire
    async with loopback(saying(http(b"ok" * 1000))) as server:
        target = engine(server.url)

        async def one():
            upstream = await real.open(target, Dialect(), b"{}", stream=False, deadline=far())
            return await upstream.read()

        answers = await asyncio.gather(*(one() for _ in range(100)))
        assert answers == [b"ok" * 1000] * 100
        assert server.connections <= 8
    await real.close()
