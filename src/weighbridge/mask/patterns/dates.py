"""Dates of birth beside what announces them, other dates with a modest score, and ages, in the wording of several languages."""

# ruff: noqa: RUF001 - words and punctuation as they are written in the countries that they are from

from __future__ import annotations

import re

from weighbridge.mask.patterns.base import Detector
from weighbridge.mask.patterns.words import literals

_MONTHS = (
    r"października|septiembre|diciembre|fevereiro|listopada|noviembre|september|septembre|settembre|augustus|december|dezember|"
    r"dezembro|dicembre|décembre|febbraio|februari|february|kwietnia|november|novembre|novembro|setembro|sierpnia|stycznia|września|"
    r"сентября|augusti|czerwca|febrero|februar|février|gennaio|grudnia|janeiro|januari|january|janvier|juillet|october|octobre|"
    r"octubre|oktober|ottobre|outubro|августа|декабря|октября|февраля|agosto|aprile|august|giugno|januar|jänner|luglio|lutego|maggio|"
    r"апреля|ноября|января|abril|april|avril|enero|julho|julio|junho|junio|lipca|maart|marca|march|marzo|março|марта|août|juin|juli|"
    r"july|june|juni|maio|maja|mars|mayo|märz|июля|июня|mai|maj|may|mei|мая|jan\.?|feb\.?|mar\.?|apr\.?|jun\.?|jul\.?|aug\.?|"
    r"sept?\.?|oct\.?|nov\.?|dec\.?"
)  #: the longest first: mars is no mar
_DAY = r"[0-3]?[0-9](?:st|nd|rd|th|\.|er|º|ª)?"
_DAYS = range(1, 32)
_YEAR = r"(?:1[6-9]|20)[0-9]{2}"
_SEP = r"[\-/.]"
_WORDED = (
    rf"(?:{_DAY} ?(?:of |de |del |di )?(?:{_MONTHS}),? ?(?:of |de |del )?(?:{_YEAR}|'[0-9]{{2}})?"
    rf"|(?:{_MONTHS}) {_DAY}(?:,? {{1,2}}{_YEAR})?|(?:{_MONTHS}),? (?:of )?{_YEAR})"
)
_DAY_FIRST = rf"{_DAY}[ \-]?(?:of |de |del |di )?(?:{_MONTHS})[,\-]? ?(?:of |de |del )?{_YEAR}"
_MONTH_FIRST = rf"(?:{_MONTHS})(?: {_DAY},? {{1,2}}|,? (?:of )?){_YEAR}"
_WRITTEN = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Januar|Februar|März|Mai|Juni|Juli|"
    "Oktober|Dezember|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|"
    "abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|"
    "ottobre|dicembre|januari|februari|maart|augustus|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)  #: as their languages write them: without a year, small letters would make a date of 5 may and 2 dec
_NO_YEAR = rf"(?:{_DAY} (?:of |de )?(?:{_WRITTEN})|(?:{_WRITTEN}) [0-3]?[0-9](?:st|nd|rd|th)?)"
_TIME = r"(?:[T ][0-2][0-9]:[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?Z?)?"
_ISO = rf"{_YEAR} ?{_SEP} ?[01]?[0-9] ?{_SEP} ?[0-3]?[0-9]"
_NUMERIC = rf"(?:{_ISO}|[0-3]?[0-9] ?{_SEP} ?[0-3]?[0-9] ?{_SEP} ?(?:{_YEAR}|[0-9]{{2}}))"
_CHINESE = (
    r"(?:[0-9]{2,4}|(?:零|〇|一|二|三|四|五|六|七|八|九){2,4}) ?(?:年|년) ?(?:[0-9]{1,2}|(?:一|二|三|四|五|六|七|八|九|十){1,2}) ?(?:月|월)"
    r"(?: ?(?:[0-9]{1,2}|(?:一|二|三|四|五|六|七|八|九|十){1,3}) ?(?:日|号|號|일))?"
)
_MONTH_DAY = r"(?:[0-9]{1,2}|(?:一|二|三|四|五|六|七|八|九|十){1,2})月(?:[0-9]{1,2}|(?:一|二|三|四|五|六|七|八|九|十){1,3})(?:日|号|號)"
_JAPANESE = r"(?:昭和|平成|令和|大正|明治)(?:[0-9]{1,2}|元)年[0-9]{1,2}月[0-9]{1,2}日"
_BORN = (
    "date of birth|birth ?date|birthdate|birthday|birth day|dob|d\\.o\\.b\\.?|born|geboren|geb\\.|geburtsdatum|geburtstag|"
    "né le|née le|né|née|date de naissance|naissance|nacid[oa]|fecha de nacimiento|nacimiento|nat[oa]|data di nascita|nascita|"
    "nascid[oa]|data de nascimento|nascimento|geboortedatum|urodzon[ya]|data urodzenia|född|födelsedatum|födelsedag|født|"
    "дата рождения|родил(?:ся|ась)|出生日期|出生年月日|出生年月|出生于|出生|生于|生日|诞辰|生年月日|誕生日|생년월일|생일"
)
_LINK = (
    r"(?:,? ?(?:is|was|on|in|am|den|the|le|el|il|em|op|dnia|falls|wurde|el día|a)){0,3} ?(?:は|是|为|：|:|\.|\)|\]|-|=|,|\"|'|\||의|은|는){0,4}[ \t]{0,3}"
    r"(?:it'?s |is |on |am |le |el |il |em |the |\"|'){0,2}(?:on )?"
)


def _day_and_month(value: str) -> bool:
    """Whether the numbers of a date are days and months at all: 31.12.99, not 99.99.99."""
    numbers = [int(part) for part in re.findall(r"[0-9]+", value)]
    small = sorted(number for number in numbers[:3] if number < 100)  # noqa: PLR2004
    return bool(small) and small[0] in range(1, 13) and all(number <= 99 for number in small)  # noqa: PLR2004


