"""Gemini: tools, of which one entry may hold many functions and a host's own tools beside them, and their choice."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import OpaquePart, Profile, Request, SchemaRules, Tool, ToolChoice
from weighbridge.dialects import profiles
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.form import (
    FORM,
    NAME,
    camel,
    keep,
    missing,
    spell,
    spellings,
    take_list,
    take_object,
    unify,
)
from weighbridge.dialects.gemini_generate.schema import to_json_schema
from weighbridge.dialects.schemas import adapt
from weighbridge.dialects.strict import MisfitError, each, each_at, misfit, take, take_text

_ENTRY = spellings("functionDeclarations")
_FUNCTION = spellings("parametersJsonSchema")
_CONFIG = spellings("functionCallingConfig")
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}

#: What `parametersJsonSchema` and `responseJsonSchema` take of JSON Schema.
DEFAULT_RULES = SchemaRules(
    "gemini",
    rejects=(
        *("$schema", "const", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems", "contains"),
        *("not", "allOf", "if", "then", "else", "patternProperties", "propertyNames", "dependentRequired"),
        *("dependentSchemas", "unevaluatedProperties", "unevaluatedItems", "examples", "$comment"),
    ),
)


def read_tools(rest: dict[str, Any]) -> tuple[Tool, ...]:
    """Take the tools out of a request.

    Raises:
        MisfitError: One of them is no tool.
    """
    if not rest.get("tools"):
        return ()
    entries = each_at(take_list(rest, "tools", "a list of tools") or (), _read_entry, "tools")
    return tuple(tool for entry in entries for tool in entry)


def _read_entry(raw: Any, place: int) -> list[Tool]:
    if type(raw) is not dict:
        raise misfit(raw, "an object with functionDeclarations, or a tool of the host", "")
    rest, told = unify(raw, _ENTRY)
    functions = None
    if rest.get("functionDeclarations"):
        functions = take(rest, "functionDeclarations", list, "a list of functions")
    form = {"entry": place, **({"entry_snake": True} if told else {})}
    found = each(functions or (), lambda item: _read_function(item, form), "functionDeclarations")
    if rest or not functions:
        found.append(Tool("", extra=keep({}, form), opaque=OpaquePart(NAME, rest if functions else raw)))
    return found


def _read_function(raw: Any, form: dict[str, Any]) -> Tool:
    if type(raw) is not dict:
        raise misfit(raw, "an object with name and parameters", "")
    rest, told = unify(raw, _FUNCTION)
    form = {**form, "snake": told} if told else dict(form)
    name = take_text(rest, "name")
    if not name:
        raise missing("name", "Give the function a name.")
    description = take_text(rest, "description")
    schema = None
    if type(rest.get("parametersJsonSchema")) is dict:
        schema = rest.pop("parametersJsonSchema")
    elif "parametersJsonSchema" in rest and rest["parametersJsonSchema"] is not None:
        raise misfit(rest["parametersJsonSchema"], "a JSON schema", "parametersJsonSchema")
    elif (openapi := take(rest, "parameters", dict, "a schema")) is not None:
        form["openapi"] = openapi
        schema = to_json_schema(openapi)
    return Tool(name, description, schema, extra=keep(rest, form))


def write_tools(
    request: Request, profile: Profile, losses: Losses, *, exact: bool
) -> tuple[list[dict[str, Any]], bool]:
    """The entries as they were read; functions of another dialect stand together in one.

    Args:
        request: What was asked.
        profile: Which schemas the engine takes.
        losses: Takes what cannot be written.
        exact: Names are spelled as they came; else all in camelCase, as a profile's rules name them.

    Returns:
        The entries, and whether any function of another dialect must be called strictly by its schema.
    """
    entries: dict[Any, dict[str, Any]] = {}
    strict = False
    for i, tool in enumerate(request.tools):
        place = f"tools[{i}]"
        form: dict[str, Any] = tool.extra.get(FORM) or {}
        if tool.opaque is not None and tool.opaque.dialect != NAME:
            losses.note(place, f"{NAME} has no place for this tool of {tool.opaque.dialect}", "high")
        elif tool.opaque is not None:
            hosted = tool.opaque.data if exact else {camel(key): value for key, value in tool.opaque.data.items()}
            entries.setdefault(form.get("entry", place), {}).update(hosted)
        else:
            entry = entries.setdefault(form.get("entry", "functions"), {})
            key = "function_declarations" if exact and form.get("entry_snake") else "functionDeclarations"
            function, kept = _write_function(tool, place, profile, losses)
            entry.setdefault(key, []).append(function)
            strict |= kept
    return list(entries.values()), strict


def _write_function(tool: Tool, place: str, profile: Profile, losses: Losses) -> tuple[dict[str, Any], bool]:
    losses.foreign(tool.extra, place)
    if tool.cache:
        losses.note(f"{place}.cache", f"{NAME} caches on its own, or in objects apart", "low")
    form: dict[str, Any] = tool.extra.get(FORM) or {}
    out: dict[str, Any] = {**(tool.extra.get(NAME) or {}), "name": tool.name}
    if tool.description:
        out["description"] = tool.description
    strict = tool.strict is True and not form
    openapi = form.get("openapi")
    if tool.schema is not None and openapi is not None and to_json_schema(openapi) == tool.schema:
        out["parameters"] = openapi
    elif tool.schema is not None:
        schema = tool.schema
        if profile.schema is not None or not form:
            rules = profile.schema or DEFAULT_RULES
            schema, told = adapt(schema, rules, strict=tool.strict, place=f"{place}.schema", losses=losses)
            strict = strict and told is True
        out["parametersJsonSchema"] = schema
    return spell(out, form.get("snake", ()), _FUNCTION), strict


def read_tool_config(rest: dict[str, Any], form: dict[str, Any]) -> tuple[ToolChoice | None, bool]:
    """Take the tools' choice out of a request; what else stands in `toolConfig` stays, under dotted names.

    Returns:
        The choice, and whether calls must follow their schema: the mode VALIDATED.
    """
    if rest.get("toolConfig") is None:
        return None, False
    inner, told = unify(take_object(rest, "toolConfig"), _CONFIG)
    try:
        calling = take(inner, "functionCallingConfig", dict, "an object with a mode")
    except MisfitError as error:
        raise error.under("toolConfig") from None
    found = choice_of(calling) if calling is not None else None
    if calling is not None and found is None:
        inner["functionCallingConfig"] = calling
    elif calling is not None:
        form["choice"] = calling
    if told:
        form["choice_snake"] = told
    if not inner and found is None:
        form["toolConfig"] = "empty"
    rest.update((f"toolConfig.{key}", value) for key, value in inner.items())
    return found, found is not None and calling is not None and str(calling.get("mode")).upper() == "VALIDATED"


def choice_of(calling: dict[str, Any]) -> ToolChoice | None:
    """What a `functionCallingConfig` asks for; None where it is no mode that is known."""
    mode, names = calling.get("mode"), calling.get("allowedFunctionNames", calling.get("allowed_function_names"))
    among = tuple(names) if type(names) is list and all(type(name) is str for name in names) else ()
    match mode.upper() if type(mode) is str else "":
        case "AUTO" | "VALIDATED":
            return ToolChoice("auto", among=among)
        case "NONE":
            return ToolChoice("none")
        case "ANY" if len(among) == 1:
            return ToolChoice("named", among[0])
        case "ANY":
            return ToolChoice("required", among=among)
    return None


def write_tool_config(
    out: dict[str, Any], request: Request, profile: Profile, losses: Losses, *, strict: bool, exact: bool
) -> dict[str, Any]:
    """The choice as `functionCallingConfig`, where functions are declared; without any, an engine refuses it.

    Args:
        out: The request so far, with its tools.
        request: What was asked.
        profile: Which modes the engine knows.
        losses: Takes what cannot be asked.
        strict: Calls must follow their schema.
        exact: As for `write_tools`.
    """
    form: dict[str, Any] = request.extra.get(FORM) or {}
    choice = request.tool_choice
    calling: dict[str, Any] | None = None
    if choice is not None:
        told = form.get("choice")
        same = told is not None and choice_of(told) == choice and choice.mode not in profile.choices
        calling = told if same else _calling(choice, profile, losses, strict=strict)
    elif strict:
        calling = {"mode": "VALIDATED"}
    if calling is None:
        return {}
    if not declares(out):
        if choice is not None and choice.mode in ("required", "named"):
            losses.note("tool_choice", "no function is declared that could be called", "low")
        return {}
    return spell({"functionCallingConfig": calling}, form.get("choice_snake", ()) if exact else (), _CONFIG)


def _calling(choice: ToolChoice, profile: Profile, losses: Losses, *, strict: bool) -> dict[str, Any]:
    mode = profiles.choice(choice.mode, profile, losses)
    told = _MODES.get(mode, mode)
    among = [choice.name] if mode == "named" else list(choice.among)
    if told == "AUTO" and (strict or among):
        told = "VALIDATED"
    calling: dict[str, Any] = {"mode": told}
    if among and told in ("ANY", "VALIDATED"):
        calling["allowedFunctionNames"] = among
    return calling


def declares(out: dict[str, Any]) -> bool:
    """Does a request declare any function?"""
    tools = out.get("tools")
    keys = ("functionDeclarations", "function_declarations")
    return any(type(t) is dict and t.get(key) for t in (tools if type(tools) is list else ()) for key in keys)
