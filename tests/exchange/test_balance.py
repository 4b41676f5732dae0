"""In which order engines are asked: by price, by pace, by weight, and where a conversation was."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from scripts import engine

from weighbridge.canon import Engine, Offer, Price, Route
from weighbridge.exchange.balance import Balancer, by_pace, by_price, by_weight, drawn, spread

DAY = "2026-11-23"
HOSTS = "abcde"


def priced(name: str, *prices: Price) -> Engine:
    made = engine(name)
    return replace(made, offer=Offer(made.model.name, made.host.name, prices=prices))


def route(*names: str, **more) -> Route:
    return Route("r", names[0], names[1:], **more)


def names(engines) -> list[str]:
    return [one.name for one in engines]


def balancer(paces=None, *, seed: int = 1, explore: float = 0.0, remembered: int = 100) -> Balancer:
    known = paces or {}
    return Balancer(
        lambda one, _stream: known.get(one.name), random.Random(seed), explore=explore, remembered=remembered
    )


def order(on: Balancer, by: Route | None, engines, *, conversation: str = "", stream: bool = True) -> list[str]:
    return names(on.order(by, engines, conversation=conversation, stream=stream, day=DAY))


def test_only_the_offers_of_the_primarys_model_are_spread() -> None:
    engines = [engine("m@a"), engine("other@x"), engine("m@b"), engine("last@y")]
    by = route(*names(engines), balance="latency")
    same, rest = spread(by, engines)
    assert names(same) == ["m@a", "m@b"]
    assert names(rest) == ["other@x", "last@y"]
    on = balancer({"m@a": 2.0, "m@b": 1.0, "other@x": 0.1})
    assert order(on, by, engines) == ["m@b", "m@a", "other@x", "last@y"]


def test_it_is_the_primarys_model_even_where_the_primary_may_not_answer() -> None:
    engines = [engine("other@x"), engine("m@b"), engine("m@c")]
    by = Route("r", "m@a", ("other@x", "m@b", "m@c"), balance="weight", weights={"m@b": 0.0})
    assert order(balancer(), by, engines) == ["m@c", "m@b", "other@x"]
    assert order(balancer(), replace(by, balance=""), engines) == ["other@x", "m@b", "m@c"]


def test_without_a_balance_or_a_route_the_order_stays() -> None:
    engines = [engine("m@b"), engine("m@a")]
    assert order(balancer({"m@a": 0.1, "m@b": 9.0}), route("m@b", "m@a"), engines) == ["m@b", "m@a"]
    assert order(balancer(), None, engines) == ["m@b", "m@a"]


def test_the_cheapest_first_by_the_prices_of_the_day() -> None:
    dear = priced("m@dear", Price(input=300, output=900), Price(input=1, output=1, valid_from="2026-11-24"))
    mixed = priced("m@mixed", Price(input=100, output=2000))  # dearer than it looks: 3 x 100 + 2000
    cheap = priced("m@cheap", Price(input=200, output=400))
    unknown, foreign = priced("m@unknown"), priced("m@foreign", Price(input=1, output=1, currency="EUR"))
    engines = [dear, unknown, foreign, mixed, cheap]
    assert names(by_price(engines, DAY)) == ["m@cheap", "m@dear", "m@mixed", "m@unknown", "m@foreign"]
    assert names(by_price(engines, "2026-11-24"))[0] == "m@dear"


def test_equal_prices_keep_their_order() -> None:
    engines = [priced(f"m@{host}", Price(input=1, output=1)) for host in HOSTS]
    assert by_price(engines, DAY) == engines


def test_the_fastest_first_and_the_unknown_behind() -> None:
    engines = [engine(f"m@{host}") for host in HOSTS]
    paces = {"m@b": 0.5, "m@d": 0.2}
    assert names(by_pace(engines, lambda one: paces.get(one.name))) == ["m@d", "m@b", "m@a", "m@c", "m@e"]


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5])
def test_another_than_the_fastest_is_tried_as_often_as_is_said(share: float) -> None:
    engines = [engine(f"m@{host}") for host in HOSTS]
    on = balancer({"m@c": 0.1}, explore=share)
    by = route(*names(engines), balance="latency")
    first = Counter(order(on, by, engines)[0] for _ in range(4000))
    tried = 1 - first["m@c"] / 4000
    assert abs(tried - share) < 0.03
    assert len(first) == (5 if share else 1)


def test_each_goes_first_as_often_as_its_weight_says() -> None:
    engines = [engine(f"m@{host}") for host in "abc"]
    by = route(*names(engines), balance="weight", weights={"m@a": 6.0, "m@b": 3.0, "m@c": 1.0})
    on = balancer()
    first = Counter(order(on, by, engines)[0] for _ in range(5000))
    for name, share in (("m@a", 0.6), ("m@b", 0.3), ("m@c", 0.1)):
        assert abs(first[name] / 5000 - share) < 0.03


def test_a_weight_of_zero_goes_last() -> None:
    engines = [engine(f"m@{host}") for host in "abc"]
    by = route(*names(engines), balance="weight", weights={"m@a": 0.0})
    assert all(order(balancer(seed=seed), by, engines)[-1] == "m@a" for seed in range(50))


def test_a_conversation_stays_where_it_was_answered() -> None:
    engines = [engine(f"m@{host}") for host in "abc"]
    by = route(*names(engines), sticky=True)
    on = balancer()
    on.answered(by, engines[2], "talk")
    assert order(on, by, engines, conversation="talk") == ["m@c", "m@a", "m@b"]
    assert order(on, by, engines, conversation="other") == ["m@a", "m@b", "m@c"]
    assert order(on, by, engines) == ["m@a", "m@b", "m@c"]
    assert order(on, by, engines[:2], conversation="talk") == ["m@a", "m@b"]  # it may not answer any more
    assert order(on, replace(by, name="r2"), engines, conversation="talk")[0] == "m@a"
    assert order(on, replace(by, sticky=False), engines, conversation="talk")[0] == "m@a"


def test_the_conversations_that_are_known_are_bounded() -> None:
    engines = [engine(f"m@{host}") for host in "ab"]
    by = route(*names(engines), sticky=True)
    on = balancer(remembered=10)
    on.answered(by, engines[1], "old")
    on.answered(by, engines[1], "kept")
    for number in range(9):
        order(on, by, engines, conversation="kept")  # who goes on is not forgotten
        on.answered(by, engines[1], f"c{number}")
    assert order(on, by, engines, conversation="old")[0] == "m@a"
    assert order(on, by, engines, conversation="kept")[0] == "m@b"


def test_workers_that_know_nothing_of_a_conversation_agree_on_its_engine() -> None:
    engines = [engine(f"m@{host}") for host in HOSTS]
    by = route(*names(engines), balance="weight", sticky=True)
    talks = [f"talk {number}" for number in range(200)]
    one, two = balancer(seed=1), balancer(seed=2)
    first = [order(one, by, engines, conversation=talk)[0] for talk in talks]
    assert first == [order(two, by, engines, conversation=talk)[0] for talk in talks]
    assert len(set(first)) == len(HOSTS)


@settings(max_examples=60)
@given(st.integers(0, 4), st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=20))
def test_only_the_conversations_of_an_engine_that_went_away_move(gone: int, talks: list[str]) -> None:
    engines = [engine(f"m@{host}") for host in HOSTS]
    left = [one for one in engines if one is not engines[gone]]
    for talk in talks:
        before = names(by_weight(engines, {}, drawn(talk)))
        assert names(by_weight(left, {}, drawn(talk))) == [name for name in before if name != engines[gone].name]


@settings(max_examples=100)
@given(
    st.permutations([f"m@{host}" for host in HOSTS] + ["n@a", "n@b"]),
    st.sampled_from(["", "price", "latency", "weight"]),
    st.dictionaries(st.sampled_from([f"m@{host}" for host in HOSTS]), st.floats(0, 1000)),
    st.booleans(),
    st.text(max_size=5),
)
def test_nobody_is_lost_or_asked_twice(shuffled, balance, numbers, sticky, conversation) -> None:
    engines = [engine(name) for name in shuffled]
    by = route(*shuffled, balance=balance, weights=numbers, sticky=sticky)
    on = balancer(numbers, explore=0.5)
    for _ in range(3):
        found = on.order(by, engines, conversation=conversation, stream=True, day=DAY)
        assert sorted(names(found)) == sorted(shuffled)
        if balance and not (sticky and conversation):
            models = [one.model.name for one in found]
            assert models == sorted(models, key=lambda model: model != engines[0].model.name)
        on.answered(by, found[-1], conversation)
