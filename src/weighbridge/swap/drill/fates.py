"""What becomes of each route: untouched, moved to a fallback, or without an answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from msgspec import Struct

from weighbridge.canon import Plan, Route
from weighbridge.engines.catalogue import Catalogue
from weighbridge.errors import NotFoundError
from weighbridge.swap.drill.suggested import suggested
from weighbridge.swap.drill.terms import Terms, cannot
from weighbridge.swap.preflight import Preflight, preflight

State = Literal["untouched", "thinner", "moves", "fails"]
_TOLD = 3  #: problems that are named of a route


class Fate(Struct, frozen=True):
    """What becomes of a route.

    Attributes:
        route: Its name.
        primary: Who answers it today.
        state: `untouched`: none of its engines is gone. `thinner`: it goes on as it was, with fewer fallbacks or trials.
            `moves`: to `to`. `fails`: nobody is left.
        to: Who answers it then.
        lost: Its engines that are gone.
        trials: `canary` and `shadow` as far as their engines are gone: nobody is asked there any more.
        passed: Fallbacks that are not gone and cannot help, with the reason.
        looked_at: Requests on record that were looked at; None where there are none, or nothing moves.
        broken: How many of them the new engine would newly refuse or lose.
        problems: What, in a few words.
        cost: What the new engine costs for one unit of today's; None where unknown.
        suggestions: Engines that policy admits, whose key is set, and that lack nothing that the route's recorded requests
            (or, without any, today's engine) have, where nobody is left.
    """

    route: str
    primary: str
    state: State
    to: str = ""
    lost: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
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
    mine = tuple(name for name in route.engines if name in lost)
    tried = {"canary": route.canary, "shadow": route.shadow}
    trials = tuple(name for name, trial in tried.items() if trial is not None and trial.engine in lost)
    if route.primary not in lost:
        state: State = "thinner" if mine else "untouched"
        return Fate(route.name, route.primary, state, to=route.primary, lost=mine, trials=trials)
    left = [catalogue.engine(name) for name in route.fallbacks if name not in lost]
    passed = []
    for engine in left:
        if why := cannot(route, engine, terms):
            passed.append((engine.name, why))
            continue
        found = Fate(route.name, route.primary, "moves", to=engine.name, lost=mine, trials=trials, passed=tuple(passed))
        return await _looked_at(found, plan, catalogue, terms)
    return Fate(
        route.name,
        route.primary,
        "fails",
        lost=mine,
        trials=trials,
        passed=tuple(passed),
        suggestions=await suggested(route, catalogue, lost, terms),
    )


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
    return tuple(f"{one.kind}: {one.field or one.reason}" for one in grave[:_TOLD])
