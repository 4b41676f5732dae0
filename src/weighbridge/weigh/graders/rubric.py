"""The grader `rubric`: what its targets may say. Judges give the grade, see `weigh.judges`; without one it is missing."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from weighbridge.canon import Reply
from weighbridge.weigh.types import Grade, Sample

NAME = "rubric"
SCALE = (1, 10)
MAX_RUBRIC = 20_000  #: characters of a rubric, and of a reference
MAX_SCALE = 1000
_FIELDS = {"rubric", "scale", "reference"}


class Rubric(Struct, frozen=True):
    """What a judge is asked to look at: `low` and `high` are the ends of its scale, `reference` a good answer or ""."""

    text: str
    low: int = SCALE[0]
    high: int = SCALE[1]
    reference: str = ""

    def fraction(self, score: float) -> float:
        """A score on the scale as a fraction: 1 is the scale's high end."""
        return (score - self.low) / (self.high - self.low)


def rubric_of(target: Any) -> Rubric:
    """The rubric that a checked target describes."""
    if isinstance(target, str):
        return Rubric(target)
    low, high = target.get("scale", SCALE)
    return Rubric(target["rubric"], low, high, target.get("reference", ""))


def check_rubric(target: Any) -> str:
    """A text, or an object with it, a scale and a reference."""
    if isinstance(target, str):
        return _check_text(target)
    if not isinstance(target, dict) or "rubric" not in target or set(target) - _FIELDS:
        return 'must be text, or {"rubric": text, "scale": [low, high], "reference": text}'
    for field in ("rubric", "reference"):
        if field in target and (wrong := _check_text(target[field])):
            return f"in '{field}' {wrong}"
    return _check_scale(target["scale"]) if "scale" in target else ""


def unjudged(_sample: Sample, _reply: Reply) -> Grade:
    """Nobody was there to judge."""
    return Grade(0.0, why="no judge was named", missing=True)


def _check_text(text: Any) -> str:
    if not isinstance(text, str) or not text.strip():
        return "must be text that is not empty"
    if len(text) > MAX_RUBRIC:
        return f"is {len(text):,} characters long; at most {MAX_RUBRIC:,} are allowed"
    return ""


def _check_scale(scale: Any) -> str:
    good = isinstance(scale, list | tuple) and len(scale) == 2  # noqa: PLR2004 - two ends
    if not good or any(not isinstance(end, int) or isinstance(end, bool) or abs(end) > MAX_SCALE for end in scale):
        return f"in 'scale' must be two whole numbers from -{MAX_SCALE} to {MAX_SCALE}, such as [1, 10]"
    return "" if scale[0] < scale[1] else "in 'scale' must give the lower end first"
