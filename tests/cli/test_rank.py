"""`weighbridge rank`: chances to win from votes, style held equal, and votes that are none."""

from __future__ import annotations

import json
import math
import random
import re

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner
from weighings import build

from weighbridge.cli import app
from weighbridge.errors import InputError
from weighbridge.weigh import item_rows
from weighbridge.weigh.document import writing


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


# --- at equal length --------------------------------------------------------------------------------------


def drawn_by_length(count=600):
    """`wordy` is as good as `base`, and `keen` is better; both are longer, and votes reward that."""
    rng = random.Random(4)
    made = []
    for number in range(count):
        name, worth = (("wordy", 0.0), ("keen", 1.0))[number % 2]
        more = rng.gauss(100, 150)
        wins = rng.random() < 1 / (1 + math.exp(-worth - 1.5 * math.tanh(more / 150)))
        row = {"a": name, "b": "base", "winner": "a" if wins else "b", "a_length": 900 + more, "b_length": 900}
        if number % 4 > 1:  # the other way around
            row |= {"a": "base", "b": name, "winner": "b" if wins else "a", "a_length": 900, "b_length": 900 + more}
        made.append({**row, "voter": f"v{number % 50}"})
    return made


def test_a_win_rate_at_equal_length(run):
    told = json.loads(run(drawn_by_length(), "--lengths", "--against", "base", "--cluster", "voter", "--json").output)
    by_name = {one["engine"]: one for one in told["engines"]}
    wordy, keen = by_name["wordy"], by_name["keen"]
    assert wordy["raw"]["low"] > 0.5
    assert wordy["controlled"]["low"] < 0.5 < wordy["controlled"]["high"]
    assert wordy["length"]["low"] > 0
    assert keen["controlled"]["low"] > 0.5
    assert (told["votes"], keen["votes"]) == (600, 300)
    shown = run([*votes(), {**votes(1)[0], "a": "new", "b": "weak"}], "--lengths", "--against", "weak").output
    assert "at equal length" in shown
    assert "new         1  -" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert "--against ENGINE" in run(votes(9), "--lengths").exception.fix
    assert "Nobody voted on 'z'" in str(run(votes(9), "--lengths", "--against", "z").exception)
    plain = [{"a": "x", "b": "y", "winner": "a"}]
    assert "how long answers are" in str(run(plain, "--lengths", "--against", "x").exception)


# --- items ------------------------------------------------------------------------------------------------


def answers(count=120):
    """`able` solves an item of any difficulty with three times the odds of `fair`; suite `hard` is harder."""
    rng = random.Random(5)
    made = []
    for suite, shift in (("easy", -0.8), ("hard", 0.8)):
        for number in range(count):
            difficulty = shift + rng.gauss(0, 1)
            for engine, ability in (("able", 1.1), ("fair", 0.0), ("poor", -1.1)):
                right = int(rng.random() < 1 / (1 + 2.718281828 ** (difficulty - ability)))
                made.append({"engine": engine, "item": number, "suite": suite, "right": right})
    return made


def test_abilities_and_difficulties_from_answers_to_items(run):
    told = json.loads(run(answers(), "--items", "--against", "fair", "--json").output)
    assert [one["engine"] for one in told["engines"]] == ["able", "fair", "poor"]
    able = told["engines"][0]
    assert able["above"]["low"] < 200 < able["above"]["high"]
    assert able["points"]["low"] > 1000
    assert able["answers"] == 240
    easy, hard = told["suites"]
    assert 200 < hard["points"] - easy["points"] < 400
    shown = run(answers(30), "--items", "--against", "fair").output
    assert "above fair" in shown
    assert "The items of hard stand at" in shown
    assert max(map(len, shown.splitlines())) <= 80
    clustered = [{**row, "doc": row["item"] // 4} for row in answers(20)]
    assert json.loads(run(clustered, "--items", "--cluster", "doc", "--json").output)["answers"] == 120


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "holds no answers"),
        ('{"engine": "x", "right": 1}', "'item' is missing"),
        ('{"engin": "x", "item": "q", "right": 1}', "Did you mean 'engine'"),
        ('{"engine": "x", "item": "q"}', "'right' is missing"),
        ('{"engine": "x", "item": "q", "right": 2}', "more right answers than tries"),
        ('{"engine": "x", "item": "q", "right": -1}', "no number"),
        ('{"engine": "x", "item": "q", "right": 1}', "need two engines"),
    ],
)
def test_answers_that_are_none(run, text, what):
    found = run(text, "--items")
    assert isinstance(found.exception, InputError)
    assert what in str(found.exception) + found.exception.fix


