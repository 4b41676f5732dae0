"""`weighbridge compare --unpaired`: two files that hold different samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError
from weighbridge.weigh import verdict
from weighbridge.weigh.stats.unpaired import independent


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, scores, first=0, **more):
    lines = [json.dumps({"id": first + i, "ok": score, "doc": i // 5} | more) for i, score in enumerate(scores)]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def run(*options):
    command = ["compare", "base.jsonl", "candidate.jsonl", "--id", "id", "--score", "ok", "--unpaired", *options]
    return CliRunner().invoke(app, command, catch_exceptions=False)


BASE, CANDIDATE = [1, 0, 1, 1] * 50, [1, 1, 1, 1, 0] * 30


def test_two_files_without_a_common_sample_are_compared_by_their_means():
    write("base.jsonl", BASE)
    write("candidate.jsonl", CANDIDATE, first=1000)
    found = json.loads(run("--json").stdout)
    expected = independent(BASE, CANDIDATE)
    assert found["difference"] == pytest.approx(0.05)
    assert (found["ci_low"], found["ci_high"]) == (expected.low, expected.high)
    assert (found["base_n"], found["candidate_n"], found["shared_ids"]) == (200, 150, 0)
    assert found["verdict"] == verdict.decide(expected.low, expected.high, 0.03)
    assert found["method"] == "unpaired score (Newcombe)"


def test_it_is_told_in_words_and_says_when_pairs_are_there():
    write("base.jsonl", BASE)
    write("candidate.jsonl", CANDIDATE)
    told = run().stdout
    assert "Different samples, candidate against base" in told
    assert "200 samples, base.jsonl" in told
    assert "150 ids stand in both files" in " ".join(told.split())
    assert max(map(len, told.splitlines())) <= 80


def test_clusters_are_whole():
    write("base.jsonl", BASE)
    write("candidate.jsonl", CANDIDATE, first=1000)
    plain, clustered = json.loads(run("--json").stdout), json.loads(run("--cluster", "doc", "--json").stdout)
    assert clustered["method"].endswith("robust to clusters")
    assert clustered["ci_low"] != plain["ci_low"]
    write("candidate.jsonl", CANDIDATE, first=1000, doc=None)
    assert json.loads(run("--cluster", "doc", "--json").stdout)["candidate_n"] == 150


def test_a_verdict_can_fail_and_too_little_is_told():
    write("base.jsonl", [1] * 200)
    write("candidate.jsonl", [0] * 200, first=1000)
    assert run("--fail-on", "unsafe").exit_code == 10
    write("candidate.jsonl", [0, 1])
    with pytest.raises(InputError, match="too little"):
        run()


def test_different_samples_with_grades_between():
    found = verdict.apart([0.2, 0.4, 0.9, 0.5], [0.6, 0.7, 0.9, 0.8, 0.7])
    assert found.method == "unpaired t (Welch)"
    assert found.n == 4
    assert verdict.apart([0.5] * 4, [0.5] * 5).z is None
