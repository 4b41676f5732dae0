"""OpenAI Responses: whole answers, their tokens, and why they ended."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge.canon import Choice, FinishReason, Part, Reply, Request, TextPart, ToolCallPart, Usage
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_responses.items import read_output
from weighbridge.dialects.openai_responses.marks import read_logprobs, write_logprobs
from weighbridge.dialects.openai_responses.parts import EXTRAS, FORM, SAID, ContentWriter, form_of, keep, made_id
from weighbridge.dialects.openai_responses.request import echo
from weighbridge.dialects.openai_responses.said import SaidWriter
from weighbridge.dialects.strict import misfit
from weighbridge.dialects.upstream_errors import from_stream

#: Fields that repeat the request or say nothing of the answer: they are kept, and nobody misses them.
_ECHOED = frozenset(
    {*echo(None), "max_tool_calls", "conversation", "prompt", "prompt_cache_options", "prompt_cache_retention"}
    | {"frequency_penalty", "presence_penalty", "billing", "completed_at", "output_text", "object"}
)
_REASONS: dict[Any, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_ENDED = ("status", "incomplete_details", "error")
_NAMED = ("id", "object", "created_at", "model", *_ENDED)
PREFIX = "resp_"


def finish_reason(told: dict[str, Any], *, calls: bool) -> FinishReason:
    """Why an answer ended, from its status. One that has not ended yet is to be asked for again: it pauses."""
    status = told.get("status")
    if status in ("queued", "in_progress"):
        return "pause"
    if status in ("failed", "cancelled"):
        return "error"
    if status == "incomplete":
        details = told.get("incomplete_details")
        reason = details.get("reason") if type(details) is dict else None
        return _REASONS.get(reason, "pause") if type(reason) is str else "pause"
    return "tool_calls" if calls else "stop"


def ending(finish: FinishReason | None) -> dict[str, Any]:
    """The fields that tell why an answer ended."""
    out: dict[str, Any] = {"status": "completed", "incomplete_details": None, "error": None}
    match finish:
        case "length":
            out |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
        case "content_filter":
            out |= {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}
        case "pause":
            out |= {"status": "incomplete", "incomplete_details": {"reason": None}}
        case "error":
            out["status"] = "failed"
        case _:
            pass
    return out


def read_usage(raw: Any) -> Usage | None:
    """The tokens; None where none are told."""
    if type(raw) is not dict or ("input_tokens" not in raw and "output_tokens" not in raw):
        return None
    given, made = _count(raw.get("input_tokens")), _count(raw.get("output_tokens"))
    inside, outside = raw.get("input_tokens_details"), raw.get("output_tokens_details")
    inside, outside = inside if type(inside) is dict else {}, outside if type(outside) is dict else {}
    cached = min(_count(inside.get("cached_tokens")), given)
    written = min(_count(inside.get("cache_write_tokens")), given - cached)
    thought = min(_count(outside.get("reasoning_tokens")), made)
    return Usage(given, cached, made, thought, raw.get("estimated") is True, written)


def write_usage(usage: Usage) -> dict[str, Any]:
    """The tokens, with every detail."""
    out: dict[str, Any] = {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
    if usage.estimated:
        out["estimated"] = True
    return out


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else 0


def read_reply(rest: dict[str, Any]) -> Reply:
    """Read a whole answer; takes the object over.

    Raises:
        MisfitError: It has no output, or a field has the wrong type.
        EngineError: It tells of an error in place of an answer.
    """
    output = rest.get("output")
    if rest.get("error") and (rest.get("status") in (None, "failed") or not output):
        raise from_stream(rest["error"])
    if type(output) is not list:
        raise misfit(output, "a list of items", "output")
    del rest["output"]
    form: dict[str, Any] = {"absent": [key for key in (*_NAMED, "usage") if key not in rest]}
    made = _name(rest, "id")
    choice = _read_choice(read_output(output, made), rest, form)
    usage = read_usage(rest.get("usage"))
    if usage is not None:
        told = rest.pop("usage")
        if write_usage(usage) != told:
            form["usage"] = told
    created = rest.get("created_at")
    if type(created) in (int, float):
        del rest["created_at"]
        if type(created) is float:
            form["created_at"] = created
    form["echo"] = {key: rest.pop(key) for key in [*rest] if key in _ECHOED}
    moment = int(created) if type(created) in (int, float) and abs(created) < 1 << 53 else 0  # type: ignore[arg-type]  # a number, as tested
    return Reply((choice,), usage, made, _name(rest, "model"), moment, keep(rest, form))


def _name(rest: dict[str, Any], key: str) -> str:
    """Take a name that nothing depends on: where it is of another type, the answer is not refused for it."""
    value = rest.get(key)
    return rest.pop(key) if type(value) is str and value else ""


def _read_choice(parts: tuple[Part, ...], rest: dict[str, Any], form: dict[str, Any]) -> Choice:
    told = {key: rest.pop(key) for key in _ENDED if key in rest}
    finish = finish_reason(told, calls=_calls(parts))
    form["ended"] = told
    logprobs = [each for part in parts for each in form_of(part).get("logprobs", ())]
    refused = [(i, p) for i, p in enumerate(parts) if isinstance(p, TextPart) and form_of(p).get("type") == "refusal"]
    if not refused:
        return Choice(parts, finish, logprobs=read_logprobs(logprobs))
    places = {i for i, _ in refused}
    kept = [{"at": i, "text": part.text, "extra": part.extra} for i, part in refused]
    said = tuple(part for i, part in enumerate(parts) if i not in places)
    refusal = "".join(part.text for _, part in refused)
    return Choice(said, finish, refusal, keep({}, {"refusals": kept}), read_logprobs(logprobs))


def _calls(parts: tuple[Part, ...]) -> bool:
    return any(type(part) is ToolCallPart for part in parts)


def write_reply(reply: Reply, asked: Request | None, losses: Losses) -> dict[str, Any]:
    """Write a whole answer; one of another dialect gets every field that this one has."""
    own = FORM in reply.extra
    losses.foreign(reply.extra, "")
    if len(reply.choices) > 1:
        losses.note("choices", "only the first answer has a place", "high")
    choice = reply.choices[0] if reply.choices else Choice()
    losses.foreign(choice.extra, "choices[0]")
    made = response_id(reply)
    output = _output(choice, made, losses, own=own)
    if own:
        return _as_read(reply, choice, output)
    if choice.finish == "tool_calls" and not _calls(choice.parts):
        losses.note("choices[0].finish", "that tools are asked for is told by the calls, and there are none", "low")
    usage = write_usage(reply.usage) if reply.usage is not None else None
    named = {"id": made, "object": "response", "created_at": reply.created, "model": reply.model}
    return {**echo(asked), **named, **ending(choice.finish), "output": output, "usage": usage}


def response_id(reply: Reply) -> str:
    """The answer's id. One of another kind gives one that looks as expected here, always the same."""
    if reply.id.startswith(PREFIX) or FORM in reply.extra:
        return reply.id
    return made_id("resp", reply.id or msgspec.json.encode(reply.choices).decode())


