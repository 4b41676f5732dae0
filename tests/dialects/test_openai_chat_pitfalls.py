"""OpenAI Chat: the known pitfalls, by number. What differs between engines is data in made-up profiles."""

from __future__ import annotations

import json

import pytest

from weighbridge import dialects, errors
from weighbridge.canon import (
    Begin,
    Failure,
    FilePart,
    Finish,
    Message,
    Profile,
    Quirk,
    ReasoningPart,
    Request,
    TextDelta,
    TextPart,
    Thinking,
    ToolCallDelta,
    ToolCallPart,
    ToolResultPart,
    UsageEvent,
)
from weighbridge.dialects.fold import Fold

CHAT = dialects.get("openai-chat")
PLAIN = Profile()
HELLO = Message("user", (TextPart("Hello"),))
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def asked(**fields):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **fields}
    return CHAT.read_request(json.dumps(body).encode())


def write(request, profile=PLAIN):
    body, losses = CHAT.write_request(request, profile)
    return json.loads(body), {loss.field: loss.severity for loss in losses}


def chunk(delta=None, finish=None, **fields):
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "i", "model": "m", "choices": [choice], **fields}).encode() + b"\n\n"


def read(*pieces):
    reader = CHAT.reader()
    return reader.feed(b"".join(pieces)) + reader.close()


def turn(*ids):
    calls = Message("assistant", tuple(ToolCallPart(made, "f", "{}") for made in ids))
    return (HELLO, calls, Message("tool", tuple(ToolResultPart(made, (TextPart(made),)) for made in ids)))


def test_pitfall_06_ids_fit_the_engine_and_stay_apart():
    long, odd = "x" * 70, "call:1/2"
    told, losses = write(Request("m", turn(long, odd)))
    calls, results = told["messages"][1]["tool_calls"], told["messages"][2:]
    assert [c["id"] for c in calls] == [r["tool_call_id"] for r in results]
    assert len(calls[0]["id"]) <= 64
    assert calls[1]["id"] == odd
    assert losses == {}
    nine = Profile(call_ids="[a-zA-Z0-9]{9}", call_id_length=9)
    told, _ = write(Request("m", turn(long, odd, "abcdefghi")), nine)
    ids = [c["id"] for c in told["messages"][1]["tool_calls"]]
    assert len(set(ids)) == 3
    assert all(len(made) == 9 and made.isalnum() for made in ids)
    assert ids[2] == "abcdefghi"
    assert ids == [r["tool_call_id"] for r in told["messages"][2:]]
    assert write(Request("m", turn(long, odd, "abcdefghi")), nine)[0] == told


def test_pitfall_06_an_id_of_the_same_dialect_stays_as_the_client_has_it():
    call = {"id": "x" * 70, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "x" * 70, "content": "1"},
    ]
    request = asked(messages=messages)
    assert write(request)[0]["messages"] == messages
    profile = Profile(call_ids="[a-z0-9]{5}")
    assert CHAT.needs_rewrite(request, profile)
    assert not CHAT.needs_rewrite(request, Profile())


def test_pitfall_07_a_forced_choice_that_the_engine_does_not_know():
    profile = Profile(choices={"required": "auto", "named": "auto"})
    for choice in ("required", {"type": "function", "function": {"name": "f"}}):
        request = asked(tools=[TOOL], tool_choice=choice)
        told, losses = write(request, profile)
        assert told["tool_choice"] == "auto"
        assert losses == {"tool_choice": "medium"}
        assert CHAT.needs_rewrite(request, profile)
    request = asked(tools=[TOOL], tool_choice="none")
    assert write(request, profile) == (write(request)[0], {})
    assert not CHAT.needs_rewrite(request, profile)


