"""What a worker has seen of each engine: does it answer, was it told to wait, how fast does it begin."""

from __future__ import annotations

from collections import deque
from statistics import median

from weighbridge.canon import Engine
from weighbridge.engines.clock import Clock
from weighbridge.errors import EngineError
from weighbridge.exchange.breaker import Breaker
from weighbridge.settings import Resilience

MOST_ENGINES = 4096
"""Engines that are known: whoever is well and asked by nobody is forgotten first."""
_SMOOTH = 0.2  #: the share of the newest in a moving average
_SAMPLES = 31  #: times to the first token that a median is taken of
_MID_STREAM = frozenset({"broken_answer", "overloaded", "unreachable", "engine_failed"})
"""Outcomes of an answer that had begun which are its engine's fault. Not being done in time may be the answer's length."""


class Pace:
    """How fast answers begin: a moving average that follows changes, and the latest for a median."""

    __slots__ = ("average", "latest")

    def __init__(self) -> None:
        self.average: float | None = None
        self.latest: deque[float] = deque(maxlen=_SAMPLES)

    def add(self, seconds: float) -> None:
        """One more answer began."""
        self.average = seconds if self.average is None else self.average + _SMOOTH * (seconds - self.average)
        self.latest.append(seconds)


class Known:
    """One engine, as this worker knows it."""

    __slots__ = ("breaker", "streams", "whole")

    def __init__(self, settings: Resilience) -> None:
        self.breaker = Breaker(settings)
        self.whole = Pace()
        self.streams = Pace()


class Visit:
    """One call of an engine, from before it is made until nothing of it is under way."""

    __slots__ = ("_clock", "_in", "_known", "_probe")

    def __init__(self, known: Known, clock: Clock, *, probe: bool) -> None:
        self._known = known
        self._clock = clock
        self._probe = probe
        self._in = True
        known.breaker.under_way += 1
        if probe:
            known.breaker.probing = True

    def began(self, seconds: float, *, stream: bool) -> None:
        """Its answer began so many seconds after it was asked."""
        self._known.breaker.good(self._clock.monotonic())
        self._tried()
        (self._known.streams if stream else self._known.whole).add(seconds)

    def lost(self, seconds: float, *, stream: bool) -> None:
        """Another engine was faster. It takes longer than this, which counts where it was thought to be faster."""
        pace = self._known.streams if stream else self._known.whole
        if pace.average is None or pace.average < seconds:
            pace.add(seconds)

    def failed(self, error: EngineError, *, fair: bool = True) -> None:
        """It failed; see `Breaker.failed`."""
        self._known.breaker.failed(self._clock.monotonic(), error, fair=fair, probe=self._probe)
        self._tried()

    def broke(self, outcome: str, message: str) -> None:
        """Its answer ended so after it had begun."""
        if outcome in _MID_STREAM:
            self.failed(EngineError(message))

    def leave(self) -> None:
        """Nothing of it is under way any more; safe twice."""
        if self._in:
            self._in = False
            self._known.breaker.under_way -= 1
            self._tried()

    def _tried(self) -> None:
        """If this was the try of a half-open breaker, it is known now how it went."""
        if self._probe:
            self._probe = self._known.breaker.probing = False


class Health:
    """All engines, as one worker sees them. For one event loop.

    Args:
        settings: When to leave an engine alone, and for how long.
        clock: Time.
    """

    def __init__(self, settings: Resilience, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._known: dict[str, Known] = {}

    def enter(self, engine: Engine, *, alone: bool) -> Visit:
        """Ask an engine, if it is to be asked now.

        Args:
            engine: Who.
            alone: Can nobody else answer?

        Raises:
            EngineError: It is left alone for now: the error that it last gave, with the time that is left.
        """
        known = self._of(engine.name)
        breaker = known.breaker
        if not self._settings.enabled:
            return Visit(known, self._clock, probe=False)
        refusal = breaker.refusal(self._clock.monotonic(), engine.name, alone=alone)
        if refusal is not None:
            raise refusal
        return Visit(known, self._clock, probe=not breaker.closed)

    def ready(self, engine: Engine) -> bool:
        """Would it be asked now, though another one can answer?"""
        known = self._known.get(engine.name)
        if known is None or not self._settings.enabled:
            return True
        return known.breaker.refusal(self._clock.monotonic(), engine.name, alone=False) is None

    def pace(self, engine: Engine, *, stream: bool) -> float | None:
        """Seconds until its answers begin, as a moving average; None where it has not answered yet."""
        known = self._known.get(engine.name)
        return (known.streams if stream else known.whole).average if known is not None else None

    def first_token(self, engine: Engine) -> float | None:
        """The median of its latest times to the first token of a stream; None where none is known."""
        known = self._known.get(engine.name)
        return median(known.streams.latest) if known is not None and known.streams.latest else None

    def states(self) -> dict[str, str]:
        """Who is not asked as usual, by engine: open, half-open, cooling, slow-start."""
        if not self._settings.enabled:
            return {}
        now = self._clock.monotonic()
        found = {name: known.breaker.word(now) for name, known in self._known.items()}
        return {name: word for name, word in sorted(found.items()) if word}

    def _of(self, name: str) -> Known:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= MOST_ENGINES:
                self._forget()
            known = self._known[name] = Known(self._settings)
        return known

    def _forget(self) -> None:
        now = self._clock.monotonic()
        idle = [name for name, one in self._known.items() if not one.breaker.under_way]
        well = [name for name in idle if not self._known[name].breaker.word(now)]
        for name in (well or idle)[: MOST_ENGINES // 4]:
            del self._known[name]
