"""A small slice of the simulations, and of sequential verdicts on recorded answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[3] / "benchmarks"


def printed(program, *arguments):
    command = [sys.executable, str(PROGRAMS / program), *map(str, arguments), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def test_a_slice_of_the_simulations_holds():
    rows = printed("simulations.py", "--only", "several", "--draws", 200)
    assert {row["kind"] for row in rows} == {"error"}
    assert not [row for row in rows if row["mark"] == "ERRS MORE"]
    assert all(row["error"] > 0 for row in rows)


@pytest.mark.shared
def test_sequential_verdicts_on_recorded_answers_are_rarely_false(shared):
    found = printed("sequential.py", shared / "data" / "zeroeval", "--orders", 2)
    summary = found["summary"]
    assert summary["pairs"] >= 10
    assert summary["false claims"] <= 0.03
    assert summary["false claims, either, where the margin is the difference"] <= 0.1
    assert 0.3 < summary["decided"] < 0.6
    for pair in found["pairs"]:
        assert pair["safe"] + pair["unsafe"] + pair["undecided"] == pytest.approx(1)
