"""Which features of engines a route's traffic uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from weighbridge.canon import (
    FilePart,
    ImagePart,
    OpaquePart,
    Reply,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    Trace,
)
from weighbridge.canon.parts import Part, ReasoningPart
from weighbridge.mask.language import language_of
from weighbridge.swap.preflight.shares import EXAMPLES, Share, share


class Feature(Struct, frozen=True):
    """Something that requests use, how many do, and the ids of some of their traces."""

    name: str
    share: Share
    examples: tuple[str, ...] = ()


def used(traces: Sequence[Trace]) -> tuple[Feature, ...]:
    """What the requests of these traces use, the commonest first. All of them hold their request."""
    found: dict[str, list[str]] = {}
    for trace in traces:
        for name in _of_trace(trace):
            found.setdefault(name, []).append(trace.id)
    made = [Feature(name, share(len(ids), len(traces)), tuple(ids[-EXAMPLES:])) for name, ids in found.items()]
    return tuple(sorted(made, key=lambda one: (-one.share.count, one.name)))


def languages(traces: Sequence[Trace]) -> tuple[Feature, ...]:
    """The languages that users write in, the commonest first; a guess by script and little words."""
    found: dict[str, list[str]] = {}
    for trace in traces:
        if text := _asked(trace.request):
            found.setdefault(language_of(text), []).append(trace.id)
    told = sum(map(len, found.values()))
    made = [Feature(name, share(len(ids), told), tuple(ids[-EXAMPLES:])) for name, ids in found.items()]
    return tuple(sorted(made, key=lambda one: (-one.share.count, one.name)))


def _asked(request: Request | None) -> str:
    """The last words of the user."""
    messages = request.messages if request is not None else ()
    return next(
        (text for message in reversed(messages) if message.role == "user" and (text := message.text.strip())), ""
    )


def _of_trace(trace: Trace) -> set[str]:
    request = trace.request
    assert request is not None
    names = set(_of_request(request))
    names.update(_of_parts(request))
    if trace.dialect:
        names.add(f"dialect {trace.dialect}")
    if trace.usage is not None and trace.usage.cached:
        names.add("prompt cache hits")
    if trace.reply is not None:
        names.update(_of_reply(trace.reply))
    return names


def _of_request(request: Request) -> Iterator[str]:
    shape, sampling, thinking = request.response_format, request.sampling, request.thinking
    choice = request.tool_choice
    told = {
        "streaming": request.stream,
        "tools": any(tool.name for tool in request.tools),
        "tools of the host": any(tool.opaque is not None for tool in request.tools),
        "strict tools": any(tool.strict for tool in request.tools),
        "a tool is demanded": choice is not None and choice.mode in ("required", "named"),
        "JSON": shape is not None and shape.kind == "json_object",
        "JSON schema": shape is not None and shape.kind == "json_schema",
        "thinking": bool(thinking.enabled or thinking.effort or thinking.budget),
        "several answers": (sampling.n or 1) > 1,
        "log probabilities": bool(sampling.logprobs),
        "seed": sampling.seed is not None,
        "stop sequences": bool(sampling.stop),
        "penalties": sampling.presence_penalty is not None or sampling.frequency_penalty is not None,
        "service tier": bool(request.service_tier),
        "stored answers": bool(request.continues),
        "prompt cache": bool(request.cache_key),
        "several turns": sum(message.role == "user" for message in request.messages) > 1,
        "system text": any(message.role in ("system", "developer") for message in request.messages),
    }
    yield from (name for name, holds in told.items() if holds)


def _of_parts(request: Request) -> Iterator[str]:
    for message in request.messages:
        for part in message.parts:
            yield from _of_part(part)
            if getattr(part, "cache", ""):
                yield "prompt cache"
            if getattr(part, "file_id", ""):
                yield "files kept at the host"


def _of_part(part: Part) -> Iterator[str]:
    if isinstance(part, ImagePart):
        yield "images"
    elif isinstance(part, FilePart):
        yield "sound" if part.media_type.startswith("audio/") else "files"
    elif isinstance(part, ReasoningPart) and part.blobs:
        yield "sealed thinking of earlier turns"
    elif isinstance(part, ToolResultPart):
        yield "tool results"
        if any(not isinstance(inner, TextPart) for inner in part.parts):
            yield "images or files in tool results"
    elif isinstance(part, OpaquePart):
        yield f"parts that only {part.dialect} knows"


def _of_reply(reply: Reply) -> Iterator[str]:
    for choice in reply.choices:
        calls = sum(isinstance(part, ToolCallPart) for part in choice.parts)
        if calls:
            yield "tool calls in answers"
        if calls > 1:
            yield "several tool calls at once"
        if any(isinstance(part, ImagePart | FilePart) for part in choice.parts):
            yield "images or files in answers"
