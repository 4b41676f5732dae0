"""Anthropic Messages requests on their own dialect: what is refused and where, what survives, what a profile changes."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    OpaquePart,
    Profile,
    Quirk,
    ReasoningPart,
    TextPart,
    Thinking,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)
from weighbridge.errors import InputError, TooLargeError

CLAUDE = dialects.get("anthropic-messages")
PLAIN = Profile()
BASE = {"model": "assistant", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "a"}}


def read(**fields):
    return CLAUDE.read_request(json.dumps({**BASE, **fields}).encode())


def write(request, profile=PLAIN):
    body, losses = CLAUDE.write_request(request, profile)
    return json.loads(body), losses


def again(**fields):
    request = read(**fields)
    out, losses = write(request)
    assert losses == ()
    assert not CLAUDE.needs_rewrite(request, PLAIN)
    return out


def said(*blocks, role="user"):
    return {"messages": [{"role": role, "content": list(blocks)}]}


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"model": None}, "model"),
        ({"model": ""}, "model"),
        ({"model": "x" * 513}, "model"),
        ({"messages": None}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "Hi"}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "usr", "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": ["user"], "content": "Hi"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
        (said({"text": "x"}), "messages[0].content[0].type"),
        (said({"type": 5}), "messages[0].content[0].type"),
        (said({"type": "text"}), "messages[0].content[0].text"),
        (said({"type": "text", "text": 5}), "messages[0].content[0].text"),
        (said({"type": "image"}), "messages[0].content[0].source"),
        (said({"type": "image", "source": {"type": "url"}}), "messages[0].content[0].source.url"),
        (said({"type": "image", "source": {"type": "base64", "data": 5}}), "messages[0].content[0].source.data"),
        (said({"type": "tool_use", "id": "a", "input": {}}), "messages[0].content[0].name"),
        (said({"type": "tool_result", "content": "x"}), "messages[0].content[0].tool_use_id"),
        (
            said({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text"}]}),
            "messages[0].content[0].content[0].text",
        ),
        (
            said({"type": "tool_result", "tool_use_id": "a", "content": [CALL]}),
            "messages[0].content[0].content[0].type",
        ),
        (said({"type": "thinking", "thinking": 5}), "messages[0].content[0].thinking"),
        ({"system": 5}, "system"),
        ({"system": [5]}, "system[0]"),
        ({"tools": 5}, "tools"),
        ({"tools": {}}, "tools"),
        ({"tools": [5]}, "tools[0]"),
        ({"tools": [{"input_schema": {}}]}, "tools[0].name"),
        ({"tools": [{"name": "a", "input_schema": 5}]}, "tools[0].input_schema"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop_sequences": "x"}, "stop_sequences"),
        ({"stop_sequences": ["x", 5]}, "stop_sequences[1]"),
        ({"metadata": []}, "metadata"),
        ({"metadata": 5}, "metadata"),
        ({"stream": "yes"}, "stream"),
        ({"output_config": 5}, "output_config"),
        ({"service_tier": 5}, "service_tier"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place(fields, where):
    with pytest.raises(InputError) as caught:
        read(**fields)
    assert caught.value.where == where
    assert caught.value.what
    assert caught.value.fix


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"model":"a","model":"b"}'])
def test_a_body_that_is_no_object_is_told(body):
    with pytest.raises(InputError) as caught:
        CLAUDE.read_request(body)
    assert caught.value.where == "body"


def test_a_body_that_nests_too_deep_is_told():
    deep = json.dumps({**BASE, "x": 1}).replace("1}", "[" * 70 + "]" * 70 + "}")
    with pytest.raises(TooLargeError):
        CLAUDE.read_request(deep.encode())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stream": False},
        {"stream": True},
        {"stream": None},
        {"system": "Be brief."},
        {"system": ""},
        {"system": []},
        {"system": None},
        {"system": [{"type": "text", "text": "Be brief."}]},
        {
            "system": [
                {"type": "text", "text": "A", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "B"},
            ]
        },
        {"cache_control": {"type": "ephemeral", "ttl": "5m"}},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}], "id": "m1"}]},
        {"messages": [{"role": "user", "content": [{"type": "of tomorrow", "text": "one"}]}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "b"}], "system": "T"},
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "b"}]},
        {
            "messages": [
                {"role": "user", "content": "b"},
                {"role": "system", "content": [{"type": "text", "text": "S"}]},
            ]
        },
        {"temperature": 0, "top_p": 0.5, "top_k": 3, "stop_sequences": ["\n", "end"]},
        {"temperature": None, "stop_sequences": [], "tools": [], "metadata": {}},
        {"metadata": {"user_id": "u1"}},
        {"metadata": {"user_id": "u1", "team": "x"}},
        {"metadata": {"user_id": None}},
        {"service_tier": "auto"},
        {"service_tier": "standard_only"},
        {"service_tier": "newest"},
        {"container": "c1", "context_management": {"edits": [{"type": "clear"}]}, "inference_geo": None},
        {"mcp_servers": [{"type": "url", "name": "m", "url": "https://m.example"}]},
        {"thinking": {"type": "enabled", "budget_tokens": 5}},
        {"thinking": {"type": "enabled", "budget_tokens": 9000, "display": "omitted"}},
        {"thinking": {"type": "enabled"}},
        {"thinking": {"type": "disabled"}},
        {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
        {"thinking": {"type": "adaptive", "display": "summarized", "more": 1}},
        {"thinking": {"type": "later"}, "output_config": {"effort": "low"}},
        {"thinking": None, "output_config": {"effort": "huge", "more": True}},
        {"output_config": {"effort": "low"}},
        {"output_config": {}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}, "effort": "max"}},
        {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}, "strict": True}}},
        {"output_config": {"format": {"type": "grammar"}}},
        {"output_format": {"type": "json_schema", "schema": {"type": "object", "minProperties": 1}}},
        {"tools": [TOOL]},
        {"tools": [{**TOOL, "type": "custom", "strict": True, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"tools": [{**TOOL, "description": "", "defer_loading": True, "type": None}, {"name": "bare"}]},
        {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": None}, TOOL]},
        {"tool_choice": {"type": "auto"}},
        {"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}},
        {"tool_choice": {"type": "any", "disable_parallel_tool_use": True}, "tools": [TOOL]},
        {"tool_choice": {"type": "tool", "name": "look"}},
        {"tool_choice": {"type": "none"}},
        {"tool_choice": {"type": "sometimes"}},
        {"tool_choice": None},
        {"anything": [1, {"new": None}]},
    ],
)
def test_whatever_is_asked_comes_back_equal(fields):
    assert again(**fields) == {**BASE, **fields}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "9m"}},
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "new": 1}},
        {"type": "text", "text": "a", "cache_control": None, "citations": None},
        {"type": "text", "text": "a", "citations": []},
        {"type": "text", "text": "a", "citations": {"enabled": True}},
        {"type": "text", "text": "a", "citations": [{"type": {}, "title": 5}]},
        {
            "type": "text",
            "text": "a",
            "citations": [
                {
                    "type": "char_location",
                    "cited_text": "c",
                    "document_index": 0,
                    "document_title": "D",
                    "start_char_index": 0,
                    "end_char_index": 3,
                },
                {"type": "page_location", "cited_text": "c", "document_title": None, "start_page_number": 1},
                {
                    "type": "web_search_result_location",
                    "url": "https://a.example",
                    "title": None,
                    "encrypted_index": "x",
                },
            ],
        },
        {"type": "image", "source": {"type": "url", "url": "https://a.example/i.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"}},
        {
            "type": "image",
            "source": {"type": "base64", "data": "AAAA", "extra": 1},
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
        {"type": "image", "source": {"type": "camera"}},
        {"type": "document", "source": {"type": "url", "url": "https://a.example/i.pdf"}, "title": "T", "context": "C"},
        {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}},
        {"type": "document", "source": {"type": "base64", "media_type": "audio/mpeg", "data": "AAAA"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Grüße"}},
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": ""}, "title": None},
        {"type": "document", "source": {"type": "file", "file_id": "f"}, "citations": {"enabled": True}},
        {"type": "document", "source": {"type": "content", "content": "plain"}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "x"}]}},
        {"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": {}}]}},
        {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
        CALL,
        {**CALL, "caller": {"type": "direct"}, "cache_control": {"type": "ephemeral"}},
        {**CALL, "input": {}},
        {**CALL, "input": "text"},
        {**CALL, "input": [1]},
        {"type": "tool_use", "id": "a", "name": "look"},
        {"type": "tool_use", "id": "", "name": "look", "input": {"n": 1.0, "big": 123456789012345678901}},
        {"type": "tool_use", "name": "look", "input": {}},
        {"type": "tool_result", "tool_use_id": "a"},
        {"type": "tool_result", "tool_use_id": "a", "content": "", "is_error": False},
        {"type": "tool_result", "tool_use_id": "a", "content": [], "is_error": True},
        {"type": "tool_result", "tool_use_id": "a", "content": None},
        {"type": "tool_result", "tool_use_id": "a", "content": "text", "is_error": None},
        {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "text"}], "more": 1},
        {
            "type": "tool_result",
            "tool_use_id": "a",
            "content": [
                {"type": "image", "source": {"type": "url", "url": "https://a.example"}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}},
                {"type": "tool_reference", "tool_name": "look"},
                {"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "found"}]},
            ],
        },
        {"type": "thinking", "thinking": "Hm", "signature": "sig=="},
        {"type": "thinking", "thinking": "", "signature": "sig=="},
        {"type": "thinking", "thinking": "Hm", "signature": ""},
        {"type": "thinking", "thinking": "Hm"},
        {"type": "thinking", "signature": None},
        {"type": "thinking", "signature": "sig=="},
        {"type": "redacted_thinking", "data": "abc", "new": 1},
        {"type": "redacted_thinking"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
        {"type": "mcp_tool_use", "id": "m", "name": "n", "server_name": "s", "input": {}},
        {"type": "container_upload", "file_id": "f"},
        {"type": "compaction", "content": "so far"},
        {"type": "tool_addition", "tool": {"type": "tool_reference", "name": "look"}},
        {"type": "of tomorrow"},
    ],
)
@pytest.mark.parametrize("role", ["user", "assistant", "system"])
def test_every_block_comes_back_equal(block, role):
    fields = said({"type": "text", "text": "before"}, block, role=role)
    assert again(**fields) == {**BASE, **fields}


def test_what_the_canon_understands_of_blocks():
    document = {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    request = read(
        messages=[
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "abc"},
                    {"type": "server_tool_use", "id": "s", "name": "x", "input": {}},
                    CALL,
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "yes", "is_error": True},
                    {"type": "document", "source": document, "title": "T", "cache_control": {"type": "ephemeral"}},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}},
                ],
            },
        ]
    )
    assistant, user = request.messages
    name = CLAUDE.name
    assert assistant.parts == (
        ReasoningPart("Hm", (Blob(name, "sig", "signature"),)),
        ReasoningPart("", (Blob(name, "abc", "redacted"),)),
        OpaquePart(name, {"type": "server_tool_use", "id": "s", "name": "x", "input": {}}),
        ToolCallPart("toolu_1", "look", '{"q":"a"}'),
    )
    assert user.parts == (
        ToolResultPart("toolu_1", (TextPart("yes"),), is_error=True),
        FilePart(data=base64.b64encode("Grüße".encode()).decode(), media_type="text/plain", name="T", cache="default"),
        ImagePart(data="AA==", media_type="image/png"),
    )


def test_what_the_canon_understands_of_the_rest():
    schema = {"type": "object"}
    request = read(
        system="S",
        stop_sequences=["x"],
        metadata={"user_id": "u"},
        service_tier="standard_only",
        tools=[{**TOOL, "strict": True}, {"type": "bash_20250124", "name": "bash"}],
        tool_choice={"type": "any", "disable_parallel_tool_use": True},
        thinking={"type": "adaptive", "display": "summarized"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": schema}},
    )
    assert request.messages[0].role == "system"
    assert request.messages[0].text == "S"
    assert request.sampling.max_tokens == 100
    assert request.sampling.stop == ("x",)
    assert (request.user, request.service_tier) == ("u", "default")
    assert request.tools[0].strict is True
    assert request.tools[1].name == ""
    assert request.tools[1].opaque == OpaquePart(CLAUDE.name, {"type": "bash_20250124", "name": "bash"})
    assert request.tool_choice == ToolChoice("required")
    assert request.parallel_tool_calls is False
    assert request.thinking == Thinking(enabled=True, effort="high", show=True)
    assert request.response_format.schema == schema


def test_an_id_is_made_from_the_place_where_there_is_none():
    block = {"type": "tool_use", "name": "look", "input": {}}
    first, second = (read(**said(block, block, role="assistant")).messages[0].parts for _ in range(2))
    assert first == second
    assert first[0].id
    assert first[0].id != first[1].id


def test_changed_text_is_written_with_the_fields_beside_it():
    request = read(
        **said(
            {"type": "text", "text": "secret", "new": 1, "cache_control": {"type": "ephemeral"}},
            {"type": "search_result", "source": "s", "content": [{"type": "text", "text": "secret"}]},
        )
    )
    message = request.messages[0]
    masked = replace(message, parts=tuple(replace(part, text="masked") for part in message.parts))
    out, losses = write(replace(request, messages=(masked,)))
    assert out["messages"][0]["content"] == [
        {"type": "text", "text": "masked", "new": 1, "cache_control": {"type": "ephemeral"}},
        {"type": "search_result", "source": "s", "content": [{"type": "text", "text": "masked"}]},
    ]
    assert losses == ()


def test_a_changed_source_is_written_anew():
    request = read(**said({"type": "image", "source": {"type": "base64", "data": "AAAA", "new": 1}}))
    message = request.messages[0]
    fetched = replace(message.parts[0], data="BBBB", media_type="image/webp")
    out, _ = write(replace(request, messages=(replace(message, parts=(fetched,)),)))
    source = out["messages"][0]["content"][0]["source"]
    assert source == {"type": "base64", "media_type": "image/webp", "data": "BBBB"}


def test_pitfall_01_a_limit_is_always_sent():
    silent = {k: v for k, v in BASE.items() if k != "max_tokens"}
    request = CLAUDE.read_request(json.dumps(silent).encode())
    assert CLAUDE.needs_rewrite(request, PLAIN)
    assert write(request)[0]["max_tokens"] == 4096
    out, losses = write(request, Profile(max_output=64000))
    assert out["max_tokens"] == 64000
    assert [(loss.field, loss.severity) for loss in losses] == [("max_tokens", "low")]
    assert write(read(), Profile(max_output=64000))[0]["max_tokens"] == 100


def test_pitfall_08_a_forced_choice_together_with_thinking_is_a_quirk_of_the_profile():
    quirk = Quirk(
        when={"thinking.type": ["enabled", "adaptive"], "tool_choice.type": ["any", "tool"]},
        set={"tool_choice": {"type": "auto"}},
        why="a tool cannot be forced while the engine thinks",
        severity="medium",
    )
    profile = Profile(quirks=(quirk,))
    forced = {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look"}}
    request = read(**forced, thinking={"type": "enabled", "budget_tokens": 2000})
    assert CLAUDE.needs_rewrite(request, profile)
    out, losses = write(request, profile)
    assert out["tool_choice"] == {"type": "auto"}
    assert [(loss.field, loss.severity) for loss in losses] == [("tool_choice", "medium")]
    assert not CLAUDE.needs_rewrite(read(**forced), profile)


ADAPTIVE = Profile(
    efforts={
        "none": {"thinking.type": "disabled"},
        "on": {"thinking.type": "adaptive"},
        "low": {"thinking.type": "adaptive", "output_config.effort": "low"},
        "high": {"thinking.type": "adaptive", "output_config.effort": "high"},
    },
    shown={"thinking.display": "summarized"},
)


def test_pitfall_20_a_budget_becomes_adaptive_thinking_where_the_profile_says_so():
    request = read(thinking={"type": "enabled", "budget_tokens": 16384})
    assert CLAUDE.needs_rewrite(request, ADAPTIVE)
    out, losses = write(request, ADAPTIVE)
    assert out["thinking"] == {"type": "adaptive"}
    assert out["output_config"] == {"effort": "high"}
    assert losses == ()
    out, losses = write(read(thinking={"type": "enabled", "budget_tokens": 3000}), ADAPTIVE)
    assert (out["thinking"], out["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})
    assert [loss.severity for loss in losses] == ["low"]


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking": {"type": "adaptive", "display": "omitted"}},
        {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}},
        {"thinking": {"type": "disabled"}},
        {"output_config": {"effort": "low"}},
        {},
    ],
)
def test_pitfall_20_what_an_adaptive_engine_takes_stays(fields):
    request = read(**fields)
    assert write(request, ADAPTIVE) == ({**BASE, **fields}, ())
    assert not CLAUDE.needs_rewrite(request, ADAPTIVE)


THOUGHT = [
    {"role": "user", "content": "Look"},
    {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": "sig"}, CALL]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "yes"}]},
]


def of_another(request):
    """The same request, with every blob marked as another engine's."""
    messages = []
    for message in request.messages:
        parts = [
            replace(p, blobs=tuple(replace(b, issuer="another") for b in p.blobs))
            if isinstance(p, ReasoningPart)
            else p
            for p in message.parts
        ]
        messages.append(replace(message, parts=tuple(parts)))
    return replace(request, messages=tuple(messages))


