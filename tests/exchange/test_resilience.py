"""What clients see when hosts are full, slow, down and back: by a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections import Counter
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scripts import engine
from weather import Town, Weather, ask

from weighbridge.canon import Trace
from weighbridge.errors import (
    EngineError,
    InputError,
    OverloadedError,
    RateLimitedError,
    UnreachableError,
    WeighbridgeError,
)
from weighbridge.exchange import Road, StreamedAnswer
from weighbridge.exchange.health import MOST_ENGINES, Health
from weighbridge.settings import Resilience

FULL = Weather(status=429, headers={"retry-after": "60"})
DOWN = Weather(status=503)


def town(*names: str, **more) -> Town:
    return Town([engine(name) for name in names], **more)


async def told(road: Road, **how) -> str:
    """Who answered, read to the end."""
    answer = await road.open(ask(**how))
    await answer.reply()
    await answer.close()
    return answer.engine


def outcomes(trace: Trace) -> list[tuple[str, str]]:
    return [(attempt.engine, attempt.outcome) for attempt in trace.attempts]


# --- a provider that answers 429 for a minute --------------------------------------------------


async def test_a_host_that_is_full_for_a_minute_is_asked_once(tmp_path) -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = lambda now: FULL if now < 1_000_060 else Weather()
    road = place.way()
    for _ in range(60):
        assert await told(road) == "m@b"
        place.clock.advance(1)
    assert Counter(place.sky.asked) == {"a": 1, "b": 60}
    assert outcomes(place.traces[0]) == [("m@a", "rate_limited"), ("m@b", "ok")]
    assert outcomes(place.traces[30]) == [("m@a", "passed_over"), ("m@b", "ok")]
    assert "asked to wait" in place.traces[30].attempts[0].message
    assert not place.traces[30].attempts[0].billed
    assert await told(road) == "m@a"


async def test_a_host_that_is_alone_is_left_alone_too_and_its_clients_are_told_how_long() -> None:
    place = town("m@a")
    place.sky.over["a"] = lambda now: FULL if now < 1_000_060 else Weather()
    road = place.way()
    for left in (60.0, 50.0, 40.0, 0.5):
        place.clock.advance(1_000_060 - left - place.clock.monotonic())
        with pytest.raises(RateLimitedError) as caught:
            await told(road)
        assert caught.value.retry_after == pytest.approx(left)
        assert caught.value.http_status == 429
    assert place.sky.asked == ["a"]
    place.clock.advance(0.5)
    assert await told(road) == "m@a"


async def test_of_several_that_are_full_the_shortest_wait_is_told() -> None:
    place = town("m@a", "m@b", "m@c")
    for host, seconds in (("a", 60), ("b", 20), ("c", 40)):
        place.sky.over[host] = Weather(status=429, headers={"retry-after": str(seconds)})
    road = place.way()
    with pytest.raises(RateLimitedError):
        await told(road)
    with pytest.raises(RateLimitedError) as caught:
        await told(road)
    assert caught.value.where == "m@b"
    assert caught.value.retry_after == pytest.approx(20)
    assert len(place.sky.asked) == 3


async def test_nobody_waits_for_a_host_while_another_can_answer() -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = lambda now: Weather(status=429, headers={"retry-after": "5"})
    assert await told(place.way(retries=2)) == "m@b"
    assert place.clock.slept == []
    assert place.sky.asked == ["a", "b"]


async def test_a_host_that_is_alone_is_waited_for_if_it_asks_for_little() -> None:
    place = town("m@a")
    place.sky.over["a"] = lambda now: (
        Weather(status=429, headers={"retry-after": "5"}) if now < 1_000_005 else Weather()
    )
    assert await told(place.way(retries=2)) == "m@a"
    (waited,) = place.clock.slept
    assert 5 <= waited < 6
    assert outcomes(place.traces[0]) == [("m@a", "rate_limited"), ("m@a", "ok")]


async def test_after_a_minute_not_all_come_at_once() -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = lambda now: FULL if now < 1_000_060 else Weather(begins=2)
    road = place.way()
    await told(road)
    place.clock.advance(60)
    place.sky.asked.clear()
    asking = [asyncio.create_task(told(road)) for _ in range(8)]
    await place.settle()
    assert Counter(place.sky.asked) == {"a": 1, "b": 7}
    await place.pass_time(3)
    assert Counter([await one for one in asking]) == {"m@a": 1, "m@b": 7}
    assert place.steering.health.states() == {"m@a": "slow-start"}
    place.clock.advance(7)
    assert place.steering.health.states() == {}


# --- a provider that is down and comes back ----------------------------------------------------


@pytest.mark.parametrize("weather", [DOWN, Weather(down=True), Weather(status=401)])
async def test_a_host_that_is_down_is_asked_no_more_until_it_may_be_back(weather) -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = lambda now: weather if now < 1_000_100 else Weather()
    road = place.way()
    for second in range(100):
        assert await told(road, stream=bool(second % 2)) == "m@b"
        place.clock.advance(1)
    # Five failures, then tries after 10, 20 and 40 seconds.
    assert Counter(place.sky.asked)["a"] == 5 + 3
    assert place.steering.health.states() == {"m@a": "open"}
    answered = []
    while "m@a" not in answered:
        answered.append(await told(road))
        place.clock.advance(1)
    assert len(answered) < 80
    assert await told(road) == "m@a"


async def test_a_host_that_is_alone_and_down_fails_fast() -> None:
    place = town("m@a")
    place.sky.over["a"] = DOWN
    road = place.way()
    for _ in range(20):
        with pytest.raises(OverloadedError) as caught:
            await told(road)
    assert len(place.sky.asked) == 5
    assert caught.value.retry_after == pytest.approx(10)
    assert "kept failing" in caught.value.what
    assert place.traces[-1].outcome == "overloaded"
    assert outcomes(place.traces[-1]) == [("m@a", "passed_over")]


async def test_one_request_tries_it_while_the_others_go_on() -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = DOWN
    road = place.way()
    for _ in range(5):
        await told(road)
    place.clock.advance(10)
    place.sky.over["a"] = Weather(begins=3)
    place.sky.asked.clear()
    asking = [asyncio.create_task(told(road)) for _ in range(6)]
    await place.settle()
    assert Counter(place.sky.asked) == {"a": 1, "b": 5}
    await place.pass_time(4)
    assert Counter([await one for one in asking]) == {"m@a": 1, "m@b": 5}


async def test_a_try_that_its_client_gives_up_lets_the_next_one_try() -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = DOWN
    road = place.way()
    for _ in range(5):
        await told(road)
    place.clock.advance(10)
    place.sky.over["a"] = Weather(begins=3)
    asking = asyncio.create_task(told(road))
    await place.settle()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    place.sky.over["a"] = Weather()
    assert await told(road) == "m@a"


async def test_answers_that_break_off_in_the_middle_count_as_failures() -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = Weather(breaks=True)
    road = place.way()
    for _ in range(5):
        answer = await road.open(ask(stream=True))
        assert isinstance(answer, StreamedAnswer)
        assert answer.engine == "m@a"  # its beginning is there, so that nobody else is asked
        with pytest.raises(EngineError):
            await answer.reply()
        await answer.close()
    assert place.sky.asked == ["a"] * 5
    assert await told(road, stream=True) == "m@b"


async def test_a_refused_request_is_nobodys_failure() -> None:
    place = town("m@a", "m@b")
    place.sky.over["a"] = Weather(status=400)
    road = place.way()
    for _ in range(20):
        with pytest.raises(EngineError):
            await told(road)
    assert place.steering.health.states() == {}


# --- a provider that is slow ------------------------------------------------------------------


async def test_an_engine_that_does_not_begin_is_left_alone_after_a_while() -> None:
    place = town("m@a", "m@b", first_token_timeout=2.0)
    place.sky.over["a"] = Weather(begins=50)
    road = place.way()
    for _ in range(5):
        asking = asyncio.create_task(told(road, stream=True))
        await place.pass_time(2.5)
        assert await asking == "m@b"
    assert await told(road, stream=True) == "m@b"
    assert place.sky.asked.count("a") == 5
    assert place.sky.open == 0


async def test_an_engine_is_not_blamed_where_its_caller_is_in_a_hurry() -> None:
    place = town("m@a")
    place.sky.over["a"] = Weather(begins=5)
    road = place.way()
    for _ in range(10):
        asking = asyncio.create_task(told(road, deadline=place.clock.monotonic() + 1))
        await place.pass_time(1.5)
        with pytest.raises(EngineError):
            await asking
    assert place.steering.health.states() == {}


async def test_requests_go_where_answers_begin_first() -> None:
    place = town("m@a", "m@b", balance="latency", settings=Resilience(explore=0.0))
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=3), Weather(begins=1)
    road = place.way()
    for expected in ("m@a", "m@a"):  # the only one that is known
        asking = asyncio.create_task(told(road, stream=True))
        await place.pass_time(4)
        assert await asking == expected
    place.sky.over["a"] = DOWN
    asking = asyncio.create_task(told(road, stream=True))
    await place.pass_time(2)
    assert await asking == "m@b"
    place.sky.over["a"] = Weather(begins=3)
    for _ in range(3):
        asking = asyncio.create_task(told(road, stream=True))
        await place.pass_time(4)
        assert await asking == "m@b"
    health = place.steering.health
    assert (health.first_token(engine("m@a")), health.first_token(engine("m@b"))) == (3.0, 1.0)
    assert health.first_token(engine("m@never")) is None


async def test_a_conversation_stays_with_who_answered_it() -> None:
    place = town("m@a", "m@b", sticky=True)
    place.sky.over["a"] = DOWN
    road = place.way()
    assert await told(road, conversation="talk") == "m@b"
    place.sky.over["a"] = Weather()
    assert await told(road, conversation="talk") == "m@b"
    assert await told(road, conversation="other") == "m@a"
    place.sky.over["b"] = DOWN
    assert await told(road, conversation="talk") == "m@a"


# --- hedges -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
async def test_a_second_engine_is_asked_where_the_first_is_slow(stream) -> None:
    place = town("m@a", "m@b", hedge=2.0, hedge_share=1.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=9), Weather(begins=1)
    road = place.way()
    asking = asyncio.create_task(told(road, stream=stream))
    await place.pass_time(1.5)
    assert place.sky.asked == ["a"]
    await place.pass_time(2)
    assert await asking == "m@b"
    (trace,) = place.traces
    assert [(a.engine, a.outcome, a.hedge, a.billed) for a in trace.attempts] == [
        ("m@a", "lost", False, True),
        ("m@b", "ok", True, True),
    ]
    lost, won = trace.attempts
    assert lost.usage is not None
    assert lost.usage.estimated
    assert won.usage is not None
    assert (won.usage.input, won.usage.output, won.usage.estimated) == (9, 4, False)
    assert (trace.engine, trace.outcome) == ("m@b", "ok")
    assert trace.first_token == pytest.approx(3.0)
    assert place.sky.open == 0
    assert place.steering.health.states() == {}


async def test_an_engine_that_loses_is_known_to_be_slow() -> None:
    place = town("m@a", "m@b", hedge=2.0, hedge_share=1.0, balance="latency", settings=Resilience(explore=0.0))
    road = place.way()
    place.sky.over["a"] = Weather(begins=1)
    place.sky.over["b"] = Weather(begins=1.5)
    for weather in (Weather(begins=1), Weather(begins=9), Weather(begins=9), Weather(begins=9)):
        place.sky.over["a"] = weather
        asking = asyncio.create_task(told(road, stream=True))
        await place.pass_time(4)
        await asking
    assert place.sky.asked[-1] == "b"
    assert place.traces[-1].attempts[0].engine == "m@b"


async def test_the_first_engine_may_still_be_the_first_to_begin() -> None:
    place = town("m@a", "m@b", hedge=2.0, hedge_share=1.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=3), Weather(begins=5)
    road = place.way()
    asking = asyncio.create_task(told(road, stream=True))
    await place.pass_time(4)
    assert await asking == "m@a"
    (trace,) = place.traces
    assert sorted(outcomes(trace)) == [("m@a", "ok"), ("m@b", "lost")]
    assert [a.hedge for a in trace.attempts if a.engine == "m@b"] == [True]


async def test_where_both_begin_in_the_same_moment_one_answers_and_the_other_is_closed() -> None:
    place = town("m@a", "m@b", hedge=2.0, hedge_share=1.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=4), Weather(begins=2)
    road = place.way()
    for stream in (True, False):
        asking = asyncio.create_task(told(road, stream=stream))
        await place.pass_time(5)
        winner = await asking
        ended = dict(outcomes(place.traces[-1]))
        assert ended.pop(winner) == "ok"
        assert list(ended.values()) == ["lost"]
        assert place.sky.open == 0


async def test_an_engine_that_answers_in_time_is_asked_alone() -> None:
    place = town("m@a", "m@b", hedge=2.0, hedge_share=1.0)
    place.sky.over["a"] = Weather(begins=1)
    road = place.way()
    for _ in range(5):
        asking = asyncio.create_task(told(road, stream=True))
        await place.pass_time(1.5)
        assert await asking == "m@a"
    assert place.sky.asked == ["a"] * 5


async def test_at_most_the_share_is_asked_twice() -> None:
    place = town("m@a", "m@b", hedge=1.0, hedge_share=0.25)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=3), Weather(begins=1)
    road = place.way()
    for _ in range(12):
        asking = asyncio.create_task(told(road))
        await place.pass_time(3.5)
        await asking
    assert Counter(place.sky.asked) == {"a": 12, "b": 3}


async def test_an_engine_that_fails_beside_another_ends_nothing() -> None:
    place = town("m@a", "m@b", "m@c", hedge=1.0, hedge_share=1.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=4), Weather(status=400)
    road = place.way()
    asking = asyncio.create_task(told(road))
    await place.pass_time(5)
    assert await asking == "m@a"
    assert sorted(outcomes(place.traces[0])) == [("m@a", "ok"), ("m@b", "refused_request")]


async def test_what_the_second_engine_cannot_be_asked_hides_nothing() -> None:
    place = town("m@a", "m@b", hedge=1.0, hedge_share=1.0)
    place.sky.over["a"] = Weather(begins=2, status=503)
    road = place.way()

    async def written(one, choice, tracer, *, usual):
        if one.name == "m@b":
            raise InputError("It takes no images.", fix="Send none.")
        return await usual(one, choice, tracer)

    usual = road._errands.conversation

    def conversation(call):
        errand = usual(call)
        return replace(errand, write=partial(written, usual=errand.write))

    road._errands.conversation = conversation  # type: ignore[method-assign]
    asking = asyncio.create_task(told(road))
    await place.pass_time(3)
    with pytest.raises(OverloadedError):
        await asking
    assert outcomes(place.traces[0]) == [("m@a", "overloaded"), ("m@b", "bad_input")]


async def test_where_the_second_engine_fails_the_next_one_takes_its_place() -> None:
    place = town("m@a", "m@b", "m@c", hedge=1.0, hedge_share=0.5)
    place.sky.over["b"] = Weather(begins=0.5, status=503)
    road = place.way()
    assert await told(road) == "m@a"
    place.sky.over["a"] = Weather(begins=9)
    asking = asyncio.create_task(told(road))
    await place.pass_time(2)
    assert await asking == "m@c"
    assert outcomes(place.traces[-1]) == [("m@a", "lost"), ("m@b", "overloaded"), ("m@c", "ok")]
    assert [a.hedge for a in place.traces[-1].attempts] == [False, True, True]


async def test_where_both_fail_the_next_one_answers_and_if_nobody_does_all_are_named() -> None:
    place = town("m@a", "m@b", "m@c", hedge=1.0, hedge_share=1.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=2, status=503), Weather(begins=2, status=503)
    road = place.way()
    asking = asyncio.create_task(told(road))
    await place.pass_time(5)
    assert await asking == "m@c"
    place.sky.over["c"] = Weather(down=True)
    asking = asyncio.create_task(told(road))
    await place.pass_time(5)
    with pytest.raises(UnreachableError, match="Before it failed: m@a: overloaded, m@b: overloaded"):
        await asking


async def test_nobody_is_hedged_who_is_left_alone_and_nothing_is_taken_from_the_share() -> None:
    place = town("m@a", "m@b", hedge=1.0, hedge_share=0.5)
    place.sky.over["b"] = FULL
    place.sky.over["a"] = DOWN
    road = place.way()
    with pytest.raises(WeighbridgeError):
        await told(road)
    place.sky.over["a"] = Weather(begins=3)
    asking = asyncio.create_task(told(road))
    await place.pass_time(4)
    assert await asking == "m@a"
    assert place.sky.asked == ["a", "b", "a"]


async def test_whoever_leaves_a_race_leaves_nothing_behind() -> None:
    place = town("m@a", "m@b", hedge=1.0, hedge_share=1.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=9), Weather(begins=9)
    road = place.way()
    asking = asyncio.create_task(told(road, stream=True))
    await place.pass_time(2)
    assert place.sky.asked == ["a", "b"]
    asking.cancel("The gateway stops.")
    with pytest.raises(asyncio.CancelledError):
        await asking
    (trace,) = place.traces
    assert (trace.outcome, trace.error) == ("interrupted", "The gateway stops.")
    assert [a.billed for a in trace.attempts] == [True, True]
    assert len(asyncio.all_tasks()) == 1


async def test_a_route_that_hedges_keeps_its_deadline() -> None:
    place = town("m@a", "m@b", hedge=1.0, hedge_share=1.0, timeout=4.0)
    place.sky.over["a"], place.sky.over["b"] = Weather(begins=9), Weather(begins=9)
    road = place.way()
    asking = asyncio.create_task(told(road))
    await place.pass_time(5)
    with pytest.raises(EngineError) as caught:
        await asking
    assert caught.value.code == "deadline"
    assert place.traces[0].total == pytest.approx(4.0)


# --- all of it --------------------------------------------------------------------------------


async def test_switched_off_everyone_is_asked_every_time() -> None:
    place = town("m@a", "m@b", settings=Resilience(enabled=False))
    place.sky.over["a"] = FULL
    road = place.way()
    for _ in range(10):
        assert await told(road) == "m@b"
    assert Counter(place.sky.asked) == {"a": 10, "b": 10}
    assert place.steering.health.states() == {}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from(["well", "slow", "full", "down", "gone", "breaks"]),
            st.booleans(),
            st.sampled_from([0.0, 1.0, 7.0]),
        ),
        min_size=1,
        max_size=15,
    )
)
def test_whatever_the_weather_every_exchange_ends_once_and_leaves_nothing(days) -> None:
    """One trace each, every answer closed, nobody counted as under way, every sent call in the trace."""
    weathers = {
        "well": Weather(),
        "slow": Weather(begins=3),
        "full": FULL,
        "down": DOWN,
        "gone": Weather(down=True),
        "breaks": Weather(breaks=True),
    }

    async def live() -> None:
        place = town("m@a", "m@b", "m@c", hedge=2.0, hedge_share=1.0, timeout=20.0, sticky=True, balance="latency")
        road = place.way()
        for host, weather, stream, passed in days:
            place.sky.over[host] = weathers[weather]
            asking = asyncio.create_task(told(road, stream=stream, conversation=host))
            await place.pass_time(8 + passed)
            await asyncio.wait([asking])
            assert asking.exception() is None or isinstance(asking.exception(), EngineError)
        assert len(place.traces) == len(days)
        called = Counter(a.engine[2:] for t in place.traces for a in t.attempts if a.outcome != "passed_over")
        assert called == Counter(place.sky.asked)
        assert place.sky.open == 0
        assert len(asyncio.all_tasks()) == 1
        place.clock.advance(10_000)
        for name in ("m@a", "m@b", "m@c"):
            place.steering.health.enter(engine(name), alone=False).leave()

    asyncio.run(live())


def test_the_engines_that_are_known_are_bounded_and_who_is_left_alone_is_not_forgotten() -> None:
    place = town("m@a")
    health = Health(Resilience(), place.clock)
    bad = health.enter(engine("m@bad"), alone=True)
    bad.failed(RateLimitedError("Slow.", retry_after=600))
    bad.leave()
    for number in range(2 * MOST_ENGINES):
        health.enter(engine(f"m@h{number}"), alone=True).leave()
    assert len(health._known) <= MOST_ENGINES
    assert health.states() == {"m@bad": "cooling"}
    for number in range(2 * MOST_ENGINES):
        bad = health.enter(engine(f"m@b{number}"), alone=True)
        bad.failed(RateLimitedError("Slow.", retry_after=600))
        bad.leave()
    assert len(health._known) <= MOST_ENGINES


async def test_a_long_try_that_went_well_does_not_end_a_later_one() -> None:
    place = town("m@a", "m@b", timeout=600.0)
    place.sky.over["a"] = DOWN
    road = place.way()
    for _ in range(5):
        await told(road)
    place.clock.advance(10)
    place.sky.over["a"] = Weather()
    long = await road.open(ask(stream=True))
    assert long.engine == "m@a"
    place.sky.over["a"] = DOWN
    place.clock.advance(20)
    for _ in range(5):
        await told(road)
    place.clock.advance(20)
    place.sky.over["a"] = Weather(begins=5)
    trying = asyncio.create_task(told(road))
    await place.settle()
    await long.reply()
    await long.close()
    assert await told(road) == "m@b"
    await place.pass_time(6)
    assert await trying == "m@a"
