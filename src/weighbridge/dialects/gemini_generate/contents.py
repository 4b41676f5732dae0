"""Gemini: the turns of a conversation, and the system's instruction that stands beside them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weighbridge.canon import FilePart, ImagePart, Message, Part, TextPart, ToolCallPart, ToolResultPart
from weighbridge.dialects.gemini_generate.form import FORM, NAME, keep, take_list
from weighbridge.dialects.gemini_generate.ids import CallLog
from weighbridge.dialects.gemini_generate.parts import read_part
from weighbridge.dialects.gemini_generate.said import PartWriter
from weighbridge.dialects.strict import MisfitError, each, misfit, take_text
from weighbridge.errors import did_you_mean

_ROLES = {"user": "user", "model": "assistant", "function": "user", "tool": "user"}


def read_system(raw: Any) -> Message:
    """Read `systemInstruction`: an object with parts, or just a text.

    Raises:
        MisfitError: It is something else.
    """
    if type(raw) is str:
        return Message("system", (TextPart(raw),), extra=keep({}, {"system": "text"}))
    if type(raw) is not dict:
        raise misfit(raw, "an object with parts, or a text", "")
    rest = dict(raw)
    form: dict[str, Any] = {}
    parts = _read_parts(rest, form, CallLog(), loose=True)
    return Message("system", parts, extra=keep(rest, form))


def read_contents(raw: Any) -> tuple[tuple[Message, ...], dict[str, Any]]:
    """Read `contents`: a list of turns, or a single one. Returns the messages and details of form.

    Raises:
        MisfitError: There is none, or one of them has a wrong field.
    """
    if type(raw) not in (list, dict):
        raise misfit(raw, "a list of contents, each with role and parts", "contents")
    if not raw:
        raise MisfitError("It is empty.", "Give at least one content.", "contents")
    calls = CallLog()
    found = each(raw if type(raw) is list else [raw], lambda item: _read_content(item, calls), "contents")
    return tuple(found), {"contents": "object"} if type(raw) is dict else {}


def _read_content(raw: Any, calls: CallLog) -> Message:
    if type(raw) is not dict:
        raise misfit(raw, "an object with role and parts", "")
    rest = dict(raw)
    form: dict[str, Any] = {}
    role = take_text(rest, "role")
    if role and role not in _ROLES:
        raise MisfitError(f"'{role[:40]}' is not a role.", did_you_mean(role, ("user", "model")), "role")
    if not role:
        form["role"] = "absent"
    elif role not in ("user", "model"):
        form["role"] = role
    parts = _read_parts(rest, form, calls)
    return Message("assistant" if role == "model" else "user", parts, extra=keep(rest, form))


def _read_parts(rest: dict[str, Any], form: dict[str, Any], calls: CallLog, *, loose: bool = False) -> tuple[Part, ...]:
    """Take the parts out of a content. `loose`: a text may stand in place of a part, or of all of them."""
    told = rest.get("parts")
    if told is None:
        form["parts"] = "absent"
        return ()
    if loose and type(told) is str:
        del rest["parts"]
        form["parts"] = "text"
        return (TextPart(told),)
    if type(told) is dict:
        form["parts"] = "object"

    def read(raw: Any) -> Part:
        return TextPart(raw, keep({}, {"bare": True})) if loose and type(raw) is str else read_part(raw, calls)

    return tuple(each(take_list(rest, "parts", "a list of parts") or (), read, "parts"))


def write_system(messages: tuple[Message, ...], wire: PartWriter) -> Any:
    """The system's texts as `systemInstruction`, as it was read."""
    parts = [(p, f"messages[{i}].parts[{j}]") for i, m in enumerate(messages) for j, p in enumerate(m.parts)]
    form: dict[str, Any] = messages[0].extra.get(FORM) or {}
    whole = parts[0][0] if len(parts) == 1 else None
    text = whole.text if isinstance(whole, TextPart) else None
    if form.get("system") == "text" and text is not None:
        return text
    for i, message in enumerate(messages):
        wire.losses.foreign(message.extra, f"messages[{i}]")
    out: dict[str, Any] = dict(messages[0].extra.get(NAME) or {})
    if form.get("parts") == "text" and text is not None:
        return {**out, "parts": text}
    written: list[Any] = []
    for part, place in parts:
        bare = isinstance(part, TextPart) and (part.extra.get(FORM) or {}).get("bare")
        written += [part.text] if bare and isinstance(part, TextPart) else wire.write(part, place)
    _set_parts(out, written, form)
    return out


def _set_parts(out: dict[str, Any], parts: list[Any], form: dict[str, Any]) -> None:
    shape = form.get("parts")
    if shape == "object" and len(parts) == 1:
        out["parts"] = parts[0]
    elif parts or shape != "absent":
        out["parts"] = parts


