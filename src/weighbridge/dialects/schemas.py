"""JSON schemas as each engine takes them: rewritten so that they accept the same values, what cannot be kept told."""

from __future__ import annotations

from weighbridge.canon import SchemaRules
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.schema_strict import misfit
from weighbridge.dialects.schema_top import make_object
from weighbridge.dialects.schema_walk import TooLargeSchemaError, Walk
from weighbridge.dialects.schema_words import DEFS, Schema

_ANY = SchemaRules()

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
        A schema that accepts the same values, apart from what `losses` say, and the `strict` that can be kept: False
        where the engine's rules for it would change what the schema accepts.
    """
    if _is_free(rules) or (rules.strict_only and not strict):
        return schema, strict
    walk = Walk(schema, rules)
    try:
        found = _whole(walk, schema)
    except TooLargeSchemaError:
        losses.note(place, "the schema is too large to be rewritten for this engine", "high")
        return {"type": "object"} if schema.get(
            "type"
        ) == "object" or rules.top_object else {}, False if strict else strict
    if strict and (why := misfit(found, rules)):
        losses.note(f"{place}.strict", f"the engine would demand that the schema be changed: {why}")
        strict = False
        if rules.strict_only:
            return schema, strict
    if rules.top_object:
        found = make_object(found, walk.note)
    for field, (reason, severity) in walk.lost.items():
        losses.note(f"{place}.{field}" if field else place, reason, severity)
    return (schema if found == schema else found), strict


def _is_free(rules: SchemaRules) -> bool:
    return rules == (_ANY if not rules.name else SchemaRules(name=rules.name))


def _whole(walk: Walk, schema: Schema) -> Schema:
    found = walk.schema(schema, "")
    if walk.refs.defs:
        found = {**found, "$defs": walk.refs.defs}
    return {name: value for name, value in found.items() if name not in DEFS or name == "$defs"}
