"""How axes are made of intervals, and which results they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from weighbridge.errors import InputError
from weighbridge.weigh import stats
from weighbridge.weigh.stats.quantiles import quantile_interval
from weighbridge.weigh.stats.ratios import ratio
from weighbridge.weigh.types import Axis, Interval, Result, Sample

MICRO = 1_000_000  #: micro-units in one unit of a currency

Pair = tuple[Sample, Result]


def of_interval(name: str, found: Interval | None, unit: str, *, times: float = 1.0, note: str = "") -> Axis:
    """An axis from an interval; unknown where there is none or nothing is behind it. An infinite end is none."""
    if found is None or not found.n:
        return Axis(name, unit=unit, note=note)
    return Axis(
        name, float(found.value * times), end(found.low, times), end(found.high, times), n=found.n, unit=unit, note=note
    )


def end(value: float, times: float = 1.0) -> float | None:
    """One end of an interval, None where it is not finite."""
    return float(value * times) if isfinite(value) else None


def share(name: str, flags: Sequence[float], samples: Sequence[Sample]) -> Axis:
    """The mean of fractions over samples, with the interval that its clusters allow."""
    return of_interval(name, stats.mean_interval(flags, clusters_of(samples)) if flags else None, "share")


def per(
    name: str,
    tops: Sequence[float],
    bottoms: Sequence[float],
    samples: Sequence[Sample],
    unit: str,
    *,
    times: float = 1.0,
) -> Axis:
    """A ratio of sums over samples (Fieller's interval); unknown where the bottoms are 0 throughout."""
    try:
        found = ratio(tops, bottoms, clusters_of(samples))
    except InputError:
        return Axis(name, unit=unit)
    return of_interval(name, found, unit, times=times)


def quantile(name: str, values: Sequence[float], p: float, samples: Sequence[Sample]) -> Axis:
    """A quantile of times, between two order statistics; unknown without any."""
    found = quantile_interval(values, p, clusters_of(samples)) if values else None
    return of_interval(name, found, "seconds")


def clusters_of(samples: Sequence[Sample]) -> list[str] | None:
    """A label of each sample's cluster; None where no sample names one and none comes twice.

    A sample without a cluster is its own, so that what was asked again is one with what was asked first.
    """
    if not any(sample.cluster for sample in samples) and len({sample.id for sample in samples}) == len(samples):
        return None
    return [f"cluster {sample.cluster}" if sample.cluster else f"sample {sample.id}" for sample in samples]


def told(pairs: Sequence[Pair]) -> list[Pair]:
    """Those whose answer somebody could grade, or that have none: a missing grade counts in no mean."""
    return [(sample, result) for sample, result in pairs if not result.missing]
