"""Sequential verdicts: their laws, their two errors whatever the stopping, and drawing without putting back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import sequential
from weighbridge.weigh.stats.sequential import Sequential
from weighbridge.weigh.types import VerdictWord

CLUSTERS = st.lists(
    st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.0, 0.25, 1.0]), min_size=1, max_size=4), min_size=1, max_size=40
)


def fed(clusters, **more):
    found = Sequential(0.1, 0.05, largest=4, **more)
    for one in clusters:
        found.add(one)
    return found


@settings(max_examples=40)
@given(CLUSTERS, st.booleans())
def test_one_by_one_and_all_at_once_agree(clusters, finite):
    population = len(clusters) + 3 if finite else None
    found = fed(clusters, population=population)
    sums = np.array([sum(one) for one in clusters])
    sizes = np.array([float(len(one)) for one in clusters])
    stop = sequential.stopping(sums, 0.1, 0.05, sizes=sizes, largest=4, population=population)
    assert stop.verdict == found.verdict
    assert found.n == sizes.sum()
    assert -1 <= found.low <= found.high <= 1
    wealth = sequential.log_wealth(sums, sizes, -0.1, largest=4, population=population)
    assert found.evidence[0] == pytest.approx(max(1.0, np.exp(wealth.max())))


@settings(max_examples=40)
@given(CLUSTERS, st.floats(-0.95, 0.9), st.floats(0.001, 0.09), st.booleans())
def test_wealth_never_rises_with_the_bound(clusters, bound, step, finite):
    """What makes the bounds an interval, with unequal clusters and without replacement as well."""
    sums = np.array([sum(one) for one in clusters])
    sizes = np.array([float(len(one)) for one in clusters])
    population = len(clusters) + 2 if finite else None
    lower, higher = (
        sequential.log_wealth(sums, sizes, at, largest=4, population=population) for at in (bound, bound + step)
    )
    assert (higher <= lower + 1e-9).all()


@settings(max_examples=25)
@given(CLUSTERS)
def test_verdict_and_bounds_tell_the_same(clusters):
    found = fed(clusters)
    if found.low > -0.1 and found.high >= -0.1:
        assert found.verdict == "safe"
    if found.verdict == "undecided":
        assert found.low <= -0.1 <= found.high


def test_what_has_been_said_stays_said():
    found = Sequential(0.03, 0.05)
    while found.add([1.0]) == "undecided":
        pass
    at = found.n
    for _ in range(500):
        found.add([-1.0])
    assert found.verdict == "safe"
    assert at < 20
    assert (found.difference or 0) < -0.9


def test_two_equal_engines_are_soon_found_safe():
    stop = sequential.stopping(np.zeros(400), 0.03, 0.05)
    assert stop.verdict == "safe"
    assert 98 < stop.used < 150  # the exact bound of one look needs 99


@pytest.mark.parametrize("population", [None, 400])
@pytest.mark.parametrize(("won", "lost", "wrong"), [(0.0, 0.1, "safe"), (0.15, 0.25, "safe"), (0.15, 0.25, "unsafe")])
def test_a_false_claim_is_rare_at_any_time(population, won, lost, wrong):
    """At a true difference of exactly the margin either claim is false; here among 400 looks."""
    rng = np.random.default_rng(5)
    words = []
    for _ in range(600):
        draws = rng.choice([1.0, -1.0, 0.0], p=[won, lost, 1 - won - lost], size=400)
        words.append(sequential.stopping(draws, 0.1, 0.05, population=population).verdict)
    assert words.count(wrong) / 600 <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5


@pytest.mark.parametrize("sign", [1, -1])
def test_a_finite_suite_at_the_margin_is_rarely_misjudged(sign):
    """The suite's own mean is the margin to the digit; nothing is drawn but its order."""
    rng = np.random.default_rng(6)
    suite = np.array([1.0] * 30 + [-1.0] * 50 + [0.0] * 120) * sign
    wrong: VerdictWord = "safe" if sign > 0 else "unsafe"
    words = [sequential.stopping(rng.permutation(suite), 0.1 * sign, 0.05, population=200).verdict for _ in range(600)]
    assert words.count(wrong) / 600 <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5


