"""What the parent and a worker tell each other, as framed JSON over a socket pair.

The channel is also how each notices the other's end: a worker whose channel closes has lost its parent.
No secret crosses it in the clear: hosts' keys stay in the environment that the worker inherits, and records hold hashes
and what is encrypted.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

import msgspec
from msgspec import Struct

from weighbridge.canon import Publication, Record
from weighbridge.gateway.metrics import Snapshot
from weighbridge.settings import Config

_MAX_FRAME = 512 * 1024 * 1024  #: a worker begins with every key of the store
_HEAD = 4


class Start(Struct, frozen=True, tag=True):
    """Parent: all that a worker needs to begin."""

    config: Config
    host: str
    port: int
    journal: str
    publication: Publication
    secret: bytes = b""  #: derives ids of conversations
    records: tuple[Record, ...] = ()  #: what administrators keep in the store


class Drain(Struct, frozen=True, tag=True):
    """Parent: stop accepting and finish. `final`: no worker takes over, so idle connections need not wait."""

    final: bool
    seconds: float


class Ask(Struct, frozen=True, tag=True):
    """Parent: send your figures now."""

    id: int


class Report(Struct, frozen=True, tag=True):
    """Parent: the figures of all workers together, as the Prometheus text that request `id` asked for."""

    id: int
    text: str


class Local(Struct, frozen=True, tag=True):
    """Parent: how a local engine stands. `endpoint` is JSON once it is ready, `problem` says why it is not."""

    engine: str
    state: str  #: loading, ready, failed
    endpoint: bytes = b""
    problem: str = ""
    fix: str = ""


class Ready(Struct, frozen=True, tag=True):
    """Worker: requests are being accepted."""


class Draining(Struct, frozen=True, tag=True):
    """Worker: told to stop by a signal of someone else; a successor is needed."""


class Figures(Struct, frozen=True, tag=True):
    """Worker: its figures, unasked (`id` 0) or as the answer to `Ask`."""

    id: int
    snapshot: Snapshot


class Scrape(Struct, frozen=True, tag=True):
    """Worker: a client asks for everyone's figures."""

    id: int


class Want(Struct, frozen=True, tag=True):
    """Worker: a request needs this local engine."""

    engine: str


class Said(Struct, frozen=True, tag=True):
    """Worker: what a user says of an answer; `who` is the id of the key that was shown."""

    id: int
    trace: str
    who: str
    good: bool
    comment: str = ""


class Kept(Struct, frozen=True, tag=True):
    """Parent: the answer to `Said`; `problem` says why it could not be kept."""

    id: int
    problem: str = ""


class Failed(Struct, frozen=True, tag=True):
    """Worker: it cannot start, and why."""

    code: str
    what: str
    where: str = ""
    fix: str = ""


Message = Start | Drain | Ask | Report | Local | Ready | Draining | Figures | Scrape | Want | Said | Kept | Failed

_ENCODER = msgspec.json.Encoder(enc_hook=str)
_DECODER = msgspec.json.Decoder(Message, dec_hook=lambda kind, value: kind(value))


class Channel:
    """One end of a socket pair.

    Args:
        sock: The connected end; the channel owns it from here on.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._writer: asyncio.StreamWriter | None = None

    def send(self, message: Message) -> None:
        """Queue a message. One to an end that is gone is dropped: `run` tells of that."""
        if self._writer is None or self._writer.is_closing():
            return
        data = _ENCODER.encode(message)
        self._writer.write(len(data).to_bytes(_HEAD, "big") + data)

    async def run(self, handle: Callable[[Message], None], opened: Callable[[], None] | None = None) -> None:
        """Hand every arriving message to `handle` until the other end closes.

        Args:
            handle: Called with each message, in order.
            opened: Called once `send` works.
        """
        reader, self._writer = await asyncio.open_unix_connection(sock=self._sock)
        if opened is not None:
            opened()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                size = int.from_bytes(await reader.readexactly(_HEAD), "big")
                if size > _MAX_FRAME:
                    break
                handle(_DECODER.decode(await reader.readexactly(size)))
        self._writer.close()

    async def flush(self) -> None:
        """Wait until what was sent has left this process."""
        if self._writer is not None and not self._writer.is_closing():
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()

    def close(self) -> None:
        """Close this end; safe twice."""
        if self._writer is not None:
            self._writer.close()
        else:
            self._sock.close()


def pair() -> tuple[Channel, socket.socket]:
    """A channel for this process, and the inheritable end for the child."""
    ours, theirs = socket.socketpair()
    ours.settimeout(0)
    theirs.set_inheritable(True)
    return Channel(ours), theirs
