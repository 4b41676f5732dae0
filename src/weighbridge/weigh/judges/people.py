"""How votes of people stand: whom they prefer, whether they agree with one another, and with the judges of a weighing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import combinations

from msgspec import Struct

from weighbridge.canon import Ballot
from weighbridge.weigh import stats
from weighbridge.weigh.judges import panel
from weighbridge.weigh.judges.panel import Harmony
from weighbridge.weigh.stats import agreement, powered
from weighbridge.weigh.types import Interval, Preference

_LEAST = 3  # pairs with votes, of clusters of their own; fewer show no spread


class Voter(Struct, frozen=True):
    """One person's votes: how many, how many were skipped, and the share that went to the answer standing first."""

    name: str
    votes: int
    skipped: int
    first: Interval | None
    last: float  #: when, in seconds since 1970


class Standing(Struct, frozen=True):
    """What people prefer of one candidate: the share of its pairs, ties as half, each pair's voters averaged first."""

    base: str
    candidate: str
    share: Interval
    votes: int
    candidate_votes: int
    base_votes: int
    ties: int


class Powered(Struct, frozen=True):
    """What people would prefer of all pairs that judges compared, though they voted on few: votes correct the judges.

    `voted` of `pairs` have votes. `estimate` is the share that prefers the candidate, `votes_alone` the same without the
    judges, `judges_alone` what they say. The votes' pairs have to be drawn at random, as `weighbridge vote` does.
    """

    candidate: str
    estimate: Interval
    votes_alone: Interval
    judges_alone: float
    voted: int
    pairs: int


class Summary(Struct, frozen=True, omit_defaults=True):
    """How votes stand."""

    pairs: int  #: that may be voted on
    voted: int  #: that somebody voted on
    voters: tuple[Voter, ...] = ()
    standings: tuple[Standing, ...] = ()
    raters: tuple[Harmony, ...] = ()  #: voters, two by two
    alpha: Interval | None = None  #: Krippendorff's, over all voters; None where no two voted on one pair
    judges: tuple[Harmony, ...] = ()  #: each judge with the people, averaged
    powered: tuple[Powered, ...] = ()


def summarise(
    ballots: Sequence[Ballot],
    *,
    pairs: int,
    seed: int,
    preferences: Mapping[str, Sequence[Preference]] | None = None,
    clusters: Mapping[str, str] | None = None,
) -> Summary:
    """How votes stand.

    Args:
        ballots: The votes.
        pairs: How many pairs could be voted on.
        seed: Of what is drawn for intervals.
        preferences: What judges said of the same samples, by candidate.
        clusters: Which samples belong together, by id; by default those of the ballots.
    """
    scores = panel.people(ballots)
    names = sorted(scores)
    joined = {b.sample: b.cluster for b in ballots if b.cluster} | dict(clusters or {})
    raters = [h for one, other in combinations(names, 2) for h in panel.on_pairs(one, other, scores, joined, seed=seed)]
    return Summary(
        pairs=pairs,
        voted=len({ballot.pair for ballot in ballots if ballot.score is not None}),
        voters=tuple(
            _voter(name, [b for b in ballots if b.voter == name], joined) for name in sorted({b.voter for b in ballots})
        ),
        standings=tuple(_standings(ballots, joined)),
        raters=tuple(raters),
        alpha=_alpha(scores, joined, seed),
        judges=tuple(_with_judges(ballots, preferences or {}, joined, seed)),
        powered=tuple(_powered(ballots, preferences or {}, joined)),
    )


def mean_scores(ballots: Sequence[Ballot]) -> dict[Hashable, float]:
    """Each pair's (candidate and sample) score, averaged over its voters."""
    found: dict[Hashable, list[float]] = {}
    for ballot in ballots:
        if ballot.score is not None:
            found.setdefault((ballot.candidate, ballot.sample), []).append(ballot.score)
    return {key: sum(scores) / len(scores) for key, scores in found.items()}


def _voter(name: str, ballots: Sequence[Ballot], clusters: Mapping[str, str]) -> Voter:
    told = [b for b in ballots if b.score is not None]
    # A score tells of the candidate. Where that stood first it is the first's, else the rest is.
    first = [score if b.first == b.candidate else 1 - score for b in told if (score := b.score) is not None]
    return Voter(
        name,
        votes=len(told),
        skipped=len(ballots) - len(told),
        first=stats.mean_interval(first, panel.together(_pairs(told), clusters)) if first else None,
        last=max(b.at for b in ballots),
    )


def _pairs(ballots: Iterable[Ballot]) -> list[tuple[str, str]]:
    return [(b.candidate, b.sample) for b in ballots]


def _standings(ballots: Sequence[Ballot], clusters: Mapping[str, str]) -> list[Standing]:
    groups: dict[tuple[str, str], list[Ballot]] = {}
    for ballot in ballots:
        if ballot.score is not None:
            groups.setdefault((ballot.base, ballot.candidate), []).append(ballot)
    found = []
    for (base, candidate), told in groups.items():
        scores = mean_scores(told)
        share = stats.mean_interval(list(scores.values()), panel.together(scores, clusters))
        picks = [b.choice for b in told]
        found.append(
            Standing(
                base, candidate, share, len(told), picks.count("candidate"), picks.count("base"), picks.count("tie")
            )
        )
    return found


def _alpha(scores: Mapping[str, Mapping[Hashable, float]], clusters: Mapping[str, str], seed: int) -> Interval | None:
    """How all voters agree on whom they prefer."""
    units: dict[Hashable, list[int]] = {}
    for given in scores.values():
        for key, score in given.items():
            units.setdefault(key, []).append(panel.side(score))
    return agreement.krippendorff(list(units.values()), panel.together(units, clusters), seed=seed) if units else None


def _with_judges(
    ballots: Sequence[Ballot],
    preferences: Mapping[str, Sequence[Preference]],
    clusters: Mapping[str, str],
    seed: int,
) -> list[Harmony]:
    judged = panel.verdicts(preferences)
    crowd = "people"
    while crowd in judged:
        crowd += "*"
    scores: dict[str, Mapping[Hashable, float]] = {**judged, crowd: mean_scores(ballots)}
    return [h for judge in judged for h in panel.on_pairs(judge, crowd, scores, clusters, seed=seed)]


def _powered(
    ballots: Sequence[Ballot], preferences: Mapping[str, Sequence[Preference]], clusters: Mapping[str, str]
) -> list[Powered]:
    votes, found = mean_scores(ballots), []
    for candidate, rows in preferences.items():
        told = [(p.sample, p.score) for p in rows if p.score is not None and p.judged]
        human = [votes.get((candidate, sample)) for sample, _ in told]
        labels = [f"cluster {clusters[one]}" if clusters.get(one) else f"sample {one}" for one, _ in told]
        voted = {label for label, vote in zip(labels, human, strict=True) if vote is not None}
        if len(voted) < _LEAST:
            continue
        groups = labels if len(set(labels)) < len(labels) else None
        one = powered.mean([score for _, score in told], human, groups)
        found.append(Powered(candidate, one.estimate, one.labels_alone, one.judge_alone, one.labelled, len(told)))
    return found
