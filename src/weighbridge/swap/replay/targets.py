"""Right answers to recorded requests, read from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from weighbridge import jsonl
from weighbridge.errors import InputError, NotFoundError, did_you_mean, unreadable
from weighbridge.weigh import graders

GRADERS = ("number", "choice", "exact", "contains", "regex", "similarity")
"""Those that go by an answer's text alone."""
MAX_LINE = 4 << 20  #: bytes
MAX_ROWS = 500_000


def read(path: Path, grader: str) -> dict[str, Any]:
    """Targets by what names their request: `trace ID`, or `input TEXT` for the last words of the user.

    Args:
        path: A JSONL file of `{"trace": ..., "target": ...}` or `{"input": ..., "target": ...}`.
        grader: One of `GRADERS`, which says what a target may be.

    Raises:
        InputError: The grader is none of these, or a line cannot be used.
        NotFoundError: There is no such file.
        TooLargeError: The file or a line is over its limit.
    """
    if grader not in GRADERS:
        raise InputError(
            f"'{grader[:50]}' cannot grade recorded answers.", where="--grader", fix=did_you_mean(grader, GRADERS)
        )
    found: dict[str, Any] = {}
    try:
        with path.open("rb") as stream:
            for number, row in jsonl.read(stream, str(path), max_line=MAX_LINE, max_rows=MAX_ROWS, what="target"):
                name, target = _target(row, grader, f"{path}:{number}")
                found[name] = target
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no file '{path}'.", where="--targets", fix="Check its name.") from error
    except OSError as error:
        raise unreadable(error, path) from error
    if not found:
        raise InputError("The file holds no target.", where=str(path), fix='Write {"trace": ..., "target": ...} lines.')
    return found


def _target(row: dict[str, Any], grader: str, where: str) -> tuple[str, Any]:
    kind = next((kind for kind in ("trace", "input") if isinstance(row.get(kind), str) and row[kind].strip()), "")
    if not kind or row.get("target") is None:
        raise InputError(
            "The line says not what is right for which request.",
            where=where,
            fix='Write {"trace": "its id", "target": ...} or {"input": "the words of the user", "target": ...}.',
        )
    if wrong := graders.find(grader).check(row["target"]):
        raise InputError(f"The target {wrong}.", where=where, fix=f"See docs/graders.md on {grader}.")
    return f"{kind} {row[kind].strip()}", row["target"]
