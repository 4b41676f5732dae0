"""Ratios and quantiles: laws, published formulas, and how often they hold."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats.quantiles import quantile_difference, quantile_interval
from weighbridge.weigh.stats.ratios import change, ratio

AMOUNTS = st.lists(st.tuples(st.floats(0, 5), st.sampled_from([0.0, 0.5, 1.0])), min_size=3, max_size=30)


def spend(seed, n=200, factor=1.0):
    rng = np.random.default_rng(seed)
    size = rng.lognormal(0, 0.6, n)
    return size * rng.uniform(0.8, 1.2, n) * factor, (rng.random(n) < 0.7).astype(float)


def test_fiellers_ends_are_where_students_test_just_does_not_reject():
    cost, solved = spend(1)
    found = ratio(cost, solved)
    for end in (found.low, found.high):
        test = scipy.stats.ttest_1samp(cost - end * solved, 0)
        assert test.pvalue == pytest.approx(0.05, abs=1e-9)
    assert found.value == pytest.approx(cost.sum() / solved.sum())


@settings(max_examples=40)
@given(AMOUNTS)
def test_the_interval_contains_the_ratio(rows):
    top, bottom = zip(*rows, strict=True)
    if sum(bottom) == 0:
        return
    found = ratio(top, bottom)
    assert 0 <= found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9


def test_a_bottom_that_may_be_nothing_leaves_the_upper_end_open():
    found = ratio([1.0, 1.1, 0.9, 1.0], [1.0, 0.0, 0.0, 0.0])
    assert found.high == inf
    assert 0 < found.low < 4
    assert ratio([1.0, 2.0], [1.0, 1.0], ["a", "a"]).high == inf


@pytest.mark.parametrize("method", ["delta", "bootstrap"])
def test_a_change_of_price_is_found_in_pairs(method):
    cost, solved = spend(2)
    also = spend(3)[1]
    found = change((cost, solved), (0.4 * cost, also), method=method, seed=1)
    assert found.value == pytest.approx(0.4 * solved.sum() / also.sum())
    assert found.low < 0.4 < found.high < 0.5
    assert change((0.4 * cost, also), (cost, solved)).low == pytest.approx(
        1 / change((cost, solved), (0.4 * cost, also)).high
    )


@pytest.mark.parametrize("method", ["delta", "bootstrap"])
def test_intervals_of_a_change_hold_about_as_often_as_they_say(method):
    held = 0
    for seed in range(150):
        cost, solved = spend(seed, 80)
        other, also = spend(seed + 1000, 80)
        found = change((cost, solved), (other, also), method=method, seed=seed, draws=400)
        held += found.low <= 1 <= found.high
    assert held / 150 >= 0.95 - 3 * (0.05 * 0.95 / 150) ** 0.5


def test_clusters_widen_a_ratio():
    cost, solved = spend(4, 20)
    top, bottom, labels = np.repeat(cost, 10), np.repeat(solved, 10), [i // 10 for i in range(200)]
    assert ratio(top, bottom, labels).high > 1.1 * ratio(top, bottom).high
    wide = change((top, bottom), (top[::-1], bottom[::-1]), labels)
    assert wide.high > change((top, bottom), (top[::-1], bottom[::-1])).high
    assert change((top, bottom), (top, bottom), ["a"] * 200).high == inf


@pytest.mark.parametrize(
    ("top", "bottom", "words"),
    [([1.0], [0.0], "is 0"), ([-1.0], [1.0], "-1"), ([1.0, 2.0], [1.0], "do not go"), ([], [], "do not go")],
)
def test_bad_amounts_are_told(top, bottom, words):
    with pytest.raises(InputError, match=words) as caught:
        ratio(top, bottom)
    assert caught.value.fix


# --- quantiles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.5, 0.95])
def test_quantile_intervals_agree_with_scipy(p):
    values = np.random.default_rng(5).lognormal(size=500)
    found = quantile_interval(values, p)
    test: Any = scipy.stats.quantile_test
    below = test(values, q=0, p=p, alternative="greater").confidence_interval(0.975).low
    above = test(values, q=0, p=p, alternative="less").confidence_interval(0.975).high
    assert (found.low, found.high) == pytest.approx((below, above))
    assert found.value == np.quantile(values, p)


def test_what_was_never_seen_is_infinite():
    assert quantile_interval([1.0, 2.0, 3.0], 0.5).high == inf
    found = quantile_interval(range(100), 0.99)
    assert found.high == inf
    assert found.low > 90
    assert quantile_difference(range(100), range(100), 0.99, paired=True).high == inf


@settings(max_examples=30)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=60), st.floats(0.01, 0.99))
def test_a_quantile_lies_in_its_interval(values, p):
    found = quantile_interval(values, p)
    assert found.low <= found.value + 1e-9
    assert found.value <= found.high + 1e-9


def test_pairs_tell_more_of_a_difference():
    rng = np.random.default_rng(6)
    common = rng.lognormal(size=400)
    base, candidate = common, common * 1.1 + rng.random(400) * 0.01
    paired = quantile_difference(base, candidate, 0.5, paired=True, seed=1)
    apart = quantile_difference(base, candidate, 0.5, paired=False, seed=1)
    assert paired.low > 0
    assert apart.low < 0
    assert paired == quantile_difference(base, candidate, 0.5, paired=True, seed=1)


def alike(rng, groups, size):
    """Times of which those of one cluster are nearly the same."""
    return np.exp(np.repeat(rng.normal(size=groups), size) + 0.3 * rng.normal(size=groups * size))


@pytest.mark.parametrize("p", [0.5, 0.95])
def test_quantiles_of_what_hangs_together_hold(p):
    rng, groups, size = np.random.default_rng(5), 40, 10
    labels = np.repeat(np.arange(groups), size).tolist()
    true = float(np.exp(np.sqrt(1.09) * scipy.stats.norm.ppf(p)))
    drawn = [alike(rng, groups, size) for _ in range(200)]
    held = [found.low <= true <= found.high for one in drawn for found in [quantile_interval(one, p, labels)]]
    loose = [found.low <= true <= found.high for one in drawn for found in [quantile_interval(one, p)]]
    assert np.mean(held) > 0.9
    assert np.mean(loose) < 0.7
    pairs = [
        quantile_difference(old, 2 * alike(rng, groups, size), p, paired=True, clusters=labels, seed=1, draws=200)
        for old in drawn[:100]
    ]
    assert np.mean([one.low <= true <= one.high for one in pairs]) > 0.9


def test_clusters_of_one_say_what_independent_values_say():
    values = np.random.default_rng(2).lognormal(size=200)
    plain, apart = quantile_interval(values, 0.5), quantile_interval(values, 0.5, range(200))
    assert plain.low >= apart.low
    assert plain.high <= apart.high
    assert apart.high - apart.low < 1.2 * (plain.high - plain.low)
    old, new = values, values * 1.5
    pairs = quantile_difference(old, new, 0.5, paired=True, clusters=range(200), seed=3)
    other = quantile_difference(old, new, 0.5, paired=True, seed=3)
    assert (pairs.low, pairs.high) == pytest.approx((other.low, other.high), abs=0.1)


@pytest.mark.parametrize(("groups", "p"), [(1, 0.5), (4, 0.5), (9, 0.95)])
def test_few_clusters_leave_ends_open(groups, p):
    values = alike(np.random.default_rng(1), groups, 100)
    values[:100] += 100  # beyond p95 there is one cluster alone
    labels = np.repeat(np.arange(groups), 100).tolist()
    assert quantile_difference(values, 2 * values, p, paired=True, clusters=labels).high == inf
    if groups == 1:
        found = quantile_interval(values, p, labels)
        assert (found.low, found.high) == (-inf, inf)
    equal = quantile_interval([1.0] * 900, 0.5, [n % 9 for n in range(900)])
    assert (equal.low, equal.value, equal.high) == (1.0, 1.0, 1.0)


def test_bad_quantiles_are_told():
    for call in (
        lambda: quantile_interval([], 0.5),
        lambda: quantile_interval([1.0], 1.0),
        lambda: quantile_interval([float("nan")], 0.5),
        lambda: quantile_difference([1.0], [1.0, 2.0], 0.5, paired=True),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.fix
