"""From an engine's grammar-bound JSON back to text and tool calls, character by character where it streams.

Two shapes come in, as `grammar` asked for them: `{"answer": TEXT or JSON}` and `{"tool": NAME, "arguments": {...}}`.
An answer flows on while it grows. A call is held until it is whole, so that nobody ever sees half a call. Whatever
has neither shape (the engine was cut short, or knows no grammar) is passed on as the text that it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import (
    Choice,
    Event,
    Failure,
    Finish,
    FinishReason,
    Part,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
)
from weighbridge.engines.partial import JsonValue, StringValue

NewId = Callable[[], str]

#: Some engines put a Markdown fence around JSON, grammar or not.
_HEAD = re.compile(r'\s*(?:```(?:json)?\s*)?\{\s*"(answer|tool|arguments)"\s*:\s*(?=\S)')
_MAX_HEAD = 4096


class Call(Struct, frozen=True):
    """A whole tool call; `arguments` is the JSON text as the engine wrote it."""

    name: str
    arguments: str


class _WireCall(Struct, forbid_unknown_fields=True):
    tool: str
    arguments: msgspec.Raw


class Unwrap:
    """One choice's text. `feed` gives what can be told already; `end` what is left, and the call if it was one."""

    def __init__(self) -> None:
        self._held = ""
        self._phase = self._head

    def feed(self, text: str) -> str:
        """More of the JSON in, more of the answer out; "" while nothing can be told."""
        return self._phase(text)

    def end(self) -> tuple[str, Call | None]:
        """The text that is left over, and the tool call."""
        held, self._held = self._held, ""
        call = _call(held)
        return ("", call) if call else (held, None)

    def _head(self, text: str) -> str:
        self._held += text
        found = _HEAD.match(self._held)
        if found and found[1] != "answer":
            self._phase = self._hold
        elif found:
            rest, self._held = self._held[found.end() :], ""
            value = StringValue() if rest[0] == '"' else JsonValue()
            self._phase = value.feed
            return value.feed(rest)
        elif not _may_become_head(self._held):
            rest, self._held = self._held, ""
            self._phase = _as_it_is
            return rest
        return ""

    def _hold(self, text: str) -> str:
        self._held += text
        return ""


class StreamUnwrap:
    """The way back of a whole stream: eats events, yields events.

    Args:
        new_id: Makes the ids of tool calls.
    """

    def __init__(self, new_id: NewId) -> None:
        self._new_id = new_id
        self._choices: dict[int, Unwrap] = {}
        self._calls: dict[int, int] = {}

    def __call__(self, events: list[Event]) -> list[Event]:
        """All events of a batch, in order."""
        return [out for event in events for out in self.feed(event)]

    def feed(self, event: Event) -> list[Event]:
        """What one event of the engine means."""
        match event:
            case TextDelta():
                unwrap = self._choices.setdefault(event.choice, Unwrap())
                text = unwrap.feed(event.text)
                # However the JSON was cut into parts, the answer in it is one.
                return [replace(event, text=text, new=False)] if text or event.blob else []
            case ToolCallDelta():
                self._calls[event.choice] = max(self._calls.get(event.choice, 0), event.index + 1)
            case Finish():
                return self._finish(event)
            case Failure():
                return [*self.close(), event]
        return [event]

    def close(self) -> list[Event]:
        """The stream has ended: what was held of choices that never finished, as text."""
        left = [(choice, unwrap.end()) for choice, unwrap in sorted(self._choices.items())]
        self._choices.clear()
        return [TextDelta(text, choice) for choice, (text, _) in left if text]

    def _finish(self, event: Finish) -> list[Event]:
        unwrap = self._choices.pop(event.choice, None)
        text, call = unwrap.end() if unwrap else ("", None)
        if call:
            place = self._calls.get(event.choice, 0)
            delta = ToolCallDelta(place, self._new_id(), call.name, call.arguments, event.choice)
            return [delta, replace(event, reason="tool_calls")]
        return [TextDelta(text, event.choice), event] if text else [event]


def unwrap_reply(reply: Reply, new_id: NewId) -> Reply:
    """The way back of a whole reply."""
    return replace(reply, choices=tuple(_choice(choice, new_id) for choice in reply.choices))


def _choice(choice: Choice, new_id: NewId) -> Choice:
    texts = [part for part in choice.parts if isinstance(part, TextPart)]
    if not texts:
        return choice
    unwrap = Unwrap()
    text = unwrap.feed("".join(part.text for part in texts))
    rest, call = unwrap.end()
    finish: FinishReason | None = choice.finish
    made: list[Part] = []
    if call:
        made.append(ToolCallPart(id=new_id(), name=call.name, arguments=call.arguments))
        finish = "tool_calls"
    elif text + rest:
        made.append(replace(texts[0], text=text + rest))
    others = [part for part in choice.parts if not isinstance(part, TextPart)]
    return replace(choice, parts=(*others, *made), finish=finish)


def _as_it_is(text: str) -> str:
    return text


def _may_become_head(text: str) -> bool:
    """Could more text still make this the beginning of one of the two shapes?"""
    bare = re.sub(r"\s+", "", text)
    for fence in ("```json", "```", ""):
        for key in ("answer", "tool", "arguments"):
            whole = f'{fence}{{"{key}":'
            if whole.startswith(bare):
                return len(text) <= _MAX_HEAD
    return False


def _call(text: str) -> Call | None:
    bare = text.strip().removeprefix("```json").removeprefix("```").removesuffix("```")
    if not bare.lstrip().startswith("{"):
        return None
    try:
        call = msgspec.json.decode(bare, type=_WireCall)
        arguments = bytes(call.arguments).decode().strip()
    except (msgspec.DecodeError, UnicodeError):
        return None
    return Call(call.tool, arguments) if arguments.startswith("{") else None
