"""Drills: an engine, a host, a lab or a country is gone as of now. What fails, and where does everything else go?"""

from weighbridge.swap.drill.fates import Fate, fates
from weighbridge.swap.drill.gone import Gone, gone
from weighbridge.swap.drill.live import KIND, Cut, begin, cuts, end, expire
from weighbridge.swap.drill.outcome import Outcome, outcome
from weighbridge.swap.drill.terms import Terms
from weighbridge.swap.drill.told import Measured, Told

__all__ = [
    "KIND",
    "Cut",
    "Fate",
    "Gone",
    "Measured",
    "Outcome",
    "Terms",
    "Told",
    "begin",
    "cuts",
    "end",
    "expire",
    "fates",
    "gone",
    "outcome",
]
