"""OpenAI Responses: the parts of a message's content, and where its fields that the canon does not know are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from weighbridge.canon import FilePart, ImagePart, OpaquePart, Part, TextPart
from weighbridge.dialects.extras import Extras, Losses
from weighbridge.dialects.openai_responses.marks import read_annotation, write_annotations
from weighbridge.dialects.strict import each, misfit, take, take_text

NAME = "openai-responses"
EXTRAS = Extras(NAME)
#: Under this key of `extra` stand details of form, see `dialects.base`.
FORM = EXTRAS.form
keep = EXTRAS.keep

#: What texts are called by who says them.
SAID, GIVEN = "output_text", "input_text"
_TEXTS = frozenset({SAID, GIVEN, "text"})
_AUDIO = {"mpeg": "mp3", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav"}
_ENDINGS = {"text/plain": "txt", "text/markdown": "md", "text/csv": "csv"}
_EXPLICIT = {"mode": "explicit"}


def made_id(prefix: str, *seed: str) -> str:
    """An id that the same seed always gives again."""
    told = "\n".join(seed).encode("utf-8", "surrogatepass")
    return f"{prefix}_{hashlib.sha256(told).hexdigest()[:48]}"


def form_of(part: Part) -> dict[str, Any]:
    """What this dialect noted of a part's form; not to be changed."""
    return {} if isinstance(part, OpaquePart) else EXTRAS.form_of(part.extra)


def read_content(content: Any, usual: str, path: str) -> list[Part]:
    """The parts of a message, or of what a tool answered.

    Args:
        content: A text or a list of parts.
        usual: What texts are called here.
        path: Where it stands, for errors.
    """
    if type(content) is str:
        return [TextPart(content)]
    if type(content) is not list:
        raise misfit(content, "text or a list of parts", path)
    return each(content, lambda raw: _read_part(raw, usual), path)


def _read_part(raw: Any, usual: str) -> Part:
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "")
    name = raw.get("type")
    if type(name) is not str:
        raise misfit(name, f"the name of a kind of part, such as {usual}", "type")
    if name in _TEXTS:
        return _read_text(raw, name, usual)
    rest = dict(raw)
    del rest["type"]
    reader = _READERS.get(name)
    return (reader(rest) if reader else None) or OpaquePart(NAME, {"part": raw})


def _read_text(raw: dict[str, Any], name: str, usual: str) -> TextPart:
    text = raw.get("text")
    if type(text) is not str:
        raise misfit(text, "text", "text")
    form: dict[str, Any] = {} if name == usual else {"type": name}
    if usual == SAID and "annotations" not in raw:
        form["bare"] = True
    if len(raw) == 2:  # noqa: PLR2004 - type and text
        return TextPart(text, keep({}, form)) if form else TextPart(text)
    rest = {k: v for k, v in raw.items() if k not in ("type", "text")}
    for key in ("annotations", "logprobs"):
        if type(rest.get(key)) is list:
            form[key] = rest.pop(key)
    citations = tuple(read_annotation(each) for each in form.get("annotations", ()))
    return TextPart(text, cache=_take_cache(rest, form), extra=keep(rest, form), citations=citations)


def _take_cache(rest: dict[str, Any], form: dict[str, Any]) -> str:
    if type(rest.get("prompt_cache_breakpoint")) is not dict:
        return ""
    form["cache"] = rest.pop("prompt_cache_breakpoint")
    return "default"


def _read_refusal(rest: dict[str, Any]) -> Part:
    text = rest.pop("refusal", None)
    if type(text) is not str:
        raise misfit(text, "text", "refusal")
    return TextPart(text, keep(rest, {"type": "refusal"}))


def _read_image(rest: dict[str, Any]) -> Part:
    form: dict[str, Any] = {}
    url, file_id, detail = (take_text(rest, key) for key in ("image_url", "file_id", "detail"))
    if not detail:
        form["detail"] = "absent"
    media_type, data = split(url)
    cache = _take_cache(rest, form)
    return ImagePart("" if data else url, data, media_type, detail, keep(rest, form), file_id, cache=cache)


def _read_file(rest: dict[str, Any]) -> Part:
    form: dict[str, Any] = {}
    file_id, url, name, content = (take_text(rest, key) for key in ("file_id", "file_url", "filename", "file_data"))
    media_type, data = split(content)
    if not name:
        form["filename"] = "absent"
    if media_type.startswith("audio/"):
        form["as"] = "file"
    cache = _take_cache(rest, form)
    return FilePart(file_id, url, data or content, media_type, name, keep(rest, form), cache=cache)


def _read_audio(rest: dict[str, Any]) -> Part | None:
    inner = dict(take(rest, "input_audio", dict, "an object with data and format") or {})
    data, name = inner.pop("data", None), inner.pop("format", None)
    if type(data) is not str or type(name) is not str or not data or not name or name in _AUDIO:
        return None
    return FilePart(data=data, media_type=f"audio/{name}", extra=keep(rest, {"inner": inner} if inner else None))


