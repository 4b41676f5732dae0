"""What is told of judges: whole sentences, figures with their intervals, and nothing where nobody judged."""

from __future__ import annotations

import random

import weighings
from msgspec.structs import replace

from weighbridge.weigh.judges import stage
from weighbridge.weigh.judges.panel import Harmony, beyond_chance, harmony
from weighbridge.weigh.judges.prompts import PAIRWISE
from weighbridge.weigh.judges.told import tell
from weighbridge.weigh.types import Grade, Interval, Judge, Judgement, Preference

BASE, OTHER = weighings.ENGINES[0], weighings.ENGINES[2]
JUDGES = ("one@x", "two@x")


def judged(count=60, *, seed=1, mute=0, kin=()):
    """A weighing with rubric grades and pairs of two judges who often agree."""
    rng = random.Random(seed)
    made = weighings.build(count)
    preferences: list[Preference] = []
    for sample in made.samples:
        said = []
        for judge in JUDGES:
            score = rng.choice([0.0, 1.0]) if judge == "two@x" else float(len(preferences) % 3 == 0)
            said += [Judgement(judge, score, first=name, cost=10) for name in (BASE, OTHER)]
        preferences.append(
            Preference(sample.id, sum(j.score or 0 for j in said) / 4, tuple(said), 40, 40 + len(preferences))
        )
    preferences[:mute] = [Preference(p.sample, None, (Judgement("one@x", first=BASE),)) for p in preferences[:mute]]
    results = tuple(
        replace(
            r,
            grade=Grade(
                0.5,
                label="speaks to the judge" if i == 0 else "",
                judged=(Judgement("one@x", 0.25), Judgement("two@x", 0.75)),
            ),
        )
        for i, r in enumerate(made.results[OTHER])
    )
    return replace(
        made,
        judges=tuple(Judge(name, "pairwise", PAIRWISE.version, PAIRWISE.text, PAIRWISE.digest, kin=kin) for name in JUDGES),
        preferences={OTHER: tuple(preferences)},
        preferred=stage.preferred(made.samples, {OTHER: preferences}, margin=0.1, alpha=0.05),
        results=made.results | {OTHER: results},
    )  # fmt: skip


def test_nothing_is_told_where_nobody_judged():
    assert tell(weighings.build(6)) is None


def test_everything_is_told_in_sentences():
    told = tell(judged(mute=3, kin=(OTHER,)))
    assert told is not None
    text = "\n".join(told.sentences)
    assert told.sentences[0].startswith(
        "Judged by one@x (pairwise/1), two@x (pairwise/1). one@x is of the same family as"
    )
    assert f"{OTHER} was preferred to {BASE} in" in text
    assert "one@x changed its verdict with the order in 0.0%" in text
    assert "The longer answer won" in text
    assert f"Were all answers equally long, {OTHER} would be preferred in about" in text
    assert "one@x and two@x agree on" in text
    assert "kappa" in text
    assert "50.0 points apart on average" in text
    assert "one@x gave 3 of" in text
    assert "Without any judgement: 0 answers, 3 pairs." in text
    assert "1 answer speaks to the judge" in text
    assert (told.graded, told.compared, told.uncompared, told.addressed) == (60, 57, 3, 1)
    assert told.spent is None
    assert all(sentence.endswith(".") for sentence in told.sentences)


def test_what_is_told_is_the_same_each_time():
    assert tell(judged()) == tell(judged())


def test_judges_agree_on_pairs_and_on_grades():
    on_pairs, on_grades = harmony(judged())
    assert (on_pairs.one, on_pairs.other, on_pairs.distance) == (*JUDGES, None)
    assert on_pairs.corrected
    assert -0.5 < on_pairs.corrected.value < 0.5
    assert (on_grades.agreed.value, on_grades.distance) == (0.0, 0.5)
    alone = judged()
    assert harmony(replace(alone, judges=alone.judges[:1])) == ()


def test_what_belongs_together_counts_as_one_look():
    def copied(count, clusters):
        samples, said = [], []
        for i in range(20):
            for j in range(count):
                one = weighings.build(1).samples[0]
                samples.append(replace(one, id=f"s{i}-{j}", cluster=f"doc {i}" if clusters else ""))
                scores = {JUDGES[0]: float(i % 2), JUDGES[1]: float((i % 2) ^ (i % 5 == 0))}
                judged = [Judgement(name, score, first=e) for name, score in scores.items() for e in (BASE, OTHER)]
                said.append(Preference(f"s{i}-{j}", 0.5, tuple(judged)))
        made = judged_by(samples, said)
        return harmony(made)[0]

    def judged_by(samples, said):
        made = judged(6)
        results = dict.fromkeys(made.results, ())
        return replace(made, samples=tuple(samples), preferences={OTHER: tuple(said)}, results=results)

    alone, together, apart = copied(1, clusters=False), copied(9, clusters=True), copied(9, clusters=False)
    assert (alone.agreed.n, together.agreed.n) == (20, 180)
    for name in ("agreed", "corrected"):
        width = {which: getattr(of, name).high - getattr(of, name).low for which, of in
                 (("alone", alone), ("together", together), ("apart", apart))}  # fmt: skip
        assert width["together"] > 0.9 * width["alone"] > 1.5 * width["apart"]


def test_agreement_in_words():
    share = Interval(0.5, 0.25, 0.75, 8)
    assert Harmony("a", "b", share).sentence == "a and b agree on 50.0% (25.0\u201375.0) of 8 pairs."
    assert beyond_chance("kappa", Interval(-0.1, -0.2, 0.0, 8)) == "; kappa \u22120.10 (\u22120.20 to 0.00)"


async def test_figures_follow_from_preferences_that_are_there():
    found = stage.preferred(judged(mute=60).samples, judged(mute=60).preferences, margin=0.1, alpha=0.05)
    assert found == {}
    assert judged().preferred[OTHER].n == 60
