"""Stored responses: what a client may later ask for by its id, go on from, or delete."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

from weighbridge.store.shelf import Shelf

_LOCKED = b"\x01locked:"  #: no JSON begins so
_NONCE = 12


class StoredResponses:
    """Stored responses in an SQLite file that several processes share; it may be the one of the keepsakes.

    Each is its caller's own: under another caller's name the same id finds nothing.

    Args:
        path: The file.
        seconds: How long one is kept.
        max_bytes: How much is kept; the oldest go first.
        now: The wall clock, in seconds since 1970.
        key: Locks what is kept: it is the callers' own words, also where engines see other ones. 32 bytes; None locks nothing.
    """

    def __init__(
        self, path: Path, *, seconds: float, max_bytes: int, now: Callable[[], float], key: bytes | None = None
    ) -> None:
        self._lock = _Lock(key) if key is not None else None
        # Nothing is remembered beside the file: what one process deletes must be gone for all.
        self._shelf = Shelf(path, "responses", seconds=seconds, max_bytes=max_bytes, now=now)

    @property
    def dropped(self) -> int:
        """Responses that were not kept: too large, or the file could not be written."""
        return self._shelf.dropped

    @property
    def faults(self) -> int:
        """Times that the file could not be read or written."""
        return self._shelf.faults

    def put(self, id: str, body: bytes, *, caller: str = "") -> None:  # noqa: A002 - the wire's word
        """Keep a response. Never fails, and never waits; this process finds it at once, others after `settle`."""
        name = _key(id, caller)
        self._shelf.put([(name, self._lock.shut(name, body) if self._lock is not None else body)])

    def get(self, id: str, *, caller: str = "") -> bytes | None:  # noqa: A002 - as above
        """A response, or None where there is none of this id and caller."""
        name = _key(id, caller)
        body = self._shelf.get([name]).get(name)
        return self._lock.opened(name, body) if self._lock is not None and body is not None else body

    def delete(self, id: str, *, caller: str = "") -> bool:  # noqa: A002 - as above
        """Delete a response, for every process; was it there? This waits for the disk.

        Raises:
            StoreError: The file cannot be written.
        """
        return self._shelf.delete(_key(id, caller))

    async def settle(self) -> None:
        """Wait until other processes see what was put here so far, or a tenth of a second."""
        await self._shelf.settle()

    def close(self) -> None:
        """Write what is waiting and let go of the file."""
        self._shelf.close()


class _Lock:
    """AES-256-GCM under one key; what is locked is bound to its place."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(key)

    def shut(self, name: bytes, body: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return _LOCKED + nonce + self._cipher.encrypt(nonce, body, name)

    def opened(self, name: bytes, body: bytes) -> bytes | None:
        """None where it was locked by another key, or altered. What was kept before there were locks is as it is."""
        from cryptography.exceptions import InvalidTag

        if not body.startswith(_LOCKED):
            return body
        start = len(_LOCKED)
        try:
            return self._cipher.decrypt(body[start : start + _NONCE], body[start + _NONCE :], name)
        except (InvalidTag, ValueError):
            return None


def _key(name: str, caller: str) -> bytes:
    """Of fixed length, however long the id that a client sends."""
    told = caller.encode("utf-8", "surrogatepass")
    return blake2b(b"%d:%b%b" % (len(told), told, name.encode("utf-8", "surrogatepass")), digest_size=20).digest()
