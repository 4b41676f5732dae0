"""Postal addresses: what surely belongs to one is found, then followed to where the address begins and ends.

Streets of many countries, boxes, flats, postcodes beside a place, and the addresses of China, Japan and Korea.
"""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import re

from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.words import literals

_LETTER = r"[^\x00-@\[-`{-\x7f]"  #: an ASCII letter, or anything beyond ASCII
_WORD = rf"{_LETTER}(?:{_LETTER}|['.\-]){{0,40}}"
_NUMBER = r"[0-9]{1,6}[A-Za-z]?(?:[\-/][0-9]{1,4}[A-Za-z]?)?"
_SP = r"[ \t]{1,3}"
_CAPITAL = rf"(?:[A-Z]|[^\x00-\x7f])(?:{_LETTER}|['.\-]){{0,40}}"

_STREET = (
    "street|str|st|avenue|ave|av|road|rd|drive|dr|lane|ln|boulevard|blvd|court|ct|terrace|place|pl|square|sq|"
    "highway|hwy|parkway|pkwy|circle|cir|trail|trl|way|crescent|cres|close|gardens|grove|mews|row|walk|hill|alley|"
    "turnpike|freeway|expressway|crossing|loop|plaza|quay|wharf|esplanade|parade|nagar|marg|chowk|colony|route|gateway"
)
_BEFORE = (
    "rua|rue|via|viale|vicolo|corso|piazza|piazzale|strada|largo|calle|c/|avenida|avda\\.?|av\\.|paseo|plaza|carrer|"
    "camino|travessa|travesía|praça|alameda|estrada|rodovia|quai|impasse|allée|chemin|boulevard|bd|avenue|place|"
    "route|ul\\.|ulica|al\\.|aleja|aleje|os\\.|osiedle|plac|pl\\.|rúa|ronda|trg|ulice|náměstí|улица|ул\\.|проспект|λεωφόρος|οδός|λ\\."
)
_AFTER = (
    "stra(?:ss|ß)e|str\\.|weg|gasse|platz|allee|ufer|damm|gatan|gata|vägen|väg|gränd|veien|vegen|vegur|vej|vejen|gade|"
    "stræde|straat|laan|plein|gracht|kade|dijk|singel|hove|katu|tie|kuja|polku|braut|stígur|stræti|straeti|utca|útja|tér|terrasse|u\\."
)
_UNIT = r"(?:apt|apartment|suite|ste|unit|flat|appt|appartement|wohnung|lokal|interno|piso|lgh|postbus|postfach|skrytka|p\.? ?o\.? ?box|box|bp|psc|c\.p\.)"
_CUES = (
    r"(?:liv(?:es?|ed|ing)|resid(?:es?|ed|ing)|located|situated|offices? (?:is|are)|stay(?:s|ed|ing)?|based|dwells|station is|shop is|store is) (?:at|in|on)|(?:is|are|was) at|taxi to|enter on|"
    r"address(?:es)?(?: of [^\n:]{1,40}?)?(?: is| are)?:?|(?:deliver|ship|send|sent|mail|return|forward|move|post)(?:ed|ped|ing|ping)? (?:it |this |them |to )?to|"
    r"drop(?:s|ped)?(?: \w{2,4})? off at|pick(?:s|ed)?(?: \w{2,4})? up (?:at|from)|side of|corner of|meet (?:me |us |him |her |you )?at|"
    r"wohnhaft(?: in)?|wohn(?:t|e) (?:in|an)|anschrift:?|adresse:?|adres:?|adressen?:?|adresa:?|dirección:?|domicilio:?|"
    r"vive en|indirizzo:?|residente (?:in|a)|abita in|domiciliée?(?: au| à)?|habite(?: au)?|endereço:?|reside na|mora na|"
    r"zamieszkał[ya]|mieszka (?:przy|na)|woont (?:in|op|aan)|woonachtig"
)
_CUE_PARTS = (
    *(
        "liv",
        "resid",
        "locat",
        "situated",
        "office",
        "stay",
        "based",
        "dwells",
        "station is",
        "shop is",
        "store is",
        "address",
        "deliver",
        "ship",
    ),
    *(
        "send",
        "sent",
        "mail",
        "return",
        "forward",
        "move",
        "post",
        "off at",
        "up at",
        "up from",
        "side of",
        "corner of",
        "meet",
        "is at",
        "are at",
        "was at",
        "taxi to",
        "enter on",
        "wohn",
        "anschrift",
    ),
    *("adres", "direcci", "domicil", "vive en", "indirizzo", "abita", "habite", "endere", "mora na", "mieszka", "woon"),
)
_LINES, _WORDS, _LONGEST_NUMBER = 5, 5, 3
_LONGEST_SHORT = 4  #: letters of what is shortened by a dot, at most; behind longer words it ends the sentence
_REACH = 160  #: characters to either side that an address may take beyond what was found
_GAP = re.compile(r"(?:\.(?=[ \t]*\n))?[ \t]{0,2}(?:,|;|\\,)?[ \t]{0,3}(?:\r?\n[ >?*|\t]{0,8})?(?:,[ \t]{0,2})?")
_PIECES = re.compile(
    rf"(?P<unit>(?:{_UNIT}\.?|#)[ ]{{0,2}}#?[0-9]{{1,5}}[A-Za-z]?(?![A-Za-z0-9]))"
    r"|(?P<code>[A-Z]{1,2}[0-9][0-9A-Z]? [0-9][A-Z]{2}(?![A-Za-z0-9])|[0-9]{4} ?[A-Z]{2}(?![A-Za-z0-9])|[A-Z][0-9][A-Z] ?[0-9][A-Z][0-9](?![A-Za-z0-9])"
    r"|(?:[A-Z]{1,2}-)?[0-9]{2,6}(?:[\- ][0-9]{2,4})?(?![0-9A-Za-z/:.,]*[0-9]))"
    rf"|(?P<word>\(?{_LETTER}(?:{_LETTER}|['’.\-/()]){{0,30}})",
    re.IGNORECASE,
)
_STOP = frozenset(
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
_JOINING = frozenset(
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
        joining = plain in _JOINING
        lower = word[0].islower() and not self.small and not (broken and len(word) <= 3)  # noqa: PLR2004
        if (plain in _STOP - _JOINING and not (broken and word.isupper())) or (
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
    rf"(?:(?:^|(?<=[\n:;,(>?]))[ >?*|\t]{{0,8}})?(?P<line>[0-9]{{1,6}}(?:[ \t]{{1,3}}{_WORD}){{0,5}}(?:[ \t]{{1,3}}{_NUMBER})?(?:[ \t]{{1,3}}{_WORD}){{0,2}}"
    rf"|{_WORD}(?:[ \t]{{1,3}}{_WORD}){{0,3}}[ \t]{{1,3}}{_NUMBER})(?:[ \t]{{0,3}},?[ \t]{{0,3}}(?:\r?\n[ >?*|\t]{{0,8}})?|[ \t]{{1,3}})$"
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
            if not any(word in _STOP and word not in _JOINING for word in words):
                best = left + match.start("line")
                break
    return best


def _grown(text: str, start: int, end: int) -> tuple[int, int]:
    begin = _before(text, start)
    return begin, _Tail(text, begin, end).end()


_LED = 3  #: words at most that stand before the one that ends as a street does
_LEADING = rf"(?<![^\s,;:(>]){_CAPITAL}"
_SURE_SUFFIX = 4  #: letters of an ending that no other word has


def _stem(text: str, start: int) -> int:
    """Where the words begin whose last one ends as a street does."""
    window = text[max(0, start - 64) : start]
    word = start - len(window) + len(window.rstrip("".join(set(window) - set(' \t\n,;:()<>"*/0123456789'))))
    for _ in range(_LED):
        before = re.search(rf"({_LEADING})[ \t]$", text[max(0, word - 40) : word])
        if before is None or (before.group(1).lower().rstrip(".") in _STOP - _JOINING):
            break
        word -= len(before.group(0))
    return word


def _suffixed(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A word with such an ending and a number: in small letters only if the ending is a long one."""
    begin = _stem(text, start)
    if end < len(text) and text[end].isascii() and text[end].isalnum():
        return 0.0
    if text[begin].isupper() and begin < start:
        return _FULL
    ending = re.match(r"[^\s0-9.]*", text[start:end])
    return 0.4 if begin < start - 2 and ending and ending.end() >= _SURE_SUFFIX else 0.0


def _grown_from_suffix(text: str, start: int, end: int) -> tuple[int, int]:
    return _grown(text, _stem(text, start), end)


_FULL = 0.6
_NO_STREET = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|minutes?|hours?|days?|weeks?|months?|years?|"
    r"rfc|integer|bits?|packed|protocol|people|percent|times|dollars|euros|least|most|about|page|line|version|port|offset|index|bytes?|items?|hour|minute|day|week|month|year|am|pm|the)\b",
    re.IGNORECASE,
)


def _numbered_street(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A number, words and a word for a street: not if the words are those of any sentence."""
    words = [word.lower().rstrip(".") for word in text[start:end].split()]
    sentence = set(words[:-1]) & (_STOP - _JOINING - {"st", "e", "i", "o"})
    return 0.1 if sentence or _NO_STREET.search(text[start:end]) else _FULL


def _between_numbers(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """Words between two numbers: a street of a country that writes no word for it, unless they are those of any sentence."""
    words = {word.lower().rstrip(".,") for word in text[start:end].split()}
    return 0.1 if words & (_STOP - _JOINING) or _NO_STREET.search(text[start:end]) else 0.4


def _named_street(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001 - the hook's shape
    first = text[start:end].partition(" ")[0].lower()
    if first in _STOP or first in {"a", "main", "main-street"}:
        return 0.1
    return 0.5 if near else 0.4


def _beside(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    return 0.1 if _NO_STREET.search(text[start:end]) else 0.5


DETECTORS: tuple[Detector, ...] = (
    Detector(
        "address_unit",
        "address",
        rf"{_UNIT}\.?[ \t]{{0,2}}#?[0-9]{{1,5}}[A-Za-z]?",
        anchors=literals(_UNIT.removeprefix("(?:").removesuffix(")")),
        scores=(_FULL, _FULL, _FULL),
        grow=_grown,
        folded=True,
    ),
    Detector(
        "address_street",
        "address",
        rf"{_NUMBER}(?:{_SP}{_NUMBER})?(?:{_SP}{_WORD}){{1,4}}{_SP}(?:{_STREET})\.?",
        anchors=literals(_STREET),
        weigh=_numbered_street,
        grow=_grown,
        folded=True,
    ),
    Detector(
        "address_street_prefix",
        "address",
        rf"(?:{_BEFORE})[ \t]{{0,2}}{_WORD}(?:{_SP}{_WORD}){{0,5}},?{_SP}{_NUMBER}|{_NUMBER},?{_SP}(?:{_BEFORE}){_SP}{_WORD}(?:{_SP}{_WORD}){{0,4}}(?:{_SP}{_NUMBER})?",
        anchors=literals(_BEFORE),
        scores=(_FULL, _FULL, _FULL),
        grow=_grown,
        folded=True,
    ),
    Detector(
        "address_street_suffix",
        "address",
        rf"(?:{_AFTER}){_SP}{_NUMBER}",
        anchors=literals(_AFTER),
        weigh=_suffixed,
        grow=_grown_from_suffix,
        edges="own",
        folded=True,
    ),
    Detector(
        "address_numbers",
        "address",
        rf"[0-9]{{2,6}}{_SP}(?:{_NUMBER}{_SP})?(?:[A-Z]|[^\x00-\x7f])(?:{_LETTER}|['.\-]){{0,40}}(?:{_SP}{_WORD}){{0,4}}{_SP}{_NUMBER}",
        weigh=_between_numbers,
        grow=_grown,
    ),
    Detector(
        "address_street_named",
        "address",
        rf"{_CAPITAL}(?:{_SP}{_CAPITAL}){{0,3}}{_SP}(?:Street|Avenue|Road|Boulevard|Lane|Drive|Terrace|Crescent|Turnpike|Parkway|street)",
        anchors=literals("street|avenue|road|boulevard|lane|drive|terrace|crescent|turnpike|parkway"),
        weigh=_named_street,
        keywords=("on", "at", "live", "lives", "address", "corner", "near", "in"),
    ),
    Detector(
        "address_corner",
        "address",
        rf"(?:the )?corner of (?:{_WORD}|{_NUMBER})(?:{_SP}(?:{_WORD}|{_NUMBER})){{0,5}} and (?:{_WORD}|{_NUMBER})(?:{_SP}{_WORD}){{0,3}}(?:{_SP}{_NUMBER})?",
        anchors=("corner of",),
        scores=(0.6, 0.6, 0.6),
        folded=True,
    ),
    Detector(
        "address_beside",
        "address",
        rf"(?:{_CUES})(?:{_SP}|[ \t]{{0,3}}\n[ >?*]{{0,6}})(?P<value>(?:{_NUMBER}{_SP}){{0,2}}{_WORD}(?:{_SP}{_WORD}){{0,4}}{_SP}{_NUMBER}"
        rf"|[0-9]{{1,6}}{_SP}(?:{_NUMBER}{_SP})?{_WORD}(?:{_SP}{_WORD}){{0,3}})",
        anchors=_CUE_PARTS,
        weigh=_beside,
        grow=_grown,
        folded=True,
    ),
    Detector(
        "address_military",
        "address",
        r"(?:USNS|USNV|USCGC|USS|PSC|CMR|Unit)[ ][^\n]{1,40}[\n, ]{1,3}(?:APO|FPO|DPO)[ ,]{1,2}A[AEP][ ]{1,2}[0-9]{5}(?:-[0-9]{4})?",
        anchors=("apo", "fpo", "dpo"),
        scores=(0.9, 0.9, 0.9),
        folded=True,
    ),
)
