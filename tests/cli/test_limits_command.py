"""`weighbridge limits` and `weighbridge budgets`: what is typed, what is printed, what stands afterwards."""

from __future__ import annotations

import json
import time

import pytest
from typer.testing import CliRunner

from weighbridge.access import keys
from weighbridge.access.rules import listed
from weighbridge.canon import Attempt, Rule, Trace
from weighbridge.cli import app
from weighbridge.errors import InputError, NotFoundError
from weighbridge.store.state import State
from weighbridge.store.traces import TraceWriter


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text('[routes.assistant]\nprimary = "gpt-5@openai"\n')

    def run(*arguments, fails=None):
        done = CliRunner().invoke(app, [str(one) for one in arguments])
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return done.exception
        assert done.exit_code == 0, done.output
        assert max(map(len, done.output.splitlines()), default=0) <= 80
        return done.output

    return run


@pytest.fixture
def state(tmp_path):
    (tmp_path / ".weighbridge").mkdir()
    made = State(tmp_path / ".weighbridge" / "state.db")
    yield made
    made.close()


def test_limits_come_and_go(run, state):
    key = keys.create(state, name="shop", team="web", who="ann", at=1.0).key
    assert run("limits", "show").startswith("No limits.")
    said = run("limits", "set", "key:shop", "--requests", 600, "--output-tokens", "50k", "--concurrency", 20)
    assert said == "key:shop: 600 requests/min, 50,000 output/min, 20 at a time\n"
    assert listed(state) == [Rule(f"key:{key.id}", requests=600, output_tokens=50_000, concurrency=20)]
    run("limits", "set", "key:shop", "--requests", "none", "--input-tokens", "2M")
    shown = run("limits", "show")
    assert "key:shop" in shown
    assert "2,000,000" in shown
    run("budgets", "set", "key:shop", "--day", "2.5")
    assert run("limits", "clear", "key:shop") == "key:shop has no limits.\n"
    assert listed(state) == [Rule(f"key:{key.id}", day=2_500_000)]
    assert run("budgets", "clear", "key:shop") == "key:shop has no budget.\n"
    assert listed(state) == []


def test_what_holds_for_one_may_be_said_for_each(run, state):
    keys.create(state, name="shop", who="ann", at=1.0)
    run("limits", "set", "key:*", "--requests", 60)
    (row,) = json.loads(run("limits", "show", "key:shop", "--json"))
    assert (row["name"], row["requests"], row["concurrency"]) == ("key:shop", 60, None)
    assert run("limits", "show", "route:assistant").startswith("No limits for route:assistant.")


def test_budgets_tell_what_is_left(run, state, tmp_path):
    key = keys.create(state, name="shop", team="web", who="ann", at=1.0).key
    now = time.time()
    attempt = Attempt("gpt-5@openai", 0.0, 1.0, billed=True, cost=1_250_000)
    trace = Trace(
        id="0" * 26,
        at=now,
        route="assistant",
        engine="gpt-5@openai",
        key=key.id,
        team="web",
        attempts=(attempt,),
        cost=1_250_000,
    )
    writer = TraceWriter(tmp_path / ".weighbridge" / "traces")
    writer.record(trace)
    writer.close()
    said = run("budgets", "set", "team:web", "--day", 10, "--month", "200.5", "--soft", "70%", "--soft-only")
    assert said == "team:web: $10.00 a day, $200.50 a month; a warning from 70%, more is let through\n"
    run("budgets", "set", "key:*", "--day", 5, "--currency", "EUR")
    run("budgets", "set", "route:assistant", "--day", 1)
    rows = {(row["subject"], row["period"]): row for row in json.loads(run("budgets", "show", "--json"))}
    day, month = rows["team:web", "day"], rows["team:web", "month"]
    assert (day["spent"], day["left"], day["share"], day["hard"]) == (1_250_000, 8_750_000, 0.125, False)
    assert (month["limit"], month["spent"], month["soft"]) == (200_500_000, 1_250_000, 0.7)
    assert (rows["route:assistant", "day"]["left"], rows["route:assistant", "day"]["share"]) == (0, 1.25)
    assert rows["key:*", "day"]["spent"] is None
    (own,) = json.loads(run("budgets", "show", "key:shop", "--json"))
    assert (own["spent"], own["currency"], own["limit"]) == (0, "EUR", 5_000_000)  # it spent only dollars
    shown = run("budgets", "show")
    assert "125%" in shown
    assert "$8.75" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("limits", "set", "key:*"),
        ("limits", "set", "key:*", "--requests", "-5"),
        ("limits", "set", "key:*", "--requests", "5g"),
        ("limits", "set", "key:*", "--requests", "9" * 30),
        ("budgets", "set", "key:*", "--day", "1e3"),
        ("budgets", "set", "key:*", "--day", "0.0000001"),
        ("budgets", "set", "key:*", "--day", "1", "--soft", "0.8"),
        ("budgets", "set", "key:*", "--day", "1", "--soft", "0%"),
        ("budgets", "set", "key:*", "--day", "1", "--currency", "dollar"),
        ("budgets", "set", "key:*", "--soft", "50%"),
        ("limits", "set", "all", "--requests", "5"),
    ],
)
def test_what_cannot_be_meant_is_refused(run, state, words):
    error = run(*words, fails=InputError)
    assert error.fix
    assert listed(state) == []


@pytest.mark.parametrize("subject", ["key:shap", "team:wob", "route:x", "engine:x@y"])
def test_nothing_is_set_for_nobody(run, state, subject):
    error = run("limits", "set", subject, "--requests", 5, fails=NotFoundError)
    assert error.fix
    assert listed(state) == []
