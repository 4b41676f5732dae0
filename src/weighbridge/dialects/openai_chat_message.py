"""OpenAI Chat: one message, of a request or of a reply."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    Loss,
    Message,
    OpaquePart,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_chat_parts import FORM, NAME, as_json_text, keep, read_content, write_content
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
    parts = read_said(rest, form) if role == "assistant" else read_content(rest, form)
    return Message(_ROLES[role], tuple(parts), name, keep(rest, form))


def read_said(rest: dict[str, Any], form: dict[str, Any]) -> list[Part]:
    """Take out of a message what an assistant said: reasoning, content, tool calls."""
    parts = _read_reasoning(rest)
    parts += read_content(rest, form)
    if "tool_calls" in rest:
        parts += _read_calls(rest)
    return parts


def _read_result(rest: dict[str, Any], form: dict[str, Any], role: str, name: str) -> Message:
    if role == "function":
        form["role"] = role
    call_id = take_text(rest, "tool_call_id")
    parts = tuple(_inside_result(p) for p in read_content(rest, form))
    return Message("tool", (ToolResultPart(call_id, parts),), name, keep(rest, form))


def _inside_result(part: Part) -> TextPart | ImagePart | FilePart:
    """A tool's answer holds no opaque parts: such a one is kept behind an empty text."""
    if isinstance(part, (TextPart, ImagePart, FilePart)):
        return part
    raw = part.data["part"] if isinstance(part, OpaquePart) else _thinking(part)
    return TextPart("", keep({}, {"raw": raw}))


def _thinking(part: Part) -> dict[str, Any]:
    assert isinstance(part, ReasoningPart)
    return {"type": "thinking", "thinking": [{"type": "text", "text": t} for t in part.extra[FORM]["thinking"]]}


def _read_reasoning(rest: dict[str, Any]) -> list[Part]:
    text = field = ""
    for name in ("reasoning_content", "reasoning"):
        if type(rest.get(name)) is str:
            text, field = rest.pop(name), name
            break
    details = rest.get("reasoning_details")
    blobs = read_details(details)
    if not field and not blobs:
        return []
    form: dict[str, Any] = {}
    if field != "reasoning_content" or not text:
        form["field"] = field
    if blobs:
        form["details"] = rest.pop("reasoning_details")
    return [ReasoningPart(text, blobs, keep({}, form))]


def read_details(details: Any) -> tuple[Blob, ...]:
    """What `reasoning_details` holds under seal: signatures and encrypted texts. Its format names the issuer."""
    blobs = []
    for item in details if type(details) is list else ():
        if type(item) is not dict:
            continue
        issuer = item.get("format")
        issuer = issuer if type(issuer) is str else ""
        if type(item.get("signature")) is str and item["signature"]:
            blobs.append(Blob(issuer, item["signature"], "signature"))
        if type(item.get("data")) is str and item["data"]:
            blobs.append(Blob(issuer, item["data"], str(item.get("type", "")).removeprefix("reasoning.")))
    return tuple(blobs)


def write_details(blobs: tuple[Blob, ...]) -> list[dict[str, Any]]:
    """Sealed reasoning as `reasoning_details`."""
    return [
        {"type": "reasoning.text", "text": "", "signature": b.data, "format": b.issuer}
        if b.kind == "signature"
        else {"type": f"reasoning.{b.kind or 'encrypted'}", "data": b.data, "format": b.issuer}
        for b in blobs
    ]


def _read_calls(rest: dict[str, Any]) -> list[Part]:
    calls = rest["tool_calls"]
    if calls is None or calls == []:
        return []
    if type(calls) is not list:
        raise misfit(calls, "a list of tool calls", "tool_calls")
    del rest["tool_calls"]
    found = []
    for i, raw in enumerate(calls):
        try:
            found.append(_read_call(raw))
        except MisfitError as error:
            raise error.under(f"tool_calls[{i}]") from None
    return found


def _read_call(raw: Any) -> Part:
    if type(raw) is not dict:
        raise misfit(raw, "an object with id and function", "")
    function = raw.get("function")
    if type(function) is not dict:
        if function is None and raw.get("type") != "function":
            return OpaquePart(NAME, {"tool_call": raw})
        raise misfit(function, "an object with name and arguments", "function")
    rest, inner = dict(raw), dict(function)
    form: dict[str, Any] = {}
    if rest.get("type") == "function":
        del rest["type"]
    elif "type" not in rest:
        form["type"] = "absent"
    del rest["function"]
    try:
        name = take_text(inner, "name")
        arguments = _take_arguments(inner, form)
    except MisfitError as error:
        raise error.under("function") from None
    if inner:
        form["function"] = inner
    return ToolCallPart(take_text(rest, "id"), name, arguments, keep(rest, form))


def _take_arguments(inner: dict[str, Any], form: dict[str, Any]) -> str:
    """The arguments as JSON text; some hosts send the object itself."""
    if "arguments" not in inner:
        form["arguments"] = "absent"
        return ""
    value = inner.pop("arguments")
    if type(value) is str:
        return value
    if value is None:
        form["arguments"] = "null"
        return ""
    if type(value) is not dict:
        raise misfit(value, "JSON as text", "arguments")
    form["arguments"] = "json"
    return as_json_text(value)


