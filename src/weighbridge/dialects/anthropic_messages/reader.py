"""Anthropic Messages: reading streams."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import (
    Begin,
    Blob,
    CitationEvent,
    Event,
    Finish,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    UsageEvent,
)
from weighbridge.dialects.anthropic_messages.citations import read_citation
from weighbridge.dialects.anthropic_messages.common import NAME, as_json_text
from weighbridge.dialects.anthropic_messages.events import EVENT, Block, Delta, StreamEvent, as_object, as_text, whole
from weighbridge.dialects.anthropic_messages.reply import finish_reason, read_usage
from weighbridge.dialects.reading import EventReader, Found
from weighbridge.dialects.sse import LIMIT
from weighbridge.dialects.upstream_errors import from_stream

MOST_BLOCKS = 4096


class AnthropicReader(EventReader):
    """Reads a stream. It is whole when `message_stop` has come, or a reason why the answer ended."""

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[int, Block] = {}
        self._count = 0
        self._calls = 0
        self._last = ""  #: the kind of the latest part
        self._begun = False
        self._finished = False
        self._id = ""
        self._usage: dict[str, Any] = {}

    def _ended(self, events: list[Event]) -> list[Event]:
        if not self._finished:
            return events + self._cut_off()
        self._over = True
        return events

    def _read(self, found: Found) -> list[Event]:
        events: list[Event] = []
        for name, data in found:
            if self._over:
                break
            if data:
                self._event(name, data, events)
        return events

    def _event(self, name: str, data: bytes, events: list[Event]) -> None:
        try:
            event = EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            events += self._unreadable(data)
            return
        match event.type or name:
            case "content_block_delta":
                self._grow(event, data, events)
            case "content_block_start":
                self._open(event, events)
            case "content_block_stop":
                self._close(event.index, events)
            case "message_start":
                self._start(event.message, events)
            case "message_delta":
                self._finish(event, events)
            case "message_stop":
                self._end(events)
            case "error":
                events += self._told_error(data)
            case _:
                pass

    def _start(self, message: Any, events: list[Event]) -> None:
        if self._begun:
            return
        self._begun = True
        message = message if type(message) is dict else {}
        self._id = as_text(message.get("id"))
        events.append(Begin(self._id, as_text(message.get("model"))))
        self._count_tokens(message.get("usage"), events)

    def _count_tokens(self, raw: Any, events: list[Event]) -> None:
        """The end's figures count over the start's, where they are told."""
        if type(raw) is not dict:
            return
        self._usage |= {key: value for key, value in raw.items() if value is not None}
        usage = read_usage(self._usage)
        if usage is not None:
            events.append(UsageEvent(usage))

    def _open(self, event: StreamEvent, events: list[Event]) -> None:
        raw, index = event.content_block, event.index
        if type(raw) is not dict or type(index) is not int or self._finished:
            return
        if not self._begun:
            self._start(None, events)
        self._close(index, events)
        self._count += 1
        if self._count > MOST_BLOCKS:
            events += self._fail(f"The answer has more than {MOST_BLOCKS} blocks.")
            return
        block = self._blocks[index] = Block(as_text(raw.get("type")), raw)
        match block.kind:
            case "text":
                cited = raw.get("citations")
                block.citations += [c for c in cited if type(c) is dict] if type(cited) is list else []
                self._text(block, as_text(raw.get("text")), events)
            case "thinking":
                self._thinking(block, as_text(raw.get("thinking")), events)
                block.pieces.append(as_text(raw.get("signature")))
            case "tool_use":
                block.call, self._calls = self._calls, self._calls + 1
                call_id = as_text(raw.get("id")) or f"call_{self._id}_{block.call}"
                events.append(ToolCallDelta(block.call, call_id, as_text(raw.get("name"))))
                self._last = "tool_use"

    def _grow(self, event: StreamEvent, data: bytes, events: list[Event]) -> None:
        block = self._blocks.get(event.index) if type(event.index) is int else None
        delta = event.delta
        if block is None or delta is None or self._finished:
            return
        match block.kind:
            case "text":
                if delta.text and type(delta.text) is str:
                    self._text(block, delta.text, events)
                elif type(delta.citation) is dict:
                    self._cite(block, delta.citation, events)
            case "thinking":
                self._thinking(block, as_text(delta.thinking), events)
                if delta.signature and type(delta.signature) is str:
                    block.pieces = [delta.signature]
            case "tool_use":
                if delta.partial_json and type(delta.partial_json) is str:
                    block.said = True
                    events.append(ToolCallDelta(block.call, arguments=delta.partial_json))
            case _:
                self._keep(block, delta, data, events)

    def _keep(self, block: Block, delta: Delta, data: bytes, events: list[Event]) -> None:
        """A delta of a block that is kept whole."""
        block.size += len(data)
        if block.size > LIMIT:
            events += self._fail(f"A block of the answer is larger than {LIMIT / 1e6:g} MB.")
        elif delta.type == "input_json_delta":
            block.pieces.append(as_text(delta.partial_json))
        else:
            block.grown.append(as_object(as_object(data).get("delta")))

    def _text(self, block: Block, text: str, events: list[Event]) -> None:
        if not text:
            return
        events.append(TextDelta(text, new=self._is_new(block, "text")))
        events += [CitationEvent(read_citation(citation)) for citation in block.citations]
        block.citations = []

    def _cite(self, block: Block, citation: dict[str, Any], events: list[Event]) -> None:
        """Where a text is from is told before the text itself: it waits for it."""
        if block.said:
            events.append(CitationEvent(read_citation(citation)))
        elif len(block.citations) < MOST_BLOCKS:
            block.citations.append(citation)

    def _thinking(self, block: Block, text: str, events: list[Event]) -> None:
        if text:
            events.append(ReasoningDelta(text, new=self._is_new(block, "thinking")))

    def _is_new(self, block: Block, kind: str) -> bool:
        """Does another part begin, though the one before was of this kind?"""
        new = not block.said and self._last == kind
        block.said = True
        self._last = kind
        return new

    def _close(self, index: Any, events: list[Event]) -> None:
        block = self._blocks.pop(index, None) if type(index) is int else None
        if block is None:
            return
        match block.kind:
            case "text":
                pass
            case "thinking":
                if seal := "".join(block.pieces):
                    events.append(
                        ReasoningDelta("", Blob(NAME, seal, "signature"), new=self._is_new(block, "thinking"))
                    )
            case "redacted_thinking" if data := as_text(block.raw.get("data")):
                events.append(ReasoningDelta("", Blob(NAME, data, "redacted"), new=self._is_new(block, "thinking")))
            case "tool_use":
                if not block.said:
                    given = block.raw.get("input")
                    events.append(ToolCallDelta(block.call, arguments=as_json_text(given) if given else "{}"))
            case _:
                events.append(PartEvent(OpaquePart(NAME, whole(block))))
                self._last = "part"

    def _finish(self, event: StreamEvent, events: list[Event]) -> None:
        if not self._begun:
            self._start(None, events)
        self._count_tokens(event.usage, events)
        if event.delta is not None and event.delta.stop_reason is not None and not self._finished:
            for index in list(self._blocks):
                self._close(index, events)
            self._finished = True
            events.append(Finish(finish_reason(event.delta.stop_reason, calls=self._calls > 0)))

    def _end(self, events: list[Event]) -> None:
        if not self._finished and not self._count:
            events += self._fail("The stream ended without an answer.")
            return
        if not self._finished:
            for index in list(self._blocks):
                self._close(index, events)
            events.append(Finish(finish_reason(None, calls=self._calls > 0)))
        self._finished = self._over = True

    def _told_error(self, data: bytes) -> list[Event]:
        value = as_object(data)
        error = from_stream(value.get("error", value))
        return self._fail(error.what, error.code)
