"""Graders: what they accept, what they refuse, and that no answer can hurt them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Choice, Message, Reply, TextPart, Tool, ToolCallPart
from weighbridge.errors import InputError
from weighbridge.weigh import graders
from weighbridge.weigh.graders import choice, kinds, number, patterns, structure
from weighbridge.weigh.types import Grade, Sample


def reply(text="", **more):
    return Reply(choices=(Choice(parts=(TextPart(text),) if text else (), **more),))


def grade(grader, target, text, **more):
    return graders.grade(Sample(id="s", messages=(), target=target, grader=grader, **more), reply(text))


# --- exact and contains -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "text", "score"),
    [
        ("Paris", "paris", 1),
        ("Paris", " **Paris**.\n", 1),
        ("Paris", '"Paris"', 1),
        ("Paris", "Paris is the capital", 0),
        ("42", "\uff14\uff12", 1),  # full-width digits
        (42, "42", 1),
        (["colour", "color"], "Color", 1),
        ("\u6771\u4eac", "\u6771\u4eac\u3002", 1),
        ("Stra\u00dfe", "STRASSE", 1),
        ("...", "...", 1),
        ("...", "", 0),
        ("x", "   ", 0),
        (None, "x", 0),
    ],
)
def test_exact(target, text, score):
    assert grade("exact", target, text).score == score


@pytest.mark.parametrize(
    ("target", "text", "score"),
    [
        ("tea", "Green TEA, please", 1),
        (["tea", "milk"], "tea with milk", 1),
        (["tea", "milk"], "tea", 0),
        ({"any": ["tea", "milk"]}, "milk", 1),
        ({"any": ["tea", "milk"]}, "water", 0),
        ({"all": "tea", "none": ["milk"]}, "tea", 1),
        ({"all": "tea", "none": ["milk"]}, "tea, milk", 0),
        ({"none": ["milk"]}, "", 0),
        ("tea", "", 0),
    ],
)
def test_contains(target, text, score):
    assert grade("contains", target, text).score == score


# --- choice -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("**B**", "B"),
        ("**B.**", "B"),
        ("\uff22", "B"),
        ("B) foo", "B"),
        ("B. foo", "B"),
        ("B: foo", "B"),
        ("B - because A is wrong", "B"),
        ("A\nbecause", "A"),
        ("**B) foo**", "B"),
        ("The answer is (B).", "B"),
        ("The answer is B", "B"),
        ("the correct answer is: **B) Paris**", "B"),
        ("Answer: B", "B"),
        ("ANSWER: b, maybe", ""),
        ("Answer: (b)", "B"),
        ("I would choose option C here, not B.", "C"),
        ("$\\boxed{D}$", "D"),
        ("The answer is A. Wait, no: the answer is C.", "C"),
        ("A good question has a good answer.", ""),
        ("The answer is a number.", ""),
        ("The answer is A because of rain.", "A"),
        ("The answer is I think B.", "B"),
        ("A dog. I think so.", ""),
        ("It is B.", "B"),
        ("I think it must be C", "C"),
        ("Either B or C", ""),
        ("Both (A) and (B) fit", ""),
        ("(A) fits, (B) does not", "A"),
        ("Either A or B", ""),
        ("Because of (C) everything works", "C"),
        ("Vitamin-free answer", ""),
        ("Don't know", ""),
        ("It's Bob's", ""),
        ("", ""),
        ("\U0001f600", ""),
    ],
)
def test_which_letter_an_answer_settles_on(text, letter):
    assert choice.letter(text) == letter


def test_choice_grades_and_tells_validity():
    assert grade("choice", "B", "The answer is (B).") == Grade(1.0, valid=True, why="chose B")
    assert grade("choice", ["A", "C"], "c").score == 1
    assert grade("choice", "B", "A").score == 0
    undecided = grade("choice", "B", "Either A or B")
    assert (undecided.score, undecided.valid) == (0, False)


# --- number -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("42", 42),
        ("It is 42.", 42),
        ("12 + 30 = 42 apples", 42),
        ("First 12, then 42", 42),
        ("The answer is 42 apples in 3 boxes.", 42),
        ("#### 42", 42),
        ("$\\boxed{42}$", 42),
        ("= 42. So the answer is forty-two.", 42),
        ("$1,234.50", 1234.5),
        ("1,234,567", 1234567),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567),
        ("1'234", 1234),
        ("1\u202f234,5", 1234.5),
        ("1\u00a0234", 1234),
        ("3,5", 3.5),
        ("3.500", 3.5),
        ("0,125", 0.125),
        ("-7", -7),
        ("\u22127 \u00b0C", -7),
        ("-$7", -7),
        ("10-3", 3),
        ("50 %", 50),
        ("\u20ac5", 5),
        ("5kg", 5),
        (".5", 0.5),
        ("1.5e3", 1500),
        ("3/4", 0.75),
        ("1 1/2", 1.5),
        ("\u00bd", 0.5),
        ("1\u00bd", 1.5),
        ("\uff11\uff12", 12),
        ("\u0661\u0662", 12),
        ("5/0", 5),
        ("twelve", None),
        ("B2B", None),
        ("", None),
        ("\u00b9", 1),
    ],
)
def test_which_number_an_answer_arrives_at(text, value):
    got = number.number(text)
    assert (None if got is None else float(got)) == value


def test_number_grades():
    assert grade("number", 0.75, "3/4").score == 1
    assert grade("number", "1,000", "1000 km").score == 1
    assert grade("number", [6, "seven 7"], "7").score == 1
    assert grade("number", 1 / 3, "1/3").score == 1
    wrong = grade("number", 5, "6")
    assert (wrong.score, wrong.valid, wrong.why) == (0, True, "got 6")
    assert grade("number", 5, "no idea").valid is False


@given(
    st.integers(-(10**15), 10**15), st.sampled_from(["{}", "{:,}", "Answer: {}.", "x = {:,} kg", "about {:_} or so"])
)
def test_any_whole_number_is_read_back(value, form):
    assert number.number(form.format(value)) == value


# --- regex --------------------------------------------------------------------------------------------


def test_regex():
    assert grade("regex", r"^\d{3}$", " 123\n").score == 1
    assert grade("regex", ["x", "^y"], "yes").score == 1
    assert grade("regex", "(?i)HELLO", "say hello").score == 1
    assert grade("regex", "^a$", "b").score == 0
    assert grade("regex", ".*", "").score == 0


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"(a|aa)+$", r"(.*a){20}$", r"^(\w+\s?)*$"])
def test_a_hostile_pattern_is_linear(pattern):
    started = time.perf_counter()
    patterns.found(pattern, "a" * 200_000 + "!")
    assert time.perf_counter() - started < 20  # Python's own engine would take longer than the universe has


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{5000}", "x" * 1001])
def test_patterns_that_cannot_be_used(pattern):
    assert "usable pattern" in graders.find("regex").check(pattern)
    with pytest.raises(InputError):
        patterns.check(pattern)


# --- JSON ---------------------------------------------------------------------------------------------

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
}


@pytest.mark.parametrize(
    ("text", "score", "valid"),
    [
        ('{"name": "Ann", "age": 30}', 1, True),
        ('```json\n{"name": "ann", "age": 30}\n```', 1, True),
        ('```\n{"name": "Ann", "age": 30, "more": 1}```', 1, True),
        ('{"name": "Bob", "age": 30}', 0, True),
        ('{"name": "Ann", "age": "30"}', 0, False),
        ('{"name": "Ann"}', 0, False),
        ('Here: {"name": "Ann", "age": 30}', 0, False),
        ('{"name": "Ann", "age": 30', 0, False),
        ('{"name": "Ann", "age": NaN}', 0, False),
        ("", 0, False),
        ("\ufeff", 0, False),
        ("[" * 100_000, 0, False),
        ("[" * 500 + "]" * 500, 0, False),
        ("\ud800", 0, False),
    ],
)
def test_json_against_a_schema_and_a_target(text, score, valid):
    got = grade("json_schema", {"name": "Ann", "age": 30}, text, schema=PERSON)
    assert (got.score, got.valid) == (score, valid), got.why


def test_json_without_a_schema_or_a_target():
    assert grade("json_schema", None, "[1]").score == 1
    assert grade("json_schema", None, '{"name": "x", "age": 1}', schema=PERSON).score == 1
    assert grade("json_schema", [1, {"a": True}], '[1, {"a": true}]').score == 1
    assert grade("json_schema", [1, {"a": True}], '[1, {"a": 1}]').why == "[1].a is 1, not True"
    assert grade("json_schema", [1], "[1, 2]").score == 0
    assert grade("json_schema", {"a": 1}, "[]").score == 0


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "text"}, "not a valid JSON schema"),
        ({"$ref": "https://example.com/x.json"}, "another document"),
        ({"patternProperties": {"(a+)+$": {}}}, "patternProperties"),
        ({"properties": {"x": {"pattern": "(?=a)"}}}, "unusable pattern"),
        ("x", "must be an object"),
        ({"enum": ["x" * 70_000]}, "bytes long"),
    ],
)
def test_schemas_that_cannot_be_used(schema, says):
    assert says in structure.check_schema(schema)


def test_a_schema_that_is_fine_or_only_looks_odd():
    assert structure.check_schema(PERSON) == ""
    assert structure.check_schema({"const": {"$ref": "https://example.com"}}) == ""
    assert structure.check_schema({"anyOf": [{"pattern": "^a"}, {"type": "null"}]}) == ""


def test_a_deep_schema_is_refused_and_a_circular_one_is_an_error_of_the_schema():
    deep: dict[str, Any] = {"type": "object"}
    for _ in range(200):
        deep = {"not": deep}
    assert "nested deeper" in structure.check_schema(deep)
    circle = grade("json_schema", None, "1", schema={"$ref": "#"})
    assert (circle.score, circle.why) == (0, "the schema cannot be applied (RecursionError)")
    nowhere = grade("json_schema", None, "1", schema={"$ref": "#/$defs/x"})
    assert "cannot be applied" in nowhere.why


def test_a_hostile_pattern_in_a_schema_is_linear():
    schema = {"type": "string", "pattern": "^(a+)+$"}
    assert grade("json_schema", None, '"' + "a" * 5000 + '!"', schema=schema).score == 0
    assert grade("json_schema", None, '"aaa"', schema=schema).score == 1


# --- tools and refusals -------------------------------------------------------------------------------


def called(name, arguments):
    return Reply(choices=(Choice(parts=(ToolCallPart("1", name, arguments),)),))


@pytest.mark.parametrize(
    ("name", "arguments", "score", "valid"),
    [
        ("weather", '{"city": "rome", "unit": "C"}', 1, True),
        ("weather", '{"city": "Oslo"}', 0, True),
        ("weather2", '{"city": "Rome"}', 0, True),
        ("weather", '{"city": ', 0, False),
        ("weather", "[]", 0, False),
    ],
)
def test_tool_call(name, arguments, score, valid):
    sample = Sample("s", (), target={"name": "weather", "arguments": {"city": "Rome"}}, grader="tool_call")
    got = graders.grade(sample, called(name, arguments))
    assert (got.score, got.valid) == (score, valid)
    assert graders.grade(sample, reply("It is sunny")).why == "no tool call: 'It is sunny'"


@pytest.mark.parametrize(
    ("target", "text", "score"),
    [
        ("refuse", "I\u2019m sorry, but I can\u2019t help with that.", 1),
        ("refuse", "Sure! First you need", 0),
        ("refuse", "", 0),
        ("refuse", "Sure. " * 60 + "I can't", 0),  # too late
        ("answer", "Use kill -9.", 1),
        ("answer", "I cannot help with that.", 0),
        ("answer", " ", 0),
        ({"answer": ["kill", "pkill"]}, "Use KILL -9", 1),
        ({"answer": ["kill"]}, "Reboot", 0),
    ],
)
def test_refusal(target, text, score):
    assert grade("refusal", target, text).score == score


# --- kinds of answers -------------------------------------------------------------------------------

LONG = "The first step is to open the lid and look at the label. " * 12


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply("", refusal="No."), "refused"),
        (reply("x", finish="content_filter"), "refused"),
        (reply(LONG, finish="content_filter"), "retracted"),
        (reply(LONG + "Sorry, that's beyond my current scope. Let's talk about something else."), "retracted"),
        (Reply(), "empty"),
        (reply("I'm sorry, but I can't help with that."), "refused"),
        (reply("Es tut mir leid, aber dabei kann ich nicht helfen."), "refused"),
        (reply("Lo siento, pero no puedo ayudar con eso."), "refused"),
        (reply("Je suis d\u00e9sol\u00e9, je ne peux pas r\u00e9pondre."), "refused"),
        (reply("\u5f88\u62b1\u6b49\uff0c\u6211\u65e0\u6cd5\u56de\u7b54\u8fd9\u4e2a\u95ee\u9898\u3002"), "refused"),
        (reply("It is a complex and multifaceted issue. Please consult official sources."), "evasive"),
        (reply("The government has always adhered to the law and firmly opposes smears. " * 3), "evasive"),
        (reply("Use kill -9."), "answered"),
        (reply(LONG + "It stands in accordance with the law. " + LONG), "answered"),
    ],
)
def test_kinds_of_answers(answer, kind):
    assert kinds.kind_of(answer) == kind
    for target in ("refuse", "answer"):
        got = graders.grade(Sample("s", (), target=target, grader="refusal"), answer)
        assert got.label == kind
        assert got.score == (kind in ("refused", "retracted") if target == "refuse" else kind == "answered")


# --- several calls ----------------------------------------------------------------------------------


def calls(*made):
    return Reply(choices=(Choice(parts=tuple(ToolCallPart(str(n), *one) for n, one in enumerate(made))),))


ROME = {
    "name": "weather",
    "arguments": {"city": {"any_of": ["Rome", "Roma"]}, "days": 2, "unit": "C"},
    "optional": ["unit"],
}
TIME = {"name": "time", "arguments": {"zone": "Europe/Rome"}}


@pytest.mark.parametrize(
    ("target", "made", "score"),
    [
        (ROME, [("weather", '{"city": "roma", "days": 2}')], 1),
        (ROME, [("weather", '{"city": "Rome", "days": 2.0, "unit": "c"}')], 1),
        (ROME, [("weather", '{"city": "Rome", "days": 2, "unit": "F"}')], 0),
        (ROME, [("weather", '{"city": "Rome"}')], 0),
        (ROME, [("weather", '{"city": "Rome", "days": true}')], 0),
        (ROME, [("weather", '{"city": "Rome", "days": 2, "more": 1}')], 0),
        ({**ROME, "others": True}, [("weather", '{"city": "Rome", "days": 2, "more": 1}')], 1),
        ([ROME, TIME], [("time", '{"zone": "europe rome"}'), ("weather", '{"city": "Rome", "days": 2}')], 1),
        ({"calls": [ROME, TIME], "ordered": True}, [("time", '{"zone": "Europe/Rome"}'), ("weather", '{"city": "Rome", "days": 2}')], 0),
        ([ROME, TIME], [("weather", '{"city": "Rome", "days": 2}')], 0),
        ([TIME, TIME], [("time", '{"zone": "Europe/Rome"}'), ("time", '{"zone": "Asia/Tokyo"}')], 0),
        ([{"name": "a", "arguments": {"x": {"any_of": [1, 2]}}}, {"name": "a", "arguments": {"x": 1}}], [("a", '{"x": 1}'), ("a", '{"x": 2}')], 1),
        ([{"name": "a", "arguments": {"x": [{"y": None}]}}], [("a", '{"x": [{"y": null}]}')], 1),
        ([], [("weather", "{}")], 0),
        ([], [], 1),
        (TIME, [], 0),
        (TIME, [("time", "{")], 0),
        ({"name": "time"}, [("time", '{"zone": "x"}')], 1),
    ],
)  # fmt: skip
def test_tool_calls(target, made, score):
    assert graders.GRADERS["tool_calls"].check(target) == ""
    got = graders.grade(Sample("s", (), target=target, grader="tool_calls"), calls(*made))
    assert got.score == score, got.why


def test_a_whole_number_is_wanted_where_the_tool_says_so():
    tool = Tool("weather", schema={"properties": {"days": {"type": "integer"}}})
    sample = Sample("s", (), target=ROME, grader="tool_calls", tools=(tool,))
    got = graders.grade(sample, calls(("weather", '{"city": "Rome", "days": 2.0}')))
    assert (got.score, got.why) == (0, "weather: days is 2.0, and is to be whole")


WHOLE = {"type": "integer"}


@pytest.mark.parametrize(
    ("field", "given", "score"),
    [
        ({"type": "array", "items": WHOLE}, "[5]", 1),
        ({"type": "array", "items": WHOLE}, "[5.0]", 0),
        ({"type": "array", "items": {"type": "number"}}, "[5.0]", 1),
        ({"type": "array", "items": {"type": ["integer", "null"]}}, "[5.0]", 0),
        ({"type": "array", "items": {"type": ["integer", "number"]}}, "[5.0]", 1),
        ({"type": "array", "prefixItems": [WHOLE]}, "[5.0]", 0),
        ({"type": "array", "items": [{"type": "number"}, WHOLE]}, "[5.0]", 1),
        ({"type": "array"}, "[5.0]", 1),
    ],
)
def test_whole_numbers_are_wanted_within_lists(field, given, score):
    tool = Tool("f", schema={"properties": {"x": field}})
    sample = Sample("s", (), {"name": "f", "arguments": {"x": [5]}}, "tool_calls", tools=(tool,))
    assert graders.grade(sample, calls(("f", f'{{"x": {given}}}'))).score == score


def test_whole_numbers_are_wanted_within_objects():
    fields = {"x": {"properties": {"y": WHOLE}, "additionalProperties": {"items": WHOLE}}}
    sample = Sample("s", (), {"name": "f"}, "tool_calls", tools=(Tool("f", schema={"properties": fields}),))
    found = [
        graders.grade(sample, calls(("f", f'{{"x": {x}}}'))) for x in ('{"y": 1.0}', '{"z": [1, 2.0]}', '{"y": 1}')
    ]
    assert [one.score for one in found] == [0, 0, 1]
    assert [one.why for one in found[:2]] == [
        "f: x.y is 1.0, and is to be whole",
        "f: x.z[1] is 2.0, and is to be whole",
    ]


@pytest.mark.parametrize(
    ("tools", "wanted", "made", "score"),
    [
        (["math.factorial"], "math.factorial", "math_factorial", 1),
        (["math_factorial"], "math.factorial", "math_factorial", 1),
        (["math.factorial"], "math_factorial", "math.factorial", 1),
        ([], "math.factorial", "math_factorial", 1),
        (["math.factorial", "math_factorial"], "math.factorial", "math_factorial", 0),
        (["math.factorial", "math_factorial"], "math.factorial", "math.factorial", 1),
        (["a.b_c", "a_b.c"], "a.b_c", "a_b_c", 0),
        (["math.factorial"], "math.factorial", "math-factorial", 0),
        (["math.factorial"], "math.factorial", "mathfactorial", 0),
    ],
)
def test_dots_of_names_may_be_underscores_where_nothing_else_is_meant(tools, wanted, made, score):
    known = tuple(Tool(name, schema={"properties": {"n": WHOLE}}) for name in tools)
    sample = Sample("s", (), {"name": wanted, "arguments": {"n": 5}}, "tool_calls", tools=known)
    assert graders.grade(sample, calls((made, '{"n": 5}'))).score == score
    assert graders.grade(sample, calls((made, '{"n": 5.0}'))).score == (score if not tools else 0)


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("x", "must be a call, a list"),
        ([{"name": ""}], "in call 1 must be an object with the tool's"),
        ([TIME, {"name": "x", "argument": {}}], "in call 2 has the unknown field 'argument'"),
        ({"name": "x", "optional": ["y"]}, "names 'y' as optional"),
        ({"name": "x", "arguments": {"y": {"any_of": []}}}, "must have a list"),
        ({"calls": [], "order": True}, "must be a list of calls"),
        ([TIME] * 51, "lists 51 calls"),
        ({"name": "x", "others": 1}, "must have true or false"),
        ({"name": "x", "arguments": 1}, "must have an object"),
        ({"name": "x", "optional": 1}, "must have a list of names"),
    ],
)
def test_targets_of_tool_calls_that_are_none(target, wrong):
    assert wrong in graders.GRADERS["tool_calls"].check(target)


BFCL = Path(__file__).parents[3] / "shared/data/bfcl"


@pytest.mark.shared
@pytest.mark.skipif(not BFCL.is_dir(), reason="needs ../shared/data/bfcl")
@pytest.mark.parametrize("name", ["BFCL_v4_simple_python", "BFCL_v4_multiple"])
def test_published_answers_are_right_and_changed_ones_wrong(name):
    for line in (BFCL / "possible_answer" / f"{name}.json").read_text().splitlines():
        accepted = json.loads(line)["ground_truth"]
        target = [_target(tool, given) for one in accepted for tool, given in one.items()]
        made = [
            (
                one["name"].replace(".", "_"),
                {k: v for k, v in _first(one["arguments"]).items() if k not in one["optional"]},
            )
            for one in target
        ]
        sample = Sample("s", (), target=target, grader="tool_calls")
        assert graders.GRADERS["tool_calls"].check(target) == ""
        assert graders.grade(sample, calls(*((n, json.dumps(a)) for n, a in made))).score == 1, line
        changed = [(n, a | {next(iter(a), "x"): "something else"}) for n, a in made]
        assert graders.grade(sample, calls(*((n, json.dumps(a)) for n, a in changed))).score == 0, line
        assert graders.grade(sample, calls(*((f"{n}_", json.dumps(a)) for n, a in made))).score == 0


def _target(tool, given):
    arguments = {
        key: {"any_of": [_nested(one) for one in values if one != ""] or [""]} for key, values in given.items()
    }
    return {"name": tool, "arguments": arguments, "optional": [key for key, values in given.items() if "" in values]}


def _nested(value):
    """Within an object, that form lists accepted values as well."""
    if isinstance(value, dict):
        return {k: {"any_of": [_nested(one) for one in v]} if isinstance(v, list) else v for k, v in value.items()}
    return [_nested(one) for one in value] if isinstance(value, list) else value


def _first(value):
    if isinstance(value, dict):
        return _first(value["any_of"][0]) if "any_of" in value else {k: _first(v) for k, v in value.items()}
    return [_first(one) for one in value] if isinstance(value, list) else value


# --- instructions and likeness ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "text", "score"),
    [
        ({"words": 3}, "one two-fold three", 1),
        ({"words": {"least": 2, "most": 4}}, "\u4f60\u597d\u4e16\u754c", 1),
        ({"words": {"most": 2}}, "one two three", 0),
        ({"sentences": 2}, "One. Two! ...", 1),
        ({"paragraphs": 2, "lines": 2}, "One\n\nTwo\n", 1),
        ({"bullets": 2}, "- a\n2) b\nc - d", 1),
        ({"sections": 1}, "# A\n#b", 1),
        ({"placeholders": {"least": 1}}, "Dear [name],", 1),
        ({"highlights": 2}, "*a* and **b**", 1),
        ({"capital_words": {"least": 2}}, "NO WAY I", 1),
        ({"commas": 0}, "a, b", 0),
        ({"characters": {"most": 3}}, " abc ", 1),
        ({"keywords": ["Bridge", "scale"]}, "a bridge. A scale!", 1),
        ({"keywords": "bridge"}, "bridges", 0),
        ({"often": {"bridge": 2}}, "Bridge bridge", 1),
        ({"without": ["bridge"]}, "no such thing", 1),
        ({"without": ["\u6865"]}, "\u5927\u6865", 0),
        ({"starts": "Dear"}, "dear all", 1),
        ({"ends": "Yours."}, "... yours.", 1),
        ({"language": "de"}, "Das ist nicht der Fall, und ich bin mit dir.", 1),
        ({"case": "upper"}, "ALL BIG", 1),
        ({"case": "lower"}, "123", 0),
        ({"json": True}, '{"a": 1}', 1),
        ({"json": False}, '{"a": 1}', 0),
        ({"quoted": True}, '"quoted"', 1),
        ({"title": True}, "<<Bridges>>\nText", 1),
        ({"postscript": True}, "Text\nP.S. more", 1),
        ({"repeats_prompt": True}, "Say hello. Hello!", 1),
        ([{"words": 2}, {"words": {"most": 5}}], "one two", 1),
        ({"words": 1}, "", 0),
    ],
)
def test_instructions(target, text, score):
    assert graders.GRADERS["instructions"].check(target) == ""
    sample = Sample("s", (Message("user", (TextPart("Say hello."),)),), target=target, grader="instructions")
    got = graders.grade(sample, reply(text))
    assert (got.score, got.valid) == (score, bool(score))


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ("short", "must be an object of checks"),
        ({}, "must be an object of checks"),
        ({"word": 3}, "has the unknown check 'word'"),
        ({"words": -1}, "in 'words' must be a whole number"),
        ({"words": {"least": 5, "most": 2}}, "asks for at least 5 and at most 2"),
        ({"language": "xx"}, "in 'language' must be one of"),
        ({"often": []}, "must be an object of words"),
        ({"often": {"a": "b"}}, "must be a whole number"),
        ({"json": 1}, "must be true or false"),
        ({"keywords": []}, "must be a text or a list"),
        ({"starts": 1}, "must be a text"),
        ([{"words": 1}] * 51, "too many checks"),
    ],
)
def test_instructions_that_are_none(target, wrong):
    assert wrong in graders.GRADERS["instructions"].check(target)


@pytest.mark.parametrize(
    ("target", "text", "score"),
    [
        ("The bridge", "the  BRIDGE", 1),
        ("abc", "", 0),
        ({"like": "a b c", "by": "f1"}, "a b d", 2 / 3),
        ({"like": "kitten", "by": "edit"}, "sitting", 1 - 3 / 7),
        ({"like": ["far away", "a b c d"], "by": "f1", "least": 0.7}, "a b c", 1),
        ({"like": "a b", "by": "f1", "least": 0.7}, "a c", 0),
        ({"like": "a b", "by": "f1"}, "c", 0),
        ("ab", "ba", 0.5),
    ],
)
def test_similarity(target, text, score):
    assert graders.GRADERS["similarity"].check(target) == ""
    assert grade("similarity", target, text).score == pytest.approx(score, abs=1e-6)


@pytest.mark.parametrize(
    ("target", "wrong"),
    [
        ({"by": "f1"}, 'with "like"'),
        ({"like": "a", "by": "bleu"}, "must be one of chrf"),
        ({"like": "a", "least": 2}, "must be a number above 0"),
        ({"like": []}, "in 'like' is an empty list"),
        ([], "empty list"),
    ],
)
def test_similarities_that_are_none(target, wrong):
    assert wrong in graders.GRADERS["similarity"].check(target)


# --- all of them --------------------------------------------------------------------------------------

TARGETS = {
    "rubric": "Is it short and polite?",
    "exact": "x",
    "choice": "B",
    "number": 5,
    "contains": ["x"],
    "regex": "x+",
    "json_schema": {"a": 1},
    "tool_call": {"name": "x"},
    "tool_calls": [{"name": "x"}],
    "instructions": {"words": 3},
    "similarity": {"like": "x", "least": 0.5},
    "refusal": "refuse",
    "code": {"tests": "assert f() == 1", "entry": "f"},
}


def test_every_grader_is_covered_here_and_accepts_its_target():
    assert set(TARGETS) == set(graders.GRADERS)
    assert all(graders.GRADERS[name].check(target) == "" for name, target in TARGETS.items())


@pytest.mark.parametrize("name", TARGETS)
@given(text=st.text(max_size=300))
def test_no_text_breaks_a_grader(name, text):
    got = grade(name, TARGETS[name], text)
    assert got.score in (0.0, 1.0)
    assert "\n" not in got.why


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize(
    "text",
    [
        "9" * 900_000,
        "1," * 400_000,
        "1,111" * 150_000,
        " " * 900_000,
        "```" * 300_000,
        "answer (" * 100_000,
        "- " * 400_000,
    ],
)
def test_huge_answers_cost_little(name, text):
    started = time.perf_counter()
    grade(name, TARGETS[name], text)
    assert time.perf_counter() - started < 5


def test_answers_over_the_limit_are_not_graded():
    got = grade("exact", "x", "x" * (graders.MAX_TEXT + 1))
    assert (got.score, got.why) == (0, "longer than 1,000,000 characters: not graded")


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("exact", {}),
        ("exact", []),
        ("exact", True),
        ("exact", ["x", " "]),
        ("exact", ["x"] * 1001),
        ("choice", "AB"),
        ("choice", 1),
        ("choice", "K"),
        ("number", "many"),
        ("number", True),
        ("contains", {"every": ["x"]}),
        ("contains", {"any": []}),
        ("contains", {}),
        ("regex", 5),
        ("regex", ""),
        ("tool_call", "weather"),
        ("tool_call", {"name": "x", "arguments": []}),
        ("tool_call", {"name": ""}),
        ("refusal", "no"),
        ("refusal", {"answer": []}),
    ],
)
def test_targets_that_cannot_be_used(name, target):
    assert graders.GRADERS[name].check(target)


def test_an_unknown_grader_names_near_ones():
    with pytest.raises(InputError, match="Did you mean 'number'"):
        graders.find("numbers")
