"""Sealed vaults in the state store, on each kind of database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from weighbridge.mask.entries import Entry
from weighbridge.mask.vault import Locked
from weighbridge.store.state import State
from weighbridge.store.vault import StoreVault

KEY = b"k" * 32


def entry(number: int) -> Entry:
    return Entry("person", f"Anna Kowalska {number}", f"Morvabael {number}")


@pytest.fixture
def shelf(state_place: str) -> Iterator[StoreVault]:
    made = StoreVault(state_place)
    yield made
    made.close()


def vault(shelf: StoreVault) -> Locked:
    return Locked(shelf, lambda: {"k": KEY}, seconds=1000)


def test_what_one_keeps_another_finds(shelf: StoreVault, state_place: str) -> None:
    assert shelf.get("none") is None
    vault(shelf).put("t", "c", [entry(1)])
    vault(shelf).put("t", "c", [entry(1)])
    State(state_place).close()
    other = StoreVault(state_place)
    assert vault(other).get("t", "c") == (entry(1),)
    vault(other).put("t", "c", [entry(2)])
    other.close()
    assert vault(shelf).get("t", "c") == (entry(1), entry(2))
    assert len(shelf.names()) == 1
    assert vault(shelf).rewrap() == 0


def test_what_is_forgotten_or_old_is_gone(shelf: StoreVault) -> None:
    kept = vault(shelf)
    kept.put("t", "c", [entry(1)])
    kept.put("t", "d", [entry(2)])
    assert [kept.forget("t", "c"), kept.forget("t", "c")] == [1, 0]
    assert kept.get("t", "c") == ()
    [name] = shelf.names()
    assert shelf.sweep(0.0) == 0
    shelf.alter(name, lambda row: row and (row[0], 5.0))
    assert kept.get("t", "d") == ()
    assert kept.sweep(2000.0) == 1
    assert shelf.names() == []


def test_many_at_once_lose_nothing(shelf: StoreVault, state_place: str) -> None:
    other = StoreVault(state_place)
    threads = [
        threading.Thread(target=lambda n=n: vault((shelf, other)[n % 2]).put("t", "c", [entry(n)])) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert set(vault(shelf).get("t", "c")) == {entry(n) for n in range(8)}


def test_nothing_can_be_read_in_the_files_and_nothing_is_left_of_what_went(tmp_path: Path) -> None:
    shelf = StoreVault(tmp_path / "state.db")
    kept = vault(shelf)
    kept.put("clinic-7", "patient-4711", [entry(1)])
    [name] = shelf.names()
    found = shelf.get(name)
    assert found is not None

    def files() -> bytes:
        return b"".join(path.read_bytes() for path in tmp_path.iterdir())

    assert found[0] in files()
    for word in (b"clinic", b"4711", b"Anna", b"Kowalska", b"Morvabael"):
        assert word not in files()
    assert kept.forget("clinic-7", "patient-4711") == 1
    assert found[0][:48] not in files()
    assert found[0][-48:] not in files()
    shelf.close()
