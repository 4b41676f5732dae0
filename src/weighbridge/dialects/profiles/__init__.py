"""Applying an engine's quirks to a request on its way out. Every change of what was asked is a Loss.

A field is named as in the dialect; a dotted name reaches further in, and through lists into each of their items:
`messages.name`, `tools.function.strict`, `generationConfig.thinkingConfig.thinkingBudget`. First `rename`, then `drop`,
`fixed`, `defaults` and `quirks`, for which a field may have its old or its new name; roles come last.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weighbridge.canon import Profile, Quirk, Severity
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.profiles.messages import place_system, refuse_media, replay
from weighbridge.dialects.profiles.paths import NOTHING, first, put, remove, values
from weighbridge.dialects.profiles.thinking import apply_thinking

__all__ = [
    "apply",
    "apply_thinking",
    "choice",
    "is_neutral",
    "names",
    "place_system",
    "refuse_media",
    "replay",
    "severity_of",
    "touches_messages",
]

_HIGH = frozenset(
    {"messages", "contents", "input", "instructions", "system", "systemInstruction"}
    | {"tools", "functions", "tool_choice", "toolConfig", "response_format", "text", "output_config"}
)
_LOW = frozenset(
    {"user", "metadata", "store", "service_tier", "stream_options", "prompt_cache_key", "safety_identifier"}
    | {"labels", "cachedContent", "cache_control"}
)
_LISTS_OF_ROLES = ("messages", "input")
_SHOWN = 40


def is_neutral(profile: Profile) -> bool:
    """Does the profile leave every request alone, whatever stands in it?"""
    p = profile
    wire = p.rename or p.drop or p.fixed or p.defaults or p.quirks or p.choices or p.schema
    return not (wire or p.efforts or p.budget or p.shown or touches_messages(p))


def touches_messages(profile: Profile) -> bool:
    """May a rule change what stands in the messages? Else it is enough to look at the other fields."""
    p = profile
    ruled = p.roles or p.system or p.call_ids or p.reasoning_field or p.blank_seal or p.rejects
    switched = p.replay == "never" or p.tool_media is False or p.cache_markers is False
    return bool(ruled or switched or any(names(p, name) for name in ("messages", "input", "contents")))


def names(profile: Profile, field: str) -> bool:
    """Does a rule name this top-level field, or something within it?"""
    rules = [*profile.rename, *profile.drop, *profile.fixed, *profile.defaults]
    for quirk in profile.quirks:
        rules += [*quirk.when, *quirk.drop, *quirk.set]
    return any(rule.partition(".")[0] == field for rule in rules)


def apply(out: dict[str, Any], profile: Profile, losses: Losses) -> bool:
    """Change a request's fields in place; what lies further in is copied before it is changed.

    Args:
        out: The request as the dialect has written it.
        profile: The engine's quirks.
        losses: Takes what was lost.

    Returns:
        Was anything changed at all?
    """
    changed = _rename(out, profile, losses) if profile.rename else False
    for field in profile.drop:
        changed |= _drop(out, _path(field, profile), "the engine rejects this field", severity_of(field), losses)
    for field, value in profile.fixed.items():
        changed |= _fix(out, _path(field, profile), value, "", severity_of(field), losses)
    for field, value in profile.defaults.items():
        path = _path(field, profile)
        if first(out, path) in (NOTHING, None):
            put(out, path, value)
            changed = True
    for quirk in profile.quirks:
        changed |= _quirk(out, quirk, profile, losses)
    return _roles(out, profile.roles, losses) or changed


def choice(mode: str, profile: Profile, losses: Losses) -> str:
    """The nearest that the engine knows to a tool choice's mode; another than was asked is a Loss."""
    told = profile.choices.get(mode, mode)
    if told != mode:
        losses.note("tool_choice", f"the engine knows no {mode}, {told} is asked in its place")
    return told


def severity_of(field: str) -> Severity:
    """How much the loss of a field matters to the answer."""
    top = field.partition(".")[0]
    if top in _HIGH:
        return "high" if field == top else "medium"
    return "low" if top in _LOW else "medium"


def _path(field: str, profile: Profile) -> list[str]:
    return profile.rename.get(field, field).split(".")


def _rename(out: dict[str, Any], profile: Profile, losses: Losses) -> bool:
    changed = False
    for old, new in profile.rename.items():
        path, target = old.split("."), new.split(".")
        value = first(out, path)
        if value is NOTHING:
            continue
        changed = True
        remove(out, path)
        if first(out, target) is NOTHING:
            put(out, target, value)
        elif value is not None:
            losses.note(old, f"the engine calls it {new}, and that was set too", severity_of(old))
    return changed


def _drop(out: dict[str, Any], path: list[str], why: str, severity: Severity, losses: Losses) -> bool:
    said = any(value is not None for value in values(out, path))
    if not remove(out, path):
        return False
    if said:
        losses.note(".".join(path), why, severity)
    return True


def _fix(out: dict[str, Any], path: list[str], value: Any, why: str, severity: Severity, losses: Losses) -> bool:
    """Give a field its value. With `why`, to add what was not there is a loss, too."""
    before = list(values(out, path))
    if before and all(each == value for each in before):
        return False
    put(out, path, value)
    other = next((each for each in before if each is not None and each != value), None)
    if other is not None:
        told = why or f"the engine accepts only {_short(value)}, not {_short(other)}"
        losses.note(".".join(path), told, severity)
    elif why:
        losses.note(".".join(path), why, severity)
    return True


def _quirk(out: dict[str, Any], quirk: Quirk, profile: Profile, losses: Losses) -> bool:
    if not all(_holds(out, _path(field, profile), wanted) for field, wanted in quirk.when.items()):
        return False
    changed = False
    for field in quirk.drop:
        why = quirk.why or "the engine rejects this field together with others"
        changed |= _drop(out, _path(field, profile), why, quirk.severity or severity_of(field), losses)
    for field, value in quirk.set.items():
        changed |= _fix(out, _path(field, profile), value, quirk.why, quirk.severity or severity_of(field), losses)
    return changed


def _holds(out: dict[str, Any], path: list[str], wanted: Any) -> bool:
    """Is one of the wanted values there? A null counts as not set."""
    found = [value for value in values(out, path) if value is not None]
    for each in wanted if type(wanted) in (list, tuple) else (wanted,):
        if each == "*" and found:
            return True
        if each == "-" and not found:
            return True
        if any(value == each and type(value) is type(each) for value in found):
            return True
    return False


def _roles(out: dict[str, Any], roles: Mapping[str, str], losses: Losses) -> bool:
    """Give messages the roles that the engine knows. Between system and developer nothing is lost."""
    changed = False
    for field in _LISTS_OF_ROLES if roles else ():
        found = out.get(field)
        messages: list[Any] = found if type(found) is list else []
        for i, message in enumerate(messages):
            role: str = message.get("role") or "" if type(message) is dict else ""
            if role not in roles or roles[role] == role:
                continue
            messages[i] = {**message, "role": roles[role]}
            changed = True
            if {role, roles[role]} != {"system", "developer"}:
                losses.note(f"{field}[{i}].role", f"the engine knows {roles[role]} in place of {role}", "low")
    return changed


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
