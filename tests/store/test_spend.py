"""What was spent is the sum of the traces, whoever adds up, however often, and whatever stops them in the middle."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from weighbridge.canon import Attempt, Trace, Usage, charges
from weighbridge.errors import StoreError
from weighbridge.settings import Store
from weighbridge.store import segments, spend
from weighbridge.store.ids import new_trace_id
from weighbridge.store.seal import maintain
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter

MakeTrace = Callable[..., Trace]
START = 1_700_000_000.0
DAY = 86_400.0
SEALING = Store(segment_seconds=1.0, retention_days=36_500)


@pytest.fixture
def state(state_place: str):
    made = State(state_place)
    yield made
    made.close()


def record(folder: Path, *traces: Trace, now: float = START) -> None:
    writer = TraceWriter(folder, now=lambda: now)
    for trace in traces:
        writer.record(trace)
    writer.close()


def call(engine: str = "m@x", cost: int | None = 5, *, estimated: bool = False, currency: str = "USD") -> Attempt:
    usage = Usage(input=10, cached=4, output=6, reasoning=2, estimated=estimated)
    return Attempt(engine, 0.0, 1.0, billed=True, usage=usage, cost=cost, currency=currency)


def test_every_call_counts_for_its_own_engine_and_the_exchange_once(state, tmp_path, make_trace: MakeTrace) -> None:
    refused = Attempt("m@down", 0.0, 0.1, "overloaded", 503)
    attempts = (refused, call("m@y", 7, estimated=True), call("m@x", 5), call("m@z", None))
    record(tmp_path / "t", make_trace(key="k1", team="web", cost=12, attempts=attempts))
    assert spend.fold(state, tmp_path / "t", now=START) == 1
    rows = {row.engine: row for row in spend.spent(state)}
    assert {name: row.exchanges for name, row in rows.items()} == {"m@x": 1, "m@y": 0, "m@z": 0}
    assert (rows["m@y"].cost, rows["m@y"].estimated, rows["m@z"].unpriced) == (7, 7, 1)
    x = rows["m@x"]
    assert (x.day, x.key, x.team, x.route, x.currency) == ("2023-11-14", "k1", "web", "assistant", "USD")
    assert (x.input_tokens, x.cached_tokens, x.output_tokens, x.reasoning_tokens) == (10, 4, 6, 2)
    (all_of_it,) = spend.spent(state, by=())
    assert (all_of_it.cost, all_of_it.exchanges, all_of_it.engine) == (12, 1, "")
    assert spend.total(state, "key:k1", since="2023-11-14", until="2023-11-14", currency="USD") == 12
    assert spend.total(state, "engine:m@y", since="2023-11-01", until="2023-11-30", currency="USD") == 7
    assert spend.total(state, "key:k1", since="2023-11-15", until="2023-11-30", currency="USD") == 0


def test_what_cost_nothing_is_counted_only_where_something_was_given(state, tmp_path, make_trace: MakeTrace) -> None:
    unknown = make_trace(route="no such route", engine="", usage=None, cost=None, attempts=(), outcome="unknown_route")
    cached = make_trace(cached=True, cost=0, attempts=())
    record(tmp_path / "t", unknown, cached)
    assert spend.fold(state, tmp_path / "t", now=START) == 2
    (row,) = spend.spent(state)
    assert (row.route, row.exchanges, row.cached, row.cost, row.input_tokens) == ("assistant", 1, 1, 0, 0)


def test_traces_of_before_calls_told_their_cost_count_as_one_call(state, tmp_path, make_trace: MakeTrace) -> None:
    record(tmp_path / "t", make_trace(cost=42))
    spend.fold(state, tmp_path / "t", now=START)
    (row,) = spend.spent(state)
    assert (row.engine, row.cost, row.input_tokens, row.exchanges) == ("m@x", 42, 10, 1)


def test_currencies_are_never_added(state, tmp_path, make_trace: MakeTrace) -> None:
    record(tmp_path / "t", make_trace(attempts=(call(currency="EUR", cost=3), call(cost=5))))
    spend.fold(state, tmp_path / "t", now=START)
    assert {row.currency: row.cost for row in spend.spent(state, by=())} == {"EUR": 3, "USD": 5}


def test_the_day_is_that_of_the_beginning(state, tmp_path, make_trace: MakeTrace) -> None:
    midnight = 20_000 * DAY
    record(tmp_path / "t", make_trace(at=midnight - 0.1, total=9.0), make_trace(at=midnight))
    spend.fold(state, tmp_path / "t", now=midnight)
    assert [row.day for row in spend.spent(state, by=["day"])] == ["2024-10-04", "2024-10-03"]


def test_nothing_is_sealed_before_it_was_added_up(state, tmp_path, make_trace: MakeTrace) -> None:
    folder = tmp_path / "t"
    record(folder, make_trace())
    later = START + 400 * DAY
    for known in ({}, spend.positions(state, folder)):
        assert maintain(folder, SEALING, later, folded=known).sealed == 0
    assert spend.fold(state, folder, now=START) == 1
    assert maintain(folder, SEALING, later, folded=spend.positions(state, folder)).sealed == 1
    assert spend.fold(state, folder, now=START) == 0


def test_a_torn_end_is_cut_when_it_is_sealed_and_not_waited_for(state, tmp_path, make_trace: MakeTrace) -> None:
    folder = tmp_path / "t"
    record(folder, make_trace(), make_trace())
    (path,) = segments.segments(folder)
    path.write_bytes(path.read_bytes()[:-7])
    assert spend.fold(state, folder, now=START) == 1
    assert maintain(folder, SEALING, START + 9, folded=spend.positions(state, folder)).sealed == 1
    (row,) = spend.spent(state)
    assert row.exchanges == 1


def test_a_new_state_store_is_filled_from_what_was_sealed(tmp_path, make_trace: MakeTrace) -> None:
    folder = tmp_path / "t"
    record(folder, make_trace(key="k", attempts=(call(),)), make_trace())
    maintain(folder, SEALING, START + 9)
    record(folder, make_trace())
    for name in ("first.db", "second.db"):
        state = State(tmp_path / name)
        assert spend.fold(state, folder, now=START) == 3
        assert spend.fold(state, folder, now=START) == 0
        assert sum(row.cost for row in spend.spent(state)) == 5 + 42 + 42
        state.close()


def test_what_is_very_old_is_neither_added_up_nor_remembered(state, tmp_path, make_trace: MakeTrace) -> None:
    folder = tmp_path / "t"
    record(folder, make_trace())
    assert spend.fold(state, folder, now=START) == 1
    much_later = START + (spend.KEPT_DAYS + 1) * DAY
    assert spend.fold(state, folder, now=much_later) == 0
    assert spend.positions(state, folder) == {}
    assert spend.fold(state, folder, now=much_later) == 0


def test_two_that_add_up_at_once_count_everything_once(
    state_place: str, tmp_path, make_trace: MakeTrace, monkeypatch
) -> None:
    folder = tmp_path / "t"
    record(folder, make_trace())
    one, other = State(state_place), State(state_place)
    plain = spend._commit

    def overtaken(database, batch):
        monkeypatch.setattr(spend, "_commit", plain)
        assert spend.fold(other, folder, now=START) == 1
        plain(database, batch)

    monkeypatch.setattr(spend, "_commit", overtaken)
    assert spend.fold(one, folder, now=START) == 0
    assert sum(row.exchanges for row in spend.spent(one)) == 1
    one.close()
    other.close()


def test_two_folders_that_add_up_into_one_store_lose_nothing(state_place: str, tmp_path, make_trace: MakeTrace) -> None:
    for name in "ab":
        for _ in range(4):
            record(tmp_path / name, *(make_trace(attempts=(call(cost=3),)) for _ in range(5)))
    State(state_place).close()

    def work(name: str) -> int:
        state = State(state_place)
        try:
            return sum(spend.fold(state, tmp_path / name, now=START) for _ in range(3))
        finally:
            state.close()

    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(work, "abab"))
    state = State(state_place)
    counts += [spend.fold(state, tmp_path / name, now=START) for name in "ab"]
    assert sum(counts) == 40
    assert [(row.cost, row.exchanges) for row in spend.spent(state, by=())] == [(120, 40)]
    state.close()


def test_amounts_beyond_64_bits_stay_as_much_as_fits(state, tmp_path, make_trace: MakeTrace) -> None:
    huge = Attempt("m@x", 0.0, 1.0, billed=True, usage=Usage(input=10**30), cost=2**63 - 1)
    record(tmp_path / "t", *(make_trace(attempts=(huge,)) for _ in range(3)))
    spend.fold(state, tmp_path / "t", now=START)
    (row,) = spend.spent(state, by=["engine"])
    assert row.cost == row.input_tokens == 2**63 - 1


def test_a_store_that_is_away_delays_the_sum(tmp_path, make_trace: MakeTrace, monkeypatch) -> None:
    folder = tmp_path / "t"
    record(folder, *(make_trace() for _ in range(5)))
    state = State(tmp_path / "state.db")

    def away(*_):
        raise StoreError("The database is away.")

    with monkeypatch.context() as patch:
        patch.setattr(spend, "_add", away)
        with pytest.raises(StoreError):
            spend.fold(state, folder, now=START)
    assert spend.spent(state) == []
    assert spend.fold(state, folder, now=START) == 5
    state.close()


KILLED = """
import os, sys
from pathlib import Path
from weighbridge.store import spend
from weighbridge.store.state import State
state, steps = State(Path(sys.argv[1])), int(sys.argv[3])
plain = spend._add
def add(*args):
    global steps
    steps -= 1
    if steps < 0:
        os.kill(os.getpid(), 9)
    plain(*args)
