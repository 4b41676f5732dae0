"""`weigh run` on a suite that asks for code: refused before anything is asked, or run and told of."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError

CONFIG = """
[models.good]
[models.bad]
[hosts.good]
recorded = { path = "good.jsonl" }
[hosts.bad]
recorded = { path = "bad.jsonl" }
[offers."good@good"]
[offers."bad@bad"]
"""
COUNT = 3


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(autouse=True)
def workshop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weighbridge.toml").write_text(CONFIG)
    asked = [f"Write add{i}(a), which adds {i}." for i in range(COUNT)]
    tests = [{"tests": f"assert add{i}(1) == {i + 1}", "entry": f"add{i}"} for i in range(COUNT)]
    rows = [{"id": f"q{i}", "input": asked[i], "target": tests[i], "grader": "code"} for i in range(COUNT)]
    write(tmp_path / "suite.jsonl", [*rows, {"id": "word", "input": "Say yes.", "target": "yes", "grader": "exact"}])
    yes = {"input": "Say yes.", "output": "yes"}
    code = [f"```python\ndef add{i}(a):\n    return a + {i}\n```" for i in range(COUNT)]
    write(tmp_path / "good.jsonl", [yes, *({"input": q, "output": c} for q, c in zip(asked, code, strict=True))])
    write(tmp_path / "bad.jsonl", [yes, *({"input": q, "output": "import os; os._exit(0)"} for q in asked)])
    return tmp_path


def weigh(*arguments: str):
    command = ["weigh", "run", "suite.jsonl", "--engines", "good@good,bad@bad", *arguments]
    return CliRunner(env={"COLUMNS": "80"}).invoke(app, command)


def test_code_is_run_and_the_report_says_where(workshop) -> None:
    done = weigh("--unsafe-code", "--report", "r.html", "--report", "r.json", "--report", "r.md", "--with-answers")
    assert done.exit_code == 0, done.output
    assert "WARNING: --unsafe-code" in done.stderr
    document = json.loads((workshop / "r.json").read_text())
    good, bad = (one for one in document["raw"]["passes"] if one["role"] == "answers")
    assert (good["score"], bad["score"]) == ([1, 1, 1, 1], [0, 0, 0, 1])
    assert bad["why"][0] == "the code does not load: the code ended before it had answered"
    assert document["raw"]["run"]["sandbox"].startswith("none (--unsafe-code), Python 3.")
    assert "none (--unsafe-code), Python 3." in (workshop / "r.md").read_text()
    assert CliRunner().invoke(app, ["verify", "r.html"]).exit_code == 0


def test_code_is_run_once_unless_its_tests_change(workshop) -> None:
    runs = workshop / "runs"

    def counted(*arguments: str) -> int:
        runs.write_text("")
        done = CliRunner().invoke(
            app, ["weigh", "run", "one.jsonl", "-e", "good@good", "--unsafe-code", "--json", *arguments]
        )
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)["results"]["good@good"][0]["grade"]["score"] == 1
        return len(runs.read_text())

    target: dict[str, object] = {"tests": "assert f() == 1", "entry": "f"}
    sample = {"id": "a", "input": "Write f().", "target": target, "grader": "code"}
    write(workshop / "one.jsonl", [sample])
    code = f"with open({str(runs)!r}, 'a') as file:\n    file.write('x')\ndef f():\n    return 1"
    write(workshop / "good.jsonl", [{"input": sample["input"], "output": code}])
    assert (counted(), counted()) == (1, 0)
    for change in ({"tests": "assert f() < 2"}, {"seconds": 5}):
        target.update(change)
        write(workshop / "one.jsonl", [sample])
        assert (counted(), counted()) == (1, 0)
    assert counted("--fresh") == 1


def test_without_a_sandbox_nothing_is_asked(workshop, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(workshop))
    refused = weigh()
    assert isinstance(refused.exception, InputError)
    assert "bubblewrap (bwrap) is not here" in str(refused.exception)
    assert not list(workshop.rglob("*.db*")), "an engine was asked"


def test_unsafe_code_without_any_code_is_refused(workshop) -> None:
    write(workshop / "suite.jsonl", [{"id": "word", "input": "Say yes.", "target": "yes", "grader": "exact"}])
    refused = weigh("--unsafe-code")
    assert isinstance(refused.exception, InputError)
    assert "no sample is of the grader 'code'" in str(refused.exception)


def test_a_bad_target_is_told_with_its_line(workshop) -> None:
    write(workshop / "suite.jsonl", [{"id": "a", "input": "?", "target": {"tests": "f()"}, "grader": "code"}])
    refused = weigh()
    assert "suite.jsonl:1" in str(refused.exception)
    assert "needs 'entry'" in str(refused.exception)
