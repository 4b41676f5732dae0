"""Responses requests: exact on their own dialect; what cannot be used is told with its place."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Blob,
    Message,
    Profile,
    ReasoningPart,
    Request,
    Sampling,
    TextPart,
    Thinking,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)
from weighbridge.errors import InputError, TooLargeError

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


EVERYTHING = {
    "model": "m",
    "instructions": "Be brief.",
    "input": [
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": [{"type": "input_text", "text": "Sys"}], "type": "message"},
        {"role": "developer", "content": "Dev", "later": 1},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "See", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {"type": "input_image", "image_url": "https://a.example/x.png"},
                {"type": "input_image", "file_id": "file-1", "image_url": None, "detail": "auto"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"},
                {"type": "input_file", "file_url": "https://a.example/x.pdf"},
                {"type": "input_file", "file_data": "data:audio/mpeg;base64,aGk=", "filename": "a.mp3"},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mpeg"}},
                {"type": "computer_screenshot", "file_id": "f"},
            ],
        },
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "Hm"}],
            "encrypted_content": "E",
        },
        {
            "type": "reasoning",
            "id": "rs_2",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": "H"}],
            "status": None,
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "E2"},
        {"role": "assistant", "content": "Easy"},
        {"role": "assistant", "content": [{"type": "output_text", "text": "List"}]},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "phase": "commentary",
            "content": [
                {
                    "type": "output_text",
                    "text": "A",
                    "annotations": [
                        {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
                    ],
                    "logprobs": [],
                },
                {"type": "output_text", "text": "B", "annotations": []},
                {"type": "refusal", "refusal": "No"},
            ],
        },
        {"type": "message", "id": "msg_2", "role": "assistant", "status": "completed", "content": []},
        {"type": "message", "id": "msg_3", "role": "assistant", "content": [{"type": "new_kind", "x": 1}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "id": "fc_1", "namespace": "n"},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": '{"a": 1}', "status": None},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {"type": "custom_tool_call", "call_id": "c3", "name": "patch", "input": "text"},
        {"type": "function_call_output", "call_id": "c1", "output": "one", "id": "fco"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [
                {"type": "input_text", "text": "two"},
                {"type": "input_image", "file_id": "f", "detail": "auto"},
                {"type": "new_kind"},
            ],
        },
        {"type": "custom_tool_call_output", "call_id": "c3", "output": "done"},
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"type": "item_reference", "id": "msg_9"},
        {"id": "msg_8"},
        {"type": "compaction", "id": "cmp", "encrypted_content": "Z"},
        {"role": "user", "content": []},
    ],
    "tools": [
        {
            "type": "function",
            "name": "f",
            "description": "d",
            "parameters": {"type": "object"},
            "strict": True,
            "defer_loading": True,
        },
        {"type": "function", "name": "g", "parameters": None, "strict": None},
        {"type": "namespace", "name": "n", "tools": []},
        {"type": "web_search", "filters": None},
        {"type": "custom", "name": "patch"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {
        "format": {"type": "json_schema", "name": "a", "schema": {}, "strict": True, "description": None},
        "verbosity": "low",
        "x": 1,
    },
    "reasoning": {"effort": "high", "summary": "detailed", "context": "all_turns", "generate_summary": None},
    "max_output_tokens": 10,
    "temperature": 0.5,
    "top_p": 1,
    "top_logprobs": 3,
    "include": ["message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results"],
    "previous_response_id": "resp_0",
    "prompt_cache_key": "k",
    "user": "u",
    "safety_identifier": "s",
    "metadata": {"a": "b"},
    "service_tier": "flex",
    "parallel_tool_calls": False,
    "store": True,
    "background": True,
    "conversation": "conv_1",
    "truncation": "auto",
    "stream": True,
    "stream_options": {"include_obfuscation": False},
    "max_tool_calls": 3,
}


def test_everything_comes_back_equal():
    request = RESPONSES.read_request(json.dumps(EVERYTHING).encode())
    told, losses = write(request)
    assert told == EVERYTHING
    assert losses == set()
    assert not RESPONSES.needs_rewrite(request, NEUTRAL)
    assert [m.role for m in request.messages] == [
        *(
            "system",
            "user",
            "system",
            "developer",
            "user",
            "assistant",
            "tool",
            "tool",
            "tool",
            "developer",
            "assistant",
            "user",
        )
    ]
    assert request.thinking == Thinking(effort="high", show=True)
    assert request.tool_choice == ToolChoice("auto", among=("f",))
    assert request.sampling == Sampling(temperature=0.5, top_p=1, max_tokens=10, logprobs=True, top_logprobs=3)
    assert (request.continues, request.cache_key, request.verbosity, request.user) == ("resp_0", "k", "low", "u")
    said = request.messages[5].parts
    assert said[0] == replace(said[0], text="Hm", blobs=(Blob(NAME, "E", "encrypted", "rs_1"),))
    assert [p.text for p in said if isinstance(p, TextPart)][:5] == ["Easy", "List", "A", "B", "No"]


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "Hi"},
        {"input": ""},
        {"input": [{"role": "user", "content": "Hi"}]},
        {"input": [{"role": "user", "content": "Hi"}], "instructions": ""},
        {"input": [{"role": "assistant", "content": "A"}, {"role": "assistant", "content": "B"}]},
        {"input": [{"role": "assistant", "content": ""}]},
        {"instructions": None, "tools": None, "tool_choice": None, "text": None, "reasoning": None, "include": None},
        {"tools": [], "metadata": {}, "text": {}, "reasoning": {}, "include": [], "store": False, "background": False},
        {"text": {"format": None}},
        {"text": {"format": {"type": "new"}}, "reasoning": {"effort": "huge", "summary": ""}},
        {"tool_choice": {"type": "web_search"}},
        {"tool_choice": {"type": "allowed_tools", "mode": "required", "tools": [{"type": "web_search"}]}},
        {"tool_choice": {"type": "function", "name": "f", "x": 1}},
        {"top_logprobs": 2},
        {"include": ["message.output_text.logprobs"]},
        {"safety_identifier": "s"},
        {"user": None, "stream": False, "stream_options": None},
        {"input": [{"type": "function_call", "name": "f", "call_id": "c", "arguments": {"a": 1}}]},
        {"input": [{"type": "function_call", "name": "f", "call_id": "", "arguments": None}]},
        {"input": [{"type": "function_call", "name": "f"}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}]},
        {"input": [{"type": "function_call_output", "call_id": "c", "output": []}]},
        {"input": [{"type": "reasoning", "encrypted_content": None}]},
        {"input": [{"type": "reasoning", "summary": "odd", "content": [5]}]},
        {"input": [], "previous_response_id": "r"},
    ],
)
def test_forms_come_back_equal(fields):
    asked = {"model": "m", "input": "Hi", **fields}
    told, losses = write(read(**fields))
    assert told == asked
    assert losses == set()


def test_what_stands_in_place_of_the_input():
    for fields in ({"previous_response_id": "r"}, {"conversation": {"id": "c"}}, {"prompt": {"id": "p"}}):
        asked = {"model": "m", **fields}
        request = RESPONSES.read_request(json.dumps(asked).encode())
        assert request.messages == ()
        assert write(request)[0] == asked


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"model": ""}, "model"),
        ({"model": "x" * 600}, "model"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": [5]}, "input[0]"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": 5}]}, "input[0].content"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": "message", "content": "x"}]}, "input[0].role"),
        ({"input": [{"type": 5}]}, "input[0].type"),
        ({"input": [{"role": "user", "content": [5]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"text": "x"}]}]}, "input[0].content[0].type"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "assistant", "content": [{"type": "refusal"}]}]}, "input[0].content[0].refusal"),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "input[0].name"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": 5}]}, "input[0].arguments"),
        ({"input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "input[0].output"),
        ({"instructions": 5}, "instructions"),
        ({"tools": 5}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [{"name": "f"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "f", "parameters": 5}]}, "tools[0].parameters"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"text": 5}, "text"),
        ({"text": {"format": 5}}, "text.format"),
        ({"text": {"verbosity": 5}}, "text.verbosity"),
        ({"reasoning": 5}, "reasoning"),
        ({"include": 5}, "include"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_output_tokens": 1.5}, "max_output_tokens"),
        ({"stream": "yes"}, "stream"),
        ({"metadata": []}, "metadata"),
        ({"previous_response_id": 5}, "previous_response_id"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(fields, where):
    with pytest.raises(InputError) as caught:
        read(**fields)
    assert caught.value.where == where
    assert caught.value.fix


def test_bodies_that_are_no_requests():
    for body in (b"", b"[]", b"{", b'{"model": "m", "model": "n", "input": "x"}', b'{"input": "\xff"}'):
        with pytest.raises(InputError):
            RESPONSES.read_request(body)
    with pytest.raises(TooLargeError):
        RESPONSES.read_request(b'{"model":"m","input":' + b"[" * 100 + b"]" * 100 + b"}")
    with pytest.raises(InputError) as caught:
        read(input=[{"role": "user", "content": "x"}] * 100_001)
    assert "100000" in caught.value.fix


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["", "message", "user", "function_call", "reasoning", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "role", "content", "text", "summary", "call_id", "name", "output", "id", "format", "effort"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["input", "tools", "text", "reasoning", "tool_choice", "include", "user"]), JSON)
)
def test_whatever_is_read_comes_back_equal(fields):
    asked = {"model": "m", "input": "Hi", **fields}
    try:
        request = read(**fields)
    except InputError:
        return
    assert write(request)[0] == asked
    for name in dialects.NAMES:
        dialects.get(name).write_request(request, NEUTRAL)


def test_text_that_was_changed_keeps_its_fields():
    asked = RESPONSES.read_request(json.dumps(EVERYTHING).encode())

    def masked(part):
        if isinstance(part, (TextPart, ReasoningPart)) and part.text:
            return replace(part, text=f"<{part.text}>")
        if isinstance(part, ToolResultPart):
            return replace(part, parts=tuple(masked(p) for p in part.parts))
        return part

    changed = replace(asked, messages=tuple(replace(m, parts=tuple(map(masked, m.parts))) for m in asked.messages))
    told, losses = write(changed)
    assert losses == set()
    assert told["instructions"] == "<Be brief.>"
    assert told["input"][4]["summary"] == [{"type": "summary_text", "text": "<Hm>"}]
    assert told["input"][4]["encrypted_content"] == "E"
    assert told["input"][5]["content"] == [{"type": "reasoning_text", "text": "<H>"}]
    assert told["input"][9]["phase"] == "commentary"
    assert [part.get("text") for part in told["input"][9]["content"]] == ["<A>", "<B>", None]
    assert told["input"][9]["content"][2]["refusal"] == "<No>"


def test_grave_fields_are_missed_elsewhere():
    asked = read(conversation="c", background=True, store=True, prompt={"id": "p"}, tool_choice={"type": "web_search"})
    _, losses = CHAT.write_request(asked, NEUTRAL)
    found = {loss.field: loss.severity for loss in losses}
    assert {field for field, severity in found.items() if severity == "high"} == {
        *("conversation", "background", "prompt", "tool_choice")
    }
    assert found["store"] == "low"
    quiet = read(background=False, store=False, truncation="disabled", instructions="", metadata={}, stream=False)
    assert CHAT.write_request(quiet, NEUTRAL)[1] == ()


def test_the_models_name_is_replaced_in_the_bytes():
    assert RESPONSES.splice_model(b'{ "model" : "a", "input": "x" }', "b") == b'{ "model" : "b", "input": "x" }'
    assert RESPONSES.target("m", stream=True) == "/responses"
    assert RESPONSES.headers == {"openai-beta": ""}
