"""Anthropic Messages replies and errors: what is read, what comes back, what other dialects' answers become."""

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
    ImagePart,
    Logprob,
    OpaquePart,
    ReasoningPart,
    Reply,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)
from weighbridge.errors import (
    AccessError,
    BrokenAnswerError,
    BudgetError,
    DeadlineError,
    EngineError,
    ForbiddenError,
    InputError,
    NoCreditError,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
    TooLargeError,
    UnknownModelError,
    UnknownRouteError,
    UnreachableError,
    WeighbridgeError,
    WrongKeyError,
)

CLAUDE = dialects.get("anthropic-messages")
USAGE = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 5,
}
BASE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": USAGE,
}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"q": "a"}}


def read(**fields):
    return CLAUDE.read_reply(json.dumps({**BASE, **fields}).encode())


def write(reply):
    body, losses = CLAUDE.write_reply(reply)
    return json.loads(body), losses


def test_a_plain_reply():
    reply = read()
    assert reply == Reply((Choice((TextPart("Hello"),), "stop"),), Usage(10, 0, 5), "msg_1", "claude")
    assert write(reply) == (BASE, ())


@pytest.mark.parametrize(
    "fields",
    [
        {"content": []},
        {"content": [{"type": "text", "text": "", "citations": None}]},
        {"content": [{"type": "thinking", "thinking": "", "signature": "s"}, CALL], "stop_reason": "tool_use"},
        {"content": [{"type": "thinking", "thinking": "Hm", "signature": ""}]},
        {"content": [{"type": "thinking", "thinking": "Hm"}]},
        {"content": [{"type": "redacted_thinking", "data": "x"}, {**CALL, "caller": {"type": "direct"}}]},
        {"content": [CALL], "stop_reason": "end_turn"},
        {"content": [{"type": "server_tool_use", "id": "s", "name": "n", "input": {}}], "stop_reason": "pause_turn"},
        {"stop_reason": "stop_sequence", "stop_sequence": "end"},
        {"stop_reason": "of tomorrow"},
        {"stop_reason": 5},
        {"stop_reason": None},
        {"stop_details": {"type": "refusal"}, "stop_reason": "refusal"},
        {"container": {"id": "c"}, "context_management": {"applied_edits": []}},
        {"usage": {**USAGE, "server_tool_use": {"web_search_requests": 1}, "service_tier": "standard"}},
        {"usage": {**USAGE, "cache_creation": {"ephemeral_5m_input_tokens": 0}, "input_tokens": None}},
        {"usage": {"output_tokens": 3}},
        {"usage": {}},
        {"usage": None},
        {"id": "", "model": None},
        {"id": 5, "type": "completion", "role": None},
    ],
)
def test_whatever_is_answered_comes_back_equal(fields):
    reply = read(**fields)
    assert write(reply) == ({**BASE, **fields}, ())


@pytest.mark.parametrize("missing", ["id", "type", "role", "model", "stop_reason", "stop_sequence", "usage"])
def test_what_was_missing_stays_missing(missing):
    told = {k: v for k, v in BASE.items() if k != missing}
    assert write(CLAUDE.read_reply(json.dumps(told).encode())) == (told, ())


@pytest.mark.parametrize(
    ("reason", "calls", "finish"),
    [
        ("end_turn", False, "stop"),
        ("stop_sequence", False, "stop"),
        ("max_tokens", False, "length"),
        ("model_context_window_exceeded", False, "length"),
        ("tool_use", True, "tool_calls"),
        ("end_turn", True, "tool_calls"),
        ("max_tokens", True, "length"),
        ("pause_turn", False, "pause"),
        ("refusal", False, "content_filter"),
        (None, False, None),
    ],
)
def test_pitfall_33_why_an_answer_ended(reason, calls, finish):
    reply = read(stop_reason=reason, content=[CALL] if calls else BASE["content"])
    assert reply.finish == finish


@pytest.mark.parametrize(
    ("finish", "parts", "reason"),
    [
        ("stop", (TextPart("x"),), "end_turn"),
        ("length", (), "max_tokens"),
        ("stop", (ToolCallPart("a", "look", "{}"),), "tool_use"),
        ("tool_calls", (ToolCallPart("a", "look", "{}"),), "tool_use"),
        ("content_filter", (), "refusal"),
        ("pause", (), "pause_turn"),
        (None, (), None),
    ],
)
def test_pitfall_33_why_an_answer_of_another_dialect_ended(finish, parts, reason):
    out, losses = write(Reply((Choice(parts, finish),), Usage()))
    assert out["stop_reason"] == reason
    assert losses == ()


