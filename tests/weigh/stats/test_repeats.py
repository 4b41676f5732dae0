"""Samples that were asked several times."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import repeats

answers = st.lists(st.lists(st.booleans(), min_size=3, max_size=6), min_size=1, max_size=6)


@given(answers, st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_passes_are_the_shares_of_all_choices(results, k):
    least, whole = repeats.passes_at(results, k), repeats.passes_all(results, k)
    assert least is not None
    assert whole is not None
    chosen = [list(combinations(told, k)) for told in results]
    assert least.value == pytest.approx(np.mean([np.mean([any(c) for c in of]) for of in chosen]))
    assert whole.value == pytest.approx(np.mean([np.mean([all(c) for c in of]) for of in chosen]))
    assert least.low <= least.value <= least.high
    assert least.n == len(results)


@given(answers)
@settings(max_examples=25, deadline=None)
def test_flips_are_the_share_of_pairs_that_differ(results):
    found = repeats.flips(results)
    assert found is not None
    expected = [np.mean([a != b for a, b in combinations(told, 2)]) for told in results]
    assert found.value == pytest.approx(np.mean(expected))


def test_the_noise_floor_is_what_two_runs_show():
    rng = np.random.default_rng(4)
    chance = rng.random(200)
    runs = (rng.random((4000, 200)) < chance).mean(axis=1)
    seen = float(np.std(runs[::2] - runs[1::2]))
    found = repeats.noise((rng.random((5, 200)) < chance).T.astype(float).tolist())
    assert found is not None
    assert found.sd.low < seen < found.sd.high
    assert found.floor == pytest.approx(1.96 * found.sd.value, rel=0.02)


def test_where_nothing_flipped_the_floor_is_two_flips():
    found = repeats.noise([[0.0, 0.0]] * 50 + [[1.0, 1.0]] * 50)
    assert found is not None
    assert found.sd.value == 0
    assert 0.02 < found.floor < 0.03


@pytest.mark.parametrize(("n", "chance"), [(20, 0.01), (50, 0.01), (20, 0.05), (100, 0.05), (30, 0.4)])
def test_the_floor_is_rarely_exceeded(n, chance):
    known, beyond = {}, 0
    for passes in np.random.default_rng(7).random((1000, 4, n)) < chance:
        flipped = int((passes[0] != passes[1]).sum())
        if flipped not in known:
            found = repeats.noise([(0.0, 1.0)] * flipped + [(1.0, 1.0)] * (n - flipped))
            known[flipped] = found.floor if found else 0.0
        first, second = passes[2:].mean(axis=1)
        beyond += abs(first - second) > known[flipped] + 1e-12
    assert beyond / 1000 <= 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5


def test_grades_that_always_vary_a_little_keep_a_small_floor():
    rng = np.random.default_rng(8)
    found = repeats.noise((0.5 + rng.normal(0, 0.05, size=(100, 2))).tolist())
    assert found is not None
    assert found.floor == pytest.approx(1.96 * found.sd.value, rel=0.05)


def test_samples_with_too_few_answers_are_left_out():
    results = [[True, False], [True], []]
    assert repeats.passes_at(results, 2).n == 1  # type: ignore[union-attr]
    assert repeats.flips(results).n == 1  # type: ignore[union-attr]
    assert repeats.passes_at(results, 3) is None
    assert repeats.flips([[True]]) is None
    assert repeats.noise([[True]]) is None


def test_clusters_widen_the_interval():
    results = [[True, False]] * 30 + [[True, True]] * 30
    alone, together = repeats.flips(results), repeats.flips(results, [i // 10 for i in range(60)])
    assert alone is not None
    assert together is not None
    assert together.high - together.low > alone.high - alone.low


def test_errors_say_what_is_wrong():
    with pytest.raises(InputError, match="k is 0"):
        repeats.passes_at([[True]], 0)
    with pytest.raises(InputError, match="1 samples and 2 clusters"):
        repeats.flips([[True, False]], ["a", "b"])
