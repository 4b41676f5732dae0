"""Anthropic Messages: whole answers, their tokens, and why they ended."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Choice, FinishReason, Part, Reply, ToolCallPart, Usage
from weighbridge.dialects.anthropic_messages.blocks import Blocks
from weighbridge.dialects.anthropic_messages.common import FORM, NAME, keep
from weighbridge.dialects.anthropic_messages.parts import read_block
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.strict import each_at, misfit

#: What the wire says, in the canon's words. Anything else counts as "stop": the answer is whole.
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "pause_turn": "pause",
    "refusal": "content_filter",
}
_REASONS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
    "error": "end_turn",
}
_KNOWN = ("id", "type", "role", "model", "stop_sequence")


def finish_reason(raw: Any, *, calls: bool) -> FinishReason:
    """Why an answer ended. `calls`: it asks for tools, which an engine may have forgotten to say."""
    found = _FINISH.get(raw, "stop") if type(raw) is str else "stop"
    return "tool_calls" if calls and found == "stop" else found


def stop_reason(finish: FinishReason | None, losses: Losses, *, calls: bool, refused: bool = False) -> str | None:
    """The wire's word for why an answer ended."""
    if finish is None:
        return None
    if finish == "error":
        losses.note("choices[0].finish", f"{NAME} has no word for an engine that broke off", "medium")
    if finish == "stop" and (calls or refused):
        return "tool_use" if calls else "refusal"
    return _REASONS[finish]


def read_usage(raw: Any) -> Usage | None:
    """The tokens; None where none are told. On the wire, what was cached does not count as input."""
    if type(raw) is not dict or ("input_tokens" not in raw and "output_tokens" not in raw):
        return None
    cached, written = _count(raw.get("cache_read_input_tokens")), _count(raw.get("cache_creation_input_tokens"))
    details = raw.get("output_tokens_details")
    made = _count(raw.get("output_tokens"))
    thought = _count(details.get("thinking_tokens")) if type(details) is dict else 0
    given = _count(raw.get("input_tokens")) + cached + written
    return Usage(given, cached, made, min(thought, made), raw.get("estimated") is True, written)


def write_usage(usage: Usage) -> dict[str, Any]:
    """The tokens, as the wire tells them."""
    out: dict[str, Any] = {
        "input_tokens": max(usage.input - usage.cached - usage.cache_written, 0),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "output_tokens": usage.output,
    }
    if usage.reasoning:
        out["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.estimated:
        out["estimated"] = True
    return out


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def read_reply(rest: dict[str, Any]) -> Reply:
    """Read a whole answer; takes the object over.

    Raises:
        MisfitError: It has no content, or a block cannot be read.
    """
    parts = _read_content(rest)
    calls = any(isinstance(p, ToolCallPart) for p in parts)
    form: dict[str, Any] = {}
    absent = [key for key in (*_KNOWN, "stop_reason", "usage") if key not in rest]
    if absent:
        form["absent"] = absent
    for key, value in (("type", "message"), ("role", "assistant")):
        if rest.get(key) == value:
            del rest[key]
    if rest.get("stop_sequence", "") is None:
        del rest["stop_sequence"]
    usage = read_usage(rest.get("usage"))
    if usage is not None:
        told = rest.pop("usage")
        if write_usage(usage) != told:
            form["usage"] = told
    raw = rest.pop("stop_reason", None)
    finish = None if raw is None else finish_reason(raw, calls=calls)
    if finish is not None and raw != (told_reason := _reason_of(finish)):
        form["stop_reason"] = [raw, told_reason]
    name, model = _name(rest, "id"), _name(rest, "model")
    return Reply((Choice(parts, finish),), usage, name, model, extra=keep(rest, form))


def _reason_of(finish: FinishReason) -> str:
    return _REASONS[finish]


def _read_content(rest: dict[str, Any]) -> tuple[Part, ...]:
    raw = rest.pop("content", None)
    if type(raw) is not list:
        raise misfit(raw, "a list of blocks", "content")
    made = rest.get("id") if type(rest.get("id")) is str else ""
    parts = each_at(raw, lambda block, i: read_block(block, f"call_{made}_{i}"), "content")
    return tuple(parts)


def _name(rest: dict[str, Any], key: str) -> str:
    """Take a name that nothing depends on: where it is of another type, the answer is not refused for it."""
    value = rest.get(key)
    return rest.pop(key) if type(value) is str and value else ""


def write_reply(reply: Reply, losses: Losses) -> dict[str, Any]:
    """Write a whole answer: its first choice."""
    form: dict[str, Any] = reply.extra.get(FORM) or {}
    absent = form.get("absent", ())
    losses.foreign(reply.extra, "")
    if len(reply.choices) > 1:
        losses.note("choices", f"{NAME} gives one answer: the first of {len(reply.choices)}", "high")
    choice = reply.choices[0] if reply.choices else Choice()
    content = write_choice(choice, losses)
    calls = any(isinstance(p, ToolCallPart) for p in choice.parts)
    reason = stop_reason(choice.finish, losses, calls=calls, refused=bool(choice.refusal))
    told = form.get("stop_reason")
    if told is not None and told[1] == reason and choice.finish is not None:
        reason = told[0]
    known: dict[str, Any] = {
        "id": reply.id,
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
    }
    silent = [key for key in absent if key in ("type", "role") or not known.get(key)]
    out = {key: value for key, value in known.items() if key not in silent}
    out.update(reply.extra.get(NAME) or {})
    if reply.usage is not None:
        usage = form.get("usage")
        out["usage"] = usage if usage is not None and read_usage(usage) == reply.usage else write_usage(reply.usage)
    elif "usage" not in absent and "usage" not in out:
        out["usage"] = no_usage(losses)
    return out


def no_usage(losses: Losses) -> dict[str, Any]:
    """What stands in for the tokens where the engine told none."""
    losses.note("usage", "the engine told no tokens, and a count is demanded here: it is 0", "low")
    return write_usage(Usage())


def write_choice(choice: Choice, losses: Losses) -> list[dict[str, Any]]:
    """What one answer says, as blocks."""
    losses.foreign(choice.extra, "choices[0]")
    content = Blocks(losses).write(choice.parts, "choices[0]")
    if choice.refusal:
        losses.note("choices[0].refusal", f"{NAME} tells a refusal as text", "low")
        content.append({"type": "text", "text": choice.refusal})
    if choice.logprobs:
        losses.note("choices[0].logprobs", f"{NAME} has no place for them", "medium")
    return content
