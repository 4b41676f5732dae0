"""Which exchanges a worker has in its hands and what they owe, in a file that survives `kill -9`.

Pages of memory shared with a file: writing down is a few bytes, no system call. Each slot has two halves and a byte that
says which one counts, so a death at any instant leaves the one or the other, whole. A slot is kept until the trace of
its exchange has reached the operating system. When a worker dies uncleanly the parent reads what was left. The worker
holds a lock on its file as long as it lives, so the files of a gateway that died as a whole are told from living ones.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.canon import Attempt, Trace, Usage
from weighbridge.canon.engines import MOST
from weighbridge.errors import StoreError, StoreFullError

SUFFIX = ".inflight"
_NEW = ".new"
_HALF = 2048
_SLOT = 2 * _HALF
_ROOM = _HALF - 3  #: of a half: the slot's byte in the first one, and two for the length
_SLOTS = 256
_NAME = 64  #: characters kept of a name where there is no room for more; each may take four bytes


class Owed(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A call that a host may charge for."""

    engine: str
    started: float
    ended: float
    input: int
    output: int
    cached: int
    reasoning: int
    cache_written: int
    estimated: bool
    cost: int | None
    currency: str
    hedge: bool = False
    outcome: str = "ok"


class Begun(Struct, frozen=True, omit_defaults=True):
    """An exchange under way."""

    id: str
    at: float
    name: str = ""  #: the route or engine that was asked for
    engine: str = ""
    plan: int = 0
    dialect: str = ""
    streamed: bool = False
    key: str = ""
    team: str = ""
    note: bytes = b""  #: what its permit has reserved
    owed: tuple[Owed, ...] = ()


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Begun).decode


