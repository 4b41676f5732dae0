"""Secrets of other parties, such as the keys of hosts, locked in the state store. A master key, kept elsewhere, opens them.

Each is sealed by AES-256-GCM together with its name: a seal that was copied to another name does not open.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from weighbridge.access.masters import VARIABLE, Masters, identity
from weighbridge.canon import Act, AdminRole, Record
from weighbridge.errors import DamagedError, InputError, NotFoundError, SettingsError, WeighbridgeError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.store.state import State

KIND = "secret"
MOST_CHARACTERS = 32 * 1024  #: of one secret; a service account's key has some 2,400
MOST_SECRETS = 10_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NONCE_BYTES = 12

Random = Callable[[int], bytes]

log = logging.getLogger("weighbridge.access")


class Sealed(Struct, frozen=True):
    """A secret as the store holds it. `key` names the master key that opens it."""

    key: str
    nonce: bytes
    data: bytes
    at: float  #: when it was set, seconds since 1970


class Shown(Struct, frozen=True):
    """What may be shown of a secret."""

    name: str
    set: float  #: when, seconds since 1970


def set_secret(
    state: State,
    masters: Masters,
    name: str,
    value: str,
    *,
    who: str,
    at: float,
    why: str = "",
    acting: AdminRole = "",
    random: Random = os.urandom,
) -> Shown:
    """Keep a secret, in place of the one that had the name.

    Args:
        state: The store.
        masters: The master keys.
        name: By which it is found: `store:NAME` among the keys of a host.
        value: The secret; blanks at its ends are left out.
        who: Who does it.
        at: Now, in seconds since 1970.
        why: Their reason.
        acting: The role in which `who` acts.
        random: Gives that many random bytes.

    Raises:
        InputError: The name or the value cannot be used.
        StoreError: The store, or the file with the master key, cannot be read or written.
    """
    check_name(name)
    value = value.strip()
    _check_value(value)
    if len(listed(state)) >= MOST_SECRETS:
        raise InputError(f"There are {MOST_SECRETS} secrets already.", where="name", fix="Remove those not in use.")
    act = Act(at, who, "secret.set", f"secret:{name}", why, acting)
    with masters.held():  # nobody forgets the key before what it locked can be seen
        sealed = _seal(masters.first(), name, value.encode(), at, random)
        state.alter(KIND, name, lambda _: msgspec.json.encode(sealed), act)
    return Shown(name, at)


def remove(state: State, name: str, *, who: str, at: float, why: str = "", acting: AdminRole = "") -> None:
    """Forget a secret.

    Raises:
        NotFoundError: None has this name.
        StoreError: The store cannot be read or written.
    """
    known = [one.name for one in listed(state)]
    if name not in known:
        raise _unknown(name, known)

    def change(data: bytes | None) -> None:
        if data is None:
            raise _unknown(name, [])

    state.alter(KIND, name, change, Act(at, who, "secret.remove", f"secret:{name}", why, acting))


def found(state: State, masters: Masters, name: str) -> str | None:
    """A secret as the store has it now; None where there is none.

    Raises:
        DamagedError: It cannot be opened.
        SettingsError: The master key that locked it is not here.
        StoreError: The store, or the file with the master key, cannot be read.
    """
    for record in state.records(KIND):
        if record.name == name:
            return Secrets(masters).opened(name, record.data).decode()
    return None


def listed(state: State) -> list[Shown]:
    """What is kept, by name.

    Raises:
        StoreError: The store cannot be read.
        DamagedError: What is kept cannot be read.
    """
    return [Shown(r.name, _read(r.data, r.name).at) for r in state.records(KIND) if r.data is not None]


def rotate_master(
    state: State,
    masters: Masters,
    *,
    who: str,
    at: float,
    why: str = "",
    acting: AdminRole = "",
    random: Random = os.urandom,
    others: Callable[[], object] = lambda: None,
) -> int:
    """Lock every secret anew: under a new master key, or under the first one that the environment holds.

    The old one is forgotten at the end. Where this breaks off, both open what they locked: do it again.
    `others` locks anew what else the master keys lock, before that.

    Returns:
        How many secrets were locked anew.

    Raises:
        DamagedError: A secret cannot be opened; then no key is forgotten.
        StoreError: The store, or the file with the master key, cannot be read or written.
    """
    with masters.held():
        records = state.records(KIND)
        opener = Secrets(masters)
        for record in records:  # all must open before a key is made
            opener.opened(record.name, record.data)
        fresh = masters.first() if masters.in_environment else masters.add()
        old = [record for record in records if _read(record.data, record.name).key != identity(fresh)]
        for record in old:
            act = Act(at, who, "secret.relock", f"secret:{record.name}", why, acting)
            state.alter(KIND, record.name, _relocked(record.name, fresh, Secrets(masters), random), act)
        others()
        masters.drop_others(fresh)
    return len(old)


def _relocked(name: str, key: bytes, opener: Secrets, random: Random) -> Callable[[bytes | None], bytes | None]:
    def change(data: bytes | None) -> bytes | None:
        if data is None:
            return None  # removed meanwhile
        return msgspec.json.encode(_seal(key, name, opener.opened(name, data), _read(data, name).at, random))

    return change


def check_name(name: str) -> None:
    """Refuse what cannot name a secret.

    Raises:
        InputError: It cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name[:100]!a} cannot name a secret.",
            where="name",
            fix="Use up to 64 letters, digits and . _ -, a letter or digit first.",
        )