def test_clusters_that_fail_together_are_rarely_misjudged():
    rng = np.random.default_rng(7)
    words = []
    for _ in range(400):
        sizes = rng.integers(1, 9, 120).astype(float)
        sums = sizes * rng.choice([1.0, -1.0, 0.0], p=[0.1, 0.2, 0.7], size=120)
        words.append(sequential.stopping(sums, 0.1, 0.05, sizes=sizes, largest=8).verdict)
    assert words.count("safe") / 400 <= 0.05 + 3 * (0.05 * 0.95 / 400) ** 0.5


def test_bounds_hold_at_all_times_at_once():
    rng = np.random.default_rng(8)
    missed = 0
    for _ in range(100):
        draws = rng.choice([1.0, -1.0, 0.0], p=[0.12, 0.1, 0.78], size=300)
        found = sequential.bounds(draws, 0.1)
        missed += found.low > 0.02
    assert missed <= 10 + 3 * 3


@pytest.mark.parametrize("chances", [(0.05, 0.07, 0.88), (0, 0, 1), (0.5, 0.5, 0), (0, 0.3, 0.7)])
@pytest.mark.parametrize("n", [0, 1, 40, 3_000])
def test_the_bounds_are_those_that_halving_finds(chances, n):
    draws = np.random.default_rng(11).choice([1.0, -1.0, 0.0], p=chances, size=n)
    ends = []
    for signed in (draws, -draws):
        low, high = -1.0, 1.0
        for _ in range(26):
            middle = (low + high) / 2
            path = sequential.log_wealth(signed, np.ones(n), middle, largest=1)
            low, high = (middle, high) if path.max(initial=0.0) >= np.log(20) else (low, middle)
        ends.append(low)
    assert sequential.bounds(draws, 0.05) == pytest.approx((ends[0], -ends[1]), abs=1e-12)


def test_bounds_of_many_samples_are_found_with_few_looks(monkeypatch):
    looks, real = [], sequential.log_wealth

    def counted(sums, sizes, bound, **more):
        looks.append(bound)
        return real(sums, sizes, bound, **more)

    monkeypatch.setattr(sequential, "log_wealth", counted)
    sequential.bounds(np.random.default_rng(12).choice([1.0, -1.0, 0.0], p=[0.05, 0.07, 0.88], size=50_000), 0.05)
    assert len(looks) <= 26  # of 52 by halving


def test_superiority_is_a_margin_of_nothing():
    rng = np.random.default_rng(9)
    better = rng.choice([1.0, -1.0, 0.0], p=[0.2, 0.05, 0.75], size=600)
    assert sequential.stopping(better, 0.0, 0.05).verdict == "safe"
    assert sequential.stopping(-better, 0.0, 0.05).verdict == "unsafe"
    assert sequential.bounds(better, 0.05).low > 0


def test_twelve_thousand_items_are_no_trouble():
    rng = np.random.default_rng(10)
    stop = sequential.stopping(rng.choice([1.0, -1.0], size=12_000), 0.001, 0.05, population=12_000)
    assert stop == ("undecided", 12_000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Sequential(1.0, 0.05), "margin of 1"),
        (lambda: Sequential(0.03, 0.0), "error rate of 0"),
        (lambda: Sequential(0.03, 0.05, largest=0), "largest cluster of 0"),
        (lambda: Sequential(0.03, 0.05, population=0), "population of 0"),
        (lambda: Sequential(0.03, 0.05).add([]), "0 samples"),
        (lambda: Sequential(0.03, 0.05).add([0.0, 0.0]), "2 samples"),
        (lambda: Sequential(0.03, 0.05).add([1.5]), "outside"),
        (lambda: Sequential(0.03, 0.05).add([float("nan")]), "outside"),
        (lambda: fed([[0.0], [0.0]], population=1), "all of them were given"),
    ],
)
def test_bad_input_is_told(make, words):
    with pytest.raises(InputError, match=words) as caught:
        make()
    assert caught.value.fix
    assert caught.value.where
