"""How figures and foreign text are written for people: sensible digits, "unknown" for None, nothing invisible.

Pure functions, shared by the terminal and the report. A minus sign is the typographic one; `ascii_only` turns it,
and everything else that a poor terminal cannot show, into ASCII.
"""

from __future__ import annotations

import math
import re

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"
MULTIPLY = "\N{MULTIPLICATION SIGN}"

_SYMBOLS = {"USD": "$", "EUR": "\N{EURO SIGN}", "GBP": "\N{POUND SIGN}"}
_ASCII = str.maketrans(
    {
        MINUS: "-",
        EN_DASH: "-",
        MULTIPLY: "x",
        "\N{HORIZONTAL ELLIPSIS}": "~",
        "\N{EURO SIGN}": "EUR ",
        "\N{POUND SIGN}": "GBP ",
    }
)
# Characters that hide, reorder or break text: controls, bidi marks, zero-width ones, tags, lone surrogates,
# noncharacters. Joiners stay: Indic scripts and Persian need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"
)
_C0_END, _DELETE = 0x20, 0x7F


def clean(text: str) -> str:
    """`text` with each hidden character made visible: NUL becomes its picture, an override becomes `<U+202E>`."""
    return _HIDDEN.sub(_show, text.replace("\r\n", "\n"))


def _show(match: re.Match[str]) -> str:
    point = ord(match.group())
    if point < _C0_END:
        return chr(0x2400 + point)
    if point == _DELETE:
        return "\N{SYMBOL FOR DELETE}"
    return f"\N{MATHEMATICAL LEFT ANGLE BRACKET}U+{point:04X}\N{MATHEMATICAL RIGHT ANGLE BRACKET}"


def one_line(text: str, limit: int) -> str:
    """Clean `text` on one line, at most `limit` characters, the cut marked with an ellipsis."""
    line = " ".join(clean(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def ascii_only(text: str) -> str:
    """`text` in ASCII: signs by their nearest look, the rest as escapes."""
    return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def known(value: float | None) -> bool:
    """Is there a figure at all? NaN and infinities are none."""
    return value is not None and math.isfinite(value)


def points(fraction: float | None, *, signed: bool = False) -> str:
    """A fraction as percentage points with one decimal: 0.017 is `1.7`, or `+1.7` where it is `signed`."""
    if fraction is None or not math.isfinite(fraction):
        return UNKNOWN
    text = f"{abs(fraction) * 100:.1f}"
    if text == "0.0":
        return text
    sign = MINUS if fraction < 0 else "+" if signed else ""
    return sign + text


def margin(fraction: float) -> str:
    """A margin with its unit, and no more digits than it has: `10 points`, `2.5 points`, `1 point`."""
    text = f"{fraction * 100:.2f}".rstrip("0").rstrip(".")
    return f"{text} point" if text == "1" else f"{text} points"


def percent(fraction: float | None) -> str:
    """A fraction as a percentage with one decimal: `78.3%`."""
    return f"{fraction * 100:.1f}%" if fraction is not None and math.isfinite(fraction) else UNKNOWN


def level(alpha: float) -> str:
    """An error rate as a short percentage: 0.05 is `5%`, 0.025 is `2.5%`."""
    return f"{alpha * 100:.3g}%"


def span(low: float, high: float) -> str:
    """The two ends of an interval of shares, in points: `66.4-87.0` with an en dash."""
    return f"{points(low)}{EN_DASH}{points(high)}" if known(low) and known(high) else UNKNOWN


def _digits(value: float, significant: int) -> str:
    """`value` with so many significant digits, without exponents."""
    if value == 0:
        return "0"
    # Rounded first: 9.996 has become 10.0 by the time its decimals are counted.
    rounded = float(f"{value:.{significant - 1}e}")
    if abs(rounded) >= 10**significant:
        return f"{value:,.0f}"
    return f"{rounded:,.{max(0, significant - 1 - math.floor(math.log10(abs(rounded))))}f}"


def seconds(value: float | None) -> str:
    """A time with two or three significant digits and its unit: `8.4 ms`, `412 ms`, `1.27 s`, `45.0 s`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value < 0.0995:  # noqa: PLR2004 - two digits below a tenth of a second, three above
        return f"{_digits(value * 1000, 2)} ms"
    if value < 0.9995:  # noqa: PLR2004 - what rounds to 1,000 ms is told in seconds
        return f"{value * 1000:.0f} ms"
    return f"{_digits(value, 3)} s"


def signed_seconds(value: float) -> str:
    """A difference of times: `+0.41 s`, `-12 ms`."""
    return f"{'+' if value >= 0 else MINUS}{seconds(abs(value))}"


def times(value: float) -> str:
    """A factor in words: `0.31 times`."""
    return f"{_digits(value, 2)} times"


def rate(value: float | None) -> str:
    """A rate with three significant digits at most: `61.3`, `8.24`, `1,240`."""
    return _digits(value, 3) if value is not None and math.isfinite(value) else UNKNOWN


def money(value: float | None, currency: str) -> str:
    """An amount with its currency: `$0.00`, `$0.0042`, `$1.27`, `$1,240`, `CNY 3.10`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    unit = _SYMBOLS.get(currency, f"{clean(currency)} ")
    if value == 0:
        return f"{unit}0.00"
    if abs(value) >= 1000:  # noqa: PLR2004 - cents say nothing there
        return f"{unit}{value:,.0f}"
    if abs(value) >= 0.995:  # noqa: PLR2004 - what rounds to 1.00
        return f"{unit}{value:,.2f}"
    return f"{unit}{_digits(value, 2) if abs(value) < 0.0995 else f'{value:.2f}'}"  # noqa: PLR2004 - cents suffice


def ratio(value: float | None, base: float | None) -> str:
    """How many times `base` a `value` is: a factor with two digits; empty where it would say nothing."""
    if value is None or not base or not math.isfinite(value / base) or value <= 0:
        return ""
    return f"{_digits(value / base, 2)}{MULTIPLY} base"


def plural(count: int, word: str) -> str:
    """`1 sample`, `1,200 samples`."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
