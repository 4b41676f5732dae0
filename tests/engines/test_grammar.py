from __future__ import annotations

import json
import random

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Failure,
    Finish,
    ImagePart,
    Message,
    OpaquePart,
    PartEvent,
    Profile,
    ReasoningDelta,
    ReasoningPart,
    Reply,
    Request,
    ResponseFormat,
    Sampling,
    TextDelta,
    TextPart,
    Tool,
    ToolCallDelta,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
    Usage,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold
from weighbridge.engines.grammar import StreamUnwrap, Wrapped, call_id, wrap
from weighbridge.errors import InputError

GRAMMAR = Profile(tools="grammar")
NOTHING = Profile(tools="none", structured="none")
WEATHER = Tool("weather", "The weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
TIME = Tool("time")


def ask(*messages, tools=(WEATHER, TIME), **more):
    return Request(model="m", messages=messages or (Message("user", (TextPart("Hi"),)),), tools=tools, **more)


def fit(request, profile, **more) -> Wrapped:
    """Wrap a request that has to change."""
    wrapped = wrap(request, profile, **more)
    assert wrapped is not None
    return wrapped


def schema_of(wrapped):
    assert wrapped.request.response_format.kind == "json_schema"
    return wrapped.request.response_format.schema


def fits(schema, value):
    return jsonschema.Draft202012Validator(schema).is_valid(value)


def ids():
    return iter(f"call_{n}" for n in range(99)).__next__


def back(text, finish="stop"):
    """The way back of a whole text."""
    wrapped = fit(ask(), GRAMMAR, new_id=ids())
    reply = wrapped.reply(Reply(choices=(Choice((TextPart(text),), finish),)))
    return reply.choices[0]


def streamed(*chunks, finish="stop"):
    """The same, streamed in these pieces: text, calls, and the reason of the end."""
    events = fit(ask(), GRAMMAR, new_id=ids()).events()
    out = events([Begin("x"), *[TextDelta(c) for c in chunks], Finish(finish)])
    text = "".join(e.text for e in out if isinstance(e, TextDelta))
    last = out[-1]
    assert isinstance(last, Finish)
    return text, [e for e in out if isinstance(e, ToolCallDelta)], last.reason


# --- out ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", [Profile(), Profile(tools="native"), Profile(tools="native", structured="native")])
def test_native_engines_are_left_alone(profile):
    assert wrap(ask(response_format=ResponseFormat("json_object")), profile) is None


@pytest.mark.parametrize("profile", [GRAMMAR, NOTHING])
def test_requests_without_tools_are_left_alone(profile):
    assert wrap(ask(tools=()), profile) is None


def test_auto_offers_an_answer_or_one_call():
    wrapped = fit(ask(), GRAMMAR)
    schema = schema_of(wrapped)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert fits(schema, {"answer": "Hello"})
    assert fits(schema, {"tool": "weather", "arguments": {"city": "Rome"}})
    assert fits(schema, {"tool": "time", "arguments": {}})
    assert not fits(schema, {"tool": "other", "arguments": {}})
    assert not fits(schema, {"tool": "weather", "arguments": {"city": 1}})
    assert not fits(schema, {"answer": "x", "tool": "time", "arguments": {}})
    assert wrapped.request.tools == ()
    assert wrapped.request.tool_choice is None


def test_required_allows_calls_only_and_named_only_that_one():
    required = schema_of(fit(ask(tool_choice=ToolChoice("required")), GRAMMAR))
    assert fits(required, {"tool": "time", "arguments": {}})
    assert not fits(required, {"answer": "Hello"})
    wrapped = fit(ask(tool_choice=ToolChoice("named", "time")), GRAMMAR)
    assert fits(schema_of(wrapped), {"tool": "time", "arguments": {}})
    assert not fits(schema_of(wrapped), {"tool": "weather", "arguments": {}})
    assert "weather" not in wrapped.request.messages[0].text


def test_naming_a_tool_that_is_not_there():
    with pytest.raises(InputError, match="Did you mean 'weather'") as caught:
        fit(ask(tool_choice=ToolChoice("named", "weathe")), GRAMMAR)
    assert caught.value.where == "tool_choice"


def test_only_those_tools_are_offered_among_which_the_choice_is():
    wrapped = fit(ask(tool_choice=ToolChoice("required", among=("time", "other"))), GRAMMAR)
    assert fits(schema_of(wrapped), {"tool": "time", "arguments": {}})
    assert not fits(schema_of(wrapped), {"tool": "weather", "arguments": {}})
    assert "weather" not in wrapped.request.messages[0].text
    nothing = fit(ask(tool_choice=ToolChoice("auto", among=("other",))), GRAMMAR)
    assert (nothing.bound, nothing.request.tools, nothing.losses[0].severity) == (False, (), "high")


SEARCH = Tool("", opaque=OpaquePart("anthropic-messages", {"type": "web_search_20250305", "name": "web_search"}))


def test_a_hosts_own_tools_are_lost_loudly_and_the_others_are_not():
    wrapped = fit(ask(tools=(SEARCH, WEATHER)), GRAMMAR)
    assert fits(schema_of(wrapped), {"tool": "weather", "arguments": {}})
    assert not fits(schema_of(wrapped), {"tool": "", "arguments": {}})
    assert [loss.field for loss in wrapped.losses if loss.severity == "high"] == ["tools[0]"]
    assert "anthropic-messages" in wrapped.losses[1].reason
    alone = fit(ask(tools=(SEARCH,)), GRAMMAR)
    assert (alone.bound, alone.request.tools) == (False, ())
    assert [(loss.field, loss.severity) for loss in alone.losses] == [("tools", "high")]
    named = fit(ask(tools=(SEARCH, WEATHER), tool_choice=ToolChoice("named", "web_search")), GRAMMAR)
    assert (named.bound, named.losses[0].severity) == (False, "high")


def test_parts_of_other_dialects_pass_through_the_history():
    opaque = OpaquePart("anthropic-messages", {"type": "server_tool_use"})
    said = Message("assistant", (ReasoningPart("hm"), opaque, ToolCallPart("c", "time", "{}")))
    told = Message("user", (ToolResultPart("c", (TextPart("noon"), ImagePart("u"))), TextPart("And now?")))
    first, second = fit(ask(said, told), GRAMMAR).request.messages[-2:]
    assert first.parts == (ReasoningPart("hm"), opaque, TextPart('{"tool": "time", "arguments": {}}'))
    assert second.parts == (
        TextPart("The tool time answered: noon"),
        ImagePart("u"),
        TextPart("\n"),
        TextPart("And now?"),
    )


def test_none_hides_the_tools_and_changes_nothing_else():
    wrapped = fit(ask(tool_choice=ToolChoice("none")), GRAMMAR)
    assert wrapped.request == ask(tools=())
    assert [(loss.field, loss.severity) for loss in wrapped.losses] == [("tools", "low")]
    reply = Reply(choices=(Choice((TextPart('{"answer": "x"}'),)),))
    assert wrapped.reply(reply) is reply
    assert wrapped.events()([TextDelta('{"answer"')]) == [TextDelta('{"answer"')]


def test_engines_without_any_tools_lose_them_loudly():
    wrapped = fit(ask(tool_choice=ToolChoice("required")), NOTHING)
    assert wrapped.request == ask(tools=())
    assert [(loss.field, loss.severity) for loss in wrapped.losses] == [("tools", "high")]
    assert fit(ask(), Profile(tools="grammar", structured="none")).losses[0].severity == "high"


def test_the_tools_are_told_in_the_first_system_message():
    plain = fit(ask(), GRAMMAR).request.messages
    assert [m.role for m in plain] == ["system", "user"]
    assert "weather: The weather." in plain[0].text
    assert '"city"' in plain[0].text
    system = Message("developer", (TextPart("Be kind."),))
    joined = fit(ask(system, Message("user", (TextPart("Hi"),))), GRAMMAR).request.messages
    assert [m.role for m in joined] == ["developer", "user"]
    assert joined[0].text.startswith("Be kind.\n\nYou can call")


def test_every_loss_is_told():
    request = ask(stream=True, parallel_tool_calls=True, sampling=Sampling(stop=("x",), logprobs=True, temperature=0.5))
    wrapped = fit(request, GRAMMAR)
    fields = {loss.field: loss.severity for loss in wrapped.losses}
    assert fields == {
        "tools": "low",
        "parallel_tool_calls": "medium",
        "stream": "low",
        "sampling.stop": "low",
        "sampling.logprobs": "medium",
    }
    assert wrapped.request.parallel_tool_calls is None
    assert wrapped.request.sampling == request.sampling
    one = fit(ask(parallel_tool_calls=False), GRAMMAR)
    assert [loss.field for loss in one.losses] == ["tools"]


def test_schemas_that_refer_to_themselves_are_moved_whole():
    tree = {
        "type": "object",
        "properties": {
            "root": {"$ref": "#/$defs/node"},
            "note": {"const": {"$ref": "#/$defs/node"}},
            "$ref": {"type": "integer"},
        },
        "required": ["root"],
        "$defs": {
            "node": {
                "type": "object",
                "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
                "additionalProperties": False,
            }
        },
    }
    schema = schema_of(fit(ask(tools=(WEATHER, Tool("plant", schema=tree))), GRAMMAR))
    good = {"root": {"kids": [{"kids": []}]}, "$ref": 3, "note": {"$ref": "#/$defs/node"}}
    assert fits(schema, {"tool": "plant", "arguments": good})
    assert not fits(schema, {"tool": "plant", "arguments": {"root": {"kids": [{"x": 1}]}}})
    assert not fits(schema, {"tool": "plant", "arguments": {"root": {}, "$ref": "x"}})


def test_tools_and_a_shape_together():
    shape = ResponseFormat("json_schema", "s", {"type": "object", "required": ["n"]})
    schema = schema_of(fit(ask(response_format=shape), GRAMMAR))
    assert fits(schema, {"answer": {"n": 1}})
    assert not fits(schema, {"answer": {}})
    assert not fits(schema, {"answer": "text"})
    loose = schema_of(fit(ask(response_format=ResponseFormat("json_object")), GRAMMAR))
    assert fits(loose, {"answer": {}})


def test_a_shape_that_cannot_be_held_is_asked_for_in_words():
    shape = ResponseFormat("json_schema", "s", {"type": "object", "required": ["n"]})
    wrapped = fit(ask(tools=(), response_format=shape), NOTHING)
    assert wrapped.request.response_format is None
    assert '"required":["n"]' in wrapped.request.messages[0].text
    assert [(loss.field, loss.severity) for loss in wrapped.losses] == [("response_format", "high")]
    loose = fit(ask(tools=(), response_format=ResponseFormat("json_object")), NOTHING)
    assert "JSON object" in loose.request.messages[0].text
    assert wrap(ask(tools=(), response_format=ResponseFormat()), NOTHING) is None


def test_the_history_is_retold():
    history = (
        Message("user", (TextPart("Weather?"),)),
        Message(
            "assistant",
            (
                TextPart("I look."),
                ToolCallPart("c1", "weather", '{"city":"Rome"}'),
                ToolCallPart("c2", "time", ""),
            ),
        ),
        Message("tool", (ToolResultPart("c1", (TextPart("Sunny"), ImagePart(url="u"))),)),
        Message("tool", (ToolResultPart("c2", (TextPart("broken"),), is_error=True),)),
        Message("user", (TextPart("And?"),)),
        Message("user", (TextPart("Please."),)),
    )
    wrapped = fit(ask(*history, tools=()), GRAMMAR)
    told = wrapped.request.messages
    assert [m.role for m in told] == ["user", "assistant", "user", "user"]
    assert told[1].text == (
        'I look.\n{"tool": "weather", "arguments": {"city":"Rome"}}\n{"tool": "time", "arguments": {}}'
    )
    assert told[2].text == "The tool weather answered: Sunny\nThe tool time failed: broken\nAnd?"
    assert ImagePart(url="u") in told[2].parts
    assert told[3].text == "Please."
    assert [(loss.field, loss.severity) for loss in wrapped.losses] == [("messages", "low")]


def test_ids_are_those_of_openai_and_come_from_the_given_randomness():
    assert call_id(random.Random(3)) == call_id(random.Random(3))
    made = call_id()
    assert made.startswith("call_")
    assert len(made) == 29
    int(made[5:], 16)


# --- back -----------------------------------------------------------------------------------------


def test_an_answer_comes_back_as_text():
    choice = back(' {\n "answer" : "Gr\\u00fc\\u00df \\ud83d\\ude00\\n\\"dich\\"" } ')
    assert choice.text == 'Grüß 😀\n"dich"'
    assert choice.finish == "stop"


def test_a_call_comes_back_as_a_call_with_its_arguments_as_written():
    choice = back('{"tool": "weather", "arguments": { "city" : "Z\\u00fcrich", "n": 1.50 }}')
    assert choice.parts == (ToolCallPart("call_0", "weather", '{ "city" : "Z\\u00fcrich", "n": 1.50 }'),)
    assert choice.finish == "tool_calls"
    assert json.loads(choice.tool_calls[0].arguments)["city"] == "Zürich"


def test_thinking_and_other_choices_are_kept():
    wrapped = fit(ask(), GRAMMAR, new_id=ids())
    thought = ReasoningPart("hm")
    reply = Reply(
        choices=(
            Choice((thought, TextPart('{"tool":"time","arguments":{}}')), "stop"),
            Choice((TextPart('{"answer":"b"}'),), "stop"),
            Choice((thought,), "length"),
        ),
        usage=Usage(1, 0, 2),
    )
    made = wrapped.reply(reply)
    assert made.choices[0].parts == (thought, ToolCallPart("call_0", "time", "{}"))
    assert made.choices[1].text == "b"
    assert made.choices[2] == reply.choices[2]
    assert made.usage == reply.usage


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"answer": "Once upon a', "Once upon a"),
        ('{"answer": "cut \\u00e', "cut "),
        ('{"tool": "weather", "arguments": {"ci', '{"tool": "weather", "arguments": {"ci'),
        ('{"to', '{"to'),
        ("  ", "  "),
        ("", ""),
    ],
)
def test_what_was_cut_short_is_told_as_far_as_it_goes(text, told):
    choice = back(text, "length")
    assert (choice.text, choice.finish, choice.tool_calls) == (told, "length", ())
    assert streamed(*text, finish="length") == (told, [], "length")


