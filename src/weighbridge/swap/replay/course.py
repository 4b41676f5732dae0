"""The order in which questions are asked, and what is known on the way: is it safe to move, or unsafe?

Conversations come in random order, whole, so that those looked at stand for all. Answers are held back until all that come
before them are there: the verdict depends on the seed and the answers alone, never on who was fast.

Every metric is decided by bets of its own (`weigh.stats.sequential`), which may be looked at after every conversation. To
call the move unsafe one metric is enough, so these claims share the error rate equally: all of them together are made
wrongly with probability alpha at most (Bonferroni). To call it safe every metric must be found safe, so each of these
claims may have the whole rate: where the move is in truth unsafe by any metric, that very claim would have to be wrong
(an intersection-union test, Berger 1982).

A fifth of either rate is kept for a last look: where the sample is used up and a share is undecided, its pairs are compared
once more as those of a fixed sample (`weigh.verdict`), which sees what bets made on the way could not.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weighbridge.swap.replay.drawing import Question
from weighbridge.swap.replay.metrics import METRICS, Metric
from weighbridge.swap.replay.pairs import Pair
from weighbridge.weigh.types import VerdictWord

if TYPE_CHECKING:
    from weighbridge.weigh.stats import Bounds


class Track:
    """One metric's comparison so far.

    Args:
        metric: What is compared.
        margin: How much worse the candidate may be by it, a fraction.
        alpha: Error rate of the claim that it is no worse than that.
        shared: Error rate of the claim that it is worse.
        clusters: Every conversation of the sample.
    """

    def __init__(
        self, metric: Metric, margin: float, *, alpha: float, shared: float, clusters: Sequence[Sequence[Question]]
    ) -> None:
        from weighbridge.weigh.stats.sequential import Sequential

        sizes = [size for cluster in clusters if (size := sum(map(metric.may, cluster)))]
        self.metric = metric
        self.margin = margin
        self.of = sum(sizes)
        self.verdict: VerdictWord = "undecided"
        self._alpha, self._shared = alpha, shared
        self._bets = Sequential(margin, alpha, largest=max(sizes), population=len(sizes))
        self._sums: list[float] = []
        self._sizes: list[int] = []
        self._gains: list[float] = []
        self._last = -1.0, 1.0

    @property
    def pairs(self) -> int:
        """Pairs that could be compared so far."""
        return self._bets.n

    def add(self, cluster: Sequence[tuple[Question, Pair]]) -> None:
        """Take in a conversation. One in which nothing can be compared is no evidence either way."""
        gains = [
            gain
            for question, pair in cluster
            if self.metric.may(question) and (gain := self.metric.gain(pair)) is not None
        ]
        if not gains:
            return
        self._bets.add(gains)
        self._gains += gains
        self._sums.append(sum(gains))
        self._sizes.append(len(gains))
        if self.verdict == "undecided":
            safe, unsafe = self._bets.evidence
            alpha, shared = _ON_THE_WAY * self._alpha, _ON_THE_WAY * self._shared
            self.verdict = "safe" if safe * alpha >= 1 else "unsafe" if unsafe * shared >= 1 else "undecided"

    def look_back(self) -> None:
        """The last look, at every pair of the sample at once. Ratios have none: their gains are no differences of shares."""
        from weighbridge.weigh.verdict import compare, decide

        if self.verdict != "undecided" or self.metric.unit == "ratio" or not self.pairs:
            return
        # A gain is the difference of two shares; where it comes from does not matter to its mean.
        ours, theirs = [max(0.0, -gain) for gain in self._gains], [max(0.0, gain) for gain in self._gains]
        labels = [place for place, size in enumerate(self._sizes) for _ in range(size)]
        clusters = labels if self.clusters < self.pairs else None
        low, high = (
            compare(ours, theirs, clusters=clusters, margin=self.margin, alpha=(1 - _ON_THE_WAY) * alpha)
            for alpha in (self._alpha, self._shared)
        )
        self._last = low.ci_low, high.ci_high
        self.verdict = decide(low.ci_low, high.ci_high, self.margin)

    def bounds(self) -> Bounds:
        """The bounds of the mean gain that go with both claims."""
        from weighbridge.weigh.stats import Bounds

        rates = _ON_THE_WAY * self._alpha, _ON_THE_WAY * self._shared
        found = bounds_of(self._sums, self._sizes, self._bets.largest, self._bets.population, *rates)
        return Bounds(max(found.low, self._last[0]), min(found.high, self._last[1]))

    @property
    def clusters(self) -> int:
        """Conversations that could be compared so far."""
        return self._bets.clusters

    def needed(self) -> int | None:
        """About how many conversations like these find an equal engine safe; None: more than anyone would ask."""
        import numpy as np

        from weighbridge.weigh.stats.sequential import log_wealth

        sizes = np.full(_MOST_NEEDED, self.pairs / self.clusters if self.clusters else 1.0)
        wealth = log_wealth(np.zeros(_MOST_NEEDED), sizes, -self.margin, largest=self._bets.largest)
        reached = wealth >= -np.log(_ON_THE_WAY * self._alpha)
        return int(reached.argmax()) + 1 if reached.any() else None


_MOST_NEEDED = 20_000  #: conversations
_ON_THE_WAY = 0.8  #: of an error rate is for claims on the way; the rest is for the last look


def bounds_of(
    sums: Sequence[float], sizes: Sequence[int], largest: int, population: int | None, low: float, high: float
) -> Bounds:
    """A lower and an upper bound of a mean, each with an error rate of its own, that hold at all times at once."""
    import numpy as np

    from weighbridge.weigh.stats import Bounds
    from weighbridge.weigh.stats.sequential import bounds

    given = np.array(sums, dtype=np.float64), np.array(sizes, dtype=np.float64)
    below, above = (
        bounds(given[0], alpha, sizes=given[1], largest=largest, population=population) for alpha in (low, high)
    )
    return Bounds(below.low, above.high)


class Course:
    """One replay's order and its verdicts so far.

    Args:
        questions: All of them.
        tolerances: By metric that decides, in its own unit; each has something to compare. One at least.
        alpha: Error rate of each verdict on the whole, however often one looks.
        seed: Of the order.
    """

    def __init__(
        self, questions: Sequence[Question], tolerances: Mapping[str, float], *, alpha: float, seed: int
    ) -> None:
        self.clusters = _clusters(questions, seed)
        self._place = {one.trace.id: place for place, cluster in enumerate(self.clusters) for one in cluster}
        self._open = [len(cluster) for cluster in self.clusters]
        self._pairs: dict[str, Pair] = {}
        self._next = 0
        self.alpha = alpha
        self.tolerances = dict(tolerances)
        self.looked: list[list[tuple[Question, Pair]]] = []  #: conversations that were looked at
        self.seen = 0  #: questions in them, also those without a pair
        self.tracks = {
            name: Track(
                METRICS[name],
                METRICS[name].margin(tolerance),
                alpha=alpha,
                shared=alpha / len(tolerances),
                clusters=self.clusters,
            )
            for name, tolerance in tolerances.items()
        }

    @property
    def questions(self) -> list[Question]:
        """All questions, in the order in which they are asked."""
        return [question for cluster in self.clusters for question in cluster]

    @property
    def exhausted(self) -> bool:
        """Was every conversation looked at?"""
        return self._next == len(self.clusters)

    @property
    def verdict(self) -> VerdictWord:
        """Safe if every metric is, unsafe if one is. A metric by which nothing can be compared at all does not count."""
        counted = [track for track in self.tracks.values() if track.pairs or not self.exhausted]
        words = {track.verdict for track in counted} or {"undecided"}
        return "unsafe" if "unsafe" in words else "undecided" if "undecided" in words else "safe"

    @property
    def decided(self) -> bool:
        """Is the verdict known?"""
        return self.verdict != "undecided"

    def told(self, question: Question, pair: Pair | None) -> None:
        """Take in what came of a question. It counts when all conversations before its own are there."""
        if pair is not None:
            self._pairs[question.trace.id] = pair
        self._open[self._place[question.trace.id]] -= 1
        while not self.exhausted and not self.decided and self._open[self._next] == 0:
            self._look(self.clusters[self._next])
            self._next += 1
        if self.exhausted and not self.decided:
            for track in self.tracks.values():
                track.look_back()

    def _look(self, cluster: Sequence[Question]) -> None:
        self.seen += len(cluster)
        found = [(one, self._pairs[one.trace.id]) for one in cluster if one.trace.id in self._pairs]
        if found:
            self.looked.append(found)
        for track in self.tracks.values():
            track.add(found)


def _clusters(questions: Sequence[Question], seed: int) -> list[list[Question]]:
    """The questions by conversation, in random order."""
    groups: dict[str, list[Question]] = {}
    for question in questions:
        groups.setdefault(question.cluster, []).append(question)
    order = list(groups.values())
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, no secret
    return order
