"""Beginning, holding and ending a move in stages. Gateways learn of it by the plan alone."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from weighbridge import routes
from weighbridge.access import facts, rules
from weighbridge.canon import Act, Engine, Plan, Price, Publication, Trial
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.keys import has_key, how_to_set
from weighbridge.errors import InputError, NoKeyError, NotFoundError, UnknownEngineError
from weighbridge.exchange.shadow import budget_key
from weighbridge.routes.policy import check_plan, day_of
from weighbridge.store import evidence
from weighbridge.store.state import State
from weighbridge.swap.canary.record import Status, Swap, change, check, load


class GoneError(NotFoundError):
    """The plan in force no longer has the trial of this move: somebody promoted, rolled back or declared meanwhile."""


def start(state: State, catalogue: Catalogue, swap: Swap, *, environ: Mapping[str, str]) -> Swap:
    """Begin a move: its first stage comes into force.

    Args:
        state: The store of the gateways that are to follow.
        catalogue: Where engines are found.
        swap: The move, with its `base` left to be found: it is the route's engine.
        environ: Tells whether the engine's key is set.

    Raises:
        UnknownRouteError: No plan in force, or it has no such route.
        UnknownEngineError: No such engine.
        NoKeyError: The engine's host needs a key, and none is set.
        InputError: A value is not possible, the engine answers the route already, or a move of it is under way.
        PolicyError: The engine would not satisfy the route's policy.
        StoreError: The store cannot be read or written.
    """
    check(swap)
    current = state.current()
    plan = current.plan if current else Plan(number=0)
    entry = routes.route(plan, swap.route)
    found = catalogue.engine(swap.candidate)
    if entry.primary == found.name:
        raise InputError(f"{found.name} answers {swap.route} already.", where=swap.route, fix="Nothing is to be done.")
    if not has_key(found, environ):
        raise NoKeyError(
            f"{found.name} needs a key, and none is set.",
            where=found.name,
            fix=f"{how_to_set(found.host)} The gateway needs it where it runs. Then begin again.",
        )
    if swap.shadow and swap.budget is not None and found.price_at(day_of(swap.started)) is None:
        raise InputError(
            f"The price of {found.name} is unknown, so that no budget can be kept.",
            where="--budget",
            fix="Give the price in the catalogue, or --budget none.",
        )
    swap = replace(swap, base=entry.primary, candidate=found.name)
    known = facts.current(state, catalogue)
    with contextlib.suppress(UnknownEngineError):  # who answers now may be gone from the catalogue
        _check_currencies(known.engine(swap.base), found, swap)
    check_plan(plan, _with(plan, swap), known.engine, day=day_of(swap.started))
    old: list[str] = []

    def begin(before: Swap | None) -> Swap:
        if before is not None and before.open and before.id != swap.id:
            raise InputError(
                f"A move of {swap.route} to {before.candidate} is under way.",
                where=swap.route,
                fix=f"End it first: weighbridge swap rollback {swap.route}, or promote.",
            )
        old[:] = [before.id] if before is not None else []
        return swap

    act = Act(swap.started, swap.who, "swap.shadow" if swap.shadow else "swap.start", subject=swap.route, why=swap.why)
    change(state, swap.route, begin, act=act)
    evidence.forget(state.database, old)
    if swap.shadow and swap.budget is not None:
        _allow(state, swap, found.price_at(day_of(swap.started)), swap.budget)
    return enter(state, catalogue, swap, at=swap.started)


def _check_currencies(base: Engine, candidate: Engine, swap: Swap) -> None:
    ours, theirs = (one.price_at(day_of(swap.started)) for one in (base, candidate))
    if "cost" in swap.tolerances and ours and theirs and ours.currency != theirs.currency:
        raise InputError(
            f"{base.name} is paid in {ours.currency} and {candidate.name} in {theirs.currency}: no guard can compare that.",
            where="--tolerance",
            fix="Leave that guard out, --tolerance cost=off, or give both prices in one currency in the catalogue.",
        )


def enter(state: State, catalogue: Catalogue, swap: Swap, *, at: float) -> Swap:
    """Bring the stage of a move into force, and write down when.

    Raises:
        PolicyError: The engine does not satisfy the route's policy any more.
        GoneError: The route's trial is another one by now.
        StoreError: The store cannot be read or written.
    """
    known = facts.current(state, catalogue)

    def publish(plan: Plan | None) -> Plan:
        now = plan or Plan(number=0)
        if swap.stage and swap.trial(routes.route(now, swap.route)) is None:
            raise _gone(swap)
        new = _with(now, swap)
        check_plan(plan, new, known.engine, day=day_of(at))
        return new

    what = "requests also" if swap.shadow else "conversations"
    why = f"{swap.share * 100:.4g} % of the {what} to {swap.candidate}"
    state.update(publish, action="shadow" if swap.shadow else "canary", who=swap.who, why=why, route=swap.route, at=at)
    act = Act(at, swap.who, "swap.stage", subject=swap.route, why=why)
    return change(state, swap.route, lambda before: replace(_same(before, swap), stage=swap.stage, moved=at), act=act)


def pause(state: State, route: str, *, who: str, why: str, at: float) -> Swap:
    """Stay in the stage in force; guards go on watching.

    Raises:
        InputError: No move of the route is running.
        NotFoundError: There was none.
        StoreError: The store cannot be written.
    """
    return _turn(state, route, "running", "paused", Act(at, who, "swap.pause", subject=route, why=why))


def resume(state: State, route: str, *, who: str, why: str, at: float) -> Swap:
    """Go on where `pause` held it.

    Raises:
        InputError: No move of the route is paused.
        NotFoundError: There was none.
        StoreError: The store cannot be written.
    """
    return _turn(state, route, "paused", "running", Act(at, who, "swap.resume", subject=route, why=why))


def withdraw(
    state: State, swap: Swap, *, who: str, why: str, at: float, status: Status = "withdrawn"
) -> Publication | None:
    """End a move, every conversation going back to the engine that answers the route.

    The plan comes first: whatever happens then, nobody is sent to the candidate any more.

    Returns:
        The publication; None where the plan had no trial of this move any more.

    Raises:
        StoreError: The store cannot be written.
    """
    made: Publication | None
    try:
        made = state.update(
            lambda plan: _without(plan or Plan(number=0), swap),
            action="withdraw",
            who=who,
            why=why,
            route=swap.route,
            at=at,
        )
    except GoneError:
        made = None
    close(state, swap, who=who, why=why, at=at, status=status)
    return made


def finish(state: State, catalogue: Catalogue, swap: Swap, *, who: str, why: str, at: float) -> Publication:
    """End a move well: the candidate answers the route, and the old engine is no longer asked.

    Raises:
        GoneError: The route's trial is another one by now.
        PolicyError: The engine does not satisfy the route's policy any more.
        StoreError: The store cannot be written.
    """
    known = facts.current(state, catalogue)

    def publish(plan: Plan | None) -> Plan:
        now = plan or Plan(number=0)
        if swap.trial(routes.route(now, swap.route)) is None:
            raise _gone(swap)
        new = routes.promote(now, swap.route, swap.candidate)
        check_plan(plan, new, known.engine, day=day_of(at))
        return new

    made = state.update(publish, action="promote", who=who, why=why, route=swap.route, at=at)
    close(state, swap, who=who, why=why, at=at, status="done")
    return made


def close(state: State, swap: Swap, *, who: str, why: str, at: float, status: Status) -> None:
    """Write down that a move is over; one that is over already stays as it is.

    Raises:
        StoreError: The store cannot be written.
    """

    def over(before: Swap | None) -> Swap:
        now = before or swap
        return replace(now, status=status, ended=at, reason=why) if now.id == swap.id and now.open else now

    if swap.shadow and swap.budget is not None:
        _allow(state, swap, None, None)
    change(state, swap.route, over, act=Act(at, who, f"swap.{status}", subject=swap.route, why=why))


def _with(plan: Plan, swap: Swap) -> Plan:
    entry = routes.route(plan, swap.route)
    trial = Trial(swap.candidate, swap.share, swap.id)
    tried = replace(entry, shadow=trial) if swap.shadow else replace(entry, canary=trial)
    return replace(plan, routes={**plan.routes, swap.route: tried})


def _without(plan: Plan, swap: Swap) -> Plan:
    entry = plan.routes.get(swap.route)
    if entry is None or swap.trial(entry) is None:
        raise _gone(swap)
    left = replace(entry, shadow=None) if swap.shadow else replace(entry, canary=None)
    return replace(plan, routes={**plan.routes, swap.route: left})


def _allow(state: State, swap: Swap, price: Price | None, amount: int | None) -> None:
    """What a shadow may spend: a budget of the key that its calls show, which workers keep to the micro-unit."""
    subject = f"key:{budget_key(swap.id)}"
    changes: dict[str, Any] = {"month": None}
    if amount is not None:
        changes = {"month": amount, "hard": True, "currency": price.currency if price is not None else "USD"}
    with contextlib.suppress(NotFoundError):  # taken away before
        rules.set_rule(state, subject, changes, who=swap.who, at=swap.started, why=f"shadow of {swap.route}")


def _turn(state: State, route: str, before: Status, after: Status, act: Act) -> Swap:
    load(state, route)

    def turned(now: Swap | None) -> Swap:
        if now is None or now.status != before:
            told = "there is none" if now is None else now.status.replace("_", " ")
            raise InputError(
                f"No move of {route} is {before}: {told}.", where=route, fix=f"See weighbridge swap status {route}."
            )
        return replace(now, status=after)

    return change(state, route, turned, act=act)


def _same(before: Swap | None, swap: Swap) -> Swap:
    if before is None or before.id != swap.id or not before.open:
        raise _gone(swap)
    return before


def _gone(swap: Swap) -> GoneError:
    return GoneError(
        f"The move of {swap.route} to {swap.candidate} is over.",
        where=swap.route,
        fix=f"See weighbridge swap status {swap.route}.",
    )
