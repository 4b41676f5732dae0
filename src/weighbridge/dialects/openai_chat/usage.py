"""OpenAI Chat: tokens, and why an answer ended."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import FinishReason, Usage
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_chat.outgoing import NAME

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
    "pause_turn": "pause",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
}
_CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
_WRITTEN = ("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")


def finish_reason(raw: Any, *, calls: bool) -> FinishReason:
    """Why an answer ended. Many hosts say `stop` where the engine asks for tools; with `calls` that is put right."""
    found = _FINISH.get(raw, "stop") if type(raw) is str else "stop"
    return "tool_calls" if calls and found == "stop" else found


def told_finish(finish: FinishReason | None, place: str, losses: Losses, *, legacy: bool = False) -> str:
    """Why an answer ended, in one of the five words that clients' types know."""
    if finish == "pause":
        losses.note(f"{place}.finish_reason", f"{NAME} cannot say that the engine wants to go on", "low")
        return "stop"
    if finish == "error":
        losses.note(f"{place}.finish_reason", f"{NAME} cannot say that the engine failed at the end", "medium")
        return "stop"
    if legacy and finish == "tool_calls":
        return "function_call"
    return finish or "stop"


def read_usage(raw: Any) -> Usage | None:
    """The tokens; None where none are told. Hosts differ in where they put cached ones."""
    if type(raw) is not dict or ("prompt_tokens" not in raw and "completion_tokens" not in raw):
        return None
    given, made = _count(raw.get("prompt_tokens")), _count(raw.get("completion_tokens"))
    inside, outside = raw.get("prompt_tokens_details"), raw.get("completion_tokens_details")
    inside = inside if type(inside) is dict else {}
    cached = min(_first(inside, ("cached_tokens",)) or _first(raw, _CACHED), given)
    written = min(_first(inside, _WRITTEN) or _first(raw, _WRITTEN), given - cached)
    thought = _count(outside.get("reasoning_tokens")) if type(outside) is dict else 0
    if thought and _count(raw.get("total_tokens")) == given + made + thought:
        made += thought  # this host counts the thinking beside the answer, not within it
    return Usage(given, cached, made, min(thought, made), raw.get("estimated") is True, written)


def _first(told: dict[str, Any], names: tuple[str, ...]) -> int:
    return next((n for name in names if name in told and (n := _count(told[name]))), 0)


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def write_usage(usage: Usage) -> dict[str, Any]:
    """The tokens, as OpenAI tells them."""
    out: dict[str, Any] = {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }
    inside = {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_written}
    if told := {name: count for name, count in inside.items() if count}:
        out["prompt_tokens_details"] = told
    if usage.reasoning:
        out["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    if usage.estimated:
        out["estimated"] = True
    return out
