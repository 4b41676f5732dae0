"""OpenAI Chat: requests that come from other dialects, and what becomes of their parts."""

from __future__ import annotations

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
    Quirk,
    ReasoningPart,
    Request,
    ResponseFormat,
    SchemaRules,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)

CHAT = dialects.get("openai-chat")
PLAIN = Profile()
PICTURE = ImagePart(data="iVBORw0KGgo=", media_type="image/png")
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
USER = Message("user", (TextPart("Go"),))
CALLS = Message("assistant", (ToolCallPart("a", "look", "{}"), ToolCallPart("b", "read", "{}")))


def write(request, profile=PLAIN):
    told, losses = CHAT.write_request(request, profile)
    return json.loads(told), {loss.field: loss.severity for loss in losses}


def messages(*given, **fields):
    told, losses = write(Request("m", given, **fields))
    return told["messages"], losses


def test_pictures_of_a_tool_follow_after_all_answers_in_one_turn():
    answers = Message(
        "user",
        (
            ToolResultPart("a", (TextPart("Seen."), PICTURE)),
            ToolResultPart("b", (PICTURE,)),
            TextPart("Now say it."),
        ),
    )
    told, losses = messages(USER, CALLS, answers)
    assert [m["role"] for m in told] == ["user", "assistant", "tool", "tool", "user"]
    assert told[2] == {"role": "tool", "tool_call_id": "a", "content": "Seen."}
    assert told[3]["content"]
    assert told[4]["content"] == [
        {"type": "text", "text": "From the answer of the tool look:"},
        SHOWN,
        {"type": "text", "text": "From the answer of the tool read:"},
        SHOWN,
        {"type": "text", "text": "Now say it."},
    ]
    assert losses == {"messages[2].parts": "low"}


def test_pictures_wait_until_every_call_is_answered():
    answers = [Message("tool", (ToolResultPart(n, (PICTURE,)),)) for n in ("a", "b")]
    told, losses = messages(USER, CALLS, *answers)
    assert [m["role"] for m in told] == ["user", "assistant", "tool", "tool", "user"]
    told, _ = messages(USER, CALLS, *answers, Message("assistant", (TextPart("I see."),)))
    assert [m["role"] for m in told] == ["user", "assistant", "tool", "tool", "user", "assistant"]
    assert set(losses.values()) == {"low"}


def test_a_host_that_takes_pictures_in_answers_gets_them_there():
    request = Request("m", (USER, CALLS, Message("tool", (ToolResultPart("a", (PICTURE,)),))))
    told, losses = write(request, Profile(tool_media=True))
    assert told["messages"][2]["content"] == [SHOWN]
    assert losses == {}
    own = CHAT.read_request(json.dumps(told).encode())
    assert write(own) == (told, {})
    assert not CHAT.needs_rewrite(own, PLAIN)
    assert CHAT.needs_rewrite(own, Profile(tool_media=False))
    assert write(own, Profile(tool_media=False))[0]["messages"][3]["content"][1] == SHOWN


def test_answers_that_are_empty_failed_or_marked():
    told, losses = messages(
        CALLS,
        Message("user", (ToolResultPart("a", is_error=True), ToolResultPart("b", (TextPart("1"),), cache="5m"))),
    )
    assert [m["content"] for m in told[1:]] == ["", "1"]
    assert losses == {"messages[1].is_error": "low", "messages[1].content[0].cache": "low"}


def test_an_answer_of_another_dialect_becomes_one_text():
    said = Message(
        "assistant",
        (
            ReasoningPart("Hm.", (Blob("else", "s", "signature"),)),
            TextPart("One, ", citations=(Citation("u"),)),
            TextPart("two.", blobs=(Blob("else", "t", "signature"),)),
            PICTURE,
        ),
    )
    told, losses = messages(USER, said, USER)
    assert told[1] == {"role": "assistant", "content": "One, two.", "reasoning_content": "Hm."}
    assert told[2] == {"role": "user", "content": [{"type": "text", "text": "The assistant showed this:"}, SHOWN]}
    assert told[3] == {"role": "user", "content": "Go"}
    assert losses == {"messages[1].reasoning": "low", "messages[1].parts": "low", "messages[1].citations": "low"}


def test_an_answer_of_nothing_but_sealed_thinking_is_an_empty_text():
    sealed = ReasoningPart("", (Blob("else", "s", "redacted"),))
    told, losses = messages(USER, Message("assistant", (sealed,)), USER)
    assert told[1] == {"role": "assistant", "content": ""}
    assert losses == {"messages[1].reasoning": "low"}


def test_a_refusal_of_earlier_is_a_text_elsewhere():
    body = {
        "model": "m",
        "messages": [
            {"role": "user", "content": "Go"},
            {"role": "assistant", "content": None, "refusal": "No."},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "Never."}]},
        ],
    }
    request = CHAT.read_request(json.dumps(body).encode())
    assert [m.text for m in request.messages] == ["Go", "No.", "Never."]
    assert write(request) == (body, {})
    crossed, _ = dialects.get("anthropic-messages").write_request(request, Profile(max_output=9))
    assert b"No." in crossed


