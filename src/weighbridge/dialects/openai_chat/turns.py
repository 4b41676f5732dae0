"""OpenAI Chat: the messages of a request, as they are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from weighbridge.canon import Message, OpaquePart, Part, ReasoningPart, TextPart, ToolCallPart, ToolResultPart
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing
from weighbridge.dialects.openai_chat.parts import write_content
from weighbridge.dialects.openai_chat.said import write_said


def write_messages(messages: Sequence[Message], to: Outgoing) -> list[dict[str, Any]]:
    """Write a conversation. Media that have no place in a tool's answer follow in a turn of the user."""
    out: list[dict[str, Any]] = []
    for i, message in enumerate(messages):
        parts = message.parts
        if to.media and not any(isinstance(p, ToolResultPart) for p in parts):
            _flush(out, f"messages[{i}]", to)
        if len(parts) == 1 and not message.extra and not message.name and type(part := parts[0]) is TextPart:  # noqa: SIM102 - two steps of one question
            if not (part.extra or part.cache or part.blobs or part.citations):
                said: dict[str, Any] = {"role": message.role, "content": part.text}
                if message.role == "assistant" and to.blank == "always":
                    write_said(said, parts, {}, f"messages[{i}]", to)
                out.append(said)
                continue
        out += _write_message(message, f"messages[{i}]", to)
    if to.media:
        _flush(out, f"messages[{len(messages)}]", to)
    return out


def _flush(out: list[dict[str, Any]], place: str, to: Outgoing) -> None:
    media, to.media = to.media, []
    turn: dict[str, Any] = {"role": "user"}
    write_content(turn, media, {}, place, to)
    out.append(turn)


def _write_message(message: Message, place: str, to: Outgoing) -> list[dict[str, Any]]:
    """One message. It becomes several where tools' answers stand beside other parts."""
    parts, extra = message.parts, message.extra
    if extra:
        to.losses.foreign(extra, place)
    results = [p for p in parts if isinstance(p, ToolResultPart)]
    others: list[Part] = [p for p in parts if not isinstance(p, ToolResultPart)]
    alone = len(results) == 1 and not others
    written = [_write_result(p, message if alone else None, place, to) for p in results]
    if not others and (results or message.role == "tool"):
        return written
    if results and to.media:
        others, to.media = [*to.media, *others], []
    turn = _write_turn(message, others, place, to)
    return [*written, turn] if turn is not None else written


def _write_turn(message: Message, parts: list[Part], place: str, to: Outgoing) -> dict[str, Any] | None:
    """What is no tool's answer; None where nothing of it can be told."""
    extra = message.extra
    form = extra.get(FORM) or {}
    turn: dict[str, Any] = {**(extra.get(NAME) or {}), "role": "user" if message.role == "tool" else message.role}
    if message.name:
        turn["name"] = message.name
    if message.role == "assistant":
        write_said(turn, parts, form, place, to)
        if not to.own and turn.get("content") is None and "tool_calls" not in turn:
            turn["content"] = ""
        return turn
    said = [p for p in parts if not isinstance(p, (ToolCallPart, ReasoningPart))]
    if len(said) < len(parts):
        to.losses.note(f"{place}.parts", f"only an assistant says this, not a {message.role}", "medium")
    write_content(turn, said, form, place, to)
    return None if said and all(_is_foreign(p) for p in said) else turn


def _is_foreign(part: Part) -> bool:
    return isinstance(part, OpaquePart) and part.dialect != NAME


def _write_result(part: ToolResultPart, message: Message | None, place: str, to: Outgoing) -> dict[str, Any]:
    """A tool's answer; with `message`, the fields of the message that held it alone."""
    form: dict[str, Any] = {}
    out: dict[str, Any] = {}
    if message is not None:
        form = message.extra.get(FORM) or {}
        out.update(message.extra.get(NAME) or {})
    name = part.name or (message.name if message is not None else "")
    if name:
        out["name"] = name
    out["role"] = form.get("role", "tool")
    if part.call_id and (part.call_id != (part.extra.get(FORM) or {}).get("id") or to.profile.call_ids):
        out["tool_call_id"] = to.ids.out(part.call_id)
    if part.extra:
        to.losses.foreign(part.extra, place)
    if part.is_error:
        to.losses.note(f"{place}.is_error", f"{NAME} cannot mark a tool's answer as an error; its text stays", "low")
    to.seals(part.blobs, place)
    _write_answer(out, part, form, place, to)
    return out


def _write_answer(out: dict[str, Any], part: ToolResultPart, form: dict[str, Any], place: str, to: Outgoing) -> None:
    """The content of a tool's answer. OpenAI takes texts alone there: the rest waits for a turn of the user."""
    parts: list[Part] = list(part.parts)
    texts: list[Part] = [p for p in parts if isinstance(p, TextPart)]
    takes = to.profile.tool_media
    if len(texts) < len(parts) and not (takes or (takes is None and form.get("content") == "list")):
        name = part.name or to.names.get(part.call_id, "") or part.call_id
        to.losses.note(
            f"{place}.parts", "a tool's answer holds texts only; its media follow in a turn of the user", "low"
        )
        to.media += [
            TextPart(f"From the answer of the tool {name}:"),
            *(p for p in parts if not isinstance(p, TextPart)),
        ]
        parts = texts or [TextPart("See the next message.")]
    if not (parts or form or to.own):
        parts = [TextPart("")]  # without an answer at all it would be refused
    if part.cache and isinstance(last := parts[-1] if parts else None, TextPart):
        parts = [*parts[:-1], replace(last, cache=part.cache)]
    write_content(out, parts, form, place, to)
