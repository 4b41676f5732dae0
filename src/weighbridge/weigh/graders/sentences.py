"""How many sentences a text has: a full stop ends one, but not that of an abbreviation, an initial, a number or a list."""

from __future__ import annotations

import re

_STOPS = re.compile(r"[.!?\u2026]+[\"'\u2019\u201d\u00bb)\]*_]*|[\u3002\uff01\uff1f\uff61\u0964\u06d4\u061f]+")
_OPENING = "([\"'\u201c\u2018*_-"
_DOTTED = re.compile(r"[^\W\d_]{1,2}(?:\.[^\W\d_]{1,2})+")  # U.S, e.g, p.m
_NEXT = re.compile(r"\s*[\"'\u201c\u2018\u00ab(\[*_]*(\w+)")
_TOKEN = 40  #: characters before a stop in which its word is looked for
_LISTED = 3  #: digits of a number that begins an item of a list


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _set(
    "dr mr mrs ms mx prof st mt ft gen col capt lt sgt maj rev hon gov sen rep messrs mme mlle sra sig sigra dott hr fr frl"
)
_SHORT = _set(
    "etc vs cf al inc ltd co corp dept est approx ca no nr fig vol pp ch sec art ed eds jr sr jan feb mar apr jun jul aug sep sept oct nov dec "
    "bzw usw vgl bspw evtl ggf inkl zzgl tel min max avg ave blvd rd bros esp incl viz ext ref resp env bijv blz p"
)
_BEGINS = _set(
    "a after all also an and as at but did do does for he her his how i if in is it its my no not now on one our she so that the their "
    "then there these they this those to we what when where which while who why with yes you your der die das er es ich wir le la les "
    "il elle el los las"
)


def sentences(text: str) -> int:
    """The sentences of a text. Its time is linear in the text."""
    count, begun = 0, 0
    for stop in _STOPS.finditer(text):
        if _ends(text, stop.start(), stop.end()):
            count += _says(text[begun : stop.start()])
            begun = stop.end()
    return count + _says(text[begun:])


def _says(part: str) -> bool:
    return any(map(str.isalnum, part))


def _ends(text: str, start: int, end: int) -> bool:
    """Whether the stop at a place ends a sentence."""
    mark, behind = text[start:end], text[end : end + 1]
    if text[start] > "\u2026" or text[start] in "\u0964\u06d4\u061f":
        return True
    before = text[max(0, start - _TOKEN) : start]
    word = before.rsplit(None, 1)[-1].lstrip(_OPENING) if before and not before[-1].isspace() else ""
    if behind and not behind.isspace():
        return _missing_space(word, behind, text[end + 1 : end + 2])
    told = _NEXT.match(text[end : end + _TOKEN])
    following = told[1] if told else ""
    if not following:
        return True
    if mark.strip(".\u2026") and following[0].islower() and mark[-1] not in "!?.":
        return False  # "Why?" he asked.
    if mark.startswith(("...", "\u2026")):
        return not following[0].islower()
    return mark[0] != "." or not _shortened(word, following, text, start)


def _missing_space(word: str, behind: str, after: str) -> bool:
    """Whether a sentence begins right behind a stop: after a word in small letters with a capital, or in Chinese."""
    if not behind.isalnum():
        return False
    if behind.lower() == behind.upper():
        return not behind.isdigit()
    return behind.isupper() and after.islower() and word.isalpha() and word.islower() and len(word) > 2  # noqa: PLR2004


def _shortened(word: str, following: str, text: str, start: int) -> bool:
    """Whether a full stop belongs to the word before it."""
    if word.isdigit():
        line = text[max(0, start - _LISTED - _TOKEN) : start].rpartition("\n")[2]
        return len(word) <= _LISTED and line.strip(" \t*_>#-") == word
    small = word.lower()
    if small in _TITLES:
        return True
    short = (
        small in _SHORT or _DOTTED.fullmatch(word) is not None or (len(word) == 1 and word.isalpha() and word != "I")
    )
    if not short or following[0].islower() or following[0].isdigit():
        return short and not (small == "no" and not following[0].isdigit())
    return following.lower() not in _BEGINS and small != "no"
