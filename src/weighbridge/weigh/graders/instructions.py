"""The grader `instructions`: does the answer keep to what was asked of its form? Each check can be made by eye.

In the manner of IFEval (Zhou et al. 2023): a list of checks, all of which must hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from weighbridge.errors import InputError
from weighbridge.weigh.graders.base import listed, shorten
from weighbridge.weigh.graders.sentences import sentences
from weighbridge.weigh.graders.structure import read_json
from weighbridge.weigh.graders.typography import plain
from weighbridge.weigh.types import Grade, Sample

_MOST_CHECKS = 50
_MOST_COUNT = 100_000
_WORD = re.compile(r"[\u3400-\u9fff\u3040-\u30ff]|[^\W_]+(?:['\u2019-][^\W_]+)*")
_PARAGRAPH = re.compile(r"\n\s*\n")
_BULLET = re.compile(r"^[ \t]*(?:[-*+\u2022]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}[ \t]+\S", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]{1,100}\]")
_HIGHLIGHT = re.compile(r"(?<!\*)\*{1,2}[^*\n]{1,300}\*{1,2}(?!\*)")
_TITLE = re.compile(r"<<[^<>\n]{1,300}>>")
_POSTSCRIPT = re.compile(r"^[ \t]*p\.? ?s\.?[ :]", re.MULTILINE | re.IGNORECASE)
_QUOTES = {'"': '"', "\u201c": "\u201d", "\u00ab": "\u00bb", "\u201e": "\u201c", "\u300c": "\u300d"}

Check = Callable[[Any, str, Sample], bool]


def instructions(sample: Sample, text: str) -> Grade:
    """1 if every check of the target holds; valid likewise. `why` names those that do not."""
    answer = text.strip()
    if not answer:
        return Grade(0.0, valid=False, why="the answer is empty")
    checks = listed(sample.target)
    failed = [name for one in checks for name, value in one.items() if not _holds(name, value, answer, sample)]
    why = f"{len(failed)} of {sum(map(len, checks))} do not hold: {', '.join(failed)}" if failed else "all hold"
    return Grade(float(not failed), valid=not failed, why=shorten(why, 200))


def check_instructions(target: Any) -> str:
    """An object of checks, or a list of such objects; `CHECKS` names them."""
    items = listed(target)
    if not items or not all(isinstance(item, dict) and item for item in items):
        return 'must be an object of checks, such as {"words": {"most": 50}, "bullets": 3}'
    if sum(map(len, items)) > _MOST_CHECKS:
        return f"has too many checks; at most {_MOST_CHECKS} are allowed"
    return next((wrong for item in items for name, value in item.items() if (wrong := _check(name, value))), "")


def _holds(name: str, value: Any, answer: str, sample: Sample) -> bool:
    if name in COUNTED:
        return _within(COUNTED[name](answer), value)
    return CHECKS[name][1](value, answer, sample)


def _check(name: str, value: Any) -> str:
    if name in COUNTED:
        return _check_count(name, value)
    if name not in CHECKS:
        known = ", ".join(sorted((*COUNTED, *CHECKS)))
        return f"has the unknown check '{shorten(str(name))}'; known are {known}"
    wrong = CHECKS[name][0](value)
    return f"in '{name}' {wrong}" if wrong else ""


# --- what is counted --------------------------------------------------------------------------------

COUNTED: dict[str, Callable[[str], int]] = {
    "characters": len,
    "words": lambda answer: len(_WORD.findall(answer)),
    "sentences": sentences,
    "paragraphs": lambda answer: sum(bool(part.strip()) for part in _PARAGRAPH.split(answer)),
    "lines": lambda answer: sum(bool(line.strip()) for line in answer.splitlines()),
    "bullets": lambda answer: len(_BULLET.findall(answer)),
    "sections": lambda answer: len(_HEADING.findall(answer)),
    "placeholders": lambda answer: len(_PLACEHOLDER.findall(answer)),
    "highlights": lambda answer: len(_HIGHLIGHT.findall(answer)),
    "capital_words": lambda answer: sum(w.isupper() and len(w) > 1 for w in _WORD.findall(answer)),
    "commas": lambda answer: sum(answer.count(mark) for mark in ",\uff0c\u3001"),
}
"""What is counted in an answer; the value is a number, or `{"least": 3, "most": 5}`. A Chinese character is a word."""


def _within(count: int, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return bool(wanted.get("least", 0) <= count <= wanted.get("most", count))
    return bool(count == wanted)


def _check_count(name: str, value: Any) -> str:
    bounds = value if isinstance(value, dict) else {"least": value}
    if not bounds or set(bounds) - {"least", "most"} or not all(_is_count(one) for one in bounds.values()):
        return f'in \'{name}\' must be a whole number, or {{"least": N, "most": N}}'
    if bounds.get("least", 0) > bounds.get("most", _MOST_COUNT):
        return f"in '{name}' asks for at least {bounds['least']} and at most {bounds['most']}"
    return ""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_COUNT


# --- what holds or does not -------------------------------------------------------------------------


def _often(wanted: dict[str, Any], answer: str, _: Sample) -> bool:
    text = plain(answer)
    return all(_within(len(re.findall(_whole(word), text)), often) for word, often in wanted.items())


def _holds_words(wanted: Any, answer: str, _: Sample) -> bool:
    text = plain(answer)
    return all(re.search(_whole(word), text) for word in listed(wanted))


def _without(unwanted: Any, answer: str, _: Sample) -> bool:
    text = plain(answer)
    return not any(re.search(_whole(word), text) for word in listed(unwanted))


def _whole(word: str) -> str:
    """A word that stands by itself, where its writing has spaces."""
    told = plain(word)
    before = r"(?<!\w)" if told[:1].isascii() and told[:1].isalnum() else ""
    after = r"(?!\w)" if told[-1:].isascii() and told[-1:].isalnum() else ""
    return f"{before}{re.escape(told)}{after}"


def _language(wanted: str, answer: str, _: Sample) -> bool:
    from weighbridge.mask.language import language_of

    return language_of(answer) == wanted


def _case(wanted: str, answer: str, _: Sample) -> bool:
    return answer == (answer.upper() if wanted == "upper" else answer.lower()) and answer.upper() != answer.lower()


def _json(wanted: bool, answer: str, _: Sample) -> bool:  # noqa: FBT001 - a target's own value
    try:
        read_json(answer)
    except InputError:
        return not wanted
    return wanted


def _quoted(wanted: bool, answer: str, _: Sample) -> bool:  # noqa: FBT001
    return (len(answer) > 1 and _QUOTES.get(answer[0]) == answer[-1]) == wanted


def _repeats(wanted: bool, answer: str, sample: Sample) -> bool:  # noqa: FBT001
    asked = next((plain(m.text) for m in reversed(sample.messages) if m.role == "user"), "")
    return (bool(asked) and plain(answer).startswith(asked)) == wanted


def _text(value: Any) -> str:
    return "" if isinstance(value, str) and value.strip() else "must be a text"


def _texts(value: Any) -> str:
    items = listed(value)
    return "" if items and all(not _text(item) for item in items) else "must be a text or a list of texts"


def _switch(value: Any) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


def _counts(value: Any) -> str:
    if not isinstance(value, dict) or not value:
        return 'must be an object of words and how often: {"bridge": {"least": 2}}'
    return next((wrong for word, often in value.items() if (wrong := _check_count(str(word), often))), "")


def _one_of(*words: str) -> Callable[[Any], str]:
    return lambda value: "" if value in words else f"must be one of {', '.join(words)}"


LANGUAGES = ("ar", "de", "el", "en", "es", "fr", "he", "hi", "it", "ja", "ko", "nl", "pl", "pt", "ru", "sv", "th", "zh")
CHECKS: dict[str, tuple[Callable[[Any], str], Check]] = {
    "keywords": (_texts, _holds_words),
    "often": (_counts, _often),
    "without": (_texts, _without),
    "starts": (_text, lambda value, answer, _: plain(answer).startswith(plain(value))),
    "ends": (_text, lambda value, answer, _: plain(answer).endswith(plain(value))),
    "language": (_one_of(*LANGUAGES), _language),
    "case": (_one_of("upper", "lower"), _case),
    "json": (_switch, _json),
    "quoted": (_switch, _quoted),
    "title": (_switch, lambda value, answer, _: bool(_TITLE.search(answer)) == value),
    "postscript": (_switch, lambda value, answer, _: bool(_POSTSCRIPT.search(answer)) == value),
    "repeats_prompt": (_switch, _repeats),
}
"""Checks that hold or do not, each with what its value must be."""
