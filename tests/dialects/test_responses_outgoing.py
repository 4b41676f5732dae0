"""Responses requests for engines: what becomes of the conversations of other dialects, and of engines' quirks."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Blob,
    Citation,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Profile,
    Quirk,
    ReasoningPart,
    Request,
    ResponseFormat,
    Sampling,
    SchemaRules,
    TextPart,
    Thinking,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)

RESPONSES = dialects.get("openai-responses")
CHAT = dialects.get("openai-chat")
NAME = "openai-responses"
NEUTRAL = Profile()
HI = Message("user", (TextPart("Hi"),))
CALL = ToolCallPart("c1", "f", '{"a":1}')
RESULT = Message("tool", (ToolResultPart("c1", (TextPart("one"),)),))


def read(**fields):
    return RESPONSES.read_request(json.dumps({"model": "m", "input": "Hi", **fields}).encode())


def write(request, profile=NEUTRAL):
    body, losses = RESPONSES.write_request(request, profile)
    return json.loads(body), {(loss.field, loss.severity) for loss in losses}


def items(*messages, profile=NEUTRAL, **fields):
    return write(Request("m", messages, **fields), profile)[0]["input"]


def kinds(found):
    return [item.get("type") or item["role"] for item in found]


SEALED = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "Hm"}],
    "encrypted_content": "E",
}


def test_another_dialects_conversation():
    request = Request(
        "m",
        (
            Message("system", (TextPart("Sys"),)),
            HI,
            Message("assistant", (ReasoningPart("Hm"), TextPart("Let me see."), CALL)),
            RESULT,
            Message("assistant", (TextPart("A"), TextPart("B", citations=(Citation("https://a.example", "A"),)))),
            Message(
                "user",
                (
                    TextPart("See"),
                    ImagePart(data="aGk=", media_type="image/png"),
                    FilePart(data="aGk=", media_type="text/plain"),
                ),
            ),
        ),
        stream=True,
        stream_usage=True,
        user="u",
    )
    told, losses = write(request)
    assert told == {
        "model": "m",
        "instructions": "Sys",
        "input": [
            {"role": "user", "content": "Hi"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {
                "type": "message",
                "role": "assistant",
                "content": [
                    {"type": "output_text", "text": "A"},
                    {
                        "type": "output_text",
                        "text": "B",
                        "annotations": [
                            {
                                "type": "url_citation",
                                "url": "https://a.example",
                                "title": "A",
                                "start_index": 0,
                                "end_index": 1,
                            }
                        ],
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "See"},
                    {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"},
                    {"type": "input_file", "filename": "file.txt", "file_data": "data:text/plain;base64,aGk="},
                ],
            },
        ],
        "stream": True,
        "user": "u",
        "store": False,
    }
    assert losses == {("messages[2].parts[0]", "low")}


def test_results_of_a_user_come_first_and_each_as_an_item():
    turn = Message(
        "user",
        (
            TextPart("And?"),
            ToolResultPart("c1", (TextPart("one"),), is_error=True),
            ToolResultPart("c2", (TextPart("x"), ImagePart(url="https://a.example/x.png"))),
            ToolResultPart("c3"),
        ),
    )
    told, losses = write(Request("m", (HI, turn)))
    assert told["input"][1:] == [
        {"type": "function_call_output", "call_id": "c1", "output": "one"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "x"},
                {"type": "input_image", "image_url": "https://a.example/x.png", "detail": "auto"},
            ],
        },
        {"type": "function_call_output", "call_id": "c3", "output": ""},
        {"role": "user", "content": "And?"},
    ]
    assert losses == {("messages[1].parts[1].is_error", "low")}


def test_media_that_a_tool_may_not_answer_follow_as_a_turn_of_the_user():
    results = [
        Message("tool", (ToolResultPart("c1", (TextPart("x"), ImagePart(file_id="i"))),)),
        Message("tool", (ToolResultPart("c2", (TextPart("y"),)),)),
    ]
    asked = Request("m", (HI, Message("assistant", (CALL, ToolCallPart("c2", "f", "{}"))), *results))
    told, losses = write(asked, Profile(tool_media=False))
    assert kinds(told["input"])[3:] == ["function_call_output", "function_call_output", "user"]
    assert told["input"][3]["output"] == "x"
    assert ("messages[2].parts[0]", "medium") in losses


def test_pitfall_10_nothing_stands_between_calls_and_their_outputs():
    said = Message("assistant", (TextPart("a"), CALL, TextPart("b"), ToolCallPart("c2", "g", "{}")))
    other = Message("tool", (ToolResultPart("c2", (TextPart("two"),)),))
    found = items(HI, said, RESULT, Message("user", (TextPart("Hurry"),)), other)
    assert kinds(found) == [
        *("user", "message", "message", "function_call", "function_call"),
        *("function_call_output", "function_call_output", "user"),
    ]
    assert [item["content"][0]["text"] for item in found[1:3]] == ["a", "b"]
    _, losses = write(Request("m", (HI, said, RESULT, other)))
    assert ("messages", "low") in losses


def test_pitfall_10_calls_stand_together_on_the_own_dialect_where_the_engine_demands_it():
    def call(name):
        return {"type": "function_call", "call_id": name, "name": "f", "arguments": "{}"}

    def output(name):
        return {"type": "function_call_output", "call_id": name, "output": "x"}

    say = {"role": "assistant", "content": "thinking"}
    thought = {"type": "reasoning", "id": "rs", "summary": []}
    asked = read(
        input=[say, call("a"), say, thought, call("b"), output("a"), output("b"), {"role": "user", "content": "Go"}]
    )
    demanding = Profile(calls_together=True)
    assert RESPONSES.needs_rewrite(asked, demanding)
    told, _ = write(asked, demanding)
    assert kinds(told["input"]) == [
        *("assistant", "assistant", "reasoning", "function_call", "function_call"),
        *("function_call_output", "function_call_output", "user"),
    ]
    settled = RESPONSES.read_request(json.dumps(told).encode())
    assert not RESPONSES.needs_rewrite(settled, demanding)


def test_pitfall_21_sealed_thinking_keeps_its_id():
    sealed = ReasoningPart("Hm", (Blob(NAME, "E", "encrypted", "rs_9"),))
    nameless = ReasoningPart("", (Blob(NAME, "E2", "encrypted"),))
    told, losses = write(Request("m", (HI, Message("assistant", (sealed, nameless, TextPart("A"))))))
    assert told["input"][1:3] == [
        {
            "type": "reasoning",
            "id": "rs_9",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "E",
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "E2"},
    ]
    assert told["include"] == ["reasoning.encrypted_content"]
    assert told["store"] is False
    assert losses == set()


def test_pitfall_21_seals_of_others_stay_behind():
    parts = (
        ReasoningPart("Hm", (Blob("anthropic-messages", "S", "signature"),)),
        TextPart("A", blobs=(Blob("gemini-generate", "T", "signature"),)),
        ToolCallPart("c1", "f", "{}", blobs=(Blob("gemini-generate", "T", "signature"),)),
    )
    told, losses = write(Request("m", (HI, Message("assistant", parts), RESULT)))
    assert kinds(told["input"]) == ["user", "message", "function_call", "function_call_output"]
    assert {field for field, severity in losses if severity == "low"} == {
        "messages[1].parts[0]",
        "messages[1].parts[0].blobs",
        "messages[1].parts[1].blobs",
        "messages[1].parts[2].blobs",
    }


def test_a_seal_that_another_engine_made_on_this_dialect_stays_behind():
    request = read(input=[SEALED, {"role": "assistant", "content": "A"}, {"role": "user", "content": "B"}])
    first = request.messages[0].parts[0]
    assert isinstance(first, ReasoningPart)
    parts = (replace(first, blobs=(Blob("gpt@other", "E", "encrypted", "rs_1"),)), *request.messages[0].parts[1:])
    marked = replace(request, messages=(replace(request.messages[0], parts=parts), *request.messages[1:]))
    told, losses = write(marked)
    assert kinds(told["input"]) == ["assistant", "user"]
    assert losses
    told, _ = write(marked, Profile(replay="always"))
    assert told["input"][0]["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert told["input"][0]["id"] != "rs_1"
    assert "encrypted_content" not in told["input"][0]


def test_thinking_is_replayed_where_the_engine_demands_it():
    found = items(HI, Message("assistant", (ReasoningPart("Hm"), CALL)), RESULT, profile=Profile(replay="tools"))
    assert found[1]["content"] == [{"type": "reasoning_text", "text": "Hm"}]
    assert found[1]["id"].startswith("rs_")
    own = read(input=[{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "H"}]}])
    assert write(own, Profile(replay="never"))[0]["input"] == []


def test_pitfall_22_what_is_rejected_while_the_engine_thinks():
    quirk = Quirk(
        when={"reasoning.effort": ["low", "medium", "high"]},
        drop=("temperature", "top_p", "top_logprobs", "include"),
        why="rejected while it reasons",
    )
    profile = Profile(quirks=(quirk,))
    sampling = Sampling(temperature=0.5, top_p=0.9, logprobs=True, top_logprobs=2)
    told, losses = write(Request("m", (HI,), sampling=sampling, thinking=Thinking(effort="low")), profile)
    assert not {"temperature", "top_p", "top_logprobs", "include"} & told.keys()
    assert {"temperature", "top_p", "top_logprobs"} <= {field for field, _ in losses}
    told, _ = write(Request("m", (HI,), sampling=sampling, thinking=Thinking(effort="none")), profile)
    assert told["temperature"] == 0.5
    assert RESPONSES.needs_rewrite(read(temperature=1, reasoning={"effort": "high"}), profile)
    assert not RESPONSES.needs_rewrite(read(temperature=1), profile)


def test_pitfall_24_strict_schemas_are_made_to_fit():
    loose = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {"a": {"const": 1}, "b": {"type": "string", "default": "x"}},
        "required": ["a", "b"],
        "additionalProperties": False,
    }
    fitting = {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
    asked = Request(
        "m",
        (HI,),
        (Tool("f", "", loose, strict=True), Tool("g", "", fitting, strict=True), Tool("h", "", loose), Tool("i")),
        response_format=ResponseFormat("json_schema", "x", loose, strict=True),
    )
    told, _ = write(asked)
    for schema in (told["tools"][0]["parameters"], told["text"]["format"]["schema"]):
        text = json.dumps(schema)
        assert '"default"' not in text
        assert "$schema" not in text
    assert told["tools"][1] == {"type": "function", "name": "g", "parameters": fitting, "strict": True}
    assert told["tools"][2] == {"type": "function", "name": "h", "parameters": loose, "strict": False}
    assert told["tools"][3] == {"type": "function", "name": "i", "parameters": None, "strict": False}
    optional = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
    told, losses = write(Request("m", (HI,), (Tool("f", "", optional, strict=True),)))
    assert told["tools"][0]["strict"] is False
    assert any(field.startswith("tools[0]") for field, _ in losses)


def test_pitfall_24_the_own_dialect_is_left_alone_unless_the_profile_says_so():
    tool = {"type": "function", "name": "f", "parameters": {"type": "object", "default": 1}, "strict": True}
    asked = read(tools=[tool])
    assert write(asked)[0]["tools"] == [tool]
    rules = Profile(schema=SchemaRules("r", rejects=("default",)))
    assert RESPONSES.needs_rewrite(asked, rules)
    assert "default" not in write(asked, rules)[0]["tools"][0]["parameters"]


def test_pitfall_27_the_word_json_stands_in_the_input():
    shape = ResponseFormat("json_object")
    told, losses = write(Request("m", (HI,), response_format=shape))
    assert told["input"] == [{"role": "system", "content": "Answer in JSON."}, {"role": "user", "content": "Hi"}]
    assert ("instructions", "low") in losses
    told, _ = write(Request("m", (Message("system", (TextPart("Be brief."),)), HI), response_format=shape))
    assert told["input"][0] == {"role": "system", "content": "Be brief.\n\nAnswer in JSON."}
    system = Message("system", (TextPart("Answer as Json."),))
    told, losses = write(Request("m", (system, HI), response_format=shape))
    assert "instructions" not in told  # the word counts in the input only
    assert kinds(told["input"]) == ["system", "user"]
    assert losses == set()
    own, losses = write(read(text={"format": {"type": "json_object"}}))
    assert own["input"] == "Hi"
    assert losses == set()


def test_what_this_wire_cannot_say():
    sampling = Sampling(top_k=5, stop=("x",), seed=1, presence_penalty=0.5, frequency_penalty=0.5, n=2)
    told, losses = write(Request("m", (HI,), sampling=sampling))
    assert told == {"model": "m", "input": [{"role": "user", "content": "Hi"}], "store": False}
    assert losses == {
        *(("stop", "medium"), ("seed", "medium"), ("presence_penalty", "medium"), ("frequency_penalty", "medium")),
        *(("top_k", "medium"), ("n", "high")),
    }
    assert write(Request("m", (HI,), sampling=Sampling(n=1)))[1] == set()


def test_foreign_parts_and_tools_are_told():
    request = Request(
        "m",
        (
            Message("user", (TextPart("Hi", cache="5m", extra={"elsewhere": {"x": 1}}),), name="Ann"),
            Message("user", (OpaquePart("elsewhere", {"y": 1}),)),
            Message("assistant", (OpaquePart("elsewhere", {"y": 1}), ImagePart(url="u"), replace(CALL, cache="1h"))),
            RESULT,
            Message("user", (CALL, ReasoningPart("Hm"), TextPart("x"))),
        ),
        (Tool("", opaque=OpaquePart("elsewhere", {})), Tool("f", cache="5m")),
        extra={"elsewhere": {"odd": 1, "null": None}},
    )
    told, losses = write(request)
    assert kinds(told["input"]) == ["user", "function_call", "function_call_output", "user"]
    assert losses == {
        ("odd", "low"),
        ("tools[0]", "high"),
        ("tools[1].cache", "low"),
        ("messages[0].name", "low"),
        ("messages[0].content[0].x", "low"),
        ("messages[0].content[0].cache", "low"),
        ("messages[1].content[0]", "high"),
        ("messages[2].parts[0]", "high"),
        ("messages[2].parts[1]", "high"),
        ("messages[2].parts[2].cache", "low"),
        ("messages[4].parts[0]", "medium"),
        ("messages[4].parts[1]", "medium"),
    }


def test_cache_markers_where_the_engine_knows_them():
    found = items(Message("user", (TextPart("Hi", cache="5m"),)), profile=Profile(cache_markers=True))
    assert found[0]["content"][0]["prompt_cache_breakpoint"] == {"mode": "explicit"}


@pytest.mark.parametrize(
    ("thinking", "told", "lost"),
    [
        (Thinking(effort="low"), {"effort": "low"}, set()),
        (Thinking(enabled=False), {"effort": "none"}, set()),
        (Thinking(enabled=True), None, set()),
        (Thinking(show=True), {"summary": "auto"}, set()),
        (Thinking(budget=16384), {"effort": "high"}, set()),
        (Thinking(budget=10000), {"effort": "medium"}, {("thinking", "low")}),
        (Thinking(budget=0), {"effort": "none"}, set()),
    ],
)
def test_thinking_is_told_as_effort_and_summary(thinking, told, lost):
    found, losses = write(Request("m", (HI,), thinking=thinking))
    assert found.get("reasoning") == told
    assert losses == lost
    asks = thinking.effort == "low" or thinking.show or thinking.enabled or bool(thinking.budget)
    assert ("include" in found) == bool(asks)


def test_thinking_in_the_words_of_a_profile():
    profile = Profile(
        efforts={"low": {"reasoning.effort": "minimal"}, "none": {"thinking": "off"}}, shown={"show": True}
    )
    told, _ = write(Request("m", (HI,), thinking=Thinking(effort="low", show=True)), profile)
    assert told["reasoning"] == {"effort": "minimal"}
    assert told["show"] is True
    own = read(reasoning={"effort": "low", "summary": "detailed", "context": "auto"})
    told, _ = write(own, Profile(efforts={"low": {"reasoning.effort": "minimal"}}))
    assert told["reasoning"] == {"effort": "minimal", "summary": "detailed", "context": "auto"}


def test_tool_choices():
    def choice(asked, profile=NEUTRAL):
        return write(Request("m", (HI,), (Tool("f"),), asked), profile)[0]["tool_choice"]

    assert choice(ToolChoice("required")) == "required"
    assert choice(ToolChoice("named", "f")) == {"type": "function", "name": "f"}
    assert choice(ToolChoice("required", among=("f",))) == {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}],
    }
    assert choice(ToolChoice("none", among=("f",))) == "none"
    assert choice(ToolChoice("required"), Profile(choices={"required": "auto"})) == "auto"


def test_ids_of_calls_are_made_to_fit():
    long = "c" * 80
    asked = Request(
        "m", (HI, Message("assistant", (ToolCallPart(long, "f", "{}"),)), Message("tool", (ToolResultPart(long),)))
    )
    found = items(*asked.messages)
    assert found[1]["call_id"] == found[2]["call_id"]
    assert len(found[1]["call_id"]) <= 64
    own = read(input=[{"type": "function_call", "call_id": long, "name": "f", "arguments": ""}])
    assert write(own)[0]["input"][0]["call_id"] == long
    short = Profile(call_ids="[a-z0-9A-Z]{9}", call_id_length=9)
    assert len(write(own, short)[0]["input"][0]["call_id"]) == 9


def test_rules_for_system_texts_and_media():
    late = Message("developer", (TextPart("Late"),))
    found = items(HI, late, profile=Profile(system="first"))
    assert kinds(found) == ["user", "user"]
    told, losses = write(
        Request("m", (Message("user", (TextPart("x"), ImagePart(url="u"))),)), Profile(rejects=("image_url",))
    )
    assert told["input"] == [{"role": "user", "content": "x"}]
    assert [severity for _, severity in losses] == ["high"]
    own = read(input=[{"role": "developer", "content": "D"}, {"role": "user", "content": "U"}])
    assert write(own, Profile(roles={"developer": "system"}))[0]["input"][0] == {"role": "system", "content": "D"}


def test_what_stands_in_the_instructions():
    def told(*messages):
        return write(Request("m", messages))[0]

    one = Message("system", (TextPart("A"),))
    assert told(one, HI)["instructions"] == "A"
    assert told(one)["input"] == [{"role": "system", "content": "A"}]  # the input may not be empty
    assert "instructions" not in told(Message("developer", (TextPart("A"),)), HI)
    two = told(Message("system", (TextPart("A"), TextPart("B"))), HI)
    assert two["input"][0] == {
        "role": "system",
        "content": [{"type": "input_text", "text": "A"}, {"type": "input_text", "text": "B"}],
    }
    both = told(one, one, HI)
    assert (both["instructions"], kinds(both["input"])) == ("A", ["system", "user"])
