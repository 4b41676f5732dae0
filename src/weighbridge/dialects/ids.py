"""Ids of tool calls: each engine accepts its own kind, and a conversation must keep them apart."""

from __future__ import annotations

import hashlib
import re

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_USUAL = 24


class CallIds:
    """Maps the ids of one request to ones that an engine accepts, one to one.

    An id that fits stays. Another is made from it by hashing, so that every turn of a conversation gives the same one,
    and nothing has to be remembered or smuggled.

    Args:
        pattern: A regular expression that an id must match in full; "" accepts every id.
        length: How many letters and digits an id has that is made; 0: 24.
    """

    def __init__(self, pattern: str, length: int = 0) -> None:
        self._fits = re.compile(pattern) if pattern else None
        self._length = length or _USUAL
        self._told: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def out(self, id: str) -> str:  # noqa: A002 - the wire's word
        """The id as the engine accepts it."""
        if (known := self._told.get(id)) is not None:
            return known
        fits = self._fits is None or self._fits.fullmatch(id) is not None
        told, turn = (id, 0) if fits else (self._made(id, 0), 1)
        while told in self._taken:
            told, turn = self._made(id, turn), turn + 1
        self._told[id] = told
        self._taken[told] = id
        return told

    def _made(self, told: str, turn: int) -> str:
        salted = f"{turn}:{told}" if turn else told
        number = int.from_bytes(hashlib.sha256(salted.encode("utf-8", "surrogatepass")).digest())
        letters = []
        for _ in range(self._length):
            number, place = divmod(number, len(_LETTERS))
            letters.append(_LETTERS[place])
        return "".join(letters)
