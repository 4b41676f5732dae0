"""Schemas are rewritten so that they accept the same values, or more, and then it is told."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema
import pytest
import referencing.exceptions
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.canon import SchemaRules
from weighbridge.dialects.extras import Extras, Losses
from weighbridge.dialects.schemas import OPENAI, adapt
from weighbridge.dialects.schemas.walk import DEEPEST

#: Much as Gemini's `parameters` take it.
NARROW = SchemaRules(
    name="narrow",
    rejects=(
        *("$schema", "additionalProperties", "const", "exclusiveMinimum", "exclusiveMaximum", "oneOf", "allOf", "not"),
        *("if", "then", "else", "default", "patternProperties", "propertyNames", "uniqueItems", "prefixItems"),
    ),
    one_type=True,
    text_enums=True,
    booleans=False,
    local_refs=False,
    recursion=False,
)
#: What can be told in another way, all of it.
GENTLE = SchemaRules(name="gentle", rejects=("const", "$schema"), one_type=True, bare_refs=True)
PLACE = "tools[0].schema"


def run(schema: dict[str, Any], rules: SchemaRules, *, strict: bool | None = None) -> tuple[Any, bool | None, Losses]:
    losses = Extras("x").losses()
    before = copy.deepcopy(schema)
    found, kept = adapt(schema, rules, strict=strict, place=PLACE, losses=losses)
    assert schema == before, "the schema that came in was changed"
    return found, kept, losses


def fields(losses: Losses) -> dict[str, str]:
    return {loss.field.removeprefix(f"{PLACE}."): loss.severity for loss in losses.all()}


def accepts(schema: Any, value: Any) -> bool:
    return jsonschema.Draft202012Validator(schema).is_valid(value)


# --- by example -----------------------------------------------------------------------------------


def test_free_rules_leave_everything_alone():
    schema = {"type": ["string", "null"], "const": 1, "$ref": "http://elsewhere"}
    assert run(schema, SchemaRules(name="any"))[0] is schema
    assert run(schema, OPENAI, strict=False)[0] is schema
    assert run(schema, OPENAI)[0] is schema


def test_what_fits_is_not_copied():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    assert run(schema, NARROW)[0] is schema


def test_pitfall_25_gemini_rejects_much_that_can_be_told_in_other_words():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "kind": {"const": "a"},
            "name": {"type": ["string", "null"], "minLength": 1, "description": "Who"},
            "count": {"type": "integer", "exclusiveMinimum": 0},
            "both": {"type": ["string", "null"], "enum": ["x", None]},
        },
        "additionalProperties": False,
    }
    found, _, losses = run(schema, NARROW)
    assert found == {
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["a"]},
            "name": {"description": "Who", "anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]},
            "count": {"type": "integer", "minimum": 1},
            "both": {"anyOf": [{"type": "string", "enum": ["x"]}, {"type": "null"}]},
        },
    }
    assert fields(losses) == {"additionalProperties": "low"}


def test_pitfall_24_strict_is_kept_where_the_schema_already_is_what_it_demands():
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "default": "x", "title": "A"},
            "b": {"$ref": "#/$defs/B", "description": "a B"},
            "c": {"type": "string", "pattern": "^(?!x)"},
        },
        "required": ["a", "b", "c"],
        "additionalProperties": False,
        "$defs": {
            "B": {"type": "object", "properties": {}, "additionalProperties": False},
            "unused": {"type": "object"},
        },
    }
    found, strict, losses = run(schema, OPENAI, strict=True)
    assert strict is True
    assert found["properties"] == {
        "a": {"type": "string", "title": "A"},
        "b": {"anyOf": [{"$ref": "#/$defs/B"}], "description": "a B"},
        "c": {"type": "string"},
    }
    assert set(found["$defs"]) == {"B"}
    assert fields(losses) == {"properties.a.default": "low", "properties.c.pattern": "medium"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"required": []}, "optional property 'a'"),
        ({"additionalProperties": True}, "allows further properties"),
        ({"properties": {"a": {}}}, "has no type"),
        ({"properties": {"a": {"type": "array"}}}, "has no type"),
        ({"properties": {"a": {"type": "object"}}}, "properties.a allows further properties"),
        ({"type": "array", "items": {"type": "string"}}, "not simply an object"),
        ({"anyOf": [{"type": "object"}]}, "not simply an object"),
    ],
)
def test_pitfall_24_strict_goes_where_it_would_change_what_is_accepted(change, why):
    good = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    assert run(good, OPENAI, strict=True)[:2] == (good, True)
    schema = {**good, **change}
    found, strict, losses = run(schema, OPENAI, strict=True)
    assert found is schema
    assert strict is False
    (loss,) = losses.all()
    assert (loss.field, loss.severity) == (f"{PLACE}.strict", "medium")
    assert why in loss.reason


def test_recursion_is_cut_once_and_told():
    node = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}, "v": {"type": "integer"}},
    }
    schema = {"type": "object", "properties": {"first": {"$ref": "#/$defs/Node"}}, "$defs": {"Node": node}}
    found, _, losses = run(schema, NARROW)
    inner = found["properties"]["first"]["properties"]["next"]["anyOf"]
    assert inner == [{"type": "object"}, {"type": "null"}]
    assert "$defs" not in found
    assert list(fields(losses).values()) == ["medium"]
    kept = run(schema, SchemaRules(name="r", rejects=("const",)))
    assert kept[0] is schema
    half = run({**schema, "properties": {**schema["properties"], "k": {"const": 1}}}, GENTLE)
    assert half[0]["$defs"] == {"Node": node}


def test_a_schema_of_the_whole_document():
    schema = {"type": "object", "properties": {"child": {"$ref": "#"}, "k": {"const": 1}}}
    found, _, losses = run(schema, GENTLE)
    assert found == {"type": "object", "properties": {"child": {"$ref": "#"}, "k": {"enum": [1]}}}
    assert losses.all() == ()


def test_a_reference_to_nowhere_is_told():
    for ref in ("#/$defs/missing", "https://example.com/x.json", "#anchor", 5, "#/properties/a/5"):
        found, _, losses = run({"properties": {"a": {"$ref": ref, "title": "A"}}}, NARROW)
        assert found == {"properties": {"a": {"title": "A"}}}
        assert list(fields(losses)) == ["properties.a.$ref"]


def test_pointers_are_unescaped():
    schema = {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"type": "string"}}}
    assert run(schema, NARROW)[0] == {"type": "string"}
    found = run({**schema, "const": "x"}, GENTLE)[0]
    assert found == {"allOf": [{"$ref": "#/$defs/a_b_c"}, {"enum": ["x"]}], "$defs": {"a_b_c": {"type": "string"}}}


def test_one_of_is_any_of_where_no_two_can_hold():
    apart = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
    found, _, losses = run(apart, NARROW)
    assert (found, losses.all()) == ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, ())
    tagged = [
        {"type": "object", "properties": {"t": {"const": tag}}, "required": ["t"], "additionalProperties": True}
        for tag in ("a", "b")
    ]
    assert run({"oneOf": tagged}, NARROW)[2].all() == ()
    found, _, losses = run({"oneOf": [{"type": "number"}, {"type": "integer"}]}, NARROW)
    assert found == {"anyOf": [{"type": "number"}, {"type": "integer"}]}
    assert fields(losses) == {"oneOf": "low"}


def test_all_of_is_merged():
    schema = {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"type": "integer", "minimum": 1}}, "required": ["b"]},
            {"properties": {"b": {"minimum": 3}}},
        ],
        "description": "both",
    }
    found, _, losses = run(schema, NARROW)
    assert found == {
        "description": "both",
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer", "minimum": 3}},
        "required": ["a", "b"],
    }
    assert losses.all() == ()
    clash = {"allOf": [{"properties": {"a": {}}, "additionalProperties": False}, {"properties": {"b": {}}}]}
    assert set(fields(run(clash, NARROW)[2])) == {"additionalProperties", "allOf[1]"}


def test_an_engine_that_says_which_keywords_it_knows():
    rules = SchemaRules(name="few", knows=("type", "properties", "required", "description", "additionalProperties"))
    schema = {
        "type": "object",
        "x-order": ["a"],
        "properties": {"a": {"type": "string", "minLength": 1, "description": "A"}},
        "additionalProperties": False,
    }
    found, _, losses = run(schema, rules)
    assert found == {
        "type": "object",
        "properties": {"a": {"type": "string", "description": "A"}},
        "additionalProperties": False,
    }
    assert fields(losses) == {"x-order": "low", "properties.a.minLength": "medium"}


def test_what_was_rewritten_once_is_told_every_time():
    schema = {"type": "object", "properties": {"a": {"const": 1, "default": 1}}}
    first, second = run(schema, NARROW), run(copy.deepcopy(schema), NARROW)
    assert first[0] == second[0]
    assert fields(first[2]) == fields(second[2]) == {"properties.a.default": "low"}
    odd = {"type": "object", "properties": {"a": {"const": 10**400}}}
    assert run(odd, GENTLE)[0] == {"type": "object", "properties": {"a": {"enum": [10**400]}}}


def test_inside_of_not_nothing_is_left_out():
    schema = {"type": "object", "properties": {"a": {"not": {"type": "string", "pattern": "(?=x)"}}}}
    rules = SchemaRules(name="r", plain_patterns=True)
    found, _, losses = run(schema, rules)
    assert found == {"type": "object", "properties": {"a": {}}}
    assert list(fields(losses)) == ["properties.a.not"]
    fine = {"properties": {"a": {"not": {"const": 1}}}}
    assert run(fine, GENTLE)[0] == {"properties": {"a": {"not": {"enum": [1]}}}}


def test_the_outermost_value_is_an_object():
    rules = SchemaRules(name="top", top_object=True)
    assert run({}, rules)[0] == {"type": "object"}
    assert run({"type": ["object", "null"]}, rules)[0] == {"type": "object"}
    choice = {
        "anyOf": [
            {"$ref": "#/$defs/A"},
            {"type": "object", "properties": {"b": {"type": "string"}, "t": {"const": 2}}, "required": ["b", "t"]},
        ],
        "$defs": {"A": {"type": "object", "properties": {"t": {"const": 1}}, "required": ["t"]}},
    }
    found, _, losses = run(choice, rules)
    assert found["type"] == "object"
    assert found["required"] == ["t"]
    assert found["properties"] == {"t": {"anyOf": [{"const": 1}, {"const": 2}]}, "b": {}}
    assert fields(losses) == {"anyOf": "medium"}
    text = {"type": "string"}
    assert run(text, rules)[0] is text


def test_too_deep_and_too_large_schemas_end():
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(DEEPEST + 5):
        deep = {"type": "array", "items": deep}
    found, _, losses = run(deep, NARROW)
    assert len(losses.all()) == 1
    assert accepts(found, [[[]]])
    doubling: dict[str, Any] = {"D0": {"type": "string"}}
    for i in range(1, 30):
        ref = {"$ref": f"#/$defs/D{i - 1}"}
        doubling[f"D{i}"] = {"type": "object", "properties": {"a": ref, "b": ref}}
    found, strict, losses = run({"type": "object", "$defs": doubling, "$ref": "#/$defs/D29"}, NARROW, strict=True)
    assert (found, strict) == ({"type": "object"}, False)
    assert [loss.severity for loss in losses.all()] == ["high"]
    many = {"properties": {f"p{i}": {"type": "string", "default": "x"} for i in range(500)}}
    assert len(run(many, NARROW)[2].all()) == 100


# --- by property ----------------------------------------------------------------------------------

TYPES = ["string", "number", "integer", "boolean", "array", "object", "null"]
SCALARS = [None, True, False, -1, 0, 1, 2, 3, 0.5, 1.0, 2.5, "a", "b", "ab", "x", ""]
REFS = ["#", "#/$defs/a", "#/$defs/b", "#/properties/a", "#/$defs/missing"]
REJECTABLE = [
    *("const", "oneOf", "allOf", "anyOf", "not", "if", "patternProperties", "additionalProperties", "prefixItems"),
    *("contains", "exclusiveMinimum", "exclusiveMaximum", "pattern", "title", "default", "$schema", "format"),
    *("uniqueItems", "propertyNames", "enum", "dependentSchemas", "items", "minimum", "properties", "maxContains"),
]


class Maker:
    """Makes schemas, rules and values from a seed: much quicker than drawing each from a strategy."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, depth: int = 3) -> Any:
        pick = self.random.random()
        if depth and pick < 0.25:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        if depth and pick < 0.6:
            names = self.random.sample("abcd", self.random.randrange(4))
            return {name: self.value(depth - 1) for name in names}
        return self.random.choice(SCALARS)

    def schema(self, depth: int = 3) -> Any:
        if not depth or self.random.random() < 0.2:
            plain = {"type": self.random.choice(TYPES)}
            return self.random.choice([True, False, {}, plain, plain, plain, {"$ref": self.random.choice(REFS)}])
        found: dict[str, Any] = {"type": self._type()} if self.random.random() < 0.5 else {}
        for name in self.random.sample(KEYWORDS, self.random.randrange(1, 4)):
            found[name] = self._keyword(name, depth - 1)
        return found

    def document(self) -> dict[str, Any]:
        found: Any = True
        while not isinstance(found, dict):
            found = self.schema()
        return {**found, "$defs": {"a": self.schema(2), "b": self.schema(2)}}

    def rules(self) -> SchemaRules:
        if self.random.random() < 0.3:
            return self.random.choice([NARROW, GENTLE, OPENAI])
        flags = (
            "typed",
            "one_type",
            "text_enums",
            "booleans",
            "plain_patterns",
            "local_refs",
            "bare_refs",
            "recursion",
        )
        set_at_random: dict[str, Any] = {flag: self.random.random() < 0.5 for flag in flags}
        return SchemaRules(
            name="r",
            rejects=tuple(self.random.sample(REJECTABLE, self.random.randrange(7))),
            formats=self.random.choice([None, ("date",)]),
            **set_at_random,
        )

    def _type(self) -> Any:
        return self.random.choice(TYPES) if self.random.random() < 0.6 else self.random.sample(TYPES, 2)

    def _some(self, depth: int) -> list[Any]:
        return [self.schema(depth) for _ in range(self.random.randrange(1, 4))]

    def _named(self, names: Any, depth: int) -> dict[str, Any]:
        return {name: self.schema(depth) for name in self.random.sample(names, self.random.randrange(1, len(names)))}

    def _keyword(self, name: str, depth: int) -> Any:
        if name == "$ref":
            return self.random.choice(REFS)
        if name in PLAIN:
            return self.random.choice(PLAIN[name])
        if name in ("anyOf", "oneOf", "allOf", "prefixItems"):
            return self._some(depth)
        if name in ("properties", "dependentSchemas"):
            return self._named("abc", depth)
        if name == "patternProperties":
            return self._named(["^a", "b$", "(?=c)"], depth)
        return self.schema(depth)


