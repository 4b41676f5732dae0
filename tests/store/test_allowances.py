"""Allowances: machines together never take more than there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from weighbridge.canon import Act
from weighbridge.store.database import Database
from weighbridge.store.schema import allowances
from weighbridge.store.state import State

KEY = ("key:a", "requests", "29000000")


@pytest.fixture
def state(state_place: str) -> Iterator[State]:
    made = State(state_place)
    yield made
    made.close()


def test_what_is_left_is_granted_and_no_more(state: State) -> None:
    assert state.taken(*KEY) == 0
    assert [state.take(*KEY, want, 10) for want in (4, 4, 4, 4)] == [4, 4, 2, 0]
    assert state.taken(*KEY) == 10
    assert state.take("key:a", "requests", "29000001", 4, 10) == 4  # another minute
    assert state.take("key:a", "input", "29000000", 4, 10) == 4
    assert state.take(*KEY, 4, 12) == 2  # the limit was raised
    assert state.take(*KEY, 4, 5) == 0  # and lowered
    assert state.take(*KEY, 0, 99) == state.take(*KEY, -3, 99) == 0
    assert state.taken(*KEY) == 12


def test_what_is_given_back_can_be_taken_again(state: State) -> None:
    state.give_back(*KEY, 5)  # of a span that nobody knows
    assert state.taken(*KEY) == 0
    state.take(*KEY, 10, 10)
    state.give_back(*KEY, 3)
    assert state.take(*KEY, 10, 10) == 3
    state.give_back(*KEY, 99)
    assert state.taken(*KEY) == 0


def test_money_of_any_size(state: State) -> None:
    assert state.take("team:ä", "month", "2026-11", 1 << 60, (1 << 62)) == 1 << 60


def test_old_spans_are_forgotten_and_late_ones_are_not(state: State) -> None:
    def spans(field: str) -> list[str]:
        with state.database.reading() as connection:
            a = allowances.c
            rows = connection.execute(allowances.select().where(a.field == field).order_by(a.span)).all()
        return [row.span for row in rows]

    for minute in range(100):
        assert state.take("key:a", "requests", str(29000000 + minute), 1, 1, now=minute * 60.0) == 1
    assert spans("requests") == [str(29000000 + n) for n in range(39, 100)]
    for day in range(10):
        state.take("key:a", "day", f"2026-11-{day:02}", 1, 1, now=day * 86400.0)
    assert spans("day") == [f"2026-11-{n:02}" for n in range(6, 10)]
    state.take("key:a", "month", "2026-10", 1, 1, now=0.0)
    state.take("key:a", "month", "2026-11", 1, 1, now=31 * 86400.0)
    assert spans("month") == ["2026-10", "2026-11"]
    # A clock that is behind still meets the span that it believes in.
    assert state.take("key:a", "requests", "29000098", 1, 1, now=6000.0) == 0


def test_many_at_once_take_no_more_than_there_is(state: State, state_place: str) -> None:
    other = State(state_place)
    got: list[int] = []

    def work(mine: State) -> None:
        got.extend(mine.take(*KEY, 7, 300) for _ in range(10))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in (state, other, state, other, state)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(got) == 50
    assert sum(got) == 300 == state.taken(*KEY)


def test_on_postgresql_it_waits_for_no_administrator(postgres_url: str) -> None:
    state = State(postgres_url)

    def change(_data: bytes | None) -> bytes:
        assert state.take(*KEY, 5, 10) == 5  # with the turn of writers taken
        assert state.hold("key:a", "one", 5, 10, seconds=15) == 5
        return b"1"

    state.alter("rule", "key:a", change, Act(1.0, "ada", "limits.set"))
    assert state.taken(*KEY) == 5
    state.close()


def test_who_stops_renewing_holds_nothing(state: State) -> None:
    def hold(holder: str, want: int, now: float) -> int:
        return state.hold("key:a", holder, want, 10, seconds=15, now=now)

    assert hold("one", 6, 0.0) == 6
    assert hold("two", 6, 5.0) == 4
    assert hold("one", 6, 10.0) == 6  # renewed
    assert hold("two", 6, 14.0) == 4
    assert hold("one", 2, 15.0) == 2
    assert hold("two", 20, 16.0) == 8
    assert hold("two", 0, 17.0) == 0  # let go
    assert hold("three", 20, 30.0) == 10  # "one" was last heard of 15 seconds ago
    assert state.hold("key:b", "one", 3, 3, seconds=15) == 3  # by the database's clock
    assert state.hold("key:b", "two", 3, 3, seconds=15) == 0
    assert state.hold("key:b", "two", 3, 3, seconds=15, now=9e9) == 3


def test_holders_at_once_hold_no_more_than_there_is(state: State, state_place: str) -> None:
    other = State(state_place)
    got: dict[str, int] = {}

    def work(mine: State, name: str) -> None:
        for want in (1, 9, 4, 6):
            got[name] = mine.hold("key:a", name, want, 20, seconds=60)

    threads = [threading.Thread(target=work, args=((state, other)[n % 2], str(n))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert sum(got.values()) <= 20
    assert state.hold("key:a", "last", 20, 20, seconds=60) == 20 - sum(got.values())


STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "give"]), st.integers(0, 2), st.integers(0, 9), st.integers(0, 20)), max_size=12
)


@pytest.fixture(scope="module")
def one_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[State]:
    made = State(tmp_path_factory.mktemp("allowances") / "state.db")
    yield made
    made.close()


@examples(max_examples=40)
@given(STEPS)
def test_any_order_of_steps_fits_a_plain_model(one_database: State, steps: list[tuple[str, int, int, int]]) -> None:
    state, model = one_database, dict[str, int]()
    with state.database.leasing() as connection:
        connection.execute(allowances.delete())
    for what, span, amount, limit in steps:
        at: tuple[str, str, str] = ("key:a", "requests", str(span))
        have = model.get(str(span), 0)
        if what == "take":
            granted = state.take(*at, amount, limit)
            assert granted == max(0, min(amount, limit - have))
            model[str(span)] = have + granted
        else:
            state.give_back(*at, amount)
            model[str(span)] = max(0, have - amount)
        assert state.taken(*at) == model[str(span)]


def test_the_clock_is_the_databases(state: State) -> None:
    from weighbridge.store.allowances import clock

    database: Database = state.database
    with database.reading() as connection:
        assert clock(connection) > 1_700_000_000
