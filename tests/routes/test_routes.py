"""Plans are made, merged, promoted and read; nothing is ever edited in place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge import routes
from weighbridge.canon import Engine, Host, Model, Offer, Plan, Policy, Profile, Route
from weighbridge.errors import SettingsError, UnknownEngineError, UnknownRouteError

NAMES = ("a@x", "b@x", "c@y")


def resolve(name: str) -> Engine:
    if name not in NAMES:
        raise UnknownEngineError(f"No engine is called '{name}'.", fix="Did you mean 'a@x'?")
    model, host = name.split("@")
    return Engine(Model(model), Host(host), Offer(model, host), Profile())


def declared(**sections) -> dict[str, Route]:
    return routes.from_config(sections, resolve, where="weighbridge.toml")


def test_a_route_is_read() -> None:
    made = declared(assistant={"primary": "a@x", "fallbacks": ["b@x"], "timeout": 5})
    assert made == {"assistant": Route("assistant", "a@x", ("b@x",), timeout=5.0)}


def test_a_route_may_be_strict_and_may_let_addresses_be_fetched() -> None:
    plan = Plan(1, declared(r={"primary": "a@x", "strict": True, "fetch": True}, plain={"primary": "a@x"}))
    assert [(c.strict, c.fetch) for c in (routes.choose(plan, name, resolve) for name in ("r", "plain", "a@x"))] == [
        (True, True),
        (False, False),
        (False, False),
    ]
    promoted = routes.promote(plan, "r", "b@x")
    assert promoted.routes["r"].strict
    assert promoted.routes["r"].fetch


@pytest.mark.parametrize(
    ("name", "section", "message"),
    [
        ("r", {"primry": "a@x"}, "Did you mean 'primary'"),
        ("r", {}, "primary"),
        ("r", {"primary": 3}, "primary"),
        ("r", {"primary": "a@x", "strict": "yes"}, "strict"),
        ("r", {"primary": "a@x", "fetch": 1}, "fetch"),
        ("r", "a@x", "primary"),
        ("r", {"primary": "a@x", "timeout": 0}, "more than 0"),
        ("r", {"primary": "a@x", "first_token_timeout": -1}, "more than 0"),
        ("r", {"primary": "a@x", "fallbacks": ["b@x"] * 17}, "too many"),
        ("a@x", {"primary": "a@x"}, "Leave out '@'"),
    ],
)
def test_a_bad_route_says_where_and_what(name, section, message) -> None:
    with pytest.raises(SettingsError) as caught:
        declared(**{name: section})
    assert message in str(caught.value)
    assert f"weighbridge.toml: [routes.{name}]" in str(caught.value)


def test_a_route_to_nowhere_is_refused_when_it_is_read() -> None:
    with pytest.raises(UnknownEngineError, match=r"\[routes.r\].*Did you mean"):
        declared(r={"primary": "a@x", "fallbacks": ["q@x"]})


def test_choose_gives_the_engines_in_order() -> None:
    plan = Plan(3, declared(r={"primary": "b@x", "fallbacks": ["a@x"], "timeout": 9}))
    choice = routes.choose(plan, "r", resolve)
    assert [e.name for e in choice.engines] == ["b@x", "a@x"]
    assert (choice.route, choice.timeout) == ("r", 9)


def test_an_engine_may_be_named_directly() -> None:
    choice = routes.choose(Plan(1), "c@y", resolve)
    assert ([e.name for e in choice.engines], choice.route) == (["c@y"], "")


def test_an_unknown_name_suggests_routes_first_then_engines() -> None:
    plan = Plan(1, declared(assistant={"primary": "a@x"}))
    with pytest.raises(UnknownRouteError, match="Did you mean 'assistant'"):
        routes.choose(plan, "asistant", resolve)
    with pytest.raises(UnknownRouteError, match="Did you mean 'a@x'"):
        routes.choose(plan, "zzzzzz", resolve)


def test_promote_makes_a_new_plan_and_moves_a_fallback_up() -> None:
    plan = Plan(1, declared(r={"primary": "a@x", "fallbacks": ["b@x", "c@y"]}, s={"primary": "c@y"}))
    new = routes.promote(plan, "r", "b@x")
    assert new.routes["r"] == Route("r", "b@x", ("c@y",))
    assert new.routes["s"] is plan.routes["s"]
    assert plan.routes["r"].primary == "a@x"


def test_promote_an_unknown_route() -> None:
    with pytest.raises(UnknownRouteError, match="Did you mean 'rr'"):
        routes.promote(Plan(1, declared(rr={"primary": "a@x"})), "r", "b@x")
    with pytest.raises(UnknownRouteError, match="Declare one"):
        routes.promote(Plan(1), "r", "b@x")


def test_merge_keeps_what_was_promoted_until_the_file_changes_it() -> None:
    first = routes.merge(None, declared(r={"primary": "a@x"}, s={"primary": "b@x"}))
    promoted = routes.promote(first, "r", "c@y")
    again = routes.merge(promoted, declared(r={"primary": "a@x"}, s={"primary": "b@x"}))
    assert again.routes["r"].primary == "c@y"
    changed = routes.merge(promoted, declared(r={"primary": "b@x"}))
    assert changed.routes == {"r": Route("r", "b@x")}


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=20))
def test_the_last_promotion_answers_and_the_file_read_again_changes_nothing(engines) -> None:
    file = declared(r={"primary": "a@x", "fallbacks": ["b@x"]})
    plan = routes.merge(None, file)
    for engine in engines:
        plan = routes.promote(plan, "r", engine)
        assert routes.merge(plan, file).routes == plan.routes
    assert routes.choose(plan, "r", resolve).engines[0].name == engines[-1]


def test_every_field_of_a_route_can_be_declared() -> None:
    section: dict[str, Any] = {
        "primary": "a@x",
        "fallbacks": ["b@x"],
        "balance": "weight",
        "weights": {"a@x": 3, "b@x": 1},
        "sticky": True,
        "hedge": 2,
        "hedge_share": 0.1,
        "cache": 60,
        "cache_any": True,
        "policy": {"jurisdictions": ["EU", "CH", "local"], "max_input_price": 0.15, "data_class": "personal"},
    }
    policy = Policy(jurisdictions=("EU", "CH", "local"), max_input_price=150_000, data_class="personal")
    told = {field: section[field] for field in ("balance", "weights", "sticky", "hedge", "hedge_share", "cache_any")}
    made = declared(r=section)["r"]
    assert made == Route("r", "a@x", ("b@x",), cache=60.0, policy=policy, **told)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Route) == made
    assert routes.choose(Plan(1, {"r": made}), "r", resolve).entry is made
    assert routes.promote(Plan(1, {"r": made}), "r", "c@y").routes["r"].policy == policy


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"balance": "speed"}, "balance"),
        ({"hedge": 0}, "more than 0"),
        ({"hedge": 1, "fallbacks": []}, "there is none"),
        ({"hedge_share": 1.5}, "share from 0 to 1"),
        ({"hedge_share": float("nan")}, "share from 0 to 1"),
        ({"cache": -1}, "cache = -1"),
        ({"cache_any": True}, "Set cache"),
        ({"weights": {"a@x": 1}}, 'balance = "weight"'),
        ({"balance": "weight", "weights": {"c@y": 1}}, "no engine of this route"),
        ({"balance": "weight", "weights": {"a@x": -1}}, "weights.a@x"),
        ({"balance": "weight", "weights": {"a@x": 0, "b@x": 0}}, "nobody would answer"),
        ({"balance": "weight", "weights": {"a@x": float("inf")}}, "weights.a@x"),
        ({"policy": {"jurisdiction": ["EU"]}}, "Did you mean 'jurisdictions'"),
        ({"policy": {"jurisdictions": ["Europe"]}}, "'Europe' is no country"),
        ({"policy": {"lab_countries": ["local"]}}, "'local' is no country"),
        ({"policy": {"jurisdictions": "EU"}}, "Expected `array`"),
        ({"policy": {"licences": [" "]}}, "licences has an empty"),
        ({"policy": {"dialects": ["openai"]}}, "Unknown dialect 'openai'"),
        ({"policy": {"data_class": "top"}}, "Invalid enum value 'top'"),
        ({"policy": {"max_input_price": "cheap"}}, "must be a number"),
        ({"policy": {"max_output_price": -1}}, "must lie between"),
        ({"policy": {"currency": "dollars"}}, "is not a currency"),
        ({"policy": {"max_retention_days": -1}}, "0: not kept"),
        ({"policy": {"max_first_token": 0}}, "more than 0"),
        ({"policy": {"max_first_token": float("inf")}}, "more than 0"),
        ({"policy": {"max_output": 0}}, "at least 1"),
        ({"policy": []}, "Expected `object | null`"),
    ],
)
def test_what_means_nothing_is_refused_where_it_stands(more, message) -> None:
    with pytest.raises(SettingsError) as caught:
        declared(r={"primary": "a@x", "fallbacks": ["b@x"]} | more)
    assert message in str(caught.value)
    assert "weighbridge.toml: [routes.r" in str(caught.value)
