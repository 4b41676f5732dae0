"""`weighbridge ask` as a newcomer and as a program sees it, over recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weighbridge.canon import ImagePart, TextPart, Usage
from weighbridge.cli import app
from weighbridge.cli.ask import Pane, figures
from weighbridge.cli.attach import MAX_BYTES, attach
from weighbridge.errors import InputError, MediaError, NoKeyError, TooLargeError, UnknownEngineError
from weighbridge.settings import load
from weighbridge.store.reader import recent
from weighbridge.store.state import State

CONFIG = """
[models.a]
[models.b]
[hosts.one]
recorded = { path = "one.jsonl" }
[hosts.two]
recorded = { path = "two.jsonl" }
[hosts.down]
recorded = { path = "one.jsonl", fail_rate = 1.0, fail_status = 401 }
[offers."a@one"]
price = { input = 1.0, output = 2.0, valid_from = "2020-01-01" }
[offers."b@two"]
[offers."a@down"]
[routes.assistant]
primary = "a@one"
"""


@pytest.fixture(autouse=True)
def recordings(tmp_path: Path) -> None:
    (tmp_path / "weighbridge.toml").write_text(CONFIG)
    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    rows = {"one": "The Rhine and the \x1b[31mNile.", "two": "The Rhine and the Volga."}
    for name, output in rows.items():
        row = {"input": "Name two rivers.", "output": output, "usage": usage}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(row) + "\n")


def run(*words: str, code: int = 0, given: str = "") -> str:
    result = CliRunner().invoke(app, ["ask", *words], catch_exceptions=False, input=given)
    assert result.exit_code == code, result.output
    return result.output


def test_answers_stand_below_each_other_when_piped() -> None:
    out = run("Name two rivers.", "--engines", "a@one, b@two")
    assert out.index("== a@one") < out.index("The Rhine and the") < out.index("== b@two") < out.index("Volga")
    assert "3 + 5 tokens, $0.000013" in out
    assert "cost unknown" in out
    assert "\x1b" not in out  # an engine cannot write to the terminal's controls


def test_json_for_programs() -> None:
    first, second = json.loads(run("Name two rivers.", "--engines", "a@one,b@two", "--json"))
    assert (first["engine"], first["cost_micro"], first["usage"]) == ("a@one", 13, {"input": 3, "output": 5})
    assert first["text"] == "The Rhine and the \x1b[31mNile."
    assert second["error"] is None
    assert second["finish"] == "stop"


def test_a_route_may_be_asked_and_leaves_a_trace(tmp_path: Path) -> None:
    assert "== assistant" in run("Name two rivers.", "--engines", "assistant")
    (trace,) = recent(load(start=tmp_path).traces_path, limit=5)
    assert (trace.route, trace.engine, trace.source) == ("assistant", "a@one", "ask")


def test_old_traces_are_sealed_where_no_gateway_runs(tmp_path: Path) -> None:
    (tmp_path / "weighbridge.toml").write_text(CONFIG + "[store]\nsegment_seconds = 0.001\n")
    for _ in range(2):
        run("Name two rivers.", "--engines", "a@one")
    folder = load(start=tmp_path).traces_path
    assert len(list(folder.rglob("*.parquet"))) == 1
    assert len(recent(folder, limit=5)) == 2


def test_one_failure_is_told_beside_the_other_answer() -> None:
    out = run("Name two rivers.", "--engines", "a@down,b@two")
    assert "wrong_key" in out
    assert "Volga" in out


def test_when_all_fail_the_exit_code_says_so() -> None:
    run("Name two rivers.", "--engines", "a@down", code=4)


def test_the_question_may_come_from_standard_input() -> None:
    assert "Volga" in run("-", "--engines", "b@two", given="Name two rivers.")


def test_diff_marks_the_words_that_differ() -> None:
    out = run("Name two rivers.", "--engines", "a@one,b@two", "--diff")
    assert "{+Volga.+}" in out
    assert "a@one against b@two" in out


def test_blind_hides_names_until_the_vote_is_cast_and_keeps_it(tmp_path: Path) -> None:
    out = run("Name two rivers.", "--engines", "a@one,b@two", "--blind", given="z\nB\n")
    before, _, after = out.partition("Which answer is best?")
    assert "@" not in before
    assert "answer A" in before
    assert "'z' is not one of" in after
    assert "<- your vote" in after
    state = State(load(start=tmp_path).state_place)
    (vote,) = state.votes()
    state.close()
    assert vote.choice == vote.engines[1]
    assert vote.question == "Name two rivers."
    assert len(vote.traces) == 2


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("hi", "--engines", "a@on"), UnknownEngineError, "is offered by: one"),
        (("hi", "--engines", ","), InputError, "Name 1 to 8"),
        (("  ", "--engines", "a@one"), InputError, "empty"),
        (("hi", "--engines", "gpt-4.1@openai"), NoKeyError, "OPENAI_API_KEY"),
        (("hi", "--engines", "a@one", "--blind", "--json"), InputError, "Leave one"),
        (("hi", "--engines", "a@one", "--file", "none.txt"), InputError, "cannot be read"),
    ],
)
def test_mistakes_are_told_before_anything_is_asked(words, error, message) -> None:
    with pytest.raises(error, match=message):
        run(*words)


def test_files_go_along(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("Grüße")
    (tmp_path / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n....")
    (tmp_path / "odd.bin").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "big.txt").write_bytes(b"x" * (MAX_BYTES + 1))
    text = attach(tmp_path / "note.txt")
    assert isinstance(text, TextPart)
    assert text.text == "File note.txt:\nGrüße\n\n"
    image = attach(tmp_path / "dot.png")
    assert isinstance(image, ImagePart)
    assert image.media_type == "image/png"
    with pytest.raises(MediaError, match="neither"):
        attach(tmp_path / "odd.bin")
    with pytest.raises(TooLargeError, match="10 MB"):
        attach(tmp_path / "big.txt")


def test_what_would_betray_an_engine_is_kept_back_while_blind(tmp_path: Path) -> None:
    run("Name two rivers.", "--engines", "a@one")
    (trace,) = recent(load(start=tmp_path).traces_path, limit=1)
    pane = Pane("a@one", "answer A", trace=trace)
    assert figures(pane, blind=True) == "5 tokens"
    assert "total" in figures(pane)
    assert figures(Pane("a@one", "a@one")) == ""
    assert trace.usage == Usage(input=3, output=5)
