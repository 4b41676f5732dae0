"""Reading JSON from outside: bounded in depth, without a doubt about its meaning, with the place of what is wrong.

JSON leaves open what a key given twice means, and two programs may disagree about it: what one of them checks is
then not what the other one uses. So that is an error here, as are unbounded nesting, NaN and text that is not UTF-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, TypeVar

import msgspec

from weighbridge.errors import InputError, TooLargeError

T = TypeVar("T")

_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_ALL_SQUARE = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_BLOCK = 1 << 18
_PAIR = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_SHOWN = 40
_KINDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class MisfitError(Exception):
    """A value that does not fit where it stands. Internal: the edge turns it into the error of its side.

    Args:
        what: One sentence about the value.
        fix: What to give instead.
        path: Where it stands, from the place where it was found; `under` adds what lies above.
    """

    def __init__(self, what: str, fix: str, path: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.path = path

    def under(self, prefix: str) -> MisfitError:
        """The same, seen from further up."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return MisfitError(self.what, self.fix, f"{prefix}{joint}{self.path}")


def kind(value: object) -> str:
    """The type of a JSON value in plain words."""
    return _KINDS.get(type(value), type(value).__name__)


def misfit(value: object, wanted: str, path: str) -> MisfitError:
    """The error for a value of the wrong type."""
    shown = "" if isinstance(value, (dict, list, type(None))) else f" ({_short(value)})"
    return MisfitError(f"It is {kind(value)}{shown}.", f"Give {wanted}.", path)


def take(rest: dict[str, Any], key: str, wanted: type | tuple[type, ...], name: str) -> Any:
    """Remove and return a value; None where it is missing or null, and a null stays in `rest`.

    Raises:
        MisfitError: It is of another type. `name` says in words what is wanted.
    """
    value = rest.get(key)
    if value is None:
        return None
    if type(value) is not wanted and (type(wanted) is not tuple or type(value) not in wanted):
        raise misfit(value, name, key)
    del rest[key]
    return value


def each(items: Iterable[Any], read: Callable[[Any], T], path: str) -> list[T]:
    """Every item of a list, read. What misfits in one is told from where the list stands."""
    return each_at(items, lambda item, _: read(item), path)


def each_at(items: Iterable[Any], read: Callable[[Any, int], T], path: str) -> list[T]:
    """As `each`, read with its place."""
    found = []
    for i, item in enumerate(items):
        try:
            found.append(read(item, i))
        except MisfitError as error:
            raise error.under(f"{path}[{i}]") from None
    return found


def take_text(rest: dict[str, Any], key: str) -> str:
    """Remove and return a text; "" where it is missing, null or empty, and then it stays in `rest`."""
    value = rest.get(key)
    if not value:
        if value is None or value == "":
            return ""
        raise misfit(value, "text", key)
    if type(value) is not str:
        raise misfit(value, "text", key)
    del rest[key]
    return value


def decode(body: bytes, max_depth: int) -> dict[str, Any]:
    """A JSON object.

    Raises:
        TooLargeError: It nests deeper than `max_depth`.
        InputError: It is not JSON, not an object, or gives a key twice.
    """
    if body.count(b"{") + body.count(b"[") > max_depth:
        _check_depth(outside_strings(body), max_depth)
    try:
        value = _DECODE(body)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        _refuse(body, error)
    if type(value) is not dict:
        raise InputError(
            f"The body is {kind(value)}, not an object.", where="body", fix='Send a JSON object: {"model": ...}.'
        )
    # Written again, a text holds as many quotes as before: only an escaped one hides its count, and a key that was
    # given twice is missing. So one quick comparison rules doubles out in nearly every body.
    if body.count(b'"') != _ENCODE(value).count(b'"') or b"\\u0022" in body:
        _refuse_twice(body, value)
    return value


def outside_strings(body: bytes) -> bytes:
    """What of a JSON text stands outside its strings. Quick, and bounded in memory whatever the text holds."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if len(body) <= _BLOCK:
        return b"".join(body.split(b'"')[::2])
    kept = []
    inside = 0
    for start in range(0, len(body), _BLOCK):
        pieces = body[start : start + _BLOCK].split(b'"')
        kept.append(b"".join(pieces[inside::2]))
        inside ^= (len(pieces) - 1) & 1
    return b"".join(kept)


def _check_depth(plain: bytes, max_depth: int) -> None:
    """Take away the innermost brackets, again and again: each round is one level."""
    brackets = plain.translate(_ALL_SQUARE, _NO_BRACKET)
    for _ in range(max_depth):
        fewer = brackets.replace(b"[]", b"")
        if len(fewer) == len(brackets):
            break  # none left, or they do not match: the decoder says where
        brackets = fewer
    if brackets and (b"[]" in brackets or brackets.count(b"[") > max_depth):
        raise _too_deep(max_depth)


def _too_deep(max_depth: int) -> TooLargeError:
    return TooLargeError(
        f"The body nests deeper than {max_depth} levels.",
        where="body",
        fix="Send a flatter body, or raise gateway.max_depth.",
    )


def _count_pairs(value: Any) -> int:
    total = 0
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is dict:
            total += len(item)
            item = item.values()
        stack += [inner for inner in item if type(inner) is dict or type(inner) is list]
    return total


def _refuse(body: bytes, error: Exception) -> NoReturn:
    if not body.strip():
        raise InputError("The body is empty.", where="body", fix='Send a JSON object: {"model": ...}.') from error
    try:
        body.decode()
    except UnicodeDecodeError as bad:
        raise InputError(
            f"The body is not UTF-8 text: byte 0x{body[bad.start]:02x} at offset {bad.start}.",
            where="body",
            fix="Encode it as UTF-8.",
        ) from error
    if _HALF.search(_PAIR.sub(b"", body)):
        raise InputError(
            "The body holds half of a surrogate pair, which is no character.",
            where="body",
            fix=r"Write characters beyond U+FFFF as two \u escapes, or as they are.",
        ) from error
    said = str(error).partition(" - at ")[0].rstrip(".")
    raise InputError(f"The body is not valid JSON: {said}.", where="body", fix="Correct the JSON.") from error


def _refuse_twice(body: bytes, value: dict[str, Any]) -> None:
    """Refuse a body in which a key stands twice; one that only looked so passes."""
    if outside_strings(body).count(b":") == _count_pairs(value):
        return

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise InputError(
                    f'The key "{_short(key)}" stands twice in one object.', where="body", fix="Give each key once."
                )
            seen.add(key)

    json.loads(body, object_pairs_hook=look)


def _short(value: object) -> str:
    text = str(value) if len(str(value)) <= _SHOWN else f"{str(value)[:_SHOWN]}..."
    return text.encode("unicode_escape", "replace").decode() if not text.isprintable() else text
