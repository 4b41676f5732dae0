"""A fair queue: whoever sends much waits behind whoever sends little. For one event loop."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable

from weighbridge.errors import LimitError

_SHARE = 0.5
"""The most of a queue that one caller may fill: the rest stays for others."""

Turn = asyncio.Future[None]


class FairQueue:
    """Who waits, by caller: callers take turns, and each one's own requests go in order.

    Args:
        limit: The most that may wait at once.
        unused: Called where a turn was given to one who left in that moment, and nobody else waits for it.
    """

    def __init__(self, limit: int, *, unused: Callable[[], None] | None = None) -> None:
        self._limit = limit
        self._unused = unused
        self._most = max(1, int(limit * _SHARE))
        self._lines: OrderedDict[str, deque[Turn]] = OrderedDict()
        self._waiting = 0

    def __len__(self) -> int:
        """How many wait."""
        return self._waiting

    async def wait(self, caller: str, seconds: float) -> None:
        """Wait for a turn, which `wake` gives.

        Args:
            caller: Who waits.
            seconds: How long at most.

        Raises:
            LimitError: Too many wait already, or the time is over.
        """
        line = self._lines.get(caller, ())
        if self._waiting >= self._limit or len(line) >= self._most:
            raise _full(f"{self._waiting} requests wait already, {len(line)} of them of this caller.")
        turn: Turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, deque()).append(turn)
        self._waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await turn
        except TimeoutError:
            self._leave(caller, turn)
            raise _full(f"No turn came within {seconds:g} seconds.") from None
        except asyncio.CancelledError:
            self._leave(caller, turn)
            raise

    def wake(self) -> bool:
        """Give the next caller its turn. False where nobody waits."""
        while self._lines:
            caller, line = self._lines.popitem(last=False)
            turn = line.popleft()
            if line:
                self._lines[caller] = line  # behind everyone else
            self._waiting -= 1
            if not turn.done():
                turn.set_result(None)
                return True
        return False

    def _leave(self, caller: str, turn: Turn) -> None:
        """Whoever gives up is no longer in the way; a turn that it was given in this moment goes to the next."""
        line = self._lines.get(caller)
        if line is not None and turn in line:
            line.remove(turn)
            self._waiting -= 1
            if not line:
                del self._lines[caller]
        elif turn.done() and not turn.cancelled() and not self.wake() and self._unused is not None:
            self._unused()


def _full(what: str) -> LimitError:
    return LimitError(what, where="queue", fix="Try again in a moment, with fewer at once.", retry_after=1.0)
