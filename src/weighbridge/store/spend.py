"""What was spent: a fold of traces into sums by day, key, team, route, engine and currency.

The sums and how far each segment was added up change in one transaction. So neither a crash nor two that fold at once
lose or double anything, and a state store that is away only delays it.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from weighbridge.canon import Attempt, Trace, Usage, charges
from weighbridge.canon.engines import MOST
from weighbridge.errors import StoreError
from weighbridge.store import parquet, segments
from weighbridge.store.files import locked, private_folder, store_error
from weighbridge.store.sources import sealed

if TYPE_CHECKING:
    import sqlalchemy as sa

    from weighbridge.store.database import Database
    from weighbridge.store.state import State

Dimension = Literal["day", "key", "team", "route", "engine"]
DIMENSIONS: tuple[Dimension, ...] = ("day", "key", "team", "route", "engine")
SUMS = (
    "exchanges",
    "cached",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "estimated",
    "unpriced",
)
LOCK = "spend.lock"
KEPT_DAYS = 400  #: how long it is remembered that a segment was added up; older ones are never added up any more
WHOLE = -1  #: stands for the position of a segment that was sealed before it was added up

_BATCH = 2000  #: traces in one transaction
_NAME = 255  #: characters of a name that the table holds
_DAY = 86_400.0

log = logging.getLogger(__name__)


class Spent(Struct, frozen=True, omit_defaults=False):
    """Sums of a group. What it was not grouped by is empty. Money is in micro-units of `currency`."""

    day: str = ""  #: UTC, of the beginning of each exchange
    key: str = ""  #: the id of the key
    team: str = ""
    route: str = ""
    engine: str = ""
    currency: str = "USD"
    exchanges: int = 0
    cached: int = 0  #: exchanges that were answered from the cache, which cost nothing
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost: int = 0
    estimated: int = 0  #: how much of `cost` is an estimate
    unpriced: int = 0  #: calls of engines whose price is unknown; they are missing in `cost`


class _Billed(Struct, frozen=True):
    """What money needs of a trace; the rest of a record is skipped, not decoded."""

    id: str
    at: float
    route: str
    engine: str
    outcome: str = "ok"
    total: float | None = None
    usage: Usage | None = None
    cost: int | None = None
    currency: str = "USD"
    attempts: tuple[Attempt, ...] = ()
    key: str = ""
    team: str = ""
    cached: bool = False
    source: str = "gateway"


class _MovedError(Exception):
    """Someone else added up the same records."""


_billed = msgspec.json.Decoder(_Billed)
_Row = tuple[str, ...]  #: day, key, team, route, engine, currency


class _Batch:
    """Sums that wait for their transaction, and from where to where they bring each segment."""

    def __init__(self) -> None:
        self.sums: dict[_Row, list[int]] = {}
        self.moved: dict[str, tuple[int, int]] = {}
        self.traces: list[Trace] = []

    def clear(self) -> None:
        """Begin the next one."""
        self.sums, self.moved, self.traces = {}, {}, []

    def add(self, trace: Trace) -> None:
        """Count one exchange: where nothing was charged and nothing given again, there is nothing to count."""
        self.traces.append(trace)
        billed = list(charges(trace))
        for attempt in billed:
            usage = attempt.usage or Usage()
            cost = attempt.cost or 0
            tokens = (usage.input, usage.cached, usage.output, usage.reasoning)
            money = (cost, cost if usage.estimated else 0, int(attempt.cost is None))
            self._row(trace, attempt.engine, attempt.currency, (0, 0, *tokens, *money))
        if billed:
            answered = next((a for a in reversed(billed) if a.engine == trace.engine), billed[-1])
            self._row(trace, answered.engine, answered.currency, (1, *(0 for _ in SUMS[1:])))
        elif trace.cached:
            self._row(trace, trace.engine, trace.currency, (1, 1, *(0 for _ in SUMS[2:])))

    def _row(self, trace: Trace, engine: str, currency: str, more: Sequence[int]) -> None:
        day = time.strftime("%Y-%m-%d", time.gmtime(trace.at))
        names = (trace.key, trace.team, trace.route, engine, currency)
        row = (day, *(name.replace("\0", "")[:_NAME] for name in names))
        self.sums[row] = _added(self.sums.get(row, [0] * len(SUMS)), more)

    def move(self, stem: str, start: int, to: int) -> None:
        """A segment is added up to here."""
        if to != start or to == WHOLE:
            self.moved[stem] = (self.moved.get(stem, (start, to))[0], to)


@contextlib.contextmanager
def folding(folder: Path) -> Iterator[bool]:
    """Be the one who adds up in a folder, as a gateway is for as long as it runs.

    Yields:
        False where another one is.

    Raises:
        StoreError: The folder cannot be used.
    """
    private_folder(folder)
    try:
        with locked(folder / LOCK, wait=False) as held:
            yield held
    except OSError as error:
        raise store_error(error, folder) from error


def fold(
    state: State, folder: Path, *, now: float, every: bool = True, tell: Callable[[Trace], None] | None = None
) -> int:
    """Add up every exchange that was recorded since the last time. Safe at any time and in any number of processes.

    Args:
        state: The state store.
        folder: The folder of traces.
        now: The wall clock, in seconds since 1970.
        every: Look also for sealed files that were never added up, as where the state store is a new one.
        tell: Hears of each exchange that was added, without its bodies.

    Returns:
        How many exchanges were added.

    Raises:
        StoreError: The state store or the folder cannot be read, or the former cannot be written.
    """
    database = state.database
    count = 0
    batch = _Batch()
    for _ in _walked(database, folder, batch, oldest=now - KEPT_DAYS * _DAY, every=every):
        if not batch.moved:
            continue
        try:
            _commit(database, batch)
        except _MovedError:
            return count  # whoever was first goes on
        for trace in batch.traces if tell is not None else ():
            assert tell is not None
            tell(trace)
        count += len(batch.traces)
        batch.clear()
    return count


def positions(state: State, folder: Path) -> dict[str, int]:
    """How far each segment of a folder was added up, by the stem of its name.

    Raises:
        StoreError: The state store cannot be read.
    """
    return _positions(state.database, [path.stem for path in segments.segments(folder)])


def spent(
    state: State,
    *,
    by: Iterable[Dimension] = DIMENSIONS,
    since: str = "",
    until: str = "",
    currency: str = "",
    **where: str,
) -> list[Spent]:
    """The sums of what was added up so far, in groups; the latest day and the most money first.

    Args:
        state: The state store.
        by: What to group by, besides the currency; nothing: one row for each currency.
        since: The first UTC day (`YYYY-MM-DD`), "" for no bound.
        until: The last one.
        currency: Only what was priced in it.
        where: Only this `key` (its id), `team`, `route` or `engine`.

    Raises:
        StoreError: The state store cannot be read.
    """
    import sqlalchemy as sa

    from weighbridge.store import schema

    t = schema.spend.c
    wanted = set(by)
    groups = [t[name] for name in DIMENSIONS if name in wanted]
    sums = [sa.func.sum(t[name]).label(name) for name in SUMS]
    conditions = [t[name] == value for name, value in where.items()]
    conditions += [t.day >= since] if since else []
    conditions += [t.day <= until] if until else []
    conditions += [t.currency == currency] if currency else []
    question = sa.select(*groups, t.currency, *sums).where(*conditions).group_by(*groups, t.currency)
    with state.database.reading() as connection:
        rows = [dict(row) for row in connection.execute(question).mappings()]
    found = [_spent(row) for row in rows]
    found.sort(key=lambda one: (one.currency, one.key, one.team, one.route, one.engine))
    found.sort(key=lambda one: one.cost, reverse=True)
    found.sort(key=lambda one: one.day, reverse=True)
    return found


def total(state: State, subject: str, *, since: str, until: str, currency: str) -> int:
    """What a subject (`key:ID`, `team:NAME`, `route:NAME`, `engine:NAME`) spent from one UTC day to another, in micro-units.

    Raises:
        StoreError: The state store cannot be read.
    """
    kind, _, name = subject.partition(":")
    rows = spent(state, by=(), since=since, until=until, currency=currency, **{kind: name})
    return sum(row.cost for row in rows)


def _spent(row: dict[str, Any]) -> Spent:
    # PostgreSQL tells sums as decimals.
    values: dict[str, Any] = {name: value if isinstance(value, str) else int(value) for name, value in row.items()}
    return Spent(**values)


# --- the fold -------------------------------------------------------------------------------------


def _walked(database: Database, folder: Path, batch: _Batch, *, oldest: float, every: bool) -> Iterator[None]:
    """Fill the batch; stops now and then for it to be committed, and at the end."""
    paths = segments.segments(folder)
    known = _positions(database, [path.stem for path in paths])
    # Sealed meanwhile means added up before; what was sealed and never added up is looked for below.
    for path in paths:
        start = known.get(path.stem, segments.HEADER.size)
        if start != WHOLE and (segments.created_at(path.name) or 0.0) >= oldest:
            with contextlib.suppress(FileNotFoundError):
                yield from _from_segment(path, start, batch)
    yield
    if every:
        _forget(database, oldest)
        yield from _from_sealed(database, folder, batch, oldest)


def _from_segment(path: Path, start: int, batch: _Batch) -> Iterator[None]:
    at = start
    try:
        with segments.Segment(path) as segment:
            for item in segment.walk(start):
                if isinstance(item, segments.Gap):
                    if item.tail:
                        break  # unfinished, or cut when it is sealed
                    batch.move(path.stem, at, item.end)
                    at = item.end
                    continue
                if (trace := _decoded(item.payload, path)) is not None:
                    batch.add(trace)
                end = item.offset + len(item.payload)
                batch.move(path.stem, at, end)
                at = end
                if len(batch.traces) >= _BATCH:
                    yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise store_error(error, path) from error
    except StoreError as error:
        log.warning("%s", error)  # one file that nobody can read does not stop the others


def _decoded(payload: bytes, path: Path) -> Trace | None:
    try:
        found = _billed.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        log.warning("%s: a record is no trace, so it is missing in what was spent: %s", path.name, error)
        return None
    return Trace(**{name: getattr(found, name) for name in _Billed.__struct_fields__})


def _from_sealed(database: Database, folder: Path, batch: _Batch, oldest: float) -> Iterator[None]:
    import duckdb

    names = [n for n in sealed(folder) if (segments.created_at(n.stem) or 0.0) >= oldest]
    known = _positions(database, [n.stem for n in names])
    names = [n for n in names if n.stem not in known]
    if not names:
        return
    with contextlib.closing(parquet.connect()) as connection:
        for name in names:
            fresh = _Batch()
            try:
                for trace in parquet.read(connection, [name.path], "true", [], bodies=False):
                    fresh.add(trace)
            except (duckdb.Error, msgspec.DecodeError) as error:
                log.warning("%s: cannot be added up: %s", name.path.name, str(error).splitlines()[0])
                continue
            batch.sums, batch.traces = fresh.sums, fresh.traces
            batch.move(name.stem, WHOLE, WHOLE)
            yield


def _commit(database: Database, batch: _Batch) -> None:
    """Bring the batch into the tables, all of it or nothing."""
    import sqlalchemy as sa

    from weighbridge.store import schema

    f = schema.folded.c
    try:
        with database.writing() as connection:
            for stem, (start, to) in batch.moved.items():
                now = connection.execute(sa.select(f.position).where(f.segment == stem)).scalar()
                if now != (None if start in {segments.HEADER.size, WHOLE} else start):
                    raise _MovedError
                if now is None:
                    made = segments.created_at(stem) or 0.0
                    connection.execute(schema.folded.insert().values(segment=stem, position=to, at=made))
                else:
                    connection.execute(schema.folded.update().where(f.segment == stem).values(position=to))
            for row, more in batch.sums.items():
                _add(connection, row, more)
    except sa.exc.IntegrityError as error:
        raise _MovedError from error


def _add(connection: sa.Connection, row: _Row, more: Sequence[int]) -> None:
    import sqlalchemy as sa

    from weighbridge.store import schema

    t = schema.spend.c
    names = (*DIMENSIONS, "currency")
    here = sa.and_(*(t[name] == value for name, value in zip(names, row, strict=True)))
    have = connection.execute(sa.select(*(t[name] for name in SUMS)).where(here)).first()
    values: dict[str, Any] = dict(zip(SUMS, _added(have or [0] * len(SUMS), more), strict=True))
    if have is None:
        connection.execute(schema.spend.insert().values(**dict(zip(names, row, strict=True)), **values))
    else:
        connection.execute(schema.spend.update().where(here).values(**values))


def _added(have: Iterable[int], more: Iterable[int]) -> list[int]:
    # A host may claim any number of tokens; what does not fit a column is as much as fits.
    return [min(MOST, a + b) for a, b in zip(have, more, strict=True)]


def _positions(database: Database, stems: Sequence[str]) -> dict[str, int]:
    import sqlalchemy as sa

    from weighbridge.store import schema

    f = schema.folded.c
    found: dict[str, int] = {}
    with database.reading() as connection:
        for at in range(0, len(stems), 500):
            chosen = sa.select(f.segment, f.position).where(f.segment.in_(stems[at : at + 500]))
            found.update((row.segment, row.position) for row in connection.execute(chosen))
    return found


def _forget(database: Database, oldest: float) -> None:
    import sqlalchemy as sa

    from weighbridge.store import schema

    old = schema.folded.c.at < oldest
    with database.reading() as connection:
        if connection.execute(sa.select(schema.folded.c.segment).where(old).limit(1)).first() is None:
            return
    with database.writing() as connection:
        connection.execute(schema.folded.delete().where(old))
