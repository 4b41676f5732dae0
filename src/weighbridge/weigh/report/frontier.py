"""Quality against cost, and who is on the frontier: nobody else is both cheaper and better."""

from __future__ import annotations

from itertools import pairwise

from weighbridge.weigh import words
from weighbridge.weigh.numbers import known, money, percent
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
from weighbridge.weigh.types import Scorecard, Weighing

_HEIGHT = 280

Point = tuple[int, Scorecard, float]  # the engine's place, its figures, its cost per 1,000 requests


def cost(weighing: Weighing) -> Plot | None:
    """Quality over cost per 1,000 requests; None without two priced engines in one currency, or if all are free."""
    priced = _priced(weighing)
    if len(priced) < 2 or len({c.currency for _, c, _ in priced}) > 1:  # noqa: PLR2004 - one point is no plot
        return None
    dearest = max(value for _, _, value in priced)
    if dearest <= 0:
        return None
    names = words.labels(weighing)
    currency = priced[0][1].currency
    across = Scale(0.0, dearest * 1.15)
    ticks = nice_ticks(across.low, across.high)
    best = frontier(priced)
    parts = [grid(across, ticks), level_lines(_HEIGHT, (0.25, 0.5, 0.75, 1.0)), _steps(across, best)]
    parts += [_point(across, *point) for point in priced]
    on = {index for index, _, _ in best}
    legend = tuple(
        (
            i,
            f"{names[c.engine]}: {money(v, currency)}, {percent(c.quality.value)}{', on the frontier' if i in on else ''}",
        )
        for i, c, v in priced
    )
    caption = (
        "Up is better, left is cheaper. The vertical line is the plausible range of the quality. The dashed line is the "
        "frontier: of the engines on it, none is beaten by one that is both cheaper and better. Ranges that overlap may be chance."
    )
    lane = Lane("".join(parts), _HEIGHT, label="; ".join(text for _, text in legend))
    under = axis(across, [(t, money(t, currency)) for t in ticks], ("", "cost per 1,000 requests", ""), legend)
    return Plot("scatter", "Cost and quality", (lane, under), caption, wide=True)


def _priced(weighing: Weighing) -> list[Point]:
    cards = [(i, c, c.cost_per_1000) for i, c in enumerate(words.ordered(weighing)) if known(c.quality.value)]
    return [(i, c, float(value)) for i, c, value in cards if value is not None and known(value)]


def frontier(priced: list[Point]) -> list[Point]:
    """Those that no other beats in both cost and quality, the cheapest first."""
    best: list[Point] = []
    for point in sorted(priced, key=lambda p: (p[2], -p[1].quality.value)):
        if not best or point[1].quality.value > best[-1][1].quality.value:
            best.append(point)
    return best


def _steps(across: Scale, best: list[Point]) -> str:
    """From each engine of the frontier to the right, up to the next better one."""
    places = [(across.at(value), float(up(card.quality.value, _HEIGHT))) for _, card, value in best]
    places.append(("100%", places[-1][1]))
    return "".join(
        line("frontier", here, (there[0], here[1])) + line("frontier", (there[0], here[1]), there)
        for here, there in pairwise(places)
    )


def _point(across: Scale, index: int, card: Scorecard, value: float) -> str:
    x = across.at(value)
    ends = (float(up(card.quality.low, _HEIGHT)), float(up(card.quality.high, _HEIGHT)))
    whisker = line(f"whisker e{index % COLOURS}", (x, ends[0]), (x, ends[1]))
    return whisker + placed(index, x, up(card.quality.value, _HEIGHT))
