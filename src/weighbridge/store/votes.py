"""People's votes on pairs of answers, in the state store: one of each person on each pair."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import sqlalchemy as sa

from weighbridge.canon import Ballot
from weighbridge.errors import InputError
from weighbridge.store.database import Database
from weighbridge.store.schema import ballots

MAX_VOTER = 255  #: characters of a voter's name
_CHUNK = 500


def cast(database: Database, ballot: Ballot) -> None:
    """Keep a vote; one that the same person gave on the same pair before is replaced.

    Raises:
        InputError: The voter has no name, or one that is too long.
        StoreError: The database cannot be written.
    """
    check_voter(ballot.voter)
    with database.writing() as connection:
        connection.execute(ballots.delete().where(_of(ballot.pair, ballot.voter)))
        connection.execute(
            ballots.insert().values(
                pair=ballot.pair, voter=ballot.voter, at=ballot.at, data=msgspec.json.encode(ballot)
            )
        )


def check_voter(name: str) -> None:
    """Refuse a name that no voter can have.

    Raises:
        InputError: It is empty, too long, or cannot be printed.
    """
    if not 0 < len(name) <= MAX_VOTER or not name.isprintable():
        raise InputError(
            "A voter's name cannot be used.",
            where="--voter",
            fix=f"Give 1 to {MAX_VOTER} characters that can be printed.",
        )


def withdraw(database: Database, pair: str, voter: str) -> bool:
    """Take a vote back: was there one?

    Raises:
        StoreError: The database cannot be written.
    """
    with database.writing() as connection:
        return connection.execute(ballots.delete().where(_of(pair, voter))).rowcount > 0


def cast_on(database: Database, pairs: Iterable[str]) -> list[Ballot]:
    """The votes on these pairs, oldest first.

    Raises:
        StoreError: The database cannot be read.
    """
    wanted = sorted(set(pairs))
    found: list[tuple[int, bytes]] = []
    with database.reading() as connection:
        for start in range(0, len(wanted), _CHUNK):
            some = ballots.c.pair.in_(wanted[start : start + _CHUNK])
            found += [(row.id, row.data) for row in connection.execute(sa.select(ballots).where(some))]
    return [msgspec.json.decode(data, type=Ballot) for _, data in sorted(found)]


def _of(pair: str, voter: str) -> sa.ColumnElement[bool]:
    return sa.and_(ballots.c.pair == pair, ballots.c.voter == voter)
