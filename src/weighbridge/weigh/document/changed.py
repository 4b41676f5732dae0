"""What changed from one document to another: the parts that `changes.diff` finds."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from weighbridge.weigh.types import Comparison


class Moved(Struct, frozen=True):
    """A figure then and now. `low` and `high` are the ends of its 95 % interval, None where nothing bounds it.

    `kind` says of what: of `ratio`, new over old, or of `difference`, new minus old.
    """

    name: str
    unit: str
    old: float
    new: float
    kind: str
    value: float
    n: int
    low: float | None = None
    high: float | None = None


class Fact(Struct, frozen=True):
    """A fact or a price that is another now: where it stands, what it was, what it is."""

    path: str
    old: Any
    new: Any


class EngineDiff(Struct, frozen=True):
    """What changed for one engine on the samples that both documents hold.

    `quality` compares it with itself: the base is then, the candidate is now. `better` and `worse` name samples whose
    score rose or fell; `reworded` of `answered` answers are in other words. `was` is what the earlier document calls it,
    where that is another name.
    """

    engine: str
    quality: Comparison
    better: tuple[str, ...] = ()
    worse: tuple[str, ...] = ()
    better_count: int = 0
    worse_count: int = 0
    reworded: int = 0
    answered: int = 0
    failures: tuple[int, int] = (0, 0)
    moved: tuple[Moved, ...] = ()
    facts: tuple[Fact, ...] = ()
    was: str = ""


class Side(Struct, frozen=True):
    """Which document."""

    name: str
    suite: str
    day: str
    software: str
    digest: str
    samples: int


class Diff(Struct, frozen=True):
    """What changed from one document to another. `same_suite`: both say the same suite, by its digest.

    `shared` samples have one digest in both; `changed` have one id and two digests, and count nowhere. `noise` is how
    the base differed from itself within the later run, where it was asked twice.
    """

    old: Side
    new: Side
    same_suite: bool
    shared: int
    changed: int
    only_old: int
    only_new: int
    engines: tuple[EngineDiff, ...]
    only_old_engines: tuple[str, ...] = ()
    only_new_engines: tuple[str, ...] = ()
    noise: Comparison | None = None
    notes: tuple[str, ...] = ()
