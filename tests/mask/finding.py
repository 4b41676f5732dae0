"""What the tests of patterns share: made-up numbers, and what is found in a text."""

from __future__ import annotations

from collections.abc import Callable

from weighbridge.canon import Span
from weighbridge.mask.scan import Scanner

MASKED = 0.3  #: what is less sure is not masked, unless the configuration says otherwise


_SCANNER = Scanner()


def find(text: str) -> list[Span]:
    """All that the table finds."""
    return _SCANNER.scan(text)


def found(text: str, kind: str, *, least: float = MASKED) -> set[str]:
    """The values of a kind that are sure enough to be masked."""
    return {text[span.start : span.end] for span in find(text) if span.kind == kind and span.score >= least}


def kinds(text: str, *, least: float = MASKED) -> set[str]:
    """The kinds that are found in a text."""
    return {span.kind for span in find(text) if span.score >= least}


def completed(body: str, check: Callable[[str], bool], letters: str = "0123456789") -> str:
    """A number with the check character that makes it agree with itself."""
    return next(body + letter for letter in letters if check(body + letter))
