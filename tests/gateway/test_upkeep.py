"""What dead workers left is told once, whatever fails meanwhile; what was reserved is given back."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from weighbridge import settings
from weighbridge.canon import Attempt, Trace, Usage
from weighbridge.errors import StoreFullError
from weighbridge.gateway.journal import Begun, Journal
from weighbridge.gateway.upkeep import Upkeep
from weighbridge.settings import Store
from weighbridge.store import reader
from weighbridge.store.files import private_folder
from weighbridge.store.ids import new_trace_id
from weighbridge.store.seal import maintain
from weighbridge.store.spend import spent
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter

START = 1_800_000_000.0


class Bench:
    """An upkeep, with a journal as a dead worker leaves it."""

    def __init__(self, folder: Path) -> None:
        self.config = settings.load(start=folder, environ={})
        self.journals = private_folder(self.config.store_path / "journal")
        self.state = State(self.config.state_place)
        self.lost: list[int] = []
        self.released: list[tuple[bytes, str]] = []
        self.upkeep = Upkeep(
            self.config,
            self.journals,
            self.state,
            lost=self.lost.append,
            release=lambda note, trace: self.released.append((note, trace.id)),
        )
        rng = random.Random(1)
        self.ids = [new_trace_id(START, rng) for _ in range(3)]

    def die(self, *, owing: int = 7) -> Path:
        """A worker dies with all of them in its hands."""
        path = self.journals / "a.inflight"
        journal = Journal(path, written=lambda: 0)
        for number, name in enumerate(self.ids):
            journal.begin(Begun(name, START, "r"))
            usage = Usage(input=1, estimated=True)
            attempt = Attempt("m@h", 0.0, 1.0, billed=True, usage=usage, cost=owing + number)
            journal.owe(name, "m@h", (attempt,), b"held" if number else b"")
        journal._waiting.append((1, 0))  # not written: the file stays
        journal.close()
        return path

    def traces(self) -> dict[str, Trace]:
        return {trace.id: trace for trace in reader.scan(self.config.traces_path)}


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.state.close()


async def test_what_a_worker_left_is_recorded_unless_it_was(bench):
    writer = TraceWriter(bench.config.traces_path)
    writer.record(Trace(bench.ids[0], START, "r", "m@h", cost=5, usage=Usage(2)))
    writer.close()
    path = bench.die()
    await bench.upkeep.bury(path)
    found = bench.traces()
    assert {name: trace.outcome for name, trace in found.items()} == dict(
        zip(bench.ids, ["ok", "interrupted", "interrupted"], strict=True)
    )
    assert [found[name].cost for name in bench.ids] == [5, 8, 9]
    assert bench.lost == [2]
    assert bench.released == [(b"held", bench.ids[1]), (b"held", bench.ids[2])]
    assert not path.exists()
    await bench.upkeep.bury(path)
    assert len(bench.traces()) == 3
    await bench.upkeep.end()
    assert sum(row.cost for row in spent(bench.state)) == 5 + 8 + 9


async def test_also_what_was_sealed_meanwhile_is_not_told_again(bench):
    writer = TraceWriter(bench.config.traces_path, now=lambda: START)
    for name in bench.ids[:2]:
        writer.record(Trace(name, START, "r", "m@h", cost=5, usage=Usage(2)))
    writer.close()
    assert maintain(bench.config.traces_path, Store(segment_seconds=1, retention_days=36500), START + 9).sealed == 1
    await bench.upkeep.bury(bench.die())
    assert [trace.outcome for trace in bench.traces().values()].count("interrupted") == 1


async def test_a_full_disk_delays_it_and_nothing_is_given_back_twice(bench, monkeypatch):
    path = bench.die()

    def full(*_):
        raise StoreFullError("No space is left.")

    with monkeypatch.context() as patch:
        patch.setattr(TraceWriter, "flush", full)
        await bench.upkeep.bury(path)
        assert path.exists()
    await bench.upkeep.bury(path)
    assert len(bench.traces()) == 3
    assert len(bench.released) == 2
    assert not path.exists()


async def test_where_another_gateway_adds_up_this_one_waits(bench, tmp_path):
    first, bench.journals = bench.upkeep, tmp_path / "other"
    bench.journals.mkdir()
    await first.bury(bench.die())
    second = Upkeep(bench.config, bench.journals, bench.state, lost=bench.lost.append)
    first._fold(every=True)
    assert sum(row.exchanges for row in spent(bench.state)) == 3
    second._fold(every=True)
    assert [first._folds, second._folds] == [True, False]
    await first.end()
    second._fold(every=True)
    assert second._folds
    await second.end()
    assert sum(row.exchanges for row in spent(bench.state)) == 3
