"""How far judges are to be trusted: does the place decide, does length, and do they agree with one another?

Everything is worked out from judgements that are there. Shares come with their 95 % intervals; judgements of one cluster
of samples are not taken as independent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence

from msgspec import Struct

from weighbridge.weigh import stats
from weighbridge.weigh.stats import lengths
from weighbridge.weigh.types import Interval, Judgement, Preference, Sample


class Position(Struct, frozen=True):
    """What the place of an answer did to one judge.

    `flips` is the share of pairs whose verdict changed when the answers changed places, `first` the share of
    judgements that preferred the answer that stood first, ties as half: 0.5 of a judge to whom it says nothing.
    """

    judge: str
    flips: Interval
    first: Interval


class Length(Struct, frozen=True):
    """What length did: the share of pairs whose longer answer was preferred, ties as half, where lengths differ.

    `mean_difference` is the candidate's length minus the base's, on average, in characters. `controlled` is the share
    that prefers the candidate, were both answers equally long; None where there is too little to tell. `pull` is how many
    log-odds the candidate gains where its answer is much longer than usual (a unit of tanh).
    """

    longer: Interval | None
    mean_difference: float
    share: Interval
    controlled: Interval | None = None
    pull: Interval | None = None


class Missing(Struct, frozen=True):
    """Judgements of one judge that could not be read or had: `missing` of `of`, and how many took more than one try."""

    judge: str
    missing: int
    of: int
    again: int


def positions(
    found: Mapping[str, Sequence[Preference]], clusters: Mapping[str, str] | None = None
) -> tuple[Position, ...]:
    """What places did to each judge, over those pairs that it judged in both orders.

    Args:
        found: The preferences by candidate, with their judgements.
        clusters: Which samples belong together, by id; a sample that is not in it stands alone.
    """
    rows: dict[str, list[tuple[Hashable, float, float]]] = {}
    for candidate, preferences in found.items():
        for preference in preferences:
            for judge, (one, other) in both_orders(preference.judged, candidate).items():
                # A score tells of the candidate. Where that stood first it is the first's, else the rest is.
                row = _cluster(preference.sample, clusters), float(one != other), (one + 1 - other) / 2
                rows.setdefault(judge, []).append(row)
    return tuple(
        Position(
            judge,
            flips=stats.mean_interval([row[1] for row in told], _labels([row[0] for row in told])),
            first=stats.mean_interval([row[2] for row in told], _labels([row[0] for row in told])),
        )
        for judge, told in rows.items()
    )


def missing(judged: Iterable[Judgement]) -> tuple[Missing, ...]:
    """What each judge could not be brought to say."""
    by_judge: dict[str, list[Judgement]] = {}
    for judgement in judged:
        by_judge.setdefault(judgement.judge, []).append(judgement)
    return tuple(
        Missing(judge, sum(j.score is None for j in told), len(told), sum(j.tries > 1 for j in told))
        for judge, told in by_judge.items()
    )


def length(found: Sequence[Preference], clusters: Mapping[str, str] | None = None) -> Length | None:
    """What length did to the verdicts that judges gave; None where they gave none.

    Args:
        found: The preferences.
        clusters: Which samples belong together, by id.
    """
    told = [(p, p.score) for p in found if p.score is not None and p.judged]
    if not told:
        return None
    differences = [p.candidate_length - p.base_length for p, _ in told]
    scores = [score for _, score in told]
    groups = [_cluster(p.sample, clusters) for p, _ in told]
    longer = [
        (group, score if difference > 0 else 1 - score)
        for group, score, difference in zip(groups, scores, differences, strict=True)
        if difference
    ]
    labels = _labels(groups)
    equal = lengths.controlled(scores, differences, labels)
    return Length(
        longer=stats.mean_interval([s for _, s in longer], _labels([g for g, _ in longer])) if longer else None,
        mean_difference=sum(differences) / len(differences),
        share=stats.mean_interval(scores, labels),
        controlled=equal.controlled if equal else None,
        pull=equal.length if equal else None,
    )


def clusters_of(samples: Iterable[Sample]) -> dict[str, str]:
    """Which samples belong together, by id."""
    return {sample.id: sample.cluster for sample in samples if sample.cluster}


def both_orders(judged: Iterable[Judgement], candidate: str) -> dict[str, tuple[float, float]]:
    """By judge: what it said with the candidate first, and with the base first; those alone that said both."""
    found: dict[str, dict[bool, float]] = {}
    for judgement in judged:
        if judgement.score is not None and judgement.first:
            found.setdefault(judgement.judge, {})[judgement.first == candidate] = judgement.score
    return {judge: (told[True], told[False]) for judge, told in found.items() if len(told) == 2}  # noqa: PLR2004


def _cluster(sample: str, clusters: Mapping[str, str] | None) -> Hashable:
    name = (clusters or {}).get(sample)
    return ("cluster", name) if name else ("sample", sample)


def _labels(groups: list[Hashable]) -> list[Hashable] | None:
    """Clusters as the formulas want them: None where every value stands alone."""
    return groups if len(set(groups)) < len(groups) else None
