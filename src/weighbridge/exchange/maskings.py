"""How much of a request each engine must not see: what its route says, and what hosts of its kind are forced to."""

from __future__ import annotations

from msgspec.structs import replace

from weighbridge.canon import DATA_CLASSES, LEVELS, Engine, Masking, strictest
from weighbridge.canon.places import is_among
from weighbridge.routes import Choice
from weighbridge.settings import Mask, MaskForce


def masking_for(engine: Engine, choice: Choice, settings: Mask) -> Masking:
    """What is masked for an engine.

    Args:
        engine: Who would be asked.
        choice: As whom: its route may have a section `mask`; an engine that is named directly has the default.
        settings: The section `[mask]`.
    """
    base = _told(choice, settings)
    return replace(base, level=strictest(base.level, *(one.level for one in settings.force if _concerns(one, engine))))


def why_masked(engine: Engine, choice: Choice, settings: Mask) -> str:
    """What asks for that level."""
    base = _told(choice, settings)
    for number, one in enumerate(settings.force, 1):
        if _concerns(one, engine) and LEVELS.index(one.level) > LEVELS.index(base.level):
            return f"mask.force, rule {number}"
    if choice.entry is not None and choice.entry.mask is not None:
        return f"route {choice.route}"
    return "mask.level" if base.level != "none" else ""


def _told(choice: Choice, settings: Mask) -> Masking:
    told = choice.entry.mask if choice.entry is not None else None
    return told if told is not None else Masking(level=settings.level)


def _concerns(force: MaskForce, engine: Engine) -> bool:
    host = engine.host
    if host.runs_here:
        return False
    if force.jurisdictions:
        named = frozenset(code.upper() for code in force.jurisdictions)
        if not (is_among(host.jurisdiction, named) if host.jurisdiction else "UNKNOWN" in named):
            return False
    if force.data_class:
        ranks = ("", *DATA_CLASSES)
        cleared = ranks.index(host.cleared_for) if host.cleared_for in ranks else 0
        if cleared > ranks.index(force.data_class):
            return False
    return True
