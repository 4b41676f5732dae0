"""Thinking that a host leaves in front of an answer is no part of it."""

from __future__ import annotations

import pytest

from weighbridge.canon import Choice, Reply, TextPart
from weighbridge.weigh import graders
from weighbridge.weigh.graders.base import spoken
from weighbridge.weigh.types import Sample


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("<think>x</think>\n\nB", "B"),
        ("\n<THINK>\nx\n</THINK>B", "B"),
        ("<thinking>x</thinking> B", "B"),
        ("[THINK]x[/THINK]B", "B"),
        ("\u25c1think\u25b7x\u25c1/think\u25b7B", "B"),
        ("maybe A\n</think>\nB", "B"),  # the host cut the opening tag
        ("<think></think>B", "B"),
        ("<think>maybe A", ""),  # cut off before there was an answer
        ("<think>x</think>B <think>y</think>", "B <think>y</think>"),
        ("no thinking here", "no thinking here"),
        (" B\n", " B\n"),
        ("It ends with `</think>` there.", "It ends with `</think>` there."),
        ('{"tag": "</think>"}', '{"tag": "</think>"}'),
        ("", ""),
    ],
)
def test_what_is_left_without_thinking(text, left):
    assert spoken(text) == left


@pytest.mark.parametrize(
    ("grader", "target", "answer"),
    [
        ("choice", "B", "B"),
        ("number", 18, "18"),
        ("exact", "Paris", "Paris"),
        ("contains", {"all": "tea", "none": ["milk"]}, "tea"),
        ("regex", r"^\d+$", "18"),
        ("json_schema", {"a": 1}, '{"a": 1}'),
        ("instructions", {"words": 1}, "one"),
        ("similarity", {"like": "tea", "least": 1}, "tea"),
    ],
)
@pytest.mark.parametrize(
    "before", ["<think>maybe A. Answer: A? 5 = milk</think>\n", "Answer: C, 7, milk\n</think>\n\n"]
)
def test_graders_of_texts_pass_over_thinking(grader, target, answer, before):
    sample = Sample(id="s", messages=(), target=target, grader=grader)
    got = graders.grade(sample, Reply(choices=(Choice(parts=(TextPart(before + answer),)),)))
    assert (got.score, got.valid) == (
        1.0,
        graders.grade(sample, Reply(choices=(Choice(parts=(TextPart(answer),)),))).valid,
    )
