"""Anthropic Messages: which tools must, may or must not be called, and whether several at once."""

from __future__ import annotations

from typing import Any, Literal

from weighbridge.canon import Profile, Request, ToolChoice
from weighbridge.dialects import profiles
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.strict import misfit

Mode = Literal["auto", "none", "required", "named"]
_MODES: dict[str, Mode] = {"auto": "auto", "any": "required", "none": "none"}
_KINDS = {mode: kind for kind, mode in _MODES.items()}
_KNOWN: dict[str, Mode] = {mode: mode for mode in _KINDS}
_ONE = "disable_parallel_tool_use"


def read_choice(rest: dict[str, Any], form: dict[str, Any]) -> tuple[ToolChoice | None, bool | None]:
    """Take the tool choice out of a request, and whether tools may be called in parallel."""
    raw = rest.get("tool_choice")
    if raw is None:
        return None, None
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "tool_choice")
    choice, parallel = _choice_of(raw)
    if choice is None:
        return None, None
    del rest["tool_choice"]
    if _write(choice.mode, choice.name, parallel) != raw:
        form["tool_choice"] = raw
    return choice, parallel


def _choice_of(raw: dict[str, Any]) -> tuple[ToolChoice | None, bool | None]:
    kind, one = raw.get("type"), raw.get(_ONE)
    parallel = not one if type(one) is bool else None
    if kind == "tool" and type(raw.get("name")) is str and raw["name"]:
        return ToolChoice("named", raw["name"]), parallel
    mode = _MODES.get(kind) if type(kind) is str else None
    return (ToolChoice(mode), parallel) if mode else (None, None)


def _write(mode: Mode | Literal["named"], name: str, parallel: bool | None) -> dict[str, Any]:  # noqa: FBT001 - as the canon has it
    out: dict[str, Any] = {"type": "tool", "name": name} if mode == "named" else {"type": _KINDS[mode]}
    if parallel is False and mode != "none":
        out[_ONE] = True
    return out


def write_choice(
    request: Request, form: dict[str, Any], profile: Profile, losses: Losses, *, tools: bool
) -> dict[str, Any] | None:
    """The tool choice for a request; None where nothing has to be said.

    Args:
        request: What is asked.
        form: How it was told, where it was told here.
        profile: The engine's quirks.
        losses: Takes what cannot be told.
        tools: Does the request name any tools?
    """
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    told = form.get("tool_choice")
    mode = profiles.choice(choice.mode, profile, losses) if choice is not None else "auto"
    known: Mode | Literal["named"] = "named" if mode == "named" else _KNOWN.get(mode, "auto")
    if told is not None and _choice_of(told) == (choice, parallel) and choice is not None and mode == choice.mode:
        out: dict[str, Any] = told
        return out
    if choice is None and parallel is not False:
        return None
    if not tools:
        if choice is not None and choice.mode in ("required", "named"):
            losses.note("tool_choice", "a tool must be called, and none is named", "medium")
        return None
    name = choice.name if choice is not None else ""
    return _write(known if name or known != "named" else "required", name, parallel)
