"""Anthropic Messages: the shape that an answer must have, and the schemas of tools."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weighbridge.canon import Profile, ResponseFormat, SchemaRules, Tool
from weighbridge.dialects.anthropic_messages.common import FORM, NAME, cache_marker
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.schemas import adapt
from weighbridge.dialects.strict import misfit

#: What any tool's schema may be.
LOOSE = SchemaRules(name=NAME, top_object=True)
_CHOICES = frozenset({"anyOf", "oneOf", "allOf", "not", "enum", "const", "$ref"})
#: What an answer's schema may be: the host builds a grammar from it.
ANSWER = SchemaRules(
    name=NAME,
    rejects=(
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"),
        *("maxItems", "uniqueItems", "contains", "minContains", "maxContains", "minProperties", "maxProperties"),
        *("patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "dependentRequired"),
        *("prefixItems", "dependentSchemas", "dependencies", "if", "then", "else", "not", "oneOf", "allOf"),
    ),
    formats=("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"),
    closed=True,
    plain_patterns=True,
    recursion=False,
)
#: What a strict tool's may be.
STRICT = replace(ANSWER, strict_only=True, top_object=True)


def read_format(rest: dict[str, Any], form: dict[str, Any]) -> ResponseFormat | None:
    """Take the shape out of a request: `output_config.format`, or `output_format` as it was called before."""
    config = rest.get("output_config")
    if config is not None and type(config) is not dict:
        raise misfit(config, "an object", "output_config")
    place = config if config and "format" in config else rest
    field = "format" if place is config else "output_format"
    raw = place.get(field)
    shape = _shape_of(raw)
    if shape is None:
        return None
    if config is None or place is rest:
        del rest[field]
        form["format_at"] = field
    else:
        rest["output_config"] = {k: v for k, v in config.items() if k != field}
        if not rest["output_config"]:
            del rest["output_config"]
    if _plain(shape.schema) != raw:
        form["format"] = raw
    return shape


def _shape_of(raw: Any) -> ResponseFormat | None:
    if type(raw) is not dict or raw.get("type") != "json_schema" or type(raw.get("schema")) is not dict:
        return None
    return ResponseFormat("json_schema", schema=raw["schema"], strict=True)


def _plain(schema: dict[str, Any] | None) -> dict[str, Any]:
    return {"type": "json_schema", "schema": schema}


def write_format(
    out: dict[str, Any], shape: ResponseFormat, form: dict[str, Any], profile: Profile, losses: Losses, *, own: bool
) -> None:
    """Set the shape that an answer must have. It always binds, so a looser wish is met as well."""
    if shape.kind == "text":
        return
    if shape.kind == "json_object" or shape.schema is None:
        losses.note("response_format", f"{NAME} promises JSON only by a schema", "high")
        return
    told = form.get("format")
    if told is None or _shape_of(told) != shape:
        told = _plain(shape.schema)
    if not own or profile.schema is not None:
        schema = _answer_schema(shape.schema, profile, losses)
        if schema is None:
            return
        told = {**told, "schema": schema}
    for field, value in (("name", shape.name), ("description", shape.description)):
        if value:
            losses.note(f"response_format.{field}", f"{NAME} has no place for it", "low")
    if form.get("format_at"):
        out[form["format_at"]] = told
    else:
        out["output_config"] = {**(out.get("output_config") or {}), "format": told}


def _answer_schema(schema: dict[str, Any], profile: Profile, losses: Losses) -> dict[str, Any] | None:
    """An answer's schema as the host takes it, objects closed; None where that would leave an object nothing to hold."""
    place = "response_format.schema"
    found, strict = adapt(schema, profile.schema or ANSWER, strict=True, place=place, losses=losses)
    if strict:
        return found
    closed = _closed(found)
    if closed is None:
        losses.note(
            "response_format", "an object may hold any properties, and the host demands that they be named", "high"
        )
        return None
    losses.note(place, "objects are closed: properties that are not named are not allowed here")
    return {**closed}


def _closed(schema: Any) -> Any:
    """The schema with every object closed; None where one lives by the properties that are not named."""
    if type(schema) is list:
        items = [_closed(item) for item in schema]
        return None if None in items else items
    if type(schema) is not dict:
        return schema
    out: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            inner: Any = {name: _closed(each) for name, each in value.items()}
            inner = None if None in inner.values() else inner
        else:
            inner = _closed(value) if key in ("items", "anyOf") else value
        if inner is None and value is not None:
            return None
        out[key] = inner
    if schema.get("type") == "object" or "properties" in schema:
        if type(schema.get("additionalProperties")) is dict or not (schema.get("properties") or _shut(schema)):
            return None
        out["additionalProperties"] = False
    return out


def _shut(schema: dict[str, Any]) -> bool:
    return schema.get("additionalProperties") is False


def write_tool(tool: Tool, profile: Profile, place: str, losses: Losses, *, own: bool) -> dict[str, Any]:
    """One function."""
    form: dict[str, Any] = tool.extra.get(FORM) or {}
    if tool.extra:
        losses.foreign(tool.extra, place)
    out: dict[str, Any] = {"name": tool.name, **(tool.extra.get(NAME) or {})}
    if "type" in form:
        out["type"] = form["type"]
    if tool.description or "description" in form:
        out["description"] = tool.description
    _put_schema(out, tool, profile, f"{place}.schema", losses, own=own)
    if tool.cache and profile.cache_markers is False:
        losses.note(f"{place}.cache_control", "the engine knows no cache markers", "low")
    elif tool.cache:
        out["cache_control"] = cache_marker(tool.cache, form)
    return out


def _put_schema(out: dict[str, Any], tool: Tool, profile: Profile, place: str, losses: Losses, *, own: bool) -> None:
    """Set the schema, which has to be an object's, and whether it binds."""
    schema, strict = tool.schema, tool.strict
    if not own:
        schema = schema or {}
        schema = schema if "type" in schema else {"type": "object", **schema}
    if schema is not None and (not own or profile.schema is not None):
        found = None
        if strict:
            found, strict = adapt(schema, profile.schema or STRICT, strict=True, place=place, losses=losses)
        if not strict and profile.schema is None and schema.get("type") == "object" and not _CHOICES & schema.keys():
            found = schema  # what LOOSE wants: most schemas are, and need no walk
        elif not strict:
            found, strict = adapt(schema, profile.schema or LOOSE, strict=strict, place=place, losses=losses)
        schema = found
    if schema is not None:
        out["input_schema"] = schema
    if strict is not None:
        out["strict"] = strict
