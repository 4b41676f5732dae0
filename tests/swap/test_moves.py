"""Promote, roll back, status: what is in force afterwards, and what is told."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weighbridge import swap
from weighbridge.canon import Plan, Route
from weighbridge.engines import catalogue
from weighbridge.errors import InputError, NoKeyError, NotFoundError, UnknownEngineError, UnknownRouteError
from weighbridge.settings import Config, Settings
from weighbridge.store.state import State

NAMES = ("a@test", "b@test", "c@test", "d@test")
BY: Any = {"who": "ann", "at": 1.0}
PLAIN = catalogue.load()  # routes without a policy need no engines of their own


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    hosts = {"test": {"url": "http://127.0.0.1:9/v1", "auth": "none"}}
    hosts["keyed"] = {"url": "http://127.0.0.1:9/v1", "key_env": "KEYED_API_KEY"}
    return catalogue.load(
        Config(
            settings=Settings(),
            folder=tmp_path_factory.mktemp("c"),
            models={name[0]: {"lab": "test"} for name in NAMES},
            hosts=hosts,
            offers={name: {} for name in (*NAMES, "a@keyed")},
        )
    )


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state.db")
    yield made
    made.close()


def declare(state, **primaries):
    declared = {name: Route(name, primary) for name, primary in primaries.items()}
    plan = Plan(0, declared, declared)
    return state.publish(plan, action="declare", who="t", why="", route="", at=0.0)


def promote(state, engines, route, engine, **more):
    return swap.promote(state, engines, route, engine, **{"why": "", "environ": {}} | BY | more)


def rollback(state, route):
    return swap.rollback(state, PLAIN, route, why="", **BY)


def primaries(state):
    return {name: route.primary for name, route in state.current().plan.routes.items()}


def test_there_and_back(state, engines):
    first = declare(state, r="a@test")
    moved = promote(state, engines, "r", "b@test")
    assert (moved.plan.number, moved.plan.routes["r"].primary, moved.who, moved.action) == (
        2,
        "b@test",
        "ann",
        "promote",
    )
    back = rollback(state, "r")
    assert back.plan == first.plan  # the very plan, with its number
    assert (back.sequence, back.action, back.route) == (3, "rollback", "r")


def test_other_routes_stay_as_they_are(state, engines):
    declare(state, r="a@test", s="a@test")
    promote(state, engines, "r", "b@test")
    promote(state, engines, "s", "c@test")
    back = rollback(state, "r")
    assert primaries(state) == {"r": "a@test", "s": "c@test"}
    assert back.plan.number == 4


def test_rolling_back_again_goes_further_back(state, engines):
    declare(state, r="a@test")
    promote(state, engines, "r", "b@test")
    promote(state, engines, "r", "c@test")
    rollback(state, "r")
    assert primaries(state) == {"r": "b@test"}
    promote(state, engines, "r", "d@test")
    rollback(state, "r")
    assert primaries(state) == {"r": "b@test"}
    rollback(state, "r")
    assert primaries(state) == {"r": "a@test"}
    with pytest.raises(NotFoundError, match="no earlier engine"):
        rollback(state, "r")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(st.tuples(st.sampled_from("rs"), st.sampled_from((*NAMES, ""))), max_size=12))
def test_it_behaves_like_a_stack_per_route(tmp_path_factory, engines, moves):
    state = State(tmp_path_factory.mktemp("s") / "state.db")
    declare(state, r="a@test", s="a@test")
    stacks = {"r": ["a@test"], "s": ["a@test"]}
    for route, engine in moves:
        stack = stacks[route]
        if engine and engine != stack[-1]:
            promote(state, engines, route, engine)
            stack.append(engine)
        elif engine:
            with pytest.raises(InputError):
                promote(state, engines, route, engine)
        elif len(stack) > 1:
            rollback(state, route)
            stack.pop()
        else:
            with pytest.raises(NotFoundError):
                rollback(state, route)
        assert primaries(state) == {name: stack[-1] for name, stack in stacks.items()}
    state.close()


def test_a_new_declaration_is_no_move_to_undo(state, engines):
    declare(state, r="a@test")
    promote(state, engines, "r", "b@test")
    declare(state, r="c@test")
    with pytest.raises(NotFoundError):
        rollback(state, "r")


def test_what_cannot_be_promoted(state, engines):
    with pytest.raises(UnknownRouteError, match="No route is called 'r'"):
        promote(state, engines, "r", "a@test")
    with pytest.raises(UnknownRouteError):
        rollback(state, "r")
    declare(state, assistant="a@test")
    with pytest.raises(UnknownRouteError) as error:
        promote(state, engines, "assistnt", "b@test")
    assert "Did you mean 'assistant'" in error.value.fix
    with pytest.raises(UnknownEngineError):
        promote(state, engines, "assistant", "b@tset")
    with pytest.raises(InputError, match="already"):
        promote(state, engines, "assistant", "a@test")
    with pytest.raises(NoKeyError, match="none is set"):
        promote(state, engines, "assistant", "a@keyed")
    assert state.sequence() == 1
    assert promote(state, engines, "assistant", "a@keyed", environ={"KEYED_API_KEY": "k"}).sequence == 2


def test_fallbacks_come_back_too(state, engines):
    entry = Route("r", "a@test", fallbacks=("b@test", "c@test"), timeout=3.0)
    state.publish(Plan(0, {"r": entry}, {"r": entry}), action="declare", who="t", why="", route="", at=0.0)
    assert promote(state, engines, "r", "b@test").plan.routes["r"].fallbacks == ("c@test",)
    assert rollback(state, "r").plan.routes["r"] == entry


def test_many_operators_at_once(state, engines):
    declare(state, **{f"r{n}": "a@test" for n in range(8)})
    threads = [threading.Thread(target=promote, args=(state, engines, f"r{n}", "b@test")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(primaries(state).values()) == {"b@test"}
    assert state.sequence() == 9


def test_status(state, engines):
    assert swap.status(state) == swap.Status(0, 0, {}, [])
    declare(state, r="a@test", s="a@test")
    promote(state, engines, "r", "b@test")
    promote(state, engines, "s", "b@test")
    everything = swap.status(state)
    assert (everything.plan, everything.sequence, len(everything.history)) == (3, 3, 3)
    one = swap.status(state, "r")
    assert list(one.routes) == ["r"]
    assert [p.action for p in one.history] == ["promote", "declare"]
    assert len(swap.status(state, limit=1).history) == 1
    with pytest.raises(UnknownRouteError):
        swap.status(state, "q")
