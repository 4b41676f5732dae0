"""Two engines on different samples: against statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats.unpaired import independent

SCORES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=3, max_size=40)


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
@pytest.mark.parametrize(("right", "n", "better", "m"), [(40, 60, 52, 70), (0, 20, 3, 25), (30, 30, 40, 40)])
def test_shares_agree_with_statsmodels(right, n, better, m):
    from statsmodels.stats.proportion import confint_proportions_2indep

    found = independent([1.0] * right + [0.0] * (n - right), [1.0] * better + [0.0] * (m - better))
    low, high = confint_proportions_2indep(better, m, right, n, method="newcomb", alpha=0.1)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)
    assert found.method == "unpaired score (Newcombe)"


def test_grades_agree_with_welchs_test():
    rng = np.random.default_rng(1)
    base, candidate = rng.random(40), rng.uniform(0.1, 0.9, 90)
    found = independent(base.tolist(), candidate.tolist())
    expected = scipy.stats.ttest_ind(candidate, base, equal_var=False)
    interval = expected.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert found.value / found.se == pytest.approx(expected.statistic)


@settings(max_examples=40)
@given(SCORES, SCORES)
def test_the_interval_contains_the_difference_and_mirrors(base, candidate):
    there, back = independent(base, candidate), independent(candidate, base)
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert there.low < there.high
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low), abs=1e-9)


@pytest.mark.parametrize("grades", [[0.0, 1.0], [0.2, 0.9]])
def test_clusters_widen(grades):
    base, candidate = [grades[0]] * 30 + [grades[1]] * 30, [grades[1]] * 45 + [grades[0]] * 15
    labels = [i // 5 for i in range(60)]
    plain = independent(base, candidate)
    clustered = independent(base, candidate, base_clusters=labels, candidate_clusters=labels)
    assert clustered.low < plain.low
    assert clustered.high > plain.high


@pytest.mark.parametrize(("base", "words"), [([], "no score"), ([1.0], "too little")])
def test_too_little_is_told(base, words):
    with pytest.raises(InputError, match=words) as caught:
        independent(base, [1.0, 0.0, 1.0])
    assert caught.value.fix
