"""OpenAI Chat requests: what is refused and where, what survives, what a profile changes."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Profile,
    ReasoningPart,
    Request,
    Sampling,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)
from weighbridge.errors import InputError

CHAT = dialects.get("openai-chat")
PLAIN = Profile()
BASE = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}


def read(**fields):
    return CHAT.read_request(json.dumps({**BASE, **fields}).encode())


def write(request, profile=PLAIN):
    body, losses = CHAT.write_request(request, profile)
    return json.loads(body), losses


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": 5}, "model"),
        ({"model": "x" * 513}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "usr", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages[0].role"),
        (
            {"messages": [{"role": "user", "content": "a"}] * 3 + [{"role": "user", "content": 7}]},
            "messages[3].content",
        ),
        ({"messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": 5}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content[0].image_url"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "file", "file": 1}]}]}, "messages[0].content[0].file"),
        ({"messages": [{"role": "assistant", "tool_calls": 5}]}, "messages[0].tool_calls"),
        ({"messages": [{"role": "assistant", "tool_calls": [5]}]}, "messages[0].tool_calls[0]"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"type": "function"}]}]},
            "messages[0].tool_calls[0].function",
        ),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": 5}}]}]},
            "messages[0].tool_calls[0].function.arguments",
        ),
        ({"tools": "all"}, "tools"),
        ({"tools": [1]}, "tools[0]"),
        ({"tools": [{"type": "function", "function": {"name": ""}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        ({"tools": [{"type": "function", "function": "f"}]}, "tools[0].function"),
        ({"tool_choice": 5}, "tool_choice"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": "2"}, "n"),
        ({"stop": 5}, "stop"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": []}, "stream_options"),
        ({"response_format": "json"}, "response_format"),
        ({"metadata": "x"}, "metadata"),
        ({"user": 5}, "user"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"reasoning_effort": 3}, "reasoning_effort"),
    ],
)
def test_a_wrong_type_is_named_with_its_place(fields, where):
    with pytest.raises(InputError) as caught:
        read(**fields)
    assert caught.value.where == where
    assert caught.value.what.startswith(("It is", "It has", "'"))
    assert caught.value.fix


def test_a_misspelt_role_gets_a_hint():
    with pytest.raises(InputError, match="Did you mean 'user'"):
        read(messages=[{"role": "user ", "content": ""}])


def test_a_long_value_is_not_repeated_whole():
    with pytest.raises(InputError) as caught:
        read(temperature="x" * 100_000)
    assert len(str(caught.value)) < 200


def test_what_is_read():
    request = read(
        tools=[{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}],
        tool_choice={"type": "function", "function": {"name": "f"}},
        response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"a": 1}, "strict": True}},
        temperature=0.5,
        max_completion_tokens=7,
        stop="END",
        stream=True,
        stream_options={"include_usage": True, "include_obfuscation": False},
        reasoning_effort="low",
        user="u",
        metadata={"k": "v"},
        brand_new={"x": [1]},
    )
    assert request.tools == (Tool("f", "d", {"type": "object"}),)
    assert request.tool_choice == ToolChoice("named", "f")
    assert request.response_format is not None
    assert request.response_format.schema == {"a": 1}
    assert request.sampling == Sampling(temperature=0.5, max_tokens=7, stop=("END",))
    assert request.stream
    assert request.stream_usage
    assert request.extra["openai-chat"] == {
        "brand_new": {"x": [1]},
        "stream_options": {"include_obfuscation": False},
    }


def test_parts_are_read():
    request = read(
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}},
                    {"type": "image_url", "image_url": "https://example.com/a.png"},
                    {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"}},
                    {"type": "video_url", "video_url": {"url": "https://example.com/v"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "reasoning_content": "Hm.",
                "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "42"},
        ]
    )
    text, image, linked, audio, file, video = request.messages[0].parts
    assert text == TextPart("Look")
    assert image == ImagePart(data="QUJD", media_type="image/png", detail="low")
    assert isinstance(linked, ImagePart)
    assert linked.url == "https://example.com/a.png"
    assert audio == FilePart(data="QUJD", media_type="audio/mp3")
    assert replace(file, extra={}) == FilePart(data="QUJD", media_type="application/pdf", name="a.pdf")
    assert replace(video, extra={}) == FilePart(url="https://example.com/v", media_type="video/mp4")
    assert request.messages[1].parts == (ReasoningPart("Hm."), ToolCallPart("c1", "f", '{"a": 1}'))
    assert request.messages[2].parts == (ToolResultPart("c1", (TextPart("42"),)),)


def same(body):
    request = CHAT.read_request(json.dumps(body).encode())
    told, losses = write(request)
    if request.stream and not request.stream_usage:
        options = {k: v for k, v in told.pop("stream_options").items() if k != "include_usage"}
        told.update({"stream_options": options} if "stream_options" in body else {})
        body = {**body, **({"stream_options": options} if "stream_options" in body else {})}
    assert told == body
    assert losses == ()


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": ""},
        {"role": "user", "content": []},
        {"role": "user", "content": None},
        {"role": "user"},
        {"role": "user", "content": [{"type": "text", "text": "one"}]},
        {"role": "user", "content": "x", "name": None, "$form": 1, "": 2},
        {"role": "user", "content": [{"type": "text", "text": "x", "raw": {"type": "text", "text": "hidden"}, "$": 1}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "", "x": 1}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,QQ=="}}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:audio/mp3;base64,QQ=="}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "QQ=="}}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "https://example.com/x.pdf"}}]},
        {"role": "user", "content": [{"type": "file", "file": {}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "QQ==", "format": "mpeg"}}]},
        {"role": "user", "content": [{"type": "input_audio"}]},
        {"role": "assistant", "content": [], "tool_calls": None},
        {"role": "assistant", "content": "x", "tool_calls": []},
        {"role": "assistant", "content": "", "reasoning": "", "reasoning_content": ""},
        {"role": "assistant", "reasoning": "a", "reasoning_content": "b"},
        {"role": "assistant", "content": "x", "reasoning_details": [{"type": "reasoning.encrypted", "data": "Zm9v"}]},
        {"role": "assistant", "content": "x", "reasoning_details": []},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}]},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "a"}, {"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "tool_calls": [{"id": "", "function": {"name": "f"}}]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "", "arguments": None}, "type": None}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"a": [1, 2.5]}}}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
        {"role": "tool", "content": [{"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "video_url", "video_url": "x"}], "name": "f"},
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "thinking", "thinking": []}]},
        {"role": "function", "name": "f", "content": "x"},
    ],
)
def test_each_form_of_message_comes_back(message):
    same({"model": "m", "messages": [message]})


@pytest.mark.parametrize(
    "fields",
    [
        {"parallel_tool_calls": False},
        {"stop": []},
        {"stop": ["a"]},
        {"stop": "a"},
        {"stop": None},
        {"stream": False},
        {"stream": None},
        {"stream": True, "stream_options": {"include_usage": False}},
        {"stream_options": None},
        {"stream_options": {}},
        {"tool_choice": "any"},
        {"tool_choice": "whatever"},
        {"tool_choice": {"function": {"name": "f"}}},
        {"tool_choice": {"type": "allowed_tools", "allowed_tools": {}}},
        {"tool_choice": None},
        {"response_format": {"type": "text"}},
        {"response_format": {"type": "json_object", "schema": {}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}, "x": 1}}},
        {"response_format": {"type": "grammar", "grammar": "x"}},
        {"response_format": None},
        {"max_tokens": 5, "max_completion_tokens": 6},
        {"max_tokens": None, "max_completion_tokens": 6},
        {"temperature": None, "metadata": {}, "user": "", "service_tier": None, "n": 0, "logprobs": False},
        {"tools": []},
        {"tools": None},
        {"tools": [{"type": "web_search", "x": 1}, {"function": {"name": "f", "description": "", "y": 2}, "z": 3}]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}, "strict": False}}]},
        {"functions": [{"name": "f"}], "function_call": "auto"},
    ],
)
def test_each_form_of_field_comes_back(fields):
    same({**BASE, **fields})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
fields_of_request = st.sampled_from(
    ["stop", "stream_options", "tool_choice", "response_format", "tools", "temperature", "n", "user", "stream", "x"]
)
fields_of_message = st.sampled_from(
    ["content", "name", "tool_calls", "tool_call_id", "reasoning", "reasoning_details", "refusal", "type", "raw"]
)


@settings(max_examples=40)
@given(
    st.dictionaries(fields_of_request, json_values, max_size=4),
    st.lists(
        st.tuples(st.sampled_from(["user", "assistant", "tool"]), st.dictionaries(fields_of_message, json_values)),
        min_size=1,
        max_size=3,
    ),
)
@example({}, [("tool", {"content": None})])
def test_what_is_read_at_all_comes_back(fields, messages):
    body = {"model": "m", **fields, "messages": [{**m, "role": role} for role, m in messages]}
    try:
        CHAT.read_request(json.dumps(body).encode())
    except InputError:
        return
    same(body)


part_fields = st.dictionaries(
    st.sampled_from(["text", "image_url", "file", "input_audio", "thinking", "url", "x"]),
    json_values
    | st.fixed_dictionaries(
        {},
        optional={
            "url": st.sampled_from(["", "data:a/b;base64,QQ==", "data:audio/x;base64,QQ==", "http://x"]),
            "file_data": st.sampled_from(["", "data:a/b;base64,QQ==", "data:audio/x;base64,QQ==", "http://x", "QQ"]),
            "file_id": json_values,
            "data": json_values,
            "format": json_values,
            "detail": json_values,
        },
    ),
)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["text", "image_url", "file", "input_audio", "thinking", "new"]), part_fields),
        max_size=3,
    )
)
def test_parts_that_are_read_come_back(parts):
    content = [{**fields, "type": name} for name, fields in parts]
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    try:
        CHAT.read_request(json.dumps(body).encode())
    except InputError:
        return
    same(body)


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(body):
    with pytest.raises(InputError):
        CHAT.read_request(body)


# --- profiles -------------------------------------------------------------------------------------


def test_a_rename_is_no_loss():
    request = read(max_tokens=5)
    profile = Profile(rename={"max_tokens": "max_completion_tokens"})
    told, losses = write(request, profile)
    assert told["max_completion_tokens"] == 5
    assert "max_tokens" not in told
    assert losses == ()
    assert CHAT.needs_rewrite(request, profile)
    assert not CHAT.needs_rewrite(read(seed=1), profile)


def test_a_rename_onto_a_field_that_is_set_is_a_loss():
    told, losses = write(
        read(max_tokens=5, max_completion_tokens=6), Profile(rename={"max_tokens": "max_completion_tokens"})
    )
    assert told["max_completion_tokens"] == 6
    assert [x.field for x in losses] == ["max_tokens"]


def test_dropped_fields_are_losses_only_where_they_were_set():
    profile = Profile(drop=("temperature", "seed", "user", "tools"))
    request = read(temperature=0.2, user="u", tools=[{"type": "function", "function": {"name": "f"}}])
    told, losses = write(request, profile)
    assert set(told) == {"model", "messages"}
    assert {x.field: x.severity for x in losses} == {"temperature": "medium", "user": "low", "tools": "high"}
    assert CHAT.needs_rewrite(request, profile)
    assert not CHAT.needs_rewrite(read(n=1), profile)


def test_fixed_values():
    profile = Profile(fixed={"temperature": 1})
    assert write(read(), profile) == ({**BASE, "temperature": 1}, ())
    assert write(read(temperature=1), profile) == ({**BASE, "temperature": 1}, ())
    told, losses = write(read(temperature=0.3), profile)
    assert told["temperature"] == 1
    assert losses[0].field == "temperature"
    assert "0.3" in losses[0].reason
    assert not CHAT.needs_rewrite(read(temperature=1.0), profile)
    assert CHAT.needs_rewrite(read(), profile)


def test_defaults_only_fill_gaps():
    profile = Profile(defaults={"max_tokens": 100, "thinking": {"type": "disabled"}}, rename={"max_tokens": "limit"})
    told, losses = write(read(), profile)
    assert told == {**BASE, "limit": 100, "thinking": {"type": "disabled"}}
    assert losses == ()
    told, _ = write(read(max_tokens=5, thinking={"type": "enabled"}), profile)
    assert told == {**BASE, "limit": 5, "thinking": {"type": "enabled"}}


def test_roles():
    messages = [{"role": "developer", "content": "Be kind"}, {"role": "user", "content": "Hi"}]
    told, losses = write(read(messages=messages), Profile(roles={"developer": "system"}))
    assert told["messages"][0] == {"role": "system", "content": "Be kind"}
    assert losses == ()
    profile = Profile(roles={"developer": "user"})
    told, losses = write(read(messages=messages), profile)
    assert told["messages"][0]["role"] == "user"
    assert [x.field for x in losses] == ["messages[0].role"]
    assert CHAT.needs_rewrite(read(messages=messages), profile)
    assert not CHAT.needs_rewrite(read(), profile)


def test_fields_further_in():
    request = read(
        messages=[{"role": "user", "content": "Hi", "name": "Ada"}, {"role": "user", "content": "Ho"}],
        tools=[{"type": "function", "function": {"name": "f", "strict": True, "parameters": {"a": 1}}}],
    )
    profile = Profile(drop=("messages.name", "tools.function.strict"), fixed={"options.mode": "x"})
    told, losses = write(request, profile)
    assert told["messages"] == [{"role": "user", "content": "Hi"}, {"role": "user", "content": "Ho"}]
    assert told["tools"][0]["function"] == {"name": "f", "parameters": {"a": 1}}
    assert told["options"] == {"mode": "x"}
    assert {x.field for x in losses} == {"messages.name", "tools.function.strict"}
    assert CHAT.needs_rewrite(request, Profile(drop=("messages.name",)))
    assert not CHAT.needs_rewrite(read(), Profile(drop=("messages.name",)))
    assert write(request)[0]["messages"][0]["name"] == "Ada"


def test_an_object_that_is_emptied_goes_too():
    request = read(reasoning={"effort": "low"}, provider={"order": ["a"], "sort": "price"}, seed=1)
    profile = Profile(drop=("reasoning.effort", "provider.sort", "seed.x", "provider.x"))
    told, losses = write(request, profile)
    assert told == {**BASE, "provider": {"order": ["a"]}, "seed": 1}
    assert [x.field for x in losses] == ["reasoning.effort", "provider.sort"]


def test_the_tokens_of_a_stream_are_asked_for():
    request = read(stream=True, stream_options={"x": 1})
    assert CHAT.needs_rewrite(request, PLAIN)
    assert write(request)[0]["stream_options"] == {"x": 1, "include_usage": True}
    shy = Profile(stream_usage=False)
    assert not CHAT.needs_rewrite(read(stream=True), shy)
    assert "stream_options" not in write(read(stream=True), shy)[0]
    asked = read(stream=True, stream_options={"include_usage": True})
    assert not CHAT.needs_rewrite(asked, PLAIN)
    assert CHAT.needs_rewrite(asked, shy)
    both = read(stream=True, stream_options={"include_usage": True, "x": 1})
    assert write(both, shy)[0]["stream_options"] == {"x": 1}
    told, losses = write(asked, shy)
    assert "stream_options" not in told
    assert [x.field for x in losses] == ["stream_options.include_usage"]
    assert not CHAT.needs_rewrite(read(), PLAIN)


rules = st.dictionaries(
    st.sampled_from(["temperature", "max_tokens", "user", "x", "messages.name", "stream_options.include_usage"]),
    st.sampled_from(["temperature", "y", "z.w"]),
    max_size=2,
)


@given(
    rules,
    st.lists(st.sampled_from(["temperature", "user", "seed", "tools", "messages.name", "x.y"]), max_size=2),
    rules,
    rules,
    st.booleans(),
    st.dictionaries(st.sampled_from(["temperature", "seed"]), st.integers(0, 3)),
    st.booleans(),
)
def test_needs_rewrite_says_what_writing_does(rename, drop, fixed, defaults, usage, fields, stream):
    profile = Profile(rename=rename, drop=tuple(drop), fixed=fixed, defaults=defaults, stream_usage=usage)
    body = {**BASE, **fields, "stream": stream}
    request = CHAT.read_request(json.dumps(body).encode())
    told, losses = write(request, profile)
    if not CHAT.needs_rewrite(request, profile):
        assert told == body
        assert losses == ()
    if told != body:
        assert CHAT.needs_rewrite(request, profile)


# --- what other dialects bring --------------------------------------------------------------------


def test_a_canon_request_is_written():
    request = Request(
        "m",
        (
            Message("system", (TextPart("Be brief."),)),
            Message("user", (TextPart("Look"), ImagePart(data="QUJD", media_type="image/jpeg"))),
            Message("assistant", (TextPart("I ask."), ToolCallPart("c1", "f", "{}"), ToolCallPart("c2", "g", "{}"))),
            Message(
                "user",
                (ToolResultPart("c1", (TextPart("1"),)), ToolResultPart("c2", is_error=True), TextPart("Go on")),
            ),
        ),
        tools=(Tool("f", schema={"type": "object"}),),
        tool_choice=ToolChoice("required"),
        sampling=Sampling(max_tokens=9),
    )
    told, losses = write(request)
    assert told["messages"][1]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "data:image/jpeg;base64,QUJD"},
    }
    assert [m["role"] for m in told["messages"]] == ["system", "user", "assistant", "tool", "tool", "user"]
    assert told["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "1"}
    assert told["tool_choice"] == "required"
    assert told["max_tokens"] == 9
    assert [x.field for x in losses] == ["messages[3].is_error"]


def test_what_has_no_place_here_is_a_loss():
    request = Request(
        "m",
        (
            Message("user", (TextPart("x", {"anthropic-messages": {"cache_control": {}}}),)),
            Message("user", (OpaquePart("gemini-generate", {"x": 1}),)),
            Message("assistant", (ReasoningPart("", (Blob("anthropic", "sig", "signature"),)), TextPart("y"))),
            Message("assistant", (ToolCallPart("c", "f", "{}"), TextPart("after"))),
            Message("user", (ReasoningPart("odd"), TextPart("z"))),
        ),
        extra={"anthropic-messages": {"thinking": {"type": "enabled"}}},
    )
    told, losses = write(request)
    assert {x.field: x.severity for x in losses} == {
        "thinking": "low",
        "messages[0].content[0].cache_control": "low",
        "messages[1].content[0]": "high",
        "messages[2].reasoning": "low",
        "messages[3].parts": "low",
        "messages[4].parts": "medium",
    }
    assert told["messages"][0] == {"role": "user", "content": "x"}
    assert told["messages"][1] == {"role": "assistant", "content": "y"}
    assert told["messages"][2]["content"] == "after"


def test_changed_parts_are_written_as_they_are_now():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    request = read(
        messages=[
            {"role": "assistant", "content": None, "reasoning": "long", "tool_calls": [call]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "long"}]}]},
        ],
        tool_choice="any",
        stop="x",
    )
    said, thought = request.messages
    changed = [
        replace(p, **({"text": "short"} if isinstance(p, ReasoningPart) else {"arguments": "{oops"}))
        for p in said.parts
    ]
    short = replace(thought.parts[0], text="short")
    request = replace(
        request,
        messages=(replace(said, parts=tuple(changed)), replace(thought, parts=(short,))),
        tool_choice=ToolChoice("none"),
        sampling=Sampling(stop=("a", "b")),
    )
    told, _ = write(request)
    assert told["messages"][0]["reasoning"] == "short"
    assert told["messages"][0]["tool_calls"][0]["function"]["arguments"] == "{oops"
    assert told["messages"][1]["content"][0]["thinking"] == [{"type": "text", "text": "short"}]
    assert told["tool_choice"] == "none"
    assert told["stop"] == ["a", "b"]


def test_unknown_dialects_get_a_hint():
    assert "openai-chat" in dialects.NAMES
    with pytest.raises(InputError, match="Did you mean 'openai-chat"):
        dialects.get("openai-chta")
