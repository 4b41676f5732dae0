"""The plan in force and the store's records, as one process knows them: a thread asks, the event loop is told.

A request takes the plan once, when it begins, and keeps it; so a stream in flight finishes where it began.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from weighbridge.canon import Plan, Publication, Record, Route
from weighbridge.errors import WeighbridgeError
from weighbridge.routes import Resolve, merge
from weighbridge.routes.policy import check_plan, day_of
from weighbridge.store.follow import NOTHING, News, follower
from weighbridge.store.state import State

_AWAY = 1.0  #: seconds between two tries while the store is away


def declare(
    state: State, declared: Mapping[str, Route], *, resolve: Resolve, who: str, why: str, at: float
) -> Publication:
    """Bring what the configuration says into force, keeping what was promoted since it last changed.

    Args:
        state: The store.
        declared: The routes that the configuration declares.
        resolve: Finds engines, with their facts as they are now.
        who: Who starts the gateway.
        why: Where the configuration stands.
        at: Now, in seconds since 1970.

    Raises:
        PolicyError: An engine of a route that changes does not satisfy its policy; nothing was published.
        StoreError: The store cannot be read or written.
    """
    current = state.current()
    if current is not None:
        merged = merge(current.plan, declared)
        if (merged.routes, merged.declared) == (current.plan.routes, current.plan.declared):
            return current

    def change(plan: Plan | None) -> Plan:
        merged = merge(plan, declared)
        check_plan(plan, merged, resolve, day=day_of(at))
        return merged

    return state.update(change, action="declare", who=who, why=why, route="", at=at)


class Follows(Protocol):
    """Takes over what administrators changed in the store, and first what stood there at the start. It raises nothing."""

    def apply(self, records: Iterable[Record], /) -> None:
        """Take over records of one kind; deleted ones have no data."""
        ...


def dispatch(records: Sequence[Record], followers: Mapping[str, Iterable[Follows]]) -> None:
    """Hand records to those who follow their kind; the others are passed over."""
    for kind, those in followers.items():
        if mine := [record for record in records if record.kind == kind]:
            for one in those:
                one.apply(mine)


class Plans:
    """Holds the plan in force, and what else administrators keep in the store, and keeps both so.

    Args:
        first: What is in force at the start.
        place: The state store: a path or a URL.
        records: What the store held at the start.
    """

    def __init__(self, first: Publication, place: str, records: Iterable[Record] = ()) -> None:
        #: what is in force
        self.publication = first
        self._records = {(record.kind, record.name): record for record in records}
        self._place = place
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        #: why the store cannot be read, "" while it can
        self.problem = ""

    def plan(self) -> Plan:
        """The plan in force."""
        return self.publication.plan

    @property
    def records(self) -> tuple[Record, ...]:
        """All that is kept in the store and was not deleted."""
        return tuple(self._records.values())

    def watch(
        self,
        loop: asyncio.AbstractEventLoop,
        on_plan: Callable[[Plan], None],
        on_records: Callable[[Sequence[Record]], None],
    ) -> None:
        """Begin to follow the store.

        Args:
            loop: Where the two are called and the plan is swapped.
            on_plan: Told of each new plan.
            on_records: Told of the records that changed; deleted ones have no data.
        """

        def take(news: News) -> None:
            if news.publication is not None:
                self.publication = news.publication
                on_plan(news.publication.plan)
            if news.records or news.whole:
                on_records(self._changed(news))

        def tell(news: News) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(take, news)

        self._thread = threading.Thread(target=self._follow, args=(tell,), name="plans", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _changed(self, news: News) -> list[Record]:
        held = {(record.kind, record.name) for record in news.records}
        gone = [replace(record, data=None) for at, record in self._records.items() if news.whole and at not in held]
        for record in (*gone, *news.records):
            if record.data is None:
                self._records.pop((record.kind, record.name), None)
            else:
                self._records[record.kind, record.name] = record
        return [*gone, *news.records]

    def _follow(self, tell: Callable[[News], None]) -> None:
        sequence = self.publication.sequence
        revision = max((record.revision for record in self._records.values()), default=0)
        store = follower(self._place)
        while not self._stop.is_set():
            try:
                news = store.newer(sequence, revision)
                self.problem = news.problem
            except WeighbridgeError as error:
                self.problem = str(error)
                self._stop.wait(_AWAY)
                continue
            if news.publication is not None:
                sequence = news.publication.sequence
            if news.records or news.whole:
                revision = max((record.revision for record in news.records), default=0)
            if news is not NOTHING:
                tell(news)
            self._stop.wait(store.interval)
        store.close()
