"""Phone numbers: beside a word that announces one almost any grouping is taken, elsewhere the numbering plans are asked.

Few plans are asked, those that the script around suggests: each costs as much as looking through a page.
"""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import re

from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.checksums import digits_of

CUES = (
    *(
        "phone",
        "phones",
        "telephone",
        "tel",
        "tel.",
        "tel:",
        "tele",
        "mobile",
        "mob",
        "mob.",
        "cell",
        "cellphone",
        "landline",
        "fax",
    ),
    *(
        "call",
        "calls",
        "called",
        "calling",
        "caller",
        "dial",
        "dialed",
        "ring",
        "rang",
        "text",
        "texted",
        "texting",
        "sms",
        "mms",
    ),
    *(
        "whatsapp",
        "signal",
        "telegram",
        "viber",
        "hotline",
        "voicemail",
        "switchboard",
        "extension",
        "contact",
        "contacted",
    ),
    *(
        "reach",
        "reached",
        "reachable",
        "answering",
        "answered",
        "answers",
        "pick up",
        "messages to",
        "message to",
        "message on",
    ),
    *(
        "messages on",
        "messages from",
        "message from",
        "my number",
        "her number",
        "his number",
        "their number",
        "our number",
    ),
    *("your number", "number is", "numbers are", "registered", "helpline", "office", "home", "work", "get in touch"),
    *("telefon", "telefonnummer", "handy", "handynummer", "rufnummer", "mobil", "mobilnummer", "durchwahl", "anrufen"),
    *(
        "erreichbar",
        "rückruf",
        "téléphone",
        "telephoner",
        "portable",
        "appeler",
        "appelez",
        "joindre",
        "joignable",
        "tél",
    ),
    *(
        "tél.",
        "teléfono",
        "telefono",
        "móvil",
        "movil",
        "celular",
        "llamar",
        "llame",
        "llámame",
        "cellulare",
        "chiamare",
    ),
    *(
        "chiamami",
        "recapito",
        "telefone",
        "telemóvel",
        "ligar",
        "ligue",
        "telefoon",
        "telefoonnummer",
        "mobiel",
        "bellen",
    ),
    *("numer telefonu", "komórka", "komórkowy", "zadzwoń", "tfn", "telefonnummer", "puhelin", "puhelinnumero", "puh"),
    *("телефон", "тел", "мобильный", "звоните", "τηλέφωνο", "फ़ोन", "फोन", "मोबाइल", "هاتف", "جوال", "telefon numarası"),
    *(
        "电话",
        "手机",
        "手机号",
        "座机",
        "联系方式",
        "联系电话",
        "致电",
        "拨打",
        "來電",
        "電話",
        "手機",
        "携帯",
        "連絡先",
        "传真",
    ),
    *("전화", "전화번호", "휴대폰", "핸드폰", "연락처", "号码", "號碼", "微信", "短信"),
)
_NOT = re.compile(
    r"\b(?:order|invoice|ref|reference|isbn|issn|version|serial|build|part|sku|tracking|ticket|case|receipt|article|"
    r"doi|rfc|model|item|product|batch|lot|id|no|nr|gps|lat|lon|coordinates?|page|pages|bestell\w*|commande|pedido|"
    r"version|release|commit|hash|timestamp|epoch|patent|docket|appl\w*)\b[^\n]{0,12}$|[$€£¥#]\s?$|订单号?|单号|编号|版本|运单|流水号",
    re.IGNORECASE,
)
_NATIONAL = ("GB", "DE", "FR")  #: whose numbers begin with 0 within the country
_REGIONS = ("US", "ES", "IT")  #: whose do not
_SCRIPTS = (
    (re.compile("[\uac00-\ud7a3]"), ("KR",)),
    (re.compile("[\u3040-\u30ff]"), ("JP",)),
    (re.compile("[\u4e00-\u9fff]"), ("CN", "TW", "HK", "JP")),
    (re.compile("[\u0400-\u04ff]"), ("RU", "UA")),
    (re.compile("[\u0900-\u097f]"), ("IN",)),
)
_AROUND = 40
_DATE = re.compile(
    r"(?:1[6-9]|20)[0-9]{2}[\-/. ][01]?[0-9][\-/. ][0-3]?[0-9](?![0-9])|[0-3]?[0-9][\-/. ][0-3]?[0-9][\-/. ](?:1[6-9]|20)[0-9]{2}(?![0-9])"
)
_AMOUNT = re.compile(
    r"[0-9]{1,3}(?:[., ][0-9]{3})+(?:[.,][0-9]{1,2})?|[0-9]+[.,][0-9]+|[0-9]{1,3}(?:\.[0-9]{1,4}){3}(?:/[0-9]{1,2})?|"
    r"(?:1[6-9]|20)[0-9]{2}(?:[ \-/.]{1,3}(?:1[6-9]|20)[0-9]{2})+|[0-9](?:[ .\-/]{1,2}[0-9]){5,}|[0-9]{3}-[0-9]{2}-[0-9]{4}"
)
_ISBN = re.compile(r"97[89][ \-]?[0-9]|[0-9]{1,5}[ \-][0-9]{2,7}[ \-][0-9]{2,7}[ \-][0-9Xx](?![0-9])")
_FEWEST, _MOST = 6, 15
_PLAIN = 0.15  #: of what no neighbour and no numbering plan speaks for


