"""What `weighbridge swap replay` stands on: what it names, looked up and allowed, and the road to it."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from weighbridge.canon import Engine, Key, Masking, Plan, Trace
from weighbridge.cli import bars, common
from weighbridge.errors import InputError

if TYPE_CHECKING:
    from weighbridge.cli.engine_room import EngineRoom
    from weighbridge.engines.catalogue import Catalogue
    from weighbridge.exchange import Road
    from weighbridge.settings import Config
    from weighbridge.swap.replay import Course, Drawn, Journal, Replay, Terms
    from weighbridge.weigh.judges.bench import Bench
    from weighbridge.weigh.purse import Purse


@dataclass(frozen=True)
class Wanted:
    """What the command line asks for, looked up."""

    config: Config
    plan: Plan
    known: Catalogue
    route: str
    base: Engine
    candidate: Engine
    terms: Terms
    budget: int | None
    judge: Engine | None
    guarded: frozenset[str]  #: keys that admit not everyone


@dataclass
class Held:
    """What is under way: an interruption leaves it as it stands."""

    drawn: Drawn
    course: Course
    known: dict[str, Trace]  #: answers of earlier replays
    made: Replay | None = None
    judged: int = 0
    interrupted: bool = False


def wanted(
    config: Config, route: str, engine: str, *, concurrency: int, grader: str, budget: int | None, judge: str
) -> Wanted:
    """Everything that is named, known to be there and to be allowed, before anything is read or sent.

    Raises:
        UnknownRouteError: No such route.
        UnknownEngineError: No such engine.
        NoKeyError: An engine's key is not set.
        PolicyError: The route's policy does not admit the candidate or the judge.
        UnreachableError: The candidate is cut off.
        InputError: The judge is one of the two, or kin to one.
    """
    from weighbridge import routes
    from weighbridge.cli.route import ground
    from weighbridge.engines.keys import has_key, no_key
    from weighbridge.exchange import day_of
    from weighbridge.routes.policy import check_plan
    from weighbridge.swap.replay import Terms, plan_for
    from weighbridge.weigh.judges import family

    plan, known, _ = ground(config, "")
    base = known.engine(routes.route(plan, route).primary)
    environ, day = common.environ(config), day_of(time.time())
    asked = [known.engine(name, environ) for name in (engine, judge) if name]
    for one in asked:
        if not one.host.runs_here and not has_key(one, environ):
            raise no_key(one)
        own = plan_for(plan, route, one.name)
        check_plan(None, own, known.engine, day=day)
        routes.choose(own, route, known.engine)
    try:
        family.check(asked[1:], [base, asked[0]], known.models.get)
    except InputError as error:
        error.fix = "Name a judge of another family."
        raise
    keys = _keys(config)
    return Wanted(
        config=config,
        plan=plan,
        known=known,
        route=route,
        base=base,
        candidate=asked[0],
        terms=Terms(day=day, concurrency=concurrency, grader=grader, keys=keys),
        budget=budget,
        judge=asked[1] if judge else None,
        guarded=frozenset(one.id for one in keys.values() if one.policy is not None or one.engines),
    )


def _keys(config: Config) -> dict[str, Key]:
    """All keys that there are, by id, also those that were revoked: what they ask of engines still holds."""
    from weighbridge.access import keys

    if not common.has_state(config):
        return {}
    with common.state_store(config) as state:
        return {one.id: one for one in keys.listed(state)}


async def run(wanted: Wanted, held: Held) -> None:
    """Replay; `held` holds what came of it also where this is cancelled.

    Raises:
        EngineError: The candidate or the judge cannot be called at all, and nothing was answered.
        InputError: There is a budget, and a price is unknown or in another currency.
    """
    import asyncio

    from weighbridge.cli.engine_room import open_room
    from weighbridge.swap.replay import Replay, nobody
    from weighbridge.swap.replay.judging import judges_of
    from weighbridge.weigh.purse import Purse

    async with contextlib.AsyncExitStack() as stack:
        room = await stack.enter_async_context(open_room(wanted.config, record=False))
        for engine in filter(None, (wanted.candidate, wanted.judge)):
            if engine.host.runs_here:
                await room.local.start(room.engine(engine.name))
        road, journal, new_id = await _road(wanted, room, stack)
        if room.veils.wanted(wanted.plan):
            await asyncio.to_thread(room.veils.load)  # what is loaded once is no part of an answer's time
        purse = Purse(wanted.budget)
        seat = await _judge(wanted, road, purse, stack)
        made = held.made = Replay(
            road,
            journal,
            wanted.candidate,
            wanted.route,
            held.course,
            wanted.terms,
            new_id=new_id,
            purse=purse,
            known=held.known,
            judges=judges_of(seat, wanted.guarded) if seat is not None else nobody,
        )
        async with bars.of_calls(made.progress, lambda: wanted.candidate.name):
            try:
                await made.run()
            finally:
                held.judged = seat.spent if seat is not None else 0


async def _road(
    wanted: Wanted, room: EngineRoom, stack: contextlib.AsyncExitStack
) -> tuple[Road, Journal, Callable[[], str]]:
    """The road on which the candidate alone answers for the route; what passes it is kept with all other traces."""
    from weighbridge.engines.clock import SYSTEM
    from weighbridge.engines.fetch import Fetcher
    from weighbridge.engines.transport import AiohttpTransport
    from weighbridge.exchange import Road
    from weighbridge.exchange.screen import PolicyScreen
    from weighbridge.store.ids import new_trace_id
    from weighbridge.store.seal import maintain
    from weighbridge.store.traces import TraceWriter
    from weighbridge.swap.replay import Journal, plan_for

    settings = wanted.config.settings
    # Where no gateway runs, nobody else would keep the store in order.
    stack.callback(maintain, wanted.config.traces_path, settings.store, SYSTEM.now())
    writer = TraceWriter(
        wanted.config.traces_path,
        bodies=settings.store.bodies,
        segment_bytes=int(settings.store.segment_mb * 1e6),
        segment_seconds=settings.store.segment_seconds,
    )
    stack.callback(writer.close)
    transport = AiohttpTransport(connections=settings.client.connections)
    stack.push_async_callback(transport.close)
    journal = Journal(writer.record)
    plan, rng = plan_for(wanted.plan, wanted.route, wanted.candidate.name), random.SystemRandom()

    def new_id() -> str:
        return new_trace_id(SYSTEM.now(), rng)

    road = Road(
        catalogue=wanted.known,
        client=room.client,
        plan=lambda: plan,
        record=journal.record,
        deadline=settings.client.deadline,
        new_id=new_id,
        fetcher=Fetcher(transport),
        screen=PolicyScreen(SYSTEM.now, lambda _route, _verdict, _first: None),
        veils=room.veils,
    )
    return road, journal, new_id


async def _judge(wanted: Wanted, road: Road, purse: Purse, stack: contextlib.AsyncExitStack) -> Bench | None:
    """The bench of the judge, who sees no more than the route's engines may."""
    from weighbridge.store.results import Results
    from weighbridge.swap.replay import judging
    from weighbridge.weigh.judges.bench import Terms

    if wanted.judge is None:
        return None
    config = wanted.config
    entry = wanted.plan.routes[wanted.route]
    veiled = judging.Veiled(road, entry.mask or Masking(level=config.settings.mask.level))
    results = stack.enter_context(contextlib.closing(Results(config.results_path)))
    terms = Terms(wanted.terms.day, config.folder, concurrency=wanted.terms.concurrency)
    return judging.bench(wanted.judge, veiled, results, terms, purse)
