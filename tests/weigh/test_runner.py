"""The runner: resuming, pacing, budgets, failures and interruptions, against a road that is told what to do."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from weighbridge.canon import (
    Attempt,
    Choice,
    Engine,
    Host,
    Message,
    Model,
    Offer,
    Plan,
    Price,
    Profile,
    Reply,
    TextPart,
    Tool,
    Trace,
    Usage,
)
from weighbridge.engines.clock import FakeClock
from weighbridge.errors import BudgetError, EngineError, InputError, NoCreditError, StoreFullError, WrongKeyError
from weighbridge.store.results import Results
from weighbridge.weigh import asking, kept, runner
from weighbridge.weigh.asking import THINKING
from weighbridge.weigh.pace import Gate
from weighbridge.weigh.runner import Options, Progress
from weighbridge.weigh.types import Sample, Suite

DAY = "2026-11-22"


def engine(name="a", host="far", *, serving=None, price=None, **model):
    prices = (Price(input=price, output=price, valid_from="2026-01-01"),) if price is not None else ()
    made = Host(host, url="" if serving else "https://far.example", serving=serving or {})
    return Engine(Model(name, **model), made, Offer(name, host, prices=prices), Profile())


def here(name="a", slots=2):
    return engine(name, "local", serving={"slots": slots})


def suite(count):
    samples = tuple(
        Sample(f"s{i}", (Message("user", (TextPart(f"question {i}"),)),), target=str(i), grader="exact", max_tokens=10)
        for i in range(count)
    )
    return Suite("test", samples, "digest")


def question(call):
    return call.request.messages[-1].text.removeprefix("question ")


class Store(dict[str, bytes]):
    """What `Results` does, in memory."""

    def get_many(self, keys):
        return {k: self[k] for k in keys if k in self}

    def put(self, key, value):
        self[key] = value

    def others(self):
        return 0


class Road:
    """Answers with the question's number, unless `outcome` says otherwise; remembers who asked what."""

    def __init__(self, outcome=lambda _call, _asked: "ok"):
        self.outcome = outcome
        self.calls = []
        self.busy = {}
        self.most = {}

    async def run(self, call):
        name = call.request.model
        self.calls.append((name, question(call)))
        self.busy[name] = self.busy.get(name, 0) + 1
        self.most[name] = max(self.most.get(name, 0), self.busy[name])
        try:
            await asyncio.sleep(0)
            outcome = self.outcome(call, self.calls.count((name, question(call))))
        finally:
            self.busy[name] -= 1
        if outcome != "ok":
            return Trace(f"t{len(self.calls)}", 1.0, name, "", outcome=outcome, error=f"{name}: it says {outcome}")
        reply = Reply(choices=(Choice((TextPart(question(call)),)),))
        return Trace(
            f"t{len(self.calls)}",
            1.0,
            name,
            name,
            usage=Usage(input=10, output=5),
            reply=reply,
            first_token=0.1,
            total=0.2,
        )


def options(tmp_path, **more):
    return Options(day=DAY, folder=tmp_path, **more)


@pytest.fixture
def go(tmp_path):
    async def run(count, engines, road, store=None, *, clock=None, progress=None, prepare=None, **more):
        extra = {"prepare": prepare} if prepare else {}
        return await runner.run(
            suite(count),
            engines,
            road,
            Store() if store is None else store,
            options=options(tmp_path, **more),
            progress=progress,
            clock=clock or FakeClock(),
            **extra,
        )

    return run


# --- answers ------------------------------------------------------------------------------------------


async def test_every_engine_is_asked_everything_and_graded(go):
    road, progress = Road(), Progress()
    outcome = await go(3, [engine("a", price=1_000_000), engine("b")], road, progress=progress)
    assert list(outcome.results) == ["a@far", "b@far"]
    assert [r.sample for r in outcome.results["a@far"]] == ["s0", "s1", "s2"]
    first = outcome.results["a@far"][0]
    assert (first.score, first.first_token, first.total, first.cost, first.reused) == (1.0, 0.1, 0.2, 15, False)
    assert outcome.results["b@far"][0].cost is None
    assert (progress.total, progress.done, progress.spent, progress.failed) == (6, 6, 45, 0)
    assert outcome.stopped == ""


