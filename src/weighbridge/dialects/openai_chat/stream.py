"""OpenAI Chat: streams as they are read, chunk by chunk."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import (
    Begin,
    CitationEvent,
    Event,
    Finish,
    FinishReason,
    LogprobsEvent,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.openai_chat.calls import made_id
from weighbridge.dialects.openai_chat.marks import read_citation, read_logprobs
from weighbridge.dialects.openai_chat.media import Sound, read_image
from weighbridge.dialects.openai_chat.outgoing import NAME
from weighbridge.dialects.openai_chat.reasoning import item_blobs, item_text
from weighbridge.dialects.openai_chat.stream_calls import Calls
from weighbridge.dialects.openai_chat.usage import finish_reason, read_usage
from weighbridge.dialects.reading import EventReader, Found
from weighbridge.dialects.upstream_errors import from_stream
from weighbridge.errors import BrokenAnswerError

MOST_CHOICES = 1024


class _Delta(Struct, gc=False):
    content: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    reasoning_details: Any = None
    refusal: Any = None
    tool_calls: Any = None
    function_call: Any = None
    annotations: Any = None
    images: Any = None
    audio: Any = None


class _Choice(Struct, gc=False):
    index: int | None = 0
    delta: _Delta | None = None
    finish_reason: Any = None
    logprobs: Any = None
    usage: Any = None


class Chunk(Struct, gc=False):
    """What is read of a chunk; fields that are not listed are skipped without being built."""

    id: Any = ""
    model: Any = ""
    created: Any = 0
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None
    object: Any = None


decode_chunk = msgspec.json.Decoder(Chunk).decode


class _Progress:
    """What is known of one choice.

    `said` counts its characters of text, `base` those before the latest run of text: citations count from the start of
    the message, and in the canon from the start of their part. `piece` is the index of the latest piece of thinking.
    """

    __slots__ = ("base", "calls", "index", "piece", "reason", "said", "sound")

    def __init__(self, index: int) -> None:
        self.index = index
        self.calls: Calls | None = None
        self.sound: Sound | None = None
        self.reason: FinishReason | None = None
        self.said = 0
        self.base = 0
        self.piece: Any = None

    def goes_on(self, item: Any) -> bool:
        """Does this item of the thinking's details begin a further piece?"""
        piece = item.get("index") if type(item) is dict else None
        before = self.piece
        if type(piece) is not int or piece == before:
            return False
        self.piece = piece
        return before is not None or piece != 0

    def end(self, told: Any, events: list[Event]) -> None:
        """Tell what was held back, and why the choice ended."""
        self.flush(events)
        self.reason = finish_reason(told, calls=self.calls is not None)
        events.append(Finish(self.reason, self.index))

    def flush(self, events: list[Event]) -> None:
        """Tell what was held back until it was whole."""
        if self.calls is not None:
            self.calls.flush(events)
        if self.sound is not None and (part := self.sound.part()) is not None:
            events.append(PartEvent(part, self.index))


