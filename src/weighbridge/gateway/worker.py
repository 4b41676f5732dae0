"""A worker process: takes requests from the shared socket until its parent, or a signal, says to stop.

Started as `python -m weighbridge.gateway.worker LISTENING_FD CHANNEL_FD`; everything else comes over the channel.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping

import aiohttp  # noqa: F401 - the client needs it: loaded before the first request, which would have to wait
import uvloop

from weighbridge.errors import OverloadedError, WeighbridgeError
from weighbridge.gateway.build import Built
from weighbridge.gateway.channel import (
    Ask,
    Channel,
    Drain,
    Draining,
    Failed,
    Figures,
    Kept,
    Local,
    Message,
    Ready,
    Report,
    Said,
    Scrape,
    Start,
    Want,
)
from weighbridge.gateway.edge import Server
from weighbridge.gateway.feedback import Word
from weighbridge.gateway.locals import ParentEndpoints
from weighbridge.gateway.metrics import Metrics

_TELL = 1.0  #: seconds between two unasked reports of the figures
_PATIENCE = 3.0  #: seconds to wait for an answer of the parent

log = logging.getLogger("weighbridge.gateway")


class Worker:
    """One worker's parts, and what the parent may tell it.

    Args:
        channel: To the parent.
        sock: The listening socket.
        environ: The environment: hosts' keys, the access key.
    """

    def __init__(self, channel: Channel, sock: socket.socket, environ: Mapping[str, str]) -> None:
        self._channel = channel
        self._sock = sock
        self._environ = environ
        self._metrics = Metrics()
        self._built: Built | None = None
        self._started: asyncio.Future[Start | None] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()
        self._seconds = 0.0
        self._final = False
        self._server: Server | None = None
        self._endpoints = ParentEndpoints(lambda engine: channel.send(Want(engine)))
        self._asked: dict[int, asyncio.Future[str]] = {}  #: of the parent, by number
        self._numbers = itertools.count(1)

    async def run(self) -> None:
        """Work until told to stop, then finish what is under way."""
        loop = asyncio.get_running_loop()
        listening = loop.create_task(self._listen())
        start = await self._started
        if start is None:
            return
        self._seconds = start.config.settings.gateway.drain_seconds
        loop.add_signal_handler(signal.SIGTERM, self._on_term)
        try:
            built = await self._serve(start)
        except WeighbridgeError as error:
            self._channel.send(Failed(error.code, error.what, error.where, error.fix))
            await self._channel.flush()
            return
        telling = loop.create_task(self._tell())
        await self._stop.wait()
        await self._finish(built)
        telling.cancel()
        self._channel.send(self._figures())
        await self._channel.flush()
        self._channel.close()
        await listening

    async def _serve(self, start: Start) -> Built:
        built = Built(
            start, self._environ, endpoints=self._endpoints, metrics=self._metrics, scrape=self._scrape, say=self._say
        )
        built.follow()
        self._built = built
        self._server = Server(built.gateway, self._sock)
        # What was made so far stays until the end. Looking through it again would pause requests for tens of milliseconds.
        gc.collect()
        gc.freeze()
        await self._server.start()
        self._channel.send(Ready())
        return built

    async def _finish(self, built: Built) -> None:
        assert self._server is not None
        built.gateway.draining = True
        if self._final:
            self._server.hurry()
        await self._server.drain(self._seconds, built.gateway.cut_off)
        await built.close()

    def _on_term(self) -> None:
        """A signal of someone else: the parent sends messages."""
        if not self._stop.is_set():
            self._channel.send(Draining())
            self._stop.set()

    async def _listen(self) -> None:
        await self._channel.run(self._handle)
        # The parent is gone, and with it the local engines and whoever would replace this worker.
        self._drain(final=True)

    def _drain(self, *, final: bool) -> None:
        self._final = self._final or final
        if self._final and self._server is not None:
            self._server.hurry()
        self._stop.set()
        if not self._started.done():
            self._started.set_result(None)

    def _figures(self, number: int = 0) -> Figures:
        if self._built is not None:
            self._metrics.set("weighbridge_traces_dropped_total", self._built.dropped)
        return Figures(number, self._metrics.snapshot())

    def _handle(self, message: Message) -> None:
        match message:
            case Start():
                self._started.set_result(message)
            case Drain():
                self._seconds = message.seconds
                self._drain(final=message.final)
            case Ask():
                self._channel.send(self._figures(message.id))
            case Local():
                self._endpoints.told(message)
            case Report():
                self._answered(message.id, message.text)
            case Kept():
                self._answered(message.id, message.problem)
            case _:
                log.error("a message that no worker understands: %s", type(message).__name__)

    async def _scrape(self) -> str:
        return await self._parent(Scrape, "The figures did not come in time.")

    async def _say(self, word: Word, who: str) -> None:
        def said(number: int) -> Said:
            return Said(number, word.trace, who, word.good, word.comment)

        if problem := await self._parent(said, "The feedback could not be kept in time."):
            raise OverloadedError(f"The feedback was not kept: {problem}", fix="Send it again in a moment.")

    async def _parent(self, ask: Callable[[int], Message], late: str) -> str:
        """What the parent answers to a message with a number of its own."""
        number = next(self._numbers)
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self._channel.send(ask(number))
        try:
            async with asyncio.timeout(_PATIENCE):
                return await future
        except TimeoutError:
            raise OverloadedError(late, fix="Ask again in a moment.") from None
        finally:
            self._asked.pop(number, None)

    def _answered(self, number: int, text: str) -> None:
        future = self._asked.pop(number, None)
        if future is not None and not future.done():
            future.set_result(text)

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(_TELL)
            self._channel.send(self._figures())


async def _main(listening: int, channel: int) -> None:
    sock = socket.socket(fileno=listening)
    sock.settimeout(0)
    ours = socket.socket(fileno=channel)
    ours.settimeout(0)
    await Worker(Channel(ours), sock, os.environ).run()


def main(argv: list[str]) -> None:
    """Run a worker.

    Args:
        argv: The descriptors of the listening socket and of the channel.
    """
    # Ctrl-C in a terminal reaches every process of the group; the parent decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="weighbridge worker %(process)d: %(levelname)s: %(message)s", level=logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what clients do wrong is no news
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_main(int(argv[0]), int(argv[1])))


if __name__ == "__main__":
    main(sys.argv[1:])
