"""OpenAI Chat replies, tokens and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge import dialects, errors
from weighbridge.canon import Blob, Choice, ReasoningPart, Reply, TextPart, ToolCallPart, Usage
from weighbridge.dialects.openai_chat.usage import read_usage, write_usage

CHAT = dialects.get("openai-chat")


def body(choice=None, **fields):
    message = {"role": "assistant", "content": "4"}
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **(choice or {})}],
        **fields,
    }


def read(value):
    return CHAT.read_reply(json.dumps(value).encode())


def same(value):
    reply = read(value)
    assert json.loads(CHAT.write_reply(reply)[0]) == value
    return reply


def test_a_reply_is_read():
    reply = same(
        body(
            {"finish_reason": "length", "logprobs": None},
            usage={"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.1},
            provider="P",
        )
    )
    assert reply == Reply(
        (Choice((TextPart("4"),), "length", extra={"openai-chat": {"logprobs": None}}),),
        Usage(3, 0, 2),
        "x",
        "m",
        1,
        reply.extra,
    )
    assert reply.extra["openai-chat"] == {"provider": "P"}


@pytest.mark.parametrize(
    "choice",
    [
        {"finish_reason": ""},
        {"finish_reason": None},
        {"finish_reason": "eos"},
        {"finish_reason": 5},
        {"index": 7},
        {"index": 0.0},
        {"message": {"content": "x"}},
        {"message": {"role": "model", "content": [{"type": "text", "text": "x"}]}},
        {"message": {"role": "assistant"}},
        {"message": {"role": "assistant", "content": None, "refusal": "No."}},
        {"message": {"role": "assistant", "content": "", "refusal": "", "annotations": [], "audio": {"id": "a"}}},
        {"message": {"role": "assistant", "content": "x", "reasoning": None, "tool_calls": None}},
        {
            "message": {
                "role": "assistant",
                "content": "x",
                "reasoning": "t",
                "reasoning_details": [{"type": "reasoning.text", "text": "t", "signature": "s", "format": "f"}, 5],
            }
        },
    ],
)
def test_each_form_of_choice_comes_back(choice):
    same(body(choice))


@pytest.mark.parametrize(
    "fields",
    [
        {"id": ""},
        {"id": None},
        {"id": 5},
        {"created": 0},
        {"created": 1.5},
        {"created": None},
        {"object": "other"},
        {"object": None},
        {"model": None},
        {"usage": None},
        {"usage": {}},
        {"usage": {"prompt_tokens": 1}},
        {"usage": {"prompt_tokens": "many", "completion_tokens": -5}},
        {"usage": [1]},
        {"choices": [{"message": {"content": "a"}}, {"index": 1, "message": {"role": "assistant", "content": "b"}}]},
    ],
)
def test_each_form_of_reply_comes_back(fields):
    same(body(**fields))
    bare = body(**fields)
    for key in ("id", "object", "created", "model"):
        bare.pop(key)
    same(bare)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60)
@given(
    st.dictionaries(st.sampled_from(["id", "object", "created", "model", "usage", "x"]), json_values),
    st.dictionaries(st.sampled_from(["index", "finish_reason", "logprobs", "$"]), json_values),
    st.dictionaries(
        st.sampled_from(["role", "content", "refusal", "tool_calls", "reasoning", "reasoning_details"]), json_values
    ),
)
def test_what_is_read_at_all_comes_back(fields, choice, message):
    value = {**fields, "choices": [{**choice, "message": message}]}
    try:
        read(value)
    except errors.BrokenAnswerError as error:
        assert error.where.startswith("choices[0].message")  # noqa: PT017 - both outcomes are right
        return
    same(value)


@pytest.mark.parametrize(
    ("told", "calls", "finish"),
    [
        ("stop", False, "stop"),
        ("stop", True, "tool_calls"),
        ("", False, "stop"),
        (None, True, "tool_calls"),
        ("length", True, "length"),
        ("max_tokens", False, "length"),
        ("function_call", False, "tool_calls"),
        ("refusal", False, "content_filter"),
        ("sensitive", False, "content_filter"),
        ("insufficient_system_resource", False, "error"),
        ("end_turn", False, "stop"),
    ],
)
def test_finish_reasons(told, calls, finish):
    message: dict[str, Any] = {"role": "assistant", "content": "x"}
    if calls:
        message["tool_calls"] = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert same(body({"finish_reason": told, "message": message})).finish == finish


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_cache_hit_tokens": 4}, Usage(10, 4, 5)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 12}, Usage(10, 10, 5)),
        ({"prompt_tokens": 10, "completion_tokens": 5, "num_cached_tokens": 2}, Usage(10, 2, 5)),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 3}},
            Usage(10, 0, 5, 3),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 18,
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(10, 0, 8, 3),
        ),
        ({"prompt_tokens": None, "completion_tokens": True}, Usage()),
        ({}, None),
        ("none", None),
    ],
)
def test_tokens(told, usage):
    assert read_usage(told) == usage


@given(st.builds(Usage, st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.booleans()))
def test_tokens_survive(usage):
    whole = Usage(
        usage.input, min(usage.cached, usage.input), usage.output, min(usage.reasoning, usage.output), usage.estimated
    )
    assert read_usage(write_usage(whole)) == whole


def test_a_canon_reply_is_written_whole():
    reply = Reply(
        (
            Choice((ReasoningPart("Hm.", (Blob("a", "s", "signature"),)), TextPart("4"), ToolCallPart("c", "f", "{}"))),
            Choice((), "content_filter", "No."),
        ),
        Usage(1, 1, 2, 1),
        "id",
        "m",
        5,
    )
    told = json.loads(CHAT.write_reply(reply)[0])
    assert told["object"] == "chat.completion"
    first, second = told["choices"]
    assert first["message"]["reasoning_content"] == "Hm."
    assert first["message"]["reasoning_details"][0]["signature"] == "s"
    assert first["message"]["content"] == "4"
    assert first["finish_reason"] == "stop"
    assert second == {
        "index": 1,
        "message": {"role": "assistant", "content": None, "refusal": "No."},
        "finish_reason": "content_filter",
    }
    again = CHAT.read_reply(CHAT.write_reply(reply)[0])
    sealed = again.choices[0].parts[0]
    assert isinstance(sealed, ReasoningPart)
    assert sealed.blobs == (Blob("openai-chat", "s", "signature"),)
    assert again.usage == reply.usage


@pytest.mark.parametrize(
    ("raw", "where"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b"[" * 100_000, ""),
        (b"{}", "choices"),
        (b'{"choices":[]}', "choices"),
        (b'{"choices":{}}', "choices"),
        (b'{"choices":[1]}', "choices[0]"),
        (b'{"choices":[{}]}', "choices[0].message"),
        (b'{"choices":[{"message":{"content":5}}]}', "choices[0].message.content"),
    ],
)
def test_broken_replies(raw, where):
    with pytest.raises(errors.BrokenAnswerError) as caught:
        CHAT.read_reply(raw)
    assert caught.value.where == where
    assert caught.value.fix


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_reply_reader(raw):
    with pytest.raises(errors.EngineError):
        CHAT.read_reply(raw)


def test_an_error_with_status_200():
    with pytest.raises(errors.RateLimitedError, match="slow down"):
        CHAT.read_reply(b'{"error":{"code":429,"message":"Please slow down"}}')
    with pytest.raises(errors.OverloadedError):
        CHAT.read_reply(b'{"error":"boom"}')


ERRORS = [
    (401, {"error": {"message": "Incorrect API key provided"}}, "wrong_key"),
    (400, {"error": {"message": "API key not valid. Please pass a valid API key."}}, "wrong_key"),
    (403, {"error": {"message": "You may not use this"}}, "wrong_key"),
    (403, {"error": {"message": "Your input was flagged", "metadata": {"reasons": ["x"]}}}, "refused_request"),
    (402, {"error": {"message": "Insufficient credits", "code": 402}}, "no_credit"),
    (429, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}, "no_credit"),
    (429, {"error": {"code": "1113", "message": "Insufficient balance, please recharge"}}, "no_credit"),
    (400, {"type": "error", "error": {"message": "Your credit balance is too low"}}, "no_credit"),
    (404, {"error": {"code": "model_not_found", "message": "The model `x` does not exist"}}, "unknown_model"),
    (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}, "unknown_model"),
    (400, {"error": {"message": "foo/bar is not a valid model ID", "code": 400}}, "unknown_model"),
    (400, {"message": "Invalid model: foo", "code": "1500"}, "unknown_model"),
    (404, [{"error": {"code": 404, "message": "models/x is not found", "status": "NOT_FOUND"}}], "unknown_model"),
    (404, "<html><head><title>404 Not Found</title></head></html>", "unknown_model"),
    (429, {"error": {"message": "Rate limit reached"}}, "rate_limited"),
    (429, {}, "rate_limited"),
    (
        400,
        {"error": {"message": "Tool call validation failed for get_billing", "code": "tool_use_failed"}},
        "refused_request",
    ),
    (400, {"error": {"message": "at capacity for images, rate limit your images"}}, "refused_request"),
    (413, {"error": "Payload Too Large"}, "refused_request"),
    (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, "refused_request"),
    (500, {"error": {"message": "oops"}}, "overloaded"),
    (503, "Service Unavailable", "overloaded"),
    (529, {"error": {"type": "overloaded_error"}}, "overloaded"),
    (408, {}, "deadline"),
    (504, "<html></html>", "deadline"),
    (409, {}, "overloaded"),
    (302, "", "broken_answer"),
    (500, {"error": {"code": "no_credit", "message": "from another Weighbridge"}}, "no_credit"),
]


@pytest.mark.parametrize(("status", "told", "code"), ERRORS)
def test_errors_are_told_apart(status, told, code):
    raw = told.encode() if isinstance(told, str) else json.dumps(told).encode()
    error = CHAT.read_error(status, {}, raw, engine="m@h")
    assert error.code == code
    assert error.status == status
    assert error.where == "m@h"
    assert error.what.endswith((".", "!", "?"))
    assert error.fix


def test_errors_quote_no_keys_and_stay_short():
    raw = json.dumps({"error": {"message": "Bad key sk-proj-abcdefgh12345678\n" + "x" * 5000}}).encode()
    error = CHAT.read_error(401, {}, raw, engine="e")
    assert "abcdefgh" not in str(error) + error.body
    assert len(str(error)) < 600
    assert len(error.body) < 600
    assert "\n" not in error.what


@given(st.integers(100, 599), st.binary(max_size=100) | json_values.map(lambda v: json.dumps(v).encode()))
def test_no_error_body_crashes(status, raw):
    assert CHAT.read_error(status, {}, raw, engine="e").fix


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e9"}, 86400.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:30 GMT"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert CHAT.read_error(429, headers, b"", engine="e").retry_after == seconds


@pytest.mark.parametrize(
    ("error", "kind", "param"),
    [
        (
            errors.InputError("It is a number.", where="messages[3].content", fix="Give text."),
            "invalid_request_error",
            "messages[3].content",
        ),
        (errors.InputError("The body is empty.", where="body", fix="Send one."), "invalid_request_error", None),
        (errors.RateLimitedError("Slow down.", where="m@h"), "rate_limit_error", None),
        (errors.AccessError("No key."), "authentication_error", None),
        (errors.UnknownRouteError("No route 'x'."), "invalid_request_error", None),
        (errors.StoreError("Full."), "server_error", None),
    ],
)
def test_errors_are_written(error, kind, param):
    status, written = CHAT.write_error(error)
    assert status == error.http_status
    told = json.loads(written)["error"]
    assert told["type"] == kind
    assert told["param"] == param
    assert told["code"] == error.code
    assert error.what in told["message"]
    assert error.fix in told["message"]


def test_an_engine_error_survives_the_way():
    for kind in (errors.NoCreditError, errors.OverloadedError, errors.DeadlineError, errors.UnknownModelError):
        status, written = CHAT.write_error(kind("So it is."))
        assert type(CHAT.read_error(status, {}, written, engine="e")) is kind
