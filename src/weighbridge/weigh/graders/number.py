"""The grader `number`: which number did the answer arrive at?"""

from __future__ import annotations

import math
import re
from collections import deque
from fractions import Fraction
from typing import Any

from weighbridge.weigh.graders.base import ANSWER, WORD, check_each, listed, shorten, spoken
from weighbridge.weigh.graders.notation import plain
from weighbridge.weigh.types import Grade, Sample

_SCALES = {
    "thousand": 3, "million": 6, "mill\u00f3n": 6, "millones": 6, "milh\u00e3o": 6, "milh\u00f5es": 6, "milion": 6, "mln": 6,
    "milliard": 9, "billion": 9, "trillion": 12, "lakh": 5, "crore": 7,
    "\u043c\u0438\u043b\u043b\u0438\u043e\u043d": 6, "\u043c\u043b\u043d": 6, "\u043c\u0438\u043b\u043b\u0438\u0430\u0440\u0434": 9, "\u043c\u043b\u0440\u0434": 9,
}  # fmt: skip
#: Every length is bounded, so that no text makes the search or the arithmetic slow. A sign counts only where it
#: does not follow a word, a digit or a bracket: "10-3" holds 10 and 3.
_NUMBER = re.compile(
    rf"""(?P<sign>(?<!{WORD})(?<![)\]])[-+\u2212\u2013])? [$\u20ac\u00a3\u00a5\u20b9]? (?<!{WORD})(?<!\.)
        (?P<mixed>\d{{1,9}}[ ](?=\d{{1,9}}[/\u2044]\d))?
        (?P<whole>(?!0)\d{{1,3}}(?P<group>[,'\u2019_\u202f])\d{{3}}(?:(?P=group)\d{{3}}){{0,11}}(?!\d)
                      (?:\.\d{{1,40}}|(?!(?P=group)),\d{{1,40}})?
                 |(?!0)\d{{1,2}}(?:,\d{{2}}){{1,6}},\d{{3}}(?![,\d])(?:\.\d{{1,40}})?
                 |\d{{1,3}}\.\d{{3}}(?:\.\d{{3}}){{0,11}},\d{{1,40}}
                 |\d{{1,3}}(?:\.\d{{3}}){{2,12}}(?!\d)
                 |\d{{1,40}}(?:[.,]\d{{1,40}})?
                 |\.\d{{1,40}})
        (?:e(?P<power>[-+]?\d{{1,3}})(?!\w)|\^(?P<raised>[-\u2212]?\d{{1,2}})(?!\d|\.\d))?
        (?:[ ]?[/\u2044][ ]?(?P<below>\d{{1,40}})(?!\d|/|\.\d))?
        (?:[ ]?(?P<scale>{"|".join(_SCALES)})(?:en|[sie]|\u0430|\u043e\u0432)?(?!\w))?""",
    re.VERBOSE | re.IGNORECASE,
)
#: "Answer" as a noun: not "to answer", "long-answer questions" or "answers".
_CUE = re.compile(
    rf"(?<!{WORD})(?<!-)(?<!to )(?<!can )(?<!could )(?:{ANSWER}|final(?=[*_\s]{{0,4}}:)|\u7ed3\u679c|\u7d50\u679c)(?!{WORD})"
    r"|\\boxed|####",
    re.IGNORECASE,
)
_CUES = 20  #: how many of the last cues are looked at
#: What leads from the word "answer" to its number: "answer is", "Answer to part 2:", or a heading.
_SAYS = re.compile(
    r"""(?:\ answer)?[*_\#"'\ \t]{0,9}[*_\#"'\n][*_\#"'\s]{0,9}(?=[-+$]?\d)
        |[*_"'\ ]{0,4}[=\u2248]
        |[^\n.?!]{0,60}?(?:\b(?:is|are|was|be|equals|ist|lautet|est|es|\u00e8|\u00e9|adalah|\u0647\u064a|\u0647\u0648)(?!\w)
                            |[:\u2192\u2014\u662f\u4e3a\u70ba\u306f\u304c\uc740\ub294])""",
    re.VERBOSE | re.IGNORECASE,
)
_LEAD = 60  #: characters from there to the number
#: The end of a sentence or of a line of words: no number behind it is what the answer "is".
_BREAK = re.compile(r"[.!?;]\s|[^\W_][^\n]*\n|\b(?:step|question|part)\s*$", re.IGNORECASE)
#: "Answer: 16 - 3 = 13": a sentence with a calculation.
_CALCULATION = re.compile(
    r"""(?:[^\n.;!?(="]|\.(?=\d)){0,40}(?:[-+*/\u00d7\u00f7\u00b7\u2212]|\\times|\\cdot|\\div|\sx\s)[^\n;!?="]{1,120}="""
)
_HEADING = re.compile(r"[.):]\s*[^\W\d]")
_EQUALS = re.compile("[=\u2248]")
_BOLD = re.compile(
    r"\*\*(?!\s*(?:step|part|question|case|\d{1,3}[.)]\s*[^\W\d]))([^*\n]{1,80})(?<![:\uff1a])\*\*(?!:)", re.IGNORECASE
)
_TOLERANCE = Fraction(1, 10**9)


