"""Several claims at once: against statsmodels, and how often any of them is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import several, t_quantile


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_values_agree_with_statsmodels(p_values):
    from statsmodels.stats.multitest import multipletests

    for ours, method in ((several.holm, "holm"), (several.benjamini_hochberg, "fdr_bh")):
        assert ours(p_values) == pytest.approx(multipletests(p_values, method=method)[1])


def test_nothing_is_adjusted_to_nothing():
    assert several.holm([]) == several.benjamini_hochberg([]) == []
    assert several.shared(0.05, 5) == pytest.approx(0.01)
    with pytest.raises(InputError, match="between 0 and 1"):
        several.holm([0.5, float("nan")])


@pytest.mark.parametrize("shape", ["alike", "apart"])
def test_bounds_hold_together_about_as_often_as_they_say(shape):
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(150):
        columns = rng.normal(size=(60, 6 if shape == "apart" else 1)) + 0.1 * rng.normal(size=(60, 6))
        found = several.simultaneous(columns, alpha=0.1, seed=seed, draws=500)
        held += all(bounds.low <= 0 for bounds in found)
    assert held / 150 >= 0.9 - 3 * (0.09 / 150) ** 0.5


def test_claims_that_go_together_cost_less():
    rng = np.random.default_rng(2)
    alike = rng.normal(size=(80, 1)) + 0.05 * rng.normal(size=(80, 8))
    apart = rng.normal(size=(80, 8))
    factors = []
    for columns in (alike, apart):
        found = several.simultaneous(columns, alpha=0.05, seed=1)
        errors = columns.std(axis=0, ddof=1) / 80**0.5
        factors.append((columns.mean(axis=0) - [bounds.low for bounds in found])[0] / errors[0])
    assert t_quantile(0.95, 79) <= factors[0] < factors[1] <= t_quantile(1 - 0.05 / 8, 79) + 1e-9


def test_clusters_are_the_unit():
    columns = np.repeat(np.random.default_rng(3).normal(size=(10, 2)), 8, axis=0)
    plain = several.simultaneous(columns, alpha=0.05, seed=1)[0]
    clustered = several.simultaneous(columns, [i // 8 for i in range(80)], alpha=0.05, seed=1)[0]
    assert clustered.low < plain.low
    still = several.simultaneous(np.ones((5, 2)), alpha=0.05, seed=1)
    assert tuple(still[0]) == (1, 1)
    with pytest.raises(InputError, match="too little"):
        several.simultaneous(columns, [0] * 80, alpha=0.05, seed=1)
