"""The state store: plans that name their content, publications in order, races with one winner each."""

from __future__ import annotations

import functools
import os
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from weighbridge.canon import Act, Plan, Publication, Route
from weighbridge.errors import (
    DamagedError,
    InputError,
    MissingExtraError,
    NotFoundError,
    StoreError,
    StoreFullError,
    WeighbridgeError,
)
from weighbridge.store.follow import NOTHING, News, follower
from weighbridge.store.schema import plans
from weighbridge.store.sqlite import database_error
from weighbridge.store.state import PlanMovedError, State


def plan_of(primary: str, number: int = 0) -> Plan:
    return Plan(number=number, routes={"assistant": Route(name="assistant", primary=primary)})


def publish(state: State, plan: Plan, *, at: float = 1.0, after: int | None = None) -> Publication:
    return state.publish(plan, action="promote", who="ada", why="cheaper", route="assistant", at=at, after=after)


@pytest.fixture
def state(state_place: str) -> Iterator[State]:
    made = State(state_place)
    yield made
    made.close()


def test_an_empty_state_has_no_plan(state: State) -> None:
    assert state.sequence() == 0
    assert state.current() is None
    assert state.history() == []
    with pytest.raises(NotFoundError, match="no plan 1"):
        state.plan(1)


def test_a_plan_gets_its_number_from_its_content(state: State) -> None:
    first = publish(state, plan_of("a@x", number=77))
    second = publish(state, plan_of("b@x"))
    again = publish(state, plan_of("a@x"))
    assert [p.plan.number for p in (first, second, again)] == [1, 2, 1]
    assert [p.sequence for p in (first, second, again)] == [1, 2, 3]
    assert state.sequence() == 3
    assert state.plan(2).routes == second.plan.routes
    assert state.current() == again


def test_the_order_of_routes_does_not_make_another_plan(state: State) -> None:
    one = {"a": Route(name="a", primary="m@x"), "b": Route(name="b", primary="m@x")}
    two = dict(reversed(one.items()))
    assert (
        publish(state, Plan(number=0, routes=one)).plan.number == publish(state, Plan(number=0, routes=two)).plan.number
    )


def test_what_the_configuration_declared_belongs_to_the_content(state: State) -> None:
    bare = plan_of("a@x")
    declared = Plan(number=0, routes=bare.routes, declared=bare.routes)
    assert publish(state, bare).plan.number != publish(state, declared).plan.number
    assert state.plan(2).declared == bare.routes


def test_history_is_newest_first_and_keeps_who_when_and_why(state: State) -> None:
    for turn in range(5):
        publish(state, plan_of(f"m{turn}@x"), at=float(turn))
    got = state.history(3)
    assert [p.at for p in got] == [4.0, 3.0, 2.0]
    assert (got[0].who, got[0].why, got[0].action, got[0].route) == ("ada", "cheaper", "promote", "assistant")
    assert state.history(0) == []


def test_a_plan_made_from_an_old_one_is_refused(state: State) -> None:
    publish(state, plan_of("a@x"), after=0)
    with pytest.raises(PlanMovedError, match="Someone else") as caught:
        publish(state, plan_of("b@x"), after=0)
    assert isinstance(caught.value, StoreError)
    assert caught.value.fix
    assert state.sequence() == 1


def test_update_reads_again_after_losing_the_race(state: State) -> None:
    seen: list[int | None] = []

    def change(plan: Plan | None) -> Plan:
        seen.append(plan.number if plan else None)
        if len(seen) == 1:
            publish(state, plan_of("other@x"))
        return plan_of("mine@x")

    got = state.update(change, action="promote", who="", why="", route="", at=2.0)
    assert seen == [None, 1]
    assert (got.sequence, got.plan.number) == (2, 2)


def test_what_a_change_raises_ends_the_update(state: State) -> None:
    def change(_plan: Plan | None) -> Plan:
        raise NotFoundError("no such route")

    with pytest.raises(NotFoundError):
        state.update(change, action="promote", who="", why="", route="", at=2.0)
    assert state.sequence() == 0


def test_reopened_it_says_the_same(state: State, state_place: str) -> None:
    made = publish(state, plan_of("ä🚢@x"))
    by_url = state_place if "://" in state_place else f"sqlite:///{state_place}"
    for place in (state_place, by_url):
        other = State(place)
        assert other.current() == made
        other.close()


def test_files_are_private_under_a_lax_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        state = State(tmp_path / "deep" / "store" / "state.db")
        publish(state, plan_of("a@x"))
    finally:
        os.umask(old)
    folder = tmp_path / "deep" / "store"
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()}
    state.close()
    assert "state.db-wal" in modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


