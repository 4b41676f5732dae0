"""The parts of a message, and what hangs on them."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

Role = Literal["system", "developer", "user", "assistant", "tool"]


class Blob(Struct, frozen=True, omit_defaults=True):
    """Opaque bytes of one issuer (a signature, encrypted reasoning): only that issuer may see it again.

    A dialect that reads one names itself as the issuer; the road, which knows the engine, puts the engine's issuer in
    its place (see `Profile.issuer`). `kind`: signature, encrypted, redacted. `id`: the item id that belongs to it.
    `format`: how the wire labels it, where that must be told again.
    """

    issuer: str
    data: str
    kind: str = ""
    id: str = ""
    format: str = ""


class Citation(Struct, frozen=True, omit_defaults=True):
    """Where a passage of a text comes from. `start` and `end` count characters of the text part; None: all of it."""

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None
    extra: dict[str, Any] = {}


class TextPart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="text"):
    """Plain text. `cache`: how long the prompt up to here may be cached (`5m`, `1h`, `default`); "" no marker."""

    text: str
    extra: dict[str, Any] = {}
    citations: tuple[Citation, ...] = ()
    blobs: tuple[Blob, ...] = ()
    cache: str = ""


class ImagePart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="image"):
    """An image: a URL, base64 `data` with its media type, or a host's file id."""

    url: str = ""
    data: str = ""
    media_type: str = ""
    detail: str = ""
    extra: dict[str, Any] = {}
    file_id: str = ""
    blobs: tuple[Blob, ...] = ()
    cache: str = ""


class FilePart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="file"):
    """A document or a sound: a host's file id, a URL, or base64 `data` with its media type."""

    file_id: str = ""
    url: str = ""
    data: str = ""
    media_type: str = ""
    name: str = ""
    extra: dict[str, Any] = {}
    blobs: tuple[Blob, ...] = ()
    cache: str = ""


class ToolCallPart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="tool_call"):
    """The engine asks for a tool. `arguments` is the JSON text exactly as the engine wrote it.

    `id` is never empty: where a wire leaves it out, its reader makes one from the place, so that the same
    conversation always gives the same one.
    """

    id: str
    name: str
    arguments: str
    extra: dict[str, Any] = {}
    blobs: tuple[Blob, ...] = ()
    cache: str = ""


class ToolResultPart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="tool_result"):
    """What a tool answered, as text or as further parts. `name`: the tool's, where the wire tells it."""

    call_id: str
    parts: tuple[TextPart | ImagePart | FilePart, ...] = ()
    name: str = ""
    is_error: bool = False
    extra: dict[str, Any] = {}
    blobs: tuple[Blob, ...] = ()
    cache: str = ""


class ReasoningPart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="reasoning"):
    """The engine's thinking: text where it is shown, blobs where it is sealed."""

    text: str = ""
    blobs: tuple[Blob, ...] = ()
    extra: dict[str, Any] = {}


class OpaquePart(Struct, frozen=True, omit_defaults=True, tag_field="type", tag="opaque"):
    """A part that only its own dialect understands, kept whole."""

    dialect: str
    data: dict[str, Any]


Part = TextPart | ImagePart | FilePart | ToolCallPart | ToolResultPart | ReasoningPart | OpaquePart


class Message(Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation."""

    role: Role
    parts: tuple[Part, ...] = ()
    name: str = ""
    extra: dict[str, Any] = {}

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(p.text for p in self.parts if isinstance(p, TextPart))
