"""OpenAI Chat: an answer's thinking, for which each host has fields of its own.

Its text stands in `reasoning_content` or `reasoning`; what is sealed stands in `reasoning_details`, with or without the
text once more. Those details are items with an index, and one index is one piece of thinking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from weighbridge.canon import Blob, Part, ReasoningPart
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing, keep

FIELDS = ("reasoning_content", "reasoning")
_TEXTS = ("text", "summary")


class _Piece(Struct):
    """The items of one index. `text` is None where none of them has a text."""

    items: list[Any]
    text: str | None
    blobs: tuple[Blob, ...]


def item_text(item: Any) -> str:
    """The thinking that stands in an item of the details."""
    if type(item) is not dict:
        return ""
    return next((item[key] for key in _TEXTS if type(item.get(key)) is str and item[key]), "")


def item_blobs(item: Any) -> tuple[Blob, ...]:
    """What is sealed in an item of the details."""
    if type(item) is not dict:
        return ()
    made_id, label = (value if type(value := item.get(key)) is str else "" for key in ("id", "format"))
    found = []
    if type(item.get("signature")) is str and item["signature"]:
        found.append(Blob(NAME, item["signature"], "signature", made_id, label))
    if type(item.get("data")) is str and item["data"]:
        kind = str(item.get("type", "")).removeprefix("reasoning.")
        found.append(Blob(NAME, item["data"], kind, made_id, label))
    return tuple(found)


def read_reasoning(rest: dict[str, Any]) -> list[Part]:
    """Take the thinking out of a message."""
    told = [name for name in FIELDS if type(rest.get(name)) is str]
    if not told and "reasoning_details" not in rest:
        return []
    text = rest.pop(told[0]) if told else ""
    if len(told) > 1 and rest[told[1]] == text:
        del rest[told[1]]  # some hosts tell it under both names
    else:
        told = told[:1]
    pieces = _pieces(rest.get("reasoning_details"))
    if not told and not pieces:
        return []
    form: dict[str, Any] = {}
    if told != ["reasoning_content"] or not text:
        form["field"] = told
    if not pieces:
        return [ReasoningPart(text, extra=keep({}, form))]
    del rest["reasoning_details"]
    if told and not text:
        form["empty"] = True
    return _parts(text, pieces, form)


def _pieces(details: Any) -> list[_Piece]:
    """The details by their index; none where nothing of them is understood."""
    if type(details) is not list or not details:
        return []
    pieces: list[_Piece] = []
    last: Any = None
    for item in details:
        index = item.get("index") if type(item) is dict else None
        text, blobs = item_text(item), item_blobs(item)
        if pieces and (index == last or index is None):
            piece = pieces[-1]
            piece.items.append(item)
            piece.text = (piece.text or "") + text if text else piece.text
            piece.blobs += blobs
        else:
            pieces.append(_Piece([item], text or None, blobs))
        last = last if index is None else index
    return pieces if any(p.text or p.blobs for p in pieces) else []


def _parts(text: str, pieces: list[_Piece], form: dict[str, Any]) -> list[Part]:
    """One part for each piece, where it can be told which text is whose; else one for all."""
    texts = [piece.text or "" for piece in pieces]
    if text and pieces[0].text is None and text.endswith("".join(texts)):
        texts[0] = text.removesuffix("".join(texts))  # our own streams tell the text of the first piece once
    joined = "".join(texts)
    if text and text != joined:
        items = [item for piece in pieces for item in piece.items]
        blobs = tuple(blob for piece in pieces for blob in piece.blobs)
        return [ReasoningPart(text, blobs, keep({}, {**form, "details": items, "text": text}))]
    parts: list[Part] = []
    for piece, own in zip(pieces, texts, strict=True):
        kept = {"details": piece.items} if own == (piece.text or "") else {"details": piece.items, "text": own}
        parts.append(ReasoningPart(own, piece.blobs, keep({}, {**form, **kept})))
        form = {}
    return parts


def write_reasoning(out: dict[str, Any], parts: Sequence[ReasoningPart], place: str, to: Outgoing) -> None:
    """Set what was thought."""
    form: dict[str, Any] = next((f for p in parts if "field" in (f := p.extra.get(FORM) or {})), {})
    text = "".join(part.text for part in parts)
    details: list[Any] = []
    for number, part in enumerate(parts):
        to.losses.foreign(part.extra, place)
        details += _details(part, number, place, to)
    named = _names(form.get("field"), text, details, to)
    for name in named:
        out[name] = "" if form.get("empty") and details else text
    if details:
        out["reasoning_details"] = details


def _names(told: list[str] | None, text: str, details: list[Any], to: Outgoing) -> Sequence[str]:
    """The fields that take the text."""
    if to.profile.reasoning_field:
        return (to.profile.reasoning_field,) if text else ()
    if told is not None and (told or not text or any(map(item_text, details))):
        return told
    return ("reasoning_content",) if text else ()


def _details(part: ReasoningPart, number: int, place: str, to: Outgoing) -> list[dict[str, Any]]:
    blobs = to.seals(part.blobs, f"{place}.reasoning")
    form = part.extra.get(FORM) or {}
    told: list[dict[str, Any]] | None = form.get("details")
    if told is None:
        return write_details(blobs, part.text, number)
    before = form.get("text")
    same = part.text == ("".join(map(item_text, told)) if before is None else before)
    if same and blobs == tuple(b for item in told for b in item_blobs(item)):
        return told
    sealed = {blob.data for blob in blobs}
    known: set[str] = set()
    kept = []
    text: str | None = part.text
    for raw in told:
        item = _item(raw, text, sealed)
        if item is None:
            continue
        known |= {blob.data for blob in item_blobs(item)}
        if item_text(raw):
            text = None  # it stands in the first item that had a text
        kept.append(item)
    return kept + write_details(tuple(b for b in blobs if b.data not in known), "", number)


def _item(raw: Any, text: str | None, sealed: set[str]) -> dict[str, Any] | None:
    """An item as it may be told now; None where nothing is left of it."""
    if type(raw) is not dict:
        return None
    item = dict(raw)
    for key in ("signature", "data"):
        if type(item.get(key)) is str and item[key] and item[key] not in sealed:
            del item[key]
    for key in _TEXTS:
        if type(item.get(key)) is str and item[key]:
            item[key] = text or ""
    return item if item_text(item) or item_blobs(item) else None


def write_details(blobs: Sequence[Blob], text: str, index: int) -> list[dict[str, Any]]:
    """Sealed thinking as items of the details; a signature stands with the text that it signs."""
    found = []
    for blob in blobs:
        item: dict[str, Any]
        if blob.kind == "signature":
            item = {"type": "reasoning.text", "text": text, "signature": blob.data}
            text = ""
        else:
            item = {"type": f"reasoning.{blob.kind or 'encrypted'}", "data": blob.data}
        if blob.id:
            item["id"] = blob.id
        if blob.format:
            item["format"] = blob.format
        item["index"] = index
        found.append(item)
    return found
