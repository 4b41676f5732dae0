"""OpenAI Chat: requests."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Message, Profile, Request, Sampling
from weighbridge.dialects import profiles, thinking
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_chat.calls import fill_ids
from weighbridge.dialects.openai_chat.message import read_message
from weighbridge.dialects.openai_chat.outgoing import EXTRAS, FORM, NAME, NEUTRAL, Outgoing
from weighbridge.dialects.openai_chat.thinking import read_thinking, write_thinking
from weighbridge.dialects.openai_chat.tools import (
    read_choice,
    read_format,
    read_tools,
    write_choice,
    write_format,
    write_tools,
)
from weighbridge.dialects.openai_chat.turns import write_messages
from weighbridge.dialects.strict import MisfitError, each, misfit, take, take_text

LONGEST_NAME = 512
_NUMBER = (int, float)
_SAMPLING: dict[str, tuple[str, tuple[type, ...], str]] = {
    "temperature": ("temperature", _NUMBER, "a number"),
    "top_p": ("top_p", _NUMBER, "a number"),
    "top_k": ("top_k", (int,), "a whole number"),
    "max_tokens": ("max_tokens", (int,), "a whole number"),
    "max_completion_tokens": ("max_tokens", (int,), "a whole number"),
    "seed": ("seed", (int,), "a whole number"),
    "presence_penalty": ("presence_penalty", _NUMBER, "a number"),
    "frequency_penalty": ("frequency_penalty", _NUMBER, "a number"),
    "logprobs": ("logprobs", (bool,), "true or false"),
    "top_logprobs": ("top_logprobs", (int,), "a whole number"),
    "n": ("n", (int,), "a whole number"),
}
_PLAIN_SAMPLING = Sampling()
_NO_TEXTS = ("", "", "", "")
#: Fields that ask for tools, in every form that is known.
_TOOLS = frozenset({"tools", "functions", "tool_choice", "function_call", "web_search_options", "plugins"})
#: Fields that stay unknown here, and without which an answer of another dialect is not what was asked for.
_GRAVE = ("tools", "functions", "tool_choice", "function_call", "response_format", "modalities", "audio")


def read_request(rest: dict[str, Any]) -> Request:
    """Read a request; takes the object over.

    Raises:
        MisfitError: A field is missing or has the wrong type.
    """
    form: dict[str, Any] = {}
    model = take_text(rest, "model")
    if not model or len(model) > LONGEST_NAME:
        what = "It is missing." if not model else f"It has {len(model)} characters."
        raise MisfitError(what, "Give the name of a route or an engine.", "model")
    messages = _read_messages(rest)
    asks = not _TOOLS.isdisjoint(rest)
    tools = read_tools(rest, form) if asks else ()
    choice = read_choice(rest, form) if asks else None
    stream = take(rest, "stream", bool, "true or false")
    if stream is False:
        rest["stream"] = False
    usage = _read_stream_options(rest) if "stream_options" in rest else False
    parallel = take(rest, "parallel_tool_calls", bool, "true or false")
    metadata = take(rest, "metadata", dict, "an object")
    if metadata == {}:
        rest["metadata"] = metadata
    sampling = _read_sampling(rest, form)
    shape = read_format(rest, form) if "response_format" in rest else None
    asked = read_thinking(rest, form)
    user, tier, verbosity, cache_key = _read_texts(rest, form) if rest else _NO_TEXTS
    extra = {NAME: rest, FORM: form} if rest else {FORM: form}
    return Request(
        model, messages, tools, choice, parallel, shape, sampling, asked, stream or False, usage, user, metadata or {},
        tier, extra, verbosity, cache_key=cache_key,
    )  # fmt: skip


def _read_texts(rest: dict[str, Any], form: dict[str, Any]) -> tuple[str, str, str, str]:
    """The user, the service's tier, the verbosity and the cache's key. What is left then stays unknown."""
    user = take_text(rest, "user")
    if not user and (user := take_text(rest, "safety_identifier")):
        form["user"] = "safety_identifier"
    tier, verbosity = take_text(rest, "service_tier"), take_text(rest, "verbosity")
    cache_key = take_text(rest, "prompt_cache_key")
    if grave := [name for name in _GRAVE if rest.get(name)]:
        form["grave"] = grave
    return user, tier, verbosity, cache_key


def _read_messages(rest: dict[str, Any]) -> tuple[Message, ...]:
    raw = take(rest, "messages", list, "a list of messages")
    if not raw:
        raise MisfitError("It is missing." if raw is None else "It is empty.", "Give at least one message.", "messages")
    found = each(raw, read_message, "messages")
    fill_ids(found)
    return tuple(found)


def _read_stream_options(rest: dict[str, Any]) -> bool:
    options = rest["stream_options"]
    if options is None:
        return False
    if type(options) is not dict:
        raise misfit(options, "an object", "stream_options")
    if options.get("include_usage") is not True:
        return False
    others = {k: v for k, v in options.items() if k != "include_usage"}
    if others:
        rest["stream_options"] = others
    else:
        del rest["stream_options"]
    return True


def _read_sampling(rest: dict[str, Any], form: dict[str, Any]) -> Sampling:
    found: dict[str, Any] = {}
    for key in [k for k in rest if k in _SAMPLING]:
        field, types, wanted = _SAMPLING[key]
        value = rest[key]
        if value is None:
            continue
        if type(value) not in types:
            raise misfit(value, wanted, key)
        if key == "max_tokens" and rest.get("max_completion_tokens") is not None:
            continue  # the newer name wins; the older one stays as it is
        if key == "max_completion_tokens":
            form["max_tokens"] = key
        del rest[key]
        found[field] = value
    stop = rest.get("stop")
    if stop:
        found["stop"] = _read_stop(stop)
        del rest["stop"]
        if type(stop) is str:
            form["stop"] = "text"
    return Sampling(**found) if found else _PLAIN_SAMPLING


def _read_stop(stop: Any) -> tuple[str, ...]:
    if type(stop) is str:
        return (stop,)
    if type(stop) is not list:
        raise misfit(stop, "text or a list of texts", "stop")
    for i, item in enumerate(stop):
        if type(item) is not str:
            raise misfit(item, "text", f"stop[{i}]")
    return tuple(stop)


def write_request(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    """Write a request for an engine, its profile applied."""
    out = _build(request, profile, losses, whole=True)
    _ask_for_usage(out, request, profile, losses)
    profiles.apply(out, profile, losses)
    return out


def _build(request: Request, profile: Profile, losses: Losses, *, whole: bool) -> dict[str, Any]:
    """A request, but for the rules about its wire fields; without `whole`, without its messages."""
    to = Outgoing(losses, profile, own=FORM in request.extra, blank=_blank(request, profile))
    losses.foreign(request.extra, "")
    out = _write_head(request, to)
    if whole:
        request = profiles.refuse_media(request, profile, losses)
        messages = profiles.place_system(request.messages, profile.system, losses)
        out["messages"] = write_messages(profiles.replay(messages, profile.replay, NAME), to)
    return out


def _blank(request: Request, profile: Profile) -> str:
    """Must earlier turns hold thinking even where there is none? Not while the engine is kept from it."""
    if profile.replay not in ("always", "tools") or thinking.level(request.thinking) == "none":
        return ""
    return profile.replay


def _write_head(request: Request, to: Outgoing) -> dict[str, Any]:
    """All fields but the messages."""
    form: dict[str, Any] = request.extra.get(FORM) or {}
    out: dict[str, Any] = {"model": request.model, **(request.extra.get(NAME) or {})}
    if request.tools:
        write_tools(out, request.tools, to)
    if request.tool_choice is not None:
        write_choice(out, request.tool_choice, form, to)
    if request.response_format is not None:
        write_format(out, request.response_format, form, to)
    if request.parallel_tool_calls is not None and (to.own or "tools" in out):
        out["parallel_tool_calls"] = request.parallel_tool_calls
    if request.sampling is not _PLAIN_SAMPLING:
        _write_sampling(out, request.sampling, form)
    if request.stream:
        out["stream"] = True
    if request.stream_usage:
        out["stream_options"] = {**(out.get("stream_options") or {}), "include_usage": True}
    named = {
        form.get("user", "user"): request.user,
        "metadata": request.metadata,
        "service_tier": request.service_tier,
        "verbosity": request.verbosity,
        "prompt_cache_key": request.cache_key,
    }
    out.update((key, value) for key, value in named.items() if value)
    if request.continues:
        to.losses.note("continues", f"{NAME} cannot go on from an earlier answer by its id", "high")
    write_thinking(out, request, form, to)
    return out


def _write_sampling(out: dict[str, Any], sampling: Sampling, form: dict[str, Any]) -> None:
    for field in sampling.__struct_fields__:
        value = getattr(sampling, field)
        if value is None or value == ():
            continue
        if field == "stop":
            out["stop"] = value[0] if form.get("stop") == "text" and len(value) == 1 else list(value)
        else:
            out[form.get("max_tokens", field) if field == "max_tokens" else field] = value


def _asks_for_usage(request: Request, profile: Profile) -> bool:
    """Must the tokens of a stream be asked for on the client's behalf?"""
    return request.stream and not request.stream_usage and profile.stream_usage


