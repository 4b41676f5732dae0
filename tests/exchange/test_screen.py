"""The screen: judged once, remembered while nothing changes, anew with each day; other requests get other judgements."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.canon import (
    DATA_CLASSES,
    Engine,
    Host,
    Key,
    Model,
    Offer,
    Plan,
    Policy,
    Price,
    Profile,
    Request,
    Route,
    Sampling,
)
from weighbridge.errors import PolicyError
from weighbridge.exchange import Call
from weighbridge.exchange.screen import PolicyScreen, asked_of_call, policies_of
from weighbridge.routes import Choice, choose
from weighbridge.routes.policy import judged

DAY = 86_400.0
PRICES = (Price(input=1, output=1), Price(input=9, output=9, valid_from="1970-01-03"))
ENGINES = {
    "a@near": Engine(
        Model("a"),
        Host("near", url="http://near.invalid", jurisdiction="DE", cleared_for="personal"),
        Offer("a", "near", prices=PRICES),
        Profile(),
    ),
    "a@far": Engine(
        Model("a"),
        Host("far", url="http://far.invalid", jurisdiction="US"),
        Offer("a", "far", max_output=10),
        Profile(),
    ),
}


class Place:
    """A plan with one route, a clock, and what was told of refusals."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.at = 0.0
        self.told: list[tuple[str, str, bool]] = []
        self.plan = Plan(1, {"r": Route("r", "a@near", ("a@far",), policy=policy)})
        self.screen = PolicyScreen(lambda: self.at, lambda r, one, first: self.told.append((r, one.engine.name, first)))
        self.choices = {name: choose(self.plan, name, ENGINES.__getitem__) for name in ("r", "a@near", "a@far")}

    def who(self, call: Call, name: str = "r", **more: bool) -> list[str]:
        try:
            return [one.name for one in self.screen.admitted(call, self.plan, self.choices[name], **more)]
        except PolicyError:
            return []


def ask(**more) -> Call:
    request = Request("r", sampling=Sampling(max_tokens=more.pop("most", None)))
    return Call(request, dialect="openai-chat", **more)


def test_without_policies_the_engines_are_those_of_the_choice() -> None:
    place = Place()
    assert place.screen.admitted(ask(), place.plan, place.choices["r"]) is place.choices["r"].engines
    assert place.told == []


def test_what_is_refused_is_told_each_time_and_the_first_time_marked() -> None:
    place = Place(Policy(jurisdictions=("EU",)))
    assert [place.who(ask()) for _ in range(3)] == [["a@near"]] * 3
    assert place.told == [("r", "a@far", True), ("r", "a@far", False), ("r", "a@far", False)]
    with pytest.raises(PolicyError, match=r"a@near: data_class \(request\).*a@far: jurisdictions"):
        place.screen.admitted(ask(data_class="secret"), place.plan, place.choices["r"])


def test_a_price_that_rises_at_midnight_refuses_from_then_on() -> None:
    place = Place(Policy(max_input_price=5))
    assert place.who(ask()) == ["a@near"]
    place.at = 2 * DAY - 0.001
    assert place.who(ask()) == ["a@near"]
    place.at = 2 * DAY
    assert place.who(ask()) == []
    place.at = 0.0  # a clock that was set back
    assert place.who(ask()) == ["a@near"]


def test_keys_have_policies_and_scopes_of_their_own_and_both_hold() -> None:
    place = Place(Policy(data_class="personal"))
    key = Key("k-1", "shop", 0.0)
    assert place.who(ask(key=key)) == ["a@near"]
    assert place.who(ask(key=replace(key, policy=Policy(jurisdictions=("US",))))) == []
    assert place.who(ask(key=replace(key, engines=("*@far",)))) == []
    assert place.who(ask(key=replace(key, engines=("*@far",))), "a@far") == ["a@far"]
    assert place.who(ask(key=replace(key, policy=Policy(jurisdictions=("US",)))), "a@near") == []


def test_what_is_no_conversation_gives_no_output() -> None:
    place = Place(Policy(max_output=100))
    assert place.who(ask()) == ["a@far"]  # its own limit is low enough
    assert place.who(ask(), talks=False) == ["a@near", "a@far"]
    assert place.who(ask(most=100)) == ["a@near", "a@far"]
    assert place.who(ask(most=101)) == []


def test_a_plan_or_a_catalogue_that_changes_makes_new_choices_and_so_new_judgements() -> None:
    place = Place(Policy(jurisdictions=("EU",)))
    assert place.who(ask()) == ["a@near"]
    moved = replace(ENGINES["a@near"], host=replace(ENGINES["a@near"].host, jurisdiction="US"))
    place.choices["r"] = choose(place.plan, "r", {**ENGINES, "a@near": moved}.__getitem__)
    assert place.who(ask()) == []


_POLICIES = st.builds(
    Policy,
    jurisdictions=st.sampled_from([(), ("EU",), ("US", "EU")]),
    data_class=st.sampled_from(["", *DATA_CLASSES]),
    max_input_price=st.sampled_from([None, 5]),
    max_output=st.sampled_from([None, 5, 50]),
    dialects=st.sampled_from([(), ("openai-chat",), ("gemini-generate",)]),
)


@given(
    st.none() | _POLICIES,
    st.lists(
        st.tuples(
            st.none() | _POLICIES,
            st.sampled_from(["", *DATA_CLASSES]),
            st.sampled_from([None, 1, 7, 60]),
            st.booleans(),
        ),
        max_size=6,
    ),
)
def test_what_is_remembered_is_what_would_be_judged_anew(policy, requests) -> None:
    place = Place(policy)
    for own, data_class, most, scoped in requests:
        key = Key("k", "k", 0.0, policy=own, engines=("a@near",) if scoped else ())
        call = ask(key=key, data_class=data_class, most=most)
        choice = place.choices["r"]
        policies = policies_of(call, place.plan, choice)
        fresh = judged(choice.engines, asked_of_call(call, policies), policies, day="1970-01-01")
        assert place.who(call) == [one.engine.name for one in fresh if one.admitted]


def test_no_more_is_remembered_than_fits() -> None:
    place = Place(Policy(jurisdictions=("EU",)))
    for number in range(3000):
        policy = Policy(licences=(str(number),))
        assert place.who(ask(key=Key("k", "k", 0.0, policy=policy))) == []
    assert len(place.screen._judged) <= 1000
    assert isinstance(place.choices["r"], Choice)
