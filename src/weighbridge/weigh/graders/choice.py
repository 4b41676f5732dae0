"""The grader `choice`: which letter did the answer settle on?"""

from __future__ import annotations

import re
from typing import Any

from weighbridge.weigh.graders import letters
from weighbridge.weigh.graders.base import check_each, listed, shorten, spoken
from weighbridge.weigh.types import Grade, Sample

_LONGEST = 50  #: characters of a letter with its marks
#: "A dog" and "I think" are no choices, "A because" is one.
_ARTICLE = re.compile(
    r"\s{1,3}(?!(?:because|since|as|is|for|with|which|while|given|due|based|in|and|or|but|if|when)\b)[a-z]"
)
_ENDS = re.compile(r"\s*[.!]?\s*(?:\n|$)|[).:]\s")
_ASKS = re.compile(r"[)\]}*\"'`]{0,4}\s?\?")


def letter(text: str) -> str:
    """The capital letter that an answer settles on, "" where it names none or several.

    Letters that the answer rejects ("not A", "B is wrong") are passed over, and so is thinking in front of it. In this
    order: the letter is the whole answer; the last "the answer is B"; the last line; the one that "is correct"; the last
    that is chosen in words ("I'd go with B"); the letter opens the answer as a label does; the only "option B"; the only
    letter in brackets or bold; the only letter that stands by itself, where a choice would stand.
    """
    whole = letters.plain(spoken(text))
    if found := _alone(whole):
        return found
    answer = letters.without_rejected(whole)
    if said := _all(letters.ANSWER_IS, answer):
        return _settled(said[-1])
    if found := _alone(answer.rpartition("\n")[2]):
        return found
    if right := _all(letters.IS_RIGHT, answer):
        return _only(right)
    if said := _all(letters.CHOSEN, answer):
        return _settled(said[-1])
    return _by_place(letters.without_options(answer))


def _by_place(answer: str) -> str:
    """The letter of an answer that says nothing about it in words."""
    for part in (answer, answer.rpartition("\n\n")[2]):
        if (first := letters.FIRST.match(part)) and not letters.GOES_ON.match(part, first.end(1)):
            return first[1].upper()
    for pattern in (letters.OPTION, letters.MARKED, letters.STANDING):
        if found := _all(pattern, answer):
            placed = pattern is not letters.STANDING or letters.AT_CHOICE.search(answer)
            return _only(found) if placed else ""
    return ""


def _alone(text: str) -> str:
    found = letters.ALONE.fullmatch(text) if len(text) <= _LONGEST else None
    return found[1].upper() if found else ""


def _all(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return [match for match in pattern.finditer(text) if _is_letter(match)]


def _only(found: list[re.Match[str]]) -> str:
    """The letter of all of them, "" where they differ or one leads on to another."""
    named = {_settled(match) for match in found}
    return named.pop() if len(named) == 1 else ""


def _settled(match: re.Match[str]) -> str:
    goes_on = letters.GOES_ON.match(match.string, match.end(match.lastindex or 0))
    return "" if goes_on else match[match.lastindex or 0].upper()


def _is_letter(match: re.Match[str]) -> bool:
    """Is it an option, and not a word: "the answer is a number", "the answer is I think B"? Nor a question: "A?"."""
    text, (start, end) = match.string, match.span(match.lastindex or 0)
    marked = text[max(start - 1, 0) : start] in ("(", "[", "{", "*") and text[end : end + 1] in (")", "]", "}", "*")
    if _ASKS.match(text, end):
        return False
    if text[start].isupper():
        return marked or text[start] not in "AI" or not _ARTICLE.match(text, end)
    return marked or bool(_ENDS.match(text, end))


def choice(sample: Sample, text: str) -> Grade:
    """1 if the answer settles on an accepted letter; valid if it settles on one at all."""
    got = letter(text)
    if not got:
        return Grade(0.0, valid=False, why=f"no single letter in '{shorten(text)}'" if text.strip() else "empty")
    right = any(got == str(item).strip().upper() for item in listed(sample.target))
    return Grade(float(right), valid=True, why=f"chose {got}")


def check_choice(target: Any) -> str:
    """One letter from A to J, or a list of them."""
    return check_each(
        target,
        lambda item: (
            "" if isinstance(item, str) and re.fullmatch(r"[A-Ja-j]", item.strip()) else "must be a letter from A to J"
        ),
    )
