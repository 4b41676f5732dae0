"""Leave to go on: what the road asks before it calls an engine. Who gives it lives elsewhere."""

from __future__ import annotations

from typing import Protocol

from weighbridge.canon import Engine, Trace
from weighbridge.exchange.call import Call


class Permit(Protocol):
    """One exchange that was let in, with what is reserved for it until it ends."""

    def told(self, dialect: str) -> tuple[tuple[bytes, bytes], ...]:
        """The headers by which a dialect tells its clients how much of their limits is left."""
        ...

    def note(self) -> bytes:
        """What must be given back if this process dies now: short, for the journal."""
        ...

    def enter(self, engine: Engine) -> None:
        """Take what the limits of an engine allow for one more call.

        Raises:
            RateLimitedError: A limit of ours on this engine is reached; another engine may be asked.
        """
        ...

    def leave(self, engine: Engine) -> None:
        """The call of this engine is over."""
        ...

    def settle(self, trace: Trace) -> None:
        """The exchange is over: count what it really used, and give the rest back. Later calls change nothing."""
        ...


class Governor(Protocol):
    """Lets exchanges in, or not."""

    async def admit(self, call: Call, *, trace_id: str, route: str, engine: Engine, deadline: float) -> Permit:
        """Reserve what an exchange may use; waits its turn where only too many are under way.

        Args:
            call: What is asked.
            trace_id: The exchange.
            route: The route's name, or the engine's where one was named directly.
            engine: Who is asked first: its price is what is reserved.
            deadline: On the monotonic clock; nobody waits longer.

        Raises:
            LimitError: A limit is reached, or the queue is full.
            BudgetError: A budget would be overspent.
        """
        ...
