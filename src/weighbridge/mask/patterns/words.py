"""What must stand in a text for one of many words to be found in it."""

from __future__ import annotations

import re


def literals(words: str) -> tuple[str, ...]:
    """For each alternative of a pattern its longest run of plain letters: what must stand in the text if it matches."""
    found = {max(_runs(word), key=len).lower() for word in _alternatives(words)}
    return tuple(sorted(word for word in found if not any(other in word for other in found - {word})))


def _runs(word: str) -> list[str]:
    """Its stretches of plain letters; what may be missing is left out."""
    plain = _flat(word.replace("\\.?", "*").replace("\\.", "."))
    return re.split(r"\\.|.\?|[*+^$(){}\[\]]", plain)


def _alternatives(words: str) -> list[str]:
    """A pattern's alternatives at its outermost level."""
    depth, found = 0, [""]
    for letter in words:
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += letter
    return found


def _flat(word: str) -> str:
    """Without its groups and classes, whose content is not sure to stand in the text."""
    before = None
    while before != word:
        before, word = word, re.sub(r"\((?:[^()]*)\)[?*]?|\[[^\]]*\]\??(?:\{[^}]*\})?", "*", word)
    return word
