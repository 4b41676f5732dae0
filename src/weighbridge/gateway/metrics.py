"""The gateway's figures: counted in each worker, added up by the parent, told as Prometheus text.

Everything about an exchange is taken from its trace, so the figures and the traces cannot disagree.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable

from msgspec import Struct

from weighbridge.canon import Attempt, Trace, Usage, charges
from weighbridge.errors import UnknownRouteError
from weighbridge.exchange.tracer import LOST, PASSED_OVER

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)  #: seconds
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_MICRO = 1_000_000

Labels = tuple[str, ...]


class Family(Struct, frozen=True):
    """One named figure."""

    name: str
    kind: str  #: counter, gauge or histogram
    help: str
    labels: Labels = ()
    largest: bool = False  #: of several processes the largest figure counts, not the sum


FAMILIES = (
    Family("weighbridge_requests_total", "counter", "Exchanges that ended.", ("route", "engine", "outcome")),
    Family(
        "weighbridge_dialect_requests_total", "counter", "Exchanges by the client's dialect.", ("dialect", "outcome")
    ),
    Family("weighbridge_refused_total", "counter", "Requests refused before an exchange began.", ("code",)),
    Family(
        "weighbridge_policy_refused_total",
        "counter",
        "Engines that a policy kept from answering a request.",
        ("route", "engine", "rule"),
    ),
    Family("weighbridge_limited_total", "counter", "Requests that a limit or a budget refused.", ("code", "kind")),
    Family(
        "weighbridge_budget_warnings_total",
        "counter",
        "Budgets that reached their soft share, once per day and month.",
        ("kind", "span"),
    ),
    Family("weighbridge_in_flight", "gauge", "Exchanges under way."),
    Family("weighbridge_first_token_seconds", "histogram", "Time to the first token.", ("route", "engine")),
    Family("weighbridge_total_seconds", "histogram", "Time of the whole exchange.", ("route", "engine")),
    Family("weighbridge_tokens_total", "counter", "Tokens that are charged for, by kind.", ("engine", "kind")),
    Family("weighbridge_cost_total", "counter", "Cost in units of the currency.", ("engine", "currency")),
    Family("weighbridge_cost_estimated_total", "counter", "How much of it is an estimate.", ("engine", "currency")),
    Family("weighbridge_attempts_failed_total", "counter", "Calls of engines that failed.", ("engine", "outcome")),
    Family(
        "weighbridge_passed_over_total",
        "counter",
        "Engines that were not asked, for a limit or their health.",
        ("engine",),
    ),
    Family(
        "weighbridge_cache_total",
        "counter",
        "Requests to routes that give answers again: hit, miss, or bypass where none may be kept.",
        ("route", "result"),
    ),
    Family("weighbridge_masked_total", "counter", "Values that engines did not see.", ("route", "kind")),
    Family("weighbridge_mask_seconds", "histogram", "Time to look through a request and mask it."),
    Family("weighbridge_hedges_total", "counter", "Engines asked beside a slow one.", ("route", "engine", "outcome")),
    Family("weighbridge_engine_workers", "gauge", "Workers that go easy on an engine.", ("engine", "state")),
    Family(
        "weighbridge_shadows_skipped_total", "counter", "Exchanges that no shadow repeated, as too many were under way."
    ),
    Family("weighbridge_traces_dropped_total", "counter", "Traces that could not be recorded."),
    Family("weighbridge_interrupted_total", "counter", "Exchanges cut off by the death of their worker."),
    Family("weighbridge_plan", "gauge", "Number of the plan in force.", largest=True),
    Family("weighbridge_workers", "gauge", "Workers that accept requests."),
    Family("weighbridge_worker_restarts_total", "counter", "Workers replaced.", ("reason",)),
)
_KINDS = {family.name: family for family in FAMILIES}


class Snapshot(Struct, frozen=True):
    """The figures of one process at one moment. A histogram's row is its bucket counts, its count and its sum."""

    values: list[tuple[str, Labels, float]] = []
    histograms: list[tuple[str, Labels, list[float]]] = []


