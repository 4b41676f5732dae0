"""What an engine would refuse, lose, change or lack of requests that were recorded. Nothing is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Engine, Profile, Request, Trace
from weighbridge.errors import WeighbridgeError
from weighbridge.exchange import Call
from weighbridge.exchange.adapt import adapt
from weighbridge.swap.preflight.features import used
from weighbridge.swap.preflight.shares import EXAMPLES, Share, share

Kind = Literal["refuses", "lacks", "exceeds", "loses", "changes", "adjusts"]
GRAVE: tuple[Kind, ...] = ("refuses", "lacks", "exceeds", "loses")
"""What breaks a request, or takes from it what it asked for. A change is what it can live with; an adjustment (such as a
limit that a dialect demands) does not show."""

_KINDS: dict[str, Kind] = {"high": "loses", "medium": "changes", "low": "adjusts"}
_ORDER: tuple[Kind, ...] = (*GRAVE, "changes", "adjusts")
_NUMBERS = re.compile(r"\d+")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")
_BY_ADDRESS = frozenset({"image_url", "file_url"})


class Point(Struct, frozen=True):
    """One thing that does not fit one request."""

    kind: Kind
    field: str
    reason: str


class Problem(Struct, frozen=True):
    """One thing that does not fit, over all requests. `today`: so many of them have it on the engine of today, too."""

    kind: Kind
    field: str
    reason: str
    share: Share
    today: int
    examples: tuple[str, ...] = ()

    @property
    def new(self) -> int:
        """Requests that have it only after the move."""
        return self.share.count - self.today


async def points(trace: Trace, engine: Engine, *, fetches: bool) -> tuple[Point, ...]:
    """What does not fit, if this recorded request goes to an engine.

    The request is written as the gateway would write it, by the engine's profile and dialect; the facts of its
    model are asked what no profile says.

    Args:
        trace: With its request.
        engine: Whom it would go to.
        fetches: May the route fetch what requests tell by address? Then an engine that takes no address is no obstacle.
    """
    assert trace.request is not None
    found = list(_lacking(trace, engine))
    call = Call(trace.request, route=trace.route, dialect=trace.dialect)
    try:
        outgoing = await adapt(call, _fetching(engine) if fetches else engine, None)
    except WeighbridgeError as error:
        found.append(Point("refuses", error.where, error.what))
    else:
        found += (Point(_KINDS[loss.severity], loss.field, loss.reason) for loss in outgoing.losses)
    return tuple(found)


def problems(
    traces: Sequence[Trace], after: Sequence[Sequence[Point]], before: Sequence[Sequence[Point]]
) -> tuple[Problem, ...]:
    """Points of single requests, joined where they are of one kind: new ones first, the gravest first, then by share.

    Args:
        traces: The requests.
        after: The points of each on the candidate.
        before: The same on the engine of today.
    """
    found: dict[tuple[str, str, str], tuple[Point, list[str], int]] = {}
    for trace, new, old in zip(traces, after, before, strict=True):
        known = {_alike(point) for point in old}
        for key, point in {_alike(point): point for point in new}.items():
            first, ids, today = found.get(key, (point, [], 0))
            found[key] = (first, [*ids, trace.id], today + (key in known))
    made = [
        Problem(
            point.kind, _general(point.field), point.reason, share(len(ids), len(traces)), today, tuple(ids[-EXAMPLES:])
        )
        for point, ids, today in found.values()
    ]
    return tuple(sorted(made, key=lambda one: (one.new == 0, _ORDER.index(one.kind), -one.share.count, one.field)))


def broken(after: Sequence[Sequence[Point]], before: Sequence[Sequence[Point]]) -> tuple[int, int]:
    """How many requests would newly meet something grave, and how many others something that only changes."""
    grave = changed = 0
    for new, old in zip(after, before, strict=True):
        known = {_alike(point) for point in old}
        kinds = {point.kind for point in new if _alike(point) not in known}
        grave += bool(kinds.intersection(GRAVE))
        changed += "changes" in kinds and not kinds.intersection(GRAVE)
    return grave, changed


def _alike(point: Point) -> tuple[str, str, str]:
    """Equal for points that differ in places and names alone."""
    return point.kind, _general(point.field), _QUOTED.sub("''", _NUMBERS.sub("0", point.reason))


def _general(field: str) -> str:
    return _NUMBERS.sub("*", field)


def _lacking(trace: Trace, engine: Engine) -> Iterator[Point]:
    """What the model's facts say no to. What is unknown is no obstacle, and is told apart from what is known to be there."""
    assert trace.request is not None
    model, profile = engine.model, engine.profile
    names = {feature.name for feature in used([trace])}
    if "tools" in names and model.tools is False and profile.tools != "grammar":
        yield Point("lacks", "tools", f"{model.name} calls no tools")
    if "JSON schema" in names and model.structured is False and profile.structured != "grammar":
        yield Point("lacks", "response_format", f"{model.name} keeps to no schema")
    if "thinking" in names and model.reasoning is False:
        yield Point("lacks", "thinking", f"{model.name} does not think before it answers")
    if model.modalities:
        for name, kind in (("images", "image"), ("sound", "audio")):
            if name in names and kind not in model.modalities:
                yield Point("lacks", name, f"{model.name} takes no {name}")
    yield from _too_long(trace.request, engine)


def _too_long(request: Request, engine: Engine) -> Iterator[Point]:
    most = engine.offer.max_output or engine.model.max_output
    wanted = request.sampling.max_tokens
    if most is not None and wanted is not None and wanted > most:
        yield Point("exceeds", "max_tokens", f"more output is asked for than the {most:,} tokens that it gives")


def _fetching(engine: Engine) -> Engine:
    """The engine as it is to a gateway that fetches addresses and sends what they stand for."""
    return replace(
        engine,
        profile=_without(engine.profile),
        others={name: _without(profile) for name, profile in engine.others.items()},
    )


def _without(profile: Profile) -> Profile:
    return replace(profile, rejects=tuple(kind for kind in profile.rejects if kind not in _BY_ADDRESS))
