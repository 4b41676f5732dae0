"""Anthropic Messages: writing requests."""

from __future__ import annotations

import re
from typing import Any

from weighbridge.canon import Message, Profile, Request, Sampling, Thinking, Tool, ToolCallPart, ToolResultPart
from weighbridge.dialects import profiles
from weighbridge.dialects.anthropic_messages import thinking
from weighbridge.dialects.anthropic_messages.blocks import CALL_IDS, Blocks, Rules
from weighbridge.dialects.anthropic_messages.choice import write_choice
from weighbridge.dialects.anthropic_messages.common import FORM, NAME, put_content
from weighbridge.dialects.anthropic_messages.format import write_format, write_tool
from weighbridge.dialects.anthropic_messages.request import OWN, TIERS
from weighbridge.dialects.anthropic_messages.turns import arrange, leading
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.ids import CallIds

#: The limit where nobody names one.
MOST = 4096
#: What the user says where nobody says anything.
OPENING = "(The conversation begins.)"
_CALL_ID = re.compile(CALL_IDS).fullmatch
_TIERS = {"auto": "auto", **{ours: theirs for theirs, ours in TIERS.items()}, **{t: t for t in TIERS}}
_WITHOUT_PLACE = {
    "seed": "medium",
    "presence_penalty": "medium",
    "frequency_penalty": "medium",
    "logprobs": "high",
}


def write_request(request: Request, profile: Profile, losses: Losses) -> dict[str, Any]:
    """Write a request for an engine, its profile applied."""
    form: dict[str, Any] = request.extra.get(FORM) or {}
    own = OWN in form
    request = profiles.refuse_media(request, profile, losses)
    placed = profiles.place_system(request.messages, profile.system, losses)
    messages = profiles.replay(placed, profile.replay, NAME)
    losses.foreign(request.extra, "")
    out: dict[str, Any] = {"model": request.model, **(request.extra.get(NAME) or {})}
    _write_tools(out, request, profile, losses, own=own)
    choice = write_choice(request, form, profile, losses, tools=own or "tools" in out)
    if choice is not None:
        out["tool_choice"] = choice
    if request.response_format is not None:
        write_format(out, request.response_format, form, profile, losses, own=own)
    _write_sampling(out, request.sampling, losses, own=own)
    _write_thinking(out, request, form, profile, losses)
    _write_names(out, request, form, losses)
    rules = Rules(
        CallIds(profile.call_ids or CALL_IDS, profile.call_id_length),
        own,
        profile.replay in ("always", "tools"),
        profile.blank_seal,
        profile.cache_markers is not False,
        profile.tool_media is not False,
    )
    blocks = Blocks(losses, rules)
    if own:
        _write_own(out, messages, form, blocks)
    else:
        _write_arranged(out, messages, blocks, losses)
    if not (rules.unsealed or rules.blank_seal) and (not own or blocks.unsealed or messages is not placed):
        _stop_thinking(out, losses)
    profiles.apply(out, profile, losses)
    return out


def has_foreign_ids(request: Request) -> bool:
    """Has a tool call an id that the wire does not accept? Clients send back what another engine gave them."""
    parts = (part for message in request.messages for part in message.parts)
    ids = (p.id if isinstance(p, ToolCallPart) else p.call_id if isinstance(p, ToolResultPart) else "" for p in parts)
    return any(made and not _CALL_ID(made) for made in ids)


def _write_tools(out: dict[str, Any], request: Request, profile: Profile, losses: Losses, *, own: bool) -> None:
    among = request.tool_choice.among if request.tool_choice is not None else ()
    found: list[dict[str, Any]] = []
    for i, tool in enumerate(request.tools):
        if tool.opaque is not None:
            _write_hosted(out, tool, f"tools[{i}]", found, losses)
        elif not among or tool.name in among:
            found.append(write_tool(tool, profile, f"tools[{i}]", losses, own=own))
        else:
            losses.note(f"tools[{i}]", "only some tools may be called: the others are not told", "low")
    if found:
        out["tools"] = found


def _write_hosted(out: dict[str, Any], tool: Tool, place: str, found: list[dict[str, Any]], losses: Losses) -> None:
    assert tool.opaque is not None
    data = tool.opaque.data
    if tool.opaque.dialect != NAME:
        losses.note(place, f"only a host that speaks {tool.opaque.dialect} has this tool", "high")
    elif "mcp_servers" in data:
        out["mcp_servers"] = data["mcp_servers"]
    else:
        found.append(data)


def _write_sampling(out: dict[str, Any], sampling: Sampling, losses: Losses, *, own: bool) -> None:
    for field in ("max_tokens", "temperature", "top_p", "top_k"):
        value = getattr(sampling, field)
        if value is not None:
            out[field] = value
    if not own and sampling.temperature is not None and sampling.temperature > 1:
        out["temperature"] = 1.0
        losses.note("temperature", f"1 is the most here, not {sampling.temperature:g}")
    for field, weight in _WITHOUT_PLACE.items():
        if getattr(sampling, field):
            losses.note(field, f"{NAME} has no place for it", weight)  # type: ignore[arg-type]  # of the table above
    if sampling.n is not None and sampling.n > 1:
        losses.note("n", f"{NAME} gives one answer", "high")
    stop = [s for s in sampling.stop if own or s.strip()]
    if len(stop) < len(sampling.stop):
        losses.note("stop", "a stop sequence must hold more than spaces and line ends here", "medium")
    if stop:
        out["stop_sequences"] = stop


