"""OpenAI Chat: the parts of a message's content."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from weighbridge.canon import FilePart, ImagePart, OpaquePart, Part, ReasoningPart, TextPart
from weighbridge.dialects.openai_chat.files import (
    join_url,
    read_audio,
    read_document,
    read_file,
    read_video,
    split_url,
    write_file,
)
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing, keep, read_marker
from weighbridge.dialects.strict import MisfitError, each, misfit, take, take_text


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
    parts = each(content, _read_part, "content")
    if not parts or (len(parts) == 1 and is_plain(parts[0])):
        form["content"] = "list"
    return parts


def write_content(out: dict[str, Any], parts: Sequence[Part], form: dict[str, Any], place: str, to: Outgoing) -> None:
    """Set `content` as it was read: plain text where one text is all, else a list; null where nothing is there."""
    shape = form.get("content")
    if not parts:
        if shape != "absent":
            out["content"] = [] if shape == "list" else None
        return
    if len(parts) == 1 and shape != "list" and is_plain(parts[0]):
        out["content"] = parts[0].text  # type: ignore[union-attr]  # a plain part is a TextPart
        return
    found = [w for i, p in enumerate(parts) if (w := write_part(p, f"{place}.content[{i}]", to)) is not None]
    bare = len(found) == 1 and len(found[0]) == 2 and found[0]["type"] == "text"  # noqa: PLR2004 - type and text
    if not found:
        out["content"] = ""  # all that it held has been dropped, and told
    elif bare and shape != "list" and not to.own:
        out["content"] = found[0]["text"]
    else:
        out["content"] = found


def is_plain(part: Part) -> bool:
    """Is it a text with nothing about it?"""
    return type(part) is TextPart and not part.extra and not part.cache


def _read_part(raw: Any) -> Part:
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "")
    name = raw.get("type")
    if name == "text" and type(raw.get("text")) is str:
        if len(raw) == 2:  # noqa: PLR2004 - type and text
            return TextPart(raw["text"])
        rest = {k: v for k, v in raw.items() if k not in ("type", "text")}
        form: dict[str, Any] = {}
        cache = read_marker(rest, form)
        return TextPart(raw["text"], keep(rest, form), cache=cache)
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
    media_type, data = split_url(url)
    cache = read_marker(rest, form)
    return ImagePart("" if data else url, data, media_type, detail, keep(rest, form), cache=cache)


def _read_refusal(rest: dict[str, Any]) -> Part | None:
    text = rest.pop("refusal", None)
    return TextPart(text, keep(rest, {"as": "refusal"})) if type(text) is str else None


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
    "file": read_file,
    "input_audio": read_audio,
    "video_url": read_video,
    "document_url": read_document,
    "refusal": _read_refusal,
    "thinking": _read_thinking,
}


def write_part(part: Part, place: str, to: Outgoing) -> dict[str, Any] | None:
    """One part of a list; None where there is no place for it, which is then told."""
    if isinstance(part, OpaquePart):
        return _write_opaque(part, place, to)
    extra = part.extra
    if extra:
        to.losses.foreign(extra, place)
    form: dict[str, Any] = extra.get(FORM) or {}
    if "raw" in form:
        raw: dict[str, Any] = form["raw"]
        return raw
    out = dict(extra.get(NAME) or {})
    if not _write_kind(out, part, form, place, to):
        return None
    if isinstance(part, (TextPart, ImagePart, FilePart)):
        to.seals(part.blobs, place)
        if (marker := to.marker(part.cache, form, place)) is not None:
            out["cache_control"] = marker
    return out


def _write_opaque(part: OpaquePart, place: str, to: Outgoing) -> dict[str, Any] | None:
    if part.dialect == NAME and "part" in part.data:
        own: dict[str, Any] = part.data["part"]
        return own
    to.losses.note(place, f"{NAME} has no place for this part of {part.dialect}", "high")
    return None


def _write_kind(out: dict[str, Any], part: Part, form: dict[str, Any], place: str, to: Outgoing) -> bool:
    """What each kind of part has of its own; False where there is no way to tell it."""
    match part:
        case TextPart():
            name = "refusal" if form.get("as") == "refusal" else "text"
            out["type"] = name
            out[name] = part.text
        case ImagePart():
            return _write_image(out, part, form, place, to)
        case FilePart():
            return write_file(out, part, form, place, to)
        case ReasoningPart():
            texts = form.get("thinking", [])
            texts = texts if "".join(texts) == part.text else [part.text]
            out.update(type="thinking", thinking=[{"type": "text", "text": t} for t in texts])
    return True


def _write_image(out: dict[str, Any], part: ImagePart, form: dict[str, Any], place: str, to: Outgoing) -> bool:
    if part.file_id and not (part.data or part.url):
        to.losses.note(place, f"{NAME} takes an image as a URL or as data, not by a file's id", "high")
        return False
    url = join_url(part.media_type or "image/png", part.data) if part.data else part.url
    image = {"url": url, **(form.get("inner") or {})}
    if url:
        image["url"] = url
    if part.detail:
        image["detail"] = part.detail
    out.update(type="image_url", image_url=url if form.get("image_url") == "text" else image)
    return True


def as_json_text(value: Any) -> str:
    """A JSON value as text; for arguments that a host sends as an object."""
    return msgspec.json.encode(value).decode()
