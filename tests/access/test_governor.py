"""Who is let in: limits, budgets, turns, what clients are told, and that everything is given back."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from weighbridge import dialects
from weighbridge.access import headers
from weighbridge.access.estimate import Estimate
from weighbridge.access.governor import Governor
from weighbridge.access.meters import DAY, FIELDS, INPUT, OUTPUT, REQUESTS, Level, Meters, Want
from weighbridge.access.rules import Rules
from weighbridge.canon import (
    Attempt,
    Engine,
    Host,
    ImagePart,
    Key,
    Message,
    Model,
    Offer,
    Price,
    Profile,
    Record,
    Request,
    Rule,
    Sampling,
    TextPart,
    Tool,
    Trace,
    Usage,
)
from weighbridge.engines.clock import Clock
from weighbridge.errors import BudgetError, LimitError, RateLimitedError
from weighbridge.exchange.call import Call
from weighbridge.settings import Limits

NOON = 1_795_435_200.0  # 2026-11-23T12:00:00Z
KEY = Key("k", "shop", 0.0, team="web")


class Noon(Clock):
    """The real clock for waiting, and one that stands still for counting."""

    def now(self):
        return NOON


def engine(name="a", *, output=2_000_000, currency="USD", priced=True, url="http://x", **more):
    prices = (Price(input=1_000_000, output=output, currency=currency),) if priced else ()
    return Engine(Model(name, **more), Host("h", url=url), Offer(name, "h", prices=prices), Profile())


def request(text="x" * 40, max_tokens=10, **more):
    return Request("r", (Message("user", (TextPart(text),)),), sampling=Sampling(max_tokens=max_tokens), **more)


def call(key=KEY, dialect="openai-chat", **more):
    return Call(request(**more), dialect=dialect, caller=key.id if key else "", key=key)


@pytest.fixture
def place(tmp_path):
    return tmp_path / "meters"


@pytest.fixture
def governed(place):
    made = []

    def make(*rules: Rule, spent=0, **limits: Any):
        known = Rules()
        known.apply([Record("rule", rule.subject, n, msgspec.json.encode(rule)) for n, rule in enumerate(rules)])
        meters = Meters(place, now=lambda: NOON)
        made.append(meters)
        counted: list[tuple[str, tuple[str, ...]]] = []
        one = Governor(
            meters, known.of, Limits(**limits), clock=Noon(), count=lambda name, labels: counted.append((name, labels))
        )
        one.counted = counted  # type: ignore[attr-defined]
        for rule in rules:
            for field in ("day", "month"):
                if getattr(rule, field) is not None and not rule.subject.endswith("*"):
                    at = meters.open(rule.subject, field, rule.currency)
                    meters.seed(rule.subject, field, at.span, spent)
        return one

    yield make
    for meters in made:
        meters.close()


async def admit(governor, asked=None, *, by=None, seconds=5.0, name="t"):
    asked = asked or call()
    deadline = governor.clock.monotonic() + seconds
    return await governor.admit(asked, trace_id=name, route="r", engine=by or engine(), deadline=deadline)


USAGE = Usage(10, 0, 20)


def trace(cost=30, usage=USAGE, name="a@h"):
    attempt = Attempt(name, 0, 1, billed=True, usage=usage, cost=cost)
    return Trace("t", NOON, "r", name, usage=usage, key="k", team="web", total=1.0, attempts=(attempt,))


def standings(governor):
    return {(s.subject, s.field): (s.used, s.reserved) for s in governor.meters.standings()}


# --- limits ---------------------------------------------------------------------------------------


async def test_without_rules_everyone_is_let_in_and_nothing_is_counted(governed):
    governor = governed()
    permit = await admit(governor)
    permit.enter(engine())
    assert permit.told("openai-chat") == ()
    assert permit.note() == b""
    permit.leave(engine())
    permit.settle(trace())
    assert standings(governor) == {}


async def test_key_team_and_route_must_all_have_room(governed):
    governor = governed(Rule("key:k", requests=9), Rule("team:web", requests=1), Rule("route:*", input_tokens=100))
    permit = await admit(governor)
    with pytest.raises(LimitError, match=r"The requests per minute of team:web are limited to 1; 1 are used") as told:
        await admit(governor)
    assert told.value.where == "team:web requests"
    assert told.value.retry_after == 60.0
    assert told.value.fix
    permit.settle(trace())
    assert standings(governor) == {
        ("key:k", "requests"): (1, 0),
        ("team:web", "requests"): (1, 0),
        ("route:r", "input"): (10, 0),
    }
    assert governor.counted == [("weighbridge_limited_total", ("limit_reached", "team"))]
    with pytest.raises(LimitError):
        await admit(governor, call(Key("other", "o", 0.0, team="web")))
    await admit(governor, call(None))


async def test_a_request_that_would_never_fit_is_told_so(governed):
    governor = governed(Rule("key:k", output_tokens=5))
    with pytest.raises(LimitError, match="may need 10") as told:
        await admit(governor)
    assert told.value.retry_after is None
    assert "smaller" in told.value.fix


async def test_a_limit_of_nothing_lets_nothing_through(governed):
    for rule in (Rule("key:k", requests=0), Rule("key:k", concurrency=0), Rule("key:k", day=0)):
        with pytest.raises(LimitError):
            await admit(governed(rule))


async def test_what_failed_before_any_call_is_given_back(governed):
    governor = governed(Rule("key:k", input_tokens=100, output_tokens=100, concurrency=1, day=1000))
    permit = await admit(governor)
    permit.settle(Trace("t", NOON, "r", "", outcome="unreachable", key="k", total=1.0))
    assert set(standings(governor).values()) == {(0, 0)}


async def test_settling_twice_and_leaving_late_change_nothing(governed):
    governor = governed(Rule("key:k", requests=9, day=1000), Rule("engine:a@h", concurrency=1))
    permit = await admit(governor)
    permit.enter(engine())
    permit.settle(trace())
    permit.settle(trace(500))
    permit.leave(engine())
    assert standings(governor)["key:k", "day"] == (30, 0)
    assert standings(governor)["engine:a@h", "concurrency"] == (0, 0)


# --- turns ----------------------------------------------------------------------------------------


async def test_who_finds_too_many_under_way_waits_for_a_turn_in_order(governed):
    governor = governed(Rule("key:k", concurrency=1))
    first = await admit(governor)
    order = []

    async def next_one(number):
        permit = await admit(governor, name=f"t{number}")
        order.append(number)
        assert standings(governor)["key:k", "concurrency"] == (0, 1)
        await asyncio.sleep(0)
        permit.settle(trace())

    waiting = [asyncio.create_task(next_one(number)) for number in range(5)]
    await asyncio.sleep(0.03)
    assert order == []
    waiting[2].cancel()
    first.settle(trace())
    await asyncio.gather(*waiting, return_exceptions=True)
    assert order == [0, 1, 3, 4]
    assert standings(governor)["key:k", "concurrency"] == (0, 0)
    assert governor._lines == {}


async def test_keys_of_a_route_take_turns(governed):
    governor = governed(Rule("route:r", concurrency=1))
    first = await admit(governor)
    order = []

    async def next_one(key):
        permit = await admit(governor, call(Key(key, key, 0.0)))
        order.append(key)
        permit.settle(trace())

    waiting = [asyncio.create_task(next_one(key)) for key in ("head", "loud", "loud", "loud", "quiet")]
    await asyncio.sleep(0.03)
    first.settle(trace())
    await asyncio.gather(*waiting)
    assert order == ["head", "loud", "quiet", "loud", "loud"]


async def test_what_another_process_gives_back_is_seen(governed):
    one, two = governed(Rule("key:k", concurrency=1)), governed(Rule("key:k", concurrency=1))
    first = await admit(one)
    waiting = asyncio.create_task(admit(two))
    await asyncio.sleep(0.03)
    assert not waiting.done()
    first.settle(trace())
    (await waiting).settle(trace())


@pytest.mark.parametrize(("limits", "seconds"), [({"queue_seconds": 0.02}, 5), ({}, 0.02), ({"queue": 0}, 5)])
async def test_nobody_waits_for_ever(governed, limits, seconds):
    governor = governed(Rule("key:k", concurrency=1), **limits)
    await admit(governor)
    with pytest.raises(LimitError, match="at a time of key:k are limited to 1, and as many are under way") as told:
        await admit(governor, seconds=seconds)
    assert told.value.retry_after == 1.0
    assert governor._lines == {}


async def test_who_waits_and_finds_another_limit_reached_is_told_and_lets_the_next_try(governed):
    governor = governed(Rule("key:k", concurrency=1, requests=2))
    first = await admit(governor)
    waiting = [asyncio.create_task(admit(governor, name=str(n))) for n in range(3)]
    await asyncio.sleep(0.02)
    first.settle(trace())
    await asyncio.sleep(0.03)
    waiting[0].result().settle(trace())
    told = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(one).__name__ for one in told] == ["Permit", "LimitError", "LimitError"]
    assert governor._lines == {}


# --- budgets --------------------------------------------------------------------------------------


async def test_a_budget_reserves_what_a_request_may_cost_and_counts_what_it_did(governed):
    governor = governed(Rule("key:k", day=100))
    permit = await admit(governor)  # 10 tokens in, 10 out, of 1 and 2 micro-units each
    assert standings(governor)["key:k", "day"] == (0, 30)
    others = [await admit(governor) for _ in range(2)]
    with pytest.raises(BudgetError, match=r"0\.0001 USD per day; 0\.00009 USD are spent or reserved") as told:
        await admit(governor)
    assert told.value.retry_after == 1.0
    permit.settle(trace(95))
    for other in others:
        other.settle(trace(0))
    with pytest.raises(BudgetError) as told:
        await admit(governor)
    assert told.value.retry_after == 12 * 3600
    assert standings(governor)["key:k", "day"] == (95, 0)


async def test_what_was_spent_before_counts(governed):
    with pytest.raises(BudgetError):
        await admit(governed(Rule("key:k", month=100), spent=71))
    await admit(governed(Rule("team:web", month=100), spent=70))


@pytest.mark.parametrize("by", [engine(priced=False), engine(currency="EUR")])
async def test_an_engine_whose_cost_nobody_knows_is_refused_under_a_hard_budget_only(governed, by):
    with pytest.raises(BudgetError, match="a@h has no known price in USD"):
        await admit(governed(Rule("key:k", day=100)), by=by)
    await admit(governed(Rule("key:k", day=100, hard=False)), by=by)


async def test_engines_that_run_here_cost_nothing(governed):
    await admit(governed(Rule("key:k", day=0)), by=engine(priced=False, url=""))


async def test_soft_budgets_tell_and_are_told_of_once(governed, caplog):
    governor = governed(Rule("key:k", day=100, month=1000, soft=0.8, hard=False), spent=70)
    with caplog.at_level(logging.WARNING):
        told = dict((await admit(governor)).told("gemini-generate"))
        assert told == {b"x-weighbridge-budget": b"key:k day 100%"}
        assert dict((await admit(governor)).told("openai-chat"))[b"x-weighbridge-budget"] == b"key:k day 130%"
    assert len(caplog.records) == 1
    assert governor.counted == [("weighbridge_budget_warnings_total", ("key", "day"))]


async def test_a_budget_that_is_not_known_yet_is_waited_for_and_then_refuses(governed, monkeypatch):
    governor = governed(Rule("key:*", day=100))
    waiting = asyncio.create_task(admit(governor))
    await asyncio.sleep(0.02)
    assert governor.meters.unknown()
    assert governor.meters.seed("key:k", "day", "2026-11-23", 0)
    (await waiting).settle(trace())
    monkeypatch.setattr("weighbridge.access.governor.PATIENCE", 0.02)
    with pytest.raises(BudgetError, match="could not be read: the state store does not answer"):
        await admit(governor, call(Key("new", "n", 0.0)))


# --- engines --------------------------------------------------------------------------------------


async def test_an_engine_at_its_limit_lets_the_road_ask_another(governed):
    governor = governed(Rule("engine:a@h", concurrency=1, requests=2, day=1000), Rule("key:k", concurrency=9))
    one, two = await admit(governor), await admit(governor)
    one.enter(engine())
    with pytest.raises(RateLimitedError, match=r"as many are under way.* \(engine:a@h concurrency\)") as told:
        two.enter(engine())
    assert told.value.where == "a@h"
    assert told.value.transient
    two.enter(engine("b"))
    one.leave(engine())
    two.enter(engine())
    two.leave(engine())
    with pytest.raises(RateLimitedError) as told:
        one.enter(engine())
    assert told.value.retry_after == 60.0
    assert standings(governor)["engine:a@h", "day"] == (0, 60)
    assert len(one.note()) == len(two.note()) == 24
    for permit in (one, two):
        permit.settle(trace())
    assert standings(governor)["engine:a@h", "day"] == (60, 0)
    assert standings(governor)["engine:a@h", "concurrency"] == (0, 0)


async def test_an_engine_with_a_budget_and_no_price_is_passed_over(governed):
    governor = governed(Rule("engine:a@h", day=1000))
    permit = await admit(governor, by=engine(priced=False))
    with pytest.raises(RateLimitedError, match="no known price"):
        permit.enter(engine(priced=False))
    permit.enter(engine("b", priced=False))
    permit.settle(trace(name="b@h"))
    assert standings(governor)["engine:a@h", "day"] == (0, 0)


async def test_a_dearer_fallback_reserves_the_difference_and_a_hedge_all_of_it(governed):
    governor = governed(Rule("key:k", day=130))
    permit = await admit(governor)
    permit.enter(engine())
    assert standings(governor)["key:k", "day"] == (0, 30)
    permit.leave(engine())
    permit.enter(engine("dear", output=5_000_000))
    assert standings(governor)["key:k", "day"] == (0, 60)
    permit.enter(engine("b"))
    assert standings(governor)["key:k", "day"] == (0, 90)
    with pytest.raises(RateLimitedError, match="may spend"):
        permit.enter(engine("dear", output=5_000_000))
    with pytest.raises(RateLimitedError, match="no known price"):
        permit.enter(engine("c", priced=False))
    permit.settle(trace())
    assert standings(governor)["key:k", "day"] == (30, 0)


async def test_an_engines_tokens_are_those_of_its_own_calls(governed):
    governor = governed(Rule("engine:*", input_tokens=100, output_tokens=100))
    permit = await admit(governor)
    permit.enter(engine())
    permit.leave(engine())
    permit.enter(engine("b"))
    one = Attempt("a@h", 0, 1, "overloaded", billed=True, usage=Usage(3, 0, 4), cost=1)
    two = Attempt("b@h", 0, 1, billed=True, usage=Usage(5, 0, 6), cost=1)
    permit.settle(Trace("t", NOON, "r", "b@h", usage=Usage(5, 0, 6), total=1.0, attempts=(one, two)))
    assert standings(governor) == {
        ("engine:a@h", "input"): (3, 0),
        ("engine:a@h", "output"): (4, 0),
        ("engine:b@h", "input"): (5, 0),
        ("engine:b@h", "output"): (6, 0),
    }


# --- what clients are told ------------------------------------------------------------------------

_LIMITED = Rule("key:k", requests=10, input_tokens=1000, output_tokens=500)


@pytest.mark.parametrize("refused", [False, True])
async def test_openais_headers(governed, refused):
    governor = governed(_LIMITED, Rule("route:r", requests=1 if refused else 4))
    told = dict((await admit(governor)).told("openai-chat"))
    left = 3
    if refused:
        with pytest.raises(LimitError) as error:
            await admit(governor)
        told, left = dict(error.value.told), 0
    assert told == {
        b"x-ratelimit-limit-requests": b"%d" % (1 if refused else 4),
        b"x-ratelimit-remaining-requests": b"%d" % left,
        b"x-ratelimit-reset-requests": b"60s",
        b"x-ratelimit-limit-tokens": b"500",
        b"x-ratelimit-remaining-tokens": b"490",
        b"x-ratelimit-reset-tokens": b"60s",
    }


async def test_anthropics_headers(governed):
    governor = governed(_LIMITED)
    told = dict((await admit(governor)).told("anthropic-messages"))
    for name, limit, left in (("requests", 10, 9), ("input-tokens", 1000, 990), ("output-tokens", 500, 490)):
        head = f"anthropic-ratelimit-{name}-".encode()
        assert told.pop(head + b"limit") == b"%d" % limit
        assert told.pop(head + b"remaining") == b"%d" % left
        assert told.pop(head + b"reset") == b"2026-11-23T12:01:00Z"
    assert told == {}


def test_geminis_clients_find_the_wait_in_the_body():
    error = BudgetError("Spent.", where="key:k month", fix="Wait.", retry_after=2_591_999.5)
    status, body = dialects.get("gemini-generate").write_error(error)
    assert status == 402
    assert b'"retryDelay":"2591999.5s"' in body


def test_nothing_is_told_of_what_is_not_limited():
    level = Level(Want("key:k", DAY, 1, 10, soft=0.5), 4, 0)
    assert headers.told("openai-chat", [level], NOON) == ()
    assert headers.told("gemini-generate", [Level(Want("key:k", REQUESTS, 1, 10), 4, 0)], NOON) == ()
    assert headers.budgets([level], FIELDS) == ()
    named = Level(Want("team:bü\r\nx", DAY, 1, 0, soft=0.5), 4, 0)
    ((_, value),) = headers.budgets([named], FIELDS)
    assert value == b"team:b%C3%BC%0D%0Ax day 100%"


# --- guesses --------------------------------------------------------------------------------------


def test_guesses():
    one = Estimate(request(max_tokens=None), at=NOON, output=1000)
    assert (one.input, one.output(engine()), one.output(engine(max_output=8))) == (10, 1000, 8)
    many = Request(
        "r",
        (Message("user", (TextPart("x"), ImagePart(data="y" * 10_000))),),
        tools=(Tool("f", "abc", {"type": "object"}),),
        sampling=Sampling(max_tokens=7, n=3),
    )
    two = Estimate(many, at=NOON, output=1000)
    assert two.output(engine()) == 21
    assert 1000 < two.input < 1010
    assert two.cost(engine(), "USD") == two.input + 42
    assert Estimate(request(max_tokens=-5), at=NOON, output=1).output(engine()) == 0


def test_fields_are_what_rules_limit():
    assert (FIELDS[INPUT], FIELDS[OUTPUT]) == ("input", "output")
