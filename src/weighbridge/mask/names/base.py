"""What finds names, and several of it taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from weighbridge.canon import Span

NAME_KINDS = frozenset({"person", "place", "organisation", "group", "date", "age"})
"""The kinds that readers of names find."""


class Names(Protocol):
    """Finds names in texts. One object serves several threads."""

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """The spans of each text, in order; they may overlap.

        Args:
            texts: Texts of any length.
            language: Their language, such as `en`; each text's own is found if empty.
        """
        ...


class Several:
    """The union of what several readers find."""

    def __init__(self, readers: Iterable[Names]) -> None:
        self._readers = tuple(readers)

    def find(self, texts: Sequence[str], *, language: str = "") -> list[list[Span]]:
        """See `Names.find`."""
        found: list[set[Span]] = [set() for _ in texts]
        for reader in self._readers:
            for spans, more in zip(found, reader.find(texts, language=language), strict=True):
                spans.update(more)
        return [sorted(spans) for spans in found]
