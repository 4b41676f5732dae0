"""What is told of the judges of a weighing: figures for programs, sentences for people.

The terminal, the report and the document all take it from here. Nothing is told where nobody judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct

from weighbridge.weigh.judges import bias, panel
from weighbridge.weigh.judges.bias import Length, Missing, Position
from weighbridge.weigh.judges.comparing import UNASKED
from weighbridge.weigh.judges.hostile import LABEL
from weighbridge.weigh.judges.panel import Harmony
from weighbridge.weigh.numbers import one_line, percent, plural, points, span
from weighbridge.weigh.types import Interval, Judge, Judgement, Weighing

_NAME = 60  # characters of a name in a sentence
_WHY = 200  # characters of a reason in one


class Told(Struct, frozen=True, omit_defaults=True):
    """Everything about the judges of a weighing.

    `graded` counts answers that were graded by a rubric, `ungraded` those among them without a grade; `compared` and
    `uncompared` count pairs in the same way. `addressed` counts answers that speak to the judge. `spent` is what judges
    cost, in micro-units, None where a price is unknown.
    """

    judges: tuple[Judge, ...]
    missing: tuple[Missing, ...] = ()
    positions: tuple[Position, ...] = ()
    lengths: dict[str, Length] = {}  #: by candidate
    harmony: tuple[Harmony, ...] = ()
    graded: int = 0
    ungraded: int = 0
    compared: int = 0
    uncompared: int = 0
    addressed: int = 0
    unasked: int = 0  #: pairs that the budget left open
    spent: int | None = None
    sentences: tuple[str, ...] = ()


def tell(weighing: Weighing) -> Told | None:
    """What there is to tell of a weighing's judges; None where nobody judged."""
    if not weighing.judges:
        return None
    grades = [r.grade for found in weighing.results.values() for r in found if r.grade is not None and r.grade.judged]
    pairs = [p for found in weighing.preferences.values() for p in found]
    judged = [j for grade in grades for j in grade.judged] + [j for p in pairs for j in p.judged]
    clusters = bias.clusters_of(weighing.samples)
    lengths = {
        candidate: length
        for candidate, found in weighing.preferences.items()
        if (length := bias.length(found, clusters)) is not None
    }
    told = Told(
        judges=weighing.judges,
        missing=bias.missing(judged),
        positions=bias.positions(weighing.preferences, clusters),
        lengths=lengths,
        harmony=panel.harmony(weighing),
        graded=len(grades),
        ungraded=sum(grade.missing for grade in grades),
        compared=sum(p.score is not None for p in pairs),
        uncompared=sum(p.score is None for p in pairs),
        addressed=sum(g.label == LABEL for g in grades) + sum(len(p.addressed) for p in pairs),
        unasked=sum(p.note == UNASKED for p in pairs),
        spent=_spent(judged),
    )
    from msgspec.structs import replace

    return replace(told, sentences=tuple(_sentences(told, weighing, judged)))


def _sentences(told: Told, weighing: Weighing, judged: Sequence[Judgement]) -> Iterable[str]:
    yield _who(told)
    for candidate, comparison in weighing.preferred.items():
        yield (
            f"{_short(candidate)} was preferred to {_short(weighing.base)} in {percent(comparison.candidate_mean)} of "
            f"{plural(comparison.n, 'pair')}, ties as half: {comparison.verdict} by what judges prefer."
        )
    for position in told.positions:
        yield (
            f"{_short(position.judge)} changed its verdict with the order in {_share(position.flips)} of "
            f"{plural(position.flips.n, 'pair')}; the first place won {_share(position.first)} "
            f"({_taste(position.first)})."
        )
    for candidate, length in told.lengths.items():
        yield from _length(candidate, length)
    for harmony in told.harmony:
        yield harmony.sentence
    yield from _gaps(told, judged)


def _who(told: Told) -> str:
    names = ", ".join(dict.fromkeys(f"{_short(j.engine)} ({j.version})" for j in told.judges))
    kin = sorted({(j.engine, name) for j in told.judges for name in j.kin})
    forced = "".join(f" {_short(judge)} is of the same family as {_short(name)}." for judge, name in kin)
    return f"Judged by {names}.{forced}"


def _length(candidate: str, length: Length) -> Iterable[str]:
    if length.longer is None:
        return
    sign = "longer" if length.mean_difference > 0 else "shorter"
    yield (
        f"The longer answer won {_share(length.longer)} of {plural(length.longer.n, 'pair')} ({_taste(length.longer)}); "
        f"those of {_short(candidate)} are {abs(length.mean_difference):,.0f} characters {sign} on average."
    )
    if length.controlled is not None:
        yield (
            f"Were all answers equally long, {_short(candidate)} would be preferred in about "
            f"{_share(length.controlled)}, instead of {_share(length.share)}."
        )


def _gaps(told: Told, judged: Sequence[Judgement]) -> Iterable[str]:
    for gap in told.missing:
        if gap.missing:
            yield (
                f"{_short(gap.judge)} gave {gap.missing:,} of {plural(gap.of, 'judgement')} that could not be read or "
                f"had: missing, never a loss.{_commonest(gap.judge, judged)}"
            )
    if told.ungraded or told.uncompared:
        yield f"Without any judgement: {plural(told.ungraded, 'answer')}, {plural(told.uncompared, 'pair')}."
    if told.addressed:
        verb = "speaks" if told.addressed == 1 else "speak"
        yield f"{plural(told.addressed, 'answer')} {verb} to the judge: look at them before you trust their grades."


def _commonest(judge: str, judged: Sequence[Judgement]) -> str:
    """Why most of a judge's missing judgements are."""
    reasons = Counter(j.why for j in judged if j.judge == judge and j.score is None and j.why)
    if not reasons:
        return ""
    ((why, count),) = reasons.most_common(1)
    return f" The commonest reason, {count:,} times: {one_line(why, _WHY).rstrip('.')}."


def _taste(share: Interval) -> str:
    """What an interval around one half says."""
    if share.low > 0.5:  # noqa: PLR2004 - no preference
        return "a bias for it"
    return "a bias against it" if share.high < 0.5 else "no bias beyond chance"  # noqa: PLR2004


def _share(share: Interval) -> str:
    return f"{points(share.value)}% ({span(share.low, share.high)})"


def _short(name: str) -> str:
    return one_line(name, _NAME)


def _spent(judged: Iterable[Judgement]) -> int | None:
    costs = [j.cost for j in judged]
    return sum(cost or 0 for cost in costs) if costs and all(cost is not None for cost in costs) else None