def test_readable_files_of_before_become_private(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch(mode=0o644)
    path.chmod(0o644)
    State(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    State(tmp_path / "state.db").close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE meta SET version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer Weighbridge") as caught:
        State(tmp_path / "state.db")
    assert "Upgrade" in caught.value.fix


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database at all" * 300)
    with pytest.raises(DamagedError, match="damaged") as caught:
        State(tmp_path / "state.db")
    assert "Move the file" in caught.value.fix


def test_a_plan_that_cannot_be_read_is_damaged(state: State) -> None:
    publish(state, plan_of("a@x"))
    with state.database.writing() as connection:
        connection.execute(plans.update().values(content=b"{"))
    with pytest.raises(DamagedError, match="Plan 1"):
        state.current()


def test_what_else_changed_is_told_beside_a_plan_that_cannot_be_read(state: State, state_place: str) -> None:
    publish(state, plan_of("a@x"))
    kept = state.alter("key", "k", lambda _: b"{}", Act(1.0, "me", "key.create"))
    with state.database.writing() as connection:
        connection.execute(plans.update().values(content=b"{"))
    following = follower(state_place)
    news = following.newer(0, 0)
    following.close()
    assert (news.publication, news.records) == (None, (kept,))
    assert "Plan 1 cannot be read" in news.problem


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        State(tmp_path / "store" / "state.db")
    assert caught.value.where


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("sqlite://", StoreError),
        ("sqlite:///:memory:", StoreError),
        ("oracleofdelphi://x/y", MissingExtraError),
        ("postgresql+nothing://u:secret@h/db", MissingExtraError),
        ("://", StoreError),
    ],
)
def test_urls_that_cannot_be_used_are_told_without_secrets(place: str, kind: type[WeighbridgeError]) -> None:
    with pytest.raises(kind) as caught:
        State(place)
    assert "secret" not in str(caught.value)
    assert caught.value.fix


def test_a_full_disk_has_its_own_error() -> None:
    assert isinstance(database_error(sqlite3.OperationalError("database or disk is full"), "p"), StoreFullError)
    assert "held" in database_error(sqlite3.OperationalError("database is locked"), "p").what


def test_a_follower_sees_each_publication_once(state: State, state_place: str) -> None:
    following = follower(state_place)
    assert following.newer(0, 0) == NOTHING
    made = publish(state, plan_of("a@x"))
    assert following.newer(0, 0) == News(made)
    assert following.newer(made.sequence, 0) == NOTHING
    assert following.newer(made.sequence - 1, 0) == News(state.current())
    following.close()


def act(action: str = "key.create", at: float = 1.0) -> Act:
    return Act(at, "ada", action)


def test_a_follower_sees_each_change_of_records_once(state: State, state_place: str) -> None:
    following = follower(state_place if "://" in state_place else f"sqlite:///{state_place}")
    one = state.alter("key", "one", lambda _: b"1", act())
    two = state.alter("rule", "two", lambda _: b"2", act())
    assert following.newer(0, 0) == News(records=(one, two))
    assert following.newer(0, 1) == News(records=(two,))
    again = state.alter("key", "one", lambda data: (data or b"") + b"!", act())
    assert (again.revision, again.data) == (3, b"1!")
    gone = state.alter("rule", "two", lambda _: None, act())
    assert gone.data is None
    assert following.newer(0, 2) == News(records=(again, gone))
    assert following.newer(0, 4) == NOTHING
    assert state.everything() == [again] == state.records("key")
    assert state.records("rule") == []
    assert following.newer(0, 9) == News(records=(again, gone), whole=True)
    following.close()


def test_a_follower_survives_a_file_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    state = State(tmp_path / "store" / "state.db")
    publish(state, plan_of("a@x"))
    state.close()
    following = follower(str(tmp_path / "store" / "state.db"))
    assert following.newer(0, 0) != NOTHING
    away = (tmp_path / "store" / "state.db").rename(tmp_path / "away.db")
    with pytest.raises(StoreError):
        following.newer(0, 0)
    away.rename(tmp_path / "store" / "state.db")
    assert following.newer(0, 0) != NOTHING
    following.close()


def test_threads_may_share_it(state: State) -> None:
    def add(key: str, plan: Plan | None) -> Plan:
        return Plan(number=0, routes={**(plan.routes if plan else {}), key: route})

    def work(name: int) -> None:
        for turn in range(5):
            change = functools.partial(add, f"{name}-{turn}")
            state.update(change, action="declare", who=str(name), why="", route="", at=0.0)
            state.sequence()

    route = Route(name="r", primary="m@x")
    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    current = state.current()
    assert current is not None
    assert current.sequence == 20
    assert len(current.plan.routes) == 20


PUBLISHER = textwrap.dedent(
    """
    import sys
    from weighbridge.canon import Plan, Publication, Route
    from weighbridge.store.state import State

    state = State(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    for turn in range(25):
        name = f"{sys.argv[2]}-{turn}"
        route = Route(name=name, primary="m@x")
        state.update(
            lambda plan: Plan(number=0, routes={**(plan.routes if plan else {}), name: route}),
            action="declare", who=sys.argv[2], why="", route=name, at=0.0,
        )
    state.close()
    """
)


def test_two_processes_publish_and_none_is_lost(state_place: str) -> None:
    command = [sys.executable, "-c", PUBLISHER, state_place]  # they also race to make it
    children = [
        subprocess.Popen([*command, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.communicate("go\n", timeout=60)
        assert child.returncode == 0
    state = State(state_place)
    history = state.history(100)
    state.close()
    assert [p.sequence for p in history] == list(range(50, 0, -1))
    assert len(history[0].plan.routes) == 50
    assert [p.plan.number for p in history] == list(range(50, 0, -1))


def test_what_is_no_text_is_refused_and_nothing_is_kept(state: State) -> None:
    for name in ("\ud800", "\0", "x" * 3000):
        if name == "\ud800" or state.shared:
            with pytest.raises(InputError, match="does not fit") as caught:
                state.alter("key", name, lambda _: b"1", act())
            assert caught.value.fix
    with pytest.raises(InputError):
        state.alter("key", "a", lambda _: b"1", Act(1.0, "\ud800", "key.create"))
    assert state.everything() == []
    assert state.acts() == []


def test_importing_it_loads_no_sqlalchemy() -> None:
    code = "import sys; import weighbridge.store.state; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
