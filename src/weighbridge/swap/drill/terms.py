"""What fates are worked out from, and whether an engine may answer a route at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from weighbridge.canon import Engine, Route
from weighbridge.engines.keys import has_key
from weighbridge.routes.policy import judged


class Terms(Struct, frozen=True):
    """What fates are worked out from.

    Attributes:
        folder: Of the traces; None looks at no traffic.
        since: From when on traffic counts, in seconds since 1970.
        now: Seconds since 1970.
        day: Whose prices and facts count.
        environ: Tells whether keys are set.
        size: Requests of each route that are looked at.
        seed: Of that sample.
    """

    folder: Path | None
    since: float
    now: float
    day: str
    environ: Mapping[str, str]
    size: int = 200
    seed: int = 0


def cannot(route: Route, engine: Engine, terms: Terms) -> str:
    """Why an engine cannot answer a route, "" if it can."""
    if not has_key(engine, terms.environ):
        return "its key is not set"
    policies = ((f"route {route.name}", route.policy),) if route.policy is not None else ()
    (verdict,) = judged([engine], None, policies, day=terms.day)
    return "; ".join(f"{finding.rule}: {finding.reason}" for finding in verdict.refusals)
