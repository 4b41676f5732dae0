"""Asking an engine to think, in the words that its profile gives: levels, a budget of tokens, a switch.

`Profile.efforts` names the wire fields for each level. Its level `none` switches thinking off, its level `on` switches
it on and leaves the rest to the engine. A budget is written to `Profile.budget`, on top of what `on` says.
"""

from __future__ import annotations

from typing import Any

from weighbridge.canon import Profile, Thinking
from weighbridge.dialects import thinking as scale
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.profiles.paths import NOTHING, first, put

#: What limits an answer's tokens, thinking included, in the four dialects.
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "generationConfig.maxOutputTokens")
_FIELD = "thinking"


def apply_thinking(out: dict[str, Any], thinking: Thinking, profile: Profile, losses: Losses) -> bool:
    """Write how much the engine shall think, where the profile says how.

    A wire field that the client set itself stays.

    Returns:
        Did the profile take care of it? Then the dialect writes nothing of its own.
    """
    fields: dict[str, Any] = {}
    ruled = bool(profile.efforts or profile.budget)
    if ruled and (thinking.enabled is not None or thinking.effort or thinking.budget is not None):
        fields |= _asked(out, thinking, profile, losses)
    if thinking.show:
        fields |= {name: value for name, value in profile.shown.items() if name not in fields}
    for name, value in fields.items():
        path = name.split(".")
        before = first(out, path)
        if before is NOTHING or before is None:
            put(out, path, value)
        elif before != value:
            losses.note(_FIELD, f"the request sets {name} itself, and that counts", "low")
    return ruled


def _asked(out: dict[str, Any], thinking: Thinking, profile: Profile, losses: Losses) -> dict[str, Any]:
    wanted = scale.level(thinking)
    if wanted == "none":
        return _off(profile, losses)
    told = thinking.budget is not None and thinking.budget > 0
    levels = [name for name in profile.efforts if name not in ("none", "on")]
    if profile.budget and (told or (wanted and not levels)):
        return _budget(out, thinking, profile, losses)
    if not levels and "on" not in profile.efforts:
        losses.note(_FIELD, "the engine does not think before it answers")
        return {}
    if not wanted:  # on, or a budget of the engine's choice
        return _on(out, profile, levels, losses)
    if not levels:
        losses.note(_FIELD, f"the engine knows thinking only on or off, not {_said(thinking)}", "low")
        return profile.efforts["on"]
    level = scale.nearest(wanted, levels)
    if level != wanted or (told and scale.BUDGETS[wanted] != thinking.budget):
        losses.note(_FIELD, f"the engine knows no {_said(thinking)}, {level} is nearest", "low")
    return profile.efforts[level]


def _on(out: dict[str, Any], profile: Profile, levels: list[str], losses: Losses) -> dict[str, Any]:
    """Thinking at the engine's own choice; where it leaves none, in the middle."""
    on = profile.efforts.get("on")
    if on is not None and profile.budget and profile.budget not in on and not levels:
        return _budget(out, Thinking(effort="medium"), profile, losses)
    return on if on is not None else profile.efforts[scale.nearest("medium", levels)]


def _off(profile: Profile, losses: Losses) -> dict[str, Any]:
    if "none" in profile.efforts:
        return profile.efforts["none"]
    if profile.budget and not profile.least_budget:
        return {profile.budget: 0}
    losses.note(_FIELD, "the engine cannot be kept from thinking")
    least = scale.nearest("minimal", list(profile.efforts))
    if least:
        return profile.efforts[least]
    return {**profile.efforts.get("on", {}), profile.budget: profile.least_budget} if profile.budget else {}


def _budget(out: dict[str, Any], thinking: Thinking, profile: Profile, losses: Losses) -> dict[str, Any]:
    limits = [value for name in _LIMITS if type(value := first(out, name.split("."))) is int]
    most = min(limits) - 1 if limits else None
    asked = scale.budget(thinking)
    if asked is None:
        return dict(profile.efforts.get("on", {}))
    tokens = asked
    if most is not None and tokens > most:
        # A budget that was told is cut as little as can be; one that stands for a level leaves room for the answer.
        tokens = most if thinking.budget is not None else most * 4 // 5
    if profile.most_budget is not None:
        tokens = min(tokens, profile.most_budget)
    tokens = max(tokens, profile.least_budget)
    if most is not None and tokens > most:
        losses.note(_FIELD, f"an answer of at most {most + 1} tokens leaves no room for thinking")
        return dict(profile.efforts.get("none", {}))
    if tokens != asked:
        losses.note(_FIELD, f"{tokens} tokens of thinking in place of {asked}: the engine's limits", "low")
    return {**profile.efforts.get("on", {}), profile.budget: tokens}


def _said(thinking: Thinking) -> str:
    return f"budget of {thinking.budget} tokens" if thinking.budget is not None else f"level {thinking.effort}"
