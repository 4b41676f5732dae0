"""What a sequential run says of itself, in sentences that the terminal and the reports share: when it stopped, what it saved."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.weigh.axes.making import MICRO
from weighbridge.weigh.numbers import money, plural, points
from weighbridge.weigh.types import Stopping, Weighing

METHOD = (
    "Samples were asked in an order drawn from the seed, clusters whole, until every verdict was known or none was left. "
    "The bounds are betting confidence sequences, which hold whenever one stops."
)


def samples(weighing: Weighing) -> str:
    """How many samples were asked: `300 samples`, or `38 of 300 samples` where a run stopped early."""
    count, of = len(weighing.samples), max((stop.of for stop in weighing.stopping.values()), default=0)
    return f"{count:,} of {plural(of, 'sample')}" if of > count else plural(count, "sample")


def sentences(weighing: Weighing, names: dict[str, str]) -> Iterator[str]:
    """How each candidate's verdict was reached, what was saved, and which ranges allow for stopping; none of other runs.

    Args:
        weighing: What was measured.
        names: What each engine is called.
    """
    if not weighing.stopping:
        return
    for engine, stop in weighing.stopping.items():
        reach = (
            f"the difference lies between {points(stop.low, signed=True)} and {points(stop.high, signed=True)} points"
        )
        yield f"{names.get(engine, engine)}: {_when(stop)}; {reach}."
    yield _saved(weighing, next(iter(weighing.stopping.values())))
    yield (
        "These verdicts and bounds hold whenever one stops. All other ranges are those of a number of samples that was "
        "fixed beforehand: they describe, and decide nothing."
    )


def _when(stop: Stopping) -> str:
    if stop.verdict != "undecided":
        return f"{stop.verdict} after {stop.used:,} of {plural(stop.of, 'sample')}"
    if stop.used == stop.of:
        return f"still undecided after all {plural(stop.of, 'sample')}"
    return f"still undecided at the end, after {stop.used:,} of {plural(stop.of, 'sample')}"


def _saved(weighing: Weighing, stop: Stopping) -> str:
    if not stop.saved_calls and any(one.used < one.of for one in weighing.stopping.values()):
        return "No call was saved: the samples that were not needed have stored answers."
    if not stop.saved_calls:
        return "No call was saved: all samples were asked."
    told = f"Stopping early saved {plural(stop.saved_calls, 'call')}"
    currencies = {card.currency for card in weighing.scorecards}
    if stop.saved_cost is None or len(currencies) > 1:
        return f"{told}; what they would have cost is unknown."
    return f"{told}, about {money(stop.saved_cost / MICRO, currencies.pop())} by the mean cost of those made."
