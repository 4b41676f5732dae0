"""OpenAI Responses: reading items. What an assistant said and asked for in one go becomes one message of the canon.

Each part that begins an item holds the item's own fields: in its form under `item`, and in its unknown fields those
that the form lists under `of_item`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from weighbridge.canon import (
    Blob,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.openai_responses.parts import FORM, GIVEN, NAME, SAID, keep, made_id, read_content
from weighbridge.dialects.strict import MisfitError, each_at, misfit, take_text
from weighbridge.errors import did_you_mean

_ROLES: dict[Any, Role] = {"system": "system", "developer": "developer", "user": "user", "assistant": "assistant"}
#: Fields of an item that say nothing: they are kept, and nobody misses them.
_PLAIN = ("type", "id", "status")
_APART = "\n\n"


def read_input(items: Sequence[Any], path: str = "input") -> tuple[Message, ...]:
    """The messages that items make up.

    Raises:
        MisfitError: An item cannot be used.
    """
    messages: list[Message] = []
    said: list[Part] = []
    for found in each_at(items, lambda raw, i: _read_item(raw, f"call_{i}"), path):
        if isinstance(found, Message):
            if said:
                messages.append(Message("assistant", tuple(said)))
                said = []
            messages.append(found)
        else:
            said += found
    if said:
        messages.append(Message("assistant", tuple(said)))
    return tuple(messages)


def read_output(items: Sequence[Any], reply_id: str) -> tuple[Part, ...]:
    """The parts of an answer. What an assistant does not say stands among them as opaque items."""
    parts: list[Part] = []
    read = each_at(items, lambda raw, i: _read_item(raw, spare_id(reply_id, i)), "output")
    for raw, found in zip(items, read, strict=True):
        parts += [OpaquePart(NAME, raw)] if isinstance(found, Message) else found
    return tuple(parts)


def spare_id(reply_id: str, place: int) -> str:
    """The id of a call in an answer that was given none: always the same in the same place."""
    return made_id("call", reply_id, str(place))


def _read_item(raw: Any, spare: str) -> Message | list[Part]:
    """One item: what an assistant said, or a message of its own. `spare`: a call's id, where it has none."""
    if type(raw) is not dict:
        raise misfit(raw, "an object: a message, a function_call, a function_call_output, ...", "")
    kind = raw.get("type")
    if kind is not None and type(kind) is not str:
        raise misfit(kind, "the name of a kind of item, such as message", "type")
    match kind:
        case "function_call":
            return [read_call(raw, spare)]
        case "function_call_output":
            return _read_result(raw)
        case "reasoning":
            return [read_reasoning(raw)]
        case _ if kind == "message" or (kind is None and "role" in raw):
            return _read_message(raw)
        case _:
            return _read_other(raw, kind or "")


def _read_other(raw: dict[str, Any], kind: str) -> Message | list[Part]:
    """What only this dialect knows: said by the assistant, unless its name or its role tells otherwise."""
    whole = OpaquePart(NAME, raw)
    role = raw.get("role")
    if type(role) is str and role in _ROLES and role != "assistant":
        return Message(_ROLES[role], (whole,))
    if kind.endswith("_output") or kind == "mcp_approval_response":
        return Message("tool", (whole,))
    return [whole]


def _read_message(raw: dict[str, Any]) -> Message | list[Part]:
    content, role = raw.get("content"), raw.get("role")
    if len(raw) == 2 and type(content) is str and type(role) is str and role in _ROLES and role != "assistant":  # noqa: PLR2004 - both fields
        return Message(_ROLES[role], (TextPart(content),))
    rest = dict(raw)
    role = take_text(rest, "role")
    if role not in _ROLES:
        what = f"'{role[:40]}' is not a role." if role else "It is missing."
        raise MisfitError(what, did_you_mean(role, _ROLES) if role else "Give system, user or assistant.", "role")
    parts = read_content(rest.pop("content", None), SAID if role == "assistant" else GIVEN, "content")
    item = {key: rest.pop(key) for key in _PLAIN if key in rest}
    form: dict[str, Any] = {"item": item} if item else {}
    if role != "assistant":
        if not parts or (type(content) is list and len(parts) == 1 and type(parts[0]) is TextPart):
            form["shape"] = "list"
        return Message(_ROLES[role], tuple(parts), extra=keep(rest, form))
    form |= {"item": item, "shape": "list" if type(content) is list else "text"}
    if not parts or isinstance(parts[0], OpaquePart):  # something must hold the item's fields
        form["empty"] = True
        parts = [TextPart(""), *parts]
    return [_with_item(parts[0], rest, form), *parts[1:]]


