"""Secrets lie locked in the store; only a master key opens them, and only under their own names."""

from __future__ import annotations

import json
import logging
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from weighbridge.access import masters as masters_module
from weighbridge.access import secrets
from weighbridge.access.masters import VARIABLE, Masters
from weighbridge.access.secrets import Sealed, Secrets
from weighbridge.canon import Act, Record
from weighbridge.errors import DamagedError, InputError, NotFoundError, SettingsError, StoreError, WeighbridgeError
from weighbridge.store.state import State

ONE, TWO = "11" * 32, "22" * 32


@pytest.fixture
def state(tmp_path):
    made = State(tmp_path / "state.db")
    yield made
    made.close()


@pytest.fixture
def masters(tmp_path):
    return Masters({}, tmp_path)


def put(state, masters, name="s", value="hidden value"):
    return secrets.set_secret(state, masters, name, value, who="ann", at=5.0)


def follow(state, masters):
    made = Secrets(masters)
    made.apply(state.records("secret"))
    return made


def test_what_is_set_is_found_and_lies_nowhere_in_clear(state, masters, tmp_path):
    put(state, masters, value=" hidden value\n")
    assert follow(state, masters)("s") == "hidden value"
    assert secrets.found(state, masters, "s") == "hidden value"
    assert secrets.found(state, masters, "t") is None
    assert [(one.name, one.set) for one in secrets.listed(state)] == [("s", 5.0)]
    state.close()
    for file in tmp_path.iterdir():
        assert b"hidden value" not in file.read_bytes(), file
    assert masters.path.stat().st_mode & 0o777 == 0o600


def test_the_newest_counts_and_what_was_removed_is_gone(state, masters):
    put(state, masters)
    made = follow(state, masters)
    assert made("s") == "hidden value"
    put(state, masters, value="newer")
    made.apply(state.records("secret"))
    assert made("s") == "newer"
    secrets.remove(state, "s", who="ann", at=6.0)
    made.apply([Record("secret", "s", 9, None), Record("key", "t", 9, b"{}")])
    assert made("s") is None
    with pytest.raises(NotFoundError):
        secrets.remove(state, "s", who="ann", at=6.0)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=200))
@settings(max_examples=40, deadline=None)
def test_any_text_comes_back(tmp_path_factory, value):
    masters = Masters({VARIABLE: ONE}, tmp_path_factory.getbasetemp())
    sealed = secrets._seal(masters.first(), "s", value.encode(), 1.0, bytes)
    made = Secrets(masters)
    made.apply([Record("secret", "s", 1, msgspec.json.encode(sealed))])
    assert made("s") == value


def test_a_seal_under_another_name_or_with_another_bit_does_not_open(state, masters, caplog):
    put(state, masters)
    (record,) = state.records("secret")
    sealed = msgspec.json.decode(record.data, type=Sealed)
    bent = bytes([sealed.data[0] ^ 1]) + sealed.data[1:]
    for name, data in (
        ("other", record.data),
        ("s", msgspec.json.encode(replace(sealed, data=bent))),
        ("s", msgspec.json.encode(replace(sealed, data=b""))),
        ("s", msgspec.json.encode(replace(sealed, nonce=b""))),
    ):
        with pytest.raises(DamagedError, match="altered"):
            Secrets(masters).opened(name, data)
        made = Secrets(masters)
        made.apply([Record("secret", name, 1, data)])
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            assert made(name) is None
            assert made(name) is None
        assert len(caplog.records) == 1  # told once, not with each request
    with pytest.raises(DamagedError, match="cannot be read"):
        Secrets(masters).opened("s", b"{}")


def test_without_the_master_key_nothing_opens(state, tmp_path):
    put(state, Masters({VARIABLE: ONE}, tmp_path))
    with pytest.raises(SettingsError, match="another master key") as caught:
        secrets.found(state, Masters({VARIABLE: TWO}, tmp_path), "s")
    assert VARIABLE in caught.value.fix
    assert ONE not in str(caught.value)
    assert TWO not in str(caught.value)


@pytest.mark.parametrize("text", ["short", "zz" * 32, f"{ONE};{TWO}", ONE + "1", f"{ONE},x"])
def test_a_master_key_that_is_none_is_refused_and_not_told(text, tmp_path):
    with pytest.raises(SettingsError, match="64 hexadecimal digits") as caught:
        Masters({VARIABLE: text}, tmp_path)
    assert text not in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_read_is_refused(state, masters, mode):
    put(state, masters)
    masters.path.chmod(mode)
    with pytest.raises(StoreError, match="Others may read"):
        secrets.found(state, masters, "s")
    with pytest.raises(StoreError, match="Others may read"):
        put(state, masters, "t")


def test_a_file_with_something_else_is_refused(masters):
    masters.first()
    masters.path.write_text("what is this")
    with pytest.raises(StoreError, match="something else"):
        masters.first()


