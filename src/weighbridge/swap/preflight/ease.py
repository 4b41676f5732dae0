"""How easy a switch would be: five parts of a hundred each, and one figure of them, for sorting candidates.

The parts say more than the figure. What is not known is left out of it and told; a rule that refuses the candidate
makes it 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from weighbridge.canon import FilePart, ImagePart, Trace
from weighbridge.canon.parts import ReasoningPart
from weighbridge.swap.preflight.law import Law
from weighbridge.swap.preflight.money import Costs

WEIGHTS = {"compatibility": 4, "behaviour": 2, "cost": 2, "law": 1, "reversibility": 1}
"""How much each part counts in the figure."""

_FULL = 100.0
_A_CHANGE = 0.25  #: how much of a request is lost where something only changes
_PER_TERM = 25.0  #: points that each worse or unknown term of law takes


class Part(Struct, frozen=True):
    """One part: 0 to 100, None where nothing is known of it, and what it rests on."""

    name: str
    points: float | None
    note: str


class Ease(Struct, frozen=True):
    """The parts, and their weighted mean over those that are known; None where none of them is."""

    score: float | None
    parts: tuple[Part, ...]
    refused: bool = False


def ease(
    traces: Sequence[Trace], broken: tuple[int, int], *, behaviour: Part, costs: Costs, law: Law, way_back: str
) -> Ease:
    """Put the parts together.

    Args:
        traces: The requests that were looked at; one at least.
        broken: How many of them would newly break, and how many only change.
        behaviour: What is known of the candidate's answers to this traffic.
        costs: The month on both engines.
        law: The terms of both.
        way_back: What stands in the way of coming back to the engine of today; "" where nothing does.
    """
    parts = (
        _compatibility(len(traces), broken),
        behaviour,
        _cost(costs),
        _law(law),
        _reversibility(traces, way_back),
    )
    known = [(part.points, WEIGHTS[part.name]) for part in parts if part.points is not None]
    score = sum(points * weight for points, weight in known) / sum(weight for _, weight in known) if known else None
    return Ease(0.0 if not law.admitted else score, parts, refused=not law.admitted)


def _compatibility(of: int, broken: tuple[int, int]) -> Part:
    grave, changed = broken
    points = _FULL * (1 - (grave + _A_CHANGE * changed) / of)
    return Part("compatibility", points, f"{grave} of {of} requests would newly break, {changed} would change")


def _cost(costs: Costs) -> Part:
    if costs.ratio is None:
        return Part("cost", None, "a price is unknown, or the currencies differ")
    points = _FULL if costs.ratio <= 1 else _FULL / costs.ratio
    return Part("cost", points, f"{costs.ratio:.2f} times the cost of today")


def _law(law: Law) -> Part:
    refusals = [finding for finding in law.findings if not finding.admitted]
    if refusals:
        return Part("law", 0.0, f"refused by {refusals[0].rule} ({refusals[0].by}): {refusals[0].reason}")
    worse = [term.name for term in law.terms if term.worse]
    unknown = [term.name for term in law.terms if term.worse is None]
    note = "; ".join(
        told
        for told in (
            f"changed or worse: {', '.join(worse)}" if worse else "",
            f"unknown: {', '.join(unknown)}" if unknown else "",
        )
        if told
    )
    points = max(0.0, _FULL - _PER_TERM * (len(worse) + len(unknown)))
    return Part("law", points, note or "nothing is given up")


def _reversibility(traces: Sequence[Trace], way_back: str) -> Part:
    """What ties a conversation to the engine that holds its state cannot come back as it was."""
    if way_back:
        return Part("reversibility", 0.0, way_back)
    tied = sum(_is_tied(trace) for trace in traces)
    points = _FULL * (1 - tied / len(traces))
    note = (
        f"{tied} of {len(traces)} requests hang on state that one host keeps" if tied else "nothing is tied to a host"
    )
    return Part("reversibility", points, note)


def _is_tied(trace: Trace) -> bool:
    request = trace.request
    assert request is not None
    return bool(request.continues) or any(
        (isinstance(part, ReasoningPart) and bool(part.blobs))
        or (isinstance(part, FilePart | ImagePart) and bool(part.file_id))
        for message in request.messages
        for part in message.parts
    )
