"""Several judges on the same answers: how often they agree, two by two, and with people."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from weighbridge.canon import Ballot
from weighbridge.weigh import stats
from weighbridge.weigh.judges.bias import both_orders
from weighbridge.weigh.numbers import one_line, percent, plural, points, span
from weighbridge.weigh.types import Interval, Preference, Weighing

_NAME = 60
_APART = 0.5  # of a grade's fraction: judges that are further apart disagree, whatever the rubric


class Harmony(Struct, frozen=True):
    """How two who judged the same agree.

    `agreed` is the share of pairs of answers on which both prefer the same one, or neither; of grades, the share that lie
    less than half the scale apart. `distance` is the mean distance of two grades, None for pairs.
    """

    one: str
    other: str
    agreed: Interval
    distance: float | None = None

    @property
    def sentence(self) -> str:
        """The same for people."""
        what = "pair" if self.distance is None else "grade"
        far = f", {points(self.distance)} points apart on average" if self.distance is not None else ""
        return (
            f"{one_line(self.one, _NAME)} and {one_line(self.other, _NAME)} agree on {percent(self.agreed.value)} "
            f"({span(self.agreed.low, self.agreed.high)}) of {plural(self.agreed.n, what)}{far}."
        )


def harmony(weighing: Weighing) -> tuple[Harmony, ...]:
    """How each two judges of a weighing agree: on pairs, and on grades."""
    names = list(dict.fromkeys(judge.engine for judge in weighing.judges))
    if len(names) < 2:  # noqa: PLR2004 - one has nobody to agree with
        return ()
    sided = verdicts(weighing.preferences)
    graded = grades(weighing)
    found = []
    for one, other in combinations(names, 2):
        found += [*on_pairs(one, other, sided), *_on_grades(one, other, graded)]
    return tuple(found)


def verdicts(preferences: Mapping[str, Sequence[Preference]]) -> dict[str, dict[Hashable, float]]:
    """By judge: its score of each pair (candidate and sample) that it judged in both orders."""
    found: dict[str, dict[Hashable, float]] = {}
    for candidate, rows in preferences.items():
        for preference in rows:
            for judge, (one, other) in both_orders(preference.judged, candidate).items():
                found.setdefault(judge, {})[candidate, preference.sample] = (one + other) / 2
    return found


def grades(weighing: Weighing) -> dict[str, dict[Hashable, float]]:
    """By judge: its score of each answer (engine and sample)."""
    found: dict[str, dict[Hashable, float]] = {}
    for engine, results in weighing.results.items():
        for result in results:
            for judgement in result.grade.judged if result.grade else ():
                if judgement.score is not None:
                    found.setdefault(judgement.judge, {})[engine, result.sample] = judgement.score
    return found


def people(ballots: Iterable[Ballot]) -> dict[str, dict[Hashable, float]]:
    """By voter: the score of each pair (candidate and sample); pairs that were skipped are left out."""
    found: dict[str, dict[Hashable, float]] = {}
    for ballot in ballots:
        if ballot.score is not None:
            found.setdefault(ballot.voter, {})[ballot.candidate, ballot.sample] = ballot.score
    return found


def side(score: float) -> int:
    """Whom a score prefers: 1 the candidate, -1 the base, 0 neither."""
    return (score > 0.5) - (score < 0.5)  # noqa: PLR2004 - neither


def on_pairs(one: str, other: str, scores: Mapping[str, Mapping[Hashable, float]]) -> list[Harmony]:
    """How two agree on those pairs that both judged; nothing where there is none."""
    ours, theirs = scores.get(one, {}), scores.get(other, {})
    shared = [key for key in ours if key in theirs]
    if not shared:
        return []
    same = [float(side(ours[key]) == side(theirs[key])) for key in shared]
    return [Harmony(one, other, stats.mean_interval(same))]


def _on_grades(one: str, other: str, scores: Mapping[str, Mapping[Hashable, float]]) -> list[Harmony]:
    ours, theirs = scores.get(one, {}), scores.get(other, {})
    apart = [abs(ours[key] - theirs[key]) for key in ours if key in theirs]
    if not apart:
        return []
    near = [float(distance < _APART) for distance in apart]
    return [Harmony(one, other, stats.mean_interval(near), sum(apart) / len(apart))]
