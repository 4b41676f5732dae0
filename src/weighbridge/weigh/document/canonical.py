"""One way of writing a JSON value, so that the same value has the same digest wherever it is worked out: RFC 8785."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from typing import Any

from weighbridge.errors import InputError

EXACT = 2**53  #: integers up to here are the same in every reader of JSON; larger ones are rounded as doubles are
_PLAIN = {int, bool, type(None)}
_TEXT = {str, bool, type(None)}
_NUMBERS = {int, float, type(None)}
_ES_LARGEST, _ES_SMALLEST = 21, -6  #: ECMAScript writes 1e21 and 1e-7 with an exponent, and nothing between them
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_sorted = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True).encode
_DIFFERENT = re.compile(r"[ea]|inf|\.0[,\]]|[\[,]-?[0-9]{16}")  #: exponents, nan, inf, 1.0, large ones
_TRICKY = re.compile(r"(?:^|[\[:,])-?[0-9]+[.eE]|[0-9]{16}|[\ue000-\U0010ffff]")
"""What Python may write or sort in another way: fractions, large numbers, names beyond the first plane; in texts too."""


def encode(value: Any) -> bytes:
    """The canonical form of a JSON value: RFC 8785, the JSON Canonicalization Scheme.

    Members are sorted by the UTF-16 code units of their names, nothing stands between tokens, strings escape only what
    must be escaped, and numbers are IEEE 754 doubles, written as ECMAScript writes them: 1.0 is 1.

    Raises:
        InputError: The value holds what JSON cannot: NaN, an infinity, half of a surrogate pair, or nests too deep.
    """
    pieces: list[str] = []
    try:
        _write(value, pieces)
        return "".join(pieces).encode()
    except RecursionError as error:
        raise InputError("The JSON is nested too deep.", fix="Make it flatter.") from error
    except UnicodeEncodeError as error:
        raise InputError("A text holds half of a surrogate pair, which is no Unicode.", fix="Correct it.") from error


def brief(value: Any) -> bytes:
    """The canonical form, as `encode` gives it, quickly for the many small values that hold no fractions."""
    try:
        text = _sorted(value)
        return encode(value) if _TRICKY.search(text) else text.encode()
    except (ValueError, RecursionError):  # NaN and the like: `encode` tells what is wrong
        return encode(value)


def members(value: dict[str, Any]) -> dict[str, bytes]:
    """The canonical form of each member of an object."""
    return {name: encode(member) for name, member in value.items()}


def joined(pieces: dict[str, bytes]) -> bytes:
    """The canonical form of the object whose members have these canonical forms."""
    return b"{" + b",".join(_encode(name).encode() + b":" + pieces[name] for name in sorted(pieces, key=_utf16)) + b"}"


def sha256(data: bytes) -> str:
    """In hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, in hexadecimal."""
    return sha256(brief(value))


def _write(value: Any, pieces: list[str]) -> None:
    if isinstance(value, dict):
        opening = "{"
        for key in sorted(value, key=_utf16):
            pieces.append(f"{opening}{_encode(key)}:")
            _write(value[key], pieces)
            opening = ","
        pieces.append("}" if value else "{}")
    elif isinstance(value, list | tuple):
        _write_list(value, pieces)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        pieces.append(_number(value))
    else:
        pieces.append(_encode(value))


def _write_list(values: list[Any] | tuple[Any, ...], pieces: list[str]) -> None:
    """Columns of plain values are long: they are written whole."""
    kinds = set(map(type, values))
    if kinds <= _TEXT or (kinds <= _PLAIN and all(-EXACT <= v <= EXACT for v in values if v is not None)):
        pieces.append(_encode(values))
        return
    if kinds <= _NUMBERS:
        pieces.append(_numbers(values))
        return
    opening = "["
    for value in values:
        pieces.append(opening)
        _write(value, pieces)
        opening = ","
    pieces.append("]")


def _numbers(values: list[Any] | tuple[Any, ...]) -> str:
    """Numbers and nulls. Python and ECMAScript write most numbers alike; where they may not, each is looked at."""
    text = f"[{','.join(['null' if value is None else repr(value) for value in values])}]"
    if _DIFFERENT.search(text):
        return f"[{','.join(['null' if value is None else _number(value) for value in values])}]"
    return text


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """A number as ECMAScript's Number::toString has it."""
    if isinstance(value, int) and -EXACT <= value <= EXACT:
        return int.__repr__(value)
    try:
        exact = float(value)
    except OverflowError as error:
        raise InputError("A number is too large for a double.", fix="Correct it.") from error
    if exact.is_integer() and -EXACT <= exact <= EXACT:
        return str(int(exact))
    text = float.__repr__(exact)
    if "n" in text:  # nan, inf
        raise InputError(f"JSON has no {text}.", fix="Write null where a figure is unknown.")
    return _with_exponent(text) if "e" in text or exact.is_integer() else text


def _with_exponent(text: str) -> str:
    """The same digits, where Python and ECMAScript disagree on when to write an exponent."""
    sign, digits, exponent = Decimal(text).as_tuple()
    figures = "".join(map(str, digits)).rstrip("0")
    point = len(digits) + int(exponent)  # digits before the decimal point
    minus = "-" if sign else ""
    if len(figures) <= point <= _ES_LARGEST:
        return minus + figures + "0" * (point - len(figures))
    if 0 < point <= _ES_LARGEST:
        return f"{minus}{figures[:point]}.{figures[point:]}"
    if _ES_SMALLEST < point <= 0:
        return f"{minus}0.{'0' * -point}{figures}"
    rest = f".{figures[1:]}" if len(figures) > 1 else ""
    return f"{minus}{figures[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"
