"""`weighbridge audit`: what was done, and whether the log is whole."""

import json
import sqlite3

import pytest
from typer.testing import CliRunner

from weighbridge import settings
from weighbridge.access import keys
from weighbridge.cli import app
from weighbridge.errors import DamagedError
from weighbridge.store.state import State

NOW = 1_790_000_000.0


@pytest.fixture
def store(tmp_path):
    place = settings.load(start=tmp_path).state_place
    state = State(place)
    for number in range(3):
        keys.create(state, name=f"app{number}", who="ann", at=NOW + number, why="asked \x1b[31mnicely\nand again")
    keys.revoke(state, "app1", who="bob", at=NOW + 10, acting="admin")
    state.close()
    return place


def run(*words):
    return CliRunner().invoke(app, ["audit", *words], catch_exceptions=True)


def test_it_tells_who_did_what_and_why_on_one_line_each(store):
    lines = run("show").stdout.splitlines()
    assert len(lines) == 4
    assert "ann  key.create key:" in lines[0]
    assert "name=app0: asked" in lines[0]
    assert "\x1b" not in lines[0]
    assert "bob (admin)  key.revoke" in lines[3]
    assert [one["sequence"] for one in json.loads(run("show", "--after", "1", "-n", "2", "--json").stdout)] == [3, 4]


def test_it_tells_only_what_was_done_since(store):
    assert run("show", "--since", "1h").stdout.strip() == "Nothing was done."
    assert len(run("show", "--since", "2020-01-01").stdout.splitlines()) == 4


def test_a_log_as_it_was_written_is_whole_and_tells_its_head(store):
    told = run("verify").stdout
    assert "whole: 4 entries" in told
    head = told.split("head ")[1].strip()
    assert run("verify", "--head", head.upper()).exit_code == 0
    assert json.loads(run("verify", "--json").stdout)["head"] == head


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ("UPDATE audit SET data = replace(CAST(data AS TEXT), 'ann', 'eve') WHERE sequence = 2", 2),
        ("DELETE FROM audit WHERE sequence = 3", 3),
        ("DELETE FROM audit WHERE sequence = 4", 4),
    ],
)
def test_whoever_changes_it_is_found_out(store, change, broken):
    head = json.loads(run("verify", "--json").stdout)["head"]
    with sqlite3.connect(store) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(change)
    connection.close()
    done = run("verify", "--head", head)
    assert isinstance(done.exception, DamagedError)
    assert f"Entry {broken} of the audit log" in str(done.exception)
    told = run("verify", "--head", head, "--json")
    assert json.loads(told.stdout)["broken"] == broken
    assert isinstance(told.exception, DamagedError)


def test_the_log_only_grows(store):
    with sqlite3.connect(store) as connection:
        for change in ("UPDATE audit SET at = 0", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(change)
    connection.close()
