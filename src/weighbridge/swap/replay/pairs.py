"""A recorded exchange beside the one that repeats it: what can be said of both, and of one against the other."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.canon import Reply, Trace
from weighbridge.swap.replay.drawing import Question
from weighbridge.swap.signs import Signs, form, of_answer
from weighbridge.weigh import graders
from weighbridge.weigh.graders import similarity, tool_calls
from weighbridge.weigh.types import Grade, Sample

OURS = frozenset({"limit_reached", "budget_spent", "mask_failed", "cancelled", "interrupted"})
"""Outcomes that say nothing of the candidate: it was not asked, or we broke it off."""


class Pair(Struct, frozen=True):
    """Two answers to one request.

    Attributes:
        trace: The recorded exchange's id.
        replayed: The id of the one that repeats it.
        base: What the recorded one says of the engine in use.
        candidate: What the new one says of the candidate.
        right: Grades of both against the right answer, the base's first; None where nobody told it.
        calls: Whether the candidate made the recorded tool calls; None where neither made any.
        likeness: How near its text comes to the recorded one, a fraction; None where there are not two texts.
        preferred: 1 where judges prefer the candidate, 0 the base; None where none judged.
        error: Why the candidate did not answer.
    """

    trace: str
    replayed: str
    base: Signs
    candidate: Signs
    right: tuple[Grade, Grade] | None = None
    calls: Grade | None = None
    likeness: float | None = None
    preferred: float | None = None
    error: str = ""

    @property
    def both_answered(self) -> bool:
        """Are there two answers to compare?"""
        return not self.base.failed and not self.candidate.failed


def pair(question: Question, trace: Trace, reply: Reply | None, *, grader: str) -> Pair | None:
    """Put both exchanges side by side; None where the new one says nothing of the candidate.

    Args:
        question: The recorded exchange.
        trace: The one that repeats it.
        reply: Its answer, with the recorded values where the road masked them.
        grader: Grades both where there is a right answer.
    """
    if trace.outcome in OURS:
        return None
    answered = trace.outcome == "ok" and reply is not None
    said = _signs(question, trace, reply) if answered else Signs(failed=True, language=question.signs.language)
    ours = question.trace.reply if not question.signs.failed else None
    theirs = reply if answered else None
    return Pair(
        trace=question.trace.id,
        replayed=trace.id,
        base=question.signs,
        candidate=said,
        right=_right(question, ours, theirs, grader),
        calls=_calls(question, ours, theirs),
        likeness=_likeness(ours, theirs),
        error="" if answered else f"{trace.outcome}: {trace.error}",
    )


def _signs(question: Question, trace: Trace, reply: Reply | None) -> Signs:
    assert reply is not None
    return of_answer(trace, form(question.request, reply), question.signs.language)


def _right(question: Question, ours: Reply | None, theirs: Reply | None, grader: str) -> tuple[Grade, Grade] | None:
    if question.target is None:
        return None
    sample = Sample(question.trace.id, question.request.messages, target=question.target, grader=grader)
    return _grade(sample, ours), _grade(sample, theirs)


def _grade(sample: Sample, reply: Reply | None) -> Grade:
    """An engine that does not answer has not answered well."""
    return graders.grade(sample, reply) if reply is not None else Grade(0.0, why="no answer")


def _calls(question: Question, ours: Reply | None, theirs: Reply | None) -> Grade | None:
    if ours is None or theirs is None or not any(one.choices and one.choices[0].tool_calls for one in (ours, theirs)):
        return None
    wanted = _wanted(ours)
    if wanted is None:
        return None
    tools = tuple(tool for tool in question.request.tools if tool.name)
    return tool_calls.tool_calls(Sample(question.trace.id, (), target=wanted, tools=tools), theirs)


def _wanted(reply: Reply) -> list[dict[str, Any]] | None:
    """The recorded calls as a target; None where they cannot be one, such as arguments that are no JSON."""
    made = reply.choices[0].tool_calls if reply.choices else ()
    try:
        wanted = [{"name": call.name, "arguments": msgspec.json.decode(call.arguments or "{}")} for call in made]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return None if tool_calls.check_tool_calls(wanted) else wanted


def _likeness(ours: Reply | None, theirs: Reply | None) -> float | None:
    if ours is None or theirs is None or not ours.text.strip() or not theirs.text.strip():
        return None
    return similarity.likeness(ours.text, theirs.text, "chrf")