spend._add = add
spend._BATCH = 2
spend.fold(state, Path(sys.argv[2]), now=1_700_000_000.0)
"""


def test_kill_9_in_the_middle_neither_loses_nor_doubles(tmp_path, make_trace: MakeTrace) -> None:
    folder = tmp_path / "t"
    record(folder, *(make_trace(key=f"k{n % 3}", attempts=(call(cost=n),)) for n in range(9)))
    for steps in (1, 3):
        subprocess.run([sys.executable, "-c", KILLED, tmp_path / "s.db", folder, str(steps)], check=False)
    state = State(tmp_path / "s.db")
    spend.fold(state, folder, now=START)
    assert sum(row.cost for row in spend.spent(state)) == sum(range(9))
    assert sum(row.exchanges for row in spend.spent(state)) == 9
    state.close()


@hypothesis_settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(["record", "fold", "seal", "forget"]), max_size=10))
def test_whatever_happens_in_whatever_order_the_sums_are_those_of_the_traces(seed: int, steps: list[str]) -> None:
    rng = random.Random(seed)
    expected: Counter[tuple[str, str]] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder, place = Path(name) / "t", Path(name) / "s.db"
        folder.mkdir()
        state = State(place)
        for step in [*steps, "record", "fold"]:
            if step == "record":
                traces = [_random(rng) for _ in range(rng.randrange(4))]
                for trace in traces:
                    for attempt in charges(trace):
                        expected[trace.key, attempt.engine] += attempt.cost or 0
                record(folder, *traces)
            elif step == "fold":
                spend.fold(state, folder, now=START, every=rng.random() < 0.5)
            elif step == "seal":
                maintain(folder, SEALING, START + 60, folded=spend.positions(state, folder))
            else:
                state.close()
                place.unlink()
                state = State(place)
        spend.fold(state, folder, now=START)
        found = {(row.key, row.engine): row.cost for row in spend.spent(state, by=["key", "engine"])}
        state.close()
    assert {k: v for k, v in found.items() if v} == {k: v for k, v in expected.items() if v}


def _random(rng: random.Random) -> Trace:
    calls = tuple(
        call(f"m@{rng.randrange(3)}", rng.choice([None, 0, rng.randrange(10**9)])) for _ in range(rng.randrange(4))
    )
    at = START + rng.randrange(10)
    return Trace(
        new_trace_id(at, rng), at, "r", calls[-1].engine if calls else "", attempts=calls, key=rng.choice("ab")
    )
