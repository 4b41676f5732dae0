"""What plugs into the road: limits, policies, kept answers, a catalogue that changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, cast

import pytest
from msgspec.structs import replace
from scripts import engine
from weather import Town, Weather, ask

from weighbridge.canon import Engine, Trace
from weighbridge.engines.catalogue import Catalogue
from weighbridge.errors import BudgetError, EngineError, LimitError, PolicyError, RateLimitedError
from weighbridge.exchange import StreamedAnswer, WholeAnswer


class Guard:
    """A governor, and the permit that it gives to everyone. `full`: engines whose limit is reached."""

    def __init__(self, refusal: LimitError | None = None, full: tuple[str, ...] = ()) -> None:
        self.refusal = refusal
        self.full = full
        self.admitted: list[tuple[str, str, str, float]] = []
        self.inside: Counter[str] = Counter()
        self.entered: list[str] = []
        self.settled: list[Trace] = []

    async def admit(self, call, *, trace_id: str, route: str, engine: Engine, deadline: float) -> Guard:
        self.admitted.append((trace_id, route, engine.name, deadline))
        await asyncio.sleep(0)
        if self.refusal is not None:
            raise self.refusal
        return self

    def told(self, dialect: str) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"x-left", dialect.encode() or b"none"),)

    def note(self) -> bytes:
        return b""

    def enter(self, engine: Engine) -> None:
        if engine.name in self.full:
            raise RateLimitedError("Our limit on this engine is reached.", where=engine.name, retry_after=7)
        self.entered.append(engine.name)
        self.inside[engine.name] += 1

    def leave(self, engine: Engine) -> None:
        self.inside[engine.name] -= 1

    def settle(self, trace: Trace) -> None:
        assert not self.inside.total()
        self.settled.append(trace)


def town(*names: str, **more: Any) -> Town:
    return Town([engine(name) for name in names], **more)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_permit_is_held_as_long_as_the_answer_takes(stream) -> None:
    place, guard = town("m@a", "m@b"), Guard()
    place.sky.over["a"] = Weather(status=503)
    road = place.way(governor=guard)
    answer = await road.open(ask(stream=stream))
    if isinstance(answer, StreamedAnswer):
        assert guard.inside == {"m@a": 0, "m@b": 1}
        assert not guard.settled
        await answer.reply()
    await answer.close()
    assert answer.told == ((b"x-left", b"none"),)
    assert guard.admitted == [("t0", "r", "m@a", 1_000_030.0)]
    assert guard.entered == ["m@a", "m@b"]
    assert guard.inside.total() == 0
    assert guard.settled == place.traces
    assert len(place.traces) == 1


async def test_the_first_engine_that_may_be_asked_is_the_one_whose_price_is_reserved() -> None:
    place, guard = town("m@a", "m@b"), Guard()
    place.sky.over["a"] = Weather(status=429, headers={"retry-after": "60"})
    road = place.way(governor=guard)
    for _ in range(2):
        await (await road.open(ask())).close()
    assert [name for _, _, name, _ in guard.admitted] == ["m@a", "m@b"]


@pytest.mark.parametrize("refusal", [LimitError("Enough.", retry_after=3), BudgetError("Spent.")])
async def test_whoever_is_not_admitted_asks_nobody_and_leaves_a_trace(refusal) -> None:
    place = town("m@a")
    road = place.way(governor=Guard(refusal))
    with pytest.raises(LimitError) as caught:
        await road.open(ask())
    assert caught.value is refusal
    assert place.sky.asked == []
    (trace,) = place.traces
    assert (trace.outcome, trace.attempts) == (refusal.code, ())


async def test_an_engine_whose_limit_is_reached_is_passed_over() -> None:
    place = town("m@a", "m@b")
    road = place.way(governor=Guard(full=("m@a",)))
    answer = await road.open(ask())
    assert answer.engine == "m@b"
    assert [(a.engine, a.outcome) for a in place.traces[0].attempts] == [("m@a", "passed_over"), ("m@b", "ok")]
    road = place.way(governor=Guard(full=("m@a", "m@b")))
    with pytest.raises(RateLimitedError) as caught:
        await road.open(ask())
    assert caught.value.retry_after == 7
    assert place.steering.health.states() == {}  # it is our limit: nothing was learned of the engine
    assert place.steering.health.ready(engine("m@a"))


async def test_two_that_are_asked_at_once_hold_two_places_until_one_has_lost() -> None:
    place, guard = town("m@a", "m@b", hedge=1.0, hedge_share=1.0), Guard()
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=9), Weather(begins=3)
    road = place.way(governor=guard)
    asking = asyncio.create_task(road.open(ask(stream=True)))
    await place.pass_time(2)
    assert guard.inside == {"m@a": 1, "m@b": 1}
    await place.pass_time(3)
    answer = await asking
    assert guard.inside == {"m@a": 0, "m@b": 1}
    await answer.close()
    assert guard.inside.total() == 0
    assert [trace.outcome for trace in guard.settled] == ["cancelled"]


async def test_whoever_leaves_gives_everything_back() -> None:
    place, guard = town("m@a", "m@b", hedge=1.0, hedge_share=1.0), Guard()
    place.sky.over["a"] = place.sky.over["b"] = Weather(begins=9)
    road = place.way(governor=guard)
    asking = asyncio.create_task(road.open(ask()))
    await place.pass_time(2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert guard.inside.total() == 0
    assert len(guard.settled) == 1


class OnlyB:
    """A screen."""

    def admitted(self, call, plan, choice, **_: object) -> tuple[Engine, ...]:
        found = tuple(one for one in choice.engines if one.host.name == "b")
        if not found:
            raise PolicyError("m@a: it is not b.", where="route r")
        return found


async def test_engines_that_no_policy_admits_are_not_asked() -> None:
    place = town("m@a", "m@b", hedge=1.0, hedge_share=1.0)
    road = place.way(screen=OnlyB())
    assert (await road.open(ask())).engine == "m@b"
    with pytest.raises(PolicyError):
        await road.open(ask(model="m@a"))
    assert place.sky.asked == ["b"]
    assert [trace.outcome for trace in place.traces] == ["ok", "policy_refused"]


async def test_a_kept_answer_asks_nobody_and_takes_no_permit() -> None:
    place, guard = town("m@a"), Guard()

    class Memory:
        kept: WholeAnswer | StreamedAnswer | None = None

        def look(self, call, choice, tracer):
            assert [one.name for one in choice.engines] == ["m@a"]
            if self.kept is not None:
                return self.kept
            tracer.told.append((b"x-kept", b"no"))
            tracer.ended.append(self.keep)
            return None

        def keep(self, trace: Trace) -> None:
            self.trace = trace

    memory = Memory()
    road = place.way(governor=guard, cache=memory)
    first = await road.open(ask())
    assert first.told == ((b"x-left", b"none"), (b"x-kept", b"no"))
    assert memory.trace == place.traces[0]
    memory.kept = first
    assert await road.open(ask()) is first
    assert place.sky.asked == ["a"]
    assert len(guard.admitted) == 1


async def test_a_new_catalogue_counts_from_the_next_exchange_on() -> None:
    place = town("m@a")
    road = place.way()
    await (await road.open(ask())).close()
    moved = engine("m@a")
    moved = replace(moved, host=replace(moved.host, url="http://c.test/v1"))

    class Other:
        def engine(self, name: str) -> Engine:
            return moved

    road.catalogue = cast("Catalogue", Other())
    await (await road.open(ask())).close()
    assert place.sky.asked == ["a", "c"]
    assert isinstance(road.catalogue, Other)


async def test_a_fault_of_ours_gives_everything_back_too() -> None:
    place, guard = town("m@a", hedge=None), Guard()
    road = place.way(governor=guard)

    async def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    road._client.open = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(ZeroDivisionError):
        await road.open(ask())
    assert guard.inside.total() == 0
    assert [trace.outcome for trace in guard.settled] == ["error"]


async def test_an_engine_that_breaks_in_the_middle_gives_its_place_back() -> None:
    place, guard = town("m@a"), Guard()
    place.sky.over["a"] = Weather(breaks=True)
    road = place.way(governor=guard)
    answer = await road.open(ask(stream=True))
    with pytest.raises(EngineError):
        await answer.reply()
    await answer.close()
    assert guard.inside.total() == 0
    assert len(guard.settled) == 1
