"""Anthropic Messages: how much an engine shall think."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import EFFORTS, Effort, Thinking
from weighbridge.dialects import thinking as scale
from weighbridge.dialects.extras import Losses

#: Fewer tokens of thinking are refused.
LEAST = 1024
_SHOWN = {"summarized": True, "omitted": False}

Wire = tuple[dict[str, Any] | None, str]
"""The field `thinking` (None: it is not there), and `output_config.effort` ("": it is not)."""


def read(raw: Any, effort: Any) -> Thinking | None:
    """What the two fields ask for; None where the canon cannot say it."""
    level: Effort = effort if type(effort) is str and effort in EFFORTS else ""
    if raw is None:
        return Thinking(effort=level)
    if type(raw) is not dict:
        return None
    told = raw.get("display")
    show = _SHOWN.get(told) if type(told) is str else None
    budget = raw.get("budget_tokens")
    match raw.get("type"):
        case "disabled":
            return Thinking(enabled=False, effort=level)
        case "adaptive":
            return Thinking(enabled=True, effort=level, show=show)
        case "enabled" if budget is None or (type(budget) is int and budget > 0):
            return Thinking(enabled=True, effort=level, budget=budget, show=show)
        case _:
            return None


def write(thinking: Thinking, most: int | None, losses: Losses) -> Wire:
    """The two fields for what is asked, as most engines of this dialect take them.

    A level that comes alone is told as a budget, which all of them know; together with the switch, or as the choice
    of the engine, it is adaptive thinking.

    Args:
        thinking: What was asked.
        most: The answer's limit; thinking has to stay below it.
        losses: Takes what cannot be told.
    """
    effort = _level(thinking.effort)
    if thinking.enabled is False:
        return {"type": "disabled"}, effort
    if thinking.effort == "none" or thinking.budget == 0:
        return {"type": "disabled"}, ""
    if thinking.budget is not None and thinking.budget > 0:
        return _budgeted(thinking, thinking.budget, most, losses, effort)
    if thinking.enabled or thinking.budget is not None:
        return shown({"type": "adaptive"}, thinking), effort
    if thinking.effort:
        return _budgeted(thinking, max(scale.BUDGETS[thinking.effort], LEAST), most, losses, "")
    if thinking.show:
        losses.note("thinking.show", "thinking is told only where it is asked for", "low")
    return None, ""


def _level(effort: Effort) -> str:
    """The level's name here: there is nothing between none and low."""
    return "low" if effort == "minimal" else "" if effort == "none" else effort


def _budgeted(thinking: Thinking, budget: int, most: int | None, losses: Losses, effort: str) -> Wire:
    told = max(budget, LEAST)
    if most is not None and told >= most:
        told = most - 1
        if told < LEAST:
            losses.note("thinking", f"an answer of at most {most} tokens leaves no room for thinking")
            return {"type": "disabled"}, effort
    if told != budget:
        losses.note("thinking", f"{told} tokens of thinking in place of {budget}", "low")
    return shown({"type": "enabled", "budget_tokens": told}, thinking), effort


def shown(out: dict[str, Any], thinking: Thinking) -> dict[str, Any]:
    """Add whether the thinking is to be told."""
    if thinking.show is not None:
        out["display"] = "summarized" if thinking.show else "omitted"
    return out
