"""The keys as one process knows them: whether a secret that was shown opens the door. Refusals look alike from outside."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from hmac import compare_digest

import msgspec
from msgspec import Struct

from weighbridge.access.keys import KIND, PREFIX, hashed
from weighbridge.canon import Key, Record
from weighbridge.errors import AccessError, ForbiddenError

MAX_SHOWN = 4  #: keys of one request that are looked at: clients of Gemini show two
_LONGEST = 512
_AGAIN = 60.0  #: seconds between two lines of the log about the same key
_NOBODY: tuple[tuple[bytes, float | None], ...] = ((bytes(32), None),)
"""Compared with what names no key, so that this takes as long as a wrong secret of one that is there."""

log = logging.getLogger("weighbridge.access")


class _Held(Struct, frozen=True):
    key: Key
    proofs: tuple[tuple[bytes, float | None], ...]


class Keyring:
    """Holds the keys; `apply` keeps it up to date.

    Args:
        required: Is a key asked for even where none was ever made?
    """

    def __init__(self, *, required: bool = False) -> None:
        #: must whoever asks for an answer show a key? Once true it stays so: a last key that is revoked opens nothing
        self.required = required
        self._held: dict[str, _Held] = {}
        self._told: dict[tuple[str, str], float] = {}

    def apply(self, records: Iterable[Record]) -> None:
        """Take over what changed. Records of other kinds are passed over."""
        for record in records:
            if record.kind != KIND:
                continue
            self._held.pop(record.name, None)
            if record.data is None:
                continue
            try:
                key = msgspec.json.decode(record.data, type=Key)
                proofs = tuple((bytes.fromhex(proof), until) for proof, until in key.hashes)
            except (msgspec.DecodeError, ValueError) as error:
                self.required = True  # whatever it was for, it was a key
                log.error("key %s cannot be read, and opens nothing: %s", record.name, error)  # noqa: TRY400 - a traceback would say less
                continue
            self.required = self.required or not key.role
            self._held[key.id] = _Held(key, proofs or _NOBODY)

    def check(self, shown: Sequence[bytes], now: float, *, admin: bool = False) -> Key:
        """The key whose secret was shown: the first that may be used here.

        Args:
            shown: What was shown as a key, in whichever places.
            now: Seconds since 1970.
            admin: Is it for the admin API, where only keys with a role count? Elsewhere only those without one do.

        Raises:
            AccessError: None opens the door. Unknown, wrong and revoked ones are refused in the same words.
            ForbiddenError: The key is for the other door.
        """
        refusal: AccessError = unknown_key(bool(shown))
        for one in shown[:MAX_SHOWN]:
            key = self._opened(one, now)
            if key is None:
                continue
            if key.expires is not None and key.expires <= now:
                self._tell(key, "expired", now)
                refusal = AccessError(
                    "This key has expired.",
                    where="authorization",
                    fix=f"Ask for a new secret: weighbridge keys rotate {key.id} --expires WHEN.",
                )
            elif bool(key.role) != admin:
                self._tell(key, "used at the wrong door", now)
                refusal = _wrong_door(admin=admin)
            else:
                return key
        raise refusal

    def _opened(self, shown: bytes, now: float) -> Key | None:
        held = self._held.get(_identity(shown))
        digest = hashed(shown[:_LONGEST])
        right = late = False
        for proof, until in held.proofs if held is not None else _NOBODY:
            # Both are hashes, of one length: the time that this takes tells nothing about the secret.
            same = compare_digest(digest, proof)
            late |= same and until is not None and until <= now
            right |= same and (until is None or until > now)
        if held is None:
            return None
        if held.key.revoked is not None or not right:
            if right or late:
                self._tell(held.key, "revoked" if held.key.revoked is not None else "rotated away", now)
            return None
        return held.key

    def _tell(self, key: Key, why: str, now: float) -> None:
        """The log tells what the caller is not told, once a minute at most."""
        last = self._told.get((key.id, why))
        if last is None or not 0 <= now - last < _AGAIN:
            self._told[key.id, why] = now
            log.warning("refused: the key %s (%s) is %s", key.id, key.name, why)


def unknown_key(shown: bool) -> AccessError:  # noqa: FBT001 - was a key shown at all?
    """How a caller without a usable key is refused."""
    return AccessError(
        "No valid access key was shown." if shown else "An access key is asked for.",
        where="authorization",
        fix="Send 'Authorization: Bearer KEY', 'x-api-key: KEY' or 'x-goog-api-key: KEY' with a key that is in use "
        "(weighbridge keys list).",
    )


def _wrong_door(*, admin: bool) -> ForbiddenError:
    if admin:
        return ForbiddenError(
            "This key has no role in the admin API.",
            where="authorization",
            fix="Make one that has: weighbridge keys create NAME --role viewer.",
        )
    return ForbiddenError(
        "This key is for the admin API and asks for no answers.",
        where="authorization",
        fix="Make one without a role: weighbridge keys create NAME.",
    )


def _identity(shown: bytes) -> str:
    prefix, _, rest = shown[:_LONGEST].partition(b"-")
    return rest.partition(b"-")[0].decode("latin-1") if prefix == PREFIX.encode() else ""