class Metrics:
    """The counters of one process. Not thread-safe: called on the event loop only."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, Labels], float] = {}
        self._histograms: dict[tuple[str, Labels], list[float]] = {}
        self.in_flight = 0
        #: tells gauges when they are asked for
        self.watched: list[Callable[[], Iterable[tuple[str, Labels, float]]]] = []

    def add(self, name: str, labels: Labels = (), amount: float = 1) -> None:
        """Count `amount` more."""
        key = (name, labels)
        self._values[key] = self._values.get(key, 0) + amount

    def set(self, name: str, value: float) -> None:
        """Set a gauge without labels."""
        self._values[name, ()] = value

    def observe(self, trace: Trace) -> None:
        """Count one exchange that ended."""
        # A name that nobody gave to anything makes no figure of its own: there would be as many as clients think up.
        route = "" if trace.outcome == UnknownRouteError.code else trace.route
        self.add("weighbridge_requests_total", (route, trace.engine, trace.outcome))
        self.add("weighbridge_dialect_requests_total", (trace.dialect, trace.outcome))
        where = (route, trace.engine)
        if trace.first_token is not None and not trace.cached:  # of a kept answer it says nothing of the engine
            self._bucket("weighbridge_first_token_seconds", where, trace.first_token)
        if trace.total is not None:
            self._bucket("weighbridge_total_seconds", where, trace.total)
        for kind, count in trace.masked.items():
            self.add("weighbridge_masked_total", (route, kind), count)
        for attempt in charges(trace):
            self._charge(attempt)
        for attempt in trace.attempts:
            self._attempt(route, attempt)

    def masked(self, seconds: float) -> None:
        """Count the time that masking one request took."""
        self._bucket("weighbridge_mask_seconds", (), seconds)

    def _charge(self, attempt: Attempt) -> None:
        usage = attempt.usage or Usage()
        for kind, count in (
            ("input", usage.input),
            ("cached", usage.cached),
            ("output", usage.output),
            ("reasoning", usage.reasoning),
        ):
            if count:
                self.add("weighbridge_tokens_total", (attempt.engine, kind), count)
        if attempt.cost:
            amount = attempt.cost / _MICRO
            self.add("weighbridge_cost_total", (attempt.engine, attempt.currency), amount)
            if usage.estimated:
                self.add("weighbridge_cost_estimated_total", (attempt.engine, attempt.currency), amount)

    def snapshot(self) -> Snapshot:
        """The figures now."""
        values = [(name, labels, value) for (name, labels), value in self._values.items()]
        values.append(("weighbridge_in_flight", (), self.in_flight))
        for tell in self.watched:
            values.extend(tell())
        return Snapshot(
            values=values,
            histograms=[(name, labels, list(row)) for (name, labels), row in self._histograms.items()],
        )

    def _attempt(self, route: str, attempt: Attempt) -> None:
        engine, outcome = attempt.engine, attempt.outcome
        if attempt.hedge:
            self.add("weighbridge_hedges_total", (route, engine, "won" if outcome == "ok" else outcome))
        if outcome == PASSED_OVER:
            self.add("weighbridge_passed_over_total", (engine,))
        elif outcome not in ("ok", LOST):
            self.add("weighbridge_attempts_failed_total", (engine, outcome))

    def _bucket(self, name: str, labels: Labels, seconds: float) -> None:
        row = self._histograms.get((name, labels))
        if row is None:
            row = self._histograms[name, labels] = [0.0] * (len(BUCKETS) + 2)
        at = bisect_left(BUCKETS, seconds)
        if at < len(BUCKETS):
            row[at] += 1
        row[-2] += 1
        row[-1] += seconds


def total(snapshots: Iterable[Snapshot], *, gauges: bool = True) -> Snapshot:
    """Add up the figures of several processes.

    Args:
        snapshots: What each process counted.
        gauges: False leaves gauges out: those of a process that is gone no longer hold.
    """
    values: dict[tuple[str, Labels], float] = {}
    histograms: dict[tuple[str, Labels], list[float]] = {}
    for one in snapshots:
        for name, labels, value in one.values:
            if gauges or _KINDS[name].kind != "gauge":
                key = (name, tuple(labels))
                have = values.get(key, 0)
                values[key] = max(have, value) if _KINDS[name].largest else have + value
        for name, labels, row in one.histograms:
            mine = histograms.setdefault((name, tuple(labels)), [0.0] * len(row))
            for index, count in enumerate(row):
                mine[index] += count
    return Snapshot(
        values=[(name, labels, value) for (name, labels), value in values.items()],
        histograms=[(name, labels, row) for (name, labels), row in histograms.items()],
    )


def render(snapshot: Snapshot) -> str:
    """Prometheus text, in a stable order."""
    lines: list[str] = []
    for family in FAMILIES:
        values = sorted((labels, value) for name, labels, value in snapshot.values if name == family.name)
        rows = sorted((labels, row) for name, labels, row in snapshot.histograms if name == family.name)
        if not values and not rows and (family.kind == "histogram" or family.labels):
            continue
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        lines += [f"{family.name}{_labels(family.labels, labels)} {_number(value)}" for labels, value in values]
        for labels, row in rows:
            lines += _histogram(family, labels, row)
        if not values and not rows:
            lines.append(f"{family.name} 0")
    return "\n".join(lines) + "\n"


def _histogram(family: Family, labels: Labels, row: list[float]) -> Iterable[str]:
    seen = 0.0
    names = (*family.labels, "le")
    for bound, count in zip(BUCKETS, row, strict=False):
        seen += count
        yield f"{family.name}_bucket{_labels(names, (*labels, _number(bound)))} {_number(seen)}"
    yield f"{family.name}_bucket{_labels(names, (*labels, '+Inf'))} {_number(row[-2])}"
    yield f"{family.name}_sum{_labels(family.labels, labels)} {_number(row[-1])}"
    yield f"{family.name}_count{_labels(family.labels, labels)} {_number(row[-2])}"


def _labels(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    return "{" + ",".join(f'{n}="{_escape(v)}"' for n, v in zip(names, values, strict=True)) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 9))
