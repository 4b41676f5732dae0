"""Grades that are kept beside the answers that they were given to, so that a resumed run grades nothing anew.

A kept grade holds as long as the answer, the sample's grader and target, and the graders' own code are the same. What else
a grader reads of a sample (its messages, tools and schema) is part of the question that names the answer.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from weighbridge import __version__
from weighbridge.weigh import graders
from weighbridge.weigh.asking import Answer, Told
from weighbridge.weigh.types import Grade, Sample

_ENCODER = msgspec.json.Encoder(order="sorted")


def mark(sample: Sample) -> str:
    """What names how a sample is graded: its grader, its target, and the graders' code; 32 hexadecimal digits."""
    digest = hashlib.blake2b(_ENCODER.encode((sample.grader, sample.target)), digest_size=16, key=_code())
    return digest.hexdigest()


def kept(answer: Told, marked: str) -> Grade | None:
    """The grade that is kept with an answer, where it still holds for a sample of this mark."""
    return answer.grade if answer.marked == marked else None


def with_grade(sample: Sample, answer: Answer, marked: str) -> tuple[Answer, Grade, bool]:
    """An answer with its grade: the kept one where it still holds, else one that is given now.

    Args:
        sample: What was asked.
        answer: As it was given, or as it was stored.
        marked: The sample's mark.

    Returns:
        The answer with its grade, the grade, and whether it was given now and is to be kept. A missing grade never is.
    """
    if (had := kept(answer, marked)) is not None:
        return answer, had, False
    given = graders.grade(sample, answer.reply)
    if given.missing:
        return answer, given, False
    return replace(answer, grade=given, marked=marked), given, True


@cache
def _code() -> bytes:
    """SHA-256 of this version and of the graders' code: a grader that is changed grades anew."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(Path(graders.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()
