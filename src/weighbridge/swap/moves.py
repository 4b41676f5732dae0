"""Promote, roll back, and tell how things stand. Gateways learn of it by the plan alone."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from weighbridge import routes
from weighbridge.access import facts
from weighbridge.canon import Plan, Publication, Route
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.keys import has_key, how_to_set
from weighbridge.errors import InputError, NoKeyError, NotFoundError
from weighbridge.routes.policy import check_plan, day_of
from weighbridge.store.state import State
from weighbridge.swap.canary.record import Swap, load, running
from weighbridge.swap.canary.standing import Move, standing
from weighbridge.swap.canary.steps import close, withdraw

_HISTORY = 2_000  #: publications looked through for the last move of a route


class Status(Struct, frozen=True):
    """How the routes stand, and how they came there: `history` is newest first; `moves` are those in stages.

    Of one route its last move is told even when it is over.
    """

    sequence: int
    plan: int
    routes: dict[str, Route]
    history: list[Publication]
    moves: list[Move] = []
    cut: tuple[str, ...] = ()  #: engines that a drill cuts off


def promote(
    state: State,
    catalogue: Catalogue,
    route: str,
    engine: str,
    *,
    who: str,
    why: str,
    at: float,
    environ: Mapping[str, str],
) -> Publication:
    """Let an engine answer a route from now on.

    Args:
        state: The store of the gateways that are to follow.
        catalogue: Where engines are found.
        route: The route.
        engine: The engine that becomes its primary; fallbacks stay.
        who: Who asks for it.
        why: Their reason.
        at: Now, in seconds since 1970.
        environ: Tells whether the engine's key is set.

    Raises:
        UnknownRouteError: No plan in force, or it has no such route.
        UnknownEngineError: No such engine.
        NoKeyError: The engine's host needs a key, and none is set: every request would fail.
        InputError: The engine answers this route already.
        PolicyError: An engine of the route would not satisfy its policy.
        StoreError: The store cannot be read or written.
    """
    current = state.current()
    routes.route(current.plan if current else Plan(number=0), route)
    found = catalogue.engine(engine)
    if not has_key(found, environ):
        raise NoKeyError(
            f"{found.name} needs a key, and none is set.",
            where=found.name,
            fix=f"{how_to_set(found.host)} The gateway needs it where it runs. Then promote again.",
        )

    known = facts.current(state, catalogue)

    def change(plan: Plan | None) -> Plan:
        now = plan or Plan(number=0)
        if routes.route(now, route).primary == found.name:
            raise InputError(f"{found.name} answers {route} already.", where=route, fix="Nothing is to be done.")
        new = routes.promote(now, route, found.name)
        check_plan(plan, new, known.engine, day=day_of(at))
        return new

    made = state.update(change, action="promote", who=who, why=why, route=route, at=at)
    if (tried := _tried(state, route)) is not None:
        by_hand = why or f"promoted {found.name}"
        close(
            state, tried, who=who, why=by_hand, at=at, status="done" if tried.candidate == found.name else "withdrawn"
        )
    return made


def rollback(state: State, catalogue: Catalogue, route: str, *, who: str, why: str, at: float) -> Publication:
    """Undo the last move of a route. Twice in a row goes two moves back; a move that is under way in stages just ends.

    Where the plan before that move differs from the one in force in nothing else, that very plan comes back, with its
    number; else what happened to other routes since then stays, in a new plan.

    Args:
        state: The store of the gateways that are to follow.
        catalogue: Where engines are found.
        route: The route.
        who: Who asks for it.
        why: Their reason.
        at: Now, in seconds since 1970.

    Raises:
        UnknownRouteError: No plan in force, or it has no such route.
        NotFoundError: The route has not moved since it was declared.
        PolicyError: An engine of the route would not satisfy its policy.
        StoreError: The store cannot be read or written.
    """
    if (tried := _tried(state, route)) is not None and (made := withdraw(state, tried, who=who, why=why, at=at)):
        return made
    known = facts.current(state, catalogue)

    def change(plan: Plan | None) -> Plan:
        now = plan or Plan(number=0)
        entry = routes.settled(routes.route(now, route))
        before = _before(state.history(_HISTORY), route)
        if before is None or before == entry:
            raise NotFoundError(
                f"{route} has no earlier engine to go back to.",
                where=f"plan {now.number}",
                fix="See 'weighbridge swap status' for what was done, or promote the engine that you want.",
            )
        # The same content gets the same number: an earlier plan comes back as itself.
        new = replace(now, routes={**now.routes, route: before})
        check_plan(plan, new, known.engine, day=day_of(at))
        return new

    return state.update(change, action="rollback", who=who, why=why, route=route, at=at)


def status(state: State, route: str = "", *, limit: int = 20, now: float = 0.0) -> Status:
    """What is in force, the moves in stages, and the last publications.

    Args:
        state: The store.
        route: Only what concerns this route; "" for all.
        limit: The most publications to give.
        now: Seconds since 1970.

    Raises:
        UnknownRouteError: The plan has no such route.
        StoreError: The store cannot be read.
    """
    current = state.current()
    plan = current.plan if current is not None else Plan(number=0)
    shown = {route: routes.route(plan, route)} if route else plan.routes
    history = state.history(_HISTORY if route else limit)
    if route:
        history = [one for one in history if one.route in ("", route)]
    return Status(
        sequence=current.sequence if current is not None else 0,
        plan=plan.number,
        routes=dict(shown),
        history=history[:limit],
        cut=plan.cut,
        moves=[standing(state, swap, now=now) for swap in _moves(state, route)],
    )


def _moves(state: State, route: str) -> list[Swap]:
    if not route:
        return running(state)
    try:
        return [load(state, route)]
    except NotFoundError:
        return []


def _tried(state: State, route: str) -> Swap | None:
    """The route's move that is under way in stages."""
    return next((swap for swap in running(state) if swap.route == route), None)


def _before(history: list[Publication], route: str) -> Route | None:
    """The entry that a route had before its last move that was not itself undone.

    History reads newest first. A rollback undoes the nearest promotion before it that stands, so that rolling back
    again goes further back instead of back and forth. A new declaration of the route ends the search: what was before it
    is no longer what the configuration wants.
    """
    undone = 0
    for newer, older in itertools.pairwise(history):
        entry, earlier = newer.plan.routes.get(route), older.plan.routes.get(route)
        if newer.action == "declare" and entry != earlier:
            return None
        if newer.route != route:
            continue
        if newer.action == "rollback":
            undone += 1
        elif newer.action == "promote":
            if not undone:
                return None if earlier is None else routes.settled(earlier)
            undone -= 1
    return None
