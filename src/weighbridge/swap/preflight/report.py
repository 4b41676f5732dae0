"""The preflight of one route and one candidate: everything that recorded traffic and facts say of the move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from weighbridge import routes
from weighbridge.canon import Engine, Plan, Trace
from weighbridge.engines.catalogue import Catalogue
from weighbridge.engines.keys import has_key, how_to_set
from weighbridge.errors import InputError
from weighbridge.routes.policy import day_of
from weighbridge.swap.preflight import ease, fit, law, lengths, money, traffic
from weighbridge.swap.preflight.features import Feature, languages, used

_KNOWN = 500  #: exchanges with the candidate that its tokens are counted from


class Preflight(Struct, frozen=True):
    """What a move would meet. Shares are of `looked_at` requests, which were drawn at random from all."""

    route: str
    base: str
    candidate: str
    plan: int
    day: str
    days: float
    requests: int
    failed: int
    bare: int
    looked_at: int
    seed: int
    features: tuple[Feature, ...]
    languages: tuple[Feature, ...]
    problems: tuple[fit.Problem, ...]
    broken: int
    changed: int
    lengths: lengths.Lengths
    costs: money.Costs
    law: law.Law
    ease: ease.Ease
    notes: tuple[str, ...] = ()


async def preflight(
    plan: Plan,
    catalogue: Catalogue,
    route: str,
    engine: str,
    *,
    folder: Path | None,
    since: float,
    now: float,
    environ: Mapping[str, str],
    size: int = traffic.SAMPLE,
    seed: int = 0,
) -> Preflight:
    """Say what moving a route to an engine would meet. Nothing is sent to anybody.

    Args:
        plan: In force.
        catalogue: Where engines are found, with the facts as they are.
        route: The route.
        engine: The candidate.
        folder: Of recorded traces.
        since: Seconds since 1970: older exchanges do not count.
        now: Seconds since 1970.
        environ: Tells whether keys are set.
        size: The most requests to look at.
        seed: Of the sample.

    Raises:
        UnknownRouteError: The plan has no such route.
        UnknownEngineError: No such engine.
        InputError: The engine answers the route already.
        NotFoundError: Nothing is on record.
        StoreError: The traces cannot be read.
    """
    entry = routes.route(plan, route)
    base, candidate = catalogue.engine(entry.primary), catalogue.engine(engine)
    if base.name == candidate.name:
        raise InputError(
            f"{candidate.name} answers {route} already.",
            where=route,
            fix="Name the engine that you think of moving to.",
        )
    seen = traffic.read(folder, route, since=since, now=now, size=size, seed=seed)
    after = [await fit.points(trace, candidate, fetches=entry.fetch) for trace in seen.sample]
    before = [await fit.points(trace, base, fetches=entry.fetch) for trace in seen.sample]
    measured = lengths.measure(seen.sample, base, candidate, _exchanges_with(folder, candidate))
    after = _with_lengths(after, seen.sample, measured, candidate)
    grave, changed = fit.broken(after, before)
    costs = money.costs(seen.sample, base, candidate, measured.ratio, monthly=seen.monthly, day=day_of(now))
    terms = law.compare(entry, base, candidate, day=day_of(now))
    return Preflight(
        route=route,
        base=base.name,
        candidate=candidate.name,
        plan=plan.number,
        day=day_of(now),
        days=seen.days,
        requests=seen.requests,
        failed=seen.failed,
        bare=seen.bare,
        looked_at=len(seen.sample),
        seed=seed,
        features=used(seen.sample),
        languages=languages(seen.sample),
        problems=fit.problems(seen.sample, after, before),
        broken=grave,
        changed=changed,
        lengths=measured,
        costs=costs,
        law=terms,
        ease=ease.ease(
            seen.sample,
            (grave, changed),
            behaviour=_behaviour(route, base, candidate),
            costs=costs,
            law=terms,
            way_back=_way_back(base, environ, now),
        ),
        notes=_notes(candidate, environ, now),
    )


def _with_lengths(
    after: Sequence[Sequence[fit.Point]], traces: Sequence[Trace], measured: lengths.Lengths, candidate: Engine
) -> list[tuple[fit.Point, ...]]:
    """The points, and for those requests that are too long for the candidate's context one more."""
    long = set(lengths.too_long(traces, measured.context, measured.ratio.value))
    extra = fit.Point("exceeds", "messages", f"longer than the {measured.context or 0:,} tokens of {candidate.name}")
    return [
        (*points, extra) if trace.id in long else tuple(points) for points, trace in zip(after, traces, strict=True)
    ]


def _exchanges_with(folder: Path | None, engine: Engine) -> list[Trace]:
    """What is on record of the candidate, from any route, weighing or question."""
    from weighbridge.store import reader

    return [] if folder is None else reader.recent(folder, limit=_KNOWN, engine=engine.name, outcome="ok")


def _behaviour(route: str, base: Engine, candidate: Engine) -> ease.Part:
    """Nobody knows before the candidate was asked."""
    command = f"weighbridge weigh traces:{route} -e {base.name},{candidate.name}"
    return ease.Part("behaviour", None, f"not measured yet: {command}")


def _way_back(base: Engine, environ: Mapping[str, str], now: float) -> str:
    if base.offer.retired and base.offer.retired <= day_of(now):
        return f"{base.name} was retired on {base.offer.retired}: there is no way back to it"
    if not has_key(base, environ):
        return f"no key is set for {base.host.name}: coming back would fail"
    return ""


def _notes(candidate: Engine, environ: Mapping[str, str], now: float) -> tuple[str, ...]:
    """What would fail whatever the traffic is."""
    found = []
    if not has_key(candidate, environ):
        found.append(f"No key is set for {candidate.host.name}: every request would fail. {how_to_set(candidate.host)}")
    if candidate.offer.retired:
        gone = candidate.offer.retired <= day_of(now)
        found.append(f"{candidate.name} {'was' if gone else 'will be'} retired on {candidate.offer.retired}.")
    return tuple(found)
