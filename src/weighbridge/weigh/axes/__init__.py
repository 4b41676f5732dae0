"""The axes of a scorecard: each a number or a word with its interval, unit, source and day; unknown where it is unknown."""

from weighbridge.weigh.axes.changed import changes
from weighbridge.weigh.axes.facts import facts
from weighbridge.weigh.axes.measured import measured

__all__ = ["changes", "facts", "measured"]
