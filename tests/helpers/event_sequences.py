"""Every sequence of events that the canon allows, for hypothesis, and what it says in any dialect.

The rules: `Begin` first, once; the parts of a choice in order, a further part of the same kind marked as new; a tool call
begins with its id and its name, and calls may grow side by side; a choice finishes after all of its parts; the tokens
come at any time, the last ones count; a failure ends everything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from weighbridge.canon import (
    Begin,
    Blob,
    Choice,
    Citation,
    CitationEvent,
    Event,
    Failure,
    FilePart,
    Finish,
    FinishReason,
    ImagePart,
    Logprob,
    LogprobsEvent,
    OpaquePart,
    PartEvent,
    ReasoningDelta,
    ReasoningPart,
    RefusalDelta,
    Reply,
    TextDelta,
    TextPart,
    ToolCallDelta,
    ToolCallPart,
    Usage,
    UsageEvent,
)

words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)
ids = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
arguments = st.dictionaries(words, st.integers(-9, 9) | words | st.lists(st.booleans(), max_size=2), max_size=2).map(
    json.dumps
)
blobs = st.builds(Blob, st.just("somewhere"), st.from_regex(r"[A-Za-z0-9+/]{8}", fullmatch=True), st.just("signature"))
links = st.sampled_from(["https://a.example/1", "https://b.example/2?x=1"])
whole_parts: st.SearchStrategy[ImagePart | FilePart | OpaquePart] = st.sampled_from(
    [
        ImagePart(data="iVBORw0KGgo=", media_type="image/png"),
        FilePart(data="UklGRg==", media_type="audio/wav"),
        FilePart(data="JVBERi0=", media_type="application/pdf", name="a.pdf"),
        OpaquePart("elsewhere", {"type": "strange", "x": [1, {"y": None}]}),
    ]
)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    """Tokens that fit together."""
    given, made = draw(st.integers(0, 999)), draw(st.integers(0, 999))
    cached = draw(st.integers(0, given))
    return Usage(given, cached, made, draw(st.integers(0, made)), cache_written=draw(st.integers(0, given - cached)))


@st.composite
def _growing(draw: st.DrawFn) -> list[Event]:
    """Tokens that are told up to twice, and never become fewer."""
    first, more = draw(usages()), draw(usages())
    second = Usage(
        first.input + more.input,
        first.cached + more.cached,
        first.output + more.output,
        first.reasoning + more.reasoning,
        cache_written=first.cache_written + more.cache_written,
    )
    told: list[Event] = [UsageEvent(first), UsageEvent(second)]
    return told[: draw(st.integers(0, 2))]


@st.composite
def _text(draw: st.DrawFn, choice: int, before: str) -> list[Event]:
    pieces = draw(st.lists(words, min_size=1, max_size=3))
    events: list[Event] = [TextDelta(p, choice, new=i == 0 and before == "text") for i, p in enumerate(pieces)]
    if draw(st.booleans()):
        events.append(LogprobsEvent((Logprob(pieces[-1], -0.5, ((pieces[-1], -0.5), ("x", -2.0))),), choice))
    if draw(st.integers(0, 3)) == 0:
        length = len("".join(pieces))
        start = draw(st.integers(0, length - 1))
        span = draw(st.sampled_from([(None, None), (start, draw(st.integers(start + 1, length)))]))
        events.append(CitationEvent(Citation(draw(links), draw(words), draw(words), *span), choice))
    return events


@st.composite
def _thinking(draw: st.DrawFn, choice: int, before: str) -> list[Event]:
    pieces = draw(st.lists(words, max_size=3))
    sealed = draw(st.booleans()) or not pieces
    events = [ReasoningDelta(p, None, choice, new=i == 0 and before == "thinking") for i, p in enumerate(pieces)]
    if sealed:
        events.append(ReasoningDelta("", draw(blobs), choice, new=not pieces and before == "thinking"))
    return list(events)


@st.composite
def _calls(draw: st.DrawFn, choice: int, first: int) -> list[Event]:
    """One call or several side by side, the pieces of their arguments mixed."""
    events: list[Event] = []
    waiting: dict[int, list[str]] = {}
    for index in range(first, first + draw(st.integers(1, 3))):
        told = draw(arguments)
        cut = draw(st.integers(0, len(told)))
        blob = draw(st.none() | blobs) if index == first else None
        events.append(ToolCallDelta(index, f"{draw(ids)}_{index}", draw(ids), told[:cut], choice, blob))
        middle = draw(st.integers(cut, len(told)))
        waiting[index] = [piece for piece in (told[cut:middle], told[middle:]) if piece]
    while waiting := {index: pieces for index, pieces in waiting.items() if pieces}:
        index = draw(st.sampled_from(sorted(waiting)))
        events.append(ToolCallDelta(index, arguments=waiting[index].pop(0), choice=choice))
    return events


@st.composite
def _choice(draw: st.DrawFn, choice: int) -> list[Event]:
    """Everything of one choice, its finish included."""
    events: list[Event] = []
    before = ""
    calls = 0
    for kind in draw(st.lists(st.sampled_from(["text", "text", "thinking", "calls", "refusal", "whole"]), max_size=5)):
        match kind:
            case "text":
                events += draw(_text(choice, before))
            case "thinking":
                events += draw(_thinking(choice, before))
            case "calls":
                more = draw(_calls(choice, calls))
                calls += sum(isinstance(e, ToolCallDelta) and bool(e.id) for e in more)
                events += more
            case "refusal":
                events.append(RefusalDelta(draw(words), choice))
            case _:
                events.append(PartEvent(draw(whole_parts), choice))
        before = before if kind == "refusal" else kind
    others: list[FinishReason] = ["stop", "length", "content_filter", "pause", "error"]
    reasons: list[FinishReason] = ["tool_calls", "length"] if calls else others
    return [*events, Finish(draw(st.sampled_from(reasons)), choice)]


@st.composite
def event_sequences(draw: st.DrawFn, *, choices: int = 3, failures: bool = True) -> list[Event]:
    """A sequence of events.

    Args:
        draw: Hypothesis's own.
        choices: Most choices.
        failures: May it end in a failure?
    """
    lines = [draw(_choice(n)) for n in range(draw(st.sampled_from([1, 1, choices])))]
    lines.append(draw(_growing()))
    events: list[Event] = [Begin(draw(ids), draw(ids), draw(st.integers(1, 2**31)))]
    while lines := [line for line in lines if line]:
        events.append(lines[draw(st.integers(0, len(lines) - 1))].pop(0))
    if failures and draw(st.integers(0, 4)) == 0:
        code = draw(st.sampled_from(["rate_limited", "overloaded", "broken_answer", "refused_request"]))
        events[draw(st.integers(1, len(events))) :] = [Failure(code, "It broke.")]
    return events


def said(reply: Reply) -> list[dict[str, Any]]:
    """What each choice of a reply says, in a form that is the same in every dialect."""
    return [_said(choice) for choice in reply.choices]


def _said(choice: Choice) -> dict[str, Any]:
    media = [p for p in choice.parts if isinstance(p, (ImagePart, FilePart, OpaquePart))]
    return {
        "text": _joined(choice.parts, TextPart) + choice.refusal,
        "reasoning": _joined(choice.parts, ReasoningPart),
        "tool_calls": [(p.name, json.loads(p.arguments)) for p in choice.parts if isinstance(p, ToolCallPart)],
        "ids": [p.id for p in choice.parts if isinstance(p, ToolCallPart)],
        "citations": [(c.url, c.title) for p in choice.parts if isinstance(p, TextPart) for c in p.citations],
        "logprobs": [token.token for token in choice.logprobs],
        "media": sorted(p.data if isinstance(p, (ImagePart, FilePart)) else _inside(p) for p in media),
        "finish": "content_filter" if choice.refusal and choice.finish == "stop" else choice.finish,
    }


def _inside(part: OpaquePart) -> str:
    """What a part that only its own dialect knows holds; some dialects have no other form for an image."""
    return str(part.data.get("result", part.data))


def _joined(parts: Sequence[Any], kind: type[TextPart | ReasoningPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, kind))
