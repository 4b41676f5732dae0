"""Tools and shapes for engines that have none of their own: the answer is bound to a JSON schema instead.

`wrap` turns tools into a schema of which the answer must be one branch, `{"answer": ...}` or `{"tool": NAME,
"arguments": {...}}`, tells the engine so in words, and retells earlier calls and results as text. The way back is
`Wrapped.reply` for replies and `Wrapped.events` for streams. Pure: no I/O, ids come from a function.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Event, Loss, Message, Profile, Reply, Request, ResponseFormat, TextPart, Tool, ToolChoice
from weighbridge.engines.retell import retell, tells_tools
from weighbridge.engines.unwrap import NewId, StreamUnwrap, unwrap_reply
from weighbridge.errors import InputError, did_you_mean

__all__ = ["StreamUnwrap", "Wrapped", "call_id", "wrap"]

_RANDOM = random.SystemRandom()
#: parts of a schema that hold data, in which "$ref" means nothing
_DATA = {"const", "default", "enum", "example", "examples"}


def call_id(rng: random.Random = _RANDOM) -> str:
    """A fresh id of a tool call, in the form that OpenAI's have."""
    return f"call_{rng.getrandbits(96):024x}"


class Wrapped(Struct, frozen=True):
    """A request made fit for an engine, what that cost, and the way back.

    `bound`: the answer comes as JSON of ours and must be unwrapped.
    """

    request: Request
    losses: tuple[Loss, ...] = ()
    bound: bool = False
    new_id: NewId = call_id

    def reply(self, reply: Reply) -> Reply:
        """The engine's reply as the caller expects it."""
        return unwrap_reply(reply, self.new_id) if self.bound else reply

    def events(self) -> Callable[[list[Event]], list[Event]]:
        """For one stream: turns each batch of the engine's events into those that the caller expects."""
        return StreamUnwrap(self.new_id) if self.bound else list


def wrap(request: Request, profile: Profile, *, new_id: NewId = call_id) -> Wrapped | None:
    """Make a request fit for an engine that has tools or structured output only through a grammar, or not at all.

    Args:
        request: What the caller asks.
        profile: What the engine can do: `tools` and `structured`; "" counts as native.
        new_id: Makes the ids of tool calls.

    Returns:
        None where nothing has to change.

    Raises:
        InputError: `tool_choice` names a tool that is not there.
    """
    losses: list[Loss] = []
    made = request
    bound = False
    if profile.tools in {"grammar", "none"}:
        if tells_tools(request):
            made = replace(made, messages=retell(made.messages))
            losses.append(Loss("messages", "earlier tool calls and results are told as text", "low"))
        if request.tools:
            offered = _offered(request)
            bound = profile.tools == "grammar" and profile.structured != "none" and bool(offered)
            losses += _tool_losses(request, bound=bound)
            made = _bind(made, offered) if bound else made
            made = replace(made, tools=(), tool_choice=None, parallel_tool_calls=None)
    shape = made.response_format
    if profile.structured == "none" and not bound and shape is not None and shape.kind != "text":
        made = replace(made, messages=_tell(made.messages, _shape_text(shape)), response_format=None)
        losses.append(Loss("response_format", "the engine is only asked in words for this shape", "high"))
    return None if made is request else Wrapped(made, tuple(losses), bound, new_id)


def _offered(request: Request) -> tuple[Tool, ...]:
    """The functions that may be called: none, all, some, or the one that was named. Hosts' own tools are none."""
    choice = request.tool_choice or ToolChoice()
    functions = tuple(tool for tool in request.tools if tool.opaque is None)
    if choice.mode == "none":
        return ()
    if choice.mode != "named":
        return tuple(tool for tool in functions if not choice.among or tool.name in choice.among)
    named = tuple(tool for tool in functions if tool.name == choice.name)
    if not named and len(functions) == len(request.tools):
        raise InputError(
            f"No tool is called '{choice.name}'.",
            where="tool_choice",
            fix=did_you_mean(choice.name, [tool.name for tool in functions]),
        )
    return named[:1]


