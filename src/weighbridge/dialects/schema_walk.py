"""Rewriting one schema for an engine, keyword by keyword.

What is left out may only make a schema accept more, never less. Inside of `not`, `if` and `oneOf` that turns round:
there nothing may be left out, and what would have to be goes as a whole.
"""

from __future__ import annotations

import math
import re
from typing import Any

from weighbridge.canon import SchemaRules, Severity
from weighbridge.dialects.schema_refs import References
from weighbridge.dialects.schema_words import (
    ANNOTATIONS,
    COMBINED,
    DEFS,
    OF_SOME_TYPE,
    OF_TYPE,
    SILENT,
    TYPES,
    Schema,
    disjoint,
    key_of,
    merge,
    type_of,
    values_of,
)

DEEPEST = 60
MOST_NODES = 20_000
MOST_LOSSES = 100
_LOOKS_AROUND = re.compile(r"\(\?<?[=!]")
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"prefixItems", "anyOf", "allOf", "oneOf"})
_SINGLE = frozenset(
    {"items", "additionalProperties", "propertyNames", "contains", "then", "else", "not", "if", "additionalItems"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
#: Where true and false are usual, and are taken by engines that take them nowhere else.
_EITHER = "additionalProperties"
#: Where a value must not be accepted: a schema that is made wider there makes the whole narrower.
_NEGATIVE = {"not": ("not",), "if": ("if", "then", "else")}
#: What has to go together with a keyword, because without it it would forbid more.
_TOGETHER = {
    "patternProperties": ("additionalProperties", "unevaluatedProperties"),
    "properties": ("additionalProperties", "unevaluatedProperties"),
    "prefixItems": ("items", "additionalItems", "unevaluatedItems"),
    "items": ("unevaluatedItems",),
    "if": ("then", "else"),
    "minContains": ("contains", "maxContains"),
    "contains": ("minContains", "maxContains"),
}


class TooLargeSchemaError(Exception):
    """The rewritten schema would be larger than anybody wants to send."""


class Walk:
    """Rewrites the schemas of one document.

    Args:
        root: The whole document: references point into it.
        rules: What the engine takes.
    """

    def __init__(self, root: Schema, rules: SchemaRules) -> None:
        self.rules = rules
        self.lost: dict[str, tuple[str, Severity]] = {}
        self.widened = 0  #: how many changes made a schema accept more
        self.refs = References(root, self)
        self._negative = 0
        self._depth = 0
        self._nodes = 0
        self._known: dict[int, tuple[Any, Any, bool]] = {}  #: of `exactly`, each with what it was asked of

    # --- what is told ----------------------------------------------------------------------------

    def note(self, place: str, reason: str, severity: Severity = "medium", *, wider: bool = True) -> None:
        """Something was lost; `wider`: the schema accepts more than before."""
        self.widened += wider
        if len(self.lost) < MOST_LOSSES:
            self.lost.setdefault(place, (reason, severity))

    def rejected(self, name: str) -> bool:
        """Is this keyword an error?"""
        rules = self.rules
        return name in rules.rejects or (rules.knows is not None and name not in rules.knows)

    def exactly(self, schema: Any, place: str) -> tuple[Any, bool]:
        """Rewrite a schema where it may not become wider. Gives what came of it, and whether it is just as wide."""
        if (known := self._known.get(id(schema))) is not None:
            return known[1:]
        lost, widened = dict(self.lost), self.widened
        self._negative += 1
        found = self.schema(schema, place)
        self._negative -= 1
        same = self.widened == widened
        if not same:
            self.lost, self.widened = lost, widened
        self._known[id(schema)] = (schema, found, same)
        return found, same

    @property
    def in_negative(self) -> bool:
        """Are we where nothing may become wider?"""
        return self._negative > 0

    # --- schemas ---------------------------------------------------------------------------------

    def schema(self, schema: Any, place: str) -> Any:
        """Rewrite a schema; a new object, or the same value where it is none."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise TooLargeSchemaError
        if not isinstance(schema, dict):
            return self._boolean(schema, place)
        if self._depth >= DEEPEST:
            self.note(place, f"the schema nests deeper than {DEEPEST} levels")
            return {}
        self._depth += 1
        try:
            return self._object(schema, place)
        finally:
            self._depth -= 1

    def _boolean(self, schema: Any, place: str) -> Any:
        if self.rules.booleans or not isinstance(schema, bool):
            return schema
        if schema:
            return {}
        if not self.rejected("not"):
            return {"not": {}}
        self.note(place, "the engine has no schema that accepts nothing")
        return {}

    def _object(self, schema: Schema, place: str) -> Schema:
        found = {name: value for name, value in schema.items() if name not in DEFS}
        if "$ref" in found:
            return self.refs.follow(found, place)
        if "allOf" in found and self.rejected("allOf"):
            found = self._merged(found, place)
            if "$ref" in found:
                return self._object(found, place)
        if (parts := self._by_type(found)) is not None:
            return self._object({**parts}, place)
        out: Schema = {}
        self._values(found, place)
        self._bounds(found, place)
        gone = self._gone(found, place)
        for name, value in found.items():
            if name not in gone:
                self._keyword(out, name, value, place)
        self._one_of(found, out, place)
        bare = self.rules.typed and found.get("type") == "array" and not self.rejected("items")
        if bare and not {"items", "prefixItems"} & out.keys():
            out["items"] = {}
        return self._evaluated(schema, out, place)

    def _keyword(self, out: Schema, name: str, value: Any, place: str) -> None:
        """Write one keyword, its inner schemas rewritten."""
        path = f"{place}.{name}" if place else name
        if name == "oneOf" and self.rejected("oneOf"):
            return  # becomes anyOf
        if name in _NEGATIVE or (name == "contains" and "maxContains" in out):
            out[name] = self.exactly(value, path)[0]  # that it can be was seen before
        elif name in _MAPS and isinstance(value, dict):
            out[name] = {key: self.schema(inner, f"{path}.{key}") for key, inner in value.items()}
        elif name == "oneOf" and isinstance(value, list):
            out[name] = [self.exactly(inner, f"{path}[{i}]")[0] for i, inner in enumerate(value)]
        elif name in _LISTS and isinstance(value, list):
            out[name] = [self.schema(inner, f"{path}[{i}]") for i, inner in enumerate(value)]
        elif name in _SINGLE and (isinstance(value, dict) or (value in (True, False) and name != _EITHER)):
            out[name] = self.schema(value, path)
        else:
            out[name] = value

    # --- keywords that go ------------------------------------------------------------------------

    def _gone(self, found: Schema, place: str) -> set[str]:
        """The keywords that have to go, each told."""
        gone: set[str] = set()
        for name, value in found.items():
            if name in gone:
                continue
            why = self._why_not(found, name, value, place)
            if why is None:
                continue
            gone.add(name)
            if why:
                annotates = name in ANNOTATIONS or name not in COMBINED | OF_SOME_TYPE | {"type"}
                light = annotates or (name == "additionalProperties" and value is False)
                self.note(f"{place}.{name}" if place else name, why, "low" if light else "medium", wider=not annotates)
            for other in _TOGETHER.get(name, ()) if why else ():
                if found.get(other, True) is not True:
                    gone.add(other)
                    self.note(f"{place}.{other}" if place else other, f"it cannot stand without {name}")
        return gone

    def _why_not(self, found: Schema, name: str, value: Any, place: str) -> str | None:  # noqa: PLR0911 - one return for each rule
        """Why a keyword has to go; "" where nobody misses it, None where it stays."""
        if self.rejected(name) and name != "oneOf":
            if name in SILENT or (name == "additionalProperties" and value is True):
                return ""
            return f"the engine does not know {name}"
        if name == "format" and self.rules.formats is not None and value not in self.rules.formats:
            return f"the engine does not know the format {str(value)[:40]!r}"
        if self.rules.plain_patterns and name == "pattern" and _LOOKS_AROUND.search(str(value)):
            return "the engine knows no pattern that looks around"
        if self.rules.plain_patterns and name == "patternProperties" and any(map(_LOOKS_AROUND.search, _keys(value))):
            return "the engine knows no pattern that looks around"
        path = f"{place}.{name}" if place else name
        if (name in _NEGATIVE or (name == "contains" and "maxContains" in found)) and not self._stays(value, path):
            return "the engine does not take all that stands in it"
        if name == "oneOf" and not self.rejected(name) and isinstance(value, list):
            stays = all(self._stays(inner, f"{path}[{i}]") for i, inner in enumerate(value))
            return None if stays else "the engine does not take all that stands in it"
        return None

    def _stays(self, schema: Any, place: str) -> bool:
        return self.exactly(schema, place)[1]

    def _evaluated(self, schema: Schema, out: Schema, place: str) -> Schema:
        """What is called unevaluated hangs on everything beside it: it stays only where nothing was changed."""
        for name in [name for name in out if name.startswith("unevaluated")]:
            same = key_of({k: v for k, v in schema.items() if k not in DEFS}) == key_of(out)
            if not same or "$ref" in schema:
                del out[name]
                self.note(f"{place}.{name}" if place else name, "what stands beside it was rewritten")
        return out

    # --- keywords that are told in another way ---------------------------------------------------

    def _values(self, found: Schema, place: str) -> None:
        """`const` as an `enum` of one, and an `enum` with its type."""
        if "const" in found and self.rejected("const") and not self.rejected("enum"):
            value = found["const"]
            others = found.get("enum")
            if not isinstance(others, list) or key_of(value) in {key_of(v) for v in others}:
                del found["const"]  # else nothing is accepted, and `const` goes as any other keyword
                found["enum"] = [value]
        values = values_of(found)
        if values and "type" not in found and (self.rules.typed or self.rules.text_enums):
            kinds = {type_of(value) for value in values}
            if len(kinds) == 1:
                found["type"] = kinds.pop()
        if self.rules.text_enums and isinstance(found.get("enum"), list):
            self._text_enum(found, found["enum"], place)

    def _text_enum(self, found: Schema, values: list[Any], place: str) -> None:
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
        self.note(f"{place}.enum" if place else "enum", "the engine takes only texts in it")

    def _bounds(self, found: Schema, place: str) -> None:
        """`exclusiveMinimum` as the next whole number; of other numbers nearly."""
        for name, plain, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
            bound: Any = found.get(name)
            if not self.rejected(name) or self.rejected(plain) or not _is_finite(bound):
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
                self.note(f"{place}.{name}" if place else name, f"the engine knows only {plain}", "low")

    def _merged(self, found: Schema, place: str) -> Schema:
        """A schema with what stands in its `allOf` beside the other keywords."""
        while isinstance(found.get("allOf"), list):
            branches = found["allOf"]
            found = {name: value for name, value in found.items() if name != "allOf"}
            for i, branch in enumerate(branches):
                met = merge(found, self.refs.target(branch))
                if met is None:
                    self.note(f"{place}.allOf[{i}]" if place else f"allOf[{i}]", "the engine does not know allOf")
                else:
                    found = met
            if len(key_of(found)) > MOST_NODES * 50:
                raise TooLargeSchemaError
        return found

    def _by_type(self, found: Schema) -> Schema | None:
        """A list of types as `anyOf`, each with the keywords that are about it; None where there is nothing to do."""
        told = found.get("type")
        if not isinstance(told, list):
            told = self._types_of_values(found) if "type" not in found else []
        elif not self.rules.one_type:
            return None
        listed = [name for name in TYPES if name in told]
        if len(listed) < 2:  # noqa: PLR2004 - one type is no list
            return {**found, "type": listed[0]} if listed and isinstance(found.get("type"), list) else None
        if self.rejected("anyOf"):
            return None
        outside = {name: value for name, value in found.items() if not self._splits(name)}
        branches = [branch for name in listed if (branch := self._branch(found, name, listed)) is not None]
        return {**outside, "anyOf": branches}

    def _types_of_values(self, found: Schema) -> list[str]:
        values = values_of(found)
        if not values or not (self.rules.typed or self.rules.text_enums):
            return []
        kinds = {type_of(value) for value in values}
        return sorted(kinds) if len(kinds) > 1 else []

    @staticmethod
    def _splits(name: str) -> bool:
        return name in OF_SOME_TYPE or name in COMBINED or name == "type"

    def _branch(self, found: Schema, kind: str, listed: list[str]) -> Schema | None:
        out: Schema = {"type": kind}
        for name, value in found.items():
            if name == "type" or (name in OF_SOME_TYPE and name not in OF_TYPE.get(kind, ())):
                continue
            if not self._splits(name):
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

    def _one_of(self, found: Schema, out: Schema, place: str) -> None:
        """`oneOf` as `anyOf`: the same where no value can be accepted by two of the branches."""
        branches = found.get("oneOf")
        if not self.rejected("oneOf") or not isinstance(branches, list):
            return
        path = f"{place}.oneOf" if place else "oneOf"
        if self.rejected("anyOf"):
            self.note(path, "the engine does not know oneOf")
            return
        if not disjoint(self.refs.target(branch) for branch in branches):
            self.note(path, "the engine knows only anyOf: more than one branch may hold", "low")
        written = [self.schema(branch, f"{path}[{i}]") for i, branch in enumerate(branches)]
        if "anyOf" not in out:
            out["anyOf"] = written
        elif not self.rejected("allOf"):
            out["allOf"] = [*out.get("allOf", ()), {"anyOf": written}]
        else:
            self.note(path, "the engine takes no second choice beside anyOf")


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