async def test_far_engines_take_turns_and_near_ones_follow_each_other(go):
    road = Road()
    await go(3, [engine("a"), engine("b"), here("x"), here("y")], road, concurrency=1)
    assert [f"{name[0]}{n}" for name, n in road.calls] == [
        *("x0", "x1", "x2", "y0", "y1", "y2"),
        *("a0", "b0", "a1", "b1", "a2", "b2"),
    ]


async def test_near_engines_are_prepared_first_and_bounded_by_their_slots(go):
    road, prepared = Road(), []

    async def prepare(found):
        prepared.append((found.name, len(road.calls)))

    await go(8, [here("x", slots=2), here("y", slots=3), engine("a")], road, prepare=prepare, concurrency=5)
    assert prepared == [("x@local", 0), ("y@local", 8)]
    assert road.most == {"x@local": 2, "y@local": 3, "a@far": 5}


async def test_noise_asks_the_base_twice_and_keeps_both(go):
    road, store = Road(), Store()
    outcome = await go(2, [engine("a"), engine("b")], road, store, noise="a@far")
    assert len(road.calls) == 6
    assert [r.sample for r in outcome.noise] == ["s0", "s1"]
    assert len(store) == 6
    assert (await go(2, [engine("a")], Road(), store)).noise == ()


# --- resuming -----------------------------------------------------------------------------------------


async def test_what_was_answered_is_not_asked_again(go):
    store = Store()
    first = await go(3, [engine("a", price=1_000_000)], Road(), store)
    road, progress = Road(), Progress()
    again = await go(4, [engine("a", price=1_000_000)], road, store, progress=progress)
    assert road.calls == [("a@far", "3")]
    assert [r.reused for r in again.results["a@far"]] == [True, True, True, False]
    assert [replace(r, reused=False) for r in again.results["a@far"][:3]] == list(first.results["a@far"])
    assert (progress.reused, progress.spent) == (3, 15)


async def test_fresh_asks_again_and_replaces(go):
    store, road = Store(), Road()
    await go(2, [engine("a")], Road(), store)
    outcome = await go(2, [engine("a")], road, store, fresh=True)
    assert len(road.calls) == len(store) == 2
    assert not outcome.results["a@far"][0].reused


async def test_words_stay_in_the_store_where_results_need_none(go):
    store, two = Store(), [engine("a"), engine("b")]
    held = await go(3, two, Road(), store)
    for outcome in (await go(3, two, Road(), store, texts=False), await go(3, two, Road(), Store(store), texts=False)):
        for name, results in outcome.results.items():
            assert all(result.reply is None for result in results)
            assert kept.fetch(store, results) == [result.reply for result in held.results[name]]
            for result, before in zip(results, held.results[name], strict=True):
                assert replace(result, key=b"") == replace(before, reply=None, reused=True)
    assert kept.fetch(store, held.results["a@far"]) == [None] * 3  # they hold theirs, and know of no key


async def test_words_that_another_run_has_replaced_are_none(go):
    store, road = Store(), Road()
    outcome = await go(1, [engine("a")], road, store, texts=False)
    await go(1, [engine("a")], road, store, texts=False, fresh=True)
    assert kept.fetch(store, outcome.results["a@far"]) == [None]
    store.clear()
    assert kept.fetch(store, outcome.results["a@far"]) == [None]


@pytest.mark.parametrize("texts", [True, False])
async def test_stored_answers_are_graded_anew(tmp_path, texts):
    store = Store()
    one = suite(1)
    await runner.run(one, [engine("a")], Road(), store, options=options(tmp_path, texts=texts))
    (sample,) = one.samples
    changed = Suite("test", (replace(sample, target="something else"),), "other")
    outcome = await runner.run(changed, [engine("a")], Road(), store, options=options(tmp_path, texts=texts))
    (result,) = outcome.results["a@far"]
    assert (result.reused, result.score) == (True, 0.0)


