"""What one entry of a table of patterns says: the shape of a value, what speaks for it, and how sure that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

Weigh = Callable[[str, int, int, bool], float]
"""`(text, start, end, near) -> score` of the value `text[start:end]`; `near`: does a keyword stand beside it?"""
Grow = Callable[[str, int, int], tuple[int, int]]
"""`(text, start, end) -> (start, end)`: the value's real bounds."""

_BOTH = 0.99  #: of a value whose check digits agree, beside its keyword
_PART = 0.1  #: at most, of what looks like a part of a longer number


class Detector(Struct, frozen=True):
    r"""One entry. All hooks see the text with its look-alike characters made plain (see `mask.normal`).

    `pattern` is written in what `re` and hyperscan share: no look-around, no anchors, no `\b`, `\d`, `\w` or back
    references; classes are spelled out (`[0-9]`); every quantifier has an upper bound, so that no text is slow. If it
    has a group `value`, that is the value and the rest only stands around it; else the value is the whole match.
    A class that is negated or a character beyond ASCII is a code point, not a byte.

    The score of a value: `weigh` tells, if there is one. Else it is one of `scores`: of the mere shape, of a value with
    which `check` agrees, of one beside a keyword; where both hold, it is all but sure. A value is never dropped
    for its check alone: a score of 0 or less drops it.

    Attributes:
        name: Of the entry; there is no other of that name.
        kind: Of the value, one of `KINDS`.
        pattern: The shape.
        scores: Of the shape, of one that `check` agrees with, of one beside a keyword.
        check: Do the check digits of the value agree, or does it look like chance?
        keywords: Lower-case words that speak for the value; those of letters and digits count as whole words only.
        before: How many characters in front of the value are searched for keywords.
        after: How many behind it.
        weigh: Gives the score itself, in place of `scores`; what `check` refuses, if there is one, is dropped before.
        grow: Moves the bounds of values that are likely enough to be masked.
        edges: "word": neither an ASCII letter nor an ASCII digit continues the match on either side; "own": `weigh` looks.
        folded: Capitals do not matter.
        tier: What it is called in spans.
        whole: Where `check` speaks alone, digits that go on behind a hyphen or a dot make it part of something longer.
        anchors: Texts of which one stands in every match (in lower case where `folded`); spares slow searches.
    """

    name: str
    kind: str
    pattern: str
    scores: tuple[float, float, float] = (0.5, 0.5, 0.5)
    check: Callable[[str], bool] | None = None
    keywords: tuple[str, ...] = ()
    before: int = 48
    after: int = 20
    weigh: Weigh | None = None
    grow: Grow | None = None
    edges: Literal["word", "own"] = "word"
    folded: bool = False
    tier: Literal["pattern", "secret", "term"] = "pattern"
    whole: bool = True
    anchors: tuple[str, ...] = ()

    def score(self, text: str, start: int, end: int, *, near: bool) -> float:
        """How sure it is that `text[start:end]` is a value of this kind."""
        if self.weigh is not None:
            return self.weigh(text, start, end, near)
        shape, agreed, beside = self.scores
        agrees = self.check is not None and self.check(text[start:end])
        if near:
            return _BOTH if agrees else beside
        if self.check is not None and self.whole and _goes_on(text, start, end):
            return min(shape, _PART)
        return agreed if agrees else shape


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether digits go on before or behind: hyphens and dots always join them, spaces those of a spaced number."""
    joints = "-./ " if " " in text[start:end] else "-./"
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return (len(before) == 2 and before[1] in joints and before[0].isdigit()) or (  # noqa: PLR2004
        len(after) == 2 and after[0] in joints and after[1].isdigit()  # noqa: PLR2004
    )
