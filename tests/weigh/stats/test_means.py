"""The formulas, checked against scipy and statsmodels, and by the laws that they must keep."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.weigh import stats

FRACTION = st.floats(0, 1, allow_nan=False)
COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(1, 300))
Z = stats.normal_quantile(0.95)


@pytest.fixture(scope="module")
def wilson_of_statsmodels():
    from statsmodels.stats.proportion import proportion_confint  # loads for seconds, so only where it is asked

    return lambda right, n: proportion_confint(right, n, method="wilson")


def tango_by_grid(n, wins, losses, z):
    """An independent reading of Tango's interval: maximise the trinomial likelihood by numbers, then scan."""
    inside = []
    for delta in np.linspace(-0.999, 0.999, 1999):
        share = np.linspace(max(0, -delta), min(1, (1 - delta) / 2), 2001)[1:-1]
        rest = 1 - 2 * share - delta
        with np.errstate(divide="ignore"):
            likelihood = np.log(rest) * (n - wins - losses)
            likelihood += wins * np.log(share + delta) + losses * np.log(share)
        q = share[likelihood.argmax()]
        score = (wins - losses - n * delta) / np.sqrt(n * (2 * q + delta * (1 - delta)))
        if abs(score) <= z:
            inside.append(delta)
    return min(inside), max(inside)


@pytest.mark.parametrize(("n", "wins", "losses"), [(60, 3, 1), (44, 9, 3), (200, 30, 41), (25, 0, 2)])
def test_paired_score_agrees_with_a_search_of_the_likelihood(n, wins, losses):
    low, high = stats.paired_score(n, wins, losses, Z)
    assert (low, high) == pytest.approx(tango_by_grid(n, wins, losses, Z), abs=0.002)


def test_paired_score_gives_a_published_interval():
    # Fagerland, Lydersen and Laake (2014), airway reactivity before and after a transplantation: 1 and 7 of 21.
    low, high = stats.paired_score(21, 1, 7, stats.normal_quantile(0.975))
    assert (low, high) == pytest.approx((-0.517, -0.026), abs=0.0006)


def test_paired_score_tests_like_mcnemar_at_difference_zero():
    """The interval just touches 0 at the z of McNemar's test without continuity correction."""
    wins, losses = 31, 14
    z = (wins - losses) / (wins + losses) ** 0.5
    assert stats.paired_score(200, wins, losses, z).low == pytest.approx(0, abs=1e-9)


def test_no_discordant_pair_leaves_room():
    low, high = stats.paired_score(60, 0, 0, Z)
    assert low == pytest.approx(-(Z**2) / (60 + Z**2), abs=1e-9)
    assert high == -low
    assert stats.unseen(60, 0.05) == pytest.approx(0.0487, abs=5e-5)
    assert stats.unseen(0, 0.05) == 1


@given(COUNTS)
def test_paired_score_keeps_its_laws(counts):
    wins, losses, ties = counts
    n = wins + losses + ties
    low, high = stats.paired_score(n, wins, losses, Z)
    assert -1 <= low < (wins - losses) / n < high <= 1
    assert stats.paired_score(n, losses, wins, Z) == (-high, -low)
    better = stats.paired_score(n, wins + 1, losses, Z) if ties > 1 else None
    assert better is None or better.low > low


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
@pytest.mark.parametrize(("right", "n"), [(0, 1), (1, 1), (0, 60), (7, 60), (60, 60), (399, 400), (12345, 99999)])
def test_wilson_agrees_with_statsmodels(right, n, wilson_of_statsmodels):
    low, high = stats.wilson(right / n, n, stats.normal_quantile(0.975))
    assert (low, high) == pytest.approx(wilson_of_statsmodels(right, n), abs=1e-9)


@pytest.mark.parametrize(("p", "df"), [(0.95, 1), (0.95, 2), (0.975, 13), (0.05, 30), (0.995, 1e6)])
def test_quantiles_agree_with_scipy(p, df):
    assert stats.t_quantile(p, df) == pytest.approx(scipy.stats.t.ppf(p, df), rel=1e-9)
    assert stats.normal_quantile(p) == pytest.approx(scipy.stats.norm.ppf(p), rel=1e-12)


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
@pytest.mark.parametrize("seed", range(3))
def test_clustered_error_agrees_with_statsmodels_where_clusters_are_of_one_size(seed):
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(20), 20)
    values = rng.normal(size=20)[codes] * 0.2 + rng.normal(size=400) * 0.3
    fit = OLS(values, np.ones(400)).fit(cov_type="cluster", cov_kwds={"groups": codes})
    found = stats.spread(values, codes.tolist())
    assert found.mean == pytest.approx(fit.params[0])
    assert found.se_clustered == pytest.approx(fit.bse[0])
    assert found.se == pytest.approx(scipy.stats.sem(values))
    assert found.design == pytest.approx((fit.bse[0] / scipy.stats.sem(values)) ** 2)
    assert found.critical(0.05) == pytest.approx(scipy.stats.t.ppf(0.95, 19))


