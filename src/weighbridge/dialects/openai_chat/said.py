"""OpenAI Chat: what an assistant said, as it is written in a request or in an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weighbridge.canon import FilePart, ImagePart, OpaquePart, Part, ReasoningPart, TextPart, ToolCallPart
from weighbridge.dialects.openai_chat.calls import write_calls
from weighbridge.dialects.openai_chat.marks import write_annotations
from weighbridge.dialects.openai_chat.media import split_answer, write_audio, write_image
from weighbridge.dialects.openai_chat.outgoing import FORM, NAME, Outgoing
from weighbridge.dialects.openai_chat.parts import is_plain, write_content
from weighbridge.dialects.openai_chat.reasoning import FIELDS, write_reasoning


def write_said(out: dict[str, Any], parts: Sequence[Part], form: dict[str, Any], place: str, to: Outgoing) -> None:
    """Set what an assistant said: its thinking, what it shows, the tools it asks for."""
    content, calls, reasoning = _sorted(parts, place, to)
    if reasoning:
        write_reasoning(out, reasoning, place, to)
    if to.blank and (to.blank == "always" or calls):
        _fill_blank(out, place, to)
    listed = form.get("content") == "list"
    content = _write_marked(out, content, place, to)
    if to.reply and not listed:
        _write_shown(out, content, form, place, to)
    else:
        write_content(out, content if to.own or listed else _joined(content, place, to), form, place, to)
    if calls:
        write_calls(out, calls, place, to)
    if content:
        write_annotations(out, content, form, place, to)


def _sorted(
    parts: Sequence[Part], place: str, to: Outgoing
) -> tuple[list[Part], list[ToolCallPart | OpaquePart], list[ReasoningPart]]:
    """What is shown, the calls of tools, and the thinking."""
    content: list[Part] = []
    calls: list[ToolCallPart | OpaquePart] = []
    reasoning: list[ReasoningPart] = []
    for part in parts:
        match part:
            case ReasoningPart() if "thinking" not in (part.extra.get(FORM) or {}):
                reasoning.append(part)
            case ToolCallPart():
                calls.append(part)
            case OpaquePart() if part.dialect == NAME and "tool_call" in part.data:
                calls.append(part)
            case _:
                content.append(part)
                if calls:
                    to.losses.note(f"{place}.parts", "what follows a tool call moves before it", "low")
    return content, calls, reasoning


def _fill_blank(out: dict[str, Any], place: str, to: Outgoing) -> None:
    """An engine that wants its thinking back refuses a turn without any, though another engine may have said it."""
    field = to.profile.reasoning_field or FIELDS[0]
    if not out.get(field):
        out[field] = " "
        to.losses.note(f"{place}.{field}", "the engine demands thinking in this turn and there is none", "low")


def _write_marked(out: dict[str, Any], parts: list[Part], place: str, to: Outgoing) -> list[Part]:
    """Set what came in fields of its own and goes back there; gives the rest."""
    rest: list[Part] = []
    images = []
    for part in parts:
        form = getattr(part, "extra", {}).get(FORM) or {}
        if isinstance(part, TextPart) and "field" in form:
            out["refusal"] = part.text
        elif isinstance(part, ImagePart) and form.get("in") == "images":
            to.losses.foreign(part.extra, place)
            images.append(write_image(part))
        elif isinstance(part, FilePart) and "audio" in form:
            spoken = next((p.text for p in parts if isinstance(p, TextPart) and _spoken(p)), "")
            out["audio"] = write_audio(part, spoken)
        elif not (_spoken(part) and any("audio" in (getattr(p, "extra", {}).get(FORM) or {}) for p in parts)):
            rest.append(part)
    if images:
        out["images"] = images
    return rest


def _spoken(part: Part) -> bool:
    return isinstance(part, TextPart) and (part.extra.get(FORM) or {}).get("as") == "transcript"


def _write_shown(out: dict[str, Any], parts: list[Part], form: dict[str, Any], place: str, to: Outgoing) -> None:
    """What an answer shows. Its content is one text: clients' types know no other."""
    texts, images, sounds = split_answer(parts, place, to)
    for part in texts:
        to.losses.foreign(part.extra, place)
    if texts:
        out["content"] = "".join(part.text for part in texts)
    elif form.get("content") != "absent":
        out["content"] = None
    if images:
        out["images"] = images
    if sounds:
        out["audio"] = write_audio(sounds[0], "")


def _joined(parts: list[Part], place: str, to: Outgoing) -> list[Part]:
    """An earlier answer of another dialect: its texts as one, its images and files for the next turn of the user."""
    found: list[Part] = []
    shown: list[Part] = []
    for part in parts:
        if isinstance(part, (ImagePart, FilePart)):
            shown.append(part)
        elif found and isinstance(part, TextPart) and is_plain(part) and is_plain(found[-1]):
            found[-1] = TextPart(found[-1].text + part.text)  # type: ignore[union-attr]  # a plain part is a TextPart
        else:
            found.append(part)
    if shown:
        to.losses.note(f"{place}.parts", "an assistant's images and files move into the next turn of the user", "low")
        to.media += [TextPart("The assistant showed this:"), *shown]
    return found
