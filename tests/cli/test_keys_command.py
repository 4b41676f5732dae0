"""`weighbridge keys`: what is typed, what is printed."""

from __future__ import annotations

import json
import re

import pytest
from typer.testing import CliRunner

from weighbridge.access.keyring import Keyring
from weighbridge.cli import app
from weighbridge.errors import AccessError, InputError, NotFoundError
from weighbridge.store.state import State


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text("")

    def run(*arguments, fails=None):
        done = CliRunner().invoke(app, ["keys", *arguments])
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


def opens(folder, secret, now=0.0):
    state = State(folder / ".weighbridge" / "state.db")
    ring = Keyring()
    ring.apply(state.records("key"))
    state.close()
    return ring.check([secret.encode()], now)


def test_a_secret_stands_alone_on_standard_output(run, tmp_path):
    made = run("create", "shop", "--team", "web", "-r", "assistant", "--meta", "owner=ann", "--expires", "90d")
    assert re.fullmatch(r"wb-[a-z2-7]{8}-[a-z2-7]{52}\n", made.stdout)
    assert made.stdout.strip() not in made.stderr
    key = opens(tmp_path, made.stdout.strip())
    assert (key.name, key.team, key.routes, key.metadata) == ("shop", "web", ("assistant",), {"owner": "ann"})


def test_nothing_shows_a_secret_again(run):
    secret = run("create", "shop").stdout.strip()
    rotated = json.loads(run("rotate", "shop", "--json").stdout)
    assert rotated["key"]["secrets"] == 2
    for shown in (run("list"), run("show", "shop"), run("show", "shop", "--json"), run("revoke", "shop", "--json")):
        for one in (secret, rotated["secret"]):
            assert one not in shown.output
            assert one.rpartition("-")[2] not in shown.output


def test_keys_come_and_go(run, tmp_path):
    first = run("create", "shop", "-r", "assistant", "-e", "*@local", "--dialect", "openai-chat").stdout.strip()
    assert "assistant; *@local; openai-chat" in run("list").stdout
    second = run("rotate", "shop", "--overlap", "0").stdout.strip()
    with pytest.raises(AccessError):
        opens(tmp_path, first)
    assert opens(tmp_path, second).name == "shop"
    assert "is revoked" in run("revoke", "shop", "--why", "gone").stdout
    with pytest.raises(AccessError):
        opens(tmp_path, second)
    assert run("list").stdout.strip() == "1 more is revoked or expired: --all"
    assert "revoked" in run("list", "--all").stdout
    assert json.loads(run("list", "--all", "--json").stdout)[0]["standing"] == "revoked"


def test_a_page_about_a_key(run, tmp_path):
    (tmp_path / "rules.toml").write_text('jurisdictions = ["EU", "CH"]\nno_training = true\n')
    run("create", "lab", "--policy", "rules.toml", "--share-cache", "--team", "t", "--expires", "2100-01-01")
    page = run("show", "lab").stdout
    for line in (
        "standing    active",
        "expires     2100-01-01 00:00",
        "team        t",
        "cache       shared with its team",
    ):
        assert line in page
    assert "policy      jurisdictions = EU, CH\npolicy      no_training = True" in page
    run("create", "ops", "--role", "operator")
    assert "role        operator" in run("show", "ops").stdout
    assert "admin API: operator" in run("list").stdout
    assert "No keys yet" not in run("list").stdout


def test_what_cannot_be_done_is_said(run, tmp_path):
    assert "No keys yet" in run("list").stdout
    run("create", "shop")
    assert "Did you mean 'shop'?" in run("revoke", "shp", fails=NotFoundError).fix
    assert "NAME=TEXT" in run("create", "x", "--meta", "owner", fails=InputError).fix
    assert "to come" in run("create", "x", "--expires", "2001-01-01", fails=InputError).fix
    assert "is not a time" in run("create", "x", "--expires", "soon", fails=InputError).what
    assert "no span" in run("rotate", "shop", "--overlap", "soon", fails=InputError).what
    (tmp_path / "rules.toml").write_text('jurisdiction = "EU"')
    assert "jurisdiction" in run("create", "x", "--policy", "rules.toml", fails=InputError).what
    assert run("create", "x", "--policy", "none.toml", fails=InputError).where == "none.toml"
