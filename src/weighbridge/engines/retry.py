"""Which failed calls are worth sending again, and when: a pure decision, with the randomness passed in."""

from __future__ import annotations

import random

from weighbridge.engines.transport import dropped
from weighbridge.errors import (
    BrokenAnswerError,
    EngineError,
    LocalEngineError,
    NoCreditError,
    NoKeyError,
    RateLimitedError,
    RefusedRequestError,
    UnknownModelError,
    UnreachableError,
    WrongKeyError,
)
from weighbridge.settings import Client as ClientSettings

LONGEST_BACKOFF = 30.0  #: seconds; the doubling stops here
#: the host says that it did not do the work; 501 and 505 would say so forever
_STATUSES = {408, 425, 429, *range(500, 600)} - {501, 505}
#: the same request meets the same answer, whatever the status
_FINAL = (
    BrokenAnswerError,
    LocalEngineError,
    NoCreditError,
    NoKeyError,
    RefusedRequestError,
    UnknownModelError,
    WrongKeyError,
)


class Retries:
    """One request's allowance of further tries.

    A connection that broke before the first byte of an answer is, as a rule, a pooled one that the host had
    closed meanwhile (llama.cpp does that): it is replaced once at once, without using up the allowance.

    Args:
        settings: How many tries, and how long to wait.
        rng: Jitter.
    """

    def __init__(self, settings: ClientSettings, rng: random.Random) -> None:
        self._settings = settings
        self._rng = rng
        self._used = 0
        self._stale = False

    def wait(self, error: EngineError, left: float, *, patient: bool = True) -> float | None:
        """Seconds to wait before the next try; None when there should be none.

        Args:
            error: How the last try failed.
            left: Seconds until the request's deadline.
            patient: Is it worth waiting for a host that asked to?
        """
        if isinstance(error, UnreachableError) and dropped(error) and not self._stale:
            self._stale = True
            return 0.0
        if self._used >= self._settings.retries or not _worth_it(error):
            return None
        asked = error.retry_after or 0.0
        if not patient and (asked > 0 or isinstance(error, RateLimitedError)):
            return None
        if asked > self._settings.max_retry_after:
            return None
        full = min(self._settings.backoff * 2**self._used, LONGEST_BACKOFF)
        self._used += 1
        # Whoever was told a time adds the jitter on top: never earlier than asked, never all at once.
        seconds = max(asked, 0.0) + self._rng.uniform(0.0 if asked > 0 else 0.5 * full, full)
        return seconds if seconds < left else None


def _worth_it(error: EngineError) -> bool:
    if isinstance(error, _FINAL):
        return False
    return isinstance(error, UnreachableError) or error.status in _STATUSES
