"""Finds values in many small conversations at once, such as the rows of a file: quick as one, and none knows of another.

A text may come with what it is about, such as the name of its column, which tells of a number what it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Span
from weighbridge.errors import MaskError, WeighbridgeError
from weighbridge.mask.detect import NAMED
from weighbridge.mask.names import Names
from weighbridge.mask.resolve import resolve
from weighbridge.mask.scan import Scanner
from weighbridge.mask.spread import spread
from weighbridge.settings import Mask

_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])|[_\-\s]+")


class Said(Struct, frozen=True):
    """A text. `about`: what it is, in a word or two; `language`: its own, "" lets it be guessed."""

    text: str
    about: str = ""
    language: str = ""


class Bulk:
    """Finds values in groups of texts; each group is a conversation of its own.

    Args:
        scanner: Finds by patterns.
        names: Finds names; None: nobody does.
        min_score: What is less certain than this is passed over.
    """

    def __init__(self, scanner: Scanner, names: Names | None = None, *, min_score: float = Mask().min_score) -> None:
        self._scanner = scanner
        self._names = names
        self._min_score = min_score

    def find(self, groups: Sequence[Sequence[Said]], *, kinds: Collection[str] | None = None) -> list[list[list[Span]]]:
        """The values in each text of each group, in order, none over another.

        Args:
            groups: A name that is found in one text of a group is found in all of that group.
            kinds: Look for these alone; None for all.

        Raises:
            MaskError: A detector failed.
        """
        named = self._names is not None and (kinds is None or not NAMED.isdisjoint(kinds))
        unique = list(dict.fromkeys(one for group in groups for one in group))
        try:
            found = dict(zip(unique, self._each(unique, named=named), strict=True))
            return [self._together(group, [found[one] for one in group], kinds) for group in groups]
        except WeighbridgeError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may pass
            # The error's own text may hold what was looked through.
            raise MaskError(
                f"A detector failed ({type(error).__name__}); nothing was passed on.", fix="Please report it."
            ) from None

    def _each(self, said: Sequence[Said], *, named: bool) -> Iterator[list[Span]]:
        texts = [_told(one) for one in said]
        spans = [self._scanner.scan(text) for text in texts]
        if named and self._names is not None:
            for language in dict.fromkeys(one.language for one in said):
                places = [at for at, one in enumerate(said) if one.language == language]
                more = self._names.find([texts[at] for at in places], language=language)
                for at, named_spans in zip(places, more, strict=True):
                    spans[at] = spans[at] + named_spans
        for one, text, row in zip(said, texts, spans, strict=True):
            wanted = (span for span in row if span.score >= self._min_score)
            yield list(_behind(wanted, len(text) - len(one.text)))

    def _together(
        self, group: Sequence[Said], found: Sequence[list[Span]], kinds: Collection[str] | None
    ) -> list[list[Span]]:
        rows: Sequence[Sequence[Span]] = found
        if any(span.tier == "name" for row in found for span in row):
            rows = spread([one.text for one in group], found)
        return [resolve(row, min_score=self._min_score, kinds=kinds) for row in rows]


def _told(said: Said) -> str:
    """The text behind what it is about, as a form has it."""
    return f"{_WORDS.sub(' ', said.about).strip()}: {said.text}" if said.about else said.text


def _behind(spans: Iterable[Span], start: int) -> Iterator[Span]:
    """What lies behind the start, counted from there."""
    for span in spans:
        if span.end > start:
            yield replace(span, start=max(span.start - start, 0), end=span.end - start)
