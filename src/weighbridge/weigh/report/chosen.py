"""Which samples a report shows, where there are more than one page can hold, and where their answers come from."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from weighbridge.canon import Reply
from weighbridge.weigh import words
from weighbridge.weigh.types import Result, Sample, Weighing

MOST = 1_000  #: samples in one report, unless told otherwise

Fetch = Callable[[Sequence[Result]], Sequence[Reply | None]]
"""Gives the kept answers of results, in their order: a large run does not hold them in memory."""


class Chosen:
    """The samples of a report with their results, and why just these.

    Attributes:
        samples: Those that are shown, in the suite's order.
        results: For each of them a result of each engine in the order of `words.ordered`, None where it was not asked.
        total: How many samples there are.
        disagreeing: How many of all samples the engines disagree on.
    """

    def __init__(self, weighing: Weighing, *, most: int = MOST, fetch: Fetch | None = None) -> None:
        cards = words.ordered(weighing)
        by_engine = [{r.sample: r for r in weighing.results.get(card.engine, ())} for card in cards]

        def found(sample: Sample) -> list[Result | None]:
            return [results.get(sample.id) for results in by_engine]

        self.total = len(weighing.samples)
        apart = [place for place, sample in enumerate(weighing.samples) if disagree(found(sample))]
        self.disagreeing = len(apart)
        self.samples = [weighing.samples[place] for place in _pick(self.total, apart, most, weighing.seed)]
        self.results = [found(sample) for sample in self.samples]
        if fetch:
            self._fetch(fetch)

    def _fetch(self, fetch: Fetch) -> None:
        wanted = [r for row in self.results for r in row if r is not None and r.reply is None and not r.error]
        replies = {id(r): reply for r, reply in zip(wanted, fetch(wanted), strict=True) if reply is not None}
        self.results = [
            [replace(r, reply=replies[id(r)]) if r is not None and id(r) in replies else r for r in row]
            for row in self.results
        ]

    @property
    def told(self) -> str:
        """A sentence on what is left out; empty if nothing is."""
        left = self.total - len(self.samples)
        if not left:
            return ""
        shown = len(self.samples)
        kept = min(self.disagreeing, shown)
        which = "all" if kept == self.disagreeing else f"{kept:,} drawn by the seed from"
        return (
            f"{shown:,} of {self.total:,} samples are in this file: {which} {self.disagreeing:,} that the engines disagree on, "
            f"the rest drawn by the seed. {left:,} are not; every figure above counts them all."
        )


def disagree(results: Sequence[Result | None]) -> bool:
    """Do the engines' scores differ? What nobody could grade has none."""
    return len({result.score for result in results if result is not None and not result.missing}) > 1


def _pick(total: int, apart: list[int], most: int, seed: int) -> list[int]:
    """Places of the samples to show: those apart first, then any; which of too many the seed decides."""
    if total <= most:
        return list(range(total))
    rng = random.Random(seed)  # noqa: S311 - a draw, not a secret
    if len(apart) >= most:
        return sorted(rng.sample(apart, most))
    first = set(apart)
    others = [place for place in range(total) if place not in first]
    return sorted([*apart, *rng.sample(others, most - len(apart))])
