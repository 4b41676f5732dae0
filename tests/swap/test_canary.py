"""Moves in stages: evidence, guards, decisions, and what is left when somebody else was faster."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge import routes, swap
from weighbridge.canon import (
    Act,
    Attempt,
    Choice,
    Message,
    Plan,
    Policy,
    Reply,
    Request,
    ResponseFormat,
    Route,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    Trace,
    Trial,
)
from weighbridge.engines import catalogue
from weighbridge.errors import InputError, NoKeyError, NotFoundError, PolicyError, StoreError, UnreachableError
from weighbridge.settings import Config, Settings
from weighbridge.store import evidence
from weighbridge.store.evidence import Feedback, Row
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter
from weighbridge.swap import canary
from weighbridge.swap.canary.deciding import decide
from weighbridge.swap.canary.judging import Judge, Said
from weighbridge.swap.canary.keeper import LEASE, Keeper
from weighbridge.swap.canary.steps import GoneError, enter, finish
from weighbridge.swap.signs import Signs, form, signs

OLD, NEW = "a@test", "b@test"
START = 1_000.0


@pytest.fixture(scope="module")
def engines(tmp_path_factory):
    hosts: dict[str, Any] = {"test": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "DE"}}
    hosts["keyed"] = {"url": "http://127.0.0.1:9/v1", "key_env": "KEYED_API_KEY"}
    return catalogue.load(
        Config(
            settings=Settings(),
            folder=tmp_path_factory.mktemp("c"),
            models={name: {"lab": "test"} for name in "abc"},
            hosts=hosts,
            offers={OLD: {}, NEW: {}, "c@test": {}, "b@keyed": {}},
        )
    )


class Bench:
    """A store with one route, a folder of traces, a clock, and who looks after moves."""

    def __init__(self, folder, place, engines, **route) -> None:
        self.state = State(place)
        self.engines = engines
        self.now = START
        self.folder = folder / "traces"
        declared = {"r": Route("r", OLD, **route), "other": Route("other", "c@test")}
        self.state.publish(Plan(0, declared, declared), action="declare", who="t", why="", route="", at=0.0)
        self.writer = TraceWriter(self.folder, now=lambda: self.now)
        self.keeper = self.another("one")
        self.numbers = itertools.count()

    def another(self, holder):
        return Keeper(self.state, lambda: self.engines, self.folder, holder=holder, now=lambda: self.now)

    def start(self, **more):
        given: dict[str, Any] = {"stages": (0.5, 1.0), "least": 5, "harm": 1.0, "who": "ann"} | more
        made = canary.Swap("id", "r", "", given.pop("candidate", NEW), self.now, **given)
        return canary.start(self.state, self.engines, made, environ={})

    def traffic(self, count, bad=lambda arm, n: False, **more):
        """Exchanges of a conversation each, on the sides that the plan in force says."""
        for _ in range(count):
            number = next(self.numbers)
            trial = self.route.canary
            arm = routes.arm(trial, f"c{number}") if trial else ""
            engine = NEW if arm == "canary" else OLD
            failed = bad(arm, number)
            attempt = Attempt(engine, 0.0, 0.1, "overloaded" if failed else "ok")
            self.writer.record(
                Trace(
                    f"{number:026d}", self.now, "r", "" if failed else engine, conversation=f"c{number}",
                    outcome="overloaded" if failed else "ok", attempts=(attempt,), swap=trial.swap if trial else "",
                    arm=arm, total=1.0, cost=10, **more,
                )
            )  # fmt: skip
        self.writer.flush()
        self.now += 1

    def step(self):
        return {one.id: decision.do for one, decision in self.keeper.step()}.get("id")

    @property
    def plan(self):
        current = self.state.current()
        assert current is not None
        return current.plan

    @property
    def route(self):
        return self.plan.routes["r"]

    def close(self):
        self.writer.close()
        self.state.close()


@pytest.fixture
def bench(tmp_path, engines):
    made = Bench(tmp_path, tmp_path / "state.db", engines, fallbacks=("c@test",))
    yield made
    made.close()


def test_a_move_goes_on_to_its_end_by_itself(tmp_path, engines, state_place):
    bench = Bench(tmp_path, state_place, engines)
    started = bench.start()
    assert (started.base, bench.route.canary) == (OLD, Trial(NEW, 0.5, "id"))
    assert bench.step() == "wait"
    bench.traffic(40)
    assert bench.step() == "advance"
    assert bench.route.canary.share == 1
    bench.traffic(10)
    assert bench.step() == "finish"
    assert (bench.route.primary, bench.route.canary) == (NEW, None)
    assert canary.load(bench.state, "r").status == "done"
    assert bench.step() is None
    actions = [one.action for one in bench.state.history()]
    assert actions == ["promote", "canary", "canary", "declare"]
    swap.rollback(bench.state, engines, "r", who="ann", why="", at=bench.now)
    assert (bench.route.primary, bench.route.canary) == (OLD, None)
    bench.close()


def test_a_guard_goes_back_and_says_why(bench):
    bench.start()
    bench.traffic(60, bad=lambda arm, n: arm == "canary")
    assert bench.step() == "back"
    found = canary.load(bench.state, "r")
    assert found.status == "rolled_back"
    assert "errors: 100.00% against 0.00%" in found.reason
    assert (bench.route.primary, bench.route.canary) == (OLD, None)
    assert bench.state.acts(limit=10)[-1].act.action == "swap.rolled_back"
    (move,) = swap.status(bench.state, "r").moves
    assert move.findings[0].fired
    assert move.next == ""


def test_failures_of_both_sides_are_no_reason(bench):
    bench.start()
    bench.traffic(60, bad=lambda arm, n: n % 3 == 0)
    assert bench.step() in ("advance", "wait")


def test_paused_it_stays_and_is_still_guarded(bench):
    bench.start()
    by: Any = {"who": "ann", "why": "", "at": 1.0}
    assert canary.pause(bench.state, "r", **by).status == "paused"
    bench.traffic(40)
    assert bench.step() == "wait"
    with pytest.raises(InputError, match="No move of r is running: paused"):
        canary.pause(bench.state, "r", **by)
    assert canary.resume(bench.state, "r", **by).open
    assert bench.step() == "advance"
    canary.pause(bench.state, "r", **by)
    bench.traffic(60, bad=lambda arm, n: arm == "canary")
    assert bench.step() == "back"
    with pytest.raises(NotFoundError, match="No move of other"):
        canary.pause(bench.state, "other", **by)


def test_it_waits_for_time_conversations_and_certainty(bench):
    bench.start(hold=100.0, least=30, harm=0.01)
    bench.traffic(20)
    waits = [bench.keeper.step()[0][1].why]
    bench.now += 200
    waits.append(bench.keeper.step()[0][1].why)
    bench.traffic(100)
    waits.append(bench.keeper.step()[0][1].why)
    assert "held for" in waits[0]
    assert "of 30 conversations" in waits[1]
    assert "may go wrong more often" in waits[2]


def test_a_last_stage_below_everything_holds(bench):
    bench.start(stages=(0.5,))
    bench.traffic(40)
    assert "until somebody promotes" in bench.keeper.step()[0][1].why


def test_users_are_heard(bench):
    bench.start(stages=(0.5,), tolerances={"feedback": 0.0})
    bench.traffic(120)
    bench.step()
    trial = bench.route.canary
    words = [Feedback(f"{n:026d}", "", START, routes.arm(trial, f"c{n}") != "canary") for n in range(120)]
    evidence.say(
        bench.state.database, [*words, replace(words[0], good=False), Feedback("9" * 26, "", START, good=True)]
    )
    assert len(evidence.said(bench.state.database, since=0.0)) == 121
    evidence.say(bench.state.database, words[:1])
    assert bench.step() == "back"
    assert "feedback" in canary.load(bench.state, "r").reason


def test_who_may_not_speak_of_an_answer_is_not_heard(bench):
    bench.start(stages=(0.5,), tolerances={"feedback": 0.0})
    bench.traffic(40, key="k1")
    evidence.say(bench.state.database, [Feedback(f"{n:026d}", "k2", START, good=False) for n in range(40)])
    bench.step()
    assert all(b"good" not in row.data for row in evidence.read(bench.state.database, "id"))


def test_what_somebody_else_did_ends_it(bench, engines):
    bench.start()
    bench.traffic(40)
    swap.promote(bench.state, engines, "r", "c@test", who="bob", why="", at=5.0, environ={})
    assert canary.load(bench.state, "r").status == "withdrawn"
    assert bench.step() is None
    made = bench.start()
    swap.rollback(bench.state, engines, "r", who="bob", why="enough", at=6.0)
    assert (bench.route.primary, bench.route.canary) == ("c@test", None)
    found = canary.load(bench.state, "r")
    assert (found.status, found.reason) == ("withdrawn", "enough")
    assert canary.withdraw(bench.state, made, who="bob", why="again", at=7.0) is None
    bench.start()
    swap.promote(bench.state, engines, "r", NEW, who="bob", why="", at=8.0, environ={})
    assert canary.load(bench.state, "r").status == "done"


def test_a_new_declaration_ends_it(bench):
    bench.start()
    declared = {"r": Route("r", "c@test")}
    bench.state.update(
        lambda plan: routes.merge(plan, declared), action="declare", who="t", why="", route="", at=bench.now
    )
    assert bench.step() == "wait"
    assert canary.load(bench.state, "r").status == "withdrawn"
    with pytest.raises(GoneError):
        enter(bench.state, bench.engines, replace(canary.load(bench.state, "r"), stage=1), at=1.0)
    with pytest.raises(GoneError):
        finish(bench.state, bench.engines, canary.load(bench.state, "r"), who="", why="", at=1.0)


def test_what_was_cut_off_in_the_middle_is_put_right(bench):
    made = bench.start()
    record = msgspec.json.encode(replace(made, moved=0.0))
    bench.state.alter(canary.KIND, "r", lambda _: record, Act(1.0, "", "x"))
    assert bench.step() == "wait"
    assert canary.load(bench.state, "r").moved == bench.now
    entry = replace(bench.route, canary=Trial(NEW, 1.0, "id"))
    bench.state.update(
        lambda plan: replace(plan, routes={**plan.routes, "r": entry}),
        action="canary",
        who="",
        why="",
        route="r",
        at=1.0,
    )
    bench.step()
    assert canary.load(bench.state, "r").stage == 1
    bare = replace(bench.route, canary=None)
    bench.state.update(
        lambda plan: replace(plan, routes={**plan.routes, "r": bare}),
        action="declare",
        who="",
        why="",
        route="",
        at=1.0,
    )
    bench.state.alter(canary.KIND, "r", lambda _: record, Act(1.0, "", "x"))
    assert bench.keeper.step()[0][1].why == "its first stage is about to come into force"
    bench.now += 60
    assert bench.keeper.step()[0][1].why == "it never began"


def test_one_of_several_gateways_decides_and_another_goes_on(bench):
    bench.start()
    other = bench.another("two")
    bench.traffic(60, bad=lambda arm, n: arm == "canary")
    assert other.step()[0][1].do == "back"
    bench.start()
    assert other.step()
    assert bench.keeper.step() == []
    other.end()
    assert bench.keeper.step()
    bench.keeper.end()
    assert bench.state.hold(LEASE, "x", 1, 1, seconds=1.0) == 1


def test_evidence_from_before_this_process_counts_once(bench):
    bench.start(stages=(0.5,))
    bench.traffic(20)
    bench.step()
    rows = evidence.read(bench.state.database, "id")
    late = bench.another("late")
    late.step()
    assert evidence.read(bench.state.database, "id") == rows
    assert evidence.add(bench.state.database, rows) == 0
    assert rows
    bench.traffic(20)
    bench.keeper.end()
    assert late.step()
    canary.withdraw(bench.state, canary.load(bench.state, "r"), who="", why="", at=1.0)
    bench.start()
    assert evidence.read(bench.state.database, "id") == []


def test_a_policy_that_no_longer_admits_it_goes_back(tmp_path, engines):
    bench = Bench(tmp_path, tmp_path / "s.db", engines, policy=Policy(jurisdictions=("EU",)))
    with pytest.raises(PolicyError):
        canary.start(bench.state, _moved(engines, tmp_path), canary.Swap("id", "r", "", NEW, 1.0), environ={})
    assert bench.state.records(canary.KIND) == []
    bench.start()
    bench.traffic(40)
    bench.engines = _moved(engines, tmp_path)
    assert bench.step() == "advance"
    assert canary.load(bench.state, "r").status == "rolled_back"
    assert bench.route.canary is None
    bench.close()


def _moved(engines, folder):
    """The same engines, whose host is somewhere else by now."""
    hosts: dict[str, Any] = {"test": {"url": "http://127.0.0.1:9/v1", "auth": "none", "jurisdiction": "US"}}
    return catalogue.load(
        Config(
            settings=Settings(), folder=folder, models={name: {"lab": "test"} for name in "abc"}, hosts=hosts,
            offers={OLD: {}, NEW: {}, "c@test": {}},
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("more", "error", "what"),
    [
        ({"candidate": OLD}, InputError, "answers r already"),
        ({"candidate": "b@keyed"}, NoKeyError, "needs a key"),
        ({"stages": (0.5, 0.1)}, InputError, "do not grow"),
        ({"stages": ()}, InputError, "0 stages"),
        ({"tolerances": {}}, InputError, "without any guard"),
        ({"tolerances": {"errors": 2.0}}, InputError, "tolerance 2.0 of errors"),
        ({"tolerances": {"mood": 0.1}}, InputError, "no guard 'mood'"),
        ({"alpha": 0.7}, InputError, "alpha = 0.7"),
        ({"least": 0}, InputError, "least = 0"),
        ({"hold": -1.0}, InputError, "held for -1.0"),
    ],
)
def test_what_cannot_be_begun(bench, more, error, what):
    with pytest.raises(error, match=what):
        bench.start(**more)
    assert bench.route.canary is None


def test_two_moves_of_a_route_at_once_are_refused(bench):
    bench.start()
    with pytest.raises(InputError, match="is under way"):
        canary.start(bench.state, bench.engines, canary.Swap("x", "r", "", "c@test", 1.0), environ={})
    bench.state.alter(canary.KIND, "r", lambda _: b"{", Act(1.0, "", "x"))
    with pytest.raises(StoreError, match="cannot be read"):
        canary.running(bench.state)


# --- shadows --------------------------------------------------------------------------------------


def repeated(bench, count, bad=lambda n: False, **more):
    """Exchanges of a conversation each, and the shadow of each."""
    for _ in range(count):
        number = next(bench.numbers)
        own = Trace(
            f"{number:026d}", bench.now, "r", OLD, conversation=f"c{number}", swap="id", arm="control", total=1.0,
            attempts=(Attempt(OLD, 0.0, 1.0),), request=ASK, reply=said("Es regnet, weil Herbst ist."),
        )  # fmt: skip
        code = "overloaded" if bad(number) else "ok"
        other = Trace(
            f"{number + 10**6:026d}", bench.now, NEW, NEW, source="shadow", swap="id", arm="shadow", pair=own.id,
            total=1.0, outcome=code, attempts=(Attempt(NEW, 0.0, 1.0, code),), request=ASK, reply=own.reply, **more,
        )  # fmt: skip
        for one in (own, other) if number % 2 else (other, own):
            bench.writer.record(one)
    bench.writer.flush()
    bench.now += 1


def test_a_shadow_ends_with_its_verdict(bench):
    tolerances = {"errors": 0.2, "refusals": 0.2, "tools": 0.1, "latency": 0.2}
    made = bench.start(stages=(0.3,), shadow=True, tolerances=tolerances, least=20)
    assert (bench.route.shadow, bench.route.canary) == (Trial(NEW, 0.3, "id"), None)
    assert bench.step() == "wait"
    repeated(bench, 60)
    assert bench.step() == "finish"
    found = canary.load(bench.state, "r")
    assert found.status == "done"
    assert found.reason == "safe: errors, refusals, latency, in 60 conversations"
    assert (bench.route.shadow, bench.route.primary) == (None, OLD)
    move = swap.status(bench.state, "r").moves[0]
    assert {one.guard: one.verdict for one in move.findings}["tools"] == "undecided"
    assert replace(made, status="done").share == 0.3


def test_a_shadow_that_is_worse_says_so(bench):
    bench.start(stages=(1.0,), shadow=True)
    repeated(bench, 80, bad=lambda n: n % 4 == 0)
    assert bench.step() == "finish"
    assert canary.load(bench.state, "r").reason.startswith("unsafe: errors: 25.00% against 0.00%")


def test_a_shadow_ends_with_its_money(bench):
    bench.engines = catalogue.load(
        Config(
            settings=Settings(), folder=bench.folder, models={"b": {"lab": "test"}},
            hosts={"test": {"url": "http://127.0.0.1:9/v1", "auth": "none"}},
            offers={NEW: {"price": {"input": 1.0, "output": 1.0, "valid_from": "1970-01-01"}}},
        )
    )  # fmt: skip
    bench.start(stages=(1.0,), shadow=True, budget=5_000_000)
    assert [record.name for record in bench.state.records("rule")] == ["key:swap-id"]
    repeated(bench, 3)
    bench.writer.record(
        Trace("9" * 26, bench.now, NEW, "", source="shadow", swap="id", arm="shadow", outcome="budget_spent", pair="x")
    )
    bench.writer.flush()
    assert bench.step() == "finish"
    assert canary.load(bench.state, "r").reason == "undecided: its budget is spent after 3 conversations"
    assert bench.state.records("rule") == []


def test_a_budget_without_a_price_is_refused(bench):
    with pytest.raises(InputError, match="price of b@test is unknown"):
        bench.start(stages=(1.0,), shadow=True, budget=1)


# --- judging --------------------------------------------------------------------------------------


def rows(sides, *, at=1.0):
    """Rows of alternating sides, a conversation each."""
    for n, (one, other) in enumerate(sides):
        for arm, said in (("canary", one), ("control", other)):
            yield Row("id", f"{n}{arm}", arm, f"{arm}{n}", at, msgspec.json.encode(Said(signs=said)), 2 * n + 1)


def judge(sides, **more):
    made = Judge(canary.Swap("id", "r", OLD, NEW, 0.0, **{"stages": (0.5,), **more}))
    made.take(rows(sides))
    return made


def test_amounts_are_compared_pair_by_pair():
    slow = [(Signs(failed=False, seconds=1.3 + n % 3 / 10), Signs(failed=False, seconds=1.0)) for n in range(40)]
    found = {one.guard: one for one in judge(slow).findings()}
    assert found["latency"].fired
    assert found["latency"].harm is None
    assert not found["errors"].fired
    wide = {one.guard: one for one in judge(slow, tolerances={"latency": 0.6}).findings()}
    assert not wide["latency"].fired
    dear = [(Signs(failed=False, cost=300), Signs(failed=False, cost=100)) for _ in range(40)]
    assert "dearer" in decide(judge(dear), now=0.0).why


def test_costs_in_two_currencies_are_not_compared():
    same = [(Signs(failed=False, cost=1000), Signs(failed=False, cost=7000, currency="CNY")) for _ in range(200)]
    for sides in (same, [(one, other) for other, one in same]):
        found = {one.guard: one for one in judge(sides).findings()}
        assert found["cost"].pairs == 0
        assert not found["cost"].fired
        assert found["errors"].pairs == 200


def test_a_move_to_another_currency_needs_the_guard_of_costs_off(bench):
    price = {"input": 1.0, "output": 1.0, "valid_from": "1970-01-01"}
    bench.engines = catalogue.load(
        Config(
            settings=Settings(), folder=bench.folder, models={"a": {"lab": "test"}, "b": {"lab": "test"}},
            hosts={"test": {"url": "http://127.0.0.1:9/v1", "auth": "none"}},
            offers={OLD: {"price": price | {"currency": "CNY"}}, NEW: {"price": price}},
        )
    )  # fmt: skip
    with pytest.raises(InputError, match=f"{OLD} is paid in CNY and {NEW} in USD") as caught:
        bench.start()
    assert "--tolerance cost=off" in caught.value.fix
    bench.start(tolerances={"errors": 0.005})
    assert canary.load(bench.state, "r").open


def test_one_language_that_is_refused_is_found():
    def both(n):
        language = "de" if n % 10 == 0 else "en"
        return tuple(Signs(failed=False, refused=arm == 0 and language == "de", language=language) for arm in (0, 1))

    found = {one.guard: one for one in judge([both(n) for n in range(400)]).findings()}
    assert found["refusals"].fired
    assert found["refusals"].where == "de"


def test_only_the_first_word_of_a_conversation_counts():
    made = Judge(canary.Swap("id", "r", OLD, NEW, 0.0, stages=(0.5,)))
    bad = msgspec.json.encode(Said(signs=Signs(failed=True)))
    made.take(Row("id", f"{n}{arm}", arm, arm, 1.0, bad, n) for n in range(50) for arm in ("canary", "control"))
    made.take([Row("id", "x", "elsewhere", "c", 1.0, bad, 99), Row("id", "y", "canary", "d", 1.0, b"?", 100)])
    assert made.findings()[0].pairs == 1
    assert made.conversations == (1, 1)


def test_what_happened_before_a_stage_says_nothing_of_it():
    made = Judge(canary.Swap("id", "r", OLD, NEW, 0.0, stages=(0.5, 1.0), moved=100.0))
    made.take(rows([(Signs(failed=True), Signs(failed=False))] * 20, at=50.0))
    assert made.conversations == (0, 0)
    last = Judge(replace(made.swap, stage=1))
    last.take(rows([(Signs(failed=True), Signs(failed=False))] * 20, at=50.0))
    assert last.conversations == (0, 20)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60), st.integers(0, 60))
@settings(max_examples=25)
def test_evidence_taken_in_pieces_says_the_same(sides, cut):
    told = [(Signs(failed=a), Signs(failed=b)) for a, b in sides]
    whole = judge(told)
    pieces = Judge(whole.swap)
    every = list(rows(told))
    pieces.take(every[:cut])
    pieces.take(every[cut:])
    assert [(one.guard, one.pairs, one.p) for one in pieces.findings()] == [
        (one.guard, one.pairs, one.p) for one in whole.findings()
    ]


# --- signs ----------------------------------------------------------------------------------------

ASK = Request("r", (Message("user", (TextPart("Wie ist das Wetter in Berlin, und warum ist es so?"),)),))
TOOL = Tool("weather", schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
SHAPE = ResponseFormat("json_schema", schema={"type": "object", "required": ["a"]})


def said(*parts, **more):
    return Reply((Choice(tuple(TextPart(p) if isinstance(p, str) else p for p in parts), **more),))


def exchange(engine=NEW, outcome="ok", tried=None, **more):
    attempts = tried or (Attempt(engine, 0.0, 1.0, outcome),)
    return Trace("1" * 26, 1.0, "r", engine if outcome == "ok" else "", outcome=outcome, attempts=attempts, **more)


def test_what_an_exchange_says():
    fine = signs(
        exchange(request=ASK, reply=said("Es regnet."), total=2.0, cost=5, streamed=True, first_token=0.5), NEW
    )
    assert fine == Signs(failed=False, refused=False, seconds=2.0, first_token=0.5, cost=5, language="de")
    assert signs(exchange(outcome="overloaded"), NEW).failed
    assert signs(exchange(outcome="cancelled"), NEW).failed is None
    assert signs(exchange(outcome="budget_spent"), NEW) == Signs()
    assert signs(exchange(), OLD) == Signs()
    assert signs(exchange(cached=True), NEW) == Signs()
    helped = exchange(OLD, tried=(Attempt(NEW, 0, 1, "unreachable"), Attempt(OLD, 1, 2)))
    assert signs(helped, NEW).failed
    assert signs(helped, OLD).failed is False
    lost = exchange(OLD, tried=(Attempt(NEW, 0, 1, "lost"), Attempt(OLD, 1, 2)))
    assert signs(lost, NEW).failed is None


@pytest.mark.parametrize(
    ("request_", "reply", "malformed", "miscalled", "refused"),
    [
        (ASK, said("Es regnet."), None, None, False),
        (ASK, said("I'm sorry, but I can't help with that."), None, None, True),
        (replace(ASK, response_format=SHAPE), said('{"a": 1}'), False, None, False),
        (replace(ASK, response_format=SHAPE), said('{"b": 1}'), True, None, False),
        (replace(ASK, response_format=ResponseFormat("json_object")), said("Sure: {"), True, None, False),
        (replace(ASK, response_format=ResponseFormat("json_object")), said("{}"), False, None, False),
        (replace(ASK, tools=(TOOL,)), said(ToolCallPart("1", "weather", '{"city": "Oslo"}')), None, False, False),
        (replace(ASK, tools=(TOOL,)), said(ToolCallPart("1", "weather", '{"town": "Oslo"}')), None, True, False),
        (replace(ASK, tools=(TOOL,)), said(ToolCallPart("1", "weather", '{"city": ')), None, True, False),
        (replace(ASK, tools=(TOOL,)), said(ToolCallPart("1", "rain", "{}")), None, True, False),
        (replace(ASK, tools=(TOOL,), tool_choice=ToolChoice("required")), said("Hello there"), None, True, False),
    ],
)
def test_the_form_of_an_answer(request_, reply, malformed, miscalled, refused):
    found = form(request_, reply)
    assert (found.malformed, found.miscalled, found.refused) == (malformed, miscalled, refused)


# --- sides ----------------------------------------------------------------------------------------


def test_sides_are_fair_and_nobody_turns_back():
    names = [f"conversation {n}" for n in range(4000)]
    before: dict[str, Any] = {}
    for share in (0.01, 0.05, 0.25, 0.5, 1.0):
        now = {name: routes.arm(Trial(NEW, share, "s"), name) for name in names}
        count = sum(arm == "canary" for arm in now.values())
        assert abs(count / len(names) - share) < 0.03
        assert all(now[name] == "canary" for name, arm in before.items() if arm == "canary")
        assert not any(now[name] == "canary" for name, arm in before.items() if arm == "control" and share <= 0.5)
        before = now
    assert routes.arm(Trial(NEW, 0.5, "s"), "\ud800 torn") in ("canary", "control")


def test_nobody_is_sent_to_who_is_cut_off(engines):
    plan = Plan(1, {"r": Route("r", OLD, ("c@test",), canary=Trial(NEW, 0.5, "s"))}, cut=(OLD, NEW))
    chosen = routes.choose(plan, "r", engines.engine)
    assert [one.name for one in chosen.engines] == ["c@test"]
    assert chosen.canary is None
    with pytest.raises(UnreachableError, match="cut off"):
        routes.choose(plan, OLD, engines.engine)
    tried = routes.choose(replace(plan, cut=()), "r", engines.engine)
    assert tried.canary is not None
    assert [one.name for one in tried.canary.engines] == [NEW, OLD, "c@test"]
