"""What a judge said, read with patience for its form and none for its meaning: in doubt it said nothing.

JSON may stand bare, fenced or in prose; a plain line `score: 7` or `verdict: first` will do as well. Two that differ are
no judgement, and neither is a number off the scale: nothing is guessed, cut or rounded.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_TEXT = 200_000  #: characters that are read
MAX_WHY = 2_000  #: characters of a reason that are kept
_MAX_OBJECTS = 200
_LINE = re.compile(
    r"^[\s*_#>`-]{0,10}(?:final |overall |my )?(?P<name>score|grade|rating|verdict|winner|better)[\s*_`]{0,6}[:=][\s*_`\"]{0,6}"
    r"(?P<value>[^\n]{1,40}?)[\s*_`\".]{0,10}$",
    re.IGNORECASE | re.MULTILINE,
)
_DOUBLE = re.compile(r"\[\[\s?(A|B|C|tie)\s?\]\]", re.IGNORECASE)
_NUMBER = re.compile(r"(?P<score>-?\d{1,6}(?:\.\d{1,6})?)(?:\s?(?:/|out of)\s?(?P<of>\d{1,6}))?", re.IGNORECASE)
_WORDS = {
    "first": 1.0, "1": 1.0, "a": 1.0, "answer 1": 1.0, "answer a": 1.0, "first answer": 1.0, "the first": 1.0,
    "second": 0.0, "2": 0.0, "b": 0.0, "answer 2": 0.0, "answer b": 0.0, "second answer": 0.0, "the second": 0.0,
    "tie": 0.5, "c": 0.5, "draw": 0.5, "equal": 0.5, "neither": 0.5, "both": 0.5, "same": 0.5,
}  # fmt: skip
_SCORES = ("score", "grade", "rating")
_VERDICTS = ("verdict", "winner", "better")


class Heard(NamedTuple):
    """A judgement that can be read: a number on the scale, or 1 for the first answer, 0 for the second, 0.5 for none."""

    value: float
    why: str


def read_score(text: str, low: float, high: float) -> Heard | None:
    """The score that a judge gave on a scale; None where there is none, or more than one."""

    def number(value: Any) -> float | None:
        found = _number(value, high)
        return found if found is not None and low <= found <= high else None

    return _read(text, _SCORES, number)


def read_verdict(text: str) -> Heard | None:
    """Which of two answers a judge found better; None where it said neither, or both."""
    return _read(text, _VERDICTS, _verdict)


def _read(text: str, names: tuple[str, ...], convert: Any) -> Heard | None:
    text = text[:MAX_TEXT].rpartition("</think>")[2]
    said: list[tuple[float | None, str]] = []
    for row in _objects(text):
        fields = {str(key).strip().casefold(): value for key, value in row.items()}
        said += [(convert(fields[name]), _why(fields)) for name in names if name in fields]
    if not said:
        said = [(convert(value), _prose(text)) for value in _plain(text, names)]
    if not said or len({value for value, _ in said}) > 1:
        return None
    value, why = said[-1]
    return Heard(value, why) if value is not None else None


def _plain(text: str, names: tuple[str, ...]) -> Iterator[str]:
    """Values that stand on lines of their own, or are all that was said."""
    found = [m["value"] for m in _LINE.finditer(text) if m["name"].casefold() in names]
    if names == _VERDICTS:
        found += _DOUBLE.findall(text)
    if not found and len(text) < 40:  # noqa: PLR2004 - no sentence
        found = [text.strip().strip("*_`\".'").strip()]
    yield from found


def _number(value: Any, high: float) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e9 and math.isfinite(value) else None  # noqa: PLR2004 - any scale is far below
    found = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) and len(value) < 40 else None  # noqa: PLR2004
    if found is None or (found["of"] is not None and float(found["of"]) != high):
        return None
    return float(found["score"])


def _verdict(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > 40:  # noqa: PLR2004 - no word
        return None
    return _WORDS.get(" ".join(str(value).casefold().strip(" .'\"*_[]()").replace("_", " ").split()))


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a text that are not within another one, in order."""
    decoder = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refuse)
    place = text.find("{")
    for _ in range(_MAX_OBJECTS):
        if place < 0:
            return
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            yield found
        place = text.find("{", end)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says the same thing twice is none."""
    found = dict(pairs)
    if len(found) < len(pairs):
        msg = "a key comes twice"
        raise ValueError(msg)
    return found


def _refuse(name: str) -> float:
    raise ValueError(name)


def _why(fields: dict[str, Any]) -> str:
    for name in ("why", "reason", "reasoning", "explanation", "rationale"):
        if isinstance(fields.get(name), str):
            return str(fields[name])[:MAX_WHY].strip()
    return ""


def _prose(text: str) -> str:
    return text.strip()[:MAX_WHY]
