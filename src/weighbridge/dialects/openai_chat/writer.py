"""OpenAI Chat: streams as they are written, chunk by chunk."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import (
    Begin,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
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
from weighbridge.dialects.openai_chat.calls import put_seal
from weighbridge.dialects.openai_chat.marks import write_citation, write_logprobs
from weighbridge.dialects.openai_chat.media import is_sound, write_audio, write_image
from weighbridge.dialects.openai_chat.outgoing import EXTRAS, NAME
from weighbridge.dialects.openai_chat.reasoning import write_details
from weighbridge.dialects.openai_chat.reply import encode
from weighbridge.dialects.openai_chat.usage import told_finish, write_usage

DONE = b"data: [DONE]\n\n"


class _Told:
    """What was told of one choice. `base`: characters before the latest run of text; `piece`: of thinking, its number."""

    __slots__ = ("base", "begun", "calls", "count", "in_text", "index", "piece", "said", "spoke", "thought")

    def __init__(self, index: int) -> None:
        self.index = index
        self.begun = False
        self.said = 0
        self.base = 0
        self.in_text = False
        self.piece = 0
        self.thought = False
        self.spoke = False
        self.count = 0
        self.calls: dict[int, int] = {}


class OpenAIChatWriter:
    """Writes a stream. The tokens come once, before the terminator, and only if they were asked for.

    Args:
        id: The answer's.
        model: What the answer is said to come from.
        created: When, in seconds since 1970.
        usage: Were the tokens asked for?
        legacy: The client speaks of functions, not of tools, and knows one call at a time.
    """

    def __init__(self, *, id: str, model: str, created: int, usage: bool, legacy: bool = False) -> None:  # noqa: A002 - the wire's word
        head = encode({"id": id, "object": "chat.completion.chunk", "created": created, "model": model})
        self._head = b"data: " + head[:-1] + b',"choices":['
        self._wants_usage = usage
        self._legacy = legacy
        self._usage: Usage | None = None
        self._failed = False
        self._choices: dict[int, _Told] = {}
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
                out = self._text(event)
            case ToolCallDelta():
                out = self._call(event, self._told(event.choice))
            case ReasoningDelta():
                out = self._reasoning(event, self._told(event.choice))
            case RefusalDelta():
                out = self._delta(self._told(event.choice), b'"refusal":', event.text) if event.text else b""
            case Finish():
                out = self._finish(event)
            case UsageEvent():
                self._usage = event.usage
            case Begin():
                out = self._delta(self._told(0), b'"content":', "")
            case Failure():
                out = self._fail(event)
            case PartEvent() | CitationEvent() | LogprobsEvent():
                out = self._rare(event, self._told(event.choice))
        return out

    def close(self) -> bytes:
        """The tokens, if asked for, and the terminator."""
        return b"" if self._failed else self._tokens() + DONE

    def _text(self, event: TextDelta) -> bytes:
        text = event.text
        if not text:
            return b""
        told = self._choices.get(event.choice) or self._told(event.choice)
        if event.new or not told.in_text:
            told.base = told.said
            told.in_text = True
        told.said += len(text)
        return self._delta(told, b'"content":', text)

    def _reasoning(self, event: ReasoningDelta, told: _Told) -> bytes:
        if not event.text and event.blob is None:
            return b""
        told.in_text = False
        if event.new and told.thought:
            told.piece += 1
        told.thought = True
        details: list[dict[str, Any]] = []
        if event.text and told.piece:  # that it is a further piece can be told in the details alone
            details.append({"type": "reasoning.text", "text": event.text, "index": told.piece})
        if event.blob is not None:
            details += write_details((event.blob,), "", told.piece)
        if not details:
            return self._delta(told, b'"reasoning_content":', event.text)
        key = b'"reasoning_content":' + encode(event.text) + b"," if event.text else b""
        return self._delta(told, key + b'"reasoning_details":', details)

    def _call(self, event: ToolCallDelta, told: _Told) -> bytes:
        told.in_text = False
        index = told.calls.get(event.index)
        if index is None:
            index = told.calls[event.index] = told.count
            told.count += 1
        function: dict[str, Any] = {"name": event.name} if event.name else {}
        function["arguments"] = event.arguments
        if self._legacy:
            if index:
                why = "who knows functions only gets one call at a time"
                self._losses.note(f"choices[{told.index}].tool_calls", why, "high")
                return b""
            return self._delta(told, b'"function_call":', function)
        out: dict[str, Any] = {"index": index}
        if event.id or event.name:
            out.update(id=event.id, type="function")
        out["function"] = function
        if event.blob is not None and event.blob.kind in ("signature", ""):
            put_seal(out, event.blob.data)
        return self._delta(told, b'"tool_calls":', [out])

    def _rare(self, event: PartEvent | CitationEvent | LogprobsEvent, told: _Told) -> bytes:
        match event:
            case CitationEvent(citation=citation):
                self._losses.foreign(citation.extra, f"choices[{told.index}].citations")
                cited = [write_citation(citation, told.base, told.said - told.base)]
                return self._delta(told, b'"annotations":', cited)
            case LogprobsEvent():
                return self._line(told.index, b"{}", b"null", b',"logprobs":' + encode(write_logprobs(event.tokens)))
            case PartEvent():
                told.in_text = False
                return self._part(event.part, told)

    def _part(self, part: ImagePart | FilePart | OpaquePart, told: _Told) -> bytes:
        match part:
            case ImagePart() if (shown := write_image(part)) is not None:
                return self._delta(told, b'"images":', [shown])
            case FilePart() if is_sound(part) and not told.spoke:  # a second one would grow onto the first
                told.spoke = True
                return self._delta(told, b'"audio":', write_audio(part, ""))
            case OpaquePart(dialect=dialect, data=data) if dialect == NAME and "tool_call" in data:
                told.count += 1
                return self._delta(told, b'"tool_calls":', [{"index": told.count - 1, **data["tool_call"]}])
            case OpaquePart(dialect=dialect, data=data) if dialect == NAME and "part" in data:
                return self._delta(told, b'"content":', [data["part"]])
        why = f"{NAME} has no place in a stream for such a part"
        self._losses.note(f"choices[{told.index}].parts", why, "high")
        return b""

    def _finish(self, event: Finish) -> bytes:
        reason = told_finish(event.reason, f"choices[{event.choice}]", self._losses, legacy=self._legacy)
        return self._line(event.choice, b"{}", encode(reason))

    def _told(self, choice: int) -> _Told:
        found = self._choices.get(choice)
        if found is None:
            found = self._choices[choice] = _Told(choice)
        return found

    def _delta(self, told: _Told, key: bytes, value: Any) -> bytes:
        role = b"" if told.begun else b'"role":"assistant",'
        told.begun = True
        return self._line(told.index, b"{" + role + key + encode(value) + b"}", b"null")

    def _line(self, choice: int, delta: bytes, finish: bytes, more: bytes = b"") -> bytes:
        return b'%s{"index":%d,"delta":%s,"finish_reason":%s%s}]}\n\n' % (self._head, choice, delta, finish, more)

    def _tokens(self) -> bytes:
        if self._usage is None or not self._wants_usage:
            return b""
        return self._head + b'],"usage":' + encode(write_usage(self._usage)) + b"}\n\n"

    def _fail(self, event: Failure) -> bytes:
        told = {"error": {"message": event.message, "type": "server_error", "param": None, "code": event.code}}
        self._failed = True
        return self._tokens() + b"data: " + encode(told) + b"\n\n"