class OpenAIChatReader(EventReader):
    """Reads a stream. It is whole when `[DONE]` has come, or when every choice has told why it ended."""

    def __init__(self) -> None:
        super().__init__()
        self._choices: dict[int, _Progress] = {}
        self._begin: Begin | None = None
        self._usage: Usage | None = None

    def _ended(self, events: list[Event]) -> list[Event]:
        if not (self._choices and all(c.reason is not None for c in self._choices.values())):
            return events + self._cut_off()
        self._over = True
        return events

    def _read(self, found: Found) -> list[Event]:
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
            chunk = decode_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events += self._unreadable(data)
            return
        if self._begin is None and (chunk.choices or chunk.id or chunk.model):
            created = chunk.created if type(chunk.created) is int else 0
            self._begin = Begin(_text(chunk.id), _text(chunk.model), created)
            events.append(self._begin)
        for choice in chunk.choices or ():
            if not self._choice(choice, events):
                return
        usage = chunk.usage
        if usage is None and type(chunk.x_groq) is dict:
            usage = chunk.x_groq.get("usage")
        if usage is not None:
            self._tokens(usage, events)
        if chunk.error is not None or chunk.object == "error":
            events += self._told_error(data)

    def _tokens(self, usage: Any, events: list[Event]) -> None:
        if (read := read_usage(usage)) is not None and read != self._usage:
            self._usage = read
            events.append(UsageEvent(read))

    def _choice(self, choice: _Choice, events: list[Event]) -> bool:
        index = choice.index or 0
        known = self._choices.get(index)
        if known is None:
            if not 0 <= index < MOST_CHOICES:
                events += self._fail(f"The stream speaks of choice {index}.")
                return False
            known = self._choices[index] = _Progress(index)
        delta = choice.delta
        if delta is not None and known.reason is None:
            self._delta(delta, known, events)
        if choice.logprobs is not None and (tokens := read_logprobs(choice.logprobs)):
            events.append(LogprobsEvent(tokens, index))
        if choice.finish_reason and known.reason is None:
            known.end(choice.finish_reason, events)
            if choice.usage is not None:  # some hosts tell the tokens here
                self._tokens(choice.usage, events)
        return True

    def _delta(self, delta: _Delta, known: _Progress, events: list[Event]) -> None:
        if delta.reasoning_content or delta.reasoning or delta.reasoning_details:
            _thinking(delta, known, events)
        content = delta.content
        if type(content) is str:
            if content:
                known.said += len(content)
                events.append(TextDelta(content, known.index))
        elif content is not None:
            _parts(content, known, events)
        if delta.tool_calls or delta.refusal or delta.function_call:
            self._asked(delta, known, events)
        if delta.annotations or delta.images or delta.audio:
            _shown(delta, known, events)

    def _asked(self, delta: _Delta, known: _Progress, events: list[Event]) -> None:
        """Refusals and tool calls, which are rarer than text."""
        if delta.refusal and type(delta.refusal) is str:
            events.append(RefusalDelta(delta.refusal, known.index))
        begin = self._begin or Begin()
        seed = (begin.id, begin.created)
        calls = delta.tool_calls if type(delta.tool_calls) is list else []
        if not calls and type(delta.function_call) is dict:  # as functions were once told: one, and without an id
            if known.calls is None and not _text(delta.function_call.get("name")):
                return
            calls = [{"index": 0, "id": made_id(*seed, known.index), "function": delta.function_call}]
        if calls:
            known.calls = known.calls or Calls(known.index, seed)
            known.base = known.said
            for raw in calls:
                known.calls.read(raw, events)

    def _done(self) -> list[Event]:
        if not self._choices:
            return self._fail("The stream ended without an answer.")
        self._over = True
        events: list[Event] = []
        for _, known in sorted(self._choices.items()):
            if known.reason is None:
                known.end(None, events)
        return events

    def _told_error(self, data: bytes) -> list[Event]:
        try:
            value = msgspec.json.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = data[:400].decode("utf-8", "replace")
        inner = value.get("error") if type(value) is dict else None
        error = from_stream(inner if inner is not None else value)
        return self._fail(error.what, error.code)

    def _fail(self, message: str, code: str = BrokenAnswerError.code) -> list[Event]:
        events: list[Event] = []
        for _, known in sorted(self._choices.items()):
            if known.reason is None:
                known.flush(events)
        return events + super()._fail(message, code)


def _thinking(delta: _Delta, known: _Progress, events: list[Event]) -> None:
    """Thinking and its seals. Some hosts tell the text twice, and some in the details only."""
    known.base = known.said
    items: list[Any] = delta.reasoning_details if type(delta.reasoning_details) is list else []
    text = next((t for t in (delta.reasoning_content, delta.reasoning) if t and type(t) is str), "")
    if text and (not items or text != "".join(map(item_text, items))):
        events.append(ReasoningDelta(text, None, known.index, bool(items) and known.goes_on(items[0])))
        known.piece = known.piece or 0
        items = [{**item, "text": "", "summary": ""} for item in items if type(item) is dict]
    for item in items:
        told, sealed = item_text(item), item_blobs(item)
        new = bool(told or sealed) and known.goes_on(item)
        if told:
            events.append(ReasoningDelta(told, None, known.index, new))
        new = new and not told
        events += [ReasoningDelta("", blob, known.index, new and i == 0) for i, blob in enumerate(sealed)]


def _shown(delta: _Delta, known: _Progress, events: list[Event]) -> None:
    """Citations, images and sounds."""
    for raw in delta.annotations if type(delta.annotations) is list else ():
        if (citation := read_citation(raw)) is not None:
            if citation.start is not None and citation.end is not None:
                inside = citation.start >= known.base
                start, end = (citation.start - known.base, citation.end - known.base) if inside else (None, None)
                citation = replace(citation, start=start, end=end)
            events.append(CitationEvent(citation, known.index))
    for raw in delta.images if type(delta.images) is list else ():
        if (image := read_image(raw)) is not None:
            known.base = known.said
            events.append(PartEvent(replace(image, extra={}), known.index))
    if delta.audio:
        known.sound = known.sound or Sound()
        if text := known.sound.add(delta.audio):
            known.said += len(text)
            events.append(TextDelta(text, known.index))


def _parts(content: Any, known: _Progress, events: list[Event]) -> None:
    """Content as a list of parts, as Mistral streams its thinking."""
    for part in content if type(content) is list else ():
        if type(part) is not dict:
            continue
        steps = part.get("thinking")
        text = _text(part.get("text"))
        if text:
            known.said += len(text)
            events.append(TextDelta(text, known.index))
        elif type(steps) is list:
            known.base = known.said
            texts = [_text(s.get("text")) for s in steps if type(s) is dict]
            events += [ReasoningDelta(text, None, known.index) for text in texts if text]
        elif _text(part.get("type")) not in ("", "text"):
            known.base = known.said
            events.append(PartEvent(OpaquePart(NAME, {"part": part}), known.index))


def _text(value: Any) -> str:
    return value if type(value) is str else ""