def test_pitfall_11_foreign_seals_are_left_out():
    out, losses = write(of_another(read(messages=THOUGHT)))
    assert [b["type"] for b in out["messages"][1]["content"]] == ["tool_use"]
    assert {loss.severity for loss in losses} == {"low"}


def test_pitfall_13_a_tool_turn_without_its_thinking_switches_thinking_off():
    request = read(messages=THOUGHT, thinking={"type": "enabled", "budget_tokens": 2000})
    assert write(request)[0]["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    out, losses = write(of_another(request))
    assert out["thinking"] == {"type": "disabled"}
    assert ("thinking", "medium") in [(loss.field, loss.severity) for loss in losses]


def test_pitfall_13_an_engine_that_takes_unsigned_thinking_goes_on_thinking():
    request = of_another(read(messages=THOUGHT, thinking={"type": "enabled", "budget_tokens": 2000}))
    out, _ = write(request, Profile(replay="tools"))
    assert out["thinking"] == {"type": "enabled", "budget_tokens": 2000}
    assert out["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm", "signature": ""}
    out, _ = write(request, Profile(blank_seal="skip"))
    assert out["messages"][1]["content"][0] == {"type": "thinking", "thinking": "Hm", "signature": "skip"}
    assert out["thinking"]["type"] == "enabled"


def test_pitfall_13_thinking_stays_on_when_the_tools_are_done_with():
    later = [*THOUGHT, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "And?"}]
    asked = {"type": "enabled", "budget_tokens": 2000}
    assert write(of_another(read(messages=later, thinking=asked)))[0]["thinking"] == asked
    assert write(of_another(read(messages=THOUGHT, thinking={"type": "adaptive"})))[0]["thinking"] == {
        "type": "adaptive"
    }


