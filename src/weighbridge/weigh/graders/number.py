"""The grader `number`: which number did the answer arrive at?"""

from __future__ import annotations

import math
import re
import unicodedata
from fractions import Fraction
from typing import Any

from weighbridge.weigh.graders.base import check_each, listed, shorten
from weighbridge.weigh.types import Grade, Sample

#: Every length is bounded, so that no text makes the search or the arithmetic slow. A sign counts only where it
#: does not follow a word, a digit or a bracket: "10-3" holds 10 and 3.
_NUMBER = re.compile(
    r"""(?P<sign>(?<![\w)\]])[-+\u2212\u2013])? [$\u20ac\u00a3\u00a5\u20b9]? (?<![\w.])
        (?P<mixed>\d{1,9}[ ](?=\d{1,9}[/\u2044]\d))?
        (?P<whole>(?!0)\d{1,3}(?P<group>[,'\u2019_\u202f])\d{3}(?:(?P=group)\d{3}){0,11}(?!\d)(?:\.\d{1,40}|(?!(?P=group)),\d{1,40})?
                 |\d{1,3}\.\d{3}(?:\.\d{3}){0,11},\d{1,40}
                 |\d{1,3}(?:\.\d{3}){2,12}(?!\d)
                 |\d{1,40}(?:[.,]\d{1,40})?
                 |\.\d{1,40})
        (?:[eE](?P<power>[-+]?\d{1,3})(?!\w))?
        (?:[/\u2044](?P<below>\d{1,40})(?![\d/]))?""",
    re.VERBOSE,
)
_MARK = re.compile(r"answer|####|\\boxed|=", re.IGNORECASE)
_VULGAR = re.compile("[\u00bc-\u00be\u2150-\u215e\u2189]")
_THIN_SPACES = re.compile("(?<=[0-9])[\u00a0\u2009\u202f](?=[0-9]{3})")
_TOLERANCE = Fraction(1, 10**9)


def number(text: str) -> Fraction | None:
    r"""The number that an answer arrives at, None where it holds none.

    The first one after the last "answer", "=", "####" or "\boxed"; without such a mark the last one of the text.
    Currency signs, units and percent signs are passed over (50 % is 50). Thousands may be parted by a comma, an
    apostrophe, an underscore or a no-break space, not by a plain one; one comma is a decimal comma unless exactly
    three digits follow it, one point is always a decimal point. "3/4" and "1 1/2" are fractions. Numbers written as
    words are not read.
    """
    plain = _THIN_SPACES.sub("_", _VULGAR.sub(lambda m: " " + m[0], text))
    plain = unicodedata.normalize("NFKC", plain)
    mark = None
    for mark in _MARK.finditer(plain):  # noqa: B007 - the last one counts
        pass
    if mark and (after := _NUMBER.search(plain, mark.end())):
        return _value(after)
    last = None
    for last in _NUMBER.finditer(plain):  # noqa: B007 - the last one counts
        pass
    return _value(last) if last else None


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


def _value(match: re.Match[str]) -> Fraction:
    whole, group = match["whole"], match["group"]
    if group:
        whole = whole.replace(group, "")
    elif whole.count(".") > 1 or ("." in whole and "," in whole):
        whole = whole.replace(".", "")
    before, _, after = whole.replace(",", ".").partition(".")
    value = Fraction(int((before or "0") + after), 10 ** len(after))
    if match["power"]:
        value *= Fraction(10) ** int(match["power"])
    if match["below"] and int(match["below"]):
        value /= int(match["below"])
    if match["mixed"]:
        value += int(match["mixed"])
    return -value if match["sign"] in ("-", "\u2212", "\u2013") else value


def _shown(value: Fraction) -> str:
    return str(value) if value.denominator == 1 else f"{float(value):.12g}"
