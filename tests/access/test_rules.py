"""Limits and budgets: what may be set, what stands afterwards, and what each process makes of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.access import keys
from weighbridge.access.rules import KIND, MOST, Rules, listed, set_rule
from weighbridge.access.subjects import resolve
from weighbridge.canon import Act, Record, Rule
from weighbridge.errors import DamagedError, InputError, NotFoundError
from weighbridge.store.state import State

BY: dict[str, Any] = {"who": "ann", "at": 1000.0}


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def held(state):
    rules = Rules()
    rules.apply(state.records(KIND))
    return rules


def test_changes_are_merged_and_an_empty_rule_is_gone(state):
    set_rule(state, "team:web", {"requests": 60, "day": 10}, **BY)
    assert set_rule(state, "team:web", {"requests": None, "soft": 0.5}, **BY) == Rule("team:web", day=10, soft=0.5)
    assert listed(state) == [Rule("team:web", day=10, soft=0.5)]
    assert set_rule(state, "team:web", {"day": None}, **BY) == Rule("team:web")
    assert listed(state) == []
    assert held(state).of("team:web") is None


def test_what_belongs_to_a_budget_goes_with_it(state):
    set_rule(state, "team:web", {"day": 10, "hard": False, "currency": "EUR", "requests": 1}, **BY)
    assert set_rule(state, "team:web", {"day": None}, **BY) == Rule("team:web", requests=1)


def test_each_change_is_written_down(state):
    set_rule(state, "key:a", {"day": 5, "month": None}, why="more", acting="operator", **BY)
    set_rule(state, "key:a", {"requests": 5}, **BY)
    set_rule(state, "key:a", {"requests": None, "day": None}, **BY)
    acts = [entry.act for entry in state.acts()]
    assert acts[0] == Act(1000.0, "ann", "budget.set", "key:a", "more", "operator", {"day": "5", "month": "none"})
    assert [act.action for act in acts] == ["budget.set", "limit.set", "rule.clear"]


@pytest.mark.parametrize(
    ("subject", "changes"),
    [
        ("key:a", {}),
        ("key:a", {"request": 1}),
        ("key:a", {"subject": "key:b"}),
        ("key:a", {"requests": -1}),
        ("key:a", {"requests": MOST + 1}),
        ("key:a", {"requests": 1.5}),
        ("key:a", {"requests": True}),
        ("key:a", {"requests": "1"}),
        ("key:a", {"day": 1, "soft": 0}),
        ("key:a", {"day": 1, "soft": 1.1}),
        ("key:a", {"day": 1, "soft": float("nan")}),
        ("key:a", {"day": 1, "hard": 1}),
        ("key:a", {"day": 1, "currency": "eur"}),
        ("key:a", {"day": 1, "currency": "EURO"}),
        ("key:a", {"requests": 1, "soft": 0.5}),  # of no budget
        ("key:a", {"hard": False}),
        ("a", {"requests": 1}),
        ("", {"requests": 1}),
        ("key:", {"requests": 1}),
        ("keys:a", {"requests": 1}),
        ("key:a*", {"requests": 1}),
        ("key: a", {"requests": 1}),
        ("key:a\n", {"requests": 1}),
        ("key:" + "a" * 300, {"requests": 1}),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(state, subject, changes):
    with pytest.raises(InputError) as error:
        set_rule(state, subject, changes, **BY)
    assert error.value.where
    assert error.value.fix
    assert state.records(KIND, after=0) == []
    assert list(state.acts()) == []


def test_amounts_never_change_their_currency_unsaid(state):
    set_rule(state, "key:a", {"day": 5, "month": 9}, **BY)
    with pytest.raises(InputError, match="month"):
        set_rule(state, "key:a", {"day": 5, "currency": "EUR"}, **BY)
    rule = set_rule(state, "key:a", {"day": 5, "month": None, "currency": "EUR"}, **BY)
    assert rule == Rule("key:a", day=5, currency="EUR")


def test_taking_away_what_was_never_there_is_an_error(state):
    with pytest.raises(NotFoundError):
        set_rule(state, "key:a", {"day": None}, **BY)
    assert list(state.acts()) == []


def test_a_rule_for_each_holds_for_those_without_their_own(state):
    set_rule(state, "key:*", {"requests": 5}, **BY)
    set_rule(state, "key:a", {"day": 5}, **BY)
    rules = held(state)
    assert rules.of("key:b") == Rule("key:b", requests=5)
    assert rules.of("key:a") == Rule("key:a", day=5)
    assert rules.of("team:b") is None
    rules.apply([Record(KIND, "key:a", 9, None)])
    assert rules.of("key:a") == Rule("key:a", requests=5)
    rules.apply([Record(KIND, "key:*", 10, None)])
    assert rules.of("key:a") is None
    assert not rules


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"subject":"key:a","day":-1}', b'{"subject":"key:b"}'])
def test_a_rule_that_cannot_be_read_lets_nothing_through(state, data):
    rules = Rules()
    rules.apply([Record(KIND, "key:a", 1, data), Record("key", "a", 2, b"{}")])
    assert rules.of("key:a") == Rule("key:a", requests=0)
    state.alter(KIND, "key:a", lambda _: data, Act(1.0, "x", "x"))
    with pytest.raises(DamagedError):
        listed(state)


_VALUES = {
    "requests": st.none() | st.integers(0, 3),
    "concurrency": st.none() | st.integers(0, 3),
    "day": st.none() | st.integers(0, 3),
    "hard": st.booleans(),
}


@settings(max_examples=40)
@given(st.lists(st.fixed_dictionaries({}, optional=_VALUES), max_size=6))
def test_what_followers_hold_is_what_stands_in_the_store(tmp_path_factory, changes):
    state = State(tmp_path_factory.mktemp("state") / "state.db")
    rules, revision = Rules(), 0
    for change in changes:
        try:
            result = set_rule(state, "key:a", change, **BY)
        except (InputError, NotFoundError):
            continue
        news = state.records(KIND, after=revision)
        revision = max(record.revision for record in news)
        rules.apply(news)
        assert (rules.of("key:a") or Rule("key:a")) == result
        assert msgspec.json.decode(msgspec.json.encode(result), type=Rule) == result
    assert {rule.subject for rule in listed(state)} == ({"key:a"} if rules else set())
    state.close()


def test_subjects_are_those_that_there_are(state):
    made = keys.create(state, name="shop", team="web", **BY)
    known = {"routes": ["assistant"], "engines": ["glm@zai"]}
    assert resolve(state, "key:shop", **known) == f"key:{made.key.id}" == resolve(state, f"key:{made.key.id}", **known)
    for fine in ("team:web", "route:assistant", "engine:glm@zai", "key:*"):
        assert resolve(state, fine, **known) == fine
    for unknown, near in (("team:wep", "web"), ("route:assistent", "assistant"), ("engine:glm@zay", "glm@zai")):
        with pytest.raises(NotFoundError, match=unknown.partition(":")[2]) as error:
            resolve(state, unknown, **known)
        assert near in error.value.fix
    set_rule(state, "route:gone", {"requests": 1}, **BY)
    assert resolve(state, "route:gone", **known) == "route:gone"
