"""Anthropic Messages: reading content blocks."""

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
from weighbridge.dialects.anthropic_messages.citations import read_citations
from weighbridge.dialects.anthropic_messages.common import NAME, as_json_text, keep, take_cache, take_content
from weighbridge.dialects.anthropic_messages.media import file_source, image_source, read_source
from weighbridge.dialects.strict import MisfitError, misfit, take_text

_PLAIN_TEXT = 2  # keys: type and text


def read_block(raw: Any, made_id: str) -> Part:
    """Read one content block. A type that is not known here is kept whole.

    Args:
        raw: The block.
        made_id: The id of a tool call that has none.

    Raises:
        MisfitError: It cannot be read; the path starts at the block.
    """
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "")
    kind = raw.get("type")
    if type(kind) is not str or not kind:
        raise misfit(kind, "text", "type") if kind is not None else MisfitError("It is missing.", "Give text.", "type")
    if kind == "text" and len(raw) == _PLAIN_TEXT and type(raw.get("text")) is str:
        return TextPart(raw["text"])
    read = _READERS.get(kind)
    if read is None:
        return OpaquePart(NAME, raw)
    rest = {k: v for k, v in raw.items() if k != "type"}
    if kind == "tool_use" and not rest.get("id"):
        return _read_call(rest, raw, made_id)
    return read(rest, raw)


def _read_text(rest: dict[str, Any], raw: dict[str, Any]) -> Part:
    text = rest.pop("text", None)
    if type(text) is not str:
        raise misfit(text, "text", "text") if "text" in raw else MisfitError("It is missing.", "Give text.", "text")
    form: dict[str, Any] = {}
    citations = read_citations(rest, form)
    cache = take_cache(rest, form)
    return TextPart(text, keep(rest, form), citations, cache=cache)


def _read_image(rest: dict[str, Any], raw: dict[str, Any]) -> Part:
    said = read_source(rest.pop("source", None))
    if said is None:
        return OpaquePart(NAME, raw)
    form: dict[str, Any] = {}
    cache = take_cache(rest, form)
    part = ImagePart(**said, cache=cache)
    if image_source(part) != raw["source"]:
        form["source"] = raw["source"]
    return msgspec.structs.replace(part, extra=keep(rest, form)) if rest or form else part


def _read_document(rest: dict[str, Any], raw: dict[str, Any]) -> Part:
    said = read_source(rest.pop("source", None))
    if said is None:
        return OpaquePart(NAME, raw)
    form: dict[str, Any] = {}
    cache = take_cache(rest, form)
    part = FilePart(**said, name=take_text(rest, "title"), cache=cache)
    if file_source(part) != raw["source"]:
        form["source"] = raw["source"]
    return msgspec.structs.replace(part, extra=keep(rest, form)) if rest or form else part


def _read_search_result(rest: dict[str, Any], raw: dict[str, Any]) -> Part:
    """A passage that was found: its text is understood everywhere, the rest stays beside it."""
    form: dict[str, Any] = {}
    cache = take_cache(rest, form)
    return TextPart(text_of(raw), keep({"block": raw}, form), cache=cache)


def text_of(raw: dict[str, Any]) -> str:
    """The text in a block that is kept whole behind a text part: a search result's; else none."""
    content = raw.get("content")
    if raw.get("type") != "search_result" or type(content) is not list:
        return ""
    texts = [item.get("text") for item in content if type(item) is dict]
    return "\n\n".join(text for text in texts if type(text) is str)


def _read_call(rest: dict[str, Any], raw: dict[str, Any], made_id: str = "") -> Part:
    form: dict[str, Any] = {}
    name, call_id = take_text(rest, "name"), take_text(rest, "id")
    if not name:
        raise MisfitError("It is missing.", "Give the name of a tool.", "name")
    if "input" not in rest:
        form["input"] = "absent"
    given = rest.pop("input", {})
    if type(given) is not dict:
        form["input"] = "any"
    arguments = "{}" if given == {} else as_json_text(given)
    cache = take_cache(rest, form)
    if not call_id:
        form["id"] = rest.pop("id") if "id" in raw else "absent"
    return ToolCallPart(call_id or made_id, name, arguments, keep(rest, form), cache=cache)


def _read_result(rest: dict[str, Any], raw: dict[str, Any]) -> Part:  # noqa: ARG001 - as every reader of a block
    form: dict[str, Any] = {}
    call_id = take_text(rest, "tool_use_id")
    if not call_id:
        raise MisfitError("It is missing.", "Give the id of the tool_use that this answers.", "tool_use_id")
    failed = rest.get("is_error")
    if type(failed) is bool:
        del rest["is_error"]
        if not failed:
            form["is_error"] = False
    parts = take_content(rest, form, _inside_result)
    cache = take_cache(rest, form)
    return ToolResultPart(call_id, tuple(parts), is_error=failed is True, extra=keep(rest, form), cache=cache)


def _inside_result(block: Any, place: int) -> TextPart | ImagePart | FilePart:
    """A tool's answer holds text, images and files: anything else is kept whole behind an empty text."""
    part = read_block(block, f"call_{place}")
    if isinstance(part, (TextPart, ImagePart, FilePart)):
        return part
    if isinstance(part, OpaquePart):
        return TextPart("", keep({"block": part.data}))
    raise MisfitError("It cannot stand in a tool's answer.", "Give text, image, document or search_result.", "type")


def _read_thinking(rest: dict[str, Any], raw: dict[str, Any]) -> Part:
    form: dict[str, Any] = {}
    text = rest.pop("thinking", None)
    if type(text) is not str:
        if text is not None or "thinking" in raw:
            raise misfit(text, "text", "thinking")
        form["thinking"], text = "absent", ""
    signature = rest.get("signature")
    if type(signature) is str and signature:
        del rest["signature"]
        return ReasoningPart(text, (Blob(NAME, signature, "signature"),), keep(rest, form))
    form["signature"] = rest.pop("signature") if "signature" in rest else "absent"
    return ReasoningPart(text, (), keep(rest, form))


def _read_redacted(rest: dict[str, Any], raw: dict[str, Any]) -> Part:
    data = take_text(rest, "data")
    return ReasoningPart("", (Blob(NAME, data, "redacted"),), keep(rest)) if data else OpaquePart(NAME, raw)


_READERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Part]] = {
    "text": _read_text,
    "image": _read_image,
    "document": _read_document,
    "search_result": _read_search_result,
    "tool_use": _read_call,
    "tool_result": _read_result,
    "thinking": _read_thinking,
    "redacted_thinking": _read_redacted,
}
