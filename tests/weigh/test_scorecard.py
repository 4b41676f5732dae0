"""Scorecards: every figure from results that a person can add up, and unknown told as unknown."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from weighbridge.canon import Engine, Host, Message, Model, Offer, Price, Profile, TextPart, Usage
from weighbridge.errors import InputError
from weighbridge.weigh import stats
from weighbridge.weigh.axes.making import clusters_of
from weighbridge.weigh.scorecard import scorecard, weighing
from weighbridge.weigh.types import Grade, Result, Sample, Suite

DAY = "2026-11-01"


def engine(name="glm", host="zai", **model):
    return Engine(
        model=Model(
            name=name, lab="Z.ai", lab_country="CN", open_weights=True, licence="MIT", context=200_000, **model
        ),
        host=Host(name=host, jurisdiction="CN"),
        offer=Offer(
            model=name,
            host=host,
            context=128_000,
            prices=(
                Price(input=1, output=2, currency="CNY", valid_from="2026-01-01", source="the host's page"),
                Price(input=9, output=9, currency="EUR", valid_from="2027-01-01", source="next year"),
            ),
        ),
        profile=Profile(),
    )


def samples(count, **more):
    return tuple(
        Sample(id=f"s{i}", messages=(Message(role="user", parts=(TextPart(f"{i}?"),)),), **more) for i in range(count)
    )


def answers(scores, name="glm@zai", **more):
    return [Result(sample=f"s{i}", engine=name, grade=Grade(score=s), **more) for i, s in enumerate(scores)]


def card(asked, results) -> Any:
    return scorecard(engine(), asked, results, day=DAY)


def test_facts_come_from_the_engine_and_the_price_of_the_day():
    found = card(samples(1), answers([1]))
    assert (found.engine, found.title, found.host) == ("glm@zai", "glm", "zai")
    assert (found.currency, found.price_source) == ("CNY", "the host's page")
    assert (found.context, found.open_weights, found.licence) == (128_000, True, "MIT")
    assert (found.lab, found.lab_country, found.jurisdiction) == ("Z.ai", "CN", "CN")


def test_quality_is_wilsons_and_failed_calls_score_nothing():
    results = answers([1, 1, 1])
    results.append(Result(sample="s3", engine="glm@zai", error="overloaded: no capacity", cost=400))
    found = card(samples(4), results)
    low, high = stats.wilson(0.75, 4, stats.normal_quantile(0.975))
    assert (found.quality.value, found.quality.n) == (0.75, 4)
    assert (found.quality.low, found.quality.high) == pytest.approx((low, high))
    assert found.failures == 1


def test_all_passes_are_spent():
    asked = samples(3)
    first, second = (answers([1, 1, 1], cost=100) for _ in range(2))
    third = [replace(result, reused=True) for result in first]
    told = scorecard(engine(), asked, first, day="2026-11-22", asked=[first, second, third])
    assert told.spent == 600
    assert scorecard(engine(), asked, first, day="2026-11-22").spent == 300


def test_categories_keep_their_order_and_uncategorised_ones_are_not_lost():
    asked = [replace(s, category=c) for s, c in zip(samples(4), ["json", "maths", "json", ""], strict=True)]
    found = card(asked, answers([1, 0, 0, 1]))
    assert list(found.by_category) == ["json", "maths", ""]
    assert [found.by_category[c].value for c in found.by_category] == [0.5, 0, 1]
    assert card(samples(2), answers([1, 0])).by_category == {}


def test_clusters_widen_quality():
    asked = samples(40)
    results = answers([1] * 20 + [0] * 20)
    joined = [replace(s, cluster=f"c{i // 10}") for i, s in enumerate(asked)]
    assert card(joined, results).quality.low < card(asked, results).quality.low


def test_a_sample_without_a_cluster_is_its_own():
    asked = [replace(s, cluster=c) for s, c in zip(samples(3), ["s2", "", ""], strict=True)]
    assert len(set(clusters_of(asked) or ())) == 3
    assert clusters_of(samples(3)) is None


def test_validity_counts_only_samples_that_ask_for_a_form():
    results = [
        Result(sample=f"s{i}", engine="glm@zai", grade=Grade(score=1, valid=valid))
        for i, valid in enumerate([True, False, None, True])
    ]
    found = card(samples(4), results).validity
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert card(samples(1), answers([1])).validity is None


def test_costs_are_in_units_of_the_currency():
    results = answers([1, 1, 0, 0], cost=2_000)
    found = card(samples(4), results)
    assert found.cost_per_1000 == pytest.approx(2.0)
    assert found.cost_per_solved == pytest.approx(0.004)
    assert found.spent == 8_000


def test_what_a_failed_call_cost_is_part_of_a_solved_ones_price():
    results = [*answers([1, 1], cost=1_000), Result(sample="s2", engine="glm@zai", error="cut off", cost=4_000)]
    found = card(samples(3), results)
    assert found.cost_per_1000 == pytest.approx(1.0)
    assert found.cost_per_solved == pytest.approx(0.003)


def test_free_is_zero_and_unknown_is_none():
    free = card(samples(2), answers([1, 0], cost=0))
    assert (free.cost_per_1000, free.cost_per_solved, free.spent) == (0, 0, 0)
    unknown = card(samples(2), answers([1, 0]))
    assert (unknown.cost_per_1000, unknown.cost_per_solved, unknown.spent) == (None, None, None)
    partly = card(samples(2), [*answers([1], cost=5), *answers([1, 1])[1:]])
    assert (partly.cost_per_1000, partly.spent) == (None, None)
    assert card(samples(2), answers([0, 0], cost=5)).cost_per_solved is None


def test_reused_answers_cost_nothing_now_but_keep_their_price():
    results = [*answers([1], cost=700, reused=True), *answers([1, 1], cost=300)[1:]]
    found = card(samples(2), results)
    assert found.spent == 300
    assert found.cost_per_1000 == pytest.approx(0.5)


def test_times_interpolate_and_failed_calls_have_none():
    results = [replace(r, first_token=0.1 * i, total=1.0 * i) for i, r in enumerate(answers([1] * 5))]
    results.append(Result(sample="s5", engine="glm@zai", error="deadline", total=120.0))
    found = card(samples(6), results)
    assert found.first_token_p50 == pytest.approx(0.2)
    assert found.first_token_p95 == pytest.approx(0.38)
    assert (found.total_p50, found.total_p95) == (2.0, pytest.approx(3.8))
    whole = card(samples(1), answers([1], total=0.5))
    assert (whole.first_token_p50, whole.total_p50) == (None, 0.5)


def test_tokens_per_second_are_those_after_the_first():
    long = replace(answers([1])[0], first_token=1.0, total=3.0, usage=Usage(output=101))
    one = replace(answers([1, 1])[1], first_token=0.5, total=0.5001, usage=Usage(output=1))
    found = card(samples(2), [long, one])
    assert found.tokens_per_second == pytest.approx(50)
    assert card(samples(1), answers([1], usage=Usage(output=9))).tokens_per_second is None


def test_usage_is_the_sum_of_all_calls():
    results = answers([1, 0], usage=Usage(input=10, cached=4, output=5, reasoning=2))
    results[1] = replace(results[1], usage=Usage(input=1, output=1, estimated=True))
    assert card(samples(2), results).usage == Usage(input=11, cached=4, output=6, reasoning=2, estimated=True)


def test_no_result_is_an_error_not_a_zero():
    with pytest.raises(InputError, match="no result"):
        card(samples(2), answers([1, 1], name="glm@zai")[:0])


# --- a whole weighing -----------------------------------------------------------------------------


def weigh(results, asked=None, **more) -> Any:
    asked = asked or samples(30)
    settings: dict[str, Any] = {
        "margin": 0.1,
        "alpha": 0.05,
        "seed": 7,
        "day": DAY,
        "started": 1.0,
        "base": "a@zai",
    } | more
    names = [engine("a"), engine("b"), engine("c")]
    return weighing(Suite(name="mine", samples=asked, digest="d" * 64), names, results, **settings)


def test_weighing_compares_each_candidate_with_the_base():
    results = {
        "a@zai": answers([1] * 30, "a@zai"),
        "b@zai": answers([1] * 29 + [0], "b@zai")[::-1],
        "c@zai": answers([0] * 30, "c@zai"),
    }
    found = weigh(results, noise=answers([1] * 30, "a@zai"), version="0.1.0")
    assert list(found.comparisons) == ["b@zai", "c@zai"]
    assert found.comparisons["b@zai"].difference == pytest.approx(-1 / 30)
    assert found.comparisons["c@zai"].verdict == "unsafe"
    assert [c.engine for c in found.scorecards] == ["a@zai", "b@zai", "c@zai"]
    assert [r.sample for r in found.results["b@zai"]] == [s.id for s in found.samples]
    assert found.noise.discordant == 0
    assert (found.suite, found.seed, found.margin, found.version) == ("mine", 7, 0.1, "0.1.0")


def test_weighing_uses_the_samples_clusters():
    asked = tuple(replace(s, cluster=f"c{i // 5}") for i, s in enumerate(samples(30)))
    found = weigh({"a@zai": answers([1] * 30), "b@zai": answers([1, 0] * 15)}, asked)
    assert found.comparisons["b@zai"].clusters == 6


def test_a_run_that_was_stopped_early_is_weighed_on_what_is_paired():
    results = {"a@zai": answers([1] * 10, "a@zai"), "b@zai": answers([1] * 4, "b@zai"), "c@zai": []}
    found = weigh(results, stopped="the budget is spent")
    assert found.comparisons["b@zai"].n == 4
    assert "c@zai" not in found.comparisons
    assert len(found.scorecards) == 2
    assert found.results["c@zai"] == ()
    assert found.stopped == "the budget is spent"
    assert found.noise is None


def test_base_must_be_weighed():
    with pytest.raises(InputError, match="nobody@zai"):
        weigh({}, base="nobody@zai")


def test_nothing_answered_at_all_leaves_nothing_compared():
    found = weigh({})
    assert found.scorecards == ()
    assert found.comparisons == {}
