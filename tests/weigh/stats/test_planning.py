"""Plans: their power is what comparisons have, and their curves rise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh import stats, verdict
from weighbridge.weigh.stats import planning, sizes
from weighbridge.weigh.stats.assumed import Assumptions, assume


def test_needs_what_nams_formula_says():
    found = sizes.samples_needed(Assumptions(0.1), margin=0.03, alpha=0.05, power=0.8)
    assert found == pytest.approx(stats.pairs_for_shares(0.1, margin=0.03, alpha=0.05, power=0.8), abs=1)
    graded = sizes.samples_needed(Assumptions(0.1, binary=False), margin=0.03, alpha=0.05, power=0.8)
    assert graded == pytest.approx(stats.pairs_for_means(0.1, margin=0.03, alpha=0.05, power=0.8), rel=0.01)


@pytest.mark.parametrize(("share", "difference", "word"), [(0.2, 0.0, "safe"), (0.1, -0.06, "unsafe")])
def test_the_power_is_what_comparisons_have(share, difference, word):
    assumed = Assumptions(share, difference)
    margin = 0.02 if word == "unsafe" else 0.05
    n = sizes.samples_needed(assumed, margin=margin, alpha=0.05, power=0.8)
    assert n is not None
    rng = np.random.default_rng(3)
    found = 0
    for wins, losses in rng.multinomial(n, [(share + difference) / 2, (share - difference) / 2, 1 - share], 400)[:, :2]:
        base = np.repeat([0.0, 1.0, 1.0], [wins, losses, n - wins - losses])
        candidate = np.repeat([1.0, 0.0, 1.0], [wins, losses, n - wins - losses])
        found += verdict.compare(base.tolist(), candidate.tolist(), margin=margin).verdict == word
    assert found / 400 == pytest.approx(0.8, abs=0.07)


def test_a_plan_has_a_curve_and_what_stopping_early_saves():
    found = planning.plan(Assumptions(0.1), margin=0.05, draws=60)
    assert found.verdict == "safe"
    assert found.needed == found.clusters
    powers = [point.power for point in found.curve]
    assert powers == sorted(powers)
    assert powers[-1] > 0.9
    at = next(point for point in found.curve if point.n == found.needed)
    assert at.power == pytest.approx(0.8, abs=0.01)
    assert at.expected is not None
    assert found.needed is not None
    assert found.sequential_power > 0.8
    assert found.sequential_median < found.curve[-1].n
    assert at.expected < found.needed
    assert planning.plan(Assumptions(0.1), margin=0.05, draws=60) == found


def test_clusters_cost_samples():
    plain = sizes.samples_needed(Assumptions(0.1), margin=0.05, alpha=0.05)
    assert plain is not None
    clustered = planning.plan(Assumptions(0.1, icc=0.3, cluster_size=5), margin=0.05, draws=20)
    assert clustered.needed is not None
    assert clustered.needed == pytest.approx(plain * 2.2, rel=0.05)
    assert clustered.clusters == pytest.approx(clustered.needed / 5, abs=1)


def test_what_is_available_ends_the_curve():
    found = planning.plan(Assumptions(0.3), margin=0.01, available=200, draws=20)
    assert (found.needed or 0) > 10_000
    assert found.curve[-1].n == found.drawn == 200
    assert found.sequential_power < 0.5


def test_not_every_question_can_be_answered():
    assert sizes.samples_needed(Assumptions(0.5, -0.0299999), margin=0.03, alpha=0.05) is None


def test_a_pilot_tells_all_but_the_difference():
    rng = np.random.default_rng(4)
    common = np.repeat(rng.random(60) < 0.2, 5)
    base, candidate = np.ones(300), np.where(common, 0.0, 1.0)
    found = assume(base.tolist(), candidate.tolist(), [i // 5 for i in range(300)])
    assert found.mean_square == pytest.approx(common.mean())
    assert found.difference == 0
    assert found.icc == pytest.approx(1, abs=0.05)
    assert found.cluster_size == 5
    assert found.pairs == 300
    same = assume([1.0] * 60, [1.0] * 60)
    assert same.mean_square == pytest.approx(0.0487, abs=1e-4)
    assert assume([0.2, 0.4, 0.9], [0.3, 0.4, 0.1]).binary is False


def test_grades_may_differ_less_in_square_than_in_mean():
    base, candidate = [0.5, 0.5] * 50, [0.45, 0.55] * 50
    found = assume(base, candidate, difference=-0.02)
    assert found.mean_square == pytest.approx(0.0025)
    assert sizes.samples_needed(found, margin=0.03, alpha=0.05) == 299
    assert assume(base, candidate, difference=-0.2).mean_square == pytest.approx(0.04)
    assert assume([1.0, 0.0], [1.0, 0.0], difference=-0.99).mean_square == 0.99


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 0.9), st.floats(0.005, 0.3), st.integers(3, 5000), st.booleans())
def test_power_lies_between_nothing_and_certainty_and_rises(share, margin, n, binary):
    less, more = (
        sizes.power_at(Assumptions(share, binary=binary), size, margin=margin, alpha=0.05) for size in (n, 2 * n)
    )
    assert 0 <= less <= more <= 1


def test_next_to_nothing_has_no_power_and_certainty_all():
    assert sizes.power_at(Assumptions(0.1, binary=False), 1, margin=0.03, alpha=0.05) == 0
    assert sizes.power_at(Assumptions(0.0), 50, margin=0.03, alpha=0.05) == 0
    assert sizes.power_at(Assumptions(0.0), 500, margin=0.03, alpha=0.05) == 1


def test_simulated_runs_have_the_mean_that_was_assumed():
    used, words = sizes.simulate(Assumptions(0.04, 0.1, binary=False), 400, margin=0.03, alpha=0.05, seed=1, draws=10)
    assert (words == "safe").all()
    assert (used < 200).all()


@pytest.mark.parametrize(
    ("assumed", "more", "words"),
    [
        (Assumptions(0.1, -0.03), {}, "exactly"),
        (Assumptions(0.1, 0.2), {}, "difference"),
        (Assumptions(1.1), {}, "discordance"),
        (Assumptions(0.1, icc=-0.1), {}, "icc"),
        (Assumptions(0.1, cluster_size=0), {}, "cluster size"),
        (Assumptions(0.1), {"power": 1.0}, "power"),
        (Assumptions(0.1), {"alpha": 0.5}, "alpha"),
        (Assumptions(0.1), {"margin": 0.0}, "margin"),
        (Assumptions(0.1), {"available": 0}, "available"),
        (Assumptions(0.1), {"draws": 0}, "draws"),
    ],
)
def test_bad_input_is_told(assumed, more, words):
    with pytest.raises(InputError, match=words) as caught:
        planning.plan(assumed, **{"margin": 0.03, **more})
    assert caught.value.fix


def test_a_pilot_without_pairs_is_told():
    with pytest.raises(InputError, match="make no pilot"):
        assume([], [])
