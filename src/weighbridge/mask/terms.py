"""The configuration's own words and regular expressions, made into entries of the table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from weighbridge.errors import SettingsError
from weighbridge.mask.normal import plain
from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.shape import shape_of

_SURE = (1.0, 1.0, 1.0)
_ACRONYM = 4  #: letters, at most, of a word in capitals that is found only as it is written
_GAP = r"[ \t\r\n]{1,4}"  #: between the words of a term


def own_detectors(terms: Mapping[str, Sequence[str]], patterns: Mapping[str, Sequence[str]]) -> tuple[Detector, ...]:
    """Entries for words and regular expressions.

    Args:
        terms: Words by kind. Those in capitals alone, of at most four letters, are found as they are written; all
            others in any case. A word is found between other letters only where its script puts no spaces.
        patterns: Regular expressions by kind, which are looked for in the plain form of a text (see `mask.normal`).

    Raises:
        SettingsError: A regular expression is none, matches the empty text, or could take forever.
    """
    found: list[Detector] = []
    for kind, words in terms.items():
        plainly = sorted({plain(word).text.strip() for word in words} - {""}, key=lambda word: (-len(word), word))
        written = [word for word in plainly if _as_written(word)]
        folded = [word for word in plainly if not _as_written(word)]
        for name, some, fold in ((f"term_{kind}", folded, True), (f"term_{kind}_as_written", written, False)):
            if some:
                found.append(
                    Detector(
                        name, kind, _either(some), scores=_SURE, weigh=_whole, edges="own", folded=fold, tier="term"
                    )
                )
    for kind, expressions in patterns.items():
        for number, expression in enumerate(expressions):
            _check(expression, kind)
            found.append(Detector(f"own_{kind}_{number}", kind, expression, scores=_SURE, edges="own", tier="term"))
    return tuple(found)


def _check(expression: str, kind: str) -> None:
    where = f"mask.patterns.{kind}"
    fix = "See https://docs.python.org/3/library/re.html for what may be written."
    try:
        shape_of(expression)
        re.compile(expression)
    except re.error as error:
        raise SettingsError(f"'{expression}' is no regular expression: {error}.", where=where, fix=fix) from error
    except ValueError as error:
        raise SettingsError(
            f"'{expression}' cannot be used: {error}.", where=where, fix="Give its repetitions bounds, such as {1,40}."
        ) from error


def _as_written(word: str) -> bool:
    return len(word) <= _ACRONYM and word.isascii() and word.isupper()


def _either(words: Iterable[str]) -> str:
    return "|".join(_GAP.join(map(re.escape, word.split())) for word in words)


def _whole(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """1 unless the term is a part of a longer word."""
    return 0.0 if _inside(text, start) or _inside(text, end) else 1.0


def _inside(text: str, place: int) -> bool:
    return 0 < place < len(text) and _joins(text[place - 1]) and _joins(text[place])


def _joins(letter: str) -> bool:
    """Whether the character is a letter or digit of a script that puts spaces between its words."""
    if not letter.isalnum():
        return False
    return letter.isascii() or not unicodedata.name(letter, "").startswith(
        ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")
    )
