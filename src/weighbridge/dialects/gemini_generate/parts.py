"""Gemini: the parts of a content, read one by one and written as objects of the wire."""

from __future__ import annotations

from collections.abc import Callable
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
from weighbridge.dialects.gemini_generate.form import (
    NAME,
    keep,
    missing,
    spellings,
    take_list,
    take_object,
    text_of,
    unify,
)
from weighbridge.dialects.gemini_generate.ids import CallLog
from weighbridge.dialects.gemini_generate.media import read_media
from weighbridge.dialects.strict import MisfitError, each, misfit, take, take_text

NAMES = spellings("inlineData", "fileData", "functionCall", "functionResponse", "thoughtSignature")
_ENCODE = msgspec.json.Encoder().encode


def compact(value: Any) -> str:
    """A JSON value as text."""
    return _ENCODE(value).decode()


def read_part(raw: Any, calls: CallLog) -> Part:
    """Read one part. What only this dialect knows (executed code, a host's own tools) stays whole.

    Raises:
        MisfitError: A field has the wrong type; the path starts at the part.
    """
    if type(raw) is not dict:
        raise misfit(raw, "an object, such as {text}", "")
    if len(raw) == 1 and type(raw.get("text")) is str:
        return TextPart(raw["text"])
    rest, told = unify(raw, NAMES)
    form: dict[str, Any] = {"snake": told} if told else {}
    for key, reader in _READERS.items():
        if rest.get(key) is not None:
            return reader(rest, form, _take_seal(rest), calls)
    if rest.keys() <= {"thought", "thoughtSignature"} and rest.get("thoughtSignature"):
        return _read_text(rest, form, _take_seal(rest), calls)
    return OpaquePart(NAME, raw)


def _take_seal(rest: dict[str, Any]) -> tuple[Blob, ...]:
    seal = take_text(rest, "thoughtSignature")
    return (Blob(NAME, seal, "signature"),) if seal else ()


def _read_text(rest: dict[str, Any], form: dict[str, Any], blobs: tuple[Blob, ...], _: CallLog) -> Part:
    text = text_of(rest, "text")
    if "text" not in rest:
        form["text"] = "absent"
    rest.pop("text", None)
    if rest.get("thought") is True:
        del rest["thought"]
        return ReasoningPart(text, blobs, keep(rest, form))
    return TextPart(text, keep(rest, form), blobs=blobs)


def _read_inline(rest: dict[str, Any], form: dict[str, Any], blobs: tuple[Blob, ...], _: CallLog) -> Part:
    return read_media(rest, "inlineData", form, blobs)


def _read_file(rest: dict[str, Any], form: dict[str, Any], blobs: tuple[Blob, ...], _: CallLog) -> Part:
    return read_media(rest, "fileData", form, blobs)


def _read_call(rest: dict[str, Any], form: dict[str, Any], blobs: tuple[Blob, ...], calls: CallLog) -> Part:
    inner = take_object(rest, "functionCall")
    try:
        name = take_text(inner, "name")
        if not name:
            raise missing("name", "Give the function's name.")
        made_id = take_text(inner, "id")
        arguments = "{}"
        if inner.get("args") is None:
            form["args"] = "null" if "args" in inner else "absent"
        else:
            arguments = compact(take(inner, "args", dict, "an object"))
    except MisfitError as error:
        raise error.under("functionCall") from None
    if not made_id:
        form["id"] = "absent"
    if inner:
        form["inner"] = inner
    return ToolCallPart(calls.call(made_id, name), name, arguments, keep(rest, form), blobs)


def _read_result(rest: dict[str, Any], form: dict[str, Any], blobs: tuple[Blob, ...], calls: CallLog) -> Part:
    inner = take_object(rest, "functionResponse")
    try:
        name = take_text(inner, "name")
        made_id = take_text(inner, "id")
        said, failed = _read_response(inner, form)
        media = _read_result_media(inner, form)
    except MisfitError as error:
        raise error.under("functionResponse") from None
    if not made_id:
        form["id"] = "absent"
    if not name:
        form["name"] = "absent"
    if inner:
        form["inner"] = inner
    texts = () if said is None else (TextPart(said),)
    return ToolResultPart(calls.answer(made_id, name), texts + media, name, failed, keep(rest, form), blobs)


def _read_response(inner: dict[str, Any], form: dict[str, Any]) -> tuple[str | None, bool]:
    """A tool's answer as text, and whether it tells an error. Where it is more than one text, it is JSON."""
    if inner.get("response") is None:
        form["response"] = "absent"
        return None, False
    response = take(inner, "response", dict, "an object")
    if len(response) == 1:
        for key in ("output", "error"):
            if type(response.get(key)) is str:
                return response[key], key == "error"
    form["response"] = "json"
    return compact(response), False


def _read_result_media(inner: dict[str, Any], form: dict[str, Any]) -> tuple[TextPart | ImagePart | FilePart, ...]:
    found: list[TextPart | ImagePart | FilePart] = []
    if type(inner.get("parts")) is dict:
        form["parts"] = "object"
    raws = take_list(inner, "parts", "a list of parts")
    if raws == []:
        form["parts"] = "list"
    parts = each(raws or (), lambda raw: read_part(raw, CallLog()), "parts")
    for raw, part in zip(raws or (), parts, strict=True):
        if isinstance(part, (ImagePart, FilePart)):
            found.append(part)
        else:
            found.append(TextPart("", keep({}, {"raw": raw})))
    return tuple(found)


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any], tuple[Blob, ...], CallLog], Part]] = {
    "functionCall": _read_call,
    "functionResponse": _read_result,
    "inlineData": _read_inline,
    "fileData": _read_file,
    "text": _read_text,
}
