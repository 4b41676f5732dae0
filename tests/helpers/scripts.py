"""For tests of the road: back ends of several dialects that say their lines, and clients that tell of them again."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Protocol, cast
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Engine, Host, Model, Offer, Plan, Profile, Reply, Route, Trace
from weighbridge.dialects.base import Dialect
from weighbridge.dialects.fold import unfold
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.client import Client
from weighbridge.engines.clock import FakeClock
from weighbridge.engines.endpoints import NoEndpoints
from weighbridge.engines.transport import HttpRequest, HttpResponse
from weighbridge.errors import BrokenAnswerError, UnknownEngineError
from weighbridge.exchange import Call, Road, StreamedAnswer
from weighbridge.settings import Client as ClientSettings

BASE = {"openai-chat": "/v1", "openai-responses": "/v1", "anthropic-messages": "/v1", "gemini-generate": "/v1beta"}


def engine(name: str, dialect: str = "openai-chat", *, speaks: Iterable[str] = (), **profile: Any) -> Engine:
    """An engine `model@host` whose host speaks a dialect, and perhaps further ones."""
    model, _, host = name.partition("@")
    return Engine(
        Model(model, max_output=8000),
        Host(
            host,
            dialect=dialect,
            url=f"http://{host}.test{BASE[dialect]}",
            auth="none",
            speaks={other: f"http://{host}.test/{other}" for other in speaks},
        ),
        Offer(model, host),
        Profile(max_output=8000, **profile),
    )


class Line:
    """What a back end says next: bytes, an error, a pause until `release` is called."""

    def __init__(self, body: bytes, status: int = 200, *, chunk: int = 0, breaks: bool = False) -> None:
        self.body = body
        self.status = status
        self.headers: Mapping[str, str] = {}
        self.closed = False
        self._chunk = chunk
        self._breaks = breaks

    async def chunks(self) -> AsyncIterator[bytes]:
        size = self._chunk or len(self.body) or 1
        for start in range(0, len(self.body), size):
            yield self.body[start : start + size]
        if self._breaks:
            raise BrokenAnswerError("The connection broke in the middle of the answer.")

    async def read(self, limit: int) -> bytes:
        return self.body[:limit]

    async def close(self) -> None:
        self.closed = True


class Stage:
    """A transport on which each host says its lines in order."""

    def __init__(self) -> None:
        self.lines: dict[str, deque[Line]] = {}
        self.seen: list[HttpRequest] = []

    async def send(self, request: HttpRequest, *, connect_timeout: float, read_timeout: float) -> HttpResponse:
        self.seen.append(request)
        return self.lines[(urlsplit(request.url).hostname or "").removesuffix(".test")].popleft()

    async def close(self) -> None:
        pass

    @property
    def last(self) -> Any:
        """The last request's body."""
        return msgspec.json.decode(self.seen[-1].body)


class Theatre:
    """Engines on a stage, and as many roads to them as there are workers."""

    def __init__(self, *engines: Engine, routes: Iterable[Route] = ()) -> None:
        self.stage = Stage()
        self.clock = FakeClock()
        self.traces: list[Trace] = []
        self._engines = {one.name: one for one in engines}
        self._plan = Plan(1, {route.name: route for route in routes})
        self._ids = itertools.count()
        self._replies = itertools.count(1)

    def publish(self, *routes: Route, cut: Iterable[str] = ()) -> None:
        """The next plan comes into force."""
        self._plan = Plan(self._plan.number + 1, {route.name: route for route in routes}, cut=tuple(cut))

    def engine(self, name: str) -> Engine:
        """As a catalogue does it."""
        try:
            return self._engines[name]
        except KeyError:
            raise UnknownEngineError(f"No engine is called '{name}'.") from None

    def forget(self, name: str) -> None:
        """The catalogue does not know an engine any more."""
        del self._engines[name]

    def facts(self, name: str, **facts: Any) -> None:
        """Facts of an engine's model are other ones now."""
        one = self._engines[name]
        self._engines[name] = replace(one, model=replace(one.model, **facts))

    def road(self, *, retries: int = 0, **more: Any) -> Road:
        """One more worker's road."""
        client = Client(
            settings=ClientSettings(retries=retries),
            transport=self.stage,
            endpoints=NoEndpoints(),
            environ={},
            clock=self.clock,
        )
        return Road(
            catalogue=cast("Catalogue", self),
            client=client,
            plan=lambda: self._plan,
            record=self.traces.append,
            deadline=30.0,
            new_id=lambda: f"t{next(self._ids)}",
            clock=self.clock,
            **more,
        )

    def line(self, host: str, body: bytes | dict[str, Any], status: int = 200, **how: Any) -> Line:
        """A host's next line, word for word."""
        told = Line(body if isinstance(body, bytes) else msgspec.json.encode(body), status, **how)
        self.stage.lines.setdefault(host, deque()).append(told)
        return told

    def answer(self, name: str, reply: Reply, *, stream: bool = False, dialect: str = "", **how: Any) -> Line:
        """An engine's next answer, in its host's dialect or another one that it speaks."""
        one = self._engines[name]
        spoken = dialects.get(dialect or one.host.dialect)
        number = next(self._replies)
        reply = replace(reply, id=reply.id or f"reply_{number}", model=one.upstream, created=1_700_000_000)
        body = streamed(spoken, reply) if stream else spoken.write_reply(reply)[0]
        return self.line(one.host.name, body, **how)


