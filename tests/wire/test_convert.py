"""Rows from one dialect to another, and rows that are none."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rows_of_wire import CHAT, STREAM

from weighbridge import dialects
from weighbridge.canon import Profile
from weighbridge.errors import InputError, UnknownEngineError
from weighbridge.wire.convert import convert
from weighbridge.wire.lines import read

OUTLINE = {
    "system": "Be brief.",
    "turns": [
        {"role": "user", "text": "Weather in Ávila?", "tool_calls": [], "tool_results": []},
        {
            "role": "assistant",
            "text": "",
            "tool_calls": [{"name": "weather", "arguments": {"city": "Ávila"}}],
            "tool_results": [],
        },
        {
            "role": "user",
            "text": "And tomorrow?",
            "tool_calls": [],
            "tool_results": [{"name": "weather", "text": "sunny"}],
        },
    ],
    "tools": [{"name": "weather", "schema": CHAT["tools"][0]["function"]["parameters"]}],
    "max_output": 50,
    "stop": ["END"],
}


def no_engine(name: str, dialect: str):
    raise UnknownEngineError(f"There is no engine '{name}'.", fix=dialect)


def turned(source, target, body, kind="request", **more):
    return convert({"kind": kind, "from": source, "to": target, "body": body, **more}, no_engine).row()


def test_a_request_is_told_in_the_canons_words() -> None:
    assert turned("openai-chat", "canon", CHAT) == {"body": OUTLINE, "losses": [], "error": None}


def test_on_its_own_dialect_a_request_comes_back_as_it_was() -> None:
    odd = {**CHAT, "an_unknown_field": {"x": [1, None]}, "stream": True}
    assert turned("openai-chat", "openai-chat", odd)["body"] == odd


@pytest.mark.parametrize("target", dialects.NAMES)
def test_what_a_request_says_survives_every_dialect(target: str) -> None:
    there = turned("openai-chat", target, CHAT)
    assert there["error"] is None
    back = turned(target, "canon", there["body"])
    told = {loss["field"].partition("[")[0] for loss in there["losses"]}
    for field, value in OUTLINE.items():
        assert back["body"][field] == value or field in told, (field, there["losses"])


GEMINI = {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}


def test_a_model_that_only_the_path_would_tell() -> None:
    assert turned("gemini-generate", "gemini-generate", GEMINI) == {"body": GEMINI, "losses": [], "error": None}
    unnamed = turned("gemini-generate", "openai-chat", GEMINI)
    assert [(loss["field"], loss["severity"]) for loss in unnamed["losses"]] == [("model", "low")]
    named = turned("gemini-generate", "openai-chat", GEMINI, model="gemini-3-pro", stream=True)
    assert (named["body"]["model"], named["body"]["stream"], named["losses"]) == ("gemini-3-pro", True, [])


def test_a_text_that_is_json_already_is_a_body_too() -> None:
    assert turned("openai-chat", "canon", json.dumps(CHAT))["body"] == OUTLINE


def test_an_engines_quirks_are_applied_and_told() -> None:
    def engine(name, dialect):
        assert (name, dialect) == ("m@h", "openai-chat")
        return Profile(drop=("stop",), rename={"max_tokens": "max_completion_tokens"}), "up/m"

    row = {"kind": "request", "from": "openai-chat", "to": "openai-chat", "engine": "m@h", "body": CHAT}
    made = convert(row, engine).row()
    assert made["body"]["model"] == "up/m"
    assert made["body"]["max_completion_tokens"] == 50
    assert "stop" not in made["body"]
    assert [loss["field"] for loss in made["losses"]] == ["stop"]
    assert set(made["losses"][0]) == {"field", "reason", "severity"}


def test_a_stream_is_summed_up() -> None:
    assert turned("openai-chat", "canon", STREAM, "stream")["body"] == {
        "text": "Héllo",
        "reasoning": "",
        "tool_calls": [],
        "finish": "stop",
        "usage": {"input": 5, "cached": 0, "output": 2, "reasoning": 0},
    }


@pytest.mark.parametrize("target", dialects.NAMES)
def test_a_stream_says_the_same_in_every_dialect(target: str) -> None:
    there = turned("openai-chat", target, STREAM, "stream")
    assert there["error"] is None
    assert turned(target, "canon", there["body"], "stream") == turned("openai-chat", "canon", STREAM, "stream")


def test_a_stream_that_breaks_off_is_an_error_with_what_came() -> None:
    broken = turned("openai-chat", "canon", STREAM.partition("data: [DONE]")[0][:150], "stream")
    assert broken["error"]["code"] == "broken_answer"
    assert broken["body"]["text"] == "Hé"


@pytest.mark.parametrize("target", dialects.NAMES)
def test_an_error_keeps_its_meaning(target: str) -> None:
    body = {"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limited"}}
    there = turned("openai-chat", target, body, "error", status=429)
    back = turned(target, "canon", there["body"], "error", status=429)
    assert back["body"]["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({}, "kind"),
        ({"kind": "request"}, "from"),
        ({"kind": "request", "from": "openai-chat"}, "to"),
        ({"kind": "request", "from": "openai-chat", "to": "canon"}, "body"),
        ({"kind": "wish", "from": "openai-chat", "to": "canon", "body": {}}, "kind"),
        ({"kind": "request", "from": "canon", "to": "openai-chat", "body": {}}, "from"),
        ({"kind": "request", "from": ["x"], "to": "canon", "body": {}}, "from"),
        ({"kind": "stream", "from": "openai-chat", "to": "canon", "body": {}}, "body"),
        ({"kind": "error", "from": "openai-chat", "to": "canon", "body": {}, "status": "x"}, "status"),
        ({"kind": "error", "from": "openai-chat", "to": "canon", "body": {}, "statsu": 1}, "statsu"),
        ({"kind": "request", "from": "openai-chat", "to": "canon", "body": {"model": "m"}}, "messages"),
        ({"kind": "request", "from": "openai-chat", "to": "openai-chat", "engine": "x", "body": CHAT}, "x"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(row, field: str) -> None:
    made = convert(row, no_engine).row()
    assert made["body"] is None
    assert field in made["error"]["message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.sampled_from(["request", "reply", "stream", "error"]),
    st.sampled_from(dialects.NAMES),
    st.sampled_from([*dialects.NAMES, "canon"]),
    json_values,
)
def test_nothing_crashes_it(kind: str, source: str, target: str, body) -> None:
    made = turned(source, target, body, kind)
    assert set(made) == {"body", "losses", "error"}


def test_lines_that_are_none_are_errors_in_their_place() -> None:
    stream = io.BytesIO(b'\xef\xbb\xbf{"a": 1}\n\nnot json\n[1]\n' + b"x" * 300 + b'\n{"b": 2}')
    found = list(read(stream, "rows", max_line=100))
    assert [type(row) is dict for row in found] == [True, False, False, False, True]
    errors = [row for row in found if isinstance(row, InputError)]
    assert [error.where for error in errors] == ["rows:3", "rows:4", "rows:5"]
