"""What places and lengths do to a recorded judge, and that few labels give intervals that hold."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from weighbridge.weigh.stats import powered

PROGRAM = Path(__file__).parents[3] / "benchmarks" / "judge_bias.py"


@pytest.mark.shared
def test_bias_is_measured_and_intervals_from_few_labels_hold(shared):
    command = [sys.executable, str(PROGRAM), str(shared / "data"), "--json", "--seeds", "60"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert len(found["places"]) == 5
    assert all(row["effect"] > 0 for row in found["places"])  # this judge prefers whatever stands second
    assert sum(row["low"] > 0 for row in found["places"]) >= 4  # one hardly ever wins, which tells little
    assert all(row["longer_low"] > 0.5 for row in found["lengths"])
    assert all(row["held"] >= 0.85 for row in found["powered"])


@pytest.mark.parametrize("share", [0.03, 0.2, 0.5])
def test_rare_labels_that_were_not_drawn_are_not_impossible(share):
    rng = np.random.default_rng(1)
    truth = (rng.random(800) < share).astype(float)
    cheap = np.clip(truth * 0.3 + rng.random(800) * 0.5, 0, 1).tolist()
    held = 0
    for _ in range(100):
        drawn = set(rng.choice(800, size=30, replace=False).tolist())
        found = powered.mean(cheap, [value if place in drawn else None for place, value in enumerate(truth)])
        held += found.estimate.low <= truth.mean() <= found.estimate.high
    assert held >= 88
