"""OpenAI Responses: requests."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weighbridge.canon import Message, Profile, Request, SchemaRules, TextPart, Thinking
from weighbridge.dialects import profiles, schemas
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_responses.input import InputWriter
from weighbridge.dialects.openai_responses.items import read_input
from weighbridge.dialects.openai_responses.parts import EXTRAS, FORM, NAME, keep
from weighbridge.dialects.openai_responses.settings import (
    SEALED,
    read_sampling,
    read_text,
    read_thinking,
    thinks,
    write_sampling,
    write_text,
    write_thinking,
)
from weighbridge.dialects.openai_responses.tools import read_choice, read_tools, write_choice, write_tools
from weighbridge.dialects.strict import MisfitError, misfit, take, take_text

LONGEST_NAME = 512
MOST_ITEMS = 100_000
#: What OpenAI demands of strict schemas.
DEFAULT_RULES = schemas.OPENAI
_NEUTRAL = Profile()
_IN_JSON = "Answer in JSON."
#: Where what was said before may stand in place of the input.
_INSTEAD = ("previous_response_id", "conversation", "prompt")
#: Without these the answer is another, or none at all. A value that asks for nothing is kept as form.
_GRAVE = ("conversation", "background", "prompt", "tool_choice", "moderation")
_NOTHING = {"background": (False,), "store": (False,), "instructions": ("",), "truncation": ("disabled",)}


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
    messages = _read_instructions(rest) + _read_input(rest, form)
    tools = read_tools(rest) if "tools" in rest else ()
    stream = take(rest, "stream", bool, "true or false")
    if stream is False:
        rest["stream"] = False
    metadata = take(rest, "metadata", dict, "an object")
    if metadata == {}:
        rest["metadata"] = metadata
    shape, verbosity = read_text(rest, form)
    request = Request(
        model,
        messages,
        tools,
        read_choice(rest, form) if "tool_choice" in rest else None,
        take(rest, "parallel_tool_calls", bool, "true or false"),
        shape,
        read_sampling(rest, form),
        read_thinking(rest, form),
        stream or False,
        stream or False,
        _read_user(rest, form),
        metadata or {},
        take_text(rest, "service_tier"),
        {},
        verbosity,
        take_text(rest, "previous_response_id"),
        take_text(rest, "prompt_cache_key"),
    )
    return _with_extra(request, rest, form)


def _with_extra(request: Request, rest: dict[str, Any], form: dict[str, Any]) -> Request:
    quiet = {key: rest.pop(key) for key, values in _NOTHING.items() if key in rest and rest[key] in values}
    quiet |= {key: rest.pop(key) for key in ("stream", "metadata") if key in rest and not rest[key]}
    if quiet:
        form["quiet"] = quiet
    if grave := [key for key in _GRAVE if rest.get(key) is not None]:
        form["grave"] = grave
    return replace(request, extra=keep(rest, form))


def _read_instructions(rest: dict[str, Any]) -> tuple[Message, ...]:
    text = take_text(rest, "instructions")
    return (Message("system", (TextPart(text),), extra=keep({}, {"instructions": True})),) if text else ()


def _read_input(rest: dict[str, Any], form: dict[str, Any]) -> tuple[Message, ...]:
    raw = rest.get("input")
    if raw is None:
        if not any(rest.get(key) for key in _INSTEAD):
            raise MisfitError("It is missing.", "Give a text or a list of items.", "input")
        form["input"] = "absent"
        return ()
    if type(raw) is str:
        del rest["input"]
        form["input"] = "text"
        return (Message("user", (TextPart(raw),)),)
    if type(raw) is not list:
        raise misfit(raw, "text or a list of items", "input")
    if not raw and not any(rest.get(key) for key in _INSTEAD):
        raise MisfitError("It is empty.", "Give at least one item.", "input")
    if len(raw) > MOST_ITEMS:
        raise MisfitError(f"It has {len(raw)} items.", f"Give at most {MOST_ITEMS}.", "input")
    del rest["input"]
    form["input"] = "items"
    return read_input(raw)


def _read_user(rest: dict[str, Any], form: dict[str, Any]) -> str:
    user = take_text(rest, "user")
    if user:
        return user
    user = take_text(rest, "safety_identifier")
    if user:
        form["user"] = "safety_identifier"
    return user


def write_request(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    """Write a request for an engine, its profile applied."""
    request = profiles.refuse_media(request, profile, losses)
    messages = profiles.place_system(request.messages, profile.system, losses)
    messages = profiles.replay(messages, profile.replay, NAME)
    own = FORM in request.extra
    if request.extra:
        losses.foreign(request.extra, "")
    out = _write_head(request, profile, losses)
    _write_input(out, request, messages, InputWriter(profile, losses, own=own), losses)
    if not own:
        sealed = any("encrypted_content" in item for item in out["input"])
        out["store"] = False
        if sealed or thinks(request.thinking):
            out["include"] = [*out.get("include", ()), SEALED]
    ruled = profiles.apply_thinking(out, request.thinking, profile, losses)
    asked = request.thinking
    if ruled or profile.shown:  # what the profile has words for is written
        asked = Thinking(show=None if profile.shown else asked.show) if ruled else replace(asked, show=None)
    write_thinking(out, asked, EXTRAS.form_of(request.extra), losses)
    profiles.apply(out, profile, losses)
    return out


def _write_head(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    """All fields but the conversation and the thinking."""
    form = EXTRAS.form_of(request.extra)
    rules: SchemaRules | None = profile.schema
    if FORM not in request.extra and rules is None:
        rules = DEFAULT_RULES
    out: dict[str, Any] = {"model": request.model, **EXTRAS.fields(request.extra), **form.get("quiet", {})}
    if request.tools:
        out["tools"] = write_tools(request.tools, rules, losses)
    if request.tool_choice is not None:
        out["tool_choice"] = write_choice(request.tool_choice, form, profile, losses)
    write_text(out, request, form, rules, losses)
    write_sampling(out, request, form, losses)
    if request.parallel_tool_calls is not None:
        out["parallel_tool_calls"] = request.parallel_tool_calls
    if request.stream:
        out["stream"] = True
    named = {
        form.get("user", "user"): request.user,
        "metadata": request.metadata,
        "service_tier": request.service_tier,
        "previous_response_id": request.continues,
        "prompt_cache_key": request.cache_key,
    }
    out.update((key, value) for key, value in named.items() if value)
    return out


def _write_input(
    out: dict[str, Any], request: Request, messages: tuple[Message, ...], writer: InputWriter, losses: Losses
) -> None:
    form = EXTRAS.form_of(request.extra)
    as_json = request.response_format is not None and request.response_format.kind == "json_object"
    lead = _leading(messages, anyone=not form and not as_json)
    if lead is not None:
        out["instructions"] = messages[lead].text
    items = writer.items(messages, lead)
    if as_json and not form and not _says_json(items):
        _ask_for_json(items)
        losses.note("instructions", "the engine demands the word JSON in the input: one more sentence says it", "low")
    if form.get("input") == "text" and len(items) == 1 and items[0].get("role") == "user":
        content = items[0]["content"]
        out["input"] = content if type(content) is str else items
    elif items or form.get("input") != "absent":
        out["input"] = items


def _leading(messages: tuple[Message, ...], *, anyone: bool) -> int | None:
    """Which message stands in the instructions: the one that did, or of another dialect the first plain system text."""
    for i, message in enumerate(messages):
        if EXTRAS.form_of(message.extra).get("instructions"):
            return i if len(message.parts) == 1 and isinstance(message.parts[0], TextPart) else None
    first = messages[0] if anyone and len(messages) > 1 else None  # the input may not be empty
    if first is None or first.role != "system" or first.extra or first.name or len(first.parts) != 1:
        return None
    part = first.parts[0]
    return 0 if isinstance(part, TextPart) and part == TextPart(part.text) and part.text else None


def _ask_for_json(items: list[dict[str, Any]]) -> None:
    """Say the word JSON in the system's text: some engines take one only, and only in the first place."""
    first = items[0] if items else {}
    if first.get("role") == "system" and type(first.get("content")) is str:
        items[0] = {**first, "content": f"{first['content']}\n\n{_IN_JSON}"}
    else:
        items.insert(0, {"role": "system", "content": _IN_JSON})


