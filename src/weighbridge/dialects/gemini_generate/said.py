"""Gemini: writing the parts of a content."""

from __future__ import annotations

import re
from typing import Any

import msgspec

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
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.form import FORM, NAME, spell
from weighbridge.dialects.gemini_generate.media import write_media
from weighbridge.dialects.gemini_generate.parts import NAMES
from weighbridge.dialects.ids import CallIds

_DECODE = msgspec.json.Decoder().decode
#: base64 in whole groups of four: the vendor's SDK takes no other for bytes
_SEAL = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)")


class PartWriter:
    """Writes the parts of one request, or of one reply.

    Args:
        losses: Takes what cannot be written.
        reply: A reply is written: every seal goes to the client, which brings it back, whoever made it.
        ids: What calls are called at the engine.
    """

    def __init__(self, losses: Losses, *, reply: bool, ids: CallIds | None = None) -> None:
        self.losses = losses
        self._reply = reply
        self._ids = ids or CallIds("")
        self._names: dict[str, str] = {}  #: tools that were called, by the call's id; an id may be used again

    def write(self, part: Part, place: str) -> list[dict[str, Any]]:
        """The objects of one part: most often one, none where it has no place here, more where it has many seals."""
        if type(part) is TextPart and not (part.extra or part.blobs or part.cache):
            return [{"text": part.text}]
        if isinstance(part, OpaquePart):
            if part.dialect == NAME:
                return [dict(part.data)]
            self.losses.note(place, f"{NAME} has no place for this part of {part.dialect}", "high")
            return []
        if not isinstance(part, ReasoningPart) and part.cache:
            self.losses.note(f"{place}.cache", f"{NAME} caches on its own, or in objects apart", "low")
        return self._sealed(part, self._plain(part, place), place)

    def _plain(self, part: Part, place: str) -> dict[str, Any] | None:
        match part:
            case TextPart():
                return self._text(part, place)
            case ReasoningPart():
                return {**self._text(part, place), "thought": True}
            case ToolCallPart():
                return self._call(part, place)
            case ToolResultPart():
                return self._result(part, place)
            case ImagePart() | FilePart():
                return write_media(part, place, self.losses)
        return None

    def _text(self, part: TextPart | ReasoningPart, place: str) -> dict[str, Any]:
        self.losses.foreign(part.extra, place)
        out: dict[str, Any] = dict(part.extra.get(NAME) or {})
        if part.text or (part.extra.get(FORM) or {}).get("text") != "absent":
            out["text"] = part.text
        return out

    def _sealed(self, part: Part, out: dict[str, Any] | None, place: str) -> list[dict[str, Any]]:
        """The object with its seal. A seal stays in its own part; further ones get an empty part each."""
        if out is None or isinstance(part, OpaquePart):
            return []
        form: dict[str, Any] = part.extra.get(FORM) or {}
        seals = [blob.data for blob in part.blobs if self._may_go(blob, place)]
        if not seals and isinstance(part, ReasoningPart) and not (part.text or part.extra):
            return []
        if seals:
            out["thoughtSignature"] = seals[0]
        thought = {"thought": True} if isinstance(part, ReasoningPart) else {}
        more = [{"text": "", **thought, "thoughtSignature": seal} for seal in seals[1:]]
        return [spell(out, form.get("snake", ()), NAMES), *more]

    def _may_go(self, blob: Blob, place: str) -> bool:
        if self._reply:
            return blob.issuer == NAME or _SEAL.fullmatch(blob.data) is not None
        if blob.issuer != NAME:
            self.losses.note(f"{place}.blobs", "a seal goes back to its issuer only", "low")
        return blob.issuer == NAME

    def _call(self, part: ToolCallPart, place: str) -> dict[str, Any]:
        self.losses.foreign(part.extra, place)
        form: dict[str, Any] = part.extra.get(FORM) or {}
        inner: dict[str, Any] = {**(form.get("inner") or {}), "name": part.name}
        self._names[part.id] = part.name
        if form.get("id") != "absent":
            inner["id"] = self._ids.out(part.id)
        arguments = self._arguments(part.arguments, place)
        if arguments or "args" not in form:
            inner["args"] = arguments
        return {**(part.extra.get(NAME) or {}), "functionCall": inner}

    def _arguments(self, text: str, place: str) -> dict[str, Any]:
        if not text.strip():
            return {}
        try:
            value = _DECODE(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            value = None
        if type(value) is dict:
            return value
        self.losses.note(f"{place}.arguments", "they are no JSON object, and go as text inside one", "medium")
        return {"arguments": text}

    def _result(self, part: ToolResultPart, place: str) -> dict[str, Any]:
        self.losses.foreign(part.extra, place)
        form: dict[str, Any] = part.extra.get(FORM) or {}
        inner: dict[str, Any] = dict(form.get("inner") or {})
        if form.get("id") != "absent":
            inner["id"] = self._ids.out(part.call_id)
        absent = form.get("name") == "absent"
        name = part.name or ("" if absent else self._names.get(part.call_id, ""))
        if not name and not absent:
            name = "unknown"
            self.losses.note(f"{place}.name", "the call that this answers is not in the conversation", "medium")
        if name:
            inner["name"] = name
        response = _response(part, form)
        if response is not None:
            inner["response"] = response
        parts = self._inside(part, place)
        if parts or form.get("parts") == "list":
            inner["parts"] = parts[0] if form.get("parts") == "object" and len(parts) == 1 else parts
        return {**(part.extra.get(NAME) or {}), "functionResponse": inner}

    def _inside(self, part: ToolResultPart, place: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for i, item in enumerate(part.parts):
            spot = f"{place}.parts[{i}]"
            if isinstance(item, TextPart):
                self.losses.foreign(item.extra, spot)
                raw = (item.extra.get(FORM) or {}).get("raw")
                found += [raw] if raw is not None else []
            else:
                found += self.write(item, spot)
        return found


def _response(part: ToolResultPart, form: dict[str, Any]) -> dict[str, Any] | None:
    """What the tool said: as JSON where it came as JSON, else under `output` or `error`."""
    text = "".join(item.text for item in part.parts if isinstance(item, TextPart))
    shape = form.get("response")
    if shape == "absent" and not text:
        return None
    if shape == "json":
        try:
            value = _DECODE(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            value = None
        if type(value) is dict:
            return value
    return {"error" if part.is_error else "output": text}
