"""The grader `similarity`: how near an answer comes to a reference, as a fraction. For drift, not for truth.

`f1` is the F-score of words (as in SQuAD, Rajpurkar et al. 2016; of single letters in writing without spaces), `chrf` that of letter sequences of one to six (Popovic
2015, beta 2, which needs no words and suits Chinese), `edit` one less the edits between both over the longer one's length
(Levenshtein). The best of several references counts.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from weighbridge.weigh.graders.base import check_texts, listed, shorten
from weighbridge.weigh.graders.typography import UNSPACED, plain
from weighbridge.weigh.types import Grade, Sample

METHODS = ("chrf", "f1", "edit")
_ORDER = 6  #: letters of the longest sequence of chrF
_BETA = 2.0  #: recall counts twice as much as precision
_MOST = 20_000  #: characters of each text that are compared
_MOST_EDIT = 1_000  #: the same for edits, whose time is the product of both lengths
_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
_SPACE = re.compile(r"\s+")


def similarity(sample: Sample, text: str) -> Grade:
    """The likeness to the nearest reference: `{"like": TEXT or [TEXTS], "by": "chrf", "least": 0.5}`, or texts alone.

    With `least`, the score is 1 from there on and 0 below.
    """
    told = sample.target if isinstance(sample.target, dict) else {"like": sample.target}
    method, least = told.get("by", METHODS[0]), told.get("least")
    found = max(likeness(str(one), text, method) for one in listed(told["like"]))
    score = found if least is None else float(found >= least)
    return Grade(round(score, 6), why=f"{method} {found:.2f}" + ("" if least is None else f", {least:g} asked for"))


def likeness(reference: str, text: str, method: str) -> float:
    """How near two texts come, 0 to 1; two empty ones are the same."""
    most = _MOST_EDIT if method == "edit" else _MOST
    one, other = plain(reference[: most * 2])[:most], plain(text[: most * 2])[:most]
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    if method == "edit":
        return 1 - edits(one, other) / max(len(one), len(other))
    if method == "f1":
        return _f_score(Counter(_WORD.findall(one)), Counter(_WORD.findall(other)), 1.0)
    ours, theirs = _SPACE.sub("", one), _SPACE.sub("", other)
    orders = range(1, min(_ORDER, len(ours), len(theirs)) + 1)
    scores = [_f_score(_pieces(ours, n), _pieces(theirs, n), _BETA) for n in orders]
    return sum(scores) / len(scores) if scores else 0.0


def edits(one: str, other: str) -> int:
    """The least insertions, deletions and replacements between two texts (Wagner and Fischer 1974)."""
    if len(one) < len(other):
        one, other = other, one
    before = list(range(len(other) + 1))
    for row, letter in enumerate(one, 1):
        now = [row]
        for column, opposite in enumerate(other, 1):
            now.append(min(now[-1] + 1, before[column] + 1, before[column - 1] + (letter != opposite)))
        before = now
    return before[-1]


def check_similarity(target: Any) -> str:
    """References, or an object with `like`, `by` and `least`."""
    if not isinstance(target, dict):
        return check_texts(target)
    if "like" not in target or set(target) - {"like", "by", "least"}:
        return 'must be texts, or an object with "like" and, optionally, "by" and "least"'
    if target.get("by", METHODS[0]) not in METHODS:
        return f"in 'by' must be one of {', '.join(METHODS)}, not '{shorten(str(target['by']))}'"
    least = target.get("least", 0.5)
    if isinstance(least, bool) or not isinstance(least, int | float) or not 0 < least <= 1:
        return f"in 'least' must be a number above 0 and up to 1, not {shorten(repr(least))}"
    wrong = check_texts(target["like"])
    return f"in 'like' {wrong}" if wrong else ""


def _pieces(text: str, n: int) -> Counter[str]:
    return Counter(text[place : place + n] for place in range(len(text) - n + 1))


def _f_score(wanted: Counter[str], got: Counter[str], beta: float) -> float:
    both = sum((wanted & got).values())
    if not both:
        return 0.0
    precision, recall = both / sum(got.values()), both / sum(wanted.values())
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)
