"""Follows the state store, cheaply: workers ask many times a second which plan is in force, and what else changed.

Plain drivers: SQLAlchemy, which the rest of the state goes through, would double the time that a worker takes to start.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from weighbridge.canon import Plan, Publication, Record
from weighbridge.errors import DamagedError

LATEST_SEQUENCE = "SELECT coalesce(max(sequence), 0) FROM publications"
PUBLISHED = (
    "SELECT p.sequence, p.plan, p.at, p.who, p.why, p.action, p.route, c.content "
    "FROM publications p JOIN plans c ON c.number = p.plan ORDER BY p.sequence DESC LIMIT {}"
)
_LATEST = (
    "SELECT (SELECT coalesce(max(sequence), 0) FROM publications), (SELECT coalesce(max(revision), 0) FROM records)"
)
_CHANGED = "SELECT kind, name, revision, data FROM records WHERE revision > {} ORDER BY revision"
_SQLITE = "sqlite:///"


class News(Struct, frozen=True):
    """What changed in the store."""

    publication: Publication | None = None  #: in force now, where it is another one
    records: tuple[Record, ...] = ()  #: the changed ones, oldest change first; deleted ones have no data
    whole: bool = False  #: the store is an older one than before, and `records` all that it holds
    problem: str = ""  #: why the plan in force is not told, though it is another one


NOTHING = News()


class Source(Protocol):
    """An open database. For one thread."""

    name: str
    interval: float  #: seconds between two looks at it

    def rows(self, statement: str) -> list[Sequence[Any]]:
        """What a query gives.

        Raises:
            StoreError: The database cannot be read; the next call opens it again.
        """
        ...

    def close(self) -> None:
        """Let go of it; safe twice."""
        ...


def read_publication(row: Sequence[Any], where: str) -> Publication:
    """A row of `PUBLISHED` as a publication.

    Raises:
        DamagedError: Its plan cannot be read.
    """
    sequence, number, at, who, why, action, route, content = row
    return Publication(
        sequence=sequence, plan=read_plan(number, content, where), at=at, who=who, why=why, action=action, route=route
    )


def read_plan(number: int, content: bytes, where: str) -> Plan:
    """A stored plan, with its number.

    Raises:
        DamagedError: It cannot be read.
    """
    try:
        plan = msgspec.json.decode(content, type=Plan)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"Plan {number} cannot be read: {error}.",
            where=where,
            fix="Restore a copy of the file, or move it away to start with the plan of the configuration.",
        ) from error
    return msgspec.structs.replace(plan, number=number)


class Follower:
    """Reads what is new in a state store, which exists already. For one thread.

    Args:
        source: The database.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        #: seconds between two looks at the store
        self.interval = source.interval

    def newer(self, sequence: int, revision: int) -> News:
        """What changed since a publication and a revision of the records.

        Args:
            sequence: Of the publication that is known, 0: none.
            revision: The highest one that is known, 0: none.

        Raises:
            StoreError: The database cannot be read; the next call opens it again.
        """
        ((latest, highest),) = self._source.rows(_LATEST)
        if (latest, highest) == (sequence, revision):
            return NOTHING
        published = self._source.rows(PUBLISHED.format(1)) if latest != sequence else []
        whole = highest < revision  # a copy of an earlier day was put back
        changed = self._source.rows(_CHANGED.format(0 if whole else revision)) if highest != revision else []
        publication, problem = None, ""
        try:
            publication = read_publication(published[0], self._source.name) if published else None
        except DamagedError as error:
            problem = str(error)  # no reason to wait with a key that was revoked
        return News(publication, tuple(Record(*row) for row in changed), whole, problem)

    def close(self) -> None:
        """Let go of the database."""
        self._source.close()


def follower(place: str) -> Follower:
    """Follows a state store. What is wrong with a URL, or the lack of a driver, is told when it is first asked.

    Args:
        place: The path of its SQLite file, or its URL.
    """
    if "://" in place and not place.startswith(_SQLITE):
        from weighbridge.store.postgres import Link

        return Follower(Link(place))
    from weighbridge.store.sqlite import File

    path = unquote(place.removeprefix(_SQLITE).partition("?")[0]) if place.startswith(_SQLITE) else place
    return Follower(File(Path(path)))
