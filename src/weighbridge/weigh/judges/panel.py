"""Several judges on the same answers: how often they agree, two by two, and with people."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from weighbridge.canon import Ballot
from weighbridge.weigh import stats
from weighbridge.weigh.judges.bias import both_orders, clusters_of
from weighbridge.weigh.numbers import MINUS, one_line, percent, plural, points, span
from weighbridge.weigh.stats import agreement
from weighbridge.weigh.types import Interval, Preference, Weighing

_NAME = 60
_APART = 0.5  # of a grade's fraction: judges that are further apart disagree, whatever the rubric


class Harmony(Struct, frozen=True):
    """How two who judged the same agree.

    `agreed` is the share of pairs of answers on which both prefer the same one, or neither; of grades, the share that lie
    less than half the scale apart. `corrected` takes out what chance alone would give: Cohen's kappa of pairs,
    Krippendorff's alpha of grades; 1 is full agreement, 0 none beyond chance, None cannot be told. `distance` is the mean
    distance of two grades, None for pairs.
    """

    one: str
    other: str
    agreed: Interval
    corrected: Interval | None = None
    distance: float | None = None

    @property
    def sentence(self) -> str:
        """The same for people."""
        what = "pair" if self.distance is None else "grade"
        far = f", {points(self.distance)} points apart on average" if self.distance is not None else ""
        name = "kappa" if self.distance is None else "alpha"
        return (
            f"{one_line(self.one, _NAME)} and {one_line(self.other, _NAME)} agree on {percent(self.agreed.value)} "
            f"({span(self.agreed.low, self.agreed.high)}) of {plural(self.agreed.n, what)}{far}"
            f"{beyond_chance(name, self.corrected)}."
        )


def beyond_chance(name: str, share: Interval | None) -> str:
    """An agreement beyond chance, as the end of a sentence; nothing where it cannot be told."""
    if share is None:
        return ""
    told = f"; {name} {share.value:.2f} ({share.low:.2f} to {share.high:.2f})"
    return told.replace("-", MINUS)


def harmony(weighing: Weighing) -> tuple[Harmony, ...]:
    """How each two judges of a weighing agree: on pairs, and on grades. Intervals are drawn with the weighing's seed."""
    names = list(dict.fromkeys(judge.engine for judge in weighing.judges))
    if len(names) < 2:  # noqa: PLR2004 - one has nobody to agree with
        return ()
    sided = verdicts(weighing.preferences)
    graded = grades(weighing)
    clusters = clusters_of(weighing.samples)
    found = []
    for one, other in combinations(names, 2):
        found += on_pairs(one, other, sided, clusters, seed=weighing.seed)
        found += _on_grades(one, other, graded, clusters, seed=weighing.seed)
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


def on_pairs(
    one: str, other: str, scores: Mapping[str, Mapping[Hashable, float]], clusters: Mapping[str, str], *, seed: int
) -> list[Harmony]:
    """How two agree on those pairs that both judged; nothing where there is none.

    Args:
        one: The first one's name.
        other: The second one's name.
        scores: By name: the score of each pair (candidate and sample).
        clusters: Which samples belong together, by id.
        seed: Of what is drawn for intervals.
    """
    ours, theirs = scores.get(one, {}), scores.get(other, {})
    shared = [key for key in ours if key in theirs]
    if not shared:
        return []
    sides = [side(ours[key]) for key in shared], [side(theirs[key]) for key in shared]
    labels = together(shared, clusters)
    return [Harmony(one, other, agreement.agreed(*sides, labels), agreement.kappa(*sides, labels, seed=seed))]


def _on_grades(
    one: str, other: str, scores: Mapping[str, Mapping[Hashable, float]], clusters: Mapping[str, str], *, seed: int
) -> list[Harmony]:
    ours, theirs = scores.get(one, {}), scores.get(other, {})
    shared = [key for key in ours if key in theirs]
    if not shared:
        return []
    apart = [abs(ours[key] - theirs[key]) for key in shared]
    labels = together(shared, clusters)
    near = stats.mean_interval([float(distance < _APART) for distance in apart], labels)
    rated = [(ours[key], theirs[key]) for key in shared]
    alpha = agreement.krippendorff(rated, labels, metric="interval", seed=seed)
    return [Harmony(one, other, near, alpha, sum(apart) / len(apart))]


def together(keys: Iterable[Hashable], clusters: Mapping[str, str]) -> list[str] | None:
    """A label of what each pair (engine and sample) hangs together with: its sample's cluster, else its sample.

    The same sample of two engines is no independent look. None where each label comes once.
    """
    samples = [str(key[1]) if isinstance(key, tuple) else str(key) for key in keys]
    labels = [f"cluster {clusters[one]}" if clusters.get(one) else f"sample {one}" for one in samples]
    return labels if len(set(labels)) < len(labels) else None
