"""The gateway's processes: starting, stopping, dying, being replaced."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
from typing import Any

import aiohttp
import pytest
from gateways import Behaviour, Gateway, toml

from weighbridge.store.reader import recent

pytestmark = pytest.mark.xdist_group("gateway")
MEASURED = True  #: what the parent does all day is seen here

ASK: Any = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}]}
CHAT = "/v1/chat/completions"


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - read at once, it may go
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def routes(host, *, workers=1, extra=""):
    return toml(host.port, ["a", "b"], {"assistant": ["a"]}, f"[gateway]\nworkers = {workers}\n{extra}")


def workers_of(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return {int(line) for line in found.stdout.split()}


async def ask(session, gateway, **more):
    async with session.post(gateway.url + CHAT, json=ASK | more) as answer:
        assert answer.status == 200, await answer.text()
        return answer.headers["x-weighbridge-engine"], await answer.read()


async def test_a_killed_worker_costs_only_what_it_had_in_its_hands(serve, host):
    host.behaviours["a"] = Behaviour(chunks=40, delay=0.05)
    gateway = serve(routes(host, workers=2))
    pids = gateway.said["workers"]

    async def stream(session):
        try:
            _, body = await ask(session, gateway, stream=True)
        except (aiohttp.ClientError, ConnectionError):
            return False
        return body.endswith(b"data: [DONE]\n\n")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        streams = [asyncio.create_task(stream(session)) for _ in range(30)]
        await asyncio.to_thread(gateway.until, lambda: len([s for s in host.seen if s.sent > 2]) == 30)
        os.kill(pids[0], signal.SIGKILL)
        whole = await asyncio.gather(*streams)
        lost = whole.count(False)
        await asyncio.to_thread(gateway.until, lambda: gateway.figure("weighbridge_workers") == 2)
        assert await stream(session)  # the port never closed
    assert gateway.figure("weighbridge_worker_restarts_total") == 1
    assert gateway.stop() == 0
    traces = recent(gateway.store / "traces", limit=100)
    assert sum(t.outcome == "interrupted" for t in traces) == lost
    assert sum(t.outcome == "ok" for t in traces) == 31 - lost
    assert len({t.id for t in traces}) == 31
    for trace in traces:
        assert (trace.route, trace.streamed) == ("assistant", True)
        assert trace.engine in ("a@test", "")  # "" where it had not begun to answer
    assert list((gateway.store / "journal").iterdir()) == []


async def test_a_parent_that_is_killed_takes_its_workers_along(serve, host):
    host.behaviours["a"] = Behaviour(chunks=20, delay=0.05)
    gateway = serve(routes(host))
    (worker,) = gateway.said["workers"]
    async with (
        aiohttp.ClientSession() as session,
        session.post(gateway.url + CHAT, json=ASK | {"stream": True}) as answer,
    ):
        await answer.content.readuntil(b"a-1")
        gateway.process.kill()
        assert (await answer.read()).endswith(b"data: [DONE]\n\n")  # it finishes what it has
    gateway.until(lambda: not alive(worker))


async def test_term_finishes_streams_and_then_cuts_them_off(serve, host):
    host.behaviours["a"] = Behaviour(chunks=10, delay=0.05)
    host.behaviours["b"] = Behaviour(chunks=10_000, delay=0.05)
    gateway = serve(routes(host, extra="drain_seconds = 2.0\n"))
    (worker,) = gateway.said["workers"]

    async def read(model):
        async with aiohttp.ClientSession() as session:
            body = ASK | {"stream": True, "model": model}
            async with session.post(gateway.url + CHAT, json=body) as answer:
                return await answer.read()

    reading = [asyncio.create_task(read(model)) for model in ("a@test", "b@test")]
    await asyncio.to_thread(gateway.until, lambda: sum(s.sent > 2 for s in host.seen) == 2)
    code = await asyncio.to_thread(gateway.stop)
    short, long = await asyncio.gather(*reading)
    assert code == 0
    assert short.endswith(b"data: [DONE]\n\n")
    assert json.loads(long.decode().split("\n\n")[-2].removeprefix("data: "))["error"]["code"] == "overloaded"
    assert not alive(worker)
    outcomes = {t.engine: t.outcome for t in recent(gateway.store / "traces", limit=10)}
    assert outcomes == {"a@test": "ok", "b@test": "interrupted"}


STREAMS: dict[str, tuple[str, dict[str, Any]]] = {
    "openai-chat": ("/v1/chat/completions", ASK),
    "openai-responses": ("/v1/responses", {"model": "assistant", "input": "hi"}),
    "anthropic-messages": ("/v1/messages", ASK | {"max_tokens": 9}),
    "gemini-generate": ("/v1beta/models/assistant:streamGenerateContent?alt=sse", {"contents": [{"parts": [{"text": "hi"}]}]}),
    "a list": ("/v1beta/models/assistant:streamGenerateContent", {"contents": [{"parts": [{"text": "hi"}]}]}),
}  # fmt: skip


async def test_each_dialect_is_told_that_the_gateway_stops(serve, host):
    host.behaviours["a"] = Behaviour(chunks=10_000, delay=0.05)
    host.behaviours["b"] = Behaviour(first_delay=60)
    gateway = serve(routes(host, extra="drain_seconds = 0.5\n"))

    async def read(name, model):
        path, body = STREAMS[name]
        asked = body | ({"model": model, "stream": True} if "model" in body else {})
        async with (
            aiohttp.ClientSession() as session,
            session.post(gateway.url + path.replace("assistant", model), json=asked) as answer,
        ):
            return answer.status, (await answer.read()).decode()

    begun = {name: asyncio.create_task(read(name, "a@test")) for name in STREAMS}
    waiting = {name: asyncio.create_task(read(name, "b@test")) for name in STREAMS}
    await asyncio.to_thread(gateway.until, lambda: sum(s.sent > 2 for s in host.seen) == 5 and len(host.seen) == 10)
    assert await asyncio.to_thread(gateway.stop) == 0
    for name, reading in begun.items():
        status, text = await reading
        assert status == 200
        if name == "a list":
            assert json.loads(text)[-1]["error"]["message"]
            continue
        last = json.loads(text.strip().split("\n\n")[-1].rpartition("data: ")[2])
        assert "stopped" in json.dumps(last), name
        assert "error" in (*last, last.get("type")), name
    for name, reading in waiting.items():
        status, text = await reading
        assert status == (529 if name == "anthropic-messages" else 503), name
        assert "error" in json.loads(text)
    traces = recent(gateway.store / "traces", limit=20)
    assert [trace.outcome for trace in traces] == ["interrupted"] * 10
    assert {trace.dialect for trace in traces} == set(STREAMS) - {"a list"}


def test_ctrl_c_in_a_terminal_reaches_everyone_and_ends_cleanly(serve, host):
    gateway = serve(routes(host, workers=2))
    for pid in (*gateway.said["workers"], gateway.said["pid"]):
        os.kill(pid, signal.SIGINT)
    assert gateway.stop(signal.SIGINT) == 0
    assert gateway.errors == ""


async def test_a_worker_told_to_stop_by_someone_else_is_replaced(serve, host):
    gateway = serve(routes(host))
    (worker,) = gateway.said["workers"]
    os.kill(worker, signal.SIGTERM)
    gateway.until(lambda: not alive(worker))
    gateway.until(lambda: len(workers_of(gateway.said["pid"])) == 1)
    async with aiohttp.ClientSession() as session:
        assert (await ask(session, gateway))[0] == "a@test"  # waits in the backlog until the new one accepts


async def test_hang_up_reads_the_configuration_again(serve, host, tmp_path):
    gateway = serve(routes(host, workers=2))
    old = set(gateway.said["workers"])
    async with aiohttp.ClientSession() as session:
        assert (await ask(session, gateway))[0] == "a@test"
        text = (tmp_path / "weighbridge.toml").read_text()
        (tmp_path / "weighbridge.toml").write_text(text.replace('primary = "a@test"', 'primary = "b@test"'))
        os.kill(gateway.said["pid"], signal.SIGHUP)
        await asyncio.to_thread(gateway.until, lambda: gateway.figure("weighbridge_worker_restarts_total") == 2)
        assert (await ask(session, gateway))[0] == "b@test"
    gateway.until(lambda: not any(alive(pid) for pid in old), 40)
    (tmp_path / "weighbridge.toml").write_text("[broken")
    os.kill(gateway.said["pid"], signal.SIGHUP)
    gateway.until(lambda: gateway.figure("weighbridge_worker_restarts_total") == 4)
    gateway.stop()
    assert "Not valid TOML" in gateway.errors


def test_an_idle_connection_outlives_its_workers_retirement(serve, host):
    gateway = serve(routes(host))
    connection = http.client.HTTPConnection("127.0.0.1", int(gateway.url.rpartition(":")[2]), timeout=20)
    told = []
    for _ in range(2):
        connection.request("POST", CHAT, json.dumps(ASK))
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read()
        told.append(answer.headers["connection"])
        if len(told) == 1:
            os.kill(gateway.said["pid"], signal.SIGHUP)
            gateway.until(lambda: gateway.figure("weighbridge_worker_restarts_total") == 1)
    assert told == [None, "close"]  # the old worker answered it, and asks to be left
    connection.close()
    gateway.until(lambda: not alive(gateway.said["workers"][0]))


def test_the_store_may_be_away_for_a_while(serve, host):
    gateway = serve(routes(host))
    database = gateway.store / "state.db"
    moved = [(p, p.with_name("away-" + p.name)) for p in gateway.store.glob("state.db*")]
    for here, there in moved:
        here.rename(there)
    database.mkdir()
    gateway.until(lambda: json.loads(gateway.get("/readyz"))["store"] != "ok")
    assert json.loads(gateway.get("/readyz"))["plan"] == 1
    assert json.loads(gateway.get("/v1/models"))["data"][0]["id"] == "assistant"
    database.rmdir()
    for here, there in moved:
        there.rename(here)
    gateway.until(lambda: json.loads(gateway.get("/readyz"))["store"] == "ok")


def test_an_access_key_is_asked_for(serve, host):
    gateway = serve(routes(host), "--host", "0.0.0.0", environ={"WEIGHBRIDGE_ACCESS_KEY": "open sesame"})
    for path in ("/v1/models", "/metrics"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            gateway.get(path)
        refused.value.close()
        assert refused.value.code == 401
        assert refused.value.headers["www-authenticate"] == "Bearer"
        with pytest.raises(urllib.error.HTTPError) as refused:
            gateway.get(path, {"authorization": "Bearer open sesam"})
        refused.value.close()
        assert gateway.get(path, {"authorization": "Bearer open sesame"})
    assert gateway.get("/healthz")


def run(folder, *options, environ=None):
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "serve", *options]
    return subprocess.run(
        command, cwd=folder, env=os.environ | (environ or {}), capture_output=True, text=True, timeout=60, check=False
    )


def test_other_machines_need_a_key(tmp_path):
    done = run(tmp_path, "--host", "0.0.0.0")
    assert (done.returncode, "WEIGHBRIDGE_ACCESS_KEY" in done.stderr) == (2, True)


def test_a_port_that_is_taken(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run(tmp_path, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 8
    assert "port_taken" in done.stderr
    assert "--port 0" in done.stderr


def test_an_address_that_is_not_here(tmp_path):
    done = run(tmp_path, "--host", "192.0.2.1", environ={"WEIGHBRIDGE_ACCESS_KEY": "x"})
    assert (done.returncode, "port_taken" in done.stderr) == (8, True)


def test_a_route_to_nowhere_leaves_no_process_behind(tmp_path):
    (tmp_path / "weighbridge.toml").write_text('[routes.assistant]\nprimary = "glm-5@zay"\n')
    done = run(tmp_path, "--port", "0")
    assert (done.returncode, "unknown_engine" in done.stderr) == (3, True)
    assert "Traceback" not in done.stderr


def test_a_store_that_cannot_be_written(tmp_path):
    (tmp_path / ".weighbridge").write_text("a file where the folder should be")
    done = run(tmp_path, "--port", "0")
    assert (done.returncode, "store_failed" in done.stderr) == (6, True)
    assert "Traceback" not in done.stderr


def test_it_works_with_no_configuration(tmp_path):
    gateway = Gateway(tmp_path, "--workers", "1", environ={"OPENAI_API_KEY": "sk-secret"})
    names = {row["id"] for row in json.loads(gateway.get("/v1/models"))["data"]}
    assert any(name.endswith("@openai") for name in names)
    assert not any(name.endswith("@zai") for name in names)
    assert gateway.stop() == 0
    assert gateway.errors == ""


def test_it_says_how_to_use_it(tmp_path, host):
    (tmp_path / "weighbridge.toml").write_text(routes(host))
    command = [sys.executable, "-c", "from weighbridge.cli import main; main()", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(8)]
        process.terminate()
        assert process.wait(20) == 0
    assert said[0].startswith("Serving on http://127.0.0.1:")
    assert "assistant -> a@test" in said
    assert any(line.startswith("curl http://127.0.0.1:") for line in said)


def test_interrupted_exchanges_of_a_gateway_that_died_are_told_by_the_next(serve, host):
    host.behaviours["a"] = Behaviour(first_delay=60)
    gateway = serve(routes(host))
    with socket.create_connection(("127.0.0.1", int(gateway.url.rpartition(":")[2]))) as sock:
        body = json.dumps(ASK).encode()
        head = f"POST {CHAT} HTTP/1.1\r\nhost: {gateway.url[7:]}\r\ncontent-length: {len(body)}\r\n\r\n"
        sock.sendall(head.encode() + body)
        gateway.until(lambda: host.seen)
        os.kill(gateway.said["workers"][0], signal.SIGSTOP)
        gateway.process.kill()
        os.kill(gateway.said["workers"][0], signal.SIGKILL)
    gateway.stop()
    (journal,) = (gateway.store / "journal").iterdir()
    long_ago = time.time() - 60
    os.utime(journal, (long_ago, long_ago))
    again = serve(routes(host))
    again.until(lambda: recent(gateway.store / "traces", limit=5))
    (trace,) = recent(gateway.store / "traces", limit=5)
    assert (trace.outcome, trace.error, trace.route) == ("interrupted", "The gateway died.", "assistant")