def test_clustered_error_of_unequal_clusters_is_bell_and_mccaffreys():
    """Written out with matrices: residuals times (I - H)^(-1/2), and Satterthwaite's degrees of freedom."""
    rng = np.random.default_rng(3)
    sizes = np.array([1, 2, 3, 5, 9, 30])
    codes = np.repeat(np.arange(6), sizes)
    values = rng.normal(size=50)
    found = stats.spread(values, codes.tolist())
    ones = np.ones(50)
    residuals, variance = values - values.mean(), 0.0
    for group in range(6):
        inside = codes == group
        leverage = np.eye(sizes[group]) - np.outer(ones[inside], ones[inside]) / 50
        roots, vectors = np.linalg.eigh(leverage)
        variance += (ones[inside] @ (vectors / np.sqrt(roots)) @ vectors.T @ residuals[inside]) ** 2 / 50**2
    assert found.se_clustered == pytest.approx(variance**0.5)
    w = sizes / 50
    form = sum(w[g] ** 2 / (1 - w[g]) * np.outer(np.eye(6)[g] - w, np.eye(6)[g] - w) for g in range(6))
    assert found.freedom == pytest.approx(np.trace(form) ** 2 / np.trace(form @ form))
    assert (found.freedom or 9) < 5


def test_clusters_of_one_change_nothing_but_the_quantile():
    values = np.random.default_rng(1).random(50)
    alone, own = stats.spread(values), stats.spread(values, range(50))
    assert own.se_clustered == pytest.approx(alone.se)
    assert own.design == pytest.approx(1)


