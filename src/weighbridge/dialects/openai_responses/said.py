"""OpenAI Responses: writing what an assistant said as items, in a request's history and in an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from weighbridge.canon import Blob, ImagePart, OpaquePart, Part, ReasoningPart, ToolCallPart
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_responses.items import reasoning_text
from weighbridge.dialects.openai_responses.parts import EXTRAS, NAME, SAID, ContentWriter, form_of, made_id


def is_plain(content: list[dict[str, Any]], usual: str) -> bool:
    """Is this content a single text, which may stand as it is?"""
    return len(content) == 1 and len(content[0]) == 2 and content[0].get("type") == usual and "text" in content[0]  # noqa: PLR2004 - type and text


class SaidWriter:
    """Writes the parts of one assistant's turn as items.

    Args:
        losses: Takes what cannot be written.
        content: Writes texts.
        call_id: Gives a tool call's id as the engine takes it.
        next_id: Makes the next id for an item of a kind (`msg`, `rs`, `fc`, `ig`); None in a request, where items need
            none. With it, items are whole ones of an answer.
        replays: Must the engine see thinking again that another one did?
    """

    def __init__(
        self,
        losses: Losses,
        content: ContentWriter,
        *,
        call_id: Callable[[str], str] = str,
        next_id: Callable[[str], str] | None = None,
        replays: bool = False,
    ) -> None:
        self._losses = losses
        self._content = content
        self._call_id = call_id
        self._next_id = next_id
        self._replays = replays
        self._out: list[dict[str, Any]] = []
        self._open: dict[str, Any] | None = None
        self._shape = ""

    def items(self, parts: Sequence[Part], place: str) -> list[dict[str, Any]]:
        """The items of these parts, in their order."""
        self._out = []
        for i, part in enumerate(parts):
            self._part(part, f"{place}.parts[{i}]")
        self._shut()
        return self._out

    def _part(self, part: Part, place: str) -> None:
        match part:
            case OpaquePart() if "part" not in part.data or part.dialect != NAME:
                self._opaque(part, place)
            case ReasoningPart():
                self._shut()
                self._reasoning(part, place)
            case ToolCallPart():
                self._shut()
                self._out.append(self._call(part, place))
            case ImagePart() if self._next_id and part.data:
                self._shut()
                made = {"type": "image_generation_call", "id": self._next_id("ig")}
                self._out.append({**made, "status": "completed", "result": part.data})
            case _:
                self._say(part, place)

    def _opaque(self, part: OpaquePart, place: str) -> None:
        if part.dialect == NAME:
            self._shut()
            self._out.append(part.data)
        else:
            self._losses.note(place, f"{NAME} has no place for this part of {part.dialect}", "high")

    def _say(self, part: Part, place: str) -> None:
        """Add to the open message, or begin one."""
        form = form_of(part)
        written = None if "empty" in form else self._content.part(part, SAID, place)
        if written is None and "item" not in form:
            return
        if self._open is None or "item" in form:
            self._shut()
            self._open = self._begin(part, form)
            self._shape = form.get("shape", "" if "item" in form else "list")
        if written is not None:
            self._open["content"].append(written)

    def _begin(self, part: Part, form: dict[str, Any]) -> dict[str, Any]:
        begun: dict[str, Any] = {"role": "assistant", "content": []}
        if "item" in form:
            fields = {} if isinstance(part, OpaquePart) else EXTRAS.fields(part.extra)
            begun |= {k: fields[k] for k in form.get("of_item", ()) if k in fields} | form["item"]
        else:  # told in full: some servers take what an assistant said in no shorter form
            begun = {"type": "message", **begun}
            if self._next_id:
                begun |= {"id": self._next_id("msg"), "status": "completed"}
        return begun

    def _shut(self) -> None:
        """End the open message. A single text that stood alone stands alone again."""
        item, self._open = self._open, None
        if item is None:
            return
        shape = self._shape or ("list" if self._next_id else "")
        if shape != "list" and is_plain(item["content"], SAID):
            item["content"] = item["content"][0]["text"]
        elif not shape:
            item["type"] = "message"
        self._out.append(item)

    def _call(self, part: ToolCallPart, place: str) -> dict[str, Any]:
        self._losses.foreign(part.extra, place)
        form = EXTRAS.form_of(part.extra)
        out = {**EXTRAS.fields(part.extra), "type": "function_call", **form.get("item", {})}
        if not form and self._next_id:
            out |= {"id": self._next_id("fc"), "status": "completed"}
        if "call_id" not in form:
            out["call_id"] = self._call_id(part.id)
        out["name"] = part.name
        if form.get("arguments") != "absent" or part.arguments:
            out["arguments"] = _arguments(part.arguments) if form.get("arguments") == "json" else part.arguments
        if not self._next_id:
            self._unsealed(part.blobs, place)
            uncached(part.cache, place, self._losses)
        return out

    def _unsealed(self, blobs: tuple[Blob, ...], place: str) -> None:
        if blobs:
            self._losses.note(f"{place}.blobs", "a seal goes back to its issuer only", "low")

    def _reasoning(self, part: ReasoningPart, place: str) -> None:
        self._losses.foreign(part.extra, place)
        blobs = part.blobs if self._next_id else tuple(b for b in part.blobs if b.issuer == NAME)
        if len(blobs) < len(part.blobs):
            self._unsealed(part.blobs, place)
        form = EXTRAS.form_of(part.extra)
        sealed_elsewhere = bool(part.blobs) and not blobs
        if "item" in form and not sealed_elsewhere:
            self._out.append(_as_read(part, blobs, form))
        elif self._next_id:
            self._out += [self._whole(part.text, blobs[0] if blobs else None), *(self._whole("", b) for b in blobs[1:])]
        elif blobs:
            self._out += [_sealed(part.text, blobs[0]), *(_sealed("", blob) for blob in blobs[1:])]
        elif self._replays and part.text:
            told = {"summary": [], "content": [{"type": "reasoning_text", "text": part.text}]}
            self._out.append({"type": "reasoning", "id": made_id("rs", part.text), **told})
        elif part.text:
            self._losses.note(place, "the engine need not see thinking that it did not do", "low")

    def _whole(self, text: str, blob: Blob | None) -> dict[str, Any]:
        assert self._next_id
        made = self._next_id("rs")
        if blob is None:
            return {"type": "reasoning", "id": made, "summary": summary(text)}
        return {**_sealed(text, blob), "id": blob.id or made}


def uncached(cache: str, place: str, losses: Losses) -> None:
    """Note a cache marker where none can stand."""
    if cache:
        losses.note(f"{place}.cache", f"{NAME} caches prompts by itself", "low")


def summary(text: str) -> list[dict[str, Any]]:
    """A text of thinking, as a reasoning item tells it."""
    return [{"type": "summary_text", "text": text}] if text else []


def _sealed(text: str, blob: Blob) -> dict[str, Any]:
    """Sealed reasoning keeps the id under which it was sealed; without one it has none."""
    out: dict[str, Any] = {"type": "reasoning", "summary": summary(text), "encrypted_content": blob.data}
    if blob.id:
        out["id"] = blob.id
    return out


def _as_read(part: ReasoningPart, blobs: tuple[Blob, ...], form: dict[str, Any]) -> dict[str, Any]:
    out = {**EXTRAS.fields(part.extra), "type": "reasoning", **form["item"]}
    out |= {key: form[key] for key in ("summary", "content") if key in form}
    if reasoning_text(form) != part.text:  # it was changed since
        if reasoning_text({"content": form.get("content")}):
            out["content"] = [{"type": "reasoning_text", "text": part.text}]
        else:
            out["summary"] = summary(part.text)
    if blobs:
        out["encrypted_content"] = blobs[0].data
        if blobs[0].id:
            out["id"] = blobs[0].id
    return out


def _arguments(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