async def test_a_grade_is_kept_until_what_it_was_given_by_changes(tmp_path):
    store, one = Store(), suite(1)

    async def score(asked):
        outcome = await runner.run(asked, [engine("a")], Road(), store, options=options(tmp_path))
        return outcome.results["a@far"][0].score

    assert await score(one) == 1.0
    (key,) = store
    store[key] = store[key].replace(b'"score":1.0', b'"score":0.25')
    assert await score(one) == 0.25  # as it was kept: nothing was graded anew
    (sample,) = one.samples
    assert await score(replace(one, samples=(replace(sample, target="0 "),))) == 1.0
    assert b'"score":1.0' in store[key]
    assert await score(replace(one, samples=(replace(sample, grader="rubric"),))) == 0.0
    assert b'"score":1.0' in store[key]  # what nobody could grade has no grade to keep
    assert b"marked" in store[key]


async def test_a_stored_answer_that_cannot_be_read_is_asked_again(go):
    store, road = Store(), Road()
    await go(1, [engine("a")], Road(), store)
    store[next(iter(store))] = b'{"reply": 5}'
    await go(1, [engine("a")], road, store)
    assert len(road.calls) == 1


async def test_failures_are_reported_but_never_stored(go):
    store, progress = Store(), Progress()
    road = Road(lambda call, _: "deadline" if question(call) == "1" else "ok")
    outcome = await go(3, [engine("a", price=1_000_000)], road, store, progress=progress)
    failed = outcome.results["a@far"][1]
    assert (failed.error, failed.grade, failed.score) == ("deadline: a@far: it says deadline", None, 0.0)
    assert len(store) == 2
    assert progress.failed == 1
    again = Road()
    await go(3, [engine("a")], again, store)
    assert again.calls == [("a@far", "1")]


async def test_an_interrupted_run_resumes_where_it_was(go, tmp_path):
    path = tmp_path / "results.db"
    stuck, hold = asyncio.Event(), asyncio.Event()

    class Stuck(Road):
        async def run(self, call):
            if len(self.calls) >= 5:
                stuck.set()
                await hold.wait()
            return await super().run(call)

    store, road = Results(path), Stuck()
    task = asyncio.create_task(go(20, [engine("a")], road, store, concurrency=2))
    await stuck.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    store.close()
    kept, again = Results(path), Road()
    await go(20, [engine("a")], again, kept, concurrency=2)
    kept.close()
    assert len(again.calls) == 15
    assert not {n for _, n in again.calls} & {n for _, n in road.calls}


# --- trouble ------------------------------------------------------------------------------------------


async def test_a_busy_engine_is_asked_again_more_slowly(go):
    clock = FakeClock()
    road = Road(lambda _call, asked: "rate_limited" if asked < 3 else "ok")
    outcome = await go(2, [engine("a")], road, clock=clock, concurrency=1)
    assert all(r.score == 1 for r in outcome.results["a@far"])
    assert clock.slept == [1.0, 2.0, 1.0, 2.0]


async def test_an_engine_that_stays_busy_fails_after_five_tries(go):
    road = Road(lambda call, _: "overloaded" if question(call) == "0" else "ok")
    outcome = await go(2, [engine("a")], road)
    assert outcome.results["a@far"][0].error.startswith("overloaded")
    assert road.calls.count(("a@far", "0")) == 5


async def test_more_calls_at_once_after_the_storm():
    gate = Gate(8)
    tickets = [await gate.enter() for _ in range(8)]
    gate.slow(tickets[0])
    assert gate.limit == 4
    gate.slow(tickets[1])  # it went out before the cut
    assert gate.limit == 4
    for _ in tickets:
        gate.leave()
    gate.slow(await gate.enter())
    assert gate.limit == 2
    for _ in range(100):
        gate.well()
    assert gate.limit == 8
    for _ in range(10):
        gate.leave()
        gate.slow(await gate.enter())
    assert gate.limit == 1


async def test_requests_that_the_client_had_to_repeat_slow_the_run_down(tmp_path):
    class Hidden(Road):
        async def run(self, call):
            trace = await super().run(call)
            busy = (Attempt("a", 0.0, 1.0, "rate_limited", 429),) if question(call) == "3" else ()
            return replace(trace, attempts=busy)

    running = runner._Run(Hidden(), Store(), options(tmp_path), Progress(), FakeClock())
    await running.ask(suite(4).samples, [asking.Contestant(engine("a"))], runner._no_preparation)
    assert running._gates["a@far"].limit < 16


