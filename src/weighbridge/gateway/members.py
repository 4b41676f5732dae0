"""The parent's view of one worker: a process, the channel to it, and what it last told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from weighbridge.errors import WeighbridgeError, error_of
from weighbridge.gateway.channel import (
    Ask,
    Channel,
    Drain,
    Draining,
    Failed,
    Figures,
    Message,
    Ready,
    Start,
    pair,
)
from weighbridge.gateway.journal import SUFFIX
from weighbridge.gateway.metrics import Snapshot

Stage = Literal["starting", "ready", "draining", "gone"]
_GRACE = 5.0  #: seconds beyond its time after which a draining worker is killed
_ANSWER = 1.0  #: seconds to wait for a worker's figures
_numbers = itertools.count(1)


class StartError(WeighbridgeError):
    """A worker could not start, and could not say why."""


class Member:
    """One worker.

    Args:
        on_message: Called with what the worker says that is not handled here.
        on_draining: Called when it was told to stop by a signal of someone else.
    """

    def __init__(self, on_message: Callable[[Member, Message], None], on_draining: Callable[[Member], None]) -> None:
        self._on_message = on_message
        self._on_draining = on_draining
        self.number = next(_numbers)
        self.stage: Stage = "starting"
        #: it died while it was to accept requests: nobody told it to stop
        self.unexpected = False
        self.snapshot = Snapshot()
        self.started = time.monotonic()
        self.journal: Path | None = None
        self._channel: Channel
        self._process: asyncio.subprocess.Process
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count(1)
        self._tasks: list[asyncio.Task[None]] = []

    async def spawn(self, sock: socket.socket) -> None:
        """Start the process. It imports what it needs and waits for `begin`."""
        self._channel, theirs = pair()
        # -P: the current folder must not lend its modules to the worker.
        command = [sys.executable, "-P", "-m", "weighbridge.gateway.worker", str(sock.fileno()), str(theirs.fileno())]
        fds = (sock.fileno(), theirs.fileno())
        try:
            # A new program, not a fork: threads of local engines run in this process.
            self._process = await asyncio.create_subprocess_exec(
                *command, pass_fds=fds, stdin=asyncio.subprocess.DEVNULL
            )
        finally:
            theirs.close()
        opened = asyncio.Event()
        listening = self._channel.run(self._handle, opened.set)
        self._tasks.append(asyncio.get_running_loop().create_task(listening))
        await opened.wait()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def begin(self, make: Callable[[str], Start], journals: Path) -> None:
        """Tell it all that it needs.

        Args:
            make: Makes the message, with the path of the worker's journal.
            journals: The folder for the journal.
        """
        self.journal = journals / f"{os.getpid()}-{self.number}-{time.time_ns()}{SUFFIX}"
        self.send(make(str(self.journal)))

    def send(self, message: Message) -> None:
        """Tell it something; a worker that is gone hears nothing."""
        if self.stage != "gone":
            self._channel.send(message)

    async def ready(self) -> None:
        """Wait until it accepts requests.

        Raises:
            WeighbridgeError: It cannot, for a reason of its own, or (StartError) it died.
        """
        await asyncio.shield(self._ready)

    async def ended(self) -> int:
        """Wait until the process is gone, and everything it said was heard. Returns its exit code."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                await asyncio.gather(*self._tasks, return_exceptions=True)
        self.unexpected = self.stage == "ready"
        self.stage = "gone"
        self._channel.close()
        if not self._ready.done():
            self._ready.set_exception(StartError(f"A worker ended with code {code} before it was ready."))
            self._ready.exception()  # seen: `ready` may never be asked
        for future in self._asked.values():
            if not future.done():
                future.set_result(None)
        return code

    def drain(self, *, final: bool, seconds: float) -> None:
        """Tell it to stop accepting and to finish. It is killed when it takes much longer."""
        self.stage = "draining"
        self.send(Drain(final=final, seconds=seconds))
        asyncio.get_running_loop().call_later(seconds + _GRACE, self.kill)

    def kill(self) -> None:
        """End it at once, if it still lives."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def ask(self) -> None:
        """Bring `snapshot` up to date; it stays as it is if the worker does not answer."""
        if self.stage in ("ready", "draining"):
            number = next(self._numbers)
            future = self._asked[number] = asyncio.get_running_loop().create_future()
            self.send(Ask(number))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_ANSWER):
                    await future
            self._asked.pop(number, None)

    def _handle(self, message: Message) -> None:
        match message:
            case Ready():
                self.stage = "ready" if self.stage == "starting" else self.stage
                if not self._ready.done():
                    self._ready.set_result(None)
            case Failed():
                if not self._ready.done():
                    error = (error_of(message.code) or StartError)(message.what, where=message.where, fix=message.fix)
                    self._ready.set_exception(error)
                    self._ready.exception()  # seen: `ready` may never be asked
            case Figures():
                self.snapshot = message.snapshot
                future = self._asked.get(message.id)
                if future is not None and not future.done():
                    future.set_result(None)
            case Draining():
                if self.stage == "ready":
                    self.stage = "draining"
                    self._on_draining(self)
            case _:
                self._on_message(self, message)
