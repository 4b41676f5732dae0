"""The workers as a whole: started, replaced, restarted one by one, stopped. Somebody always accepts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from weighbridge.errors import WeighbridgeError
from weighbridge.gateway.channel import Message
from weighbridge.gateway.members import Member
from weighbridge.gateway.metrics import Metrics, Snapshot, total

_LONGEST_WAIT = 10.0  #: seconds between two tries to replace a worker that keeps dying
_STEADY = 10.0  #: seconds of life after which a worker's death is no part of a series
_DRAINING = 4  #: so many draining workers per working one, and a restart waits for them
_FINAL = 10.0  #: seconds beyond their time for the last workers to be gone

log = logging.getLogger("weighbridge.gateway")


class Crew:
    """All workers of one gateway.

    Args:
        sock: The listening socket.
        begin: Tells a worker that was spawned all that it needs.
        on_message: Called with what workers say that is not about their own life.
        on_dead: Called with each worker that is gone.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        begin: Callable[[Member], Awaitable[None]],
        on_message: Callable[[Member, Message], None],
        on_dead: Callable[[Member], None],
    ) -> None:
        self._sock = sock
        self._begin = begin
        self._on_message = on_message
        self._on_dead = on_dead
        self._tasks: set[asyncio.Task[None]] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._past = Snapshot()
        self._deaths = 0
        self._stopping = False
        self._left = asyncio.Event()
        #: every worker that lives
        self.members: list[Member] = []
        #: what the parent itself counts
        self.metrics = Metrics()

    async def spawn(self, count: int) -> None:
        """Start processes; they import what they need and wait for `start`."""
        for _ in range(count):
            await self._spawn()

    async def start(self) -> None:
        """Let every spawned worker begin, and wait until all accept requests.

        Raises:
            WeighbridgeError: One cannot.
        """
        members = list(self.members)
        for member in members:
            await self._begin(member)
        await asyncio.gather(*(member.ready() for member in members))

    def tell(self, message: Message) -> None:
        """Tell every worker something."""
        for member in self.members:
            member.send(message)

    async def restart(self, drain_seconds: float) -> None:
        """Replace every worker, one at a time: the next one accepts before the old one stops."""
        old = [member for member in self.members if member.stage == "ready"]
        for member in old:
            while sum(m.stage == "draining" for m in self.members) >= _DRAINING * len(old):
                await self._someone_left()
            if not await self._one_more():
                return
            if member.stage == "ready":
                member.drain(final=False, seconds=drain_seconds)
            self.metrics.add("weighbridge_worker_restarts_total", ("reload",))

    async def stop(self, seconds: float) -> None:
        """Stop all workers and return when the last one is gone.

        Args:
            seconds: How long answers under way may take.
        """
        self._stopping = True
        for task in self._replacing:
            task.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        for member in self.members:
            member.drain(final=True, seconds=seconds)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds + _FINAL):
                while self.members:
                    await self._someone_left()
        for member in self.members:
            member.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hurry(self) -> None:
        """Answers under way have no more time."""
        for member in self.members:
            member.drain(final=True, seconds=0.0)

    async def figures(self) -> Snapshot:
        """Everything that was counted, by workers that live and that are gone, and by the parent."""
        await asyncio.gather(*(member.ask() for member in self.members))
        # Added up without a pause: who leaves in between moves from the members to the past, and counts once.
        now = [member.snapshot for member in self.members]
        self.metrics.set("weighbridge_workers", sum(member.stage == "ready" for member in self.members))
        return total([self._past, self.metrics.snapshot(), *now])

    async def _someone_left(self) -> None:
        self._left.clear()
        await self._left.wait()

    async def _spawn(self) -> Member:
        member = Member(self._on_message, self._on_draining)
        await member.spawn(self._sock)
        self.members.append(member)
        self._task(self._see_off(member), self._tasks)
        return member

    async def _one_more(self) -> bool:
        try:
            member = await self._spawn()
            await self._begin(member)
            await member.ready()
        except (OSError, WeighbridgeError) as error:
            log.error("a worker could not start: %s", error)  # noqa: TRY400 - a traceback would say less
            return False
        return True

    async def _see_off(self, member: Member) -> None:
        code = await member.ended()
        self.members.remove(member)
        self._past = total([self._past, member.snapshot], gauges=False)
        self._on_dead(member)
        self._left.set()
        if self._stopping or not member.unexpected:
            return
        log.warning("worker %d ended by itself (%s); another one is started", member.pid, _how(code))
        self._deaths = 0 if time.monotonic() - member.started > _STEADY else self._deaths + 1
        wait = min(_LONGEST_WAIT, 0.1 * 2**self._deaths) if self._deaths > 1 else 0.0
        self._task(self._replace("crash", wait), self._replacing)

    async def _replace(self, reason: str, wait: float = 0.0) -> None:
        await asyncio.sleep(wait)
        while not await self._one_more():
            wait = min(_LONGEST_WAIT, max(0.2, wait * 2))
            await asyncio.sleep(wait)
        self.metrics.add("weighbridge_worker_restarts_total", (reason,))

    def _on_draining(self, member: Member) -> None:
        if not self._stopping:
            log.warning("worker %d was told to stop; another one is started", member.pid)
            self._task(self._replace("signal"), self._replacing)

    def _task(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"code {code}"