@pytest.mark.parametrize(("code", "kind"), [("wrong_key", WrongKeyError), ("no_credit", NoCreditError)])
async def test_without_hope_the_run_ends_and_keeps_what_it_has(go, code, kind):
    store = Store()
    road = Road(lambda call, _: code if call.request.model == "b@far" else "ok")
    with pytest.raises(kind) as caught:
        await go(100, [engine("a"), engine("b")], road, store, concurrency=1)
    assert caught.value.where == "b@far"
    assert caught.value.what == f"it says {code}"
    assert "what was answered is kept" in caught.value.fix
    assert 1 <= len(store) <= 2
    assert len(road.calls) <= 4


async def test_ten_failures_in_a_row_end_the_run(go):
    road = Road(lambda *_: "unreachable")
    with pytest.raises(EngineError):
        await go(100, [engine("a")], road, concurrency=1)
    assert len(road.calls) == 10


async def test_samples_that_are_refused_say_nothing_of_an_engine_that_has_answered(go):
    store, refused = Store(), Road(lambda call, _: "ok" if question(call) == "0" else "refused_request")
    for _ in range(2):  # the second time the only answer is a stored one
        outcome = await go(30, [engine("a")], refused, store, concurrency=1)
        assert [bool(r.error) for r in outcome.results["a@far"]] == [False, *[True] * 29]


@pytest.mark.parametrize("code", ["refused_request", "too_large", "broken_answer"])
async def test_an_engine_whose_first_calls_all_fail_ends_the_run_in_its_hosts_words(go, code):
    store = Store()
    road = Road(lambda call, _: code if call.request.model == "b@far" else "ok")
    with pytest.raises(EngineError, match=f"it says {code}") as caught:
        await go(100, [engine("a"), engine("b")], road, store, concurrency=1)
    assert caught.value.where == "b@far"
    assert "first 10 calls all failed" in caught.value.fix
    assert [name for name, _ in road.calls].count("b@far") == 10
    assert len(store) in (10, 11)


# --- samples that ask the very same -------------------------------------------------------------------


def twins(count, cluster="same"):
    """Samples of one request, and one of another."""
    first, other = suite(2).samples
    return Suite("test", (*(replace(first, id=f"t{i}", cluster=cluster) for i in range(count)), other), "digest")


@pytest.mark.parametrize("fresh", [False, True])
async def test_samples_of_one_request_share_one_call(tmp_path, fresh):
    road, progress = Road(), Progress()
    one = options(tmp_path, fresh=fresh)
    engines = [engine("a", price=1_000_000), engine("b")]
    outcome = await runner.run(twins(200), engines, road, Store(), options=one, progress=progress)
    assert sorted(road.calls) == [("a@far", "0"), ("a@far", "1"), ("b@far", "0"), ("b@far", "1")]
    assert (progress.done, progress.copied, progress.reused) == (402, 398, 0)
    assert [r.score for r in outcome.results["a@far"]] == [1.0] * 201
    assert sum(r.cost or 0 for r in outcome.results["a@far"] if not r.reused) == 30


async def test_what_fails_fails_for_all_of_one_request(tmp_path):
    road = Road(lambda call, _: "refused_request" if question(call) == "0" else "ok")
    outcome = await runner.run(twins(20), [engine("a")], road, Store(), options=options(tmp_path))
    assert len(road.calls) == 2
    assert [bool(r.error) for r in outcome.results["a@far"]] == [*[True] * 20, False]


async def test_stored_answers_to_one_request_are_from_an_earlier_run(tmp_path):
    store, progress = Store(), Progress()
    for told in (Progress(), progress):
        await runner.run(twins(20), [engine("a")], Road(), store, options=options(tmp_path), progress=told)
    assert (progress.reused, progress.copied) == (21, 0)


# --- another run beside this one ----------------------------------------------------------------------


class Shared(Store):
    """Another run stores an answer whenever this one has stored some."""

    def __init__(self, answers, every=2):
        super().__init__()
        self.answers, self.every, self.written, self.puts = list(answers.items()), every, 0, 0

    def put(self, key, value):
        super().put(key, value)
        self.puts += 1
        if self.puts % self.every == 0 and self.answers:
            other, answer = self.answers.pop()
            self.setdefault(other, answer)
            self.written += 1

    def others(self):
        return self.written


