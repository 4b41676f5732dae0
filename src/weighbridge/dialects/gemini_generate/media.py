"""Gemini: images and files, inside a content or by their address."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Blob, FilePart, ImagePart
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.form import FORM, NAME, keep, missing, spell, spellings, take_object, unify
from weighbridge.dialects.strict import MisfitError, misfit, take_text

NAMES = spellings("mimeType", "displayName", "fileUri")
_BLOCK = 4
_FILES_API = "generativelanguage.googleapis.com/"
#: What an address most likely holds, by its ending: the wire wants a type, others tell none.
_ENDINGS = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "md": "text/markdown",
    "csv": "text/csv",
    "html": "text/html",
    "json": "application/json",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}


def read_media(
    rest: dict[str, Any], key: str, form: dict[str, Any], blobs: tuple[Blob, ...] = ()
) -> ImagePart | FilePart:
    """Take `inlineData` or `fileData` out of a part.

    Raises:
        MisfitError: It is no media.
    """
    inner, told = unify(take_object(rest, key), NAMES)
    try:
        media_type = take_text(inner, "mimeType")
        content = _take_content(inner, key)
        image = media_type.startswith("image/")
        name = "" if image else take_text(inner, "displayName")
    except MisfitError as error:
        raise error.under(key) from None
    data = url = file_id = ""
    if key == "inlineData":
        data = _standard(content, form)
    elif _FILES_API in content:
        file_id = content  # kept at the host: nobody else can fetch it
    else:
        url = content
    form.update({k: v for k, v in (("inner", inner), ("inner_snake", told), ("untyped", not media_type)) if v})
    extra = keep(rest, form)
    if image:
        return ImagePart(url, data, media_type, "", extra, file_id, blobs)
    return FilePart(file_id, url, data, media_type, name, extra, blobs)


def _take_content(inner: dict[str, Any], key: str) -> str:
    name = "data" if key == "inlineData" else "fileUri"
    content = inner.pop(name, None)
    if content is None:
        raise missing(name, "Give base64 text." if name == "data" else "Give the file's address.")
    if type(content) is not str:
        raise misfit(content, "text", name)
    return content


def _standard(data: str, form: dict[str, Any]) -> str:
    """Base64 in the standard alphabet and with its padding; the wire takes the other alphabet, and none, too."""
    if ("-" in data or "_" in data) and "+" not in data and "/" not in data:
        form["url_safe"] = True
        data = data.replace("-", "+").replace("_", "/")
    if short := -len(data) % _BLOCK:
        form["unpadded"] = short
        data += "=" * short
    return data


def write_media(part: ImagePart | FilePart, place: str, losses: Losses) -> dict[str, Any] | None:
    """A part with `inlineData` or `fileData`; None, and a Loss, where it is a file at a host of another dialect."""
    losses.foreign(part.extra, place)
    form: dict[str, Any] = part.extra.get(FORM) or {}
    out: dict[str, Any] = dict(part.extra.get(NAME) or {})
    inner: dict[str, Any] = dict(form.get("inner") or {})
    if media_type := part.media_type or _guess(part, form, place, losses):
        inner["mimeType"] = media_type
    if isinstance(part, FilePart) and part.name:
        inner["displayName"] = part.name
    if isinstance(part, ImagePart) and part.detail not in ("", "auto"):
        losses.note(f"{place}.detail", f"{NAME} does not tell how closely to look", "low")
    told = form.get("inner_snake", ())
    if part.data or not (part.url or part.file_id):
        inner["data"] = _as_read(part.data, form)
        out["inlineData"] = spell(inner, told, NAMES)
        return out
    if not part.url and "://" not in part.file_id and not part.file_id.startswith("files/"):
        losses.note(place, "a file that was given to another host cannot be had from there", "high")
        return None
    inner["fileUri"] = part.url or part.file_id
    out["fileData"] = spell(inner, told, NAMES)
    return out


def _as_read(data: str, form: dict[str, Any]) -> str:
    if short := form.get("unpadded"):
        data = data[:-short] if data.endswith("=" * short) else data
    return data.replace("+", "-").replace("/", "_") if form.get("url_safe") else data


def _guess(part: ImagePart | FilePart, form: dict[str, Any], place: str, losses: Losses) -> str:
    if form.get("untyped"):
        return ""  # read in this dialect, where none was told either
    named = (part.name if isinstance(part, FilePart) else "") or part.url
    ending = named.partition("?")[0].rpartition(".")[2].lower()
    found = _ENDINGS.get(ending, "image/jpeg" if isinstance(part, ImagePart) else "application/pdf")
    losses.note(f"{place}.media_type", f"the type of the file is not told; it goes as {found}", "low")
    return found
