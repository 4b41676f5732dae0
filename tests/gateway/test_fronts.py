"""The table of paths: what each means, in which dialect, whatever a client puts before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.gateway.fronts import ANTHROPIC, CHAT, GEMINI, RESPONSES, ROWS, Front, Fronts, speaker

ALL = (CHAT, RESPONSES, ANTHROPIC, GEMINI)
FRONTS = Fronts(ALL)
VERTEX = "/v1beta1/projects/p-1/locations/eu/publishers/google/models/"


@pytest.mark.parametrize(
    ("method", "path", "dialect", "action", "name"),
    [
        ("POST", "/v1/chat/completions", CHAT, "exchange", ""),
        ("POST", "/chat/completions", CHAT, "exchange", ""),
        ("POST", "/v1/v1/chat/completions", CHAT, "exchange", ""),
        ("POST", "/v1/embeddings", CHAT, "embed", ""),
        ("POST", "/v1/responses", RESPONSES, "exchange", ""),
        ("POST", "/responses", RESPONSES, "exchange", ""),
        ("GET", "/v1/responses/resp_1", RESPONSES, "retrieve", "resp_1"),
        ("DELETE", "/responses/resp_1", RESPONSES, "forget", "resp_1"),
        ("GET", "/v1/responses/resp_1/input_items", RESPONSES, "items", "resp_1"),
        ("POST", "/v1/messages", ANTHROPIC, "exchange", ""),
        ("POST", "/messages", ANTHROPIC, "exchange", ""),
        ("POST", "/v1/v1/messages", ANTHROPIC, "exchange", ""),
        ("POST", "/v1/messages/count_tokens", ANTHROPIC, "count", ""),
        ("POST", "/v1beta/models/a@b:generateContent", GEMINI, "exchange", "a@b"),
        ("POST", "/v1/models/a@b:generateContent", GEMINI, "exchange", "a@b"),
        ("POST", "/models/a:generateContent", GEMINI, "exchange", "a"),
        ("POST", "/v1beta/models/models/a:generateContent", GEMINI, "exchange", "a"),
        ("POST", "/v1beta/models/org/a:free@h:generateContent", GEMINI, "exchange", "org/a:free@h"),
        ("POST", "/v1/v1beta/models/a:countTokens", GEMINI, "count", "a"),
        ("POST", VERTEX + "a:streamGenerateContent", GEMINI, "exchange", "a"),
        ("POST", "/v1beta1/publishers/google/models/a:countTokens", GEMINI, "count", "a"),
        ("GET", "/v1/models", "", "models", ""),
        ("HEAD", "/models", "", "models", ""),
        ("GET", "/v1/models/org/a@b", "", "model", "org/a@b"),
        ("GET", "/v1beta/models", GEMINI, "models", ""),
        ("GET", "/v1beta/models/a@b", GEMINI, "model", "a@b"),
        ("GET", "/healthz", CHAT, "healthz", ""),
        ("HEAD", "/metrics", CHAT, "metrics", ""),
    ],
)
def test_paths(method, path, dialect, action, name):
    front = FRONTS.find(method, path)
    assert isinstance(front, Front)
    assert (front.dialect, front.action, front.name) == (dialect, action, name)
    assert front.stream == (":stream" in path)


@pytest.mark.parametrize(
    ("query", "array"),
    [(b"", True), (b"alt=sse", False), (b"key=k&alt=sse", False), (b"alt=json", True), (b"xalt=sse", True)],
)
def test_a_stream_without_events_is_a_list(query, array):
    front = FRONTS.find("POST", "/v1beta/models/a:streamGenerateContent", query)
    assert isinstance(front, Front)
    assert front.array is array


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/messages", ("POST",)),
        ("HEAD", "/v1/chat/completions", ("POST",)),
        ("PUT", "/v1/responses/x", ("GET", "DELETE")),
        ("OPTIONS", "/v1/models", ("GET",)),
        ("POST", "/v1/models/x", ("GET",)),
        ("GET", "/", ()),
        ("POST", "/v1", ()),
        ("POST", "/v2/messages", ()),
        ("POST", "/v1/messages/", ()),
        ("GET", "/v1/responses/a/b", ()),
        ("POST", "/v1/v1/v1/messages", ()),
        ("POST", "/v1beta/models/:generateContent", ("GET",)),
        ("GET", "/v1/healthz", ()),
    ],
)
def test_what_is_not_there(method, path, allowed):
    assert FRONTS.find(method, path) == allowed


def test_a_dialect_that_is_not_known_has_no_paths():
    few = Fronts([CHAT])
    assert few.find("POST", "/v1/messages") == ()
    assert isinstance(few.find("POST", "/v1/chat/completions"), Front)
    assert few.find("POST", "/v1beta/models/a:generateContent") == ()
    assert "/v1/messages" in FRONTS.paths
    assert "/v1/messages" not in few.paths


def test_every_row_can_be_found():
    for method, path, dialect, action in ROWS:
        front = FRONTS.find(method, path.format(name="some"))
        assert isinstance(front, Front)
        assert (front.dialect, front.action) == (dialect, action)


@given(st.text(max_size=60), st.sampled_from(["GET", "POST", "DELETE", "TRACE"]))
def test_any_path_is_answered(path, method):
    assert isinstance(FRONTS.find(method, f"/v1beta/models/{path}"), (Front, tuple))
    assert isinstance(FRONTS.find(method, path), (Front, tuple))


@pytest.mark.parametrize(
    ("path", "headers", "query", "dialect"),
    [
        ("/v1/models", {}, b"", CHAT),
        ("/v1/models", {b"anthropic-version": b"2023-06-01"}, b"", ANTHROPIC),
        ("/v1/models", {b"x-goog-api-key": b"k"}, b"", GEMINI),
        ("/v1/models", {}, b"a=1&key=k", GEMINI),
        ("/v1/models", {}, b"monkey=k", CHAT),
        ("/v1beta/nothing", {}, b"", GEMINI),
        ("/v1/messages/batches", {}, b"", ANTHROPIC),
        ("/v1/responses/x/cancel", {}, b"", RESPONSES),
        ("/", {}, b"", CHAT),
    ],
)
def test_who_speaks(path, headers, query, dialect):
    assert speaker(path, headers, query) == dialect
