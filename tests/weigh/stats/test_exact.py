"""Exact bounds: against scipy and statsmodels, and by enumeration of every outcome."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import exact


@pytest.mark.parametrize(("events", "n"), [(0, 30), (3, 30), (30, 30), (17, 400)])
def test_share_bounds_are_clopper_and_pearsons(events, n):
    found = exact.share_bounds(events, n, 0.05)
    expected = scipy.stats.binomtest(events, n).proportion_ci(0.9)
    assert found == pytest.approx((expected.low, expected.high))


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (3, 9), (9, 3), (5, 5), (20, 44)])
def test_mcnemar_agrees_with_statsmodels(wins, losses):
    from statsmodels.stats.contingency_tables import mcnemar

    assert exact.mcnemar(wins, losses) == pytest.approx(mcnemar([[9, wins], [losses, 9]], exact=True).pvalue)


@pytest.mark.parametrize("lost", [0.1, 0.15, 0.3])
def test_every_outcome_counted_the_exact_bounds_err_at_alpha_at_most(lost):
    """A candidate that truly loses `margin` more than it wins, in 12 pairs: each outcome times its probability."""
    n, margin = 12, 0.1
    won, low, high = lost - margin, 0.0, 0.0
    for wins in range(n + 1):
        for losses in range(n + 1 - wins):
            rest = n - wins - losses
            chance = comb(n, wins) * comb(n - wins, losses) * won**wins * lost**losses * (1 - won - lost) ** rest
            if chance > 1e-5:
                found = exact.pair_bounds(n, wins, losses, 0.05)
                low += chance * (found.low > -margin)
                high += chance * (found.high < -margin)
    assert low <= 0.05
    assert high <= 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 60))
def test_exact_bounds_keep_their_laws(wins, losses, ties):
    n = wins + losses + ties
    low, high = exact.pair_bounds(n, wins, losses, 0.05)
    assert -1 <= low <= (wins - losses) / n <= high <= 1
    assert exact.pair_bounds(n, losses, wins, 0.05) == (-high, -low)
    assert exact.pair_bounds(n, wins, losses, 0.2).low >= low - 1e-4


def test_without_a_discordant_pair_the_search_gives_the_plain_exact_bound():
    assert exact.pair_bounds(60, 0, 0, 0.05).low == pytest.approx(-0.0487, abs=5e-4)


def test_the_search_goes_on_at_the_error_rates_of_many_claims():
    usual, small = exact.pair_bounds(30, 2, 4, 0.05), exact.pair_bounds(30, 2, 4, 0.0002)
    assert -1 < small.low < usual.low
    assert usual.high < small.high < 1


def test_edges_are_exact_where_nothing_is_ever_won():
    found = exact.edges(200, 0, 8, 0.05)
    expected = scipy.stats.binomtest(8, 200).proportion_ci(0.9)
    assert found.high == pytest.approx(-expected.low)
    assert found.low == pytest.approx(-expected.high)
    assert np.array(exact.edges(200, 8, 0, 0.05)) == pytest.approx([-found.high, -found.low])


@pytest.mark.parametrize(("n", "wins", "losses"), [(0, 0, 0), (5, 3, 3), (5, -1, 0), (1001, 0, 0)])
def test_what_cannot_be_searched_is_told(n, wins, losses):
    with pytest.raises(InputError, match="cannot be searched") as caught:
        exact.pair_bounds(n, wins, losses, 0.05)
    assert caught.value.fix
