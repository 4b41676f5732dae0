"""Abilities over suites: what went in comes out."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from weighbridge.errors import InputError
from weighbridge.weigh.stats import items
from weighbridge.weigh.stats.items import Answer


def _draw(rng, abilities, sizes=(150, 80), *, skip=()):
    answers = []
    for suite, (size, middle, spread) in enumerate(zip(sizes, (0.0, 1.5), (1.0, 0.6), strict=False)):
        for item, hard in enumerate(rng.normal(middle, spread, size)):
            for i, ability in enumerate(abilities):
                if (suite, i) not in skip:
                    right = rng.random() < 1 / (1 + np.exp(hard - ability))
                    answers.append(Answer(f"e{i}", f"s{suite}", item, float(right)))
    return answers


def test_abilities_are_found_though_one_engine_took_only_the_hard_suite():
    true = [-1.0, 0.0, 0.5, 1.5]
    covered, gaps, harder = 0, [], []
    for seed in range(5):
        found = items.abilities(_draw(np.random.default_rng(seed), true, skip={(0, 3)}))
        for i, j in ((3, 0), (2, 1), (1, 0)):
            gap = found.gap(f"e{i}", f"e{j}")
            covered += gap.low <= items.SCALE * (true[i] - true[j]) <= gap.high
        gaps.append(found.gap("e3", "e0").value)
        harder.append(found.difficulty["s1"][0] - found.difficulty["s0"][0])
    assert covered >= 12  # of 15
    assert np.mean(gaps) == pytest.approx(items.SCALE * 2.5, abs=40)
    assert np.mean(harder) == pytest.approx(1.5, abs=0.5)


def test_two_engines_on_binary_items_are_those_of_conditional_likelihood():
    # With two engines, an item that only one solved tells all: the odds of which one are the exponent of their distance.
    rng = np.random.default_rng(5)
    answers = _draw(rng, [0.0, 1.0], sizes=(2000,))
    found = items.abilities(answers)
    right = np.array([one.right for one in answers]).reshape(-1, 2)
    only = [int(((right[:, i] == 1) & (right[:, 1 - i] == 0)).sum()) for i in (0, 1)]
    assert found.gap("e1", "e0").value == pytest.approx(items.SCALE * log(only[1] / only[0]), abs=12)
    error = items.SCALE * (1 / only[0] + 1 / only[1]) ** 0.5
    interval = found.gap("e1", "e0")
    assert (interval.high - interval.low) / 3.92 == pytest.approx(error, rel=0.15)


def test_two_hundred_points_are_three_times_the_odds():
    assert items.SCALE * log(3) == pytest.approx(200)
    found = items.abilities(_draw(np.random.default_rng(1), [0.0, 1.0], sizes=(40,)))
    told = [found.ability(name) for name in found.engines]
    assert sum(one.points.value for one in told) == pytest.approx(2 * items.MIDDLE)
    assert told[0].answers == 40
    assert told[0].points.high - told[0].points.low == pytest.approx(2 * 1.96 * told[0].se, rel=1e-3)


def test_repeated_answers_are_counts():
    answers = _draw(np.random.default_rng(2), [0.0, 0.7], sizes=(30,))
    single = [one for one in answers for _ in range(3)]
    counted = [one._replace(right=3 * one.right, tries=3) for one in answers]
    assert items.abilities(single).values == pytest.approx(items.abilities(counted).values)


def test_engines_that_solve_all_or_nothing_stay_finite():
    answers = [Answer(name, "s", i, float(name == "good")) for i in range(20) for name in ("good", "bad")]
    found = items.abilities(answers)
    assert 200 < found.gap("good", "bad").value < 10_000


def test_what_no_suite_links_is_unknown():
    answers = [Answer("a", "s1", i, float(i % 2)) for i in range(100)]
    answers += [Answer("b", "s2", i, float(i % 10 == 0)) for i in range(100)]
    found = items.abilities(answers)
    gap = found.gap("a", "b")
    assert gap.low < -1000
    assert gap.high > 1000
    assert found.ability("a").se > 300
    assert found.groups == (("a",), ("b",))
    assert found.extreme == ()
    linked = items.abilities([*answers, Answer("b", "s1", 0, 0.0), Answer("c", "s3", 0, 0.0, tries=0)])
    assert linked.groups == (("a", "b"), ("c",))
    assert linked.gap("a", "b").low < 0
    assert linked.gap("a", "b").high > 500


@pytest.mark.parametrize("links", [1, 2, 5])
def test_few_items_in_common_tell_little(links):
    covered = 0
    for seed in range(20):
        rng = np.random.default_rng([links, seed])
        own = _draw(rng, [0.5, -0.5], sizes=(60, 60), skip={(0, 1), (1, 0)})
        hard = _draw(rng, [0.5, -0.5], sizes=(60,))
        own = [one for one in own if one.suite == "s1"] + [
            one for one in hard if one.engine == "e0" or int(str(one.item)) < links
        ]
        gap = items.abilities(own).gap("e0", "e1")
        covered += gap.low <= items.SCALE <= gap.high
    assert covered >= 18  # two errors below 95 %; of one item in common a robust error alone held in none


def test_strong_engines_on_few_items_are_covered():
    covered = 0
    for seed in range(60):
        gap = items.abilities(_draw(np.random.default_rng(seed), [3.0, 0.0], sizes=(30,))).gap("e0", "e1")
        covered += gap.low <= items.SCALE * 3 <= gap.high
    assert covered >= 54  # a robust error alone: 40


def test_all_right_tells_hardly_how_far_away():
    both = items.abilities([Answer(name, "s", i, 1.0) for name in "ab" for i in range(20)])
    assert both.gap("a", "b").value == pytest.approx(0, abs=1)
    assert both.gap("a", "b").high > 1000
    assert both.extreme == ("a", "b")
    apart = items.abilities([Answer(name, "s", i, float(name == "a")) for name in "ab" for i in range(20)]).gap(
        "a", "b"
    )
    assert 0 < apart.low < 1000
    assert apart.high > 2500


def test_clusters_widen_the_interval():
    answers = _draw(np.random.default_rng(3), [0.0, 0.5], sizes=(30,))
    copies = [one._replace(item=(one.item, i)) for one in answers for i in range(6)]
    together = items.abilities(copies, clusters=[one.item[0] for one in copies]).gap("e1", "e0")
    alone = items.abilities(copies).gap("e1", "e0")
    assert together.high - together.low > 1.8 * (alone.high - alone.low)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: items.abilities([]), "0 engines to 0 items"),
        (lambda: items.abilities([Answer("a", "s", 1, 2), Answer("b", "s", 2, 1)]), "right in 2 of 1"),
        (lambda: items.abilities([Answer("a", "s", 1, 1), Answer("b", "s", 2, 1)], clusters=[1]), "2 answers and 1"),
        (lambda: items.abilities([Answer("a", "s", 1, 1), Answer("b", "s", 2, 1)], clusters=[1, 1]), "one cluster"),
        (
            lambda: items.abilities(
                [Answer("a", "s", 1, 1), Answer("b", "s", 1, 1), Answer("b", "s", 2, 1)], clusters=[1, 2, 2]
            ),
            "two clusters",
        ),
        (
            lambda: items.abilities(_draw(np.random.default_rng(1), [0, 1], sizes=(5,))).gap("e0", "z"),
            "answered nothing",
        ),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(InputError, match=message):
        call()
