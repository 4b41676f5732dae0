"""OpenAI Chat: one message as it is read, of a request or of a reply."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import FilePart, ImagePart, Message, OpaquePart, Part, ReasoningPart, Role, TextPart
from weighbridge.canon import ToolResultPart as Result
from weighbridge.dialects.openai_chat.calls import read_calls
from weighbridge.dialects.openai_chat.marks import read_annotations
from weighbridge.dialects.openai_chat.media import read_audio, read_images
from weighbridge.dialects.openai_chat.outgoing import FORM, keep
from weighbridge.dialects.openai_chat.parts import read_content
from weighbridge.dialects.openai_chat.reasoning import read_reasoning
from weighbridge.dialects.strict import MisfitError, misfit, take_text
from weighbridge.errors import did_you_mean

_ROLES: dict[Any, Role] = {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
_ALL_ROLES = {*_ROLES, "tool"}


def read_message(raw: Any) -> Message:
    """Read one message of a request.

    Raises:
        MisfitError: A field has the wrong type; the path starts at the message.
    """
    if type(raw) is not dict:
        raise misfit(raw, "an object with role and content", "")
    content = raw.get("content")
    role = raw.get("role")
    if len(raw) == 2 and type(content) is str and type(role) is str and role in _ROLES:  # noqa: PLR2004 - both fields
        return Message(_ROLES[role], (TextPart(content),))
    rest = dict(raw)
    form: dict[str, Any] = {}
    role = take_text(rest, "role")
    name = take_text(rest, "name")
    if role in ("tool", "function"):
        return _read_result(rest, form, role, name)
    if role not in _ROLES:
        what = f"'{role[:40]}' is not a role." if role else "It is missing."
        raise MisfitError(what, did_you_mean(role, _ALL_ROLES) if role else "Give system, user or assistant.", "role")
    if role != "assistant":
        parts = read_content(rest, form)
    else:
        parts = read_said(rest, form)
        parts += _read_refusal(rest)
    return Message(_ROLES[role], tuple(parts), name, keep(rest, form))


def read_said(rest: dict[str, Any], form: dict[str, Any]) -> list[Part]:
    """Take out of a message what an assistant said: reasoning, content, images, sounds, tool calls."""
    parts = read_reasoning(rest)
    content = read_content(rest, form)
    if len(rest) > 0:
        if rest.get("annotations"):
            read_annotations(rest, content, form)
        if rest.get("images"):
            content += read_images(rest)
        if rest.get("audio"):
            content += read_audio(rest, silent=not content)
    parts += content
    if "tool_calls" in rest or "function_call" in rest:
        parts += read_calls(rest)
    return parts


def _read_refusal(rest: dict[str, Any]) -> list[Part]:
    """An earlier refusal: for any other dialect it is what was said."""
    text = rest.get("refusal")
    if type(text) is not str or not text:
        return []
    del rest["refusal"]
    return [TextPart(text, keep({}, {"as": "refusal", "field": True}))]


def _read_result(rest: dict[str, Any], form: dict[str, Any], role: str, name: str) -> Message:
    if role == "function":
        form["role"] = role
    call_id = take_text(rest, "tool_call_id")
    if type(rest.get("content")) is list:
        form["content"] = "list"
    parts = tuple(_inside_result(p) for p in read_content(rest, form))
    return Message("tool", (Result(call_id, parts, name),), extra=keep(rest, form))


def _inside_result(part: Part) -> TextPart | ImagePart | FilePart:
    """A tool's answer holds no opaque parts: such a one is kept behind an empty text."""
    if isinstance(part, (TextPart, ImagePart, FilePart)):
        return part
    raw = part.data["part"] if isinstance(part, OpaquePart) else _thinking(part)
    return TextPart("", keep({}, {"raw": raw}))


def _thinking(part: Part) -> dict[str, Any]:
    assert isinstance(part, ReasoningPart)
    return {"type": "thinking", "thinking": [{"type": "text", "text": t} for t in part.extra[FORM]["thinking"]]}