def test_usage_counts_what_was_cached_as_input():
    told = {**USAGE, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20}
    reply = read(usage={**told, "output_tokens_details": {"thinking_tokens": 3}})
    assert reply.usage == Usage(130, 100, 5, 3, cache_written=20)
    assert write(replace(reply, extra={}))[0]["usage"] == {**told, "output_tokens_details": {"thinking_tokens": 3}}
    assert write(replace(reply, usage=Usage(7, 9, 1)))[0]["usage"]["input_tokens"] == 0


def test_citations():
    web = {
        "type": "web_search_result_location",
        "url": "https://a.example",
        "title": "A",
        "cited_text": "so",
        "encrypted_index": "E",
    }
    page = {
        "type": "page_location",
        "cited_text": "p",
        "document_index": 0,
        "document_title": "D",
        "start_page_number": 1,
    }
    reply = read(content=[{"type": "text", "text": "x", "citations": [web, page]}])
    one, two = reply.choices[0].parts[0].citations
    assert (one.url, one.title, one.quote) == ("https://a.example", "A", "so")
    assert (two.url, two.title, two.quote) == ("", "D", "p")
    assert write(reply)[0]["content"][0]["citations"] == [web, page]


def test_citations_of_other_dialects():
    cited = TextPart("So it is.", citations=(Citation("https://a.example", "A", start=0, end=2), Citation(title="no")))
    out, losses = write(Reply((Choice((cited,), "stop"),), Usage()))
    citation = out["content"][0]["citations"]
    assert [(c["type"], c["url"], c["encrypted_index"]) for c in citation] == [
        ("web_search_result_location", "https://a.example", "")
    ]
    assert [loss.severity for loss in losses] == ["low"]


def test_thinking_of_any_engine_is_sealed_for_the_client_to_send_again():
    parts = (
        ReasoningPart("Hm", (Blob("google", "g", "signature"),)),
        ReasoningPart("Aha", (Blob("openai", "o", "encrypted", "rs_1"),)),
        ReasoningPart("", (Blob("openai", "p", "encrypted", "rs_2"),)),
        ReasoningPart("unsealed"),
    )
    out, losses = write(Reply((Choice(parts, "stop"),), Usage()))
    assert out["content"] == [
        {"type": "thinking", "thinking": "Hm", "signature": "g"},
        {"type": "thinking", "thinking": "Aha", "signature": "o"},
        {"type": "redacted_thinking", "data": "p"},
        {"type": "thinking", "thinking": "unsealed", "signature": ""},
    ]
    assert losses == ()


def test_what_an_answer_here_cannot_hold():
    parts = (
        TextPart("x", blobs=(Blob("google", "g", "signature"),)),
        ImagePart(data="AAAA"),
        FilePart(data="AAAA", media_type="audio/wav"),
        OpaquePart("gemini-generate", {"executableCode": {}}),
        ToolResultPart("a"),
        ToolCallPart("a", "look", "[1]"),
    )
    choice = Choice(parts, "stop", "I will not.", logprobs=(Logprob("x", -0.1),))
    out, losses = write(Reply((choice, Choice((TextPart("y"),), "stop"))))
    assert [block["type"] for block in out["content"]] == ["text", "tool_use", "text"]
    assert out["content"][-1]["text"] == "I will not."
    assert out["content"][1]["input"] == {"arguments": "[1]"}
    assert {loss.field: loss.severity for loss in losses} == {
        "choices": "high",
        "choices[0].image": "high",
        "choices[0].document": "high",
        "choices[0].parts": "high",
        "choices[0].tool_results": "high",
        "choices[0].tool_calls": "medium",
        "choices[0].refusal": "low",
        "choices[0].logprobs": "medium",
        "usage": "low",
    }


def test_a_refusal_alone_and_an_engine_that_broke_off():
    assert write(Reply((Choice((), "stop", "No."),)))[0]["stop_reason"] == "refusal"
    out, losses = write(Reply((Choice((), "error"),), Usage()))
    assert out["stop_reason"] == "end_turn"
    assert [loss.severity for loss in losses] == ["medium"]