def _write_thinking(
    out: dict[str, Any], request: Request, form: dict[str, Any], profile: Profile, losses: Losses
) -> None:
    """What is asked of thinking, and the answer's limit, which has to leave room for it."""
    asked = request.thinking
    told: list[Any] = form.get("thinking") or []
    same = bool(told) and thinking.read(*told) == asked
    wish = request.sampling.max_tokens
    default = profile.max_output or MOST
    if wish is None:
        out["max_tokens"] = default
    if not (same and told[0] is None) and profiles.apply_thinking(out, asked, profile, losses):
        field: dict[str, Any] | None = _display(out, asked) if OWN in form else None
        effort = ""
    elif same:
        field, effort = told
    else:
        own = OWN in form
        field, effort = thinking.write(
            asked, None if own or (wish is None and not profile.max_output) else wish or default, losses
        )
    if field is not None:
        out["thinking"] = {**field, **(out.get("thinking") or {})}
    if effort:
        out["output_config"] = {**(out.get("output_config") or {}), "effort": effort}
    if wish is None:
        if field is not None and not profile.max_output and type(field.get("budget_tokens")) is int:
            out["max_tokens"] = default + field["budget_tokens"]
        losses.note("max_tokens", f"a limit is demanded here, and none was asked for: {out['max_tokens']}", "low")


def _display(out: dict[str, Any], asked: Thinking) -> dict[str, Any] | None:
    """Where a profile has said how to think: whether the client wants to be told of it, as it said it here."""
    on = type(out.get("thinking")) is dict and out["thinking"].get("type") != "disabled"
    return thinking.shown({}, asked) if on and asked.show is not None else None


def _write_names(out: dict[str, Any], request: Request, form: dict[str, Any], losses: Losses) -> None:
    """The fields that say who asks, and how it is to be served."""
    if request.stream or "stream" in form:
        out["stream"] = request.stream
    if request.user:
        out["metadata"] = {**(out.get("metadata") or {}), "user_id": request.user}
    if request.metadata:
        losses.note("metadata", f"{NAME} takes the user's id alone", "low")
    if request.service_tier:
        tier = _TIERS.get(request.service_tier)
        if tier is None and OWN not in form:
            losses.note("service_tier", f"{NAME} has no tier {request.service_tier[:40]}", "low")
        else:
            out["service_tier"] = tier or request.service_tier
    if request.verbosity:
        losses.note("verbosity", f"{NAME} has no place for it", "low")
    if request.cache_key:
        losses.note("cache_key", f"{NAME} has no place for it", "low")
    if request.continues:
        losses.note("continues", "the earlier answer that this goes on from is not known here", "high")


def _write_own(out: dict[str, Any], messages: tuple[Message, ...], form: dict[str, Any], blocks: Blocks) -> None:
    """The conversation as it was read."""
    first = 0
    if messages and messages[0].role == "system" and "leads" not in (messages[0].extra.get(FORM) or {}):
        first = 1
        lead = messages[0]
        put_content(out, blocks.write(lead.parts, "system"), lead.extra.get(FORM) or {}, "system")
    elif "system" in form:
        out["system"] = form["system"]
    found = []
    for i, message in enumerate(messages[first:]):
        written = blocks.write(message.parts, f"messages[{i}]")
        shape: dict[str, Any] = message.extra.get(FORM) or {}
        if not written and "empty" not in shape:
            continue
        own: dict[str, Any] = {**(message.extra.get(NAME) or {}), "role": message.role}
        put_content(own, written, shape)
        found.append(own)
    out["messages"] = found


def _write_arranged(out: dict[str, Any], messages: tuple[Message, ...], blocks: Blocks, losses: Losses) -> None:
    """A conversation of another dialect in the order that this one demands."""
    head = leading(messages)
    system: list[dict[str, Any]] = []
    for i, message in enumerate(messages[:head]):
        losses.foreign(message.extra, f"messages[{i}]")
        added = blocks.write((p for p in message.parts), f"messages[{i}]")
        added = [b for b in added if b.get("text") != ""]
        if system and added and added[0].get("type") == "text":
            added[0] = {**added[0], "text": "\n\n" + added[0]["text"]}
        system += added
    if system:
        put_content(out, system, {}, "system")
    found: list[dict[str, Any]] = []
    for turn in arrange(messages[head:], losses, head):
        written = [b for place, part in turn.items for b in blocks.write((part,), place)]
        if not written:
            continue
        if found and found[-1]["role"] == turn.role:
            found[-1]["content"] += written
        else:
            found.append({"role": turn.role, "content": written})
    if not found:
        losses.note("messages", "a conversation has at least one turn here: one of the user was added", "low")
        found.append({"role": "user", "content": [{"type": "text", "text": OPENING}]})
    for said in found:
        put_content(said, said["content"], {})
    out["messages"] = found


def _stop_thinking(out: dict[str, Any], losses: Losses) -> None:
    """Thinking at a budget demands that the turn whose tools were just called begins with its thinking.

    Where it does not, since another engine took that turn, this request goes without.
    """
    field = out.get("thinking")
    if type(field) is not dict or field.get("type") != "enabled":
        return
    for message in reversed(out["messages"]):
        content = message["content"]
        kinds = [b.get("type") for b in content] if type(content) is list else ["text"]
        if message["role"] == "assistant":
            if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
                out["thinking"] = {"type": "disabled"}
                why = "the tools were called by an engine whose thinking this one cannot read: it answers without"
                losses.note("thinking", why)
            return
        if message["role"] == "user" and "tool_result" not in kinds:
            return
