"""How much one worker takes on: exchanges under way, those that wait for their turn, and the bytes of them all.

What is too much is refused before it is read, so that memory never grows with the number of clients.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from weighbridge.access.queue import FairQueue
from weighbridge.errors import LimitError, OverloadedError


class Gate:
    """The door of one worker.

    Args:
        running: The most exchanges at once.
        waiting: The most requests that wait for a turn; callers take turns.
        seconds: How long a request waits at most.
        max_bytes: The most bytes of bodies at once, waiting ones counted.
    """

    def __init__(self, *, running: int, waiting: int, seconds: float, max_bytes: int) -> None:
        self._limit = running
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._queue = FairQueue(waiting, unused=self._step_out)
        self.running = 0
        self.bytes = 0

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._queue)

    def hold(self) -> Hold:
        """Room for the bytes of one request, given back at the end of the `with`."""
        return Hold(self)

    async def enter(self, caller: str) -> None:
        """Take a turn, or wait for one; `leave` gives it back.

        Raises:
            OverloadedError: Too many wait, or no turn came in time.
        """
        if self.running < self._limit and not len(self._queue):
            self.running += 1
            return
        try:
            await self._queue.wait(caller, self._seconds)  # whoever leaves hands its turn over
        except LimitError as error:
            raise OverloadedError(
                f"{self.running} requests are under way. {error.what}", fix=error.fix, retry_after=error.retry_after
            ) from None

    def leave(self) -> None:
        """An exchange is over: the next one's turn."""
        if not self._queue.wake():
            self._step_out()

    def take(self, size: int) -> None:
        """More bytes of a request.

        Raises:
            OverloadedError: They do not fit.
        """
        if self.bytes + size > self._max_bytes:
            raise OverloadedError(
                f"Requests of {self.bytes / 1e6:.1f} MB are under way; {size / 1e6:.1f} MB more do not fit.",
                fix="Try again in a moment.",
                retry_after=1.0,
            )
        self.bytes += size

    def give_back(self, size: int) -> None:
        """The bytes of a request that is over."""
        self.bytes -= size

    def _step_out(self) -> None:
        self.running -= 1


class Hold:
    """The bytes of one request.

    Args:
        gate: Where they count.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._size = 0

    def __enter__(self) -> Self:
        """Nothing is held yet."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """All of it is given back."""
        self._gate.give_back(self._size)
        self._size = 0

    def grow_to(self, size: int) -> None:
        """The request is so large by now.

        Raises:
            OverloadedError: That does not fit.
        """
        if size > self._size:
            self._gate.take(size - self._size)
            self._size = size
