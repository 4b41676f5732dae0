"""The journal: what exchanges owe survives `kill -9` at any instant, and is told once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weighbridge.canon import Attempt, Trace, Usage
from weighbridge.errors import StoreError
from weighbridge.gateway import journal as journals
from weighbridge.gateway.journal import Begun, Journal, interrupted, leftovers, recovering
from weighbridge.gateway.metrics import Metrics


def open_journal(path: Path, written: int = 10**9) -> Journal:
    return Journal(path, written=lambda: written)


def read(path: Path) -> list[Begun]:
    """What its parent would find if the worker died now."""
    return journals._read(path.read_bytes())


def call(cost: int | None = 7, engine: str = "m@h", **more) -> Attempt:
    usage = Usage(input=10, cached=2, output=5, reasoning=1, estimated=more.pop("estimated", False), cache_written=3)
    return Attempt(engine, 0.25, 1.5, billed=True, usage=usage, cost=cost, **more)


def test_what_is_under_way_is_known_with_what_it_owes(tmp_path):
    path = tmp_path / "a.inflight"
    journal = open_journal(path)
    slot = journal.begin(Begun("1", 1.0, "r", key="k-1", team="web"))
    journal.begin(Begun("2", 2.0, "r", streamed=True))
    calls = (call(engine="n@h", hedge=True, outcome="deadline", estimated=True), call())
    journal.owe("1", "m@h", calls, b"held")
    found = {begun.id: begun for begun in read(path)}
    assert found.keys() == {"1", "2"}
    assert found["1"].note == b"held"
    trace = interrupted(found["1"], "It died.")
    assert trace.attempts == calls
    assert (trace.cost, trace.usage, trace.engine) == (14, calls[1].usage, "m@h")
    assert (trace.key, trace.team, trace.outcome, trace.error) == ("k-1", "web", "interrupted", "It died.")
    journal.end(slot)
    assert [begun.id for begun in read(path)] == ["2"]
    journal.owe("1", "m@h", calls, b"")  # nobody knows it any more
    assert [begun.id for begun in read(path)] == ["2"]
    assert path.stat().st_mode & 0o777 == 0o600
    with recovering(path) as living:
        assert living is None  # its owner lives
    journal.close()
    assert list(tmp_path.iterdir()) == []
    with recovering(path) as gone:
        assert gone == []


def test_an_exchange_is_kept_until_its_trace_was_written(tmp_path):
    path, written = tmp_path / "a.inflight", [0]
    journal = Journal(path, written=lambda: written[0])
    slots = [journal.begin(Begun(name, 1.0)) for name in "abc"]
    journal.recorded("a", 1)
    journal.recorded("b", 2)
    for slot in slots:
        journal.end(slot)
    assert {begun.id for begun in read(path)} == {"a", "b", "c"}
    written[0] = 1
    journal.end(journal.begin(Begun("d", 1.0)))
    assert {begun.id for begun in read(path)} >= {"b"}
    assert "a" not in {begun.id for begun in read(path)}
    journal.close()
    assert path.exists()  # b could not be written: the next start tells of it
    with recovering(path) as found:
        assert found is not None
        assert "b" in {begun.id for begun in found}
    assert not path.exists()


def test_what_cannot_be_told_yet_stays(tmp_path):
    path = tmp_path / "a.inflight"
    journal = Journal(path, written=lambda: 0)
    journal.recorded("a", 1)
    slot = journal.begin(Begun("a", 1.0))
    journal.recorded("a", 1)
    journal.end(slot)
    journal.close()
    with pytest.raises(StoreError), recovering(path):
        raise StoreError("The disk is full.")
    assert leftovers(tmp_path) == [path]


def test_writing_may_be_cut_off_at_any_byte(tmp_path, monkeypatch):
    """A death between any two bytes leaves what was there before, or what was to be there."""
    path = tmp_path / "a.inflight"
    journal = open_journal(path)
    slot = journal.begin(Begun("1", 1.0))
    journal.owe("1", "", (call(1),), b"")
    states = []

    class Stepwise:
        def __init__(self, real):
            self._real = real

        def __getitem__(self, at):
            return self._real[at]

        def __len__(self):
            return len(self._real)

        def __setitem__(self, at, value):
            if isinstance(at, slice):
                for index, byte in zip(range(at.start, at.stop), value, strict=True):
                    self._real[index] = byte
                    states.append(bytes(self._real[: journals._SLOT * (slot + 1)]))
            else:
                self._real[at] = value
                states.append(bytes(self._real[: journals._SLOT * (slot + 1)]))

    with monkeypatch.context() as patch:
        patch.setattr(journal, "_map", Stepwise(journal._map))
        journal.owe("1", "m@h", (call(1), call(20)), b"held")
        journal.owe("1", "m@h", (call(1), call(20), call(300)), b"")
    sums = [sum(one.cost or 0 for begun in journals._read(state) for one in begun.owed) for state in states]
    assert len(sums) > 200
    assert set(sums) == {1, 21, 321}
    assert sums == sorted(sums)
    journal.close()


@given(
    costs=st.lists(st.integers(0, 10**12) | st.none(), max_size=80),
    name=st.text(max_size=600),
    engines=st.lists(st.text(max_size=300), min_size=1, max_size=4),
    note=st.binary(max_size=400),
)
def test_however_many_calls_and_long_names_the_money_fits(costs, name, engines, note):
    owed = tuple(
        journals._owed(call(cost, engines[n % len(engines)], currency=("USD", "EUR")[n % 2]))
        for n, cost in enumerate(costs)
    )
    begun = Begun("01k8zr6y5m01k8zr6y5m01k8zr", 1.0, name, engines[0], key="k", team=name, note=note, owed=owed)
    data = journals._fitting(begun)
    assert len(data) <= journals._ROOM
    found = journals._DECODE(data)
    for currency in ("USD", "EUR"):
        asked, kept = ([o.cost or 0 for o in each.owed if o.currency == currency] for each in (begun, found))
        assert sum(asked) == sum(kept)
    assert found.note == note


def test_tokens_beyond_64_bits_do_not_stop_an_exchange(tmp_path):
    journal = open_journal(tmp_path / "a.inflight")
    journal.begin(Begun("1", 1.0))
    huge = Attempt("m@h", 0.0, 1.0, billed=True, usage=Usage(input=10**30), cost=2**63 - 1)
    journal.owe("1", "m@h", (huge,), b"")
    (begun,) = read(tmp_path / "a.inflight")
    assert begun.owed[0].cost == 2**63 - 1
    journal.close()


def test_a_journal_grows(tmp_path):
    path = tmp_path / "a.inflight"
    journal = open_journal(path)
    slots = [journal.begin(Begun(str(n), 1.0)) for n in range(600)]
    assert len(set(slots)) == 600
    for slot in slots[:599]:
        journal.end(slot)
    (begun,) = read(path)
    assert begun.id == "599"
    journal.close()


@given(st.binary(max_size=3 * journals._SLOT))
def test_a_damaged_journal_tells_what_it_can(data):
    assert len(journals._read(data)) <= 3


def test_a_journal_survives_kill_9(tmp_path):
    path = tmp_path / "a.inflight"
    code = (
        "import sys, time; from pathlib import Path; from weighbridge.gateway.journal import *\n"
        "j = Journal(Path(sys.argv[1]), written=lambda: 0); j.begin(Begun('lost', 5.0, 'route'))\n"
        "j.owe('lost', '', (Attempt('m@h', 0.0, 1.0, billed=True, cost=7),), b'')\n"
        "j.end(j.begin(Begun('ended', 6.0))); print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        with recovering(path) as living:
            assert living is None
        process.send_signal(signal.SIGKILL)
    with recovering(path) as found:
        assert found is not None
        (begun,) = found
    assert (begun.id, begun.at, begun.name, begun.owed[0].cost) == ("lost", 5.0, "route", 7)
    assert not path.exists()


def test_a_journal_without_a_folder(tmp_path):
    with pytest.raises(StoreError) as error:
        open_journal(tmp_path / "no" / "a.inflight")
    assert "journal" in error.value.what


def test_figures_of_money_are_those_of_the_calls():
    failed = call(7, "n@h", outcome="deadline", estimated=True)
    metrics = Metrics()
    metrics.observe(
        Trace("t", 0.0, "r", "m@h", attempts=(failed, call(1_000_000), Attempt("x@h", 0.0, 0.1, "overloaded")))
    )
    metrics.observe(Trace("t", 0.0, "r", "m@h", usage=Usage(5), cost=0, cached=True))
    rows = {(name, labels): value for name, labels, value in metrics.snapshot().values}
    assert rows["weighbridge_cost_total", ("m@h", "USD")] == 1.0
    assert (
        rows["weighbridge_cost_total", ("n@h", "USD")]
        == rows["weighbridge_cost_estimated_total", ("n@h", "USD")]
        == 7e-6
    )
    assert rows["weighbridge_tokens_total", ("m@h", "output")] == 5
    assert not any(labels[:1] == ("x@h",) and "cost" in name for name, labels in rows)
