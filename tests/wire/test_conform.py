"""The checks find what is wrong, count what is told, and the matrix shows both."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from rows_of_wire import CHAT, STREAM

from weighbridge import dialects
from weighbridge.canon import Loss
from weighbridge.dialects.openai_chat import OpenAIChat
from weighbridge.errors import InputError
from weighbridge.wire import page
from weighbridge.wire.checks import check, first_difference
from weighbridge.wire.corpus import Row, files, read
from weighbridge.wire.matrix import ALL, gather

REPLY = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Sunny."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
}


def row(response=REPLY, *, status=200, stream=False, name="r1", request=None):
    text = response if isinstance(response, str) else json.dumps(response)
    return Row(name, "openai-chat", status, json.dumps(request or CHAT).encode(), text.encode(), stream)


def failed(found):
    return {f.check: f.differs for f in found.findings if f.outcome == "failed"}


def test_a_good_exchange_passes_every_check() -> None:
    found = check(row(), {})
    assert failed(found) == {}
    assert {"text", "system", "several turns", "tools", "tool calls", "tool results"} <= found.features
    others = [name for name in dialects.NAMES if name != "openai-chat"]
    checks = {f.check for f in found.findings}
    assert {f"request to {name} and back" for name in others} <= checks
    assert {f"reply to {name} and back" for name in others} <= checks


def test_a_stream_passes_too() -> None:
    found = check(row(STREAM, stream=True), {})
    assert failed(found) == {}
    assert "stream" in found.features


def test_an_error_told_in_a_stream_counts_as_one() -> None:
    told = 'data: {"error": {"message": "overloaded", "code": 503}}\n\n'
    found = check(row(told, stream=True), {})
    assert failed(found) == {}
    assert "error" in found.features


def test_an_error_is_told_in_every_dialect() -> None:
    body = {"error": {"message": "Slow down.", "type": "rate_limit_error", "code": "rate_limit_exceeded"}}
    assert failed(check(row(body, status=429), {})) == {}


def test_what_cannot_be_read_fails_and_crashes_nothing() -> None:
    assert list(failed(check(row({"choices": None}), {}))) == ["answer is read"]
    assert "request is read" in failed(check(row(request={"model": "m"}), {}))


class Forgetful(OpenAIChat):
    """Drops the stop sequences, and says so only if told to."""

    def __init__(self, losses: tuple[Loss, ...] = ()) -> None:
        self._losses = losses

    def write_request(self, request, profile):
        body, losses = super().write_request(request, profile)
        value = json.loads(body)
        value.pop("stop", None)
        return json.dumps(value).encode(), losses + self._losses


def test_what_is_lost_silently_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(dialects._ALL, "openai-chat", Forgetful())
    found = failed(check(row(), {}))
    assert "stop" in found["request comes back exact"]


def test_what_was_told_is_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [name for name in dialects.NAMES if name != "openai-chat"]
    monkeypatch.setitem(dialects._ALL, "openai-chat", Forgetful((Loss("stop", "no room", "low"),)))
    found = check(row(), {})
    told = {f.check for f in found.findings if f.outcome == "told"}
    assert told == {f"request to {name} and back" for name in others}


def test_a_vendors_types_have_the_last_word() -> None:
    others = [name for name in dialects.NAMES if name != "openai-chat"]

    def refuse(kind: str, body: bytes) -> None:
        raise ValueError(f"{kind} of {len(body) > 0}")

    found = failed(check(row(), dict.fromkeys(dialects.NAMES, refuse)))
    assert set(found) == {f"reply to {name} parses in the SDK" for name in others}


def test_differences_name_their_place() -> None:
    assert first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}) == ".a[1].b: 2 became 3"
    assert first_difference([1], [1, 2]) == ": 1 became 2 items"
    assert first_difference({}, {"x": 1}) == ".x: '(absent)' became 1"


def test_the_matrix_counts_by_feature_and_names_what_fails() -> None:
    matrix = gather([check(row(), {}), check(row({"choices": None}, name="<bad>"), {})])
    assert matrix.rows == {"openai-chat": 2}
    assert matrix.cells["openai-chat", ALL, "request comes back exact"].ok == 2
    assert matrix.cells["openai-chat", "tools", "reply comes back exact"].ok == 1
    assert [f.id for f in matrix.failures] == ["<bad>"]
    assert matrix.as_json()["failures"][0]["check"] == "answer is read"
    assert "| tools |" in page.markdown(matrix)
    assert "<bad>" not in page.html(matrix)
    assert "&lt;bad&gt;" in page.html(matrix)


def recorded(**changed):
    base = {"id": "1", "dialect": "openai-chat", "path": "/v1/chat/completions", "status": 200, "stream": False}
    return base | {"request": CHAT, "response": REPLY} | changed


def test_a_corpus_is_read_from_files_and_folders(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_text(json.dumps(recorded()) + "\n")
    packed.write_bytes(gzip.compress(json.dumps(recorded(path="/v1beta/models/x%2Fy:streamGenerateContent")).encode()))
    assert files([tmp_path]) == [plain, packed]
    assert [r.id for r in read(plain)] == ["1"]
    assert next(read(packed)).model == "x/y"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (json.dumps(recorded(dialect="klingon")), "klingon"),
        (json.dumps(recorded(request=None)), "no request"),
        ("{", "JSON"),
    ],
)
def test_a_line_that_is_no_recording_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text + "\n")
    with pytest.raises(InputError, match=what) as error:
        list(read(path))
    assert error.value.where.endswith("a.jsonl:1")


def test_paths_must_exist_and_hold_something(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        files([tmp_path / "x.jsonl"])
    with pytest.raises(InputError, match=r"no \.jsonl"):
        files([tmp_path])
    broken = tmp_path / "x.jsonl.gz"
    broken.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        list(read(broken))
