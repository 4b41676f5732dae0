"""Trace segments: append-only files of one writer each, with a checksum on every record.

A segment is `ID-PID.seg`: 16 bytes of header (a magic word, then how many bytes are published), then records:
length (u32), CRC-32 of the payload (u32), the payload as JSON, all little-endian. A writer holds a lock on
its file (flock) for as long as it lives, and moves the published offset only after the records in front of it
have reached the operating system. So readers of a living segment stop at that offset, and readers of a dead one
take whatever passes its checksum: a writer that was killed loses nothing that it had written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

from weighbridge.errors import DamagedError
from weighbridge.store.files import FILE_MODE, store_error
from weighbridge.store.ids import LENGTH, new_trace_id, time_of

SUFFIX = ".seg"
NEW_SUFFIX = ".new"
MAGIC = b"WBTRACE1"
MAX_RECORD = 256 << 20
HEADER = struct.Struct("<8sQ")
RECORD = struct.Struct("<II")
_PUBLISHED = struct.Struct("<Q")
_PUBLISHED_AT = 8
#: How the payload of a trace begins: where the search for the next record after damage looks.
_FIRST_BYTES = b'{"id":'
_BLOCK = 1 << 20

Write = Callable[[int, bytes, int], int]  #: like os.pwrite: descriptor, bytes, offset -> bytes written


class Record(NamedTuple):
    """A whole record: where its payload lies, and the payload."""

    offset: int
    payload: bytes


class Gap(NamedTuple):
    """Bytes that are no record. `tail`: nothing whole follows, as where a writer died in the middle of a write."""

    start: int
    end: int
    tail: bool


class Recovery(NamedTuple):
    """What recovering a segment found: whole records, bytes cut from its end, bytes of damage inside it."""

    records: int
    torn: int
    damaged: int


class SegmentWriter:
    """One new segment, open for writing and locked. Not thread-safe.

    Args:
        folder: Where it is made; the folder must exist.
        created: Seconds since 1970, for its name.
        rng: For its name.
        write: Writes bytes at an offset; another one than `os.pwrite` plays a full disk in tests.

    Raises:
        OSError: The file cannot be made.
    """

    def __init__(self, folder: Path, *, created: float, rng: random.Random, write: Write = os.pwrite) -> None:
        self.path = folder / f"{new_trace_id(created, rng)}-{os.getpid()}{SUFFIX}"
        self.created = created
        self.end = HEADER.size
        self._write = write
        # The file gets its name only once it is locked, so nobody can take it for a dead writer's.
        fresh = self.path.with_suffix(NEW_SUFFIX)
        self._fd = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write_all(HEADER.pack(MAGIC, self.end), 0)
            fresh.rename(self.path)
        except BaseException:
            os.close(self._fd)
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise

    def append(self, payloads: Sequence[bytes]) -> None:
        """Write records and publish them: all of them, or none.

        Raises:
            OSError: They could not be written; the file ends where it ended before.
        """
        data = b"".join(part for p in payloads for part in (RECORD.pack(len(p), zlib.crc32(p)), p))
        try:
            self._write_all(data, self.end)
            self._write_all(_PUBLISHED.pack(self.end + len(data)), _PUBLISHED_AT)
        except OSError:
            # Also where this fails, the next write begins at the same place and covers the torn one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.end)
            raise
        self.end += len(data)

    def sync(self) -> None:
        """Wait until everything written survives a loss of power.

        Raises:
            OSError: The disk reported an error; what was written since the last sync may be gone.
        """
        os.fsync(self._fd)

    @property
    def linked(self) -> bool:
        """Is the file still in its folder? Where someone deleted it, what is written there is lost."""
        return os.fstat(self._fd).st_nlink > 0

    def close(self) -> None:
        """Give the segment up: from now on it may be sealed."""
        os.close(self._fd)

    def _write_all(self, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = self._write(self._fd, view[:_BLOCK].tobytes(), offset)
            offset += written
            view = view[written:]


class Segment:
    """A segment opened for reading; a context manager. It stays readable when someone deletes the file.

    Args:
        path: The file.
        exclusive: Take its lock, to recover it.
        published: Stop where a living writer published; else go on to the end of the file.

    Raises:
        FileNotFoundError: It was sealed or deleted meanwhile.
        OSError: It cannot be opened.
        DamagedError: A newer version wrote it, or it is no segment at all.
    """

    def __init__(self, path: Path, *, exclusive: bool = False, published: bool = True) -> None:
        self.path = path
        self._fd = os.open(path, (os.O_RDWR if exclusive else os.O_RDONLY) | os.O_CLOEXEC)
        try:
            end = self._published()
            self.dead = self._lock(fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            if self.dead and not exclusive:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            size = os.fstat(self._fd).st_size
            self.end = size if self.dead or not published else min(end, size)
        except BaseException:
            os.close(self._fd)
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file, and give up the lock if it was taken."""
        os.close(self._fd)

    def walk(self, start: int = HEADER.size) -> Iterator[Record | Gap]:
        """Everything up to where readers must stop: whole records, and the gaps between and after them.

        Args:
            start: Where an earlier walk ended: behind a record or a gap.
        """
        position = start
        while position < self.end:
            payload = self._record(position)
            if payload is None:
                following = self._search(position + 1)
                yield Gap(position, self.end if following is None else following, following is None)
                position = self.end if following is None else following
            else:
                yield Record(position + RECORD.size, payload)
                position += RECORD.size + len(payload)

    def read(self, offset: int, length: int) -> bytes:
        """The payload of a record that `walk` gave."""
        return os.pread(self._fd, length, offset)

    def recover(self) -> Recovery:
        """Cut the torn tail off a dead writer's segment and publish what is whole. Needs `exclusive`."""
        records = torn = damaged = 0
        end = HEADER.size
        for item in self.walk():
            if isinstance(item, Record):
                records += 1
                end = item.offset + len(item.payload)
            elif item.tail:
                torn = item.end - item.start
            else:
                damaged += item.end - item.start
                end = item.end
        if torn:
            os.ftruncate(self._fd, end)
            self.end = end
        os.pwrite(self._fd, HEADER.pack(MAGIC, end), 0)
        os.fsync(self._fd)
        return Recovery(records, torn, damaged)

    def _published(self) -> int:
        header = os.pread(self._fd, HEADER.size, 0)
        magic, published = HEADER.unpack(header.ljust(HEADER.size, b"\0"))
        # A loss of power may leave zeros where the header was, or a part of it; records carry their own proof.
        if not MAGIC.startswith(magic.rstrip(b"\0")):
            raise DamagedError(
                "This is not a trace segment, or a newer Weighbridge wrote it.",
                where=str(self.path),
                fix="Upgrade Weighbridge, or move the file away.",
            )
        return int(published)

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.flock(self._fd, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _record(self, position: int) -> bytes | None:
        head = os.pread(self._fd, RECORD.size, position)
        if len(head) < RECORD.size:
            return None
        length, checksum = RECORD.unpack(head)
        if not 0 < length <= min(MAX_RECORD, self.end - position - RECORD.size):
            return None
        payload = os.pread(self._fd, length, position + RECORD.size)
        return payload if len(payload) == length and zlib.crc32(payload) == checksum else None

    def _search(self, position: int) -> int | None:
        """Where the next whole record begins, at `position` or after it."""
        while position < self.end:
            block = os.pread(self._fd, min(_BLOCK, self.end - position), position)
            found = block.find(_FIRST_BYTES)
            while found >= 0:
                start = position + found - RECORD.size
                if found >= RECORD.size and self._record(start) is not None:
                    return start
                found = block.find(_FIRST_BYTES, found + 1)
            if position + len(block) >= self.end:
                return None
            # Blocks overlap by a record's head, so that none is missed on a border.
            position += max(1, len(block) - RECORD.size - len(_FIRST_BYTES) + 1)
        return None


def segments(folder: Path) -> list[Path]:
    """The segments in a folder, oldest first; none if there is no folder.

    Raises:
        StoreError: The folder cannot be read.
    """
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise store_error(error, folder) from error
    return sorted(p for p in paths if p.suffix == SUFFIX and created_at(p.name) is not None)


def created_at(name: str) -> float | None:
    """When a segment was made, in seconds since 1970, by the name of its file or of its Parquet file."""
    return time_of(name[:LENGTH])
