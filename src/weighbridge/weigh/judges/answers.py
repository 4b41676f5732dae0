"""Answers made elsewhere: two JSON Lines files with an id and an answer per line, paired for a vote."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from weighbridge import jsonl
from weighbridge.errors import InputError, unreadable
from weighbridge.weigh.judges import voting
from weighbridge.weigh.numbers import one_line

MAX_LINE = 16 * 1024 * 1024  #: bytes
MAX_ROWS = 200_000
_SHOWN = 60


class Row(NamedTuple):
    """One line: what was asked, what was answered, which cluster it is of, and where it stands."""

    question: str
    answer: str
    cluster: str
    line: int


def pairs(base: Path, candidate: Path) -> list[voting.Pair]:
    """The pairs of two files that one can vote on: both hold the id, and the answers are not the same.

    A line is `{"id": ..., "output": "...", "input": "...", "cluster": "..."}`; `input` may stand in one file alone,
    and is the id where there is none.

    Raises:
        InputError: A file cannot be read, a line cannot be used, an id comes twice, or no pair is left.
        TooLargeError: A line or a file is over its limit.
    """
    ours, theirs = read(base), read(candidate)
    names = (base.stem, candidate.stem) if base.stem != candidate.stem else (str(base), str(candidate))
    shared = [key for key in ours if key in theirs]
    found = [
        voting.make(
            key,
            ours[key].question or theirs[key].question,
            (names[0], ours[key].answer),
            (names[1], theirs[key].answer),
            ours[key].cluster or theirs[key].cluster,
        )
        for key in shared
        if ours[key].answer.strip() != theirs[key].answer.strip()
    ]
    if not found:
        what = "The answers of both files are all the same." if shared else "The two files share no id."
        raise InputError(
            what, where=f"{base}, {candidate}", fix="Give the answers of two engines to the same questions."
        )
    return found


def read(path: Path) -> dict[str, Row]:
    """One file's lines by id, in its order. Errors are those of `pairs`."""
    found: dict[str, Row] = {}
    try:
        with path.open("rb") as stream:
            for number, row in jsonl.read(stream, str(path), max_line=MAX_LINE, max_rows=MAX_ROWS, what="answer"):
                where = f"{path}:{number}"
                question = _field(row, "input", where, required=False)
                key = _id(row, where) or question
                if not key:
                    raise InputError("Field 'id' is missing.", where=where, fix='Add "id", or "input".')
                if key in found:
                    raise InputError(
                        f"The id '{one_line(key, _SHOWN)}' comes twice, on lines {found[key].line} and {number}.",
                        where=where,
                        fix="Keep one answer per question.",
                    )
                answer = _field(row, "output", where, required=True)
                found[key] = Row(question, answer, _field(row, "cluster", where, required=False), number)
    except OSError as error:
        raise unreadable(error, path) from error
    if not found:
        raise InputError("The file holds no answers.", where=str(path), fix="Give one JSON object per line.")
    return found


def _id(row: dict[str, Any], where: str) -> str:
    value = row.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _field(row, "id", where, required=False)


def _field(row: dict[str, Any], name: str, where: str, *, required: bool) -> str:
    value = row.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        what = "is missing" if value is None else "is no text"
        raise InputError(f"Field '{name}' {what}.", where=where, fix=f'Write "{name}": "..." in each line.')
    return value
