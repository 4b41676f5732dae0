"""The breaker of one engine: a state machine, shown with times that are passed in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import (
    BrokenAnswerError,
    DeadlineError,
    EngineError,
    NoKeyError,
    OverloadedError,
    RateLimitedError,
    RefusedRequestError,
)
from weighbridge.exchange.breaker import DOUBLINGS, MOST_STRIKES, Breaker
from weighbridge.settings import Resilience

RULES = Resilience(failures=3, failure_share=0.5, window=30, open_seconds=10, cooldown=2, slow_start=10)
DOWN = OverloadedError("It is full.", status=503)


def failing(times: int = 3, at: float = 100.0, error: EngineError = DOWN) -> Breaker:
    breaker = Breaker(RULES)
    for _ in range(times):
        breaker.failed(at, error, fair=True, probe=False)
    return breaker


def asked(breaker: Breaker, now: float, *, alone: bool = False) -> bool:
    return breaker.refusal(now, "m@h", alone=alone) is None


def test_enough_failures_open_it_and_fewer_do_not() -> None:
    assert asked(failing(2), 100)
    breaker = failing(3)
    assert breaker.word(100) == "open"
    refusal = breaker.refusal(104, "m@h", alone=True)
    assert isinstance(refusal, OverloadedError)
    assert (refusal.where, refusal.status) == ("m@h", 503)
    assert refusal.retry_after == pytest.approx(6.0)
    assert "It is full." in refusal.what
    assert refusal.fix


def test_failures_among_many_answers_do_not_open_it() -> None:
    breaker = Breaker(RULES)
    for second in range(12):
        breaker.good(100.0 + second)
    for _ in range(11):
        breaker.failed(112, DOWN, fair=True, probe=False)
    assert asked(breaker, 112)
    breaker.failed(112, DOWN, fair=True, probe=False)  # now half of them
    assert not asked(breaker, 112)


def test_failures_of_long_ago_are_forgotten() -> None:
    breaker = failing(2, at=100)
    breaker.failed(131, DOWN, fair=True, probe=False)
    assert asked(breaker, 131)


def test_after_the_pause_one_tries_it() -> None:
    breaker = failing()
    assert breaker.word(110) == "half-open"
    assert asked(breaker, 110)
    breaker.probing = True
    assert not asked(breaker, 110, alone=True)


def test_a_try_that_fails_doubles_the_pause_up_to_a_bound() -> None:
    breaker, now, pauses = failing(), 100.0, []
    for _ in range(MOST_STRIKES + 3):
        start = now
        while not asked(breaker, now):
            now += 1
        pauses.append(now - start)
        breaker.failed(now, DOWN, fair=True, probe=True)
    assert pauses == [10, 20, 40, 80, 160, 320, 320, 320]


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_pause() -> None:
    breaker = failing(40)
    assert not asked(breaker, 109.9)
    assert asked(breaker, 110)
    breaker.failed(111, DOWN, fair=True, probe=False)
    assert asked(breaker, 111)


def test_a_try_that_succeeds_lets_more_and_more_in() -> None:
    breaker = failing()
    breaker.good(110)
    assert breaker.word(110) == "slow-start"
    assert [breaker.room(110 + second) for second in range(4)] == [1, 2, 4, 8]
    breaker.under_way = 4
    assert asked(breaker, 113)
    refusal = breaker.refusal(112, "m@h", alone=True)
    assert refusal is not None
    assert refusal.retry_after == 1.0
    assert breaker.room(120) is None
    assert breaker.word(120) == ""


def test_the_pause_is_short_again_once_it_was_well_for_a_while() -> None:
    breaker = failing()
    breaker.failed(110, DOWN, fair=True, probe=True)
    breaker.good(130)
    breaker.good(141)  # the slow start is over
    for _ in range(3):
        breaker.failed(180, DOWN, fair=True, probe=False)
    assert not asked(breaker, 189.9)
    assert asked(breaker, 190)


def test_a_host_that_says_when_to_come_back_is_left_alone_until_then() -> None:
    breaker = failing(1, error=RateLimitedError("Slow down.", status=429, retry_after=60))
    assert breaker.word(100) == "cooling"
    refusal = breaker.refusal(145, "m@h", alone=True)
    assert isinstance(refusal, RateLimitedError)
    assert refusal.status == 429
    assert refusal.retry_after == pytest.approx(15.0)
    assert asked(breaker, 160)
    assert breaker.room(160) == 1  # not all at once


def test_after_a_short_wait_all_may_come() -> None:
    breaker = failing(1, error=RateLimitedError("Slow down.", status=429, retry_after=2))
    assert breaker.room(102) is None
    assert breaker.word(102) == ""


def test_a_host_that_does_not_say_when_is_passed_over_only_where_another_can_answer() -> None:
    breaker = failing(1, error=RateLimitedError("Slow down.", status=429))
    assert not asked(breaker, 101)
    assert asked(breaker, 101, alone=True)
    assert asked(breaker, 102)


def test_rate_limits_never_open_it_and_what_is_asked_for_is_bounded() -> None:
    breaker = failing(50, error=RateLimitedError("Slow down.", retry_after=10**9))
    assert breaker.closed
    assert asked(breaker, 100 + RULES.max_cooldown)


def test_a_shorter_wait_does_not_undo_a_longer_one() -> None:
    breaker = failing(1, error=RateLimitedError("Slow down.", retry_after=60))
    breaker.failed(101, RateLimitedError("Slow down.", retry_after=1), fair=True, probe=False)
    assert not asked(breaker, 159)


def test_an_overloaded_host_may_say_when_too() -> None:
    breaker = failing(1, error=OverloadedError("Down for repairs.", status=503, retry_after=30))
    assert not asked(breaker, 129, alone=True)
    assert asked(breaker, 130)


@pytest.mark.parametrize("error", [NoKeyError("No key."), RefusedRequestError("No."), DeadlineError("Late.")])
def test_what_says_nothing_of_its_health_does_not_count(error: EngineError) -> None:
    breaker = Breaker(RULES)
    for _ in range(20):
        breaker.failed(100, error, fair=False, probe=False)
    assert asked(breaker, 100)
    assert breaker.word(100) == ""


def test_being_late_counts_where_it_had_its_time() -> None:
    assert not asked(failing(3, error=DeadlineError("Late.")), 100)


def test_a_request_that_it_refuses_shows_that_it_is_there() -> None:
    breaker = failing()
    breaker.failed(110, RefusedRequestError("No."), fair=True, probe=True)
    assert breaker.closed


def test_a_try_that_is_told_to_wait_shows_that_it_is_there() -> None:
    breaker = failing()
    breaker.failed(110, RateLimitedError("Slow down.", retry_after=5), fair=True, probe=True)
    assert breaker.closed
    assert breaker.word(111) == "cooling"
    assert breaker.room(115) == 1


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.sampled_from(["good", "down", "broken", "limited", "told", "refused"])),
        max_size=60,
    )
)
def test_whatever_happens_it_is_asked_again_in_bounded_time(happenings: list[tuple[float, str]]) -> None:
    """And while it is open or cools, at the host's own word, nobody is let in."""
    breaker, now = Breaker(RULES), 0.0
    errors = {
        "down": DOWN,
        "broken": BrokenAnswerError("Half."),
        "limited": RateLimitedError("Slow."),
        "told": RateLimitedError("Slow.", retry_after=25),
        "refused": RefusedRequestError("No."),
    }
    for passed, what in happenings:
        now += passed
        word = breaker.word(now)
        if word == "open":
            assert not asked(breaker, now, alone=True)
        if word == "":
            assert asked(breaker, now)
        probe = word == "half-open"
        if what == "good":
            breaker.good(now)
        else:
            breaker.failed(now, errors[what], fair=True, probe=probe)
        room = breaker.room(now)
        assert room is None or 1 <= room <= 2**DOUBLINGS
    longest = RULES.open_seconds * 2**MOST_STRIKES + 25 + 2
    assert asked(breaker, now + longest)
