"""OpenAI Chat: the tools of a request, which of them may be called, and the shape that the answer must have."""

from __future__ import annotations

from typing import Any, cast

from weighbridge.canon import OpaquePart, ResponseFormat, Tool, ToolChoice
from weighbridge.dialects import profiles, schemas
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing, keep, read_marker
from weighbridge.dialects.strict import MisfitError, each, misfit, take, take_text

#: What OpenAI takes of JSON Schema where `strict` is asked for; without it anything goes.
DEFAULT_RULES = schemas.OPENAI
_CHOICES = {"auto", "none", "required"}
#: Fields beside the tools that ask for one of the host's own.
_HOSTED = ("web_search_options", "plugins")


def _read_legacy(raw: Any) -> Tool:
    return _read_function(raw, {}, {"legacy": True})


def read_tools(rest: dict[str, Any], form: dict[str, Any]) -> tuple[Tool, ...]:
    """Take the tools out of a request; or the functions, as they were once told."""
    field = "tools" if rest.get("tools") else "functions"
    raw = rest.get(field)
    found = []
    if raw:
        if type(raw) is not list:
            raise misfit(raw, f"a list of {field}", field)
        del rest[field]
        read = _read_tool if field == "tools" else _read_legacy
        found = each(raw, read, field)
    elif raw is not None and raw != []:
        raise misfit(raw, f"a list of {field}", field)
    hosted = [name for name in _HOSTED if type(rest.get(name)) in (dict, list) and rest[name]]
    found += [Tool("", opaque=OpaquePart(NAME, {"field": name, "value": rest.pop(name)})) for name in hosted]
    if field == "functions" and found:
        form["legacy"] = True
    return tuple(found)


def _read_tool(raw: Any) -> Tool:
    """Read a function. A host's own tool, which is no function, has no name in the canon and is kept whole."""
    if type(raw) is not dict:
        raise misfit(raw, "an object with type and function", "")
    function = raw.get("function")
    if function is None and raw.get("type") != "function":
        return Tool("", opaque=OpaquePart(NAME, raw))
    rest = {k: v for k, v in raw.items() if k != "function"}
    form: dict[str, Any] = {}
    if rest.get("type") == "function":
        del rest["type"]
    elif "type" not in rest:
        form["type"] = "absent"
    try:
        return _read_function(function, rest, form)
    except MisfitError as error:
        raise error.under("function") from None


def _read_function(function: Any, rest: dict[str, Any], form: dict[str, Any]) -> Tool:
    if type(function) is not dict:
        raise misfit(function, "an object with name and parameters", "")
    inner = dict(function)
    name = take_text(inner, "name")
    if not name:
        raise MisfitError("It is missing.", "Give the function a name.", "name")
    description = take_text(inner, "description")
    schema = take(inner, "parameters", dict, "a JSON schema")
    strict = take(inner, "strict", bool, "true or false")
    if inner:
        form["function"] = inner
    cache = read_marker(rest, form)
    return Tool(name, description, schema, strict, keep(rest, form), cache)


def write_tools(out: dict[str, Any], tools: tuple[Tool, ...], to: Outgoing) -> None:
    """Set the tools."""
    for i, tool in enumerate(tools):
        place = f"tools[{i}]"
        if tool.opaque is None:
            form: dict[str, Any] = tool.extra.get(FORM) or {}
            if form.get("legacy"):
                out.setdefault("functions", []).append(_function(tool, form, place, to))
            else:
                out.setdefault("tools", []).append(_write_tool(tool, form, place, to))
        elif tool.opaque.dialect != NAME:
            why = f"{NAME} has no such tool: it is one of the host that speaks {tool.opaque.dialect}"
            to.losses.note(place, why, "high")
        elif "field" in tool.opaque.data and "value" in tool.opaque.data:
            out[tool.opaque.data["field"]] = tool.opaque.data["value"]
        else:
            out.setdefault("tools", []).append(tool.opaque.data)


def _write_tool(tool: Tool, form: dict[str, Any], place: str, to: Outgoing) -> dict[str, Any]:
    to.losses.foreign(tool.extra, place)
    out: dict[str, Any] = dict(tool.extra.get(NAME) or {})
    if form.get("type") != "absent":
        out.setdefault("type", "function")
    out["function"] = _function(tool, form, place, to)
    if (marker := to.marker(tool.cache, form, place)) is not None:
        out["cache_control"] = marker
    return out


def _function(tool: Tool, form: dict[str, Any], place: str, to: Outgoing) -> dict[str, Any]:
    function: dict[str, Any] = {**(form.get("function") or {}), "name": tool.name}
    if tool.description:
        function["description"] = tool.description
    schema, strict = _fitting(tool.schema, tool.strict, f"{place}.function.parameters", to)
    if schema is not None:
        function["parameters"] = schema
    if strict is not None:
        function["strict"] = strict
    return function


def _fitting(
    schema: dict[str, Any] | None,
    strict: bool | None,  # noqa: FBT001 - one of the two values that are made to fit
    place: str,
    to: Outgoing,
) -> tuple[dict[str, Any] | None, bool | None]:
    """A schema as the engine takes it. One that came in this dialect is for the engine to judge."""
    rules = to.profile.schema or (None if to.own else DEFAULT_RULES)
    if schema is None or rules is None:
        return schema, strict
    return schemas.adapt(schema, rules, strict=strict, place=place, losses=to.losses)


# --- which of them --------------------------------------------------------------------------------


