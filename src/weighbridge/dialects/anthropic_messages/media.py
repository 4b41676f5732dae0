"""Anthropic Messages: images and documents, and where their bytes stand."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from weighbridge.canon import FilePart, ImagePart
from weighbridge.dialects.anthropic_messages.common import FORM
from weighbridge.dialects.strict import MisfitError, misfit, take_text

_PDF = "application/pdf"
_PDF_START = "JVBERi"  # what %PDF- is in base64
_PLAIN = "text/plain"
_TEXTS = ("application/json", "application/xml", "application/yaml", "application/x-yaml", "application/javascript")


def read_source(raw: Any) -> dict[str, Any] | None:
    """What a source says, by the canon's names; None where the canon has none for it.

    Raises:
        MisfitError: It is no object, or lacks what its type demands.
    """
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "source")
    rest = dict(raw)
    try:
        match raw.get("type"):
            case "url":
                return {"url": _need(rest, "url")}
            case "file":
                return {"file_id": _need(rest, "file_id")}
            case "base64":
                return {"data": _need(rest, "data"), "media_type": take_text(rest, "media_type")}
            case "text":
                return _as_data(take_text(rest, "data"))
            case "content":
                text = _joined(raw.get("content"))
                return None if text is None else _as_data(text)
            case _:
                return None
    except MisfitError as error:
        raise error.under("source") from None


def _need(rest: dict[str, Any], key: str) -> str:
    value = take_text(rest, key)
    if not value:
        raise MisfitError("It is missing.", "Give it as text.", key)
    return value


def _as_data(text: str) -> dict[str, str]:
    return {"data": base64.b64encode(text.encode()).decode(), "media_type": _PLAIN}


def _joined(content: Any) -> str | None:
    """The text of a source that holds nothing but text."""
    if type(content) is str:
        return content
    if type(content) is not list:
        return None
    texts = [b["text"] for b in content if type(b) is dict and b.get("type") == "text" and type(b.get("text")) is str]
    return "\n\n".join(texts) if len(texts) == len(content) else None


def image_source(part: ImagePart) -> dict[str, Any] | None:
    """The source of an image; None where it has none."""
    told = _told(part)
    if told is not None:
        return told
    if part.data:
        return {"type": "base64", "media_type": part.media_type or "image/png", "data": part.data}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "file", "file_id": part.file_id} if part.file_id else None


def file_source(part: FilePart) -> dict[str, Any] | None:
    """The source of a document; None where it is of a kind that is none here: only PDF and text are."""
    told = _told(part)
    if told is not None:
        return told
    media = part.media_type.partition(";")[0].strip().lower()
    if media.startswith(("audio/", "video/")):
        return None
    if part.data:
        if media == _PDF or (not media and part.data.startswith(_PDF_START)):
            return {"type": "base64", "media_type": _PDF, "data": part.data}
        text = _text_in(part.data) if _is_text(media, part.name) else None
        return None if text is None else {"type": "text", "media_type": _PLAIN, "data": text}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "file", "file_id": part.file_id} if part.file_id else None


def _told(part: ImagePart | FilePart) -> dict[str, Any] | None:
    """The source as it was read, while it still says the same."""
    form = part.extra.get(FORM)
    told: dict[str, Any] | None = form.get("source") if form else None
    if told is None:
        return None
    said = read_source(told) or {}
    fields = {"url": part.url, "data": part.data, "media_type": part.media_type, "file_id": part.file_id}
    return told if {k: v for k, v in fields.items() if v} == {k: v for k, v in said.items() if v} else None


def _is_text(media: str, name: str) -> bool:
    if not media:
        return name.lower().endswith((".txt", ".md", ".csv", ".json"))
    return media.startswith("text/") or media in _TEXTS or media.endswith(("+json", "+xml"))


def _text_in(data: str) -> str | None:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None
