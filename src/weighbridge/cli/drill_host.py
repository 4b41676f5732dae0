"""An engine's host for the drill: it keeps every byte that it gets, and says all of it again, or fails as it is told.

It speaks the four dialects under `/DIALECT/...`. What it does is the model's name: one of `MOODS`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Choice,
    Event,
    Failure,
    ReasoningDelta,
    ReasoningPart,
    Reply,
    Request,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
)
from weighbridge.dialects.base import Dialect
from weighbridge.dialects.fold import unfold
from weighbridge.errors import InputError, OverloadedError, RateLimitedError, RefusedRequestError, WeighbridgeError

MOODS: dict[str, str] = {
    "echo": "answers with all that it was sent",
    "repeat": "answers with the last turn's text",
    "fail": "status 500, and the error repeats the request",
    "busy": "status 429 every other time, with retry-after",
    "refuse": "status 400, and the error repeats the request",
    "snap": "breaks the connection in the middle of the answer",
    "trip": "an error in mid-stream that repeats the request",
}
_OK = 200
_PIECE = 29  #: characters of a stream's piece: surrogates are cut in all ways
_SHOWN = 20_000  #: characters of a request that an error repeats
_STRIDE = 97
_DEPTH = 256
_CREATED = 1_700_000_000
_HEAD_END = b"\r\n\r\n"
_JSON = "application/json"


class Captured(Struct):
    """One request as it came: its first line with the path, its headers, its body."""

    line: bytes
    head: bytes
    body: bytes
    dialect: str = ""


class DrillHost:
    """The host. Use `opened`."""

    def __init__(self) -> None:
        self.captured: list[Captured] = []
        self.port = 0
        self._busy = self._turn = 0

    def url(self, dialect: str) -> str:
        """Where it speaks a dialect."""
        return f"http://127.0.0.1:{self.port}/{dialect}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(_HEAD_END)
                line, _, rest = head.partition(b"\r\n")
                fields = dict(_field(text) for text in rest.decode("latin-1").split("\r\n") if text)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                if not await self._answer(Captured(line, rest, body), writer):
                    break
        writer.close()

    async def _answer(self, told: Captured, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; False where the connection is to break."""
        path = unquote(told.line.split(b" ")[1].decode("latin-1"))
        told.dialect, _, rest = path[1:].partition("/")
        self.captured.append(told)
        if rest == "embeddings":
            return await _whole(writer, _OK, _embedded(told.body))
        if "count_tokens" in rest or "countTokens" in rest:
            return await _whole(writer, _OK, b'{"input_tokens": 7, "totalTokens": 7}')
        dialect = dialects.get(told.dialect)
        named = rest.partition("models/")[2].partition(":")[0]
        try:
            asked = dialect.read_request(told.body, max_depth=_DEPTH, model=named, stream="streamGenerate" in rest)
        except InputError as error:
            return await _whole(writer, *dialect.write_error(error))
        said = "\n".join(leaves(msgspec.json.decode(told.body)))
        if asked.model == "repeat":
            said = asked.messages[-1].text
        if (failure := self._failure(asked.model, said)) is not None:
            return await _whole(writer, *dialect.write_error(failure), retry_after=0)
        reply = _reply(asked, said)
        if not asked.stream:
            return await _whole(writer, _OK, dialect.write_reply(reply, asked)[0], snap=asked.model == "snap")
        return await _stream(writer, dialect, asked, reply, said)

    def _failure(self, mood: str, said: str) -> WeighbridgeError | None:
        lines = said.split("\n")
        self._turn += 1  # messages are cut short: each shows another place
        first = self._turn * _STRIDE % len(lines)
        shown = f"It cannot be answered: {' '.join((*lines[first:], *lines[:first]))[:_SHOWN]}"
        if mood == "busy":
            self._busy += 1
        match mood:
            case "fail":
                return OverloadedError(shown)
            case "refuse":
                return RefusedRequestError(shown)
            case "busy" if self._busy % 2:
                return RateLimitedError(shown)
        return None