def _plain(text: str, start: int, end: int, near: bool) -> float:  # noqa: FBT001 - the hook's shape
    value = text[start:end]
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    if not _day_and_month(value) or any(letter in "-/._=" for letter in around.rstrip(".")):
        return 0.1
    if near:
        return 0.5
    if re.fullmatch(r"[0-9]{1,2}[.\-/][0-9]{1,2}[.\-/][0-9]{2}", value):
        return 0.2 if "." in value else 0.3
    return 0.3


def _day_of_year(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001 - the hook's shape
    """A day and its month: no 40 May, and no number that goes on."""
    day = int(re.findall(r"[0-9]+", text[start:end])[0])
    goes_on = text[max(0, start - 1) : start] in {"-", "/", ".", ","} or text[end : end + 1] in {"/", "-", "%"}
    return 0.4 if day in _DAYS and not goes_on else 0.1


def _age(text: str, start: int, end: int, near: bool) -> float:  # noqa: ARG001, FBT001
    numbers = re.findall(r"[0-9]+", text[start:end])
    return 0.5 if not numbers or int(numbers[0]) <= 120 else 0.1  # noqa: PLR2004


DETECTORS: tuple[Detector, ...] = (
    Detector(
        "date_of_birth",
        "date_of_birth",
        rf"(?:{_BORN}){_LINK}(?P<value>{_JAPANESE}|{_CHINESE}|{_MONTH_DAY}|{_NUMERIC}|{_WORDED}|[12][0-9]{{7}})",
        anchors=literals(_BORN),
        scores=(0.9, 0.9, 0.9),
        folded=True,
    ),
    Detector(
        "date_of_birth_place",
        "date_of_birth",
        rf"(?:born|geboren|née?|nacid[oa]|nat[oa]|nascid[oa]|urodzon[ya]) (?:in|à|en|a|em|w) [^\n0-9]{{2,40}} (?:on|am|le|el|il|em|dnia|in) "
        rf"(?P<value>{_NUMERIC}|{_WORDED}|{_YEAR})",
        anchors=literals("born|geboren|née?|nacid|nat[oa] |nascid|urodzon"),
        scores=(0.8, 0.8, 0.8),
        folded=True,
    ),
    Detector(
        "date_of_birth_behind",
        "date_of_birth",
        rf"(?P<value>{_CHINESE}|{_JAPANESE}|{_NUMERIC}) ?(?:出生|生まれ|생)",
        scores=(0.85, 0.85, 0.85),
    ),
    Detector(
        "date_worded",
        "date",
        _DAY_FIRST,
        anchors=literals(_MONTHS),
        scores=(0.4, 0.4, 0.5),
        folded=True,
        keywords=("on", "since", "date"),
    ),
    Detector(
        "date_month_first",
        "date",
        _MONTH_FIRST,
        anchors=literals(_MONTHS),
        scores=(0.4, 0.4, 0.5),
        folded=True,
        keywords=("on", "since", "date"),
    ),
    Detector("date_no_year", "date", _NO_YEAR, anchors=literals(_WRITTEN), weigh=_day_of_year),
    Detector(
        "date_numeric",
        "date",
        _NUMERIC + _TIME,
        weigh=_plain,
        keywords=("on", "since", "date", "dated", "until", "from", "datum", "日期"),
    ),
    Detector("date_han", "date", rf"{_JAPANESE}|{_CHINESE}", anchors=("年", "년"), scores=(0.4, 0.4, 0.5)),
    Detector("date_han_day", "date", _MONTH_DAY, anchors=("月",), scores=(0.4, 0.4, 0.4)),
    Detector(
        "date_weekday",
        "date",
        r"(?:on|next|last|this|every|by|until|since|meet|before|after|am|le|el|il|op|w) "
        r"(?P<value>(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch)",
        anchors=("day", "tag", "mittwoch"),
        scores=(0.3, 0.3, 0.3),
        folded=True,
    ),
    Detector(
        "date_year",
        "date",
        r"(?:in|since|of|from|until|till|by|during|year|between|and|after|before|around|early|late|seit|im jahr|jahr|en|depuis|desde|nel|dal|em|w|od) "
        r"(?:the |early |late |mid-)?(?P<value>(?:1[6-9]|20)[0-9]{2}s?)",
        scores=(0.3, 0.3, 0.3),
        folded=True,
    ),
    Detector(
        "age_years",
        "age",
        r"[0-9]{1,3}[ \-]{0,2}(?:years?[ \-]{1,2}old|year-olds?|yrs?[ \-]old|y/?o|years of age|jahre alt|jährige?[rnsm]?|ans|años|anni|anos|jaar oud|lat|"
        r"周岁|岁|歲|歳|才|세|살)",
        anchors=literals(
            "old|yrs|/o|yo|years of age|jahre alt|jährig|ans|años|anni|anos|jaar oud|lat|岁|歲|歳|才|세|살"
        ),
        weigh=_age,
        folded=True,
    ),
    Detector(
        "age_beside",
        "age",
        r"(?:aged?|age[:=]|age is|turn(?:ed|s|ing)?|when (?:he|she|they|i) (?:was|were)|at the age of|alter[:=]?|im alter von|edad[:=]?|âge[:=]?|età[:=]?|"
        r"年龄|年齡|年齢|周岁|나이)(?:是|为|は)?(?:[:=]|：)?[ \t]{0,2}(?:just )?(?P<value>[0-9]{1,3})",
        anchors=literals("age|turn|when |alter|edad|âge|età|年龄|年齡|年齢|周岁|나이"),
        weigh=_age,
        folded=True,
    ),
)
