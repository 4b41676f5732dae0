"""Gemini: requests. The model's name and the wish for a stream stand in the path, not in the body."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weighbridge.canon import Message, OpaquePart, Profile, Request, ToolResultPart
from weighbridge.dialects import profiles
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.config import CONFIG_NAMES, read_config, write_config, write_thinking
from weighbridge.dialects.gemini_generate.contents import (
    read_contents,
    read_system,
    seal_calls,
    write_as_read,
    write_in_turns,
    write_system,
)
from weighbridge.dialects.gemini_generate.form import EXTRAS, FORM, NAME, keep, spell, spellings, unify
from weighbridge.dialects.gemini_generate.said import PartWriter
from weighbridge.dialects.gemini_generate.tools import (
    declares,
    read_tool_config,
    read_tools,
    write_tool_config,
    write_tools,
)
from weighbridge.dialects.ids import CallIds
from weighbridge.dialects.strict import MisfitError, take

LONGEST_NAME = 512
_NAMES = spellings("systemInstruction", "generationConfig", "toolConfig", "serviceTier")
_NESTED = ("generationConfig", "toolConfig")
_TIERS = {"standard": "default", "flex": "flex", "priority": "priority"}
_TIERS_BACK = {canon: wire for wire, canon in _TIERS.items()}
_SYSTEM = ("system", "developer")
#: Unknown fields without which the answer is not what was asked for: part of the prompt, another kind of answer.
_GRAVE = ("cachedContent", "cached_content", "generationConfig.responseModalities", "generationConfig.speechConfig")
_NEUTRAL = Profile()


def read_request(raw: dict[str, Any], model: str, *, stream: bool) -> Request:
    """Read a request.

    Raises:
        MisfitError: A field is missing or has the wrong type.
    """
    if not model or len(model) > LONGEST_NAME:
        what = "The path names no model." if not model else f"The model's name has {len(model)} characters."
        raise MisfitError(what, "Give the name of a route or an engine in the path.", "model")
    rest, told = unify(raw, _NAMES)
    form: dict[str, Any] = {"snake": told} if told else {}
    if odd := {key: rest.pop(key) for key in list(rest) if "." in key}:
        form["odd"] = odd
    messages: tuple[Message, ...] = ()
    if rest.get("systemInstruction") is not None:
        try:
            messages = (read_system(rest.pop("systemInstruction")),)
        except MisfitError as error:
            raise error.under("systemInstruction") from None
    turns, shape = read_contents(rest.pop("contents", None))
    if type(rest.get("tools")) is dict:
        form["tools"] = "object"
    tools = read_tools(rest)
    choice, validated = read_tool_config(rest, form)
    if validated:
        tools = tuple(tool if tool.opaque is not None else replace(tool, strict=True) for tool in tools)
    sampling, answer, thinking = read_config(rest, form)
    labels: dict[str, Any] = (take(rest, "labels", dict, "an object") if rest.get("labels") else None) or {}
    tier = rest.pop("serviceTier") if rest.get("serviceTier") in _TIERS else ""
    form.update(shape, own=True)
    if grave := [field for field in _GRAVE if field in rest]:
        form["grave"] = grave
    return Request(
        model,
        messages + turns,
        tools,
        choice,
        response_format=answer,
        sampling=sampling,
        thinking=thinking,
        stream=stream,
        stream_usage=stream,
        metadata=labels,
        service_tier=_TIERS.get(tier, ""),
        extra=keep(rest, form),
    )


def write_request(request: Request, profile: Profile, losses: Losses, *, exact: bool | None = None) -> dict[str, Any]:
    """Write a request for an engine, its profile applied.

    Args:
        request: What was asked.
        profile: The engine's quirks.
        losses: Takes what cannot be written.
        exact: Names are spelled as they came; else all in camelCase, as a profile's rules name them. None: where the
            profile has no rules.
    """
    form = _form(request)
    exact = profiles.is_neutral(profile) if exact is None else exact
    out = _build(request, profile, losses, exact=exact)
    _put(out, "generationConfig", write_config(request, profile, losses), force=bool(form.get("config")))
    ruled = profiles.apply_thinking(out, request.thinking, profile, losses)
    if (thinking := write_thinking(request, profile, losses, ruled=ruled)) is not None:
        config = dict(out.get("generationConfig") or {})
        config["thinkingConfig"] = {**thinking, **(config.get("thinkingConfig") or {})}
        out["generationConfig"] = config
    if profiles.apply(out, profile, losses):
        _tidy(out)
    if not exact:
        return out
    if type(out.get("generationConfig")) is dict:
        spell(out["generationConfig"], form.get("config_snake", ()), CONFIG_NAMES)
    return spell(out, form.get("snake", ()), _NAMES)


def _form(request: Request) -> dict[str, Any]:
    form: dict[str, Any] = request.extra.get(FORM) or {}
    return form


def _build(request: Request, profile: Profile, losses: Losses, *, exact: bool) -> dict[str, Any]:
    """The request without what limits its answer."""
    form = _form(request)
    request = profiles.refuse_media(request, profile, losses)
    losses.foreign(request.extra, "")
    out = _expand(request.extra.get(NAME) or {})
    out.update(form.get("odd") or {})
    _write_conversation(out, request, profile, losses)
    tools, strict = write_tools(request, profile, losses, exact=exact)
    if tools:
        out["tools"] = tools[0] if form.get("tools") == "object" and len(tools) == 1 else tools
    choice = write_tool_config(out, request, profile, losses, strict=strict, exact=exact)
    _put(out, "toolConfig", choice, force=form.get("toolConfig") == "empty")
    if request.service_tier in _TIERS_BACK:
        out["serviceTier"] = _TIERS_BACK[request.service_tier]
    if request.metadata and form:
        out["labels"] = request.metadata
    _note_rest(request, losses)
    return out


def _expand(fields: dict[str, Any]) -> dict[str, Any]:
    """Unknown fields in their places; those with dotted names stand further in."""
    out: dict[str, Any] = {}
    for name, value in fields.items():
        top, dot, inner = name.partition(".")
        if dot and top in _NESTED:
            out.setdefault(top, {})[inner] = value
        else:
            out[name] = value
    return out


def _put(out: dict[str, Any], key: str, fields: dict[str, Any], *, force: bool) -> None:
    """Add fields to an object that may be there; those that are there count."""
    merged = {**fields, **(out.get(key) or {})}
    if merged or force:
        out[key] = merged


def _write_conversation(out: dict[str, Any], request: Request, profile: Profile, losses: Losses) -> None:
    form = _form(request)
    messages = profiles.replay(request.messages, profile.replay, NAME)
    # There is one place for the system's texts, whatever the profile says. A single text there stays as it is.
    messages = profiles.place_system(messages, "one", losses)
    if messages and all(message.role in _SYSTEM for message in messages):
        losses.note("messages", "an answer needs a turn of the user; the system's text becomes one", "medium")
        messages = tuple(replace(message, role="user") for message in messages)
    wire = PartWriter(losses, reply=False, ids=CallIds(profile.call_ids, profile.call_id_length))
    head = next((i for i, message in enumerate(messages) if message.role not in _SYSTEM), len(messages))
    if head:
        out["systemInstruction"] = write_system(messages[:head], wire)
    media = profile.tool_media is not False
    write = write_as_read if form.get("own") else write_in_turns
    contents = write(messages[head:], head, wire, media=media)
    if profile.blank_seal:
        seal_calls(contents, profile.blank_seal)
    out["contents"] = contents[0] if form.get("contents") == "object" and len(contents) == 1 else contents


def _note_rest(request: Request, losses: Losses) -> None:
    """What the wire has no place for."""
    said = {
        "user": request.user,
        "metadata": request.metadata and not _form(request),
        "cache_key": request.cache_key,
        "verbosity": request.verbosity,
        "service_tier": request.service_tier not in ("", "auto", *_TIERS_BACK),
    }
    for field, value in said.items():
        if value:
            losses.note(field, f"{NAME} has no place for it", "low")
    if request.parallel_tool_calls is False:
        losses.note("parallel_tool_calls", f"{NAME} cannot be kept from calling several tools at once", "medium")
    if request.continues:
        losses.note("continues", "what was said until then is not in the request", "high")


def _tidy(out: dict[str, Any]) -> None:
    """After rules took fields away: no empty tool, and no choice of functions where none is declared."""
    if type(out.get("tools")) is list:
        out["tools"] = [tool for tool in out["tools"] if tool]
        if not out["tools"]:
            del out["tools"]
    config = out.get("toolConfig")
    if type(config) is dict and not declares(out):
        kept = {k: v for k, v in config.items() if k not in ("functionCallingConfig", "function_calling_config")}
        if kept:
            out["toolConfig"] = kept
        else:
            del out["toolConfig"]


def changes(request: Request, profile: Profile) -> bool:
    """May the bytes that a client sent not go on as they are?"""
    if any(_foreign(part) for message in request.messages for part in message.parts):
        return True
    if profiles.is_neutral(profile):
        return False
    plain = write_request(request, _NEUTRAL, EXTRAS.losses(), exact=False)
    return write_request(request, profile, EXTRAS.losses(), exact=False) != plain


def _foreign(part: Any) -> bool:
    """Does a part hold what only another engine may see?"""
    if isinstance(part, OpaquePart):
        return part.dialect != NAME
    inner = part.parts if isinstance(part, ToolResultPart) else ()
    return any(blob.issuer != NAME for blob in part.blobs) or any(_foreign(item) for item in inner)
