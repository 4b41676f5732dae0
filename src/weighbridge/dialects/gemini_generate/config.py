"""Gemini: `generationConfig`: sampling, the answer's shape, thinking."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Effort, Profile, Request, ResponseFormat, Sampling, Thinking
from weighbridge.dialects import thinking as scale
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.form import FORM, NAME, spellings, take_object, unify
from weighbridge.dialects.gemini_generate.schema import to_json_schema
from weighbridge.dialects.gemini_generate.tools import DEFAULT_RULES
from weighbridge.dialects.schemas import adapt
from weighbridge.dialects.strict import MisfitError, misfit, take

_NUMBER = (int, float)
_FIELDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "temperature": ("temperature", _NUMBER),
    "topP": ("top_p", _NUMBER),
    "topK": ("top_k", (int,)),
    "maxOutputTokens": ("max_tokens", (int,)),
    "seed": ("seed", (int,)),
    "presencePenalty": ("presence_penalty", _NUMBER),
    "frequencyPenalty": ("frequency_penalty", _NUMBER),
    "responseLogprobs": ("logprobs", (bool,)),
    "logprobs": ("top_logprobs", (int,)),
    "candidateCount": ("n", (int,)),
}
CONFIG_NAMES = spellings(
    *_FIELDS, "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "thinkingConfig"
)
_THINKING = spellings("thinkingBudget", "thinkingLevel", "includeThoughts")
_SHAPE = ("responseMimeType", "responseSchema", "responseJsonSchema")
_JSON = "application/json"
_LEVELS: list[str] = ["minimal", "low", "medium", "high"]
_TELLS_TEXT = ["TEXT"]


def read_config(rest: dict[str, Any], form: dict[str, Any]) -> tuple[Sampling, ResponseFormat | None, Thinking]:
    """Take `generationConfig` out of a request; what the canon does not know stays, under dotted names.

    Raises:
        MisfitError: A field has the wrong type.
    """
    if rest.get("generationConfig") is None:
        return Sampling(), None, Thinking()
    config, told = unify(take_object(rest, "generationConfig"), CONFIG_NAMES)
    try:
        found = _read_sampling(config, form)
        shape = _read_shape(config, form)
        thinking = _read_thinking(config, form)
    except MisfitError as error:
        raise error.under("generationConfig") from None
    if config.get("responseModalities") == _TELLS_TEXT:
        form["modalities"] = config.pop("responseModalities")
    if told:
        form["config_snake"] = told
    form["config"] = True
    rest.update((f"generationConfig.{key}", value) for key, value in config.items())
    return found, shape, thinking


def _read_sampling(config: dict[str, Any], form: dict[str, Any]) -> Sampling:
    found: dict[str, Any] = {}
    raws: dict[str, Any] = {}
    for key, (field, types) in _FIELDS.items():
        value = config.get(key)
        if value is None:
            continue
        read = _number(value) if int in types and type(value) not in types else value
        if type(read) not in types:
            raise misfit(value, "true or false" if bool in types else "a number", key)
        if read is not value:
            raws[key] = value
        found[field] = read
        del config[key]
    stops = config.get("stopSequences")
    if stops:
        if type(stops) is not list or not all(type(text) is str for text in stops):
            raise misfit(stops, "a list of texts", "stopSequences")
        found["stop"] = tuple(config.pop("stopSequences"))
    if raws:
        form["numbers"] = raws
    return Sampling(**found)


def _number(value: Any) -> Any:
    """A whole number that was written as text or with a point, as the wire allows."""
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is str and value.isascii() and value.isdigit() and len(value) <= 18:  # noqa: PLR2004 - digits of a 64-bit number
        return int(value)
    return value


def _read_shape(config: dict[str, Any], form: dict[str, Any]) -> ResponseFormat | None:
    told = {key: config[key] for key in _SHAPE if config.get(key) is not None}
    shape = shape_of(told)
    if shape is not None:
        form["shape"] = told
        for key in told:
            del config[key]
    return shape


def shape_of(told: dict[str, Any]) -> ResponseFormat | None:
    """The answer's shape. A schema is always kept to, so it counts as strict; None where it is no JSON, nor text."""
    kind = told.get("responseMimeType")
    schema = told.get("responseJsonSchema")
    if type(schema) is not dict and type(openapi := told.get("responseSchema")) is dict:
        schema = to_json_schema(openapi)
    if kind == _JSON and type(schema) is dict:
        return ResponseFormat("json_schema", schema=schema, strict=True)
    if kind == _JSON:
        return ResponseFormat("json_object")
    return ResponseFormat("text") if kind == "text/plain" and schema is None else None


