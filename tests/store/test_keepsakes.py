"""Keepsakes and stored responses: shared by processes, bounded, and never in anybody's way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weighbridge import settings
from weighbridge.errors import StoreError
from weighbridge.store.keepsakes import Keepsakes
from weighbridge.store.responses import StoredResponses
from weighbridge.store.shelf import MAX_VALUE, Shelf

DAY = 86_400.0
Make = Callable[..., Keepsakes]


class Wall:
    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def make(tmp_path: Path, wall: Wall) -> Iterator[Make]:
    """Makes stores over one file; two of them are like two workers."""
    with contextlib.ExitStack() as stack:

        def made(path: Path = tmp_path / "s" / "k.db", *, seconds: float = DAY, max_bytes: int = 10**7) -> Keepsakes:
            store = Keepsakes(path, seconds=seconds, max_bytes=max_bytes, now=wall)
            stack.callback(store.close)
            return store

        yield made


def rows(path: Path, table: str = "keepsakes") -> int:
    connection = sqlite3.connect(path)
    try:
        count: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count
    finally:
        connection.close()


async def test_what_one_worker_puts_down_is_there_at_once_and_for_the_others_when_settled(make, tmp_path) -> None:
    one, two = make(), make()
    one.put([(b"k1", b"thought"), (b"k2", b"thought"), (b"k3", "Zoë 👋".encode())])
    assert one.get([b"k1", b"k2", b"k3", b"k4"]) == {b"k1": b"thought", b"k2": b"thought", b"k3": "Zoë 👋".encode()}
    await one.settle()
    assert two.get([b"k2", b"k3", b"k4"]) == {b"k2": b"thought", b"k3": "Zoë 👋".encode()}
    assert rows(tmp_path / "s" / "k.db") == 2  # one value under two keys lies there once
    two.put([(b"k1", b"newer")])
    await two.settle()
    assert make().get([b"k1", b"k2"]) == {b"k1": b"newer", b"k2": b"thought"}
    assert (one.dropped, one.faults, two.faults) == (0, 0, 0)


async def test_nothing_at_all_and_empty_values(make) -> None:
    store = make()
    store.put([])
    await store.settle()
    assert store.get([]) == {}
    store.put([(b"", b"")])
    assert store.get([b"", b"", b"x"]) == {b"": b""}
    await store.settle()
    assert make().get([b""]) == {b"": b""}


def test_files_are_private_whatever_the_umask(make, tmp_path) -> None:
    before = os.umask(0)
    try:
        store = make()
        store.put([(b"k", b"v")])
        store.close()
    finally:
        os.umask(before)
    assert (tmp_path / "s" / "k.db").stat().st_mode & 0o077 == 0
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


async def test_old_ones_are_gone_from_memory_and_from_the_file(make, wall, tmp_path) -> None:
    store = make(seconds=100.0)
    store.put([(b"k", b"v")])
    await store.settle()
    other = make(seconds=100.0)
    wall.time += 99
    assert other.get([b"k"]) == {b"k": b"v"}
    wall.time += 2
    assert store.get([b"k"]) == other.get([b"k"]) == {}
    store.put([(b"k2", b"v")])
    await store.settle()
    assert rows(tmp_path / "s" / "k.db") == 1
    assert rows(tmp_path / "s" / "k.db", "keepsakes_keys") == 1


async def test_the_oldest_go_when_there_is_no_more_room(make, tmp_path) -> None:
    store = make(max_bytes=20_000)
    for i in range(60):
        store.put([(b"a%d" % i, bytes([i]) * 1000), (b"b%d" % i, bytes([i]) * 1000)])
        await store.settle()
    fresh = make(max_bytes=20_000)
    assert fresh.get([b"a0", b"b0"]) == {}
    assert fresh.get([b"a59", b"b59"]) == {b"a59": b"\x3b" * 1000, b"b59": b"\x3b" * 1000}
    kept = rows(tmp_path / "s" / "k.db")
    assert 15 <= kept <= 18
    assert rows(tmp_path / "s" / "k.db", "keepsakes_keys") == 2 * kept
    assert (tmp_path / "s" / "k.db").stat().st_size < 400_000


async def test_what_is_too_large_is_counted_and_not_kept(make) -> None:
    store = make()
    store.put([(b"k", b"x" * (MAX_VALUE + 1)), (b"fits", b"y" * MAX_VALUE)])
    assert store.dropped == 1
    await store.settle()
    assert list(store.get([b"k", b"fits"])) == [b"fits"]
    tiny = make(max_bytes=50)
    tiny.put([(b"k", b"v")])
    assert (tiny.dropped, tiny.get([b"k"])) == (1, {})


def test_no_more_waits_for_the_disk_than_memory_allows(make) -> None:
    store = make(max_bytes=10**9)
    with store._writer.lock:  # the disk hangs
        for i in range(20):
            store.put([(b"%d" % i, bytes([i]) * 3_000_000)])
        assert store.dropped == 9
        assert list(store.get([b"0", b"19"])) == [b"0"]


async def test_a_file_that_is_no_database_is_logged_once_and_costs_nothing(make, tmp_path, caplog, wall) -> None:
    path = tmp_path / "bad.db"
    path.write_bytes(b"this is not a database, it is a poem\n" * 200)
    with caplog.at_level(logging.ERROR):
        store = make(path)
        for i in range(5):
            wall.time += 5
            store.put([(b"k%d" % i, b"v")])
            await store.settle()
            assert store.get([b"k%d" % i]) == {b"k%d" % i: b"v"}  # this process remembers
            assert store.get([b"unknown"]) == {}
    assert store.faults >= 5
    assert store.dropped == 5
    assert len(caplog.records) == 1
    assert "damaged" in caplog.text
    assert path.read_bytes().startswith(b"this is not a database")


async def test_a_folder_that_cannot_be_made_is_survived(make, tmp_path, caplog) -> None:
    (tmp_path / "file").write_text("no folder")
    store = make(tmp_path / "file" / "k.db")
    store.put([(b"k", b"v")])
    await store.settle()
    assert store.get([b"k", b"x"]) == {b"k": b"v"}
    assert len(caplog.records) == 1


async def test_a_full_disk_is_survived_and_over_when_there_is_room_again(make, wall, caplog) -> None:
    store = make()
    store.put([(b"a", b"v")])
    await store.settle()
    connection = store._writer.get()._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    store.put([(b"b", b"x" * 1_000_000)])
    await store.settle()
    assert (store.dropped, store.faults) == (1, 1)
    assert "No space is left" in caplog.text
    connection.execute("PRAGMA max_page_count=1000000")
    wall.time += 5
    store.put([(b"c", b"x" * 1_000_000)])
    await store.settle()
    assert list(make().get([b"a", b"b", b"c"])) == [b"a", b"c"]
    assert len(caplog.records) == 1


def test_a_file_that_another_process_holds_fails_fast(make, tmp_path, wall) -> None:
    store = make()
    store.put([(b"a", b"v")])
    store.close()
    blocker = sqlite3.connect(tmp_path / "s" / "k.db", isolation_level=None)
    blocker.execute("PRAGMA locking_mode=EXCLUSIVE")
    blocker.execute("BEGIN EXCLUSIVE")
    try:
        late = make()
        began = time.monotonic()
        for _ in range(50):
            assert late.get([b"a"]) == {}
        assert time.monotonic() - began < 2.0  # one wait of 50 ms, not fifty
        assert late.faults >= 1
    finally:
        blocker.close()
    wall.time += 5
    assert late.get([b"a"]) == {b"a": b"v"}


async def test_damage_in_mid_life_is_survived(make, tmp_path, wall) -> None:
    store = make()
    for i in range(300):
        store.put([(b"k%d" % i, b"x" * 2000)])
    store.close()
    path = tmp_path / "s" / "k.db"
    sqlite3.connect(path).close()
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(200_000))
    hurt = make()
    found = hurt.get([b"k%d" % i for i in range(300)])
    assert all(value == b"x" * 2000 for value in found.values()) or hurt.faults
    wall.time += 5
    hurt.put([(b"new", b"v")])
    await hurt.settle()
    assert hurt.get([b"new"]) == {b"new": b"v"}


def test_after_closing_nothing_is_taken_and_nothing_fails(make) -> None:
    store = make()
    store.put([(b"k", b"v")])
    store.close()
    store.close()
    store.put([(b"late", b"v")])
    assert store.dropped == 1
    assert make().get([b"k", b"late"]) == {b"k": b"v"}


async def test_waiting_to_settle_ends_though_the_disk_hangs(make) -> None:
    store = make()
    await store.settle()
    with store._writer.lock:
        store.put([(b"k", b"v")])
        began = time.monotonic()
        await store.settle()
        assert 0.05 < time.monotonic() - began < 30
    await store.settle()


async def test_whoever_stops_waiting_does_no_harm(make) -> None:
    store = make()
    with store._writer.lock:
        store.put([(b"k", b"v")])
        waiting = asyncio.create_task(store.settle())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await store.settle()
    assert make().get([b"k"]) == {b"k": b"v"}


WRITER = """
import sys, time
from pathlib import Path
from weighbridge.store.keepsakes import Keepsakes
store = Keepsakes(Path(sys.argv[1]), seconds=1e6, max_bytes=10**8, now=time.time)
name = sys.argv[2]
count = int(sys.argv[3])
i = 0
while i < count or not count:
    store.put([(f"{name}{i}".encode(), f"{name}{i}:".encode() * 50)])
    i += 1
    if i % 20 == 0:
        time.sleep(0.001)
        print(i, flush=True)
