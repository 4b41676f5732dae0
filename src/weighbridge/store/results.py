"""Results of weighing, found again by what was asked: so a run resumes where it was, and nothing is paid twice.

A key names the content of a question (a hash of engine, settings and sample); the value is what the caller made
of the answer. Writes are committed together, at most half a second after they were handed over; sooner while others write.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from weighbridge.errors import DamagedError, StoreError
from weighbridge.store import sqlite

COMMIT_SECONDS = 0.5
COMMIT_ROWS = 200
SHARED_SECONDS = (
    0.01  #: in place of COMMIT_SECONDS while somebody else writes as well, so that each sees what the other has
)
_CHUNK = 5_000
_CREATE = "CREATE TABLE IF NOT EXISTS results (key TEXT PRIMARY KEY, checksum INTEGER NOT NULL, value BLOB NOT NULL)"
_GET = "SELECT key, checksum, value FROM results WHERE key IN (SELECT value FROM json_each(?))"
_PUT = """
INSERT INTO results (key, checksum, value) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET checksum = excluded.checksum, value = excluded.value
"""


class Results:
    """An open store of results. Any number of threads and processes may use one file at once.

    Args:
        path: The SQLite file; it is made, for its owner alone, if it is missing.

    Raises:
        StoreError: It cannot be opened.
        DamagedError: The file is not a database.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        sqlite.prepare_file(path)
        self._lock = threading.RLock()  # guards the connection and the buffer
        self._buffer: dict[str, bytes] = {}
        self._failed: StoreError | None = None
        self._closed = False
        try:
            self._connection = sqlite3.connect(
                path, timeout=sqlite.BUSY_SECONDS, check_same_thread=False, isolation_level=None
            )
            sqlite.tune(self._connection)
            self._connection.execute(_CREATE)
        except sqlite3.Error as error:
            raise sqlite.database_error(error, path) from error
        self._waiting = threading.Event()
        self._full = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weighbridge-results", daemon=True)
        self._thread.start()

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """The values of those keys that are known, also of those put a moment ago.

        Raises:
            DamagedError: A value fails its checksum, or the database is damaged.
            StoreError: The database cannot be read.
        """
        found: dict[str, bytes] = {}
        remaining = iter(keys)
        while chunk := list(islice(remaining, _CHUNK)):
            with self._lock:
                self._check_open()
                found |= self._stored(chunk)
                found |= {key: self._buffer[key] for key in chunk if key in self._buffer}
        return found

    def put(self, key: str, value: bytes) -> None:
        """Keep a value; one that the key had before is replaced. On the disk within half a second.

        Raises:
            StoreFullError: An earlier value could not be written: no space is left. It waits for the next attempt.
            StoreError: An earlier value could not be written for another reason; the same.
        """
        with self._lock:
            self._check_open()
            self._buffer[key] = value
            full = len(self._buffer) >= COMMIT_ROWS
            failed, self._failed = self._failed, None
        self._waiting.set()
        if full:
            self._full.set()
        if failed is not None:
            raise failed

    def others(self) -> int:
        """A number that is another one as soon as somebody else has written, in this process or in another.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._lock:
            self._check_open()
            return self._others()

    def flush(self) -> None:
        """Commit everything that was put so far.

        Raises:
            StoreFullError: No space is left; the values wait for the next attempt.
            StoreError: The database cannot be written; the same.
        """
        with self._lock:
            self._check_open()
            self._commit()

    def close(self) -> None:
        """Commit everything, and close. Safe twice.

        Raises:
            StoreFullError: No space is left; what was not committed is lost.
            StoreError: The database cannot be written; the same.
        """
        with self._lock:
            if self._closed:
                return
            try:
                self._commit()
            finally:
                self._closed = True
                self._connection.close()
                self._waiting.set()
                self._full.set()
        self._thread.join()

    def _run(self) -> None:
        pause, seen = COMMIT_SECONDS, 0
        while True:
            self._waiting.wait()
            self._full.wait(pause)  # more will come: one commit for many
            self._waiting.clear()
            self._full.clear()
            with self._lock:
                if self._closed:
                    return
                try:
                    self._commit()
                    before, seen = seen, self._others()
                    pause = SHARED_SECONDS if before and before != seen else COMMIT_SECONDS
                except StoreError as error:
                    self._failed = error  # told by the next `put`

    def _commit(self) -> None:
        rows = [(key, zlib.crc32(value), value) for key, value in self._buffer.items()]
        if not rows:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_PUT, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            raise sqlite.database_error(error, self._path) from error
        self._buffer.clear()

    def _others(self) -> int:
        try:
            return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error as error:
            raise sqlite.database_error(error, self._path) from error

    def _stored(self, keys: list[str]) -> dict[str, bytes]:
        try:
            rows = self._connection.execute(_GET, (json.dumps(keys),)).fetchall()
        except sqlite3.Error as error:
            raise sqlite.database_error(error, self._path) from error
        for key, checksum, value in rows:
            if zlib.crc32(value) != checksum:
                raise DamagedError(
                    f"The result {key} fails its checksum.",
                    where=str(self._path),
                    fix="Move the file away: its answers will be asked for again. Or restore a copy of it.",
                )
        return {key: value for key, _, value in rows}

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError("The store of results is closed.", where=str(self._path), fix="Open it again.")
