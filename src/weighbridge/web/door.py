"""Who may come in: keys with a role, and the one that the environment holds."""

from __future__ import annotations

import threading
from hmac import compare_digest

from weighbridge.access.keyring import Keyring
from weighbridge.access.keys import KIND, hashed, listed
from weighbridge.canon import AdminRole
from weighbridge.errors import AccessError
from weighbridge.store.state import State

FIRST = "the key of the environment"
_SHORTEST = 16  #: characters of a key that nobody guesses


class Opener:
    """Tells whose key was shown. The store is asked anew each time: a key that was revoked opens nothing.

    Args:
        state: Where keys are kept.
        first: A key of the role admin that is not kept there; "" for none.
    """

    def __init__(self, state: State, first: str) -> None:
        self._state = state
        self._first = hashed(first.encode()) if first else None
        self._short = 0 < len(first) < _SHORTEST
        self._keyring = Keyring(required=True)
        self._revision = 0
        self._lock = threading.Lock()

    def __call__(self, shown: list[bytes], now: float) -> tuple[str, AdminRole]:
        """Whose key was shown, and the role in which it acts.

        Raises:
            AccessError: None that opens this door.
            ForbiddenError: It is a key for applications.
            StoreError: The store cannot be read.
        """
        same = [compare_digest(hashed(one), self._first) for one in shown] if self._first is not None else []
        if any(same):
            return FIRST, "admin"
        with self._lock:
            self._follow()
            key = self._keyring.check(shown, now, admin=True)
        return key.name, key.role

    def check_anyone(self, env: str) -> None:
        """Is there a key at all that opens this door?

        Args:
            env: The name of the environment's variable.

        Raises:
            AccessError: There is none, or the environment's is too short.
        """
        fix = f"weighbridge keys create NAME --role admin, or set {env} to a long random text (openssl rand -hex 32)."
        if self._short:
            raise AccessError(f"The key in {env} is shorter than {_SHORTEST} characters.", where=env, fix=f"Use {fix}")
        if self._first is None and not any(key.role and key.revoked is None for key in listed(self._state)):
            raise AccessError("No key opens the admin API yet.", where=env, fix=f"Make one: {fix}")

    def _follow(self) -> None:
        changed = self._state.records(KIND, after=self._revision)
        self._keyring.apply(changed)
        self._revision = max([self._revision, *(record.revision for record in changed)])