def test_parts_of_other_dialects_are_dropped_and_told():
    strange = OpaquePart("gemini-generate", {"executableCode": {}})
    told, losses = messages(
        Message("system", (TextPart("Be kind."),)),
        Message("user", (strange,)),
        Message("user", (strange, TextPart("Go"))),
        Message("assistant", (strange,)),
        Message("user", (ImagePart(file_id="f"), FilePart("file-1"))),
    )
    assert [m["role"] for m in told] == ["system", "user", "assistant", "user"]
    assert told[1]["content"] == "Go"
    assert told[2]["content"] == ""
    assert told[3]["content"] == [{"type": "file", "file": {"file_id": "file-1"}}]
    assert set(losses) == {f"messages[{n}].content[0]" for n in (1, 2, 3, 4)}
    assert set(losses.values()) == {"high"}


def test_tools_of_other_dialects_are_dropped_and_told():
    hosted = Tool("", opaque=OpaquePart("anthropic-messages", {"type": "web_search_20250305", "name": "web_search"}))
    mine = Tool("f", "does it", {"type": "object"})
    told, losses = write(Request("m", (USER,), (hosted, mine), ToolChoice("auto"), parallel_tool_calls=False))
    assert [t["function"]["name"] for t in told["tools"]] == ["f"]
    assert told["parallel_tool_calls"] is False
    assert losses == {"tools[0]": "high"}
    told, losses = write(Request("m", (USER,), (hosted,), ToolChoice("required"), parallel_tool_calls=True))
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & set(told)
    assert losses == {"tools[0]": "high", "tool_choice": "high"}


def test_hosted_tools_in_fields_of_their_own_are_tools():
    body = {"model": "m", "messages": [{"role": "user", "content": "Go"}], "web_search_options": {"x": 1}}
    request = CHAT.read_request(json.dumps(body).encode())
    assert request.tools[0].opaque is not None
    assert write(request) == (body, {})
    _, losses = dialects.get("anthropic-messages").write_request(request, Profile(max_output=9))
    assert ("tools[0]", "high") in [(x.field, x.severity) for x in losses]


def test_what_an_answer_depends_on_is_grave_when_it_cannot_cross():
    body = {"model": "m", "messages": [{"role": "user", "content": "Go"}], "modalities": ["audio"], "seed": None}
    request = CHAT.read_request(json.dumps(body).encode())
    _, losses = dialects.get("anthropic-messages").write_request(request, Profile(max_output=9))
    assert ("modalities", "high") in [(x.field, x.severity) for x in losses]


def test_only_some_of_the_tools():
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
    }
    tool = {"type": "function", "function": {"name": "f"}}
    body = {"model": "m", "messages": [{"role": "user", "content": "Go"}], "tools": [tool], "tool_choice": allowed}
    request = CHAT.read_request(json.dumps(body).encode())
    assert request.tool_choice == ToolChoice("required", among=("f",))
    assert write(request) == (body, {})
    told, losses = write(Request("m", (USER,), (Tool("f"),), ToolChoice("auto", among=("f",))))
    assert told["tool_choice"]["allowed_tools"]["mode"] == "auto"
    assert losses == {}


STRICT = {"type": "object", "properties": {"a": {"type": "string", "default": "x"}}, "required": ["a"]}


def test_schemas_fit_the_engine_only_where_they_come_from_elsewhere():
    tool = Tool("f", schema=STRICT, strict=True)
    told, losses = write(Request("m", (USER,), (tool,)))
    function = told["tools"][0]["function"]
    assert "default" not in json.dumps(function) or function["strict"] is False
    assert any(field.startswith("tools[0].function.parameters") for field in losses)
    loose, losses = write(Request("m", (USER,), (Tool("f", schema=STRICT),)))
    assert loose["tools"][0]["function"]["parameters"] == STRICT
    assert losses == {}
    body = {**loose, "tools": [{"type": "function", "function": {"name": "f", "parameters": STRICT, "strict": True}}]}
    own = CHAT.read_request(json.dumps(body).encode())
    assert write(own) == (body, {})
    rules = Profile(schema=SchemaRules(rejects=("default",)))
    assert CHAT.needs_rewrite(own, rules)
    assert "default" not in json.dumps(write(own, rules)[0])


def test_the_shape_of_an_answer_fits_the_engine_too():
    shape = ResponseFormat("json_schema", "n", STRICT, strict=True)
    told, losses = write(Request("m", (USER,), response_format=shape))
    assert told["response_format"]["json_schema"]["name"] == "n"
    assert any(field.startswith("response_format") for field in losses)
    told, losses = write(Request("m", (USER,), response_format=ResponseFormat("json_object")))
    assert told["response_format"] == {"type": "json_object"}
    assert losses == {}


