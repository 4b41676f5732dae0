"""Prediction-powered estimates: they hold with any judge, and gain from a good one."""

from __future__ import annotations

import numpy as np
import pytest

from weighbridge.errors import InputError
from weighbridge.weigh.stats import powered


def _draw(rng, n, labels, *, noise, bias=0.2):
    human = (rng.random(n) < 0.6).astype(float)
    judge = np.clip(human * (1 - noise) + rng.random(n) * noise + bias, 0, 1)
    given = np.full(n, np.nan)
    chosen = rng.permutation(n)[:labels]
    given[chosen] = human[chosen]
    return judge.tolist(), [None if np.isnan(g) else float(g) for g in given], human


def test_the_estimate_follows_its_formula():
    rng = np.random.default_rng(1)
    judge, human, _ = _draw(rng, 400, 40, noise=0.5)
    found = powered.mean(judge, human)
    told = np.array([h is not None for h in human])
    y, f = np.array([h for h in human if h is not None]), np.array(judge)
    weight = np.cov(y, f[told], ddof=0)[0, 1] / (f[told].var() + 40 / 360 * f[~told].var())
    assert found.trust == pytest.approx(min(1, weight))
    assert found.estimate.value == pytest.approx(found.trust * f[~told].mean() + (y - found.trust * f[told]).mean())
    variance = (y - found.trust * f[told]).var(ddof=0) / 39 + found.trust**2 * f[~told].var() * 40 / 39 / 360
    assert found.se == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert found.estimate.n == 400
    assert found.labelled == found.labels_alone.n == 40


def test_a_good_judge_narrows_and_none_misleads():
    for noise, gain in ((0.2, 3.0), (1.0, 0.9)):
        rng = np.random.default_rng(7)
        covered, widths = 0, []
        for _ in range(300):
            judge, human, _ = _draw(rng, 1000, 50, noise=noise)
            found = powered.mean(judge, human)
            covered += found.estimate.low <= 0.6 <= found.estimate.high
            widths.append(
                (found.labels_alone.high - found.labels_alone.low) / (found.estimate.high - found.estimate.low)
            )
        assert covered >= 275  # 95 % of 300 less 2.6 standard errors
        assert np.mean(widths) > gain**0.5


def test_clusters_count_once():
    rng = np.random.default_rng(3)
    values = np.repeat(rng.random(40), 10)
    human = [float(v) if i % 10 < 5 else None for i, v in enumerate(values)]
    judge = rng.random(400).tolist()
    alone = powered.mean(judge, human)
    together = powered.mean(judge, human, np.repeat(np.arange(40), 10).tolist())
    assert together.se > 1.8 * alone.se
    spread = np.repeat(values[::10], 1).std(ddof=1) / np.sqrt(40)
    assert powered.mean([0.5] * 400, human, np.repeat(np.arange(40), 10).tolist()).se == pytest.approx(spread)


def test_without_a_sample_beyond_the_labels_people_alone_count():
    found = powered.mean([0.1, 0.2, 0.9, 0.4], [0, 0, 1, 1])
    assert found.trust == 0
    assert found.estimate == found.labels_alone
    assert found.saves == 1


def test_the_difference_is_paired():
    rng = np.random.default_rng(11)
    hard = rng.random(300) * 0.5
    base, candidate = hard, hard + 0.3
    told = rng.random(300) < 0.2
    human = [[float(v) if t else None for v, t in zip(side, told, strict=True)] for side in (base, candidate)]
    found = powered.difference(base.tolist(), candidate.tolist(), human[0], human[1])
    assert found.estimate.value == pytest.approx(0.3)
    assert found.se < 1e-9
    human[0][int(np.flatnonzero(told)[0])] = None
    assert powered.difference(base.tolist(), candidate.tolist(), human[0], human[1]).labelled == told.sum() - 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: powered.mean([0.5] * 4, [None, 1, 0, None]), "graded 2 of 4"),
        (lambda: powered.mean([0.5] * 4, [1, 1, 0]), "4 grades of the judge and 3"),
        (lambda: powered.mean([0.5, 0.5, float("nan"), 1], [1, 1, 0, 1]), "no finite number"),
        (lambda: powered.mean([0.5] * 4, [1, 1, 0, None], ["a", "a", "a", "b"]), "one cluster"),
        (lambda: powered.difference([1], [1, 0], [1], [1]), "same samples"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(InputError, match=message):
        call()
