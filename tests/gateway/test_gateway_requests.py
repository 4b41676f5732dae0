"""What clients get: answers, streams, errors, refusals."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from pathlib import Path
from typing import Any

import gateways
import openai
import pytest
from gateways import Behaviour, Gateway, Host, toml

pytestmark = pytest.mark.xdist_group("gateway")

ASK: Any = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One gateway for all tests that leave it as they found it."""
    host = Host().start()
    folder = tmp_path_factory.mktemp("gateway")
    text = toml(
        host.port,
        ["fine", "slow", "limited", "broken", "down", "flood", "trickle"],
        {"assistant": ["fine"], "over": ["down", "fine"], "snap": ["broken"], "lost": ["down", "limited"]},
        '[gateway]\nworkers = 1\nmax_body_mb = 1\nallowed_origins = ["http://good.example"]\n[client]\nretries = 0\n',
    )
    host.behaviours |= {
        "slow": Behaviour(first_delay=30),
        "limited": Behaviour(status=429),
        "broken": Behaviour(break_after=4),
        "down": Behaviour(status=503),
        "flood": Behaviour(chunks=200_000, size=1000),
        "trickle": Behaviour(chunks=1000, delay=0.02),
    }
    (folder / "weighbridge.toml").write_text(text)
    made = Gateway(folder, measured=True)
    made.host = host
    yield made
    assert made.stop() == 0
    host.stop()
    assert made.errors == ""


def post(gateway, body, path=CHAT, method="POST", **headers):
    return gateways.post(gateway, path, body, method, **headers)


def code_of(body):
    return json.loads(body)["error"]["code"]


def until(condition, seconds=10.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_answer_tells_who_gave_it(gateway):
    status, headers, body = post(gateway, ASK)
    assert status == 200
    assert json.loads(body)["choices"][0]["message"]["content"].startswith("fine-0")
    assert headers["x-weighbridge-engine"] == "fine@test"
    assert headers["x-weighbridge-plan"] == "1"
    assert len(headers["x-weighbridge-trace"]) == 26


def test_an_engine_can_be_named_instead_of_a_route(gateway):
    status, headers, _ = post(gateway, ASK | {"model": "fine@test"})
    assert (status, headers["x-weighbridge-engine"]) == (200, "fine@test")


def test_sdk_sync(gateway):
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        reply = client.chat.completions.create(**ASK)
        assert reply.usage.completion_tokens == 8
        stream = client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices).count("fine-") == 8
        assert chunks[-1].usage.completion_tokens == 8
        assert "assistant" in [model.id for model in client.models.list()]
        assert client.models.retrieve("fine@test").owned_by == "test"
        with pytest.raises(openai.NotFoundError) as error:
            client.chat.completions.create(**ASK | {"model": "assistnt"})
        assert error.value.code == "unknown_route"
        assert "Did you mean 'assistant'" in error.value.message


async def test_sdk_async(gateway):
    async with openai.AsyncOpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        replies = await asyncio.gather(*(client.chat.completions.create(**ASK) for _ in range(20)))
        assert len({reply.choices[0].message.content for reply in replies}) == 1
        async with client.chat.completions.stream(**ASK) as stream:
            final = await stream.get_final_completion()
        assert final.choices[0].message.content == replies[0].choices[0].message.content
        with pytest.raises(openai.RateLimitError):
            await client.chat.completions.create(**ASK | {"model": "limited@test"})


@pytest.mark.parametrize("stream", [False, True])
def test_failover_before_the_first_byte(gateway, stream):
    status, headers, body = post(gateway, ASK | {"model": "over", "stream": stream})
    assert (status, headers["x-weighbridge-engine"]) == (200, "fine@test")
    assert b"fine-7" in body


def test_every_engine_failed(gateway):
    status, headers, body = post(gateway, ASK | {"model": "lost"})
    assert (status, code_of(body)) == (429, "made")  # the engine's own words, in its own dialect
    assert headers["x-weighbridge-trace"]


def test_after_the_first_byte_the_error_is_told_in_the_stream(gateway):
    status, headers, body = post(gateway, ASK | {"model": "snap", "stream": True})
    assert (status, headers["x-weighbridge-engine"]) == (200, "broken@test")
    events = [line.removeprefix("data: ") for line in body.decode().split("\n\n") if line]
    assert json.loads(events[-1])["error"]["code"] == "broken_answer"
    assert "[DONE]" not in body.decode()
    with openai.OpenAI(base_url=gateway.url + "/v1", api_key="x", max_retries=0) as client:
        stream = client.chat.completions.create(**ASK | {"model": "snap"}, stream=True)
        with pytest.raises(openai.APIError):
            list(stream)


