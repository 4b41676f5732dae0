"""Results: what was put is found again, by other processes too, after crashes, and never half."""

from __future__ import annotations

import hashlib
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from weighbridge.errors import DamagedError, StoreError, StoreFullError
from weighbridge.store.results import COMMIT_ROWS, Results


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    made = Results(tmp_path / "results.db")
    yield made
    made.close()


def committed(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        (count,) = connection.execute("SELECT count(*) FROM results").fetchone()
    finally:
        connection.close()
    return int(count)


def wait_for(condition: Callable[[], object]) -> None:
    while not condition():
        time.sleep(0.005)


def test_what_was_put_is_found_at_once_and_later(results: Results, tmp_path: Path) -> None:
    results.put("a", b"1")
    results.put("b", b"\x00\xff")
    assert results.get_many(["a", "b", "c"]) == {"a": b"1", "b": b"\x00\xff"}
    results.flush()
    assert results.get_many(iter(["b", "b"])) == {"b": b"\x00\xff"}
    assert results.get_many([]) == {}
    results.close()
    again = Results(tmp_path / "results.db")
    assert again.get_many(["a"]) == {"a": b"1"}
    again.close()


def test_the_last_value_of_a_key_counts(results: Results) -> None:
    results.put("a", b"1")
    results.flush()
    results.put("a", b"2")
    assert results.get_many(["a"]) == {"a": b"2"}
    results.flush()
    assert results.get_many(["a"]) == {"a": b"2"}


def test_odd_keys_are_keys(results: Results) -> None:
    keys = ["", "ü🚢", "'; DROP TABLE results; --", '"', "x" * 10_000, "a\nb"]
    for key in keys:
        results.put(key, key.encode())
    results.flush()
    assert results.get_many(keys) == {k: k.encode() for k in keys}


@hypothesis_settings(max_examples=20)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), st.binary(max_size=40)
    )
)
def test_any_values_are_found_again(tmp_path_factory: pytest.TempPathFactory, values: dict[str, bytes]) -> None:
    results = Results(tmp_path_factory.mktemp("r") / "r.db")
    for key, value in values.items():
        results.put(key, value)
    assert results.get_many(values) == values
    results.flush()
    assert results.get_many([*values, "no such key"]) == values
    results.close()


def test_a_few_are_committed_within_half_a_second(results: Results, tmp_path: Path) -> None:
    started = time.monotonic()
    results.put("a", b"1")
    wait_for(lambda: committed(tmp_path / "results.db"))
    assert time.monotonic() - started < 3.0


def test_many_are_committed_together_at_once(results: Results, tmp_path: Path) -> None:
    for n in range(COMMIT_ROWS):
        results.put(str(n), b"")
    wait_for(lambda: committed(tmp_path / "results.db") >= COMMIT_ROWS)


def test_files_are_private_under_a_lax_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        results = Results(tmp_path / "store" / "results.db")
        results.put("a", b"1")
        results.flush()
    finally:
        os.umask(old)
    modes = {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "store").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    results.close()


def test_many_keys_are_looked_up_at_once(results: Results) -> None:
    keys = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(20_000)]
    for key in keys:
        results.put(key, b"x" * 50)
    results.flush()
    found = results.get_many(keys)
    assert len(found) == 20_000


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_bytes(b"no database " * 1000)
    with pytest.raises(DamagedError) as caught:
        Results(tmp_path / "r.db")
    assert "Move the file" in caught.value.fix


def test_damage_within_a_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    results = Results(path)
    for n in range(2000):
        results.put(str(n), b"x" * 100)
    results.close()
    data = bytearray(path.read_bytes())
    for page in range(4096, len(data), 4096):
        data[page : page + 16] = b"\xff" * 16
    path.write_bytes(data)
    with pytest.raises(DamagedError):
        Results(path).get_many(map(str, range(2000)))


def test_a_flipped_value_fails_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    results = Results(path)
    results.put("key", b"the answer is 42")
    results.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE results SET value = ?", (b"the answer is 43",))
    connection.commit()
    connection.close()
    again = Results(path)
    with pytest.raises(DamagedError, match="key fails its checksum"):
        again.get_many(["key"])
    again.close()


def test_a_folder_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.db").mkdir()
    with pytest.raises(StoreError):
        Results(tmp_path / "r.db")


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.db")
    results.close()
    results.close()
    for use in (lambda: results.put("a", b""), results.flush, lambda: results.get_many(["a"])):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_a_full_disk_is_told_and_nothing_is_lost_when_space_returns(tmp_path: Path) -> None:
    results = Results(tmp_path / "r.db")
    (pages,) = results._connection.execute("PRAGMA page_count").fetchone()
    results._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    results.put("a", b"x" * 100_000)
    with pytest.raises(StoreFullError) as caught:
        results.flush()
    assert "Free some space" in caught.value.fix
    assert results.get_many(["a"]) == {"a": b"x" * 100_000}

    def told() -> bool:
        try:
            results.put("b", b"y")
        except StoreFullError:
            return True
        return False

    wait_for(told)  # also by the thread that commits in the background
    results._connection.execute("PRAGMA max_page_count = 100000")
    results.flush()
    results.close()
    again = Results(tmp_path / "r.db")
    assert set(again.get_many(["a", "b"])) == {"a", "b"}
    again.close()


def test_threads_may_share_it(results: Results) -> None:
    def work(name: int) -> None:
        for n in range(300):
            results.put(f"{name}-{n}", b"v")
            results.get_many([f"{name}-{n}", "none"])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results.get_many(f"{a}-{b}" for a in range(4) for b in range(300))) == 1200


PUTTER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from weighbridge.store.results import Results

    results = Results(Path(sys.argv[1]))
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(3000):
        results.put(f"{sys.argv[2]}-{n}", b"v" * 200)
    if sys.argv[2] == "endless":
        results.flush()
        print("flushed", flush=True)
        while True:
            results.put("more", b"v")
    results.close()
    """
)


def start(path: Path, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PUTTER, str(path), name]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_at_once_and_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "new" / "r.db"  # they also race to make it
    children = [start(path, name) for name in ("one", "two")]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    assert committed(path) == 6000


def test_kill_9_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    path = tmp_path / "r.db"
    child = start(path, "endless")
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    assert [child.stdout.readline() for _ in range(2)] == ["ready\n", "flushed\n"]
    child.send_signal(signal.SIGKILL)
    child.communicate()
    results = Results(path)
    assert len(results.get_many(f"endless-{n}" for n in range(3000))) == 3000
    results.close()


def test_what_others_write_is_noticed_and_what_one_writes_oneself_is_not(tmp_path: Path) -> None:
    one, other = Results(tmp_path / "results.db"), Results(tmp_path / "results.db")
    before = one.others()
    one.put("a", b"1")
    one.flush()
    assert one.others() == before
    other.put("b", b"2")
    other.flush()
    assert one.others() != before
    assert one.get_many(["b"]) == {"b": b"2"}
    for store in (one, other):
        store.close()
    with pytest.raises(StoreError):
        one.others()
