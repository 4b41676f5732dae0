"""OpenAI Chat: images and sounds in answers, whole or in pieces."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from weighbridge.canon import FilePart, ImagePart, Part, TextPart
from weighbridge.dialects.openai_chat.files import join_url, split_url
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing, keep

#: How base64 of a sound begins; OpenAI tells the form of a sound only in what was asked.
_SOUNDS = (("UklGR", "wav"), ("SUQz", "mpeg"), ("//", "mpeg"), ("ZkxhQ", "flac"), ("T2dnUw", "ogg"))
_SILENT = {"id": "", "data": "", "transcript": ""}


def read_image(raw: Any) -> ImagePart | None:
    """One item of `images`; None where it is not in the form that is known."""
    source: Any = raw.get("image_url") if type(raw) is dict else None
    url = source.get("url") if type(source) is dict else None
    if type(url) is not str or not url or raw.get("type") != "image_url":
        return None
    inner = {k: v for k, v in source.items() if k != "url"}
    rest = {k: v for k, v in raw.items() if k not in ("type", "image_url")}
    media_type, data = split_url(url)
    form = {"in": "images", "inner": inner} if inner else {"in": "images"}
    return ImagePart("" if data else url, data, media_type, extra=keep(rest, form))


def read_images(rest: dict[str, Any]) -> list[Part]:
    """Take the images out of a message, if each of them can be read."""
    raw = rest["images"]
    found = [read_image(item) for item in raw] if type(raw) is list else [None]
    images: list[Part] = [image for image in found if image is not None]
    if len(images) < len(found):
        return []
    del rest["images"]
    return images


def write_image(part: ImagePart) -> dict[str, Any] | None:
    """One item of `images`; None where there is nothing to show it by."""
    if not (part.data or part.url):
        return None
    form = part.extra.get(FORM) or {}
    url = join_url(part.media_type or "image/png", part.data) if part.data else part.url
    return {
        **(part.extra.get(NAME) or {}),
        "type": "image_url",
        "image_url": {**(form.get("inner") or {}), "url": url},
    }


def read_audio(rest: dict[str, Any], *, silent: bool) -> list[Part]:
    """Take a spoken answer out of a message: what it says as text, if the message is `silent`, and the sound."""
    raw = rest["audio"]
    if type(raw) is not dict or type(raw.get("data")) is not str or not raw["data"]:
        return []
    del rest["audio"]
    inner = dict(raw)
    text = inner.get("transcript")
    said: list[Part] = []
    if silent and type(text) is str and text:
        said.append(TextPart(inner.pop("transcript"), keep({}, {"as": "transcript"})))
    made_id = inner["id"] if type(inner.get("id")) is str else ""
    data = inner.pop("data")
    return [*said, FilePart(made_id, data=data, media_type=_sound(data, inner), extra=keep({}, {"audio": inner}))]


def _sound(data: str, told: dict[str, Any]) -> str:
    label = told.get("format")
    if type(label) is str and label:
        return f"audio/{label}"
    return f"audio/{next((kind for start, kind in _SOUNDS if data.startswith(start)), 'pcm')}"


def is_sound(part: Part) -> bool:
    """Can it be the spoken part of an answer?"""
    return isinstance(part, FilePart) and bool(part.data) and part.media_type.startswith("audio/")


def write_audio(part: FilePart, transcript: str) -> dict[str, Any]:
    """A spoken answer. One of another dialect tells its form as well, which nothing else here would tell."""
    form = part.extra.get(FORM) or {}
    inner = form.get("audio")
    if inner is None:
        inner = {**_SILENT, "id": "audio", "expires_at": 0, "format": part.media_type.removeprefix("audio/")}
    out = {**inner, "data": part.data}
    if part.file_id:
        out["id"] = part.file_id
    if transcript:
        out["transcript"] = transcript
    return out


class Sound:
    """A spoken answer that comes in pieces."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._told: dict[str, Any] = {}
        self._id = ""

    def add(self, raw: Any) -> str:
        """Take a piece in; gives the text that was spoken with it."""
        if type(raw) is not dict:
            return ""
        if type(raw.get("data")) is str and raw["data"]:
            self._pieces.append(raw["data"])
        if type(raw.get("id")) is str:
            self._id = self._id or raw["id"]
        if type(raw.get("format")) is str:
            self._told["format"] = raw["format"]
        text = raw.get("transcript")
        return text if type(text) is str else ""

    def part(self) -> FilePart | None:
        """The whole sound; None where nothing came."""
        data = _joined(self._pieces)
        return FilePart(self._id, data=data, media_type=_sound(data, self._told)) if data else None


def _joined(pieces: list[str]) -> str:
    """Base64 of what the pieces hold together, each of which is base64 of its own."""
    if len(pieces) <= 1:
        return "".join(pieces)
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except (binascii.Error, ValueError):
        return "".join(pieces)


def split_answer(
    parts: Iterable[Part], place: str, to: Outgoing
) -> tuple[list[TextPart], list[dict[str, Any]], list[FilePart]]:
    """What an answer shows, by where it is written: texts, images, sounds. The rest has no place, which is told."""
    texts: list[TextPart] = []
    images: list[dict[str, Any]] = []
    sounds: list[FilePart] = []
    for part in parts:
        if isinstance(part, TextPart):
            texts.append(part)
        elif isinstance(part, ImagePart) and (image := write_image(part)) is not None:
            images.append(image)
        elif isinstance(part, FilePart) and is_sound(part) and not sounds:
            sounds.append(part)
        else:
            to.losses.note(f"{place}.parts", f"{NAME} has no place in an answer for such a part", "high")
        if not isinstance(part, TextPart):
            to.losses.foreign(getattr(part, "extra", {}), place)
    return texts, images, sounds
