"""Difficulties of items: what went in comes out, and a wrong key is found no oftener than chance allows."""

from __future__ import annotations

from itertools import product
from math import exp

import numpy as np
import pytest

from weighbridge.weigh.stats import difficulty, items
from weighbridge.weigh.stats.items import Answer


def _drawn(rng, count, abilities, *, wrong=0, tries=1):
    hard = rng.normal(0.3, 1, count)
    answers = []
    for item, level in enumerate(hard):
        right = rng.binomial(tries, 1 / (1 + np.exp(level - abilities)))
        right = tries - right if item < wrong else right
        answers += [Answer(f"e{j}", "s", item, float(one), tries) for j, one in enumerate(right)]
    return answers, hard


def test_difficulties_are_found_and_their_intervals_hold():
    answers, hard = _drawn(np.random.default_rng(1), 300, np.linspace(-2, 2, 10))
    found = difficulty.difficulties(items.abilities(answers), answers)
    true = items.MIDDLE + items.SCALE * hard
    assert [one.item for one in found[:3]] == ["0", "1", "2"]
    assert np.corrcoef(true, [one.points.value for one in found])[0, 1] > 0.7
    assert np.mean([one.points.low <= at <= one.points.high for one, at in zip(found, true, strict=True)]) > 0.9
    assert all(one.points.low < one.points.value < one.points.high for one in found)
    assert all(one.chance is None for one in found if one.solved in (0, 10))


@pytest.mark.parametrize(("engines", "tries"), [(10, 1), (14, 1), (6, 3), (6, 5)])
def test_wrong_keys_are_found_and_right_ones_rarely(engines, tries):
    answers, _ = _drawn(np.random.default_rng(3), 200, np.linspace(-2, 2, engines), wrong=8, tries=tries)
    found = difficulty.difficulties(items.abilities(answers), answers)
    assert sum((one.chance or 1) <= 0.05 for one in found[:8]) >= 6
    assert sum((one.chance or 1) <= 0.05 for one in found[8:]) <= 16
    assert all(one.adjusted is None or one.chance is None or one.adjusted >= one.chance for one in found)


def test_the_chance_is_that_of_all_patterns_with_as_many_right():
    answers, _ = _drawn(np.random.default_rng(2), 40, np.array([-1.0, 0.0, 0.4, 1.0]))
    abilities = items.abilities(answers)
    found = difficulty.difficulties(abilities, answers)
    for one in found:
        mine = [answer.right for answer in answers if str(answer.item) == one.item]
        reached, total = float(abilities.values @ np.array(mine)), sum(mine)
        sums = [float(abilities.values @ np.array(p)) for p in product((0, 1), repeat=4) if sum(p) == total]
        chance = sum(exp(s) for s in sums if s <= reached + 1e-9) / sum(map(exp, sums))
        assert one.chance == (None if total in (0, 4) else pytest.approx(chance))


def test_nothing_is_said_of_who_solves_what_is_graded_in_parts_or_tried_too_often():
    answers, _ = _drawn(np.random.default_rng(4), 30, np.array([-1.0, 0.0, 1.0]))
    answers[0] = answers[0]._replace(right=0.5)
    answers[3] = answers[3]._replace(right=20, tries=40)
    found = difficulty.difficulties(items.abilities(answers), answers)
    assert found[0].chance is found[1].chance is None
    assert found[1].tries == 42
    alike = [Answer(f"e{j}", "", i, float((i + j) % 2)) for i in range(40) for j in range(14)]
    even = difficulty.difficulties(items.abilities(alike), alike)
    assert min(one.chance or 0 for one in even) > 0.3
