"""The master keys, which lock the secrets in the state store: from the environment, or from a private file beside the store.

There may be several: the first one locks, all of them open, so that the first can be changed while gateways run.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from weighbridge.errors import SettingsError, StoreError
from weighbridge.store import files

VARIABLE = "WEIGHBRIDGE_MASTER_KEY"
FILE = "master.key"  #: in the store's folder; one key a line, the one that locks first
_KEY_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_MOST_BYTES = 64 * 1024
_MAKE = "Make one with: openssl rand -hex 32."


class Masters:
    """Finds master keys.

    Args:
        environ: May hold them, in hexadecimal, separated by commas; then the file is only read, never written.
        folder: The store's folder, for the file.

    Raises:
        SettingsError: The environment holds something else.
    """

    def __init__(self, environ: Mapping[str, str], folder: Path) -> None:
        self.path = folder / FILE
        self._held = 0
        self._mine = threading.RLock()
        self._given = _told(environ.get(VARIABLE, ""))

    @property
    def in_environment(self) -> bool:
        """Does the environment say which key locks?"""
        return bool(self._given)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else makes or forgets a key meanwhile, in whatever process.

        Raises:
            StoreError: The store's folder cannot be used.
        """
        with self._mine:
            if self._held:
                yield
                return
            files.private_folder(self.path.parent)
            with files.locked(self.path.with_name(f"{FILE}.lock"), wait=True):
                self._held += 1
                try:
                    yield
                finally:
                    self._held -= 1

    def all(self) -> dict[str, bytes]:
        """Every key that may open something, by its id, the one that locks first.

        Raises:
            StoreError: The file cannot be read, is open to others, or holds something else.
        """
        return {identity(key): key for key in (*self._given, *self._kept())}

    def first(self) -> bytes:
        """The key that locks. Where there is none, one is made and kept in the file.

        Raises:
            StoreError: The file can be neither read nor written.
        """
        if self._given:
            return self._given[0]
        with self.held():
            kept = self._kept()
            if not kept:
                kept = (os.urandom(_KEY_BYTES),)
                self._write(kept)
        return kept[0]

    def add(self) -> bytes:
        """Make a new key that locks from now on; the others still open. Only where the environment holds none.

        Raises:
            StoreError: The file can be neither read nor written.
        """
        with self.held():
            fresh = os.urandom(_KEY_BYTES)
            self._write((fresh, *self._kept()))
        return fresh

    def drop_others(self, key: bytes) -> None:
        """Forget every key of the file but this one.

        Raises:
            StoreError: The file cannot be written.
        """
        with self.held():
            if any(other != key for other in self._kept()):
                self._write((key,) if not self._given else ())

    def _kept(self) -> tuple[bytes, ...]:
        try:
            with self.path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(_MOST_BYTES).decode("ascii", "replace")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise files.store_error(error, self.path) from error
        if mode & 0o077:
            raise StoreError(
                "Others may read or write the file with the master key.",
                where=str(self.path),
                fix=f"Take their rights away (chmod 600 {self.path}), and change every secret if they may have read it.",
            )
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if not all(_HEX.fullmatch(line) for line in lines):
            raise StoreError(
                "The file holds something else than master keys.", where=str(self.path), fix="Restore a copy of it."
            )
        return tuple(bytes.fromhex(line) for line in lines)

    def _write(self, keys: Sequence[bytes]) -> None:
        beside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            with files.create(beside) as file:
                file.write("".join(f"{key.hex()}\n" for key in keys).encode())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
            files.sync_folder(self.path.parent)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise files.store_error(error, self.path) from error


def identity(key: bytes) -> str:
    """What names a key without telling it."""
    return hashlib.sha256(b"weighbridge master key " + key).hexdigest()[:16]


def _told(text: str) -> tuple[bytes, ...]:
    keys = [part.strip() for part in text.split(",") if part.strip()]
    if not all(_HEX.fullmatch(key) for key in keys):
        raise SettingsError(
            "A master key must be 64 hexadecimal digits; several are separated by commas.", where=VARIABLE, fix=_MAKE
        )
    return tuple(bytes.fromhex(key) for key in keys)
