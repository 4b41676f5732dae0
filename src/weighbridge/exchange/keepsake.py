"""A keepsake: what one answer held beside what everyone sees, and the keys under which it is found again.

Kept are the thinking and the seals, and for what is visible only enough to know it again: no text twice. Every key
holds the caller, so that one caller's conversations never meet another's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
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
    """One kept turn, its parts in the order of the engine.

    `said`: a digest of all of its visible text. `engine`: whose turn it was; "" where an earlier version kept it.
    """

    issuer: str
    parts: tuple[KeptPart, ...]
    said: bytes = b""
    engine: str = ""


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Keepsake).decode


def keepsake_of(parts: Sequence[Part], issuer: str, dialect: str, engine: str = "") -> Keepsake | None:
    """What to keep of an answer; None where there is nothing that its client could lose.

    Args:
        parts: Of one choice of the answer.
        issuer: Who can read its seals.
        dialect: In which it was told: only that dialect's details are kept.
        engine: Whose answer it is.
    """
    if not any(getattr(part, "blobs", ()) or (isinstance(part, ReasoningPart) and part.text) for part in parts):
        return None
    return Keepsake(issuer, tuple(_kept(part, dialect) for part in parts), said_of(parts), engine)


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


class Turn(Struct, frozen=True):
    """A message of the assistant, looked at once: its parts, what each says as a digest, and what had been asked.

    `contents`: the digest of a visible text or of a call; b"" for every other part.
    """

    parts: Sequence[Part]
    contents: Sequence[bytes]
    asked: bytes

    @classmethod
    def of(cls, parts: Sequence[Part], asked: bytes) -> Turn:
        """Look at a message; `asked` as from `asked_of`."""
        return cls(parts, [digest_of(part) for part in parts], asked)

    @property
    def calls(self) -> list[tuple[str, bytes]]:
        """The id and the digest of each call."""
        return [
            (part.id, what)
            for part, what in zip(self.parts, self.contents, strict=True)
            if isinstance(part, ToolCallPart)
        ]


class Keys:
    """Makes the keys of one caller's turns.

    Args:
        caller: Who calls; any text by which callers are told apart.
    """

    def __init__(self, caller: str) -> None:
        self._caller = _digest(b"caller", _bytes(caller))

    def of(self, turn: Turn, *, kept: bool = False) -> Iterator[bytes]:
        """The keys of a turn, the surest first.

        A seal is one of a kind. So is a call's id, but not with every engine: some count their calls, and begin anew in
        every conversation. So an id counts first together with its call and with what had been asked.

        Args:
            turn: The turn.
            kept: It is an answer that is being kept: its ids may come back as another dialect's writer told them.
        """
        seals = (blob.data for part in turn.parts for blob in getattr(part, "blobs", ()) if blob.data)
        for seal in islice(seals, _MOST_KEYS):
            yield self._key(b"seal", _bytes(seal))
        told = [
            (_bytes(name), what)
            for call_id, what in islice(turn.calls, _MOST_KEYS)
            for name in (ids_of(call_id) if kept else (call_id,))
        ]
        for name, what in told:
            yield self._key(b"call", turn.asked, what, name)
        yield self.whole([turn])
        for name, what in told:
            yield self._key(b"id", what, name)

    def whole(self, turns: Sequence[Turn]) -> bytes:
        """The key of messages in a row by all that is visible of them."""
        texts = [
            (part.text, what)
            for turn in turns
            for part, what in zip(turn.parts, turn.contents, strict=True)
            if isinstance(part, TextPart) and part.text
        ]
        said = texts[0][1] if len(texts) == 1 else text_digest("".join(text for text, _ in texts))
        return self._key(b"turn", turns[0].asked, said, *(what for turn in turns for _, what in turn.calls))

    def _key(self, kind: bytes, *pieces: bytes) -> bytes:
        return _digest(self._caller, kind, *pieces)


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


def digest_of(part: Part) -> bytes:
    """The digest of a visible text or of a call; b"" for every other part."""
    if isinstance(part, TextPart):
        return text_digest(part.text)
    return call_digest(part) if isinstance(part, ToolCallPart) else b""


def text_digest(text: str) -> bytes:
    """The digest of a text. Clients like to strip white space from its ends, so that does not count."""
    return _digest(b"text", _bytes(text.strip()))


def call_digest(call: ToolCallPart) -> bytes:
    """The digest of a call's name and arguments, however these are spelled."""
    return _digest(b"call", _bytes(call.name), _arguments(call.arguments))


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
    """A digest of pieces; where one ends and the next begins counts."""
    return blake2b(b"".join([b"%d:%b" % (len(piece), piece) for piece in pieces]), digest_size=16).digest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
