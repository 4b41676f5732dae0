"""The file behind a shelf: values and their keys in SQLite, the oldest of which go when there is no more room."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from weighbridge.store import sqlite

#: What one value costs in the file beside its own bytes and its keys', about.
OVERHEAD = 100
_SWEEP_SECONDS = 60.0
_AT_ONCE = 500  #: keys per question; older SQLites take 999
_LOG_BYTES = 16 * 1024 * 1024
_VERSION = 1

# The sum of the sizes is kept beside the rows, so that many processes share one limit without ever counting.
_TABLES = """
CREATE TABLE IF NOT EXISTS sizes (name TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO sizes VALUES ('{n}', 0);
CREATE TABLE IF NOT EXISTS {n} (id INTEGER PRIMARY KEY, at REAL NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS {n}_at ON {n} (at);
CREATE TABLE IF NOT EXISTS {n}_keys (key BLOB PRIMARY KEY, item INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS {n}_item ON {n}_keys (item);
CREATE TRIGGER IF NOT EXISTS {n}_added AFTER INSERT ON {n} BEGIN
    UPDATE sizes SET bytes = bytes + new.size WHERE name = '{n}';
END;
CREATE TRIGGER IF NOT EXISTS {n}_gone AFTER DELETE ON {n} BEGIN
    UPDATE sizes SET bytes = bytes - old.size WHERE name = '{n}';
    DELETE FROM {n}_keys WHERE item = old.id;
END;
PRAGMA user_version = {v};
"""

Item = tuple[bytes, tuple[bytes, ...]]
"""A value and all of its keys."""


class ShelfFile:
    """One connection to one shelf's tables; for one thread at a time.

    Args:
        path: The file; other shelves may lie in it too.
        name: The shelf's name, which becomes its tables'.
        busy: Seconds to wait for another process that is writing.

    Raises:
        StoreError: The file cannot be used.
        DamagedError: It is not a database.
    """

    def __init__(self, path: Path, name: str, *, busy: float) -> None:
        self._name = name
        self._swept = float("-inf")
        sqlite.prepare_file(path, busy=busy)
        try:
            self._connection = sqlite3.connect(path, timeout=busy, check_same_thread=False, isolation_level=None)
            try:
                sqlite.tune(self._connection, busy=busy)
                self._connection.execute(f"PRAGMA journal_size_limit={_LOG_BYTES}")
                tables = self._connection.execute(
                    "SELECT count(*) FROM sqlite_master WHERE name = ?", (f"{name}_gone",)
                )
                if not tables.fetchone()[0]:
                    self._connection.executescript(f"BEGIN IMMEDIATE; {_TABLES.format(n=name, v=_VERSION)} COMMIT;")
            except sqlite3.Error:
                self._connection.close()
                raise
        except sqlite3.Error as error:
            raise sqlite.database_error(error, path) from error

    def add(self, items: Sequence[Item], *, at: float, oldest: float, most: int) -> None:
        """Write values, all or none, and let go of what is too old or too much.

        Args:
            items: The values. A key that exists already leads to the new value from now on.
            at: Now, in seconds since 1970.
            oldest: What was written before this time goes.
            most: The bytes that may lie here.

        Raises:
            sqlite3.Error: Nothing was written.
        """
        name, connection = self._name, self._connection
        with self._transaction():
            for value, keys in items:
                size = len(value) + sum(map(len, keys)) + OVERHEAD
                row = (at, size, value)
                item = connection.execute(f"INSERT INTO {name} (at, size, data) VALUES (?, ?, ?)", row).lastrowid  # noqa: S608 - the name is ours
                connection.executemany(
                    f"INSERT OR REPLACE INTO {name}_keys VALUES (?, ?)",  # noqa: S608 - as above
                    [(key, item) for key in keys],
                )
            if at - self._swept >= _SWEEP_SECONDS:
                self._swept = at
                connection.execute(f"DELETE FROM {name} WHERE at < ?", (oldest,))  # noqa: S608 - as above
            self._shrink(most)

    def find(self, keys: Sequence[bytes], *, oldest: float) -> dict[bytes, tuple[bytes, float]]:
        """The values of those keys that have one which is not too old, each with the time when it was written.

        Raises:
            sqlite3.Error: The file cannot be read.
        """
        name = self._name
        found: dict[bytes, tuple[bytes, float]] = {}
        for start in range(0, len(keys), _AT_ONCE):
            some = keys[start : start + _AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._connection.execute(
                f"SELECT k.key, v.data, v.at FROM {name}_keys k JOIN {name} v ON v.id = k.item "  # noqa: S608 - as above
                f"WHERE k.key IN ({marks}) AND v.at >= ?",
                (*some, oldest),
            )
            found.update((key, (value, at)) for key, value, at in rows)
        return found

    def remove(self, key: bytes, *, oldest: float) -> bool:
        """Delete a value by one of its keys; was it there, and not too old?

        Raises:
            sqlite3.Error: The file cannot be written.
        """
        name = self._name
        chosen = f"FROM {name} WHERE id = (SELECT item FROM {name}_keys WHERE key = ?)"  # noqa: S608 - as above
        with self._transaction():
            row = self._connection.execute(f"SELECT at {chosen}", (key,)).fetchone()
            self._connection.execute(f"DELETE {chosen}", (key,))
        return row is not None and row[0] >= oldest

    def close(self) -> None:
        """Close the connection."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()

    def _shrink(self, most: int) -> None:
        name, connection = self._name, self._connection
        over = connection.execute("SELECT bytes FROM sizes WHERE name = ?", (name,)).fetchone()[0] - most
        last = None
        if over > 0:
            for item, size in connection.execute(f"SELECT id, size FROM {name} ORDER BY id"):  # noqa: S608 - as above
                last = item
                over -= size
                if over <= 0:
                    break
        if last is not None:
            connection.execute(f"DELETE FROM {name} WHERE id <= ?", (last,))  # noqa: S608 - as above

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise
