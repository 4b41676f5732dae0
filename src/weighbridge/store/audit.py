"""The audit log: what administrators did, each entry bound to the one before it by a hash."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from weighbridge.canon import Act

if TYPE_CHECKING:
    import sqlalchemy as sa

START = "0" * 64
_CANONICAL = msgspec.json.Encoder(order="sorted")


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
