"""What a grade of code depends on beside the answer, in one name: a grade that is kept holds as long as it does not change."""

from __future__ import annotations

import hashlib
import shutil
from functools import cache
from pathlib import Path

import msgspec

from weighbridge.weigh import grades, sandbox
from weighbridge.weigh.graders.code import task_of
from weighbridge.weigh.sandbox.boxes import PATH, Box
from weighbridge.weigh.types import Sample

_ENCODER = msgspec.json.Encoder(order="sorted")


def mark(box: Box, sample: Sample) -> str:
    """What names how a sample's code is graded: 32 hexadecimal digits.

    It holds what `grades.mark` does (the tests, cases and limits of the target, the graders' code, the version), where code
    runs (bubblewrap or none, its version, Python's), the sandbox's own code with its limits, and the program that a case
    calls.
    """
    told = _ENCODER.encode((grades.mark(sample), box.name, _program(sample)))
    return hashlib.blake2b(told, digest_size=16, key=_code()).hexdigest()


def _program(sample: Sample) -> list[str | int]:
    """The program that runs the cases, by its path, size and time of change: another version may print otherwise."""
    command = task_of(sample.target).command
    return _stamp(command[0]) if command else []


@cache
def _stamp(name: str) -> list[str | int]:
    found = shutil.which(name, path=PATH)
    if found is None:
        return [name]
    stat = Path(found).stat()
    return [found, stat.st_size, stat.st_mtime_ns]


@cache
def _code() -> bytes:
    """SHA-256 of the sandbox's code."""
    digest = hashlib.sha256()
    for path in sorted(Path(sandbox.__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()
