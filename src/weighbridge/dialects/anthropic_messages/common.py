"""Anthropic Messages: its name, its extras, cache markers and content, for all its modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from weighbridge.canon import Part, TextPart
from weighbridge.dialects.extras import Extras
from weighbridge.dialects.strict import each_at, misfit

NAME = "anthropic-messages"
EXTRAS = Extras(NAME)
FORM = EXTRAS.form
keep = EXTRAS.keep

_ENCODE = msgspec.json.Encoder().encode
_TTLS = ("5m", "1h")

P = TypeVar("P", bound=Part)


def encode(value: Any) -> bytes:
    """JSON bytes."""
    return _ENCODE(value)


def as_json_text(value: Any) -> str:
    """JSON text."""
    return _ENCODE(value).decode()


def take_cache(rest: dict[str, Any], form: dict[str, Any]) -> str:
    """Take a cache marker out of an object; one that is not understood stays there."""
    if "cache_control" not in rest:
        return ""
    raw = rest["cache_control"]
    cache = _cache_of(raw)
    if cache:
        del rest["cache_control"]
        if cache_marker(cache) != raw:
            form["cache"] = raw
    return cache


def _cache_of(raw: Any) -> str:
    if type(raw) is not dict or raw.get("type") != "ephemeral":
        return ""
    ttl = raw.get("ttl")
    return "default" if ttl is None else ttl if ttl in _TTLS else ""


def cache_marker(cache: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
    """A cache marker as it was read, or a new one."""
    told = form.get("cache") if form else None
    if told is not None and _cache_of(told) == cache:
        return dict(told)
    return {"type": "ephemeral", "ttl": cache} if cache in _TTLS else {"type": "ephemeral"}


def take_content(
    rest: dict[str, Any], form: dict[str, Any], read: Callable[[Any, int], P], field: str = "content"
) -> list[P | TextPart]:
    """Take content out of an object: text, or a list of blocks.

    Args:
        rest: The object.
        form: Takes what only this dialect needs, to write the same again.
        read: Reads one block; it is given the block and its place in the list.
        field: Where the content stands.

    Raises:
        MisfitError: It is neither, or a block cannot be read.
    """
    if field not in rest:
        form["content"] = "absent"
        return []
    raw = rest.pop(field)
    if type(raw) is str and raw:
        return [TextPart(raw)]
    if not raw and (raw is None or type(raw) in (str, list)):
        form["empty"] = raw
        return []
    if type(raw) is not list:
        raise misfit(raw, "text or a list of blocks", field)
    parts: list[P | TextPart] = [*each_at(raw, read, field)]
    if _is_plain(parts):
        form["content"] = "list"
    return parts


def _is_plain(parts: Sequence[Part]) -> bool:
    """Would these parts be written as one text?"""
    return (
        len(parts) == 1 and type(parts[0]) is TextPart and bool(parts[0].text) and parts[0] == TextPart(parts[0].text)
    )


def _is_bare(block: dict[str, Any]) -> bool:
    return block.get("type") == "text" and len(block) == 2 and bool(block.get("text"))  # noqa: PLR2004 - both fields


def put_content(
    out: dict[str, Any], blocks: list[dict[str, Any]], form: dict[str, Any], field: str = "content"
) -> None:
    """Set content as it was read: a single plain text as text, unless it was a list; none at all as it was told."""
    if not blocks:
        if "empty" in form:
            out[field] = form["empty"]
        elif form.get("content") != "absent":
            out[field] = []
    elif len(blocks) == 1 and form.get("content") != "list" and _is_bare(blocks[0]):
        out[field] = blocks[0]["text"]
    else:
        out[field] = blocks
