"""For tests of the gateway: one in processes of its own, and an engine's host that does as it is told."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote


@dataclass
class Behaviour:
    """How a model of the test host answers."""

    chunks: int = 8
    delay: float = 0.0
    first_delay: float = 0.0
    status: int = 200
    break_after: int | None = None
    size: int = 8
    headers: dict[str, str] = field(default_factory=dict)
    paths: dict[str, Any] = field(
        default_factory=dict
    )  # what else the host answers, as JSON, or a status to refuse with
    raw: bytes | None = None  # the bytes of a stream, in place of the usual ones


@dataclass
class Seen:
    """One request as the host saw it."""

    model: str
    body: dict[str, Any]
    headers: dict[str, str]
    path: str = ""
    left: float | None = None
    done: bool = False
    sent: int = 0


@dataclass
class Host:
    """An OpenAI-compatible host in a thread of its own."""

    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def start(self) -> Self:
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()

        def run():
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()
            self._loop.run_forever()
            self._server.close()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            self._loop.close()

        self._thread = threading.Thread(target=run)
        self._thread.start()
        ready.wait()
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().split("\r\n")
                headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines if line)}
                body = json.loads(await reader.readexactly(int(headers.get("content-length", 0))))
                path = first.split(" ")[1]
                named = path.rpartition("/models/")[2].partition(":")[0] if "/models/" in path else ""
                seen = Seen(body.get("model") or unquote(named), body, headers, path)
                self.seen.append(seen)
                if not await self._answer(seen, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(self, seen, reader, writer):
        """Answer, unless the other side leaves first."""
        answering = asyncio.ensure_future(self._write(seen, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([answering, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not answering.done() or answering.exception() is not None:
            answering.cancel()
            leaving.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            seen.left = time.monotonic()
            return False
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        return answering.result()

    async def _write(self, seen, writer):
        how = self.behaviours.get(seen.model, Behaviour())
        await asyncio.sleep(how.first_delay)
        answer = how.paths.get(seen.path, how.status if how.status != 200 else None)
        if answer is None and not seen.body.get("stream"):
            answer = reply(seen.model, how)
        if answer is not None:
            status = answer if isinstance(answer, int) else 200
            if status != 200:
                answer = {"error": {"message": f"made to answer {status}", "code": "made"}}
            data = json.dumps(answer).encode()
            more = "".join(f"{name}: {value}\r\n" for name, value in how.headers.items())
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}".encode())
            writer.write(b"content-length: %d\r\n\r\n" % len(data) + data)
            await writer.drain()
            seen.done = status == 200
            return True
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for event in events(seen.model, how) if how.raw is None else [how.raw]:
            if how.break_after is not None and seen.sent >= how.break_after:
                return False
            writer.write(b"%x\r\n" % len(event) + event + b"\r\n")
            await writer.drain()
            seen.sent += 1
            if how.delay:
                await asyncio.sleep(how.delay)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        seen.done = True
        return True


def words(model, how):
    return [f"{model}-{number} ".ljust(how.size, ".") for number in range(how.chunks)]


def reply(model, how):
    message = {"role": "assistant", "content": "".join(words(model, how))}
    usage = {"prompt_tokens": 3, "completion_tokens": how.chunks, "total_tokens": 3 + how.chunks}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}


def events(model, how):
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model}
    first = {"role": "assistant", "content": ""}
    deltas = [(first, None), *(({"content": word}, None) for word in words(model, how)), ({}, "stop")]
    for delta, finish in deltas:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        yield b"data: " + json.dumps(base | {"choices": [choice]}).encode() + b"\n\n"
    usage = {"prompt_tokens": 3, "completion_tokens": how.chunks, "total_tokens": 3 + how.chunks}
    yield b"data: " + json.dumps(base | {"choices": [], "usage": usage}).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def toml(port, models, routes=None, extra="", host="test", dialect="openai-chat") -> str:
    lines = [extra, f"[hosts.{host}]", f'url = "http://127.0.0.1:{port}/v1"', 'auth = "none"', "self_hosted = true"]
    lines.append(f'dialect = "{dialect}"')
    for model in models:
        lines += [f"[models.{model}]", 'lab = "test"', f'[offers."{model}@{host}"]']
    for name, (primary, *fallbacks) in (routes or {}).items():
        lines += [f"[routes.{name}]", f'primary = "{primary}@{host}"']
        lines += [f"fallbacks = {json.dumps([f'{f}@{host}' for f in fallbacks])}"]
    return "\n".join(lines) + "\n"


def post(gateway, path, body, method="POST", **headers) -> tuple[int, dict[str, str], bytes]:
    """A request on a connection of its own: status, headers in lower case, body."""
    connection = http.client.HTTPConnection("127.0.0.1", int(gateway.url.rpartition(":")[2]), timeout=20)
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    connection.request(method, path, data, named, encode_chunked="transfer-encoding" in named)
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    connection.close()
    return found


def unmeasured() -> dict[str, str]:
    """The environment of a process that coverage is not told of: what bears a load, and what other tests measure."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


class Gateway:
    """`weighbridge serve` in processes of its own.

    `measured`: is it told what code its processes reach? That costs about half of their speed, so only those tests ask for
    it whose gateway is there to be looked at from all sides.
    """

    def __init__(
        self,
        folder: Path,
        *options: str,
        environ: dict[str, str] | None = None,
        log: Path | None = None,
        umask: int = -1,
        measured: bool = False,
    ):
        self.folder = folder
        self.host: Host
        self.store = folder / ".weighbridge"
        env = {k: v for k, v in (os.environ if measured else unmeasured()).items() if not k.startswith("WEIGHBRIDGE_")}
        errors = subprocess.PIPE if log is None else os.open(log, os.O_WRONLY | os.O_CREAT, 0o600)
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "from weighbridge.cli import main; main()",
                "serve",
                "--port",
                "0",
                "--json",
                *options,
            ],
            cwd=folder,
            env=env | (environ or {}),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            umask=umask,
        )
        if log is not None:
            os.close(errors)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.process.communicate()[1])
        self.said = json.loads(line)
        self.url = self.said["url"]

    def get(self, path, headers=None):
        request = urllib.request.Request(self.url + path, headers=headers or {})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def figure(self, name):
        """The sum of one figure over its labels."""
        rows = [r for r in self.get("/metrics").splitlines() if r.startswith((name + "{", name + " "))]
        return sum(float(row.rpartition(" ")[2]) for row in rows)

    def until(self, condition, seconds=30.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.02)

    def stop(self, number=signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            _, self.errors = self.process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        return self.process.returncode
