"""What is masked, and how: levels, modes, and what is found in a text."""

from __future__ import annotations

from typing import Literal, get_args

from msgspec import Struct

Level = Literal["none", "secrets", "personal", "strict"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""How much is masked, the least first; each level includes the ones before it."""

Mode = Literal["surrogate", "token", "redact", "hash", "keep"]
MODES: tuple[Mode, ...] = get_args(Mode)
"""What stands in a value's place: something of its kind from a reserved range, an opaque token, `[KIND]`, a keyed hash,
or the value itself. Only the first two come back."""

WayOut = Literal["restore", "keep", "refuse"]
"""What becomes of a surrogate in a place from which data leaves: its value, itself, or the answer is refused."""

MaskTier = Literal["pattern", "secret", "name", "term"]
"""What found a span: a pattern of personal data, one of secrets, a model of names, a word of the configuration."""


class Span(Struct, frozen=True, order=True):
    """A found value: `[start, end)` in Unicode code points. `score` is from 0 to 1: 1 where a checksum agrees."""

    start: int
    end: int
    kind: str
    tier: MaskTier = "pattern"
    score: float = 1.0


class Masking(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a route says of masking."""

    level: Level = "none"
    kinds: dict[str, Mode] = {}  #: by kind, over what the level and the kind would do
    tools: WayOut = "restore"  #: surrogates in the arguments of the caller's own tools
    urls: WayOut = "keep"  #: surrogates in addresses whose host the caller did not name itself
    traces: Literal["masked", "original"] = "masked"  #: what traces hold: what the engine saw, or the caller's own text


def strictest(*levels: Level) -> Level:
    """The level that includes the others."""
    return max(levels, key=LEVELS.index, default="none")
