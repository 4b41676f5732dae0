"""The audit log: it only grows, and whatever was changed in it shows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from weighbridge.canon import Act, Plan
from weighbridge.errors import DamagedError, NotFoundError, StoreError
from weighbridge.store import audit
from weighbridge.store.state import State

NAMES = st.text(max_size=8)


@pytest.fixture
def state(state_place: str) -> Iterator[State]:
    made = State(state_place)
    yield made
    made.close()


def create(state: State, name: str, at: float = 1.0) -> None:
    act = Act(at, "ada", "key.create", subject=f"key:{name}", why="für 🚢", role="admin", detail={"b": "2", "a": "1"})
    state.alter("key", name, lambda _: b"1", act)


def unguarded(connection: sa.Connection) -> None:
    """What someone can do who owns the database."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE audit DISABLE TRIGGER ALL")
    else:
        connection.exec_driver_sql("DROP TRIGGER audit_stays_update")
        connection.exec_driver_sql("DROP TRIGGER audit_stays_delete")


def past_the_triggers(state: State, statement: str) -> None:
    with state.database.writing() as connection:
        unguarded(connection)
        connection.exec_driver_sql(statement)


def test_an_empty_log_is_whole(state: State) -> None:
    assert state.acts() == []
    assert state.verify() == audit.Verified(0, audit.START)
    assert state.verify(audit.START).problem == ""


def test_acts_come_in_order_and_in_parts(state: State) -> None:
    for n in range(5):
        create(state, str(n), at=float(n))
    state.publish(Plan(0), action="promote", who="bob", why="cheaper", route="assistant", at=9.0)
    entries = state.acts()
    assert [entry.sequence for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert entries[0].act.detail == {"a": "1", "b": "2"}
    assert entries[-1].act == Act(9.0, "bob", "route.promote", subject="assistant", why="cheaper")
    assert state.acts(after=4) == entries[4:]
    assert state.acts(limit=2) == entries[:2]
    assert state.acts(limit=2, newest=True) == entries[4:]
    assert state.acts(after=5, limit=2, newest=True) == entries[5:]
    assert state.acts(limit=0) == state.acts(limit=-1) == []
    assert state.verify() == audit.Verified(6, entries[-1].hash)
    assert state.verify(entries[2].hash) == state.verify()  # a head of before: the log has grown since


def test_what_fails_leaves_no_entry(state: State) -> None:
    def refuse(_data: bytes | None) -> bytes:
        raise NotFoundError("not this")

    with pytest.raises(NotFoundError, match="not this"):
        state.alter("key", "a", refuse, Act(1.0, "ada", "key.create"))
    assert state.acts() == []
    assert state.everything() == []


def test_the_database_refuses_changes(state: State) -> None:
    create(state, "a")
    before = state.acts()
    for statement in (
        "UPDATE audit SET at = 0",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE sequence = 1",
        "INSERT INTO audit SELECT sequence + 7, at, data, hash FROM audit",
        "INSERT INTO audit SELECT sequence, at, data, hash FROM audit",
        "TRUNCATE audit" if state.shared else "INSERT OR REPLACE INTO audit VALUES (1, 1, x'', '')",
    ):
        with (
            pytest.raises((sa.exc.IntegrityError, StoreError), match="append-only"),
            state.database.writing() as connection,
        ):
            connection.exec_driver_sql(statement)
    assert state.acts() == before


def test_what_was_changed_is_named(state: State) -> None:
    for n in range(4):
        create(state, str(n))
    head = state.verify().head
    for statement, broken, problem in (
        ("UPDATE audit SET at = 7 WHERE sequence = 2", 2, "time"),
        ("UPDATE audit SET data = (SELECT data FROM audit WHERE sequence = 1) WHERE sequence = 3", 3, "does not fit"),
        ("UPDATE audit SET hash = (SELECT hash FROM audit WHERE sequence = 1) WHERE sequence = 2", 2, "does not fit"),
        ("DELETE FROM audit WHERE sequence = 2", 2, "missing: entry 3"),
        ("DELETE FROM audit WHERE sequence = 1", 1, "missing: entry 2"),
        ("DELETE FROM audit WHERE sequence > 2", 3, "removed"),
    ):
        with contextlib.suppress(NotFoundError), state.database.writing() as connection:
            unguarded(connection)
            connection.exec_driver_sql(statement)
            got = audit.verify(audit.rows(connection), head)
            raise NotFoundError("undo it")
        assert got.broken == broken
        assert problem in got.problem
        assert got.entries == broken - 1
    assert state.verify(head) == audit.Verified(4, head)


def test_a_log_that_was_written_anew_lacks_its_head(state: State) -> None:
    create(state, "a")
    head = state.verify().head
    past_the_triggers(state, "DELETE FROM audit")
    create(state, "b")
    assert state.verify().problem == ""
    assert "head" in state.verify(head).problem


def test_an_entry_that_cannot_be_read(state: State) -> None:
    create(state, "a")
    past_the_triggers(state, "UPDATE audit SET data = " + ("'\\x7b'::bytea" if state.shared else "x'7b'"))
    with pytest.raises(DamagedError, match="Entry 1") as caught:
        state.acts()
    assert "audit verify" in caught.value.fix
    assert state.verify().broken == 1


@examples(max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=6), st.data())
def test_no_single_change_goes_unseen(names: list[str], data: st.DataObject) -> None:
    rows: list[audit.Row] = []
    before = audit.START
    for n, name in enumerate(names, 1):
        text = audit._CANONICAL.encode(Act(float(n), name, "key.create"))
        before = audit.chained(before, n, text)
        rows.append((n, float(n), text, before))
    assert audit.verify(rows, before) == audit.Verified(len(rows), before)
    at = data.draw(st.integers(0, len(rows) - 1))
    sequence, when, text, known = rows[at]
    flip = data.draw(st.integers(0, len(text) - 1))
    changed = (text[:flip] + bytes([text[flip] ^ 1]) + text[flip + 1 :], "0" * 64 if known != "0" * 64 else "1" * 64)
    for row in (
        (sequence, when + 1, text, known),
        (sequence, when, changed[0], known),
        (sequence, when, text, changed[1]),
    ):
        assert audit.verify([*rows[:at], row, *rows[at + 1 :]], before).broken == at + 1
    assert audit.verify(rows[:at] + rows[at + 1 :], before).broken == at + 1
