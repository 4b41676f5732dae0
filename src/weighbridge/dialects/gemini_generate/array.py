"""Gemini: streams as one JSON array, which the wire gives to those who do not ask for server-sent events."""

from __future__ import annotations

import re

from weighbridge.dialects.sse import LIMIT, SSE
from weighbridge.errors import BrokenAnswerError

_MARK = re.compile(rb'\\.|["{}]', re.DOTALL)


class ArraySplitter:
    """Takes the bytes of a JSON array and gives its objects, each as its own bytes, however the bytes were cut.

    Objects that stand alone, one after another, are taken as well.

    Args:
        limit: Most bytes that one object may take.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._in_text = False
        self._held = b""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The objects that these bytes complete.

        Raises:
            BrokenAnswerError: An object is over the limit.
        """
        chunk = self._held + chunk
        held = (len(chunk) - len(chunk.rstrip(b"\\"))) % 2  # a backslash waits for what it escapes
        self._held = chunk[len(chunk) - held :]
        chunk = chunk[: len(chunk) - held]
        found: list[bytes] = []
        start = 0
        for match in _MARK.finditer(chunk):
            mark = match[0]
            if mark == b'"':
                self._in_text = not self._in_text
            elif self._in_text:
                continue
            elif mark == b"{":
                start = match.start() if self._depth == 0 else start
                self._depth += 1
            elif mark == b"}" and self._depth:
                self._depth -= 1
                if self._depth == 0:
                    found.append(b"".join((*self._pieces, chunk[start : match.end()])))
                    self._pieces.clear()
                    self._size = 0
        if self._depth:
            self._keep(chunk[start:])
        return found

    @property
    def pending(self) -> bytes:
        """What has come of an object that is not whole."""
        return b"".join(self._pieces)

    def _keep(self, rest: bytes) -> None:
        self._size += len(rest)
        if self._size > self._limit:
            raise BrokenAnswerError(
                f"An object of the stream is larger than {self._limit / 1e6:g} MB.",
                fix="Send the request again, or choose another engine.",
            )
        self._pieces.append(rest)


class AsArray:
    """Turns the bytes of an answer's server-sent events into one JSON array, piece by piece.

    For clients that ask for a stream without `alt=sse`. Comments (heartbeats) become line ends, which mean nothing
    between the items of an array.
    """

    def __init__(self) -> None:
        self._sse = SSE()
        self._begun = False

    def feed(self, chunk: bytes) -> bytes:
        """The items that these bytes complete; a line end where they complete none.

        Raises:
            BrokenAnswerError: An event is over the limit.
        """
        return self._items(self._sse.feed(chunk)) or (b"\n" if chunk and self._begun else b"")

    def close(self) -> bytes:
        """The last item and the end of the array."""
        last = self._items(self._sse.close())
        return last + (b"\n]" if self._begun else b"[]")

    def _items(self, events: list[tuple[str, bytes]]) -> bytes:
        out = []
        for _, data in events:
            if data:
                out += [b"\n,\n" if self._begun else b"[", data]
                self._begun = True
        return b"".join(out)
