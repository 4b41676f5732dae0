"""Whether a schema already is what `strict` demands of it: closed objects, every property required, types told."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import SchemaRules
from weighbridge.dialects.schemas.words import Schema

_INNER_MAPS = ("properties", "$defs", "patternProperties", "dependentSchemas")
_INNER_LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
_INNER = ("items", "not", "if", "then", "else", "contains")
_TOLD = ("type", "anyOf", "oneOf", "allOf", "$ref", "enum", "const")


def misfit(schema: Schema, rules: SchemaRules) -> str:
    """The first thing that `strict` would have to change, in words; "" where there is none."""
    if rules.top_object and (schema.get("type") != "object" or "anyOf" in schema):
        return "its outermost value is not simply an object"
    todo: list[tuple[str, Any]] = [("", schema)]
    while todo:
        place, each = todo.pop()
        if not isinstance(each, dict):
            if rules.typed:
                return f"{place or 'the schema'} has no type"
            continue
        if why := _misfit(place, each, rules):
            return why
        todo += _inner(place, each)
    return ""


def _misfit(place: str, schema: Schema, rules: SchemaRules) -> str:
    where = place or "the outermost object"
    if rules.typed and not any(name in schema for name in _TOLD):
        return f"{place or 'the schema'} has no type"
    told = schema.get("type")
    if told != "object" and not (isinstance(told, list) and "object" in told) and "properties" not in schema:
        return ""
    if rules.closed and schema.get("additionalProperties", True) is not False:
        return f"{where} allows further properties"
    properties, required = schema.get("properties"), schema.get("required")
    if rules.all_required and isinstance(properties, dict):
        known = required if isinstance(required, list) else []
        optional = next((name for name in properties if name not in known), None)
        if optional is not None:
            return f"{where} has the optional property {optional!r}"
    return ""


def _inner(place: str, schema: Schema) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    start = f"{place}." if place else ""
    for name in _INNER_MAPS:
        inner = schema.get(name)
        if isinstance(inner, dict):
            found += [(f"{start}{name}.{key}", value) for key, value in inner.items()]
    for name in _INNER_LISTS:
        listed = schema.get(name)
        if isinstance(listed, list):
            found += [(f"{start}{name}[{i}]", value) for i, value in enumerate(listed)]
    found += [(f"{start}{name}", schema[name]) for name in _INNER if name in schema]
    return found
