"""OpenAI Chat: the fast lane of streams."""

from __future__ import annotations

import re

import msgspec

from weighbridge.canon import Event
from weighbridge.dialects.openai_chat.stream import OpenAIChatReader, decode_chunk
from weighbridge.dialects.openai_chat.usage import read_usage
from weighbridge.dialects.sse import LIMIT, SSE

_EVENT_END = re.compile(rb"(\r\n\r\n|\n\n|\r\r(?!\n))")


class OpenAIChatRelay:
    """Passes a stream's bytes on untouched and reads it beside them.

    Without `usage`, a chunk that holds nothing but the tokens is left out: the client did not ask for it. To know it,
    bytes are then held back to the end of their event.
    """

    def __init__(self, *, usage: bool) -> None:
        self._reader = OpenAIChatReader()
        self._usage = usage
        self._held = b""

    def feed(self, chunk: bytes) -> tuple[bytes, list[Event]]:
        """The bytes to pass on, and the events that are complete with this chunk."""
        events = self._reader.feed(chunk)
        if self._usage:
            return chunk, events
        blocks = _EVENT_END.split(self._held + chunk)
        self._held = blocks.pop()
        if len(self._held) > LIMIT:  # no event is that long: the reader has said so
            blocks += [self._held, b""]
            self._held = b""
        kept = (b"" if _only_usage(blocks[i]) else blocks[i] + blocks[i + 1] for i in range(0, len(blocks), 2))
        return b"".join(kept), events

    def close(self) -> tuple[bytes, list[Event]]:
        """What was held back, and the last events."""
        held, self._held = self._held, b""
        return b"" if _only_usage(held) else held, self._reader.close()


def _only_usage(block: bytes) -> bool:
    """Is this event the chunk that tells the tokens and nothing else?"""
    if b'"usage"' not in block or b'"prompt_tokens"' not in block:
        return False
    found = SSE().feed(block + b"\n\n")
    try:
        chunk = decode_chunk(found[0][1]) if found else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return chunk is not None and chunk.choices == [] and chunk.error is None and read_usage(chunk.usage) is not None
