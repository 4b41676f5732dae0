"""Strengths from votes: independent programs agree, intervals hold, and nothing is infinite."""

from __future__ import annotations

import choix
import evalica
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.errors import InputError
from weighbridge.weigh.stats import strength

names = st.sampled_from(["a", "b", "c", "d"])
votes = st.lists(
    st.tuples(names, names, st.sampled_from([0.0, 0.5, 1.0])).filter(lambda v: v[0] != v[1]), min_size=1, max_size=40
)


def _ring(rng, engines, each, *, ties=0.2):
    """Votes among all pairs, enough of either side that nothing is separable."""
    true = rng.normal(0, 0.8, engines)
    rows = []
    for i in range(engines):
        for j in range(i + 1, engines):
            for _ in range(each):
                won = rng.random() < 1 / (1 + np.exp(true[j] - true[i]))
                rows.append((f"e{i}", f"e{j}", 0.5 if rng.random() < ties else float(won)))
            rows += [(f"e{i}", f"e{j}", 1.0), (f"e{i}", f"e{j}", 0.0)]
    return rows


def _fit(rows, *args, **options):
    first, second, scores = zip(*rows, strict=True)
    return strength.strengths(first, second, scores, *args, **options)


def test_without_prior_it_is_evalica():
    rows = _ring(np.random.default_rng(1), 6, 20)
    first, second, scores = zip(*rows, strict=True)
    word = {1.0: evalica.Winner.X, 0.0: evalica.Winner.Y, 0.5: evalica.Winner.Draw}
    oracle = evalica.bradley_terry(first, second, [word[s] for s in scores], tolerance=1e-12, limit=10_000)
    found = _fit(rows, prior=0)
    theirs = np.log(np.array([oracle.scores[name] for name in found.names]))
    assert found.values == pytest.approx(theirs - theirs.mean(), abs=1e-6)


def test_without_prior_it_is_choix():
    rows = [row for row in _ring(np.random.default_rng(2), 5, 15, ties=0) if row[2] != 0.5]
    found = _fit(rows, prior=0)
    place = {name: i for i, name in enumerate(found.names)}
    won = [(place[a], place[b]) if s else (place[b], place[a]) for a, b, s in rows]
    theirs = choix.ilsr_pairwise(5, won, alpha=0, max_iter=1000, tol=1e-12)
    assert found.values == pytest.approx(theirs - theirs.mean(), abs=1e-6)


@pytest.mark.xdist_group("statsmodels")  # one worker loads it, for seconds
def test_style_and_clusters_are_those_of_statsmodels():
    import statsmodels.api as sm

    rng = np.random.default_rng(3)
    rows = _ring(rng, 4, 30)
    longer, lists = rng.normal(size=len(rows)), rng.normal(2, 3, size=len(rows))
    voters = rng.integers(0, 25, len(rows))
    found = _fit(rows, voters.tolist(), style={"length": longer, "lists": lists}, prior=0)
    x = np.zeros((len(rows), 6))
    for i, (a, b, _) in enumerate(rows):
        x[i, int(a[1])], x[i, int(b[1])] = 1, -1
    x[:, 4:] = np.column_stack([longer / longer.std(), lists / lists.std()])
    oracle = sm.GLM([row[2] for row in rows], x[:, 1:], family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": voters, "use_correction": True, "df_correction": False}
    )
    ours = found.values[1:4] - found.values[0]
    assert ours == pytest.approx(oracle.params[:3], abs=1e-6)
    assert [one.effect.value for one in found.style] == pytest.approx(oracle.params[3:], abs=1e-6)
    interval = found.beats("e1", "e0")
    odds = np.log([interval.low / (1 - interval.low), interval.high / (1 - interval.high)])
    # statsmodels' factor has (n - 1) / (n - p) in it as well, and no floor.
    assert (odds[1] - odds[0]) / 2 / found.critical >= 0.95 * oracle.bse[0]


@given(votes)
@settings(max_examples=30, deadline=None)
def test_any_votes_give_finite_strengths(rows):
    found = _fit(rows)
    assert np.isfinite(found.values).all()
    assert abs(found.values.sum()) < 1e-9
    for name in found.names:
        interval = found.field(name)
        assert 0 < interval.low <= interval.value <= interval.high < 1
        best, worst = found.places(name)
        assert 1 <= best <= worst <= len(found.names)
    one, other = found.names[:2]
    there, back = found.beats(one, other), found.beats(other, one)
    assert there.value == pytest.approx(1 - back.value)
    assert there.low == pytest.approx(1 - back.high)


def test_who_always_won_is_not_infinitely_strong():
    found = _fit([("a", "b", 1.0)] * 3).beats("a", "b")
    assert 0.85 < found.value < 1
    assert 0.2 < found.low < 0.4  # exact: 0.29
    many = _fit([("a", "b", 1.0)] * 100).beats("a", "b")
    assert many.value > 0.99
    assert 0.9 < many.low < 0.97  # exact: 0.964


def test_ties_tell_little_if_they_are_few():
    for votes, low in ((1, 0.1), (3, 0.3), (10, 0.45)):
        found = _fit([("a", "b", 0.5)] * votes).beats("a", "b")
        assert found.value == pytest.approx(0.5)
        assert found.low < low
        assert found.high > 1 - low
    assert _fit([("a", "b", 0.5)] * 1000).beats("a", "b").low > 0.49
    alone = _fit([("a", "b", 1.0), ("a", "b", 0.0)] * 500 + [("c", "d", 0.5)] * 3).beats("c", "d")
    assert alone.low < 0.3  # three ties of a pair, among decided votes of others
    won = _fit([("a", "b", 0.5)] * 1000 + [("c", "d", 1.0)] * 3).beats("c", "d")
    assert won.low < 0.4  # three wins of a pair, among ties of others


