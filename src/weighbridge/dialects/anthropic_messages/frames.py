"""Anthropic Messages: the bytes of a stream's events, block by block."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.dialects.anthropic_messages.common import encode


class Block:
    """A block that is being written, or waits for it.

    Args:
        kind: What it holds: text, refusal, thinking, call, or something whole.
        index: Its place in the answer.
    """

    __slots__ = ("buffer", "id", "index", "kind", "name", "pieces", "shut", "started", "stopped")

    def __init__(self, kind: str, index: int) -> None:
        self.kind = kind
        self.index = index
        self.buffer: list[bytes] = []
        self.pieces: list[str] = []  #: a call's arguments so far
        self.id = self.name = ""
        self.started = False
        self.shut = False  #: nothing more can follow
        self.stopped = False

    def start(self, block: dict[str, Any]) -> None:
        """Begin it."""
        self.started = True
        told = {"type": "content_block_start", "index": self.index, "content_block": block}
        self.buffer.append(event_bytes("content_block_start", told))

    def delta(self, kind: bytes, key: bytes, value: Any) -> None:
        """Add to it."""
        self.buffer.append(delta_bytes(self.index, kind, key, value))

    @property
    def whole(self) -> bool:
        """Another part has begun: may this one be closed? A call only when its arguments are complete."""
        if self.kind != "call":
            return True
        return bool(self.pieces) and self.pieces[-1].rstrip().endswith("}") and is_object("".join(self.pieces))


def delta_bytes(index: int, kind: bytes, key: bytes, value: Any) -> bytes:
    """The bytes of one delta of a block."""
    return (
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":%s}}\n\n'
        % (index, kind, key, encode(value))
    )


def event_bytes(name: str, value: dict[str, Any]) -> bytes:
    """The bytes of one event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(value))


def is_object(text: str) -> bool:
    """Is this text a whole JSON object?"""
    try:
        return type(msgspec.json.decode(text)) is dict
    except (msgspec.DecodeError, RecursionError):
        return False
