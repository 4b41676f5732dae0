"""Rewriting one schema for an engine, keyword by keyword.

What is left out may only make a schema accept more, never less. Inside of `not`, `if` and `oneOf` that turns round:
there nothing may be left out, and what would have to be goes as a whole.
"""

from __future__ import annotations

import re
from typing import Any

from weighbridge.canon import SchemaRules, Severity
from weighbridge.dialects.schemas.forms import by_type, close_bounds, name_values
from weighbridge.dialects.schemas.refs import References
from weighbridge.dialects.schemas.words import (
    ANNOTATIONS,
    COMBINED,
    DEFS,
    OF_SOME_TYPE,
    SILENT,
    Schema,
    disjoint,
    key_of,
    merge,
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
        if (parts := by_type(found, self)) is not None:
            return self._object({**parts}, place)
        out: Schema = {}
        name_values(found, place, self)
        close_bounds(found, place, self)
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


def _keys(value: Any) -> list[str]:
    return list(value) if isinstance(value, dict) else []
