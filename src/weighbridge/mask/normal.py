"""A view of a text in which characters that only look different are the plain ones, and where encoded data stands in it.

Full-width letters and digits, digits of other scripts, odd hyphens and spaces become ASCII; what has no width is left
out. Every character of the view knows which one of the text it stands for.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from msgspec import Struct

_WIDTHLESS = (
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x180B, 0x180F), (0x200B, 0x200F)),
    *((0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xE0000, 0xE0FFF)),
)
_NO_WIDTH = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in _WIDTHLESS) + "]+")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_MARKS = frozenset(map(chr, range(0x300, 0x370)))
_FEW = 16  #: different odd characters that are replaced one after the other
_MARKED = re.compile("[A-Za-z][\u0300-\u036f]")
_HYPHENS = "\u2010\u2011\u2012\u2013\u2015\u2212\ufe58\ufe63\uff0d"
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_SLASHES = "\u2044\u2215"
_DOTLESS = {
    "\u0130": "I",
    "\u0131": "i",
    "\u017f": "s",
    "\u212a": "K",
}  #: capitals and small letters of which ASCII has one
_WIDE = range(0xFF01, 0xFF5F)
_STYLED = range(0x1D400, 0x1D800)
_DIGITS = range(0x660, 0x20000)  #: where other scripts have theirs
_SURROGATES = range(0xD800, 0xE000)
_UNKNOWN = "\ufffd"

_DATA_URI = re.compile(r"data:[A-Za-z0-9.+/;=\-]{0,100};base64,[A-Za-z0-9+/_\-]{16,}={0,2}")
_RUN = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{200,}={0,2}")
_RARE = 0.04  #: of a run of base64, at least so much is capitals, so much small letters, and so much digits
_SAMPLE = 2000


class View(Struct, frozen=True):
    """The plain form of a text. `places[i]` is where character `i` stands in the text; None: where it stands here."""

    text: str
    places: Sequence[int] | None = None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Where `[start, end)` of the view stands in the text."""
        if self.places is None or start >= end:
            return start, end
        return self.places[start], self.places[end - 1] + 1


def plain(text: str) -> View:
    """The view of a text."""
    if text.isascii():
        return View(text)
    places: Sequence[int] | None = None
    used = set("".join(_BEYOND_ASCII.findall(text)))
    if not _without_width().isdisjoint(used):
        bounds = [0, *itertools.chain.from_iterable(match.span() for match in _NO_WIDTH.finditer(text)), len(text)]
        spans = list(zip(bounds[::2], bounds[1::2], strict=True))
        places = list(itertools.chain.from_iterable(range(start, end) for start, end in spans))
        text = "".join(text[start:end] for start, end in spans)
    if not used.isdisjoint(_MARKS) and _MARKED.search(text):
        text, places = _composed(text, places)
    table = _table()
    odd = used & table.keys()  # all of them lie beyond ASCII
    if len(odd) > _FEW:
        return View(text.translate({ord(letter): table[letter] for letter in odd}), places)
    for letter in odd:
        text = text.replace(letter, table[letter])
    return View(text, places)


def skipped(text: str) -> list[tuple[int, int]]:
    """Where encoded data stands, such as images: nothing within it is a value, and nobody can say what it is.

    Args:
        text: Any text.

    Returns:
        `[start, end)` of data URIs and of long runs of base64, in order.
    """
    found = [match.span() for match in _DATA_URI.finditer(text)]
    found += [match.span() for match in _RUN.finditer(text) if _encoded(match.group())]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _encoded(run: str) -> bool:
    sample = run[:_SAMPLE]
    least = _RARE * len(sample)
    capitals = sum(map(str.isupper, sample))
    small = sum(map(str.islower, sample))
    digits = sum(map(str.isdigit, sample))
    return min(capitals, small, digits) >= least


def _composed(text: str, places: Sequence[int] | None) -> tuple[str, Sequence[int]]:
    """A letter and the mark over it become one character where there is one."""
    letters: list[str] = []
    kept: list[int] = []
    at = 0
    for match in _MARKED.finditer(text):
        one = unicodedata.normalize("NFC", match.group())
        if len(one) > 1:
            continue
        letters += (text[at : match.start()], one)
        kept.extend(range(at, match.start()))
        kept.append(match.start())
        at = match.end()
    letters.append(text[at:])
    kept.extend(range(at, len(text)))
    return "".join(letters), kept if places is None else [places[place] for place in kept]


@cache
def _table() -> dict[str, str]:
    """What each odd character becomes: always one for one."""
    table = {chr(code): chr(code - 0xFEE0) for code in _WIDE}
    table |= dict.fromkeys(_HYPHENS, "-") | dict.fromkeys(_SPACES, " ") | dict.fromkeys(_SLASHES, "/")
    for letter in map(chr, _STYLED):
        one = unicodedata.normalize("NFKC", letter)
        if len(one) == 1 and one.isascii():
            table[letter] = one
    for digit in re.findall(r"\d", "".join(map(chr, _DIGITS))):
        table.setdefault(digit, str(unicodedata.decimal(digit)))
    table |= dict.fromkeys(map(chr, _SURROGATES), _UNKNOWN)
    return table | _DOTLESS


@cache
def _without_width() -> frozenset[str]:
    return frozenset(itertools.chain.from_iterable(map(chr, range(first, last + 1)) for first, last in _WIDTHLESS))
