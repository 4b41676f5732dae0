"""Surrogates for names of people. Each word of a name has one of its own, wherever it stands in whichever name.

So "Anna Kowalska", "Ms Kowalska" and "Anna" are one invented person, and whoever shares her family name still does,
without anybody having to know who is who.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from weighbridge.mask import pools
from weighbridge.mask.surrogates import Draw, styled

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_TITLES = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "professor",
        "sir",
        "madam",
        "herr",
        "frau",
        "doktor",
        "señor",
        "señora",
        "don",
        "doña",
        "monsieur",
        "madame",
        "mme",
        "mlle",
        "signor",
        "signora",
        "dott",
        "dottoressa",
        "pan",
        "pani",
        "mevrouw",
        "meneer",
        "fru",
        "senhor",
        "senhora",
    ]
)
_HAN_TITLES = ("先生", "女士", "小姐", "老师", "医生", "教授", "太太", "同学", "经理")
_PIECE = re.compile(
    rf"(?P<han>[{_HAN}]+)|(?P<tail>['\u2019]s\b)|(?P<word>[^\W\d_{_HAN}]+)|(?P<digit>\d)|(?P<rest>.)", re.DOTALL
)
_HAN_COMPOUND = 4  #: characters of a name from which on the family name has two
_FEW_FAMILIES = 8  #: tries after which a family name is drawn from more than there are


def invented(value: str, word_of: Callable[[str, str], str]) -> list[tuple[str, str]]:
    """The name in pieces, each with what takes its place.

    Args:
        value: The name, with or without a title.
        word_of: Gives the invented word for one of a sort: `word`, `letter`, `digit`, `family` or `given`.
    """
    return [piece for found in _PIECE.finditer(value) for piece in _pieces(found, word_of)]


def _pieces(found: re.Match[str], word_of: Callable[[str, str], str]) -> Iterator[tuple[str, str]]:
    text = found[0]
    match found.lastgroup:
        case "han":
            yield from _han(text, word_of)
        case "word" if text.lower() not in _TITLES:
            sort = "word" if len(text) > 1 else "letter"
            yield text, styled(word_of(sort, text.casefold()), text)
        case "digit":
            yield text, word_of("digit", text)
        case _:
            yield text, text


def _han(text: str, word_of: Callable[[str, str], str]) -> Iterator[tuple[str, str]]:
    title = next((title for title in _HAN_TITLES if text.endswith(title) and text != title), "")
    name = text.removesuffix(title)
    cut = 2 if len(name) >= _HAN_COMPOUND else 1
    if len(name) == 2 and not title:  # noqa: PLR2004 - a given name alone, or one character of each: one word all the same
        yield name, word_of("given", name)
    else:
        yield name[:cut], word_of("family", name[:cut])
        if name[cut:]:
            yield name[cut:], word_of("given", name[cut:])
    if title:
        yield title, title


def is_title(value: str) -> bool:
    """Is it no name at all?"""
    return value.strip(" .").lower() in _TITLES


def draw_word(draw: Draw, sort: str, word: str, attempt: int = 0) -> str:
    """One invented word of a sort; later attempts draw from more."""
    match sort:
        case "letter":
            made = chr(ord("A") + draw(26))
            return made if made.lower() != word else chr(ord("A") + (ord(made) - ord("A") + 1) % 26)
        case "digit":
            return str(draw(10))
        case "family" if attempt < _FEW_FAMILIES:
            return pools.han_family(draw(1 << 32))
        case "family" | "given":
            return pools.han_given(draw(1 << 32))
    return pools.word(draw(pools.WORDS))