def _asked(text: str, start: int, end: int) -> bool:
    """Whether a numbering plan knows the number: that of its country code, or one that its neighbours suggest."""
    import phonenumbers

    near = text[max(0, start - _AROUND) : end + _AROUND]
    usual = _NATIONAL if text[start : start + 2].strip("(").startswith("0") else _REGIONS
    tried = usual if near.isascii() else next((regions for script, regions in _SCRIPTS if script.search(near)), usual)
    for region in (None,) if text[start] == "+" else tried:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(text[start:end], region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _part_of_more(text: str, start: int, end: int) -> bool:
    """Whether digits go on behind a separator: the run is longer than any phone number, or a decimal."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    return bool(
        re.search(r"[0-9][.,\-/:]$|[=_/.]$", before) or re.match(r"[.,\-/:][0-9]|[/_][A-Za-z]|[.,]?[%°]", after)
    )


def _possible(value: str) -> bool:
    """Whether the digits can be a phone number at all: neither a date nor an amount."""
    digits = digits_of(value)
    return _FEWEST <= len(digits) <= _MOST and len(set(digits)) > 1 and not (_DATE.match(value) or _ISBN.match(value))


def _denied(text: str, start: int) -> bool:
    return _NOT.search(text[max(0, start - 24) : start]) is not None


def _international(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001 - the hook's shape
    if near or _asked(text, start, end):
        return 0.95
    written = text[start + 1] != " " and "." not in text[start:end] and len(digits_of(text[start:end])) > 8  # noqa: PLR2004
    return 0.5 if written else _PLAIN


def _certain_shape(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    """A grouping that a whole continent or country uses for nothing else."""
    if near:
        return 0.95
    return _PLAIN if _part_of_more(text, start, end) or _denied(text, start) else 0.7


def _grouped(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    value = text[start:end]
    if not _possible(value) or (_part_of_more(text, start, end) and not near):
        return 0.1
    if near:
        return 0.3 if _AMOUNT.fullmatch(value) and "." in value else 0.75
    if _AMOUNT.fullmatch(value) or len(digits_of(value)) < 8 or _denied(text, start):  # noqa: PLR2004
        return _PLAIN
    return 0.45 if _asked(text, start, end) else _PLAIN


def _bare(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    if not _possible(text[start:end]) or _part_of_more(text, start, end):
        return 0.1
    if near:
        return 0.65
    return 0.45 if text[start] == "0" and not _denied(text, start) and _asked(text, start, end) else _PLAIN


_EXTENSION = r"(?: {0,2},? ?(?:x|X|ext\.?|Ext\.?|extension|Durchwahl|доб\.) ?[0-9]{1,6})?"

DETECTORS: tuple[Detector, ...] = (
    Detector(
        "phone_international",
        "phone",
        r"\+ ?[0-9]{1,3}(?:[ .\-/]{0,2}\(?[0-9]{1,6}\)?){2,7}" + _EXTENSION,
        weigh=_international,
        keywords=CUES,
    ),
    Detector(
        "phone_north_america",
        "phone",
        r"(?:1[ .\-]?)?(?:\([2-9][0-9]{2}\)[ .\-]{0,2}|[2-9][0-9]{2}[.\- ])[2-9][0-9]{2}[.\- ][0-9]{4}" + _EXTENSION,
        weigh=_certain_shape,
        keywords=CUES,
    ),
    Detector(
        "phone_china",
        "phone",
        r"1[3-9][0-9][ \-]?[0-9]{4}[ \-]?[0-9]{4}",
        weigh=_certain_shape,
        keywords=CUES,
    ),
    Detector(
        "phone_east_asia",
        "phone",
        r"0[1-9][0-9]{0,2}[ \-][0-9]{3,4}[ \-][0-9]{4}|0[1-9][0-9]{1,2}\-[0-9]{7,8}|0[1789]0[0-9]{8}",
        weigh=_certain_shape,
        keywords=CUES,
    ),
    Detector(
        "phone_grouped",
        "phone",
        r"\(?[0-9]{1,5}\)?(?:[ .\-/]{1,3}\(?[0-9]{1,8}\)?){1,6}" + _EXTENSION,
        weigh=_grouped,
        keywords=CUES,
    ),
    Detector("phone_bare", "phone", r"[0-9]{6,15}", weigh=_bare, keywords=CUES),
)
