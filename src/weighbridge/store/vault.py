"""Sealed vaults of masking in the state store, for all workers and machines that share it. It can open none of them."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from weighbridge.store.database import Database
from weighbridge.store.schema import vaults

#: Those who change one vault take turns, and wait for nobody else.
_TURN = "SELECT pg_advisory_xact_lock(1986098279, hashtext(:name))"
Sealed = tuple[bytes, float]
"""What is kept, and when it was used last, in seconds since 1970."""


class StoreVault:
    """Holds sealed vaults by name. For several threads and processes; the database is opened with the first use.

    Args:
        place: The path of an SQLite file, or a database URL.
    """

    def __init__(self, place: str | Path) -> None:
        self._place = place
        self._lock = threading.Lock()

    @functools.cached_property
    def _opened(self) -> Database:
        return Database(self._place)

    @property
    def _database(self) -> Database:
        with self._lock:
            return self._opened

    def get(self, name: str) -> Sealed | None:
        """The vault of this name.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._database.reading() as connection:
            return _found(connection, name)

    def alter(self, name: str, change: Callable[[Sealed | None], Sealed | None]) -> None:
        """Put what the change makes of a vault in its place: None takes it away, the same object changes nothing.

        Raises:
            StoreError: The database cannot be written.
        """
        with self._database.leasing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(_TURN), {"name": name})
            before = _found(connection, name)
            after = change(before)
            if after is before:
                return
            if after is None:
                _delete(connection, vaults.c.name == name)
            elif before is None:
                connection.execute(vaults.insert().values(name=name, data=after[0], at=after[1]))
            else:
                connection.execute(vaults.update().where(vaults.c.name == name).values(data=after[0], at=after[1]))
        if after is None:
            self._clean()

    def names(self) -> list[str]:
        """Of all vaults.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._database.reading() as connection:
            return list(connection.execute(sa.select(vaults.c.name).order_by(vaults.c.name)).scalars())

    def sweep(self, before: float) -> int:
        """Take those away that were used last before this time: how many.

        Raises:
            StoreError: The database cannot be written.
        """
        with self._database.leasing() as connection:
            count = _delete(connection, vaults.c.at < before)
        if count:
            self._clean()
        return count

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            if "_opened" in self.__dict__:
                self._opened.close()
                del self._opened

    def _clean(self) -> None:
        """Leave nothing of what was deleted in the log that SQLite writes first; whoever still reads it puts this off."""
        with self._database.reading() as connection:
            if connection.dialect.name == "sqlite":
                connection.rollback()
                connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _found(connection: sa.Connection, name: str) -> Sealed | None:
    row = connection.execute(sa.select(vaults.c.data, vaults.c.at).where(vaults.c.name == name)).one_or_none()
    return (bytes(row.data), float(row.at)) if row is not None else None


def _delete(connection: sa.Connection, which: sa.ColumnElement[bool]) -> int:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete=ON")  # zeros in the place of what was deleted
    return connection.execute(vaults.delete().where(which)).rowcount
