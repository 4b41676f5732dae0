"""OpenAI Chat: documents, sounds and films as parts of a message's content."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import FilePart, Part
from weighbridge.dialects.openai_chat.outgoing import NAME, Outgoing, keep, read_marker
from weighbridge.dialects.strict import MisfitError, take, take_text

_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}
_ENDINGS = {"text/plain": "txt", "text/markdown": "md", "application/msword": "doc"}
_LONGEST_ENDING = 8
_LINKS = ("https:", "http:")


def split_url(url: str) -> tuple[str, str]:
    """The media type and the base64 text of a data URL; two empty texts where it is not exactly one."""
    if not url.startswith("data:"):
        return "", ""
    head, _, data = url.partition(";base64,")
    return (head[5:], data) if data and len(head) > len("data:") else ("", "")


def join_url(media_type: str, data: str) -> str:
    """A data URL."""
    return f"data:{media_type};base64,{data}"


def read_file(rest: dict[str, Any]) -> Part | None:
    """A `file`. Some hosts take a link where OpenAI takes data."""
    source = take(rest, "file", dict, "an object with file_id or file_data")
    if source is None:
        return None
    inner = dict(source)
    try:
        file_id, name = take_text(inner, "file_id"), take_text(inner, "filename")
        content = take_text(inner, "file_data")
    except MisfitError as error:
        raise error.under("file") from None
    form: dict[str, Any] = {"as": "file"}
    if inner:
        form["inner"] = inner
    media_type, data = split_url(content)
    url = ""
    if content.startswith(_LINKS):
        url = content
    elif not data:
        data = content
    cache = read_marker(rest, form)
    return FilePart(file_id, url, data, media_type, name, keep(rest, form), cache=cache)


def read_audio(rest: dict[str, Any]) -> Part | None:
    """An `input_audio`, whose data some hosts want as a data URI."""
    inner = dict(take(rest, "input_audio", dict, "an object with data and format") or {})
    data, name = inner.pop("data", None), inner.pop("format", None)
    if type(data) is not str or type(name) is not str or not data or not name or name in _AUDIO_FORMATS:
        return None
    form: dict[str, Any] = {"inner": inner} if inner else {}
    if data.startswith("data:"):
        head, comma, data = data.partition(",")
        if not data:
            return None
        form["head"] = head + comma
    cache = read_marker(rest, form)
    return FilePart(data=data, media_type=f"audio/{name}", extra=keep(rest, form), cache=cache)


def read_video(rest: dict[str, Any]) -> Part | None:
    """A `video_url`, as several hosts take it."""
    return _read_linked(rest, "video_url", "video/mp4")


def read_document(rest: dict[str, Any]) -> Part | None:
    """A `document_url`, as Mistral takes it."""
    return _read_linked(rest, "document_url", "")


def _read_linked(rest: dict[str, Any], field: str, media_type: str) -> Part | None:
    source = rest.get(field)
    form: dict[str, Any] = {"as": field}
    if type(source) is dict and type(source.get("url")) is str:
        form["inner"] = {k: v for k, v in source.items() if k != "url"}
        source = source["url"]
    if type(source) is not str or not source:
        return None
    del rest[field]
    told, data = split_url(source)
    cache = read_marker(rest, form)
    url = "" if data else source
    return FilePart("", url, data, told or media_type, "", keep(rest, form), cache=cache)


def write_file(out: dict[str, Any], part: FilePart, form: dict[str, Any], place: str, to: Outgoing) -> bool:
    """Write a document, a sound or a film; False where there is no way to, which is then told."""
    shape = form.get("as") or ("video_url" if part.media_type.startswith("video/") and not part.file_id else "")
    if shape in ("video_url", "document_url"):
        url = join_url(part.media_type, part.data) if part.data else part.url
        out["type"] = shape
        out[shape] = url if "inner" not in form and form else {**form.get("inner", {}), "url": url}
        return True
    if part.data and part.media_type.startswith("audio/") and shape != "file":
        _write_audio(out, part, form, to)
        return True
    if part.url and shape != "file":
        to.losses.note(place, f"{NAME} takes a file as data or by its id, not by its URL", "high")
        return False
    inner = dict(form.get("inner") or {})
    if part.file_id:
        inner["file_id"] = part.file_id
    if part.name:
        inner["filename"] = part.name
    if part.url:
        inner["file_data"] = part.url
    elif part.data:
        inner["file_data"] = join_url(part.media_type, part.data) if part.media_type else part.data
        if shape != "file" and not part.name:
            inner["filename"] = f"document.{_ending(part.media_type)}"  # data without a name is refused
    out.update(type="file", file=inner)
    return True


def _write_audio(out: dict[str, Any], part: FilePart, form: dict[str, Any], to: Outgoing) -> None:
    name = part.media_type.removeprefix("audio/")
    uri = to.profile.audio_uri
    head = form.get("head", "")
    if uri is not None:
        head = (head or f"data:{part.media_type};base64,") if uri else ""
    inner = {**(form.get("inner") or {}), "data": head + part.data, "format": _AUDIO_FORMATS.get(name, name)}
    out.update(type="input_audio", input_audio=inner)


def _ending(media_type: str) -> str:
    ending = _ENDINGS.get(media_type) or media_type.rpartition("/")[2]
    return ending if ending.isalnum() and len(ending) <= _LONGEST_ENDING else "bin"
