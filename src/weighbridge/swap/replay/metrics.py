"""What the answers of two engines are compared by. A metric is one entry of `METRICS`.

Shares are compared by their difference in points, times and costs by their ratio. To decide on a ratio, pair by pair, the
figure is (base - candidate) / (base + candidate): it lies between -1 and 1, is 0 for equals, and (1 - r) / (1 + r) where
the candidate takes r times as much, so one long answer weighs no more than a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from weighbridge.errors import InputError, did_you_mean
from weighbridge.swap.replay.drawing import Question
from weighbridge.swap.replay.pairs import Pair

Unit = Literal["share", "ratio"]
POINTS = 5.0  #: tolerance of a share where nobody gives another
_MOST_POINTS, _MOST_PERCENT = 100.0, 10_000.0


class Metric(Struct, frozen=True):
    """One way to compare.

    Attributes:
        name: As the command line knows it.
        title: For people.
        unit: How two values are compared.
        more_is_better: Else less is.
        decides: Does it count for the verdict also where nobody gives it a tolerance?
        may: Can this recorded exchange be compared by it, as far as the recorded side tells?
        values: The base's and the candidate's; None where a pair cannot be compared by it.
    """

    name: str
    title: str
    unit: Unit
    more_is_better: bool
    decides: bool
    may: Callable[[Question], bool]
    values: Callable[[Pair], tuple[float, float] | None]

    def gain(self, pair: Pair) -> float | None:
        """How much better the candidate is, -1 to 1."""
        found = self.values(pair)
        if found is None:
            return None
        ours, theirs = found
        if self.unit == "ratio":
            return (ours - theirs) / (ours + theirs)
        return theirs - ours if self.more_is_better else ours - theirs

    def margin(self, tolerance: float) -> float:
        """How much worse it may be by that figure: of a tolerance in points, or in percent of the base's."""
        if self.unit == "share":
            return tolerance / 100
        times = 1 + tolerance / 100
        return (times - 1) / (times + 1)


def _two(ours: float | None, theirs: float | None) -> tuple[float, float] | None:
    return None if ours is None or theirs is None else (float(ours), float(theirs))


def _tools(pair: Pair) -> tuple[float, float] | None:
    """Where one of them calls a tool, or had to: who calls none makes no call that is wrong."""
    ours, theirs = pair.base.miscalled, pair.candidate.miscalled
    if not pair.both_answered or (ours is None and theirs is None):
        return None
    return float(bool(ours)), float(bool(theirs))


def _amounts(ours: float | None, theirs: float | None) -> tuple[float, float] | None:
    return None if not ours or theirs is None else (ours, theirs)


def _costs(pair: Pair) -> tuple[float, float] | None:
    same = pair.base.currency == pair.candidate.currency
    return _amounts(pair.base.cost, pair.candidate.cost) if same else None


METRICS = {
    one.name: one
    for one in (
        Metric(
            "errors", "Errors", "share", more_is_better=False, decides=True,
            may=lambda _: True,
            values=lambda pair: _two(pair.base.failed, pair.candidate.failed),
        ),
        Metric(
            "format", "JSON not as asked", "share", more_is_better=False, decides=True,
            may=lambda question: question.signs.malformed is not None,
            values=lambda pair: _two(pair.base.malformed, pair.candidate.malformed),
        ),
        Metric(
            "tools", "Unfit tool calls", "share", more_is_better=False, decides=True,
            may=lambda question: not question.signs.failed and bool(question.request.tools),
            values=_tools,
        ),
        Metric(
            "refusals", "Refusals", "share", more_is_better=False, decides=True,
            may=lambda question: question.signs.refused is not None,
            values=lambda pair: _two(pair.base.refused, pair.candidate.refused),
        ),
        Metric(
            "correct", "Right answers", "share", more_is_better=True, decides=True,
            may=lambda question: question.target is not None,
            values=lambda pair: (pair.right[0].score, pair.right[1].score) if pair.right else None,
        ),
        Metric(
            "judge", "Judges prefer", "share", more_is_better=True, decides=True,
            may=lambda question: not question.signs.failed,
            values=lambda pair: None if pair.preferred is None else (1 - pair.preferred, pair.preferred),
        ),
        Metric(
            "calls", "Same tool calls", "share", more_is_better=True, decides=False,
            may=lambda question: not question.signs.failed and bool(question.request.tools),
            values=lambda pair: (1.0, pair.calls.score) if pair.calls else None,
        ),
        Metric(
            "similarity", "Similar texts", "share", more_is_better=True, decides=False,
            may=lambda question: not question.signs.failed,
            values=lambda pair: None if pair.likeness is None else (1.0, pair.likeness),
        ),
        Metric(
            "first-token", "First token, s", "ratio", more_is_better=False, decides=False,
            may=lambda question: bool(question.signs.first_token),
            values=lambda pair: _amounts(pair.base.first_token, pair.candidate.first_token),
        ),
        Metric(
            "latency", "Whole answer, s", "ratio", more_is_better=False, decides=False,
            may=lambda question: bool(question.signs.seconds),
            values=lambda pair: _amounts(pair.base.seconds, pair.candidate.seconds),
        ),
        Metric(
            "cost", "Cost a request", "ratio", more_is_better=False, decides=False,
            may=lambda question: bool(question.signs.cost),
            values=_costs,
        ),
    )
}  # fmt: skip


def tolerances(told: str, margin: float = POINTS) -> dict[str, float]:
    """How much worse the candidate may be by each metric that decides: points of a share, percent of times and costs.

    Args:
        told: Such as `errors=1,latency=20`.
        margin: Points, of all shares that are not named and decide without it.

    Raises:
        InputError: A metric is unknown or named twice, or a tolerance is out of range.
    """
    found: dict[str, float] = {}
    for piece in filter(None, (piece.strip() for piece in told.split(","))):
        name, _, value = (part.strip() for part in piece.partition("="))
        if name not in METRICS or name in found:
            wrong = "is given twice" if name in found else "is no metric"
            raise InputError(f"'{name[:50]}' {wrong}.", where="--tolerance", fix=did_you_mean(name, METRICS))
        found[name] = _tolerance(METRICS[name], value, "--tolerance")
    for metric in METRICS.values():
        if metric.decides:
            found.setdefault(metric.name, _tolerance(metric, f"{margin:g}", "--margin"))
    return found


def applicable(told: Mapping[str, float], questions: tuple[Question, ...], *, judged: bool) -> dict[str, float]:
    """Those of the tolerances whose metric may have anything to compare in these questions."""
    return {
        name: value
        for name, value in told.items()
        if (name != "judge" or judged) and any(map(METRICS[name].may, questions))
    }


def _tolerance(metric: Metric, value: str, where: str) -> float:
    most = _MOST_POINTS if metric.unit == "share" else _MOST_PERCENT
    unit = "points" if metric.unit == "share" else "percent"
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 < found < most:
        raise InputError(
            f"'{value[:50]}' is no tolerance for {metric.name}.",
            where=where,
            fix=f"Give {unit}, above 0 and below {most:g}, such as {metric.name}=2.",
        )
    return found
