"""Two JSON values side by side: where they agree, where they do not, and what only one of them tells."""

from __future__ import annotations

from collections.abc import Iterator
from math import isclose
from typing import Any, NamedTuple

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""Figures agree that differ by no more: sums of doubles end in other digits on other machines."""


class Leaf(NamedTuple):
    """One plain value of the first, of the second, or of both."""

    path: str
    told: Any
    found: Any

    @property
    def agrees(self) -> bool:
        """Are they the same, but for rounding?"""
        return same(self.told, self.found)


UNTOLD: Any = object()
"""What stands where one of the two says nothing."""


def same(told: Any, found: Any) -> bool:
    """Are two plain values the same, but for rounding?"""
    if isinstance(told, bool) or isinstance(found, bool):
        return told is found
    if isinstance(told, int | float) and isinstance(found, int | float):
        return isclose(told, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
    return type(told) is type(found) and told == found


def leaves(told: Any, found: Any, path: str = "") -> Iterator[Leaf]:
    """Every plain value of either, with where it stands: `scorecards[0].quality.low`.

    An empty list or object is a plain value. What holds values in one and is plain in the other is one leaf.
    """
    if isinstance(told, dict) and isinstance(found, dict) and (told or found):
        for key in [*told, *(key for key in found if key not in told)]:
            place = f"{path}.{key}" if path else key
            yield from _one(told.get(key, UNTOLD), found.get(key, UNTOLD), place)
    elif isinstance(told, list) and isinstance(found, list) and (told or found):
        for index in range(max(len(told), len(found))):
            ours = told[index] if index < len(told) else UNTOLD
            yield from _one(ours, found[index] if index < len(found) else UNTOLD, f"{path}[{index}]")
    else:
        yield Leaf(path, told, found)


def _one(told: Any, found: Any, path: str) -> Iterator[Leaf]:
    """What only one of the two holds is told figure by figure as well."""
    if told is UNTOLD and isinstance(found, dict | list) and found:
        yield from (Leaf(leaf.path, UNTOLD, leaf.found) for leaf in leaves(found, found, path))
    elif found is UNTOLD and isinstance(told, dict | list) and told:
        yield from (Leaf(leaf.path, leaf.told, UNTOLD) for leaf in leaves(told, told, path))
    else:
        yield from leaves(told, found, path)
