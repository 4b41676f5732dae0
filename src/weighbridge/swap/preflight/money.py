"""What a month of a route's traffic costs on the engine of today, and what it would cost on the candidate."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Price, Trace, Usage
from weighbridge.canon.money import MICRO
from weighbridge.exchange.tries import estimate_usage
from weighbridge.swap.preflight.lengths import Ratio
from weighbridge.weigh import stats

_ALPHA = 0.025


class Monthly(Struct, frozen=True):
    """An amount in units of a currency, with its 95 % interval: of the sample, and of the tokens that are not known."""

    value: float
    low: float
    high: float


class Cost(Struct, frozen=True):
    """One engine's month. None where its price is unknown.

    `cached` counts what the host's prompt cache served in the recorded traffic, `uncached` as if there were none. A
    candidate is taken to serve the same share from its cache, if it has a price for that; else both are the same.
    """

    engine: str
    currency: str
    source: str
    cached: Monthly | None
    uncached: Monthly | None


class Costs(Struct, frozen=True):
    """Both engines' months. `ratio` is the candidate's for one of today's, None where unknown or in other currencies."""

    requests: float
    base: Cost
    candidate: Cost
    ratio: float | None


def costs(traces: Sequence[Trace], base: Engine, candidate: Engine, ratio: Ratio, *, monthly: float, day: str) -> Costs:
    """The month at a day's prices.

    Output is taken to be as long as it was, counted by the same ratio as input: how long a candidate's own answers
    are, and how much it thinks, only trying it tells.

    Args:
        traces: The sample; exchanges that were not answered cost nothing.
        base: The engine of today.
        candidate: The engine to come.
        ratio: Its tokens for one of today's.
        monthly: Requests in a month.
        day: Whose prices count (`YYYY-MM-DD`).
    """
    used = [_usage(trace) for trace in traces]
    tiers = [trace.request.service_tier if trace.request is not None else "" for trace in traces]
    here = _cost(base, base.price_at(day), used, tiers, Ratio(1.0, 1.0, 1.0, "same model"), monthly)
    there = _cost(candidate, candidate.price_at(day), used, tiers, ratio, monthly)
    known = here.cached is not None and there.cached is not None and here.currency == there.currency
    both = (there.cached.value, here.cached.value) if known and there.cached and here.cached else (0.0, 0.0)
    return Costs(monthly, here, there, both[0] / both[1] if both[1] > 0 else None)


def _cost(
    engine: Engine, price: Price | None, used: Sequence[Usage], tiers: Sequence[str], ratio: Ratio, monthly: float
) -> Cost:
    if price is None:
        return Cost(engine.name, "", "", None, None)
    plain = [replace(one, cached=0, cache_written=0) for one in used]
    return Cost(
        engine.name,
        price.currency,
        price.source,
        _month(price, used, tiers, ratio, monthly),
        _month(price, plain, tiers, ratio, monthly),
    )


def _month(price: Price, used: Sequence[Usage], tiers: Sequence[str], ratio: Ratio, monthly: float) -> Monthly | None:
    """Thirty days. The interval adds the sample's own error to both ends of the ratio."""
    told: dict[float, list[float]] = {}
    for times in (ratio.low, ratio.value, ratio.high):
        amounts = [price.cost(_scaled(one, times), tier) for one, tier in zip(used, tiers, strict=True)]
        known = [amount / MICRO for amount in amounts if amount is not None]
        if len(known) < len(amounts) or not known:
            return None
        told[times] = known
    (low, spread_low), (value, _), (high, spread_high) = (
        _mean(told[times]) for times in (ratio.low, ratio.value, ratio.high)
    )
    return Monthly(value * monthly, max(0.0, low - spread_low) * monthly, (high + spread_high) * monthly)


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """The mean, and half the width of its 95 % interval by Student's t; of one value anything up to its double."""
    n = len(values)
    middle = sum(values) / n
    if n < 2:  # noqa: PLR2004 - one value has no spread
        return middle, middle
    error = sqrt(sum((value - middle) ** 2 for value in values) / (n - 1) / n)
    return middle, stats.t_quantile(1 - _ALPHA, n - 1) * error


def _scaled(usage: Usage, times: float) -> Usage:
    return Usage(
        input=round(usage.input * times),
        cached=round(usage.cached * times),
        output=round(usage.output * times),
        cache_written=round(usage.cache_written * times),
    )


def _usage(trace: Trace) -> Usage:
    """What the exchange used. One that nobody answered used nothing."""
    if trace.usage is not None:
        return trace.usage
    if trace.request is None or not trace.engine:
        return Usage()
    return estimate_usage(trace.request, trace.reply)