def streamed(dialect: Dialect, reply: Reply) -> bytes:
    """A reply as the dialect streams it."""
    writer = dialect.writer(id=reply.id, model=reply.model, created=reply.created, usage=True)
    return b"".join([writer.write(event) for event in unfold(reply)]) + writer.close()


class Speaker:
    """A client: what it was told it tells again, as the vendor's own libraries do.

    Args:
        road: The worker that it talks to; may be changed.
        dialect: What it speaks.
        forgets: Drops all thinking and seals from what it tells again.
        options: Further fields of each request.
    """

    def __init__(self, road: Road, dialect: str, *, forgets: bool = False, caller: str = "ann", **options: Any) -> None:
        self.road = road
        self.dialect = dialects.get(dialect)
        self.history: list[Any] = []
        self.last: Any = None
        self._forgets = forgets
        self._caller = caller
        self._options = options
        self._way: _Way = _WAYS[dialect]

    def user(self, text: str) -> None:
        """The user says something."""
        self.history.append(self._way.user(text))

    def results(self, *answers: tuple[str, str, str]) -> None:
        """Tools answer: id, name and text of each."""
        self.history += self._way.results(answers)

    async def ask(self, model: str, *, stream: bool = False) -> Reply:
        """Send all that was said, and take the answer into it."""
        answer = await self.road.open(self.call(model, stream=stream))
        try:
            if isinstance(answer, StreamedAnswer):
                data = b"".join([chunk async for chunk in answer.chunks()])
            else:
                data = await answer.body()
        finally:
            await answer.close()
        self.last = answer
        raw = msgspec.json.decode(self._whole(data) if stream else data)
        self.history += self._way.again(raw, forgets=self._forgets)
        return self.dialect.read_reply(msgspec.json.encode(raw))

    def call(self, model: str, *, stream: bool = False) -> Call:
        """The request as the gateway would hand it on."""
        body = msgspec.json.encode(
            self._way.request(model, self.history, self._options | ({"stream": True} if stream else {}))
        )
        request = self.dialect.read_request(body, model=model, stream=stream)
        return Call(request, dialect=self.dialect.name, body=body, caller=self._caller)

    def _whole(self, data: bytes) -> bytes:
        """A stream as the whole answer that it adds up to."""
        from weighbridge.dialects.fold import Fold

        reader = self.dialect.reader()
        fold = Fold.of([*reader.feed(data), *reader.close()])
        assert fold.failure is None, fold.failure
        return self.dialect.write_reply(fold.reply())[0]


class _Again(Protocol):
    def __call__(self, raw: Any, *, forgets: bool) -> list[Any]: ...


class _Way:
    """How one dialect's clients write."""

    def __init__(
        self,
        request: Callable[[str, list[Any], dict[str, Any]], dict[str, Any]],
        user: Callable[[str], Any],
        results: Callable[[Iterable[tuple[str, str, str]]], list[Any]],
        again: _Again,
    ) -> None:
        self.request, self.user, self.results, self.again = request, user, results, again


def _chat_again(raw: Any, *, forgets: bool) -> list[Any]:
    message = raw["choices"][0]["message"]
    dropped = ("reasoning_content", "reasoning", "reasoning_details") if forgets else ()
    return [{key: value for key, value in message.items() if key not in dropped and value is not None}]


def _anthropic_again(raw: Any, *, forgets: bool) -> list[Any]:
    kept = [b for b in raw["content"] if not forgets or b["type"] not in ("thinking", "redacted_thinking")]
    return [{"role": "assistant", "content": kept}]


def _responses_again(raw: Any, *, forgets: bool) -> list[Any]:
    return [item for item in raw["output"] if not forgets or item["type"] != "reasoning"]


def _gemini_again(raw: Any, *, forgets: bool) -> list[Any]:
    content = raw["candidates"][0]["content"]
    parts = [
        {key: value for key, value in part.items() if not forgets or key != "thoughtSignature"}
        for part in content["parts"]
        if not forgets or not part.get("thought")
    ]
    return [{"role": "model", "parts": [part for part in parts if part]}]


_WAYS = {
    "openai-chat": _Way(
        lambda model, said, more: {"model": model, "messages": said, **more},
        lambda text: {"role": "user", "content": text},
        lambda answers: [{"role": "tool", "tool_call_id": i, "content": text} for i, _, text in answers],
        _chat_again,
    ),
    "anthropic-messages": _Way(
        lambda model, said, more: {"model": model, "max_tokens": 4000, "messages": said, **more},
        lambda text: {"role": "user", "content": text},
        lambda answers: [
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": i, "content": text} for i, _, text in answers],
            }
        ],
        _anthropic_again,
    ),
    "openai-responses": _Way(
        lambda model, said, more: {"model": model, "input": said, "store": False, **more},
        lambda text: {"role": "user", "content": text},
        lambda answers: [{"type": "function_call_output", "call_id": i, "output": text} for i, _, text in answers],
        _responses_again,
    ),
    "gemini-generate": _Way(
        lambda model, said, more: {"contents": said, **{k: v for k, v in more.items() if k != "stream"}},
        lambda text: {"role": "user", "parts": [{"text": text}]},
        lambda answers: [
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": i, "name": name, "response": {"output": text}}}
                    for i, name, text in answers
                ],
            }
        ],
        _gemini_again,
    ),
}
