"""Connections: uvicorn's HTTP protocol, with limits for hostile clients and a stop that no client notices.

A stopping worker keeps connections that are idle: a client may be sending on one at this very moment. It
answers what comes with `Connection: close`, and closes the quiet ones only when clients' pools have long dropped them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable
from email.utils import formatdate
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

LOST = "weighbridge.lost"
"""The ASGI extension through which a handler asks to be told, without a task of its own, that its client left."""

KEEP_ALIVE = 90  #: seconds; longer than clients keep idle connections, so that they close first
HEAD_SECONDS = 15.0  #: for a request's head to arrive
BODY_SECONDS = 60.0  #: for a request's body to arrive
STALL_SECONDS = 120.0  #: a client may stop reading an answer for this long
LINGER = 20.0  #: seconds that a retiring worker keeps a quiet connection; aiohttp's pool keeps them for 15
MAX_CONNECTIONS = 10_000  #: per worker
MAX_HEAD = 64 * 1024  #: bytes that are no body: a request's head, what follows its body, what stands around its chunks
_SWEEP = 0.5
_HIGH_WATER = 64 * 1024

log = logging.getLogger("weighbridge.gateway")


class Edge(HttpToolsProtocol):
    """One client's connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        self.since = self.loop.time()  #: when what now happens (quiet, head, body) began
        self.stalled: float | None = None
        self.heading = False
        self.receiving = False
        self._overhead = 0
        self._lost: Callable[[], object] | None = None
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client left: tell whoever works for it."""
        super().connection_lost(exc)
        if self._lost is not None:
            self._lost()

    def watch(self, callback: Callable[[], object] | None) -> None:
        """Call `callback` when the client leaves (at once if it has left); None: nobody needs to know any more."""
        self._lost = callback
        if callback is not None and self.transport.is_closing():
            callback()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived. All that is no body is bounded: the parser keeps a header until it is complete."""
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > MAX_HEAD and not self.transport.is_closing():
            if self.heading:
                self.send_400_response(f"The head of the request is larger than {MAX_HEAD} bytes.")
            elif self.receiving:
                self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """A part of a request's body."""
        self._overhead = 0
        super().on_body(body)

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        super().on_message_begin()
        self._overhead = 0
        self.scope["extensions"] = {LOST: cast("dict[object, object]", self.watch)}
        self.since = self.loop.time()
        self.heading = True
        self.receiving = True

    def on_headers_complete(self) -> None:
        """A request's head is complete."""
        self.heading = False
        super().on_headers_complete()
        self.headers = []  # what comes after the body is no header: nobody has checked it

    def on_message_complete(self) -> None:
        """A request is complete."""
        self.receiving = False
        self._overhead = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was written: the connection is quiet until the next request."""
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client reads more slowly than the engine writes."""
        self.stalled = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.stalled = None
        super().resume_writing()

    @property
    def current(self) -> RequestResponseCycle | None:
        """The last request and its answer; None before the first one."""
        return self.cycle

    @property
    def quiet(self) -> bool:
        """Is no request under way, not even a part of one?"""
        return not self.receiving and not self.pipeline and (self.current is None or self.current.response_complete)

    def sweep(self, now: float) -> None:
        """Let go of a client that takes too long."""
        age = now - self.since
        if self.stalled is not None and now - self.stalled > STALL_SECONDS:
            self.transport.abort()
        elif self.heading:
            if age > HEAD_SECONDS:
                self.send_400_response("The head of the request did not arrive in time.")
        elif self.receiving:
            if self.cycle.response_complete:
                # Refused already; the rest is read and dropped so that the client sees the refusal, for a while.
                if age > BODY_SECONDS:
                    self.transport.close()
            else:
                self.cycle.message_event.set()  # whoever waits for the rest of the body looks at the clock
        elif self.current is None and age > KEEP_ALIVE:
            self.transport.close()


class Server:
    """Accepts connections for one ASGI application.

    Args:
        app: The application.
        sock: The listening socket; others may share it.
    """

    def __init__(self, app: Any, sock: socket.socket) -> None:
        self._config = uvicorn.Config(
            app,
            http=Edge,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._config.load()
        self._sock = sock
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._final = False

    @property
    def connections(self) -> set[Edge]:
        """The open connections."""
        return cast("set[Edge]", self._state.connections)

    async def start(self) -> None:
        """Begin to accept."""
        loop = asyncio.get_running_loop()
        self._date()
        self._server = await loop.create_server(
            lambda: Edge(config=self._config, server_state=self._state, app_state={}, _loop=loop),
            sock=self._sock,
            backlog=2048,
        )
        self._sweeper = loop.create_task(self._sweep())

    async def drain(self, seconds: float, cut_off: Callable[[], None]) -> None:
        """Stop accepting, and return when every connection has come to its end or was cut off.

        Args:
            seconds: How long answers may still take.
            cut_off: Called when that time is over: ends the answers that are left.
        """
        loop = asyncio.get_running_loop()
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0.1)  # what was accepted in this moment gets its connection, and its request read
        until = loop.time() + seconds
        while self.connections and loop.time() < until:
            for connection in list(self.connections):
                self._let_go(connection, loop.time())
            await asyncio.sleep(0.05)
        if self.connections:
            cut_off()
            await self._gone(1.0)
        for connection in list(self.connections):
            connection.transport.abort()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=1.0)
        if self._sweeper is not None:
            self._sweeper.cancel()

    def hurry(self) -> None:
        """No worker takes over: idle connections need not be kept for their clients' sake."""
        self._final = True

    def _let_go(self, connection: Edge, now: float) -> None:
        if connection.quiet and (self._final or now - connection.since > LINGER):
            connection.transport.close()
        elif self._final and connection.current is not None:
            connection.current.keep_alive = False

    async def _gone(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while self.connections and loop.time() < until:
            for connection in list(self.connections):
                if connection.quiet:
                    connection.transport.close()
            await asyncio.sleep(0.02)

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(_SWEEP)
                self._date()
                now = loop.time()
                for connection in list(self.connections):
                    connection.sweep(now)

    def _date(self) -> None:
        self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
