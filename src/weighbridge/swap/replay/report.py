"""What a replay says: each metric's figures with its verdict, the whole verdict, what is missing, and the worst pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from statistics import fmean
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.swap.replay.asking import Replay
from weighbridge.swap.replay.course import Course, Track, bounds_of
from weighbridge.swap.replay.drawing import Drawn
from weighbridge.swap.replay.metrics import METRICS, Metric, Unit
from weighbridge.swap.replay.pairs import Pair
from weighbridge.weigh.types import VerdictWord

EXAMPLES = 3  #: worst pairs of each kind that are named
_LONGEST = 200  #: characters of a reason
_UNLIKE = 0.3  #: texts that are less alike than this are told as examples


class Compared(Struct, frozen=True):
    """One metric over all pairs that were looked at.

    `base` and `candidate` are means: shares, seconds, or micro-units. `change` is their difference where `unit` is share,
    candidate less base, and their ratio where it is ratio; `low` and `high` bound it. None: nothing is known. `pairs` could
    be compared, of `of` in the sample that might be. `tolerance` is in points or percent, None where the metric does not
    count for the verdict. `verdict` is "" there, and where nothing in the whole sample could be compared. `missing` says what an undecided one lacks.
    """

    name: str
    title: str
    unit: Unit
    more_is_better: bool
    pairs: int
    of: int
    base: float | None = None
    candidate: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    tolerance: float | None = None
    verdict: VerdictWord | Literal[""] = ""
    missing: str = ""


class Example(Struct, frozen=True):
    """A pair in which the candidate does worse: by which metric, the ids of both traces, and why."""

    metric: str
    trace: str
    replayed: str
    why: str


class Report(Struct, frozen=True):
    """A whole replay.

    `requests` are those on record, of which `bare` have no texts and `apart` say nothing of the base. `sample` were drawn,
    in `conversations`; `looked_at` of them the verdict rests on. `calls` were made (`reused` answers are of earlier replays), for `spent` micro-units of `currency`;
    what judges cost besides is `judged`, in micro-units of their own. `unsaid` counts by reason the requests that say nothing of the candidate,
    `failures` its errors by their code, with one of the messages. `stopped` says why it ended without a verdict before the sample did.
    """

    route: str
    base: str
    candidate: str
    plan: int
    day: str
    seed: int
    alpha: float
    requests: int
    bare: int
    apart: int
    sample: int
    conversations: int
    looked_at: int
    calls: int
    reused: int
    spent: int
    currency: str
    judged: int
    verdict: VerdictWord
    metrics: tuple[Compared, ...]
    unsaid: dict[str, int]
    failures: dict[str, tuple[int, str]]
    examples: tuple[Example, ...]
    stopped: str = ""

    @property
    def share(self) -> float:
        """How much of the sample was looked at."""
        return self.looked_at / self.sample


def report(
    drawn: Drawn,
    course: Course,
    made: Replay,
    *,
    route: str,
    base: str,
    candidate: str,
    plan: int,
    day: str,
    seed: int,
    currency: str,
    judged: int = 0,
    interrupted: bool = False,
) -> Report:
    """What came of a replay, also of one that was broken off.

    Args:
        drawn: The sample.
        course: What was looked at.
        made: The run.
        route: The route.
        base: The engine in use.
        candidate: The other one.
        plan: The number of the plan in force.
        day: Whose prices counted.
        seed: Of the sample and its order.
        currency: Of the candidate's price.
        judged: What judges cost, in micro-units.
        interrupted: Did somebody break it off?
    """
    pairs = [pair for cluster in course.looked for _, pair in cluster]
    return Report(
        route=route,
        base=base,
        candidate=candidate,
        plan=plan,
        day=day,
        seed=seed,
        alpha=course.alpha,
        requests=drawn.requests,
        bare=drawn.bare,
        apart=drawn.apart,
        sample=len(drawn.questions),
        conversations=len(course.clusters),
        looked_at=course.seen,
        calls=made.asked,
        reused=made.reused,
        spent=made.spent,
        currency=currency,
        judged=judged,
        verdict=course.verdict,
        metrics=tuple(_compared(metric, course) for metric in METRICS.values()),
        unsaid=dict(made.unsaid),
        failures=_failures(pairs),
        examples=tuple(_examples(pairs)),
        stopped="" if course.decided else "interrupted" if interrupted else made.stopped,
    )


def _compared(metric: Metric, course: Course) -> Compared:
    found = _described(metric, course)
    track = course.tracks.get(metric.name)
    if track is None:
        return found
    silent = course.exhausted and not track.pairs
    return replace(
        found,
        tolerance=course.tolerances[metric.name],
        verdict="" if silent else track.verdict,
        missing="" if silent or track.verdict != "undecided" else _missing(track),
    )


def _missing(track: Track) -> str:
    clusters, needed = track.clusters, track.needed()
    found = f"{track.pairs} pairs of {clusters} conversations"
    if needed is None:
        return f"{found}; the tolerance is too small for conversations of such unequal length"
    if clusters < needed:
        return f"{found}; equal engines need about {needed} conversations"
    return f"{found}; the difference is too near the tolerance"


def _described(metric: Metric, course: Course) -> Compared:
    """The figures, whether the metric counts for the verdict or not."""
    rows = [
        [(values, gain) for question, pair in cluster if metric.may(question) for values, gain in _one(metric, pair)]
        for cluster in course.looked
    ]
    found = Compared(
        metric.name,
        metric.title,
        metric.unit,
        metric.more_is_better,
        pairs=sum(map(len, rows)),
        of=sum(metric.may(question) for cluster in course.clusters for question in cluster),
    )
    if not found.pairs:
        return found
    base, candidate = ([row[0][side] for cluster in rows for row in cluster] for side in (0, 1))
    found = replace(found, base=fmean(base), candidate=fmean(candidate))
    if metric.unit == "ratio":
        from weighbridge.weigh.stats.ratios import ratio

        labels = [place for place, cluster in enumerate(rows) for _ in cluster]
        told = ratio(candidate, base, labels if len(set(labels)) < len(labels) else None)
        high = float(told.high) if isfinite(told.high) else None
        return replace(found, change=float(told.value), low=float(told.low), high=high)
    low, high = _bounds(metric, course, [[gain for _, gain in cluster] for cluster in rows if cluster])
    change = fmean(candidate) - fmean(base)
    return replace(found, change=change, low=min(low, change), high=max(high, change))


def _one(metric: Metric, pair: Pair) -> Iterator[tuple[tuple[float, float], float]]:
    values, gain = metric.values(pair), metric.gain(pair)
    if values is not None and gain is not None:
        yield values, gain


def _bounds(metric: Metric, course: Course, gains: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The bounds of the difference: those that decide, or where the metric decides nothing as narrow ones."""
    track = course.tracks.get(metric.name)
    if track is not None:
        low, high = track.bounds()
    else:
        sizes = [sum(map(metric.may, cluster)) for cluster in course.clusters]
        alpha, largest, population = course.alpha, max(sizes), sum(map(bool, sizes))
        low, high = bounds_of(
            [sum(one) for one in gains], [len(one) for one in gains], largest, population, alpha, alpha
        )
    return (low, high) if metric.more_is_better else (-high, -low)


