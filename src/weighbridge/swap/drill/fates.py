"""What becomes of each route: untouched, moved to a fallback, or without an answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from weighbridge.canon import Engine, Plan, Route
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.keys import has_key
from weighbridge.errors import NotFoundError
from weighbridge.routes.policy import judged
from weighbridge.swap.preflight import Preflight, preflight

State = Literal["untouched", "thinner", "moves", "fails"]
_SUGGESTED = 3  #: engines that are named for a route without any


class Terms(Struct, frozen=True):
    """What fates are worked out from.

    Attributes:
        folder: Of the traces; None looks at no traffic.
        since: From when on traffic counts, in seconds since 1970.
        now: Seconds since 1970.
        day: Whose prices and facts count.
        environ: Tells whether keys are set.
        size: Requests of each route that are looked at.
        seed: Of that sample.
    """

    folder: Path | None
    since: float
    now: float
    day: str
    environ: Mapping[str, str]
    size: int = 200
    seed: int = 0


class Fate(Struct, frozen=True):
    """What becomes of a route.

    Attributes:
        route: Its name.
        primary: Who answers it today.
        state: `untouched`: none of its engines is gone. `thinner`: it goes on as it was, with fewer fallbacks. `moves`: to
            `to`. `fails`: nobody is left.
        to: Who answers it then.
        lost: Its engines that are gone.
        passed: Fallbacks that are not gone and cannot help, with the reason.
        looked_at: Requests on record that were looked at; None where there are none, or nothing moves.
        broken: How many of them the new engine would newly refuse or lose.
        problems: What, in a few words.
        cost: What the new engine costs for one unit of today's; None where unknown.
        suggestions: Engines that policy admits and whose key is set, where nobody is left.
    """

    route: str
    primary: str
    state: State
    to: str = ""
    lost: tuple[str, ...] = ()
    passed: tuple[tuple[str, str], ...] = ()
    looked_at: int | None = None
    broken: int = 0
    problems: tuple[str, ...] = ()
    cost: float | None = None
    suggestions: tuple[str, ...] = ()

    @property
    def safe(self) -> bool:
        """Does somebody answer it, and is nothing known that breaks?"""
        return self.state != "fails" and not self.broken


async def fates(plan: Plan, catalogue: Catalogue, lost: Collection[str], terms: Terms) -> tuple[Fate, ...]:
    """What becomes of each route of a plan without some engines, by name.

    Nothing is sent to anybody. Of routes that move, recorded traffic is looked at, where there is any.

    Raises:
        UnknownEngineError: A route names an engine that is not in the catalogue.
        StoreError: The traces cannot be read.
    """
    return tuple([await _fate(plan, catalogue, route, lost, terms) for _, route in sorted(plan.routes.items())])


async def _fate(plan: Plan, catalogue: Catalogue, route: Route, lost: Collection[str], terms: Terms) -> Fate:
    mine = tuple(name for name in (route.primary, *route.fallbacks) if name in lost)
    if not mine:
        return Fate(route.name, route.primary, "untouched", to=route.primary)
    if route.primary not in lost:
        return Fate(route.name, route.primary, "thinner", to=route.primary, lost=mine)
    left = [catalogue.engine(name) for name in route.fallbacks if name not in lost]
    passed = []
    for engine in left:
        if why := cannot(route, engine, terms):
            passed.append((engine.name, why))
            continue
        found = Fate(route.name, route.primary, "moves", to=engine.name, lost=mine, passed=tuple(passed))
        return await _looked_at(found, plan, catalogue, terms)
    return Fate(
        route.name,
        route.primary,
        "fails",
        lost=mine,
        passed=tuple(passed),
        suggestions=_suggested(route, catalogue, lost, terms),
    )


def cannot(route: Route, engine: Engine, terms: Terms) -> str:
    """Why an engine cannot answer a route, "" if it can."""
    if not has_key(engine, terms.environ):
        return "its key is not set"
    policies = ((f"route {route.name}", route.policy),) if route.policy is not None else ()
    (verdict,) = judged([engine], None, policies, day=terms.day)
    return "; ".join(f"{finding.rule}: {finding.reason}" for finding in verdict.refusals)


async def _looked_at(fate: Fate, plan: Plan, catalogue: Catalogue, terms: Terms) -> Fate:
    from msgspec.structs import replace

    if terms.folder is None:
        return fate
    try:
        found = await preflight(
            plan,
            catalogue,
            fate.route,
            fate.to,
            folder=terms.folder,
            since=terms.since,
            now=terms.now,
            environ=terms.environ,
            size=terms.size,
            seed=terms.seed,
        )
    except NotFoundError:
        return fate
    return replace(fate, looked_at=found.looked_at, broken=found.broken, problems=_told(found), cost=found.costs.ratio)


def _told(found: Preflight) -> tuple[str, ...]:
    grave = [one for one in found.problems if one.new and one.kind not in ("adjusts", "changes")]
    return tuple(f"{one.kind}: {one.field or one.reason}" for one in grave[:_SUGGESTED])


def _suggested(route: Route, catalogue: Catalogue, lost: Collection[str], terms: Terms) -> tuple[str, ...]:
    """Engines that would do, those of the same model first, then the cheapest."""
    model = route.primary.rpartition("@")[0]
    able: Sequence[Engine] = [
        engine
        for engine in catalogue.callable_engines(terms.environ, True)  # noqa: FBT003 - the catalogue's own order
        if engine.name not in lost and engine.name not in route.engines and not cannot(route, engine, terms)
    ]

    def order(engine: Engine) -> tuple[bool, float, str]:
        price = engine.price_at(terms.day)
        cost = price.output if price is not None and price.output is not None else float("inf")
        return engine.model.name != model, cost, engine.name

    return tuple(engine.name for engine in sorted(able, key=order)[:_SUGGESTED])
