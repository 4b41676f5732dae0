"""What the drill asks of its gateway: every dialect at every kind of host, whole and streamed, well and in every failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

import msgspec
from msgspec import Struct

from weighbridge import dialects
from weighbridge.canon import Reply, ToolCallPart
from weighbridge.canon.parts import ReasoningPart
from weighbridge.cli import drill_bodies as bodies
from weighbridge.cli.drill_bodies import ANTHROPIC, CHAT, DIALECTS, GEMINI, RESPONSES
from weighbridge.cli.drill_gateway import route
from weighbridge.cli.drill_positions import Plant, Planted
from weighbridge.dialects.fold import Fold
from weighbridge.engines.transport import HttpRequest, Transport

What = Literal["talk", "shape", "count", "embed", "go on", "leave"]
_OK = 200
_LIMIT = 256 << 20
_SECONDS = 180.0
_WHOLE = ("echo", "over", "busy")  #: moods after which the caller has a whole answer
#: what becomes of the request, and whether that needs a stream
FAILURES = (("fail", False), ("busy", False), ("over", False), ("refuse", False), ("snap", False), ("trip", True))


class Case(Struct, frozen=True):
    """One exchange: a client's dialect, the host's, and what becomes of it."""

    dialect: str
    host: str
    stream: bool = False
    mood: str = "echo"
    what: What = "talk"

    @property
    def name(self) -> str:
        """What happens, for people."""
        return self.what if self.what != "talk" else {"echo": "answered"}.get(self.mood, self.mood)


class Broken(Struct, frozen=True, order=True):
    """A value that a caller did not get back as it had sent it, or an exchange that did not go as it should."""

    dialect: str
    host: str
    streamed: bool
    name: str
    position: str
    kind: str
    where: str


def cases(*, quick: bool = False) -> Iterator[Case]:
    """All cases; `quick`: each dialect and each failure once."""
    for place, client in enumerate(DIALECTS):
        near = DIALECTS[(place + 1) % len(DIALECTS)]
        for host in (client, near) if quick else DIALECTS:
            for stream in (host == client,) if quick else (False, True):
                yield Case(client, host, stream)
        for stream in (place % 2 == 0,) if quick else (False, True):
            yield Case(client, client, stream, what="shape")
        for number, (mood, streams) in enumerate(FAILURES):
            if quick and number % len(DIALECTS) != place:
                continue
            for stream in (True,) if streams or quick else (False, True):
                yield Case(client, near if number % 2 else client, stream, mood)
        if not quick or not place:
            yield Case(client, near, stream=True, what="leave")
    yield from (Case(dialect, dialect, what="count") for dialect in (ANTHROPIC, GEMINI))
    yield Case(CHAT, CHAT, what="embed")
    yield Case(RESPONSES, CHAT, what="go on")


async def ask(case: Case, plant: Plant, url: str, transport: Transport) -> list[Broken]:
    """Send one case to the gateway, and check what came back."""
    model = route(case.mood, case.host)
    match case.what:
        case "count":
            path, asked = bodies.counted(case.dialect, plant, model)
        case "embed":
            path, asked = "/v1/embeddings", bodies.embedding(plant, model)
        case _:
            path = bodies.path(case.dialect, model, stream=case.stream)
            asked = bodies.body(case.dialect, plant, model, stream=case.stream, shaped=case.what == "shape")
    status, answer = await _send(case, plant, url + path, asked, transport)
    if case.what == "go on" and status == _OK:
        earlier = msgspec.json.decode(answer)["id"]
        status, answer = await _send(case, plant, url + path, bodies.continued(plant, model, earlier), transport)
    if case.mood not in _WHOLE or case.what in ("count", "embed", "leave"):
        fine = (status == _OK) if case.mood in _WHOLE else (status != _OK or case.stream)
        return [] if fine else [_flaw(case, f"status {status}: {answer[:300].decode(errors='replace')}")]
    if status != _OK:
        return [_flaw(case, f"status {status}: {answer[:300].decode(errors='replace')}")]
    return list(_missing(case, plant, answer))


async def _send(case: Case, plant: Plant, url: str, asked: dict[str, Any], transport: Transport) -> tuple[int, bytes]:
    request = HttpRequest("POST", url, bodies.headers(plant), msgspec.json.encode(asked))
    response = await transport.send(request, connect_timeout=10, read_timeout=_SECONDS)
    if case.what == "leave":
        async for _ in response.chunks():
            break
        await response.close()
        return response.status, b""
    try:
        return response.status, await response.read(_LIMIT)
    finally:
        await response.close()


def _flaw(case: Case, where: str, one: Planted | None = None) -> Broken:
    position, kind = (one.position, one.canary.kind) if one is not None else ("", "")
    return Broken(case.dialect, case.host, case.stream, case.name, position, kind, where)


def _missing(case: Case, plant: Plant, answer: bytes) -> Iterator[Broken]:
    """Where a sentence came back, but not as it was sent."""
    dialect = dialects.get(case.dialect)
    if case.stream:
        reader = dialect.reader()
        fold = Fold.of([*reader.feed(answer), *reader.close()])
        if fold.failure is not None:
            yield _flaw(case, f"the stream failed: {fold.failure.message[:300]}")
            return
        reply = fold.reply()
    else:
        reply = dialect.read_reply(answer)
    channels = dict(_channels(case, reply))
    if not any(one.mark in text for text in channels.values() for one in plant.used if one.mark):
        yield _flaw(case, "nothing came back")
    for where, text in channels.items():
        for one in plant.used:
            if one.mark and one.mark in text and one.line not in text:
                yield _flaw(case, where, one)


def _channels(case: Case, reply: Reply) -> Iterator[tuple[str, str]]:
    """The texts of an answer: what was said, thought, and given to tools."""
    choice = reply.choices[0]
    yield "text", _said(choice.text) if case.what == "shape" else choice.text
    yield "thinking", "".join(part.text for part in choice.parts if isinstance(part, ReasoningPart))
    yield "arguments", "".join(_said(part.arguments) for part in choice.parts if isinstance(part, ToolCallPart))


def _said(text: str) -> str:
    with suppress(msgspec.DecodeError):
        return str(msgspec.json.decode(text)["said"])
    return f"not JSON: {text}"
