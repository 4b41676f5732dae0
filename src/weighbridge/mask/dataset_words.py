"""Reads CoNLL files: a word or a Chinese character and its tag a line, a blank line between documents."""

from __future__ import annotations

import re
from collections.abc import Iterator

from weighbridge.mask.dataset_labels import kind_of
from weighbridge.mask.dataset_rows import Document, Gold

_LINE = re.compile(r"\S+[ \t]+(?:\S+[ \t]+)*(?:O|[BIES]-[\w.\-]+)$")
_SEGMENTED = re.compile(r".\d$", re.DOTALL)  #: a character, and its place in its word
_MARKED = frozenset({"person", "place", "organisation"})
"""What is looked at: other labels name products, works and the like, or people by what they do."""
_CHINESE = "zh"


def is_conll(start: str) -> bool:
    """Does a file's start look like one?"""
    whole = start.splitlines()
    lines = [line for line in whole[:-1] or whole if line.strip()]  # the last one may be cut
    return bool(lines) and all(_LINE.match(line) for line in lines)


def read(text: str) -> Iterator[Document]:
    """The documents of a file; words get spaces between, characters none."""
    rows = [line.split() for line in text.splitlines()]
    characters = all(_SEGMENTED.match(row[0]) for row in rows if row)
    block: list[list[str]] = []
    for row in [*rows, []]:
        if row:
            block.append(row)
        elif block:
            yield _document(block, characters=characters)
            block = []


def _document(rows: list[list[str]], *, characters: bool) -> Document:
    words = [row[0][0] if characters else row[0] for row in rows]
    between = "" if characters else " "
    spans: list[Gold] = []
    at = 0
    before = "O"
    for word, row in zip(words, rows, strict=True):
        tag = row[-1]
        if tag != "O":
            label = tag[2:]
            kind = kind_of(label)
            begins = tag[0] in "BS" or before[2:] != label
            if not begins and spans and kind in _MARKED:
                spans[-1] = Gold(spans[-1].start, at + len(word), kind)
            elif begins and kind in _MARKED:
                spans.append(Gold(at, at + len(word), kind))
        before = tag
        at += len(word) + len(between)
    return Document(between.join(words), tuple(spans), _CHINESE if characters else "")
