"""Runs that stop early, ask several times, or grade with a grader that waits."""

from __future__ import annotations

import asyncio
import random

import pytest
from msgspec.structs import replace
from tests.weigh.test_runner import Road, Store, engine, here, options, question, suite

from weighbridge.canon import Reply
from weighbridge.engines.clock import FakeClock
from weighbridge.errors import InputError
from weighbridge.weigh import runner
from weighbridge.weigh.course import Course
from weighbridge.weigh.types import Grade, Result, Sample

A, B, C = engine("a", price=1_000_000), engine("b", price=1_000_000), engine("c")


def course(samples, *names, margin=0.1, passes=1, seed=3):
    return Course(samples, base="a@far", candidates=names, margin=margin, alpha=0.05, seed=seed, passes=passes)


def wrong(name, share):
    """A road on which an engine gets a share of questions wrong, the same ones every time."""
    return Road(
        lambda call, _: "refused_request" if call.request.model == name and int(question(call)) % share else "ok"
    )


async def run(count, engines, road, tmp_path, found=None, store=None, **more):
    grade = more.pop("grade", None)
    return await runner.run(
        suite(count),
        engines,
        road,
        Store() if store is None else store,
        options=options(tmp_path, **more),
        clock=FakeClock(),
        grade=grade,
        course=found,
    )


async def test_it_stops_when_every_verdict_is_known(tmp_path):
    found, road = course(suite(2000).samples, "b@far", "c@far"), wrong("c@far", 2)
    outcome = await run(2000, [A, B, C], road, tmp_path, found, concurrency=4)
    told = found.stoppings()
    assert (told["b@far"].verdict, told["c@far"].verdict) == ("safe", "unsafe")
    assert told["c@far"].high < -0.1 < told["b@far"].low
    assert len(outcome.samples) == max(one.used for one in told.values()) < 200
    assert told["b@far"].saved_calls == 6000 - len(road.calls)
    assert outcome.stopped == ""
    assert outcome.unasked == 0
    assert [r.sample for r in outcome.results["b@far"]] == [s.id for s in outcome.samples]


async def test_what_it_saved_is_told_in_money_where_prices_are_known(tmp_path):
    found = course(suite(500).samples, "b@far")
    await run(500, [A, B], Road(), tmp_path, found)
    (told,) = found.stoppings().values()
    assert told.saved_cost == told.saved_calls * 15
    unpriced = course(suite(500).samples, "c@far")
    await run(500, [A, C], Road(), tmp_path, unpriced)
    assert unpriced.stoppings()["c@far"].saved_cost is None


async def test_what_is_stored_already_is_not_saved(tmp_path):
    store = Store()
    await run(500, [A, B], Road(), tmp_path, store=store)
    found, road = course(suite(500).samples, "b@far"), Road()
    await run(500, [A, B], road, tmp_path, found, store)
    (told,) = found.stoppings().values()
    assert road.calls == []
    assert told.used < told.of
    assert (told.saved_calls, told.saved_cost) == (0, 0)
    longer = course(suite(600).samples, "b@far")
    await run(600, [A, B], road, tmp_path, longer, store)
    assert longer.stoppings()["b@far"].saved_calls == 200 - len(road.calls)


async def test_interrupted_and_continued_it_ends_where_the_whole_run_ends(tmp_path):
    whole = course(suite(1000).samples, "b@far")
    await run(1000, [A, B], wrong("b@far", 3), tmp_path, whole)
    store, reached = Store(), asyncio.Event()

    class Cut(Store):
        def put(self, key, value):
            store.put(key, value)
            if len(store) == 8:
                reached.set()

    cut = asyncio.create_task(
        run(1000, [A, B], wrong("b@far", 3), tmp_path, course(suite(1000).samples, "b@far"), Cut())
    )
    await reached.wait()
    cut.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut
    again, road = course(suite(1000).samples, "b@far"), wrong("b@far", 3)
    outcome = await run(1000, [A, B], road, tmp_path, again, store)
    assert replace(again.stoppings()["b@far"], saved_calls=0, saved_cost=0) == replace(
        whole.stoppings()["b@far"], saved_calls=0, saved_cost=0
    )
    assert any(r.reused for r in outcome.results["a@far"])


def test_the_order_of_arrival_changes_nothing():
    rng = random.Random(5)
    samples = suite(300).samples
    results = [
        Result(s.id, name, grade=Grade(float(name == "a@far" or rng.random() < 0.8)))
        for s in samples
        for name in ("a@far", "b@far")
    ]
    ends = set()
    for _ in range(4):
        rng.shuffle(results)
        found = course(samples, "b@far")
        for result in results:
            found.told(result.engine, result)
        (told,) = found.stoppings().values()
        ends.add((told.verdict, told.used, told.low, told.high, frozenset(found.looked)))
    assert len(ends) == 1