PLAIN: dict[str, list[Any]] = {
    "type": TYPES,
    "enum": [["a"], ["a", "b"], [1, 2], [1, "a"], [None, "a"], [True, False], [1.0, 2.5], [0, {"a": 1}]],
    "const": [*SCALARS, {"a": 1}, ["a"]],
    "minimum": [0, 1, 2],
    "maximum": [1, 2, 3],
    "exclusiveMinimum": [0, 1, 0.5],
    "exclusiveMaximum": [3, 2, 2.5],
    "multipleOf": [1, 2],
    "minLength": [1, 2],
    "pattern": ["^a", "(?=a)", "(?!a)"],
    "format": ["date", "color"],
    "minItems": [1, 2],
    "uniqueItems": [True, False],
    "required": [["a"], ["a", "b"], []],
    "minProperties": [1, 2],
    "maxContains": [0, 1],
    "title": ["T"],
    "default": SCALARS,
    "$schema": ["https://json-schema.org/draft/2020-12/schema"],
    "additionalProperties": [True, False, False, {"type": "string"}],
    "unevaluatedProperties": [True, False],
    "unevaluatedItems": [True, False],
}
KEYWORDS = [
    *(*PLAIN, "prefixItems", "properties", "properties", "dependentSchemas", "$ref", "patternProperties", "items"),
    *("contains", "propertyNames", "not", "if", "then", "else", "anyOf", "oneOf", "allOf", "anyOf", "oneOf", "allOf"),
]


