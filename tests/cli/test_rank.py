"""`weighbridge rank`: chances to win from votes, style held equal, and votes that are none."""

from __future__ import annotations

import json
import random

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    def run(votes, *given):
        text = votes if isinstance(votes, str) else "\n".join(json.dumps(vote) for vote in votes)
        (tmp_path / "v.jsonl").write_text(text)
        return CliRunner().invoke(app, ["rank", str(tmp_path / "v.jsonl"), *given])

    return run


def votes(count=600):
    """`strong` beats `weak` in 7 of 10; `long` only seems as good as `strong`: its answers are longer."""
    rng = random.Random(3)
    made = []
    for number in range(count):
        one, other = rng.sample(["strong", "weak", "long"], 2)
        worth = {"strong": 0.85, "weak": 0.0, "long": 0.0}
        words = [40 + 80 * (name == "long") + rng.randrange(160) for name in (one, other)]
        odds = worth[one] - worth[other] + (words[0] - words[1]) / 95
        wins = rng.random() < 1 / (1 + 2.718281828**-odds)
        lengths = {"a_length": 5 * words[0], "b_length": 5 * words[1]}
        made.append({"a": one, "b": other, "winner": "a" if wins else "b", "voter": f"v{number % 9}", **lengths})
    return made


def test_chances_to_win_are_told_with_their_range(run):
    told = json.loads(run(votes(), "--against", "weak", "--cluster", "voter", "--json").output)
    by_name = {one["engine"]: one for one in told["engines"]}
    assert 0.6 < by_name["strong"]["against"]["value"] < 0.75
    assert by_name["strong"]["against"]["low"] < by_name["strong"]["against"]["value"]
    assert by_name["weak"]["against"]["value"] == 0.5
    assert by_name["weak"]["worst"] == 3
    assert by_name["strong"]["field"]["value"] > 0.5
    shown = run(votes(), "--against", "weak")
    assert "to weak" in shown.output
    assert max(map(len, shown.output.splitlines())) <= 80


def test_at_equal_length_the_long_one_is_no_better(run):
    plain = json.loads(run(votes(), "--against", "weak", "--json").output)
    equal = json.loads(run(votes(), "--against", "weak", "--style", "--json").output)
    before, after = (
        next(one for one in told["engines"] if one["engine"] == "long")["against"] for told in (plain, equal)
    )
    assert before["low"] > 0.55
    assert after["low"] < 0.5 < after["high"]
    assert equal["style"]["length"]["low"] > 0


def test_style_is_counted_from_texts(run):
    told = [
        {"a": "x", "b": "y", "score": n / 8, "a_text": "# A\n- one\n**b**" * n, "b_text": "plain"} for n in range(9)
    ]
    assert set(json.loads(run(told, "--style", "--json").output)["style"]) == {"length", "headers", "lists", "bold"}
    assert "More bold" in run(told, "--style").output


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no votes"),
        ('{"a": "x", "b": "x", "winner": "a"}', "with itself"),
        ('{"a": "x", "winner": "a"}', "'b' is missing"),
        ('{"a": "x", "bb": "y", "winner": "a"}', "Did you mean 'b'"),
        ('{"a": "x", "b": "y", "winner": "x"}', "The winner is 'x'"),
        ('{"a": "x", "b": "y"}', "neither a winner nor a score"),
        ('{"a": "x", "b": "y", "score": 2}', "neither a winner nor a score"),
        ('{"a": "x", "b": "y", "winner": "a", "a_length": 1}', "lengths are no numbers"),
    ],
)
def test_votes_that_are_none(run, text, what):
    found = run(text)
    assert isinstance(found.exception, InputError)
    assert what in str(found.exception) + found.exception.fix


def test_what_is_asked_for_has_to_be_there(run):
    plain = [{"a": "x", "b": "y", "winner": "a"}, {"a": "y", "b": "x", "winner": "a"}]
    assert "do not tell how answers look" in str(run(plain, "--style").exception)
    assert "no field 'voter'" in str(run(plain, "--cluster", "voter").exception)
    assert "Nobody voted on 'z'" in str(run(plain, "--against", "z").exception)
    assert isinstance(CliRunner().invoke(app, ["rank", "none.jsonl"]).exception, InputError)
    piped = CliRunner().invoke(app, ["rank", "-"], input=json.dumps(plain[0]))
    assert "1 votes" in piped.output
