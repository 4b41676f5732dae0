"""Is a judge of the same family as those whom it judges? Judges prefer their own kind, so it is refused unless forced.

Family is the lab that made a model, the name of its family where no lab is known, and what its weights were made from.
What the catalogue does not know makes nobody kin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weighbridge.canon import Engine, Model
from weighbridge.errors import InputError

_MAX_LINE = 20  # models that descend from one another


def kinship(judge: Engine, other: Engine, find: Callable[[str], Model | None]) -> str:
    """Why a judge is kin to another engine, as the rest of "..., and"; "" where nothing says so.

    Args:
        judge: Who judges.
        other: Whose answers are judged.
        find: The model of a name, as the catalogue knows it.
    """
    ours, theirs = _line(judge.model, find), _line(other.model, find)
    shared = [name for name in ours if name in theirs]
    if shared:
        return "they are the same model" if judge.model.name == other.model.name else f"both come from {shared[0]}"
    for mine in ours.values():
        for yours in theirs.values():
            if mine and yours and mine.lab and mine.lab == yours.lab:
                return f"both are of the lab {mine.lab}"
            if mine and yours and mine.family and mine.family == yours.family:
                return f"both are of the family {mine.family}"
    return ""


def kin(
    judges: Sequence[Engine], contestants: Sequence[Engine], find: Callable[[str], Model | None]
) -> dict[str, tuple[str, ...]]:
    """The contestants that each judge is kin to, by the judge's name; only those that have any."""
    found = {judge.name: tuple(other.name for other in contestants if kinship(judge, other, find)) for judge in judges}
    return {name: names for name, names in found.items() if names}


def check(judges: Sequence[Engine], contestants: Sequence[Engine], find: Callable[[str], Model | None]) -> None:
    """Refuse a judge that is kin to a contestant.

    Raises:
        InputError: One is; the error names both, and why.
    """
    for judge in judges:
        for other in contestants:
            if why := kinship(judge, other, find):
                raise InputError(
                    f"{judge.name} would judge {other.name}, and {why}: judges prefer their own kind.",
                    where="--judge",
                    fix="Name a judge of another family, or add --judge-force; then every result tells of it.",
                )


def _line(model: Model, find: Callable[[str], Model | None]) -> dict[str, Model | None]:
    """A model and those that its weights were made from, as far as they are known."""
    found: dict[str, Model | None] = {model.name: model}
    name = model.base
    while name and name not in found and len(found) < _MAX_LINE:
        before = find(name)
        found[name] = before
        name = before.base if before is not None else ""
    return found
