"""Which engine answers which name: plans are made, changed and read here, and checked against policies. All of it pure.

A plan is immutable. Cutover makes the next one; nobody edits a plan that workers may hold.
"""

from __future__ import annotations

from weighbridge.routes.arms import arm, place, shadowed
from weighbridge.routes.config import MAX_FALLBACKS, MAX_ROUTES, from_config
from weighbridge.routes.plans import Choice, Resolve, choose, merge, promote, route, settled

__all__ = [
    "MAX_FALLBACKS",
    "MAX_ROUTES",
    "Choice",
    "Resolve",
    "arm",
    "choose",
    "from_config",
    "merge",
    "place",
    "promote",
    "route",
    "settled",
    "shadowed",
]
