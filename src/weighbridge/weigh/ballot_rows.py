"""Votes on pairs of answers as JSON Lines: read strictly, with the style of both answers where it is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, BinaryIO

from msgspec import Struct

from weighbridge import jsonl
from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh.numbers import one_line

MAX_LINE = 4 * 1024 * 1024  #: bytes
MAX_ROWS = 5_000_000
STYLES = ("length", "headers", "lists", "bold")
"""What style is made of: characters, Markdown headings, list items, bold passages."""

_FIELDS = (
    "a",
    "b",
    "winner",
    "score",
    "cluster",
    "voter",
    "question",
    "a_length",
    "b_length",
    "a_text",
    "b_text",
    "at",
)
_WINNERS = {"a": 1.0, "b": 0.0, "tie": 0.5}
_HEADER = re.compile(r"^#{1,6}[ \t]+\S", re.MULTILINE)
_ITEM = re.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_BOLD = re.compile(r"\*\*[^*\n]{1,300}\*\*")
_SHOWN = 60


class Rows(Struct, frozen=True):
    """Votes, one entry each per vote. `style` holds differences, a's minus b's, of those features that every vote tells."""

    first: list[str]
    second: list[str]
    scores: list[float]
    clusters: list[str] | None
    style: dict[str, list[float]]


def read(source: str, stdin: BinaryIO, *, cluster: str = "") -> Rows:
    """Read votes: `a`, `b`, and `winner` (a, b or tie) or `score` (1 prefers a, 0 prefers b).

    Args:
        source: A file, or `-` for `stdin`.
        stdin: What `-` reads.
        cluster: The field of votes that belong together, such as `voter` or `question`; "": `cluster` where it stands.

    Raises:
        InputError: The file cannot be read or is empty, or a line lacks a field or has a wrong value in it.
        TooLargeError: A line or the file is over its limit.
    """
    with jsonl.opened(source, stdin) as (stream, name):
        return _read(name, stream, cluster)


def _read(name: str, stream: BinaryIO, cluster: str) -> Rows:
    first, second, scores, labels = list[str](), list[str](), list[float](), list[str | None]()
    styles: dict[str, list[float | None]] = {feature: [] for feature in STYLES}
    wanted = cluster or "cluster"
    for number, row in jsonl.read(stream, name, max_line=MAX_LINE, max_rows=MAX_ROWS, what="vote"):
        where = f"{name}:{number}"
        first.append(_engine(row, "a", where))
        second.append(_engine(row, "b", where))
        if first[-1] == second[-1]:
            raise InputError(
                f"The vote compares '{one_line(first[-1], _SHOWN)}' with itself.", where=where, fix="Name two engines."
            )
        scores.append(_score(row, where))
        labels.append(_label(row, wanted, where, required=bool(cluster)))
        for feature, value in _style(row, where).items():
            styles[feature].append(value)
    if not first:
        raise InputError(
            "The file holds no votes.", where=name, fix='Give lines such as {"a": "X", "b": "Y", "winner": "a"}.'
        )
    clusters = [f"cluster {one}" if one is not None else f"vote {place}" for place, one in enumerate(labels)]
    return Rows(
        first,
        second,
        scores,
        clusters if any(one is not None for one in labels) else None,
        {name: [v for v in values if v is not None] for name, values in styles.items() if None not in values},
    )


def _engine(row: Mapping[str, Any], field: str, where: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        unknown = next((name for name in row if name not in _FIELDS), "")
        fix = f'Add "{field}": the engine\'s name.' + (f" {did_you_mean(unknown, _FIELDS)}" if unknown else "")
        raise InputError(f"Field '{field}' is missing or no text.", where=where, fix=fix)
    return value


def _score(row: Mapping[str, Any], where: str) -> float:
    if "winner" in row:
        if row["winner"] not in _WINNERS:
            raise InputError(
                f"The winner is '{one_line(str(row['winner']), _SHOWN)}'.", where=where, fix="Say a, b or tie."
            )
        return _WINNERS[row["winner"]]
    score = row.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise InputError(
            "The vote has neither a winner nor a score from 0 to 1.",
            where=where,
            fix='Add "winner": "a", "b" or "tie".',
        )
    return float(score)


def _label(row: Mapping[str, Any], field: str, where: str, *, required: bool) -> str | None:
    value = row.get(field)
    if value is None and required:
        raise InputError(f"There is no field '{field}'.", where=where, fix=did_you_mean(field, [*row]))
    return None if value is None else str(value)[:1000]


def _style(row: Mapping[str, Any], where: str) -> dict[str, float | None]:
    """The differences of style, a's minus b's; None where the vote does not tell."""
    one, other = row.get("a_text"), row.get("b_text")
    if isinstance(one, str) and isinstance(other, str):
        return {
            name: float(ours - theirs) for name, ours, theirs in zip(STYLES, _counts(one), _counts(other), strict=True)
        }
    found: dict[str, float | None] = dict.fromkeys(STYLES)
    lengths = row.get("a_length"), row.get("b_length")
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in lengths):
        found["length"] = float(lengths[0] - lengths[1])  # type: ignore[operator]
    elif any(value is not None for value in lengths):
        raise InputError("The lengths are no numbers.", where=where, fix="Give a_length and b_length in characters.")
    return found


def _counts(text: str) -> tuple[int, int, int, int]:
    return len(text), len(_HEADER.findall(text)), len(_ITEM.findall(text)), len(_BOLD.findall(text))
