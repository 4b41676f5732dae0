"""Graders that take their time, a sandbox say, and their grades, kept beside the answers as `grades` keeps all others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from weighbridge.canon import Reply
from weighbridge.weigh.asking import Answer
from weighbridge.weigh.types import Grade, Sample

#: A grader that may wait.
Grades = Callable[[Sample, Reply], Awaitable[Grade]]


class Marked:
    """A grader that may wait, and tells what its grades depend on, so that they can be kept.

    Args:
        grade: The grader.
        mark: What names how a sample is graded, by everything beside the answer that may change its grade; "" where
            grades of it are not to be kept.
    """

    def __init__(self, grade: Grades, mark: Callable[[Sample], str]) -> None:
        self._grade = grade
        self.mark = mark

    async def __call__(self, sample: Sample, reply: Reply) -> Grade:
        """Grade one answer."""
        return await self._grade(sample, reply)


def mark_of(grade: Grades | None, sample: Sample) -> str:
    """What names how a grader grades a sample; "" where it does not tell."""
    return grade.mark(sample) if isinstance(grade, Marked) else ""


async def with_grade(sample: Sample, answer: Answer, grade: Grades) -> tuple[Answer, Grade, bool]:
    """An answer with its grade: the kept one where it still holds, else one that is waited for now.

    Args:
        sample: What was asked.
        answer: As it was given, or as it was stored.
        grade: Who grades.

    Returns:
        The answer with its grade, the grade, and whether it was given now and is to be kept. A missing grade never is.
    """
    marked = mark_of(grade, sample)
    if marked and answer.grade is not None and answer.marked == marked:
        return answer, answer.grade, False
    given = await grade(sample, answer.reply)
    if given.missing or not marked:
        return answer, given, False
    return replace(answer, grade=given, marked=marked), given, True
