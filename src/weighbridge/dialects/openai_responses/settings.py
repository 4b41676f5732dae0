"""OpenAI Responses: what a request says beside its conversation: sampling, thinking, the answer's shape."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import EFFORTS, Effort, Request, ResponseFormat, Sampling, SchemaRules, Thinking
from weighbridge.dialects import thinking as scale
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_responses.parts import NAME
from weighbridge.dialects.schemas import adapt
from weighbridge.dialects.strict import MisfitError, misfit, take, take_text

LOGPROBS = "message.output_text.logprobs"
SEALED = "reasoning.encrypted_content"
_NUMBER = (int, float)
_SAMPLING: dict[str, tuple[str, tuple[type, ...], str]] = {
    "temperature": ("temperature", _NUMBER, "a number"),
    "top_p": ("top_p", _NUMBER, "a number"),
    "max_output_tokens": ("max_tokens", (int,), "a whole number"),
}
#: What this wire cannot say.
_MISSING = ("stop", "seed", "presence_penalty", "frequency_penalty", "top_k")
_SHOWS = ("summary", "generate_summary")
_PLAIN_SAMPLING = Sampling()


def read_sampling(rest: dict[str, Any], form: dict[str, Any]) -> Sampling:
    """Take the sampling out of a request."""
    found: dict[str, Any] = {}
    for key, (field, types, wanted) in _SAMPLING.items():
        value = take(rest, key, types, wanted) if key in rest else None
        if value is not None:
            found[field] = value
    include = rest.get("include")
    if include is not None:
        _read_include(rest, include, form)
        if LOGPROBS in form.get("include", ()):
            found["logprobs"] = True
            top = take(rest, "top_logprobs", int, "a whole number")
            if top is not None:
                found["top_logprobs"] = top
    return Sampling(**found) if found else _PLAIN_SAMPLING


def _read_include(rest: dict[str, Any], include: Any, form: dict[str, Any]) -> None:
    """What is to be included. That sealed thinking is asked for, or the tokens' chances, the canon tells elsewhere."""
    if type(include) is not list:
        raise misfit(include, "a list of what to include", "include")
    form["include"] = include
    others = [each for each in include if each not in (SEALED, LOGPROBS)]
    if others:
        rest["include"] = others
    else:
        del rest["include"]


def write_sampling(out: dict[str, Any], request: Request, form: dict[str, Any], losses: Losses) -> None:
    """Write the sampling; what this wire cannot say is a loss."""
    sampling = request.sampling
    if sampling is not _PLAIN_SAMPLING:
        named = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_output_tokens": sampling.max_tokens,
            "top_logprobs": sampling.top_logprobs,
        }
        out.update((key, value) for key, value in named.items() if value is not None)
        for field in _MISSING:
            if getattr(sampling, field) not in (None, ()):
                losses.note(field, f"{NAME} has no such field")
        if sampling.n is not None and sampling.n != 1:
            losses.note("n", f"{NAME} gives one answer only", "high")
    include = list(form.get("include") or out.get("include") or ())
    if bool(sampling.logprobs) != (LOGPROBS in include):
        include = [*include, LOGPROBS] if sampling.logprobs else [each for each in include if each != LOGPROBS]
    if include or "include" in form:
        out["include"] = include


def read_thinking(rest: dict[str, Any], form: dict[str, Any]) -> Thinking:
    """Take effort and summary out of `reasoning`. A level that is not of the scale stays a field of this dialect."""
    raw = rest.get("reasoning")
    if raw is None:
        return Thinking()
    if type(raw) is not dict:
        raise misfit(raw, "an object with effort and summary", "reasoning")
    inner = dict(raw)
    effort: Effort = ""
    if type(inner.get("effort")) is str and inner["effort"] in EFFORTS:
        effort = inner.pop("effort")
    shown = {key: inner.pop(key) for key in _SHOWS if type(inner.get(key)) is str and inner[key]}
    if shown:
        form["shown"] = shown
    if inner or len(raw) == 0:
        rest["reasoning"] = inner
    else:
        del rest["reasoning"]
    return Thinking(effort=effort, show=True if shown else None)


