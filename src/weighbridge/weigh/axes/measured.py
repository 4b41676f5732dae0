"""The axes that a run measures: quality, form, tools, refusals, stability, cost, times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from weighbridge.canon import Price
from weighbridge.weigh.axes.making import MICRO, Pair, clusters_of, of_interval, per, quantile, share, told
from weighbridge.weigh.stats import repeats as formulas
from weighbridge.weigh.types import Axis

LABELS = ("answered", "evasive", "refused", "retracted", "empty")
"""What graders call kinds of answers."""

_TIMES = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))


def measured(
    pairs: Sequence[Pair], passes: Sequence[Sequence[Pair]], price: Price | None, *, day: str
) -> tuple[Axis, ...]:
    """One engine's measured axes.

    Args:
        pairs: Each sample with its result; where samples were asked several times, with the mean score of all passes.
        passes: The passes as they were, the first one first: what was paid and waited for, and how steady answers are.
        price: The price of the day, None where it is unknown.
        day: `YYYY-MM-DD`.
    """
    asked = [pair for one in passes for pair in one]
    return (
        *_quality(pairs),
        *_refusals(pairs),
        _missing(pairs),
        *_stability(passes),
        *_cost(asked, price, day),
        *_speed([pair for pair in asked if pair[1].grade is not None]),
        _throughput(asked),
    )


def _quality(pairs: Sequence[Pair]) -> Iterator[Axis]:
    graded = told(pairs)
    yield share("quality", [result.score for _, result in graded], [sample for sample, _ in graded])
    categories = dict.fromkeys(sample.category for sample, _ in pairs)
    for name in categories if len(categories) > 1 or "" not in categories else ():
        of = [(sample, result) for sample, result in graded if sample.category == name]
        yield share(f"quality/{name}", [result.score for _, result in of], [sample for sample, _ in of])
    formed = [(sample, r.grade.valid) for sample, r in pairs if r.grade is not None and r.grade.valid is not None]
    found = share("format", [float(valid) for _, valid in formed], [sample for sample, _ in formed])
    yield found if formed else Axis("format", unit="share", applies=False)
    tools = [(sample, result) for sample, result in graded if sample.tools]
    found = share("tools", [result.score for _, result in tools], [sample for sample, _ in tools])
    yield found if tools else Axis("tools", unit="share", applies=False)


def _refusals(pairs: Sequence[Pair]) -> Iterator[Axis]:
    """Of answers whose grader tells kinds of answers apart, the share of each kind but the plain answer."""
    labelled = [(sample, r.grade.label) for sample, r in pairs if r.grade is not None and r.grade.label in LABELS]
    for kind in LABELS[1:]:
        if labelled:
            yield share(kind, [float(label == kind) for _, label in labelled], [sample for sample, _ in labelled])
        else:
            yield Axis(kind, unit="share", applies=False)


def _missing(pairs: Sequence[Pair]) -> Axis:
    return share("missing_grades", [float(result.missing) for _, result in pairs], [sample for sample, _ in pairs])


def _stability(passes: Sequence[Sequence[Pair]]) -> Iterator[Axis]:
    """How often calls fail, and how often two answers to one sample are graded differently."""
    first = passes[0]
    yield share("failures", [float(r.grade is None) for _, r in first], [sample for sample, _ in first])
    if len(passes) < 2:  # noqa: PLR2004 - one pass cannot differ from itself
        yield Axis("flips", unit="share", applies=False, note="asked once")
        return
    scores: dict[str, list[float]] = {sample.id: [] for sample, _ in first}
    for one in passes:
        for sample, result in told(one):
            scores.get(sample.id, []).append(result.score)
    samples = [sample for sample, _ in first]
    yield of_interval(
        "flips", formulas.flips(list(scores.values()), clusters_of(samples)), "share", note=f"of {len(passes)} passes"
    )


def _cost(asked: Sequence[Pair], price: Price | None, day: str) -> Iterator[Axis]:
    """Costs of answers; one that is unknown makes the axis unknown. Failed calls add what they are known to have cost."""
    answered = [(sample, result) for sample, result in asked if result.grade is not None]
    unit, source = (price.currency, price.source) if price is not None else ("", "")
    known = bool(answered) and all(result.cost is not None for _, result in answered)
    samples = [sample for sample, _ in answered]
    for found in (
        per(
            "cost_per_1000",
            [r.cost or 0 for _, r in answered],
            [1.0] * len(answered),
            samples,
            unit,
            times=1000 / MICRO,
        ),
        _per_solved(asked, unit),
    ):
        yield _dated(found, source, day) if known else Axis(found.name, unit=unit)
    yield from _thinking(answered, price, day)


def _per_solved(asked: Sequence[Pair], unit: str) -> Axis:
    graded = told(asked)
    return per(
        "cost_per_solved",
        [r.cost or 0 for _, r in graded],
        [r.score for _, r in graded],
        [sample for sample, _ in graded],
        unit,
        times=1 / MICRO,
    )


def _thinking(answered: Sequence[Pair], price: Price | None, day: str) -> Iterator[Axis]:
    """What of the output is thinking, and what that costs. It is part of the cost per request, not beside it."""
    counted = [(sample, r.usage) for sample, r in answered if r.usage is not None and not r.usage.estimated]
    samples = [sample for sample, _ in counted]
    yield per("thinking", [u.reasoning for _, u in counted], [u.output for _, u in counted], samples, "share")
    if price is None or not counted:
        yield Axis("thinking_cost_per_1000", unit=price.currency if price is not None else "")
        return
    rates = [price.rates(usage.input) for _, usage in counted]
    tops = [u.reasoning * rate.output / MICRO for (_, u), rate in zip(counted, rates, strict=True) if rate is not None]
    if len(tops) < len(counted):
        yield Axis("thinking_cost_per_1000", unit=price.currency)
        return
    found = per("thinking_cost_per_1000", tops, [1.0] * len(tops), samples, price.currency, times=1000 / MICRO)
    yield _dated(found, price.source, day)


def _speed(answered: Sequence[Pair]) -> Iterator[Axis]:
    for field in ("first_token", "total"):
        timed = [(sample, value) for sample, result in answered if (value := getattr(result, field)) is not None]
        samples, values = [sample for sample, _ in timed], [value for _, value in timed]
        for p, name in _TIMES:
            yield quantile(f"{field}_{name}", values, p, samples)


def _throughput(asked: Sequence[Pair]) -> Axis:
    """All tokens after the first of each answer, over all the time that they took: short answers weigh little."""
    told_times = [
        (sample, r.usage.output - 1, r.total - r.first_token)
        for sample, r in asked
        if r.usage is not None and r.first_token is not None and r.total is not None
        if r.usage.output > 1 and r.total > r.first_token
    ]
    tokens, seconds = [one[1] for one in told_times], [one[2] for one in told_times]
    if not told_times:
        return Axis("throughput", unit="tokens/s")
    return per("throughput", tokens, seconds, [one[0] for one in told_times], "tokens/s")


def _dated(axis: Axis, source: str, day: str) -> Axis:
    return replace(axis, source=source, date=day)
