"""Evidence: what exchanges say of the engines of a move, in the order in which gateways told it; and what users say.

Every gateway adds what its own exchanges say, one row for each; whoever judges reads the rows of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from msgspec import Struct

from weighbridge.store.database import Database
from weighbridge.store.schema import evidence, feedback

MAX_ROWS = 500_000  #: of one move; more are not taken in
MAX_COMMENT = 2_000  #: characters
_NAME = 255
_CHUNK = 400


class Row(Struct, frozen=True):
    """What one exchange, or one user, says. `name` is the exchange's id, or tells whose word it is."""

    swap: str
    name: str
    arm: str
    conversation: str
    at: float  #: seconds since 1970
    data: bytes
    id: int = 0  #: rows are numbered in the order in which they were added; 0: not added yet


class Feedback(Struct, frozen=True):
    """What a user says of an answer."""

    trace: str
    who: str  #: the id of the key that was shown, "" where none is asked for
    at: float
    good: bool
    comment: str = ""
    id: int = 0


def add(database: Database, rows: Sequence[Row]) -> int:
    """Add rows; one that is there already is left as it is.

    Returns:
        How many are new.

    Raises:
        StoreError: The database cannot be written.
    """
    if not rows:
        return 0
    count = 0
    with database.writing() as connection:
        for start in range(0, len(rows), _CHUNK):
            values = [_values(row) for row in rows[start : start + _CHUNK]]
            insert = _insert(connection, evidence).values(values)
            done = connection.execute(insert.on_conflict_do_nothing(index_elements=["swap", "name"]))
            count += max(0, done.rowcount)
    return count


def read(database: Database, swap: str, *, after: int = 0) -> list[Row]:
    """The rows of a move with a number above `after`, in order; at most `MAX_ROWS`.

    Raises:
        StoreError: The database cannot be read.
    """
    e = evidence.c
    wanted = sa.select(evidence).where(e.swap == swap, e.id > after).order_by(e.id).limit(MAX_ROWS)
    with database.reading() as connection:
        return [
            Row(row.swap, row.name, row.arm, row.conversation, row.at, row.data, row.id)
            for row in connection.execute(wanted)
        ]


def forget(database: Database, swaps: Iterable[str]) -> None:
    """Delete the rows of moves.

    Raises:
        StoreError: The database cannot be written.
    """
    names = list(swaps)
    if names:
        with database.writing() as connection:
            connection.execute(evidence.delete().where(evidence.c.swap.in_(names)))


def say(database: Database, words: Sequence[Feedback]) -> None:
    """Keep what users say; whoever speaks of the same answer again replaces what they said before.

    Raises:
        StoreError: The database cannot be written.
    """
    with database.writing() as connection:
        for one in words:
            row = {
                "trace": one.trace[:64],
                "who": one.who[:64],
                "at": one.at,
                "good": int(one.good),
                "comment": one.comment[:MAX_COMMENT].replace("\0", ""),
            }
            insert = _insert(connection, feedback).values(**row)
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=["trace", "who"],
                    set_={name: row[name] for name in ("at", "good", "comment")},
                )
            )


def said(database: Database, *, since: float) -> list[Feedback]:
    """What users said from then on, oldest first.

    Raises:
        StoreError: The database cannot be read.
    """
    f = feedback.c
    wanted = sa.select(feedback).where(f.at >= since).order_by(f.id).limit(MAX_ROWS)
    with database.reading() as connection:
        return [
            Feedback(row.trace, row.who, row.at, bool(row.good), row.comment, row.id)
            for row in connection.execute(wanted)
        ]


def _values(row: Row) -> dict[str, object]:
    return {
        "swap": row.swap,
        "name": row.name[:_NAME],
        "arm": row.arm,
        "conversation": row.conversation.replace("\0", "")[:_NAME],
        "at": row.at,
        "data": row.data,
    }


def _insert(connection: sa.Connection, table: sa.Table) -> sa.dialects.postgresql.Insert:
    from sqlalchemy.dialects import postgresql, sqlite

    made: sa.dialects.postgresql.Insert = (
        postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)  # type: ignore[assignment]
    )
    return made