def in_place(schema: Any):
    """The schemas that judge the very same value."""
    for name in ("not", "if", "then", "else"):
        yield schema.get(name)
    for name in ("anyOf", "oneOf", "allOf"):
        yield from schema.get(name, ())
    yield from schema.get("dependentSchemas", {}).values()


def circles(document: Any, schema: Any, seen: tuple[str, ...] = ()) -> bool:
    """Does a schema ask itself about the very same value? Nobody can tell what it accepts."""
    if not isinstance(schema, dict):
        return False
    ref = schema.get("$ref", "")
    target: Any = document
    for name in ref.split("/")[1:]:
        target = target.get(name, {}) if isinstance(target, dict) else {}
    if ref in seen or (ref and circles(document, target, (*seen, ref))):
        return True
    return any(circles(document, inner, seen) for inner in in_place(schema))


def judge(schema: Any, value: Any) -> bool | None:
    """Is the value accepted? None where the schema leads nowhere."""
    try:
        return accepts(schema, value)
    except referencing.exceptions.Unresolvable:
        return None


@settings(max_examples=300)
@given(st.integers(0, 2**40))
def test_the_same_values_are_accepted_unless_a_loss_is_told(seed):
    check_values(Maker(seed))


def check_values(make: Maker) -> None:
    schema, rules = make.document(), make.rules()
    found, _, losses = run(schema, rules, strict=True)
    if any(circles(schema, inner) for inner in subschemas(schema)):
        return
    for value in [make.value() for _ in range(20)]:
        before, after = judge(schema, value), judge(found, value)
        if before is None or after is None:
            continue
        assert not (before and not after), f"{value!r} is no longer accepted by {found}"
        if not losses.all():
            assert before == after, f"{value!r} is now accepted by {found}"