def test_unsigned_thinking_is_kept_from_an_engine_that_must_not_see_it():
    messages = [THOUGHT[0], {"role": "assistant", "content": [{"type": "thinking", "thinking": "Hm", "signature": ""}]}]
    request = read(messages=[*messages, {"role": "user", "content": "Go on"}])
    never = Profile(replay="never")
    assert CLAUDE.needs_rewrite(request, never)
    assert [m["role"] for m in write(request, never)[0]["messages"]] == ["user", "user"]
    assert not CLAUDE.needs_rewrite(read(messages=THOUGHT), never)


def test_pitfall_05_a_system_turn_in_between_goes_to_the_user_where_the_profile_says_so():
    messages = [
        {"role": "user", "content": "a"},
        {"role": "system", "content": "From now on in French."},
        {"role": "assistant", "content": "b"},
    ]
    request = read(system="S", messages=messages)
    assert write(request)[0]["messages"] == messages
    out, losses = write(request, Profile(system="first"))
    assert [m["role"] for m in out["messages"]] == ["user", "user", "assistant"]
    assert out["messages"][1]["content"] == "From now on in French."
    assert [loss.severity for loss in losses] == ["medium"]


def test_pitfall_29_cache_markers_stay_unless_the_engine_knows_none():
    marker = {"type": "ephemeral", "ttl": "1h"}
    request = read(
        system=[{"type": "text", "text": "S", "cache_control": marker}],
        tools=[{**TOOL, "cache_control": marker}],
        messages=[{"role": "user", "content": [{**CALL, "cache_control": marker}]}],
    )
    assert json.dumps(write(request)[0]).count('"ttl": "1h"') == 3
    without = Profile(cache_markers=False)
    out, losses = write(request, without)
    assert "cache_control" not in json.dumps(out)
    assert {loss.severity for loss in losses} == {"low"}
    assert CLAUDE.needs_rewrite(request, without)


