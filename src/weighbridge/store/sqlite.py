"""What both SQLite files of the store share: how a connection is set up, and how its errors are told."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from weighbridge.errors import DamagedError, StoreError, StoreFullError
from weighbridge.store.files import locked, private_file, private_folder

BUSY_SECONDS = 10.0
_DAMAGED = ("malformed", "not a database")
_FULL = ("disk is full", "disk full", "no space left")


class File:
    """An SQLite file that exists already, open for reading. For one thread.

    Args:
        path: The file.
    """

    interval = 0.05

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)

    def rows(self, statement: str) -> list[Sequence[Any]]:
        """What a query gives.

        Raises:
            StoreError: The file cannot be read; the next call opens it again.
        """
        try:
            if self._connection is not None and self._identity() != self._file:
                self.close()  # the file was moved or replaced: what is open here is no longer the store
            return (self._connection or self._open()).execute(statement).fetchall()
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise database_error(error, self._path) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        # mode=rw: reading write-ahead logging may write beside the file, but nobody makes a new one here.
        self._connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
        tune(self._connection)
        self._file = self._identity()
        return self._connection

    def _identity(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino


def prepare_file(path: Path, *, busy: float = BUSY_SECONDS) -> None:
    """Make the database's file and folder, private, and put it into write-ahead logging.

    The switch to write-ahead logging ignores SQLite's busy timeout, so first-comers take turns by a lock file.

    Args:
        path: The file.
        busy: Seconds to wait for another process that holds the database.

    Raises:
        StoreError: The file cannot be made or opened.
        DamagedError: There is a file, and it is not a database.
    """
    private_folder(path.parent)
    lock = path.with_name(path.name + ".lock")
    try:
        with locked(lock, wait=True):
            private_file(path)
            connection = sqlite3.connect(path, timeout=busy)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            finally:
                connection.close()
    except (sqlite3.Error, OSError) as error:
        raise database_error(error, path) from error


def tune(connection: sqlite3.Connection, *, busy: float = BUSY_SECONDS) -> None:
    """Set what SQLite keeps per connection: wait for other writers (`busy` seconds), and sync at checkpoints."""
    connection.execute(f"PRAGMA busy_timeout={int(busy * 1000)}")
    connection.execute("PRAGMA synchronous=NORMAL")


def database_error(error: BaseException, place: Path | str) -> StoreError:
    """The error of ours for one of a database driver's."""
    text = str(getattr(error, "orig", None) or error).strip().splitlines()
    message = text[0] if text else type(error).__name__
    lower = message.lower()
    if any(word in lower for word in _DAMAGED):
        return DamagedError(
            f"The database is damaged: {message}.",
            where=str(place),
            fix="Move the file (and those beside it that end in -wal and -shm) away, or restore a copy of it.",
        )
    if any(word in lower for word in _FULL):
        return StoreFullError(
            f"No space is left to write: {message}.",
            where=str(place),
            fix="Free some space, or set store.path to a folder on a larger disk.",
        )
    if "locked" in lower or "busy" in lower:
        return StoreError(
            "Another process has held the database for too long.",
            where=str(place),
            fix="Find out what holds it, and try again.",
        )
    return StoreError(
        f"The database cannot be used: {message}.",
        where=str(place),
        fix="Check that the file and its folder belong to you.",
    )
