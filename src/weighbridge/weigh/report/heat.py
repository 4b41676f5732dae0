"""Where each candidate is better or worse than the base: a cell for each category, with chance allowed for."""

from __future__ import annotations

from html import escape

from msgspec import Struct

from weighbridge.weigh import words
from weighbridge.weigh.axes.making import clusters_of
from weighbridge.weigh.numbers import level, points
from weighbridge.weigh.report.drawing import Lane, Plot, placed
from weighbridge.weigh.rows import category_name
from weighbridge.weigh.types import Comparison, Result, Sample, Weighing

_HEIGHT, _HEAD = 34, 22
_STRONGEST = 0.3  # a difference that gets the full colour
_STEPS = 5  # shades of each colour


class Cell(Struct, frozen=True):
    """A candidate in one category: its comparison with the base, and whether its difference is beyond chance."""

    category: str
    engine: str
    found: Comparison
    beyond: bool


def cells(weighing: Weighing) -> dict[tuple[str, str], Cell]:
    """By (category, candidate): the paired differences in each category.

    With k cells each bound may err with a rate of alpha / (2 k), so that all together call at most alpha of the
    differences that are none one (Bonferroni).
    """
    named = list(dict.fromkeys(sample.category for sample in weighing.samples))
    candidates = [card.engine for card in words.ordered(weighing) if card.engine in weighing.comparisons]
    if len(named) < 2 or not candidates:  # noqa: PLR2004 - one category is all samples
        return {}
    alpha = weighing.alpha / (2 * len(named) * len(candidates))
    base = _by_sample(weighing.results.get(weighing.base, ()))
    made = {}
    for engine in candidates:
        theirs = _by_sample(weighing.results.get(engine, ()))
        shared: dict[str, list[Sample]] = {}
        for sample in weighing.samples:
            if sample.id in base and sample.id in theirs:
                shared.setdefault(sample.category, []).append(sample)
        for category, samples in shared.items():
            made[category, engine] = _cell(category, engine, samples, (base, theirs), weighing.margin, alpha)
    return made


def _by_sample(results: tuple[Result, ...]) -> dict[str, float]:
    return {result.sample: result.score for result in results if not result.missing}


def _cell(
    category: str,
    engine: str,
    samples: list[Sample],
    scores: tuple[dict[str, float], dict[str, float]],
    margin: float,
    alpha: float,
) -> Cell:
    from weighbridge.weigh.verdict import compare

    ours, theirs = ([of[sample.id] for sample in samples] for of in scores)
    found = compare(ours, theirs, clusters=clusters_of(samples), margin=margin, alpha=alpha)
    return Cell(category, engine, found, beyond=found.ci_low > 0 or found.ci_high < 0)


def heat(weighing: Weighing, found: dict[tuple[str, str], Cell] | None = None) -> Plot | None:
    """The map; None with fewer than two categories or without candidates. `found` are its cells, if they are known."""
    found = cells(weighing) if found is None else found
    if not found:
        return None
    names = words.labels(weighing)
    columns = [
        (i, c.engine) for i, c in enumerate(words.ordered(weighing)) if any(engine == c.engine for _, engine in found)
    ]
    head = "".join(
        placed(index, f"{(place + 0.5) * 100 / len(columns):.2f}%", 11) for place, (index, _) in enumerate(columns)
    )
    legend = tuple((index, names[engine]) for index, engine in columns)
    lanes = [Lane(head, _HEAD, kind="axis", legend=legend)]
    for category in dict.fromkeys(category for category, _ in found):
        row = [found.get((category, engine)) for _, engine in columns]
        lanes.append(_lane(category, row, [names[engine] for _, engine in columns]))
    caption = (
        "Points above or below the base, category by category. A ring marks a difference that chance does not explain, although "
        f"all {len(found)} cells were looked at: the error rate of {level(weighing.alpha)} is shared among them. "
        "Cells without a ring are hints at the most."
    )
    return Plot("heat", "Differences by category", tuple(lanes), caption)


def _lane(category: str, row: list[Cell | None], names: list[str]) -> Lane:
    parts = [_drawn(place, len(row), cell) for place, cell in enumerate(row) if cell is not None]
    told = [
        f"{name} {points(cell.found.difference, signed=True)} points{', beyond chance' if cell.beyond else ''}"
        for name, cell in zip(names, row, strict=True)
        if cell is not None
    ]
    pairs = max((cell.found.n for cell in row if cell is not None), default=0)
    note = f"{pairs:,} {'pair' if pairs == 1 else 'pairs'}"
    name = category_name(category)
    return Lane("".join(parts), _HEIGHT, name=name, note=note, label=f"{name}: {', '.join(told)}")


def _drawn(place: int, columns: int, cell: Cell) -> str:
    """A coloured field with its figure. The shade tells the size, the sign tells the direction without colours."""
    width = 100 / columns
    shade = min(_STEPS, round(abs(cell.found.difference) / _STRONGEST * _STEPS))
    side = "worse" if cell.found.difference < 0 else "better"
    middle = f"{(place + 0.5) * width:.2f}%"
    field = f'<rect class="cell {side} d{shade}" x="{place * width + 0.25:.2f}%" y="1" width="{width - 0.5:.2f}%" height="{_HEIGHT - 2}" rx="3"/>'
    text = f'<text class="in" x="{middle}" y="{_HEIGHT / 2 + 4.5:g}">{escape(points(cell.found.difference, signed=True))}</text>'
    ring = f'<rect class="ring" x="{place * width + 0.5:.2f}%" y="2" width="{width - 1:.2f}%" height="{_HEIGHT - 4}" rx="3"/>'
    return field + (ring if cell.beyond else "") + text
