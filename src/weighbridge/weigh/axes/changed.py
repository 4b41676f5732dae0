"""How a candidate differs from the base beside quality: cost, times, tokens, and each category with bounds that hold together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from weighbridge.errors import InputError
from weighbridge.weigh.axes.making import MICRO, Pair, clusters_of, end, of_interval, told
from weighbridge.weigh.stats import several
from weighbridge.weigh.stats.quantiles import quantile_difference
from weighbridge.weigh.stats.ratios import change
from weighbridge.weigh.types import Axis, Result, Sample
from weighbridge.weigh.verdict import compare

_LIMIT = 20_000
"""Answers up to which differences of quantiles are bootstrapped from all; of more, every so manieth pair is taken."""

_FEW = 5_000  #: samples up to which ratios are bootstrapped

_Both = list[tuple[Sample, Result, Result]]


def changes(
    base: Sequence[Pair], candidate: Sequence[Pair], *, margin: float, alpha: float, seed: int, money: bool
) -> tuple[Axis, ...]:
    """The candidate against the base on the samples that both answered.

    Ratios (unit `times`) are of sums, with a percentile-t bootstrap on their logarithm, since costs have long tails; of more
    than 5,000 samples, whose mean is near enough to normal, with the delta method. Differences of quantiles are bootstrapped
    as pairs. Differences of categories (unit `share`) have bounds at alpha over their number on each side
    (Bonferroni), so that all hold together; `note` is the verdict at those bounds.

    Args:
        base: The base's samples and results.
        candidate: The candidate's.
        margin: Of the verdict on each category.
        alpha: One-sided error rate, of all categories together.
        seed: Of the bootstrap.
        money: Are both costs in one currency?
    """
    theirs = {sample.id: result for sample, result in candidate}
    both = [(sample, result, theirs[sample.id]) for sample, result in base if sample.id in theirs]
    answered = [one for one in both if one[1].grade is not None and one[2].grade is not None]
    return (
        *(_costs(answered, seed) if money else ()),
        _times("tokens_out", answered, lambda r: float(r.usage.output) if r.usage is not None else None, seed),
        *_quantiles(answered, seed),
        *_categories(base, candidate, margin=margin, alpha=alpha),
    )


def _costs(answered: _Both, seed: int) -> Iterator[Axis]:
    yield _times("cost_per_1000", answered, lambda r: None if r.cost is None else r.cost / MICRO, seed)
    solved = [one for one in answered if not one[1].missing and not one[2].missing]
    known = bool(solved) and all(old.cost is not None and new.cost is not None for _, old, new in solved)
    yield (
        _ratio("cost_per_solved", solved, lambda r: (r.cost or 0) / MICRO, lambda r: r.score, seed)
        if known
        else Axis("cost_per_solved", unit="times")
    )


def _times(name: str, answered: _Both, amount: Callable[[Result], float | None], seed: int) -> Axis:
    """How many times the base's mean the candidate's is; unknown where one amount is."""
    if not answered or any(amount(old) is None or amount(new) is None for _, old, new in answered):
        return Axis(name, unit="times")
    return _ratio(name, answered, lambda r: amount(r) or 0.0, lambda _: 1.0, seed)


def _ratio(
    name: str, both: _Both, top: Callable[[Result], float], bottom: Callable[[Result], float], seed: int
) -> Axis:
    try:
        found = change(
            ([top(old) for _, old, _ in both], [bottom(old) for _, old, _ in both]),
            ([top(new) for _, _, new in both], [bottom(new) for _, _, new in both]),
            clusters_of([sample for sample, _, _ in both]),
            method="bootstrap" if len(both) <= _FEW else "delta",
            seed=seed,
        )
    except InputError:  # a sum is 0: nothing was paid, nothing was solved
        return Axis(name, unit="times")
    return of_interval(name, found, "times")


def _quantiles(answered: _Both, seed: int) -> Iterator[Axis]:
    step = max(1, len(answered) // _LIMIT)
    for field in ("first_token", "total"):
        pairs = [
            (sample, old, new)
            for sample, first, second in answered[::step]
            if (old := getattr(first, field)) is not None and (new := getattr(second, field)) is not None
        ]
        clusters = clusters_of([sample for sample, _, _ in pairs])
        for p, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
            if not pairs:
                yield Axis(f"{field}_{name}", unit="seconds")
                continue
            olds, news = [old for _, old, _ in pairs], [new for _, _, new in pairs]
            found = quantile_difference(olds, news, p, paired=True, clusters=clusters, seed=seed, draws=400)
            yield of_interval(f"{field}_{name}", found, "seconds")


def _categories(base: Sequence[Pair], candidate: Sequence[Pair], *, margin: float, alpha: float) -> Iterator[Axis]:
    scores = {sample.id: result.score for sample, result in told(candidate)}
    groups: dict[str, list[tuple[Sample, float, float]]] = {}
    for sample, result in told(base):
        if sample.id in scores:
            groups.setdefault(sample.category, []).append((sample, result.score, scores[sample.id]))
    if len(groups) < 2:  # noqa: PLR2004 - one group is the whole
        return
    for name, rows in groups.items():
        found = compare(
            [old for _, old, _ in rows],
            [new for _, _, new in rows],
            clusters=clusters_of([sample for sample, _, _ in rows]),
            margin=margin,
            alpha=several.shared(alpha, len(groups)),
        )
        yield Axis(
            f"quality/{name}", found.difference, end(found.ci_low), end(found.ci_high),
            n=found.n, unit="share", note=found.verdict,
        )  # fmt: skip
