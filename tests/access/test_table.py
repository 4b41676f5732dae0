"""The shared file: steps are all or nothing, whoever dies, and what the dead held is given back."""

import contextlib
import os
import stat
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weighbridge.access import table as module
from weighbridge.access.table import LONGEST, Table
from weighbridge.errors import LimitError, StoreError


@pytest.fixture
def tables(tmp_path):
    opened = []

    def open_one(**how):
        opened.append(Table(tmp_path / "meters", **how))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def never(_slot):
    return False


def made(table, subject, value):
    with table:
        at = table.meter(table.make(subject, never), 0)
        table.set(at, value)
    return at


def dying(folder, body):
    """Run a process that kills itself within a step."""
    script = f"""
import os, signal
from pathlib import Path
from weighbridge.access.table import Table
table = Table(Path({str(folder)!r}))
{body}
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == -9, done.stderr


def test_what_one_writes_the_other_reads(tables):
    one, two = tables(), tables()
    at = made(one, "key:a", 7)
    assert two.find("key:a") >= 0
    assert two.ints[at] == 7
    assert two.find("key:b") == -1
    assert [name for name, _ in two.slots()] == ["key:a"]


def test_the_file_is_private(tables, tmp_path):
    tables()
    assert stat.S_IMODE((tmp_path / "meters").stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "meters").iterdir()} == {0o600}


def test_a_step_that_fails_changes_nothing(tables):
    table = tables()
    at = made(table, "key:a", 7)

    def step():
        with table:
            table.set(at, 8)
            table.set(at, 9)
            table.make("key:b", never)
            raise KeyError

    with pytest.raises(KeyError):
        step()
    assert table.ints[at] == 7
    assert table.find("key:b") == -1


def test_a_process_killed_within_a_step_leaves_nothing_half_done_and_no_lock(tables, tmp_path):
    table = tables()
    at = made(table, "key:a", 7)
    dying(
        tmp_path / "meters",
        f"table.__enter__(); table.set({at}, 99); table.make('key:b', lambda _: False); table.hold([({at}, 1, 5)], 0)",
    )
    with table:
        assert table.ints[at] == 7
        assert table.find("key:b") == -1
        assert table.bury(lambda _: pytest.fail("nothing was held")) == 0


def test_holds_of_the_dead_are_given_back_once_and_can_still_be_asked_for(tables, tmp_path):
    table = tables()
    at = made(table, "key:a", 7)
    dying(tmp_path / "meters", f"table.__enter__(); table.hold([({at}, 1, 5)], 0); table.__exit__(None, None, None)")
    given_back = []
    with table:
        assert table.bury(lambda hold: given_back.append((hold, table.entries(hold)))) == 1
        assert table.bury(given_back.append) == 0
    ((hold, entries),) = given_back
    assert entries == [(at, 1, 5)]
    with table:
        assert table.held(hold, table.ints[hold + 1])
        assert table.buried(hold)
        assert not table.held(hold, table.ints[hold + 1] + 1)
        table.free(hold)
        assert not table.held(hold, table.ints[hold + 1])


def test_the_living_are_not_buried(tables):
    one, two = tables(), tables()
    at = made(one, "key:a", 7)
    with one:
        one.hold([(at, 1, 5)], 0)
    with two:
        assert two.bury(lambda _: pytest.fail("its process lives")) == 0


def test_another_run_of_the_machine_begins_anew(tables):
    table = tables(boot=1)
    made(table, "key:a", 7)
    table.close()
    assert tables(boot=1).find("key:a") >= 0
    fresh = tables(boot=2)
    assert fresh.find("key:a") == -1


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 4096, os.urandom(9000)])
def test_a_file_that_holds_something_else_is_made_anew(tmp_path, tables, content):
    (tmp_path / "meters").mkdir()
    (tmp_path / "meters" / "table-1").write_bytes(content)
    made(tables(), "key:a", 7)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "meters").write_text("")
    with pytest.raises(StoreError):
        Table(tmp_path / "meters")


def test_names_are_bounded_in_bytes(tables):
    table = tables()
    fits = "é" * (LONGEST // 2)
    made(table, fits, 1)
    assert [name for name, _ in table.slots()] == [fits]
    with pytest.raises(LimitError, match="too long") as told:
        made(table, fits + "x", 1)
    assert told.value.fix


def test_a_full_table_says_so_and_takes_the_place_of_the_idle(tables, monkeypatch):
    monkeypatch.setattr(module, "SUBJECTS", 16)
    table = tables()

    def fill():
        for number in range(100):
            made(table, f"key:{number}", number)

    with pytest.raises(LimitError, match="no room to count") as told:
        fill()
    assert told.value.retry_after
    full = {name for name, _ in table.slots()}
    with table:
        table.make("key:one-more", lambda _: True)
    assert {name for name, _ in table.slots()} - full == {"key:one-more"}
    assert table.ints[table.meter(table.find("key:one-more"), 0)] == 0
    (gone,) = full - {name for name, _ in table.slots()}
    assert table.find(gone) == -1


def test_holds_are_bounded(tables, monkeypatch):
    monkeypatch.setattr(module, "HOLDS", 64)
    table = tables()
    at = made(table, "key:a", 0)
    held = []

    def fill():
        for _ in range(65):
            with table:
                held.append(table.hold([(at, 1, 1)], 0))

    with pytest.raises(LimitError, match="64 are under way"):
        fill()
    assert len(set(held)) == 64
    with table:
        table.free(held[0][0])
        assert table.hold([(at, 1, 1)], 0) != held[0]  # the place is the same, the id is not
    with pytest.raises(LimitError, match="limits hold for one call"), table:
        table.hold([(at, 1, 1)] * (module.MOST + 1), 0)


def test_a_step_has_an_end(tables):
    table = tables()
    at = made(table, "key:a", 1)

    def step():
        with table:
            for number in range(10_000):
                table.set(at, number)

    with pytest.raises(StoreError, match="more than can be undone"):
        step()
    assert table.ints[at] == 1


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-(2**60), 2**60), st.booleans()), max_size=40))
def test_only_steps_that_end_well_count(tmp_path_factory, steps):
    table = Table(tmp_path_factory.mktemp("t"))
    places = [made(table, f"key:{n}", 0) for n in range(6)]
    model = [0] * 6
    for number, value, fine in steps:
        with contextlib.suppress(IndexError), table:
            table.set(places[number], value)
            table.set(places[(number + 1) % 6], -value)
            _ = places[number if fine else 9]
            model[number], model[(number + 1) % 6] = value, -value
    assert [table.ints[at] for at in places] == model
    table.close()