def test_an_empty_reply_has_every_field_that_clients_need():
    out, losses = write(Reply())
    assert out == {
        **BASE,
        "id": "",
        "model": "",
        "content": [],
        "stop_reason": None,
        "usage": dict.fromkeys(USAGE, 0),
    }
    assert [(loss.field, loss.severity) for loss in losses] == [("usage", "low")]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{", ""),
        (b"\xff", ""),
        (b"{}", "content"),
        (b'{"content": "x"}', "content"),
        (b'{"content": [5]}', "content[0]"),
        (b'{"content": [{"type": "text"}]}', "content[0].text"),
        (b'{"content": [{"type": "tool_use", "id": "a"}]}', "content[0].name"),
    ],
)
def test_what_is_no_answer_is_told_as_broken(body, where):
    with pytest.raises(BrokenAnswerError) as caught:
        CLAUDE.read_reply(body)
    assert caught.value.where == where
    assert caught.value.fix


def test_an_error_with_a_status_of_200():
    with pytest.raises(OverloadedError):
        CLAUDE.read_reply(b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')


@pytest.mark.parametrize(
    ("status", "kind", "message", "expected"),
    [
        (400, "invalid_request_error", "messages: too long", RefusedRequestError),
        (400, "invalid_request_error", "Your credit balance is too low to access the API.", NoCreditError),
        (401, "authentication_error", "invalid x-api-key", WrongKeyError),
        (402, "billing_error", "Pay.", NoCreditError),
        (404, "not_found_error", "model: claude-x", UnknownModelError),
        (413, "request_too_large", "Too large", RefusedRequestError),
        (429, "rate_limit_error", "Slow down", RateLimitedError),
        (500, "api_error", "Internal", OverloadedError),
        (504, "timeout_error", "Timeout", DeadlineError),
        (529, "overloaded_error", "Overloaded", OverloadedError),
    ],
)
def test_pitfall_35_what_an_engines_error_means(status, kind, message, expected):
    body = json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()
    error = CLAUDE.read_error(status, {"retry-after": "3"}, body, engine="m@h")
    assert type(error) is expected
    assert error.retry_after == 3
    again = CLAUDE.write_error(error)
    assert again[0] == (status if expected not in (WrongKeyError, NoCreditError) else 502)
    if expected not in (WrongKeyError, NoCreditError):
        assert again[1] == body


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (InputError("Bad.", where="messages[0].role", fix="Mend it."), 400, "invalid_request_error"),
        (AccessError("No key."), 401, "authentication_error"),
        (BudgetError("Spent."), 402, "billing_error"),
        (ForbiddenError("Not yours."), 403, "permission_error"),
        (UnknownRouteError("No such route."), 404, "not_found_error"),
        (UnknownModelError("No such model."), 404, "not_found_error"),
        (TooLargeError("Too large."), 413, "request_too_large"),
        (RateLimitedError("Slow down."), 429, "rate_limit_error"),
        (OverloadedError("Busy."), 529, "overloaded_error"),
        (DeadlineError("Late."), 504, "timeout_error"),
        (UnreachableError("Nobody there."), 502, "api_error"),
        (WeighbridgeError("Ours."), 500, "api_error"),
    ],
)
def test_pitfall_35_errors_in_this_dialects_own_shape(error, status, kind):
    told, body = CLAUDE.write_error(error)
    value = json.loads(body)
    assert told == status
    assert value["type"] == "error"
    assert value["error"]["type"] == kind
    assert error.what in value["error"]["message"]
    assert value["error"]["code"] == error.code
    if isinstance(error, EngineError) and status != 502:
        assert type(CLAUDE.read_error(told, {}, body, engine="")) is type(error)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
BLOCK = st.dictionaries(
    st.sampled_from(["type", "text", "id", "name", "input", "thinking", "signature", "citations", "source"]),
    JSON | st.sampled_from(["text", "tool_use", "thinking", "image"]),
)


@given(st.dictionaries(st.sampled_from([*BASE, "new"]), JSON | st.lists(BLOCK, max_size=3)))
@settings(max_examples=60)
def test_any_answer_is_told_as_broken_or_comes_back_equal(fields):
    told = {**BASE, **fields}
    try:
        reply = CLAUDE.read_reply(json.dumps(told).encode())
    except EngineError:
        return
    assert write(reply) == (told, ())
