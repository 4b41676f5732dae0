"""What the keywords of JSON Schema mean to each other: the least that is needed to rewrite a schema safely. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import combinations
from typing import Any

Schema = dict[str, Any]

TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
#: Keywords that say something about a schema and nothing about what it accepts.
ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly"}
    | {"$schema", "$id", "$comment", "$anchor", "$vocabulary"}
)
#: Those among them that nobody misses: they tell an engine nothing.
SILENT = frozenset({"$schema", "$id", "$comment", "$anchor", "$vocabulary"})
#: Where the schemas for references are kept.
DEFS = frozenset({"$defs", "definitions"})
_OF_TEXT = frozenset({"minLength", "maxLength", "pattern", "format", "contentEncoding", "contentMediaType"})
_OF_NUMBER = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_OF_LIST = frozenset(
    {"items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains"}
    | {"maxContains", "unevaluatedItems"}
)
_OF_OBJECT = frozenset(
    {"properties", "required", "additionalProperties", "patternProperties", "propertyNames", "minProperties"}
    | {"maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties"}
)
#: The keywords that matter only to values of one type.
OF_TYPE = {
    "string": _OF_TEXT,
    "number": _OF_NUMBER,
    "integer": _OF_NUMBER,
    "array": _OF_LIST,
    "object": _OF_OBJECT,
}
OF_SOME_TYPE = _OF_TEXT | _OF_NUMBER | _OF_LIST | _OF_OBJECT
COMBINED = frozenset({"anyOf", "oneOf", "allOf", "not", "if", "then", "else", "$ref", "enum", "const"})
#: Keywords that have a meaning only together.
_GROUPS = (
    frozenset({"if", "then", "else"}),
    frozenset({"contains", "minContains", "maxContains"}),
    frozenset({"items", "prefixItems", "additionalItems"}),
)
_HIGHEST = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_LOWEST = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_MOST_BRANCHES = 64


def type_of(value: Any) -> str:
    """The type of a JSON value; a number without a fraction is an integer."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def key_of(value: Any) -> str:
    """Equal for values that JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def types_in(schema: Schema) -> frozenset[str]:
    """The types that a schema's `type` allows, integer apart from number; all where it says nothing."""
    told = schema.get("type")
    listed = [told] if isinstance(told, str) else told if isinstance(told, list) else TYPES
    found = frozenset(name for name in listed if isinstance(name, str))
    return found | {"integer"} if "number" in found else found


def values_of(schema: Schema) -> list[Any] | None:
    """The only values that a schema can accept, by `const` or `enum`."""
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, list) else None


def disjoint(branches: Iterable[Any]) -> bool:
    """Can no value be accepted by two of these schemas? Only what can be told at sight counts."""
    listed = list(branches)
    return len(listed) <= _MOST_BRANCHES and all(_apart(a, b) for a, b in combinations(listed, 2))


def _apart(a: Any, b: Any, depth: int = 4) -> bool:  # noqa: PLR0911 - one return for each way to tell
    if not isinstance(a, dict) or not isinstance(b, dict) or not depth:
        return a is False or b is False
    if not types_in(a) & types_in(b):
        return True
    mine, others = values_of(a), values_of(b)
    if mine is not None and others is not None:
        return not {key_of(v) for v in mine} & {key_of(v) for v in others}
    for values, schema in ((mine, b), (others, a)):
        if values is not None and not {type_of(v) for v in values} & types_in(schema):
            return True
    if types_in(a) & types_in(b) != {"object"}:
        return False
    both = set(_names(a.get("required"))) & set(_names(b.get("required")))
    left, right = a.get("properties"), b.get("properties")
    if not isinstance(left, dict) or not isinstance(right, dict):
        return False
    return any(_apart(left[n], right[n], depth - 1) for n in both if n in left and n in right)


def _names(value: Any) -> list[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def merge(a: Any, b: Any) -> Any:
    """One schema that accepts what both accept, or None where it cannot be told without `allOf`.

    Where both are annotated, the first one's words stay.
    """
    if a is True or b is True:
        return b if a is True else a
    if not isinstance(a, dict) or not isinstance(b, dict) or not _may_meet(a, b):
        return None
    found = dict(a)
    for name, value in b.items():
        if name not in found:
            found[name] = value
            continue
        met = _meet(name, found[name], value)
        if met is None:
            return None
        found[name] = met
    return found


def _may_meet(a: Schema, b: Schema) -> bool:
    if any(name.startswith("unevaluated") for name in (*a, *b)):
        return False
    if any(group & a.keys() and group & b.keys() and not _just_items(group, a, b) for group in _GROUPS):
        return False
    for one, other in ((a, b), (b, a)):
        if one.get("additionalProperties", True) is not True:
            named = one.get("properties")
            further = other.get("properties")
            if "patternProperties" in other or not _within(further, named):
                return False
    return True


def _just_items(group: frozenset[str], a: Schema, b: Schema) -> bool:
    return (group & a.keys()) | (group & b.keys()) == {"items"}


def _within(inner: Any, outer: Any) -> bool:
    names = inner if isinstance(inner, dict) else {}
    return all(isinstance(outer, dict) and name in outer for name in names)


def _meet(name: str, a: Any, b: Any) -> Any:  # noqa: PLR0911 - one return for each kind of keyword
    """What a keyword says where two schemas have it; None where that cannot be told."""
    if name in ANNOTATIONS or (a == b and key_of(a) == key_of(b)):
        return a
    if name == "type":
        return _meet_types(a, b)
    if name == "required" and isinstance(a, list) and isinstance(b, list):
        return list(dict.fromkeys([*a, *b]))
    if name == "allOf" and isinstance(a, list) and isinstance(b, list):
        return [*a, *b]
    if name == "enum" and isinstance(a, list) and isinstance(b, list):
        known = {key_of(value) for value in b}
        return [value for value in a if key_of(value) in known] or None
    if name == "properties" and isinstance(a, dict) and isinstance(b, dict):
        return _meet_properties(a, b)
    if name == "items":
        return merge(a, b)
    if name in _HIGHEST | _LOWEST and _is_number(a) and _is_number(b):
        return max(a, b) if name in _HIGHEST else min(a, b)
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _meet_types(a: Any, b: Any) -> Any:
    both = types_in({"type": a}) & types_in({"type": b})
    listed = [name for name in TYPES if name in both]
    if "number" in listed:
        listed.remove("integer")
    if not listed:
        return None
    return listed[0] if len(listed) == 1 else listed


def _meet_properties(a: Schema, b: Schema) -> Schema | None:
    found = dict(a)
    for name, value in b.items():
        met = merge(found[name], value) if name in found else value
        if met is None:
            return None
        found[name] = met
    return found
