"""Vaults: what is kept comes back to its own conversation, with the right keys, for as long as it is used."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from weighbridge.errors import DamagedError, InputError, SettingsError
from weighbridge.mask.entries import Entry
from weighbridge.mask.vault import Locked, MemoryVault, Sealed, Vault

ANNA = Entry("person", "Anna Kowalska", "Morvabael Relmidyth", parts=(("Anna", "Morvabael"), ("Kowalska", "Relmidyth")))
MAIL = Entry("email", "anna@clinic.test", "EMAIL_k7f2q9", "token")
OLD, NEW = b"o" * 32, b"n" * 32


class Shelf:
    """A shelf in memory, open to whoever wants to spoil what lies there."""

    def __init__(self) -> None:
        self.all: dict[str, Sealed] = {}

    def get(self, name: str) -> Sealed | None:
        return self.all.get(name)

    def alter(self, name: str, change: Callable[[Sealed | None], Sealed | None]) -> None:
        after = change(self.all.get(name))
        if after is None:
            self.all.pop(name, None)
        else:
            self.all[name] = after

    def names(self) -> list[str]:
        return list(self.all)

    def sweep(self, before: float) -> int:
        old = [name for name, (_, at) in self.all.items() if at < before]
        for name in old:
            del self.all[name]
        return len(old)


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(params=["memory", "locked"])
def vault(request: pytest.FixtureRequest, shelf: Shelf, clock: Clock) -> Vault:
    if request.param == "memory":
        return MemoryVault(seconds=100, clock=clock)
    return Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock)


def test_what_is_kept_comes_back_to_its_conversation_alone(vault: Vault) -> None:
    vault.put("t", "c", [ANNA])
    vault.put("t", "c", [MAIL, ANNA])
    assert vault.get("t", "c") == (ANNA, MAIL)
    assert vault.get("u", "c") == ()
    assert vault.get("t", "d") == ()


def test_what_is_forgotten_is_gone(vault: Vault) -> None:
    vault.put("t", "c", [ANNA])
    vault.put("t", "d", [MAIL])
    assert [vault.forget("t", "c"), vault.forget("t", "c")] == [1, 0]
    assert vault.get("t", "c") == ()
    assert vault.get("t", "d") == (MAIL,)


def test_a_vault_lives_as_long_as_it_is_used(vault: Vault, clock: Clock) -> None:
    vault.put("t", "c", [ANNA])
    vault.put("t", "d", [MAIL])
    for _ in range(4):
        clock.now += 60
        assert vault.get("t", "c") == (ANNA,)
    assert vault.get("t", "d") == ()
    clock.now += 101
    assert vault.get("t", "c") == ()
    vault.put("t", "c", [MAIL])
    assert vault.get("t", "c") == (MAIL,)
    assert vault.sweep(clock.now) <= 1
    assert vault.sweep(clock.now + 101) == 1


@pytest.mark.parametrize("name", ["~a", "~", ""])
def test_derived_conversations_have_no_vault(vault: Vault, name: str) -> None:
    for act in (lambda: vault.put("t", name, [ANNA]), lambda: vault.get("t", name), lambda: vault.forget("t", name)):
        with pytest.raises(InputError, match="no vault"):
            act()


def test_memory_is_bounded(clock: Clock) -> None:
    vault = MemoryVault(seconds=100, most=3, clock=clock)
    for number in range(5):
        vault.put("t", str(number), [ANNA])
    assert [bool(vault.get("t", str(number))) for number in range(5)] == [False, False, True, True, True]


def test_nothing_can_be_read_where_it_lies(shelf: Shelf, clock: Clock) -> None:
    vault = Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock)
    vault.put("clinic-7", "patient-4711", [ANNA, MAIL])
    [(name, (data, _))] = shelf.all.items()
    for word in ("clinic", "4711", "Anna", "Kowalska", "anna@", "Morvabael", "EMAIL", "person"):
        assert word.encode() not in data + name.encode()


def test_a_new_master_key_locks_and_the_old_one_still_opens(shelf: Shelf, clock: Clock) -> None:
    Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock).put("t", "c", [ANNA])
    both = Locked(shelf, lambda: {"new": NEW, "old": OLD}, seconds=100, clock=clock)
    assert both.get("t", "c") == (ANNA,)
    both.put("t", "d", [MAIL])
    new = Locked(shelf, lambda: {"new": NEW}, seconds=100, clock=clock)
    assert new.get("t", "d") == (MAIL,)
    with pytest.raises(SettingsError, match="master key"):
        new.get("t", "c")
    with pytest.raises(SettingsError, match="master key"):
        new.put("t", "c", [MAIL])
    assert [both.rewrap(), both.rewrap()] == [1, 0]
    assert new.get("t", "c") == (ANNA,)


def test_a_wrong_or_missing_key_opens_nothing(shelf: Shelf, clock: Clock) -> None:
    Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock).put("t", "c", [ANNA])
    with pytest.raises(DamagedError) as caught:
        Locked(shelf, lambda: {"old": NEW}, seconds=100, clock=clock).get("t", "c")
    assert "Anna" not in str(caught.value)
    with pytest.raises(SettingsError):
        Locked(Shelf(), dict, seconds=100, clock=clock).put("t", "c", [ANNA])


def test_whatever_is_changed_does_not_open(shelf: Shelf, clock: Clock) -> None:
    vault = Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock)
    vault.put("t", "c", [ANNA])
    [(name, (data, at))] = shelf.all.items()
    for place, bit in itertools.product(range(0, len(data), 7), (1, 128)):
        shelf.all[name] = bytes(byte ^ bit * (number == place) for number, byte in enumerate(data)), at
        with pytest.raises((DamagedError, SettingsError)):
            vault.get("t", "c")
        with pytest.raises((DamagedError, SettingsError)):
            vault.put("t", "c", [MAIL])
    for size in (0, 1, len(data) // 2, len(data) - 1):
        shelf.all[name] = data[:size], at
        with pytest.raises(DamagedError):
            vault.get("t", "c")
    assert vault.forget("t", "c") == 1


def test_a_seal_in_the_place_of_another_does_not_open(shelf: Shelf, clock: Clock) -> None:
    vault = Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock)
    vault.put("t", "c", [ANNA])
    vault.put("u", "c", [MAIL])
    one, other = shelf.all
    shelf.all[other] = shelf.all[one]
    with pytest.raises(DamagedError):
        vault.get("u", "c")


def test_half_a_character_does_not_stop_the_rest(shelf: Shelf, clock: Clock) -> None:
    vault = Locked(shelf, lambda: {"old": OLD}, seconds=100, clock=clock)
    vault.put("t", "c", [ANNA, Entry("person", "\ud800x", "PERSON_k7f2q9", "token")])
    assert vault.get("t", "c") == (ANNA,)
