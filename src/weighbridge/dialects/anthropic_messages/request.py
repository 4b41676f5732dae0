"""Anthropic Messages: reading requests."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Message, OpaquePart, Part, Request, Role, Sampling, TextPart, Tool
from weighbridge.dialects.anthropic_messages import thinking
from weighbridge.dialects.anthropic_messages.choice import read_choice
from weighbridge.dialects.anthropic_messages.common import EXTRAS, NAME, keep, take_cache, take_content
from weighbridge.dialects.anthropic_messages.format import read_format
from weighbridge.dialects.anthropic_messages.parts import read_block
from weighbridge.dialects.strict import MisfitError, each, each_at, misfit, take, take_text
from weighbridge.errors import did_you_mean

LONGEST_NAME = 512
#: The key of the form that says: this was read from here, so the order of turns stays as it is.
OWN = "own"
_NUMBER = (int, float)
_SAMPLING: dict[str, tuple[tuple[type, ...], str]] = {
    "max_tokens": ((int,), "a whole number"),
    "temperature": (_NUMBER, "a number"),
    "top_p": (_NUMBER, "a number"),
    "top_k": ((int,), "a whole number"),
}
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
#: The canon has OpenAI's word for the host's ordinary tier.
TIERS = {"standard_only": "default"}


def read_request(rest: dict[str, Any]) -> Request:
    """Read a request; takes the object over.

    Raises:
        MisfitError: A field is missing or has the wrong type.
    """
    form: dict[str, Any] = {OWN: True}
    model = take_text(rest, "model")
    if not model or len(model) > LONGEST_NAME:
        what = "It is missing." if not model else f"It has {len(model)} characters."
        raise MisfitError(what, "Give the name of a route or an engine.", "model")
    messages = (*_read_system(rest, form), *_read_messages(rest))
    tools = (*_read_tools(rest), *_read_servers(rest))
    stream = take(rest, "stream", bool, "true or false")
    if stream is False:
        form["stream"] = False
    choice, parallel = read_choice(rest, form)
    shape = read_format(rest, form)
    asked = _read_thinking(rest, form)
    sampling = _read_sampling(rest)
    user = _read_user(rest)
    tier = take_text(rest, "service_tier")
    return Request(
        model,
        messages,
        tools,
        choice,
        parallel,
        shape,
        sampling,
        asked,
        stream or False,
        user=user,
        service_tier=TIERS.get(tier, tier),
        extra=keep(rest, form),
    )


def _read_system(rest: dict[str, Any], form: dict[str, Any]) -> tuple[Message, ...]:
    raw = rest.get("system")
    if raw is None:
        return ()
    if type(raw) in (str, list) and not raw:
        form["system"] = rest.pop("system")
        return ()
    own: dict[str, Any] = {}
    parts = take_content(rest, own, lambda block, i: read_block(block, f"call_system_{i}"), "system")
    return (Message("system", tuple(parts), extra=keep({}, own)),)


def _read_messages(rest: dict[str, Any]) -> list[Message]:
    raw = take(rest, "messages", list, "a list of messages")
    if not raw:
        raise MisfitError("It is missing." if raw is None else "It is empty.", "Give at least one message.", "messages")
    return each_at(raw, lambda item, i: _read_message(item, i, leads=i == 0), "messages")


def _read_message(raw: Any, place: int, *, leads: bool) -> Message:
    if type(raw) is not dict:
        raise misfit(raw, "an object with role and content", "")
    role = raw.get("role")
    if type(role) is not str or role not in _ROLES:
        if type(role) is not str or not role:
            raise misfit(role, "user or assistant", "role") if role else _missing("role", "Give user or assistant.")
        raise MisfitError(f"'{role[:40]}' is not a role.", did_you_mean(role, _ROLES), "role")
    if "content" not in raw:
        raise _missing("content", "Give text or a list of blocks.")
    content = raw["content"]
    side = _ROLES[role]
    if len(raw) == 2 and type(content) is str and content and side != "system":  # noqa: PLR2004 - both fields
        return Message(side, (TextPart(content),))
    rest = {k: v for k, v in raw.items() if k != "role"}
    form: dict[str, Any] = {}
    parts: list[Part] = take_content(rest, form, lambda block, i: read_block(block, f"call_{place}_{i}"))
    if role == "system" and leads:
        form["leads"] = True
    return Message(side, tuple(parts), extra=keep(rest, form))


def _missing(field: str, fix: str) -> MisfitError:
    return MisfitError("It is missing.", fix, field)


def _read_tools(rest: dict[str, Any]) -> list[Tool]:
    raw = rest.get("tools")
    if not raw:
        if raw is None or raw == []:
            return []
        raise misfit(raw, "a list of tools", "tools")
    if type(raw) is not list:
        raise misfit(raw, "a list of tools", "tools")
    del rest["tools"]
    return each(raw, _read_tool, "tools")


def _read_tool(raw: Any) -> Tool:
    """Read a function. A host's own tool has a type of its own, and is kept whole."""
    if type(raw) is not dict:
        raise misfit(raw, "an object with name and input_schema", "")
    kind = raw.get("type")
    if kind is not None and kind != "custom":
        return Tool("", opaque=OpaquePart(NAME, raw))
    rest = dict(raw)
    form: dict[str, Any] = {}
    if kind is not None:
        form["type"] = rest.pop("type")
    name = take_text(rest, "name")
    if not name:
        raise MisfitError("It is missing.", "Give the tool a name.", "name")
    description = take_text(rest, "description")
    if rest.get("description") == "":
        form["description"] = rest.pop("description")
    schema = take(rest, "input_schema", dict, "a JSON schema")
    if schema is None and "input_schema" not in raw:
        form["schema"] = "absent"
    strict = take(rest, "strict", bool, "true or false")
    cache = take_cache(rest, form)
    return Tool(name, description, schema, strict, keep(rest, form), cache)