def write_thinking(out: dict[str, Any], thinking: Thinking, form: dict[str, Any], losses: Losses) -> None:
    """Write effort and summary. A budget becomes the nearest level."""
    said: dict[str, Any] = {}
    if effort := scale.level(thinking):
        said["effort"] = effort
        told = thinking.budget is not None and not thinking.effort and thinking.enabled is not False
        if told and scale.BUDGETS[effort] != thinking.budget:
            losses.note("thinking", f"a budget of {thinking.budget} tokens is told as the level {effort}", "low")
    if thinking.show:
        said |= form.get("shown") or {"summary": "auto"}
    if said:
        out["reasoning"] = {**(out.get("reasoning") or {}), **said}


def thinks(thinking: Thinking) -> bool:
    """Does a request ask for thinking, in whatever words?"""
    wanted = scale.level(thinking)
    return wanted != "none" and bool(wanted or thinking.enabled or thinking.show or thinking.budget)


def read_text(rest: dict[str, Any], form: dict[str, Any]) -> tuple[ResponseFormat | None, str]:
    """Take the answer's shape and its verbosity out of `text`."""
    raw = rest.get("text")
    if raw is None:
        return None, ""
    if type(raw) is not dict:
        raise misfit(raw, "an object with a format", "text")
    inner = dict(raw)
    told = inner.get("format")
    if told is not None and type(told) is not dict:
        raise misfit(told, "an object with a type", "text.format")
    shape = _format_of(told) if told is not None else None
    if shape is not None:
        del inner["format"]
        if _write_format(shape) != told:
            form["format"] = told
    try:
        verbosity = take_text(inner, "verbosity")
    except MisfitError as error:
        raise error.under("text") from None
    if inner or len(raw) == 0:
        rest["text"] = inner
    else:
        del rest["text"]
    return shape, verbosity


def write_text(
    out: dict[str, Any], request: Request, form: dict[str, Any], rules: SchemaRules | None, losses: Losses
) -> None:
    """Write `text`. `rules`: what the engine takes of schemas, where they must be rewritten."""
    said: dict[str, Any] = {}
    shape = request.response_format
    if shape is not None:
        told = form.get("format")
        said["format"] = told if told is not None and _format_of(told) == shape else _write_format(shape)
        if rules is not None and shape.schema is not None:
            place = "text.format.schema"
            schema, strict = adapt(shape.schema, rules, strict=shape.strict, place=place, losses=losses)
            said["format"] = {**said["format"], "schema": schema} | ({} if strict is None else {"strict": strict})
    if request.verbosity:
        said["verbosity"] = request.verbosity
    if said:
        out["text"] = {**(out.get("text") or {}), **said}


def _format_of(raw: dict[str, Any]) -> ResponseFormat | None:
    kind = raw.get("type")
    if kind == "text":
        return ResponseFormat("text")
    if kind == "json_object":
        return ResponseFormat("json_object")
    if kind != "json_schema":
        return None
    name, schema, strict, said = (raw.get(key) for key in ("name", "schema", "strict", "description"))
    return ResponseFormat(
        "json_schema",
        name if type(name) is str else "",
        schema if type(schema) is dict else None,
        strict if type(strict) is bool else None,
        said if type(said) is str else "",
    )


def _write_format(shape: ResponseFormat) -> dict[str, Any]:
    if shape.kind != "json_schema":
        return {"type": shape.kind}
    out: dict[str, Any] = {"type": shape.kind, "name": shape.name or "answer"}
    if shape.schema is not None:
        out["schema"] = shape.schema
    if shape.strict is not None:
        out["strict"] = shape.strict
    if shape.description:
        out["description"] = shape.description
    return out