def _read_thinking(config: dict[str, Any], form: dict[str, Any]) -> Thinking:
    raw = take(config, "thinkingConfig", dict, "an object")
    if raw is None:
        return Thinking()
    form["thinking"] = raw
    try:
        return thinking_of(raw)
    except MisfitError as error:
        raise error.under("thinkingConfig") from None


def thinking_of(raw: dict[str, Any]) -> Thinking:
    """What a `thinkingConfig` asks for. A budget of 0 is off, a negative one leaves it to the engine."""
    told, _ = unify(raw, _THINKING)
    budget, level = told.get("thinkingBudget"), told.get("thinkingLevel")
    if budget is not None and type(_number(budget)) is not int:
        raise misfit(budget, "a whole number", "thinkingBudget")
    show = take(told, "includeThoughts", bool, "true or false")
    effort: Effort = ""
    if level is not None:
        if type(level) is not str:
            raise misfit(level, "a level, such as LOW", "thinkingLevel")
        effort = next((known for known in scale.BUDGETS if known == level.lower()), "")
    tokens = _number(budget)
    if tokens == 0:
        return Thinking(enabled=False, show=show)
    if tokens is not None and tokens < 0:
        return Thinking(True, effort, None, show)  # noqa: FBT003 - a field of the canon
    return Thinking(None, effort, tokens, show)


def write_config(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    """The `generationConfig` without its thinking, in camelCase."""
    form: dict[str, Any] = request.extra.get(FORM) or {}
    out: dict[str, Any] = {}
    raws = form.get("numbers") or {}
    for key, (field, _) in _FIELDS.items():
        value = getattr(request.sampling, field)
        if value is not None:
            out[key] = raws[key] if key in raws and _number(raws[key]) == value else value
    if request.sampling.stop:
        out["stopSequences"] = list(request.sampling.stop)
    if request.response_format is not None:
        told = form.get("shape")
        if told is not None and shape_of(told) == request.response_format and profile.schema is None:
            out.update(told)
        else:
            out.update(_write_shape(request.response_format, profile, losses))
    if "modalities" in form:
        out["responseModalities"] = form["modalities"]
    return out


def _write_shape(shape: ResponseFormat, profile: Profile, losses: Losses) -> dict[str, Any]:
    if shape.kind == "text":
        return {}
    out: dict[str, Any] = {"responseMimeType": _JSON}
    if shape.kind == "json_schema" and shape.schema is not None:
        rules = profile.schema or DEFAULT_RULES
        schema, _ = adapt(shape.schema, rules, strict=shape.strict, place="response_format.schema", losses=losses)
        if shape.description and "description" not in schema and "$ref" not in schema:
            schema = {**schema, "description": shape.description}
        out["responseJsonSchema"] = schema
    return out


def write_thinking(request: Request, profile: Profile, losses: Losses, *, ruled: bool) -> dict[str, Any] | None:
    """The `thinkingConfig`, as it was read or made anew; None for none.

    Args:
        request: What was asked.
        profile: What the engine's rules say of showing its thinking.
        losses: Takes what cannot be asked.
        ruled: The profile has said how much to think.
    """
    thinking = request.thinking
    told = (request.extra.get(FORM) or {}).get("thinking")
    if told is not None and not ruled and thinking_of(told) == thinking:
        return dict(told)
    out = {} if ruled else _native(thinking, losses)
    if thinking.show is not None and not profile.shown:
        out["includeThoughts"] = thinking.show
    return out or None


def _native(thinking: Thinking, losses: Losses) -> dict[str, Any]:
    """A budget where one was told, else a level: what the newest models of this dialect take."""
    level = scale.level(thinking)
    if level == "none":
        return {"thinkingBudget": 0}
    if thinking.budget is not None:
        return {"thinkingBudget": thinking.budget}
    if not level:
        return {"thinkingBudget": -1} if thinking.enabled else {}
    told = scale.nearest(level, _LEVELS)
    if told != level:
        losses.note("thinking", f"{NAME} knows no level {level}, {told} is nearest", "low")
    return {"thinkingLevel": told.upper()}
