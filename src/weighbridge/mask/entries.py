"""What a sheet holds and a vault keeps: a value, and what stands in its place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from weighbridge.canon import Mode

Form = Literal["", "bare", "glued"]
"""How a value stands in its text: by itself, as a number of JSON, or in the middle of a word."""


class Entry(Struct, frozen=True):
    """A value and what stands in its place. `parts`: words of a name with theirs."""

    kind: str
    value: str
    surrogate: str
    mode: Mode = "surrogate"
    form: Form = ""
    parts: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> tuple[str, str, Mode, Form]:
        """By which it is found: there is one entry for each."""
        return self.kind, self.value, self.mode, self.form


def entries_with(entries: Iterable[Entry], more: Iterable[Entry]) -> tuple[Entry, ...]:
    """Both, each once; the first ones first."""
    known = {one.key: one for one in entries}
    for one in more:
        known.setdefault(one.key, one)
    return tuple(known.values())