def _says_json(items: list[dict[str, Any]]) -> bool:
    """Does any text of the input hold the word JSON, in whatever case?"""
    for item in items:
        content = item.get("content") or item.get("output") or ()
        texts = [content] if type(content) is str else [part.get("text") for part in content if type(part) is dict]
        if any(type(text) is str and "json" in text.lower() for text in texts):
            return True
    return False


def changes(request: Request, profile: Profile) -> bool:
    """Would this profile change anything? Most often that is told without writing the request."""
    if profiles.is_neutral(profile) and not profile.calls_together:
        return False
    return write_request(request, profile, EXTRAS.losses()) != write_request(request, _NEUTRAL, EXTRAS.losses())


def echo(asked: Request | None) -> dict[str, Any]:
    """What an answer repeats of its request."""
    out: dict[str, Any] = {
        "background": False,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": None,
        "service_tier": None,
        "store": True,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": None,
        "top_p": None,
        "truncation": "disabled",
        "user": None,
    }
    if asked is None:
        return out
    head = _write_head(asked, _NEUTRAL, EXTRAS.losses())
    write_thinking(head, asked.thinking, EXTRAS.form_of(asked.extra), EXTRAS.losses())
    lead = _leading(asked.messages, anyone=FORM not in asked.extra)
    if lead is not None:
        out["instructions"] = asked.messages[lead].text
    out |= {key: head[key] for key in out if head.get(key) is not None}
    out["text"] = {"format": {"type": "text"}, **out["text"]}
    return out
