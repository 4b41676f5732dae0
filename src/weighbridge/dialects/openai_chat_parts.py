"""OpenAI Chat: the parts of a message's content, and where its fields that the canon does not know are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from weighbridge.canon import FilePart, ImagePart, Loss, OpaquePart, Part, ReasoningPart, TextPart
from weighbridge.dialects.extras import Extras, Losses
from weighbridge.dialects.strict import MisfitError, misfit, take, take_text

NAME = "openai-chat"
EXTRAS = Extras(NAME)
#: Under this key of `extra` stand details of form, see `dialects.base`.
FORM = EXTRAS.form
keep = EXTRAS.keep

_AUDIO_FORMATS = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}


def read_content(rest: dict[str, Any], form: dict[str, Any]) -> list[Part]:
    """Take `content` out of a message: text, a list of parts, or nothing."""
    content = rest.get("content")
    if type(content) is str:
        del rest["content"]
        return [TextPart(content)]
    if content is None:
        if "content" in rest:
            del rest["content"]
        else:
            form["content"] = "absent"
        return []
    if type(content) is not list:
        raise misfit(content, "text or a list of parts", "content")
    del rest["content"]
    parts = []
    for i, raw in enumerate(content):
        try:
            parts.append(_read_part(raw))
        except MisfitError as error:
            raise error.under(f"content[{i}]") from None
    if not parts or (len(parts) == 1 and _is_plain(parts[0])):
        form["content"] = "list"
    return parts


def write_content(out: dict[str, Any], parts: Sequence[Part], form: dict[str, Any], place: str, losses: Losses) -> None:
    """Set `content` as it was read: plain text where one text is all, else a list; null where nothing is there."""
    shape = form.get("content")
    if not parts:
        if shape != "absent":
            out["content"] = [] if shape == "list" else None
    elif len(parts) == 1 and shape != "list" and _is_plain(parts[0]):
        out["content"] = parts[0].text  # type: ignore[union-attr]  # a plain part is a TextPart
    else:
        written = (_write_part(p, f"{place}.content[{i}]", losses) for i, p in enumerate(parts))
        out["content"] = [p for p in written if p is not None]


def _is_plain(part: Part) -> bool:
    return type(part) is TextPart and not part.extra


def _read_part(raw: Any) -> Part:
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "")
    name = raw.get("type")
    if name == "text" and type(raw.get("text")) is str:
        if len(raw) == 2:  # noqa: PLR2004 - type and text
            return TextPart(raw["text"])
        return TextPart(raw["text"], keep({k: v for k, v in raw.items() if k not in ("type", "text")}))
    if name == "text":
        raise misfit(raw.get("text"), "text", "text")
    if type(name) is not str:
        raise misfit(name, "the name of a kind of part, such as text", "type")
    rest = dict(raw)
    del rest["type"]
    reader = _READERS.get(name)
    found = reader(rest) if reader else None
    return found or OpaquePart(NAME, {"part": raw})


def _read_image(rest: dict[str, Any]) -> Part:
    source = take(rest, "image_url", (dict, str), "an object with a url")
    if source is None:
        raise misfit(None, "an object with a url", "image_url")
    form: dict[str, Any] = {}
    if type(source) is str:
        source = {"url": source}
        form["image_url"] = "text"
    inner = dict(source)
    try:
        url, detail = take_text(inner, "url"), take_text(inner, "detail")
    except MisfitError as error:
        raise error.under("image_url") from None
    if not url and "url" not in inner:
        raise misfit(None, "the image's url", "image_url.url")
    if inner:
        form["inner"] = inner
    media_type, data = _split(url)
    return ImagePart("" if data else url, data, media_type, detail, keep(rest, form))


def _read_file(rest: dict[str, Any]) -> Part | None:
    source = take(rest, "file", dict, "an object with file_id or file_data")
    if source is None:
        return None
    inner = dict(source)
    try:
        file_id, name = take_text(inner, "file_id"), take_text(inner, "filename")
        content = take_text(inner, "file_data")
    except MisfitError as error:
        raise error.under("file") from None
    form: dict[str, Any] = {"inner": inner} if inner else {}
    media_type, data = _split(content)
    url = ""
    if content.startswith(("https:", "http:")):
        url = content
    elif not data:
        data = content
    if media_type.startswith("audio/"):
        form["as"] = "file"
    return FilePart(file_id, url, data, media_type, name, keep(rest, form))


def _read_audio(rest: dict[str, Any]) -> Part | None:
    inner = dict(take(rest, "input_audio", dict, "an object with data and format") or {})
    data, name = inner.pop("data", None), inner.pop("format", None)
    if type(data) is not str or type(name) is not str or not data or not name or name in _AUDIO_FORMATS:
        return None
    return FilePart(data=data, media_type=f"audio/{name}", extra=keep(rest, {"inner": inner} if inner else None))


def _read_thinking(rest: dict[str, Any]) -> Part | None:
    steps = rest.get("thinking")
    if type(steps) is not list or len(rest) != 1:
        return None
    texts = [s["text"] for s in steps if type(s) is dict and len(s) == 2 and s.get("type") == "text" and "text" in s]  # noqa: PLR2004 - type and text
    if len(texts) != len(steps) or not all(type(t) is str for t in texts):
        return None
    return ReasoningPart("".join(texts), extra=keep({}, {"thinking": texts}))


_READERS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "image_url": _read_image,
    "file": _read_file,
    "input_audio": _read_audio,
    "thinking": _read_thinking,
}


def _split(url: str) -> tuple[str, str]:
    """The media type and the base64 text of a data URL; two empty texts where it is not exactly one."""
    if not url.startswith("data:"):
        return "", ""
    head, _, data = url.partition(";base64,")
    return (head[5:], data) if data and len(head) > len("data:") else ("", "")


def _write_part(part: Part, place: str, losses: Losses) -> dict[str, Any] | None:
    if isinstance(part, OpaquePart):
        if part.dialect == NAME and "part" in part.data:
            own: dict[str, Any] = part.data["part"]
            return own
        losses.add(Loss(place, f"{NAME} has no place for this part of {part.dialect}", "high"))
        return None
    extra = part.extra
    if extra:
        losses.foreign(extra, place)
    form: dict[str, Any] = extra.get(FORM) or {}
    if "raw" in form:
        raw: dict[str, Any] = form["raw"]
        return raw
    out = dict(extra.get(NAME) or {})
    match part:
        case TextPart():
            out.update(type="text", text=part.text)
        case ImagePart():
            _write_image(out, part, form)
        case FilePart():
            _write_file(out, part, form)
        case ReasoningPart():
            texts = form.get("thinking", [])
            texts = texts if "".join(texts) == part.text else [part.text]
            out.update(type="thinking", thinking=[{"type": "text", "text": t} for t in texts])
    return out


def _write_image(out: dict[str, Any], part: ImagePart, form: dict[str, Any]) -> None:
    url = f"data:{part.media_type or 'image/png'};base64,{part.data}" if part.data else part.url
    image = {"url": url, **(form.get("inner") or {})}
    if url:
        image["url"] = url
    if part.detail:
        image["detail"] = part.detail
    out.update(type="image_url", image_url=url if form.get("image_url") == "text" else image)


def _write_file(out: dict[str, Any], part: FilePart, form: dict[str, Any]) -> None:
    inner = dict(form.get("inner") or {})
    if part.data and part.media_type.startswith("audio/") and form.get("as") != "file":
        name = part.media_type.removeprefix("audio/")
        inner.update(data=part.data, format=_AUDIO_FORMATS.get(name, name))
        out.update(type="input_audio", input_audio=inner)
        return
    if part.file_id:
        inner["file_id"] = part.file_id
    if part.name:
        inner["filename"] = part.name
    if part.url:
        inner["file_data"] = part.url
    elif part.data:
        inner["file_data"] = f"data:{part.media_type};base64,{part.data}" if part.media_type else part.data
    out.update(type="file", file=inner)


def as_json_text(value: Any) -> str:
    """A JSON value as text; for arguments that a host sends as an object."""
    return msgspec.json.encode(value).decode()
