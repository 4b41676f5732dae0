"""Gemini: whole answers, their tokens, and why they ended."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from weighbridge.canon import (
    Choice,
    Logprob,
    OpaquePart,
    Part,
    Reply,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.gemini_generate.form import FORM, NAME, keep, missing, spell, spellings, take_list, unify
from weighbridge.dialects.gemini_generate.grounding import Grounding, read_citations
from weighbridge.dialects.gemini_generate.ids import CallLog
from weighbridge.dialects.gemini_generate.parts import read_part
from weighbridge.dialects.gemini_generate.said import PartWriter
from weighbridge.dialects.gemini_generate.told import (
    finish_reason,
    finish_word,
    read_logprobs,
    read_usage,
    seconds,
    stamp_of,
    write_logprobs,
    write_usage,
)
from weighbridge.dialects.strict import MisfitError, each, each_at, misfit, take_text

_REPLY = spellings("usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback")
_CANDIDATE = spellings("finishReason", "groundingMetadata", "logprobsResult")


def call_log(reply_id: str, choice: int) -> CallLog:
    """Makes the ids of the calls of one answer, where the wire tells none."""
    base = f"call_{reply_id}" if reply_id else "call"
    return CallLog(f"{base}_{choice}" if choice else base)


def read_reply(raw: dict[str, Any]) -> Reply:
    """Read a whole answer.

    Raises:
        MisfitError: It is no answer, or a field has the wrong type.
    """
    rest, told = unify(raw, _REPLY)
    form: dict[str, Any] = {"snake": told} if told else {}
    if type(rest.get("candidates")) is not list and "promptFeedback" not in rest:
        raise missing("candidates", "")
    reply_id = _name(rest, "responseId")
    choices = _read_candidates(rest, form, reply_id)
    usage = read_usage(rest.get("usageMetadata"))
    if usage is not None:
        form["usage"] = rest.pop("usageMetadata")
    created = seconds(rest.get("createTime"))
    if created:
        form["created"] = rest.pop("createTime")
    return Reply(choices, usage, reply_id, _name(rest, "modelVersion"), created, keep(rest, form))


def _read_candidates(rest: dict[str, Any], form: dict[str, Any], reply_id: str) -> tuple[Choice, ...]:
    raws = rest.get("candidates")
    if not raws and type(rest.get("promptFeedback")) is dict:  # the question was refused: nobody answers
        form["blocked"] = "candidates" in rest
        rest.pop("candidates", None)
        return (Choice(finish="content_filter"),)
    found = each_at(
        take_list(rest, "candidates", "a list of candidates") or (),
        lambda raw, i: _read_candidate(raw, i, reply_id),
        "candidates",
    )
    if not found:
        raise MisfitError("It is empty.", "", "candidates")
    return tuple(found)


def _name(rest: dict[str, Any], key: str) -> str:
    """Take a name that nothing depends on: where it is of another type, the answer is not refused for it."""
    value = rest.get(key)
    return rest.pop(key) if type(value) is str and value else ""


def _read_candidate(raw: Any, place: int, reply_id: str) -> Choice:
    if type(raw) is not dict:
        raise misfit(raw, "an object with content", "")
    rest, told = unify(raw, _CANDIDATE)
    form: dict[str, Any] = {"snake": told} if told else {}
    try:
        parts = _read_content(rest, form, call_log(reply_id, place))
    except MisfitError as error:
        raise error.under("content") from None
    if "index" not in rest:
        form["index"] = "absent"
    elif rest["index"] == place and type(rest["index"]) is int:
        del rest["index"]
    if "groundingMetadata" in rest:
        form["grounding"] = rest.pop("groundingMetadata")
        parts = _with_citations(parts, form["grounding"])
    logprobs: tuple[Logprob, ...] = ()
    if "logprobsResult" in rest:
        form["logprobs"] = rest.pop("logprobsResult")
        logprobs = read_logprobs(form["logprobs"])
    finish = finish_reason(rest.get("finishReason"), calls=_calls(parts))
    form["finish"] = [rest.pop("finishReason")] if "finishReason" in rest else []
    return Choice(parts, finish, extra=keep(rest, form), logprobs=logprobs)


def _read_content(rest: dict[str, Any], form: dict[str, Any], calls: CallLog) -> tuple[Part, ...]:
    content = rest.get("content")
    if content is None:
        form["content"] = "absent"
        return ()
    if type(content) is not dict:
        raise misfit(content, "an object with parts", "")
    del rest["content"]
    inner = dict(content)
    if type(inner.get("parts")) in (dict, type(None)):
        form["parts"] = "absent" if inner.get("parts") is None else "object"
    raws = take_list(inner, "parts", "a list of parts")

    def read(raw: Any) -> Part:
        # An answer holds no tool's result of ours: one that is there is the host's own, and stays whole.
        part = read_part(raw, calls)
        return OpaquePart(NAME, raw) if isinstance(part, ToolResultPart) else part

    found = each(raws or (), read, "parts")
    if take_text(inner, "role") != "model":
        form["role"] = content.get("role", "absent")
        inner.pop("role", None)
    if inner:
        form["inner"] = inner
    return tuple(found)


def _with_citations(parts: tuple[Part, ...], grounding: Any) -> tuple[Part, ...]:
    texts = [part.text if isinstance(part, TextPart) else None for part in parts]
    found = read_citations(grounding, texts)
    return tuple(
        replace(part, citations=tuple(cited)) if cited and isinstance(part, TextPart) else part
        for part, cited in zip(parts, found, strict=True)
    )


def _calls(parts: tuple[Part, ...]) -> bool:
    return any(isinstance(part, ToolCallPart) for part in parts)


def write_reply(reply: Reply, losses: Losses) -> dict[str, Any]:
    """Write a whole answer."""
    form: dict[str, Any] = reply.extra.get(FORM) or {}
    losses.foreign(reply.extra, "")
    out: dict[str, Any] = dict(reply.extra.get(NAME) or {})
    blocked = form.get("blocked")
    if blocked is None:
        out["candidates"] = [_write_candidate(choice, i, losses) for i, choice in enumerate(reply.choices)]
    elif blocked:
        out["candidates"] = []
    if reply.usage is not None:
        told = form.get("usage")
        out["usageMetadata"] = told if read_usage(told) == reply.usage else write_usage(reply.usage)
    stamp = form.get("created")
    stamp = stamp if stamp is not None and seconds(stamp) == reply.created else stamp_of(reply.created)
    named = {"modelVersion": reply.model, "responseId": reply.id, "createTime": stamp}
    out.update((key, value) for key, value in named.items() if value)
    return spell(out, form.get("snake", ()), _REPLY)


def _write_candidate(choice: Choice, index: int, losses: Losses) -> dict[str, Any]:
    form: dict[str, Any] = choice.extra.get(FORM) or {}
    place = f"choices[{index}]"
    losses.foreign(choice.extra, place)
    out: dict[str, Any] = dict(choice.extra.get(NAME) or {})
    wire = PartWriter(losses, reply=True)
    parts: list[dict[str, Any]] = []
    grounding = Grounding()
    for i, part in enumerate(choice.parts):
        spot = f"{place}.parts[{i}]"
        if isinstance(part, TextPart):
            for citation in part.citations:
                losses.foreign(citation.extra, f"{spot}.citations")
                grounding.add(citation, part.text, part=len(parts))
        parts += wire.write(part, spot)
    if choice.refusal:
        parts.append({"text": choice.refusal})
        losses.note(f"{place}.refusal", f"{NAME} tells a refusal as plain text", "low")
    _put_content(out, parts, form)
    if form.get("index") != "absent":
        out.setdefault("index", index)
    _put_details(out, choice, grounding, form)
    told = form.get("finish")  # in a list; an empty one where nothing was told
    same = told is not None and finish_reason(told[0] if told else None, calls=_calls(choice.parts)) == choice.finish
    if told and same:
        out["finishReason"] = told[0]
    elif not same and choice.finish is not None:
        out["finishReason"] = finish_word(choice.finish, place, losses)
    return spell(out, form.get("snake", ()), _CANDIDATE)


def _put_content(out: dict[str, Any], parts: list[dict[str, Any]], form: dict[str, Any]) -> None:
    if form.get("content") == "absent" and not parts:
        return
    content: dict[str, Any] = dict(form.get("inner") or {})
    if parts or form.get("parts") != "absent":
        content["parts"] = parts[0] if form.get("parts") == "object" and len(parts) == 1 else parts
    role = form.get("role", "model")
    if role != "absent":
        content["role"] = role
    out["content"] = content


def _put_details(out: dict[str, Any], choice: Choice, grounding: Grounding, form: dict[str, Any]) -> None:
    """What an answer rests on and how likely its tokens were: as it was read, where that still holds."""
    if "grounding" in form and _with_citations(_bare(choice.parts), form["grounding"]) == choice.parts:
        out["groundingMetadata"] = form["grounding"]
    elif found := grounding.metadata():
        told = form.get("grounding")
        out["groundingMetadata"] = {**told, **found} if type(told) is dict else found
    if "logprobs" in form and read_logprobs(form["logprobs"]) == choice.logprobs:
        out["logprobsResult"] = form["logprobs"]
    elif choice.logprobs:
        out["logprobsResult"] = write_logprobs(choice.logprobs)


def _bare(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    return tuple(replace(part, citations=()) if isinstance(part, TextPart) else part for part in parts)
