"""What the readers of streams do alike: they end once, and say nothing more after a failure."""

from __future__ import annotations

from abc import ABC, abstractmethod

from weighbridge.canon import Event, Failure
from weighbridge.dialects.sse import SSE
from weighbridge.errors import BrokenAnswerError

_SHOWN = 80  #: bytes of an event that an error quotes

Found = list[tuple[str, bytes]]
"""Events of the wire: their name, "" where none is told, and their data."""


class EventReader(ABC):
    """A stream of server-sent events on its way to events of the canon."""

    def __init__(self) -> None:
        self._sse = SSE()
        self._over = False

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete with these bytes."""
        if self._over:
            return []
        try:
            found = self._split(chunk)
        except BrokenAnswerError as error:
            return self._fail(error.what)
        return self._read(found)

    def close(self) -> list[Event]:
        """The stream has ended; a Failure if the answer is not whole."""
        if self._over:
            return []
        events = self._read(self._rest())
        return events if self._is_over() else self._ended(events)

    def _is_over(self) -> bool:
        """Asked anew: reading may have ended it."""
        return self._over

    def _split(self, chunk: bytes) -> Found:
        """The wire's events that these bytes complete."""
        return self._sse.feed(chunk)

    def _rest(self) -> Found:
        """What is left when the bytes have ended."""
        return self._sse.close()

    @abstractmethod
    def _read(self, found: Found) -> list[Event]:
        """What these say. A reader that is over reads no further."""

    @abstractmethod
    def _ended(self, events: list[Event]) -> list[Event]:
        """The bytes have ended and the answer has not: these events, and what follows from that."""

    def _cut_off(self) -> list[Event]:
        return self._fail("The stream ended before the answer was whole.")

    def _unreadable(self, data: bytes) -> list[Event]:
        return self._fail(f"An event of the stream cannot be read: {data[:_SHOWN].decode('utf-8', 'replace')!r}.")

    def _fail(self, message: str, code: str = BrokenAnswerError.code) -> list[Event]:
        self._over = True
        return [Failure(code, message)]
