"""Wealth that grows with each pair: what it may reach by chance, and the bound that follows."""

from __future__ import annotations

from collections import Counter
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.weigh.stats.sequential import Sequential, bounds
from weighbridge.weigh.stats.wealth import Wealth, mean_wealth, p_value, upper_bound


def after(values, bound=0.0):
    wealth = Wealth(bound)
    for value in values:
        wealth.add(value)
    return wealth


def test_it_is_the_wealth_of_a_sequential_comparison():
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.8, 0.15], size=300)
    known = Sequential(0.02, 0.05)
    for value in values:
        known.add([-value])
    assert exp(after(values, 0.02).best) == pytest.approx(known.evidence[1])


@pytest.mark.parametrize("odds", [(0.02, 0.02), (0.2, 0.2), (0.01, 0.0)])
def test_by_chance_it_seldom_grows_large(odds):
    """Under the hypothesis the largest wealth ever exceeds 20 in at most 5 of 100 courses (Ville)."""
    rng = np.random.default_rng(2)
    worse, better = odds
    bound = max(0.0, worse - better)
    found = sum(
        after(rng.choice([1.0, 0.0, -1.0], p=[worse, 1 - worse - better, better], size=400), bound).best > log(20)
        for _ in range(200)
    )
    assert found <= 18  # 10 expected at most; more than 18 happen in 1 of 100 such tests


def test_a_mean_of_wealths_keeps_what_nobody_bets():
    rich = after([1.0] * 10)
    assert mean_wealth([(0.25, rich)]) == pytest.approx(log(0.75 + 0.25 * exp(rich.now)))
    assert mean_wealth([(1.0, rich)]) == pytest.approx(rich.now)
    assert mean_wealth([]) == 0.0
    assert p_value(0.0) == 1.0
    assert p_value(log(50)) == pytest.approx(0.02)


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=80), st.randoms())
@settings(max_examples=25)
def test_the_bound_is_that_of_the_confidence_sequence(values, random):
    """It is the sequence's own bound at this time; the least over all times is what `bounds` gives."""
    every = [upper_bound(Counter(values[:n]), 0.05) for n in range(1, len(values) + 1)]
    assert min(every) == pytest.approx(bounds(np.array(values), 0.05).high, abs=1e-5)
    mixed = values.copy()
    random.shuffle(mixed)
    assert upper_bound(Counter(mixed), 0.05) == every[-1]
