"""What lies between a replay and the road: the plan that it goes by, and its traces on their way to the store."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from weighbridge.canon import Plan, Trace
from weighbridge.routes import route as entry_of
from weighbridge.routes.plans import settled


class Journal:
    """Passes traces on to be kept, and hands those of a replay to whoever asked."""

    def __init__(self, keep: Callable[[Trace], object]) -> None:
        self._keep = keep
        self._fresh: dict[str, Trace] = {}

    def record(self, trace: Trace) -> None:
        """Keep a trace. A replay is on no side of a move, and is no request of the key that it is judged by."""
        if trace.source == "replay":
            trace = self._fresh[trace.id] = replace(trace, arm="", key="", team="")
        self._keep(trace)

    def take(self, trace_id: str) -> Trace:
        """The trace of an exchange that has ended."""
        return self._fresh.pop(trace_id)


def plan_for(plan: Plan, route: str, engine: str) -> Plan:
    """The plan by which a route is replayed: the candidate alone answers it, afresh, under the route's own rules.

    Raises:
        UnknownRouteError: The plan has no such route.
    """
    entry = replace(
        settled(entry_of(plan, route)), primary=engine, fallbacks=(), balance="", weights={}, hedge=None, cache=0.0
    )
    return replace(plan, routes={route: entry}, declared={})