def write_as_read(messages: tuple[Message, ...], start: int, wire: PartWriter, *, media: bool) -> list[dict[str, Any]]:
    """One content per message: what this dialect has read is written so again.

    Args:
        messages: The turns.
        start: How many messages stand before them, for the places of losses.
        wire: Writes the parts.
        media: May a tool's answer hold images and files?
    """
    out: list[dict[str, Any]] = []
    for i, message in enumerate(messages, start):
        place = f"messages[{i}]"
        form: dict[str, Any] = message.extra.get(FORM) or {}
        wire.losses.foreign(message.extra, place)
        content: dict[str, Any] = dict(message.extra.get(NAME) or {})
        role = form.get("role") or _role(message)
        if role != "absent":
            content["role"] = role
        parts: list[dict[str, Any]] = []
        beside: list[dict[str, Any]] = []
        for j, part in enumerate(message.parts):
            parts += _write(part, f"{place}.parts[{j}]", wire, beside, media=media)
        _set_parts(content, parts, form)
        out.append(content)
        if beside:
            out.append({"role": "user", "parts": beside})
    return out


class _Turn:
    """One turn while the contents are put together. `results`: what tools answered to its calls."""

    __slots__ = ("beside", "parts", "results", "role")

    def __init__(self, role: str) -> None:
        self.role = role
        self.parts: list[dict[str, Any]] = []
        self.results: list[dict[str, Any]] = []
        self.beside: list[dict[str, Any]] = []

    def contents(self) -> list[dict[str, Any]]:
        """The turn, then all its answers in one content with nothing else in it, then what they could not hold."""
        told = (
            (self.role, self.parts),
            ("user", self.results),
            ("user", self.beside),
        )
        return [{"role": role, "parts": parts} for role, parts in told if parts]


def write_in_turns(messages: tuple[Message, ...], start: int, wire: PartWriter, *, media: bool) -> list[dict[str, Any]]:
    """Contents as this dialect wants them, from another dialect's messages. Arguments as for `write_as_read`.

    Adjacent turns of one role become one. What tools answered follows directly on the turn that called them, all of
    one step in a single content, and text of the user comes after it in a content of its own.
    """
    turns: list[_Turn] = []
    home: dict[str, _Turn] = {}
    for i, message in enumerate(messages, start):
        place = f"messages[{i}]"
        wire.losses.foreign(message.extra, place)
        role = _role(message)
        for j, part in enumerate(message.parts):
            spot = f"{place}.parts[{j}]"
            if isinstance(part, ToolResultPart):
                turn = home.get(part.call_id) or _last_calling(turns)
                turn.results += _write(part, spot, wire, turn.beside, media=media)
                continue
            empty = part == TextPart("") and len(message.parts) > 1
            written = [] if empty else wire.write(part, spot)
            if not written:
                continue
            if not turns or turns[-1].role != role or turns[-1].results:
                turns.append(_Turn(role))
            turns[-1].parts += written
            if isinstance(part, ToolCallPart):
                home[part.id] = turns[-1]
    found = [content for turn in turns for content in turn.contents()]
    return found or [{"role": "user", "parts": [{"text": ""}]}]  # an answer needs some turn, be it an empty one


def _last_calling(turns: list[_Turn]) -> _Turn:
    """Where an answer belongs whose call is not there: after the last turn of the model, else where it stands."""
    found = next((turn for turn in reversed(turns) if turn.role == "model"), None)
    if found is None:
        found = _Turn("user")
        turns.append(found)
    return found


def _write(
    part: Part, place: str, wire: PartWriter, beside: list[dict[str, Any]], *, media: bool
) -> list[dict[str, Any]]:
    """The objects of a part. Where a tool's answer may hold no media, they go `beside` it."""
    if media or not isinstance(part, ToolResultPart):
        return wire.write(part, place)
    apart = [item for item in part.parts if isinstance(item, (ImagePart, FilePart))]
    if not apart:
        return wire.write(part, place)
    wire.losses.note(place, "the engine takes no media in a tool's answer; they follow it in a turn of the user", "low")
    for item in apart:
        beside += wire.write(item, place)
    texts = tuple(item for item in part.parts if isinstance(item, TextPart))
    return wire.write(replace(part, parts=texts), place)


def _role(message: Message) -> str:
    return "model" if message.role == "assistant" else "user"


def seal_calls(contents: list[dict[str, Any]], blank: str) -> None:
    """Give each turn of the model since the user's last text a seal, in place, where its first call has none.

    Newer engines demand one there, on the first call only. `blank` is what they take for calls of other engines.
    """
    for content in reversed(contents):
        parts = [part for part in content.get("parts") or () if type(part) is dict]
        if content.get("role") != "model":
            if any("functionResponse" not in p and "function_response" not in p for p in parts):
                return
            continue
        first = next((p for p in parts if "functionCall" in p or "function_call" in p), None)
        if first is not None and not (first.get("thoughtSignature") or first.get("thought_signature")):
            first["thoughtSignature"] = blank
