"""Anthropic Messages: the events of a stream, and blocks while they grow."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct


class Delta(Struct, gc=False):
    """What is read of a delta, of a block or of the message."""

    type: Any = ""
    text: Any = ""
    thinking: Any = ""
    partial_json: Any = ""
    signature: Any = ""
    citation: Any = None
    stop_reason: Any = None


class StreamEvent(Struct, gc=False):
    """What is read of an event; the delta of a block that is kept whole is read anew from its bytes."""

    type: Any = ""
    index: Any = 0
    delta: Delta | None = None
    content_block: Any = None
    message: Any = None
    usage: Any = None


EVENT = msgspec.json.Decoder(StreamEvent)


class Block:
    """A block while it grows.

    Args:
        kind: Its type on the wire.
        raw: As it began.
    """

    __slots__ = ("call", "citations", "grown", "kind", "pieces", "raw", "said", "size")

    def __init__(self, kind: str, raw: dict[str, Any]) -> None:
        self.kind = kind
        self.raw = raw
        self.pieces: list[str] = []  #: JSON of a call's input, or a signature
        self.citations: list[dict[str, Any]] = []  #: those that came before any text
        self.grown: list[dict[str, Any]] = []  #: deltas of a block that is kept whole
        self.said = False  #: has an event of it been given?
        self.call = 0
        self.size = 0


def whole(block: Block) -> dict[str, Any]:
    """A block that is kept whole, with what came in pieces: texts and lists grow, anything else is set."""
    raw = block.raw
    for key in {key: None for delta in block.grown for key in delta if key != "type"}:
        found = [delta[key] for delta in block.grown if delta.get(key) is not None]
        before = [raw[key]] if raw.get(key) is not None else []
        if found and all(type(value) is str for value in before + found):
            raw[key] = "".join(before + found)
        elif found and all(type(value) is list for value in before + found):
            raw[key] = [item for value in before + found for item in value]
        elif found:
            raw[key] = found[-1]
    pieces = "".join(block.pieces)
    if pieces:
        try:
            raw["input"] = msgspec.json.decode(pieces)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raw["input"] = {"arguments": pieces}
    return raw


def as_object(value: Any) -> dict[str, Any]:
    """An object, or what JSON says it is; empty where it is none."""
    if type(value) is bytes:
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
    return value if type(value) is dict else {}


def as_text(value: Any) -> str:
    """A text; empty where it is none."""
    return value if type(value) is str else ""
