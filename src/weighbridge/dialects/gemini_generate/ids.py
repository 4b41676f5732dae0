"""Gemini: ids of tool calls, which its wire may leave out. Then they come from the place, so they stay the same."""

from __future__ import annotations


class CallLog:
    """The calls of one conversation or reply, and which answer belongs to which.

    Args:
        prefix: What a made id begins with.
    """

    def __init__(self, prefix: str = "call") -> None:
        self._prefix = prefix
        self._ids: set[str] = set()
        self._open: list[tuple[str, str]] = []
        self._count = 0

    def call(self, told: str, name: str) -> str:
        """The id of a call: the told one, else one made from its place among the calls."""
        found = told or self._make()
        self._ids.add(found)
        self._open.append((found, name))
        self._count += 1
        return found

    def answer(self, told: str, name: str) -> str:
        """The id of the call that is answered: the told one, else that of the first open call of this name.

        Where there is none (the history was cut), an id is made that no call has.
        """
        for i, (found, called) in enumerate(self._open):
            if found == told if told else called == name:
                del self._open[i]
                return found
        return told or self._make()

    def _make(self) -> str:
        made = f"{self._prefix}_{self._count}"
        while made in self._ids:
            made += "x"
        self._ids.add(made)
        return made
