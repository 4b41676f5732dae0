"""Gemini: schemas in the form of OpenAPI, as JSON Schema.

`parameters` and `responseSchema` spell types in capitals and say `nullable`. The canon holds JSON Schema. What was read
is kept beside it in form and written again where the schema is still the same.
"""

from __future__ import annotations

from typing import Any

from weighbridge.dialects.gemini_generate.form import spellings

_NAMES = spellings(
    *("anyOf", "oneOf", "allOf", "prefixItems", "propertyOrdering", "additionalProperties", "maxItems", "minItems"),
    *("maxLength", "minLength", "maxProperties", "minProperties"),
)
_LISTS = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_COUNTS = frozenset({"maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"})
_RENAMED = {"defs": "$defs", "ref": "$ref"}


def to_json_schema(raw: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema that accepts the same values. Its depth is bounded by that of the body it stood in."""
    out: dict[str, Any] = {}
    for told, value in raw.items():
        key = _NAMES.get(told, told)
        if key in ("nullable", "propertyOrdering") or (key == "format" and value == "enum"):
            continue
        key = _RENAMED.get(key, key) if _RENAMED.get(key, key) not in raw else key
        if key == "example":
            out.setdefault("examples", [value])
        elif found := _known(key, value):
            out[key] = found[0]
    if isinstance(order := raw.get("propertyOrdering", raw.get("property_ordering")), list) and "properties" in out:
        out["properties"] = _ordered(out["properties"], order)
    return _or_null(out) if raw.get("nullable") is True else out


def _known(key: str, value: Any) -> list[Any]:
    """The value in a list; an empty list where it says nothing."""
    if key == "type" and type(value) is str:
        return [] if value.upper() == "TYPE_UNSPECIFIED" else [value.lower()]
    if key in ("properties", "$defs") and type(value) is dict:
        return [{name: _inner(item) for name, item in value.items()}]
    if key in _LISTS and type(value) is list:
        return [[_inner(item) for item in value]]
    if key in ("items", "additionalProperties"):
        return [_inner(value)]
    if key in _COUNTS and type(value) is str and value.isascii() and value.isdigit() and len(value) <= 18:  # noqa: PLR2004 - digits of a 64-bit number
        return [int(value)]
    return [value]


def _inner(value: Any) -> Any:
    return to_json_schema(value) if type(value) is dict else value


def _ordered(properties: Any, order: list[Any]) -> Any:
    if type(properties) is not dict:
        return properties
    first = [name for name in order if type(name) is str and name in properties]
    return {name: properties[name] for name in [*dict.fromkeys(first), *properties]}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    kind, values = schema.get("type"), schema.get("enum")
    if type(kind) is str and kind != "null":
        out = {**schema, "type": [kind, "null"]}
        if type(values) is list and None not in values:
            out["enum"] = [*values, None]
        return out
    if type(schema.get("anyOf")) is list and len(schema) == 1:
        return {"anyOf": [*schema["anyOf"], {"type": "null"}]}
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema
