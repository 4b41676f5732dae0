"""Cuts long texts into pieces at paragraphs and sentences, so that time and memory stay in proportion to their length."""

from __future__ import annotations

# ruff: noqa: RUF001  # punctuation of all kinds stands in what people write
import re
from collections.abc import Iterable, Iterator, Sequence

PIECE = 3_000  #: characters from which on a piece ends at the next border
LONGEST = 6_000  #: characters at which a piece ends wherever it is, a space if there is one
BATCH = 24_000  #: characters that are looked at together

_BORDER = re.compile(r"\n\s*\n|\n|[.!?。！？][\"'”’)]*\s+")
_SIGNS = re.compile(r"\W")  #: a row of which takes tokenizers time in proportion to its square
_UNBROKEN = re.compile(r"[^\s]{200,}")

Piece = tuple[int, int, str]
"""The text's number, where the piece begins in it, and the piece."""


def pieces(texts: Sequence[str]) -> Iterator[Piece]:
    """The texts in pieces, none over `LONGEST`. What is unbroken for 200 characters is no prose, and is blanked out."""
    for index, whole in enumerate(texts):
        text = _UNBROKEN.sub(_blank, whole)
        start = 0
        while start < len(text):
            end = _border(text, start)
            piece = text[start:end]
            if not piece.isspace():
                yield index, start, piece
            start = end


def _blank(match: re.Match[str]) -> str:
    """Spaces, but for the letters of scripts that do without them."""
    return " " * len(match.group()) if match.group().isascii() else _SIGNS.sub(" ", match.group())


def _border(text: str, start: int) -> int:
    """Where the piece that begins here ends."""
    if len(text) - start <= LONGEST:
        return len(text)
    match = _BORDER.search(text, start + PIECE, start + LONGEST)
    if match:
        return match.end()
    space = text.rfind(" ", start + PIECE, start + LONGEST)
    return space + 1 if space > 0 else start + LONGEST


def batches(found: Iterable[Piece]) -> Iterator[list[Piece]]:
    """The pieces in groups of about `BATCH` characters."""
    batch: list[Piece] = []
    size = 0
    for piece in found:
        batch.append(piece)
        size += len(piece[2])
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