async def test_what_another_run_answers_meanwhile_is_not_asked(go):
    answers = Store()
    await go(60, [engine("a")], Road(), answers)
    road, store = Road(), Shared(answers)
    outcome = await go(60, [engine("a")], road, store, concurrency=1)
    assert len(road.calls) == len(set(road.calls)) < 45
    assert len(road.calls) + sum(r.reused for r in outcome.results["a@far"]) == 60
    assert [r.sample for r in outcome.results["a@far"]] == [f"s{i}" for i in range(60)]


async def test_a_store_that_is_full_ends_the_run_with_its_own_error(go):
    class Full(Store):
        def put(self, key, value):
            raise StoreFullError("No space is left.")

    road = Road()
    with pytest.raises(StoreFullError):
        await go(50, [engine("a")], road, Full(), concurrency=2)
    assert len(road.calls) < 10


@pytest.mark.parametrize("change", [{"reply": None}, {"engine": "other@far"}])
async def test_an_answer_of_nobody_or_of_another_engine_is_a_failure(go, change):
    class Odd(Road):
        async def run(self, call):
            return replace(await super().run(call), **change)

    store = Store()
    outcome = await go(1, [engine("a")], Odd(), store)
    assert outcome.results["a@far"][0].error.startswith("broken_answer")
    assert not store


# --- budget -------------------------------------------------------------------------------------------


async def test_a_budget_stops_cleanly_and_is_never_overdrawn(go):
    store, road = Store(), Road()
    engines = [engine("a", price=1_000_000), engine("b", price=1_000_000)]
    outcome = await go(50, engines, road, store, budget=500, concurrency=4)
    asked = len(road.calls)
    assert 0 < asked < 100
    assert asked * 15 <= 500
    assert outcome.unasked == 100 - asked
    assert len(outcome.samples) == asked // 2
    assert all(len(found) == len(outcome.samples) for found in outcome.results.values())
    assert "the budget of $0.00" in outcome.stopped
    assert f"{100 - asked} questions were not asked" in outcome.stopped
    again = await go(50, engines, Road(), store, budget=10**9)
    assert len(again.samples) == 50
    assert sum(r.reused for found in again.results.values() for r in found) == asked


async def test_a_budget_counts_what_may_have_been_charged(go):
    road = Road(lambda call, _: "broken_answer" if question(call) == "0" else "ok")
    worst = asking.worst_cost(
        engine("a", price=1_000_000),
        asking.request_for(suite(1).samples[0], engine("a"), max_tokens=1, seed=0),
        DAY,
    )
    assert worst is not None
    outcome = await go(3, [engine("a", price=1_000_000)], road, budget=2 * worst, concurrency=1)
    assert len(outcome.samples) == 2  # the worst case of the first, the true cost of the second


async def test_a_budget_for_nothing_and_budgets_without_prices(go):
    with pytest.raises(BudgetError):
        await go(1, [engine("a", price=10**12)], Road(), budget=1)
    with pytest.raises(InputError, match="price of every engine"):
        await go(1, [engine("a")], Road(), budget=1)
    foreign = engine("a")
    price = Price(input=1, output=1, currency="CNY", valid_from="2026-01-01")
    foreign = replace(foreign, offer=replace(foreign.offer, prices=(price,)))
    with pytest.raises(InputError, match="CNY"):
        await go(1, [foreign], Road(), budget=1)


async def test_a_budget_is_checked_and_a_store_read_before_anything_is_asked(go):
    class Broken(Store):
        def get_many(self, keys):
            raise StoreFullError("It cannot be read.")

    road = Road()
    with pytest.raises(StoreFullError):
        await go(3, [engine("a")], road, Broken())
    with pytest.raises(InputError):
        await go(3, [engine("a", price=1), engine("b")], road, budget=100)

    async def prepare(_engine):
        raise WrongKeyError("It does not start.")

    with pytest.raises(WrongKeyError):
        await go(3, [here("x")], road, prepare=prepare)
    assert road.calls == []


async def test_long_suites_are_looked_up_piece_by_piece(go):
    store, road = Store(), Road()
    await go(150, [engine("a"), engine("b")], Road(), store)
    progress = Progress()
    outcome = await go(200, [engine("a"), engine("b")], road, store, progress=progress)
    assert len(road.calls) == 100
    assert (progress.total, progress.done, progress.reused) == (400, 400, 300)
    assert [r.sample for r in outcome.results["b@far"]] == [f"s{i}" for i in range(200)]


