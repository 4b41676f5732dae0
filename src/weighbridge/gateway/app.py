"""The gateway as a raw ASGI application: paths, checks, and the way of a request to the road and back."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Container, Mapping
from typing import Any
from urllib.parse import parse_qsl

from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Key, Plan, Request
from weighbridge.dialects import Dialect, counting
from weighbridge.dialects.gemini_generate.array import AsArray
from weighbridge.errors import (
    InputError,
    NotFoundError,
    UnknownRouteError,
    WeighbridgeError,
    did_you_mean,
)
from weighbridge.exchange import Call, Road
from weighbridge.exchange.conversation import derive
from weighbridge.gateway import answers, asides, feedback, lists, responses, scopes
from weighbridge.gateway.admit import Admit, Caller, Gone, Headers, Receive, read_body
from weighbridge.gateway.answers import Pairs, Send
from weighbridge.gateway.fronts import FRONTS, RESPONSES, Front, speaker
from weighbridge.gateway.gate import Gate, Hold
from weighbridge.gateway.handling import Ask, Client, Handling, Scope
from weighbridge.gateway.journal import Begun, Journal
from weighbridge.gateway.metrics import CONTENT_TYPE, Metrics
from weighbridge.routes import Resolve

_MAX_ID = 200  #: characters of a conversation's id
_DATA_CLASS = b"x-weighbridge-data-class"
_SPOKEN = frozenset({"exchange", "count", "embed", "retrieve", "forget", "items"})
"""Actions in which a dialect is spoken; lists of models and figures are none."""


class Parts(Struct, frozen=True):
    """What a gateway is made of.

    `engine` finds engines by name; `models` lists what may be asked for; `health` says how the store and the local engines are; `scrape` gives
    everyone's figures; `say` keeps what a user says of an answer; `files` are the weights that clients may name by their path; `stored` is None where no
    responses are stored.
    """

    road: Road
    counting: asides.Counting
    admit: Admit
    plan: Callable[[], Plan]
    engine: Resolve
    journal: Journal
    metrics: Metrics
    new_id: Callable[[], str]
    secret: bytes
    models: Callable[[Plan], list[lists.Listed]]
    health: Callable[[], dict[str, Any]]
    scrape: Callable[[], Awaitable[str]]
    say: Callable[[feedback.Word, str], Awaitable[None]]
    files: Callable[[], Container[str]]
    stored: responses.Responses | None
    gate: Gate
    max_body: int
    max_depth: int
    heartbeat: float


class _Asked(Struct, frozen=True):
    """One HTTP request, as far as it was let in."""

    scope: Scope
    receive: Receive
    send: Send
    headers: Headers
    told: Pairs
    front: Front
    dialect: Dialect
    caller: Caller
    hold: Hold


class Gateway:
    """Answers HTTP requests.

    Args:
        parts: What it is made of.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._active: set[Handling] = set()
        #: tell clients to open their next connection elsewhere
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        headers: Headers = dict(scope["headers"])
        told: Pairs = [answers.CLOSE] if self.draining else []
        method, path, query = scope["method"], scope["path"], scope["query_string"]
        found = FRONTS.find(method, path, query)
        front = found if isinstance(found, Front) else None
        dialect = dialects.get((front and front.dialect) or speaker(path, headers, query))
        try:
            if len(headers) != len(scope["headers"]) or b"transfer-encoding" in headers:
                self._unambiguous(scope, headers, told)
            self._parts.admit.place(headers)
            if b"origin" in headers:
                told += answers.cors(headers[b"origin"])
                if method == "OPTIONS":
                    asked = headers.get(b"access-control-request-headers", b"")
                    await answers.whole(send, 200, told + answers.preflight(asked), b"")
                    return
            caller = self._caller(front, headers, query)
            if isinstance(found, Front):
                with self._parts.gate.hold() as hold:
                    await self._answer(_Asked(scope, receive, send, headers, told, found, dialect, caller, hold))
            else:
                await self._nowhere(method, path, send, dialect, told, found)
        except Gone:
            return
        except WeighbridgeError as error:
            self._parts.metrics.add("weighbridge_refused_total", (error.code,))
            if b"expect" in headers and not self.draining:
                told.append(answers.CLOSE)  # the body was never asked for: nothing more can be read here
            await self._refuse(send, error, dialect, told)

    def cut_off(self) -> None:
        """End every answer that is still under way, and say so in each."""
        for handling in list(self._active):
            handling.cut_off()

    def _unambiguous(self, scope: Scope, headers: Headers, told: Pairs) -> None:
        try:
            self._parts.admit.unambiguous(scope, headers)
        except InputError:
            if answers.CLOSE not in told:
                told.append(answers.CLOSE)  # whatever follows may not be what its sender means
            raise

    def _caller(self, front: Front | None, headers: Headers, query: bytes) -> Caller:
        admit = self._parts.admit
        if front is not None and front.open:
            return Caller("")
        if front is not None and front.action == "metrics":
            admit.watcher(headers, query)
            return Caller("")
        return admit.key(headers, query)

    async def _answer(self, asked: _Asked) -> None:
        if asked.front.action in _SPOKEN:
            scopes.check_dialect(asked.caller.key, asked.dialect.name)
        match asked.front.action:
            case "exchange":
                await self._exchange(asked)
            case "count":
                await self._count(asked)
            case "embed":
                await self._embed(asked)
            case "models" | "model":
                await self._models(asked)
            case "retrieve" | "forget" | "items":
                await self._stored(asked)
            case "feedback":
                await self._feedback(asked)
            case _:
                await self._figures(asked)

    async def _figures(self, asked: _Asked) -> None:
        """What is told of the gateway itself."""
        match asked.front.action:
            case "metrics":
                text = await self._parts.scrape()
                kind = (b"content-type", CONTENT_TYPE.encode())
                await answers.whole(asked.send, 200, [kind, *asked.told], text.encode())
            case "readyz":
                health = self._health(asked) | {"draining": self.draining}
                await answers.json(asked.send, health, status=503 if self.draining else 200, headers=asked.told)
            case "healthz":
                await answers.json(asked.send, {"status": "alive"}, headers=asked.told)

    def _health(self, asked: _Asked) -> dict[str, Any]:
        """How everything stands; where keys are asked for, strangers learn no names, paths or errors."""
        health = self._parts.health()
        if self._parts.admit.watches(asked.headers, asked.scope["query_string"]):
            return health
        return {"plan": health["plan"], "store": "ok" if health["store"] == "ok" else "troubled"}

    async def _exchange(self, asked: _Asked) -> None:
        parts, front, dialect = self._parts, asked.front, asked.dialect
        body = await self._body(asked)
        how: dict[str, Any] = {"max_depth": parts.max_depth, "model": front.name, "stream": front.stream}
        request = dialect.read_request(body, **how)
        keeper = None
        if front.dialect == RESPONSES and parts.stored is not None:
            keeper = parts.stored.keeper(body, request.continues, asked.caller.id)
            if request.continues and (longer := await parts.stored.expand(body, request.continues, asked.caller.id)):
                body, request = longer, dialect.read_request(longer, **how)
        if dialect.headers:
            request = replace(request, headers=_headers(asked.scope, dialect.headers))
        call = self._call(asked, request, body)
        form = AsArray() if front.array else None
        await self._handle(asked, call, functools.partial(parts.road.open, call), form=form, keeper=keeper)

    async def _count(self, asked: _Asked) -> None:
        parts, dialect = self._parts, asked.dialect
        body = await self._body(asked)
        request = counting.read_request(dialect.name, body, max_depth=parts.max_depth, model=asked.front.name)
        if dialect.headers:
            request = replace(request, headers=_headers(asked.scope, dialect.headers))
        call = self._call(asked, replace(request, stream=False), None)
        await self._handle(asked, call, functools.partial(parts.counting.ask, call, dialect.name))

    async def _embed(self, asked: _Asked) -> None:
        body = await self._body(asked)
        call = self._call(asked, asides.read_embedding(body, max_depth=self._parts.max_depth), body)
        await self._handle(asked, call, functools.partial(asides.embed, self._parts.road, call))

    async def _feedback(self, asked: _Asked) -> None:
        word = feedback.read(await self._body(asked))
        await self._parts.say(word, asked.caller.key.id if asked.caller.key is not None else "")
        await answers.json(asked.send, {"kept": True}, headers=asked.told)

    async def _body(self, asked: _Asked) -> bytes:
        length = asked.headers.get(b"content-length")
        return await read_body(asked.receive, length, self._parts.max_body, grow=asked.hold.grow_to)

    def _call(self, asked: _Asked, request: Request, body: bytes | None) -> Call:
        self._check_name(request.model, asked.caller.key)
        told = asked.headers.get(b"x-weighbridge-conversation", b"").decode("latin-1")[:_MAX_ID]
        return Call(
            request=request,
            dialect=asked.dialect.name,
            body=body,
            trace_id=self._parts.new_id(),
            conversation=told or derive(request, asked.caller.id, self._parts.secret),
            caller=asked.caller.id,
            key=asked.caller.key,
            data_class=scopes.data_class(value for name, value in asked.scope["headers"] if name == _DATA_CLASS),
        )

    async def _handle(self, asked: _Asked, call: Call, ask: Ask, **how: Any) -> None:
        parts, request = self._parts, call.request
        begun = Begun(
            id=call.trace_id,
            at=time.time(),
            name=request.model,
            plan=parts.plan().number,
            dialect=call.dialect,
            streamed=request.stream,
            key=call.key.id if call.key else "",
            team=call.key.team if call.key else "",
        )
        client = Client(
            scope=asked.scope,
            receive=asked.receive,
            send=asked.send,
            dialect=asked.dialect,
            told=asked.told,
            heartbeat=parts.heartbeat,
            **how,
        )
        in_turn = _InTurn(parts, asked.caller.id, ask)
        handling = Handling(client, begun, ask=in_turn, journal=parts.journal)
        self._active.add(handling)
        parts.metrics.in_flight += 1
        try:
            await handling.run()
        finally:
            in_turn.over()
            self._active.discard(handling)
            parts.metrics.in_flight -= 1

    def _check_name(self, name: str, key: Key | None) -> None:
        """Whoever runs the gateway may name weights by their path; its clients may not try out paths."""
        parts = self._parts
        if ".gguf" in name and name not in parts.plan().routes and name not in parts.files():
            raise UnknownRouteError(
                f"'{name[:100]}' is neither a route nor an engine.", where="model", fix="See GET /v1/models."
            )
        scopes.check_name(key, name, parts.plan(), parts.engine)

    async def _models(self, asked: _Asked) -> None:
        plan, name, dialect = self._parts.plan(), asked.front.name, asked.dialect.name
        rows = scopes.within(asked.caller.key, self._parts.models(plan), plan)
        if not name:
            await answers.json(asked.send, lists.many(rows, dialect), headers=asked.told)
            return
        found = next((row for row in rows if row.name == name), None)
        if found is None:
            near = did_you_mean(name[:100], [row.name for row in rows])
            raise NotFoundError(f"'{name[:100]}' is neither a route nor an engine.", fix=near)
        await answers.json(asked.send, lists.one(found, dialect), headers=asked.told)

    async def _stored(self, asked: _Asked) -> None:
        stored, name, caller = self._parts.stored, asked.front.name, asked.caller.id
        if stored is None:
            raise NotFoundError("No responses are stored here.", fix="Set gateway.stored_responses = true.")
        if asked.front.action == "retrieve":
            body = await stored.retrieve(name, caller)
        elif asked.front.action == "forget":
            body = await stored.forget(name, caller)
        else:
            query = dict(parse_qsl(asked.scope["query_string"].decode("latin-1")))
            body = responses.page(await stored.items(name, caller), query)
        await answers.whole(asked.send, 200, [answers.JSON, *asked.told], body)

    async def _nowhere(
        self, method: str, path: str, send: Send, dialect: Dialect, told: Pairs, allowed: tuple[str, ...]
    ) -> None:
        """No such path, or not with this method."""
        if not allowed:
            raise NotFoundError(f"There is no {path[:100]} here.", fix=did_you_mean(path[:100], FRONTS.paths))
        right = ", ".join(allowed)
        error = InputError(f"{path[:100]} does not take {method}.", where="method", fix=f"Use {right}.")
        self._parts.metrics.add("weighbridge_refused_total", (error.code,))
        await answers.error(send, error, dialect, status=405, headers=[(b"allow", right.encode()), *told])

    async def _refuse(self, send: Send, error: WeighbridgeError, dialect: Dialect, told: Pairs) -> None:
        if error.http_status == 401:  # noqa: PLR2004 - HTTP asks for this header with it
            told.append((b"www-authenticate", b"Bearer"))
        await answers.error(send, error, dialect, headers=told)


class _InTurn:
    """Asks once its caller has its turn. Clients that leave meanwhile are noticed: an exchange waits as one that runs.

    Args:
        parts: Whose gate gives turns, and where those are counted that got none.
        caller: Who waits.
        ask: Gives the answer.
    """

    def __init__(self, parts: Parts, caller: str, ask: Ask) -> None:
        self._gate = parts.gate
        self._metrics = parts.metrics
        self._caller = caller
        self._ask = ask
        self._entered = False

    async def __call__(self) -> Any:
        """The answer."""
        try:
            await self._gate.enter(self._caller)
        except WeighbridgeError as error:
            self._metrics.add("weighbridge_refused_total", (error.code,))
            raise
        self._entered = True
        return await self._ask()

    def over(self) -> None:
        """The exchange is over, whether it had its turn or not."""
        if self._entered:
            self._gate.leave()


def _headers(scope: Scope, wanted: Mapping[str, str]) -> dict[str, str]:
    """The headers that change what a request means, as the client sent them: one sent twice is a list."""
    found: dict[str, str] = {}
    for raw, value in scope["headers"]:
        name = raw.decode("latin-1")
        if name in wanted:
            text = value.decode("latin-1")
            found[name] = f"{found[name]},{text}" if name in found else text
    return found
