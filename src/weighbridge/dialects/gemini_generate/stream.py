"""Gemini: reading streams, as server-sent events or as one JSON array."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import (
    Begin,
    CitationEvent,
    Event,
    FilePart,
    Finish,
    FinishReason,
    ImagePart,
    LogprobsEvent,
    OpaquePart,
    Part,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.gemini_generate.array import ArraySplitter
from weighbridge.dialects.gemini_generate.errors import from_stream
from weighbridge.dialects.gemini_generate.form import NAME, spellings, unify
from weighbridge.dialects.gemini_generate.grounding import MOST, cite, locate, supports
from weighbridge.dialects.gemini_generate.ids import CallLog
from weighbridge.dialects.gemini_generate.partial import PartialCall
from weighbridge.dialects.gemini_generate.parts import read_part
from weighbridge.dialects.gemini_generate.reply import call_log
from weighbridge.dialects.gemini_generate.told import finish_reason, read_logprobs, read_usage, seconds
from weighbridge.dialects.reading import EventReader, Found
from weighbridge.dialects.strict import MisfitError

MOST_CHOICES = 1024
_DECODE = msgspec.json.Decoder().decode
_NAMES = spellings(
    *("usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback"),
    *("finishReason", "groundingMetadata", "logprobsResult", "functionCall", "blockReason"),
)


class _Candidate:
    """What is known of one candidate while it is told."""

    __slots__ = ("before", "calls", "cited", "count", "finish", "kind", "log", "partial", "sealed", "texts")

    def __init__(self, log: CallLog) -> None:
        self.log = log
        self.count = 0  #: calls so far
        self.kind: type | None = None  #: of the latest part
        self.sealed = False  #: the latest part carries a seal: nothing may be added to it
        self.texts: list[str] = []  #: of the latest text part
        self.before = 0  #: bytes of text before it
        self.cited: dict[Any, int] = {}  #: how often each citation was told
        self.finish: str | None = None
        self.partial: PartialCall | None = None

    def reason(self) -> FinishReason:
        """Why it ended."""
        return finish_reason(self.finish, calls=self.count > 0)


class GeminiReader(EventReader):
    """Reads a stream. It is whole when each candidate has told why it ended.

    Some hosts tell that in every chunk, so it counts only once the stream is over.
    """

    def __init__(self) -> None:
        super().__init__()
        self._array: ArraySplitter | None = None
        self._known = False
        self._head = b""
        self._begun = Begin()
        self._has_begun = False
        self._candidates: dict[int, _Candidate] = {}
        self._blocked = False
        self._usage: Usage | None = None

    def _ended(self, events: list[Event]) -> list[Event]:
        whole = self._blocked or (self._candidates and all(c.finish for c in self._candidates.values()))
        cut = self._array is not None and self._array.pending
        if cut or not whole:
            return events + self._cut_off()
        self._over = True
        events += [Finish(known.reason(), index) for index, known in sorted(self._candidates.items())]
        return events if self._candidates else [*events, Finish("content_filter")]

    def _rest(self) -> Found:
        return self._sse.close() if self._array is None else []

    def _split(self, chunk: bytes) -> Found:
        """The chunks in these bytes. The first byte tells which form the stream has."""
        if not self._known:
            chunk = (self._head + chunk).removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
            if not chunk or b"\xef\xbb\xbf".startswith(chunk):
                self._head = chunk
                return []
            self._known = True
            self._array = ArraySplitter() if chunk[:1] in (b"[", b"{") else None
        if self._array is not None:
            return [("", data) for data in self._array.feed(chunk)]
        return self._sse.feed(chunk)

    def _read(self, found: Found) -> list[Event]:
        events: list[Event] = []
        for _, data in found:
            if not data or data.startswith(b"[DONE]"):  # not of this wire, but some imitators send it
                continue
            try:
                self._chunk(data, events)
            except MisfitError as error:
                events += self._fail(f"A chunk of the stream cannot be read: {error.path}: {error.what}")
            if self._over:
                break
        return events

    def _chunk(self, data: bytes, events: list[Event]) -> None:
        try:
            raw = _DECODE(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raw = None
        if type(raw) is not dict:
            shown = data[:80].decode("utf-8", "replace")
            events += self._fail(f"A chunk of the stream cannot be read: {shown!r}.")
            return
        if b"_" in data:  # else no name in it is in snake_case
            raw = _camel(raw)
        if raw.get("error") is not None:
            error = from_stream(raw["error"])
            events += self._fail(error.what, error.code)
            return
        self._begin(raw, events)
        candidates = raw.get("candidates")
        for item in candidates if type(candidates) is list else ():
            if type(item) is dict and not self._candidate(item, events):
                return
        feedback = raw.get("promptFeedback")
        if type(feedback) is dict and feedback.get("blockReason") and not self._candidates:
            self._blocked = True
        usage = read_usage(raw.get("usageMetadata"))
        if usage is not None and usage != self._usage:
            self._usage = usage
            events.append(UsageEvent(usage))

    def _begin(self, raw: dict[str, Any], events: list[Event]) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._begun = Begin(
            _text(raw.get("responseId")), _text(raw.get("modelVersion")), seconds(raw.get("createTime"))
        )
        events.append(self._begun)

    def _candidate(self, raw: dict[str, Any], events: list[Event]) -> bool:
        index = raw.get("index")
        index = index if type(index) is int else 0
        known = self._candidates.get(index)
        if known is None:
            if not 0 <= index < MOST_CHOICES:
                events += self._fail(f"The stream speaks of candidate {index}.")
                return False
            known = self._candidates[index] = _Candidate(call_log(self._begun.id, index))
        content = raw.get("content")
        parts = content.get("parts") if type(content) is dict else None
        grounding = raw.get("groundingMetadata")
        for item in parts if type(parts) is list else ():
            if grounding and type(item) is dict and item.get("text") == "":
                self._cite(grounding, known, index, events)  # what follows is a seal, no text to cite
                grounding = None
            self._part(item, known, index, events)
        if grounding:
            self._cite(grounding, known, index, events)
        if tokens := read_logprobs(raw.get("logprobsResult")):
            events.append(LogprobsEvent(tokens, index))
        if raw.get("finishReason") and type(raw["finishReason"]) is str:
            known.finish = raw["finishReason"]
        return True

    def _part(self, raw: Any, known: _Candidate, index: int, events: list[Event]) -> None:
        if type(raw) is dict and len(raw) == 1 and type(raw.get("text")) is str:
            self._said(TextPart(raw["text"]), known, index, events)
            return
        told = unify(raw, _NAMES)[0] if type(raw) is dict else {}
        call = told.get("functionCall")
        if call == {} and known.partial is None:
            return  # the end of a call in pieces whose beginning was whole
        if type(call) is dict and (known.partial or PartialCall.begins(call)):
            raw = self._partial(told, call, known)
            if raw is None:
                return
        part = read_part(raw, known.log)
        if isinstance(part, (TextPart, ReasoningPart)):
            self._said(part, known, index, events)
            return
        known.kind, known.sealed = type(part), False
        if isinstance(part, ToolCallPart):
            blob = part.blobs[0] if part.blobs else None
            events.append(ToolCallDelta(known.count, part.id, part.name, part.arguments, index, blob))
            known.count += 1
        else:
            events.append(PartEvent(_whole(part, raw), index))

    @staticmethod
    def _partial(told: dict[str, Any], call: dict[str, Any], known: _Candidate) -> dict[str, Any] | None:
        """A call whose arguments come in pieces: the whole part once it is complete, None before that."""
        known.partial = known.partial or PartialCall(told)
        if known.partial.add(call, told):
            return None
        whole = known.partial.part()
        known.partial = None
        return whole

    @staticmethod
    def _said(part: TextPart | ReasoningPart, known: _Candidate, index: int, events: list[Event]) -> None:
        blob = part.blobs[0] if part.blobs else None
        if not part.text and blob is None:
            return
        new = known.kind is type(part) and (known.sealed or blob is not None)
        if isinstance(part, TextPart):
            if known.kind is not TextPart or new:
                known.before += sum(len(text.encode()) for text in known.texts)
                known.texts = []
            known.texts.append(part.text)
            events.append(TextDelta(part.text, index, blob, new))
        else:
            events.append(ReasoningDelta(part.text, blob, index, new))
        known.kind, known.sealed = type(part), blob is not None

    @staticmethod
    def _cite(raw: Any, known: _Candidate, index: int, events: list[Event]) -> None:
        """Citations of the latest text part; those that stand elsewhere are told without a place."""
        data = "".join(known.texts).encode()
        seen: dict[Any, int] = {}  # hosts repeat what they have told before
        for told, sources in supports(raw):
            start, end = locate(told, data, known.before)
            spot = [told.get(key) for key in ("partIndex", "startIndex", "endIndex")]
            for source in sources:
                citation = cite(source, start, end)
                key = (citation.url, citation.title, citation.quote, str(spot))
                seen[key] = seen.get(key, 0) + 1
                if seen[key] > known.cited.get(key, 0) and len(known.cited) < MOST:
                    known.cited[key] = seen[key]
                    events.append(CitationEvent(citation, index))


def _camel(raw: dict[str, Any]) -> dict[str, Any]:
    """A chunk with its own names, and those of its candidates, in camelCase."""
    out, _ = unify(raw, _NAMES)
    if type(out.get("candidates")) is list:
        out["candidates"] = [unify(item, _NAMES)[0] if type(item) is dict else item for item in out["candidates"]]
    if type(out.get("promptFeedback")) is dict:
        out["promptFeedback"], _ = unify(out["promptFeedback"], _NAMES)
    return out


def _whole(part: Part, raw: Any) -> ImagePart | FilePart | OpaquePart:
    return part if isinstance(part, (ImagePart, FilePart, OpaquePart)) else OpaquePart(NAME, raw)


def _text(value: Any) -> str:
    return value if type(value) is str else ""
