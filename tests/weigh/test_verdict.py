"""Verdicts: what they decide, how often they err, and the laws of a comparison."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh import verdict

compare: Any = verdict.compare  # figures that may be None are compared as they come

BINARY = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=80)
GRADED = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=40)


def split(pairs):
    return [float(a) for a, _ in pairs], [float(b) for _, b in pairs]


def outcome(wins, losses, ties, **more):
    base = [0.0] * wins + [1.0] * (losses + ties)
    candidate = [1.0] * wins + [0.0] * losses + [1.0] * ties
    return compare(base, candidate, **more)


# --- decisions ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.02, 0.02, "safe"),
        (-0.03, 0.02, "undecided"),
        (-0.04, -0.03, "undecided"),
        (-0.09, -0.031, "unsafe"),
        (-1, 1, "undecided"),
    ],
)
def test_decide(low, high, word):
    assert verdict.decide(low, high, 0.03) == word


def test_no_discordant_pair_is_not_certainty():
    found = outcome(0, 0, 60)
    assert found.difference == found.se == 0
    assert found.z is None
    assert found.discordant == 0
    assert found.ci_low == pytest.approx(-0.0487, abs=5e-5)
    assert found.ci_high == -found.ci_low
    assert found.verdict == "undecided"
    assert found.more_needed > 0
    assert outcome(0, 0, 99).verdict == "safe"
    assert outcome(0, 0, 98).verdict == "undecided"


def test_equal_graded_scores_are_not_certainty():
    found = compare([0.25] * 60, [0.5] * 60)
    assert found.difference == 0.25
    assert found.ci_low < 0.2
    assert compare([0.5] * 20, [0.5] * 20).verdict == "undecided"
    assert compare([0.5] * 20, [0.5] * 20).more_needed > 0


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("scores", [(1.0, 1.0), (1.0, 0.0), (0.2, 0.9)])
def test_one_or_two_pairs_decide_nothing(n, scores):
    found = compare([scores[0]] * n, [scores[1]] * n, margin=0.9)
    assert found.verdict == "undecided"
    assert (found.ci_low, found.ci_high) == (-1, 1)
    assert found.more_needed is not None


def test_one_cluster_decides_nothing():
    found = compare([1.0] * 500, [1.0] * 500, clusters=["a"] * 500)
    assert found.verdict == "undecided"
    assert found.clusters == 1
    assert found.se_clustered is None
    assert (found.ci_low, found.ci_high) == (-1, 1)


def test_plain_se_and_z_are_those_of_a_paired_t_test():
    rng = np.random.default_rng(4)
    base, candidate = rng.integers(0, 2, 300).astype(float), rng.integers(0, 2, 300).astype(float)
    found = compare(base, candidate)
    expected = scipy.stats.ttest_rel(candidate, base)
    assert found.z == pytest.approx(expected.statistic)
    assert found.se == pytest.approx(scipy.stats.sem(candidate - base))
    assert found.base_mean == base.mean()
    assert found.candidate_mean == candidate.mean()


def test_graded_scores_take_the_t_interval():
    rng = np.random.default_rng(5)
    base, candidate = rng.random(90), rng.random(90)
    found = compare(base, candidate)
    expected = scipy.stats.ttest_rel(candidate, base).confidence_interval(0.9)
    assert (found.ci_low, found.ci_high) == pytest.approx((expected.low, expected.high), abs=5e-3)
    assert found.ci_low <= expected.low + 1e-9
    assert found.ci_high >= expected.high - 1e-9
    assert found.method == "paired t"
    assert found.discordant is None


def test_verdict_known_leaves_nothing_needed():
    assert outcome(50, 2, 300).verdict == "safe"
    assert outcome(50, 2, 300).more_needed is None
    assert outcome(2, 50, 300).verdict == "unsafe"
    assert outcome(2, 50, 300).more_needed is None


def test_more_needed_counts_from_here():
    small, larger = outcome(4, 4, 92), outcome(8, 8, 184)
    assert small.verdict == larger.verdict == "undecided"
    assert small.more_needed - larger.more_needed == 100
    assert small.more_needed + 100 == pytest.approx((1.645 + 0.842) ** 2 * 0.08 / 0.03**2, rel=0.08)


def test_more_needed_is_zero_when_an_equal_candidate_would_be_through():
    found = outcome(10, 40, 950)
    assert found.verdict == "undecided"
    assert found.more_needed == 0


# --- clusters -------------------------------------------------------------------------------------


def clustered(seed, groups=30, size=10):
    rng = np.random.default_rng(seed)
    shift = np.repeat(rng.random(groups), size)
    base = (rng.random(groups * size) < 0.7).astype(float)
    candidate = (rng.random(groups * size) < 0.4 + 0.6 * shift).astype(float)
    return base, candidate, [f"g{i // size}" for i in range(groups * size)]


def test_clusters_widen_the_interval_and_leave_the_plain_error():
    base, candidate, groups = clustered(6)
    plain, robust = compare(base, candidate), compare(base, candidate, clusters=groups)
    assert (robust.se, robust.z) == (plain.se, plain.z)
    assert robust.se_clustered > robust.se
    assert robust.ci_low < plain.ci_low
    assert robust.ci_high > plain.ci_high
    assert robust.clusters == 30
    half = scipy.stats.t.ppf(0.95, 29) * robust.se_clustered
    assert robust.ci_low <= robust.difference - half
    assert robust.ci_low == pytest.approx(one_more(robust, 30))


def one_more(found, clusters):
    """The lower t bound of a mean of equal clusters, after one more that loses wholly."""
    squares = clusters**2 * found.se_clustered**2 + clusters / (clusters + 1) * (found.difference + 1) ** 2
    mean = (clusters * found.difference - 1) / (clusters + 1)
    return mean - scipy.stats.t.ppf(0.95, clusters - 1) * np.sqrt(squares / clusters / (clusters + 1))


@pytest.mark.parametrize("sizes", [[10] * 20, [10] * 50, [8, 8, 8, 8, 64] * 10])
@pytest.mark.parametrize("graded", [False, True])
def test_clusters_that_fail_as_a_whole_are_not_called_safe(sizes, graded):
    rng, groups = np.random.default_rng(len(sizes)), np.repeat(np.arange(len(sizes)), sizes)
    safe = 0
    for _ in range(150):
        failed = (rng.random(len(sizes)) < 0.05)[groups]  # so that the true difference is at the margin
        other = (
            rng.uniform(-0.05, 0.05, len(groups))
            if graded
            else rng.choice([1, -1, 0], p=[0.05, 0.05, 0.9], size=len(groups))
        )
        gains = np.where(failed, -1.0, other)
        found = compare((-gains).clip(0), gains.clip(0), clusters=groups.tolist(), margin=0.05)
        safe += found.verdict == "safe"
    assert safe <= 0.1 * 150  # one in twenty, as nearly as 150 tell it


@pytest.mark.parametrize("n", [20, 40, 60])
def test_grades_of_which_few_fail_are_not_called_safe(n):
    rng, safe = np.random.default_rng(n), 0
    for _ in range(200):
        base = rng.uniform(0.9, 0.98, n)
        other = np.where(rng.random(n) < 0.05 / 0.94, 0, np.clip(base + rng.uniform(-0.02, 0.02, n), 0, 1))
        safe += compare(base, other, margin=0.05).verdict == "safe"
    assert safe <= 0.1 * 200


def test_two_clusters_that_happen_to_agree_decide_little():
    base = [1.0, 0.0] * 50
    candidate = [0.0, 1.0] * 50
    found = compare(base, candidate, clusters=["a"] * 50 + ["b"] * 50)
    assert found.se_clustered == 0
    assert found.ci_low < -0.3


def test_clusters_without_a_discordant_pair_count_once_each():
    found = compare([1.0] * 600, [1.0] * 600, clusters=[f"c{i // 10}" for i in range(600)])
    assert found.ci_low == pytest.approx(-(1 - 0.05 ** (1 / 60)), abs=1e-9)


def test_graded_scores_with_clusters_use_the_larger_error():
    rng = np.random.default_rng(7)
    shift = np.repeat(rng.normal(0, 0.1, 20), 10)
    base = rng.uniform(0.3, 0.6, 200)
    found = compare(base, base + shift.clip(-0.3, 0.3), clusters=[str(i // 10) for i in range(200)])
    half = scipy.stats.t.ppf(0.95, 19) * found.se_clustered
    assert found.se_clustered > 2 * found.se
    assert found.ci_low == pytest.approx(one_more(found, 20), abs=0.01)
    assert found.ci_low <= one_more(found, 20) < found.difference - half
    assert found.method == "paired t, robust to 20 clusters"


# --- laws -----------------------------------------------------------------------------------------


@given(st.one_of(BINARY, GRADED))
def test_the_interval_contains_the_difference(pairs):
    base, candidate = split(pairs)
    found = compare(base, candidate)
    assert -1 <= found.ci_low <= found.difference <= found.ci_high <= 1
    assert found.ci_low < found.ci_high
    assert found.difference == pytest.approx(found.candidate_mean - found.base_mean, abs=1e-9)


@given(st.one_of(BINARY, GRADED))
def test_swapping_the_two_mirrors_everything(pairs):
    base, candidate = split(pairs)
    there, back = compare(base, candidate), compare(candidate, base)
    assert back.difference == pytest.approx(-there.difference, abs=1e-12)
    assert (back.ci_low, back.ci_high) == pytest.approx((-there.ci_high, -there.ci_low), abs=1e-9)
    assert back.se == pytest.approx(there.se, abs=1e-12)


@given(BINARY, st.randoms(use_true_random=False))
def test_order_does_not_matter(pairs, shuffler):
    labelled = [(*pair, i // 3) for i, pair in enumerate(pairs)]
    mixed = list(labelled)
    shuffler.shuffle(mixed)
    one = compare(*split([p[:2] for p in labelled]), clusters=[p[2] for p in labelled])
    two = compare(*split([p[:2] for p in mixed]), clusters=[p[2] for p in mixed])
    assert (two.ci_low, two.ci_high) == pytest.approx((one.ci_low, one.ci_high), abs=1e-9)


@given(st.one_of(BINARY, GRADED), st.floats(0.001, 0.4), st.floats(0.001, 0.4))
def test_a_wider_margin_never_takes_safety_away(pairs, one, two):
    order = {"unsafe": 0, "undecided": 1, "safe": 2}
    words = [compare(*split(pairs), margin=margin).verdict for margin in sorted((one, two))]
    assert order[words[0]] <= order[words[1]]


@given(st.integers(0, 20), st.integers(0, 20), st.integers(3, 150), st.sampled_from([0.01, 0.05, 0.2]))
def test_one_more_win_never_lowers_the_bound(wins, losses, ties, alpha):
    before = outcome(wins, losses, ties, alpha=alpha)
    after = outcome(wins + 1, losses, ties - 1, alpha=alpha)
    assert after.ci_low > before.ci_low
    assert after.ci_high > before.ci_high


# --- how often it errs ----------------------------------------------------------------------------


def binary_rates(n, share_lost, share_won, *, margin, draws, seed):
    """How often a comparison of `n` pairs is safe, is unsafe, and has its true difference above the lower bound."""
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(n, [share_won, share_lost, 1 - share_won - share_lost], size=draws)
    kinds, times = np.unique(counts, axis=0, return_counts=True)
    safe = unsafe = covered = 0
    for (wins, losses, ties), often in zip(kinds, times, strict=True):
        found = outcome(wins, losses, ties, margin=margin)
        safe += often * (found.verdict == "safe")
        unsafe += often * (found.verdict == "unsafe")
        covered += often * (found.ci_low <= share_won - share_lost)
    return safe / draws, unsafe / draws, covered / draws


@pytest.mark.parametrize("n", [20, 60, 500])
@pytest.mark.parametrize("margin", [0.03, 0.1])
@pytest.mark.parametrize("won", [0.0, 0.02, 0.1])
def test_a_candidate_at_the_margin_is_rarely_found_safe(n, margin, won):
    """At true difference -margin: 5 % nominal; enumerated, either claim is made in 5.6 % at most."""
    safe, unsafe, covered = binary_rates(n, won + margin, won, margin=margin, draws=3000, seed=n)
    assert safe <= 0.056 + 3 * (0.056 / 3000) ** 0.5
    assert unsafe <= 0.056 + 3 * (0.056 / 3000) ** 0.5
    assert covered >= 0.925


@pytest.mark.parametrize("n", [20, 60, 500])
def test_graded_scores_at_the_margin_are_rarely_found_safe(n):
    rng = np.random.default_rng(n)
    safe = 0
    for _ in range(800):
        base = rng.uniform(0.3, 0.9, n)
        # Most answers are as good; some lose a lot: the case where a t interval is hardest put.
        loss = np.where(rng.random(n) < 0.2, 0.25, 0.0)
        safe += compare(base, base - loss, margin=0.05).verdict == "safe"
    assert safe / 800 <= 0.09


@pytest.mark.parametrize("groups", [5, 20])
def test_clustered_candidates_at_the_margin_are_rarely_found_safe(groups):
    """Samples of a cluster fail together; taken as independent they would be called safe far more often."""
    rng = np.random.default_rng(groups)
    safe = naive = 0
    for _ in range(400):
        lost = np.repeat(rng.random(groups) < 0.25, 12)
        won = np.repeat(rng.random(groups) < 0.15, 12)
        base, candidate = (lost & ~won).astype(float), (won & ~lost).astype(float)
        margin = 0.25 * 0.85 - 0.15 * 0.75
        clusters = [str(i // 12) for i in range(groups * 12)]
        safe += compare(base, candidate, clusters=clusters, margin=margin).verdict == "safe"
        naive += compare(base, candidate, margin=margin).verdict == "safe"
    assert safe / 400 <= 0.08
    assert naive / 400 > 0.15


# --- bad input, size ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "candidate", "more", "words"),
    [
        ([], [], {}, "no pairs"),
        ([1.0], [1.0, 0.0], {}, "do not pair"),
        ([1.0], [1.0], {"clusters": ["a", "b"]}, "2 clusters"),
        ([1.0, float("nan")], [1.0, 1.0], {}, "nan"),
        ([1.0], [float("inf")], {}, "inf"),
        ([1.0], [-0.1], {}, "-0.1"),
        ([55.0], [1.0], {}, "55"),
        ([1.0], [1.0], {"margin": 0.0}, "margin"),
        ([1.0], [1.0], {"margin": 3}, "margin"),
        ([1.0], [1.0], {"margin": float("nan")}, "margin"),
        ([1.0], [1.0], {"alpha": 0.5}, "error rate"),
    ],
)
def test_bad_input_is_told(base, candidate, more, words):
    with pytest.raises(InputError, match=words) as caught:
        compare(base, candidate, **more)
    assert caught.value.fix


def test_bad_score_names_its_pair():
    with pytest.raises(InputError) as caught:
        compare([1.0, 1.0, 2.0], [1.0, 1.0, 1.0])
    assert caught.value.where == "base, pair 3"


def test_a_million_pairs_in_many_clusters_are_no_trouble():
    rng = np.random.default_rng(8)
    base, candidate = (rng.random((2, 1_000_000)) < 0.5).astype(float).tolist()
    found = compare(base, candidate, clusters=[f"c{i // 9}" for i in range(1_000_000)])
    assert found.verdict == "safe"
    assert found.n == 1_000_000
    assert found.se_clustered == pytest.approx(found.se, rel=0.02)
