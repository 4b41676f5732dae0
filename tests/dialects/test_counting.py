"""Counts: the frame around a request in the dialects that can ask for one."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import Profile
from weighbridge.dialects import counting
from weighbridge.errors import BrokenAnswerError, InputError, TooLargeError

ANTHROPIC, GEMINI = counting.NAMES
TOOL = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {}}}
SAID: dict[str, Any] = {
    "model": "claude",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": "Grüße \N{SNOWMAN}"}],
    "tools": [TOOL],
    "thinking": {"type": "enabled", "budget_tokens": 2000},
}
CONTENTS = [{"role": "user", "parts": [{"text": "Grüße \N{SNOWMAN}"}]}]
WHOLE = {
    "contents": CONTENTS,
    "systemInstruction": {"parts": [{"text": "Be brief."}]},
    "generationConfig": {"temperature": 0.5},
}


def read(dialect, value, **more):
    return counting.read_request(dialect, json.dumps(value).encode(), **more)


def written(dialect, request, model="up"):
    return json.loads(counting.write_request(dialect, replace(request, model=model), Profile()))


def test_where_counts_are_asked_for():
    assert counting.target(ANTHROPIC, "claude") == "/messages/count_tokens"
    assert counting.target(GEMINI, "gemini-2.5-pro") == "/models/gemini-2.5-pro:countTokens"


def test_a_count_of_anthropics_passes_as_it_is():
    assert written(ANTHROPIC, read(ANTHROPIC, SAID)) == SAID | {"model": "up"}


def test_how_to_answer_is_not_counted():
    more = {"max_tokens": 5, "stream": True, "temperature": 1, "stop_sequences": ["x"], "metadata": {"user_id": "u"}}
    assert written(ANTHROPIC, read(ANTHROPIC, SAID | more)) == SAID | {"model": "up"}


def test_both_forms_of_geminis():
    plain = read(GEMINI, {"contents": CONTENTS}, model="m")
    assert plain.model == "m"
    assert written(GEMINI, plain) == {"contents": CONTENTS}
    for key in ("generateContentRequest", "generate_content_request"):
        inner = read(GEMINI, {key: {"model": "models/other", **WHOLE}}, model="m")
        assert inner.model == "m"
        assert written(GEMINI, inner) == {"generateContentRequest": {"model": "models/up", **WHOLE}}


def test_counts_cross():
    request = read(ANTHROPIC, SAID)
    told = written(GEMINI, request)["generateContentRequest"]
    assert told["contents"] == CONTENTS
    assert told["tools"][0]["functionDeclarations"][0]["name"] == "look"
    back = written(ANTHROPIC, read(GEMINI, {"generateContentRequest": {"model": "models/x", **WHOLE}}, model="m"))
    assert back["system"] in ("Be brief.", [{"type": "text", "text": "Be brief."}])
    assert back.keys() <= {"model", "system", "messages"}


def test_answers():
    assert counting.read_answer(b'{"input_tokens": 7, "more": 1}') == 7
    assert counting.read_answer(b'{"totalTokens": 8, "promptTokensDetails": []}') == 8
    assert json.loads(counting.write_answer(ANTHROPIC, 7)) == {"input_tokens": 7}
    assert json.loads(counting.write_answer(GEMINI, 8)) == {"totalTokens": 8}
    for bad in (
        b"",
        b"{}",
        b"[]",
        b'{"input_tokens": -1}',
        b'{"input_tokens": "7"}',
        b'{"totalTokens": 1e300}',
        b"\xff",
    ):
        with pytest.raises(BrokenAnswerError):
            counting.read_answer(bad)


def test_what_cannot_be_counted():
    for dialect in counting.NAMES:
        for bad in (b"", b"{", b"[]", b"\xff"):
            with pytest.raises(InputError):
                counting.read_request(dialect, bad, model="m")
        with pytest.raises(TooLargeError):
            counting.read_request(dialect, b'{"a":' * 100 + b"1" + b"}" * 100, model="m", max_depth=20)
    with pytest.raises(InputError) as error:
        read(GEMINI, {"generateContentRequest": 3}, model="m")
    assert error.value.where == "generateContentRequest"


@given(st.sampled_from(counting.NAMES), st.binary(max_size=80))
def test_no_bytes_crash_it(dialect, body):
    with contextlib.suppress(InputError):
        counting.read_request(dialect, body, model="m")
