"""Differences against the margin, and quality by category."""

from __future__ import annotations

from collections.abc import Sequence

from weighbridge.weigh import words
from weighbridge.weigh.decided import decided
from weighbridge.weigh.numbers import known, level, margin, percent, plural, points, span
from weighbridge.weigh.report.drawing import Lane, Plot, Scale, Value, axis, grid, nice_ticks, whisker
from weighbridge.weigh.rows import categories, category_name
from weighbridge.weigh.types import Comparison, Interval, Weighing

_LINE = 20  # pixels between the lines of one row


def forest(weighing: Weighing) -> Plot | None:
    """Each candidate's difference from the base, with its interval, beside the margin; None if nothing was compared."""
    cards = words.ordered(weighing)
    names = words.labels(weighing)
    shown = [
        (i, names[c.engine], decided(weighing)[c.engine])
        for i, c in enumerate(cards)
        if c.engine in weighing.comparisons
    ]
    if not shown:
        return None
    drawn = [c for _, _, c in shown] + ([weighing.noise] if weighing.noise else [])
    scale = _difference_scale([c for c in drawn if _drawable(c)], weighing.margin)
    ticks = nice_ticks(scale.low, scale.high)
    lanes = [_difference(scale, ticks, weighing.margin, *entry) for entry in shown]
    if weighing.noise:
        lanes.append(_difference(scale, ticks, weighing.margin, 0, "Base against itself", weighing.noise, noise=True))
    edge = points(-weighing.margin).removesuffix(".0")
    head = Lane(f'<text class="flag" x="{scale.at(-weighing.margin)}" y="12">margin {edge}</text>', 16, kind="axis")
    under = [(t, points(t, signed=True).removesuffix(".0")) for t in ticks]
    ends = ("worse than the base", "points", "better than the base")
    caption = (
        f"Each mark is a difference in points, each line its plausible range: each end is wrong at most {level(weighing.alpha)} "
        f"of the time. A range wholly right of the margin of {margin(weighing.margin)} is safe, wholly left of it unsafe."
    )
    return Plot("forest", "Differences from the base", (head, *lanes, axis(scale, under, ends)), caption)


def _drawable(found: Comparison) -> bool:
    return known(found.difference) and known(found.ci_low) and known(found.ci_high)


def _difference_scale(drawn: Sequence[Comparison], margin: float) -> Scale:
    low = min([-margin, 0.0, *(c.ci_low for c in drawn)])
    high = max([margin / 2, *(c.ci_high for c in drawn)])
    room = (high - low) * 0.06
    return Scale(low - room, high + room)


def _difference(
    scale: Scale, ticks: list[float], margin: float, index: int, name: str, found: Comparison, *, noise: bool = False
) -> Lane:
    edge = scale.at(-margin)
    parts = [
        f'<rect class="beyond" x="0" y="0" width="{edge}" height="100%"/>',
        grid(scale, ticks),
        f'<line class="zero" x1="{scale.at(0)}" x2="{scale.at(0)}" y1="0" y2="100%"/>',
        f'<line class="margin" x1="{edge}" x2="{edge}" y1="0" y2="100%"/>',
    ]
    if _drawable(found):
        parts.append(whisker(scale, index, 20, found.difference, (found.ci_low, found.ci_high)))
    low, high = points(found.ci_low, signed=True), points(found.ci_high, signed=True)
    return Lane(
        "".join(parts),
        40,
        name=name,
        mark=None if noise else index,
        values=(Value(points(found.difference, signed=True), f"{low} to {high}"),),
        label=f"{name}: {words.difference(found, 'the base')}, {words.between(found)}",
        kind="noise" if noise else "",
    )


def quality(weighing: Weighing) -> Plot:
    """Each engine's quality, over all samples and by category, with intervals."""
    cards = words.ordered(weighing)
    scale = Scale(0.0, 1.0)
    lanes = [_quality(weighing, scale, "All samples", [card.quality for card in cards], "all")]
    lanes += [
        _quality(weighing, scale, category_name(name), [card.by_category.get(name) for card in cards])
        for name in categories(weighing)
    ]
    caption = "The share of samples answered rightly, with its plausible range. Categories are small: read them as hints where to look, not as verdicts."
    under = axis(scale, [(t, f"{t * 100:.0f}%") for t in _QUARTERS])
    return Plot("quality", "Quality by category", (*lanes, under), caption)


_QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)


def _quality(weighing: Weighing, scale: Scale, name: str, found: Sequence[Interval | None], kind: str = "") -> Lane:
    labels = list(words.labels(weighing).values())
    parts, figures, told = [grid(scale, _QUARTERS)], [], []
    for index, interval in enumerate(found):
        if interval is None or not known(interval.value):
            figures.append(Value("unknown", mark=index))
            continue
        parts.append(whisker(scale, index, 14 + index * _LINE, interval.value, (interval.low, interval.high)))
        figures.append(Value(percent(interval.value), span(interval.low, interval.high), index))
        told.append(f"{labels[index] if index < len(labels) else ''} {percent(interval.value)}")
    count = max((interval.n for interval in found if interval), default=0)
    return Lane(
        "".join(parts),
        8 + len(found) * _LINE,
        name=name,
        note=plural(count, "sample"),
        values=tuple(figures),
        label=f"{name}: {', '.join(told)}",
        kind=kind,
    )