def _output(choice: Choice, made: str, losses: Losses, *, own: bool) -> list[dict[str, Any]]:
    count = 0

    def next_id(prefix: str) -> str:
        nonlocal count
        count += 1
        return made_id(prefix, made, str(count))

    writer = SaidWriter(losses, ContentWriter(losses, whole=True), next_id=next_id)
    output = writer.items(_with_refusals(choice), "choices[0]")
    _tell_chances(output, choice, losses)
    if not own and choice.finish in ("length", "content_filter") and output and "status" in output[-1]:
        output[-1]["status"] = "incomplete"
    return output


def _with_refusals(choice: Choice) -> list[Part]:
    """The parts, and among them the refusals where they stood."""
    parts = list(choice.parts)
    kept = EXTRAS.form_of(choice.extra).get("refusals", ())
    texts = [each["text"] for each in kept]
    if "".join(texts) != choice.refusal:  # it was changed since
        texts = [choice.refusal, *("" for _ in texts[1:])]
    for each, text in zip(kept, texts, strict=False):
        parts.insert(each["at"], TextPart(text, each["extra"]))
    if choice.refusal and not kept:
        parts.append(TextPart(choice.refusal, keep({}, {"type": "refusal"})))
    return parts


def _tell_chances(output: list[dict[str, Any]], choice: Choice, losses: Losses) -> None:
    """Put the tokens' chances on the texts: as they stood, or else all of them on the last one."""
    texts = [part for item in output for part in _content(item) if part.get("type") == SAID]
    told = [each for text in texts for each in text.get("logprobs") or ()]
    if read_logprobs(told) == choice.logprobs:
        return
    for text in texts:
        if "logprobs" in text:
            text["logprobs"] = []
    if texts:
        texts[-1]["logprobs"] = write_logprobs(choice.logprobs)
    else:
        losses.note("choices[0].logprobs", "without a text there is no place for them", "low")


def _content(item: dict[str, Any]) -> list[dict[str, Any]]:
    content = item.get("content") if item.get("type") == "message" else None
    return content if type(content) is list else []


def _as_read(reply: Reply, choice: Choice, output: list[dict[str, Any]]) -> dict[str, Any]:
    form = EXTRAS.form_of(reply.extra)
    absent = form.get("absent", ())
    out: dict[str, Any] = {**EXTRAS.fields(reply.extra), **form.get("echo", {})}
    named = {"id": reply.id, "created_at": form.get("created_at", reply.created), "model": reply.model}
    out.update((key, value) for key, value in named.items() if key not in out and key not in absent)
    told = form.get("ended", {})
    same = finish_reason(told, calls=_calls(choice.parts)) == choice.finish
    out |= told if same else ending(choice.finish)
    out["output"] = output
    if reply.usage is not None:
        usage = form.get("usage")
        out["usage"] = usage if usage is not None and read_usage(usage) == reply.usage else write_usage(reply.usage)
    return out


def encode(value: Any) -> bytes:
    """JSON bytes."""
    return _ENCODER.encode(value)


_ENCODER = msgspec.json.Encoder()
