"""How answers are graded. A grader is one function and one entry of `GRADERS`."""

from __future__ import annotations

from weighbridge.canon import Reply
from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh.graders import (
    choice,
    code,
    instructions,
    number,
    refusal,
    rubric,
    similarity,
    structure,
    tool_calls,
    words,
)
from weighbridge.weigh.graders.base import MAX_TEXT, Grader, check_texts
from weighbridge.weigh.types import Grade, Sample

GRADERS: dict[str, Grader] = {
    "exact": Grader(check_texts, "the answer is one of the accepted texts", words.exact),
    "choice": Grader(choice.check_choice, "the answer settles on the right letter", choice.choice),
    "number": Grader(number.check_number, "the answer arrives at the right number", number.grade_number),
    "contains": Grader(words.check_contains, "the answer holds the words", words.contains),
    "regex": Grader(words.check_regex, "a pattern is found in the answer", words.regex),
    "json_schema": Grader(
        structure.check_json, "the answer is JSON of the right shape and content", structure.json_schema,
        needs_target=False,
    ),
    "tool_call": Grader(
        structure.check_tool_call, "the engine asks for the right tool", grade_reply=structure.tool_call
    ),
    "tool_calls": Grader(
        tool_calls.check_tool_calls, "the engine makes the right calls and no other", grade_reply=tool_calls.tool_calls
    ),
    "instructions": Grader(
        instructions.check_instructions, "the answer has the form that was asked for", instructions.instructions
    ),
    "similarity": Grader(similarity.check_similarity, "how near the answer comes to a text", similarity.similarity),
    "refusal": Grader(
        refusal.check_refusal, "the engine declines or helps, as it should", grade_reply=refusal.refusal
    ),
    code.NAME: Grader(code.check_code, "the code passes the tests in a sandbox", grade_reply=code.unrun),
    rubric.NAME: Grader(rubric.check_rubric, "a judge finds what the rubric asks for", grade_reply=rubric.unjudged),
}  # fmt: skip


def find(name: str) -> Grader:
    """The grader of this name.

    Raises:
        InputError: There is none; the fix names near ones.
    """
    if name not in GRADERS:
        raise InputError(f"There is no grader '{name}'.", fix=did_you_mean(name, GRADERS))
    return GRADERS[name]


def grade(sample: Sample, reply: Reply) -> Grade:
    """Grade one answer with the sample's own grader. Hostile answers get a grade of 0, never an error.

    Raises:
        InputError: The sample names no known grader.
    """
    grader = find(sample.grader)
    if sample.target is None and grader.needs_target:
        return Grade(0.0, why="the sample has no target")
    if len(reply.text) > MAX_TEXT:
        return Grade(0.0, why=f"longer than {MAX_TEXT:,} characters: not graded")
    if grader.grade_reply:
        return grader.grade_reply(sample, reply)
    assert grader.grade
    return grader.grade(sample, reply.text)


__all__ = ["GRADERS", "MAX_TEXT", "Grader", "find", "grade"]
