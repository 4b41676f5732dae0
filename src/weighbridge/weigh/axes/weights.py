"""One number of several axes, where somebody says how much each counts. Nothing is summed unasked.

Each axis becomes points from 0 to 1: shares are as they are (those that are better low are taken from 1), amounts are set
against the best engine of the weighing (the cheapest has 1, one that costs twice as much 0.5), words by their rank. An axis
that is unknown, or does not apply, is left out of that engine's number, and told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh.types import Axis, Scorecard

MOST = 50  #: axes that may be weighted
_LARGEST = 1_000_000.0

_LOW_SHARES = frozenset({"refused", "evasive", "retracted", "empty", "missing_grades", "failures", "flips", "thinking"})
_LOW_AMOUNTS = frozenset({"cost_per_1000", "cost_per_solved", "thinking_cost_per_1000"})
_HIGH_AMOUNTS = frozenset({"throughput", "context", "other_hosts"})
_WORDS: dict[str, dict[str, float]] = {
    "openness": {
        "Class I, Open Science": 1.0,
        "Class II, Open Tooling": 2 / 3,
        "Class III, Open Model": 1 / 3,
        "no class": 0.0,
    },
    "weights": {"open": 1.0, "closed": 0.0},
    "self_hostable": {"yes": 1.0, "no": 0.0},
    "trains_on_inputs": {"no": 1.0, "your own": 1.0, "yes": 0.0},
}


class Part(Struct, frozen=True):
    """One axis in a weighted number: its points, None where they are unknown, and its weight."""

    axis: str
    weight: float
    points: float | None


class Weighted(Struct, frozen=True):
    """One engine's number, 0 to 1: the weighted mean of the parts that are known; None where none is."""

    engine: str
    value: float | None
    parts: tuple[Part, ...]


def read(text: str) -> dict[str, float]:
    """Weights from `quality=3,cost_per_1000=1`.

    Raises:
        InputError: It has another form, names an axis twice, or a weight is no positive number.
    """
    found: dict[str, float] = {}
    for piece in text.split(","):
        name, sign, value = (part.strip() for part in piece.partition("="))
        try:
            weight = float(value)
        except ValueError:
            weight = 0.0
        if not sign or not name or name in found or not 0 < weight <= _LARGEST:
            raise InputError(
                f"'{piece.strip()[:60]}' is no weight of an axis.",
                where="--weights",
                fix="Write each axis once with a positive number: quality=3,cost_per_1000=1.",
            )
        found[name] = weight
    if len(found) > MOST:
        raise InputError(f"{len(found)} axes are too many.", where="--weights", fix=f"Give at most {MOST}.")
    return found


def weighted(cards: Sequence[Scorecard], weights: Mapping[str, float]) -> tuple[Weighted, ...]:
    """Every engine's number, in the order of the scorecards.

    Raises:
        InputError: An axis is none of the scorecards', or cannot be put in order.
    """
    tables = [{axis.name: axis for axis in card.axes} for card in cards]
    known = list(dict.fromkeys(name for table in tables for name in table))
    for name in weights:
        if name not in known:
            raise InputError(f"There is no axis '{name[:60]}'.", where="--weights", fix=did_you_mean(name, known))
        if not _ranked(next(table[name] for table in tables if name in table)):
            raise InputError(
                f"The axis '{name}' holds words that have no order.",
                where="--weights",
                fix="Leave it out, and read it.",
            )
    points = {name: _points([table.get(name) for table in tables], name) for name in weights}
    found = []
    for place, card in enumerate(cards):
        parts = tuple(Part(name, weight, points[name][place]) for name, weight in weights.items())
        told = [(part.points, part.weight) for part in parts if part.points is not None]
        total = sum(weight for _, weight in told)
        found.append(Weighted(card.engine, sum(p * w for p, w in told) / total if told else None, parts))
    return tuple(found)


def _ranked(axis: Axis) -> bool:
    return axis.name in _WORDS or axis.unit in ("share", "of 100", "seconds") or (
        axis.name in _LOW_AMOUNTS | _HIGH_AMOUNTS
    )  # fmt: skip


def _points(axes: Sequence[Axis | None], name: str) -> list[float | None]:
    if name in _WORDS:
        return [_WORDS[name].get(str(axis.value)) if axis is not None else None for axis in axes]
    values = [axis.value if axis is not None and isinstance(axis.value, int | float) else None for axis in axes]
    unit = next((axis.unit for axis in axes if axis is not None), "")
    if unit == "share":
        return [None if value is None else 1 - value if name in _LOW_SHARES else value for value in values]
    if unit == "of 100":
        return [None if value is None else value / 100 for value in values]
    told = [value for value in values if value is not None]
    if name in _HIGH_AMOUNTS:
        best = max(told, default=0.0)
        return [None if value is None else value / best if best > 0 else 1.0 for value in values]
    if len({axis.unit for axis in axes if axis is not None and axis.value is not None}) > 1:
        return [None] * len(axes)  # prices in several currencies have no order
    least = min(told, default=0.0)
    return [None if value is None else least / value if value > 0 else 1.0 for value in values]
