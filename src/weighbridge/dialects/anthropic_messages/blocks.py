"""Anthropic Messages: writing content blocks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    OpaquePart,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.anthropic_messages.citations import is_own, write_citation
from weighbridge.dialects.anthropic_messages.common import FORM, NAME, cache_marker, put_content
from weighbridge.dialects.anthropic_messages.media import file_source, image_source
from weighbridge.dialects.anthropic_messages.parts import text_of
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.ids import CallIds

#: What the wire accepts as the id of a tool call.
CALL_IDS = r"[a-zA-Z0-9_-]+"


class Rules(Struct, frozen=True):
    """How the parts of one request are written, as the engine's profile has it."""

    ids: CallIds
    own: bool = True  #: it was read from this dialect, so files of the host and the order of turns stay as they are
    unsealed: bool = False  #: the engine takes thinking that is not signed
    blank_seal: str = ""  #: what the engine takes for a signature where there is none
    markers: bool = True  #: the engine knows cache markers
    tool_media: bool = True  #: a tool's answer may hold images and documents


class Blocks:
    """Writes parts as blocks.

    Args:
        losses: Takes what cannot be written.
        rules: Of the request; None for an answer.

    Attributes:
        unsealed: Was any thinking left out because this engine did not sign it?
    """

    def __init__(self, losses: Losses, rules: Rules | None = None) -> None:
        self._losses = losses
        self._rules = rules
        self._asks = rules is not None
        self.unsealed = False

    def write(self, parts: Iterable[Part], place: str) -> list[dict[str, Any]]:
        """Blocks for parts, in order. A part becomes none, one or several."""
        found: list[dict[str, Any]] = []
        for part in parts:
            if type(part) is TextPart and not part.extra and not part.cache and not part.citations:
                if part.blobs and self._asks:
                    self._sealed(part.blobs, place)
                found.append({"type": "text", "text": part.text})
            else:
                self._one(part, place, found)
        return found

    def _one(self, part: Part, place: str, found: list[dict[str, Any]]) -> None:
        if not isinstance(part, OpaquePart) and part.extra:
            self._losses.foreign(part.extra, place)
        match part:
            case TextPart():
                found.append(self._text(part, place))
            case ToolCallPart():
                found.append(self._call(part, place))
            case ToolResultPart():
                self._result(part, place, found)
            case ReasoningPart():
                found += self._thinking(part, place)
            case ImagePart() | FilePart():
                found += self._media(part, place)
            case OpaquePart():
                if part.dialect == NAME:
                    found.append(part.data)
                else:
                    self._losses.note(f"{place}.parts", f"only {part.dialect} understands this part", "high")

    def _mark(self, out: dict[str, Any], part: Part, place: str) -> dict[str, Any]:
        """Add the part's cache marker."""
        cache = "" if isinstance(part, (ReasoningPart, OpaquePart)) else part.cache
        if cache and self._rules is not None and not self._rules.markers:
            self._losses.note(f"{place}.cache_control", "the engine knows no cache markers", "low")
        elif cache and not isinstance(part, OpaquePart):
            out["cache_control"] = cache_marker(cache, part.extra.get(FORM))
        return out

    def _sealed(self, blobs: Iterable[Blob], place: str) -> None:
        if any(True for _ in blobs):
            self._losses.note(f"{place}.blobs", "what one engine has sealed is not for another", "low")

    def _text(self, part: TextPart, place: str) -> dict[str, Any]:
        rest: dict[str, Any] = part.extra.get(NAME) or {}
        if "block" in rest:
            return self._whole(rest["block"], part, place)
        form: dict[str, Any] = part.extra.get(FORM) or {}
        out: dict[str, Any] = {**rest, "type": "text", "text": part.text}
        if part.citations:
            self._cite(out, part, place)
        elif "citations" in form:
            out["citations"] = form["citations"]
        if self._asks:
            self._sealed(part.blobs, place)
        return self._mark(out, part, place)

    def _whole(self, block: dict[str, Any], part: TextPart, place: str) -> dict[str, Any]:
        """A block behind a text part, with the text as it is now."""
        out = {k: v for k, v in block.items() if k != "cache_control" or not part.cache}
        if part.text != text_of(block):
            out["content"] = [{"type": "text", "text": part.text}]
        return self._mark(out, part, place)

    def _cite(self, out: dict[str, Any], part: TextPart, place: str) -> None:
        """Citations; in a request only the engine's own, which it can look up."""
        told = [c for c in part.citations if is_own(c) or not self._asks]
        if len(told) < len(part.citations):
            self._losses.note(f"{place}.citations", "an engine takes back only citations that it gave", "low")
        written = [w for c in told if (w := write_citation(c, place, self._losses)) is not None]
        if written:
            out["citations"] = written

    def _media(self, part: ImagePart | FilePart, place: str) -> list[dict[str, Any]]:
        kind = "image" if isinstance(part, ImagePart) else "document"
        if self._rules is None:
            self._losses.note(f"{place}.{kind}", f"an answer of {NAME} holds no {kind}", "high")
            return []
        if isinstance(part, FilePart) and part.media_type.startswith("image/") and (part.data or part.url):
            part = ImagePart(part.url, part.data, part.media_type, extra=part.extra, cache=part.cache)
            kind = "image"
        source = image_source(part) if isinstance(part, ImagePart) else file_source(part)
        if source is None:
            self._losses.note(f"{place}.{kind}", f"{NAME} takes PDF and text as documents, not this", "high")
            return []
        if source.get("type") == "file" and not self._rules.own:
            self._losses.note(f"{place}.{kind}", "a file that lies at another host cannot be read here", "high")
            return []
        out: dict[str, Any] = {**(part.extra.get(NAME) or {}), "type": kind, "source": source}
        if isinstance(part, ImagePart) and part.detail and part.detail != "auto":
            self._losses.note(f"{place}.{kind}.detail", f"{NAME} has no levels of detail", "low")
        if isinstance(part, FilePart) and part.name:
            out["title"] = part.name
        self._sealed(part.blobs, place)
        return [self._mark(out, part, place)]

    def _call(self, part: ToolCallPart, place: str) -> dict[str, Any]:
        form: dict[str, Any] = part.extra.get(FORM) or {}
        out: dict[str, Any] = {**(part.extra.get(NAME) or {}), "type": "tool_use"}
        if "id" not in form:
            out["id"] = self._rules.ids.out(part.id) if self._rules is not None else part.id
        elif form["id"] != "absent":
            out["id"] = form["id"]
        out["name"] = part.name
        if form.get("input") != "absent" or part.arguments != "{}":
            out["input"] = self._arguments(part, place, bare=form.get("input") == "any")
        if self._asks:
            self._sealed(part.blobs, place)
        return self._mark(out, part, place)

    def _arguments(self, part: ToolCallPart, place: str, *, bare: bool) -> Any:
        """The arguments as an object. Text that is none is put into one."""
        if not part.arguments.strip():
            return {}
        try:
            value = msgspec.json.decode(part.arguments)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            value = None
        if type(value) is dict or (bare and value is not None):
            return value
        self._losses.note(f"{place}.tool_calls", "the arguments are no JSON object; they are sent within one", "medium")
        return {"arguments": part.arguments}

    def _result(self, part: ToolResultPart, place: str, found: list[dict[str, Any]]) -> None:
        if self._rules is None:
            self._losses.note(f"{place}.tool_results", "an answer holds no tool's result", "high")
            return
        form: dict[str, Any] = part.extra.get(FORM) or {}
        out: dict[str, Any] = {**(part.extra.get(NAME) or {}), "type": "tool_result"}
        out["tool_use_id"] = self._rules.ids.out(part.call_id)
        inside: list[Part] = list(part.parts)
        beside: list[Part] = []
        if not self._rules.tool_media:
            beside = [p for p in inside if not isinstance(p, TextPart)]
            inside = [p for p in inside if isinstance(p, TextPart)]
        blocks = self.write(inside, f"{place}.tool_results")
        if blocks or form:
            put_content(out, blocks, form)
        if part.is_error or "is_error" in form:
            out["is_error"] = part.is_error
        self._sealed(part.blobs, place)
        found.append(self._mark(out, part, place))
        if beside:
            self._losses.note(f"{place}.tool_results", "images and files of a tool's answer stand after it", "low")
            found += self.write(beside, f"{place}.tool_results")

    def _thinking(self, part: ReasoningPart, place: str) -> list[dict[str, Any]]:
        rest: dict[str, Any] = part.extra.get(NAME) or {}
        form: dict[str, Any] = part.extra.get(FORM) or {}
        blobs = part.blobs
        if self._asks:
            blobs = tuple(b for b in blobs if b.issuer == NAME)
            if len(blobs) < len(part.blobs):
                self._sealed(part.blobs, place)
        if blobs:
            found = [{**rest, **block} for block in sealed_blocks(part.text, blobs)]
            if form.get("thinking") == "absent" and not part.text:
                found[0].pop("thinking", None)
            return found
        out = {**rest, "type": "thinking"}
        if part.text or form.get("thinking") != "absent":
            out["thinking"] = part.text
        if self._rules is None or self._rules.unsealed or (form and not part.blobs):
            told = form.get("signature", "")
            return [out if told == "absent" else {**out, "signature": told}]
        if self._rules.blank_seal:
            return [{**out, "signature": self._rules.blank_seal}]
        self.unsealed = True
        if part.text:
            self._losses.note(f"{place}.reasoning", "an engine takes back only thinking that it has signed", "low")
        return []


def sealed_blocks(text: str, blobs: tuple[Blob, ...]) -> list[dict[str, Any]]:
    """Thinking and what seals it. The first signature belongs to the text; what has no text of its own is redacted."""
    found: list[dict[str, Any]] = []
    signature = next((i for i, b in enumerate(blobs) if is_signature(b)), None)
    if signature is None and text:
        signature = next((i for i, b in enumerate(blobs) if b.kind == "encrypted"), None)
    if text or signature is not None:
        seal = blobs[signature].data if signature is not None else ""
        found.append({"type": "thinking", "thinking": text, "signature": seal})
    for i, blob in enumerate(blobs):
        if i == signature:
            continue
        if is_signature(blob):
            found.append({"type": "thinking", "thinking": "", "signature": blob.data})
        else:
            found.append({"type": "redacted_thinking", "data": blob.data})
    return found


def is_signature(blob: Blob) -> bool:
    """Does it seal thinking that is told, or is it the thinking itself?"""
    return blob.kind not in ("redacted", "encrypted")
