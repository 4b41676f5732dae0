"""Private files and folders: what the store holds is for its owner's eyes alone, whatever the umask says."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from weighbridge.errors import StoreError, StoreFullError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
SECRET_BYTES = 32
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def is_full(error: OSError) -> bool:
    """Does this error say that no more bytes fit: the disk, the quota or the process's limit is reached?"""
    return error.errno in _FULL


def store_error(error: OSError, path: Path | str) -> StoreError:
    """The error of ours for one of the operating system's."""
    if is_full(error):
        return StoreFullError(
            f"No space is left to write: {error.strerror}.",
            where=str(path),
            fix="Free some space, or set store.path to a folder on a larger disk.",
        )
    return StoreError(
        f"The store cannot be used: {error.strerror or error}.",
        where=str(path),
        fix="Check that the folder exists and belongs to you, or set store.path to another one.",
    )


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may enter, and the ones above it that are missing.

    A folder that exists already keeps its mode: it may be one that the user shares with others on purpose.

    Raises:
        StoreError: The folder cannot be made, or something else has its name.
    """
    try:
        make_folder(folder)
    except OSError as error:
        raise store_error(error, folder) from error
    return folder


def make_folder(folder: Path) -> None:
    """As `private_folder`, with the operating system's own errors."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for path in reversed(missing):
        path.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))


def private_file(path: Path) -> None:
    """Make an empty file for its owner alone, or take others' rights away from the one that is there.

    An existing file is never opened: closing it would drop the POSIX locks that SQLite may hold on it
    elsewhere in this process.

    Raises:
        StoreError: The file cannot be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
    except FileExistsError:
        with contextlib.suppress(PermissionError):  # another owner's file: opening it tells whether we may use it
            path.chmod(FILE_MODE)
    except OSError as error:
        raise store_error(error, path) from error


def create(path: Path) -> BinaryIO:
    """Open a private file for writing, emptied if it exists.

    Raises:
        OSError: It cannot be made.
    """
    return os.fdopen(os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE), "wb", 1 << 20)


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder last through a loss of power."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold an exclusive lock on a lock file, which stays behind empty. The lock dies with its process.

    Args:
        path: The lock file; it is made if it is missing.
        wait: Wait for the lock; else yield False at once where another holds it.

    Yields:
        Whether the lock is held.
    """
    fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def lasting_secret(path: Path) -> bytes:
    """32 random bytes that stay the same: made once, in a file that only its owner may read.

    Raises:
        StoreError: The file can be neither made nor read, or holds something else.
    """
    made = os.urandom(SECRET_BYTES)
    beside = path.with_name(f"{path.name}.{os.getpid()}.{made[:4].hex()}")
    try:
        private_file(beside)
        beside.write_bytes(made)
        try:
            os.link(beside, path)  # whole or not at all, and only where no other process was first
        except FileExistsError:
            made = path.read_bytes()
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        raise store_error(error, path) from error
    if len(made) != SECRET_BYTES:
        raise StoreError(
            f"It holds {len(made)} bytes, not {SECRET_BYTES}.", where=str(path), fix="Remove it: a new one is made."
        )
    return made
