"""The files that traces lie in, read one by one and merged by time. `reader` asks the questions.

Files that cannot be read, and records that are damaged, are told through `warn` and passed over.
"""

from __future__ import annotations

import contextlib
import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import msgspec
from msgspec import Struct

from weighbridge.canon import Trace
from weighbridge.errors import StoreError
from weighbridge.store import parquet, segments
from weighbridge.store.files import store_error

Warn = Callable[[str], None]
Question = tuple[str, Sequence[Any], str]  #: an SQL condition, its parameters, and what follows it


class Filters(TypedDict, total=False):
    """What to read; what is absent or None does not matter. Times are seconds since 1970."""

    route: str | None
    engine: str | None
    outcome: str | None
    source: str | None
    conversation: str | None
    since: float | None  #: at this time or after it
    until: float | None  #: before this time


class _Head(Struct, frozen=True):
    """What filters look at; the rest of a record is skipped, not decoded."""

    id: str
    at: float
    route: str
    engine: str
    outcome: str = "ok"
    source: str = "gateway"
    conversation: str = ""


class Where:
    """A filter, for records of segments and as SQL."""

    def __init__(self, filters: Filters) -> None:
        exact = {k: v for k, v in filters.items() if v is not None and k not in {"since", "until"}}
        since, until = filters.get("since"), filters.get("until")
        self.exact = exact
        self.since = float("-inf") if since is None else since
        self.until = float("inf") if until is None else until
        names = [f'"{name}" = ?' for name in exact]
        self.sql = " AND ".join(['"at" >= ?', '"at" < ?', *names])
        self.parameters: list[Any] = [self.since, self.until, *exact.values()]

    def matches(self, head: _Head) -> bool:
        """Does a record of a segment count?"""
        return self.since <= head.at < self.until and all(getattr(head, k) == v for k, v in self.exact.items())

    def may_hold(self, name: parquet.SealedName) -> bool:
        """May a sealed file hold traces that count, by the times in its name?"""
        return name.high >= self.since and name.low < self.until


class Place(NamedTuple):
    """Where a record lies in its segment. Sorts by time."""

    at: float
    id: str
    offset: int
    length: int


_head = msgspec.json.Decoder(_Head)
TRACE = msgspec.json.Decoder(Trace)


def sealed(folder: Path) -> list[parquet.SealedName]:
    """The sealed files of a folder, by name; none if there is no folder.

    Raises:
        StoreError: The folder cannot be read.
    """
    try:
        paths = list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise store_error(error, folder) from error
    return sorted(n for p in paths if (n := parquet.parse_name(p)))


def living(folder: Path) -> list[Path]:
    """Segments that were not sealed. Listed before the sealed files are, so that none slips between."""
    paths = segments.segments(folder)
    done = {n.stem for n in sealed(folder)}
    return [p for p in paths if p.stem not in done]


def places_in(path: Path, where: Where, warn: Warn) -> list[Place]:
    """Where the records of a segment lie that count, by time."""
    places: list[Place] = []
    for record in records(path, warn):
        try:
            head = _head.decode(record.payload)
        except (msgspec.DecodeError, UnicodeDecodeError):
            warn(f"{path.name}: a record at byte {record.offset} is no trace; it is passed over.")
            continue
        if where.matches(head):
            places.append(Place(head.at, head.id, record.offset, len(record.payload)))
    places.sort()
    return places


def records(path: Path, warn: Warn, *, published: bool = True) -> Iterator[segments.Record]:
    """The whole records of a segment, published or not; none where it was sealed or removed meanwhile."""
    try:
        with segments.Segment(path, published=published) as segment:
            for item in segment.walk():
                if isinstance(item, segments.Record):
                    yield item
                else:
                    what = "an unfinished record at its end" if item.tail else f"damage at byte {item.start}"
                    warn(f"{path.name}: {what}, {item.end - item.start} bytes, passed over.")
    except FileNotFoundError:
        return
    except StoreError as error:
        warn(str(error))
    except OSError as error:
        warn(str(store_error(error, path)))


