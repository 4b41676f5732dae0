"""Waiting until fewer are under way: one at a time tries, in a fair order, and all others wait behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from weighbridge.access.queue import FairQueue

POLL = 0.01  #: seconds between two looks at what other processes may have given back


class Line:
    """Those of one process that wait for one subject.

    Args:
        limit: The most that may wait.
        empty: Called when nobody waits any more.
    """

    def __init__(self, limit: int, empty: Callable[[], None]) -> None:
        self._queue = FairQueue(limit, unused=self._unused)
        self._empty = empty
        self._taken = False

    @property
    def busy(self) -> bool:
        """Does somebody try?"""
        return self._taken

    async def enter(self, caller: str, seconds: float) -> None:
        """Become the one who tries; `leave` lets the next one.

        Raises:
            LimitError: Too many wait, or it took too long.
        """
        if self._taken:
            await self._queue.wait(caller, seconds)
        self._taken = True

    def leave(self) -> None:
        """The next one may try."""
        if not self._queue.wake():
            self._unused()

    def _unused(self) -> None:
        self._taken = False
        self._empty()


class Bell:
    """Tells who tries that something was given back in this process, so that they need not wait for their next look."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    def ring(self) -> None:
        """Something was given back."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    async def heard(self, seconds: float) -> None:
        """Wait for it, or for `seconds`."""
        if seconds <= 0:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            self._waiting.discard(future)
