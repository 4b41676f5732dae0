"""What repeated answers to the same samples say: mean scores, and how far an engine agrees with itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.weigh.stats import repeats as formulas
from weighbridge.weigh.types import Grade, Interval, Result, Weighing


class Passes(Struct, frozen=True):
    """One engine's `count` answers to every sample.

    `any_right` is the share of samples that at least one of them gets right (pass@k), `all_right` that all do (pass^k),
    `flips` the chance that two of them are graded differently. `floor` is the difference between two runs' means that
    chance alone exceeds once in twenty times. Right is a score of 1. None means unknown.
    """

    count: int
    any_right: Interval | None
    all_right: Interval | None
    flips: Interval | None
    floor: float | None


def averaged(first: Sequence[Result], further: Sequence[Sequence[Result]]) -> tuple[Result, ...]:
    """Each sample's result with the mean score of all passes that could be graded; a failed call scores 0.

    Everything but the score is the first pass's, or where that failed the next one's that did not.

    Args:
        first: The first pass.
        further: The others; a sample that they lack counts where it is there.
    """
    if not further:
        return tuple(first)
    by_sample: dict[str, list[Result]] = {result.sample: [result] for result in first}
    for one in further:
        for result in one:
            if result.sample in by_sample:
                by_sample[result.sample].append(result)
    return tuple(_mean(found) for found in by_sample.values())


def told(weighing: Weighing) -> dict[str, Passes]:
    """By engine, what its repeats say; empty of a run without any."""
    found = {}
    labels = [f"cluster {s.cluster}" if s.cluster else f"sample {s.id}" for s in weighing.samples]
    for name, further in weighing.repeats.items():
        scores = _scores(weighing, name, further)
        clusters = labels if any(sample.cluster for sample in weighing.samples) else None
        right = [[score == 1 for score in one] for one in scores]
        count = 1 + len(further)
        noise = formulas.noise(scores, clusters)
        found[name] = Passes(
            count,
            formulas.passes_at(right, count, clusters),
            formulas.passes_all(right, count, clusters),
            formulas.flips(scores, clusters),
            noise.floor if noise else None,
        )
    return found


def _scores(weighing: Weighing, name: str, further: Sequence[Sequence[Result]]) -> list[list[float]]:
    """By sample, in order, the scores of all passes that could be graded."""
    by_sample: Mapping[str, list[float]] = {sample.id: [] for sample in weighing.samples}
    for one in (weighing.results.get(name, ()), *further):
        for result in one:
            if result.sample in by_sample and not result.missing:
                by_sample[result.sample].append(result.score)
    return list(by_sample.values())


def _mean(passes: Sequence[Result]) -> Result:
    shown = next((result for result in passes if result.grade and not result.missing), passes[0])
    scores = [result.score for result in passes if not result.missing]
    if shown.grade is None or not scores:
        return shown
    score = fsum(scores) / len(scores)
    return replace(shown, grade=Grade(score, shown.grade.valid, shown.grade.why, shown.grade.label))
