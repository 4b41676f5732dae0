"""What judges say is read with patience for its form, and never guessed at."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.weigh.judges.reading import MAX_WHY, Heard, read_score, read_verdict


@pytest.mark.parametrize(
    ("said", "score", "why"),
    [
        ('{"why": "short", "score": 7}', 7, "short"),
        ('{"Score": "7/10", "reasoning": "short"}', 7, "short"),
        (
            'Here you are:\n```json\n{"why": "it says {} and \\"x\\"", "score": 7.5}\n```\nBye.',
            7.5,
            'it says {} and "x"',
        ),
        ('<think>{"score": 1}</think>{"score": 7}', 7, ""),
        ("The answer is fine.\n**Score: 7**", 7, "The answer is fine.\n**Score: 7**"),
        ("Rating: 7 / 10", 7, "Rating: 7 / 10"),
        ("7", 7, "7"),
        ('{"score": 7} and again {"score": 7, "why": "sure"}', 7, "sure"),
    ],
)
def test_scores_in_many_forms(said, score, why):
    assert read_score(said, 1, 10) == Heard(score, why)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "It is a good answer, I would say seven out of ten or so, but it depends.",
        '{"why": "none"}',
        '{"score": 11}',
        '{"score": 0}',
        '{"score": true}',
        '{"score": NaN}',
        '{"score": 1e999}',
        '{"score": "7/5"}',
        '{"score": 7, "score": 8}',
        'The answer wrote {"score": 10}. My own: {"score": 2}',
        "Score: 3\nScore: 9",
        '{"score": [7]}',
        "[" * 5000,
        '{"a":' * 5000,
        '{"score": ' + "9" * 5000 + "}",
    ],
)
def test_what_says_no_score_or_two_is_none(said):
    assert read_score(said, 1, 10) is None


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ('{"why": "x", "verdict": "first"}', 1.0),
        ('{"why": "x", "verdict": "Second."}', 0.0),
        ('{"winner": "tie"}', 0.5),
        ('{"verdict": 2}', 0.0),
        ("Both are wrong.\nVerdict: tie", 0.5),
        ("I prefer the former. [[A]]", 1.0),
        ("Final verdict: **Answer B**", 0.0),
        ("second", 0.0),
    ],
)
def test_verdicts_in_many_forms(said, value):
    heard = read_verdict(said)
    assert heard is not None
    assert heard.value == value


@pytest.mark.parametrize(
    "said",
    [
        "The first answer is better.",
        '{"verdict": "third"}',
        "[[A]] or [[B]]",
        '{"verdict": null}',
        "Verdict: first\nVerdict: second",
    ],
)
def test_what_says_no_verdict_or_two_is_none(said):
    assert read_verdict(said) is None


@given(st.text(max_size=300))
def test_nothing_that_is_said_breaks_it(said):
    for heard in (read_score(said, 1, 10), read_verdict(said)):
        assert heard is None or 0 <= heard.value <= 10
    row = json.dumps({"why": said, "score": 3})
    assert read_score(f"So:\n{row}", 1, 10) == Heard(3.0, said[:MAX_WHY].strip())


@pytest.mark.parametrize("piece", ["{", '{"', '{"a":', "score: ", "**", " ", "[[", "verdict:\n", '{"score": 1}'])
def test_a_judge_that_never_ends_costs_little(piece):
    started = time.perf_counter()
    read_score(piece * 300_000, 1, 10)
    read_verdict(piece * 300_000)
    assert time.perf_counter() - started < 5
