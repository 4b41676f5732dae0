"""Personal data in a text: its shapes are looked for only around digits and the words that announce them.

Most of any text has neither, so that it costs as much as looking for digits; what is looked at is bounded, and the time linear.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from msgspec import Struct

from weighbridge.canon import Span
from weighbridge.mask.patterns import addresses, contact, dates, documents, money, national, postcodes
from weighbridge.mask.patterns.base import Detector

DETECTORS: tuple[Detector, ...] = (
    *contact.DETECTORS,
    *money.DETECTORS,
    *national.DETECTORS,
    *documents.DETECTORS,
    *dates.DETECTORS,
    *addresses.DETECTORS,
    *postcodes.DETECTORS,
)
"""Every entry, in no order of importance: what overlaps is settled later."""

WITHOUT_DIGITS = frozenset(
    {
        *(
            "email",
            "email_beyond_ascii",
            "email_spelled",
            "url",
            "url_without_scheme",
            "username",
            "username_chat",
            "bank_bic",
        ),
        *(
            "date_of_birth",
            "address_street_named",
            "address_corner",
            "address_china",
            "address_china_beside",
            "mac_beside",
        ),
    }
)
"""Entries whose values may have no digit: they are looked for around their anchors, everywhere."""

_MARGIN = 96  #: characters around digits in which a shape with digits may begin and end
_BACK = 64  #: characters in front of a word by which a value is found, in which it may begin
_URL = 2100  #: and behind one that announces a URL
_RUN = re.compile(r"[0-9]+")
_LONGEST_RUN = 64  #: digits on end beyond which they are no number of anybody
_FEWEST = 4  #: digits of what is known by its shape alone
_GROWS = 0.3  #: a value that is less sure is not followed further


class _Window(Struct):
    start: int
    end: int
    digits: int


def _windows(text: str) -> Iterator[_Window]:
    """Stretches of the text with digits, each with its margin, as few as there can be."""
    window: _Window | None = None
    for run in _RUN.finditer(text):
        length = run.end() - run.start()
        if length > _LONGEST_RUN:
            continue
        if window is not None and run.start() - _MARGIN <= window.end:
            window.end = run.end() + _MARGIN
            window.digits += length
            continue
        if window is not None:
            yield window
        window = _Window(max(0, run.start() - _MARGIN), run.end() + _MARGIN, length)
    if window is not None:
        yield window


def _lowered(text: str) -> str:
    """In small letters, place by place: the few letters that become two stay as they are."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _by_anchor(rows: tuple[Detector, ...]) -> tuple[tuple[str, tuple[Detector, ...]], ...]:
    words = sorted({word.lower() for row in rows for word in row.anchors})
    return tuple((word, tuple(row for row in rows if word in {a.lower() for a in row.anchors})) for word in words)


_SHAPES = tuple(row for row in DETECTORS if not row.anchors)
_SHORT_SHAPES = tuple(row for row in _SHAPES if row.kind == "postcode")
_NEAR_DIGITS = _by_anchor(tuple(row for row in DETECTORS if row.anchors and row.name not in WITHOUT_DIGITS))
_BY_NAME = {row.name: row for row in DETECTORS}
_ANYWHERE = _by_anchor(tuple(row for row in DETECTORS if row.name in WITHOUT_DIGITS))


def _around_hits(low: str, word: str, start: int, end: int, reach: int) -> Iterator[tuple[int, int]]:
    """Stretches around each place where a word stands."""
    place = low.find(word, start, end)
    while place >= 0:
        yield max(start, place - _BACK), min(end, place + len(word) + reach)
        place = low.find(word, place + len(word), end)


def _merged(stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The same stretches without overlaps."""
    start, end = -1, -1
    for begin, stop in sorted(stretches):
        if begin > end:
            if end >= 0:
                yield start, end
            start = begin
        end = max(end, stop)
    if end >= 0:
        yield start, end


def _looks(text: str, low: str) -> Iterator[tuple[Detector, int, int]]:
    """Where each entry is looked for."""
    near: dict[str, list[tuple[int, int]]] = {}
    for window in _windows(text):
        end = min(len(text), window.end)
        for row in _SHAPES if window.digits >= _FEWEST else _SHORT_SHAPES:
            yield row, window.start, end
        for word, rows in _NEAR_DIGITS:
            if word in low[window.start : end]:
                found = list(_around_hits(low, word, window.start, end, _MARGIN))
                for row in rows:
                    near.setdefault(row.name, []).extend(found)
    for word, rows in _ANYWHERE:
        if word in low:
            for row in rows:
                reach = _URL if row.name.startswith("url") else _MARGIN
                near.setdefault(row.name, []).extend(_around_hits(low, word, 0, len(low), reach))
    for name, stretches in near.items():
        for start, end in _merged(stretches):
            yield _BY_NAME[name], start, end


@lru_cache(maxsize=1024)
def _near(keywords: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the keywords; those of ASCII letters as whole words."""
    return re.compile(
        "|".join(
            rf"(?<![a-z0-9]){re.escape(word)}{'(?![a-z])' if word[-1].isalnum() else ''}"
            if word.isascii()
            else re.escape(word)
            for word in keywords
        )
    )


def _beside(row: Detector, low: str, start: int, end: int) -> bool:
    """Whether one of the entry's keywords stands near: in front of it, or behind it on the same line."""
    if not row.keywords:
        return False
    keyword = _near(row.keywords)
    if keyword.search(low, max(0, start - row.before), start):
        return True
    return row.after > 0 and keyword.search(low[end : end + row.after].partition("\n")[0]) is not None


def _joined(text: str, place: int) -> bool:
    """Whether letters or digits of ASCII stand on both sides of a place: neighbours of other scripts do not join."""
    around = text[place - 1 : place + 1] if place else ""
    return len(around) == 2 and around.isascii() and around.isalnum()  # noqa: PLR2004


@lru_cache(maxsize=1024)
def _compiled(pattern: str, folded: bool) -> re.Pattern[str]:  # noqa: FBT001 - part of the cache's key
    return re.compile(pattern, re.IGNORECASE if folded else 0)


def _matches(row: Detector, text: str, low: str, begin: int, stop: int) -> Iterator[Span]:
    """What the entry finds in a stretch of the text."""
    pattern = _compiled(row.pattern, row.folded)
    group = "value" if "value" in pattern.groupindex else 0
    for found in pattern.finditer(text, begin, stop):
        start, end = found.span(group)
        if start < 0 or (row.edges == "word" and (_joined(text, found.start()) or _joined(text, end))):
            continue
        score = row.score(text, start, end, near=_beside(row, low, start, end))
        if score > 0:
            start, end = row.grow(text, start, end) if row.grow is not None and score >= _GROWS else (start, end)
            yield Span(start, end, row.kind, "pattern", score)


def find(text: str) -> list[Span]:
    """All personal data that its shape or a word beside it gives away, the surest of each place and kind.

    Args:
        text: With its look-alike characters made plain.
    """
    low = _lowered(text)
    best: dict[tuple[int, int, str], Span] = {}
    for row, begin, stop in _looks(text, low):
        for span in _matches(row, text, low, begin, stop):
            known = best.get((span.start, span.end, span.kind))
            if known is None or known.score < span.score:
                best[span.start, span.end, span.kind] = span
    return sorted(best.values())