def test_images_of_a_tools_answer_stand_beside_it_where_it_can_hold_none():
    image = {"type": "image", "source": {"type": "url", "url": "https://a.example"}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "see"}, image]}
    out, losses = write(read(messages=[*THOUGHT[:2], {"role": "user", "content": [result]}]), Profile(tool_media=False))
    assert out["messages"][2]["content"][1] == image
    assert out["messages"][2]["content"][0]["content"] == "see"
    assert [loss.severity for loss in losses] == ["low"]


def test_a_profiles_rules_for_ids_hold_for_call_and_answer():
    out, _ = write(read(messages=THOUGHT), Profile(call_ids="[a-z0-9]{9}", call_id_length=9))
    made = out["messages"][1]["content"][1]["id"]
    assert made != "toolu_1"
    assert out["messages"][2]["content"][0]["tool_use_id"] == made


def test_pitfall_06_ids_that_another_engine_gave_are_made_to_fit():
    told = json.loads(json.dumps(THOUGHT).replace("toolu_1", "functions.look:0"))
    request = read(messages=told)
    assert CLAUDE.needs_rewrite(request, PLAIN)
    out, losses = write(request)
    made = out["messages"][1]["content"][1]["id"]
    assert made.isalnum()
    assert out["messages"][2]["content"][0]["tool_use_id"] == made
    assert losses == ()


