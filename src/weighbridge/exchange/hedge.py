"""Asking a second engine where the first takes too long: how often that may be, and who is first."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from weighbridge.canon import Engine
from weighbridge.engines.clock import Clock
from weighbridge.exchange.answer import StreamedAnswer, WholeAnswer

Answered = WholeAnswer | StreamedAnswer

_MOST = 10.0  #: hedges that a quiet time can save up


class Hedges:
    """An allowance for each route. It never gives out more than the route's share of the exchanges that it saw."""

    def __init__(self) -> None:
        self._saved: dict[str, float] = {}

    def seen(self, route: str, share: float) -> None:
        """One more exchange that could be hedged, at most this share of which may be."""
        self._saved[route] = min(_MOST, self._saved.get(route, 0.0) + share)

    def take(self, route: str) -> bool:
        """May this one be asked twice? Then it counts."""
        saved = self._saved.get(route, 0.0)
        if saved < 1.0 - 1e-9:  # twenty times a twentieth is one
            return False
        self._saved[route] = max(0.0, saved - 1.0)
        return True


class Race:
    """Calls of several engines under way at once, and a bell that rings when it is time for one more.

    Args:
        clock: Time.
        after: Seconds until the bell rings.
    """

    def __init__(self, clock: Clock, after: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell: asyncio.Future[None] = self._loop.create_future()
        self._timer = clock.call_later(after, self._ring)
        self._running: dict[asyncio.Task[Answered], Engine] = {}

    @property
    def late(self) -> bool:
        """Has the bell rung?"""
        return self._bell.done()

    def __len__(self) -> int:
        """How many are under way."""
        return len(self._running)

    def start(self, engine: Engine, call: Coroutine[Any, Any, Answered]) -> None:
        """One more call."""
        self._running[self._loop.create_task(call)] = engine

    def keep(self, winner: Engine) -> None:
        """Break off all but one, at once: nothing more of theirs is sent."""
        for task, engine in self._running.items():
            if engine is not winner:
                task.cancel()

    async def news(self) -> list[tuple[Engine, asyncio.Task[Answered]]]:
        """Wait until a call has ended, or the bell has rung for the first time: the calls that ended, uncancelled."""
        waiting: list[asyncio.Future[Any]] = [*self._running]
        if not self._bell.done():
            waiting.append(self._bell)
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        over = [(self._running.pop(task), task) for task in [*self._running] if task.done()]
        return [(engine, task) for engine, task in over if not task.cancelled() and _seen(task)]

    async def close(self) -> None:
        """Break off whoever is still under way."""
        self._timer.cancel()
        for task in self._running:
            task.cancel()
        if self._running:
            await asyncio.wait(self._running)
        for task in self._running:
            # The caller may have gone in the very moment in which an answer began: nobody else would close it.
            if not task.cancelled() and task.exception() is None:
                await task.result().close()

    def _ring(self) -> None:
        if not self._bell.done():
            self._bell.set_result(None)


def _seen(task: asyncio.Task[Answered]) -> bool:
    """Asyncio complains of errors that nobody looked at."""
    task.exception()
    return True
