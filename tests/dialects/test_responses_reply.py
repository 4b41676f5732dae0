"""Responses replies and errors: exact on their own dialect, whole when they come from another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Blob,
    Choice,
    Citation,
    FilePart,
    Logprob,
    OpaquePart,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCallPart,
    Usage,
)
from weighbridge.errors import (
    BrokenAnswerError,
    EngineError,
    InputError,
    NotFoundError,
    OverloadedError,
    RateLimitedError,
    UnknownEngineError,
    UnknownModelError,
    UnknownRouteError,
)

RESPONSES = dialects.get("openai-responses")
NAME = "openai-responses"
CHANCE = {"token": "B", "logprob": -0.5, "bytes": [66], "top_logprobs": [{"token": "C", "logprob": -2, "bytes": [67]}]}
WHOLE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1700000000,
    "model": "gpt",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": "I",
    "tools": [],
    "temperature": 1.0,
    "later": {"x": 1},
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "E"},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "phase": "final_answer",
            "content": [
                {
                    "type": "output_text",
                    "text": "A",
                    "annotations": [
                        {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1},
                        {"type": "file_citation", "file_id": "f", "filename": "n", "index": 3},
                        {"type": "url_citation", "url": "u", "title": None, "start_index": 0, "end_index": 1, "x": 1},
                    ],
                    "logprobs": [],
                },
                {"type": "refusal", "refusal": "No"},
                {"type": "output_text", "text": "B", "annotations": [], "logprobs": [CHANCE]},
            ],
        },
        {"type": "web_search_call", "id": "ws_1"},
        {
            "type": "message",
            "id": "msg_2",
            "role": "assistant",
            "content": [{"type": "refusal", "refusal": "!", "x": 1}],
        },
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "c",
            "name": "f",
            "arguments": '{"a": 1}',
            "status": "completed",
        },
    ],
    "usage": {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 16,
        "cost": 0.1,
    },
}


def read(**fields):
    return RESPONSES.read_reply(json.dumps({**WHOLE, **fields}).encode())


def write(reply):
    body, losses = RESPONSES.write_reply(reply)
    return json.loads(body), {(loss.field, loss.severity) for loss in losses}


def test_a_reply_comes_back_equal():
    reply = read()
    assert write(reply) == (WHOLE, set())
    assert reply.choices[0].refusal == "No!"
    assert reply.finish == "tool_calls"
    assert reply.usage == Usage(10, 4, 6, 2, cache_written=3)
    assert reply.choices[0].logprobs == (Logprob("B", -0.5, (("C", -2.0),)),)
    thought, text, *others = reply.choices[0].parts
    assert isinstance(thought, ReasoningPart)
    assert thought.blobs == (Blob(NAME, "E", "encrypted", "rs_1"),)
    assert isinstance(text, TextPart)
    assert [(c.url, c.title) for c in text.citations] == [("u", "t"), ("", "n"), ("u", "")]
    assert [type(part) for part in others] == [TextPart, OpaquePart, ToolCallPart]


@pytest.mark.parametrize(
    "fields",
    [
        {"output": []},
        {"status": "queued", "output": [], "usage": None},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        {"status": "incomplete", "incomplete_details": {"reason": "new"}},
        {"status": "cancelled"},
        {"status": "complete"},
        {"status": None},
        {"id": None, "model": 5, "created_at": None},
        {"id": "", "model": "", "created_at": 1.5, "object": "other"},
        {"usage": {}},
        {"usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}},
        {"output": [{"type": "message", "role": "assistant", "content": []}]},
        {"output": [{"type": "message", "role": "assistant", "content": "text"}]},
        {"output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}] * 2}]},
        {
            "output": [
                {"type": "message", "role": "user", "content": "text"},
                {"type": "function_call_output", "call_id": "c", "output": "x"},
            ]
        },
        {"output": [{"type": "function_call", "name": "f"}]},
        {"output": [{"type": "reasoning", "content": None, "summary": None}]},
    ],
)
def test_forms_come_back_equal(fields):
    assert write(read(**fields)) == ({**WHOLE, **fields}, set())


def test_fields_that_are_missing_stay_missing():
    bare = {"output": [{"type": "message", "role": "assistant", "content": []}]}
    assert write(RESPONSES.read_reply(json.dumps(bare).encode()))[0] == bare


def test_a_reply_that_was_changed_keeps_its_fields():
    reply = read()
    choice = reply.choices[0]
    parts = tuple(replace(p, text=p.text.lower()) if isinstance(p, TextPart) else p for p in choice.parts)
    changed = replace(choice, parts=parts, refusal="never", finish="length", logprobs=(Logprob("b", -1.0),))
    told, losses = write(replace(reply, choices=(changed,), usage=Usage(1, 0, 1)))
    assert losses == set()
    content = told["output"][1]["content"]
    assert [part.get("text", part.get("refusal")) for part in content] == ["a", "never", "b"]
    assert told["output"][3]["content"][0]["refusal"] == ""
    assert content[2]["logprobs"] == [{"token": "b", "logprob": -1.0, "bytes": [98], "top_logprobs": []}]
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert told["usage"]["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert told["later"] == {"x": 1}


def test_pitfall_33_why_an_answer_ended():
    said = [{"type": "message", "role": "assistant", "content": []}]
    for fields, finish in (
        ({"output": said}, "stop"),
        ({}, "tool_calls"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": None}, "pause"),
        ({"status": "in_progress"}, "pause"),
        ({"status": "failed"}, "error"),
    ):
        assert read(**fields).finish == finish


def test_an_error_in_place_of_an_answer():
    told = {"code": "rate_limit_exceeded", "message": "Rate limit reached"}
    for fields in ({"status": "failed", "error": told}, {"output": [], "error": told}):
        with pytest.raises(RateLimitedError) as caught:
            read(**fields)
        assert caught.value.what == "Rate limit reached"
    with pytest.raises(EngineError):
        RESPONSES.read_reply(b'{"error": {"message": "no", "type": "server_error"}}')


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output": 5}', b"\xff", b"<html>", b'{"output": [5]}'])
def test_what_is_no_reply_is_broken(body):
    with pytest.raises(BrokenAnswerError):
        RESPONSES.read_reply(body)


def test_the_place_of_what_is_broken():
    with pytest.raises(BrokenAnswerError) as caught:
        read(output=[{"type": "message", "role": "assistant", "content": [{"type": "output_text"}]}])
    assert caught.value.where == "output[0].content[0].text"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from(["", "message", "assistant", "function_call", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "role", "content", "text", "summary", "call_id", "name", "id", "output_tokens", "reason"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["output", "usage", "status", "id", "error", "incomplete_details", "created_at"]), JSON
    )
)
def test_whatever_is_read_comes_back_equal(fields):
    try:
        reply = read(**fields)
    except EngineError:
        return
    assert write(reply)[0] == {**WHOLE, **fields}


def test_what_has_no_place_is_told():
    parts = (
        TextPart("Hi", citations=(Citation("", "book", "words"), Citation("https://a.example", "A", "words"))),
        FilePart(data="aGk=", media_type="text/plain"),
        OpaquePart("elsewhere", {"x": 1}),
    )
    odd = {"elsewhere": {"odd": 1}}
    told, losses = write(Reply((Choice(parts, "tool_calls", extra=odd), Choice()), extra=odd))
    assert [item["type"] for item in told["output"]] == ["message"]
    assert losses == {
        ("odd", "low"),
        ("choices", "high"),
        ("choices[0].odd", "low"),
        ("choices[0].finish", "low"),
        ("choices[0].parts[0].citations", "low"),
        ("choices[0].parts[0].citations.quote", "low"),
        ("choices[0].parts[1]", "high"),
        ("choices[0].parts[2]", "high"),
    }
    silent = Reply((Choice((ToolCallPart("c", "f", "{}"),), "tool_calls", logprobs=(Logprob("x", -1.0),)),))
    assert write(silent)[1] == {("choices[0].logprobs", "low")}


def test_a_refusal_of_another_dialect():
    told, _ = write(Reply((Choice((TextPart("Well."),), "content_filter", "No."),)))
    assert [part["type"] for part in told["output"][0]["content"]] == ["output_text", "refusal"]
    assert told["output"][0]["status"] == "incomplete"
    again = RESPONSES.read_reply(json.dumps(told).encode())
    assert (again.text, again.choices[0].refusal, again.finish) == ("Well.", "No.", "content_filter")
    alone, _ = write(Reply((Choice((), "stop", "No."),)))
    assert RESPONSES.read_reply(json.dumps(alone).encode()).choices[0].refusal == "No."


def test_seals_of_whoever_are_told_so_that_clients_replay_them():
    thought = ReasoningPart("Hm", (Blob("claude@x", "S", "signature"), Blob("claude@x", "R", "redacted", "rs_7")))
    told, losses = write(Reply((Choice((thought, TextPart("Hi", blobs=(Blob("g", "T"),))), "stop"),)))
    assert [(item.get("encrypted_content"), item["summary"]) for item in told["output"][:2]] == [
        ("S", [{"type": "summary_text", "text": "Hm"}]),
        ("R", []),
    ]
    assert told["output"][1]["id"] == "rs_7"
    assert {severity for _, severity in losses} <= {"low"}


def test_no_answer_at_all():
    told, losses = write(Reply())
    assert told["output"] == []
    assert told["usage"] is None
    assert losses == set()


def test_pitfall_35_an_unknown_model_is_a_bad_request():
    for error in (
        UnknownRouteError("There is no route 'x'.", where="x", fix="Did you mean 'y'?"),
        UnknownEngineError("No engine.", where="x"),
        UnknownModelError("The model does not exist.", where="m@h", status=404, told=("openai-chat", b"{}")),
    ):
        status, body = RESPONSES.write_error(error)
        told = json.loads(body)["error"]
        assert status == 400
        assert (told["type"], told["param"], told["code"]) == ("invalid_request_error", "model", error.code)
    assert RESPONSES.write_error(NotFoundError("No such response."))[0] == 404


def test_pitfall_35_errors_are_told_in_this_dialects_words():
    own = b'{"error":{"message":"Too long","code":"context_length_exceeded"}}'
    error = RESPONSES.read_error(400, {}, own, engine="m@h")
    assert RESPONSES.write_error(error) == (400, own)
    status, body = RESPONSES.write_error(OverloadedError("Busy.", where="m@h", fix="Wait.", status=529))
    assert status == 503
    assert json.loads(body) == {
        "error": {"message": "Busy. Wait.", "type": "server_error", "param": None, "code": "overloaded"}
    }
    status, body = RESPONSES.write_error(InputError("It is 5.", where="input", fix="Give text."))
    assert json.loads(body)["error"]["param"] == "input"
    limited = RESPONSES.read_error(429, {"retry-after": "3"}, b"{}", engine="m@h")
    assert isinstance(limited, RateLimitedError)
    assert limited.retry_after == 3
