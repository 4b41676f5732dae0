"""Requests of other dialects written for Anthropic Messages: the order of turns, and what has no place there."""

from __future__ import annotations

import base64
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import dialects
from weighbridge.canon import (
    Blob,
    Citation,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Profile,
    ReasoningPart,
    Request,
    ResponseFormat,
    Sampling,
    TextPart,
    Thinking,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)

CLAUDE = dialects.get("anthropic-messages")
PLAIN = Profile()
LIMIT = Sampling(max_tokens=1000)
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "additionalProperties": False}
LOOK = Tool("look", "Looks.", SCHEMA)


def ask(*messages, profile=PLAIN, sampling=LIMIT, **fields):
    body, losses = CLAUDE.write_request(Request("m", messages, sampling=sampling, **fields), profile)
    return json.loads(body), losses


def user(*parts):
    return Message("user", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def assistant(*parts):
    return Message("assistant", tuple(TextPart(p) if isinstance(p, str) else p for p in parts))


def system(text):
    return Message("system", (TextPart(text),))


def call(call_id, arguments='{"q":"a"}', name="look"):
    return ToolCallPart(call_id, name, arguments)


def result(call_id, text="yes", **more):
    return Message("tool", (ToolResultPart(call_id, (TextPart(text),) if text else (), **more),))


def kinds(message):
    return [block["type"] for block in message["content"]] if isinstance(message["content"], list) else ["text"]


def told(losses):
    return {loss.field: loss.severity for loss in losses}


def test_the_plain_case_has_no_loss():
    out, losses = ask(system("S"), user("Hi"), assistant("Hello"), user("Bye"))
    assert out == {
        "model": "m",
        "max_tokens": 1000,
        "system": "S",
        "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "Bye"},
        ],
    }
    assert losses == ()


def test_instructions_at_the_beginning_are_joined():
    out, losses = ask(system("One."), Message("developer", (TextPart("Two."),)), user("Hi"))
    assert "".join(block["text"] for block in out["system"]) == "One.\n\nTwo."
    assert losses == ()


def test_pitfall_02_results_of_one_step_stand_first_in_the_next_turn_of_the_user():
    out, losses = ask(
        user("Look"), assistant("So", call("a"), call("b")), result("b", "2"), result("a", "1"), user("Well?")
    )
    assert [m["role"] for m in out["messages"]] == ["user", "assistant", "user"]
    last = out["messages"][2]["content"]
    assert [b.get("tool_use_id") for b in last] == ["b", "a", None]
    assert last[2] == {"type": "text", "text": "Well?"}
    assert losses == ()


def test_pitfall_02_text_before_results_moves_behind_them():
    mixed = Message("user", (TextPart("First"), ToolResultPart("a", (TextPart("1"),))))
    out, _ = ask(user("Look"), assistant(call("a")), mixed)
    assert kinds(out["messages"][2]) == ["tool_result", "text"]


@pytest.mark.parametrize("after", [(), (user("Never mind"),), (assistant("Hm"), user("And?")), (system("Now"),)])
def test_pitfall_03_a_call_without_an_answer_gets_one_that_says_so(after):
    out, losses = ask(user("Look"), assistant(call("a"), call("b")), result("b"), *after)
    first, second = out["messages"][2]["content"][:2]
    assert (first["tool_use_id"], second["tool_use_id"]) == ("b", "a")
    assert "No result" in json.dumps(second)
    assert told(losses) == {"messages[1].tool_calls": "medium"}


def test_pitfall_03_an_answer_without_its_call_is_told_as_text():
    out, losses = ask(user("Look"), result("gone", "It rains."), user("So?"))
    assert out["messages"][0]["role"] == "user"
    texts = [block["text"] for block in out["messages"][0]["content"]]
    assert "It rains." in texts
    assert texts[-1] == "So?"
    assert told(losses) == {"messages[1].tool_results": "medium"}


def test_pitfall_03_an_answer_that_comes_late_moves_to_its_call():
    out, losses = ask(user("Look"), assistant(call("a")), user("Wait"), assistant("Yes"), result("a", "1"), user("So?"))
    assert kinds(out["messages"][2]) == ["tool_result", "text"]
    assert out["messages"][4]["content"] == "So?"
    assert told(losses) == {"messages[1].tool_calls": "low"}


def test_an_answer_that_is_given_twice_is_told_as_text_the_second_time():
    out, _ = ask(user("Look"), assistant(call("a")), result("a", "1"), result("a", "2"))
    assert kinds(out["messages"][2]) == ["tool_result", "text", "text"]