_READERS: dict[str, Callable[[dict[str, Any]], Part | None]] = {
    "refusal": _read_refusal,
    "input_image": _read_image,
    "input_file": _read_file,
    "input_audio": _read_audio,
}


def split(url: str) -> tuple[str, str]:
    """The media type and the base64 text of a data URL; two empty texts where it is not exactly one."""
    if not url.startswith("data:"):
        return "", ""
    head, _, data = url.partition(";base64,")
    return (head[5:], data) if data and len(head) > len("data:") else ("", "")


class ContentWriter:
    """Writes parts of content.

    Args:
        losses: Takes what cannot be written.
        markers: Does the engine know cache markers?
        whole: Are they parts of an answer? Then its texts have every field that belongs to them.
    """

    def __init__(self, losses: Losses, *, markers: bool = False, whole: bool = False) -> None:
        self._losses = losses
        self._markers = markers
        self._whole = whole

    def parts(self, parts: Sequence[Part], usual: str, place: str) -> list[dict[str, Any]]:
        """All parts that have a place; each of the others is a loss."""
        written = (self.part(part, usual, f"{place}.content[{i}]") for i, part in enumerate(parts))
        return [part for part in written if part is not None]

    def part(self, part: Part, usual: str, place: str) -> dict[str, Any] | None:
        """One part, or None where it has no place."""
        if isinstance(part, OpaquePart):
            own = part.data.get("part") if part.dialect == NAME else None
            if type(own) is not dict:
                self._losses.note(place, f"{NAME} has no place for this part of {part.dialect}", "high")
            return own if type(own) is dict else None
        extra = part.extra
        form = EXTRAS.form_of(extra)
        if extra:
            self._losses.foreign(extra, place)
            if "raw" in form:
                raw: dict[str, Any] = form["raw"]
                return raw
        if part.blobs:
            self._losses.note(f"{place}.blobs", "a seal goes back to its issuer only", "low")
        out = {k: v for k, v in EXTRAS.fields(extra).items() if k not in form.get("of_item", ())}
        match part:
            case TextPart():
                self._text(out, part, usual, place)
            case ImagePart() if usual == GIVEN:
                _write_image(out, part, form)
            case FilePart() if usual == GIVEN:
                _write_file(out, part, form)
            case _:
                self._losses.note(place, "an answer holds texts only", "high")
                return None
        self._mark(out, part.cache, form, place)
        return out

    def _text(self, out: dict[str, Any], part: TextPart, usual: str, place: str) -> None:
        form = EXTRAS.form_of(part.extra)
        kind = form.get("type", usual)
        out["type"] = kind
        out["refusal" if kind == "refusal" else "text"] = part.text
        if kind == "refusal":
            return
        fresh = self._whole and not form
        annotations = write_annotations(part, form.get("annotations"), place, self._losses)
        if annotations or fresh or "annotations" in form:
            out["annotations"] = annotations
        if fresh or "logprobs" in form:
            out["logprobs"] = form.get("logprobs", [])

    def _mark(self, out: dict[str, Any], cache: str, form: dict[str, Any], place: str) -> None:
        if not cache:
            return
        if "cache" in form:
            out["prompt_cache_breakpoint"] = form["cache"]
        elif self._markers:
            out["prompt_cache_breakpoint"] = _EXPLICIT
        else:
            self._losses.note(f"{place}.cache", f"{NAME} caches prompts by itself", "low")


def _write_image(out: dict[str, Any], part: ImagePart, form: dict[str, Any]) -> None:
    url = f"data:{part.media_type or 'image/png'};base64,{part.data}" if part.data else part.url
    out["type"] = "input_image"
    named = {"image_url": url, "file_id": part.file_id, "detail": part.detail}
    out.update((key, value) for key, value in named.items() if value)
    if "detail" not in form:
        out.setdefault("detail", "auto")


def _write_file(out: dict[str, Any], part: FilePart, form: dict[str, Any]) -> None:
    if part.data and part.media_type.startswith("audio/") and form.get("as") != "file":
        name = part.media_type.removeprefix("audio/")
        sound = {**form.get("inner", {}), "data": part.data, "format": _AUDIO.get(name, name)}
        out.update(type="input_audio", input_audio=sound)
        return
    content = f"data:{part.media_type};base64,{part.data}" if part.data and part.media_type else part.data
    name = part.name
    if content and not name and "filename" not in form:
        ending = _ENDINGS.get(part.media_type, part.media_type.rpartition("/")[2])
        name = f"file.{ending}" if ending.isalnum() else "file"
    out["type"] = "input_file"
    named = {"file_id": part.file_id, "file_url": part.url, "filename": name, "file_data": content}
    out.update((key, value) for key, value in named.items() if value)
