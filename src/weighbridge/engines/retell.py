"""A history with tool calls and results, retold as text for engines whose templates know neither."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from weighbridge.canon import FilePart, ImagePart, Message, Part, Request, TextPart, ToolCallPart, ToolResultPart


def tells_tools(request: Request) -> bool:
    """Does the history hold tool calls or results?"""
    return any(isinstance(part, (ToolCallPart, ToolResultPart)) for m in request.messages for part in m.parts)


def retell(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Calls become the JSON that the engine itself would write, results become what the user says.

    Results and the user's next words join in one message: many templates demand that roles alternate.
    """
    names = {part.id: part.name for m in messages for part in m.parts if isinstance(part, ToolCallPart)}
    told: list[Message] = []
    after_result = False
    for message in messages:
        results = any(isinstance(part, ToolResultPart) for part in message.parts)
        parts = _parts(message, names)
        role = "user" if results or message.role == "tool" else message.role
        if role == "user" and told and told[-1].role == "user" and (results or after_result):
            gap: tuple[Part, ...] = (TextPart("\n"),)
            told[-1] = replace(told[-1], parts=told[-1].parts + gap + parts)
        else:
            told.append(replace(message, role=role, parts=parts))
        after_result = results
    return tuple(told)


def _parts(message: Message, names: dict[str, str]) -> tuple[Part, ...]:
    made: list[Part] = []
    retold = False
    for part in message.parts:
        before, retold = retold, isinstance(part, (ToolCallPart, ToolResultPart))
        if (before or retold) and any(isinstance(earlier, TextPart) for earlier in made):
            made.append(TextPart("\n"))
        if isinstance(part, ToolCallPart):
            made.append(TextPart(_call(part)))
        elif isinstance(part, ToolResultPart):
            made += _result(part, names)
        else:
            made.append(part)
    return tuple(made)


def _call(part: ToolCallPart) -> str:
    name = msgspec.json.encode(part.name).decode()
    return f'{{"tool": {name}, "arguments": {part.arguments.strip() or "{}"}}}'


def _result(part: ToolResultPart, names: dict[str, str]) -> list[TextPart | ImagePart | FilePart]:
    name = part.name or names.get(part.call_id) or part.call_id
    head = f"The tool {name} failed: " if part.is_error else f"The tool {name} answered: "
    texts = "".join(inner.text for inner in part.parts if isinstance(inner, TextPart))
    media = [inner for inner in part.parts if not isinstance(inner, TextPart)]
    return [TextPart(head + texts), *media]
