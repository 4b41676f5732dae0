"""A keepsake: what one answer held beside what everyone sees, and the keys under which it is found again.

Kept are the thinking and the seals, and for what is visible only enough to know it again: no text twice. Every key
holds the caller, so that one caller's conversations never meet another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.canon import Blob, Message, Part, ReasoningPart, TextPart, ToolCallPart
from weighbridge.dialects.ids import CallIds

_MOST_KEYS = 256  #: of one kind in one turn
_PLAIN = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_NEVER = "(?!)"


class KeptPart(Struct, frozen=True, omit_defaults=True):
    """One part of a kept turn.

    `kind`: reasoning, text, call, or the name of another part's type. `text`: the thinking. `size`: characters of a
    visible text. `what`: a digest of the visible text, or of the call's name and arguments. `extra`: what the engine's
    own dialect told of the part beside.
    """

    kind: str
    text: str = ""
    size: int = 0
    call_id: str = ""
    what: bytes = b""
    blobs: tuple[Blob, ...] = ()
    extra: dict[str, Any] = {}


class Keepsake(Struct, frozen=True, omit_defaults=True):
    """One kept turn, its parts in the order of the engine. `said`: a digest of all of its visible text."""

    issuer: str
    parts: tuple[KeptPart, ...]
    said: bytes = b""


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Keepsake).decode


def keepsake_of(parts: Sequence[Part], issuer: str, dialect: str) -> Keepsake | None:
    """What to keep of an answer; None where there is nothing that its client could lose.

    Args:
        parts: Of one choice of the answer.
        issuer: Who can read its seals.
        dialect: In which it was told: only that dialect's details are kept.
    """
    if not any(getattr(part, "blobs", ()) or (isinstance(part, ReasoningPart) and part.text) for part in parts):
        return None
    return Keepsake(issuer, tuple(_kept(part, dialect) for part in parts), said_of(parts))


def encode(keepsake: Keepsake) -> bytes | None:
    """A keepsake as bytes; None where it holds what no JSON can."""
    try:
        return _ENCODE(keepsake)
    except (UnicodeError, TypeError, ValueError, RecursionError):
        return None


def decode(value: bytes) -> Keepsake | None:
    """A keepsake from bytes; None where these are none."""
    try:
        return _DECODE(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _kept(part: Part, dialect: str) -> KeptPart:
    blobs: tuple[Blob, ...] = getattr(part, "blobs", ())
    found: dict[str, Any] = getattr(part, "extra", {})
    extra = {key: value for key, value in found.items() if key.rstrip("$") == dialect}
    match part:
        case ReasoningPart():
            return KeptPart("reasoning", text=part.text, blobs=blobs, extra=extra)
        case TextPart():
            return KeptPart("text", size=len(part.text), what=text_digest(part.text), blobs=blobs, extra=extra)
        case ToolCallPart():
            return KeptPart("call", call_id=part.id, what=call_digest(part), blobs=blobs, extra=extra)
        case _:
            return KeptPart(type(part).__name__, blobs=blobs)


class Keys:
    """Makes the keys of one caller's turns.

    Args:
        caller: Who calls; any text by which callers are told apart.
    """

    def __init__(self, caller: str) -> None:
        self._caller = _digest(b"caller", _bytes(caller))

    def of(self, parts: Sequence[Part], asked: bytes, *, kept: bool = False) -> list[bytes]:
        """The keys of a turn, the surest first.

        A seal is one of a kind. So is a call's id, but not with every engine: some count their calls, and begin anew in
        every conversation. So an id counts first together with its call and with what had been asked.

        Args:
            parts: The turn.
            asked: The digest of what the user had said last, see `asked_of`.
            kept: It is an answer that is being kept: its ids may come back as another dialect's writer told them.
        """
        seals = [blob.data for part in parts for blob in getattr(part, "blobs", ()) if blob.data]
        calls = [part for part in parts if isinstance(part, ToolCallPart)]
        told = [
            (_bytes(name), call_digest(call))
            for call in calls[:_MOST_KEYS]
            for name in (ids_of(call.id) if kept else (call.id,))
        ]
        keys = [self._key(b"seal", _bytes(data)) for data in seals[:_MOST_KEYS]]
        keys += [self._key(b"call", name, what, asked) for name, what in told]
        keys.append(self.whole(parts, asked))
        keys += [self._key(b"id", name, what) for name, what in told]
        return keys

    def whole(self, parts: Sequence[Part], asked: bytes) -> bytes:
        """The key of a turn by all that is visible of it."""
        calls = [call_digest(part) for part in parts if isinstance(part, ToolCallPart)]
        return self._key(b"turn", said_of(parts), *calls, asked)

    def _key(self, *pieces: bytes) -> bytes:
        return _digest(self._caller, *pieces)


def asked_of(messages: Iterable[Message]) -> Iterator[bytes]:
    """For each message, the digest of what the user said last before it. Tools' answers are not what a user says."""
    last = b""
    text: list[str] = []
    for message in messages:
        if text and message.role != "user":
            last, text = text_digest("".join(text)), []
        yield last
        if message.role == "user" and (said := message.text):
            text.append(said)


def said_of(parts: Iterable[Part]) -> bytes:
    """The digest of a turn's visible text."""
    return text_digest("".join(part.text for part in parts if isinstance(part, TextPart)))


def text_digest(text: str) -> bytes:
    """The digest of a text. Clients like to strip white space from its ends, so that does not count."""
    return _digest(_bytes(text.strip()))


def call_digest(call: ToolCallPart) -> bytes:
    """The digest of a call's name and arguments, however these are spelled."""
    return _digest(_bytes(call.name), _arguments(call.arguments))


def _arguments(text: str) -> bytes:
    try:
        return _SORTED(_LOOSE(text)) if text.strip() else b"{}"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return _bytes(text)


def _number(text: str) -> int | float:
    """A number as many clients write it again: 1.0 becomes 1."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


_LOOSE = msgspec.json.Decoder(float_hook=_number).decode
_SORTED = msgspec.json.Encoder(order="sorted").encode


def ids_of(name: str) -> tuple[str, ...]:
    """A call's id as its engine told it, and as it looks where a client's dialect does not accept it."""
    return (name,) if _PLAIN.fullmatch(name) else (name, CallIds(_NEVER).out(name))


def _digest(*pieces: bytes) -> bytes:
    made = blake2b(digest_size=16)
    for piece in pieces:
        made.update(b"%d:" % len(piece))
        made.update(piece)
    return made.digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