@pytest.mark.parametrize(
    "text",
    [
        "Hello, I am no JSON.",
        "{}",
        '{"other": 1}',
        "[1]",
        '{"tool": 5, "arguments": {}}',
        '{"tool": "x", "arguments": []}',
        '{"tool": "x"}',
        '{"tool": "x", "arguments": {}, "more": 1}',
        '"' + "{" * 50,
        " " * 5000 + "x",
    ],
)
def test_whatever_has_neither_shape_passes_as_it_is(text):
    choice = back(text)
    assert (choice.text, choice.finish) == (text, "stop")
    assert streamed(text[:3], text[3:])[0] == text


def test_fences_are_forgiven():
    assert back('```json\n{"answer": "x"}\n```').text == "x"
    assert back('```json\n{"tool": "time", "arguments": {}}\n```').tool_calls[0].name == "time"


def test_a_shaped_answer_comes_back_as_its_json():
    assert back('{"answer": {"n": [1, "}"], "s": "a\\"}"} }').text == '{"n": [1, "}"], "s": "a\\"}"}'
    assert back('{"answer": 5.0}').text == "5.0"
    assert back('{"answer": true , "x": 1}').text == "true"


def test_an_answer_streams_while_it_grows():
    events = StreamUnwrap(ids())
    assert events([Begin("x"), TextDelta('{"ans'), TextDelta('wer": "')]) == [Begin("x")]
    assert events([TextDelta("Go")]) == [TextDelta("Go")]
    assert events([TextDelta("lo\\")]) == [TextDelta("lo")]
    assert events([TextDelta("n\\ud83d")]) == [TextDelta("\n")]
    assert events([TextDelta("\\ude0"), TextDelta('0"')]) == [TextDelta("😀")]
    assert events([TextDelta(" }  "), ReasoningDelta("hm")]) == [ReasoningDelta("hm")]
    usage = UsageEvent(Usage(1, 0, 1))
    assert events([Finish("stop"), usage]) == [Finish("stop"), usage]


