"""What attackers and honest callers of one gateway have in hand."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateways import Gateway, Host, Seen

from weighbridge.access import keys
from weighbridge.store.state import State

ACCESS = "the-access-key-of-this-test-1"
HOST_KEY = "sk-host-key-of-this-test-2"
MARK = "MARKED-WORDS-OF-A-PROMPT"

TOML = """
[gateway]
workers = 2
allowed_hosts = ["gate.example"]
allowed_origins = ["https://good.example"]
[store]
bodies = false
[profiles.shy]
rejects = ["image_url", "file_url"]
[hosts.test]
url = "http://127.0.0.1:{port}/v1"
auth = "bearer"
key_env = "TEST_HOST_KEY"
dialect = "openai-chat"
[hosts.shy]
url = "http://127.0.0.1:{port}/v1"
auth = "none"
dialect = "openai-chat"
profile = "shy"
[routes.assistant]
primary = "plain@test"
[routes.backed]
primary = "broken@test"
fallbacks = ["plain@test"]
[routes.hidden]
primary = "secret-model@test"
[routes.images]
primary = "plain@shy"
fetch = true
[routes.leaky]
primary = "echo@test"
[routes.moved]
primary = "moved@test"
"""
MODELS = ("plain", "secret-model", "broken", "echo", "moved")


class Spy(Host):
    """A host that tells back what it was sent, in an error, and one that sends callers elsewhere."""

    elsewhere = ""

    async def _write(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.model == "echo":
            told = f"denied: {seen.headers.get('authorization')} asked {json.dumps(seen.body)[:2000]}"
            return await self._say(writer, 401, "", {"error": {"message": told, "code": "invalid_api_key"}})
        if seen.model == "moved":
            return await self._say(writer, 307, f"location: {self.elsewhere}\r\n", {})
        if seen.model == "broken":
            return await self._say(writer, 500, "", {"error": {"message": f"fault at {MARK}"}})
        done: bool = await super()._write(seen, writer)  # type: ignore[no-untyped-call]
        return done

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, status: int, headers: str, value: Any) -> bool:
        data = json.dumps(value).encode()
        writer.write(f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}".encode())
        writer.write(b"content-length: %d\r\n\r\n" % len(data) + data)
        await writer.drain()
        return True


class Canary:
    """Listens where nobody has any business."""

    def __init__(self) -> None:
        self.visits: list[bytes] = []
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                visitor, _ = self._sock.accept()
            except OSError:
                return
            with visitor:
                visitor.settimeout(1)
                try:
                    self.visits.append(visitor.recv(4096))
                except OSError:
                    self.visits.append(b"")

    def close(self) -> None:
        self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def whole(self) -> bytes:
        return "\n".join(f"{k}: {v}" for k, v in self.headers.items()).encode() + b"\n" + self.body


@dataclass
class Bench:
    """The gateway, the machines around it, and the keys that were given out."""

    folder: Path
    host: Spy
    canary: Canary
    secrets: dict[str, str] = field(default_factory=dict)
    gateway: Gateway = field(init=False)

    @property
    def port(self) -> int:
        return int(self.gateway.url.rpartition(":")[2])

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self, method: str, path: str, body: Any = None, key: str = "", headers: dict[str, str] | None = None
    ) -> Answer:
        """A request on a connection of its own; `key` names one of the secrets, or is one."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent = dict(headers or {})
        if key:
            sent["authorization"] = f"Bearer {self.secrets.get(key, key)}"
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        try:
            connection.putrequest(method, path, skip_host="host" in sent, skip_accept_encoding=True)
            for name, value in sent.items():
                connection.putheader(name, value.encode())
            if data is not None:
                connection.putheader("content-length", str(len(data)))
            connection.endheaders(data)
            got = connection.getresponse()
            return Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        finally:
            connection.close()

    def chat(self, model: str, key: str, text: str = "Hello", **more: Any) -> Answer:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return self.ask("POST", "/v1/chat/completions", body, key=key)

    def raw(self, data: bytes, quiet: float = 0.5) -> tuple[bytes, bool]:
        """Send bytes; all that comes back until nothing does for a while, and whether the gateway hung up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            found = b""
            try:
                sock.sendall(data)
                while True:
                    sock.settimeout(quiet if found else 5)
                    part = sock.recv(65536)
                    if not part:
                        return found, True
                    found += part
            except TimeoutError:
                return found, False
            except (ConnectionResetError, BrokenPipeError):
                return found, True

    def all_raw(self, cases: dict[str, bytes]) -> dict[str, tuple[bytes, bool]]:
        """Many at once: waiting for silence takes time."""
        with ThreadPoolExecutor(16) as pool:
            return dict(zip(cases, pool.map(self.raw, cases.values()), strict=True))

    def until(self, condition: Callable[[], bool], seconds: float = 20.0) -> float:
        """Wait for something to come true in every worker: each look is a connection of its own."""
        begun = time.monotonic()
        while not condition():
            assert time.monotonic() - begun < seconds, "it did not happen in time"
        return time.monotonic() - begun

    def log(self) -> str:
        return (self.folder / "log").read_text()


def give_out(folder: Path) -> dict[str, str]:
    """Keys as an operator would: some good, some that must open nothing."""
    state = State(folder / ".weighbridge" / "state.db")
    now = time.time()
    by: dict[str, Any] = {"who": "operator", "at": now}
    found = {}
    made: dict[str, dict[str, Any]] = {
        "free": {},
        "shop": {"routes": ["assistant", "images", "leaky", "moved", "back*"]},
        "lab": {"engines": ["plain@*"]},
        "claude": {"dialects": ["anthropic-messages"]},
        "viewer": {"role": "viewer"},
        "admin": {"role": "admin"},
        "gone": {},
        "turned": {},
    }
    for name, how in made.items():
        found[name] = keys.create(state, name=name, **how, **by).secret
    found["late"] = keys.create(state, name="late", who="operator", at=now - 100, expires=now - 50).secret
    keys.revoke(state, "gone", **by)
    found["turned-new"] = keys.rotate(state, "turned", overlap=0, **by).secret
    state.close()
    return found
