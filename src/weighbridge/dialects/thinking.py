"""How much an engine may think, told as a level in some dialects and as a budget of tokens in others.

The scale is one for all: a level stands for the budget at which most hosts put it, and a budget for the nearest level
on a logarithmic scale.
"""

from __future__ import annotations

import math

from weighbridge.canon import EFFORTS, Effort, Thinking

#: Tokens of thinking that a level stands for.
BUDGETS: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 65536,
}


def effort_of(budget: int) -> Effort:
    """The level that is nearest to a budget of tokens; 0 is none at all, a negative one is the engine's choice."""
    if budget < 0:
        return ""
    if budget == 0:
        return "none"
    levels = [effort for effort in EFFORTS if BUDGETS[effort]]
    return min(levels, key=lambda effort: abs(math.log(BUDGETS[effort]) - math.log(budget)))


def level(thinking: Thinking) -> Effort:
    """The level that is asked for, however it was told; "" where nothing was, or only that it be on."""
    if thinking.enabled is False:
        return "none"
    if thinking.effort:
        return thinking.effort
    return effort_of(thinking.budget) if thinking.budget is not None else ""


def budget(thinking: Thinking, most: int | None = None) -> int | None:
    """The tokens of thinking that are asked for, however it was told; None where nothing was.

    Args:
        thinking: What was asked.
        most: The answer's limit: the budget stays below it.
    """
    if thinking.enabled is False:
        return 0
    found = thinking.budget if thinking.budget is not None else BUDGETS.get(thinking.effort)
    if found is None or found < 0 or most is None:
        return found
    return min(found, max(most - 1, 0))


def nearest(wanted: Effort, known: list[str]) -> str:
    """The known level that is nearest to the wanted one, the higher of two; "" where none is known."""
    order = {effort: place for place, effort in enumerate(EFFORTS)}
    ranked = [name for name in known if name in order]
    return min(ranked, key=lambda name: (abs(order[name] - order[wanted]), -order[name]), default="")
