"""The audit log: what administrators did, each entry bound to the one before it by a hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from weighbridge.canon import Act
from weighbridge.errors import DamagedError

if TYPE_CHECKING:
    import sqlalchemy as sa

START = "0" * 64
_CANONICAL = msgspec.json.Encoder(order="sorted")
_BATCH = 1000

#: An entry as it is kept: its number, when, its text, its hash.
Row = tuple[int, float, bytes, str]


class Entry(Struct, frozen=True):
    """An act as the log holds it."""

    sequence: int
    act: Act
    hash: str


class Verified(Struct, frozen=True):
    """What became of a look at the whole log."""

    entries: int  #: how many are there
    head: str  #: the hash of the last one that is as it was written; keep it elsewhere, to compare with later
    broken: int | None = None  #: the first entry that is not as it was written, or that is missing
    problem: str = ""  #: what is wrong with it


def append(connection: sa.Connection, act: Act) -> None:
    """Write one act down, in the transaction that does it: writers take turns."""
    import sqlalchemy as sa

    from weighbridge.store.schema import audit

    last = connection.execute(
        sa.select(audit.c.sequence, audit.c.hash).order_by(audit.c.sequence.desc()).limit(1)
    ).first()
    sequence, before = (last.sequence + 1, last.hash) if last else (1, START)
    data = _CANONICAL.encode(act)
    connection.execute(
        audit.insert().values(sequence=sequence, at=act.at, data=data, hash=chained(before, sequence, data))
    )


def chained(before: str, sequence: int, data: bytes) -> str:
    """The hash of an entry: SHA-256 of the hash before it, its number and its text."""
    return hashlib.sha256(b"%s\n%d\n%s" % (before.encode(), sequence, data)).hexdigest()


def read(
    connection: sa.Connection, *, after: int, since: float | None, limit: int, newest: bool, name: str
) -> list[Entry]:
    """Entries after a number and since a time, the oldest or the newest of them, in the order in which they were written.

    Raises:
        DamagedError: One cannot be read.
    """
    import sqlalchemy as sa

    from weighbridge.store.schema import audit

    by = audit.c.sequence.desc() if newest else audit.c.sequence
    wanted = sa.select(audit.c.sequence, audit.c.data, audit.c.hash).where(audit.c.sequence > after)
    if since is not None:
        wanted = wanted.where(audit.c.at >= since)
    rows = connection.execute(wanted.order_by(by).limit(max(0, limit))).all()
    return [_entry(row.sequence, row.data, row.hash, name) for row in (reversed(rows) if newest else rows)]


def rows(connection: sa.Connection) -> Iterator[Row]:
    """Every entry as it is kept, in order, a batch at a time."""
    import sqlalchemy as sa

    from weighbridge.store.schema import audit

    last: int | None = None
    while True:
        wanted = sa.select(audit).order_by(audit.c.sequence).limit(_BATCH)
        batch = connection.execute(wanted if last is None else wanted.where(audit.c.sequence > last)).all()
        if not batch:
            return
        for row in batch:
            yield row.sequence, row.at, _bytes(row.data), row.hash
        last = batch[-1].sequence


def _bytes(data: object) -> bytes:
    """SQLite keeps what it is given: whoever changed an entry may have left a text there, or a number."""
    return bytes(data) if isinstance(data, bytes | memoryview) else str(data).encode("utf-8", "surrogatepass")


def verify(kept: Iterable[Row], head: str = "") -> Verified:
    """Compute the chain anew, and name the first entry that is not as it was written.

    A log that lost its newest entries is whole in itself: only a head that was kept elsewhere shows it.

    Args:
        kept: The entries, in order.
        head: The hash of an entry that the log must hold: a head of an earlier look. "": none.
    """
    before, count, found = START, 0, head in {"", START}
    for sequence, at, data, known in kept:
        problem = _problem(count + 1, before, (sequence, at, data, known))
        if problem:
            return Verified(count, before, count + 1, problem)
        count, before = count + 1, known
        found = found or known == head
    if not found:
        problem = "no entry has the hash that was to be the head: the newest entries were removed, or written anew"
        return Verified(count, before, count + 1, problem)
    return Verified(count, before)


def _problem(expected: int, before: str, row: Row) -> str:
    sequence, at, data, known = row
    if sequence != expected:
        return f"it is missing: entry {sequence} stands in its place"
    if chained(before, sequence, data) != known:
        return "its hash does not fit its text and the entry before it"
    try:
        act = msgspec.json.decode(data, type=Act)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"it cannot be read: {error}"
    return "" if act.at == at else "its time is not the one of its text"


def _entry(sequence: int, data: bytes, known: str, name: str) -> Entry:
    try:
        return Entry(sequence, msgspec.json.decode(data, type=Act), known)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"Entry {sequence} of the audit log cannot be read: {error}.",
            where=name,
            fix="Run: weighbridge audit verify.",
        ) from error
