"""A plan as a picture: the chance of a verdict by number of samples, and by what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

from weighbridge.weigh.numbers import clean, margin, money, plural
from weighbridge.weigh.plans import Planned
from weighbridge.weigh.report import figures
from weighbridge.weigh.report.drawing import (
    COLOURS,
    Lane,
    Plot,
    Scale,
    axis,
    grid,
    level_lines,
    line,
    nice_ticks,
    placed,
    up,
)
from weighbridge.weigh.stats import sizes

_HEIGHT = 220
_STEPS = 80  # points of the curve of a fixed number
_FIXED, _SEQUENTIAL = 0, 1  # colours and marks

Curve = list[tuple[float, float]]  # (samples, chance)


def sheet(found: Sequence[Planned]) -> str:
    """All plans on one picture, as SVG that stands alone."""
    plan = found[0].plan
    facts = f"Margin {margin(plan.margin)}, error rate {plan.alpha:g}, a chance of {plan.power:.0%} asked for"
    return figures.page("Samples for a verdict", facts, [curve(one) for one in found])


def curve(found: Planned) -> Plot:
    """One candidate's plan: a curve for a number fixed beforehand, and one for stopping as soon as it is known."""
    plan = found.plan
    scale = Scale(0.0, float(plan.curve[-1].n))
    ticks = [tick for tick in nice_ticks(scale.low, scale.high) if tick.is_integer()]
    fixed, early = _fixed(found), _sequential(found)
    parts = [grid(scale, ticks), level_lines(_HEIGHT, (0.5, plan.power, 1.0)), _drawn(scale, _FIXED, fixed)]
    parts.append(_drawn(scale, _SEQUENTIAL, early))
    if plan.needed is not None and plan.needed <= scale.high:
        parts.append(placed(_FIXED, scale.at(plan.needed), up(plan.power, _HEIGHT)))
    parts += [placed(_SEQUENTIAL, scale.at(n), up(chance, _HEIGHT)) for n, chance in early[1:]]
    legend = _legend(found, sequential=len(early) > 1)
    label = "; ".join(text for _, text in legend)
    lanes = [
        Lane("".join(parts), _HEIGHT, label=label),
        axis(
            scale,
            [(tick, f"{tick:,.0f}") for tick in ticks],
            ("", "samples", ""),
            legend=() if found.each is not None else legend,
        ),
    ]
    each = found.each
    if each is not None:
        cost = [(tick, money(tick * each, found.currency)) for tick in ticks]
        lanes.append(axis(scale, cost, ("", "cost, all engines together", ""), legend=legend))
    title = clean(found.candidate) or f"A candidate that differs in {plan.assumptions.mean_square:.0%} of samples"
    return Plot("plan", title, tuple(lanes), wide=True)


def _fixed(found: Planned) -> Curve:
    plan = found.plan
    most = plan.curve[-1].n
    numbers = sorted({ceil(most * step / _STEPS) for step in range(1, _STEPS + 1)})
    return [(0.0, 0.0)] + [
        (n, sizes.power_at(plan.assumptions, n, margin=plan.margin, alpha=plan.alpha)) for n in numbers
    ]


def _sequential(found: Planned) -> Curve:
    known = [(float(point.n), point.sequential) for point in found.plan.curve if point.sequential is not None]
    return [(0.0, 0.0), *known]


def _drawn(scale: Scale, index: int, points: Curve) -> str:
    ends = [(scale.at(n), float(up(chance, _HEIGHT))) for n, chance in points]
    return "".join(line(f"curve e{index % COLOURS}", start, end) for start, end in pairwise(ends))


def _legend(found: Planned, *, sequential: bool) -> tuple[tuple[int | None, str], ...]:
    plan = found.plan
    if plan.needed is None:
        fixed = "fixed beforehand: not even 10 million samples would decide"
    else:
        fixed = f"fixed beforehand: {plural(plan.needed, 'sample')} find it {plan.verdict} with a chance of {plan.power:.0%}"
    told: list[tuple[int | None, str]] = [(_FIXED, fixed)]
    if sequential:
        half = f"half of the runs use at most {plan.sequential_median:,.0f}, all on average {plan.sequential_mean:,.0f}"
        told.append((_SEQUENTIAL, f"stopping as soon as it is known (--sequential): {half}"))
    return tuple(told)