def test_a_streamed_call_arrives_whole():
    events = StreamUnwrap(ids())
    assert events([TextDelta('{"tool": "weather", "argum'), TextDelta('ents": {"city": "R"}')]) == []
    assert events([TextDelta("}"), Finish("stop")]) == [
        ToolCallDelta(0, "call_0", "weather", '{"city": "R"}'),
        Finish("tool_calls"),
    ]


def test_an_answer_cut_into_parts_is_one_and_its_seals_are_kept():
    seal = Blob("x", "sealed")
    events = fit(ask(), GRAMMAR, new_id=ids()).events()
    out = events(
        [
            TextDelta('{"answer": "a'),
            TextDelta('b"', new=True),
            TextDelta("", blob=seal),
            TextDelta("}"),
            PartEvent(ImagePart(data="AA", media_type="image/png")),
            Finish("stop"),
        ]
    )
    reply = Fold.of(out).reply()
    assert reply.choices[0].parts == (TextPart("ab", blobs=(seal,)), ImagePart(data="AA", media_type="image/png"))
    assert reply.finish == "stop"


def test_a_call_does_not_mix_with_those_that_the_engine_made_itself():
    events = fit(ask(), GRAMMAR, new_id=ids()).events()
    out = events(
        [
            ToolCallDelta(0, "own", "time", "{}"),
            TextDelta('{"tool": "weather", "arguments": {}}'),
            Finish("stop"),
        ]
    )
    calls = Fold.of(out).reply().choices[0].tool_calls
    assert [(call.id, call.name) for call in calls] == [("own", "time"), ("call_0", "weather")]


