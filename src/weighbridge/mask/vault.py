"""Where the values of a conversation are kept beyond one request: in memory, or locked in a shelf that several workers share.

Only a conversation that its caller named itself has a vault. An id that was derived (it begins with `~`) is anybody's
who says the same words, and gets nothing.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

from weighbridge.errors import DamagedError, InputError, SettingsError
from weighbridge.mask.entries import Entry, entries_with

_NONCE = 12
_KEY = 32
_TOUCH = 3600.0  #: a vault's last use is written down at most so often, in seconds
_MOST = 10_000

Masters = Callable[[], Mapping[str, bytes]]
"""The master keys by their ids, the one that locks first."""
Random = Callable[[int], bytes]


class Vault(Protocol):
    """Keeps the values of conversations."""

    def get(self, tenant: str, conversation: str) -> tuple[Entry, ...]:
        """What is kept for a conversation."""
        ...

    def put(self, tenant: str, conversation: str, entries: Iterable[Entry]) -> None:
        """Keep more for it, beside what is kept."""
        ...

    def forget(self, tenant: str, conversation: str) -> int:
        """Delete all of it: how many vaults there were, 0 or 1."""
        ...

    def sweep(self, now: float) -> int:
        """Delete what was not used for too long: how many vaults."""
        ...


Sealed = tuple[bytes, float]
"""A vault as a shelf holds it, and when it was used last, in seconds since 1970."""
Change = Callable[[Sealed | None], Sealed | None]


class Shelf(Protocol):
    """Holds sealed vaults by names that tell nothing. Of those who change one, one waits for the other."""

    def get(self, name: str) -> Sealed | None:
        """The vault of this name."""
        ...

    def alter(self, name: str, change: Change) -> None:
        """Put what the change makes of a vault in its place; None takes it away. The same object: nothing changes."""
        ...

    def names(self) -> list[str]:
        """Of all vaults."""
        ...

    def sweep(self, before: float) -> int:
        """Take those away that were used last before this time: how many."""
        ...


class _Kept(Struct, frozen=True):
    """What is sealed: `master` names the key that opens `key`, which opens `data`."""

    master: str
    key: bytes
    data: bytes


class MemoryVault:
    """Keeps values in this process. For several threads.

    Args:
        seconds: After their last use they are forgotten.
        most: Conversations; those that were not used for longest go first.
        clock: Seconds since 1970.
    """

    def __init__(self, *, seconds: float, most: int = _MOST, clock: Callable[[], float] = time.time) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._kept: OrderedDict[tuple[str, str], tuple[float, tuple[Entry, ...]]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, tenant: str, conversation: str) -> tuple[Entry, ...]:
        """What is kept for a conversation.

        Raises:
            InputError: It has no id of its own.
        """
        key = _named(tenant, conversation)
        with self._lock:
            return self._used(key)

    def put(self, tenant: str, conversation: str, entries: Iterable[Entry]) -> None:
        """Keep more for it.

        Raises:
            InputError: It has no id of its own.
        """
        key = _named(tenant, conversation)
        with self._lock:
            if all_of := entries_with(self._used(key), entries):
                self._kept[key] = self._clock(), all_of
                self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def forget(self, tenant: str, conversation: str) -> int:
        """Delete all of it: 1 if there was anything.

        Raises:
            InputError: It has no id of its own.
        """
        key = _named(tenant, conversation)
        with self._lock:
            return int(self._kept.pop(key, None) is not None)

    def sweep(self, now: float) -> int:
        """Delete what was not used for too long: how many vaults."""
        with self._lock:
            return self._sweep(now)

    def _used(self, key: tuple[str, str]) -> tuple[Entry, ...]:
        now = self._clock()
        self._sweep(now)
        if key not in self._kept:
            return ()
        entries = self._kept[key][1]
        self._kept[key] = now, entries
        self._kept.move_to_end(key)
        return entries

    def _sweep(self, now: float) -> int:
        count = 0
        while self._kept and next(iter(self._kept.values()))[0] < now - self._seconds:
            self._kept.popitem(last=False)
            count += 1
        return count


class Locked:
    """Keeps values sealed by AES-256-GCM: each conversation has a key of its own, which a master key locks.

    What is sealed is bound to its tenant and conversation: a seal that was put in another's place does not open.

    Args:
        shelf: Holds what is sealed.
        masters: The master keys: the first one locks, all of them open.
        seconds: After its last use a vault is forgotten.
        clock: Seconds since 1970.
        random: Gives that many random bytes.
    """

    def __init__(
        self,
        shelf: Shelf,
        masters: Masters,
        *,
        seconds: float,
        clock: Callable[[], float] = time.time,
        random: Random = os.urandom,
    ) -> None:
        self._shelf = shelf
        self._masters = masters
        self._seconds = seconds
        self._clock = clock
        self._random = random

    def get(self, tenant: str, conversation: str) -> tuple[Entry, ...]:
        """What is kept for a conversation.

        Raises:
            InputError: It has no id of its own.
            DamagedError: What is kept was changed, or is another's.
            SettingsError: The master key that locked it is not here.
            StoreError: The shelf, or the master keys, cannot be read.
        """
        name = _name(tenant, conversation)
        stored = self._alive(self._shelf.get(name))
        if stored is None:
            return ()
        kept = _read(name, stored)
        entries = self._entries(name, kept, self._data_key(name, kept))
        if self._is_stale(stored):
            self._shelf.alter(name, lambda now: now and (now[0], self._clock()))
        return entries

    def put(self, tenant: str, conversation: str, entries: Iterable[Entry]) -> None:
        """Keep more for it.

        Raises:
            InputError: It has no id of its own.
            DamagedError: What is kept was changed, or is another's.
            SettingsError: The master key that locked it is not here.
            StoreError: The shelf, or the master keys, cannot be used.
        """
        name = _name(tenant, conversation)
        wanted = tuple(entries)

        def change(stored: Sealed | None) -> Sealed | None:
            if (alive := self._alive(stored)) is None:
                return self._written(self._sealed(name, wanted)) if wanted else None
            kept = _read(name, alive)
            key = self._data_key(name, kept)
            known = self._entries(name, kept, key)
            together = entries_with(known, wanted)
            if len(together) == len(known) and not self._is_stale(alive):
                return stored
            data = _seal(key, _bytes(together), _bound("values", name), self._random)
            return self._written(_Kept(kept.master, kept.key, data))

        self._shelf.alter(name, change)

    def forget(self, tenant: str, conversation: str) -> int:
        """Delete its key and all that it locked: 1 if there was anything. It need not open.

        Raises:
            InputError: It has no id of its own.
            StoreError: The shelf cannot be written.
        """
        name = _name(tenant, conversation)
        was = 0

        def change(stored: Sealed | None) -> None:
            nonlocal was
            was = int(stored is not None)

        self._shelf.alter(name, change)
        return was

    def sweep(self, now: float) -> int:
        """Delete what was not used for too long: how many vaults.

        Raises:
            StoreError: The shelf cannot be written.
        """
        return self._shelf.sweep(now - self._seconds)

    def rewrap(self) -> int:
        """Lock the key of every vault under the first master key, so that the others may go: how many were locked anew.

        Raises:
            DamagedError: One does not open.
            SettingsError: The master key of one is not here.
            StoreError: The shelf, or the master keys, cannot be used.
        """
        return sum(self._rewrapped(name) for name in self._shelf.names())

    def _rewrapped(self, name: str) -> int:
        done = 0

        def change(stored: Sealed | None) -> Sealed | None:
            nonlocal done
            first, master = self._first()
            kept = _read(name, stored) if stored is not None else None
            if stored is None or kept is None or kept.master == first:
                return stored
            key = _seal(master, self._data_key(name, kept), _bound("key", name), self._random)
            done = 1
            return msgspec.msgpack.encode(_Kept(first, key, kept.data)), stored[1]

        self._shelf.alter(name, change)
        return done

    def _alive(self, stored: Sealed | None) -> Sealed | None:
        return stored if stored is not None and stored[1] >= self._clock() - self._seconds else None

    def _is_stale(self, stored: Sealed) -> bool:
        return stored[1] < self._clock() - min(_TOUCH, self._seconds / 2)

    def _written(self, kept: _Kept) -> Sealed:
        return msgspec.msgpack.encode(kept), self._clock()

    def _first(self) -> tuple[str, bytes]:
        first = next(iter(self._masters().items()), None)
        if first is None:
            raise SettingsError("There is no master key to lock vaults with.", fix="Set WEIGHBRIDGE_MASTER_KEY.")
        return first

    def _sealed(self, name: str, entries: tuple[Entry, ...]) -> _Kept:
        first, master = self._first()
        key = self._random(_KEY)
        return _Kept(
            first,
            _seal(master, key, _bound("key", name), self._random),
            _seal(key, _bytes(entries), _bound("values", name), self._random),
        )

    def _data_key(self, name: str, kept: _Kept) -> bytes:
        master = self._masters().get(kept.master)
        if master is None:
            raise SettingsError(
                "The master key that locked a vault is not here.",
                where=f"vault {name[:12]}",
                fix="Give it beside the new one; several may be given, the one that locks first.",
            )
        return _opened(master, kept.key, _bound("key", name), name)

    def _entries(self, name: str, kept: _Kept, key: bytes) -> tuple[Entry, ...]:
        data = _opened(key, kept.data, _bound("values", name), name)
        try:
            return msgspec.msgpack.decode(data, type=tuple[Entry, ...])
        except msgspec.DecodeError:
            raise _damaged(name) from None


def _bytes(entries: tuple[Entry, ...]) -> bytes:
    try:
        return msgspec.msgpack.encode(entries)
    except UnicodeEncodeError:
        # Half a character cannot be kept; it comes back within its own request alone.
        return msgspec.msgpack.encode([entry for entry in entries if _whole(entry)])


def _read(name: str, stored: Sealed) -> _Kept:
    try:
        return msgspec.msgpack.decode(stored[0], type=_Kept)
    except msgspec.DecodeError:
        raise _damaged(name) from None


def _whole(entry: Entry) -> bool:
    try:
        msgspec.msgpack.encode(entry)
    except UnicodeEncodeError:
        return False
    return True


def _named(tenant: str, conversation: str) -> tuple[str, str]:
    if not conversation or conversation.startswith("~"):
        raise InputError(
            "A conversation without an id of its own has no vault.",
            where="conversation",
            fix="Let the client name its conversation.",
        )
    return tenant, conversation


def _name(tenant: str, conversation: str) -> str:
    """What names a vault on its shelf without telling whose it is."""
    made = hashlib.sha256(b"weighbridge vault")
    for part in _named(tenant, conversation):
        data = part.encode("utf-8", "surrogatepass")
        made.update(len(data).to_bytes(8, "big") + data)
    return made.hexdigest()


def _bound(what: str, name: str) -> bytes:
    return f"weighbridge vault {what} {name}".encode()


def _seal(key: bytes, data: bytes, bound: bytes, random: Random) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = random(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, bound)


def _opened(key: bytes, sealed: bytes, bound: bytes, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise _damaged(name) from None


def _damaged(name: str) -> DamagedError:
    return DamagedError(
        "A vault does not open: it was changed, or is that of another conversation.",
        where=f"vault {name[:12]}",
        fix="Restore a copy of the state store, or forget the conversation.",
    )
