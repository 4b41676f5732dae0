"""Recorded traces as samples. What is measured then is agreement with the recorded answer, not whether it was right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from weighbridge.canon import Reply, Request, ToolCallPart, Trace
from weighbridge.errors import InputError, NotFoundError, did_you_mean
from weighbridge.weigh import graders
from weighbridge.weigh.graders import structure
from weighbridge.weigh.graders.choice import letter
from weighbridge.weigh.graders.number import number
from weighbridge.weigh.types import Sample

#: How free text may be compared, when a person says so: the grader, and what it says of two answers.
BY_TEXT = ("exact", "contains", "choice", "number", "similarity")
_REPEATED = frozenset({"replay", "shadow"})  #: sources whose answers are somebody else's on trial
NEWEST = 500  #: traces that are taken where no limit is given


def samples(
    route: str,
    *,
    folder: Path | None,
    grader: str = "",
    limit: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> list[Sample]:
    """The newest answered exchanges of a route, as samples whose target is the recorded answer.

    An exchange grades itself where it can: a recorded tool call must be made again with the same arguments; a
    request for a JSON schema must be answered with JSON of that schema. Free text has no right answer, so such an
    exchange is left out unless `grader` says how to compare: `exact` (the same words), `contains` (the recorded words
    occur), `choice` (the same letter), `number` (the same number), `similarity` (how near the words come).

    Args:
        route: The route whose traces are read.
        folder: The folder of traces.
        grader: How free text is compared, "" to leave it out.
        limit: Take the newest so many exchanges, 500 by default.
        tell: Called with a sentence about what was left out.

    Raises:
        InputError: No exchange can be graded, or the grader cannot compare texts.
        NotFoundError: The route has no traces.
    """
    from weighbridge.store import reader

    if grader and grader not in BY_TEXT:
        raise InputError(
            f"The grader '{grader}' cannot compare two answers.", where="--grader", fix=did_you_mean(grader, BY_TEXT)
        )
    if folder is None:
        raise InputError("No store to read traces from.", where=f"traces:{route}", fix="Give a JSONL file.")
    found = [
        trace
        for trace in reader.scan(folder, limit=limit or NEWEST, route=route, outcome="ok")
        if trace.source not in _REPEATED
    ]
    if not found:
        raise NotFoundError(
            f"The route '{route}' has no answered exchange on record.",
            where=str(folder),
            fix="See `weighbridge traces list`; exchanges are recorded while `weighbridge serve` runs.",
        )
    return from_traces(found, grader=grader, tell=tell)


def from_traces(
    traces: Iterable[Trace], *, grader: str = "", tell: Callable[[str], None] = lambda _: None
) -> list[Sample]:
    """The samples that traces make; see `samples`."""
    made: list[Sample] = []
    bare = free = 0
    for trace in traces:
        if trace.request is None or trace.reply is None or not trace.request.messages:
            bare += 1
        elif (found := sample(trace, grader)) is None:
            free += 1
        else:
            made.append(found)
    if bare:
        tell(f"{bare} traces were left out: they were recorded without their texts.")
    if free:
        tell(f"{free} traces were left out: nothing in them says what a right answer is.")
    if not made:
        raise InputError(
            "None of the recorded exchanges can be graded.",
            fix=f"Say how answers are compared: --grader with one of {', '.join(BY_TEXT)}."
            if free
            else "Set store.bodies = true, and record new traffic.",
        )
    return made


def sample(trace: Trace, grader: str) -> Sample | None:
    """The sample that one exchange makes, None where nothing in it says what is right.

    Args:
        trace: With its request and its reply.
        grader: How free text is compared; "" for not at all.
    """
    request, reply = trace.request, trace.reply
    if request is None or reply is None or not request.messages or request.messages[-1].role == "assistant":
        return None
    shape = request.response_format
    schema = shape.schema if shape else None
    if schema is not None and structure.check_schema(schema):
        schema = None
    how = _how(request, reply, schema, grader)
    if how is None:
        return None
    name, target = how
    return Sample(
        id=trace.id,
        messages=request.messages,
        target=target,
        grader=name,
        cluster=trace.conversation,
        tools=tuple(tool for tool in request.tools if tool.name),
        schema=schema,
        max_tokens=request.sampling.max_tokens,
    )


def _how(request: Request, reply: Reply, schema: dict[str, Any] | None, grader: str) -> tuple[str, Any] | None:
    """The grader and the target of an exchange, None where nothing says what is right."""
    if calls := (reply.choices[0].tool_calls if reply.choices else ()):
        if not request.tools:
            return None
        return _calls(calls, {tool.name for tool in request.tools})
    if schema is not None:
        return ("json_schema", None)
    words = _target(reply.text, grader) if grader else ""
    return (grader, words) if words else None


def _calls(calls: Sequence[ToolCallPart], known: Collection[str]) -> tuple[str, Any] | None:
    """One recorded call must be made again; several must all be, in any order."""
    try:
        made = [{"name": call.name, "arguments": msgspec.json.decode(call.arguments or "{}")} for call in calls]
    except (msgspec.DecodeError, RecursionError):
        return None
    if any(call["name"] not in known for call in made):
        return None
    name, target = ("tool_call", made[0]) if len(made) == 1 else ("tool_calls", made)
    return None if graders.GRADERS[name].check(target) else (name, target)


def _target(text: str, grader: str) -> str:
    """What the recorded answer comes down to, "" where the grader finds nothing in it."""
    if grader == "choice":
        return letter(text)
    if grader == "number":
        return text if number(text) is not None else ""
    return text.strip() if not graders.GRADERS[grader].check(text) else ""