store.close()
print("dropped", store.dropped, "faults", store.faults, flush=True)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), name, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_at_once_and_lose_nothing(tmp_path) -> None:
    path = tmp_path / "k.db"
    both = [writer(path, name, 400) for name in "ab"]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert out.splitlines()[-1] == "dropped 0 faults 0"
    store = Keepsakes(path, seconds=1e6, max_bytes=10**8, now=time.time)
    keys = [f"{name}{i}".encode() for name in "ab" for i in range(400)]
    found = store.get(keys)
    store.close()
    assert found == {key: (key + b":") * 50 for key in keys}


def test_killed_while_writing_the_file_stays_whole(tmp_path) -> None:
    path = tmp_path / "k.db"
    seen = 0
    for name in ("a", "b"):
        process = writer(path, name, 0)
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 400:
                break
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
        process.stdout.close()
        store = Keepsakes(path, seconds=1e6, max_bytes=10**8, now=time.time)
        found = store.get([f"{name}{i}".encode() for i in range(400)])
        store.close()
        assert store.faults == 0
        assert all(value == (key + b":") * 50 for key, value in found.items())
        seen += len(found)
    assert seen > 400  # nearly all: each commit that was over is there
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        told, counted = connection.execute(
            "SELECT (SELECT bytes FROM sizes WHERE name='keepsakes'), (SELECT sum(size) FROM keepsakes)"
        ).fetchone()
        assert told == counted
    finally:
        connection.close()


