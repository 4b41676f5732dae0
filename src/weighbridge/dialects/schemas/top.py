"""A schema whose outermost value must be said to be an object, without a choice between several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weighbridge.dialects.schemas.words import ANNOTATIONS, Schema, types_in

_CHOICES = ("anyOf", "oneOf", "allOf", "not", "enum", "const", "$ref")


def make_object(schema: Schema, note: Callable[[str, str], None]) -> Schema:
    """Say that the outermost value is an object, which it is: the arguments of a tool, or an answer's only value.

    A choice between several objects becomes one that has the properties of all, which accepts more.
    A schema that accepts no object stays as it is.
    """
    if "object" not in types_in(schema):
        return schema
    chosen = [name for name in _CHOICES if name in schema]
    if not chosen:
        return schema if schema.get("type") == "object" else {**schema, "type": "object"}
    found = {name: value for name, value in schema.items() if name not in chosen}
    for name in chosen:
        branches = schema[name] if name in ("anyOf", "oneOf") else [schema[name]] if name == "$ref" else []
        note(name, "the engine takes no choice at the outermost level")
        if branches and name != "$ref" and "properties" not in found:
            found |= _joined([_target(branch, schema) for branch in branches])
        elif name == "$ref" and "properties" not in found:
            found |= _joined([_target({"$ref": schema[name]}, schema)])
    return {"type": "object", **{k: v for k, v in found.items() if k != "type"}}


def _target(branch: Any, root: Schema) -> Any:
    for _ in range(8):
        if not isinstance(branch, dict) or set(branch) - ANNOTATIONS != {"$ref"}:
            return branch
        name = str(branch["$ref"]).removeprefix("#/$defs/")
        branch = root.get("$defs", {}).get(name, {})
    return {}


def _joined(branches: list[Any]) -> Schema:
    """The properties of all branches; one that a branch leaves open may be anything."""
    objects = [b for b in branches if isinstance(b, dict) and "object" in types_in(b)]
    if not objects or any(b is True for b in branches):
        return {}
    listed = [_properties(b) for b in objects]
    found: Schema = {}
    for name in dict.fromkeys(name for properties in listed for name in properties):
        told: list[Any] = []
        open_ = False
        for branch, properties in zip(objects, listed, strict=True):
            if name in properties:
                told += [properties[name]] if properties[name] not in told else []
            elif branch.get("additionalProperties", True) is not False or "patternProperties" in branch:
                open_ = True
        found[name] = {} if open_ else told[0] if len(told) == 1 else {"anyOf": told}
    required = [
        name for name in found if all(isinstance(b.get("required"), list) and name in b["required"] for b in objects)
    ]
    return {"properties": found, **({"required": required} if required else {})}


def _properties(schema: Schema) -> Schema:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}
