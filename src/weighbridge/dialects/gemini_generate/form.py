"""Gemini: where fields that the canon does not know are kept, and the two spellings of every field's name.

The wire takes camelCase and snake_case in any mixture. What came in snake_case is noted and written so again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from weighbridge.dialects.extras import Extras
from weighbridge.dialects.strict import MisfitError, misfit, take

NAME = "gemini-generate"
EXTRAS = Extras(NAME)
#: Under this key of `extra` stand details of form, see `dialects.base`.
FORM = EXTRAS.form
keep = EXTRAS.keep

_HUMP = re.compile(r"([A-Z])")
_GAP = re.compile(r"(?<=[a-z0-9])_([a-z])")


def spellings(*names: str) -> dict[str, str]:
    """The other spelling of each name: snake_case to camelCase, where the two differ."""
    pairs = {_HUMP.sub(r"_\1", name).lower(): name for name in names}
    return {snake: camel for snake, camel in pairs.items() if snake != camel}


def camel(name: str) -> str:
    """A name of any spelling in camelCase."""
    return _GAP.sub(lambda found: found[1].upper(), name)


def unify(raw: Mapping[str, Any], names: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """A copy of an object with every known name in camelCase.

    Returns:
        The copy, and the names that came in snake_case. Where both spellings stand, the second one stays unknown.
    """
    rest = dict(raw)
    told = [key for key in raw if key in names and names[key] not in raw]
    for key in told:
        rest[names[key]] = rest.pop(key)
    return rest, told


def spell(out: dict[str, Any], told: Sequence[str], names: Mapping[str, str]) -> dict[str, Any]:
    """Give fields their snake_case names back, in place."""
    for key in told:
        if names[key] in out:
            out[key] = out.pop(names[key])
    return out


def take_object(rest: dict[str, Any], key: str) -> dict[str, Any]:
    """Remove and return a copy of an object, empty where it is null or missing; then it stays in `rest`.

    Raises:
        MisfitError: It is of another type.
    """
    return dict(take(rest, key, dict, "an object") or {})


def take_list(rest: dict[str, Any], key: str, wanted: str) -> list[Any] | None:
    """Remove and return a list; a single object counts as a list of one, as the wire has it.

    Raises:
        MisfitError: It is of another type. `wanted` says in words what it shall be.
    """
    value = take(rest, key, (list, dict), wanted)
    return [value] if type(value) is dict else value


def text_of(rest: Mapping[str, Any], key: str, default: str = "") -> str:
    """A text, `default` where it is missing or null.

    Raises:
        MisfitError: It is of another type.
    """
    value = rest.get(key)
    if value is None:
        return default
    if type(value) is not str:
        raise misfit(value, "text", key)
    return value


def missing(key: str, fix: str) -> MisfitError:
    """The error for a field that must be there."""
    return MisfitError("It is missing.", fix, key)