def test_clusters_that_are_more_alike_than_chance_never_narrow():
    values = np.array([0.0, 1.0] * 20)
    found = stats.spread(values, [i // 2 for i in range(40)])
    assert found.se_clustered == 0
    assert found.design == 1


def test_unvaried_clusters_count_as_one_value_each():
    found = stats.spread(np.ones(60), [0] * 30 + [1] * 20 + [2] * 10)
    assert found.effective == pytest.approx(3600 / (900 + 400 + 100))
    assert stats.spread(np.ones(60), [0] * 60).effective == 1


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_codes_follow_first_appearance(labels):
    codes = stats.codes_of(labels)
    order = list(dict.fromkeys(labels))
    assert [order[code] for code in codes] == labels


@given(st.lists(FRACTION, min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_mean_interval_contains_its_mean_in_any_order(scores, shuffler):
    found = stats.mean_interval(scores)
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.value == pytest.approx(np.mean(scores), abs=1e-9)
    assert found.high > found.low
    mixed = list(scores)
    shuffler.shuffle(mixed)
    other = stats.mean_interval(mixed)
    assert (other.low, other.high) == pytest.approx((found.low, found.high), abs=1e-9)


def test_mean_interval_is_students_where_scores_vary():
    scores = np.random.default_rng(2).random(80)
    found = stats.mean_interval(scores.tolist())
    expected = scipy.stats.t.interval(0.95, 79, scores.mean(), scipy.stats.sem(scores))
    assert (found.low, found.high) == pytest.approx(expected, abs=2e-3)
    assert found.low <= expected[0] + 1e-12
    assert found.high >= expected[1] - 1e-12


def test_the_bound_moves_out_to_where_values_are_skewed():
    values = -np.random.default_rng(3).exponential(size=120).clip(max=3) / 20  # of which enough lie far from the middle
    of = stats.spread(values)
    low, high = stats.bounded_mean(values, of, low=-0.15, high=0.15, alpha=0.05)
    half = of.critical(0.05) * of.se
    assert high == pytest.approx(of.mean + half)
    assert low < of.mean - 1.03 * half
    symmetric = np.concatenate([values, -values])
    of = stats.spread(symmetric)
    assert stats.bounded_mean(symmetric, of, low=-0.15, high=0.15, alpha=0.05).low == pytest.approx(
        -of.critical(0.05) * of.se
    )


@pytest.mark.parametrize("n", [20, 40, 60])
def test_grades_that_hardly_vary_say_little_of_those_that_fail(n):
    rng, missed = np.random.default_rng(n), 0
    for _ in range(300):
        values = np.where(rng.random(n) < 0.03, 0.0, rng.uniform(0.92, 0.98, n))
        found = stats.mean_interval(values.tolist())
        missed += not found.low <= 0.95 * 0.97 <= found.high
    assert missed <= 0.05 * 300


def test_a_t_bound_of_skewed_values_holds_about_as_often_as_it_says():
    rng = np.random.default_rng(4)
    missed = 0
    for _ in range(600):
        values = rng.beta(8, 0.5, 60)
        missed += stats.bounded_mean(values, stats.spread(values), low=0, high=1, alpha=0.05).low > 8 / 8.5
    assert missed / 600 <= 0.05 + 3 * (0.05 * 0.95 / 600) ** 0.5


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
def test_mean_interval_is_wilsons_where_scores_are_right_or_wrong(wilson_of_statsmodels):
    found = stats.mean_interval([1] * 47 + [0] * 13)
    assert (found.low, found.high) == pytest.approx(wilson_of_statsmodels(47, 60), abs=1e-9)
    assert stats.mean_interval([1] * 60).low == pytest.approx(0.9398, abs=1e-4)


def test_mean_interval_with_clusters_is_wider():
    scores = [1.0] * 40 + [0.0] * 20
    labels = [i // 10 for i in range(60)]
    plain, clustered = stats.mean_interval(scores), stats.mean_interval(scores, labels)
    assert clustered.low < plain.low
    assert clustered.high > plain.high
    whole = stats.mean_interval(scores, [0] * 60)
    assert (whole.low, whole.high) == (0, 1)


@pytest.mark.parametrize("scores", [[0.5], [0.5, 0.7], [0.5] * 3])
def test_mean_interval_of_next_to_nothing_is_wide(scores):
    found = stats.mean_interval(scores)
    assert found.high - found.low > 0.75


def test_equal_scores_leave_the_exact_bound():
    values = np.full(60, 0.5)
    low, high = stats.bounded_mean(values, stats.spread(values), low=0, high=1, alpha=0.05)
    share = 1 - 0.05 ** (1 / 59)
    assert (low, high) == pytest.approx((0.5 - share / 2, 0.5 + share / 2))


def test_a_rounding_error_is_no_variance():
    scores = [0.1 + 0.2] * 30 + [0.3] * 30
    assert stats.mean_interval(scores) == stats.mean_interval([0.3] * 60)


def test_one_deviating_score_does_not_make_certain():
    """Without the further value at the far end, the t interval would be 2 thousandths of a point wide."""
    values = np.array([0.5] * 59 + [0.5001])
    low, high = stats.bounded_mean(values, stats.spread(values), low=0, high=1, alpha=0.05)
    assert low < 0.48
    assert high > 0.52
    many = np.append(values, -1.0 + 1.0)  # the same bound, from data that hold the further value
    sem = scipy.stats.sem(many)
    assert low == pytest.approx(many.mean() - scipy.stats.t.ppf(0.95, 59) * sem, abs=1e-6)


@given(st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50), st.sampled_from([0.0, 0.5, 0.95, 1.0]))
def test_quantile_agrees_with_numpy(values, p):
    assert stats.quantile(values, p) == pytest.approx(float(np.percentile(values, p * 100)))


def test_quantile_of_nothing_is_unknown():
    assert stats.quantile([], 0.5) is None


def test_pairs_for_shares_reach_the_power_that_they_promise():
    """Draw samples of the promised size from equal engines: four in five must be found safe."""
    discordance, margin = 0.1, 0.05
    n = int(np.ceil(stats.pairs_for_shares(discordance, margin=margin, alpha=0.05)))
    rng = np.random.default_rng(3)
    draws = rng.multinomial(n, [discordance / 2, discordance / 2, 1 - discordance], size=4000)
    kinds, counts = np.unique(draws[:, :2], axis=0, return_counts=True)
    safe = sum(c for (w, x), c in zip(kinds, counts, strict=True) if stats.paired_score(n, w, x, Z).low > -margin)
    assert safe / 4000 == pytest.approx(0.8, abs=0.03)


def test_pairs_needed_lie_near_the_textbook_formula():
    z = Z + stats.normal_quantile(0.8)
    assert stats.pairs_for_means(0.1, margin=0.03, alpha=0.05) == pytest.approx(z**2 * 0.1 / 0.03**2)
    assert stats.pairs_for_shares(0.1, margin=0.03, alpha=0.05) == pytest.approx(z**2 * 0.1 / 0.03**2, rel=0.06)
    # With hardly any discordance, what is left is the bound of no discordant pair.
    assert stats.pairs_for_shares(1e-9, margin=0.03, alpha=0.05) == pytest.approx(Z**2 * 0.97 / 0.03, rel=1e-3)