def test_clusters_stay_whole_and_what_nobody_could_grade_counts_for_nobody():
    samples = [replace(s, cluster=f"c{i // 4}") for i, s in enumerate(suite(40).samples)]
    found = course(samples, "b@far")
    order = [s.cluster for s in found.samples]
    assert order == [name for name in dict.fromkeys(order) for _ in range(4)]
    assert order != sorted(order)
    for sample in found.samples:
        for name in ("a@far", "b@far"):
            found.told(name, Result(sample.id, name, grade=Grade(0.0, missing=name == "b@far")))
    (told,) = found.stoppings().values()
    assert (told.verdict, told.used, told.of, len(found.looked)) == ("undecided", 0, 40, 40)


async def test_engines_here_are_asked_in_short_blocks(tmp_path):
    road = Road()
    found = Course(suite(400).samples, base="x@local", candidates=["y@local"], margin=0.2, alpha=0.05, seed=1, passes=1)
    prepared = []

    async def prepare(who):
        prepared.append(who.name)

    await runner.run(
        suite(400),
        [here("x"), here("y")],
        road,
        Store(),
        options=options(tmp_path),
        clock=FakeClock(),
        prepare=prepare,
        course=found,
    )
    assert prepared == ["x@local", "y@local"]
    names = [name for name, _ in road.calls]
    assert names[: runner.BLOCK + 1] == ["x@local"] * runner.BLOCK + ["y@local"]
    assert found.decided
    assert len(names) <= 2 * runner.BLOCK


async def test_a_budget_ends_a_sequential_run_undecided(tmp_path):
    found = course(suite(500).samples, "b@far", margin=0.01)
    outcome = await run(500, [A, B], Road(), tmp_path, found, budget=1000, concurrency=2)
    (told,) = found.stoppings().values()
    assert told.verdict == "undecided"
    assert "does not cover" in outcome.stopped
    assert {s.id for s in outcome.samples} == found.looked


# --- repeats ------------------------------------------------------------------------------------------


class Seeds(Road):
    """Remembers with which seed and temperature each question was asked."""

    def __init__(self):
        super().__init__()
        self.asked = []

    async def run(self, call):
        self.asked.append((question(call), call.request.sampling.seed, call.request.sampling.temperature))
        return await super().run(call)


async def test_repeats_ask_again_with_seeds_of_their_own(tmp_path):
    road, store = Seeds(), Store()
    outcome = await run(2, [A, B], road, tmp_path, store=store, repeats=3, temperature=0.7, seed=10, noise="a@far")
    assert sorted(set(road.asked)) == [(str(i), seed, 0.7) for i in range(2) for seed in (10, 11, 12)]
    assert len(road.calls) == len(store) == 12
    assert {name: len(found) for name, found in outcome.repeats.items()} == {"a@far": 2, "b@far": 2}
    assert outcome.noise == outcome.repeats["a@far"][0]
    again = Seeds()
    await run(2, [A, B], again, tmp_path, store=store, repeats=4, temperature=0.7, seed=10)
    assert {seed for _, seed, _ in again.asked} == {13}


async def test_a_sequential_run_of_repeats_takes_their_mean(tmp_path):
    found = course(suite(300).samples, "b@far", passes=2)
    outcome = await run(300, [A, B], Road(), tmp_path, found, repeats=2)
    (told,) = found.stoppings().values()
    assert told.used == len(outcome.samples) == len(outcome.repeats["b@far"][0]) < 100


# --- graders that wait --------------------------------------------------------------------------------


async def test_a_grader_that_waits_grades_new_and_stored_answers_a_few_at_a_time(tmp_path):
    busy, most = 0, 0

    async def grade(sample: Sample, reply: Reply) -> Grade:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        return Grade(0.5, why=f"{sample.id} {reply.text}")

    store = Store()
    first = await run(60, [A], Road(), tmp_path, store=store, grade=grade)
    road = Road()
    again = await run(60, [A], road, tmp_path, store=store, grade=grade)
    assert road.calls == []
    assert most <= runner.GRADED_AT_ONCE
    for outcome in (first, again):
        assert [r.grade.why for r in outcome.results["a@far"]] == [f"s{i} {i}" for i in range(60)]


async def test_a_grader_that_fails_ends_the_run_and_loses_no_answer(tmp_path):
    async def grade(sample: Sample, reply: Reply) -> Grade:
        raise InputError("The sandbox is gone.")

    store = Store()
    with pytest.raises(InputError, match="sandbox"):
        await run(5, [A], Road(), tmp_path, store=store, grade=grade, concurrency=1)
    kept = len(store)
    assert kept
    with pytest.raises(InputError, match="sandbox"):
        await run(5, [A], Road(), tmp_path, store=store, grade=grade, concurrency=1)
    assert len(store) >= kept
