"""What a dialect is: reading and writing one wire format, without any I/O.

Fields that the canon does not know stay in `extra[name]` as they came. Details of form that only the same dialect
needs, to write back exactly what it read, stay in `extra[name + "$"]`; nobody else has a use for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from weighbridge.canon import Event, Loss, Profile, Reply, Request
from weighbridge.errors import EngineError, WeighbridgeError


class StreamReader(Protocol):
    """Turns the bytes of one streamed answer into events. After a Failure it says nothing more."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete with these bytes, however the stream was cut."""
        ...

    def close(self) -> list[Event]:
        """The stream has ended: what was still pending, and a Failure if the answer is not whole."""
        ...


class StreamWriter(Protocol):
    """Turns events into the bytes of one streamed answer."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be written so far."""
        ...

    def write(self, event: Event) -> bytes:
        """The bytes of one event; empty where the dialect says nothing for it, or says it later."""
        ...

    def close(self) -> bytes:
        """What ends the stream: the usage, if it was asked for, and the terminator. Empty after a Failure."""
        ...


class Relay(Protocol):
    """The fast lane: passes an answer's bytes on and reads the events beside them."""

    def feed(self, chunk: bytes) -> tuple[bytes, list[Event]]:
        """The bytes to pass on, and the events that are complete with this chunk."""
        ...

    def close(self) -> tuple[bytes, list[Event]]:
        """The bytes held back so far, and the last events; see `StreamReader.close`."""
        ...


class Dialect(Protocol):
    """One wire format."""

    @property
    def name(self) -> str:
        """Its name in the catalogue: `openai-chat`."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that change what a request means, by lower-case name, with what counts if it is not sent.

        The value "" means that nothing is sent then.
        """
        ...

    def target(self, model: str, *, stream: bool) -> str:
        """What is appended to a host's address: `/chat/completions`; a path, and a query where the wire has one."""
        ...

    def read_request(self, body: bytes, *, max_depth: int = 64, model: str = "", stream: bool = False) -> Request:
        """Read what a client sent.

        Args:
            body: The request's body.
            max_depth: How deep it may nest.
            model: What the path names, in dialects that name the model there.
            stream: Does the path ask for a stream, in dialects that ask for it there?

        Raises:
            InputError: It cannot be used; `where` is the field's path.
            TooLargeError: It nests deeper than `max_depth`.
        """
        ...

    def write_request(self, request: Request, profile: Profile) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a request for an engine, its profile applied. `request.model` is the name at the host."""
        ...

    def needs_rewrite(self, request: Request, profile: Profile) -> bool:
        """May the bytes that a client sent not go to the engine as they are, but for the model's name?"""
        ...

    def splice_model(self, body: bytes, model: str) -> bytes:
        """Replace the model's name, where the body holds it, and leave every other byte alone.

        Raises:
            InputError: The body should name a model and does not.
        """
        ...

    def read_reply(self, body: bytes) -> Reply:
        """Read a whole answer.

        Raises:
            BrokenAnswerError: It cannot be read.
            EngineError: It is an error told with a status of 200.
        """
        ...

    def write_reply(self, reply: Reply, asked: Request | None = None) -> tuple[bytes, tuple[Loss, ...]]:
        """Write a whole answer. `asked`: the request, for dialects whose answers repeat some of it."""
        ...

    def read_error(self, status: int, headers: Mapping[str, str], body: bytes, *, engine: str) -> EngineError:
        """The error that an engine's answer means; it keeps the body. Header names are in lower case."""
        ...

    def write_error(self, error: WeighbridgeError) -> tuple[int, bytes]:
        """The status and the body that tell a client of an error.

        An engine's own error, told in this same dialect, is passed on as the engine worded it.
        """
        ...

    def reader(self) -> StreamReader:
        """A reader for one stream."""
        ...

    def writer(
        self,
        *,
        id: str,  # noqa: A002 - the wire's word
        model: str,
        created: int,
        usage: bool,
        asked: Request | None = None,
    ) -> StreamWriter:
        """A writer for one stream. `usage`: the client asked to be told the tokens. `asked`: as for `write_reply`."""
        ...

    def relay(self, *, usage: bool) -> Relay:
        """The fast lane for one stream. Without `usage`, what the engine says of tokens alone is not passed on."""
        ...
