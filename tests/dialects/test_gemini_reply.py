"""Gemini replies and errors: why an answer ended, what it rests on, how errors are told and understood."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

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
    Usage,
)
from weighbridge.dialects.gemini_generate import GeminiGenerate
from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    EngineError,
    InputError,
    NoCreditError,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
    UnknownModelError,
    UnknownRouteError,
    WeighbridgeError,
    WrongKeyError,
)

GEMINI = GeminiGenerate()
SEAL = "c2VhbA=="
CALL = {"functionCall": {"name": "f", "args": {"a": 1}}}


def read(*parts, **candidate):
    return read_raw(
        {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP", **candidate}]}
    )


def read_raw(raw):
    return GEMINI.read_reply(json.dumps(raw).encode())


def write(reply):
    body, losses = GEMINI.write_reply(reply)
    return json.loads(body), losses


def write_choice(*parts, **more):
    out, losses = write(Reply((Choice(parts, **more),)))
    return out["candidates"][0], losses


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("FINISH_REASON_UNSPECIFIED", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("LANGUAGE", "error"),
        ("OTHER", "error"),
        ("SOMETHING_NEW", "error"),
    ],
)
def test_pitfall_33_why_an_answer_ended(word, reason):
    reply = read({"text": "a"}, finishReason=word)
    assert reply.finish == reason
    assert write(reply)[0]["candidates"][0]["finishReason"] == word


def test_pitfall_33_a_stop_with_calls_is_a_call_for_tools():
    reply = read(CALL)
    assert reply.finish == "tool_calls"
    assert write(reply)[0]["candidates"][0]["finishReason"] == "STOP"
    assert read(CALL, finishReason="MAX_TOKENS").finish == "length"


@pytest.mark.parametrize(
    ("reason", "word", "lost"),
    [
        ("stop", "STOP", 0),
        ("tool_calls", "STOP", 0),
        ("length", "MAX_TOKENS", 0),
        ("content_filter", "SAFETY", 0),
        ("error", "OTHER", 0),
        ("pause", "STOP", 1),
    ],
)
def test_pitfall_33_why_answers_from_elsewhere_ended(reason, word, lost):
    out, losses = write_choice(TextPart("a"), finish=reason)
    assert out["finishReason"] == word
    assert [loss.severity for loss in losses] == ["medium"] * lost


def test_every_detail_comes_back():
    raw = {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hm", "thought": True},
                        {"text": "", "thought_signature": SEAL},
                        {"inline_data": {"mime_type": "image/png", "data": "_-8="}},
                        {"functionCall": {"name": "f"}, "thoughtSignature": SEAL},
                        {"functionResponse": {"name": "f", "response": {}}},
                        {"executableCode": {"code": "1"}},
                    ],
                    "odd": 1,
                },
                "finish_reason": "STOP",
                "index": 4,
                "safetyRatings": [{"category": "A"}],
                "avgLogprobs": -0.5,
                "citationMetadata": {"citations": []},
                "groundingMetadata": {},
                "logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -1, "tokenId": 5}]},
            },
            {"content": {}, "finishReason": "STOP"},
            {"content": {"parts": [], "role": "user"}},
            {"content": {"parts": {"text": "x"}, "role": "model"}},
            {},
        ],
        "usage_metadata": {
            "promptTokenCount": 5,
            "toolUsePromptTokenCount": 2,
            "candidatesTokenCount": 3,
            "thoughtsTokenCount": 4,
            "cachedContentTokenCount": 1,
            "x": 1,
        },
        "modelVersion": "gemini-9",
        "responseId": "r1",
        "createTime": "2026-05-31T21:34:43.658150Z",
        "odd": None,
    }
    reply = read_raw(raw)
    out, losses = write(reply)
    assert out == raw
    assert losses == ()
    assert reply.usage == Usage(7, 1, 7, 4)
    assert reply.created == 1780263283
    assert (reply.id, reply.model) == ("r1", "gemini-9")
    kinds = [type(p) for p in reply.choices[0].parts]
    assert kinds == [ReasoningPart, TextPart, ImagePart, ToolCallPart, OpaquePart, OpaquePart]
    assert reply.choices[0].logprobs == (Logprob("a", -1.0),)
    assert reply.choices[0].parts[3].id == "call_r1_0"


def test_calls_without_ids_get_the_same_ones_each_time_and_no_two_alike():
    raw = {"candidates": [{"content": {"parts": [CALL, CALL]}}, {"content": {"parts": [CALL]}}], "responseId": "r"}
    reply = read_raw(raw)
    ids = [c.id for choice in reply.choices for c in choice.tool_calls]
    assert ids == ["call_r_0", "call_r_1", "call_r_1_0"]
    assert read_raw(raw) == reply
    assert read(CALL).choices[0].tool_calls[0].id == "call_0"
    assert "id" not in write(reply)[0]["candidates"][0]["content"]["parts"][0]["functionCall"]


@pytest.mark.parametrize("candidates", [{}, {"candidates": []}])
def test_a_refused_question_is_an_answer_of_its_own(candidates):
    raw = {**candidates, "promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3}}
    reply = read_raw(raw)
    assert reply.finish == "content_filter"
    assert reply.text == ""
    assert reply.usage == Usage(3)
    assert write(reply)[0] == raw


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b"{}", "candidates"),
        (b'{"candidates":[]}', "candidates"),
        (b'{"candidates":["x"]}', "candidates[0]"),
        (b'{"candidates":[{"content":[]}]}', "candidates[0].content"),
        (b'{"candidates":[{"content":{"parts":[1]}}]}', "candidates[0].content.parts[0]"),
    ],
)
def test_what_is_no_answer_is_broken(body, where):
    with pytest.raises(BrokenAnswerError) as caught:
        GEMINI.read_reply(body)
    assert caught.value.where == where


def test_an_error_told_with_success_is_an_error():
    with pytest.raises(OverloadedError):
        read_raw({"error": {"code": 503, "message": "Try later", "status": "UNAVAILABLE"}})


TEXT = "Où est 東京? 🗼 ist hier. Paris ist dort."
GROUNDED = {
    "webSearchQueries": ["tokyo"],
    "groundingChunks": [
        {"web": {"uri": "https://a.org", "title": "A"}},
        {"retrievedContext": {"uri": "gs://b", "title": "B", "text": "Paris"}},
        {"maps": {"uri": "https://m.org", "title": "M"}},
    ],
    "groundingSupports": [
        {"segment": {"startIndex": 8, "endIndex": 15, "text": "東京?"}, "groundingChunkIndices": [0, 2]},
        {
            "segment": {
                "startIndex": len("Où est 東京? 🗼 ist hier. ".encode()),
                "endIndex": len(TEXT.encode()),
                "text": "Paris ist dort.",
            },
            "groundingChunkIndices": [1, 9],
        },
        {"segment": {"endIndex": 3, "text": "not there"}, "groundingChunkIndices": [0]},
        {"groundingChunkIndices": []},
        "odd",
    ],
}


def test_what_an_answer_rests_on_is_counted_in_characters():
    reply = read({"executableCode": {}}, {"text": TEXT}, groundingMetadata=GROUNDED)
    cited = reply.choices[0].parts[1].citations
    assert [(c.url, c.title, c.quote) for c in cited] == [
        ("https://a.org", "A", ""),
        ("https://m.org", "M", ""),
        ("gs://b", "B", "Paris"),
        ("https://a.org", "A", ""),
    ]
    assert [TEXT[c.start : c.end] for c in cited[:3]] == ["東京?", "東京?", "Paris ist dort."]
    assert (cited[3].start, cited[3].end) == (None, None)
    assert write(reply)[0]["candidates"][0]["groundingMetadata"] == GROUNDED


def test_citations_find_their_part_by_number_by_words_and_by_the_whole():
    def spans(*supports):
        chunks = [{"web": {"uri": "u"}}]
        found = [{"segment": s, "groundingChunkIndices": [0]} for s in supports]
        reply = read(
            {"text": "ab"}, {"text": "abcd"}, groundingMetadata={"groundingChunks": chunks, "groundingSupports": found}
        )
        return [[(c.start, c.end) for c in p.citations] for p in reply.choices[0].parts]

    assert spans({"partIndex": 1, "endIndex": 2, "text": "ab"}) == [[], [(0, 2)]]
    assert spans({"startIndex": 2, "endIndex": 4, "text": "cd"}) == [[], [(2, 4)]]
    assert spans({"startIndex": 4, "endIndex": 6, "text": "cd"}) == [[], [(2, 4)]]
    assert spans({"startIndex": 4, "endIndex": 6}) == [[], [(2, 4)]]
    assert spans({"partIndex": 7, "startIndex": 9, "endIndex": 99}) == [[(None, None)], []]
    assert spans({"partIndex": "x", "startIndex": -4, "endIndex": True}) == [[(None, None)], []]


@pytest.mark.parametrize(
    "grounding",
    [
        [],
        "x",
        {"groundingChunks": {}},
        {"groundingChunks": [1], "groundingSupports": [{"groundingChunkIndices": [0]}]},
        {"groundingChunks": [{}], "groundingSupports": {}},
    ],
)
def test_strange_grounding_is_kept_and_says_nothing(grounding):
    reply = read({"text": "a"}, groundingMetadata=grounding)
    assert reply.choices[0].parts[0].citations == ()
    assert write(reply)[0]["candidates"][0]["groundingMetadata"] == grounding


def test_citations_of_others_are_written_in_bytes_and_read_again():
    cited = (
        Citation("https://a.org", "A", "", 3, 5),
        Citation("https://b.org", "", "said so", 3, 5),
        Citation("", "Book", "", 0, 2),
        Citation("https://a.org", "A"),
    )
    out, losses = write_choice(ReasoningPart("x"), TextPart("東京🗼ab", citations=cited), finish="stop")
    assert losses == ()
    grounding = out["groundingMetadata"]
    assert [list(c) for c in grounding["groundingChunks"]] == [["web"], ["retrievedContext"], ["retrievedContext"]]
    assert grounding["groundingSupports"][0]["segment"] == {
        "endIndex": 12,
        "text": "ab",
        "startIndex": 10,
        "partIndex": 1,
    }
    assert grounding["groundingSupports"][0]["groundingChunkIndices"] == [0, 1]
    again = read_raw({"candidates": [out]})
    assert again.choices[0].parts[1].citations == cited


def test_changed_text_takes_its_citations_along():
    reply = read(
        {"text": "東 b"},
        groundingMetadata={
            **GROUNDED,
            "groundingSupports": [
                {"segment": {"startIndex": 4, "endIndex": 5, "text": "b"}, "groundingChunkIndices": [0]}
            ],
        },
    )
    part = reply.choices[0].parts[0]
    moved = replace(part, text="x b", citations=(replace(part.citations[0], start=2, end=3),))
    out, _ = write(replace(reply, choices=(replace(reply.choices[0], parts=(moved,)),)))
    grounding = out["candidates"][0]["groundingMetadata"]
    assert grounding["groundingSupports"] == [
        {"segment": {"startIndex": 2, "endIndex": 3, "text": "b"}, "groundingChunkIndices": [0]}
    ]
    assert grounding["webSearchQueries"] == ["tokyo"]


def test_logprobs_both_ways():
    tokens = (Logprob("a", -0.5, (("a", -0.5), ("b", -1.5))), Logprob("c", -2.0))
    out, _ = write_choice(TextPart("ac"), logprobs=tokens, finish="stop")
    assert read_raw({"candidates": [out]}).choices[0].logprobs == tokens


def test_an_answer_from_elsewhere():
    parts = (
        ReasoningPart("Hm", (Blob("a", SEAL, "signature"), Blob("a", "eA==", "encrypted"))),
        ReasoningPart(
            "", (Blob("a", "no base64!", "redacted"), Blob("a", "rsn_5ZVr", "redacted"), Blob("a", "abc", "x"))
        ),
        TextPart("Hi", blobs=(Blob("gemini-generate", "eQ==", "signature"),)),
        ImagePart(data="AAAA", media_type="image/png"),
        FilePart(data="AAAA", media_type="audio/wav", name="a.wav"),
        OpaquePart("else", {"x": 1}),
        ToolCallPart("c1", "f", '{"a":1}', blobs=(Blob("b", SEAL, "signature"),)),
    )
    reply = Reply(
        (Choice(parts, "tool_calls", "No."), Choice((TextPart("2"),), "stop")),
        Usage(9, 4, 7, 2),
        "id1",
        "m",
        1700000000,
    )
    out, losses = write(reply)
    assert out == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "Hm", "thought": True, "thoughtSignature": SEAL},
                        {"text": "", "thought": True, "thoughtSignature": "eA=="},
                        {"text": "Hi", "thoughtSignature": "eQ=="},
                        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                        {"inlineData": {"mimeType": "audio/wav", "displayName": "a.wav", "data": "AAAA"}},
                        {"functionCall": {"name": "f", "id": "c1", "args": {"a": 1}}, "thoughtSignature": SEAL},
                        {"text": "No."},
                    ],
                    "role": "model",
                },
                "index": 0,
                "finishReason": "STOP",
            },
            {"content": {"parts": [{"text": "2"}], "role": "model"}, "index": 1, "finishReason": "STOP"},
        ],
        "usageMetadata": {
            "promptTokenCount": 9,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 2,
            "cachedContentTokenCount": 4,
            "totalTokenCount": 16,
        },
        "modelVersion": "m",
        "responseId": "id1",
        "createTime": "2023-11-14T22:13:20Z",
    }
    assert {loss.field: loss.severity for loss in losses} == {
        "choices[0].parts[5]": "high",
        "choices[0].refusal": "low",
    }
    assert read_raw(out).usage == reply.usage


@pytest.mark.parametrize("created", [-5, 0, 10**30])
def test_a_time_that_is_none_is_not_told(created):
    assert "createTime" not in write(Reply((Choice((), "stop"),), created=created))[0]


@pytest.mark.parametrize("stamp", ["", "yesterday", 5, None, "2026-05-31T21:34:43"])
def test_a_strange_time_is_kept(stamp):
    raw = {"candidates": [{"content": {"parts": []}}], "createTime": stamp}
    reply = read_raw(raw)
    assert reply.created == 0
    assert write(reply)[0] == raw


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "content",
        "parts",
        "text",
        "finishReason",
        "finish_reason",
        "index",
        "groundingMetadata",
        "groundingChunks",
        "groundingSupports",
        "segment",
        "startIndex",
        "endIndex",
        "groundingChunkIndices",
        "web",
        "logprobsResult",
        "chosenCandidates",
        "topCandidates",
        "candidates",
        "role",
        "thought",
        "functionCall",
        "name",
    ]
)
CANDIDATES = st.recursive(
    JSON, lambda inner: st.dictionaries(KEYS, inner, max_size=4) | st.lists(inner, max_size=3), max_leaves=12
)


@settings(max_examples=60)
@given(candidates=st.lists(st.dictionaries(KEYS, CANDIDATES, max_size=4), min_size=1, max_size=2), usage=JSON)
def test_whatever_is_read_comes_back_and_nothing_crashes(candidates, usage):
    raw = {"candidates": candidates, "usageMetadata": usage}
    try:
        reply = read_raw(raw)
    except EngineError:
        return
    out = write(reply)[0]
    assert out == raw


@pytest.mark.parametrize(
    ("status", "word", "message", "kind"),
    [
        (400, "INVALID_ARGUMENT", "contents is not specified", RefusedRequestError),
        (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", WrongKeyError),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", WrongKeyError),
        (403, "PERMISSION_DENIED", "The caller does not have permission", WrongKeyError),
        (404, "NOT_FOUND", "models/gemini-0 is not found for API version v1beta", UnknownModelError),
        (429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", RateLimitedError),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing.",
            NoCreditError,
        ),
        (500, "INTERNAL", "An internal error has occurred.", OverloadedError),
        (503, "UNAVAILABLE", "The model is overloaded.", OverloadedError),
        (504, "DEADLINE_EXCEEDED", "The request timed out.", DeadlineError),
    ],
)
def test_errors_are_understood_and_passed_on(status, word, message, kind):
    told = {"error": {"code": status, "message": message, "status": word}}
    body = json.dumps(told).encode()
    error = GEMINI.read_error(status, {"retry-after": "7"}, body, engine="m@h")
    assert type(error) is kind
    assert error.where == "m@h"
    assert error.status == status
    assert error.retry_after == 7
    if kind not in (WrongKeyError, NoCreditError):
        assert GEMINI.write_error(error) == (status, body)
    as_list = GEMINI.read_error(status, {}, b"[" + body + b"]", engine="m@h")
    assert type(as_list) is kind


def test_how_long_to_wait_is_told_in_the_body():
    details: list[dict[str, Any]] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.5s"}]
    quota = "You exceeded your current quota, please check your plan and billing details."
    body = json.dumps(
        {"error": {"code": 429, "message": quota, "status": "RESOURCE_EXHAUSTED", "details": details}}
    ).encode()
    error = GEMINI.read_error(429, {}, body, engine="m@h")
    assert type(error) is RateLimitedError  # a quota that comes back is a rate
    assert error.retry_after == 38.5
    assert GEMINI.write_error(error) == (429, body)
    assert GEMINI.read_error(429, {"retry-after": "2"}, body, engine="m@h").retry_after == 2
    for delay in ("1e9s", "xs", 5, "9999999s"):
        details[0]["retryDelay"] = delay
        body = json.dumps({"error": {"code": 503, "message": "Busy", "details": details}}).encode()
        assert GEMINI.read_error(503, {}, body, engine="m@h").retry_after is None


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><title>Bad gateway</title></html>", b"[]", b'"x"', b'{"error":5}', b'{"error":{"details":{}}}'],
)
def test_a_strange_error_is_an_error_still(body):
    error = GEMINI.read_error(502, {}, body, engine="m@h")
    assert isinstance(error, OverloadedError)
    assert error.told == ("gemini-generate", body)


def subclasses(kind: type[WeighbridgeError]) -> set[type[WeighbridgeError]]:
    return {kind, *(inner for child in kind.__subclasses__() for inner in subclasses(child))}


@pytest.mark.parametrize("kind", sorted(subclasses(WeighbridgeError), key=attrgetter("code")))
def test_each_error_of_ours_has_a_status_and_is_known_again(kind):
    status, body = GEMINI.write_error(kind("It went wrong.", where="contents[0]", fix="Do better."))
    told = json.loads(body)["error"]
    assert status == told["code"] == kind.http_status
    assert told["status"].isupper()
    assert told["message"].endswith("It went wrong. Do better.")
    assert told["details"][0]["reason"] == kind.code.upper()
    if issubclass(kind, EngineError) and kind in (
        RateLimitedError,
        OverloadedError,
        UnknownModelError,
        NoCreditError,
        DeadlineError,
    ):
        assert GEMINI.read_error(status, {}, body, engine="m@h").code == kind.code


def test_an_error_names_its_field_and_its_wait():
    _, body = GEMINI.write_error(InputError("It is missing.", where="contents", fix="Give it."))
    error = json.loads(body)["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["message"] == "contents: It is missing. Give it."
    assert error["details"][1]["fieldViolations"] == [{"field": "contents", "description": "It is missing."}]
    _, body = GEMINI.write_error(RateLimitedError("Slow down.", retry_after=1.5))
    assert json.loads(body)["error"]["details"][1]["retryDelay"] == "1.5s"
    status, body = GEMINI.write_error(UnknownRouteError("There is no route 'x'."))
    assert status == 404
    assert json.loads(body)["error"]["status"] == "NOT_FOUND"
