"""OpenAI Chat: how much an engine may think, for which nearly every host has a field of its own.

What is understood is kept as it was told, too: it goes back in the same words to an engine without a word of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from weighbridge.canon import EFFORTS, Effort, Request, Thinking
from weighbridge.dialects import profiles, thinking
from weighbridge.dialects.openai_chat.outgoing import NAME, Outgoing
from weighbridge.dialects.profiles.paths import put
from weighbridge.dialects.strict import misfit

_ON = {"enabled": True, "disabled": False}
_FIELD = "thinking"
#: What a switch alone asks for where only levels are known.
_USUAL: Effort = "medium"
_NOTHING = Thinking()


def _effort(value: Any) -> dict[str, Any]:
    return {"effort": value} if type(value) is str and value in EFFORTS else {}


def _switch(value: Any) -> dict[str, Any]:
    return {"enabled": value} if type(value) is bool else {}


def _kind(value: Any) -> dict[str, Any]:
    return {"enabled": _ON[value]} if type(value) is str and value in _ON else {}


def _budget(value: Any) -> dict[str, Any]:
    return {"budget": value} if type(value) is int else {}


def _shown(value: Any) -> dict[str, Any]:
    return {"show": value} if type(value) is bool else {}


def _hidden(value: Any) -> dict[str, Any]:
    return {"show": not value} if type(value) is bool else {}


_Reader = Callable[[Any], dict[str, Any]]
_PLAIN: dict[str, _Reader] = {
    "reasoning_effort": _effort,
    "enable_thinking": _switch,
    "thinking_budget": _budget,
    "include_reasoning": _shown,
}
_NESTED: dict[str, dict[str, _Reader]] = {
    "reasoning": {"effort": _effort, "max_tokens": _budget, "exclude": _hidden, "enabled": _switch},
    "thinking": {"type": _kind, "budget_tokens": _budget},
    "chat_template_kwargs": {
        "enable_thinking": _switch,
        "thinking": _switch,
        "thinking_budget": _budget,
        "reasoning_effort": _effort,
    },
}
_NAMES = frozenset({*_PLAIN, *_NESTED})


def read_thinking(rest: dict[str, Any], form: dict[str, Any]) -> Thinking:
    """Take out of a request how much may be thought. Where it is told twice, the first of these fields counts."""
    effort = rest.get("reasoning_effort")
    if effort is not None and type(effort) is not str:
        raise misfit(effort, "the name of a level", "reasoning_effort")
    if _NAMES.isdisjoint(rest):
        return _NOTHING
    told: dict[str, Any] = {}
    for name, reader in _PLAIN.items():
        if name in rest and reader(rest[name]):
            told[name] = rest.pop(name)
    for name, readers in _NESTED.items():
        inner = rest.get(name)
        if type(inner) is not dict:
            continue
        known = {key: value for key, value in inner.items() if key in readers and readers[key](value)}
        if known:
            told[name] = known
            if len(known) == len(inner):
                del rest[name]
            else:
                rest[name] = {key: value for key, value in inner.items() if key not in known}
    if told:
        form[_FIELD] = told
    return _understood(told)


def _understood(told: dict[str, Any]) -> Thinking:
    found: dict[str, Any] = {}
    for name, reader in _PLAIN.items():
        if name in told:
            found = {**reader(told[name]), **found}
    for name, readers in _NESTED.items():
        for key, value in told.get(name, {}).items():
            found = {**readers[key](value), **found}
    return Thinking(**found)


def write_thinking(out: dict[str, Any], request: Request, form: dict[str, Any], to: Outgoing) -> None:
    """Set how much may be thought: in the engine's own words, else in the client's, else in OpenAI's."""
    asked = request.thinking
    if asked == _NOTHING:
        return
    ruled = profiles.apply_thinking(out, asked, to.profile, to.losses)
    if asked.show is False and to.profile.shown:
        for name, value in to.profile.shown.items():
            if type(value) is bool:
                put(out, name.split("."), not value)
    if ruled:
        return
    told: dict[str, Any] | None = form.get(_FIELD)
    if told is not None and _understood(told) == asked:
        for name, value in told.items():
            out[name] = {**(out.get(name) or {}), **value} if type(value) is dict else value
        return
    _write_effort(out, asked, to)


def _write_effort(out: dict[str, Any], asked: Thinking, to: Outgoing) -> None:
    level = thinking.level(asked)
    if not level and asked.enabled:
        level = _USUAL
        to.losses.note(_FIELD, f"{NAME} knows levels of thinking and no switch: {level} is asked", "low")
    elif asked.budget is not None and thinking.BUDGETS.get(level) != asked.budget and asked.enabled is not False:
        said = f"{level} is nearest to {asked.budget} tokens" if level else f"{asked.budget} tokens are the default"
        to.losses.note(_FIELD, f"{NAME} knows levels of thinking and no budget: {said}", "low")
    if asked.show is not None and not to.profile.shown:
        to.losses.note(f"{_FIELD}.show", f"{NAME} cannot say whether thinking is shown", "low")
    if level:
        out["reasoning_effort"] = level
