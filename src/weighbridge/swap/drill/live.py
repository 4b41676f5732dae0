"""Cutting engines off for a time, in every gateway of a store; it ends by itself, whoever dies meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Act, Plan
from weighbridge.errors import InputError
from weighbridge.store.state import State

KIND = "drill"
LONGEST = 24 * 3600.0  #: seconds
WHO = "the drill's end"


class Cut(Struct, frozen=True):
    """Engines that are cut off until a time, in seconds since 1970."""

    id: str
    name: str
    engines: tuple[str, ...]
    started: float
    until: float
    who: str
    why: str = ""


def begin(state: State, cut: Cut) -> None:
    """Cut engines off. What other drills cut off stays so.

    The record comes first: whatever happens then, somebody knows when it is to end.

    Raises:
        InputError: It would last no time at all, or longer than a day.
        StoreError: The store cannot be written.
    """
    if not 0 < cut.until - cut.started <= LONGEST:
        raise InputError(
            f"A drill of {cut.until - cut.started:g} seconds is not possible.",
            where="--for",
            fix="Give from 1s to 24h.",
        )
    act = Act(cut.started, cut.who, "drill.begin", subject=cut.name, why=cut.why)
    state.alter(KIND, cut.id, lambda _: msgspec.json.encode(cut), act)
    _publish(state, who=cut.who, why=f"drill: {cut.name} is gone", at=cut.started)


class _EndedError(Exception):
    """Somebody else ended it."""


def end(state: State, found: Iterable[Cut], *, who: str, at: float) -> list[Cut]:
    """Let engines be asked again, as far as no other drill cuts them off.

    Returns:
        Those that were ended by this call, and not by anybody before.

    Raises:
        StoreError: The store cannot be written.
    """
    ended = []
    for cut in found:
        with suppress(_EndedError):
            state.alter(KIND, cut.id, _forget, Act(at, who, "drill.end", subject=cut.name))
            ended.append(cut)
    _publish(state, who=who, why="the drill is over", at=at)
    return ended


def _forget(data: bytes | None) -> None:
    if data is None:
        raise _EndedError


def cuts(state: State) -> list[Cut]:
    """The drills that are under way.

    Raises:
        StoreError: The store cannot be read.
    """
    return [msgspec.json.decode(record.data or b"", type=Cut) for record in state.records(KIND)]


def expire(state: State, now: float) -> list[Cut]:
    """End the drills whose time is over, and put right what somebody left half done. Safe in any number of processes.

    Returns:
        Those that were ended by this call.

    Raises:
        StoreError: The store cannot be read or written.
    """
    every = cuts(state)
    over = [cut for cut in every if cut.until <= now]
    current = state.current()
    wanted = _union(cut for cut in every if cut.until > now)
    if over:
        return end(state, over, who=WHO, at=now)
    if current is not None and current.plan.cut != wanted:
        _publish(state, who=WHO, why="as the drills under way say", at=now)
    return []


def _publish(state: State, *, who: str, why: str, at: float) -> None:
    current = state.current()
    if current is not None and current.plan.cut == _union(cuts(state)):
        return
    # The drills are read anew each time that somebody else was faster.
    state.update(
        lambda plan: replace(plan or Plan(number=0), cut=_union(cuts(state))),
        action="cut",
        who=who,
        why=why,
        route="",
        at=at,
    )


def _union(found: Iterable[Cut]) -> tuple[str, ...]:
    return tuple(sorted({engine for cut in found for engine in cut.engines}))
