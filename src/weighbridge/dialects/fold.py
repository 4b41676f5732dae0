"""From events to a whole reply, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Citation,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    FinishReason,
    ImagePart,
    Logprob,
    LogprobsEvent,
    OpaquePart,
    Part,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)

_WORD = re.compile(r"\s*\S+\s*|\s+")


class _Text:
    __slots__ = ("blobs", "citations", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.citations: list[Citation] = []
        self.blobs: list[Blob] = []

    def part(self) -> Part:
        return TextPart("".join(self.pieces), citations=tuple(self.citations), blobs=tuple(self.blobs))


class _Reasoning:
    __slots__ = ("blobs", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.blobs: list[Blob] = []

    def part(self) -> Part:
        return ReasoningPart("".join(self.pieces), tuple(self.blobs))


class _Whole:
    __slots__ = ("_part",)

    def __init__(self, part: Part) -> None:
        self._part = part

    def part(self) -> Part:
        return self._part


class _Call:
    __slots__ = ("blobs", "id", "name", "pieces")

    def __init__(self) -> None:
        self.blobs: list[Blob] = []
        self.id = ""
        self.name = ""
        self.pieces: list[str] = []

    def part(self) -> Part:
        return ToolCallPart(self.id, self.name, "".join(self.pieces), blobs=tuple(self.blobs))


class _Growing:
    """One choice while it grows. Parts stand in the order in which they began."""

    __slots__ = ("calls", "finish", "logprobs", "parts", "refusal")

    def __init__(self) -> None:
        self.parts: list[_Text | _Reasoning | _Call | _Whole] = []
        self.logprobs: list[Logprob] = []
        self.calls: dict[int, _Call] = {}
        self.refusal: list[str] = []
        self.finish: FinishReason | None = None

    def choice(self) -> Choice:
        parts = tuple(p.part() for p in self.parts)
        return Choice(parts, self.finish, "".join(self.refusal), logprobs=tuple(self.logprobs))


class Fold:
    """Adds events up. Several choices may grow at once; of several usages the last one counts.

    Attributes:
        first_text: Has any text, reasoning, refusal or tool call come yet?
        finished: Has every choice that began also ended?
        failure: The failure that ended the stream, if one did.
        usage: The tokens as last told.
    """

    def __init__(self) -> None:
        self.first_text = False
        self.failure: Failure | None = None
        self.usage: Usage | None = None
        self._begin = Begin()
        self._choices: dict[int, _Growing] = {}

    @classmethod
    def of(cls, events: Iterable[Event]) -> Fold:
        """The sum of many events."""
        fold = cls()
        for event in events:
            fold.add(event)
        return fold

    @property
    def finished(self) -> bool:
        """Has every choice that began also ended?"""
        return bool(self._choices) and all(c.finish for c in self._choices.values())

    def add(self, event: Event) -> None:
        """Take one event in."""
        kind = type(event)
        if kind is TextDelta:
            self._text(event)  # type: ignore[arg-type]  # `kind` tells; isinstance would cost twice as much here
            return
        match event:
            case ToolCallDelta():
                self._tool_call(event)
            case ReasoningDelta():
                self._reasoning(event)
            case RefusalDelta() | PartEvent() | CitationEvent() | LogprobsEvent():
                self._rare(event)
            case Finish():
                self._choice(event.choice).finish = event.reason
            case UsageEvent():
                self.usage = event.usage
            case Begin():
                self._begin = event
            case Failure():
                self.failure = event

    def reply(self) -> Reply:
        """The reply so far. A choice that was passed over, as choice 1 where only 0 and 2 came, is empty."""
        begin = self._begin
        count = max(self._choices, default=-1) + 1
        choices = tuple(self._choices[i].choice() if i in self._choices else Choice() for i in range(count))
        return Reply(choices, self.usage, begin.id, begin.model, begin.created)

    def _choice(self, index: int) -> _Growing:
        found = self._choices.get(index)
        if found is None:
            found = self._choices[index] = _Growing()
        return found

    def _text(self, event: TextDelta) -> None:
        if not event.text and event.blob is None:
            return
        self.first_text = True
        parts = self._choice(event.choice).parts
        last = parts[-1] if parts else None
        if type(last) is not _Text or event.new:
            last = _Text()
            parts.append(last)
        if event.text:
            last.pieces.append(event.text)
        if event.blob is not None:
            last.blobs.append(event.blob)

    def _rare(self, event: RefusalDelta | PartEvent | CitationEvent | LogprobsEvent) -> None:
        choice = self._choice(event.choice)
        match event:
            case RefusalDelta():
                if event.text:
                    self.first_text = True
                    choice.refusal.append(event.text)
            case PartEvent():
                self.first_text = True
                choice.parts.append(_Whole(event.part))
            case LogprobsEvent():
                choice.logprobs += event.tokens
            case CitationEvent():
                last = next((p for p in reversed(choice.parts) if isinstance(p, _Text)), None)
                if last is None:
                    last = _Text()
                    choice.parts.append(last)
                last.citations.append(event.citation)

    def _reasoning(self, event: ReasoningDelta) -> None:
        if not event.text and event.blob is None:
            return
        self.first_text = True
        parts = self._choice(event.choice).parts
        last = parts[-1] if parts else None
        if not isinstance(last, _Reasoning) or event.new:
            last = _Reasoning()
            parts.append(last)
        if event.text:
            last.pieces.append(event.text)
        if event.blob is not None:
            last.blobs.append(event.blob)

    def _tool_call(self, event: ToolCallDelta) -> None:
        self.first_text = True
        choice = self._choice(event.choice)
        call = choice.calls.get(event.index)
        if call is None:
            call = choice.calls[event.index] = _Call()
            choice.parts.append(call)
        call.id = call.id or event.id
        call.name = call.name or event.name
        if event.arguments:
            call.pieces.append(event.arguments)
        if event.blob is not None:
            call.blobs.append(event.blob)


def unfold(reply: Reply, *, words: bool = False) -> Iterator[Event]:
    """The events of a stream that would have given this reply.

    Parts that no event can carry are left out. With `words`, text comes word by word, as engines send it.
    """
    yield Begin(reply.id, reply.model, reply.created)
    for index, choice in enumerate(reply.choices):
        calls = 0
        before: Part | None = None
        for part in choice.parts:
            if isinstance(part, ToolCallPart):
                yield from _call_events(part, calls, index)
                calls += 1
            else:
                yield from _part_events(part, index, new=type(part) is type(before), words=words)
            before = part
        if choice.logprobs:
            yield LogprobsEvent(choice.logprobs, index)
        if choice.refusal:
            yield RefusalDelta(choice.refusal, index)
        if choice.finish:
            yield Finish(choice.finish, index)
    if reply.usage is not None:
        yield UsageEvent(reply.usage)


def _part_events(part: Part, index: int, *, new: bool, words: bool) -> Iterator[Event]:
    match part:
        case TextPart():
            yield from (
                TextDelta(piece, index, new=new and i == 0) for i, piece in enumerate(_pieces(part.text, words=words))
            )
            new = new and not part.text
            for blob in part.blobs:
                yield TextDelta("", index, blob, new=new)
                new = False
            yield from (CitationEvent(citation, index) for citation in part.citations)
        case ReasoningPart():
            for i, piece in enumerate(_pieces(part.text, words=words)):
                yield ReasoningDelta(piece, None, index, new=new and i == 0, id=part.blobs[0].id if part.blobs else "")
            new = new and not part.text
            for blob in part.blobs:
                yield ReasoningDelta("", blob, index, new=new)
                new = False
        case ImagePart() | FilePart() | OpaquePart():
            yield PartEvent(part, index)
        case _:
            pass


def _call_events(part: ToolCallPart, place: int, index: int) -> Iterator[Event]:
    blobs = part.blobs or (None,)
    yield ToolCallDelta(place, part.id, part.name, part.arguments, index, blobs[0])
    yield from (ToolCallDelta(place, choice=index, blob=blob) for blob in blobs[1:])


def _pieces(text: str, *, words: bool) -> list[str]:
    if words:
        return _WORD.findall(text)
    return [text] if text else []
