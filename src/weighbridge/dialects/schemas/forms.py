"""What a schema says, told in another way that accepts the same values: constants, enums, bounds, lists of types."""

from __future__ import annotations

import math
from typing import Any

from weighbridge.dialects.schemas.refs import Walker
from weighbridge.dialects.schemas.words import (
    COMBINED,
    OF_SOME_TYPE,
    OF_TYPE,
    TYPES,
    Schema,
    key_of,
    type_of,
    values_of,
)


def name_values(found: Schema, place: str, walk: Walker) -> None:
    """`const` as an `enum` of one, and an `enum` with its type."""
    if "const" in found and walk.rejected("const") and not walk.rejected("enum"):
        value = found["const"]
        others = found.get("enum")
        if not isinstance(others, list) or key_of(value) in {key_of(v) for v in others}:
            del found["const"]  # else nothing is accepted, and `const` goes as any other keyword
            found["enum"] = [value]
    values = values_of(found)
    if values and "type" not in found and (walk.rules.typed or walk.rules.text_enums):
        kinds = {type_of(value) for value in values}
        if len(kinds) == 1:
            found["type"] = kinds.pop()
    if walk.rules.text_enums and isinstance(found.get("enum"), list):
        _text_enum(found, found["enum"], place, walk)


def _text_enum(found: Schema, values: list[Any], place: str, walk: Walker) -> None:
    if values and all(isinstance(value, str) for value in values):
        return
    kinds = {type_of(value) for value in values}
    told = found.get("type") if isinstance(found.get("type"), str) else ""
    if told in kinds and (kinds == {"null"} or (kinds == {"boolean"} and set(values) == {True, False})):
        del found["enum"]
        return
    if kinds == {"integer"} and told == "integer":
        numbers = {int(value) for value in values}
        least, most = min(numbers), max(numbers)
        if len(numbers) == most - least + 1 and not {"minimum", "maximum"} & found.keys():
            del found["enum"]
            found |= {"minimum": least, "maximum": most}
            return
    del found["enum"]
    walk.note(f"{place}.enum" if place else "enum", "the engine takes only texts in it")


def close_bounds(found: Schema, place: str, walk: Walker) -> None:
    """`exclusiveMinimum` as the next whole number; of other numbers nearly."""
    for name, plain, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        bound: Any = found.get(name)
        if not walk.rejected(name) or walk.rejected(plain) or not _is_finite(bound):
            continue
        whole = found.get("type") == "integer"
        reached = (math.floor(bound) + 1 if step > 0 else math.ceil(bound) - 1) if whole else bound
        known: Any = found.get(plain)
        if _is_finite(known):
            reached = max(known, reached) if step > 0 else min(known, reached)
        elif known is not None:
            continue
        del found[name]
        found[plain] = reached
        if not whole and not (_is_finite(known) and known == reached != bound):
            walk.note(f"{place}.{name}" if place else name, f"the engine knows only {plain}", "low")


def by_type(found: Schema, walk: Walker) -> Schema | None:
    """A list of types as `anyOf`, each with the keywords that are about it; None where there is nothing to do."""
    told = found.get("type")
    if not isinstance(told, list):
        told = _types_of_values(found, walk) if "type" not in found else []
    elif not walk.rules.one_type:
        return None
    listed = [name for name in TYPES if name in told]
    if len(listed) < 2:  # noqa: PLR2004 - one type is no list
        return {**found, "type": listed[0]} if listed and isinstance(found.get("type"), list) else None
    if walk.rejected("anyOf"):
        return None
    outside = {name: value for name, value in found.items() if not _splits(name)}
    branches = [branch for name in listed if (branch := _branch(found, name, listed)) is not None]
    return {**outside, "anyOf": branches}


def _types_of_values(found: Schema, walk: Walker) -> list[str]:
    values = values_of(found)
    if not values or not (walk.rules.typed or walk.rules.text_enums):
        return []
    kinds = {type_of(value) for value in values}
    return sorted(kinds) if len(kinds) > 1 else []


def _splits(name: str) -> bool:
    return name in OF_SOME_TYPE or name in COMBINED or name == "type"


def _branch(found: Schema, kind: str, listed: list[str]) -> Schema | None:
    out: Schema = {"type": kind}
    for name, value in found.items():
        if name == "type" or (name in OF_SOME_TYPE and name not in OF_TYPE.get(kind, ())):
            continue
        if not _splits(name):
            continue
        if name == "enum" and isinstance(value, list):
            among = {kind, "integer"} if kind == "number" and "integer" not in listed else {kind}
            mine = [v for v in value if type_of(v) in among]
            if not mine:
                return None
            if kind != "null":
                out["enum"] = mine
        else:
            out[name] = value
    return out


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