def test_calls_of_one_id_in_several_turns_keep_their_own_answers():
    out, losses = ask(user("x"), assistant(call("c")), result("c", "1"), assistant(call("c")), result("c", "2"))
    assert [out["messages"][i]["content"][0]["content"] for i in (2, 4)] == ["1", "2"]
    assert losses == ()


def test_calls_of_one_id_in_one_turn_are_told_apart():
    out, losses = ask(user("x"), assistant(call("c"), call("c")), result("c", "1"), result("c", "2"))
    one, two = (block["id"] for block in out["messages"][1]["content"])
    assert one == "c" != two
    assert [(b["tool_use_id"], b["content"]) for b in out["messages"][2]["content"]] == [(one, "1"), (two, "2")]
    assert losses == ()


def test_ids_of_other_engines_are_made_to_fit_for_call_and_answer():
    out, _ = ask(user("x"), assistant(call("functions.look:0")), result("functions.look:0"))
    made = out["messages"][1]["content"][0]["id"]
    assert made == out["messages"][2]["content"][0]["tool_use_id"]
    assert made.isalnum()


def test_turns_of_one_role_are_joined_and_empty_text_is_left_out():
    out, losses = ask(user("a", ""), user("b"), assistant(""), user("  "), user("c"))
    assert len(out["messages"]) == 1
    assert [b["text"] for b in out["messages"][0]["content"]] == ["a", "b", "c"]
    assert told(losses) == {"messages[2]": "low", "messages[3].parts": "low"}


def test_a_conversation_of_instructions_alone_gets_a_turn():
    out, losses = ask(system("S"))
    assert out["system"] == "S"
    assert [m["role"] for m in out["messages"]] == ["user"]
    assert told(losses) == {"messages": "low"}


def test_a_conversation_may_begin_with_the_assistant():
    out, losses = ask(assistant("Hello!"), user("Hi"))
    assert [m["role"] for m in out["messages"]] == ["assistant", "user"]
    assert losses == ()


def test_pitfall_05_an_instruction_in_between_stays_unless_the_profile_says_otherwise():
    turns = (user("a"), system("In French."), assistant("b"))
    assert [m["role"] for m in ask(*turns)[0]["messages"]] == ["user", "system", "assistant"]
    out, losses = ask(*turns, profile=Profile(system="first"))
    assert [m["role"] for m in out["messages"]] == ["user", "assistant"]
    assert told(losses) == {"messages[1].role": "medium"}


@pytest.mark.parametrize(
    ("arguments", "told_input", "lost"),
    [
        ("", {}, False),
        ("{}", {}, False),
        ('{"a": [1.5]}', {"a": [1.5]}, False),
        ("[1]", {"arguments": "[1]"}, True),
        ("{", {"arguments": "{"}, True),
    ],
)
def test_arguments_are_sent_as_an_object(arguments, told_input, lost):
    out, losses = ask(user("x"), assistant(call("a", arguments)), result("a"))
    assert out["messages"][1]["content"][0]["input"] == told_input
    assert [loss.severity for loss in losses] == (["medium"] if lost else [])


def test_parts_that_only_an_assistant_says_are_left_out_elsewhere():
    out, losses = ask(user("a", call("x"), ReasoningPart("Hm")))
    assert out["messages"] == [{"role": "user", "content": "a"}]
    assert told(losses) == {"messages[0].parts": "medium"}


def test_a_result_in_an_assistants_turn_goes_to_the_users_side():
    out, losses = ask(user("x"), assistant(call("a"), ToolResultPart("a", (TextPart("1"),)), "Done."))
    assert [m["role"] for m in out["messages"]] == ["user", "assistant", "user", "assistant"]
    assert losses == ()


def test_media():
    text = base64.b64encode(b"a,b\n").decode()
    out, losses = ask(
        user(
            ImagePart(url="https://a.example/i.png", detail="low"),
            ImagePart(data="AAAA", media_type="image/webp", cache="1h"),
            FilePart(data="JVBERi0xLjc=", name="a.pdf"),
            FilePart(data=text, media_type="text/csv", name="a.csv"),
            FilePart(url="https://a.example/b.pdf"),
            FilePart(data="AAAA", media_type="image/png"),
        )
    )
    blocks = out["messages"][0]["content"]
    assert [b["type"] for b in blocks] == ["image", "image", "document", "document", "document", "image"]
    assert blocks[1]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert blocks[2]["source"]["media_type"] == "application/pdf"
    assert blocks[2]["title"] == "a.pdf"
    assert blocks[3]["source"] == {"type": "text", "media_type": "text/plain", "data": "a,b\n"}
    assert told(losses) == {"messages[0].image.detail": "low"}


