"""Planning a weighing: from a pilot's pairs and costs, or from what somebody supposes, to samples and money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Request
from weighbridge.canon.requests import Sampling
from weighbridge.errors import InputError
from weighbridge.exchange.tries import estimate_usage
from weighbridge.weigh import stats
from weighbridge.weigh.axes.making import MICRO, clusters_of
from weighbridge.weigh.stats import planning, sizes
from weighbridge.weigh.stats.assumed import Assumptions, assume, least_square
from weighbridge.weigh.stats.planning import Plan
from weighbridge.weigh.types import Interval, Sample, Weighing

LEAST = 20  #: pairs of a pilot; fewer say next to nothing of how often two engines differ
_LEAST_SQUARE = 1e-4  # of a pair's scores, whatever the pilot leaves open
OUTPUT = 300  #: tokens of an answer, where neither the sample nor the user says


class Priced(Struct, frozen=True):
    """What one engine costs a sample, in units of a currency; None where its price is unknown."""

    engine: str
    per_sample: float | None
    currency: str = "USD"
    source: str = ""  #: pilot: what was paid; prices: tokens that were estimated, at the day's prices


class Pilot(Struct, frozen=True):
    """A candidate's pairs with the base, as assumptions, and with the range that the pilot leaves open."""

    candidate: str
    assumptions: Assumptions
    disagree: Interval  #: the mean squared difference of a pair's scores


class Planned(Struct, frozen=True):
    """A plan with its money. `fewest` and `most` are the samples at the ends of what a pilot leaves open."""

    plan: Plan
    candidate: str = ""
    fewest: int | None = None
    most: int | None = None
    cost: tuple[Priced, ...] = ()
    each: float | None = None  #: of one sample, all engines together; None where a price is unknown
    total: float | None = None  #: of `plan.needed` samples, likewise
    sequential_total: float | None = None  #: of what a sequential run uses on average; None if the samples do not do
    currency: str = "USD"
    available: int | None = None


def pilots(weighing: Weighing, *, difference: float) -> tuple[Pilot, ...]:
    """What an earlier weighing says of each of its candidates.

    Args:
        weighing: With its results.
        difference: What is supposed of the true difference; the pilot's own is too noisy to plan with.

    Raises:
        InputError: No candidate has a pair with the base.
    """
    samples = {sample.id: sample for sample in weighing.samples}
    base = {one.sample: one for one in weighing.results.get(weighing.base, ()) if not one.missing}
    found = []
    for name, results in weighing.results.items():
        both = [(base[one.sample], one) for one in results if one.sample in base and not one.missing]
        if name == weighing.base or not both:
            continue
        of = [samples[one.sample] for one, _ in both]
        old, new = [one.score for one, _ in both], [one.score for _, one in both]
        labels = clusters_of(of)
        assumed = assume(old, new, labels, difference=difference, alpha=weighing.alpha)
        squares = [(b - a) ** 2 for a, b in zip(old, new, strict=True)]
        found.append(Pilot(name, assumed, stats.mean_interval(squares, labels)))
    if not found:
        raise InputError(
            "The pilot holds no candidate to plan for.",
            where=weighing.suite,
            fix="Give a weighing of two engines or more, or say --discordance.",
        )
    return tuple(found)


def paid(weighing: Weighing) -> tuple[Priced, ...]:
    """What each engine of an earlier weighing cost a sample."""
    currencies = {card.engine: card.currency for card in weighing.scorecards}
    found = []
    for name, results in weighing.results.items():
        costs = [one.cost for one in results if one.grade is not None]
        known = [cost for cost in costs if cost is not None]
        mean = fsum(known) / len(known) / MICRO if known and len(known) == len(costs) else None
        found.append(Priced(name, mean, currencies.get(name, "USD"), "pilot"))
    return tuple(found)


def priced(engine: Engine, samples: Sequence[Sample], *, output: int | None, day: str) -> Priced:
    """What an engine would cost a sample of a suite, by estimated tokens and the prices of a day.

    Args:
        engine: With its prices.
        samples: The suite's.
        output: Tokens of an answer; None takes each sample's limit, or 300.
        day: `YYYY-MM-DD`.
    """
    price = engine.price_at(day)
    currency = price.currency if price is not None else "USD"
    costs = []
    for sample in samples:
        request = Request(
            engine.upstream, sample.messages, sample.tools, sampling=Sampling(max_tokens=sample.max_tokens)
        )
        usage = estimate_usage(request, None)
        used = replace(usage, output=output or sample.max_tokens or OUTPUT)
        costs.append(engine.cost(used, day))
    known = [cost for cost in costs if cost is not None]
    mean = fsum(known) / len(known) / MICRO if known and len(known) == len(costs) else None
    return Priced(engine.name, mean, currency, "prices")


def planned(
    pilot: Pilot | Assumptions,
    *,
    margin: float,
    alpha: float,
    power: float,
    available: int | None,
    cost: Sequence[Priced],
    seed: int,
) -> Planned:
    """Samples and money for a verdict.

    Args:
        pilot: What is known or supposed.
        margin: How much worse is still good enough, a fraction.
        alpha: One-sided error rate.
        power: The chance of the right verdict that is asked for.
        available: Samples that there are.
        cost: What each engine costs a sample.
        seed: Of the simulated sequential runs.

    Raises:
        InputError: A value is out of range, or the supposed difference is the margin itself.
    """
    assumed = pilot.assumptions if isinstance(pilot, Pilot) else pilot
    found = planning.plan(assumed, margin=margin, alpha=alpha, power=power, available=available, seed=seed)
    ends: list[int | None] = [None, None]
    if isinstance(pilot, Pilot):
        least = max(_LEAST_SQUARE, least_square(assumed.difference, binary=assumed.binary))
        ends = [
            sizes.samples_needed(
                replace(assumed, mean_square=min(1.0, max(end, least))),
                margin=margin,
                alpha=alpha,
                power=power,
            )
            for end in (pilot.disagree.low, pilot.disagree.high)
        ]
    each, currency = _each(cost)
    total = None if each is None or found.needed is None else each * found.needed
    enough = found.needed is not None and (available is None or available >= found.needed)
    return Planned(
        plan=found,
        candidate=pilot.candidate if isinstance(pilot, Pilot) else "",
        fewest=ends[0],
        most=ends[1],
        cost=tuple(cost),
        each=each,
        total=total,
        sequential_total=each * found.sequential_mean if each is not None and enough else None,
        currency=currency,
        available=available,
    )


def _each(cost: Sequence[Priced]) -> tuple[float | None, str]:
    """What one sample costs on all engines, if all are known in one currency."""
    known = [one.per_sample for one in cost if one.per_sample is not None]
    currencies: Mapping[str, None] = dict.fromkeys(one.currency for one in cost)
    if not cost or len(known) < len(cost) or len(currencies) > 1:
        return None, next(iter(currencies), "USD")
    return fsum(known), next(iter(currencies))