def write_messages(message: Message, place: str, losses: Losses) -> list[dict[str, Any]]:
    """Write one message of a request. It becomes several where tools' answers stand beside other parts."""
    parts, extra = message.parts, message.extra
    if not extra and not message.name and len(parts) == 1 and type(parts[0]) is TextPart and not parts[0].extra:
        return [{"role": message.role, "content": parts[0].text}]
    if extra:
        losses.foreign(extra, place)
    results = [p for p in parts if isinstance(p, ToolResultPart)]
    others = [p for p in parts if not isinstance(p, ToolResultPart)]
    alone = len(results) == 1 and not others
    written = [_write_result(p, message if alone else None, place, losses) for p in results]
    if not others and (results or message.role == "tool"):
        return written
    form = extra.get(FORM) or {}
    out: dict[str, Any] = {**(extra.get(NAME) or {}), "role": "user" if message.role == "tool" else message.role}
    if message.name:
        out["name"] = message.name
    if message.role == "assistant":
        write_said(out, others, form, place, losses, sealed=False)
    else:
        said = [p for p in others if not isinstance(p, (ToolCallPart, ReasoningPart))]
        if len(said) < len(others):
            losses.add(Loss(f"{place}.parts", f"only an assistant says this, not a {message.role}", "medium"))
        write_content(out, said, form, place, losses)
    return [*written, out]


def _write_result(part: ToolResultPart, message: Message | None, place: str, losses: Losses) -> dict[str, Any]:
    """A tool's answer; with `message`, the fields of the message that held it alone."""
    form: dict[str, Any] = {}
    out: dict[str, Any] = {}
    if message is not None:
        form = message.extra.get(FORM) or {}
        out.update(message.extra.get(NAME) or {})
        if message.name or part.name:
            out["name"] = message.name or part.name
    out["role"] = form.get("role", "tool")
    if part.call_id:
        out["tool_call_id"] = part.call_id
    if part.extra:
        losses.foreign(part.extra, place)
    if part.is_error:
        losses.add(Loss(f"{place}.is_error", f"{NAME} cannot mark a tool's answer as an error; its text stays", "low"))
    write_content(out, list(part.parts), form, place, losses)
    return out


def write_said(
    out: dict[str, Any], parts: Sequence[Part], form: dict[str, Any], place: str, losses: Losses, *, sealed: bool
) -> None:
    """Set what an assistant said. `sealed`: reasoning under seal may be written though another dialect brought it."""
    content: list[Part] = []
    calls: list[dict[str, Any]] = []
    reasoning: list[ReasoningPart] = []
    for part in parts:
        match part:
            case ReasoningPart() if "thinking" not in (part.extra.get(FORM) or {}):
                reasoning.append(part)
            case ToolCallPart():
                calls.append(_write_call(part, place, losses))
            case OpaquePart() if part.dialect == NAME and "tool_call" in part.data:
                calls.append(part.data["tool_call"])
            case _:
                content.append(part)
                if calls:
                    losses.add(Loss(f"{place}.parts", "what follows a tool call moves before it", "low"))
    if reasoning:
        _write_reasoning(out, reasoning, place, losses, sealed=sealed)
    write_content(out, content, form, place, losses)
    if calls:
        out["tool_calls"] = calls


def _write_reasoning(
    out: dict[str, Any], parts: list[ReasoningPart], place: str, losses: Losses, *, sealed: bool
) -> None:
    text = "".join(p.text for p in parts)
    field = next((p.extra[FORM]["field"] for p in parts if "field" in (p.extra.get(FORM) or {})), None)
    if field is None:
        field = "reasoning_content" if text else ""
    if field or text:
        out[field or "reasoning_content"] = text
    details: list[Any] = []
    for part in parts:
        losses.foreign(part.extra, place)
        own = (part.extra.get(FORM) or {}).get("details")
        if own is not None and read_details(own) == part.blobs:
            details += own
        elif part.blobs and sealed:
            details += write_details(part.blobs)
        elif part.blobs:
            losses.add(Loss(f"{place}.reasoning", "sealed reasoning goes back to its issuer only", "low"))
    if details:
        out["reasoning_details"] = details


def _write_call(part: ToolCallPart, place: str, losses: Losses) -> dict[str, Any]:
    extra = part.extra
    if not extra:
        plain = {"name": part.name, "arguments": part.arguments}
        return {"id": part.id, "type": "function", "function": plain}
    losses.foreign(extra, place)
    form: dict[str, Any] = extra.get(FORM) or {}
    out: dict[str, Any] = dict(extra.get(NAME) or {})
    if part.id:
        out["id"] = part.id
    if form.get("type") != "absent":
        out.setdefault("type", "function")
    function: dict[str, Any] = dict(form.get("function") or {})
    if part.name:
        function["name"] = part.name
    shape: str | None = form.get("arguments")
    if shape == "json":
        function["arguments"] = _arguments(part.arguments)
    elif part.arguments or shape is None:
        function["arguments"] = part.arguments
    elif shape == "null":
        function["arguments"] = None
    out["function"] = function
    return out


def _arguments(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