class Journal:
    """The file of one worker.

    Args:
        path: A new file; its folder exists.
        written: How many of the traces that were recorded have reached the operating system; see `recorded`.

    Raises:
        StoreError: The file cannot be made.
    """

    def __init__(self, path: Path, *, written: Callable[[], int]) -> None:
        self._path = path
        self._written = written
        fresh = path.with_suffix(_NEW)
        try:
            self._fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            # It gets its name once it is locked: nobody can take it for a dead worker's.
            fcntl.flock(self._fd, fcntl.LOCK_EX)
            # Real blocks, not a hole: writing to a hole on a full disk would kill the worker.
            os.posix_fallocate(self._fd, 0, _SLOT * _SLOTS)
            self._map = mmap.mmap(self._fd, _SLOT * _SLOTS)
            fresh.rename(path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            kind = StoreFullError if error.errno == 28 else StoreError  # noqa: PLR2004 - ENOSPC
            raise kind(
                f"The journal cannot be made: {error.strerror}.", where=str(path), fix="Free space, or set store.path."
            ) from error
        self._free = list(range(_SLOTS - 1, -1, -1))
        self._begun: dict[int, Begun] = {}
        self._slots: dict[str, int] = {}  # by the exchange's id
        self._tickets: dict[str, int] = {}
        self._waiting: deque[tuple[int, int]] = deque()  # tickets and slots of exchanges that ended

    def begin(self, begun: Begun) -> int:
        """Write down an exchange; the number is for `end`. -1 where no room can be had."""
        self._let_go()
        if not self._free and not self._grow():
            return -1
        slot = self._free.pop()
        self._begun[slot] = begun
        self._slots[begun.id] = slot
        self._write(slot, begun)
        return slot

    def owe(self, trace_id: str, engine: str, attempts: tuple[Attempt, ...], note: bytes) -> None:
        """Write down what an exchange owes by now; see `exchange.tries.Ledger`."""
        slot = self._slots.get(trace_id)
        if slot is not None:
            begun = replace(self._begun[slot], engine=engine, owed=tuple(map(_owed, attempts)), note=note)
            self._begun[slot] = begun
            self._write(slot, begun)

    def recorded(self, trace_id: str, ticket: int) -> None:
        """The trace was recorded; what is owed is kept here until `written` reaches the ticket."""
        if trace_id in self._slots:
            self._tickets[trace_id] = ticket

    def end(self, slot: int) -> None:
        """The exchange ended, and its trace tells how."""
        if slot < 0:
            return
        name = self._begun.pop(slot).id
        del self._slots[name]
        self._waiting.append((self._tickets.pop(name, 0), slot))
        self._let_go()

    def close(self) -> None:
        """Remove the file, unless traces could not be written: then it tells of them when the gateway starts again."""
        self._let_go()
        self._map.close()
        if not self._waiting:
            self._path.unlink(missing_ok=True)
        os.close(self._fd)

    def _let_go(self) -> None:
        if self._waiting:
            written = self._written()
            while self._waiting and self._waiting[0][0] <= written:
                _, slot = self._waiting.popleft()
                self._map[slot * _SLOT] = 0
                self._free.append(slot)

    def _write(self, slot: int, begun: Begun) -> None:
        data = _fitting(begun)
        at = slot * _SLOT
        half = 2 if self._map[at] == 1 else 1  # the one that does not count now
        start = at + 1 + (half - 1) * (_HALF - 1)
        self._map[start : start + 2 + len(data)] = len(data).to_bytes(2, "big") + data
        self._map[at] = half  # last: one byte, written whole or not at all

    def _grow(self) -> bool:
        size = len(self._map)
        try:
            os.posix_fallocate(self._fd, size, size)
            self._map.resize(2 * size)
        except OSError:
            return False  # a full disk: the exchange goes on, only its interruption could not be told
        self._free = list(range(2 * size // _SLOT - 1, size // _SLOT - 1, -1))
        return True


@contextlib.contextmanager
def recovering(path: Path) -> Iterator[list[Begun] | None]:
    """What the journal of a dead worker holds. It is removed at the end, unless an error ends it.

    Yields:
        Each exchange that was under way, or whose trace may not have been written; None if the worker lives.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        yield []
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        yield _read(path.read_bytes())
        path.unlink(missing_ok=True)
    finally:
        os.close(fd)


def leftovers(folder: Path) -> list[Path]:
    """The journals in a folder, of workers that live or died."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def interrupted(begun: Begun, ended: str) -> Trace:
    """The trace of an exchange that its worker could not record."""
    attempts = tuple(map(_attempt, begun.owed))
    answered = next((a for a in reversed(attempts) if a.engine == begun.engine), None)
    currency = answered.currency if answered else next((a.currency for a in attempts if a.cost is not None), "USD")
    costs = [a.cost for a in attempts if a.cost is not None and a.currency == currency]
    return Trace(
        id=begun.id,
        at=begun.at,
        route=begun.name,
        engine=begun.engine,
        plan=begun.plan,
        outcome="interrupted",
        dialect=begun.dialect,
        streamed=begun.streamed,
        usage=answered.usage if answered else None,
        cost=sum(costs) if costs else None,
        currency=currency,
        attempts=attempts,
        error=ended,
        key=begun.key,
        team=begun.team,
    )


def _owed(attempt: Attempt) -> Owed:
    usage = attempt.usage or Usage()
    return Owed(
        attempt.engine,
        attempt.started,
        attempt.ended,
        usage.input,
        usage.output,
        usage.cached,
        usage.reasoning,
        usage.cache_written,
        usage.estimated,
        attempt.cost,
        attempt.currency,
        attempt.hedge,
        attempt.outcome,
    )


def _attempt(owed: Owed) -> Attempt:
    return Attempt(
        engine=owed.engine,
        started=owed.started,
        ended=owed.ended,
        outcome=owed.outcome,
        billed=True,
        usage=Usage(owed.input, owed.cached, owed.output, owed.reasoning, owed.estimated, owed.cache_written),
        cost=owed.cost,
        currency=owed.currency,
        hedge=owed.hedge,
    )


def _fitting(begun: Begun) -> bytes:
    """As bytes that fit a half. Where there are too many calls, they are added up; the money stays right."""
    try:
        data = _ENCODE(begun)
        if len(data) <= _ROOM:
            return data
        data = _ENCODE(replace(begun, owed=_merged(begun.owed, lambda one: (one.engine, one.currency, one.estimated))))
        if len(data) <= _ROOM:
            return data
    except OverflowError:  # more tokens than 64 bits count: what they cost is bounded
        pass
    owed = [
        replace(one, engine=one.engine[:_NAME], input=0, output=0, cached=0, reasoning=0, cache_written=0)
        for one in _merged(begun.owed, lambda one: (one.currency, one.estimated))
    ]
    short = replace(begun, name=begun.name[:_NAME], engine=begun.engine[:_NAME], team=begun.team[:_NAME])
    while len(data := _ENCODE(replace(short, owed=tuple(owed)))) > _ROOM and (owed or short.note):
        short, owed = (short, owed[:-1]) if owed else (replace(short, note=b""), owed)
    return data


def _merged(owed: tuple[Owed, ...], group: Callable[[Owed], object]) -> tuple[Owed, ...]:
    sums: dict[object, Owed] = {}
    for one in owed:
        have = sums.get(group(one))
        sums[group(one)] = one if have is None else _sum(have, one)
    return tuple(sums.values())


def _sum(one: Owed, other: Owed) -> Owed:
    counts = {name: getattr(one, name) + getattr(other, name) for name in _COUNTS}
    costs = [each.cost for each in (one, other) if each.cost is not None]
    return replace(one, ended=other.ended, cost=min(MOST, sum(costs)) if costs else None, **counts)


_COUNTS = ("input", "output", "cached", "reasoning", "cache_written")


def _read(data: bytes) -> list[Begun]:
    found = []
    for at in range(0, len(data) - _SLOT + 1, _SLOT):
        half = data[at]
        if half in {1, 2}:
            start = at + 1 + (half - 1) * (_HALF - 1)
            size = int.from_bytes(data[start : start + 2], "big")
            try:
                found.append(_DECODE(data[start + 2 : start + 2 + size]))
            except msgspec.MsgspecError:
                continue  # the disk's own damage: without an id there is nothing to tell
    return found