@pytest.fixture
def responses(tmp_path: Path, wall: Wall) -> Iterator[Callable[[], StoredResponses]]:
    with contextlib.ExitStack() as stack:

        def made() -> StoredResponses:
            store = StoredResponses(tmp_path / "k.db", seconds=DAY, max_bytes=10**6, now=wall)
            stack.callback(store.close)
            return store

        yield made


async def test_a_stored_response_is_its_caller_s_own(responses) -> None:
    one, two = responses(), responses()
    one.put("resp_1", b'{"id":"resp_1"}', caller="ann")
    assert one.get("resp_1", caller="ann") == b'{"id":"resp_1"}'
    assert one.get("resp_1", caller="bob") is None
    assert one.get("resp_1") is None
    await one.settle()
    assert two.get("resp_1", caller="ann") == b'{"id":"resp_1"}'
    assert two.get("x" * 100_000, caller="ann") is None
    assert two.get("\ud800", caller="ann") is None
    assert not two.delete("resp_1", caller="bob")
    assert two.delete("resp_1", caller="ann")
    assert not two.delete("resp_1", caller="ann")
    assert one.get("resp_1", caller="ann") is None  # no process remembers it


async def test_locked_responses_say_nothing_to_whoever_has_the_file_alone(tmp_path, wall) -> None:
    path = tmp_path / "k.db"
    plain = StoredResponses(path, seconds=DAY, max_bytes=10**6, now=wall)
    plain.put("before", b'{"said":"plainly"}')
    await plain.settle()
    plain.close()
    locked = StoredResponses(path, seconds=DAY, max_bytes=10**6, now=wall, key=b"k" * 32)
    locked.put("r", b'{"said":"Ms Quillfeather is here"}', caller="ann")
    assert locked.get("r", caller="ann") == b'{"said":"Ms Quillfeather is here"}'
    assert locked.get("before") == b'{"said":"plainly"}'
    await locked.settle()
    locked.close()
    assert all(b"Quillfeather" not in file.read_bytes() for file in tmp_path.iterdir())
    other = StoredResponses(path, seconds=DAY, max_bytes=10**6, now=wall, key=b"o" * 32)
    assert other.get("r", caller="ann") is None
    other.close()