def test_films_and_sounds():
    film = FilePart(url="https://a.example/v.mp4", media_type="video/mp4")
    sound = FilePart(url="https://a.example/s.mp3", media_type="audio/mp3")
    plain = FilePart(data="SGk=", media_type="text/plain")
    odd = FilePart(data="SGk=", media_type="application/vnd.openxmlformats-officedocument")
    told, losses = messages(Message("user", (film, sound, plain, odd)))
    assert told[0]["content"][0] == {"type": "video_url", "video_url": {"url": "https://a.example/v.mp4"}}
    assert [p["file"]["filename"] for p in told[0]["content"][1:]] == ["document.txt", "document.bin"]
    assert losses == {"messages[0].content[1]": "high"}


@pytest.mark.parametrize(
    "part",
    [
        {"type": "video_url", "video_url": {"url": "https://a.example/v.webm", "fps": 2}},
        {"type": "video_url", "video_url": "data:video/webm;base64,QUJD"},
        {"type": "video_url", "video_url": {"url": ""}},
        {"type": "document_url", "document_url": "https://a.example/x.pdf", "document_name": "x"},
        {"type": "document_url", "document_url": "data:application/pdf;base64,QUJD"},
        {"type": "document_url", "document_url": 5},
        {"type": "input_audio", "input_audio": {"data": "data:;base64,QUJD", "format": "wav"}},
        {"type": "input_audio", "input_audio": {"data": "data:", "format": "wav"}},
        {"type": "refusal", "refusal": "No.", "x": 1},
        {"type": "refusal", "refusal": None},
    ],
)
def test_parts_that_some_hosts_know_come_back(part):
    body = {"model": "m", "messages": [{"role": "user", "content": [part, {"type": "text", "text": "x"}]}]}
    request = CHAT.read_request(json.dumps(body).encode())
    assert write(request) == (body, {})


def test_ids_that_the_wire_leaves_out_are_made_and_stay_out():
    def call(name, **fields):
        return {"type": "function", "function": {"name": name, "arguments": "{}"}, **fields}

    told = [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": None, "tool_calls": [call("f"), call("g", id=""), call("h", id="x")]},
        {"role": "tool", "name": "g", "content": "of g"},
        {"role": "tool", "content": "of f", "tool_call_id": ""},
        {"role": "tool", "content": "of h"},
        {"role": "tool", "content": "of nobody"},
    ]
    body = {"model": "m", "messages": told}
    request = CHAT.read_request(json.dumps(body).encode())
    calls = [p for p in request.messages[1].parts if isinstance(p, ToolCallPart)]
    results = [m.parts[0].call_id for m in request.messages[2:]]  # type: ignore[union-attr]  # answers of tools
    assert results[:3] == [calls[1].id, calls[0].id, "x"]
    assert len({*results, ""}) == 5
    assert write(request) == (body, {})
    written, _ = write(request, Profile(call_ids="[a-z]{1}[0-9A-Za-z]{8}", call_id_length=9))
    assert written["messages"][1]["tool_calls"][0]["id"] == written["messages"][3]["tool_call_id"]


profiles = st.builds(
    Profile,
    roles=st.sampled_from([{}, {"developer": "system"}]),
    system=st.sampled_from(["", "first", "one"]),
    choices=st.sampled_from([{}, {"required": "auto"}]),
    efforts=st.sampled_from([{}, {"none": {"enable_thinking": False}, "on": {"enable_thinking": True}}]),
    quirks=st.sampled_from([(), (Quirk({"thinking": "*"}, drop=("temperature",)),)]),
    reasoning_field=st.sampled_from(["", "reasoning"]),
    replay=st.sampled_from(["", "always", "tools", "never"]),
    rejects=st.sampled_from([(), ("image",)]),
    cache_markers=st.sampled_from([None, True, False]),
    tool_media=st.sampled_from([None, True, False]),
    call_ids=st.sampled_from(["", "[a-z]{1,5}"]),
)
turns = st.sampled_from(
    [
        {"role": "developer", "content": "Be kind."},
        {"role": "system", "content": [{"type": "text", "text": "Be", "cache_control": {"type": "ephemeral"}}]},
        {"role": "user", "content": "Go"},
        {"role": "user", "content": [SHOWN, {"type": "text", "text": "Look"}]},
        {"role": "assistant", "content": "4", "reasoning_content": "Hm"},
        {"role": "assistant", "content": "5"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call-1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "call-1", "content": [SHOWN]},
    ]
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "tool_choice": st.sampled_from(["auto", "required"]),
        "reasoning_effort": st.sampled_from(["none", "high"]),
        "thinking": st.just({"type": "enabled"}),
        "temperature": st.just(0.5),
        "tools": st.just([{"type": "function", "function": {"name": "f"}}]),
    },
)


@settings(max_examples=60)
@given(profiles, st.lists(turns, min_size=1, max_size=4), fields)
def test_needs_rewrite_says_what_writing_does(profile, said, more):
    body = {"model": "m", "messages": said, **more}
    request = CHAT.read_request(json.dumps(body).encode())
    told, losses = write(request, profile)
    if CHAT.needs_rewrite(request, profile):
        assert told != body or losses
    else:
        assert (told, losses) == (body, {})
