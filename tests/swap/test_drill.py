"""Drills: who is gone, what becomes of routes, and a cut that ends by itself."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from typer.testing import CliRunner

from weighbridge import cli
from weighbridge.canon import (
    Act,
    Attempt,
    Choice,
    Message,
    Plan,
    Policy,
    Reply,
    Request,
    Route,
    TextPart,
    Tool,
    Trace,
    Trial,
)
from weighbridge.engines import catalogue
from weighbridge.errors import InputError, NotFoundError
from weighbridge.settings import Config, Settings
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter
from weighbridge.swap import drill
from weighbridge.swap.guard import Guard

TOML = """
[models.good]
lab = "Ours"
lab_country = "DE"
[models.other]
lab = "Theirs"
lab_country = "CN"
tools = false
[hosts.one]
recorded = { path = "one.jsonl" }
jurisdiction = "DE"
[hosts.two]
recorded = { path = "one.jsonl" }
jurisdiction = "US"
[offers."good@one"]
[offers."other@one"]
[offers."good@two"]
[offers."other@two"]
[routes.main]
primary = "good@one"
fallbacks = ["good@two"]
[routes.lonely]
primary = "other@one"
[routes.safe]
primary = "good@two"
fallbacks = ["good@one"]
[routes.far]
primary = "other@two"
"""


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    hosts: dict[str, Any] = {
        "one": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "DE"},
        "two": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "US"},
        "keyed": {"url": "http://127.0.0.1:9/v1", "key_env": "KEYED_API_KEY", "jurisdiction": "DE"},
    }
    models: dict[str, Any] = {"good": {"lab": "Ours", "lab_country": "DE"}, "other": {"lab": "Theirs", "tools": False}}
    offers: dict[str, Any] = {name: {} for name in ("good@one", "good@two", "good@keyed", "other@one", "other@two")}
    return catalogue.load(
        Config(settings=Settings(), folder=tmp_path_factory.mktemp("c"), models=models, hosts=hosts, offers=offers)
    )


def terms(**more):
    return drill.Terms(**{"folder": None, "since": 0.0, "now": 1e9, "day": "2026-01-01", "environ": {}, **more})


def plan(*routes, **more):
    return Plan(1, {route.name: route for route in routes}, **more)


@pytest.mark.parametrize(
    ("name", "by", "some", "why"),
    [
        ("good@one", "engine", {"good@one"}, "its name"),
        ("two", "host", {"good@two", "other@two"}, "its host is two"),
        ("good", "model", {"good@one", "good@two", "good@keyed"}, "its model is good"),
        ("theirs", "lab", {"other@one", "other@two"}, "its model is by Theirs"),
    ],
)
def test_who_is_gone(engines, name, by, some, why):
    found = drill.gone(engines, plan(), name)
    assert found.by == by
    assert some <= set(found.engines)
    assert set(found.why.values()) == {why}


def test_a_country_is_law_and_lab(engines):
    found = drill.gone(engines, plan(), "DE")
    assert found.by == "country"
    assert found.why["good@one"] == "its host is under the law of DE and its lab is in DE"
    assert found.why["good@two"] == "its lab is in DE"
    assert found.why["other@one"] == "its host is under the law of DE"
    with pytest.raises(NotFoundError, match="no engine, host, model, lab") as caught:
        drill.gone(engines, plan(), "god@one")
    assert "good@one" in caught.value.fix


@pytest.mark.parametrize(
    ("name", "by", "count"),
    [("openai", "host and lab", 3), ("host:openai", "host", 2), ("lab:openai", "lab", 2), ("Germany", "country", 2)],
)
def test_a_name_may_be_several_things(tmp_path, name, by, count):
    hosts: dict[str, Any] = {
        "openai": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "US"},
        "azure": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "DE"},
    }
    models: dict[str, Any] = {"gee": {"lab": "OpenAI"}, "bee": {"lab": "Bees AI (Buzz)", "lab_country": "DE"}}
    offers: dict[str, Any] = {one: {} for one in ("gee@openai", "gee@azure", "bee@openai")}
    known = catalogue.load(Config(settings=Settings(), folder=tmp_path, models=models, hosts=hosts, offers=offers))
    mine = {"gee@openai", "gee@azure", "bee@openai"}
    found = drill.gone(known, plan(), name)
    assert found.by == by
    assert len(mine.intersection(found.engines)) == count
    assert drill.gone(known, plan(), "de").engines == drill.gone(known, plan(), "DE").engines
    for short in ("buzz", "bees ai", "Bees"):
        assert drill.gone(known, plan(), short).engines == ("bee@openai",)
    with pytest.raises(NotFoundError):
        drill.gone(known, plan(), "lab:azure")


async def test_trials_of_the_gone_are_told(engines):
    table = plan(
        Route("a", "good@one", canary=Trial("good@two", 0.1, "s")),
        Route("b", "good@one", ("good@two",), shadow=Trial("good@one", 0.1, "s")),
    )
    a, b = await drill.fates(table, engines, {"good@two"}, terms())
    assert (a.state, a.lost, a.trials) == ("thinner", ("good@two",), ("canary",))
    assert (b.state, b.trials) == ("thinner", ())
    a, b = await drill.fates(table, engines, {"good@one"}, terms())
    assert (a.state, a.trials, b.state, b.trials) == ("fails", (), "moves", ("shadow",))


async def test_who_is_suggested_fits_what_was_asked(engines, tmp_path):
    table = plan(Route("main", "good@two"))
    lost = {"good@one", "good@two", "good@keyed"}
    alone = [name for name in engines.names() if name not in lost | {"other@one"}]
    everyone = lost.union(alone)
    (fate,) = await drill.fates(table, engines, everyone, terms())
    assert fate.suggestions == ("other@one",)
    writer = TraceWriter(tmp_path / "t", now=lambda: 1.0)
    asked = Request("main", (Message("user", (TextPart("hi"),)),), tools=(Tool("f", schema={}),))
    writer.record(exchange(1, 50.0, "good@two", request=asked))
    writer.close()
    (fate,) = await drill.fates(table, engines, everyone, terms(folder=tmp_path / "t"))
    assert fate.suggestions == ()


async def test_what_becomes_of_routes(engines):
    eu = Policy(jurisdictions=("EU",))
    table = plan(
        Route("a", "good@one", ("good@two", "other@one")),
        Route("b", "good@one", ("good@two", "good@keyed"), policy=eu),
        Route("c", "good@two", ("good@one",)),
        Route("d", "other@two"),
    )
    found = {fate.route: fate for fate in await drill.fates(table, engines, {"good@one", "other@one"}, terms())}
    assert {name: (fate.state, fate.to) for name, fate in found.items()} == {
        "a": ("moves", "good@two"),
        "b": ("fails", ""),
        "c": ("thinner", "good@two"),
        "d": ("untouched", "other@two"),
    }
    assert found["a"].lost == ("good@one", "other@one")
    told = dict(found["b"].passed)
    assert "jurisdiction of two is US" in told["good@two"]
    assert told["good@keyed"] == "its key is not set"
    assert not found["b"].safe
    with_key = terms(environ={"KEYED_API_KEY": "k"})
    moved = {fate.route: fate.to for fate in await drill.fates(table, engines, {"good@one"}, with_key)}
    assert moved["b"] == "good@keyed"
    alone = await drill.fates(plan(Route("d", "good@two")), engines, {"good@two"}, with_key)
    assert alone[0].suggestions[0] in ("good@one", "good@keyed")


# --- live -----------------------------------------------------------------------------------------


@pytest.fixture
def state(state_place):
    made = State(state_place)
    declared = {"r": Route("r", "good@one", ("good@two",))}
    made.publish(Plan(0, declared, declared), action="declare", who="t", why="", route="", at=0.0)
    yield made
    made.close()


def cut(name, *engines, until=60.0):
    return drill.Cut(name, name, engines, 0.0, until, "ann")


def in_force(state):
    current = state.current()
    assert current is not None
    return current.plan.cut


def test_a_cut_is_the_union_of_drills_and_ends_by_itself(state, engines, tmp_path):
    before = state.current()
    drill.begin(state, cut("one", "good@one"))
    drill.begin(state, cut("two", "good@one", "other@two", until=30.0))
    assert in_force(state) == ("good@one", "other@two")
    now = 10.0
    guard = Guard(state, lambda: engines, tmp_path, holder="g", now=lambda: now)
    guard.step()
    assert in_force(state) == ("good@one", "other@two")
    now = 30.0
    guard.step()
    assert in_force(state) == ("good@one",)
    assert drill.expire(state, 40.0) == []
    drill.end(state, drill.cuts(state), who="ann", at=50.0)
    assert in_force(state) == ()
    assert drill.cuts(state) == []
    drill.end(state, [cut("one", "good@one")], who="ann", at=50.0)
    now_in_force = state.current()
    assert before is not None
    assert now_in_force is not None
    assert now_in_force.plan == before.plan
    guard.end()


def test_what_was_left_half_done_is_put_right(state):
    act = Act(0.0, "ann", "drill.begin")
    state.alter(drill.KIND, "x", lambda _: json.dumps(_plain(cut("x", "good@one"))).encode(), act)
    assert drill.expire(state, 1.0) == []
    assert in_force(state) == ("good@one",)
    state.alter(drill.KIND, "x", lambda _: None, act)
    drill.expire(state, 1.0)
    assert in_force(state) == ()


def test_of_several_gateways_one_ends_a_drill(state, state_place):
    drill.begin(state, cut("one", "good@one", until=30.0))
    others = [State(state_place) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda one: drill.expire(one, 31.0), others))
    assert [cut.id for cuts in ended for cut in cuts] == ["one"]
    assert in_force(state) == ()
    assert [entry.act.action for entry in state.acts() if entry.act.action.startswith("drill")] == [
        "drill.begin",
        "drill.end",
    ]
    for one in others:
        one.close()


def _plain(one):
    return {name: getattr(one, name) for name in one.__struct_fields__}


@pytest.mark.parametrize("until", [0.0, -5.0, 1e9])
def test_a_drill_of_no_time_or_too_much_is_refused(state, until):
    with pytest.raises(InputError, match="is not possible"):
        drill.begin(state, cut("x", "good@one", until=until))
    assert drill.cuts(state) == []


def exchange(number, at, engine="good@one", **more):
    given: dict[str, Any] = {
        "attempts": (Attempt(engine, 0.0, 1.0),),
        "total": 1.0,
        "cost": 10,
        "request": Request("main", (Message("user", (TextPart("hi"),)),)),
        "reply": Reply((Choice((TextPart("Hello."),)),)),
    }
    return Trace(f"{number:026d}", at, "main", engine, **given | more)


def test_what_a_live_drill_showed(tmp_path):
    writer = TraceWriter(tmp_path / "t", now=lambda: 1.0)
    sorry = Reply((Choice((TextPart("I'm sorry, but I can't help with that."),)),))
    for number in range(10):
        writer.record(exchange(number, 50.0))
        writer.record(exchange(100 + number, 150.0, "good@two", total=2.0, cost=30))
    writer.record(exchange(200, 151.0, "", outcome="unreachable", reply=None))
    writer.record(exchange(201, 152.0, "", outcome="cancelled"))
    writer.record(exchange(202, 153.0, "good@two", reply=sorry))
    writer.close()
    (found,) = drill.outcome(tmp_path / "t", ["main"], since=0.0, start=100.0, until=200.0)
    assert (found.before.exchanges, found.before.answered.value, found.before.engines) == (10, 1.0, {"good@one": 10})
    assert (found.during.exchanges, found.during.answered.count) == (12, 11)
    assert (found.during.seconds, found.during.cost, found.during.ill.count) == (2.0, 30, 1)
    (empty,) = drill.outcome(tmp_path / "none", ["main"], since=0.0, start=1.0, until=2.0)
    assert empty.during.seconds is None


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text(TOML)
    (tmp_path / "one.jsonl").write_text('{"input": "hi", "output": "Hello."}\n')
    config = Config(settings=Settings(), folder=tmp_path)
    writer = TraceWriter(config.traces_path, now=time.time)
    for number in range(6):
        writer.record(exchange(number, time.time() - 60 + number, conversation=f"c{number}"))
    writer.close()
    return lambda *given: CliRunner().invoke(cli.app, ["swap", "drill", *given])


def test_it_is_told_in_sentences_and_a_table(run):
    found = run("one")
    assert "If the host one were gone: 2 engines" in found.output
    assert "1 of 4 routes are left without an answer" in found.output
    assert "0 of 6 requests would break" in " ".join(found.output.split())
    assert all(len(line) <= 80 for line in found.output.splitlines())
    assert run("one", "--fail-on-unsafe").exit_code == 10
    assert run("good@two", "--fail-on-unsafe").exit_code == 0
    untouched = run("good@two", "--json")
    assert [fate["state"] for fate in json.loads(untouched.output)["fates"]] == [
        "untouched",
        "untouched",
        "thinner",
        "moves",
    ]


def test_fallbacks_are_asked_what_was_asked_before(run):
    told = json.loads(run("one", "--replay", "6", "--json").output)
    assert list(told["replayed"]) == ["main"]
    assert told["replayed"]["main"]["requests"] == 6
    assert "replay of 6 requests: undecided" in " ".join(run("one", "--replay", "6").output.split())


def test_a_live_drill_from_the_command_line(run, tmp_path):
    found = run("one", "--live", "--for", "1s")
    assert "without an answer: lonely" in str(found.exception)
    found = run("one", "--live", "--for", "1s", "--force")
    assert found.exit_code == 0, found.exception
    assert "Nobody asked meanwhile" in found.output
    state = State(Config(settings=Settings(), folder=tmp_path).state_place)
    assert drill.cuts(state) == []
    now = time.time()
    drill.begin(state, drill.Cut("x", "one", ("good@one",), now, now + 600, "ann"))
    assert "Ended 1 drill of one." in run("one", "--stop").output
    drill.begin(state, drill.Cut("y", "one", ("good@one",), now, now + 600, "ann"))
    assert in_force(state) == ("good@one",)
    assert "Ended 1 drill." in run("--stop").output
    assert run("--stop").output == "Ended 0 drills.\n"
    assert "Who is gone?" in str(run().exception)
    assert in_force(state) == ()
    state.close()
