"""Databases of older versions become ones of this version; whole, or not at all."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from weighbridge.canon import Act
from weighbridge.errors import DamagedError, StoreError
from weighbridge.store import migrations, schema
from weighbridge.store.state import State

WRITTEN_BY_1 = Path(__file__).parent / "data" / "state-v1.db"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that version 1 wrote: three publications and a vote."""
    return Path(shutil.copy(WRITTEN_BY_1, tmp_path / "state.db"))


def tables(path: Path) -> dict[str, str]:
    with sqlite3.connect(path) as connection:
        found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    connection.close()
    return found


def test_a_file_of_version_1_keeps_what_it_held_and_can_do_what_is_new(old: Path) -> None:
    state = State(old)
    history = state.history()
    assert [(p.sequence, p.plan.number, p.action, p.at) for p in history] == [
        (3, 1, "rollback", 1700000002.0),
        (2, 2, "promote", 1700000001.0),
        (1, 1, "declare", 1700000000.0),
    ]
    assert history[0].plan.routes["assistant"].fallbacks == ("spare@left",)
    assert [vote.choice for vote in state.votes()] == ["new@right"]
    state.alter("key", "a", lambda _: b"1", Act(5.0, "ada", "key.create"))
    state.publish(history[1].plan, action="promote", who="ada", why="", route="assistant", at=6.0)
    assert state.take("key:a", "requests", "1", 5, 3) == 3
    assert [entry.act.action for entry in state.acts()] == ["key.create", "route.promote"]
    assert state.verify().problem == ""
    state.close()


def test_it_becomes_the_same_as_a_new_one(old: Path, tmp_path: Path) -> None:
    State(old).close()
    State(tmp_path / "new.db").close()
    assert tables(old) == tables(tmp_path / "new.db")
    State(old).close()  # once is enough


def test_every_version_leads_to_this_one_on_each_database(state_place: str) -> None:
    state = State(state_place)
    with state.database.writing() as connection:
        everything = sa.MetaData()
        everything.reflect(connection)
        everything.drop_all(connection)
        migrations.STEPS[1](connection)
        connection.execute(schema.meta.insert().values(version=1))
    state.close()
    state = State(state_place)
    with state.database.reading() as connection:
        assert migrations.version(connection) == migrations.VERSION == 5
    state.alter("key", "a", lambda _: b"1", Act(5.0, "ada", "key.create"))
    with state.database.writing() as connection:
        connection.execute(schema.meta.update().values(version=99))
    state.close()
    with pytest.raises(StoreError, match="newer Weighbridge"):
        State(state_place)


def test_a_step_that_fails_leaves_the_file_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = tables(old)

    def broken(connection: sa.Connection) -> None:
        migrations._to_2(connection)
        connection.exec_driver_sql("SELECT 1 FROM nowhere")

    with monkeypatch.context() as patched:
        patched.setitem(migrations.STEPS, 2, broken)
        with pytest.raises(StoreError, match="nowhere"):
            State(old)
    assert tables(old) == before
    State(old).close()
    assert "records" in tables(old)


def test_tables_of_someone_else_are_not_taken_for_ours(old: Path) -> None:
    with sqlite3.connect(old) as connection:
        connection.execute("CREATE TABLE records (title TEXT, artist TEXT)")
    connection.close()
    before = tables(old)
    with pytest.raises(DamagedError, match="records lacks data, kind, name, revision") as caught:
        State(old)
    assert caught.value.fix
    assert tables(old) == before
