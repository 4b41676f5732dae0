"""The way back: an answer, whole or as events, with the caller's own values in it again.

One state for each choice and channel: what is held back of a text never waits for anything but more of the same text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

from msgspec.structs import replace

from weighbridge.canon import (
    Choice,
    Citation,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    ImagePart,
    Masking,
    OpaquePart,
    Part,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    Reply,
    Request,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.errors import MaskError
from weighbridge.mask.restore import Restorer, StreamRestorer
from weighbridge.mask.sheet import Sheet

_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://(?:[^\s/@\"'<>]{1,200}@)?([A-Za-z0-9.-]{1,253})")


class Back:
    """Restores what one request's answer holds.

    Args:
        sheet: What was replaced.
        masking: What becomes of surrogates where data may leave.
        request: As its caller sent it: its tools are its own, and addresses that it names it knows.
        texts: All that the caller said.
    """

    def __init__(self, sheet: Sheet, masking: Masking, request: Request, texts: Sequence[str]) -> None:
        hosts = {host.lower() for text in texts for host in _HOST.findall(text)} if masking.urls == "keep" else set()
        self._sheet = sheet
        self._request = request
        self._restorer = sheet.restorer(urls=masking.urls, hosts=frozenset(hosts))
        self._plain = sheet.restorer(urls="restore")
        self._masking = masking
        self._tools = frozenset(tool.name for tool in request.tools if tool.name)
        self._quoted = request.response_format is not None and request.response_format.kind != "text"

    def open(self) -> Back:
        """The same for a place from which nothing leaves."""
        return Back(self._sheet, replace(self._masking, tools="restore", urls="restore"), self._request, ())

    @property
    def active(self) -> bool:
        """Is there anything that an answer could bring back?"""
        return self._restorer.active

    def text(self, text: str) -> str:
        """Words that only the caller reads, such as an error's."""
        return self._plain.text(text)

    def said(self, text: str) -> str:
        """The text of an answer."""
        return self._restorer.json(text) if self._quoted else self._restorer.text(text)

    def said_stream(self) -> StreamRestorer:
        """The same for a text that comes in pieces."""
        return self._restorer.stream(json=self._quoted)

    def restorer_of(self, tool: str) -> Restorer | None:
        """What goes through the arguments of a tool; None: they stay as they are.

        A tool that is none of the caller's runs elsewhere, and gets nothing.
        """
        return self._plain if tool in self._tools and self._masking.tools != "keep" else None

    def arguments(self, tool: str, text: str) -> str:
        """The arguments of a call.

        Raises:
            MaskError: They hold a value, and the route refuses that.
        """
        restorer = self.restorer_of(tool)
        made = restorer.json(text) if restorer is not None else text
        self.refuse(text, made)
        return made

    @property
    def refuses_tools(self) -> bool:
        """Is an answer refused that calls a tool with a value?"""
        return self._masking.tools == "refuse"

    def refuse(self, before: str, after: str) -> None:
        """Refuse arguments in which something would be restored, if the route wants it so.

        Raises:
            MaskError: It does.
        """
        if before != after and self.refuses_tools:
            raise MaskError(
                "The engine calls a tool with a masked value, and the route refuses that.",
                where="tool_calls",
                fix='Set tools = "restore" or "keep" in the route\'s mask section.',
            )

    def citation(self, citation: Citation, said: str) -> Citation:
        """Where a passage comes from; `said`: the text part that it points into, as the engine wrote it."""
        place = self._restorer.offsets(said)
        return replace(
            citation,
            url=self._restorer.text(citation.url),
            title=self._plain.text(citation.title),
            quote=self._plain.text(citation.quote),
            start=None if citation.start is None else place(citation.start),
            end=None if citation.end is None else place(citation.end),
            extra=self.tree(citation.extra),
        )

    def tree(self, tree: Any) -> Any:
        """Whatever JSON a dialect keeps beside: its strings."""
        if type(tree) is str:
            return self._restorer.text(tree)
        if type(tree) is dict:
            return {self._plain.text(key): self.tree(value) for key, value in tree.items()}
        return [self.tree(item) for item in tree] if type(tree) in (list, tuple) else tree

    def stream(self) -> Callable[[list[Event]], list[Event]]:
        """What the events of one answer go through, in order; an empty list asks for what is held back."""
        return _Stream(self)


def restored_reply(reply: Reply, back: Back) -> Reply:
    """A whole answer with the caller's own values.

    Raises:
        MaskError: It would bring a value to a place where it must not go.
    """
    if not back.active:
        return reply
    return replace(
        reply, choices=tuple(_choice(choice, back) for choice in reply.choices), extra=back.tree(reply.extra)
    )


def _choice(choice: Choice, back: Back) -> Choice:
    return replace(
        choice,
        parts=tuple(_part(part, back) for part in choice.parts),
        refusal=back.text(choice.refusal),
        extra=back.tree(choice.extra),
    )