def _tool_losses(request: Request, *, bound: bool) -> list[Loss]:
    if request.tool_choice is not None and request.tool_choice.mode == "none":
        return [Loss("tools", "tools that must not be called are not shown to the engine", "low")]
    if not bound:
        return [Loss("tools", "the engine cannot call tools; they were not offered to it", "high")]
    losses = [Loss("tools", "offered through a JSON grammar, not in a form the engine was trained on", "low")]
    losses += [
        Loss(f"tools[{i}]", f"only a host that speaks {tool.opaque.dialect} has this tool", "high")
        for i, tool in enumerate(request.tools)
        if tool.opaque is not None
    ]
    if request.parallel_tool_calls is not False:
        asked = request.parallel_tool_calls is True
        losses.append(Loss("parallel_tool_calls", "one call at a time", "medium" if asked else "low"))
    if request.stream:
        losses.append(Loss("stream", "a tool call arrives in one piece when it is complete", "low"))
    if request.sampling.stop:
        losses.append(Loss("sampling.stop", "stop texts are sought in the JSON around the answer, too", "low"))
    if request.sampling.logprobs:
        losses.append(Loss("sampling.logprobs", "they belong to the JSON around the answer", "medium"))
    return losses


def _bind(request: Request, tools: tuple[Tool, ...]) -> Request:
    must = request.tool_choice is not None and request.tool_choice.mode in {"required", "named"}
    shape = request.response_format or ResponseFormat()
    return replace(
        request,
        messages=_tell(request.messages, _tools_text(tools, must=must)),
        response_format=ResponseFormat(
            kind="json_schema", name="turn", schema=_union(tools, None if must else shape), strict=True
        ),
    )


def _union(tools: tuple[Tool, ...], answer: ResponseFormat | None) -> dict[str, Any]:
    """The schema of one turn: an answer (if allowed), or a call of one of the tools."""
    shelf: dict[str, Any] = {}
    branches: list[dict[str, Any]] = []
    if answer is not None:
        branches.append(_object(answer=_placed(_answer_schema(answer), "answer", shelf)))
    for number, tool in enumerate(tools):
        arguments = _placed(tool.schema or {"type": "object"}, f"tool{number}", shelf)
        branches.append(_object(tool={"const": tool.name}, arguments=arguments))
    schema = branches[0] if len(branches) == 1 else {"anyOf": branches}
    return {**schema, "$defs": shelf} if shelf else schema


def _answer_schema(shape: ResponseFormat) -> dict[str, Any]:
    if shape.kind == "json_schema" and shape.schema is not None:
        return shape.schema
    return {"type": "string" if shape.kind == "text" else "object"}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _placed(schema: dict[str, Any], name: str, shelf: dict[str, Any]) -> dict[str, Any]:
    """A schema as part of a larger one. One that refers to itself goes to the shelf whole, its references moved."""
    root = f"#/$defs/{name}"
    moved, referred = _moved(schema, root)
    if not referred:
        return schema
    shelf[name] = moved
    return {"$ref": root}


def _moved(value: Any, root: str) -> tuple[Any, bool]:
    """A schema with its references made relative to `root`, and whether it had any."""
    if isinstance(value, list):
        items = [_moved(item, root) for item in value]
        return [item for item, _ in items], any(referred for _, referred in items)
    if not isinstance(value, dict):
        return value, False
    made: dict[str, Any] = {}
    found = False
    for key, inner in value.items():
        if key == "$ref" and isinstance(inner, str) and inner.startswith("#"):
            made[key], referred = root + inner[1:], True
        elif key in _DATA:
            made[key], referred = inner, False
        else:
            made[key], referred = _moved(inner, root)
        found = found or referred
    return made, found


def _tools_text(tools: tuple[Tool, ...], *, must: bool) -> str:
    lines = ["You can call these tools:"]
    for tool in tools:
        about = f": {tool.description}" if tool.description else ""
        lines.append(f"- {tool.name}{about} Arguments: {_json(tool.schema or {'type': 'object'})}")
    lines.append('To call one, answer with {"tool": its name, "arguments": {...}} and nothing else.')
    if must:
        lines.append("You must call one now.")
    else:
        lines.append('Call one only if it helps. Otherwise answer with {"answer": your answer}.')
    return "\n".join(lines)


def _shape_text(shape: ResponseFormat) -> str:
    if shape.schema is None:
        return "Answer with one JSON object and nothing else."
    return f"Answer with JSON that fits this schema, and nothing else: {_json(shape.schema)}"


def _tell(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """Add to the first system message, or begin with one: many templates take only one, and only in front."""
    if messages and messages[0].role in {"system", "developer"}:
        first = messages[0]
        return (replace(first, parts=(*first.parts, TextPart(f"\n\n{text}"))), *messages[1:])
    return (Message("system", (TextPart(text),)), *messages)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
