"""OpenAI Chat: whole answers, their tokens, and why they ended."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import Choice, FinishReason, Part, Reply, ToolCallPart, Usage
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_chat_message import read_said, write_said
from weighbridge.dialects.openai_chat_parts import FORM, NAME, keep
from weighbridge.dialects.strict import MisfitError, misfit, take_text

#: What hosts say, in the canon's words. Anything else counts as "stop": the answer is whole.
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "sensitive": "content_filter",
    "refusal": "content_filter",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
}


def finish_reason(raw: Any, *, calls: bool) -> FinishReason:
    """Why an answer ended. Many hosts say `stop` where the engine asks for tools; with `calls` that is put right."""
    found = _FINISH.get(raw, "stop") if type(raw) is str else "stop"
    return "tool_calls" if calls and found == "stop" else found


def read_usage(raw: Any) -> Usage | None:
    """The tokens; None where none are told. Hosts differ in where they put cached ones."""
    if type(raw) is not dict or ("prompt_tokens" not in raw and "completion_tokens" not in raw):
        return None
    given, made = _count(raw.get("prompt_tokens")), _count(raw.get("completion_tokens"))
    inside, outside = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    cached = _count(inside.get("cached_tokens")) if type(inside) is dict else 0
    cached = cached or next((n for k in _CACHED if k in raw and (n := _count(raw[k]))), 0)
    thought = _count(outside.get("reasoning_tokens")) if type(outside) is dict else 0
    if thought and _count(raw.get("total_tokens")) == given + made + thought:
        made += thought  # this host counts the thinking beside the answer, not within it
    return Usage(given, min(cached, given), made, min(thought, made), raw.get("estimated") is True)


_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens")


def write_usage(usage: Usage) -> dict[str, Any]:
    """The tokens, as OpenAI tells them."""
    out: dict[str, Any] = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }
    if usage.cached:
        out["prompt_tokens_details"] = {"cached_tokens": usage.cached}
    if usage.reasoning:
        out["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.estimated:
        out["estimated"] = True
    return out


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def read_reply(rest: dict[str, Any]) -> Reply:
    """Read a whole answer; takes the object over.

    Raises:
        MisfitError: It has no choices, or a field has the wrong type.
    """
    raw = rest.pop("choices", None)
    if type(raw) is not list or not raw:
        raise misfit(raw, "a list of choices", "choices") if raw != [] else MisfitError("It is empty.", "", "choices")
    choices = []
    for i, item in enumerate(raw):
        try:
            choices.append(_read_choice(item, i))
        except MisfitError as error:
            raise error.under(f"choices[{i}]") from None
    form: dict[str, Any] = {}
    absent = [key for key in ("id", "object", "created", "model") if key not in rest]
    if absent:
        form["absent"] = absent
    if rest.get("object") == "chat.completion":
        del rest["object"]
    usage = read_usage(rest.get("usage"))
    if usage is not None:
        told = rest.pop("usage")
        if write_usage(usage) != told:
            form["usage"] = told
    created = rest.pop("created") if type(rest.get("created")) is int and rest["created"] else 0
    return Reply(tuple(choices), usage, _name(rest, "id"), _name(rest, "model"), created, keep(rest, form))


def _name(rest: dict[str, Any], key: str) -> str:
    """Take a name that nothing depends on: where it is of another type, the answer is not refused for it."""
    value = rest.get(key)
    return rest.pop(key) if type(value) is str and value else ""


def _read_choice(raw: Any, place: int) -> Choice:
    if type(raw) is not dict:
        raise misfit(raw, "an object with a message", "")
    rest = dict(raw)
    form: dict[str, Any] = {}
    message = rest.pop("message", None)
    if type(message) is not dict:
        raise misfit(message, "an object", "message")
    try:
        parts, refusal = _read_message(dict(message), form)
    except MisfitError as error:
        raise error.under("message") from None
    if "index" not in rest:
        form["index"] = "absent"
    elif rest["index"] == place and type(rest["index"]) is int:
        del rest["index"]
    finish = finish_reason(rest.get("finish_reason"), calls=_calls(parts))
    if "finish_reason" not in rest:
        form["finish_absent"] = True
    elif (told := rest.pop("finish_reason")) != finish:
        form["finish"] = told
    return Choice(parts, finish, refusal, keep(rest, form))


def _read_message(rest: dict[str, Any], form: dict[str, Any]) -> tuple[tuple[Part, ...], str]:
    """What was said, and the refusal. Further fields of the message are kept in `form`."""
    if "role" not in rest:
        form["role"] = "absent"
    elif rest["role"] == "assistant":
        del rest["role"]
    refusal = take_text(rest, "refusal")
    parts = tuple(read_said(rest, form))
    if rest:
        form["message"] = rest
    return parts, refusal


def _calls(parts: tuple[Part, ...]) -> bool:
    return any(type(p) is ToolCallPart for p in parts)


def write_reply(reply: Reply, losses: Losses) -> dict[str, Any]:
    """Write a whole answer."""
    form: dict[str, Any] = reply.extra.get(FORM) or {}
    out: dict[str, Any] = dict(reply.extra.get(NAME) or {})
    absent = form.get("absent", ())
    known = {"id": reply.id, "object": "", "created": reply.created, "model": reply.model}
    for key, value in known.items():
        if value:
            out[key] = value
        elif key not in out and key not in absent:
            out[key] = value or ("chat.completion" if key == "object" else value)
    out["choices"] = [_write_choice(choice, i, losses) for i, choice in enumerate(reply.choices)]
    if reply.usage is not None:
        told = form.get("usage")
        out["usage"] = told if told is not None and read_usage(told) == reply.usage else write_usage(reply.usage)
    return out


def _write_choice(choice: Choice, index: int, losses: Losses) -> dict[str, Any]:
    form: dict[str, Any] = choice.extra.get(FORM) or {}
    out: dict[str, Any] = dict(choice.extra.get(NAME) or {})
    if form.get("index") != "absent":
        out.setdefault("index", index)
    message: dict[str, Any] = dict(form.get("message") or {})
    if form.get("role") != "absent":
        message.setdefault("role", "assistant")
    write_said(message, choice.parts, form, f"choices[{index}]", losses, sealed=True)
    if choice.refusal:
        message["refusal"] = choice.refusal
    out["message"] = message
    calls = _calls(choice.parts)
    if "finish" in form and finish_reason(form["finish"], calls=calls) == choice.finish:
        out["finish_reason"] = form["finish"]
    elif not (form.get("finish_absent") and finish_reason(None, calls=calls) == choice.finish):
        out["finish_reason"] = choice.finish
    return out


def encode(value: Any) -> bytes:
    """JSON bytes."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder()
