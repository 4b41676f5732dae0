"""Votes of people on two answers to the same question."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Pick = Literal["base", "candidate", "tie", "skip"]


class Ballot(Struct, frozen=True, omit_defaults=True):
    """Which of two answers a person preferred, before knowing whose they were.

    `pair` names the question with both answers (SHA-256 of their texts and of whose they are): whoever answers anew is
    voted on anew. `first` is the engine whose answer stood first. Lengths are characters of the answers' texts.
    """

    pair: str
    sample: str
    base: str
    candidate: str
    choice: Pick
    voter: str
    at: float
    first: str
    cluster: str = ""
    base_length: int = 0
    candidate_length: int = 0

    @property
    def score(self) -> float | None:
        """1 prefers the candidate, 0 the base, 0.5 neither; None says nothing."""
        return {"candidate": 1.0, "base": 0.0, "tie": 0.5}.get(self.choice)