def _part(part: Part, back: Back) -> Part:
    match part:
        case TextPart():
            return replace(
                part,
                text=back.said(part.text),
                citations=tuple(back.citation(one, part.text) for one in part.citations),
                extra=back.tree(part.extra),
            )
        case ReasoningPart():
            return replace(part, text=back.text(part.text), extra=back.tree(part.extra))
        case ToolCallPart():
            return replace(part, arguments=back.arguments(part.name, part.arguments), extra=back.tree(part.extra))
        case ToolResultPart():
            inner = cast("tuple[TextPart | ImagePart | FilePart, ...]", tuple(_part(one, back) for one in part.parts))
            return replace(part, parts=inner, extra=back.tree(part.extra))
        case OpaquePart():
            return replace(part, data=back.tree(part.data))
        case _:
            return replace(part, extra=back.tree(part.extra))


class _Stream:
    """The events of one answer."""

    def __init__(self, back: Back) -> None:
        self._back = back
        self._choices: dict[int, _Said] = {}

    def __call__(self, events: list[Event]) -> list[Event]:
        made: list[Event] = []
        for event in events:
            made += self._one(event)
        if not events:
            made += self._rest()
        return made

    def _one(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta() | ReasoningDelta() | RefusalDelta() | ToolCallDelta() | CitationEvent() | PartEvent():
                yield from self._of(event.choice).take(event)
            case Finish():
                yield from self._of(event.choice).rest()
                yield event
            case Failure():
                yield from self._rest()
                yield replace(event, message=self._back.text(event.message))
            case _:
                yield event

    def _of(self, number: int) -> _Said:
        return self._choices.setdefault(number, _Said(number, self._back))

    def _rest(self) -> Iterator[Event]:
        for said in self._choices.values():
            yield from said.rest()


class _Said:
    """One choice of an answer under way."""

    def __init__(self, choice: int, back: Back) -> None:
        self._choice = choice
        self._back = back
        self._channel = ""
        self._state: StreamRestorer | None = None  # of the text or the thinking that is under way
        self._new = False  # does a part begin of which nothing was passed on yet?
        self._text: list[str] = []  # the latest text part, as the engine wrote it
        self._refusal = back.said_stream()
        self._calls: dict[int, _Arguments] = {}

    def take(self, event: Event) -> Iterator[Event]:
        match event:
            case TextDelta() | ReasoningDelta():
                yield from self._words(event)
            case RefusalDelta():  # it stands beside the text, and ends none
                if text := self._refusal.feed(event.text):
                    yield replace(event, text=text)
            case ToolCallDelta():
                yield from self._switch("")
                if event.index not in self._calls or event.name:
                    self._calls[event.index] = _Arguments(self._back, event.name)
                yield replace(event, arguments=self._calls[event.index].feed(event.arguments))
            case CitationEvent():
                yield replace(event, citation=self._back.citation(event.citation, "".join(self._text)))
            case PartEvent():
                yield from self._switch("")
                part = cast("ImagePart | FilePart | OpaquePart", _part(event.part, self._back))
                yield replace(event, part=part)

    def _words(self, event: TextDelta | ReasoningDelta) -> Iterator[Event]:
        if not event.text and not event.new and event.blob is None and not getattr(event, "id", ""):
            yield event  # nothing ends before something begins
            return
        channel = type(event).__name__
        if channel != self._channel or event.new:
            yield from self._switch(channel, self._back.said_stream())
            self._text = []
        sealed = False
        match event:
            case TextDelta():
                self._text.append(event.text)
                sealed = event.blob is not None
            case ReasoningDelta():
                sealed = event.blob is not None or bool(event.id)
        yield from self._more(event, sealed=sealed)

    def rest(self) -> Iterator[Event]:
        yield from self._switch("")
        if held := self._refusal.close():
            yield RefusalDelta(held, self._choice)
        for index, call in self._calls.items():
            if held := call.close():
                yield ToolCallDelta(index, arguments=held, choice=self._choice)
        self._calls = {}

    def _more(self, event: TextDelta | ReasoningDelta, *, sealed: bool) -> Iterator[Event]:
        assert self._state is not None
        text = self._state.feed(event.text)
        if sealed:
            text += self._state.close()  # a seal stands behind what it seals
        new = self._new or event.new
        if not text and not sealed and event.text:
            self._new = new
            return
        self._new = False
        yield replace(event, text=text, new=new)

    def _switch(self, channel: str, state: StreamRestorer | None = None) -> Iterator[Event]:
        held = self._state.close() if self._state is not None else ""
        if held and self._channel == TextDelta.__name__:
            yield TextDelta(held, self._choice, new=self._new)
        elif held:
            yield ReasoningDelta(held, choice=self._choice, new=self._new)
        self._channel, self._state, self._new = channel, state, False


class _Arguments:
    """The arguments of one tool call under way."""

    def __init__(self, back: Back, tool: str) -> None:
        self._back = back
        restorer = back.restorer_of(tool)
        self._state = restorer.stream(json=True) if restorer is not None else None
        self._due = ""  # what was fed and has not come out yet

    def feed(self, text: str) -> str:
        if self._state is None or not text:
            return text
        return self._seen(text, self._state.feed(text))

    def close(self) -> str:
        return self._seen("", self._state.close()) if self._state is not None else ""

    def _seen(self, fed: str, made: str) -> str:
        """Where a route refuses values, what was made must be what was fed, as far as it goes."""
        if self._back.refuses_tools:
            self._due += fed
            due, self._due = self._due[: len(made)], self._due[len(made) :]
            self._back.refuse(due, made)
        return made
