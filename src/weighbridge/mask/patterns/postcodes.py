"""Postcodes beside a place, a keyword, or in a shape that nothing else has; and the addresses of China, Japan and Korea."""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import re

from weighbridge.mask.patterns.base import Detector

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|DC|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|PR|RI|SC|SD|TN|TX|"
    "UT|VT|VA|WA|WV|WI|WY|NSW|VIC|QLD|SA|TAS|ACT|NT"
)
_CAPITAL = r"(?:[A-Z]|[^\x00-\x7f])(?:[^\x00-@\[-`{-\x7f]|['.\-]){1,40}"
_YEAR = re.compile(r"(?:1[6-9]|20)[0-9]{2}")
_NO_PLACE = re.compile(
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december|section|article|chapter|rfc|no|page|line|"
    r"version|python|windows|level|table|figure|year|spring|summer|autumn|fall|winter|early|late|of|the|and|posix|iso|unicode|utf|word|act|law|"
    r"the|these|those|people|in|on|at|or)\.?",
    re.IGNORECASE,
)


def _with_place(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A number beside a word in capitals: a postcode if neither is part of a date or of a reference."""
    words = re.findall(r"[^\W\d_]+\.?", text[max(0, start - 24) : end + 24])
    if _YEAR.fullmatch(text[start:end]) or any(
        _NO_PLACE.fullmatch(word) for word in re.findall(r"[^\W\d_]+", text[max(0, start - 12) : start])[-1:]
    ):
        return 0.2
    return 0.3 if words else 0.2


def _united_kingdom(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001
    value = text[start:end]
    if near:
        return 0.8
    return 0.5 if value.isupper() and " " in value and not set(value[-2:]) & set("CIKMOV") else 0.15


_HAN_NUMBER = r"(?:[0-9]{1,5}|(?:零|一|二|三|四|五|六|七|八|九|十|百){1,5})"
_HAN = r"[^\x00-\x7f]"
_LEAD = re.compile(
    r".*(?:[\u3000-\u3002\uff0c\uff1a\uff1b\uff08\u201c\u300c]|住在|住址|位于|地址|寄到|寄至|送到|送至|搬到|居住|户籍|家住|前往|来自|现住|在|于|是|为|到|至|は|に|の住所)(?=..)",
    re.DOTALL,
)


def _without_lead(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the words of the sentence in front of an address."""
    value = text[start:end]
    first = re.search("[0-9省市区县州镇都道府県시도구군路街]", value)
    lead = _LEAD.match(value[: first.start()] if first else value)
    return start + (lead.end() if lead else 0), end


_POSTCODE_CUES = ("postcode", "post code", "zip", "address", "live", "lives", "postal")

DETECTORS: tuple[Detector, ...] = (
    Detector(
        "postcode_beside",
        "postcode",
        r"(?:(?:zip|zip ?code|post ?code|postal ?code|pin ?code|plz|postleitzahl|code postal|c\.?p\.|código postal|codigo postal|c\.?a\.?p\.|cep|"
        r"kod pocztowy|postnummer|postnr)(?: is| ist| est| es)?(?:[ \t:=#\n]|：){1,4}|(?:邮编|邮政编码|郵便番号|〒|우편번호)(?:是|は)?(?:[ \t:=#\n]|：){0,4})"
        r"(?P<value>[A-Za-z]{0,2}[\- ]?[0-9][A-Za-z0-9]{1,7}(?:[ \-][0-9][A-Za-z0-9]{1,3})?)",
        anchors=(
            "zip",
            "post",
            "pin",
            "plz",
            "c.p",
            "cp",
            "código",
            "codigo",
            "c.a.p",
            "cap",
            "cep",
            "kod",
            "邮编",
            "邮政",
            "郵便",
            "〒",
            "우편",
        ),
        scores=(0.7, 0.7, 0.7),
        folded=True,
    ),
    Detector(
        "postcode_uk",
        "postcode",
        r"[A-Za-z]{1,2}[0-9][0-9A-Za-z]? ?[0-9][A-Za-z]{2}",
        weigh=_united_kingdom,
        keywords=_POSTCODE_CUES,
    ),
    Detector(
        "postcode_ca",
        "postcode",
        r"[ABCEGHJ-NPRSTVXY][0-9][A-Z][ \-][0-9][A-Z][0-9]",
        scores=(0.5, 0.5, 0.8),
        keywords=_POSTCODE_CUES,
    ),
    Detector(
        "postcode_us",
        "postcode",
        rf"(?:{_STATES}),?[ ]{{1,2}}[0-9]{{4,5}}(?:-[0-9]{{4}})?",
        scores=(0.45, 0.45, 0.7),
        keywords=_POSTCODE_CUES,
    ),
    Detector(
        "postcode_before_place",
        "postcode",
        rf"(?:(?:D|A|CH|F|I|B|L|PL|NL|DK|SE|S|FIN|CZ)-)?(?P<value>[0-9]{{5}}|[0-9]{{4}}(?: [A-Z]{{2}})?|[0-9]{{2}}-[0-9]{{3}}|[0-9]{{3}} [0-9]{{2}}|[0-9]{{4}}-[0-9]{{3}}) {_CAPITAL}",
        weigh=_with_place,
    ),
    Detector(
        "postcode_behind_place",
        "postcode",
        rf"(?:(?:in|near|from|at|to|of|,) |\n[ >?*]{{0,8}})(?:{_CAPITAL} ){{1,4}}(?P<value>[0-9]{{4,6}}(?:-[0-9]{{3,4}})?|[0-9]{{3}} [0-9]{{2,3}})",
        weigh=_with_place,
    ),
    Detector(
        "address_china",
        "address",
        rf"{_HAN}{{2,40}}(?:路|街|道|巷|弄|胡同|村|里|坊|社区|小区|花园|广场|大厦|段|区)(?:[0-9A-Za-z]{{1,6}}|(?:零|一|二|三|四|五|六|七|八|九|十|百){{1,5}})(?:号|號|弄|栋|幢|座|楼|室|单元)"
        rf"(?:(?:之|-)?{_HAN}{{0,8}}[0-9A-Za-z]{{1,5}}(?:号|號|栋|幢|座|单元|楼|层|室|房|户)){{0,5}}",
        anchors=("号", "號", "弄", "栋", "幢", "座", "楼", "室", "单元"),
        scores=(0.7, 0.7, 0.8),
        grow=_without_lead,
    ),
    Detector(
        "address_china_beside",
        "address",
        rf"(?:地址|住址|住在|寄到|寄至|送到|家住|现住|户籍|位于)(?:是|为|在|于)?(?:：|:)?[ ]?(?P<value>{_HAN}{{2,30}}(?:路|街|大道|道|巷|弄|胡同|村|镇|县|区|小区|花园|大厦)(?:{_HAN}{{0,4}}[0-9]{{1,5}}(?:号|栋|室)){{0,2}})",
        anchors=("地址", "住址", "住在", "寄到", "寄至", "送到", "家住", "现住", "户籍", "位于"),
        scores=(0.5, 0.5, 0.5),
    ),
    Detector(
        "address_japan",
        "address",
        rf"{_HAN}{{2,8}}(?:都|道|府|県|市|区){_HAN}{{1,30}}(?:[0-9]{{1,4}}|(?:一|二|三|四|五|六|七|八|九|十){{1,3}})(?:(?:丁目|番地|番|号|-|‐|−|ー|の)[ ]?(?:[0-9]{{1,4}})?){{1,5}}(?:[ ]?{_HAN}{{1,20}}[0-9]{{1,4}}(?:号室|階|F)?)?",
        anchors=("丁目", "番", "号", "-", "‐", "−", "ー", "の"),
        scores=(0.6, 0.6, 0.8),
        grow=_without_lead,
    ),
    Detector(
        "address_korea",
        "address",
        rf"{_HAN}{{2,8}}(?:시|도|군|구)(?:[ ]{{1,2}}{_HAN}{{1,8}}){{0,5}}[ ]{{1,2}}{_HAN}{{1,10}}(?:로|길|동|읍|면|리)[ ]?[0-9]{{1,5}}(?:-[0-9]{{1,4}})?(?:번길|번지|길)?(?:[ ,]{{0,2}}[0-9]{{1,5}}(?:-[0-9]{{1,4}})?)?(?:[ ,]{{0,2}}{_HAN}{{0,10}}[ ]?[0-9]{{1,4}}(?:동|호|층)){{0,3}}",
        anchors=("로", "길", "동", "읍", "면", "리"),
        scores=(0.6, 0.6, 0.8),
    ),
)