class Secrets:
    """What the state store holds, opened as it is asked for.

    Args:
        masters: The master keys.
    """

    def __init__(self, masters: Masters) -> None:
        self._masters = masters
        self._keys: dict[str, bytes] = {}
        self._held: dict[str, bytes] = {}
        self._open: dict[str, str | None] = {}

    def apply(self, records: Iterable[Record]) -> None:
        """Take over what changed in the store. Records of other kinds are passed over."""
        for record in records:
            if record.kind != KIND:
                continue
            self._open.pop(record.name, None)
            if record.data is None:
                self._held.pop(record.name, None)
            else:
                self._held[record.name] = record.data

    def __call__(self, name: str) -> str | None:
        """The secret of a name; None where there is none, or where it cannot be opened, which the log tells once."""
        if name in self._open:
            return self._open[name]
        if (data := self._held.get(name)) is None:
            return None
        try:
            value: str | None = self.opened(name, data).decode()
        except WeighbridgeError as error:
            log.error("%s", error)  # noqa: TRY400 - a traceback would say less
            value = None
        if self._held.get(name) is data:  # not changed meanwhile, by another thread
            self._open[name] = value
        return value

    def opened(self, name: str, data: bytes | None) -> bytes:
        """What a seal holds.

        Raises:
            SettingsError: The master key that locked it is not here.
            DamagedError: It was altered, or belongs to another name.
            StoreError: The file with the master key cannot be read.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        sealed = _read(data, name)
        if sealed.key not in self._keys:
            self._keys = self._masters.all()
        key = self._keys.get(sealed.key)
        if key is None:
            raise SettingsError(
                f"The secret '{name}' is locked by another master key than the ones here.",
                where=f"secret:{name}",
                fix=f"Set {VARIABLE} to the one that locked it, or copy {self._masters.path.name} from the store's "
                "folder of the machine where it was set.",
            )
        try:
            return AESGCM(key).decrypt(sealed.nonce, sealed.data, _bound(name))
        except (InvalidTag, ValueError) as error:
            raise DamagedError(
                f"The secret '{name}' was altered and cannot be opened.",
                where=f"secret:{name}",
                fix=f"Set it again: weighbridge secrets set {name}.",
            ) from error


def _seal(key: bytes, name: str, value: bytes, at: float, random: Random) -> Sealed:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = random(_NONCE_BYTES)
    return Sealed(identity(key), nonce, AESGCM(key).encrypt(nonce, value, _bound(name)), at)


def _bound(name: str) -> bytes:
    return f"weighbridge secret {name}".encode()


def _read(data: bytes | None, name: str) -> Sealed:
    try:
        return msgspec.json.decode(data or b"", type=Sealed)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DamagedError(
            f"The secret '{name}' cannot be read: {error}.",
            where=f"secret:{name}",
            fix=f"Set it again: weighbridge secrets set {name}.",
        ) from error


def _check_value(value: str) -> None:
    if not value:
        raise InputError("The secret is empty.", where="value", fix="Type it, or give it on standard input.")
    if len(value) > MOST_CHARACTERS:
        raise InputError(
            f"The secret has {len(value)} characters.", where="value", fix=f"Give at most {MOST_CHARACTERS}."
        )
    if any(not (c.isprintable() or c in "\n\r\t") for c in value):
        raise InputError("The secret holds control characters.", where="value", fix="Give the text alone.")


def _unknown(name: str, known: list[str]) -> NotFoundError:
    return NotFoundError(f"No secret is called '{name[:100]}'.", where="name", fix=did_you_mean(name[:100], known))