def test_what_answers_leave_open_is_told(run):
    rows = [{"engine": name, "suite": name, "item": i, "right": i % 2} for name in ("one", "two") for i in range(20)]
    shown = " ".join(run(rows, "--items", "--against", "one").output.split())
    assert "No suite links these, so what lies between them is unknown: one | two." in shown
    told = json.loads(run(rows, "--items", "--json").output)
    assert told["groups"] == [["one"], ["two"]]
    assert told["extreme"] == []
    perfect = [{"engine": f"e{name}", "item": i, "right": 1} for name in range(7) for i in range(4)]
    shown = " ".join(run(perfect, "--items").output.split())
    assert "Solved everything or nothing: e0, e1, e2, e3, e4 and 2 more." in shown
    assert "No suite links" not in shown


def test_items_that_may_be_broken_are_listed(run):
    engines = [f"e{n}" for n in range(6)]
    rows = [
        {"engine": e, "item": n, "suite": "sums", "right": int((n * 7) % 13 < 2 * place + 2)}
        for n in range(39)
        for place, e in enumerate(engines)
    ]
    rows += [
        {"engine": e, "item": f"flip[{n}]", "suite": "sums", "right": int(e in engines[:3])}
        for n in range(2)
        for e in engines
    ]
    rows += [{"engine": e, "item": n, "suite": "none", "right": 0} for n in range(9) for e in engines]
    shown = run(rows, "--items").output
    assert re.search(r"Solved by the weak, missed by the able: \d+ of \d+; chance alone gives", shown)
    assert "flip[0]: solved 3 of 6, p = " in shown
    assert "none/0, none/1 and 7 more." in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    told = json.loads(run(rows, "--items", "--json").output)["items"]
    assert len(told) == 50
    assert told[0]["points"]["low"] < told[0]["points"]["value"]
    plain = [{"engine": e, "item": n, "right": int(n < 3)} for n in range(6) for e in ("a", "b")]
    assert "Solved by" not in run(plain, "--items").output
    fine = [{"engine": e, "item": n, "right": int(e == "a" or n < 3)} for n in range(6) for e in ("a", "b")]
    assert "but 2 engines can hardly show it." in " ".join(run(fine, "--items").output.split())


def test_samples_of_a_report_are_items(tmp_path):
    source = tmp_path / "w.json"
    weighing = build(30)
    source.write_bytes(writing.write(weighing))
    found = CliRunner().invoke(app, ["rank", str(source), "--items", "--json"])
    told = json.loads(found.output)
    assert {one["engine"] for one in told["engines"]} == set(weighing.results)
    assert {one["item"] for one in told["items"]} <= {sample.id for sample in weighing.samples}
    answered = [r for results in weighing.results.values() for r in results if not r.error and not r.missing]
    assert told["answers"] == len(answered)
    refused = CliRunner().invoke(app, ["rank", str(source), "--items", "--cluster", "doc"])
    assert "knows its clusters" in str(refused.exception)
    clustered = replace(
        weighing, samples=tuple(replace(s, cluster=f"c{i % 9}") for i, s in enumerate(weighing.samples))
    )
    rows = item_rows.of_weighing(clustered)
    assert rows.clusters is not None
    assert len(set(rows.clusters)) == 9


def test_one_way_to_rank_at_a_time(run):
    assert "three ways" in str(run(answers(2), "--items", "--lengths").exception)
    assert "no field 'doc'" in str(run(answers(2), "--items", "--cluster", "doc").exception)
    assert isinstance(CliRunner().invoke(app, ["rank", "none.jsonl", "--items"]).exception, InputError)
    piped = CliRunner().invoke(app, ["rank", "-", "--items"], input="\n".join(map(json.dumps, answers(9))))
    assert "200 points more" in piped.output