def test_pitfall_09_empty_ids_arguments_as_objects_and_every_index_0():
    alibaba = read(
        chunk(
            {"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}
        ),
        chunk({"tool_calls": [{"index": 0, "id": "", "function": {"name": "", "arguments": '{"x": 1}'}}]}),
        chunk(finish="tool_calls"),
    )
    assert alibaba[1:] == [
        ToolCallDelta(0, "a", "f", ""),
        ToolCallDelta(0, arguments='{"x": 1}'),
        Finish("tool_calls"),
    ]
    ollama = [{"index": 0, "id": n, "function": {"name": "f", "arguments": {"x": n}}} for n in ("a", "b")]
    calls = [e for e in read(chunk({"tool_calls": ollama}), chunk(finish="stop")) if isinstance(e, ToolCallDelta)]
    assert [(c.index, c.id, json.loads(c.arguments)) for c in calls] == [(0, "a", {"x": "a"}), (1, "b", {"x": "b"})]


REMEMBERS = Request(
    "m",
    (
        HELLO,
        Message("assistant", (ReasoningPart("Hm."), ToolCallPart("c", "f", "{}"))),
        Message("tool", (ToolResultPart("c", (TextPart("1"),)),)),
        Message("assistant", (TextPart("One."),)),
        Message("user", (TextPart("And now?"),)),
    ),
)


@pytest.mark.parametrize("field", ["", "reasoning", "reasoning_content"])
def test_pitfall_15_thinking_goes_back_where_it_is_demanded_and_nowhere_else(field):
    name = field or "reasoning_content"
    told, losses = write(REMEMBERS, Profile(replay="always", reasoning_field=field))
    assert told["messages"][1][name] == "Hm."
    assert told["messages"][3][name].isspace()
    assert losses == {f"messages[3].{name}": "low"}
    told, losses = write(REMEMBERS, Profile(replay="never", reasoning_field=field))
    assert not any("reasoning" in key for message in told["messages"] for key in message)
    assert losses == {}


def test_pitfall_15_nothing_is_demanded_while_thinking_is_off():
    quiet = Request("m", REMEMBERS.messages, thinking=Thinking(enabled=False))
    told, losses = write(quiet, Profile(replay="always", efforts={"none": {"thinking.type": "disabled"}}))
    assert "reasoning_content" not in told["messages"][3]
    assert told["thinking"] == {"type": "disabled"}
    assert losses == {}


def test_pitfall_16_thinking_is_demanded_in_turns_with_tools_alone():
    profile = Profile(replay="tools")
    told, losses = write(REMEMBERS, profile)
    assert told["messages"][1]["reasoning_content"] == "Hm."
    assert "reasoning_content" not in told["messages"][3]
    assert losses == {}
    other = Request("m", (*turn("a"), HELLO))
    told, losses = write(other, profile)
    assert told["messages"][1]["reasoning_content"].isspace()
    assert losses == {"messages[1].reasoning_content": "low"}
    own = asked(messages=write(other)[0]["messages"])
    assert CHAT.needs_rewrite(own, profile)
    assert not CHAT.needs_rewrite(asked(), profile)


def test_pitfall_17_a_level_that_the_engine_rejects():
    switch = Profile(efforts={"none": {"thinking.type": "disabled"}, "on": {"thinking.type": "enabled"}})
    told, losses = write(asked(reasoning_effort="none"), switch)
    assert told["thinking"] == {"type": "disabled"}
    assert "reasoning_effort" not in told
    assert losses == {}
    levels = Profile(efforts={name: {"reasoning_effort": name} for name in ("low", "high")})
    told, losses = write(asked(thinking={"type": "disabled"}), levels)
    assert told["reasoning_effort"] == "low"
    assert "thinking" not in told
    assert losses == {"thinking": "medium"}


def test_pitfall_18_levels_of_its_own_and_a_switch_beside_them():
    efforts = {name: {"reasoning_effort": name, "thinking.type": "enabled"} for name in ("low", "high", "max")}
    profile = Profile(efforts={**efforts, "on": {"thinking.type": "enabled"}}, replay="always")
    told, losses = write(asked(reasoning_effort="medium", thinking={"clear_thinking": False}), profile)
    assert told["thinking"] == {"clear_thinking": False, "type": "enabled"}
    assert told["reasoning_effort"] == "high"
    assert losses == {"thinking": "low"}
    told, losses = write(asked(thinking={"type": "enabled", "clear_thinking": False}), profile)
    assert told["thinking"] == {"clear_thinking": False, "type": "enabled"}
    assert "reasoning_effort" not in told
    assert losses == {}
    _, losses = write(asked(thinking={"type": "disabled"}), profile)
    assert losses == {"thinking": "medium"}


def test_pitfall_19_thinking_must_be_off_where_the_answer_is_not_streamed():
    profile = Profile(
        efforts={"none": {"enable_thinking": False}, "on": {"enable_thinking": True}},
        budget="thinking_budget",
        quirks=(Quirk({"stream": "-"}, set={"enable_thinking": False}, drop=("thinking_budget",), severity="medium"),),
    )
    told, losses = write(asked(reasoning_effort="high"), profile)
    assert told["enable_thinking"] is False
    assert "reasoning_effort" not in told
    assert "thinking_budget" not in told
    assert "enable_thinking" in losses
    told, losses = write(asked(reasoning_effort="high", stream=True), profile)
    assert told["enable_thinking"] is True
    assert told["thinking_budget"] == 16384
    assert losses == {}


def test_pitfall_23_the_limit_has_two_names():
    old, new = "max_tokens", "max_completion_tokens"
    newer, older = Profile(rename={old: new}), Profile(rename={new: old})
    for field in (old, new):
        assert write(asked(**{field: 5}), newer)[0][new] == 5
        assert write(asked(**{field: 5}), older)[0][old] == 5
        assert write(asked(**{field: 5}))[0][field] == 5


PDF = FilePart(data="JVBERi0=", media_type="application/pdf")
LINK = FilePart(url="https://a.example/x.pdf", media_type="application/pdf")
SOUND = FilePart(data="UklGRg==", media_type="audio/wav")


def test_pitfall_28_a_file_is_data_and_no_url():
    told, losses = write(Request("m", (Message("user", (PDF, LINK, TextPart("Read."))),)))
    kinds = told["messages"][0]["content"]
    assert kinds[0]["file"] == {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    assert len(kinds) == 2
    assert losses == {"messages[0].content[1]": "high"}


def test_pitfall_28_a_host_that_takes_no_files_and_sounds_as_data_uris():
    told, losses = write(Request("m", (Message("user", (PDF, TextPart("Read."))),)), Profile(rejects=("file",)))
    assert told["messages"][0]["content"] == "Read."
    assert set(losses.values()) == {"high"}
    request = Request("m", (Message("user", (SOUND,)),))
    assert write(request)[0]["messages"][0]["content"][0]["input_audio"] == {"data": "UklGRg==", "format": "wav"}
    uri = Profile(audio_uri=True)
    told, losses = write(request, uri)
    assert told["messages"][0]["content"][0]["input_audio"]["data"] == "data:audio/wav;base64,UklGRg=="
    assert losses == {}
    own = asked(messages=told["messages"])
    assert own.messages[0].parts[0].data == "UklGRg=="
    assert write(own)[0]["messages"] == told["messages"]
    assert not CHAT.needs_rewrite(own, uri)
    assert CHAT.needs_rewrite(own, Profile(audio_uri=False))


def test_pitfall_30_tokens_alone_with_the_last_choice_or_inside_of_it():
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    alone = b"data: " + json.dumps({"id": "i", "choices": [], "usage": usage}).encode() + b"\n\n"
    inside = {"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage}
    streams = [
        (chunk({"content": "a"}), chunk({}, "stop"), alone),
        (chunk({"content": "a"}), chunk({}, "stop", usage=usage)),
        (chunk({"content": "a"}), chunk({}, choices=[inside])),
    ]
    for pieces in streams:
        events = read(*pieces, b"data: [DONE]\n\n")
        found = [e.usage for e in events if isinstance(e, UsageEvent)]
        assert [(u.input, u.output) for u in found] == [(3, 2)]
        assert Fold.of(events).finished


@pytest.mark.parametrize(("told", "finish"), [("stop", "tool_calls"), (None, "tool_calls"), ("length", "length")])
def test_pitfall_33_stop_becomes_tool_calls_where_tools_are_called(told, finish):
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert read(chunk({"tool_calls": [call]}), chunk({}, told), b"data: [DONE]\n\n")[-1] == Finish(finish)


def test_pitfall_33_a_pause_is_told_as_an_end_and_so_is_an_error():
    writer = CHAT.writer(id="i", model="m", created=1, usage=False)
    raw = writer.write(Begin("i", "m", 1)) + writer.write(Finish("pause")) + writer.write(Finish("error", 1))
    assert raw.count(b'"finish_reason":"stop"') == 2
    assert [(x.field, x.severity) for x in writer.losses] == [
        ("choices[0].finish_reason", "low"),
        ("choices[1].finish_reason", "medium"),
    ]


def test_pitfall_34_an_error_after_status_200_and_comments_as_heartbeats():
    events = read(
        b": OPENROUTER PROCESSING\n\n: OPENROUTER PROCESSING\n\n",
        chunk({"content": "Well"}),
        b": keep-alive\n\n",
        b'data: {"id":"i","error":{"code":429,"message":"Slow down"},"choices":[]}\n\n',
        b"data: [DONE]\n\n",
    )
    assert events == [Begin("i", "m"), TextDelta("Well"), Failure("rate_limited", "Slow down")]


def test_pitfall_34_a_failure_tells_what_was_held_back():
    call = {"index": 0, "function": {"name": "f", "arguments": "{"}}
    events = read(chunk({"tool_calls": [call]}))
    assert [type(e) for e in events] == [Begin, ToolCallDelta, Failure]


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.UnknownModelError("No such model.", where="m@h"), 404, "invalid_request_error"),
        (errors.UnknownRouteError("No such route."), 404, "invalid_request_error"),
        (errors.OverloadedError("Full.", status=529), 503, "server_error"),
        (errors.RateLimitedError("Slow down.", status=429), 429, "rate_limit_error"),
        (errors.NoCreditError("Nothing left.", status=402), 502, "server_error"),
        (errors.RefusedRequestError("Too long.", status=400), 400, "invalid_request_error"),
    ],
)
def test_pitfall_35_each_error_has_a_status_that_the_sdk_understands(error, status, kind):
    told, body = CHAT.write_error(error)
    assert told == status
    assert json.loads(body)["error"]["type"] == kind
    assert json.loads(body)["error"]["code"] == error.code


def test_pitfall_35_an_engine_keeps_its_own_words_in_its_own_dialect():
    told = {"error": {"message": "Too many tokens", "type": "invalid_request_error", "code": "context_length_exceeded"}}
    error = CHAT.read_error(400, {}, json.dumps(told).encode(), engine="m@h")
    status, body = CHAT.write_error(error)
    assert (status, json.loads(body)) == (400, told)
    elsewhere = dialects.get("anthropic-messages")
    status, body = CHAT.write_error(
        elsewhere.read_error(529, {}, b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}', engine="e")
    )
    assert status == 503
    assert json.loads(body)["error"]["code"] == "overloaded"