def test_all_who_need_the_first_master_key_at_once_get_the_same(tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(Masters({}, tmp_path).first())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_rotation_locks_all_anew_and_a_running_gateway_follows(state, masters):
    for name in "abc":
        put(state, masters, name, f"value {name}")
    made, before = follow(state, masters), masters.first()
    assert made("a") == "value a"
    assert secrets.rotate_master(state, masters, who="ann", at=9.0) == 3
    assert masters.first() != before
    assert list(masters.all().values()) == [masters.first()]
    made.apply(state.records("secret"))  # it knows the old key only, and looks again
    assert [made(name) for name in "abc"] == ["value a", "value b", "value c"]
    assert [one.set for one in secrets.listed(state)] == [5.0] * 3


@pytest.mark.parametrize("after", range(5))
def test_a_rotation_that_breaks_off_anywhere_loses_nothing(state, masters, monkeypatch, after):
    for name in "abc":
        put(state, masters, name, f"value {name}")
    calls = 0

    def failing(original):
        def run(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls > after:
                raise OSError("broken off")
            return original(*args, **kwargs)

        return run

    with monkeypatch.context() as patched:
        patched.setattr(state, "alter", failing(state.alter))
        patched.setattr(masters_module.Masters, "_write", failing(masters_module.Masters._write))
        with pytest.raises(OSError, match="broken off"):
            secrets.rotate_master(state, masters, who="ann", at=9.0)
    assert [follow(state, masters)(name) for name in "abc"] == ["value a", "value b", "value c"]
    secrets.rotate_master(state, masters, who="ann", at=9.0)
    assert [follow(state, masters)(name) for name in "abc"] == ["value a", "value b", "value c"]
    assert len(masters.all()) == 1


def test_a_secret_that_is_set_while_the_master_key_changes_is_not_lost(state, masters, tmp_path):
    put(state, masters)
    failed = []

    def setting(number):
        try:
            mine = State(tmp_path / "state.db")
            for turn in range(5):
                put(mine, Masters({}, tmp_path), f"s{number}", f"value {turn}")
            mine.close()
        except WeighbridgeError as error:
            failed.append(error)

    threads = [threading.Thread(target=setting, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        secrets.rotate_master(state, masters, who="ann", at=9.0)
    for thread in threads:
        thread.join()
    assert not failed
    assert [secrets.found(state, masters, f"s{number}") for number in range(3)] == ["value 4"] * 3


def test_rotation_does_nothing_while_one_secret_cannot_be_opened(state, masters):
    put(state, masters)
    sealed = msgspec.json.decode(state.records("secret")[0].data, type=Sealed)
    broken = msgspec.json.encode(replace(sealed, data=b"x" * 30))
    state.alter("secret", "broken", lambda _: broken, Act(1.0, "ann", "secret.set"))
    before = masters.path.read_bytes()
    with pytest.raises(DamagedError, match="'broken' was altered"):
        secrets.rotate_master(state, masters, who="ann", at=9.0)
    assert masters.path.read_bytes() == before


def test_from_the_file_to_the_environment_and_on(state, masters, tmp_path):
    put(state, masters)
    first = Masters({VARIABLE: ONE}, tmp_path)
    assert secrets.found(state, first, "s") == "hidden value"  # the file still opens
    assert secrets.rotate_master(state, first, who="ann", at=9.0) == 1
    assert masters.all() == {}
    both = Masters({VARIABLE: f"{TWO}, {ONE}"}, tmp_path)
    assert secrets.rotate_master(state, both, who="ann", at=9.0) == 1
    assert secrets.rotate_master(state, both, who="ann", at=9.0) == 0
    assert secrets.found(state, Masters({VARIABLE: TWO}, tmp_path), "s") == "hidden value"


@pytest.mark.parametrize("name", ["", ".x", "a b", "a/b", "x" * 65, "ä", "a\n"])
def test_names_that_cannot_be_written_in_a_place_are_refused(state, masters, name):
    with pytest.raises(InputError, match="cannot name"):
        put(state, masters, name)


@pytest.mark.parametrize("value", ["", " \n", "a\x00b", "a\x1bb", "x" * 32_769])
def test_values_that_are_none_are_refused(state, masters, value):
    with pytest.raises(InputError) as caught:
        put(state, masters, value=value)
    assert caught.value.where == "value"
    assert len(str(caught.value)) < 200


def test_every_act_is_written_down_without_the_secret(state, masters, tmp_path):
    put(state, masters)
    secrets.rotate_master(state, masters, who="ann", at=9.0)
    secrets.remove(state, "s", who="bob", at=10.0, why="gone")
    import sqlite3

    with sqlite3.connect(tmp_path / "state.db") as connection:
        rows = [str(row) for row in connection.execute("SELECT * FROM audit ORDER BY 1")]
    assert [word for row in rows for word in ("set", "relock", "remove") if f"secret.{word}" in row] == [
        "set",
        "relock",
        "remove",
    ]
    assert "hidden" not in json.dumps(rows)
