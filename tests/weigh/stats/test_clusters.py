"""The cluster bootstrap and its degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weighbridge.weigh.stats import clusters


def test_clusters_of_one_size_are_students_over_cluster_means():
    rng = np.random.default_rng(1)
    means = rng.random(12)
    found = clusters.clustered(np.repeat(means, 4), [i // 4 for i in range(48)])
    assert found is not None
    assert found.se == pytest.approx(scipy.stats.sem(means))
    assert found.freedom == pytest.approx(11)
    expected = scipy.stats.t.interval(0.9, 11, means.mean(), scipy.stats.sem(means))
    assert found.bounds(0.05) == pytest.approx(expected)


def test_a_cluster_that_is_nearly_everything_leaves_next_to_no_freedom():
    found = clusters.clustered(np.random.default_rng(2).random(110), [0] * 100 + list(range(1, 11)))
    assert found is not None
    assert found.freedom < 2
    assert clusters.clustered(np.ones(3), [0, 0, 0]) is None


def test_bootstrap_is_close_to_students_where_nothing_is_skewed():
    rng = np.random.default_rng(3)
    values, labels = rng.normal(0.3, 0.2, 600), [i // 6 for i in range(600)]
    plain = clusters.clustered(values, labels)
    assert plain is not None
    found = clusters.bootstrap(values, labels, alpha=0.05, seed=1)
    assert found == pytest.approx(plain.bounds(0.05), abs=0.004)
    assert clusters.bootstrap(values, labels, alpha=0.05, seed=1) == found
    assert clusters.bootstrap(values, labels, alpha=0.05, seed=2) != found


def test_the_order_of_samples_does_not_matter():
    rng = np.random.default_rng(6)
    values, labels = rng.choice([-1.0, 0.0, 1.0], size=120), rng.integers(0, 30, 120)
    found = clusters.bootstrap(values, labels.tolist(), alpha=0.05, seed=1)
    order = rng.permutation(120)
    assert clusters.bootstrap(values[order], labels[order].tolist(), alpha=0.05, seed=1) == pytest.approx(found)


def test_bootstrap_follows_skew():
    values = np.random.default_rng(4).exponential(size=60)
    found = clusters.bootstrap(values, alpha=0.05, seed=1)
    assert found.high - values.mean() > values.mean() - found.low


def test_few_clusters_get_students_bounds():
    values, labels = np.random.default_rng(5).random(30), [i // 6 for i in range(30)]
    plain = clusters.clustered(values, labels)
    assert plain is not None
    assert clusters.bootstrap(values, labels, alpha=0.05, seed=1) == plain.bounds(0.05)
    assert clusters.bootstrap(values, [0] * 30, alpha=0.05, seed=1) == (-np.inf, np.inf)
    rare = np.array([1.0] + [0.0] * 29)
    assert clusters.bootstrap(rare, alpha=0.05, seed=1).high < np.inf


def test_blocks_of_resamples_hold_every_cluster_as_often_as_there_are():
    blocks = list(clusters.resamples(30_000, 1, 150))
    assert sum(len(block) for block in blocks) == 150
    assert all((block.sum(axis=1) == 30_000).all() for block in blocks)
