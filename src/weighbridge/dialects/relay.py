"""The fast lane of a dialect whose streams need nothing taken out."""

from __future__ import annotations

from weighbridge.canon import Event
from weighbridge.dialects.base import StreamReader


class PlainRelay:
    """Passes every byte on at once, and reads the stream beside it.

    Args:
        reader: Of the stream's dialect.
    """

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader

    def feed(self, chunk: bytes) -> tuple[bytes, list[Event]]:
        """The same bytes, and the events that are complete with them."""
        return chunk, self._reader.feed(chunk)

    def close(self) -> tuple[bytes, list[Event]]:
        """Nothing was held back; the last events."""
        return b"", self._reader.close()
