"""OpenAI Responses: tools, and which of them may or must be called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weighbridge.canon import OpaquePart, Profile, SchemaRules, Tool, ToolChoice
from weighbridge.dialects import profiles
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_responses.parts import EXTRAS, NAME, keep
from weighbridge.dialects.openai_responses.said import uncached
from weighbridge.dialects.schemas import adapt
from weighbridge.dialects.strict import MisfitError, each, misfit, take, take_text

_MODES = frozenset({"auto", "none", "required"})


def read_tools(rest: dict[str, Any]) -> tuple[Tool, ...]:
    """Take the tools out of a request. What is no function has no name in the canon and is kept whole."""
    raw = rest["tools"]
    if raw is None or raw == []:
        return ()
    if type(raw) is not list:
        raise misfit(raw, "a list of tools", "tools")
    del rest["tools"]
    found = each(raw, _read_tool, "tools")
    return tuple(found)


def _read_tool(raw: Any) -> Tool:
    if type(raw) is not dict:
        raise misfit(raw, "an object with type and name", "")
    kind = raw.get("type")
    if type(kind) is not str or not kind:
        raise misfit(kind, "the kind of the tool, such as function", "type")
    if kind != "function":
        return Tool("", opaque=OpaquePart(NAME, raw))
    rest = dict(raw)
    del rest["type"]
    name = take_text(rest, "name")
    if not name:
        raise MisfitError("It is missing.", "Give the function a name.", "name")
    description = take_text(rest, "description")
    schema = take(rest, "parameters", dict, "a JSON schema")
    strict = take(rest, "strict", bool, "true or false")
    return Tool(name, description, schema, strict, keep(rest, {"own": True}))


def write_tools(tools: Sequence[Tool], rules: SchemaRules | None, losses: Losses) -> list[dict[str, Any]]:
    """All tools that this wire knows. `rules`: what the engine takes of schemas, where they must be rewritten."""
    written = (_write_tool(tool, rules, f"tools[{i}]", losses) for i, tool in enumerate(tools))
    return [tool for tool in written if tool is not None]


def _write_tool(tool: Tool, rules: SchemaRules | None, place: str, losses: Losses) -> dict[str, Any] | None:
    if tool.opaque is not None:
        if tool.opaque.dialect == NAME:
            return tool.opaque.data
        losses.note(place, f"{NAME} has no such tool of {tool.opaque.dialect}", "high")
        return None
    losses.foreign(tool.extra, place)
    uncached(tool.cache, place, losses)
    schema, strict = tool.schema, tool.strict
    if rules is not None and schema is not None:
        schema, strict = adapt(schema, rules, strict=strict, place=f"{place}.parameters", losses=losses)
    out: dict[str, Any] = {"type": "function", "name": tool.name, **EXTRAS.fields(tool.extra)}
    if tool.description:
        out["description"] = tool.description
    if not EXTRAS.form_of(tool.extra):
        # Here a function is strict unless it says otherwise; elsewhere it is not.
        out |= {"parameters": schema, "strict": strict or False}
        return out
    if schema is not None:
        out["parameters"] = schema
    if strict is not None:
        out["strict"] = strict
    return out


def read_choice(rest: dict[str, Any], form: dict[str, Any]) -> ToolChoice | None:
    """Take the choice among tools out of a request. One of a host's own tool stays a field of this dialect."""
    raw = rest["tool_choice"]
    if raw is not None and type(raw) not in (str, dict):
        raise misfit(raw, "auto, none, required or an object that names a function", "tool_choice")
    found = _choice_of(raw)
    if found is not None:
        del rest["tool_choice"]
        if _write_choice(found) != raw:
            form["tool_choice"] = raw
    return found


def _choice_of(raw: Any) -> ToolChoice | None:
    if type(raw) is str:
        return ToolChoice(raw) if raw in _MODES else None  # type: ignore[arg-type]  # one of the three just tested
    if type(raw) is not dict:
        return None
    name = _function(raw)
    if name:
        return ToolChoice("named", name)
    tools = raw.get("tools")
    if raw.get("type") != "allowed_tools" or raw.get("mode") not in ("auto", "required") or type(tools) is not list:
        return None
    names = [_function(tool) for tool in tools]
    return ToolChoice(raw["mode"], among=tuple(names)) if names and all(names) else None


def _function(raw: Any) -> str:
    """The name of the function that an object names, or ""."""
    if type(raw) is not dict or raw.get("type") != "function" or type(raw.get("name")) is not str:
        return ""
    name: str = raw["name"]
    return name


def _write_choice(choice: ToolChoice) -> Any:
    if choice.mode == "named":
        return {"type": "function", "name": choice.name}
    if not choice.among or choice.mode == "none":
        return choice.mode
    tools = [{"type": "function", "name": name} for name in choice.among]
    return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}


def write_choice(choice: ToolChoice, form: dict[str, Any], profile: Profile, losses: Losses) -> Any:
    """The choice, in the nearest words that the engine knows."""
    told = form.get("tool_choice")
    mode = profiles.choice(choice.mode, profile, losses)
    if mode != choice.mode:
        return _write_choice(ToolChoice(mode, among=choice.among))  # type: ignore[arg-type]  # a profile names modes
    return told if _choice_of(told) == choice else _write_choice(choice)
