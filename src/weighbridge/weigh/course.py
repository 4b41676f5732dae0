"""The order in which a sequential run asks, and what it knows on the way: when is every candidate's verdict known?

Samples come in random order, clusters whole, so that those looked at stand for all. Answers arrive in whatever order they
please; they are held back until all that come before them in the course are there. So the verdict depends on the
seed and the answers alone, never on who was fast, and a run that was interrupted ends where the whole one would have.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import fsum

from weighbridge.weigh.stats.sequential import Sequential
from weighbridge.weigh.types import Result, Sample, Stopping


class Course:
    """One sequential run's order and its verdicts so far.

    Args:
        samples: All of them.
        base: The name of the contestant that the others are compared with.
        candidates: The names of the others.
        margin: As for a verdict.
        alpha: Error rate of each claim, however often one looks.
        seed: Of the order.
        passes: Answers that each contestant gives to each sample; their mean score counts.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        *,
        base: str,
        candidates: Sequence[str],
        margin: float,
        alpha: float,
        seed: int,
        passes: int = 1,
    ) -> None:
        self._clusters = _clusters(samples, seed)
        self._place = {sample.id: place for place, cluster in enumerate(self._clusters) for sample in cluster}
        self._base = base
        each = (1 + len(candidates)) * passes
        self._open = [len(cluster) * each for cluster in self._clusters]
        self._scores: dict[tuple[str, str], list[float]] = {}
        self._asked = 0
        self._costs: list[int | None] = []
        self._calls = each
        largest = max(map(len, self._clusters))
        self._verdicts = {
            name: Sequential(margin, alpha, largest=largest, population=len(self._clusters)) for name in candidates
        }
        self._ends: dict[str, tuple[int, float, float]] = {}
        self._next = 0
        self.stored = (
            0  #: questions that were not asked, and that an earlier run has answered: they would have cost nothing
        )
        self.looked: set[str] = set()  #: ids of the samples that have been looked at

    @property
    def samples(self) -> list[Sample]:
        """All samples, in the order in which they are asked."""
        return [sample for cluster in self._clusters for sample in cluster]

    @property
    def decided(self) -> bool:
        """Is every candidate's verdict known?"""
        return len(self._ends) == len(self._verdicts)

    def told(self, name: str, result: Result) -> None:
        """Take in one result. It counts when all clusters before its own are there."""
        if not result.missing:
            self._scores.setdefault((name, result.sample), []).append(result.score)
        self._asked += 1
        if not result.error:
            self._costs.append(result.cost)
        self._open[self._place[result.sample]] -= 1
        while not self.decided and self._next < len(self._clusters) and self._open[self._next] == 0:
            self._look(self._clusters[self._next])
            self._next += 1

    def stoppings(self) -> dict[str, Stopping]:
        """How each candidate's comparison ended.

        Calls that were under way when the last verdict fell were made, so they are not saved; nor are those that nobody would
        have made, since their answers are stored.
        """
        of = len(self._place)
        saved = of * self._calls - self._asked - self.stored
        known = [cost for cost in self._costs if cost is not None]
        cost = round(fsum(known) / len(known) * saved) if known and len(known) == len(self._costs) else None
        found = {}
        for name, verdict in self._verdicts.items():
            used, low, high = self._ends.get(name) or (verdict.n, verdict.low, verdict.high)
            found[name] = Stopping(verdict.verdict, used, of, low, high, saved, cost)
        return found

    def _look(self, cluster: Sequence[Sample]) -> None:
        self.looked.update(sample.id for sample in cluster)
        for name, verdict in self._verdicts.items():
            if name in self._ends:
                continue
            pairs = [(self._mean(self._base, sample), self._mean(name, sample)) for sample in cluster]
            differences = [theirs - ours for ours, theirs in pairs if ours is not None and theirs is not None]
            # A cluster in which nothing could be graded says nothing; it is no evidence either way.
            if differences and verdict.add(differences) != "undecided":
                self._ends[name] = (verdict.n, verdict.low, verdict.high)

    def _mean(self, name: str, sample: Sample) -> float | None:
        scores = self._scores.get((name, sample.id))
        return fsum(scores) / len(scores) if scores else None


def _clusters(samples: Sequence[Sample], seed: int) -> list[list[Sample]]:
    """The samples by cluster, in random order; one without is its own."""
    groups: dict[tuple[str, str], list[Sample]] = {}
    for sample in samples:
        groups.setdefault(("cluster", sample.cluster) if sample.cluster else ("sample", sample.id), []).append(sample)
    order = list(groups.values())
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, no secret
    return order
