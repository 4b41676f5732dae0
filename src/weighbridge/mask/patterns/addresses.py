"""Postal addresses: what surely belongs to one is found, then followed to where the address begins and ends.

Streets of many countries, boxes, flats, postcodes beside a place, and the addresses of China, Japan and Korea.
"""

from __future__ import annotations

import re

from weighbridge.mask.patterns.address_bounds import CAPITAL, JOINING, LETTER, NUMBER, SPACE, STOP, UNIT, WORD, grown
from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.words import literals

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
_LED = 3  #: words at most that stand before the one that ends as a street does
_LEADING = rf"(?<![^\s,;:(>]){CAPITAL}"
_SURE_SUFFIX = 4  #: letters of an ending that no other word has


def _stem(text: str, start: int) -> int:
    """Where the words begin whose last one ends as a street does."""
    window = text[max(0, start - 64) : start]
    word = start - len(window) + len(window.rstrip("".join(set(window) - set(' \t\n,;:()<>"*/0123456789'))))
    for _ in range(_LED):
        before = re.search(rf"({_LEADING})[ \t]$", text[max(0, word - 40) : word])
        if before is None or (before.group(1).lower().rstrip(".") in STOP - JOINING):
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
    return grown(text, _stem(text, start), end)


_FULL = 0.6
_NO_STREET = re.compile(
    r"\b(?:january|february|march|april|may|june|july|august|september|october|november|december|minutes?|hours?|days?|weeks?|months?|years?|"
    r"rfc|integer|bits?|packed|protocol|people|percent|times|dollars|euros|least|most|about|page|line|version|port|offset|index|bytes?|items?|hour|minute|day|week|month|year|am|pm|the)\b",
    re.IGNORECASE,
)


def _numbered_street(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A number, words and a word for a street: not if the words are those of any sentence."""
    words = [word.lower().rstrip(".") for word in text[start:end].split()]
    sentence = set(words[:-1]) & (STOP - JOINING - {"st", "e", "i", "o"})
    return 0.1 if sentence or _NO_STREET.search(text[start:end]) else _FULL


def _between_numbers(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """Words between two numbers: a street of a country that writes no word for it, unless they are those of any sentence."""
    words = {word.lower().rstrip(".,") for word in text[start:end].split()}
    return 0.1 if words & (STOP - JOINING) or _NO_STREET.search(text[start:end]) else 0.4


def _named_street(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001 - the hook's shape
    first = text[start:end].partition(" ")[0].lower()
    if first in STOP or first in {"a", "main", "main-street"}:
        return 0.1
    return 0.5 if near else 0.4


def _beside(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    return 0.1 if _NO_STREET.search(text[start:end]) else 0.5


DETECTORS: tuple[Detector, ...] = (
    Detector(
        "address_unit",
        "address",
        rf"{UNIT}\.?[ \t]{{0,2}}#?[0-9]{{1,5}}[A-Za-z]?",
        anchors=literals(UNIT.removeprefix("(?:").removesuffix(")")),
        scores=(_FULL, _FULL, _FULL),
        grow=grown,
        folded=True,
    ),
    Detector(
        "address_street",
        "address",
        rf"{NUMBER}(?:{SPACE}{NUMBER})?(?:{SPACE}{WORD}){{1,4}}{SPACE}(?:{_STREET})\.?",
        anchors=literals(_STREET),
        weigh=_numbered_street,
        grow=grown,
        folded=True,
    ),
    Detector(
        "address_street_prefix",
        "address",
        rf"(?:{_BEFORE})[ \t]{{0,2}}{WORD}(?:{SPACE}{WORD}){{0,5}},?{SPACE}{NUMBER}|{NUMBER},?{SPACE}(?:{_BEFORE}){SPACE}{WORD}(?:{SPACE}{WORD}){{0,4}}(?:{SPACE}{NUMBER})?",
        anchors=literals(_BEFORE),
        scores=(_FULL, _FULL, _FULL),
        grow=grown,
        folded=True,
    ),
    Detector(
        "address_street_suffix",
        "address",
        rf"(?:{_AFTER}){SPACE}{NUMBER}",
        anchors=literals(_AFTER),
        weigh=_suffixed,
        grow=_grown_from_suffix,
        edges="own",
        folded=True,
    ),
    Detector(
        "address_numbers",
        "address",
        rf"[0-9]{{2,6}}{SPACE}(?:{NUMBER}{SPACE})?(?:[A-Z]|[^\x00-\x7f])(?:{LETTER}|['.\-]){{0,40}}(?:{SPACE}{WORD}){{0,4}}{SPACE}{NUMBER}",
        weigh=_between_numbers,
        grow=grown,
    ),
    Detector(
        "address_street_named",
        "address",
        rf"{CAPITAL}(?:{SPACE}{CAPITAL}){{0,3}}{SPACE}(?:Street|Avenue|Road|Boulevard|Lane|Drive|Terrace|Crescent|Turnpike|Parkway|street)",
        anchors=literals("street|avenue|road|boulevard|lane|drive|terrace|crescent|turnpike|parkway"),
        weigh=_named_street,
        keywords=("on", "at", "live", "lives", "address", "corner", "near", "in"),
    ),
    Detector(
        "address_corner",
        "address",
        rf"(?:the )?corner of (?:{WORD}|{NUMBER})(?:{SPACE}(?:{WORD}|{NUMBER})){{0,5}} and (?:{WORD}|{NUMBER})(?:{SPACE}{WORD}){{0,3}}(?:{SPACE}{NUMBER})?",
        anchors=("corner of",),
        scores=(0.6, 0.6, 0.6),
        folded=True,
    ),
    Detector(
        "address_beside",
        "address",
        rf"(?:{_CUES})(?:{SPACE}|[ \t]{{0,3}}\n[ >?*]{{0,6}})(?P<value>(?:{NUMBER}{SPACE}){{0,2}}{WORD}(?:{SPACE}{WORD}){{0,4}}{SPACE}{NUMBER}"
        rf"|[0-9]{{1,6}}{SPACE}(?:{NUMBER}{SPACE})?{WORD}(?:{SPACE}{WORD}){{0,3}})",
        anchors=_CUE_PARTS,
        weigh=_beside,
        grow=grown,
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