@pytest.mark.parametrize(
    "part",
    [
        FilePart(data="AAAA", media_type="audio/wav"),
        FilePart(url="https://a.example/v.mp4", media_type="video/mp4"),
        FilePart(data="AAAA", media_type="application/zip"),
        FilePart(data="!!!", media_type="text/plain"),
        FilePart(file_id="file-1"),
        ImagePart(file_id="file-1"),
        ImagePart(),
        OpaquePart("openai-responses", {"type": "item_reference"}),
    ],
)
def test_what_the_wire_cannot_hold_is_a_loss_of_weight(part):
    out, losses = ask(user("Look", part))
    assert out["messages"] == [{"role": "user", "content": "Look"}]
    assert [loss.severity for loss in losses] == ["high"]


def test_media_that_the_profile_rejects_are_left_out():
    out, losses = ask(user("Look", ImagePart(data="AAAA")), profile=Profile(rejects=("image",)))
    assert out["messages"] == [{"role": "user", "content": "Look"}]
    assert [loss.severity for loss in losses] == ["high"]


def test_citations_and_seals_of_others_are_not_sent():
    cited = TextPart("So it is.", citations=(Citation("https://a.example", "A"),), blobs=(Blob("x", "s", "signature"),))
    out, losses = ask(user("x"), assistant(cited), user("y"))
    assert out["messages"][1]["content"] == "So it is."
    assert set(told(losses).values()) == {"low"}
    assert len(losses) == 2


def test_tools_and_their_choice():
    tools = (LOOK, Tool("bare"), Tool("loose", schema={"properties": {}}), Tool("marked", cache="5m"))
    out, losses = ask(user("x"), tools=tools, tool_choice=ToolChoice("named", "look"), parallel_tool_calls=False)
    assert out["tools"][0] == {"name": "look", "description": "Looks.", "input_schema": SCHEMA}
    assert out["tools"][1]["input_schema"]["type"] == "object"
    assert out["tools"][2]["input_schema"] == {"type": "object", "properties": {}}
    assert out["tools"][3]["cache_control"] == {"type": "ephemeral", "ttl": "5m"}
    assert out["tool_choice"] == {"type": "tool", "name": "look", "disable_parallel_tool_use": True}
    assert losses == ()


@pytest.mark.parametrize(
    ("choice", "parallel", "wire"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("auto"), True, {"type": "auto"}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("none"), False, {"type": "none"}),
    ],
)
def test_every_choice(choice, parallel, wire):
    out, losses = ask(user("x"), tools=(LOOK,), tool_choice=choice, parallel_tool_calls=parallel)
    assert out.get("tool_choice") == wire
    assert losses == ()


def test_a_choice_without_tools_is_not_sent():
    assert "tool_choice" not in ask(user("x"), tool_choice=ToolChoice("none"))[0]
    assert told(ask(user("x"), tool_choice=ToolChoice("required"))[1]) == {"tool_choice": "medium"}


def test_a_choice_that_the_engine_does_not_know_becomes_the_nearest():
    out, losses = ask(
        user("x"), tools=(LOOK,), tool_choice=ToolChoice("required"), profile=Profile(choices={"required": "auto"})
    )
    assert out["tool_choice"] == {"type": "auto"}
    assert told(losses) == {"tool_choice": "medium"}


def test_only_the_tools_that_may_be_called_are_told():
    out, losses = ask(user("x"), tools=(LOOK, Tool("other")), tool_choice=ToolChoice("auto", among=("look",)))
    assert [tool["name"] for tool in out["tools"]] == ["look"]
    assert told(losses) == {"tools[1]": "low"}


def test_hosted_tools_of_others_are_a_loss_of_weight():
    hosted = Tool("", opaque=OpaquePart("openai-responses", {"type": "web_search"}))
    out, losses = ask(user("x"), tools=(hosted, LOOK))
    assert len(out["tools"]) == 1
    assert told(losses) == {"tools[0]": "high"}


def test_strict_tools_keep_their_promise_where_the_schema_allows_it():
    closed = Tool("a", schema=SCHEMA, strict=True)
    opened = Tool("b", schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}, strict=True)
    out, losses = ask(user("x"), tools=(closed, opened))
    assert out["tools"][0]["strict"] is True
    assert not out["tools"][1].get("strict")
    assert out["tools"][1]["input_schema"]["properties"] == {"n": {"type": "integer", "minimum": 1}}
    assert set(told(losses)) == {"tools[1].schema.strict"}


