"""Who somebody is, as a sample tells it, and how much of that an engine saw.

Pure: texts in, counts out. A value itself never leaves this module: not in a figure, not in an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from weighbridge.canon import Level, Message
from weighbridge.errors import InputError
from weighbridge.weigh.graders.base import normal
from weighbridge.weigh.types import Exposure, Identifier

MAX_IDENTIFIERS = 1000  #: of one sample
MAX_VALUE = 500  #: characters of one of them
MAX_KIND = 60
_SQUEEZED = 6  #: letters and digits from which on a value is also looked for without its separators
_TELLING = 3  #: letters from which on a part of a value tells something, and digits from one more on
_MAX_DEPTH = 64
_WIDE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"  # scripts without spaces, and Hangul: each character is a word
_WORD = re.compile(rf"[{_WIDE}]|[^\W_{_WIDE}]+")
_NARROW = re.compile(rf"[^\W_{_WIDE}]")


def read_identifiers(value: Any, messages: Sequence[Message], where: str) -> tuple[Identifier, ...]:
    """The values of a suite's field `identifiers`: a list of texts, or such lists by kind.

    Args:
        value: The field.
        messages: The sample's, in one of which each value must occur.
        where: `file:line`, for errors.

    Raises:
        InputError: The field has another shape, or a value occurs nowhere.
    """
    if value is None:
        return ()
    by_kind = value if isinstance(value, dict) else {"": value}
    found: dict[Identifier, None] = {}
    text = normal("\n".join(message.text for message in messages))
    for kind, values in by_kind.items():
        place = f"identifiers.{kind}" if kind and kind.isidentifier() else "identifiers"
        if len(kind) > MAX_KIND or not kind.isprintable() or not isinstance(values, list) or not values:
            raise _bad(place, "must be a list of texts, or lists of texts by kind", where)
        for number, one in enumerate(values, 1):
            if not isinstance(one, str) or not _WORD.search(one) or len(one) > MAX_VALUE:
                raise _bad(place, f"must hold texts of 1 to {MAX_VALUE} characters; value {number} is none", where)
            if not _occurs(normal(one), text):
                raise _bad(place, f"holds a value that does not occur in the sample's 'input': value {number}", where)
            found[Identifier(one, kind)] = None
    if len(found) > MAX_IDENTIFIERS:
        raise _bad("identifiers", f"holds {len(found):,} values; at most {MAX_IDENTIFIERS:,} are allowed", where)
    return tuple(found)


def said(messages: Iterable[Message]) -> str:
    """What messages say, as one text."""
    return "\n".join(message.text for message in messages)


def sent(bodies: Iterable[bytes]) -> str:
    """Every text in the bodies of requests, as one text: what the engine could read.

    Texts of a body that is JSON are taken as they mean, not as they are escaped; JSON within them is opened as well.
    """
    texts: dict[str, None] = {}
    for body in dict.fromkeys(bodies):
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, RecursionError):
            value = body.decode("utf-8", "replace")
        texts.update(dict.fromkeys(_leaves(value, 0)))
    return "\n".join(texts)


def _leaves(value: Any, depth: int) -> Iterable[str]:
    if depth > _MAX_DEPTH:
        yield msgspec.json.encode(value).decode()
    elif isinstance(value, str):
        inner = _inner(value)
        if inner is None:
            yield value
        else:
            yield from _leaves(inner, depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _leaves(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, depth + 1)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


def _inner(text: str) -> Any:
    """The object or list that a text is in JSON, None for any other."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def exposure(
    original: str, identifiers: Sequence[Identifier], seen: str, *, level: Level, masked: Mapping[str, int]
) -> Exposure:
    """How much of a sample's identifiers an engine saw, and what else was hidden from it.

    A value has leaked if it stands in what was seen: as it is, in other case, or without its separators. It has leaked in
    part if one of its words stands there that the sample says nowhere else: of three letters, or of four digits.

    Args:
        original: What the sample says.
        identifiers: Values that say who somebody is.
        seen: What the engine was sent.
        level: At which level that was masked.
        masked: How many values were masked, by kind.
    """
    plain, text = normal(original), normal(seen)
    squeezed, spoken = _squeeze(text), set(_WORD.findall(text))
    rest = _bounded([normal(one.value) for one in identifiers]).sub(" \n ", plain) if identifiers else plain
    elsewhere = Counter(_WORD.findall(rest))
    total: Counter[str] = Counter()
    leaked: Counter[str] = Counter()
    partly: Counter[str] = Counter()
    for one in identifiers:
        value = normal(one.value)
        whole = _occurs(value, text) or _without_separators(value, squeezed)
        part = whole or any(word in spoken and word not in elsewhere for word in _telling(value))
        total[one.kind] += 1
        leaked[one.kind] += whole
        partly[one.kind] += part
    return Exposure(
        level=level,
        identifiers=dict(total),
        leaked=dict(+leaked),
        partly=dict(+partly),
        masked=dict(masked),
        words=elsewhere.total(),
        hidden=(elsewhere - Counter(_WORD.findall(text))).total(),
    )


def _without_separators(value: str, squeezed: str) -> bool:
    short = _squeeze(value)
    return len(short) >= _SQUEEZED and short in squeezed


def _squeeze(text: str) -> str:
    """Letters and digits alone."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())


def _telling(value: str) -> list[str]:
    """The words of a value that are long enough to tell something."""
    return [word for word in _WORD.findall(value) if len(word) >= _TELLING + word.isdigit()]


def _occurs(value: str, text: str) -> bool:
    """Is the value in the text, where it is no part of a longer word? What `_bounded` finds, without a pattern to compile."""
    begins, ends = _NARROW.match(value) is not None, _NARROW.match(value[-1:]) is not None
    at = text.find(value)
    while at >= 0:
        after = at + len(value)
        inside = (begins and at > 0 and _NARROW.match(text, at - 1)) or (ends and _NARROW.match(text, after))
        if not inside:
            return True
        at = text.find(value, at + 1)
    return False


def _bounded(values: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the values where it is no part of a longer word, the longest first."""
    edges = [
        (rf"(?<![^\W_{_WIDE}])" if _NARROW.match(value) else "")
        + re.escape(value)
        + (rf"(?![^\W_{_WIDE}])" if _NARROW.match(value[-1:]) else "")
        for value in sorted(set(values), key=len, reverse=True)
    ]
    return re.compile("|".join(edges))


def _bad(field: str, wrong: str, where: str) -> InputError:
    return InputError(
        f"Field '{field}' {wrong}.",
        where=where,
        fix='Write {"person": ["..."], "date": ["..."]}, each value as it stands in the text.',
    )
