"""Ways to write a number, made plain: TeX, fractions, powers of ten, signs and amounts in words. For the grader `number`.

Every length in a pattern is bounded, so that no text makes it slow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from fractions import Fraction

from weighbridge.weigh.graders.base import WORD

_RAISED = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079\u207b\u207a", "0123456789-+")
_VULGAR = r"\u00bc-\u00be\u2150-\u215e\u2189"
_UP = r"\u2070\u00b9\u00b2\u00b3\u2074-\u2079\u207a\u207b"
_SIGN = r"[-\u2212\u2013]"
_COIN = r"[$\u20ac\u00a3\u00a5\u20b9]"
_MONEY = "USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|CAD|AUD|NZD|HKD|SGD|TWD|KRW|BRL|MXN|RUB|SEK|NOK|DKK|PLN|TRY|ZAR|Rs"
_MINUS = r"minus|negative|moins|menos|meno|\u043c\u0438\u043d\u0443\u0441"
_MINUS_TOGETHER = r"\u8d1f|\u8ca0|\u30de\u30a4\u30ca\u30b9|\ub9c8\uc774\ub108\uc2a4"
_TIMES = r"(?:[\u00d7x*\u00b7\u22c5]|\\times|\\cdot)"
_LETTERS = {"k": " thousand", "m": " million", "b": " billion"}
#: Chinese, Japanese and Korean: hundred, thousand, ten thousand, a hundred million.
_UNITS = {"\u767e": 2, "\u5343": 3, "\u4e07": 4, "\u842c": 4, "\ub9cc": 4, "\u4ebf": 8, "\u5104": 8, "\uc5b5": 8}
#: A hundred but not per cent, a thousand but not "kilo".
_UNIT = r"(?:[\u4e07\u842c\ub9cc\u4ebf\u5104\uc5b5]|\u767e(?!\u5206)|\u5343(?![\u514b\u7c73\u74e6\u5361]))"
_IN_UNITS = re.compile(r"(\d[\d,]*(?:\.\d+)?)(\D?)")
_HALF = r"\s{0,3}([-+\u2212]?)\s{0,3}(\d[\d,]{0,40})\s{0,3}"

Step = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def plain(text: str) -> str:
    """A text whose numbers are written with digits, signs, "/", "^" and "e" alone."""
    for pattern, by in _BEFORE:
        text = pattern.sub(by, text)
    text = unicodedata.normalize("NFKC", text)
    for pattern, by in _AFTER:
        text = pattern.sub(by, text)
    return text


def _fraction(match: re.Match[str]) -> str:
    r"""A `\frac` of two whole numbers as "-7/2"; "1\frac{3}{4}" is one and three quarters."""
    before, sign, above, under, below = match.groups()
    minus = (bool(before) + (sign not in ("", "+")) + (under not in ("", "+"))) % 2
    mixed = match.start() and match.string[match.start() - 1].isdecimal() and not before
    ratio = f"{above.replace(',', '')}/{below.replace(',', '')}"
    return f" {ratio}" if mixed else f"{'-' if minus else ''}{ratio}"


def _in_units(match: re.Match[str]) -> str:
    """The number that "3\u4ebf5000\u4e07" or "3\u4e075000" stands for, in digits."""
    total = part = Fraction(0)
    for digits, unit in _IN_UNITS.findall(match[0]):
        value = Fraction(digits.replace(",", ""))
        power = _UNITS.get(unit, 0)
        if power >= _UNITS["\u4e07"]:
            total, part = total + (part + value) * 10**power, Fraction(0)
        else:
            part += value * 10**power
    total += part
    return str(total) if total.denominator == 1 else match[0]


#: Before NFKC, which would run "3\u00b2" together to 32 and "1\u00bd" to 11/2.
_BEFORE: tuple[Step, ...] = (
    (re.compile(r"\{,\}|,\\!"), ","),
    (re.compile(r"(?<=\d)(?:\\[,;: ]|[\u00a0\u2009\u202f])(?=\d{3})"), "_"),
    (re.compile(r"\\(?=[$%])|\\(?:left|right|displaystyle)(?![a-z])|\\[!,;:]"), ""),
    (re.compile(r"\\[dtc]?frac\s{0,3}(\d)(\d)(?!\d)"), r"\\frac{\1}{\2}"),
    (re.compile(rf"({_SIGN}\s{{0,3}})?\\[dtc]?frac\s{{0,3}}\{{{_HALF}\}}\s{{0,3}}\{{{_HALF}\}}"), _fraction),
    (re.compile(rf"(?<=\d)(?=[{_VULGAR}])"), " "),
    (re.compile(rf"(?<=\d)[{_UP}]{{1,9}}"), lambda m: "^" + m[0].translate(_RAISED)),
    (re.compile(rf"(?<=[^\W\d{_UP}])[{_UP}]{{1,9}}|(?<=\))[{_UP}]{{1,9}}"), ""),
)
_AFTER: tuple[Step, ...] = (
    (re.compile(r"\^\{\s{0,3}([-\u2212+]?\d{1,9})\s{0,3}\}"), r"^\1"),
    (re.compile(rf"(?<=\d)\s{{0,3}}{_TIMES}\s{{0,3}}10\^\(?\+?({_SIGN})?(\d{{1,3}})\)?(?!\d)", re.IGNORECASE),
     lambda m: f"e{'-' if m[1] else ''}{m[2]}"),
    (re.compile(rf"(?<!{WORD})(?:{_MONEY})\.?\s?(?=\d)", re.IGNORECASE), "$"),
    (re.compile(rf"({_COIN}\s?\d[\d,.]{{0,20}})\s?([kmb])(?!\w)", re.IGNORECASE), lambda m: m[1] + _LETTERS[m[2].lower()]),
    (re.compile(rf"(?<![\d)\]%]\s)(?<!{WORD})(?:{_MINUS})\s{{1,3}}(?={_COIN}?\d)", re.IGNORECASE), "-"),
    (re.compile(rf"(?:{_MINUS_TOGETHER})\s?(?=\d)"), "-"),
    (re.compile(rf"([=:\u2248]|\bis)[ \t]{{0,3}}{_SIGN}[ \t]{{1,3}}(?={_COIN}?[\d.])"), r"\1 -"),
    (re.compile(rf"(?:\d[\d,]{{0,20}}(?:\.\d{{1,9}})?{_UNIT}){{1,6}}(?:\d{{1,4}}(?!\d))?"), _in_units),
    (re.compile(r"(?:\bnot|n['\u2019]t|\u4e0d\u662f)\s{0,3}[^\s,;]{1,40}(?:\s\w{1,20}){0,2}[,;]?\s{0,3}"
                r"(?:\bbut(?: rather)?|\bit['\u2019]s|\bit is|\u800c\u662f)(?!\w)\s{0,3}"), " "),
)  # fmt: skip