def subschemas(schema: Any):
    """All schemas within a schema."""
    yield schema
    if not isinstance(schema, dict):
        return
    for name in ("properties", "patternProperties", "dependentSchemas", "$defs"):
        for inner in schema.get(name, {}).values():
            yield from subschemas(inner)
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for inner in schema.get(name, ()):
            yield from subschemas(inner)
    for name in ("items", "additionalProperties", "propertyNames", "contains", "not", "if", "then", "else"):
        if name in schema and not (name == "additionalProperties" and isinstance(schema[name], bool)):
            yield from subschemas(schema[name])


@settings(max_examples=300)
@given(st.integers(0, 2**40))
def test_what_is_rejected_is_nowhere_left(seed):
    check_rules(Maker(seed))


def check_rules(make: Maker) -> None:
    schema, rules = make.document(), make.rules()
    found, strict, losses = run(schema, rules, strict=True)
    if rules.strict_only and not strict:
        assert found is schema
        return
    for inner in subschemas(found):
        if isinstance(inner, bool):
            assert rules.booleans
            continue
        assert not set(rules.rejects) & inner.keys()
        if rules.one_type and "anyOf" not in rules.rejects:
            assert not isinstance(inner.get("type"), list)
        if not rules.local_refs:
            assert "$ref" not in inner
        if rules.bare_refs and "$ref" in inner:
            assert set(inner) <= {"$ref", "$defs"}
        if rules.plain_patterns:
            assert "(?" not in inner.get("pattern", "")
        if rules.text_enums:
            assert all(isinstance(value, str) for value in inner.get("enum", ()))
        if rules.formats is not None:
            assert inner.get("format", "date") in rules.formats
    assert len(losses.all()) <= 101


NONSENSE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(KEYWORDS), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(KEYWORDS), NONSENSE, max_size=4), st.integers(0, 2**40))
def test_no_nonsense_crashes_it(schema, seed):
    run(schema, Maker(seed).rules(), strict=True)
