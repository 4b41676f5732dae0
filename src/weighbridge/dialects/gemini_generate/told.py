"""Gemini: what stands beside an answer: why it ended, its tokens, how likely they were, when it was made."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weighbridge.canon import FinishReason, Logprob, Usage
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.form import NAME, spellings, unify

#: What the wire says, in the canon's words. Anything else means that the answer is not what it should be.
_FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "FINISH_REASON_UNSPECIFIED": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "ESCALATION": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
_FINISH_BACK: dict[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "error": "OTHER",
    "pause": "STOP",
}
_COUNTS = (
    *("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"),
    *("toolUsePromptTokenCount", "cachedContentTokenCount"),
)
_USAGE = spellings(*_COUNTS)


def finish_reason(raw: Any, *, calls: bool) -> FinishReason:
    """Why an answer ended. The wire says STOP where the engine asks for tools; with `calls` that is put right."""
    found = _FINISH.get(raw, "error") if type(raw) is str else "stop"
    return "tool_calls" if calls and found == "stop" else found


def finish_word(reason: FinishReason, place: str, losses: Losses) -> str:
    """Why an answer ended, in the wire's words."""
    if reason == "pause":
        losses.note(f"{place}.finish", f"{NAME} cannot say that the engine wants to go on", "medium")
    return _FINISH_BACK[reason]


def read_usage(raw: Any) -> Usage | None:
    """The tokens; None where none are told."""
    if type(raw) is not dict:
        return None
    told = raw if "promptTokenCount" in raw else unify(raw, _USAGE)[0]
    if not any(key in told for key in _COUNTS):
        return None
    given, made, thought, tools, cached = [_count(told.get(key)) for key in _COUNTS]
    given += tools
    return Usage(given, min(cached, given), made + thought, thought)


def write_usage(usage: Usage) -> dict[str, Any]:
    """The tokens, as Google tells them."""
    out = {"promptTokenCount": usage.input, "candidatesTokenCount": usage.output - usage.reasoning}
    if usage.reasoning:
        out["thoughtsTokenCount"] = usage.reasoning
    if usage.cached:
        out["cachedContentTokenCount"] = usage.cached
    return {**out, "totalTokenCount": usage.input + usage.output}


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def read_logprobs(raw: Any) -> tuple[Logprob, ...]:
    """How likely each token was."""
    chosen = _objects(raw.get("chosenCandidates")) if type(raw) is dict else []
    tops = raw.get("topCandidates") if type(raw) is dict else None
    found = []
    for i, item in enumerate(chosen):
        top = tops[i].get("candidates") if type(tops) is list and i < len(tops) and type(tops[i]) is dict else None
        likely = tuple((_token(t), _logprob(t)) for t in _objects(top))
        found.append(Logprob(_token(item), _logprob(item), likely))
    return tuple(found)


def write_logprobs(tokens: tuple[Logprob, ...]) -> dict[str, Any]:
    """How likely each token was, as Google tells it."""
    out: dict[str, Any] = {"chosenCandidates": [{"token": t.token, "logProbability": t.logprob} for t in tokens]}
    if any(token.top for token in tokens):
        tops = ([{"token": word, "logProbability": value} for word, value in token.top] for token in tokens)
        out["topCandidates"] = [{"candidates": top} for top in tops]
    return out


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else []


def _token(raw: dict[str, Any]) -> str:
    value = raw.get("token")
    return value if type(value) is str else ""


def _logprob(raw: dict[str, Any]) -> float:
    value = raw.get("logProbability")
    return float(value) if isinstance(value, (int, float)) else 0.0


def seconds(stamp: Any) -> int:
    """Seconds since 1970 of a time as the wire writes it; 0 where it is none."""
    try:
        found = datetime.fromisoformat(stamp) if type(stamp) is str else None
        return int(found.timestamp()) if found is not None and found.tzinfo else 0
    except (ValueError, OverflowError):
        return 0


def stamp_of(created: int) -> str:
    """A time as the wire writes it; "" where it is none."""
    try:
        return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if created > 0 else ""
    except (ValueError, OverflowError, OSError):
        return ""