def _read_servers(rest: dict[str, Any]) -> list[Tool]:
    """Servers of tools that the host is to call: they count as tools of the host."""
    raw = rest.get("mcp_servers")
    if type(raw) is not list or not raw:
        return []
    return [Tool("", opaque=OpaquePart(NAME, {"mcp_servers": rest.pop("mcp_servers")}))]


def _read_sampling(rest: dict[str, Any]) -> Sampling:
    found: dict[str, Any] = {}
    for key in [k for k in rest if k in _SAMPLING]:
        types, wanted = _SAMPLING[key]
        value = take(rest, key, types, wanted)
        if value is not None:
            found[key] = value
    stop = rest.get("stop_sequences")
    if stop:
        if type(stop) is not list:
            raise misfit(stop, "a list of texts", "stop_sequences")
        for i, item in enumerate(stop):
            if type(item) is not str:
                raise misfit(item, "text", f"stop_sequences[{i}]")
        found["stop"] = tuple(rest.pop("stop_sequences"))
    return Sampling(**found)


def _read_user(rest: dict[str, Any]) -> str:
    metadata = rest.get("metadata")
    if metadata is not None and type(metadata) is not dict:
        raise misfit(metadata, "an object", "metadata")
    user = metadata.get("user_id") if metadata else None
    if not metadata or type(user) is not str or not user:
        return ""
    others = {k: v for k, v in metadata.items() if k != "user_id"}
    if others:
        rest["metadata"] = others
    else:
        del rest["metadata"]
    return user


def _read_thinking(rest: dict[str, Any], form: dict[str, Any]) -> Any:
    raw = rest.get("thinking")
    config = rest.get("output_config")
    effort = config.get("effort") if type(config) is dict else None
    asked = thinking.read(raw, effort)
    if asked is None:
        asked = thinking.read(None, effort)
        raw = None
        assert asked is not None
    elif raw is not None:
        del rest["thinking"]
    told = effort if asked.effort else ""
    if told and type(config) is dict:
        rest["output_config"] = {k: v for k, v in config.items() if k != "effort"}
        if not rest["output_config"]:
            del rest["output_config"]
    if (raw or told) and thinking.write(asked, None, EXTRAS.losses()) != (raw, told):
        form["thinking"] = [raw, told]
    return asked