@pytest.mark.parametrize("scores", [[0.5], [0.5] * 24 + [1.0], [1.0, 0.0]])
def test_who_never_met_is_not_compared_by_ties(scores):
    rows = [(one, other, score) for one, other in (("a", "b"), ("c", "d")) for score in scores * 20]
    found = _fit(rows).beats("a", "c")
    assert found.low < 0.05
    assert found.high > 0.95


@pytest.mark.parametrize(("n", "ties"), [(3, 0.8), (5, 0.8), (10, 0.95), (30, 0.95), (100, 0.5)])
def test_intervals_cover_among_ties(n, ties):
    rng = np.random.default_rng(n)
    chances = [(1 - ties) * 0.9, (1 - ties) * 0.1, ties]
    covered = 0
    for _ in range(200):
        votes = rng.choice([1.0, 0.0, 0.5], p=chances, size=n)
        found = strength.strengths(["a"] * n, ["b"] * n, votes).beats("a", "b")
        covered += found.low <= chances[0] + ties / 2 <= found.high
    assert covered >= 184  # 95 % less two errors


def test_a_constant_feature_is_the_same_in_any_unit():
    rows = [("a", "b", float(i % 5 < 3)) for i in range(200)]
    found = [_fit(rows, style={"length": [unit] * 200}) for unit in (0.1, 3.3, 1e9)]
    for one in found:
        assert one.beats("a", "b").low == pytest.approx(found[0].beats("a", "b").low, abs=1e-6)
        assert one.style[0].effect.value == pytest.approx(found[0].style[0].effect.value, abs=1e-6)
    assert found[0].beats("a", "b").low < 0.05  # strength or style: these votes cannot tell


def test_intervals_cover():
    rng = np.random.default_rng(5)
    true = np.array([0.0, 0.5, 1.0, 2.0])
    covered = total = 0
    for _ in range(120):
        i = rng.integers(0, 4, 120)
        j = (i + rng.integers(1, 4, 120)) % 4
        won = (rng.random(120) < 1 / (1 + np.exp(true[j] - true[i]))).astype(float)
        found = strength.strengths([f"e{k}" for k in i], [f"e{k}" for k in j], won)
        for a, b in ((0, 1), (1, 2), (0, 3)):
            interval = found.beats(f"e{a}", f"e{b}")
            covered += interval.low <= 1 / (1 + np.exp(true[b] - true[a])) <= interval.high
            total += 1
    assert covered / total > 0.92


def test_weights_are_repeated_votes():
    rows = _ring(np.random.default_rng(6), 3, 5)
    twice = _fit([row for row in rows for _ in range(2)])
    assert _fit(rows, weights=[2.0] * len(rows)).values == pytest.approx(twice.values)


def test_a_voter_who_votes_often_is_one_voter():
    rows = _ring(np.random.default_rng(7), 3, 10, ties=0)
    often, voters = [row for row in rows for _ in range(5)], [i for i in range(len(rows)) for _ in range(5)]
    wide, narrow = _fit(often, voters).beats("e0", "e1"), _fit(often).beats("e0", "e1")
    assert wide.high - wide.low > 1.8 * (narrow.high - narrow.low)


def test_large_votes_are_quick_and_right():
    rng = np.random.default_rng(8)
    true = rng.normal(size=100)
    i = rng.integers(0, 100, 30_000)
    j = (i + rng.integers(1, 100, 30_000)) % 100
    won = rng.random(30_000) < 1 / (1 + np.exp(true[j] - true[i]))
    found = strength.strengths([f"e{k}" for k in i], [f"e{k}" for k in j], won.astype(float))
    order = np.array([int(name[1:]) for name in found.names])
    assert np.corrcoef(found.values, true[order])[0, 1] > 0.99


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: strength.strengths([], [], []), "0 first and 0 second"),
        (lambda: strength.strengths(["a"], ["a"], [1]), "Vote 1 compares 'a' with itself"),
        (lambda: strength.strengths(["a"], ["b"], [2]), "Vote 1 has score 2"),
        (lambda: strength.strengths(["a"], ["b"], [1, 0]), "1 votes, but score has 2"),
        (lambda: strength.strengths(["a"], ["b"], [1], ["x"]), "one cluster"),
        (lambda: strength.strengths(["a"], ["b"], [1], ["x", "y"]), "2 clusters"),
        (lambda: strength.strengths(["a"], ["b"], [1], prior=-1), "prior is -1"),
        (lambda: strength.strengths(["a"] * 2, ["b"] * 2, [1, 0], weights=[0, 0]), "all weights are 0"),
        (lambda: strength.strengths(["a"], ["b"], [1], prior=0), "infinite or unknown"),
        (lambda: strength.strengths(["a", "c"] * 2, ["b", "d"] * 2, [1, 0, 0, 1], prior=0), "infinite or unknown"),
        (lambda: strength.strengths(["a"], ["b"], [1], style={"length": [float("nan")]}), "style 'length' nan"),
        (lambda: strength.strengths(["a"], ["b"], [1]).beats("a", "z"), "Nobody voted on 'z'"),
        (lambda: strength.strengths([f"e{i}" for i in range(2001)], ["x"] * 2001, [1] * 2001), "2,002 engines"),
    ],
)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(InputError, match=message):
        call()