def load(path: Path, places: Sequence[Place], warn: Warn, *, bodies: bool = True) -> Iterator[Trace]:
    """The traces at some places of a segment.

    Raises:
        FileNotFoundError: The segment was sealed or removed since the places were listed.
    """
    if not places:
        return
    with segments.Segment(path) as segment:
        for place in places:
            try:
                trace = TRACE.decode(segment.read(place.offset, place.length))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                warn(f"{path.name}: the record of {place.id} cannot be read and is passed over: {error}")
                continue
            yield trace if bodies else msgspec.structs.replace(trace, request=None, reply=None)


def query(
    connection: Any,
    paths: list[Path],
    question: Question,
    warn: Warn,
    *,
    bodies: bool = True,
) -> list[Trace]:
    """The rows of several files; where one cannot be read, it is told and the others count."""
    import duckdb

    where, parameters, tail = question
    try:
        return list(parquet.read(connection, paths, where, parameters, tail, bodies=bodies))
    except (duckdb.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        if len(paths) > 1:
            return [t for path in paths for t in query(connection, [path], question, warn, bodies=bodies)]
        _tell_unreadable(paths[0], error, warn)
        return []


def _tell_unreadable(path: Path, error: Exception, warn: Warn) -> None:
    if path.exists():  # else retention took it meanwhile
        warn(f"{path.name}: cannot be read and is passed over: {str(error).splitlines()[0]}")


# --- all of them, in order ------------------------------------------------------------------------


def merged(folder: Path, where: Where, warn: Warn) -> Iterator[Trace]:
    """All files merged by time. Each is opened when its first trace may be the next one."""
    listed = [(path, places_in(path, where, warn)) for path in segments.segments(folder)]
    # Listed after the segments were read: one that was sealed meanwhile is then taken from its Parquet file.
    names = sealed(folder)
    done = {n.stem for n in names}
    with contextlib.ExitStack() as stack:
        names = [n for n in names if where.may_hold(n)]
        connection = stack.enter_context(contextlib.closing(parquet.connect()))
        sources = [(n.low, _from_sealed(connection, n.path, where, warn)) for n in names]
        sources += [
            (places[0].at, _from_segment(connection, path, places, where, warn))
            for path, places in listed
            if places and path.stem not in done
        ]
        yield from _merge(sources)


def _merge(sources: list[tuple[float, Iterator[Trace]]]) -> Iterator[Trace]:
    """Merge sorted iterators, each given with a time that none of its traces is before."""
    waiting = sorted(sources, key=lambda s: s[0], reverse=True)
    heads: list[tuple[float, str, int, Trace, Iterator[Trace]]] = []

    def advance(number: int, source: Iterator[Trace]) -> None:
        trace = next(source, None)
        if trace is not None:
            heapq.heappush(heads, (trace.at, trace.id, number, trace, source))

    while waiting or heads:
        while waiting and (not heads or waiting[-1][0] <= heads[0][0]):
            advance(len(waiting), waiting.pop()[1])
        if heads:
            _, _, number, trace, source = heapq.heappop(heads)
            yield trace
            advance(number, source)


def _from_sealed(connection: Any, path: Path, where: Where, warn: Warn) -> Iterator[Trace]:
    import duckdb

    try:
        with contextlib.closing(parquet.session(connection)) as cursor:
            yield from parquet.read(cursor, [path], where.sql, where.parameters)
    except (duckdb.Error, msgspec.DecodeError, UnicodeDecodeError) as error:
        _tell_unreadable(path, error, warn)


def _from_segment(connection: Any, path: Path, places: Sequence[Place], where: Where, warn: Warn) -> Iterator[Trace]:
    try:
        yield from load(path, places, warn)
    except FileNotFoundError:  # sealed since its records were listed
        for name in sealed(path.parent):
            if name.stem == path.stem:
                yield from _from_sealed(connection, name.path, where, warn)
