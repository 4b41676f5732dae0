"""OpenAI Responses: writing a conversation as instructions and input items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weighbridge.canon import (
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    Profile,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.ids import CallIds
from weighbridge.dialects.openai_responses.parts import EXTRAS, GIVEN, NAME, ContentWriter
from weighbridge.dialects.openai_responses.said import SaidWriter, is_plain, uncached

_CALL_ID = r"[\s\S]{1,64}"
_CALLS = frozenset({"function_call", "custom_tool_call"})


class InputWriter:
    """Writes the messages of one request.

    Args:
        profile: The engine's quirks.
        losses: Takes what cannot be written.
        own: Was the request read in this dialect? Then the order of its items stays.
    """

    def __init__(self, profile: Profile, losses: Losses, *, own: bool) -> None:
        self._losses = losses
        self._own = own
        self._profile = profile
        self._content = ContentWriter(losses, markers=bool(profile.cache_markers))
        self._ids = CallIds(profile.call_ids or ("" if own else _CALL_ID), profile.call_id_length)
        self._said = SaidWriter(
            losses, self._content, call_id=self._ids.out, replays=profile.replay in ("always", "tools")
        )
        self._out: list[dict[str, Any]] = []

    def items(self, messages: Sequence[Message], skip: int | None = None) -> list[dict[str, Any]]:
        """All items. `skip`: the message that stands in the instructions."""
        self._out = []
        for i, message in enumerate(messages):
            if i != skip:
                self._message(message, f"messages[{i}]")
        if not self._own or self._profile.calls_together or self._profile.tool_media is False:
            self._out = settle(self._out, self._losses, strict=self._profile.calls_together)
        return self._out

    def _message(self, message: Message, place: str) -> None:
        if not message.extra and len(message.parts) == 1 and not message.name and message.role != "assistant":
            part = message.parts[0]
            if type(part) is TextPart and not (part.extra or part.cache or part.blobs):
                self._out.append({"role": _role(message), "content": part.text})
                return
        if message.extra:
            self._losses.foreign(message.extra, place)
        if message.name and not any(isinstance(part, ToolResultPart) for part in message.parts):
            self._losses.note(f"{place}.name", f"{NAME} has no names for those who speak", "low")
        if message.role == "assistant":
            self._out += self._said.items(message.parts, place)
        else:
            self._given(message, place)

    def _given(self, message: Message, place: str) -> None:
        """What was said to the engine: tools' answers first, then the rest as one message."""
        said: list[Part] = []
        media: list[Part] = []
        for i, part in enumerate(message.parts):
            match part:
                case ToolResultPart():
                    media += self._result(part, f"{place}.parts[{i}]")
                case OpaquePart() if part.dialect == NAME and "part" not in part.data:
                    self._out.append(part.data)
                case ReasoningPart() | ToolCallPart():
                    self._losses.note(f"{place}.parts[{i}]", f"only an assistant says this, not a {message.role}")
                case _:
                    said.append(part)
        if media:
            self._out.append({"role": "user", "content": self._content.parts(media, GIVEN, place)})
        content = self._content.parts(said, GIVEN, place)
        if not content and message.parts:
            return
        form = EXTRAS.form_of(message.extra)
        plain = is_plain(content, GIVEN) and form.get("shape") != "list"
        self._out.append(
            {
                **EXTRAS.fields(message.extra),
                **form.get("item", {}),
                "role": _role(message),
                "content": content[0]["text"] if plain else content,
            }
        )

    def _result(self, part: ToolResultPart, place: str) -> list[Part]:
        """Write a tool's answer. Returns what must follow as a turn of the user."""
        self._losses.foreign(part.extra, place)
        if part.is_error:
            why = f"{NAME} cannot mark a tool's answer as an error; its text stays"
            self._losses.note(f"{place}.is_error", why, "low")
        uncached(part.cache, place, self._losses)
        parts: list[Part] = list(part.parts)
        media: list[Part] = []
        if self._profile.tool_media is False:
            media = [p for p in parts if isinstance(p, (ImagePart, FilePart))]
            parts = [p for p in parts if not isinstance(p, (ImagePart, FilePart))]
            if media:
                self._losses.note(place, "the engine takes media from the user only: they follow the answer")
        form = EXTRAS.form_of(part.extra)
        output: Any = self._content.parts(parts, GIVEN, place)
        if form.get("shape") != "list" and (not output or is_plain(output, GIVEN)):
            output = output[0]["text"] if output else ""
        told = {**EXTRAS.fields(part.extra), "type": "function_call_output", **form.get("item", {})}
        self._out.append({**told, "call_id": self._ids.out(part.call_id), "output": output})
        return media


def _role(message: Message) -> str:
    return "user" if message.role == "tool" else message.role


def settle(items: list[dict[str, Any]], losses: Losses, *, strict: bool) -> list[dict[str, Any]]:
    """Put the outputs of one step right after its calls: what an assistant says between moves before, the rest behind.

    Args:
        items: Of a whole conversation.
        losses: Told if anything moves.
        strict: Does reasoning move, too?
    """
    answered = {item.get("call_id") for item in items if _kind(item).endswith("_output")}
    out: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    waiting: set[Any] = set()
    start = 0
    for item in items:
        kind, call_id = _kind(item), item.get("call_id")
        if kind in _CALLS and call_id in answered:
            start = start if waiting else len(out)
            waiting.add(call_id)
            out.append(item)
        elif waiting and (kind in ("", "message") or (strict and kind == "reasoning")):
            losses.note("messages", "what is said between tools' calls and answers moves out of there", "low")
            if kind == "reasoning" or item.get("role") == "assistant":
                out.insert(start, item)
                start += 1
            else:
                held.append(item)
        else:
            out.append(item)
            waiting.discard(call_id)
            if not waiting and held:
                out += held
                held = []
    return out + held


def _kind(item: dict[str, Any]) -> str:
    kind = item.get("type", "")
    return kind if type(kind) is str else ""
