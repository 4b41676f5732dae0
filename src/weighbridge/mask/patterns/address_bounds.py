"""Where a postal address begins and ends, once something that surely belongs to one is found.

It is followed to both sides: to its street and number, and over flats, places and lines to its postcode.
"""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import re

LETTER = r"[^\x00-@\[-`{-\x7f]"  #: an ASCII letter, or anything beyond ASCII
WORD = rf"{LETTER}(?:{LETTER}|['.\-]){{0,40}}"
NUMBER = r"[0-9]{1,6}[A-Za-z]?(?:[\-/][0-9]{1,4}[A-Za-z]?)?"
SPACE = r"[ \t]{1,3}"
CAPITAL = rf"(?:[A-Z]|[^\x00-\x7f])(?:{LETTER}|['.\-]){{0,40}}"
UNIT = r"(?:apt|apartment|suite|ste|unit|flat|appt|appartement|wohnung|lokal|interno|piso|lgh|postbus|postfach|skrytka|p\.? ?o\.? ?box|box|bp|psc|c\.p\.)"
_LINES, _WORDS, _LONGEST_NUMBER = 5, 5, 3
_LONGEST_SHORT = 4  #: letters of what is shortened by a dot, at most; behind longer words it ends the sentence
_REACH = 160  #: characters to either side that an address may take beyond what was found
_GAP = re.compile(r"(?:\.(?=[ \t]*\n))?[ \t]{0,2}(?:,|;|\\,)?[ \t]{0,3}(?:\r?\n[ >?*|\t]{0,8})?(?:,[ \t]{0,2})?")
_PIECES = re.compile(
    rf"(?P<unit>(?:{UNIT}\.?|#)[ ]{{0,2}}#?[0-9]{{1,5}}[A-Za-z]?(?![A-Za-z0-9]))"
    r"|(?P<code>[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}(?![A-Za-z0-9])|[0-9]{4} ?[A-Z]{2}(?![A-Za-z0-9])|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9](?![A-Za-z0-9])"
    r"|(?:[A-Z]{1,2}-)?[0-9]{2,6}(?:[\- ][0-9]{2,4})?(?![0-9A-Za-z/:.,]*[0-9]))"
    rf"|(?P<word>\(?{LETTER}(?:{LETTER}|['’.\-/()]){{0,30}})",
    re.IGNORECASE,
)
STOP = frozenset(
    (
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "can",
        "for",
        "from",
        "has",
        "have",
        "he",
        "her",
        "his",
        "i",
        "if",
        "in",
        "is",
        "it",
        "its",
        "last",
        "me",
        "my",
        "not",
        "of",
        "on",
        "or",
        "our",
        "she",
        "so",
        "that",
        "the",
        "their",
        "there",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
        "please",
        "thanks",
        "thank",
        "phone",
        "tel",
        "fax",
        "email",
        "e-mail",
        "website",
        "mobile",
        "date",
        "name",
        "ssn",
        "card",
        "und",
        "oder",
        "ist",
        "et",
        "ou",
        "y",
        "o",
        "e",
    )
)
JOINING = frozenset(
    (
        "de",
        "del",
        "della",
        "di",
        "da",
        "do",
        "dos",
        "das",
        "du",
        "des",
        "la",
        "le",
        "les",
        "el",
        "los",
        "las",
        "van",
        "den",
        "der",
        "het",
        "'s",
        "an",
        "am",
        "im",
        "in",
        "a",
        "d'",
        "l'",
        "y",
        "na",
        "nad",
        "pod",
        "sur",
        "sous",
        "st",
        "st.",
        "sankt",
    )
)


class _Tail:
    """What follows an address, taken piece by piece until something does not belong to it."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.kept = self.place = end
        self.small = text[start:end] == text[start:end].lower()
        self.run = self.lines = 0
        self.joined = True  #: whether the words at hand follow a flat, a comma or a new line
        self.limit = min(len(text), end + _REACH)

    def end(self) -> int:
        """Behind the last flat, postcode or line that belongs to the address."""
        while self.place < self.limit:
            gap = _GAP.match(self.text, self.place)
            begin = gap.end() if gap else self.place
            piece = _PIECES.match(self.text, begin, self.limit)
            if piece is None or not self._takes(piece, self.text[self.place : begin]):
                break
        return self.kept

    def _takes(self, piece: re.Match[str], between: str) -> bool:
        self.lines += "\n" in between
        if "\n\n" in between or self.lines > _LINES:
            return False
        self.place = piece.end()
        if piece.lastgroup == "word":
            return between != "" and self._word(piece.group(), between)
        self.kept, self.joined, self.run = self.place, True, 0
        return not (piece.lastgroup == "code" and self.lines and len(piece.group()) > _LONGEST_NUMBER)

    def _word(self, word: str, between: str) -> bool:
        plain = word.lower().strip(".()")
        broken = "," in between or "\n" in between
        joining = plain in JOINING
        lower = word[0].islower() and not self.small and not (broken and len(word) <= 3)  # noqa: PLR2004
        if (plain in STOP - JOINING and not (broken and word.isupper())) or (
            lower and not joining and self.run + broken == 0
        ):
            return False
        if lower and not joining and len(word) > 3:  # noqa: PLR2004
            return False
        self.run = 1 if broken else self.run + 1
        self.joined = self.joined or broken
        stops = word.endswith(".") and len(plain) > _LONGEST_SHORT
        ends = stops or _ends_line(self.text, self.place)
        if self.joined and self.run <= _WORDS and ends and self.lines < _LINES:
            self.kept = self.place - stops
        return self.run <= _WORDS and not stops


def _ends_line(text: str, place: int) -> bool:
    return text[place : place + 1] in {"", "\n", ".", ",", ";", ")", "?", "!"}


_LEFT = re.compile(
    rf"(?:(?:^|(?<=[\n:;,(>?]))[ >?*|\t]{{0,8}})?(?P<line>[0-9]{{1,6}}(?:[ \t]{{1,3}}{WORD}){{0,5}}(?:[ \t]{{1,3}}{NUMBER})?(?:[ \t]{{1,3}}{WORD}){{0,2}}"
    rf"|{WORD}(?:[ \t]{{1,3}}{WORD}){{0,3}}[ \t]{{1,3}}{NUMBER})(?:[ \t]{{0,3}},?[ \t]{{0,3}}(?:\r?\n[ >?*|\t]{{0,8}})?|[ \t]{{1,3}})$"
)


def _before(text: str, start: int) -> int:
    """Where the address begins: a street with its number, in front of what was found or on the line above it."""
    left = max(0, start - 80)
    window = text[left:start]
    best = start
    for found in re.finditer(r"(?:^|(?<=[\s:;,(>?]))(?=\S)", window):
        match = _LEFT.match(window, found.start())
        if match:
            words = [word.lower().strip(".,") for word in match["line"].split()]
            if not any(word in STOP and word not in JOINING for word in words):
                best = left + match.start("line")
                break
    return best


def grown(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole address of which `text[start:end]` is a part."""
    begin = _before(text, start)
    return begin, _Tail(text, begin, end).end()
