"""Gemini: a tool call whose arguments come in pieces, each with the place where it belongs.

Vertex AI streams them so where `streamFunctionCallArguments` is asked for: the name first, then `partialArgs` with a
JSON path each, then a call that says no more.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from weighbridge.dialects.gemini_generate.form import spellings, unify
from weighbridge.dialects.strict import MisfitError

_CALL = spellings("partialArgs", "willContinue")
_PIECE = spellings("jsonPath", "stringValue", "numberValue", "boolValue", "nullValue")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,6})\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_DEEPEST = 64
_LONGEST = 10_000


class PartialCall:
    """Gathers the pieces of one call.

    Args:
        told: The part that begins it.
    """

    def __init__(self, told: dict[str, Any]) -> None:
        self._part = {key: value for key, value in told.items() if key != "functionCall"}
        self._call: dict[str, Any] = {}
        self._args: dict[str, Any] = {}

    @staticmethod
    def begins(call: dict[str, Any]) -> bool:
        """Does a call come in pieces?"""
        inner, _ = unify(call, _CALL)
        return inner.get("willContinue") is True or type(inner.get("partialArgs")) is list

    def add(self, call: dict[str, Any], told: dict[str, Any]) -> bool:
        """Take a piece in. Returns whether more will come.

        Raises:
            MisfitError: It says no place that arguments could have.
        """
        inner, _ = unify(call, _CALL)
        for key in ("id", "name"):
            if inner.get(key):
                self._call[key] = inner[key]
        if told.get("thoughtSignature"):
            self._part["thoughtSignature"] = told["thoughtSignature"]
        if type(inner.get("args")) is dict:
            self._args.update(inner["args"])
        pieces = inner.get("partialArgs")
        for piece in pieces if type(pieces) is list else ():
            if type(piece) is dict:
                self._put(unify(piece, _PIECE)[0])
        return inner.get("willContinue") is True

    def part(self) -> dict[str, Any]:
        """The whole part."""
        return {**self._part, "functionCall": {**self._call, "args": self._args}}

    def _put(self, piece: dict[str, Any]) -> None:
        steps = _steps(piece.get("jsonPath"))
        spot: Any = self._args
        for step, following in pairwise(steps):
            inner = _at(spot, step)
            if type(inner) is not (dict if type(following) is str else list):
                inner = {} if type(following) is str else []
                _set(spot, step, inner)
            spot = inner
        before = _at(spot, steps[-1])
        value = _value(piece)
        _set(spot, steps[-1], before + value if type(before) is str and type(value) is str else value)


def _steps(path: Any) -> list[str | int]:
    found: list[str | int] = []
    place = 1
    while type(path) is str and place < len(path):
        step = _STEP.match(path, place)
        if step is None:
            break
        name = next((text for text in (step[1], step[3], step[4]) if text is not None), None)
        found.append(int(step[2]) if name is None else re.sub(r"\\(.)", r"\1", name))
        place = step.end()
    whole = type(path) is str and path.startswith("$") and place == len(path)
    if not whole or not found or len(found) > _DEEPEST or type(found[0]) is int:
        raise MisfitError("It is no place in a call's arguments.", "", "partialArgs.jsonPath")
    return found


def _at(spot: Any, step: str | int) -> Any:
    if type(step) is str:
        return spot.get(step)
    assert isinstance(step, int)
    return spot[step] if step < len(spot) else None


def _set(spot: Any, step: str | int, value: Any) -> None:
    if type(step) is int:
        if step > _LONGEST:
            raise MisfitError(f"It speaks of item {step} of a list.", "", "partialArgs.jsonPath")
        spot += [None] * (step + 1 - len(spot))
    spot[step] = value


def _value(piece: dict[str, Any]) -> Any:
    for key in ("stringValue", "numberValue", "boolValue"):
        if key in piece:
            return piece[key]
    return None
