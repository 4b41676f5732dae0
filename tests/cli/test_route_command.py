"""`weighbridge route explain` and `weighbridge engines fact`: what is typed, what is printed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from typer.testing import CliRunner

from weighbridge import settings
from weighbridge.access import facts, keys
from weighbridge.canon import Policy
from weighbridge.cli import app
from weighbridge.engines.catalogue import load
from weighbridge.errors import ForbiddenError, InputError, NotFoundError, UnknownRouteError
from weighbridge.gateway.plans import declare
from weighbridge.routes import from_config
from weighbridge.store.state import State

CONFIG = """
[models.m]
lab = "test"
[hosts.left]
url = "http://127.0.0.1:9/v1"
auth = "none"
jurisdiction = "DE"
[hosts.right]
url = "http://127.0.0.1:9/v1"
auth = "none"
[offers."m@left"]
[offers."m@right"]
[routes.assistant]
primary = "m@left"
fallbacks = ["m@right"]
policy = { jurisdictions = ["EU"], max_output = 100 }
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text(CONFIG)

    def run(*arguments, fails=None, code=0):
        done = CliRunner().invoke(app, [*arguments])
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return str(done.exception)
        assert done.exit_code == code, done.output
        return done.output

    return run


def admitted(text):
    return {one["engine"]: one["admitted"] for one in json.loads(text)["engines"]}


def test_each_engine_is_explained_in_order_and_no_store_is_made_for_it(run, tmp_path) -> None:
    text = run("route", "explain", "assistant")
    assert text.index("1 m@left  admitted") < text.index("2 m@right  refused")
    assert "the jurisdiction of right is unknown; wanted: EU" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80
    assert not (tmp_path / ".weighbridge").exists()
    assert "no rule asks for anything" in run("route", "explain", "m@right")


def test_a_request_is_judged_and_the_exit_code_says_that_nobody_may_answer(run, tmp_path) -> None:
    body = {"model": "x", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 101}
    (tmp_path / "r.json").write_text(json.dumps(body))
    found = run("route", "explain", "assistant", "--request", "r.json", "--json", code=4)
    assert admitted(found) == {"m@left": False, "m@right": False}
    assert "max_output" in found
    (tmp_path / "r.json").write_text(json.dumps(body | {"max_tokens": 100}))
    assert admitted(run("route", "explain", "assistant", "--request", "r.json", "--json"))["m@left"]
    assert "no.json" in run("route", "explain", "assistant", "--request", "no.json", fails=InputError)
    (tmp_path / "r.json").write_bytes(b"\xff{")
    run("route", "explain", "assistant", "--request", "r.json", fails=InputError)


def test_keys_bring_their_own_policy_and_scope(run, tmp_path) -> None:
    (tmp_path / ".weighbridge").mkdir(mode=0o700)
    state = State(tmp_path / ".weighbridge" / "state.db")
    by: dict[str, Any] = {"who": "t", "at": time.time()}
    keys.create(state, name="strict", policy=Policy(open_weights=True), **by)
    keys.create(state, name="narrow", routes=["other"], **by)
    state.close()
    assert "open_weights (key strict)" in run("route", "explain", "assistant", "--key", "strict", code=4)
    run("route", "explain", "assistant", "--key", "narrow", fails=ForbiddenError)
    run("route", "explain", "assistant", "--key", "nobody", fails=NotFoundError)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (("asistant",), UnknownRouteError),
        (("assistant", "--data-class", "top"), InputError),
        (("assistant", "--dialect", "openai"), InputError),
    ],
)
def test_slips_of_the_pen(run, options, wrong) -> None:
    run("route", "explain", *options, fails=wrong)


def test_a_fact_is_set_shown_and_cleared(run) -> None:
    assert "No fact was set" in run("engines", "fact", "list")
    told = run("engines", "fact", "set", "host:right", "jurisdiction", "FR", "--source", "a letter")
    assert "host:right: jurisdiction is FR from now on" in told
    assert admitted(run("route", "explain", "assistant", "--json")) == {"m@left": True, "m@right": True}
    assert "a letter" in run("engines", "fact", "list")
    kept = json.loads(run("engines", "fact", "set", "host:left", "jurisdiction", "unknown", "--json"))
    assert kept.get("value") is None
    assert admitted(run("route", "explain", "assistant", "--json")) == {"m@left": False, "m@right": True}
    run("engines", "fact", "clear", "host:left", "jurisdiction")
    assert len(json.loads(run("engines", "fact", "list", "--json"))) == 1
    run("engines", "fact", "clear", "host:left", "jurisdiction", fails=NotFoundError)
    assert "model:NAME" in run("engines", "fact", "set", "left", "jurisdiction", "FR", fails=InputError)
    run("engines", "fact", "set", "host:left", "jurisdiction", "France", fails=InputError)


def sequence(state: State) -> int:
    current = state.current()
    assert current is not None
    return current.sequence


def test_promoting_what_the_policy_refuses_publishes_nothing(run, tmp_path) -> None:
    state = State(tmp_path / ".weighbridge" / "state.db")
    config = settings.load(tmp_path / "weighbridge.toml", environ={})
    known = load(config)
    declared = from_config({"assistant": config.routes["assistant"] | {"fallbacks": []}}, known.engine)
    first = declare(state, declared, resolve=known.engine, who="t", why="", at=1.0)
    told = run("swap", "promote", "assistant", "m@right", fails=ForbiddenError)
    assert "m@right: jurisdictions (route assistant)" in told
    run("engines", "fact", "set", "host:right", "jurisdiction", "FR")
    run("swap", "promote", "assistant", "m@right")
    run("engines", "fact", "set", "host:left", "jurisdiction", "US")
    assert "m@left" in run("swap", "rollback", "assistant", fails=ForbiddenError)
    assert sequence(state) == first.sequence + 1
    broken = {"assistant": declared["assistant"], "new": declared["assistant"]}
    with pytest.raises(ForbiddenError, match="Nothing was published"):
        declare(state, broken, resolve=facts.current(state, known).engine, who="t", why="", at=2.0)
    assert sequence(state) == first.sequence + 1
    state.close()