async def test_free_engines_are_asked_whatever_the_budget(go):
    outcome = await go(3, [engine("a", price=0)], Road(), budget=0)
    assert len(outcome.samples) == 3


# --- what is asked ------------------------------------------------------------------------------------


def ask(sample, who):
    return asking.request_for(sample, who, max_tokens=100, seed=7)


def test_a_request_is_repeatable_and_streamed():
    sample = replace(suite(1).samples[0], tools=(Tool("t"),), schema={"type": "object"}, max_tokens=None)
    request = ask(sample, engine("a"))
    assert (request.sampling.temperature, request.sampling.seed, request.sampling.max_tokens) == (0.0, 7, 100)
    assert request.stream
    assert request.stream_usage
    assert request.tools == sample.tools
    assert request.response_format.kind == "json_schema"
    assert request.response_format.schema == {"type": "object"}


def test_engines_that_think_get_room_for_it_up_to_their_limit():
    sample = suite(1).samples[0]
    assert ask(sample, engine("a")).sampling.max_tokens == 10
    assert ask(sample, engine("a", reasoning=True)).sampling.max_tokens == 10 + THINKING
    assert ask(sample, engine("a", reasoning=True, max_output=500)).sampling.max_tokens == 500


def test_a_key_follows_what_changes_an_answer_and_nothing_else(tmp_path):
    weights = tmp_path / "w.gguf"
    weights.write_bytes(b"1")
    base = here("a")
    base = replace(base, model=replace(base.model, gguf="w.gguf"))
    sample = suite(1).samples[0]

    def key(who=base, what=sample, repeat=0):
        return asking.key(asking.identity(who, tmp_path), ask(what, who), repeat)

    first = key()
    assert key() == first
    assert key(who=replace(base, model=replace(base.model, licence="MIT"))) == first
    assert key(what=replace(sample, id="other", target="x", grader="number", category="c")) == first
    others = [
        key(who=replace(base, host=replace(base.host, serving={"slots": 2, "cache_type": "q8_0"}))),
        key(who=replace(base, offer=replace(base.offer, upstream="other"))),
        key(who=replace(base, profile=Profile(defaults={"top_k": 1}))),
        key(what=replace(sample, max_tokens=11)),
        key(repeat=1),
    ]
    weights.write_bytes(b"22")
    others.append(key())
    assert len({first, *others}) == 7


# --- the real road ------------------------------------------------------------------------------------


async def test_through_the_real_road_with_recorded_answers(tmp_path):
    from weighbridge import settings
    from weighbridge.engines import catalogue
    from weighbridge.engines.client import Client
    from weighbridge.engines.endpoints import NoEndpoints
    from weighbridge.engines.transport import AiohttpTransport
    from weighbridge.exchange import Road as RealRoad
    from weighbridge.store.ids import new_trace_id

    (tmp_path / "answers.jsonl").write_text(
        "".join(f'{{"input": "question {i}", "output": "{i or "wrong"}"}}\n' for i in range(5))
    )
    (tmp_path / "weighbridge.toml").write_text(
        '[models.m]\n[hosts.tape]\nauth = "none"\nrecorded = { path = "answers.jsonl" }\n[offers."m@tape"]\n'
    )
    config = settings.load(Path("weighbridge.toml"), environ={})
    known = catalogue.load(config)
    client = Client(
        settings=config.settings.client,
        transport=AiohttpTransport(connections=4),
        endpoints=NoEndpoints(),
        environ={},
        folder=tmp_path,
    )
    traces: list[Trace] = []
    rng = random.Random(1)
    plan = Plan(0)
    road = RealRoad(
        catalogue=known,
        client=client,
        plan=lambda: plan,
        record=traces.append,
        deadline=10.0,
        new_id=lambda: new_trace_id(0.0, rng),
    )
    store = Results(tmp_path / "results.db")
    outcome = await runner.run(suite(5), [known.engine("m@tape")], road, store, options=options(tmp_path))
    store.close()
    await client.close()
    results = outcome.results["m@tape"]
    assert [r.score for r in results] == [0, 1, 1, 1, 1]
    assert all(r.first_token is not None and r.total is not None and r.usage for r in results)
    assert {t.source for t in traces} == {"weigh"}
    assert {r.trace for r in results} == {t.id for t in traces}
