"""Is one engine asked now? A state machine without a clock of its own.

An engine that keeps failing is left alone for a while (open), then asked by one request at a time (half-open), then
by more and more (slow start). One that said when to come back is left alone until then (cooling).
"""

from __future__ import annotations

from collections import deque

from weighbridge.errors import (
    DeadlineError,
    EngineError,
    LocalEngineError,
    NoKeyError,
    OverloadedError,
    RateLimitedError,
)
from weighbridge.settings import Resilience

DOUBLINGS = 10  #: of what an engine may have at once, from one on, within its slow start
MOST_STRIKES = 5  #: doublings of a breaker's pause
_MOST_SEEN = 256  #: calls that a breaker looks back on
_SOON = 1.0  #: seconds: when to try again where nothing better is known
_NEUTRAL = (NoKeyError, LocalEngineError)  #: it was not asked: nothing was learned, and nothing is spared by waiting


class Breaker:
    """What calls of one engine showed. Times are on the monotonic clock.

    Args:
        settings: When to leave it alone, and for how long.

    Attributes:
        under_way: Its calls now.
        probing: Is one of them the try of a half-open breaker?
    """

    __slots__ = (
        "_cool_until", "_last", "_open_until", "_recovered", "_seen", "_settings", "_strikes", "_told", "probing",
        "under_way",
    )  # fmt: skip

    def __init__(self, settings: Resilience) -> None:
        self._settings = settings
        self._seen: deque[tuple[float, bool]] = deque(maxlen=_MOST_SEEN)  # when, and did it fail?
        self._open_until: float | None = None  # the end of the pause; None: closed
        self._strikes = 0  # pauses in a row
        self._cool_until = 0.0
        self._told = False  # did the host itself say until when?
        self._recovered: float | None = None
        self._last: EngineError | None = None
        self.under_way = 0
        self.probing = False

    @property
    def closed(self) -> bool:
        """Is it asked as a matter of course? Else the next call is a try."""
        return self._open_until is None

    def word(self, now: float) -> str:
        """`open`, `half-open`, `cooling`, `slow-start`, or "" where all is well."""
        if self._open_until is not None:
            return "open" if now < self._open_until else "half-open"
        if now < self._cool_until:
            return "cooling"
        return "slow-start" if self.room(now) is not None else ""

    def refusal(self, now: float, name: str, *, alone: bool) -> EngineError | None:
        """Why it is not asked now, if it is not.

        Args:
            now: The time.
            name: The engine's, for the error.
            alone: Can nobody else answer? Then a pause that the host did not ask for does not count.
        """
        if now < self._cool_until and (self._told or not alone):
            return self._again(name, "it asked to wait", self._cool_until - now)
        if self._open_until is not None:
            if now < self._open_until:
                return self._again(name, "it kept failing", self._open_until - now)
            if self.probing:
                return self._again(name, "it kept failing, and one request is trying it", _SOON)
        room = self.room(now)
        if room is not None and self.under_way >= room:
            return OverloadedError(
                f"It has just come back, and gets {room} at once for now.",
                where=name,
                fix="Try again in a moment, or give the route a fallback.",
                retry_after=_SOON,
            )
        return None

    def room(self, now: float) -> int | None:
        """How many it may have at once after a recovery: one at first, twice as many each tenth of the slow start."""
        seconds = self._settings.slow_start
        if self._recovered is None or not 0 <= now - self._recovered < seconds:
            return None
        return int(2 ** (DOUBLINGS * (now - self._recovered) / seconds))

    def good(self, now: float) -> None:
        """It answered."""
        if self._open_until is not None:
            self._open_until = None
            self._recovered = now
            self._seen.clear()
        elif self._strikes and self.room(now) is None:
            self._strikes = 0
        self._seen.append((now, False))

    def failed(self, now: float, error: EngineError, *, fair: bool, probe: bool) -> None:
        """It failed.

        Args:
            now: The time.
            error: How.
            fair: Had it the time that its route gives it? One that was given less is not blamed for being late.
            probe: Was this the try of a half-open breaker?
        """
        if isinstance(error, _NEUTRAL) or (isinstance(error, DeadlineError) and not fair):
            return
        if not error.transient:
            self.good(now)  # it understood the request, and refused it
            return
        self._cool(now, error)
        if isinstance(error, RateLimitedError):
            if self._open_until is not None:
                self.good(now)  # it is there, only not now
                self._recovered = max(self._cool_until, now)
            return
        self._last = error
        if self._open_until is not None:
            if probe:
                self._open(now)
            return  # what was under way when the breaker opened says nothing new
        self._seen.append((now, True))
        if self._too_many(now):
            self._open(now)

    def _open(self, now: float) -> None:
        self._open_until = now + self._settings.open_seconds * 2**self._strikes
        self._strikes = min(self._strikes + 1, MOST_STRIKES)
        self._seen.clear()

    def _cool(self, now: float, error: EngineError) -> None:
        asked = error.retry_after or 0.0
        if asked <= 0 and not isinstance(error, RateLimitedError):
            return
        until = now + min(asked if asked > 0 else self._settings.cooldown, self._settings.max_cooldown)
        self._last = error
        if until > self._cool_until:
            self._cool_until, self._told = until, asked > 0
            if self._told and until - now >= self._settings.slow_start:
                self._recovered = until  # who was away for long finds many waiting

    def _too_many(self, now: float) -> bool:
        while self._seen and self._seen[0][0] <= now - self._settings.window:
            self._seen.popleft()
        failures = sum(failed for _, failed in self._seen)
        return failures >= self._settings.failures and failures >= self._settings.failure_share * len(self._seen)

    def _again(self, name: str, why: str, wait: float) -> EngineError:
        """The error of an engine that is left alone: of the kind that it gave last."""
        last = self._last
        kind = OverloadedError if last is None else type(last)
        return kind(
            f"It is not asked for another {wait:.1f} s: {why}." + (f" It last said: {last.what}" if last else ""),
            where=name,
            fix="Try again then, or give the route a fallback.",
            status=last.status if last else None,
            retry_after=wait,
        )
