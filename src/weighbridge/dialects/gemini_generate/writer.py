"""Gemini: writing streams. A tool call goes out whole, and why an answer ended is told last, with the tokens."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import (
    Begin,
    Blob,
    Citation,
    CitationEvent,
    Event,
    Failure,
    Finish,
    FinishReason,
    Logprob,
    LogprobsEvent,
    Loss,
    Part,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects import sse
from weighbridge.dialects.gemini_generate.errors import told
from weighbridge.dialects.gemini_generate.form import EXTRAS, NAME
from weighbridge.dialects.gemini_generate.grounding import Grounding
from weighbridge.dialects.gemini_generate.said import PartWriter
from weighbridge.dialects.gemini_generate.told import finish_word, stamp_of, write_logprobs, write_usage

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode


class _Call:
    """A call while its arguments come."""

    __slots__ = ("_checked", "blobs", "id", "name", "pieces")

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []
        self.blobs: list[Blob] = []
        self._checked = 0

    def part(self) -> ToolCallPart:
        return ToolCallPart(self.id, self.name, "".join(self.pieces), blobs=tuple(self.blobs))

    def is_whole(self) -> bool:
        """Are the arguments a JSON object by now? Where there are none yet, some may come."""
        if self._checked == len(self.pieces):
            return False
        self._checked = len(self.pieces)
        try:
            return type(_DECODE("".join(self.pieces))) is dict
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return False


class _Choice:
    """One choice while it is written. `waiting`: calls that are not whole yet, and what came after them."""

    __slots__ = ("calls", "cited", "finish", "grounding", "in_text", "logprobs", "ordinal", "size", "texts", "waiting")

    def __init__(self) -> None:
        self.waiting: list[_Call | Part | Citation] = []
        self.calls: dict[int, _Call | None] = {}
        self.in_text = False  #: the latest part is a text without a seal
        self.texts: list[str] = []  #: of the latest text part
        self.size = 0  #: bytes of text before it
        self.ordinal = -1  #: its number among the text parts
        self.cited: list[Citation] = []  #: of the latest text part
        self.grounding = Grounding()
        self.logprobs: list[Logprob] = []
        self.finish: FinishReason | None = None

    def ground(self) -> bool:
        """Add the citations of the latest text part to all those before. Were there any?"""
        text = "".join(self.texts)
        found = bool(self.cited)
        for citation in self.cited:
            placed = citation.start is not None or citation.end is not None
            self.grounding.add(citation, text, part=0 if placed else max(self.ordinal, 0), before=self.size)
        self.cited = []
        return found

    def begin_text(self) -> None:
        """A further text part begins."""
        self.size += sum(len(text.encode()) for text in self.texts)
        self.texts = []
        self.ordinal += 1


class GeminiWriter:
    """Writes a stream as server-sent events; see `AsArray` for the other form.

    Args:
        id: The answer's id.
        model: What the engine calls itself.
        created: Seconds since 1970; 0 is not told.
        usage: Tell the tokens.
    """

    def __init__(self, *, id: str, model: str, created: int, usage: bool) -> None:  # noqa: A002 - the wire's word
        head = {"modelVersion": model, "responseId": id, "createTime": stamp_of(created)}
        self._head = {key: value for key, value in head.items() if value}
        self._tail = b"," + _ENCODE(self._head)[1:] if self._head else b"}"
        self._wants_usage = usage
        self._usage: Usage | None = None
        self._failed = False
        self._choices: dict[int, _Choice] = {}
        self._losses = EXTRAS.losses()
        self._wire = PartWriter(self._losses, reply=True)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be written so far."""
        return self._losses.all()

    def write(self, event: Event) -> bytes:
        """The bytes of one event; none for what is told later."""
        match event:
            case TextDelta():
                return self._text(event)
            case ToolCallDelta():
                return self._call(event)
            case ReasoningDelta():
                blobs = () if event.blob is None else (event.blob,)
                return self._add(ReasoningPart(event.text, blobs), event.choice) if event.text or blobs else b""
            case RefusalDelta() | PartEvent() | CitationEvent() | LogprobsEvent():
                return self._rare(event)
            case Begin() | Finish() | UsageEvent() | Failure():
                return self._mark(event)

    def _mark(self, event: Begin | Finish | UsageEvent | Failure) -> bytes:
        """What says where the answer stands: most of it is told at the end."""
        match event:
            case UsageEvent():
                self._usage = event.usage
            case Finish():
                self._choice(event.choice).finish = event.reason
                return self._release(event.choice, last=True)
            case Failure():
                self._failed = True
                return sse.encode(_ENCODE({"error": told(event.code, event.message)}))
            case Begin():
                pass
        return b""

    def close(self) -> bytes:
        """Why each choice ended, and the tokens if they were asked for."""
        if self._failed:
            return b""
        ended = [self._end(i, c, c.finish) for i, c in sorted(self._choices.items()) if c.finish is not None]
        chunk: dict[str, Any] = {"candidates": ended} if ended else {}
        if self._wants_usage and self._usage is not None:
            chunk["usageMetadata"] = write_usage(self._usage)
        return sse.encode(_ENCODE({**chunk, **self._head})) if chunk else b""

    def _choice(self, index: int) -> _Choice:
        found = self._choices.get(index)
        if found is None:
            found = self._choices[index] = _Choice()
        return found

    def _text(self, event: TextDelta) -> bytes:
        choice = self._choice(event.choice)
        if event.blob is not None or choice.waiting or not choice.in_text or event.new:
            if not event.text and event.blob is None:
                return b""
            part = TextPart(event.text, blobs=() if event.blob is None else (event.blob,))
            if event.new:
                choice.in_text = choice.in_text and bool(choice.waiting)
            return self._add(part, event.choice)
        if not event.text:
            return b""
        choice.texts.append(event.text)
        return self._line(event.choice, b'{"text":%s}' % _ENCODE(event.text))

    def _call(self, event: ToolCallDelta) -> bytes:
        choice = self._choice(event.choice)
        out = b""
        if event.index not in choice.calls:
            call: _Call | None = _Call()
            choice.calls[event.index] = call
            assert call is not None
            out = self._add(call, event.choice)
        else:
            call = choice.calls[event.index]
        if call is None:
            if event.arguments.strip():
                why = "more of a call's arguments came after they were whole"
                self._losses.note(f"choices[{event.choice}].tool_calls[{event.index}]", why, "medium")
            return out
        call.id, call.name = call.id or event.id, call.name or event.name
        if event.arguments:
            call.pieces.append(event.arguments)
        if event.blob is not None:
            call.blobs.append(event.blob)
        return out

    def _rare(self, event: RefusalDelta | PartEvent | CitationEvent | LogprobsEvent) -> bytes:
        place = f"choices[{event.choice}]"
        match event:
            case RefusalDelta():
                self._losses.note(f"{place}.refusal", f"{NAME} tells a refusal as plain text", "low")
                return self._add(TextPart(event.text), event.choice) if event.text else b""
            case PartEvent():
                return self._add(event.part, event.choice)
            case CitationEvent():
                self._losses.foreign(event.citation.extra, f"{place}.citations")
                return self._add(event.citation, event.choice)
            case LogprobsEvent():
                self._choice(event.choice).logprobs += event.tokens
        return b""

    def _add(self, item: _Call | Part | Citation, index: int) -> bytes:
        """Write an item, once the calls before it are whole. A call waits for its arguments."""
        choice = self._choice(index)
        out = self._release(index)
        if choice.waiting or isinstance(item, _Call):
            choice.waiting.append(item)
            return out
        return out + self._written(item, index)

    def _release(self, index: int, *, last: bool = False) -> bytes:
        """Write what waits and need wait no more. `last`: nothing more comes, so all of it."""
        choice = self._choice(index)
        out = []
        while choice.waiting:
            head = choice.waiting[0]
            if isinstance(head, _Call):
                if not last and not head.is_whole():
                    break
                key = next(key for key, call in choice.calls.items() if call is head)
                choice.calls[key] = None
            del choice.waiting[0]
            out.append(self._written(head, index))
        return b"".join(out)

    def _written(self, item: _Call | Part | Citation, index: int) -> bytes:
        choice = self._choice(index)
        if isinstance(item, Citation):
            choice.cited.append(item)
            return b""
        part = item.part() if isinstance(item, _Call) else item
        out = b""
        sealed = isinstance(part, TextPart) and bool(part.blobs)
        if not (choice.in_text and isinstance(part, TextPart) and not sealed) and choice.ground():
            out = self._line(index, b"", b',"groundingMetadata":' + _ENCODE(choice.grounding.metadata()))
        if isinstance(part, TextPart):
            if sealed or not choice.in_text:
                choice.begin_text()
            choice.texts.append(part.text)
        choice.in_text = isinstance(part, TextPart) and not sealed
        written = self._wire.write(part, f"choices[{index}].parts")
        return out + b"".join(self._line(index, _ENCODE(each)) for each in written)

    def _line(self, index: int, part: bytes, more: bytes = b"") -> bytes:
        head = b'data: {"candidates":[{"content":{"parts":[%s],"role":"model"},"index":%d' % (part, index)
        return b"".join((head, more, b"}]", self._tail, b"\n\n"))

    def _end(self, index: int, choice: _Choice, reason: FinishReason) -> dict[str, Any]:
        choice.ground()
        out: dict[str, Any] = {
            "content": {"parts": [{"text": ""}], "role": "model"},
            "finishReason": finish_word(reason, f"choices[{index}]", self._losses),
            "index": index,
        }
        if found := choice.grounding.metadata():
            out["groundingMetadata"] = found
        if choice.logprobs:
            out["logprobsResult"] = write_logprobs(tuple(choice.logprobs))
        return out
