"""What the store knows of a move in stages: one record for each route, the last move of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
from msgspec import Struct

from weighbridge.canon import Act, Route, Trial
from weighbridge.errors import InputError, NotFoundError, StoreError, did_you_mean
from weighbridge.store.state import State

KIND = "swap"

Status = Literal["running", "paused", "done", "rolled_back", "withdrawn"]
Guard = Literal["errors", "format", "tools", "refusals", "latency", "cost", "feedback"]

#: How much worse the candidate may be: points of a share, or for latency and cost a part of what the other one takes.
GUARDS: dict[Guard, float] = {
    "errors": 0.002,
    "format": 0.005,
    "tools": 0.005,
    "refusals": 0.01,
    "latency": 0.10,
    "cost": 0.25,
    "feedback": 0.02,
}
STAGES = (0.01, 0.05, 0.25, 0.5, 1.0)
MAX_STAGES = 20
ALPHA = 0.05
HARM = 0.008
LEAST = 50
MAX_HOLD = 30 * 86_400.0  #: seconds
MAX_RATIO = 100.0  #: a candidate may take so many times more


class Swap(Struct, frozen=True, omit_defaults=True):
    """A move of a route from one engine to another, in stages.

    Attributes:
        id: Tells moves apart.
        route: Whose move.
        base: The engine that answers the route.
        candidate: The engine that is to.
        stages: The candidate's share of the conversations in each stage, growing.
        stage: Which of them is in force, from 0.
        status: `paused` goes on being guarded, and does not advance. `withdrawn`: ended by somebody's hand.
        tolerances: By guard, how much worse is still no reason to go back.
        alpha: The chance that a move to an equal engine is rolled back, over all guards and stages together.
        harm: The most conversations, as a share of all, that the next stage may do worse by.
        least: Pairs of conversations that a stage takes at least.
        hold: Seconds that a stage takes at least.
        started: Seconds since 1970.
        moved: When the stage came into force; 0: none has yet.
        who: Who began it.
        why: Their reason.
        shadow: The candidate answers nobody: it is asked a share of the requests as well.
        budget: What a shadow may spend, in micro-units of its price's currency; None: whatever it costs.
        ended: When it ended.
        reason: Why it ended.
    """

    id: str
    route: str
    base: str
    candidate: str
    started: float
    stages: tuple[float, ...] = STAGES
    stage: int = 0
    status: Status = "running"
    tolerances: dict[Guard, float] = msgspec.field(default_factory=lambda: dict(GUARDS))
    alpha: float = ALPHA
    harm: float = HARM
    least: int = LEAST
    hold: float = 0.0
    moved: float = 0.0
    who: str = ""
    why: str = ""
    shadow: bool = False
    budget: int | None = None
    ended: float | None = None
    reason: str = ""

    @property
    def share(self) -> float:
        """Of the stage in force."""
        return self.stages[self.stage]

    def trial(self, entry: Route | None) -> Trial | None:
        """This move's own trial in a route, if it has it."""
        found = None if entry is None else entry.shadow if self.shadow else entry.canary
        return found if found is not None and found.swap == self.id else None

    @property
    def open(self) -> bool:
        """Is it under way?"""
        return self.status in ("running", "paused")


def check(swap: Swap) -> None:
    """Refuse what cannot be meant.

    Raises:
        InputError: The first such value.
    """
    for what, fix in _flaws(swap):
        raise InputError(what, where=swap.route, fix=fix)


def _flaws(swap: Swap) -> Iterator[tuple[str, str]]:
    stages = swap.stages
    if not 1 <= len(stages) <= MAX_STAGES:
        yield f"{len(stages)} stages are not possible.", f"Give 1 to {MAX_STAGES}."
    if not all(0 < share <= 1 for share in stages) or list(stages) != sorted(set(stages)):
        shown = ", ".join(f"{share:.4%}" for share in stages)
        yield f"The stages {shown} do not grow from above 0 to 100 %.", "Give them such as 1,5,25,50,100."
    yield from _intolerable(swap)
    for name, low, high, fix in (
        ("alpha", 0.0, 0.5, "Give a share above 0 and below 0.5, such as 0.05."),
        ("harm", 0.0, 1.0, "Give a share above 0, such as 0.02."),
        ("least", 0.0, 1e6, "Give 1 to 1,000,000 pairs."),
    ):
        if not low < getattr(swap, name) <= high:
            yield f"{name} = {getattr(swap, name)} is not possible.", fix
    if not 0 <= swap.hold <= MAX_HOLD:
        yield f"A stage cannot be held for {swap.hold} seconds.", "Give at most 30 days."


def _intolerable(swap: Swap) -> Iterator[tuple[str, str]]:
    if not swap.tolerances:
        yield "A move without any guard is a promotion.", "Leave one guard, or use 'swap promote'."
    for guard, value in swap.tolerances.items():
        if guard not in GUARDS:
            yield f"There is no guard '{guard}'.", did_you_mean(guard, GUARDS)
        elif not 0 <= value < (MAX_RATIO if guard in ("latency", "cost") else 1):
            yield f"The tolerance {value} of {guard} is not possible.", "Give percent, such as errors=0.5."


def running(state: State) -> list[Swap]:
    """The moves that are under way.

    Raises:
        StoreError: The store cannot be read.
    """
    return [swap for record in state.records(KIND) if (swap := _read(record.data)).open]


def load(state: State, route: str) -> Swap:
    """The last move of a route.

    Raises:
        NotFoundError: There was none.
        StoreError: The store cannot be read.
    """
    found = next((record for record in state.records(KIND) if record.name == route), None)
    if found is None:
        raise NotFoundError(
            f"No move of {route} was begun.", where=route, fix=f"Begin one: weighbridge swap start {route} ENGINE."
        )
    return _read(found.data)


def change(state: State, route: str, how: Callable[[Swap | None], Swap], *, act: Act) -> Swap:
    """Change the record of a route, and write down who did it.

    Raises:
        StoreError: The store cannot be written.
    """
    record = state.alter(KIND, route, lambda data: msgspec.json.encode(how(None if data is None else _read(data))), act)
    return _read(record.data)


def _read(data: bytes | None) -> Swap:
    try:
        return msgspec.json.decode(data or b"", type=Swap)
    except msgspec.DecodeError as error:
        raise StoreError(f"The record of a move cannot be read: {error}.", fix="Begin the move anew.") from error