def read_choice(rest: dict[str, Any], form: dict[str, Any]) -> ToolChoice | None:
    """Take out of a request which tools may, must or must not be called."""
    if "tool_choice" not in rest:
        return _read_legacy_choice(rest, form)
    raw = rest["tool_choice"]
    if raw is not None and type(raw) not in (str, dict):
        raise misfit(raw, "auto, none, required or an object that names a function", "tool_choice")
    found = _choice_of(raw)
    if found is not None:
        del rest["tool_choice"]
        if _written_choice(found) != raw:
            form["tool_choice"] = raw
    return found


def _read_legacy_choice(rest: dict[str, Any], form: dict[str, Any]) -> ToolChoice | None:
    raw = rest.get("function_call")
    found = _legacy_choice_of(raw)
    if found is not None:
        form["function_call"] = rest.pop("function_call")
    return found


def _legacy_choice_of(raw: Any) -> ToolChoice | None:
    if raw in ("auto", "none"):
        return ToolChoice(raw)
    named = type(raw) is dict and type(raw.get("name")) is str and raw["name"]
    return ToolChoice("named", raw["name"]) if named else None


def _choice_of(raw: Any) -> ToolChoice | None:
    if type(raw) is str:
        if raw in _CHOICES:
            return ToolChoice(raw)  # type: ignore[arg-type]  # one of the three just tested
        return ToolChoice("required") if raw == "any" else None
    if type(raw) is not dict:
        return None
    if (name := _name_in(raw)) is not None:
        return ToolChoice("named", name)
    inner = raw.get("allowed_tools")
    if raw.get("type") != "allowed_tools" or type(inner) is not dict or inner.get("mode") not in ("auto", "required"):
        return None
    listed = inner.get("tools")
    names = [_name_in(item) for item in listed] if type(listed) is list else []
    among = tuple(name for name in names if name is not None)
    return ToolChoice(inner["mode"], among=among) if among and len(among) == len(names) else None


def _name_in(raw: Any) -> str | None:
    function = raw.get("function") if type(raw) is dict else None
    name = function.get("name") if type(function) is dict else None
    return name if type(name) is str else None


def _written_choice(choice: ToolChoice) -> Any:
    if choice.mode == "named":
        return {"type": "function", "function": {"name": choice.name}}
    if not choice.among or choice.mode == "none":
        return choice.mode
    tools = [{"type": "function", "function": {"name": name}} for name in choice.among]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}


def write_choice(out: dict[str, Any], choice: ToolChoice, form: dict[str, Any], to: Outgoing) -> None:
    """Set which tools may be called."""
    if not to.own and "tools" not in out:
        if choice.mode in ("required", "named"):
            to.losses.note("tool_choice", "no tool is left that could be called", "high")
        return
    mode = profiles.choice(choice.mode, to.profile, to.losses)
    if mode != choice.mode:
        choice = ToolChoice(cast("Any", mode), among=choice.among)
    elif (told := form.get("tool_choice")) is not None and _choice_of(told) == choice:
        out["tool_choice"] = told
        return
    elif (told := form.get("function_call")) is not None and _legacy_choice_of(told) == choice:
        out["function_call"] = told
        return
    out["tool_choice"] = _written_choice(choice)


# --- the shape of the answer ----------------------------------------------------------------------


def _format_of(raw: dict[str, Any]) -> ResponseFormat | None:
    kind = raw.get("type")
    if kind == "text":
        return ResponseFormat("text")
    if kind == "json_object":
        return ResponseFormat("json_object")
    inner = raw.get("json_schema")
    if kind != "json_schema" or type(inner) is not dict:
        return None
    name, schema, strict = inner.get("name"), inner.get("schema"), inner.get("strict")
    said = inner.get("description")
    return ResponseFormat(
        "json_schema",
        name if type(name) is str else "",
        schema if type(schema) is dict else None,
        strict if type(strict) is bool else None,
        said if type(said) is str else "",
    )


def read_format(rest: dict[str, Any], form: dict[str, Any]) -> ResponseFormat | None:
    """Take the answer's shape out of a request."""
    raw = rest["response_format"]
    if raw is None:
        return None
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "response_format")
    found = _format_of(raw)
    if found is not None:
        del rest["response_format"]
        if _written_format(found) != raw:
            form["response_format"] = raw
    return found


def _written_format(shape: ResponseFormat) -> dict[str, Any]:
    if shape.kind != "json_schema":
        return {"type": shape.kind}
    inner: dict[str, Any] = {"name": shape.name or "answer"}
    if shape.schema is not None:
        inner["schema"] = shape.schema
    if shape.strict is not None:
        inner["strict"] = shape.strict
    if shape.description:
        inner["description"] = shape.description
    return {"type": "json_schema", "json_schema": inner}


def write_format(out: dict[str, Any], shape: ResponseFormat, form: dict[str, Any], to: Outgoing) -> None:
    """Set the answer's shape."""
    told = form.get("response_format")
    if told is not None and _format_of(told) == shape and to.profile.schema is None:
        out["response_format"] = told
        return
    schema, strict = _fitting(shape.schema, shape.strict, "response_format.json_schema.schema", to)
    written = _written_format(shape)
    if shape.kind == "json_schema":
        inner = written["json_schema"]
        inner.update({k: v for k, v in (("schema", schema), ("strict", strict)) if v is not None})
        if strict is None:
            inner.pop("strict", None)
    out["response_format"] = written
