"""What one exchange says of the engine that was asked: did it answer, in the form that was wanted, how fast, for how much?

Everything is told by the exchange alone: no right answer is known, and no tool is run.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from msgspec import Struct

from weighbridge.canon import Reply, Request, Trace
from weighbridge.errors import InputError
from weighbridge.mask.language import language_of
from weighbridge.weigh.graders import structure
from weighbridge.weigh.graders.kinds import kind_of
from weighbridge.weigh.types import Sample

_NEUTRAL = frozenset({"ok", "cancelled", "passed_over", "lost"})
"""Outcomes of an attempt that speak neither for nor against the engine that was asked."""
_OURS = frozenset({"limit_reached", "budget_spent", "bad_input", "too_large", "policy_refused", "mask_failed"})
"""Outcomes of an exchange that no engine brought about."""


class Signs(Struct, frozen=True, omit_defaults=True):
    """What an exchange says of an engine; None: nothing.

    Attributes:
        failed: It gave no answer, or one that broke off, also where another engine answered in its place.
        malformed: JSON was asked for, and it gave none, or none of the schema.
        miscalled: It called a tool that there is not, or with arguments that do not fit it, or called none where it had to.
        refused: It refused, took its answer back, or gave nothing.
        seconds: Until its answer was complete.
        first_token: Seconds until its answer began.
        cost: In micro-units of `currency`.
        language: Of the user.
    """

    failed: bool | None = None
    malformed: bool | None = None
    miscalled: bool | None = None
    refused: bool | None = None
    seconds: float | None = None
    first_token: float | None = None
    cost: int | None = None
    currency: str = "USD"
    language: str = ""


def signs(trace: Trace, engine: str) -> Signs:
    """What an exchange says of an engine that was asked in it.

    Args:
        trace: With its texts, or without: then it only says whether, how fast and for how much.
        engine: Its name. Where it was not asked at all, nothing is said.
    """
    mine = [one for one in trace.attempts if one.engine == engine]
    if trace.cached or not mine or trace.outcome in _OURS:
        return Signs()
    told = language(trace.request)
    if any(one.outcome not in _NEUTRAL for one in mine[-1:]):
        return Signs(failed=True, language=told)
    if trace.outcome != "ok" or trace.engine != engine:
        return Signs(
            language=told
        )  # its caller left, or another engine was faster: nobody knows how it would have ended
    wrong = form(trace.request, trace.reply) if trace.request is not None and trace.reply is not None else Form()
    return of_answer(trace, wrong, told)


def of_answer(trace: Trace, told: Form, spoken: str) -> Signs:
    """What an exchange that gave an answer says, its form and the language of its user being known."""
    return Signs(
        failed=False,
        malformed=told.malformed,
        miscalled=told.miscalled,
        refused=told.refused,
        seconds=trace.total,
        first_token=trace.first_token if trace.streamed else None,
        cost=trace.cost,
        currency=trace.currency,
        language=spoken,
    )


class Form(Struct, frozen=True):
    """Whether an answer has the form that was asked for; None where it was not asked for any."""

    malformed: bool | None = None
    miscalled: bool | None = None
    refused: bool | None = None


def form(request: Request, reply: Reply) -> Form:
    """Whether an answer has the form that was asked for."""
    calls = reply.choices[0].tool_calls if reply.choices else ()
    shape, choice = request.response_format, request.tool_choice
    wants_json = shape is not None and shape.kind != "text" and not calls
    must_call = choice is not None and choice.mode in ("required", "named")
    return Form(
        malformed=not _is_json(shape.schema, reply.text) if shape is not None and wants_json else None,
        miscalled=not all(_fits(request, one.name, one.arguments) for one in calls) if calls else must_call or None,
        refused=kind_of(reply) in ("refused", "retracted", "empty") if not calls else False,
    )


def language(request: Request | None) -> str:
    """The language in which the user speaks, "" where nothing is known."""
    if request is None:
        return ""
    said = [message.text for message in request.messages if message.role == "user" and message.text]
    return language_of(said[-1]) if said else ""


def _is_json(schema: dict[str, Any] | None, text: str) -> bool:
    if schema is None or not _usable(msgspec.json.encode(schema)):
        try:
            structure.read_json(text)
        except InputError:
            return False
        return True
    return bool(structure.json_schema(Sample("", (), schema=schema), text).valid)


def _fits(request: Request, name: str, arguments: str) -> bool:
    """Could a program run this call?"""
    tool = next((one for one in request.tools if one.name == name), None)
    if tool is None:
        return any(one.opaque is not None for one in request.tools)  # a host's own tools have names of their own
    try:
        value = msgspec.json.decode(arguments or "{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    return isinstance(value, dict) and (not tool.schema or _is_json(tool.schema, arguments or "{}"))


@functools.lru_cache(maxsize=1024)
def _usable(schema: bytes) -> bool:
    return not structure.check_schema(msgspec.json.decode(schema))
