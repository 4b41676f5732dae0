"""OpenAI Chat: streams, chunk by chunk."""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.canon import (
    Begin,
    Event,
    Failure,
    Finish,
    Loss,
    PartEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.openai_chat_message import read_details, write_details
from weighbridge.dialects.openai_chat_parts import EXTRAS, as_json_text
from weighbridge.dialects.openai_chat_reply import encode, finish_reason, read_usage, write_usage
from weighbridge.dialects.sse import LIMIT, SSE
from weighbridge.dialects.upstream_errors import from_stream
from weighbridge.errors import BrokenAnswerError

MOST_CHOICES = 1024
DONE = b"data: [DONE]\n\n"


class _Delta(Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None


class _Choice(Struct, gc=False):
    index: int | None = 0
    delta: _Delta | None = None
    finish_reason: Any = None


class _Chunk(Struct, gc=False):
    """What is read of a chunk; fields that are not listed are skipped without being built."""

    id: Any = ""
    model: Any = ""
    created: Any = 0
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    object: Any = None
    message: Any = None


_CHUNK = msgspec.json.Decoder(_Chunk)


class _Call:
    __slots__ = ("id", "index", "name", "pieces")

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []


class _Calls:
    """Tells the tool calls of one choice apart, however the host numbers them."""

    def __init__(self) -> None:
        self._open: dict[int, _Call] = {}
        self._last: _Call | None = None
        self._count = 0

    def read(self, raw: Any, choice: int) -> ToolCallDelta | None:
        """One item of `delta.tool_calls`; None where it says nothing."""
        if type(raw) is not dict:
            return None
        function = raw.get("function")
        function = function if type(function) is dict else {}
        name, made_id, place = _text(function.get("name")), _text(raw.get("id")), raw.get("index")
        arguments = function.get("arguments")
        if type(arguments) is not str:
            arguments = "" if arguments is None else as_json_text(arguments)
        call = self._open.get(place) if type(place) is int else self._last
        starts = call is None or self._is_other(call, made_id, name)
        if call is None or starts:
            call = _Call(self._count)
            self._count += 1
        if type(place) is int:
            self._open[place] = call
        self._last = call
        told_id, told_name = ("" if call.id else made_id), ("" if call.name else name)
        call.id, call.name = call.id or made_id, call.name or name
        if not call.id:
            call.pieces.append(arguments)
        if not (starts or told_id or told_name or arguments):
            return None
        return ToolCallDelta(call.index, told_id, told_name, arguments, choice)

    @staticmethod
    def _is_other(call: _Call, made_id: str, name: str) -> bool:
        """Is this another call on the same index? Its own id says so; without ids, a name after whole arguments."""
        if not name:
            return False
        if made_id or call.id:
            return bool(made_id and call.id and made_id != call.id)
        return bool(call.name) and _is_json("".join(call.pieces))


class _Progress:
    """What is known of one choice."""

    __slots__ = ("calls", "finished")

    def __init__(self) -> None:
        self.calls: _Calls | None = None
        self.finished = False


class OpenAIChatReader:
    """Reads a stream. It is whole when `[DONE]` has come, or when every choice has told why it ended."""

    def __init__(self) -> None:
        self._sse = SSE()
        self._choices: dict[int, _Progress] = {}
        self._begun = False
        self._over = False
        self._usage: Usage | None = None

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete with these bytes."""
        if self._over:
            return []
        try:
            found = self._sse.feed(chunk)
        except BrokenAnswerError as error:
            return self._fail(error.what)
        return self._read(found)

    def close(self) -> list[Event]:
        """The stream has ended; a Failure if the answer is not whole."""
        if self._over:
            return []
        return self._end(self._read(self._sse.close()))

    def _end(self, events: list[Event]) -> list[Event]:
        whole = self._choices and all(c.finished for c in self._choices.values())
        if not self._over and not whole:
            events += self._fail("The stream ended before the answer was whole.")
        self._over = True
        return events

    def _read(self, found: list[tuple[str, bytes]]) -> list[Event]:
        events: list[Event] = []
        for name, data in found:
            if data.startswith(b"[DONE]"):
                events += self._done()
            elif name == "error":
                events += self._told_error(data)
            elif data:  # an empty one is some hosts' heartbeat
                self._chunk(data, events)
            if self._over:
                break
        return events

    def _chunk(self, data: bytes, events: list[Event]) -> None:
        try:
            chunk = _CHUNK.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events += self._fail(f"A chunk of the stream cannot be read: {data[:80].decode('utf-8', 'replace')!r}.")
            return
        if not self._begun and (chunk.choices or chunk.id or chunk.model):
            self._begun = True
            created = chunk.created if type(chunk.created) is int else 0
            events.append(Begin(_text(chunk.id), _text(chunk.model), created))
        for choice in chunk.choices or ():
            if not self._choice(choice, events):
                return
        usage = chunk.usage
        if usage is None and type(chunk.x_groq) is dict:
            usage = chunk.x_groq.get("usage")
        if usage is not None and (read := read_usage(usage)) is not None and read != self._usage:
            self._usage = read
            events.append(UsageEvent(read))
        if chunk.error is not None or chunk.object == "error":
            events += self._told_error(data)

    def _choice(self, choice: _Choice, events: list[Event]) -> bool:
        index = choice.index or 0
        known = self._choices.get(index)
        if known is None:
            if not 0 <= index < MOST_CHOICES:
                events += self._fail(f"The stream speaks of choice {index}.")
                return False
            known = self._choices[index] = _Progress()
        delta = choice.delta
        if delta is not None:
            if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
                self._thinking(delta, index, events)
            content = delta.content
            if type(content) is str:
                if content:
                    events.append(TextDelta(content, index))
            elif content is not None:
                _parts(content, index, events)
            if delta.tool_calls or delta.refusal:
                self._asked(delta, known, index, events)
        if choice.finish_reason and not known.finished:
            known.finished = True
            events.append(Finish(finish_reason(choice.finish_reason, calls=known.calls is not None), index))
        return True

    @staticmethod
    def _asked(delta: _Delta, known: _Progress, index: int, events: list[Event]) -> None:
        """Refusals and tool calls, which are rarer than text."""
        if delta.refusal and type(delta.refusal) is str:
            events.append(RefusalDelta(delta.refusal, index))
        if delta.tool_calls and type(delta.tool_calls) is list:
            known.calls = known.calls or _Calls()
            events += [e for raw in delta.tool_calls if (e := known.calls.read(raw, index)) is not None]

    @staticmethod
    def _thinking(delta: _Delta, index: int, events: list[Event]) -> None:
        for text in (delta.reasoning_content, delta.reasoning):
            if text and type(text) is str:
                events.append(ReasoningDelta(text, None, index))
                break
        if delta.reasoning_details:
            events += [ReasoningDelta("", blob, index) for blob in read_details(delta.reasoning_details)]

    def _done(self) -> list[Event]:
        if not self._choices:
            return self._fail("The stream ended without an answer.")
        self._over = True
        missing = [(i, c) for i, c in sorted(self._choices.items()) if not c.finished]
        return [Finish(finish_reason(None, calls=c.calls is not None), i) for i, c in missing]

    def _told_error(self, data: bytes) -> list[Event]:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = data[:400].decode("utf-8", "replace")
        inner = value.get("error") if type(value) is dict else None
        error = from_stream(inner if inner is not None else value)
        return self._fail(error.what, error.code)

    def _fail(self, message: str, code: str = BrokenAnswerError.code) -> list[Event]:
        self._over = True
        return [Failure(code, message)]


def _parts(content: Any, index: int, events: list[Event]) -> None:
    """Content as a list of parts, as Mistral streams its thinking."""
    for part in content if type(content) is list else ():
        if type(part) is not dict:
            continue
        if text := _text(part.get("text")):
            events.append(TextDelta(text, index))
        steps = part.get("thinking")
        texts = [_text(s.get("text")) for s in steps if type(s) is dict] if type(steps) is list else []
        events += [ReasoningDelta(text, None, index) for text in texts if text]


def _text(value: Any) -> str:
    return value if type(value) is str else ""


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


class OpenAIChatWriter:
    """Writes a stream. The tokens come once, before the terminator, and only if they were asked for."""

    def __init__(self, *, id: str, model: str, created: int, usage: bool) -> None:  # noqa: A002 - the wire's word
        head = encode({"id": id, "object": "chat.completion.chunk", "created": created, "model": model})
        self._head = b"data: " + head[:-1] + b',"choices":['
        self._wants_usage = usage
        self._usage: Usage | None = None
        self._failed = False
        self._seen: set[int] = set()
        self._losses = EXTRAS.losses()

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be written so far."""
        return self._losses.all()

    def write(self, event: Event) -> bytes:
        """The bytes of one event."""
        out = b""
        match event:
            case TextDelta():
                out = self._text(event.choice, b'"content":', event.text)
            case ToolCallDelta():
                out = self._delta(event.choice, b'"tool_calls":', [_call(event)])
            case ReasoningDelta():
                out = self._text(event.choice, b'"reasoning_content":', event.text)
                if event.blob is not None:
                    out += self._delta(event.choice, b'"reasoning_details":', write_details((event.blob,)))
            case RefusalDelta():
                out = self._text(event.choice, b'"refusal":', event.text)
            case Finish():
                out = self._line(event.choice, b"{}", encode(event.reason))
            case UsageEvent():
                self._usage = event.usage
            case Begin():
                out = self._delta(0, b'"content":', "")
            case Failure():
                out = self._fail(event)
            case PartEvent():
                self._losses.note(f"choices[{event.choice}].parts", "no chunk has a place for this part", "high")
        return out

    def close(self) -> bytes:
        """The tokens, if asked for, and the terminator."""
        return b"" if self._failed else self._tokens() + DONE

    def _text(self, choice: int, key: bytes, text: str) -> bytes:
        return self._delta(choice, key, text) if text else b""

    def _delta(self, choice: int, key: bytes, value: Any) -> bytes:
        role = b"" if choice in self._seen else b'"role":"assistant",'
        self._seen.add(choice)
        return self._line(choice, b"{" + role + key + encode(value) + b"}", b"null")

    def _line(self, choice: int, delta: bytes, finish: bytes) -> bytes:
        return b'%s{"index":%d,"delta":%s,"finish_reason":%s}]}\n\n' % (self._head, choice, delta, finish)

    def _tokens(self) -> bytes:
        if self._usage is None or not self._wants_usage:
            return b""
        return self._head + b'],"usage":' + encode(write_usage(self._usage)) + b"}\n\n"

    def _fail(self, event: Failure) -> bytes:
        told = {"error": {"message": event.message, "type": "server_error", "param": None, "code": event.code}}
        self._failed = True
        return self._tokens() + b"data: " + encode(told) + b"\n\n"


def _call(event: ToolCallDelta) -> dict[str, Any]:
    function: dict[str, Any] = {"name": event.name} if event.name else {}
    function["arguments"] = event.arguments
    out: dict[str, Any] = {"index": event.index}
    if event.id or event.name:
        out.update(id=event.id, type="function")
    out["function"] = function
    return out


class OpenAIChatRelay:
    """Passes a stream's bytes on untouched and reads it beside them.

    Without `usage`, a chunk that holds nothing but the tokens is left out: the client did not ask for it. To know it,
    bytes are then held back to the end of their event.
    """

    def __init__(self, *, usage: bool) -> None:
        self._reader = OpenAIChatReader()
        self._usage = usage
        self._held = b""

    def feed(self, chunk: bytes) -> tuple[bytes, list[Event]]:
        """The bytes to pass on, and the events that are complete with this chunk."""
        events = self._reader.feed(chunk)
        if self._usage:
            return chunk, events
        blocks = _EVENT_END.split(self._held + chunk)
        self._held = blocks.pop()
        if len(self._held) > LIMIT:  # no event is that long: the reader has said so
            blocks += [self._held, b""]
            self._held = b""
        kept = (b"" if _only_usage(blocks[i]) else blocks[i] + blocks[i + 1] for i in range(0, len(blocks), 2))
        return b"".join(kept), events

    def close(self) -> tuple[bytes, list[Event]]:
        """What was held back, and the last events."""
        held, self._held = self._held, b""
        return b"" if _only_usage(held) else held, self._reader.close()


_EVENT_END = re.compile(rb"(\r\n\r\n|\n\n|\r\r(?!\n))")


def _only_usage(block: bytes) -> bool:
    """Is this event the chunk that tells the tokens and nothing else?"""
    if b'"usage"' not in block or b'"prompt_tokens"' not in block:
        return False
    found = SSE().feed(block + b"\n\n")
    try:
        chunk = _CHUNK.decode(found[0][1]) if found else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return chunk is not None and chunk.choices == [] and chunk.error is None and read_usage(chunk.usage) is not None
