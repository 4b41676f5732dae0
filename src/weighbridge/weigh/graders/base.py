"""What the graders share: their shape, the text they read, and the limits that keep hostile answers cheap."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from weighbridge.canon import Reply
from weighbridge.weigh.types import Grade, Sample

#: Characters of an answer that are graded at all. A longer one scores 0 and says so: cutting it could turn
#: a wrong answer into a right one.
MAX_TEXT = 1_000_000
#: Accepted answers that one target may list.
MAX_TARGETS = 1000
#: A letter, digit or "_" of a script that parts words by spaces. "B" and "18" stand alone in "\u7b54\u6848\u662fB" and
#: "\u517118\u4e2a", as the scripts of East and Southeast Asia write words without spaces between them.
WORD = r"[^\W\u0e00-\u109f\u1780-\u17ff\u2e80-\U0003ffff]"
#: What "answer" is in other languages.
ANSWER = (
    r"answer|antwort|antwoord|r[\u00e9e]ponse|respuesta|risposta|resposta|odpowied[\u017az](?:\sto)?|cevap|jawaban|svaret"
    r"|\u043e\u0442\u0432\u0435\u0442(?:\u043e\u043c)?|\u0111\u00e1p[ ]\u00e1n"
    r"|\u0627\u0644\u0625\u062c\u0627\u0628\u0629|\u0627\u0644\u062c\u0648\u0627\u0628|\u0909\u0924\u094d\u0924\u0930"
    r"|\u0e04(?:\u0e33|\u0e4d\u0e32)\u0e15\u0e2d\u0e1a(?:\u0e17\u0e35\u0e48\u0e16\u0e39\u0e01\u0e15\u0e49\u0e2d\u0e07)?|\u7b54\u6848|\u7b54\u3048|\u6b63\u89e3|\u56de\u7b54|\u89e3\u7b54|\uc815\ub2f5|\ub2f5\ubcc0|\ub2f5(?=\uc740|:)|\u7b54(?=:)"
)
_TAG = r"think|thinking|thought|reasoning"
_OPENED = re.compile(rf"\s*(?:<(?:{_TAG})>|\[THINK\]|\u25c1think\u25b7)", re.IGNORECASE)
_CLOSED = re.compile(rf"(?<![`\"'])(?:</(?:{_TAG})>|\[/THINK\]|\u25c1/think\u25b7)\s*", re.IGNORECASE)


class Grader(Struct, frozen=True):
    """One way to grade an answer.

    Args:
        grade: From a sample and the answer's text to a grade; it never raises, whatever the text is. It sees the
            text without thinking that a host left in front of it, see `spoken`.
        check: Tells what is wrong with a target, as the end of "the target ..."; "" if it can be used.
        meaning: One line for people: what the score says.
        needs_target: Is a sample without a target an error?
        reads_reply: Does it need the whole reply (`grade_reply` is called) and not the text alone?
    """

    check: Callable[[Any], str]
    meaning: str
    grade: Callable[[Sample, str], Grade] | None = None
    grade_reply: Callable[[Sample, Reply], Grade] | None = None
    needs_target: bool = True

    def __post_init__(self) -> None:
        """Let `grade` read what the engine said, not what it thought before."""
        if self.grade:
            force_setattr(self, "grade", partial(_grade_spoken, self.grade))


def spoken(text: str) -> str:
    """An answer without the thinking in front of it, `<think>...</think>`, which some hosts leave in the text.

    Some cut the opening tag: then everything up to the closing one is thinking. Where no tag closes it, the engine
    never came to an answer, and nothing is left.
    """
    opened = _OPENED.match(text)
    closed = _CLOSED.search(text, opened.end() if opened else 0)
    if closed:
        return text[closed.end() :]
    return "" if opened else text


def normal(text: str) -> str:
    """Text as people compare it: NFKC (full-width digits become plain ones), single spaces, no case."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def listed(target: Any) -> list[Any]:
    """A target as the list of what it accepts."""
    return list(target) if isinstance(target, list | tuple) else [target]


def check_texts(target: Any) -> str:
    """Nothing wrong with one text, one number, or a list of them?"""
    return check_each(target, lambda item: "" if _is_text(item) else "must be text or a number, or a list of these")


def check_each(target: Any, check: Callable[[Any], str]) -> str:
    """The first thing wrong with the accepted answers of a target, "" if nothing is."""
    items = listed(target)
    if not items:
        return "is an empty list"
    if len(items) > MAX_TARGETS:
        return f"lists {len(items):,} answers; at most {MAX_TARGETS:,} are allowed"
    return next((wrong for item in items if (wrong := check(item))), "")


def shorten(text: str, limit: int = 60) -> str:
    """Text on one line, cut for people."""
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else line[: limit - 3] + "..."


def _grade_spoken(grade: Callable[[Sample, str], Grade], sample: Sample, text: str) -> Grade:
    return grade(sample, spoken(text))


def _is_text(item: Any) -> bool:
    return (isinstance(item, str) and bool(item.strip())) or (
        isinstance(item, int | float) and not isinstance(item, bool)
    )
