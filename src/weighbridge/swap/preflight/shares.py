"""Shares of traffic, with what a sample leaves open."""

from __future__ import annotations

from msgspec import Struct

from weighbridge.weigh import stats

_SIDES = 0.025  #: error rate of each side: the intervals hold 95 %
EXAMPLES = 3  #: traces that are named of each finding


class Share(Struct, frozen=True):
    """How many of the requests that were looked at, and the 95 % interval of the share (Wilson 1927)."""

    count: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself."""
        return self.count / self.of if self.of else 0.0


def share(count: int, of: int) -> Share:
    """So many of so many."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    found = stats.wilson(count / of, of, stats.normal_quantile(1 - _SIDES))
    return Share(count, of, found.low, found.high)
