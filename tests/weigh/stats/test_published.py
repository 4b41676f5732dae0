"""Published figures are reproduced from the recorded answers behind them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[3] / "benchmarks" / "published.py"


@pytest.mark.shared
@pytest.mark.parametrize(("part", "least"), [("alpaca_eval", 18), ("evalica", 69), ("k2vv", 31), ("zeroeval", 13)])
def test_published_figures_are_reproduced(shared, part, least):
    command = [sys.executable, str(PROGRAM), str(shared / "data"), "--only", part, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert [row for row in found["figures"] if abs(row["difference"]) > row["tolerance"]] == []
    assert done.returncode == 0
    assert len(found["figures"]) >= least
