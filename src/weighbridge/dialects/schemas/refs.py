"""References inside a schema: kept, put in their place, or cut where they would never end."""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import unquote

from weighbridge.canon import SchemaRules, Severity
from weighbridge.dialects.schemas.words import ANNOTATIONS, DEFS, Schema, merge

_MISSING = object()
_DEEPEST = 20


class Walker(Protocol):
    """What rewrites the schemas that references point to; see `schema_walk.Walk`."""

    rules: SchemaRules
    widened: int

    @property
    def in_negative(self) -> bool:
        """Are we where nothing may become wider?"""
        ...

    def note(self, place: str, reason: str, severity: Severity = "medium", *, wider: bool = True) -> None:
        """Something was lost; `wider`: the schema accepts more than before."""
        ...

    def rejected(self, name: str) -> bool:
        """Is this keyword an error?"""
        ...

    def schema(self, schema: Any, place: str) -> Any:
        """Rewrite a schema."""
        ...


class References:
    """The references of one document.

    Args:
        root: The document.
        walk: Rewrites what they point to.
    """

    def __init__(self, root: Schema, walk: Walker) -> None:
        self._root = root
        self._walk = walk
        self._names: dict[str, str] = {}  #: pointer -> name of its definition
        self._open: list[str] = []  #: pointers that are being rewritten
        self._loops: set[str] = set()  #: those that lead back to themselves
        self._wider: set[str] = set()  #: definitions that accept more than they did
        self.defs: Schema = {}  #: the definitions, rewritten

    def target(self, schema: Any) -> Any:
        """What a schema is when its reference is followed; the schema itself where that cannot be."""
        for _ in range(_DEEPEST):
            if not isinstance(schema, dict) or "$ref" not in schema:
                return schema
            pointed = self._at(schema["$ref"])
            rest = {name: value for name, value in schema.items() if name != "$ref" and name not in DEFS}
            if pointed is _MISSING or schema["$ref"] in self._open or self._is_recursive(schema["$ref"]):
                return schema
            met = merge(rest, _without_defs(pointed))
            if met is None:
                return schema
            schema = met
        return schema

    def follow(self, schema: Schema, place: str) -> Schema:
        """A schema with a reference, rewritten as a whole."""
        pointer = schema["$ref"]
        pointed = self._at(pointer)
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        if pointed is _MISSING:
            self._walk.note(f"{place}.$ref" if place else "$ref", "it does not point to a part of this schema")
            return self._rewritten(rest, place)
        rules = self._walk.rules
        if pointer == "#" and rules.local_refs and rules.recursion:
            return self._beside({"$ref": "#"}, rest, place)
        if rules.local_refs and (rules.recursion or not self._is_recursive(pointer)):
            return self._beside({"$ref": f"#/$defs/{self._define(pointer)}"}, rest, place)
        if pointer in self._open or len(self._open) >= _DEEPEST:
            self._walk.note(f"{place}.$ref" if place else "$ref", "the engine takes no schema that contains itself")
            kind = pointed.get("type") if isinstance(pointed, dict) else None
            return self._rewritten({**({"type": kind} if isinstance(kind, str) else {}), **rest}, place)
        return self._inlined(pointer, _without_defs(pointed), rest, place)

    def _inlined(self, pointer: str, pointed: Any, rest: Schema, place: str) -> Schema:
        met = merge(rest, pointed) if rest else pointed
        self._open.append(pointer)
        try:
            if met is not None:
                return self._rewritten(met, place)
            if not self._walk.rejected("allOf"):
                return self._rewritten({"allOf": [pointed, rest]}, place)
            self._walk.note(f"{place}.$ref" if place else "$ref", "the engine takes nothing beside a reference")
            return self._rewritten(pointed, place)
        finally:
            self._open.pop()

    def _rewritten(self, schema: Any, place: str) -> Schema:
        found = self._walk.schema(schema, place)
        if isinstance(found, dict):
            return found
        if found is False and not self._walk.rejected("not"):
            return {"not": {}}
        if found is False:
            self._walk.note(place, "the engine has no schema that accepts nothing")
        return {}

    def _define(self, pointer: str) -> str:
        """The name of a pointer's definition, which is rewritten when it is first asked for."""
        walk = self._walk
        if pointer in self._open:
            self._loops.update(self._open[self._open.index(pointer) :])
        elif pointer not in self._names:
            self._names[pointer] = name = self._new_name(pointer)
            self._open.append(pointer)
            widened = walk.widened
            self.defs[name] = {}
            self.defs[name] = walk.schema(_without_defs(self._at(pointer)), f"$defs.{name}")
            if walk.widened != widened:
                self._wider.add(pointer)
            self._open.pop()
        if pointer in self._wider or (walk.in_negative and (pointer in self._loops or pointer in self._open)):
            walk.widened += 1
        return self._names[pointer]

    def _new_name(self, pointer: str) -> str:
        last = unquote(pointer.rpartition("/")[2]).replace("~1", "/").replace("~0", "~")
        base = "".join(c if c.isalnum() or c in "._-" else "_" for c in last) or "root"
        name, turn = base, 1
        while name in self.defs:
            name, turn = f"{base}{turn}", turn + 1
        return name

    def _beside(self, ref: Schema, rest: Schema, place: str) -> Schema:
        """A reference that is kept, with what stands beside it."""
        if not rest:
            return ref
        walk = self._walk
        rewritten = self._rewritten(rest, place)
        if not walk.rules.bare_refs:
            return {**ref, **rewritten}
        if not walk.rejected("anyOf") and rewritten.keys() <= ANNOTATIONS:
            return {"anyOf": [ref], **rewritten} if rewritten else ref
        if not walk.rejected("allOf"):
            return {"allOf": [ref, rewritten]}
        if not walk.rejected("anyOf") and "anyOf" not in rewritten:
            return {"anyOf": [ref], **rewritten}
        walk.note(f"{place}.$ref" if place else "$ref", "the engine takes nothing beside a reference")
        return ref

    def _at(self, pointer: Any) -> Any:
        if not isinstance(pointer, str) or (pointer != "#" and not pointer.startswith("#/")):
            return _MISSING
        found: Any = self._root
        for step in unquote(pointer[2:]).split("/") if pointer != "#" else ():
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                return _MISSING
        return found if isinstance(found, dict | bool) else _MISSING

    def _is_recursive(self, pointer: str) -> bool:
        """Does what it points to lead back to itself?"""
        seen: set[str] = set()
        todo = [pointer]
        while todo:
            for inner in _refs_in(_without_defs(self._at(todo.pop()))):
                if inner == pointer:
                    return True
                if inner not in seen:
                    seen.add(inner)
                    todo.append(inner)
        return False


def _without_defs(schema: Any) -> Any:
    return {k: v for k, v in schema.items() if k not in DEFS} if isinstance(schema, dict) else schema


def _refs_in(value: Any) -> list[str]:
    found: list[str] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            if isinstance(ref := item.get("$ref"), str):
                found.append(ref)
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return found