def test_choices_do_not_mix():
    events = StreamUnwrap(ids())
    out = events(
        [
            TextDelta('{"answer": "a', 0),
            TextDelta('{"tool": "time", ', 1),
            TextDelta('b"}', 0),
            TextDelta('"arguments": {}}', 1),
            Finish("stop", 1),
            Finish("stop", 0),
        ]
    )
    assert out == [
        TextDelta("a", 0),
        TextDelta("b", 0),
        ToolCallDelta(0, "call_0", "time", "{}", 1),
        Finish("tool_calls", 1),
        Finish("stop", 0),
    ]


def test_a_failure_lets_out_what_was_held():
    events = StreamUnwrap(ids())
    failure = Failure("broken_answer", "gone")
    assert events([TextDelta('{"tool": "ti'), failure]) == [TextDelta('{"tool": "ti'), failure]
    held = StreamUnwrap(ids())
    held.feed(TextDelta('{"to'))
    assert held.close() == [TextDelta('{"to')]
    assert held.close() == []


@pytest.mark.parametrize(("literal", "text"), [("\\ud83d", "\ufffd"), ("\\ude00", "\ufffd"), ("\\ud83dx", "\ufffdx")])
def test_broken_pairs_never_break_the_encoding(literal, text):
    choice = back('{"answer": "' + literal + '"}')
    assert choice.text == text
    choice.text.encode()


