"""A shelf: values by key that several processes share, bounded in age and bytes, whose failures hurt nobody.

Whoever puts something down does not wait for the disk: a thread writes what has gathered. This process finds it at
once, the others when it is written; `settle` waits for that. What cannot be written or read is counted, logged once,
and simply not there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from weighbridge.errors import StoreError
from weighbridge.store.shelf_file import OVERHEAD, Item, ShelfFile
from weighbridge.store.sqlite import database_error

#: The largest value, in bytes.
MAX_VALUE = 4 * 1024 * 1024
_MAX_WAITING = 32 * 1024 * 1024  #: bytes that may wait for the disk
_READ_BUSY = 0.05  #: seconds; in write-ahead logging readers wait for nobody, but at rare moments
_WRITE_BUSY = 2.0  #: seconds; nobody waits for the thread that writes
_SETTLE = 0.1  #: seconds
_REST = 1.0  #: seconds in which a file that just failed is not tried again: each try may cost its time

_T = TypeVar("_T")
_Settler = tuple[int, asyncio.AbstractEventLoop, asyncio.Future[None]]

log = logging.getLogger("weighbridge.store")


class Shelf:
    """A shelf of one process. Make it after a fork, never before.

    Args:
        path: The SQLite file, made private if it is missing.
        name: The shelf's name; shelves of different names share a file without seeing each other.
        seconds: How long a value is kept.
        max_bytes: How much is kept; the oldest go first.
        now: The wall clock, in seconds since 1970.
        memory: Bytes of what was used last that are remembered here as well.
    """

    def __init__(
        self, path: Path, name: str, *, seconds: float, max_bytes: int, now: Callable[[], float], memory: int = 0
    ) -> None:
        self._path = path
        self._name = name
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._now = now
        self._recent = _Recent(memory)
        self._changed = threading.Condition()
        self._waiting: list[Item] = []
        self._unwritten: dict[bytes, bytes] = {}
        self._weight = 0
        self._given = self._done = 0
        self._settlers: list[_Settler] = []
        self._closing = False
        self._thread: threading.Thread | None = None
        self._told = False
        #: values that were not kept: too large, or the file could not be written
        self.dropped = 0
        #: times that the file could not be read or written
        self.faults = 0
        self._reader = _Handle(path, name, _READ_BUSY, now)
        self._writer = _Handle(path, name, _WRITE_BUSY, now)
        self._try(self._reader, lambda _: True)

    def put(self, items: Sequence[tuple[bytes, bytes]]) -> None:
        """Keep values by key; the same value under several keys is kept once. Never fails, and never waits.

        Args:
            items: Keys and values. A key that is there already leads to the new value from now on.
        """
        keys: dict[bytes, list[bytes]] = {}
        for key, value in items:
            keys.setdefault(value, []).append(key)
        now = self._now()
        with self._changed:
            for value, names in keys.items():
                item = (value, tuple(names))
                weight = _weight(item)
                room = min(self._max_bytes, _MAX_WAITING - self._weight)
                if self._closing or weight > room or len(value) > MAX_VALUE:
                    self.dropped += 1
                    continue
                self._weight += weight
                self._given += 1
                self._waiting.append(item)
                for key in names:
                    self._unwritten[key] = value
                    self._recent.add(key, value, now)
            if self._waiting:
                self._start()
                self._changed.notify()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The values of those keys that have one. Never fails: what cannot be read is not there."""
        oldest = self._now() - self._seconds
        found: dict[bytes, bytes] = {}
        with self._changed:
            for key in keys:
                value = self._unwritten.get(key)
                if value is None:
                    value = self._recent.get(key, oldest)
                if value is not None:
                    found[key] = value
        missing = [key for key in dict.fromkeys(keys) if key not in found]
        if missing:
            more = self._try(self._reader, lambda file: file.find(missing, oldest=oldest)) or {}
            with self._changed:
                for key, (value, at) in more.items():
                    self._recent.add(key, value, at)
                    found[key] = value
        return found

    def delete(self, key: bytes) -> bool:
        """Delete a value by one of its keys, for every process that does not remember it; was it there?

        This waits for the disk, and for whoever is writing.

        Raises:
            StoreError: The file cannot be written.
        """
        with self._writer.lock:  # what is being written now must be there to be deleted
            with self._changed:
                waited = self._forget(key)
            try:
                there = self._writer.get().remove(key, oldest=self._now() - self._seconds)
            except sqlite3.Error as error:
                raise database_error(error, self._path) from error
        return there or waited

    async def settle(self) -> None:
        """Wait until other processes see what was put here so far, or a tenth of a second."""
        loop = asyncio.get_running_loop()
        with self._changed:
            if self._done >= self._given:
                return
            settled: asyncio.Future[None] = loop.create_future()
            self._settlers.append((self._given, loop, settled))
        await asyncio.wait((settled,), timeout=_SETTLE)

    def close(self) -> None:
        """Write what is waiting and let go of the file. What is put afterwards is dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        self._reader.close()
        self._writer.close()

    def _start(self) -> None:
        """Have a thread; where the system gives none, what waits is written when it does."""
        if self._thread is None:
            thread = threading.Thread(target=self._write_on, name=f"shelf-{self._name}", daemon=True)
            with contextlib.suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def _forget(self, key: bytes) -> bool:
        """Take back what waits under a key, or is remembered; did it wait?"""
        self._recent.drop(key)
        gone = [item for item in self._waiting if key in item[1]]
        if gone:
            self._waiting = [item for item in self._waiting if key not in item[1]]
            self._weight -= sum(map(_weight, gone))
            self._lift(gone)
        return bool(gone)

    def _lift(self, items: Sequence[Item]) -> None:
        """These do not wait any more."""
        for value, keys in items:
            for key in keys:
                if self._unwritten.get(key) is value:
                    del self._unwritten[key]

    def _write_on(self) -> None:
        """The thread: write what has gathered, until closed and empty."""
        while True:
            with self._changed:
                while self._done >= self._given and not self._closing:
                    self._changed.wait()
                if self._done >= self._given:
                    return
            with self._writer.lock:
                with self._changed:
                    batch, self._waiting = self._waiting, []
                    upto = self._given
                if batch and not self._try(self._writer, lambda file, batch=batch: self._add(file, batch)):  # type: ignore[misc]
                    self.dropped += len(batch)
            self._written(batch, upto)

    def _add(self, file: ShelfFile, batch: list[Item]) -> bool:
        at = self._now()
        file.add(batch, at=at, oldest=at - self._seconds, most=self._max_bytes)
        return True

    def _written(self, batch: list[Item], upto: int) -> None:
        with self._changed:
            self._done = upto
            self._weight -= sum(map(_weight, batch))
            self._lift(batch)
            ready = [settler for settler in self._settlers if settler[0] <= upto]
            self._settlers = [settler for settler in self._settlers if settler[0] > upto]
        for _, loop, settled in ready:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_resolve, settled)

    def _try(self, handle: _Handle, what: Callable[[ShelfFile], _T]) -> _T | None:
        """Do something with the file; None where that fails, which is counted, and logged until it works again."""
        try:
            with handle.lock:
                done = what(handle.get())
        except (sqlite3.Error, StoreError) as error:
            handle.rest()
            self.faults += 1
            if not self._told:
                self._told = True
                told = database_error(error, self._path) if isinstance(error, sqlite3.Error) else error
                log.error("%s cannot be kept for now: %s", self._name, told)  # noqa: TRY400 - a traceback would say less
            return None
        self._told = False
        return done


class _Handle:
    """An opened file, or the reason why it is not: it is opened when it is needed, and left alone after a failure."""

    def __init__(self, path: Path, name: str, busy: float, now: Callable[[], float]) -> None:
        self.lock = threading.RLock()
        self._path = path
        self._name = name
        self._busy = busy
        self._now = now
        self._file: ShelfFile | None = None
        self._rested = 0.0

    def get(self) -> ShelfFile:
        """The file.

        Raises:
            StoreError: It cannot be opened, or failed a moment ago.
        """
        if 0 <= self._rested - self._now() <= _REST:
            raise StoreError("The file failed a moment ago.", where=str(self._path))
        if self._file is None:
            self._file = ShelfFile(self._path, self._name, busy=self._busy)
        return self._file

    def rest(self) -> None:
        """It failed: leave it alone for a moment."""
        if self._rested <= self._now():
            self._rested = self._now() + _REST

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            if self._file is not None:
                self._file.close()
                self._file = None


class _Recent:
    """What was used last, up to so many bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._values: dict[bytes, tuple[bytes, float]] = {}

    def add(self, key: bytes, value: bytes, at: float) -> None:
        """Remember a value that is from the time `at`."""
        self.drop(key)
        size = len(key) + len(value) + OVERHEAD
        if size > self._most:
            return
        self._values[key] = (value, at)
        self._bytes += size
        while self._bytes > self._most:
            self.drop(next(iter(self._values)))

    def get(self, key: bytes, oldest: float) -> bytes | None:
        """The value, if it is remembered and not too old."""
        found = self._values.get(key)
        if found is None or found[1] < oldest:
            return None
        self._values[key] = self._values.pop(key)
        return found[0]

    def drop(self, key: bytes) -> None:
        """Forget a value."""
        found = self._values.pop(key, None)
        if found is not None:
            self._bytes -= len(key) + len(found[0]) + OVERHEAD


def _weight(item: Item) -> int:
    return len(item[0]) + sum(map(len, item[1])) + OVERHEAD


def _resolve(settled: asyncio.Future[None]) -> None:
    if not settled.done():
        settled.set_result(None)