@asynccontextmanager
async def opened() -> AsyncIterator[DrillHost]:
    """A host on a free port of the loopback address, for as long as it is needed."""
    host = DrillHost()
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0, limit=1 << 20)
    host.port = server.sockets[0].getsockname()[1]
    try:
        yield host
    finally:
        server.close()


def leaves(tree: Any) -> Iterator[str]:
    """The strings of a JSON value, and its objects' keys; those of JSON text that stands in a string, too."""
    if isinstance(tree, str):
        if tree[:1] in ("{", "["):
            with suppress(msgspec.DecodeError):
                tree = msgspec.json.decode(tree)
        if isinstance(tree, str):
            yield tree
            return
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield key
            yield from leaves(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from leaves(value)


def _field(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name.lower(), value.strip()


def _reply(asked: Request, said: str) -> Reply:
    """What it answers: its thinking, the text, and a call of the first tool, each with all that it was sent."""
    shaped = asked.response_format is not None and asked.response_format.kind != "text"
    usage = Usage(input=11, output=7)
    if shaped:
        text = json.dumps({"said": said}, ensure_ascii=len(said) % 2 == 0)
        choice = Choice((TextPart(text),), finish="stop")
        return Reply((choice,), usage, id="drill", model=asked.model, created=_CREATED)
    parts: list[ReasoningPart | TextPart | ToolCallPart] = [ReasoningPart(said), TextPart(said)]
    tool = next((tool.name for tool in asked.tools if tool.name), "")
    if tool:
        arguments = json.dumps({"said": said}, ensure_ascii=len(said) % 2 == 0)
        parts.append(ToolCallPart("call_drill", tool, arguments))
    choice = Choice(tuple(parts), finish="tool_calls" if tool else "stop")
    return Reply((choice,), usage, id="drill", model=asked.model, created=_CREATED)


def _pieces(events: Iterator[Event]) -> Iterator[Event]:
    """The same events, with texts in small pieces."""
    for event in events:
        match event:
            case TextDelta() | ReasoningDelta():
                yield from (
                    replace(event, text=event.text[at : at + _PIECE], new=event.new and not at)
                    for at in range(0, len(event.text) or 1, _PIECE)
                )
            case ToolCallDelta():
                yield replace(event, arguments="")
                yield from (
                    ToolCallDelta(event.index, arguments=event.arguments[at : at + _PIECE])
                    for at in range(0, len(event.arguments), _PIECE)
                )
            case _:
                yield event


async def _stream(writer: asyncio.StreamWriter, dialect: Dialect, asked: Request, reply: Reply, said: str) -> bool:
    out = dialect.writer(id=reply.id, model=reply.model, created=_CREATED, usage=True, asked=asked)
    events = list(_pieces(unfold(reply)))
    if asked.model in ("snap", "trip"):
        del events[len(events) * 2 // 3 :]
    if asked.model == "trip":
        events.append(Failure("engine_failed", f"It broke: {said[:_SHOWN]}"))
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    for event in events:
        if data := out.write(event):
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()
    if asked.model == "snap":
        return False
    if data := out.close():
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


async def _whole(
    writer: asyncio.StreamWriter, status: int, body: bytes, *, retry_after: float | None = None, snap: bool = False
) -> bool:
    more = "" if retry_after is None else f"retry-after: {retry_after:g}\r\n"
    head = f"HTTP/1.1 {status} Said\r\ncontent-type: {_JSON}\r\n{more}content-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + (body[: len(body) // 2] if snap else body))
    await writer.drain()
    return not snap


def _embedded(body: bytes) -> bytes:
    asked = msgspec.json.decode(body)
    count = len(asked["input"]) if isinstance(asked["input"], list) else 1
    rows = [{"object": "embedding", "index": i, "embedding": [0.5, -0.5]} for i in range(count)]
    usage = {"prompt_tokens": 7, "total_tokens": 7}
    return msgspec.json.encode({"object": "list", "model": asked["model"], "data": rows, "usage": usage})