def number(text: str) -> Fraction | None:
    r"""The number that an answer arrives at, None where it holds none.

    In this order: what the last "answer is", "answer:", "####" or "\boxed" leads to; the first number after the last "="
    or the last one in bold, whichever comes later; the last number of the text. Thinking in front of it is passed over.

    Currency signs, units and percent signs are passed over (50 % is 50), "2.5 million" is not. Thousands may be parted by
    a comma, an apostrophe, an underscore or a no-break space, not by a plain one; one comma is a decimal comma unless
    exactly three digits follow it, one point is always a decimal point. "3/4", "1 1/2" and "\frac{3}{4}" are fractions,
    "1.5 x 10^3" and a raised digit after a number are powers. Numbers written as words are not read, and amounts in
    brackets are not negative.
    """
    readable = plain(spoken(text))
    found = _settled(readable) or _marked(readable)
    if not found:
        for found in _NUMBER.finditer(readable):  # noqa: B007 - the last one counts
            pass
    return _value(found) if found else None


def grade_number(sample: Sample, text: str) -> Grade:
    """1 if the answer arrives at an accepted number (to nine digits); valid if it arrives at one at all."""
    got = number(text)
    if got is None:
        return Grade(0.0, valid=False, why=f"no number in '{shorten(text)}'" if text.strip() else "empty")
    right = any(
        (wanted := number(str(item))) is not None and abs(got - wanted) <= _TOLERANCE * max(Fraction(1), abs(wanted))
        for item in listed(sample.target)
    )
    return Grade(float(right), valid=True, why=f"got {shorten(_shown(got))}")


def check_number(target: Any) -> str:
    """One number, or text that holds one, or a list of these."""
    return check_each(target, lambda item: "" if _is_number(item) else "must be a number, or a list of numbers")


def _is_number(item: Any) -> bool:
    if isinstance(item, int | float):
        return not isinstance(item, bool) and math.isfinite(item)
    return isinstance(item, str) and number(item) is not None


def _settled(text: str) -> re.Match[str] | None:
    """The number that the text itself calls its answer, where it does."""
    for cue in reversed(deque(_CUE.finditer(text), maxlen=_CUES)):
        found = _boxed(text, cue.end()) if cue[0] == "\\boxed" else _after(text, cue)
        if found and _CALCULATION.match(text, found.end(), found.end() + 200):
            return None
        if found:
            return found
    return None


def _boxed(text: str, start: int) -> re.Match[str] | None:
    end = text.find("}", start, start + 200)
    end = end if end >= 0 else start + 200
    return _NUMBER.search(text, max(text.rfind("=", start, end) + 1, start), end)


def _after(text: str, cue: re.Match[str]) -> re.Match[str] | None:
    if cue[0] == "####":
        found = _NUMBER.search(text, cue.end(), cue.end() + 200)
        heading = found and (text[cue.end() : found.start()].strip(" \t\n*_:$") or _HEADING.match(text, found.end()))
        return None if heading else found
    says = _SAYS.match(text, cue.end(), cue.end() + 100)
    found = _NUMBER.search(text, says.end(), says.end() + 200) if says else None
    if not says or not found:
        return None
    lead = text[says.end() : found.start()]
    if not any(map(str.isalpha, lead)):
        return found if len(lead) <= _LEAD and not _BREAK.search(lead) else None
    return _in_sentence(text, says.end(), found)


def _in_sentence(text: str, start: int, found: re.Match[str]) -> re.Match[str] | None:
    """The number of "the answer is that Tom has 7": a bold one first, none where a calculation follows."""
    end = text.find("\n", start, start + 300)
    end = end if end >= 0 else start + 300
    if bold := _last_bold(text, start, end):
        return bold
    lead = text[start : found.start()]
    calculates = _EQUALS.search(text, found.end(), end)
    return None if calculates or len(lead) > _LEAD or _BREAK.search(lead) else found


def _marked(text: str) -> re.Match[str] | None:
    """The first number after the last "=", or the last one in bold: the later of both."""
    equals = max(text.rfind("="), text.rfind("\u2248"))
    result = _NUMBER.search(text, equals + 1) if equals >= 0 else None
    bold = _last_bold(text, 0, len(text))
    return max((m for m in (result, bold) if m), key=lambda m: m.start(), default=None)


def _last_bold(text: str, start: int, end: int) -> re.Match[str] | None:
    for part in reversed(deque(_BOLD.finditer(text, start, end), maxlen=_CUES)):
        first = max(text.rfind("=", part.start(1), part.end(1)) + 1, part.start(1))
        if found := _NUMBER.search(text, first, part.end(1)):
            return found
    return None


def _value(match: re.Match[str]) -> Fraction:
    whole, group = match["whole"], match["group"]
    if group:
        whole = whole.replace(group, "")
    elif whole.count(".") > 1 or ("." in whole and whole.rfind(",") > whole.find(".")):
        whole = whole.replace(".", "")
    elif whole.count(",") > 1:
        whole = whole.replace(",", "")
    before, _, after = whole.replace(",", ".").partition(".")
    value = Fraction(int((before or "0") + after), 10 ** len(after))
    if match["power"]:
        value *= Fraction(10) ** int(match["power"])
    if match["raised"] and value:
        value = Fraction(value ** int(match["raised"].replace("\u2212", "-")))
    if match["below"] and int(match["below"]):
        value /= int(match["below"])
    if match["mixed"]:
        value += int(match["mixed"])
    value *= Fraction(int(10 ** _scale(match["scale"])))
    return -value if match["sign"] in ("-", "\u2212", "\u2013") else value


def _scale(word: str | None) -> int:
    return _SCALES[word.casefold()] if word else 0


def _shown(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):.12g}"
