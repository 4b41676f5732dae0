"""OpenAI Chat: whole answers."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import Choice, Logprob, OpaquePart, Part, Reply, Request, ToolCallPart
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_chat.calls import with_ids
from weighbridge.dialects.openai_chat.marks import read_logprobs, write_logprobs
from weighbridge.dialects.openai_chat.message import read_said
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing, keep, says_nothing
from weighbridge.dialects.openai_chat.said import write_said
from weighbridge.dialects.openai_chat.usage import finish_reason, read_usage, told_finish, write_usage
from weighbridge.dialects.strict import MisfitError, each_at, misfit, take_text


def read_reply(rest: dict[str, Any]) -> Reply:
    """Read a whole answer; takes the object over.

    Raises:
        MisfitError: It has no choices, or a field has the wrong type.
    """
    raw = rest.pop("choices", None)
    if type(raw) is not list or not raw:
        raise misfit(raw, "a list of choices", "choices") if raw != [] else MisfitError("It is empty.", "", "choices")
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
    made_id, model = _name(rest, "id"), _name(rest, "model")
    choices = each_at(raw, lambda item, i: _read_choice(item, i, made_id), "choices")
    return Reply(tuple(choices), usage, made_id, model, created, keep(rest, form))


def _name(rest: dict[str, Any], key: str) -> str:
    """Take a name that nothing depends on: where it is of another type, the answer is not refused for it."""
    value = rest.get(key)
    return rest.pop(key) if type(value) is str and value else ""


def _read_choice(raw: Any, place: int, reply_id: str) -> Choice:
    if type(raw) is not dict:
        raise misfit(raw, "an object with a message", "")
    rest = dict(raw)
    form: dict[str, Any] = {}
    message = rest.pop("message", None)
    if type(message) is not dict:
        raise misfit(message, "an object", "message")
    try:
        parts, refusal = _read_message(dict(message), rest, form)
    except MisfitError as error:
        raise error.under("message") from None
    if "index" not in rest:
        form["index"] = "absent"
    elif rest["index"] == place and type(rest["index"]) is int:
        del rest["index"]
    calls = _calls(parts)
    finish = finish_reason(rest.get("finish_reason"), calls=calls)
    if "finish_reason" not in rest:
        form["finish_absent"] = True
    elif (told := rest.pop("finish_reason")) != finish or finish in ("error", "pause"):
        form["finish"] = told
    logprobs = _take_logprobs(rest, form) if rest.get("logprobs") else ()
    return Choice(with_ids(parts, reply_id, place), finish, refusal, keep(rest, form), logprobs)


def _take_logprobs(rest: dict[str, Any], form: dict[str, Any]) -> tuple[Logprob, ...]:
    found = read_logprobs(rest["logprobs"])
    if found:
        told = rest.pop("logprobs")
        if write_logprobs(found) != told:
            form["logprobs"] = told
    return found


def _read_message(rest: dict[str, Any], beside: dict[str, Any], form: dict[str, Any]) -> tuple[tuple[Part, ...], str]:
    """What was said, and the refusal. Further fields of the message go to `beside`; empty ones are a matter of form."""
    if "role" not in rest:
        form["role"] = "absent"
    elif rest["role"] == "assistant":
        del rest["role"]
    refusal = take_text(rest, "refusal")
    if type(rest.get("content")) is list:
        form["content"] = "list"
    parts = tuple(read_said(rest, form))
    if rest:
        form["message"] = {key: value for key, value in rest.items() if says_nothing(value)}
        if len(form["message"]) < len(rest):
            beside["message"] = {key: value for key, value in rest.items() if key not in form["message"]}
    return parts, refusal


def _calls(parts: tuple[Part, ...]) -> bool:
    return any(type(p) is ToolCallPart or (type(p) is OpaquePart and "tool_call" in p.data) for p in parts)


def asks_legacy(asked: Request | None) -> bool:
    """Does the client know functions only, and not tools?"""
    return asked is not None and "legacy" in (asked.extra.get(FORM) or {})


def write_reply(reply: Reply, losses: Losses, asked: Request | None = None) -> dict[str, Any]:
    """Write a whole answer."""
    to = Outgoing(losses, reply=True, legacy=asks_legacy(asked))
    form: dict[str, Any] = reply.extra.get(FORM) or {}
    losses.foreign(reply.extra, "")
    out: dict[str, Any] = dict(reply.extra.get(NAME) or {})
    absent = form.get("absent", ())
    known = {"id": reply.id, "object": "", "created": reply.created, "model": reply.model}
    for key, value in known.items():
        if value:
            out[key] = value
        elif key not in out and key not in absent:
            out[key] = value or ("chat.completion" if key == "object" else value)
    out["choices"] = [_write_choice(choice, i, to) for i, choice in enumerate(reply.choices)]
    if reply.usage is not None:
        told = form.get("usage")
        out["usage"] = told if told is not None and read_usage(told) == reply.usage else write_usage(reply.usage)
    return out


def _write_choice(choice: Choice, index: int, to: Outgoing) -> dict[str, Any]:
    place = f"choices[{index}]"
    form: dict[str, Any] = choice.extra.get(FORM) or {}
    to.losses.foreign(choice.extra, place)
    out: dict[str, Any] = dict(choice.extra.get(NAME) or {})
    if form.get("index") != "absent":
        out.setdefault("index", index)
    message: dict[str, Any] = {**(form.get("message") or {}), **(out.pop("message", None) or {})}
    if form.get("role") != "absent":
        message.setdefault("role", "assistant")
    write_said(message, choice.parts, form, place, to)
    if choice.refusal:
        message["refusal"] = choice.refusal
    out["message"] = message
    calls = _calls(choice.parts)
    if "finish" in form and finish_reason(form["finish"], calls=calls) == choice.finish:
        out["finish_reason"] = form["finish"]
    elif not (form.get("finish_absent") and finish_reason(None, calls=calls) == choice.finish):
        legacy = calls and "tool_calls" not in message
        out["finish_reason"] = told_finish(choice.finish, place, to.losses, legacy=legacy)
    if choice.logprobs:
        told = form.get("logprobs")
        same = told is not None and read_logprobs(told) == choice.logprobs
        out["logprobs"] = told if same else write_logprobs(choice.logprobs)
    return out


def encode(value: Any) -> bytes:
    """JSON bytes."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder()