def _failures(pairs: Sequence[Pair]) -> dict[str, tuple[int, str]]:
    """The candidate's errors by code: how many, and one of the messages."""
    counts = Counter(pair.error.partition(":")[0] for pair in pairs if pair.error)
    first: dict[str, str] = {}
    for pair in pairs:
        if pair.error:
            code, _, message = pair.error.partition(": ")
            first.setdefault(code, message[:_LONGEST])
    return {code: (count, first[code]) for code, count in counts.most_common()}


def _examples(pairs: Sequence[Pair]) -> Iterator[Example]:
    """The worst pairs: first those in which something breaks, then those in which it only differs."""
    for name, why in _KINDS.items():
        found = [(pair, told) for pair in pairs if (told := why(pair))]
        if name == "similarity":
            found.sort(key=lambda one: one[0].likeness or 0.0)
        for pair, told in found[:EXAMPLES]:
            yield Example(name, pair.trace, pair.replayed, told[:_LONGEST])


def _newly(ours: object, theirs: object) -> bool:
    return bool(theirs) and not ours


def _wrong(pair: Pair) -> str:
    if pair.right is None or pair.candidate.failed or pair.right[1].score >= pair.right[0].score:
        return ""
    return pair.right[1].why or "less right than the recorded answer"


_KINDS: dict[str, Callable[[Pair], str]] = {
    "errors": lambda pair: pair.error if not pair.base.failed else "",
    "format": lambda pair: (
        "no JSON of the form that was asked for" if _newly(pair.base.malformed, pair.candidate.malformed) else ""
    ),
    "tools": lambda pair: (
        "a tool call that does not fit" if _newly(pair.base.miscalled, pair.candidate.miscalled) else ""
    ),
    "refusals": lambda pair: "refused" if _newly(pair.base.refused, pair.candidate.refused) else "",
    "correct": _wrong,
    "calls": lambda pair: pair.calls.why if pair.calls is not None and pair.calls.score < 1 else "",
    "judge": lambda pair: (
        "judges prefer the recorded answer" if pair.preferred is not None and pair.preferred < _EVEN else ""
    ),
    "similarity": lambda pair: (
        f"{pair.likeness:.2f} alike" if pair.likeness is not None and pair.likeness < _UNLIKE else ""
    ),
}
"""Why a pair is an example of a metric's worst; "" where it is none."""
_EVEN = 0.5
