"""OpenAI Chat: calls of tools in a message, and their ids."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from weighbridge.canon import Blob, Message, OpaquePart, Part, ToolCallPart, ToolResultPart
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing, keep
from weighbridge.dialects.openai_chat.parts import as_json_text
from weighbridge.dialects.strict import MisfitError, each, misfit, take_text

_SEAL = ("extra_content", "google", "thought_signature")


def read_calls(rest: dict[str, Any]) -> list[Part]:
    """Take the calls of tools out of a message; and of a function, as they were once told."""
    calls = rest.get("tool_calls")
    if calls is None or calls == []:
        return _read_legacy(rest)
    if type(calls) is not list:
        raise misfit(calls, "a list of tool calls", "tool_calls")
    del rest["tool_calls"]
    return each(calls, _read_call, "tool_calls")


def _read_legacy(rest: dict[str, Any]) -> list[Part]:
    call = rest.get("function_call")
    if type(call) is not dict or type(call.get("arguments")) is not str:
        return []
    name = call.get("name")
    if type(name) is not str or not name:
        return []
    del rest["function_call"]
    others = {k: v for k, v in call.items() if k not in ("name", "arguments")}
    return [ToolCallPart("", name, call["arguments"], keep({}, {"legacy": others}))]


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
    seal = take_seal(rest)
    blobs = (Blob(NAME, seal, "signature"),) if seal else ()
    return ToolCallPart(take_text(rest, "id"), name, arguments, keep(rest, form), blobs)


def take_seal(rest: dict[str, Any]) -> str:
    """Take the seal of Google's models out of a call; "" where there is none."""
    outer: Any = rest.get(_SEAL[0])
    inner: Any = outer.get(_SEAL[1]) if type(outer) is dict else None
    seal = inner.get(_SEAL[2]) if type(inner) is dict else None
    if type(seal) is not str or not seal:
        return ""
    vendor = {k: v for k, v in inner.items() if k != _SEAL[2]}
    others = {k: v for k, v in outer.items() if k != _SEAL[1]} | ({_SEAL[1]: vendor} if vendor else {})
    if others:
        rest[_SEAL[0]] = others
    else:
        del rest[_SEAL[0]]
    return seal


def put_seal(out: dict[str, Any], seal: str) -> None:
    """Set the seal of a call, beside what stands there already."""
    outer = out.get(_SEAL[0]) or {}
    out[_SEAL[0]] = {**outer, _SEAL[1]: {**(outer.get(_SEAL[1]) or {}), _SEAL[2]: seal}}


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


# --- ids that the wire leaves out -----------------------------------------------------------------


def made_id(*place: Any) -> str:
    """An id for a call that came without one: the same for the same place."""
    return f"call_{hashlib.sha256(repr(place).encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def with_ids(parts: Sequence[Part], *place: Any) -> tuple[Part, ...]:
    """The parts of an answer, each call with an id."""
    return tuple(
        _named(part, made_id(*place, i, part.name)) if type(part) is ToolCallPart and not part.id else part
        for i, part in enumerate(parts)
    )


def _named(part: ToolCallPart, made: str) -> ToolCallPart:
    extra = {**part.extra, FORM: {**(part.extra.get(FORM) or {}), "id": made}}
    return replace(part, id=made, extra=extra)


def fill_ids(messages: list[Message]) -> None:
    """Give an id to every call without one, and join answers without one to their calls by name, else by order."""
    unanswered: dict[str, str] = {}
    for i, message in enumerate(messages):
        if message.role == "assistant":
            parts = message.parts
            if any(type(p) is ToolCallPart and not p.id for p in parts):
                parts = tuple(
                    _named(p, f"call_{i}_{j}") if type(p) is ToolCallPart and not p.id else p
                    for j, p in enumerate(parts)
                )
                messages[i] = replace(message, parts=parts)
            unanswered = {p.id: p.name for p in parts if type(p) is ToolCallPart}
        elif message.role == "tool":
            part = message.parts[0]
            assert isinstance(part, ToolResultPart)  # the reader makes no other message of a tool
            if not part.call_id:
                near = (made for made, name in unanswered.items() if name == part.name)
                made = next(near, None) or next(iter(unanswered), f"call_{i}")
                extra = {**part.extra, FORM: {**(part.extra.get(FORM) or {}), "id": made}}
                part = replace(part, call_id=made, extra=extra)
                messages[i] = replace(message, parts=(part,))
            unanswered.pop(part.call_id, None)


# --- writing --------------------------------------------------------------------------------------


def write_calls(out: dict[str, Any], parts: Sequence[ToolCallPart | OpaquePart], place: str, to: Outgoing) -> None:
    """Set the calls of tools; of a function, where the client or its conversation knows only those."""
    plain = [p for p in parts if isinstance(p, ToolCallPart)]
    if plain and (to.legacy or "legacy" in (plain[0].extra.get(FORM) or {})):
        _write_legacy(out, plain[0])
        if len(parts) > 1:
            to.losses.note(f"{place}.tool_calls", "who knows functions only gets one call at a time", "high")
        return
    calls = []
    blank = "" if to.reply else to.profile.blank_seal
    for part in parts:
        if isinstance(part, OpaquePart):
            calls.append(part.data["tool_call"])
        else:
            calls.append(_write_call(part, place, to, blank))
            blank = ""  # of calls side by side only the first one is sealed
    if calls:
        out["tool_calls"] = calls


def _write_legacy(out: dict[str, Any], part: ToolCallPart) -> None:
    others = (part.extra.get(FORM) or {}).get("legacy") or {}
    out["function_call"] = {**others, "name": part.name, "arguments": part.arguments}


def _write_call(part: ToolCallPart, place: str, to: Outgoing, blank: str) -> dict[str, Any]:
    extra = part.extra
    if not to.reply:
        to.names[part.id] = part.name
    if part.cache:
        to.losses.note(f"{place}.tool_calls.cache", f"{NAME} marks texts only for its cache", "low")
    if not extra and not part.blobs and not blank:
        plain = {"name": part.name, "arguments": part.arguments}
        return {"id": to.ids.out(part.id), "type": "function", "function": plain}
    to.losses.foreign(extra, place)
    form: dict[str, Any] = extra.get(FORM) or {}
    out: dict[str, Any] = dict(extra.get(NAME) or {})
    if part.id != form.get("id") or to.profile.call_ids:
        out["id"] = to.ids.out(part.id)
    if form.get("type") != "absent":
        out.setdefault("type", "function")
    out["function"] = _function(part, form)
    seals = [b.data for b in to.seals(part.blobs, f"{place}.tool_calls") if b.kind in ("signature", "")]
    if seals or blank:
        put_seal(out, seals[0] if seals else blank)
    return out


def _function(part: ToolCallPart, form: dict[str, Any]) -> dict[str, Any]:
    """What is called, in the form in which it came."""
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
    return function


def _arguments(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
