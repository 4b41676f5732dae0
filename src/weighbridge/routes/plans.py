"""Plans are made, changed and read here, by pure functions.

A plan is immutable. Cutover makes the next one; nobody edits a plan that workers may hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Plan, Route
from weighbridge.errors import NotFoundError, UnknownRouteError, UnreachableError, did_you_mean

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
    entry: Route | None = None  #: the route as the plan has it; None where an engine was named directly
    canary: Choice | None = (
        None  #: who may answer those conversations on which another engine is tried: it, then the rest
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
    return replace(current, routes=routes, declared=dict(declared))


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
    """The plan in which `engine` is the primary of route `name`; a fallback of that name moves up, and trials end."""
    old = route(plan, name)
    new = replace(settled(old), primary=engine, fallbacks=tuple(f for f in old.fallbacks if f != engine))
    return replace(plan, routes={**plan.routes, name: new})


def settled(route: Route) -> Route:
    """The route without anything that is being tried."""
    return replace(route, canary=None, shadow=None)


def choose(plan: Plan, name: str, resolve: Resolve) -> Choice:
    """Who answers a request for `name`, which is a route or else an engine; nobody whom the plan cuts off.

    Raises:
        UnknownRouteError: It is neither.
        UnknownEngineError: A route names an engine that is no longer in the catalogue.
        UnreachableError: Everyone who could answer is cut off.
    """
    if found := plan.routes.get(name):
        engines = [resolve(engine) for engine in (found.primary, *found.fallbacks)]
        choice = Choice(
            route=name,
            engines=_left(plan, name, engines),
            timeout=found.timeout,
            first_token_timeout=found.first_token_timeout,
            strict=found.strict,
            fetch=found.fetch,
            entry=found,
        )
        if found.canary is None or found.canary.engine in plan.cut:
            return choice
        tried = resolve(found.canary.engine)
        rest = [engine for engine in choice.engines if engine.name != tried.name]
        return replace(choice, canary=replace(choice, engines=(tried, *rest)))
    try:
        engine = resolve(name)
    except NotFoundError as error:
        near = did_you_mean(name, plan.routes) if plan.routes else ""
        raise UnknownRouteError(
            f"'{name}' is neither a route nor an engine.",
            where="model",
            fix=near if near.startswith("Did") else error.fix,
        ) from error
    return Choice(route="", engines=_left(plan, name, [engine]))


def _left(plan: Plan, name: str, engines: Sequence[Engine]) -> tuple[Engine, ...]:
    left = tuple(engine for engine in engines if engine.name not in plan.cut)
    if not left:
        raise UnreachableError(
            f"Every engine that could answer '{name}' is cut off for now.",
            where="model",
            fix="See 'weighbridge swap status', and wait or take the cut back.",
        )
    return left
