"""The state in PostgreSQL: away for a while, slow, refusing; and never a word of a password."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import postgres as servers
import pytest

from weighbridge.canon import Act, Plan, Publication
from weighbridge.errors import MissingExtraError, StoreError, StoreFullError, WeighbridgeError
from weighbridge.gateway.plans import Plans
from weighbridge.store import postgres as ours
from weighbridge.store.follow import NOTHING, follower
from weighbridge.store.state import State


class DriverError(Exception):
    def __init__(self, text: str, sqlstate: str | None = None) -> None:
        super().__init__(text)
        self.sqlstate = sqlstate


def create(state: State, name: str) -> None:
    state.alter("key", name, lambda _: b"1", Act(1.0, "ada", "key.create"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_it_goes_away_and_comes_back(postgres: servers.Server, postgres_url: str, number: int) -> None:
    state, following = State(postgres_url), follower(postgres_url)
    create(state, "a")
    assert state.take("key:a", "requests", "1", 3, 10) == 3
    assert len(following.newer(0, 0).records) == 1
    postgres.stop(number)
    try:
        refused: tuple[Callable[[], object], ...] = (
            state.everything,
            state.sequence,
            lambda: create(state, "b"),
            lambda: state.take("key:a", "requests", "1", 3, 10),
            lambda: state.hold("key:a", "me", 3, 10, seconds=1),
            lambda: following.newer(0, 1),
            lambda: State(postgres_url),
        )
        for what in refused:
            with pytest.raises(StoreError, match="cannot be used") as caught:
                what()
            assert "server runs" in caught.value.fix
    finally:
        postgres.start()
    assert [record.name for record in state.everything()] == ["a"]
    assert state.take("key:a", "requests", "1", 20, 10) == 7  # nothing was lost, nothing came twice
    assert following.newer(0, 1) == NOTHING
    create(state, "c")
    assert [record.name for record in following.newer(0, 1).records] == ["c"]
    assert state.verify().entries == 2
    assert state.verify().problem == ""
    following.close()
    state.close()


async def test_those_who_follow_say_that_it_is_away_and_go_on(postgres: servers.Server, postgres_url: str) -> None:
    state = State(postgres_url)
    plans = Plans(Publication(sequence=0, plan=Plan(0), at=0.0), postgres_url)
    told: asyncio.Queue[object] = asyncio.Queue()
    plans.watch(asyncio.get_running_loop(), told.put_nowait, told.put_nowait)
    create(state, "a")
    assert await asyncio.wait_for(told.get(), 30) == state.everything()
    postgres.stop()
    try:
        async with asyncio.timeout(30):
            while not plans.problem:  # noqa: ASYNC110 - a thread sets it
                await asyncio.sleep(0.02)
    finally:
        postgres.start()
    create(state, "b")
    assert [record.name for record in await asyncio.wait_for(told.get(), 30)] == ["b"]  # type: ignore[attr-defined]
    assert plans.problem == ""
    await asyncio.to_thread(plans.close)
    state.close()


def test_nobody_waits_for_ever(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = State(postgres_url)
    monkeypatch.setattr(ours, "_SETTINGS", ("SET statement_timeout = '50ms'",))
    waiting = State(postgres_url)

    def change(_data: bytes | None) -> bytes:
        with pytest.raises(StoreError, match="held the database") as caught:
            create(waiting, "b")
        assert "pg_stat_activity" in caught.value.fix
        assert waiting.everything() == []  # who reads does not wait
        return b"1"

    holder.alter("key", "a", change, Act(1.0, "ada", "key.create"))
    create(waiting, "b")
    assert [record.revision for record in waiting.everything()] == [1, 2]
    holder.close()
    waiting.close()


def test_changes_from_many_machines_take_turns(postgres_url: str) -> None:
    states = [State(postgres_url) for _ in range(4)]

    def work(state: State, machine: int) -> None:
        for turn in range(5):
            state.alter("key", "one", lambda data: (data or b"") + b".", Act(float(turn), str(machine), "key.count"))
            create(state, f"{machine}-{turn}")

    threads = [threading.Thread(target=work, args=(state, n)) for n, state in enumerate(states)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records = states[0].everything()
    assert [record.data for record in records if record.name == "one"] == [b"." * 20]
    assert len(records) == 21
    assert max(record.revision for record in records) == 40
    assert states[0].verify().entries == 40
    assert states[0].verify().problem == ""
    for state in states:
        state.close()


def test_who_may_not_make_tables_is_told(postgres: servers.Server, postgres_url: str) -> None:
    postgres.execute("CREATE ROLE guest LOGIN")
    try:
        with pytest.raises(StoreError, match="refused") as caught:
            State(postgres_url.replace(f"{servers.USER}@", "guest@"))
        assert "own the database" in caught.value.fix
    finally:
        postgres.execute("DROP ROLE guest")


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("postgresql://ada:secret@db.test:5433/state?sslmode=require", "postgresql://ada@db.test:5433/state"),
        ("postgres://db.test/state", "postgresql://db.test/state"),
        ("postgresql+psycopg:///state?host=/run/pg&password=secret", "postgresql:///state"),
        ("postgresql://ada:secret@[::1/state", "postgresql://"),
        ("postgresql://ada:secret@h:port/state", "postgresql://"),
    ],
)
def test_a_url_is_shown_without_what_is_secret(place: str, name: str) -> None:
    assert ours.shown(place) == name


@pytest.mark.parametrize(
    "place",
    ["postgresql://a:secret@h/db?nonsense=secret", "postgresql://a:secret@[h/db", "postgresql://a:secret%zz@h/d"],
)
def test_a_url_that_means_nothing(place: str) -> None:
    for opened in (State, lambda url: follower(url).newer(0, 0)):
        with pytest.raises(StoreError, match="cannot be read") as caught:
            opened(place)
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_server_that_is_not_there_is_told_soon(tmp_path: Path) -> None:
    place = f"postgresql://ada:secret@/state?host={tmp_path}"
    for opened in (State, lambda url: follower(url).newer(0, 0)):
        with pytest.raises(StoreError, match="cannot be used") as caught:
            opened(place)
        assert "secret" not in str(caught.value)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    for opened in (State, lambda url: follower(url).newer(0, 0)):
        with pytest.raises(MissingExtraError, match="psycopg") as caught:
            opened("postgresql://ada:secret@h/state")
        assert "weighbridge[postgres]" in caught.value.fix
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (DriverError("could not extend file: No space left on device", "53100"), StoreFullError, "no room"),
        (DriverError("sorry, too many clients already", "53300"), StoreError, "too many clients"),
        (DriverError("canceling statement", "57014"), StoreError, "held"),
        (DriverError("permission denied for table plans\nDETAIL: x", "42501"), StoreError, "refused: permission"),
        (DriverError("connection failed: x\n\tIs the server running?"), StoreError, "used: connection failed: x."),
        (DriverError("All failures were:\n- host: 'h': no route"), StoreError, "used: - host: 'h': no route."),
        (DriverError(""), StoreError, "DriverError"),
    ],
)
def test_errors_are_told_as_ours(error: Exception, kind: type[WeighbridgeError], says: str) -> None:
    got = ours.told(error, "postgresql://h/db")
    assert type(got) is kind
    assert says in str(got)
    assert got.fix
    assert got.where == "postgresql://h/db"


def test_a_process_that_follows_a_file_loads_neither_driver() -> None:
    code = (
        "import sys; from weighbridge.store.follow import follower; follower('/nowhere/x'); "
        "sys.exit('psycopg' in sys.modules or 'sqlalchemy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
