"""Axes: figures that a person can add up, unknown told as unknown, and nothing measured where there is nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from msgspec.structs import replace

from weighbridge.canon import (
    Engine,
    Fact,
    Host,
    ImagePart,
    Message,
    Model,
    Offer,
    Price,
    Profile,
    TextPart,
    Tool,
    Usage,
)
from weighbridge.errors import InputError
from weighbridge.weigh import rows, words
from weighbridge.weigh.axes import facts, weights
from weighbridge.weigh.decided import decided
from weighbridge.weigh.scorecard import weighing
from weighbridge.weigh.types import Grade, Result, Sample, Stopping, Suite

DAY = "2026-11-01"
PRICE = Price(input=1_000_000, output=4_000_000, valid_from="2026-01-01", source="the host's page")


def engine(name="new", host: Host | None = None, **model: Any) -> Engine:
    hosted = host or Host(
        name="far", url="https://far.example", jurisdiction="US", retention_days=30, trains_on_inputs=False
    )
    return Engine(Model(name=name, **model), hosted, Offer(name, hosted.name, prices=(PRICE,)), Profile())


def samples(count: int, **more: Any) -> tuple[Sample, ...]:
    return tuple(Sample(id=f"s{n}", messages=(Message("user", (TextPart("?"),)),), **more) for n in range(count))


def result(n: int, score: float = 1.0, name="new@far", label="", **more: Any) -> Result:
    usage = Usage(input=100, output=50, reasoning=20)
    made = Result(
        sample=f"s{n}", engine=name, grade=Grade(score, label=label), usage=usage, cost=300, first_token=0.1, total=0.6
    )
    return replace(made, **more)


def weigh(asked, results: dict[str, list[Result]], engines=None, **more: Any):
    found = engines or [engine(name.partition("@")[0]) for name in results]
    given: dict[str, Any] = {"margin": 0.05, "alpha": 0.05, "seed": 0, "day": DAY, "started": 0.0} | more
    return weighing(Suite("s", tuple(asked), "d"), found, results, base=found[0].name, **given)


def axes(made, name="new@far") -> dict[str, Any]:
    (card,) = [card for card in made.scorecards if card.engine == name]
    return {axis.name: axis for axis in card.axes}


def test_money_has_intervals_sources_and_days_and_thinking_is_told_apart():
    found = axes(weigh(samples(4), {"new@far": [result(n, cost=100 * (n + 1), score=n % 2) for n in range(4)]}))
    cost, solved = found["cost_per_1000"], found["cost_per_solved"]
    assert (cost.value, cost.unit, cost.source, cost.date) == (0.25, "USD", "the host's page", DAY)
    assert cost.low < 0.25 < cost.high
    assert solved.value == pytest.approx(1000 / 2 / 1e6)
    assert found["thinking"].value == pytest.approx(0.4)
    assert found["thinking_cost_per_1000"].value == pytest.approx(20 * 4 * 1000 / 1e6)


def test_one_unknown_cost_makes_costs_unknown():
    results = [result(0), result(1, cost=None)]
    found = axes(weigh(samples(2), {"new@far": results}))
    assert found["cost_per_1000"].value is found["cost_per_solved"].value is None
    assert found["thinking_cost_per_1000"].value is not None


def test_costs_and_steadiness_are_of_all_passes():
    first = [result(n, score=1) for n in range(10)]
    again = [result(n, score=n > 4, cost=500) for n in range(10)]
    made = weigh(samples(10), {"new@far": first}, repeats={"new@far": [again]})
    found = axes(made)
    assert found["cost_per_1000"].value == pytest.approx(0.4)
    assert (found["flips"].value, found["flips"].note) == (0.5, "of 2 passes")
    assert found["quality"].value == pytest.approx(0.75)
    assert not axes(weigh(samples(10), {"new@far": first}))["flips"].applies


def test_what_was_asked_again_is_no_further_sample():
    rng = random.Random(4)
    sizes = [rng.lognormvariate(0, 1) for _ in range(40)]
    passes = [
        [result(n, cost=int(300 * size), total=size, first_token=0.01 * size) for n, size in enumerate(sizes)]
    ] * 5
    once = axes(weigh(samples(40), {"new@far": passes[0]}))
    often = axes(weigh(samples(40), {"new@far": passes[0]}, repeats={"new@far": passes[1:]}))
    for name in ("cost_per_1000", "cost_per_solved", "throughput", "total_p50"):
        assert often[name].value == pytest.approx(once[name].value, rel=0.05), name
        assert often[name].high - often[name].low > 0.8 * (once[name].high - once[name].low), name


def test_times_have_three_quantiles_and_no_end_where_nothing_was_seen_of_it():
    found = axes(weigh(samples(50), {"new@far": [result(n, total=1 + n / 100) for n in range(50)]}))
    assert found["total_p50"].value == pytest.approx(1.245)
    assert found["total_p50"].low < found["total_p50"].value < found["total_p50"].high
    assert found["total_p99"].high is None
    assert found["throughput"].unit == "tokens/s"


def test_what_the_suite_does_not_ask_for_does_not_apply():
    found = axes(weigh(samples(3), {"new@far": [result(n) for n in range(3)]}))
    assert {name for name, axis in found.items() if not axis.applies} == {
        "format", "tools", "evasive", "refused", "retracted", "empty", "flips", "features_others_lack",
    }  # fmt: skip


def test_kinds_of_answers_and_missing_grades_are_shares():
    kinds = ["answered", "refused", "refused", "evasive", ""]
    results = [result(n, label=kind) for n, kind in enumerate(kinds)]
    results.append(result(5, grade=Grade(0.0, missing=True)))
    found = axes(weigh(samples(6), {"new@far": results}))
    assert (found["refused"].value, found["evasive"].value, found["retracted"].value) == (0.5, 0.25, 0)
    assert found["missing_grades"].value == pytest.approx(1 / 6)
    assert found["quality"].n == 5


def test_samples_with_tools_have_an_axis_of_their_own():
    asked = [*samples(2, tools=(Tool("t"),)), replace(samples(1)[0], id="s2")]
    found = axes(weigh(asked, {"new@far": [result(0), result(1, 0), result(2)]}))
    assert (found["tools"].value, found["tools"].n) == (0.5, 2)


def test_a_candidate_is_compared_on_cost_and_time_as_pairs():
    base = [result(n, name="old@far", cost=200 + n, total=1.0 + n / 100) for n in range(40)]
    new = [result(n, cost=2 * (200 + n), total=1.5 + n / 100) for n in range(40)]
    made = weigh(samples(40), {"old@far": base, "new@far": new})
    found: Any = {axis.name: axis for axis in made.changes["new@far"]}
    assert found["cost_per_1000"].value == pytest.approx(2)
    assert found["cost_per_1000"].low == pytest.approx(2)
    assert found["total_p50"].value == pytest.approx(0.5)
    assert found["total_p99"].low is None
    assert "costs 2.0 times as much" in words.beside(made, "new@far")
    assert "500 ms longer" in words.beside(made, "new@far")


def test_categories_are_bounded_together():
    asked = [replace(one, category="ab"[n % 2]) for n, one in enumerate(samples(200))]
    base = [result(n, name="old@far") for n in range(200)]
    new = [result(n, score=n % 2 == 0 or n % 20 < 10) for n in range(200)]
    made = weigh(asked, {"old@far": base, "new@far": new})
    alone = {axis.name: axis for axis in made.changes["new@far"]}
    assert alone["quality/b"].note == "unsafe"
    assert alone["quality/a"].note == "safe"
    assert "Unsafe in: b, with bounds that hold for all categories together." in words.beside(made, "new@far")
    stopped = replace(made, stopping={"new@far": Stopping("safe", 200, 400, -0.01, 0.1)})
    assert "Unsafe in" not in words.beside(stopped, "new@far")


def test_facts_have_sources_and_say_what_holds_one_here():
    components = dict.fromkeys(("architecture", "parameters", "report", "results", "model_card"), "MIT")
    sources = {"components": Fact("mot", "2025-05-30"), "disclosure": Fact("fmti", "2025-12")}
    known: dict[str, Any] = {"open_weights": True, "licence": "MIT", "tools": True, "structured": True}
    here = engine(components=components, disclosure=32, sources=sources, hosts=("far", "near"), **known)
    other = engine("other", tools=False, modalities=("text",))
    asked = [*samples(1, tools=(Tool("t"),)), Sample("i", (Message("user", (ImagePart("x"),)),))]
    found = {axis.name: axis for axis in facts(here, [other], asked, DAY)}
    assert (found["openness"].value, found["openness"].note) == ("no class", "lacks data card")
    assert (found["openness"].source, found["openness"].date) == ("mot", "2025-05-30")
    assert (found["disclosure"].value, found["disclosure"].unit) == (32, "of 100")
    assert (found["other_hosts"].value, found["other_hosts"].note) == (1, "near")
    assert (found["self_hostable"].value, found["self_hostable"].note) == ("yes", "open licence")
    assert found["features_others_lack"].value == "tools, images"
    assert (found["retention"].value, found["trains_on_inputs"].value) == ("30 days", "no")


def test_unknown_facts_stay_unknown_and_the_own_machine_is_no_host():
    unknown = {a.name: a for a in facts(engine(host=Host("x", url="https://x.example")), [], samples(1), DAY)}
    for name in ("context", "openness", "disclosure", "weights", "licence", "jurisdiction", "other_hosts"):
        assert unknown[name].value is None
    closed = {a.name: a for a in facts(engine(open_weights=False), [], samples(1), DAY)}
    assert (closed["openness"].value, closed["self_hostable"].value) == ("no class", "no")
    own = {a.name: a for a in facts(engine(host=Host("x", self_hosted=True)), [], samples(1), DAY)}
    assert own["jurisdiction"].value == own["retention"].value == "your own"


def test_rows_show_what_is_known_with_its_interval():
    results = [result(n, label="refused" if n else "answered", cost=100 * n) for n in range(12)]
    made = weigh(samples(12), {"new@far": results}, engines=[engine(disclosure=46)])
    shown = {row.name: row.cells[0] for group in rows.groups(made) for row in group.rows}
    assert shown["Refused"].value == "91.7%"
    assert " to " in shown["Per 1,000 requests"].note
    assert shown["First token, p99"].note.startswith("from 100 ms")
    assert shown["Disclosure"].value == "46 of 100"
    assert "Evasive" not in shown


def test_a_sequential_run_is_decided_by_bounds_that_allow_for_stopping():
    made = weigh(samples(20), {"old@far": [result(n, name="old@far") for n in range(20)], "new@far": [
        result(n, score=n > 2) for n in range(20)]})  # fmt: skip
    stopped = replace(made, stopping={"new@far": Stopping("undecided", 20, 20, -0.4, 0.1)})
    assert decided(made) == made.comparisons
    found = decided(stopped)["new@far"]
    assert (found.verdict, found.ci_low, found.ci_high) == ("undecided", -0.4, 0.1)
    assert found.difference == made.comparisons["new@far"].difference


def test_weights_sum_what_is_known_and_say_what_is_not():
    base = [result(n, name="old@far", cost=200) for n in range(10)]
    new = [result(n, score=n > 4, cost=100) for n in range(10)]
    engines = [engine("old", open_weights=True, disclosure=50), engine("new", open_weights=False)]
    made = weigh(samples(10), {"old@far": base, "new@far": new}, engines=engines)
    wanted = weights.read("quality=2, cost_per_1000=1,failures=1,weights=1,disclosure=1,total_p50=1,context=1")
    old, fresh = weights.weighted(made.scorecards, wanted)
    assert {part.axis: part.points for part in old.parts} == pytest.approx(
        {
            "quality": 1,
            "cost_per_1000": 0.5,
            "failures": 1,
            "weights": 1,
            "disclosure": 0.5,
            "total_p50": 1,
            "context": None,
        }
    )
    assert old.value == pytest.approx((2 + 0.5 + 1 + 1 + 0.5 + 1) / 7)
    assert fresh.value == pytest.approx((2 * 0.5 + 1 + 1 + 0 + 1) / 6)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("quality", "'quality' is no weight"),
        ("quality=0", "is no weight"),
        ("quality=1,quality=2", "is no weight"),
        ("quality=nan", "is no weight"),
        ("qualty=1", "no axis 'qualty'"),
        ("licence=1", "have no order"),
    ],
)
def test_weights_that_are_none(text, what):
    made = weigh(samples(2), {"new@far": [result(0), result(1)]})
    with pytest.raises(InputError, match=what):
        weights.weighted(made.scorecards, weights.read(text))
