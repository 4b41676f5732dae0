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
_AROUND = 2100  #: and behind a word that announces a URL
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
_ANYWHERE = _by_anchor(tuple(row for row in DETECTORS if row.name in WITHOUT_DIGITS))


def _wanted(low: str, window: _Window) -> Iterator[Detector]:
    """The entries that can have a value in the window."""
    yield from _SHAPES if window.digits >= _FEWEST else _SHORT_SHAPES
    near, seen = low[window.start : window.end], set[str]()
    for word, rows in _NEAR_DIGITS:
        if word in near:
            for row in rows:
                if row.name not in seen:
                    seen.add(row.name)
                    yield row


def _hits(low: str) -> Iterator[tuple[Detector, _Window]]:
    """Where to look for what needs no digit."""
    places: dict[str, list[int]] = {}
    by_name: dict[str, Detector] = {}
    for word, rows in _ANYWHERE:
        place = low.find(word)
        while place >= 0:
            for row in rows:
                by_name[row.name] = row
                places.setdefault(row.name, []).append(place)
            place = low.find(word, place + len(word))
    for name, found in places.items():
        reach = _AROUND if name.startswith("url") else _MARGIN
        window = _Window(0, 0, 0)
        for place in sorted(found):
            if window.end and place - _MARGIN > window.end:
                yield by_name[name], window
                window = _Window(0, 0, 0)
            window.start = window.start if window.end else max(0, place - _MARGIN)
            window.end = place + reach
        yield by_name[name], window


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


def _matches(row: Detector, text: str, low: str, window: _Window) -> Iterator[Span]:
    """What the entry finds in the window."""
    pattern = _compiled(row.pattern, row.folded)
    group = "value" if "value" in pattern.groupindex else 0
    for found in pattern.finditer(text, window.start, min(len(text), window.end)):
        start, end = found.span(group)
        if start < 0 or _joined(text, found.start()) or _joined(text, end):
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
    looks = [(row, window) for window in _windows(text) for row in _wanted(low, window)]
    for row, window in (*looks, *_hits(low)):
        for span in _matches(row, text, low, window):
            known = best.get((span.start, span.end, span.kind))
            if known is None or known.score < span.score:
                best[span.start, span.end, span.kind] = span
    return sorted(best.values())
