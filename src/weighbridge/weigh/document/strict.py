"""JSON read strictly: what readers of JSON understand differently is refused."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from weighbridge.errors import InputError, TooLargeError

REMAKE = "Take the file as it was written; `weighbridge weigh run --report FILE.json` writes one."
_DEEPEST = 100


def parse(data: bytes, name: str) -> dict[str, Any]:
    """The JSON object of a document. What readers of JSON understand differently is refused.

    Raises:
        InputError: It is no JSON object, a member comes twice, or a number is none that JSON knows.
        TooLargeError: It nests too deep.
    """
    try:
        tree = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)
    except RecursionError as error:
        raise TooLargeError("The JSON is nested too deep.", where=name, fix=REMAKE) from error
    except (_UnusableError, UnicodeDecodeError, json.JSONDecodeError) as error:
        what = str(error) if isinstance(error, _UnusableError) else f"Not valid JSON: {error}."
        raise InputError(what, where=name, fix=REMAKE) from error
    if not isinstance(tree, dict):
        raise InputError("The document is no JSON object.", where=name, fix=REMAKE)
    if _deeper(tree, _DEEPEST):
        raise TooLargeError("The JSON is nested too deep.", where=name, fix=REMAKE)
    return tree


class _UnusableError(ValueError):
    """Why JSON is not taken."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise _UnusableError(f"The member '{twice[:60]}' comes twice in one object.")
    return made


def _constant(text: str) -> Any:
    raise _UnusableError(f"JSON has no {text}.")


_LONGEST_INTEGER = 40


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise _UnusableError(f"A number has {len(text)} digits.")
    return int(text)


def _deeper(value: Any, left: int) -> bool:
    """Does it nest deeper? Lists of plain values are not walked."""
    if isinstance(value, dict):
        return left == 0 or any(_deeper(item, left - 1) for item in value.values())
    if isinstance(value, list):
        return left == 0 or any(_deeper(item, left - 1) for item in value if isinstance(item, dict | list))
    return False