def _ask_for_usage(out: dict[str, Any], request: Request, profile: Profile, losses: Losses) -> None:
    """See to it that a stream tells its tokens, in the way that the engine knows."""
    options = out.get("stream_options") or {}
    if _asks_for_usage(request, profile):
        out["stream_options"] = {**options, "include_usage": True}
    elif not profile.stream_usage and "include_usage" in options:
        rest = {k: v for k, v in options.items() if k != "include_usage"}
        if rest:
            out["stream_options"] = rest
        else:
            del out["stream_options"]
        losses.note("stream_options.include_usage", "the engine does not know this option", "low")


def changes(request: Request, profile: Profile) -> bool:
    """Would writing change anything in a request that was read in this dialect? Most often that is told at once."""
    if _asks_for_usage(request, profile):
        return True
    told = request.stream_usage or "include_usage" in ((request.extra.get(NAME) or {}).get("stream_options") or {})
    if told and not profile.stream_usage:
        return True
    demands = profile.replay in ("always", "tools") or profile.audio_uri is not None
    if profiles.is_neutral(profile) and not demands:
        return False
    whole = demands or profiles.touches_messages(profile)
    unused = EXTRAS.losses()
    out = _build(request, profile, unused, whole=whole)
    if profiles.apply(out, profile, unused):
        return True
    bends = whole or profile.efforts or profile.budget or profile.shown or profile.choices or profile.schema
    return bool(bends) and out != _build(request, NEUTRAL, unused, whole=whole)
