"""Which engine answers which name: plans are made, changed and read here, by pure functions.

A plan is immutable. Cutover makes the next one; nobody edits a plan that workers may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Plan, Route
from weighbridge.errors import NotFoundError, SettingsError, UnknownEngineError, UnknownRouteError, did_you_mean

MAX_ROUTES = 10_000
MAX_FALLBACKS = 16

Resolve = Callable[[str], Engine]
"""From an engine's name to the engine; raises UnknownEngineError."""


class Choice(Struct, frozen=True):
    """Who may answer a request, in the order in which they are tried."""

    route: str  #: "" where an engine was named directly
    engines: tuple[Engine, ...]
    timeout: float | None = None  #: seconds
    first_token_timeout: float | None = None  #: seconds
    strict: bool = False
    fetch: bool = False


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """A `[routes.NAME]` section."""

    primary: str
    fallbacks: tuple[str, ...] = ()
    timeout: float | None = None
    first_token_timeout: float | None = None
    strict: bool = False
    fetch: bool = False


def from_config(sections: Mapping[str, Any], resolve: Resolve, *, where: str = "") -> dict[str, Route]:
    """The routes that a configuration declares.

    Args:
        sections: The `[routes]` table as it stands in the file.
        resolve: Finds engines, so that a route to nowhere is refused here and not at the first request.
        where: The file's name, for errors.

    Raises:
        SettingsError: A route has an unknown key, a wrong type, or a limit that is not positive.
        UnknownEngineError: A route names an engine that does not exist.
    """
    if len(sections) > MAX_ROUTES:
        raise SettingsError(f"{len(sections)} routes are too many.", where=where, fix=f"Keep at most {MAX_ROUTES}.")
    return {name: _route(name, section, resolve, where) for name, section in sections.items()}


def _route(name: str, section: Any, resolve: Resolve, where: str) -> Route:
    place = f"{where}: [routes.{name}]" if where else f"[routes.{name}]"
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
    for key, limit in (("timeout", entry.timeout), ("first_token_timeout", entry.first_token_timeout)):
        if limit is not None and not 0 < limit <= 86_400:  # noqa: PLR2004 - a day
            raise SettingsError(f"{key} = {limit} is not possible.", where=place, fix="Give seconds, more than 0.")
    if len(entry.fallbacks) > MAX_FALLBACKS:
        raise SettingsError(
            f"{len(entry.fallbacks)} fallbacks are too many.", where=place, fix=f"Keep at most {MAX_FALLBACKS}."
        )
    try:
        primary, *fallbacks = (resolve(engine).name for engine in (entry.primary, *entry.fallbacks))
    except UnknownEngineError as error:
        raise UnknownEngineError(error.what, where=place, fix=error.fix) from error
    return Route(
        name=name,
        primary=primary,
        fallbacks=tuple(fallbacks),
        timeout=entry.timeout,
        first_token_timeout=entry.first_token_timeout,
        strict=entry.strict,
        fetch=entry.fetch,
    )


def merge(current: Plan | None, declared: Mapping[str, Route]) -> Plan:
    """The plan after the configuration was read again.

    A route that the configuration changed since it was last read is taken from it; one that it did not touch
    keeps what was promoted meanwhile; one that it no longer has is gone. The number is left as it was: the store
    gives the next one.
    """
    if current is None:
        return Plan(number=0, routes=dict(declared), declared=dict(declared))
    routes = {
        name: route if current.declared.get(name) != route else current.routes.get(name, route)
        for name, route in declared.items()
    }
    return Plan(number=current.number, routes=routes, declared=dict(declared))


def route(plan: Plan, name: str) -> Route:
    """The route of this name.

    Raises:
        UnknownRouteError: The plan has no such route.
    """
    try:
        return plan.routes[name]
    except KeyError:
        raise UnknownRouteError(
            f"No route is called '{name}'.",
            where=f"plan {plan.number}",
            fix=did_you_mean(name, plan.routes)
            if plan.routes
            else "Declare one in weighbridge.toml under [routes.NAME].",
        ) from None


def promote(plan: Plan, name: str, engine: str) -> Plan:
    """The plan in which `engine` is the primary of route `name`; a fallback of that name moves up."""
    old = route(plan, name)
    new = replace(old, primary=engine, fallbacks=tuple(f for f in old.fallbacks if f != engine))
    return replace(plan, routes={**plan.routes, name: new})


def choose(plan: Plan, name: str, resolve: Resolve) -> Choice:
    """Who answers a request for `name`, which is a route or else an engine.

    Raises:
        UnknownRouteError: It is neither.
        UnknownEngineError: A route names an engine that is no longer in the catalogue.
    """
    if found := plan.routes.get(name):
        return Choice(
            route=name,
            engines=tuple(resolve(engine) for engine in (found.primary, *found.fallbacks)),
            timeout=found.timeout,
            first_token_timeout=found.first_token_timeout,
            strict=found.strict,
            fetch=found.fetch,
        )
    try:
        return Choice(route="", engines=(resolve(name),))
    except NotFoundError as error:
        near = did_you_mean(name, plan.routes) if plan.routes else ""
        raise UnknownRouteError(
            f"'{name}' is neither a route nor an engine.",
            where="model",
            fix=near if near.startswith("Did") else error.fix,
        ) from error
