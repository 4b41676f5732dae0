"""The routes that a configuration declares: `[routes.NAME]` sections, read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

from weighbridge.canon import LEVELS, MODES, Masking, Route
from weighbridge.errors import SettingsError, UnknownEngineError, did_you_mean
from weighbridge.routes.plans import Resolve
from weighbridge.routes.policy_fields import read_policy

MAX_ROUTES = 10_000
MAX_FALLBACKS = 16
MAX_KINDS = 500
DAY = 86_400
MAX_WEIGHT = 1_000_000


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """A `[routes.NAME]` section."""

    primary: str
    fallbacks: tuple[str, ...] = ()
    timeout: float | None = None
    first_token_timeout: float | None = None
    strict: bool = False
    fetch: bool = False
    policy: dict[str, Any] | None = None
    balance: Literal["", "price", "latency", "weight"] = ""
    weights: dict[str, float] = {}
    sticky: bool = False
    hedge: float | None = None
    hedge_share: float = 0.05
    cache: float = 0.0
    cache_any: bool = False
    mask: str | dict[str, Any] | None = None


def from_config(sections: Mapping[str, Any], resolve: Resolve, *, where: str = "") -> dict[str, Route]:
    """The routes that a configuration declares.

    Args:
        sections: The `[routes]` table as it stands in the file.
        resolve: Finds engines, so that a route to nowhere is refused here and not at the first request.
        where: The file's name, for errors.

    Raises:
        SettingsError: A route has an unknown key, a wrong type, or a value that is not possible.
        UnknownEngineError: A route names an engine that does not exist.
    """
    if len(sections) > MAX_ROUTES:
        raise SettingsError(f"{len(sections)} routes are too many.", where=where, fix=f"Keep at most {MAX_ROUTES}.")
    return {name: _route(name, section, resolve, where) for name, section in sections.items()}


def _route(name: str, section: Any, resolve: Resolve, where: str) -> Route:
    place = f"{where}: [routes.{name}]" if where else f"[routes.{name}]"
    entry = _read(name, section, place)
    for what, fix in _flaws(entry):
        raise SettingsError(what, where=place, fix=fix)
    mask = _mask(entry.mask, place) if entry.mask is not None else None
    policy = read_policy(entry.policy, f"{place[:-1]}.policy]") if entry.policy is not None else None
    try:
        primary, *fallbacks = (resolve(engine).name for engine in (entry.primary, *entry.fallbacks))
        weights = {resolve(engine).name: weight for engine, weight in entry.weights.items()}
    except UnknownEngineError as error:
        raise UnknownEngineError(error.what, where=place, fix=error.fix) from error
    for engine in weights:
        if engine not in (primary, *fallbacks):
            raise SettingsError(
                f"weights names {engine}, which is no engine of this route.",
                where=place,
                fix=did_you_mean(engine, (primary, *fallbacks)),
            )
    told = {field: getattr(entry, field) for field in _Entry.__struct_fields__}
    told |= {"primary": primary, "fallbacks": tuple(fallbacks), "policy": policy, "weights": weights, "mask": mask}
    return Route(name=name, **told)


def _read(name: str, section: Any, place: str) -> _Entry:
    if isinstance(section, Mapping):
        for key in section:
            if key not in _Entry.__struct_fields__:
                raise SettingsError(
                    f"Unknown key '{key}'.", where=place, fix=did_you_mean(key, _Entry.__struct_fields__)
                )
    try:
        entry = msgspec.convert(section, _Entry)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{error}.", where=place, fix='Write at least: primary = "model@host".') from error
    if not name or "@" in name:
        raise SettingsError(
            f"'{name}' cannot be a route's name.", where=place, fix="Leave out '@': it marks engines (model@host)."
        )
    return entry


def _mask(told: str | Mapping[str, Any], place: str) -> Masking:
    """`mask = "strict"`, or a table of its own, `[routes.NAME.mask]`."""
    row = {"level": told} if isinstance(told, str) else told
    fix = f"Levels are {', '.join(LEVELS)}; modes {', '.join(MODES)}."
    for key in row:
        if key not in Masking.__struct_fields__:
            fix = did_you_mean(key, Masking.__struct_fields__)
            raise SettingsError(f"Unknown key 'mask.{key}'.", where=place, fix=fix)
    try:
        mask = msgspec.convert(row, Masking)
    except msgspec.ValidationError as error:
        raise SettingsError(f"mask: {error}.", where=place, fix=fix) from error
    if len(mask.kinds) > MAX_KINDS:
        raise SettingsError(f"mask.kinds names {len(mask.kinds)} kinds.", where=place, fix=f"Keep at most {MAX_KINDS}.")
    return mask


def _flaws(entry: _Entry) -> Iterator[tuple[str, str]]:
    """What is of the right type and means nothing: what it is, and the fix."""
    for key in ("timeout", "first_token_timeout", "hedge"):
        value = getattr(entry, key)
        if value is not None and not 0 < value <= DAY:
            yield f"{key} = {value} is not possible.", "Give seconds, more than 0."
    if len(entry.fallbacks) > MAX_FALLBACKS:
        yield f"{len(entry.fallbacks)} fallbacks are too many.", f"Keep at most {MAX_FALLBACKS}."
    if not 0 <= entry.hedge_share <= 1:
        yield f"hedge_share = {entry.hedge_share} is not possible.", "Give a share from 0 to 1, such as 0.05."
    if not 0 <= entry.cache <= DAY * 365:
        yield f"cache = {entry.cache} is not possible.", "Give seconds, at most a year; 0 keeps no answers."
    if entry.cache_any and not entry.cache:
        yield "cache_any says which answers are kept, and none is.", "Set cache to seconds, or leave cache_any out."
    if entry.hedge is not None and not entry.fallbacks:
        yield "hedge asks the next engine as well, and there is none.", "Name one in fallbacks, or leave hedge out."
    yield from _weightless(entry)


def _weightless(entry: _Entry) -> Iterator[tuple[str, str]]:
    for engine, weight in entry.weights.items():
        if not 0 <= weight <= MAX_WEIGHT:
            yield f"weights.{engine} = {weight} is not possible.", f"Give a number from 0 to {MAX_WEIGHT:,}."
    if entry.weights and entry.balance != "weight":
        yield "weights are given, and nothing reads them.", 'Set balance = "weight", or leave weights out.'
    if entry.weights and not any(entry.weights.get(e, 1.0) for e in (entry.primary, *entry.fallbacks)):
        yield "Every weight is 0: nobody would answer.", "Give one engine a weight above 0."