@pytest.mark.parametrize(("model", "engine"), [("slow@test", ""), ("trickle@test", "trickle@test")])
async def test_a_client_that_leaves_stops_the_engine(gateway, model, engine):
    before = len(gateway.host.seen)
    body = json.dumps(ASK | {"model": model, "stream": True}).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {gateway.url[7:]}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await asyncio.to_thread(until, lambda: len(gateway.host.seen) > before)
    seen = gateway.host.seen[-1]
    if model == "trickle@test":
        await asyncio.to_thread(until, lambda: seen.sent > 3)
    writer.close()
    await writer.wait_closed()
    left = time.monotonic()
    await asyncio.to_thread(until, lambda: seen.left is not None)
    assert seen.left - left < 5  # measured: milliseconds; the engine would have gone on for 20 seconds and more
    assert not seen.done
    await asyncio.to_thread(until, lambda: f'engine="{engine}",outcome="cancelled"' in gateway.get("/metrics"))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_input"),
        (b"{", 400, "bad_input"),
        (b"[]", 400, "bad_input"),
        (b'{"model": 3, "messages": []}', 400, "bad_input"),
        (b'{"model": "assistant", "messages": "hi"}', 400, "bad_input"),
        (b'{"model": "assistant", "messages": [{"role": "user", "content": ' + b"[" * 500 + b"]" * 500 + b"}]}", 413, "too_large"),
        (b"[" * 500_000, 413, "too_large"),
        (json.dumps(ASK | {"model": "nobody"}).encode(), 404, "unknown_route"),
        (json.dumps(ASK | {"model": "nobody@nowhere"}).encode(), 404, "unknown_route"),
        (json.dumps(ASK | {"model": "/etc/secret.gguf"}).encode(), 404, "unknown_route"),
        (b"\xff\xfe\x00", 400, "bad_input"),
    ],
)  # fmt: skip
def test_bad_bodies(gateway, body, status, code):
    got, _, told = post(gateway, body)
    assert (got, code_of(told)) == (status, code), told
    assert json.loads(told)["error"]["message"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_large_body_is_refused_and_not_kept(gateway, chunked):
    if chunked:
        pieces = (b"x" * 100_000 for _ in range(500))
        status, _, body = post(gateway, pieces, transfer_encoding="chunked")
    else:
        status, _, body = post(gateway, b"x" * 50_000_000)
    assert (status, code_of(body)) == (413, "too_large")
    assert resident(gateway.said["workers"][0]) < 200e6


def resident(pid):
    """Bytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def test_a_reader_that_stalls_fills_no_memory(gateway):
    worker = gateway.said["workers"][0]
    before = len(gateway.host.seen)
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]), limit=1024)
    body = json.dumps(ASK | {"model": "flood@test", "stream": True}).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {gateway.url[7:]}\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await reader.readuntil(b"flood-0")
    seen = gateway.host.seen[before]

    async def halted():
        sent = seen.sent
        await asyncio.sleep(0.3)
        return seen.sent == sent

    at_first = resident(worker)
    for _ in range(100):
        if await halted():
            break
    assert await halted()  # the host is kept waiting: 200 MB were to come
    assert seen.sent < 50_000
    assert resident(worker) - at_first < 20e6
    writer.close()
    await asyncio.to_thread(until, lambda: seen.left is not None)


def test_hosts_and_origins(gateway):
    assert post(gateway, ASK, host="evil.example")[0] == 403
    assert post(gateway, ASK, host="localhost:1")[0] == 403
    port = gateway.url.rpartition(":")[2]
    assert post(gateway, ASK, host=f"LOCALHOST:{port}")[0] == 200
    status, _, body = post(gateway, ASK, origin="http://evil.example")
    assert (status, code_of(body)) == (403, "forbidden")
    assert post(gateway, ASK, origin="null")[0] == 403
    status, headers, _ = post(gateway, ASK, origin="http://good.example")
    assert (status, headers["access-control-allow-origin"]) == (200, "http://good.example")
    status, headers, _ = post(gateway, b"", method="OPTIONS", origin="http://good.example")
    assert status == 200
    assert "authorization" in headers["access-control-allow-headers"]
    assert post(gateway, b"", method="OPTIONS", origin="http://evil.example")[0] == 403


def test_paths_and_methods(gateway):
    status, _, body = post(gateway, ASK, path="/v1/chat/completion")
    assert (status, code_of(body)) == (404, "not_found")
    assert "Did you mean '/v1/chat/completions'" in json.loads(body)["error"]["message"]
    status, headers, _ = post(gateway, b"", method="GET")
    assert (status, headers["allow"]) == (405, "POST")
    status, headers, _ = post(gateway, ASK, path="/v1/models")
    assert (status, headers["allow"]) == (405, "GET")
    assert post(gateway, b"", path="/v1/models/nobody", method="GET")[0] == 404
    assert post(gateway, b"", path="/healthz", method="HEAD")[0] == 200


def test_health_and_figures(gateway):
    assert json.loads(gateway.get("/healthz"))["status"] == "alive"
    ready = json.loads(gateway.get("/readyz"))
    assert (ready["plan"], ready["store"], ready["draining"]) == (1, "ok", False)
    post(gateway, ASK)
    post(gateway, b"{")
    text = gateway.get("/metrics")
    assert 'weighbridge_requests_total{route="assistant",engine="fine@test",outcome="ok"}' in text
    assert 'weighbridge_first_token_seconds_bucket{route="assistant",engine="fine@test",le="+Inf"}' in text
    assert 'weighbridge_tokens_total{engine="fine@test",kind="output"}' in text
    assert "weighbridge_plan 1\n" in text
    assert "weighbridge_workers 1\n" in text
    assert 'weighbridge_refused_total{code="bad_input"}' in text
    assert gateway.figure("weighbridge_in_flight") == 0


def test_bytes_that_are_no_http(gateway):
    with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])), timeout=5) as sock:
        sock.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
        assert sock.recv(100).startswith(b"HTTP/1.1 400")


def test_two_requests_in_one_write(gateway):
    body = json.dumps(ASK).encode()
    one = f"POST {CHAT} HTTP/1.1\r\nhost: {gateway.url[7:]}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2])), timeout=5) as sock:
        sock.sendall(one + one)
        got = b""
        while got.count(b"fine-7") < 2:
            more = sock.recv(65536)
            assert more
            got += more
    assert got.count(b"HTTP/1.1 200") == 2