def test_structured_output_as_a_schema():
    shape = ResponseFormat("json_schema", "answer", SCHEMA, strict=True)
    out, losses = ask(user("x"), response_format=shape)
    assert out["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert told(losses) == {"response_format.name": "low"}


def test_structured_output_closes_objects_and_says_so():
    inner = {"type": "object", "properties": {"n": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": inner}}, "additionalProperties": True}
    out, losses = ask(user("x"), response_format=ResponseFormat("json_schema", schema=schema))
    made = out["output_config"]["format"]["schema"]
    assert made["additionalProperties"] is False
    assert made["properties"]["a"]["items"]["additionalProperties"] is False
    assert told(losses)["response_format.schema"] == "medium"


@pytest.mark.parametrize(
    "shape",
    [
        ResponseFormat("json_object"),
        ResponseFormat("json_schema"),
        ResponseFormat("json_schema", schema={"type": "object"}),
        ResponseFormat("json_schema", schema={"type": "object", "additionalProperties": {"type": "integer"}}),
        ResponseFormat(
            "json_schema",
            schema={
                "type": "object",
                "additionalProperties": False,
                "properties": {"m": {"anyOf": [{"type": "object"}, {"type": "null"}]}},
            },
        ),
    ],
)
def test_a_shape_that_cannot_be_promised_is_a_loss_of_weight(shape):
    out, losses = ask(user("x"), response_format=shape)
    assert "output_config" not in out
    assert told(losses)["response_format"] == "high"


def test_sampling():
    out, losses = ask(
        user("x"),
        sampling=Sampling(
            temperature=1.7,
            top_p=0.5,
            top_k=4,
            max_tokens=7,
            stop=("\n", "end"),
            seed=1,
            presence_penalty=1.0,
            frequency_penalty=0.0,
            logprobs=True,
            n=2,
        ),
    )
    assert {k: v for k, v in out.items() if k not in ("model", "messages")} == {
        "temperature": 1.0,
        "top_p": 0.5,
        "top_k": 4,
        "max_tokens": 7,
        "stop_sequences": ["end"],
    }
    assert told(losses) == {
        "temperature": "medium",
        "seed": "medium",
        "presence_penalty": "medium",
        "logprobs": "high",
        "n": "high",
        "stop": "medium",
    }


def test_who_asks_and_how():
    out, losses = ask(
        user("x"),
        user="u1",
        metadata={"team": "x"},
        service_tier="default",
        verbosity="low",
        cache_key="k",
        continues="resp_1",
        stream=True,
        stream_usage=True,
    )
    assert out["metadata"] == {"user_id": "u1"}
    assert out["service_tier"] == "standard_only"
    assert out["stream"] is True
    assert told(losses) == {"metadata": "low", "verbosity": "low", "cache_key": "low", "continues": "high"}
    assert told(ask(user("x"), service_tier="flex")[1]) == {"service_tier": "low"}


@pytest.mark.parametrize(
    ("thinking", "most", "wire", "effort", "lost"),
    [
        (Thinking(), 9000, None, None, []),
        (Thinking(enabled=False), 9000, {"type": "disabled"}, None, []),
        (Thinking(effort="none"), 9000, {"type": "disabled"}, None, []),
        (Thinking(budget=0), 9000, {"type": "disabled"}, None, []),
        (Thinking(effort="low"), 9000, {"type": "enabled", "budget_tokens": 2048}, None, []),
        (Thinking(effort="minimal"), 9000, {"type": "enabled", "budget_tokens": 1024}, None, []),
        (Thinking(effort="high"), 9000, {"type": "enabled", "budget_tokens": 8999}, None, ["low"]),
        (Thinking(effort="high"), 900, {"type": "disabled"}, None, ["medium"]),
        (Thinking(budget=3000), 9000, {"type": "enabled", "budget_tokens": 3000}, None, []),
        (Thinking(budget=512), 9000, {"type": "enabled", "budget_tokens": 1024}, None, ["low"]),
        (Thinking(budget=-1, show=True), 9000, {"type": "adaptive", "display": "summarized"}, None, []),
        (Thinking(enabled=True), 9000, {"type": "adaptive"}, None, []),
        (Thinking(enabled=True, effort="xhigh"), 9000, {"type": "adaptive"}, "xhigh", []),
        (Thinking(show=True), 9000, None, None, ["low"]),
    ],
)
def test_thinking(thinking, most, wire, effort, lost):
    out, losses = ask(user("x"), thinking=thinking, sampling=Sampling(max_tokens=most))
    assert out.get("thinking") == wire
    assert (out.get("output_config") or {}).get("effort") == effort
    assert [loss.severity for loss in losses] == lost


def test_pitfall_01_a_limit_that_was_not_asked_for_leaves_room_for_thinking():
    out, losses = ask(user("x"), thinking=Thinking(effort="high"), sampling=Sampling())
    assert out["thinking"]["budget_tokens"] == 16384
    assert out["max_tokens"] == 16384 + 4096
    assert told(losses) == {"max_tokens": "low"}
    assert ask(user("x"), sampling=Sampling(), profile=Profile(max_output=64000))[0]["max_tokens"] == 64000


def test_pitfall_13_tools_called_by_another_engine_switch_thinking_off():
    turns = (user("x"), assistant(ReasoningPart("Hm"), call("a")), result("a"))
    asked = {"thinking": Thinking(budget=2000), "sampling": Sampling(max_tokens=9000)}
    out, losses = ask(*turns, **asked)
    assert out["thinking"] == {"type": "disabled"}
    assert told(losses) == {"messages[1].reasoning": "low", "thinking": "medium"}
    assert ask(*turns, assistant("Done"), user("And?"), **asked)[0]["thinking"]["type"] == "enabled"
    out, losses = ask(*turns, **asked, profile=Profile(replay="always"))
    assert out["thinking"]["type"] == "enabled"
    assert out["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm", "signature": ""}
    assert losses == ()


def test_pitfall_12_signed_empty_thinking_and_redacted_thinking_are_kept():
    own = CLAUDE.name
    turn = assistant(
        ReasoningPart("", (Blob(own, "sig", "signature"),)),
        ReasoningPart("", (Blob(own, "red", "redacted"),)),
        call("a"),
    )
    out, losses = ask(user("x"), turn, result("a"), thinking=Thinking(budget=2000), sampling=Sampling(max_tokens=9000))
    assert out["messages"][1]["content"][:2] == [
        {"type": "thinking", "thinking": "", "signature": "sig"},
        {"type": "redacted_thinking", "data": "red"},
    ]
    assert out["thinking"]["type"] == "enabled"
    assert losses == ()


def test_several_seals_of_one_thought():
    own = CLAUDE.name
    blobs = (Blob(own, "r", "redacted"), Blob(own, "s", "signature"), Blob("x", "e", "encrypted"))
    out, losses = ask(user("x"), assistant(ReasoningPart("Hm", blobs), "Yes"), user("y"))
    assert out["messages"][1]["content"][:2] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
    ]
    assert told(losses) == {"messages[1].blobs": "low"}


def test_names_and_unknown_fields_of_other_dialects_are_told():
    message = Message(
        "user", (TextPart("x", {"other": {"seen": 1}}),), "Ann", {"other": {"weight": 2}, "other$": {"f": 1}}
    )
    _, losses = ask(message, extra={"other": {"store": True}})
    assert told(losses) == {
        "store": "low",
        "messages[0].weight": "low",
        "messages[0].name": "low",
        "messages[0].seen": "low",
    }


IDS = st.sampled_from(["a", "b", "functions.look:0", "call 1"])
PARTS = st.one_of(
    st.sampled_from(["", " ", "text"]).map(TextPart),
    IDS.map(call),
    IDS.map(lambda i: ToolResultPart(i, (TextPart("yes"),))),
    st.just(ReasoningPart("Hm")),
    st.just(ImagePart(url="https://a.example")),
)
MESSAGES = st.builds(
    Message,
    st.sampled_from(["system", "developer", "user", "assistant", "tool"]),
    st.lists(PARTS, max_size=4).map(tuple),
)


@given(st.lists(MESSAGES, max_size=8))
@settings(max_examples=60)
def test_pitfall_02_and_03_any_conversation_becomes_one_that_the_wire_takes(messages):
    out, losses = ask(*messages)
    turns = out["messages"]
    assert turns
    for before, after in itertools.pairwise(turns):
        assert before["role"] != after["role"]
    for place, turn in enumerate(turns):
        content = turn["content"]
        assert content
        blocks = content if isinstance(content, list) else []
        calls = [b["id"] for b in blocks if b["type"] == "tool_use"]
        assert len(set(calls)) == len(calls)
        results = [i for i, b in enumerate(blocks) if b["type"] == "tool_result"]
        assert results == list(range(len(results)))
        asked = turns[place - 1]["content"] if place else []
        known = [b["id"] for b in asked if isinstance(b, dict) and b["type"] == "tool_use"]
        assert sorted(blocks[i]["tool_use_id"] for i in results) == sorted(known)
        if calls:
            assert turns[place + 1]["role"] == "user"
    again, _ = CLAUDE.write_request(CLAUDE.read_request(json.dumps(out).encode()), PLAIN)
    assert json.loads(again) == out
    assert all(loss.reason for loss in losses)