def test_a_bad_escape_is_no_end():
    assert back('{"answer": "a\\uZZZZb\\qc"}').text == "a\ufffdbqc"


@given(st.text(), st.booleans(), st.data())
def test_any_answer_survives_any_cutting(text, ascii_only, data):
    wire = json.dumps({"answer": text}, ensure_ascii=ascii_only)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert streamed(*pieces)[0] == text
    assert back(wire).text == text


@given(st.text(alphabet='{}[]"\\: \n,`answertoljgumnud8', max_size=60), st.data())
def test_streamed_or_whole_the_way_back_is_the_same(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole = back(text)
    told, calls, finish = streamed(*pieces)
    assert (told, finish) == (whole.text, whole.finish)
    assert [call.name for call in calls] == [call.name for call in whole.tool_calls]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.dictionaries(st.text(max_size=5), json_values, max_size=3), st.sampled_from([None, 1]))
def test_any_json_survives_as_answer_and_as_arguments(value, arguments, indent):
    if not isinstance(value, str):
        assert json.loads(back(json.dumps({"answer": value}, indent=indent)).text) == value
        told, _, _ = streamed(*json.dumps({"answer": value}, indent=indent))
        assert json.loads(told) == value
    wire = json.dumps({"tool": "t", "arguments": arguments}, indent=indent)
    assert json.loads(back(wire).tool_calls[0].arguments) == arguments
    assert json.loads(streamed(*wire)[1][0].arguments) == arguments
