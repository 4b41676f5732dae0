"""JSON schemas as each engine takes them: rewritten so that they accept the same values, what cannot be kept told."""

from __future__ import annotations

import functools
from typing import TypeAlias

import msgspec

from weighbridge.canon import SchemaRules, Severity
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.schemas.strict import misfit
from weighbridge.dialects.schemas.top import make_object
from weighbridge.dialects.schemas.walk import TooLargeSchemaError, Walk
from weighbridge.dialects.schemas.words import DEFS, Schema

_ANY = SchemaRules()
_MOST_KEPT = 512
_LARGEST_KEPT = 32_768
_Lost: TypeAlias = tuple[str, str, Severity]
_Adapted: TypeAlias = tuple[Schema | None, bool | None, tuple[_Lost, ...]]

#: What `strict` demands of schemas at OpenAI: https://platform.openai.com/docs/guides/structured-outputs
OPENAI = SchemaRules(
    name="openai",
    rejects=(
        *("default", "examples", "$schema", "$id", "$comment", "definitions", "oneOf", "allOf", "not", "if", "then"),
        *("else", "dependentRequired", "dependentSchemas", "dependencies", "patternProperties", "propertyNames"),
        *("minProperties", "maxProperties", "contains", "minContains", "maxContains", "uniqueItems", "prefixItems"),
        *("unevaluatedProperties", "unevaluatedItems", "minLength", "maxLength", "contentEncoding"),
        "contentMediaType",
    ),
    formats=("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"),
    strict_only=True,
    closed=True,
    all_required=True,
    typed=True,
    plain_patterns=True,
    bare_refs=True,
    top_object=True,
)


def adapt(
    schema: Schema,
    rules: SchemaRules,
    *,
    strict: bool | None,
    place: str,
    losses: Losses,
) -> tuple[Schema, bool | None]:
    """Rewrite a schema for an engine.

    Args:
        schema: The schema; it is not changed.
        rules: What the engine takes.
        strict: Must the answer match the schema for certain?
        place: Where the schema stands in the request, for what is lost.
        losses: Takes what was lost: a keyword that was left out (the schema accepts more then), or `strict`.

    Returns:
        A schema that accepts the same values, apart from what `losses` say, not to be changed either; and the `strict` that can be kept: False
        where the engine's rules for it would change what the schema accepts.
    """
    if _is_free(rules) or (rules.strict_only and not strict):
        return schema, strict
    try:
        text = msgspec.json.encode(schema)
    except (msgspec.MsgspecError, OverflowError, TypeError, ValueError):  # a number that only Python can hold
        text = b""
    if text and len(text) <= _LARGEST_KEPT:
        found, kept, lost = _kept(text, rules, strict)
    else:
        found, kept, lost = _adapted(schema, rules, strict)
    for field, reason, severity in lost:
        losses.note(f"{place}.{field}" if field else place, reason, severity)
    return (schema if found is None else found), kept


@functools.lru_cache(maxsize=_MOST_KEPT)
def _kept(text: bytes, rules: SchemaRules, strict: bool | None) -> _Adapted:  # noqa: FBT001 - a key of the cache
    """An application sends the same tools with every turn: what was rewritten once is kept."""
    return _adapted(msgspec.json.decode(text), rules, strict)


def _adapted(schema: Schema, rules: SchemaRules, strict: bool | None) -> _Adapted:  # noqa: FBT001 - as above
    """What became of a schema (None: nothing), the `strict` that can be kept, and what was lost within the schema."""
    walk = Walk(schema, rules)
    try:
        found = _whole(walk, schema)
    except TooLargeSchemaError:
        an_object = schema.get("type") == "object" or rules.top_object
        lost: _Lost = ("", "the schema is too large to be rewritten for this engine", "high")
        return ({"type": "object"} if an_object else {}), False if strict else strict, (lost,)
    told: list[_Lost] = []
    if strict and (why := misfit(found, rules)):
        told.append(("strict", f"the engine would demand that the schema be changed: {why}", "medium"))
        strict = False
        if rules.strict_only:
            return None, strict, tuple(told)
    if rules.top_object:
        found = make_object(found, walk.note)
    told += [(field, reason, severity) for field, (reason, severity) in walk.lost.items()]
    return (None if found == schema else found), strict, tuple(told)


def _is_free(rules: SchemaRules) -> bool:
    return rules == (_ANY if not rules.name else SchemaRules(name=rules.name))


def _whole(walk: Walk, schema: Schema) -> Schema:
    found = walk.schema(schema, "")
    if walk.refs.defs:
        found = {**found, "$defs": walk.refs.defs}
    return {name: value for name, value in found.items() if name not in DEFS or name == "$defs"}
