"""Graders that compare words: `exact`, `contains`, `regex`."""

from __future__ import annotations

from functools import partial
from typing import Any

from weighbridge.errors import InputError
from weighbridge.weigh.graders import patterns
from weighbridge.weigh.graders.base import check_each, check_texts, listed, shorten
from weighbridge.weigh.graders.typography import holds, plain
from weighbridge.weigh.types import Grade, Sample

#: What people and engines put around an answer without changing it: quotes, emphasis, a full stop.
_WRAPPING = " \"'`*_.\u3002"
_CALLED = _WRAPPING + "!\u00a1"
_MODES = ("all", "any", "none")
_WHOLE = "whole"


def exact(sample: Sample, text: str) -> Grade:
    """1 if the answer equals an accepted one; case, spacing, kinds of quotes and dashes, and what is around it don't count."""
    answer = bare(text)
    if not answer:
        return Grade(0.0, why="the answer is empty")
    right = any(answer == bare(str(item)) for item in listed(sample.target))
    return Grade(float(right), why="equal" if right else f"got '{shorten(text)}'")


def bare(text: str) -> str:
    """Text as `exact` compares it: without quotes, emphasis and full stops around it, and exclamation marks around words.

    Those of "5!" and "n!" stay: they say something. A text of nothing but wrapping stays as it is.
    """
    whole = plain(text)
    called = whole.strip(_CALLED)
    words = called[-2:].isalpha() and (len(called) > 1 or not called.isascii())
    return (called if words else whole.strip(_WRAPPING)) or whole


def contains(sample: Sample, text: str) -> Grade:
    """1 if the answer holds the words: all of a list, or as `{"all": [], "any": [], "none": []}` says; case ignored.

    They stand by themselves in it, not within longer words and numbers, see `typography.holds`. Words may have endings, but
    for `"whole": true`.
    """
    answer = plain(text)
    if not answer:
        return Grade(0.0, why="the answer is empty")
    wanted = sample.target if isinstance(sample.target, dict) else {"all": sample.target}
    found = partial(holds, answer, whole=wanted.get(_WHOLE, False))
    words = {mode: [plain(str(w)) or str(w) for w in listed(wanted[mode])] for mode in _MODES if mode in wanted}
    if missing := [w for w in words.get("all", []) if not found(w)]:
        return Grade(0.0, why=f"lacks '{shorten(missing[0])}'")
    if (any_of := words.get("any")) and not any(found(w) for w in any_of):
        return Grade(0.0, why=f"has none of {shorten(', '.join(any_of))}")
    if unwanted := [w for w in words.get("none", []) if found(w)]:
        return Grade(0.0, why=f"has the unwanted '{shorten(unwanted[0])}'")
    return Grade(1.0, why="has what was asked for")


def check_contains(target: Any) -> str:
    """Words, a list of words, or `all`, `any` and `none` with such lists."""
    if not isinstance(target, dict):
        return check_texts(target)
    modes = {mode: value for mode, value in target.items() if mode != _WHOLE}
    if not modes or set(modes) - set(_MODES):
        return "must be words, a list of words, or an object with 'all', 'any' or 'none'"
    if not isinstance(target.get(_WHOLE, False), bool):
        return f"in '{_WHOLE}' must be true or false"
    return next((f"in '{mode}' {wrong}" for mode, value in modes.items() if (wrong := check_texts(value))), "")


def regex(sample: Sample, text: str) -> Grade:
    """1 if one of the patterns (RE2 syntax, linear time) is found anywhere in the answer."""
    answer = text.strip()
    if not answer:
        return Grade(0.0, why="the answer is empty")
    found = any(patterns.found(str(item), answer) for item in listed(sample.target))
    return Grade(float(found), why="matches" if found else f"no match in '{shorten(text)}'")


def check_regex(target: Any) -> str:
    """One pattern or a list of them, each one that RE2 accepts."""
    return check_each(target, _check_pattern)


def _check_pattern(item: Any) -> str:
    if not isinstance(item, str) or not item:
        return "must be a pattern, or a list of patterns"
    try:
        patterns.check(item)
    except InputError as error:
        return f"is not a usable pattern: {error.what}"
    return ""
