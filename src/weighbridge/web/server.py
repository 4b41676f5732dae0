"""The admin API's process: one event loop, one socket, the state store."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import Callable, Mapping

import uvicorn

from weighbridge.access import facts, secrets
from weighbridge.access.masters import Masters
from weighbridge.engines.catalogue import load as load_catalogue
from weighbridge.engines.keys import Environ
from weighbridge.gateway.admit import Admit
from weighbridge.gateway.edge import Edge
from weighbridge.settings import Config, Gateway
from weighbridge.store.state import State
from weighbridge.web.app import application
from weighbridge.web.door import Opener
from weighbridge.web.operations import Desk
from weighbridge.web.table import OPERATIONS

__all__ = ["Config", "serve"]

_CONNECTIONS = 256
_KEEP_ALIVE = 15  #: seconds
_FINISH = 10  #: seconds for requests under way when it is told to stop


async def serve(
    load: Callable[[], Config], sock: socket.socket, *, environ: Mapping[str, str], announce: Callable[[], None]
) -> None:
    """Answer until a signal says to stop.

    Args:
        load: Reads the configuration; asked anew by operations that need it.
        sock: The listening socket.
        environ: Holds the first key, and tells which keys of hosts are set.
        announce: Called once, when requests are accepted.

    Raises:
        WeighbridgeError: The store cannot be opened, or nobody could ever come in.
    """
    config = load()
    settings = config.settings.admin
    state = await asyncio.to_thread(State, config.state_place)
    try:
        opener = Opener(state, environ.get(settings.key_env, ""))
        await asyncio.to_thread(opener.check_anyone, settings.key_env)
        masters = Masters(environ, config.store_path)
        desk = Desk(
            state=state,
            config=load,
            catalogue=lambda: facts.current(state, load_catalogue(load())),
            environ=Environ(environ, lambda name: secrets.found(state, masters, name)),
            masters=masters,
            now=time.time,
        )
        checks = Gateway(allowed_hosts=settings.allowed_hosts, allowed_origins=settings.allowed_origins)
        admit = Admit(checks, host=settings.host, port=sock.getsockname()[1], key="")
        await _run(application(desk, OPERATIONS, admit=admit, opened=opener), sock, announce)
    finally:
        state.close()
        sock.close()


async def _run(app: object, sock: socket.socket, announce: Callable[[], None]) -> None:
    server = uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]
            http=Edge,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_FINISH,
        )
    )
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment] # ours, so that a second Ctrl-C does not print a traceback
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, stop)
    running = loop.create_task(server.serve(sockets=[sock]))
    while not server.started and not running.done():  # noqa: ASYNC110 - uvicorn has nothing to wait for
        await asyncio.sleep(0.01)
    if server.started:
        announce()
    await running
