"""The positions of a request in which the drill plants canaries, and what was planted in one request."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection
from functools import cache
from typing import Any

from msgspec import Struct

from weighbridge.mask.canaries import KINDS, Canary, account, canary

POSITIONS: dict[str, str] = {
    "system": "system text",
    "developer": "second system text",
    "user": "user turn",
    "user_part": "part of a user turn",
    "last": "last user turn",
    "assistant": "earlier answer",
    "reasoning": "thinking in history",
    "tool": "description of a tool",
    "parameter": "description in a tool's schema",
    "enum": "enum of a schema",
    "default": "default of a schema",
    "example": "examples of a schema",
    "arguments": "arguments of a tool call",
    "argument_keys": "keys in arguments",
    "escaped": "arguments with escapes, JSON in JSON",
    "result": "tool result, text",
    "result_json": "tool result, JSON text",
    "result_part": "tool result, parts",
    "document": "document in base64",
    "document_text": "document as text",
    "document_about": "title and context of a document",
    "file_name": "name of a file",
    "citation": "citation in history",
    "search": "search result",
    "code": "code and its output in history",
    "metadata": "metadata",
    "metadata_key": "keys of metadata",
    "user_id": "id of the user",
    "participant": "name of a participant",
    "cache_key": "key of the prompt cache",
    "conversation": "header with the conversation",
    "headers": "other headers of the client",
    "stop": "stop sequences",
    "shape": "schema of the answer",
    "unknown": "field that nobody knows",
    "unknown_part": "field of a part that nobody knows",
    "embedding": "text to be embedded",
    "count": "text to be counted",
    "continued": "turn that goes on from a stored one",
}
"""Every position by name. Each has canaries of its own, so that whoever finds one knows where it was planted."""

IDS = frozenset({"user_id", "participant", "cache_key"})  #: hold an id, not words
SHORT = frozenset({"conversation", "headers"})  #: hold one value and nothing else
ALL_KINDS = (*KINDS, "user_id")
_NUMBERS = {position: number for number, position in enumerate(POSITIONS)}
_LETTERS = "bcdfghjklmnpqrstvwxz"


class Planted(Struct, frozen=True):
    """A canary in its position. `mark` stands before its sentence: where that comes back, the sentence must."""

    position: str
    canary: Canary
    mark: str = ""

    @property
    def line(self) -> str:
        """The sentence with its mark."""
        return f"{self.mark} {self.canary.text}" if self.mark else self.canary.value


@cache
def planted(position: str, kind: str) -> Planted:
    """The canary of a kind in a position."""
    number = _NUMBERS[position]
    if position in IDS or kind == "user_id":
        return Planted(position, account(number))
    made = canary(kind, number)
    if position in SHORT:
        return Planted(position, made)
    first, second = divmod(KINDS.index(kind), len(_LETTERS))
    high, low = divmod(number, len(_LETTERS))
    return Planted(position, made, f"~{_LETTERS[high]}{_LETTERS[low]}{_LETTERS[first]}{_LETTERS[second]}~")


class Plant:
    """Plants canaries while a request is built, and remembers which.

    Args:
        kinds: Those that are planted.
    """

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = [kind for kind in KINDS if kind in kinds]
        self._ids = "user_id" in kinds
        self.used: dict[Planted, None] = {}

    def lines(self, position: str) -> list[str]:
        """The sentences of a position, one for each kind."""
        made = [planted(position, kind) for kind in self._kinds]
        self.used.update(dict.fromkeys(made))
        return [one.line for one in made]

    def text(self, position: str) -> str:
        """The same as one text."""
        return "\n".join(("Here is what I know.", *self.lines(position)))

    def tree(self, position: str, *, keys: str = "") -> dict[str, Any]:
        """The same as an object; `keys`: a position of whose canaries its keys are."""
        names = self.lines(keys) if keys else [f"field_{number}" for number in range(len(self._kinds))]
        return {name: {"said": line} for name, line in zip(names, self.lines(position), strict=True)}

    def flat(self, position: str, *, keys: str = "") -> dict[str, str]:
        """The same one level deep."""
        return {name: value["said"] for name, value in self.tree(position, keys=keys).items()}

    def json(self, position: str) -> str:
        """The same as JSON text in which everything that may be escaped is, with JSON text inside."""
        half = len(lines := self.lines(position)) // 2
        inner = json.dumps({"said": lines[:half]})
        text = json.dumps({"inner": inner, "said": lines[half:]})
        return text.replace("@", "\\u0040").replace("/", "\\/").replace("-", "\\u002d")

    def base64(self, position: str) -> str:
        """The same as a document in base64."""
        return base64.b64encode(self.text(position).encode()).decode()

    def ident(self, position: str) -> str:
        """An id that a caller gives to somebody; a plain one where ids are not planted."""
        if not self._ids:
            return "somebody"
        made = planted(position, "user_id")
        self.used[made] = None
        return made.canary.value

    def value(self, position: str, kind: str, otherwise: str) -> str:
        """One value alone."""
        if kind not in self._kinds:
            return otherwise
        made = planted(position, kind)
        self.used[made] = None
        return made.canary.value
