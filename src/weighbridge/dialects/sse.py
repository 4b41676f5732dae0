"""Server-sent events: bytes to (event, data) and back, however the bytes were cut."""

from __future__ import annotations

from weighbridge.errors import BrokenAnswerError

LIMIT = 16 << 20
_BOM = b"\xef\xbb\xbf"


class SSE:
    """Takes bytes and gives events. Comments (heartbeats), ids and retry hints are passed over.

    Lines may end in LF, CR LF or CR. Data over several lines is joined with LF.

    Args:
        limit: Most bytes that one event may take.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._pending = bytearray()
        self._started = False
        self._after_cr = False

    def feed(self, chunk: bytes) -> list[tuple[str, bytes]]:
        """The events that these bytes complete, as (event, data); `event` is "" where none is named.

        Raises:
            BrokenAnswerError: An event is over the limit.
        """
        if not self._started:
            chunk = self._begin(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._line_ends(chunk)
        if self._pending:
            start = max(len(self._pending) - 1, 0)
            self._pending += chunk
            if self._pending.find(b"\n\n", start) < 0:
                self._check()
                return []
            chunk = bytes(self._pending)
            self._pending.clear()
        *blocks, tail = chunk.split(b"\n\n")
        if tail:
            self._pending += tail
            self._check()
        found = []
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                found.append(("", block[6:]))
            elif (event := _parse(block)) is not None:
                found.append(event)
        return found

    def close(self) -> list[tuple[str, bytes]]:
        """The last event, where the stream ended without the empty line after it."""
        block = bytes(self._pending)
        self._pending.clear()
        event = _parse(block)
        return [] if event is None else [event]

    def _begin(self, chunk: bytes) -> bytes:
        """Pass over a byte order mark; wait while it might still be one."""
        chunk = bytes(self._pending) + chunk
        self._pending.clear()
        if len(chunk) < len(_BOM) and _BOM.startswith(chunk):
            self._pending += chunk
            return b""
        self._started = True
        return chunk.removeprefix(_BOM)

    def _line_ends(self, chunk: bytes) -> bytes:
        """Every line end as LF. A CR ends its line at once; the LF that may follow in the next chunk is dropped."""
        if not chunk:
            return chunk
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
            if not chunk:
                return chunk
        self._after_cr = chunk.endswith(b"\r")
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _check(self) -> None:
        if len(self._pending) > self._limit:
            self._pending.clear()
            raise BrokenAnswerError(
                f"An event of the stream is larger than {self._limit / 1e6:g} MB.",
                fix="Send the request again, or choose another engine.",
            )


def _parse(block: bytes) -> tuple[str, bytes] | None:
    """An event's fields; None where it has no data."""
    event = ""
    data: list[bytes] = []
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ").decode("utf-8", "replace")
    return (event, b"\n".join(data)) if data else None


def encode(data: bytes, event: str = "") -> bytes:
    """One event. `data` may hold line ends; `event` may not."""
    head = b"event: " + event.encode() + b"\n" if event else b""
    if b"\n" in data or b"\r" in data:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    return head + b"data: " + data + b"\n\n"
