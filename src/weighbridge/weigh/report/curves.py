"""How long answers took, as curves: the share of answers that had come within a time."""

from __future__ import annotations

from itertools import pairwise

from weighbridge.weigh import words
from weighbridge.weigh.numbers import known, seconds
from weighbridge.weigh.report.drawing import (
    COLOURS,
    Lane,
    Plot,
    Scale,
    axis,
    grid,
    level_lines,
    line,
    log_ticks,
    placed,
    up,
)
from weighbridge.weigh.types import Weighing

_HEIGHT = 190
_LEVELS = (0.5, 0.95)
_STEPS = 60  # points of a curve; more answers are thinned to evenly spaced quantiles and the last few
_TAIL = (0.97, 0.98, 0.99, 0.995, 0.999)

Curve = list[tuple[float, float]]  # (seconds, share of answers within them), both rising


def latency(weighing: Weighing) -> Plot | None:
    """The times to the first token and to the whole answer, a curve for each engine; None where no time is known."""
    shown = {which: _curves(weighing, which) for which in ("first_token", "total")}
    if not any(shown.values()):
        return None
    titles = {"first_token": "First token", "total": "Whole answer"}
    lanes = [lane for which, found in shown.items() if found for lane in _panel(weighing, titles[which], found)]
    caption = (
        "Each curve tells the share of answers that had come within a time: the further left, the faster. The filled mark is "
        "the time of half of the answers (p50), the second one that of 95 in 100 (p95). The scale is logarithmic. Failed calls have no time."
    )
    return Plot("latency", "Speed", tuple(lanes), caption, wide=True)


def _curves(weighing: Weighing, which: str) -> dict[int, Curve]:
    """The curve of each engine that has times, by its place."""
    made = {}
    for index, card in enumerate(words.ordered(weighing)):
        results = weighing.results.get(card.engine, ())
        found = sorted(t for r in results if (t := getattr(r, which)) and known(t) and not r.error)
        if found:
            made[index] = curve(found)
    return made


def curve(times: list[float]) -> Curve:
    """A few points of the curve of sorted times: (seconds, share of answers within them)."""
    count = len(times)
    if count <= _STEPS:
        return [(time, (place + 1) / count) for place, time in enumerate(times)]
    shares = sorted({*(step / _STEPS for step in range(1, _STEPS + 1)), 1 / count, *_TAIL})
    return [(times[min(count - 1, max(0, round(share * count) - 1))], share) for share in shares]


def within(found: Curve, share: float) -> float:
    """The time within which this share of answers had come."""
    return next((time for time, reached in found if reached >= share - 1e-9), found[-1][0])


def _panel(weighing: Weighing, title: str, found: dict[int, Curve]) -> list[Lane]:
    times = [time for points in found.values() for time, _ in points]
    scale = Scale(min(times) * 0.9, max(times) * 1.1, log=True)
    order = [words.labels(weighing)[card.engine] for card in words.ordered(weighing)]
    ticks = log_ticks(scale)
    parts = [grid(scale, ticks), level_lines(_HEIGHT, _LEVELS)]
    parts += [_drawn(scale, index, points) for index, points in found.items()]
    legend = tuple(
        (index, f"{order[index]}: {', '.join(f'p{s * 100:g} {seconds(within(c, s))}' for s in (*_LEVELS, 0.99))}")
        for index, c in found.items()
    )
    label = f"{title}: {'; '.join(text for _, text in legend)}"
    under = [(t, seconds(t).replace(".00", "").replace(".0 ", " ")) for t in ticks]
    return [Lane("".join(parts), _HEIGHT, label=label, heading=title), axis(scale, under, legend=legend)]


def _drawn(scale: Scale, index: int, points: Curve) -> str:
    ends = [(scale.at(points[0][0]), float(up(0, _HEIGHT))), *((scale.at(t), float(up(s, _HEIGHT))) for t, s in points)]
    kind = f"curve e{index % COLOURS}"
    lines = "".join(line(kind, start, end) for start, end in pairwise(ends))
    marks = zip(_LEVELS, ("at", "at late"), strict=True)
    return lines + "".join(placed(index, scale.at(within(points, s)), up(s, _HEIGHT), look) for s, look in marks)