def _with_item(part: Part, rest: dict[str, Any], form: dict[str, Any]) -> Part:
    """The first part of an item, with the item's own fields."""
    assert not isinstance(part, OpaquePart)
    own = part.extra.get(NAME) or {}
    clash = {k: v for k, v in rest.items() if k in own}
    form = {**(part.extra.get(FORM) or {}), **form, "item": {**form["item"], **clash}}
    if of_item := [k for k in rest if k not in own]:
        form["of_item"] = of_item
    return replace(part, extra=keep({**rest, **own}, form))


def read_call(raw: dict[str, Any], spare: str) -> ToolCallPart:
    """A function call. `spare`: its id where it has none."""
    rest = dict(raw)
    form: dict[str, Any] = {"item": {key: rest.pop(key) for key in _PLAIN if key in rest}}
    name, call_id = take_text(rest, "name"), take_text(rest, "call_id")
    if not name:
        raise MisfitError("It is missing.", "Give the function's name.", "name")
    arguments = rest.get("arguments")
    if type(arguments) is str:
        del rest["arguments"]
    elif arguments is None:
        form["arguments"] = "absent"
        arguments = ""
    elif type(arguments) is dict:
        form["arguments"] = "json"
        arguments = msgspec.json.encode(rest.pop("arguments")).decode()
    else:
        raise misfit(arguments, "JSON as text", "arguments")
    if not call_id:
        form["call_id"] = "absent"
    return ToolCallPart(call_id or spare, name, arguments, keep(rest, form))


def _read_result(raw: dict[str, Any]) -> Message:
    rest = dict(raw)
    form: dict[str, Any] = {"item": {key: rest.pop(key) for key in _PLAIN if key in rest}}
    call_id = take_text(rest, "call_id")
    if not call_id:
        raise MisfitError("It is missing.", "Give the call_id of the function_call that this answers.", "call_id")
    output = rest.pop("output", None)
    parts = read_content(output, GIVEN, "output")
    if type(output) is list and len(parts) < 2:  # noqa: PLR2004 - several can only be a list
        form["shape"] = "list"
    inside = tuple(_inside_result(part) for part in parts)
    return Message("tool", (ToolResultPart(call_id, inside, extra=keep(rest, form)),))


def _inside_result(part: Part) -> TextPart | ImagePart | FilePart:
    """A tool's answer holds no opaque parts: such a one is kept behind an empty text."""
    if isinstance(part, (TextPart, ImagePart, FilePart)):
        return part
    assert isinstance(part, OpaquePart)
    return TextPart("", keep({}, {"raw": part.data["part"]}))


def read_reasoning(raw: dict[str, Any]) -> ReasoningPart:
    """A reasoning item: its text, or else its summary, and what of it is sealed."""
    rest = dict(raw)
    form: dict[str, Any] = {"item": {key: rest.pop(key) for key in _PLAIN if key in rest}}
    for key in ("summary", "content"):
        if type(rest.get(key)) is list:
            form[key] = rest.pop(key)
    blobs: tuple[Blob, ...] = ()
    sealed = rest.get("encrypted_content")
    if type(sealed) is str and sealed:
        del rest["encrypted_content"]
        made = form["item"].get("id")
        blobs = (Blob(NAME, sealed, "encrypted", made if type(made) is str else ""),)
    return ReasoningPart(reasoning_text(form), blobs, keep(rest, form))


def reasoning_text(item: dict[str, Any]) -> str:
    """What a reasoning item tells of the thinking."""
    return _joined(item.get("content")) or _joined(item.get("summary"))


def _joined(texts: Any) -> str:
    found = [each.get("text") for each in texts if type(each) is dict] if type(texts) is list else []
    return _APART.join(text for text in found if type(text) is str and text)
