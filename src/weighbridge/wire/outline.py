"""What a request or a reply says, in a form that is the same in every dialect: for comparing and for looking at.

Texts that only a wire's form sets apart (two blocks, two messages of one role) are joined, since one dialect parts
them where another does not. System texts are joined with an empty line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from weighbridge.canon import (
    Message,
    Part,
    ReasoningPart,
    Reply,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Usage,
)

_SYSTEM = ("system", "developer")


def of_request(request: Request) -> dict[str, Any]:
    """A request as `{system, turns, tools, max_output, stop}`.

    `turns` hold `{role, text, tool_calls, tool_results}` with role user or assistant, adjacent ones of one role
    joined; a tool's answer belongs to the user's side, and carries the name of the tool that was called.
    """
    system = [message.text for message in request.messages if message.role in _SYSTEM]
    return {
        "system": "\n\n".join(text for text in system if text),
        "turns": _turns(request.messages),
        "tools": [{"name": tool.name, "schema": tool.schema} for tool in request.tools if tool.opaque is None],
        "max_output": request.sampling.max_tokens,
        "stop": list(request.sampling.stop),
    }


def of_reply(reply: Reply) -> dict[str, Any]:
    """A reply as `{text, reasoning, tool_calls, finish, usage}`: its first choice, a refusal counting as text."""
    choice = reply.choices[0] if reply.choices else None
    parts = choice.parts if choice else ()
    text = "".join(p.text for p in parts if isinstance(p, TextPart))
    return {
        "text": text or (choice.refusal if choice else ""),
        "reasoning": "".join(p.text for p in parts if isinstance(p, ReasoningPart)),
        "tool_calls": _calls(parts),
        "finish": choice.finish if choice else None,
        "usage": _usage(reply.usage),
    }


def parsed(arguments: str) -> Any:
    """A tool call's arguments as JSON; the text itself where it is none, and an empty object where it is empty."""
    if not arguments.strip():
        return {}
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments


def _turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    names: dict[str, str] = {}  # of the calls so far: an id may come again
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role in _SYSTEM:
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if not turns or turns[-1]["role"] != role:
            turns.append({"role": role, "text": "", "tool_calls": [], "tool_results": []})
        turn = turns[-1]
        turn["text"] += message.text
        turn["tool_calls"] += _calls(message.parts)
        names.update((p.id, p.name) for p in message.parts if isinstance(p, ToolCallPart))
        turn["tool_results"] += [_result(p, names) for p in message.parts if isinstance(p, ToolResultPart)]
    return turns


def _calls(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [{"name": p.name, "arguments": parsed(p.arguments)} for p in parts if isinstance(p, ToolCallPart)]


def _result(part: ToolResultPart, names: dict[str, str]) -> dict[str, str]:
    text = "".join(p.text for p in part.parts if isinstance(p, TextPart))
    return {"name": names.get(part.call_id) or part.name, "text": text}


def _usage(usage: Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {
        "input": usage.input,
        "cached": usage.cached,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
