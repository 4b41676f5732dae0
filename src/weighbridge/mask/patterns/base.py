"""What one entry of a table of patterns says: the shape of a value, what speaks for it, and how sure that makes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

Weigh = Callable[[str, int, int, bool], float]
"""`(text, start, end, near) -> score` of the value `text[start:end]`; `near`: does a keyword stand beside it?"""
Grow = Callable[[str, int, int], tuple[int, int]]
"""`(text, start, end) -> (start, end)`: the value's real bounds."""

_BOTH = 0.28  #: what agreeing check digits add to a value that also has its keyword beside it


class Detector(Struct, frozen=True):
    r"""One entry. All hooks see the text with its look-alike characters made plain (see `mask.normal`).

    `pattern` is written in what `re` and hyperscan share: no look-around, no anchors, no `\b`, `\d`, `\w` or back
    references; classes are spelled out (`[0-9]`); every quantifier has an upper bound, so that no text is slow. If it
    has a group `value`, that is the value and the rest only stands around it; else the value is the whole match.
    A class that is negated or a character beyond ASCII is a code point, not a byte.

    The score of a value: `weigh` tells, if there is one. Else it is one of `scores`: of the mere shape, of a value with
    which `check` agrees, of one beside a keyword; where both hold, the last and a little more. A value is never dropped
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
        weigh: Gives the score itself, in place of `scores` and `check`.
        grow: Moves the bounds of values that are likely enough to be masked.
        edges: "word": neither an ASCII letter nor an ASCII digit continues the match on either side; "own": `weigh` looks.
        folded: Capitals do not matter.
        tier: What it is called in spans.
        anchors: Texts of which one stands in every match (in lower case where `folded`); spares slow searches.
    """

    name: str
    kind: str
    pattern: str
    scores: tuple[float, float, float] = (0.5, 0.5, 0.5)
    check: Callable[[str], bool] | None = None
    keywords: tuple[str, ...] = ()
    before: int = 48
    after: int = 24
    weigh: Weigh | None = None
    grow: Grow | None = None
    edges: Literal["word", "own"] = "word"
    folded: bool = False
    tier: Literal["pattern", "secret", "term"] = "pattern"
    anchors: tuple[str, ...] = ()

    def score(self, text: str, start: int, end: int, *, near: bool) -> float:
        """How sure it is that `text[start:end]` is a value of this kind."""
        if self.weigh is not None:
            return self.weigh(text, start, end, near)
        shape, agreed, beside = self.scores
        if self.check is not None and self.check(text[start:end]):
            return min(1.0, max(agreed, beside + _BOTH)) if near else agreed
        return beside if near else shape
