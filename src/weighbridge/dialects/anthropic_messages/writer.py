"""Anthropic Messages: writing streams.

One block is open at a time. Where an answer has several parts under way (tool calls whose arguments come by turns),
the first is written as it comes and the others wait until it is whole.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from weighbridge.canon import (
    Begin,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    FinishReason,
    ImagePart,
    LogprobsEvent,
    Loss,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    RefusalDelta,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.anthropic_messages.blocks import is_signature
from weighbridge.dialects.anthropic_messages.citations import write_citation
from weighbridge.dialects.anthropic_messages.common import EXTRAS, NAME, encode
from weighbridge.dialects.anthropic_messages.errors import stream_error
from weighbridge.dialects.anthropic_messages.frames import Block, delta_bytes, event_bytes, is_object
from weighbridge.dialects.anthropic_messages.reply import no_usage, stop_reason, write_usage

_PLACE = "choices[0]"


class AnthropicWriter:
    """Writes a stream. The head waits for the first part, so that it tells the tokens where they are known by then."""

    def __init__(self, *, id: str, model: str) -> None:  # noqa: A002 - the wire's word
        self._id = id
        self._model = model
        self._begun = False
        self._failed = False
        self._usage: Usage | None = None
        self._finish: FinishReason | None = None
        self._refused = False
        self._count = 0
        self._queue: deque[Block] = deque()
        self._tail: Block | None = None
        self._text_block: Block | None = None
        self._calls: dict[int, Block] = {}
        self._losses = EXTRAS.losses()

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be written so far."""
        return self._losses.all()

    def write(self, event: Event) -> bytes:
        """The bytes of one event."""
        if self._failed:
            return b""
        if not isinstance(event, (Begin, UsageEvent, Failure)) and event.choice:
            self._losses.note("choices", f"{NAME} gives one answer: only the first is written", "high")
            return b""
        match event:
            case TextDelta():
                tail = self._tail
                if tail is not None and tail.kind == "text" and not event.new and self._queue[0] is tail and event.text:
                    return delta_bytes(tail.index, b"text_delta", b"text", event.text)
                self._text(event)
            case ToolCallDelta():
                self._call(event)
            case ReasoningDelta():
                self._reasoning(event)
            case RefusalDelta() | PartEvent() | CitationEvent() | LogprobsEvent():
                self._rare(event)
            case _:
                return self._other(event)
        return self._flush()

    def _other(self, event: Begin | UsageEvent | Finish | Failure) -> bytes:
        """What is no part of the answer."""
        match event:
            case UsageEvent():
                self._usage = event.usage
            case Finish():
                self._finish = self._finish or event.reason
                return self._start() + self._flush(everything=True)
            case Failure():
                self._failed = True
                return self._flush(everything=True) + event_bytes("error", stream_error(event))
            case Begin():
                pass
        return b""

    def close(self) -> bytes:
        """Why the answer ended, its tokens, and the end."""
        if self._failed:
            return b""
        out = self._start() + self._flush(everything=True)
        finish = self._finish or "stop"
        reason = stop_reason(finish, self._losses, calls=bool(self._calls), refused=self._refused)
        told = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": no_usage(self._losses) if self._usage is None else write_usage(self._usage),
        }
        return out + event_bytes("message_delta", told) + event_bytes("message_stop", {"type": "message_stop"})

    def _start(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message: dict[str, Any] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage or Usage()),
        }
        return event_bytes("message_start", {"type": "message_start", "message": message})

    def _flush(self, *, everything: bool = False) -> bytes:
        """What can be written by now; with `everything`, all that waits, and every block is closed."""
        out: list[bytes] = []
        while self._queue:
            block = self._queue[0]
            if not block.started and everything:
                self._begin_call(block)
            out += block.buffer
            block.buffer = []
            if not (everything or block.shut or (len(self._queue) > 1 and block.whole)):
                break
            self._queue.popleft()
            block.stopped = True
            if block is self._tail:
                self._tail = None
            out.append(event_bytes("content_block_stop", {"type": "content_block_stop", "index": block.index}))
            self._check(block)
        return self._start() + b"".join(out) if out else b""

    def _check(self, block: Block) -> None:
        text = "".join(block.pieces)
        if block.kind == "call" and text.strip() and not is_object(text):
            self._losses.note(f"{_PLACE}.tool_calls", "the arguments are no JSON object; they are written as they are")

    def _open(self, kind: str, block: dict[str, Any] | None = None) -> Block:
        found = Block(kind, self._count)
        self._count += 1
        self._queue.append(found)
        self._tail = found
        if block is not None:
            found.start(block)
        return found

    def _text(self, event: TextDelta | RefusalDelta, kind: str = "text") -> None:
        if not event.text:
            return
        tail = self._tail
        if tail is None or tail.kind != kind or (isinstance(event, TextDelta) and event.new):
            tail = self._open(kind, {"type": "text", "text": ""})
            self._text_block = tail
        tail.delta(b"text_delta", b"text", event.text)

    def _reasoning(self, event: ReasoningDelta) -> None:
        tail = self._tail
        if tail is not None and (tail.kind != "thinking" or event.new):
            tail = None
        if event.text:
            tail = tail or self._thinking()
            tail.delta(b"thinking_delta", b"thinking", event.text)
        blob = event.blob
        if blob is None:
            return
        if is_signature(blob) or (blob.kind == "encrypted" and tail is not None):
            tail = tail or self._thinking()
            tail.delta(b"signature_delta", b"signature", blob.data)
            tail.shut = True
        else:
            self._open("whole", {"type": "redacted_thinking", "data": blob.data}).shut = True

    def _thinking(self) -> Block:
        return self._open("thinking", {"type": "thinking", "thinking": "", "signature": ""})

    def _call(self, event: ToolCallDelta) -> None:
        block = self._calls.get(event.index)
        if block is None:
            block = self._calls[event.index] = self._open("call")
        block.id = block.id or event.id
        block.name = block.name or event.name
        if block.stopped:
            if event.arguments.strip():
                self._losses.note(f"{_PLACE}.tool_calls", "more came for a call that was whole")
            return
        if event.arguments:
            block.pieces.append(event.arguments)
        if block.started:
            if event.arguments:
                block.delta(b"input_json_delta", b"partial_json", event.arguments)
        elif block.id and block.name:
            self._begin_call(block)

    @staticmethod
    def _begin_call(block: Block) -> None:
        call_id = block.id or f"call_{block.index}"
        block.start({"type": "tool_use", "id": call_id, "name": block.name, "input": {}})
        if block.pieces:
            block.delta(b"input_json_delta", b"partial_json", "".join(block.pieces))

    def _rare(self, event: RefusalDelta | PartEvent | CitationEvent | LogprobsEvent) -> None:
        match event:
            case RefusalDelta():
                if event.text:
                    self._refused = True
                    self._losses.note(f"{_PLACE}.refusal", f"{NAME} tells a refusal as text", "low")
                    self._text(event, "refusal")
            case PartEvent():
                self._part(event.part)
            case CitationEvent():
                self._cite(event)
            case LogprobsEvent():
                self._losses.note(f"{_PLACE}.logprobs", f"{NAME} has no place for them", "medium")

    def _part(self, part: ImagePart | FilePart | OpaquePart) -> None:
        if not isinstance(part, OpaquePart) or part.dialect != NAME:
            self._losses.note(f"{_PLACE}.parts", f"an answer of {NAME} has no place for this part", "high")
            return
        given = part.data.get("input")
        if type(given) is dict and given:
            block = self._open("whole", {**part.data, "input": {}})
            block.delta(b"input_json_delta", b"partial_json", encode(given).decode())
        else:
            block = self._open("whole", part.data)
        block.shut = True

    def _cite(self, event: CitationEvent) -> None:
        block = self._text_block
        if block is None or block.stopped:
            self._losses.note(f"{_PLACE}.citations", "a citation came when its text was closed", "low")
            return
        written = write_citation(event.citation, _PLACE, self._losses)
        if written is not None:
            block.delta(b"citations_delta", b"citation", written)
