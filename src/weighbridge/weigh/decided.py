"""The comparisons that decide: those of the samples, or where a run stopped as soon as it knew, those that allow for it."""

from __future__ import annotations

from msgspec.structs import replace

from weighbridge.weigh.types import Comparison, Weighing

_METHOD = "always-valid betting bounds, which hold whenever one stops"


def decided(weighing: Weighing) -> dict[str, Comparison]:
    """By candidate, the comparison whose verdict and bounds count.

    The bounds of a fixed number of samples are wrong for a run that looked at each sample whether to stop. There the
    sequential bounds take their place; means and the difference are those of the samples that were asked.
    """
    return {name: _at_stop(found, weighing, name) for name, found in weighing.comparisons.items()}


def _at_stop(found: Comparison, weighing: Weighing, name: str) -> Comparison:
    stop = weighing.stopping.get(name)
    if stop is None:
        return found
    return replace(found, verdict=stop.verdict, ci_low=stop.low, ci_high=stop.high, method=_METHOD, more_needed=None)