def test_headers_and_target():
    assert CLAUDE.headers == {"anthropic-version": "2023-06-01", "anthropic-beta": ""}
    assert CLAUDE.target("m", stream=True) == "/messages"


def test_the_model_is_replaced_and_every_other_byte_kept():
    body = b'{ "messages":[{"role":"user","content":"\\u0041 \\"model\\": 1"}],  "model" : "a" , "max_tokens":1}'
    assert CLAUDE.splice_model(body, "b") == body.replace(b'"a"', b'"b"')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(
    [
        "text",
        "image",
        "document",
        "tool_use",
        "tool_result",
        "thinking",
        "redacted_thinking",
        "search_result",
        "x",
        None,
    ]
)
KEYS = ("text", "source", "content", "id", "name", "input", "tool_use_id", "thinking", "signature", "data", "citations")
BLOCKS = st.dictionaries(st.sampled_from((*KEYS, "cache_control", "is_error", "title")), JSON, max_size=5)


@given(
    st.lists(st.tuples(TYPES, BLOCKS), max_size=4),
    st.sampled_from(["user", "assistant", "system"]),
    st.dictionaries(
        st.sampled_from(["system", "tools", "tool_choice", "thinking", "output_config", "metadata", "stop_sequences"]),
        JSON | st.lists(BLOCKS, max_size=2),
        max_size=3,
    ),
)
@settings(max_examples=60)
def test_any_request_is_refused_with_its_place_or_comes_back_equal(blocks, role, fields):
    content = [{**block, "type": kind} for kind, block in blocks]
    asked = {**BASE, "messages": [{"role": role, "content": content}], **fields}
    request = None
    try:
        request = CLAUDE.read_request(json.dumps(asked).encode())
    except InputError as error:
        told = error
    if request is None:
        assert told.where
        assert told.fix
        return
    out, losses = write(request)
    assert out == asked
    assert losses == ()
