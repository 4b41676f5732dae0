"""Shadows: an exchange is repeated on an engine that is on trial, once its caller has an answer, and nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from weighbridge.canon import Key, Route, Trace
from weighbridge.exchange.call import Call

MOST = 4  #: repeated at once by a process; what comes meanwhile is passed over


def budget_key(swap: str) -> str:
    """The id of the key that a shadow's calls show: its budget is that of the shadow, and nobody else can show it."""
    return f"swap-{swap}"


class Shadows:
    """Repeats exchanges.

    Args:
        run: Walks the road with a call, to its end.
        most: At once.
        skipped: Told of each exchange that is passed over, as too many are under way.
    """

    def __init__(
        self,
        run: Callable[[Call], Awaitable[Trace]],
        *,
        most: int = MOST,
        skipped: Callable[[], None] = lambda: None,
    ) -> None:
        self._run = run
        self._most = most
        self._skipped = skipped
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, call: Call, entry: Route, trace_id: str) -> None:
        """Repeat an exchange on the engine that its route has as a shadow.

        What the caller's own key alone may forbid is not repeated: its policy was never asked about that engine.

        Args:
            call: What was asked.
            entry: Its route.
            trace_id: The exchange.
        """
        if (shadow := shadow_of(call, entry, trace_id)) is None:
            return
        if len(self._tasks) >= self._most:
            self._skipped()
            return
        task = asyncio.get_running_loop().create_task(self._quietly(shadow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Break off what is under way; its traces say so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _quietly(self, call: Call) -> None:
        with contextlib.suppress(Exception):  # its trace tells of it, and nobody waits to be told
            await self._run(call)


def shadow_of(call: Call, entry: Route, trace_id: str) -> Call | None:
    """The call that repeats another, under the same rules for its data; None where these cannot be kept."""
    trial, key = entry.shadow, call.key
    if trial is None or (key is not None and (key.policy is not None or key.engines)):
        return None
    if call.mask is not None and entry.mask is not None:
        return None
    return replace(
        call,
        route=trial.engine,
        dialect="",
        body=None,
        source="shadow",
        trace_id="",
        deadline=None,
        caller="",
        key=Key(budget_key(trial.swap), f"shadow of {entry.name}", 0.0, policy=entry.policy),
        mask=call.mask or entry.mask,
        swap=trial.swap,
        pair=trace_id,
    )
