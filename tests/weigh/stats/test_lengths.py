"""The win rate at equal length."""

from __future__ import annotations

import numpy as np
import pytest

from weighbridge.errors import InputError
from weighbridge.weigh.stats import lengths


def _draw(rng, n, *, quality=0.3, length=1.5, hard=0.0):
    differences = rng.normal(300, 600, n)
    difficulty = rng.normal(0, 1, n)
    odds = quality + length * np.tanh(differences / differences.std(ddof=1)) + hard * difficulty
    return (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float), differences, difficulty


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
def test_coefficients_are_those_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    scores, differences, difficulty = _draw(rng, 600, hard=0.7)
    scores = np.clip(scores * 0.9 + 0.05, 0, 1)
    found = lengths.controlled(scores.tolist(), differences.tolist(), difficulty=difficulty.tolist())
    assert found is not None
    x = np.column_stack([np.ones(600), np.tanh(differences / differences.std(ddof=1)), difficulty])
    oracle = sm.GLM(scores, x, family=sm.families.Binomial()).fit(cov_type="HC0")
    assert found.length.value == pytest.approx(oracle.params[1], abs=2e-3)
    assert found.difficulty == pytest.approx(oracle.params[2], abs=2e-3)
    # Never narrower than the robust error's; of fractions the model's own is somewhat larger.
    assert 1 <= (found.length.high - found.length.low) / 2 / (1.964 * oracle.bse[1]) <= 1.05
    labels = np.repeat(np.arange(600), 2)
    twice = lengths.controlled(np.repeat(scores, 2).tolist(), np.repeat(differences, 2).tolist(), labels.tolist())
    assert twice is not None
    x = np.repeat(np.column_stack([np.ones(600), np.tanh(differences / differences.std(ddof=1))]), 2, axis=0)
    clustered = sm.GLM(np.repeat(scores, 2), x, family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": labels}
    )
    assert (twice.length.high - twice.length.low) / 2 == pytest.approx(1.964 * clustered.bse[1], rel=0.01)


def test_length_is_taken_out_and_the_interval_covers():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(150):
        scores, differences, _ = _draw(rng, 300)
        found = lengths.controlled(scores.tolist(), differences.tolist())
        assert found is not None
        assert found.raw.value > found.controlled.value
        covered += found.controlled.low <= 1 / (1 + np.exp(-0.3)) <= found.controlled.high
    assert covered >= 135  # 95 % less 2.8 standard errors


def test_clusters_widen_the_interval():
    rng = np.random.default_rng(3)
    scores, differences, _ = _draw(rng, 40)
    many, far = np.repeat(scores, 8).tolist(), np.repeat(differences, 8).tolist()
    together = lengths.controlled(many, far, np.repeat(np.arange(40), 8).tolist())
    alone = lengths.controlled(many, far)
    assert together is not None
    assert alone is not None
    assert together.controlled.high - together.controlled.low > 2 * (alone.controlled.high - alone.controlled.low)


@pytest.mark.parametrize(("true", "n", "least"), [(0.9, 15, 0.72), (0.95, 20, 0.84), (0.98, 50, 0.93)])
def test_win_rates_near_one_are_not_narrower_than_wilsons(true, n, least):
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(200):
        scores = (rng.random(n) < true).astype(float).tolist()
        found = lengths.controlled(scores, (rng.normal(size=n) * 100).tolist())
        assert found is not None
        covered += found.controlled.low <= true <= found.controlled.high
    assert covered >= 184  # 95 % less two errors; a robust error alone held in 100 to 135
    won, lost = (lengths.controlled([score] * n, rng.normal(size=n).tolist()) for score in (1.0, 0.0))
    assert won is not None
    assert lost is not None
    assert won.raw.low - 0.1 < won.controlled.low <= won.raw.low + 0.01
    assert won.controlled.low < max(least, won.raw.low + 0.01)
    assert won.controlled.high == pytest.approx(1)
    assert lost.controlled.low == pytest.approx(0)
    assert lost.controlled.high >= lost.raw.high - 0.01
    assert won.length.low < 0 < won.length.high


def test_who_is_always_longer_may_owe_all_to_it():
    found = lengths.controlled([1.0] * 20, [100.0] * 20)
    assert found is not None
    assert found.controlled.value > 0.9
    assert found.controlled.low < 0.2


def test_ties_alone_leave_a_range():
    found = lengths.controlled([0.5] * 20, list(range(20)))
    assert found is not None
    assert found.controlled.low < 0.47
    assert found.controlled.high > 0.53


def test_what_length_decides_entirely_stays_finite():
    differences = [-500.0, -300, -200, -100, -50, 50, 100, 200, 300, 500] * 3
    found = lengths.controlled([float(d > 0) for d in differences], differences)
    assert found is not None
    assert found.controlled.value == pytest.approx(0.5, abs=1e-6)
    assert found.length.low > 0
    assert lengths.controlled([1.0] * 20, [0.0] * 20).controlled.value > 0.95  # type: ignore[union-attr]


def test_too_little_tells_nothing():
    assert lengths.at_equal_length([1, 0], [1, 2]) is None
    assert lengths.controlled([1, 0] * 10, [1, 2] * 10, ["a"] * 20) is None
    assert lengths.at_equal_length([1, 0] * 10, [1, 2] * 10) is not None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lengths.controlled([1, 0], [1]), "2 preferences and 1 differences"),
        (lambda: lengths.controlled([2.0] * 12, [1] * 12), "no fraction"),
        (lambda: lengths.controlled([1.0] * 12, [1] * 12, ["a"]), "one cluster per preference"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(InputError, match=message):
        call()
