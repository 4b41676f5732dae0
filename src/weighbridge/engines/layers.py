"""Profiles from their rows, and one profile from several layers. Pure: no files, no settings.

An engine's layers are its host's, its model's and its offer's, each with those that it names in `layers` beneath it.
Those that hold where the dialect is spoken are laid over each other, the later over the earlier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import EFFORTS, Profile, SchemaRules
from weighbridge.dialects.ids import CallIds
from weighbridge.engines.rows import Row, RowError, check_fields, convert
from weighbridge.errors import did_you_mean

_PLAIN = Profile()
_MODES = ("auto", "none", "required", "named")
_KINDS = ("image", "image_url", "file", "file_url", "pdf", "audio", "video")
_DEEPEST = 8
_SHORTEST_ID = 6
#: What an earlier layer says of a budget is void where a later one says in which levels the engine thinks.
_WITH_EFFORTS = ("efforts", "budget", "least_budget", "most_budget")


def read_schema(name: str, row: Row) -> SchemaRules:
    """Rules for schemas from their row.

    Raises:
        RowError: A field is unknown, or has the wrong type.
    """
    check_fields("schemas", row)
    return convert({**row, "name": name}, SchemaRules)


def read_profile(name: str, row: Row, schemas: Mapping[str, SchemaRules]) -> Profile:
    """A profile from its row; `schema` is the name of a table of rules, or such a table itself.

    Raises:
        RowError: A field is unknown, or its value cannot be used.
    """
    check_fields("profiles", row)
    fields = dict(row)
    told = fields.get("schema")
    if isinstance(told, str):
        if told not in schemas:
            raise RowError("schema", f"Unknown rules for schemas '{told}'.", did_you_mean(told, schemas))
        fields["schema"] = schemas[told]
    elif isinstance(told, dict):
        fields["schema"] = read_schema(name, told)
    quirks = fields.get("quirks", ())
    for quirk in quirks if isinstance(quirks, list | tuple) else ():
        if isinstance(quirk, dict):
            check_fields("quirks", quirk)
    profile = convert({**fields, "name": name}, Profile)
    _check(profile)
    return profile


def _check(profile: Profile) -> None:
    """Refuse values that are of the right type and mean nothing."""
    _known("dialects", "dialect", profile.dialects, dialects.NAMES)
    _known("efforts", "level of thinking", profile.efforts, (*EFFORTS, "on"))
    _known("choices", "mode of a tool choice", (*profile.choices, *profile.choices.values()), _MODES)
    _known("rejects", "kind of input", profile.rejects, _KINDS)
    if profile.most_budget is not None and profile.most_budget < profile.least_budget:
        raise RowError("most_budget", "The largest budget is below the smallest.", "Exchange the two.")
    if profile.call_id_length and profile.call_id_length < _SHORTEST_ID:
        what = f"Ids of {profile.call_id_length} characters cannot be told apart for long."
        raise RowError("call_id_length", what, f"Give at least {_SHORTEST_ID}.")
    try:
        made = CallIds(profile.call_ids, profile.call_id_length).out("")
        fits = not profile.call_ids or re.fullmatch(profile.call_ids, made)
    except re.error as error:
        raise RowError("call_ids", f"Not a regular expression: {error}.", "Correct it.") from error
    if not fits:
        fix = "Let it match letters and digits, and set call_id_length to a number of them that it allows."
        raise RowError("call_ids", f"An id that is made, like {made!r}, does not match it.", fix)


def _known(field: str, kind: str, given: Sequence[str] | Mapping[str, Any], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise RowError(field, f"Unknown {kind} '{name}'.", did_you_mean(name, known))


class Layers:
    """The known profiles, and what they make together.

    Args:
        profiles: By name.
    """

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self._made: dict[tuple[tuple[str, ...], str], Profile] = {}

    def check(self, name: str) -> None:
        """See to it that a profile and all beneath it can be laid.

        Raises:
            RowError: One is not known, or lies beneath itself.
        """
        for below in self._beneath(name, ()):
            for over in self._profiles[below].over:
                if over not in self._profiles:
                    raise RowError("over", f"Unknown profile '{over}'.", did_you_mean(over, self._profiles))

    def profile(self, names: tuple[str, ...], dialect: str) -> Profile:
        """What these layers, in their order, make where a dialect is spoken."""
        key = (names, dialect)
        if key not in self._made:
            self._made[key] = overlay(list(self._holding(names, dialect)))
        return self._made[key]

    def _holding(self, names: tuple[str, ...], dialect: str) -> Iterator[Profile]:
        reached: set[str] = set()
        for name in names:
            for below in self._beneath(name, ()) if name else ():
                layer = self._profiles[below]
                if layer.over and not reached.intersection(layer.over):
                    continue
                reached.add(below)
                if not layer.dialects or dialect in layer.dialects:
                    yield layer

    def _beneath(self, name: str, above: tuple[str, ...]) -> Iterator[str]:
        """The names of the layers of a profile, from the lowest to itself."""
        if name not in self._profiles:
            raise RowError("layers", f"Unknown profile '{name}'.", did_you_mean(name, self._profiles))
        if name in above or len(above) >= _DEEPEST:
            raise RowError("layers", f"The profile '{name}' lies beneath itself, or too deep.", "Take it out there.")
        for below in self._profiles[name].layers:
            yield from self._beneath(below, (*above, name))
        yield name


def overlay(layers: Sequence[Profile]) -> Profile:
    """One profile from several, the later ones over the earlier.

    Objects are merged by key, lists appended. The last word counts for single values, and for `efforts`, which belong
    together; with them goes the budget that an earlier layer had.
    """
    if not layers:
        return _PLAIN
    if len(layers) == 1:
        return layers[0]
    merged: dict[str, Any] = {}
    ruling = max((i for i, layer in enumerate(layers) if layer.efforts), default=0)
    for field in Profile.__struct_fields__:
        plain = getattr(_PLAIN, field)
        heard = layers[ruling:] if field in _WITH_EFFORTS else layers
        told = [value for layer in heard if (value := getattr(layer, field)) != plain]
        if not told:
            continue
        if field == "efforts" or not isinstance(plain, dict | tuple):
            merged[field] = told[-1]
        elif isinstance(plain, dict):
            merged[field] = {key: value for each in told for key, value in each.items()}
        else:
            merged[field] = _appended(told)
    merged["name"] = "+".join(layer.name for layer in layers if layer.name and _says(layer))
    return replace(_PLAIN, **{k: v for k, v in merged.items() if k not in ("dialects", "layers", "over")})


def _appended(told: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
    found: list[Any] = []
    for each in told:
        found += [value for value in each if value not in found]
    return tuple(found)


def _says(layer: Profile) -> bool:
    """Does a layer change anything itself, or only name others?"""
    return any(
        getattr(layer, field) != getattr(_PLAIN, field)
        for field in Profile.__struct_fields__
        if field not in ("name", "dialects", "layers", "over")
    )