async def test_a_response_can_be_deleted_before_it_was_written(responses) -> None:
    store = responses()
    store.put("r", b"{}")
    assert store.delete("r")
    await store.settle()
    assert store.get("r") is None
    assert responses().get("r") is None
    assert (store.dropped, store.faults) == (0, 0)


async def test_responses_and_keepsakes_share_a_file_but_no_room(responses, make, tmp_path) -> None:
    kept = make(tmp_path / "k.db", max_bytes=5_000)
    store = responses()
    store.put("r", b"x" * 900_000)
    await store.settle()
    for i in range(20):
        kept.put([(b"%d" % i, b"y" * 1000)])
    await kept.settle()
    assert store.get("r") == b"x" * 900_000
    assert list(make(tmp_path / "k.db").get([b"0", b"19"])) == [b"19"]


def test_deleting_says_so_when_the_file_cannot_be_written(tmp_path, wall) -> None:
    (tmp_path / "bad.db").write_bytes(b"poem" * 1000)
    store = StoredResponses(tmp_path / "bad.db", seconds=DAY, max_bytes=10**6, now=wall)
    with pytest.raises(StoreError):
        store.delete("r")
    store.close()


def test_where_they_lie_is_a_setting(tmp_path) -> None:
    assert settings.load(start=tmp_path, environ={}).keepsakes_path == tmp_path / ".weighbridge" / "keepsakes.db"
    nowhere = settings.load(start=tmp_path, environ={"WEIGHBRIDGE_STORE_KEEPSAKES": ""})
    assert nowhere.keepsakes_path is None
    away = settings.load(start=tmp_path, environ={}, flags={"store.keepsakes": "/elsewhere/k.db"})
    assert away.keepsakes_path == Path("/elsewhere/k.db")


def test_a_shelf_s_name_tells_its_thread(tmp_path, wall) -> None:
    shelf = Shelf(tmp_path / "k.db", "things", seconds=1, max_bytes=1000, now=wall)
    shelf.put([(b"k", b"v")])
    assert shelf._thread is not None
    assert shelf._thread.name == "shelf-things"
    shelf.close()
