"""The gateway as a raw ASGI application: paths, checks, and the way of a request to the road and back."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Container
from typing import Any

from msgspec import Struct

from weighbridge import dialects
from weighbridge.canon import Plan
from weighbridge.errors import (
    InputError,
    NotFoundError,
    OverloadedError,
    UnknownRouteError,
    WeighbridgeError,
    did_you_mean,
)
from weighbridge.exchange import Call, Road
from weighbridge.gateway import answers
from weighbridge.gateway.admit import Admit, Gone, Headers, Receive, read_body
from weighbridge.gateway.answers import Pairs, Send
from weighbridge.gateway.handling import Client, Handling, Scope
from weighbridge.gateway.journal import Begun, Journal
from weighbridge.gateway.metrics import CONTENT_TYPE, Metrics

_MAX_IN_FLIGHT = 4096  #: exchanges per worker
_MAX_ID = 200  #: characters of a conversation's id
_PAGES = {"/v1/models": "GET", "/healthz": "GET", "/readyz": "GET", "/metrics": "GET"}


class Parts(Struct, frozen=True):
    """What a gateway is made of.

    `models` lists what may be asked for, as `/v1/models` shows it; `health` says how the store and the local engines
    are; `scrape` gives everyone's figures; `files` are the weights that clients may name by their path.
    """

    road: Road
    admit: Admit
    plan: Callable[[], Plan]
    journal: Journal
    metrics: Metrics
    new_id: Callable[[], str]
    models: Callable[[Plan], list[dict[str, Any]]]
    health: Callable[[], dict[str, Any]]
    scrape: Callable[[], Awaitable[str]]
    files: Callable[[], Container[str]]
    max_body: int
    max_depth: int


class Gateway:
    """Answers HTTP requests.

    Args:
        parts: What it is made of.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._dialect = dialects.get("openai-chat")
        self._chat_path = "/v1" + self._dialect.target("", stream=False)
        self._active: set[Handling] = set()
        #: tell clients to open their next connection elsewhere
        self.draining = False
        #: answers under way were ended by us
        self.cut = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers: Headers = dict(scope["headers"])
        told: Pairs = [answers.CLOSE] if self.draining else []
        path: str = scope["path"]
        try:
            self._parts.admit.place(headers)
            if b"origin" in headers:
                told += answers.cors(headers[b"origin"])
            if path == self._chat_path and scope["method"] == "POST":
                self._parts.admit.key(headers)
                await self._chat(scope, receive, send, headers, told)
            elif scope["method"] == "OPTIONS" and b"origin" in headers:
                await answers.whole(send, 200, told + answers.PREFLIGHT, b"")
            else:
                await self._page(path, scope["method"], send, headers, told)
        except Gone:
            return
        except WeighbridgeError as error:
            self._parts.metrics.add("weighbridge_refused_total", (error.code,))
            if b"expect" in headers and not self.draining:
                told.append(answers.CLOSE)  # the body was never asked for: nothing more can be read here
            await self._refuse(send, error, told)

    def cut_off(self) -> None:
        """End every answer that is still under way, and say so in each."""
        self.cut = True
        for handling in list(self._active):
            handling.cut_off()

    async def _chat(self, scope: Scope, receive: Receive, send: Send, headers: Headers, told: Pairs) -> None:
        parts = self._parts
        body = await read_body(receive, headers.get(b"content-length"), parts.max_body)
        request = self._dialect.read_request(body, max_depth=parts.max_depth)
        self._check_name(request.model)
        if len(self._active) >= _MAX_IN_FLIGHT:
            raise OverloadedError("Too many requests are under way.", fix="Try again in a moment.", retry_after=1)
        call = Call(
            request=request,
            dialect=self._dialect.name,
            body=body,
            trace_id=parts.new_id(),
            conversation=headers.get(b"x-weighbridge-conversation", b"").decode("latin-1")[:_MAX_ID],
        )
        begun = Begun(
            id=call.trace_id,
            at=time.time(),
            name=request.model,
            plan=parts.plan().number,
            dialect=call.dialect,
            streamed=request.stream,
        )
        client = Client(scope=scope, receive=receive, send=send, dialect=self._dialect, told=told)
        handling = Handling(client, call, begun, road=parts.road, journal=parts.journal)
        self._active.add(handling)
        parts.metrics.in_flight += 1
        try:
            await handling.run()
        finally:
            self._active.discard(handling)
            parts.metrics.in_flight -= 1

    def _check_name(self, name: str) -> None:
        """Whoever runs the gateway may name weights by their path; its clients may not try out paths."""
        parts = self._parts
        if ".gguf" in name and name not in parts.plan().routes and name not in parts.files():
            raise UnknownRouteError(
                f"'{name[:100]}' is neither a route nor an engine.", where="model", fix="See GET /v1/models."
            )

    async def _page(self, path: str, method: str, send: Send, headers: Headers, told: Pairs) -> None:
        parts = self._parts
        if path.startswith("/v1/") or path == "/metrics":
            parts.admit.key(headers)
        if path not in _PAGES and not path.startswith("/v1/models/"):
            await self._no_such_path(path, method, send, told)
        elif method not in ("GET", "HEAD"):
            await self._wrong_method(path, method, "GET", send, told)
        elif path == "/healthz":
            await answers.json(send, {"status": "alive"}, headers=told)
        elif path == "/readyz":
            health = parts.health()
            status = 503 if self.draining else 200
            await answers.json(send, health | {"draining": self.draining}, status=status, headers=told)
        elif path == "/metrics":
            text = await parts.scrape()
            await answers.whole(send, 200, [(b"content-type", CONTENT_TYPE.encode()), *told], text.encode())
        else:
            await self._models(path.removeprefix("/v1/models").removeprefix("/"), send, told)

    async def _models(self, name: str, send: Send, told: Pairs) -> None:
        rows = self._parts.models(self._parts.plan())
        if not name:
            await answers.json(send, {"object": "list", "data": rows}, headers=told)
            return
        found = next((row for row in rows if row["id"] == name), None)
        if found is None:
            names = [row["id"] for row in rows]
            raise NotFoundError(
                f"'{name[:100]}' is neither a route nor an engine.", fix=did_you_mean(name[:100], names)
            )
        await answers.json(send, found, headers=told)

    async def _no_such_path(self, path: str, method: str, send: Send, told: Pairs) -> None:
        if path == self._chat_path:
            await self._wrong_method(path, method, "POST", send, told)
            return
        known = [self._chat_path, *_PAGES]
        raise NotFoundError(f"There is no {path[:100]} here.", fix=did_you_mean(path[:100], known))

    async def _wrong_method(self, path: str, method: str, right: str, send: Send, told: Pairs) -> None:
        error = InputError(f"{path[:100]} does not take {method}.", where="method", fix=f"Use {right}.")
        self._parts.metrics.add("weighbridge_refused_total", (error.code,))
        await answers.error(send, error, self._dialect, status=405, headers=[(b"allow", right.encode()), *told])

    async def _refuse(self, send: Send, error: WeighbridgeError, told: Pairs) -> None:
        if error.http_status == 401:  # noqa: PLR2004 - HTTP asks for this header with it
            told.append((b"www-authenticate", b"Bearer"))
        await answers.error(send, error, self._dialect, headers=told)
