"""What is asked of the meters, and what they answer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from weighbridge.access.spans import Field

DRY = -1  #: stands for what is wanted where nothing more is to be had
_HOLD, _ID = 4, 8  #: bytes of a hold's place, and of its id

Why = Literal["limit", "lease", "unknown"]


class Want(Struct, frozen=True):
    """What one call may use of one meter. Not `hard`: it is counted, and nothing is refused.

    `soft`: the share of the limit from which it is told; 0 for never.
    """

    subject: str
    field: int
    amount: int
    limit: int
    hard: bool = True
    soft: float = 0.0
    currency: str = ""


class Level(Struct, frozen=True):
    """How a meter stands, with what was asked for in it."""

    want: Want
    taken: int
    span: int


class Reservation(Struct, frozen=True):
    """What was let in. `hold` and `id` tell where it is kept; `hold` is -1 where there is nothing to give back."""

    hold: int
    id: int
    levels: tuple[Level, ...] = ()


class Refusal(Struct, frozen=True):
    """What was not let in, and why.

    `limit`: the limit would be passed. `lease`: this machine has not leased as much. `unknown`: what was spent before is not known yet.
    """

    want: Want
    why: Why
    taken: int  #: used and reserved, without what was asked for
    used: int


class Standing(Struct, frozen=True):
    """One meter. Money that `since` is 0 for begins to count once `seed` told what was spent before."""

    subject: str
    field: Field
    span: str  #: a minute (`2026-11-23T10:05`), a day, a month; "" for what holds at any time
    used: int
    reserved: int
    granted: int  #: what this machine may use of the limit; -1: all of it
    wanted: int  #: what it should be granted more, so that nobody waits; `DRY` where others have the rest
    since: float
    currency: str = ""


def note(reservations: Iterable[Reservation]) -> bytes:
    """What must be released if this process dies, short enough for a journal."""
    held = (one for one in reservations if one.hold >= 0)
    return b"".join(one.hold.to_bytes(_HOLD, "big") + one.id.to_bytes(_ID, "big") for one in held)


def holds(note: bytes) -> list[tuple[int, int]]:
    """The places and ids in a note; what is no note holds nothing that is held."""
    size = _HOLD + _ID
    parts = (note[at : at + size] for at in range(0, len(note) - size + 1, size))
    return [(int.from_bytes(part[:_HOLD], "big"), int.from_bytes(part[_HOLD:], "big")) for part in parts]
