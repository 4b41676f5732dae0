"""Which features an exchange uses: the rows of the matrix."""

from __future__ import annotations

from collections.abc import Iterator

from weighbridge.canon import (
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    Part,
    ReasoningPart,
    Reply,
    Request,
    TextPart,
    Thinking,
    ToolCallPart,
    ToolResultPart,
)

#: In the order in which the matrix shows them.
NAMES = (
    "text",
    "system",
    "several turns",
    "tools",
    "tool choice",
    "tool calls",
    "parallel calls",
    "tool results",
    "media in results",
    "images",
    "files",
    "structured output",
    "thinking asked",
    "reasoning",
    "sealed reasoning",
    "hosted tools",
    "citations",
    "logprobs",
    "cache markers",
    "refusal",
    "stream",
    "error",
)


def of_request(request: Request) -> set[str]:
    """The features that a request uses."""
    found = {name for message in request.messages for name in _of_message(message)}
    if sum(message.role not in ("system", "developer") for message in request.messages) > 1:
        found.add("several turns")
    if any(tool.opaque for tool in request.tools):
        found.add("hosted tools")
    if any(tool.opaque is None for tool in request.tools):
        found.add("tools")
    if any(tool.cache for tool in request.tools):
        found.add("cache markers")
    if request.tool_choice is not None and request.tool_choice.mode != "auto":
        found.add("tool choice")
    if request.response_format is not None and request.response_format.kind != "text":
        found.add("structured output")
    if request.thinking != Thinking():
        found.add("thinking asked")
    if request.sampling.logprobs:
        found.add("logprobs")
    return found


def of_reply(reply: Reply) -> set[str]:
    """The features that a reply uses."""
    found: set[str] = set()
    for choice in reply.choices:
        found |= _of_parts(choice.parts)
        if choice.refusal:
            found.add("refusal")
        if choice.logprobs:
            found.add("logprobs")
    return found


def _of_message(message: Message) -> Iterator[str]:
    if message.role in ("system", "developer"):
        yield "system"
    yield from _of_parts(message.parts)


def _of_parts(parts: tuple[Part, ...]) -> set[str]:
    found = {name for part in parts for name in _of_part(part)}
    if sum(isinstance(part, ToolCallPart) for part in parts) > 1:
        found.add("parallel calls")
    return found


_KINDS: dict[type[Part], str] = {
    TextPart: "text",
    ImagePart: "images",
    FilePart: "files",
    ToolCallPart: "tool calls",
    ToolResultPart: "tool results",
    ReasoningPart: "reasoning",
    OpaquePart: "hosted tools",
}


def _of_part(part: Part) -> Iterator[str]:
    yield _KINDS[type(part)]
    if isinstance(part, TextPart) and part.citations:
        yield "citations"
    if isinstance(part, ToolResultPart) and any(not isinstance(inner, TextPart) for inner in part.parts):
        yield "media in results"
    if getattr(part, "cache", ""):
        yield "cache markers"
    if getattr(part, "blobs", ()):
        yield "sealed reasoning"
