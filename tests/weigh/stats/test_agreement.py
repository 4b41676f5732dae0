"""Agreement of raters: textbook values, independent programs, and what intervals owe."""

from __future__ import annotations

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import agreement

ratings = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=4, max_size=40)
matrices = st.lists(st.lists(st.one_of(st.none(), st.integers(1, 4)), min_size=3, max_size=3), min_size=4, max_size=25)


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
@given(ratings)
@settings(max_examples=25, deadline=None)
def test_kappa_is_that_of_statsmodels(pairs):
    from statsmodels.stats.inter_rater import cohens_kappa

    one, other = zip(*pairs, strict=True)
    found = agreement.kappa(one, other, seed=1, draws=50)
    table = np.array([[sum(p == (a, b) for p in pairs) for b in "abc"] for a in "abc"])
    if found is None:
        assert len({*one, *other}) == 1
        return
    assert found.value == pytest.approx(cohens_kappa(table, return_results=False), abs=1e-12)
    assert found.low <= found.value <= found.high


@given(matrices, st.sampled_from(["nominal", "interval"]))
@settings(max_examples=25, deadline=None)
def test_alpha_is_that_of_evalica(units, metric):
    found = agreement.krippendorff(units, metric=metric, seed=1, draws=50)
    told = [[v for v in unit if v is not None] for unit in units]
    pooled = {v for unit in told if len(unit) > 1 for v in unit}
    if len(pooled) < 2:
        assert found is None
        return
    assert found is not None
    table = pd.DataFrame([[np.nan if v is None else v for v in unit] for unit in units]).T
    assert found.value == pytest.approx(evalica.alpha(table, distance=metric).alpha, abs=1e-9)
    assert found.low <= found.value <= found.high


def test_kappa_of_a_textbook():
    # 20 and 15 agreements of 50; 25 and 30 yeses: (0.7 - 0.5) / (1 - 0.5).
    one = ["yes"] * 25 + ["no"] * 25
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    found = agreement.kappa(one, other, seed=3)
    assert found is not None
    assert found.value == pytest.approx(0.4)
    # Fleiss, Cohen and Everitt's (1969) standard error of this table is 0.126.
    assert (found.high - found.low) / 3.92 == pytest.approx(0.126, abs=0.015)
    assert agreement.agreed(one, other).value == 0.7
    assert agreement.kappa(one, other, seed=3) == found


def test_raters_who_always_agree_may_still_disagree_on_what_nobody_showed():
    one = ["a", "b"] * 15
    found = agreement.kappa(one, one, seed=1)
    assert found is not None
    assert found.value == found.high == 1
    # An unseen share of 11.2 % that disagrees, where chance disagrees in half.
    assert found.low == pytest.approx(1 - (1 - 0.025 ** (1 / 31)) / 0.5, abs=0.02)


def test_raters_who_always_agree_on_a_kind_that_is_rare_show_little():
    one = [1] * 19 + [0]
    found = agreement.kappa(one, one, seed=1)
    assert found is not None
    assert found.high == 1
    assert found.low < 0.3


@pytest.mark.parametrize(
    "found",
    [
        agreement.kappa([1, 0, 1], [1, 1, 1], seed=1),
        agreement.kappa([1] * 3, [0] * 3, seed=1),
        agreement.kappa([1] * 20, [1] * 19 + [0], seed=1),
        agreement.krippendorff([(1, 0)] * 3, seed=1),
        agreement.krippendorff([(1, 0)] * 3, metric="interval", seed=1),
    ],
)
def test_what_did_not_vary_is_not_certain(found):
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0.5


@pytest.mark.parametrize(("n", "share", "true"), [(20, 0.05, 0.6), (20, 0.1, 0.6), (40, 0.05, 0.7), (60, 0.5, 0.6)])
def test_intervals_hold_where_a_kind_is_rare(n, share, true):
    apart = (1 - true) * share * (1 - share)
    tables = np.random.default_rng(3).multinomial(n, [1 - share - apart, apart, apart, share - apart], 300)
    known, held = {}, []
    for counts in map(tuple, tables.tolist()):
        if counts not in known:
            one, other = (np.repeat(kinds, counts).tolist() for kinds in ([0, 0, 1, 1], [0, 1, 0, 1]))
            known[counts] = agreement.kappa(one, other, seed=1, draws=400)
        if (found := known[counts]) is not None:
            held.append(found.low <= true <= found.high)
    assert np.mean(held) >= 0.92


def test_the_order_of_units_does_not_matter():
    rng = np.random.default_rng(6)
    one, other, labels = (rng.integers(0, kinds, 60) for kinds in (3, 3, 12))
    for order in (rng.permutation(60), np.arange(60)[::-1]):
        for clusters in (None, labels):
            given = [(a[order].tolist(), a.tolist()) for a in (one, other)]
            groups = (None, None) if clusters is None else (clusters[order].tolist(), clusters.tolist())
            moved, still = (agreement.kappa(given[0][i], given[1][i], groups[i], seed=1) for i in (0, 1))
            assert moved == still
    units = rng.integers(1, 6, size=(30, 3))
    for metric in ("nominal", "interval"):
        moved, still = (agreement.krippendorff(u.tolist(), metric=metric, seed=1) for u in (units[::-1], units))
        assert moved is not None
        assert still is not None
        assert (moved.low, moved.high) == pytest.approx((still.low, still.high), abs=1e-9)


def test_kinds_without_an_order_are_compared_all_the_same():
    found = agreement.kappa([1, "a", None, 1], [1, "a", "a", None], seed=1)
    assert found is not None
    assert found.value == pytest.approx(0.1875 / 0.6875)


def test_one_value_alone_tells_nothing():
    assert agreement.kappa([1, 1, 1], [1, 1, 1], seed=1) is None
    assert agreement.krippendorff([[1, None], [None, 2]], seed=1) is None


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(5)
    right = np.repeat(rng.random(30) < 0.7, 10)
    one = np.tile([0, 1], 150)
    other = np.where(right, one, 1 - one)
    alone = agreement.kappa(one.tolist(), other.tolist(), seed=2)
    together = agreement.kappa(one.tolist(), other.tolist(), np.repeat(np.arange(30), 10).tolist(), seed=2)
    assert alone is not None
    assert together is not None
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_large_numbers_keep_their_digits():
    units = [[1e9 + a, 1e9 + b] for a, b in ((1, 1), (2, 2), (3, 2), (4, 4))]
    small = agreement.krippendorff([[a - 1e9, b - 1e9] for a, b in units], metric="interval", seed=1)
    large = agreement.krippendorff(units, metric="interval", seed=1)
    assert large is not None
    assert small is not None
    assert large.value == pytest.approx(small.value, abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: agreement.kappa([], [], seed=1), "nothing that was rated"),
        (lambda: agreement.kappa([1], [1, 2], seed=1), "Values of 1 and 2 units"),
        (lambda: agreement.kappa([1, 2], [1, 2], [1], seed=1), "1 clusters"),
        (lambda: agreement.krippendorff([["a", "b"]], metric="interval", seed=1), "no finite number"),
        (lambda: agreement.kappa(list(range(1500)), list(range(1500)), seed=1), "1,500 distinct values"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(InputError, match=message):
        call()
