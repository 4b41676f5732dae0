"""Several claims at once, against statsmodels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import several


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
