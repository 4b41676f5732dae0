"""Text without what only typesetting tells apart, and where a word begins and ends in it."""

from __future__ import annotations

import re
from functools import lru_cache

from weighbridge.weigh.graders.base import normal

_QUOTES = dict.fromkeys("\u2018\u2019\u201a\u201b\u02bc", "'") | dict.fromkeys(
    "\u201c\u201d\u201e\u201f\u00ab\u00bb", '"'
)
_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
_UNSEEN = dict.fromkeys("\u00ad\u200b\u2060\ufeff", None)
_SAME = str.maketrans({**_QUOTES, **_DASHES, **_UNSEEN})

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Japanese and Chinese
)
"""Letters of writing without spaces, as the inside of a regular expression's class."""

_CLINGING = "\u1100-\u11ff\uac00-\ud7af"  # Korean, whose particles cling to the word
_PREFIXED = "\u0590-\u06ff\u0750-\u077f"  # Hebrew and Arabic, whose articles and prepositions cling to its front
_LETTER = rf"[^\W_{UNSPACED}{_CLINGING}]"
_MARK = r"[\u0300-\u036f\u0900-\u0963\u0966-\u0dff]"  # accents, and the writings of India, whose vowels are marks
_STEM = 3  #: letters of a word that may have an ending
_PREFIXED_LETTER = re.compile(f"[{_PREFIXED}]")


def plain(text: str) -> str:
    """Text as `normal` has it, with one kind of each quote and dash, and without signs that nobody sees."""
    return normal(text.translate(_SAME)).translate(_SAME)


def holds(text: str, wanted: str, *, whole: bool = True) -> bool:
    """Whether a text holds another that is no part of a longer word or number; both as `plain` gives them.

    Only where its own edge is a letter or a digit, and in writing whose words have spaces between them. If it need not be
    `whole`, a last word of three letters or more may have an ending: "rib" is in "ribs".
    """
    return _standing(wanted, whole).search(text) is not None


@lru_cache(maxsize=4096)
def _standing(wanted: str, whole: bool) -> re.Pattern[str]:  # noqa: FBT001
    ended = whole or not wanted[-_STEM:].isalpha() or len(wanted) < _STEM
    return re.compile(_before(wanted[0]) + re.escape(wanted) + (_behind(wanted[-1]) if ended else ""))


def _before(first: str) -> str:
    """What must not stand before a letter, or a digit: not the thousands or the whole part of its number either."""
    if not re.match(f"{_LETTER}|{_MARK}", first) or _PREFIXED_LETTER.match(first):
        return ""
    number = r"(?<!\d\.)(?!(?<=\d,)\d{3}(?!\d))" if first.isdigit() else ""
    return f"(?<!{_LETTER})(?<!{_MARK}){number}"


def _behind(last: str) -> str:
    """What must not stand behind a letter, or a digit; "7 kg" may be written "7kg"."""
    if last.isdigit():
        return r"(?!\d|\.\d|,\d{3}(?!\d))"
    return f"(?!{_LETTER}|{_MARK})" if re.match(f"{_LETTER}|{_MARK}", last) else ""
