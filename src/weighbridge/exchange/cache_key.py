"""Which requests are equal, and which must never be answered from memory: pure functions of a request.

Equal are requests that ask the same thing, in whatever dialect and however they are spelled. Where it is not certain
that an answer may be given twice, it is not: tools act, answers that are drawn at random differ, and a field that
nobody here knows may do either.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from weighbridge.canon import Request
from weighbridge.exchange.call import Call
from weighbridge.routes import Choice

#: Fields that the canon does not know, but which shape an answer and do nothing else.
_SHAPING = frozenset(
    {
        "bad_words",
        "chat_template_kwargs",
        "guided_choice",
        "guided_grammar",
        "guided_json",
        "guided_regex",
        "ignore_eos",
        "include_reasoning",
        "length_penalty",
        "logit_bias",
        "min_p",
        "min_tokens",
        "repetition_penalty",
        "safetySettings",
        "skip_special_tokens",
        "stop_token_ids",
        "top_a",
        "truncation",
    }
)
#: Fields that tell who asks, how the answer is sent, or how a host is to keep its own prompt cache.
_NAMING = frozenset({"prompt_cache_retention", "safety_identifier", "stream", "stream_options"})
#: Details of form that say how the same thing was written.
_SPELLING = frozenset({"config", "content", "input", "instructions", "max_tokens", "own", "quiet", "shape", "stream"})
#: Fields of a request that do not change what is asked.
_ASIDE = ("cache_key", "headers", "metadata", "model", "stream", "stream_usage", "user")


def cache_key(call: Call, choice: Choice) -> bytes | None:
    """What names the answer to a request; None where its answer must not be kept.

    It tells apart routes, the engines that may answer, and callers: two keys share answers only where both are of one
    team and may.
    """
    request = call.request
    any_draw = choice.entry is not None and choice.entry.cache_any
    if not _is_repeatable(request, any_draw=any_draw) or not _is_known(request.extra):
        return None
    engines = [engine.name for engine in choice.engines]
    try:
        told = msgspec.msgpack.encode(
            [choice.route, engines, _caller(call), call.data_class, _canonical(request)], order="sorted"
        )
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError):
        return None  # half a character, a number beyond all bounds: rare, and no reason to refuse the request
    return blake2b(told, digest_size=32).digest()


def _is_repeatable(request: Request, *, any_draw: bool) -> bool:
    sampling = request.sampling
    if request.tools or request.continues or not request.messages:
        return False
    still = sampling.temperature == 0
    if (sampling.n or 1) > 1 and not still:
        return False
    return still or sampling.seed is not None or any_draw


def _is_known(extra: dict[str, Any]) -> bool:
    return all(
        field in _SHAPING or field in _NAMING or _says_nothing(field, value)
        for dialect, fields in extra.items()
        if not dialect.endswith("$")
        for field, value in fields.items()
    )


def _says_nothing(field: str, value: Any) -> bool:
    """Is this what holds anyway where the field is left out?"""
    return value is None or (field == "store" and value is False)


def _caller(call: Call) -> list[str]:
    key = call.key
    if key is None:
        return ["caller", call.caller]
    return ["team", key.team] if key.share_cache and key.team else ["key", key.id]


def _canonical(request: Request) -> dict[str, Any]:
    """A request as one dialect and another would tell it alike."""
    told: dict[str, Any] = msgspec.to_builtins(request)
    # `anthropic-version` and its like: the versions of a wire format, which is not what is asked. Betas are.
    headers = {name: value for name, value in request.headers.items() if "beta" in name and value}
    for name in _ASIDE:
        told.pop(name, None)
    if headers:
        told["headers"] = headers
    for name, value in (sampling := told.get("sampling", {})).items():
        if isinstance(value, int) and name in ("temperature", "top_p"):
            sampling[name] = float(value)
    _clean(told)
    for message in told.get("messages", ()):
        _clean(message)
        for part in message.get("parts", ()):
            _clean(part)
            for inner in part.get("parts", ()):
                _clean(inner)
    return told


def _clean(thing: dict[str, Any]) -> None:
    """Leave out how it was spelled, and the marks of prompt caches."""
    if isinstance(thing.get("cache"), str):
        del thing["cache"]
    kept = {}
    for dialect, fields in thing.pop("extra", {}).items():
        aside = _SPELLING if dialect.endswith("$") else _NAMING
        if left := {name: value for name, value in fields.items() if not (name in aside or _says_nothing(name, value))}:
            kept[dialect] = left
    if kept:
        thing["extra"] = kept
