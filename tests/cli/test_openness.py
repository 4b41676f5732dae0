"""`weighbridge openness`: a class from a file, and files that are none."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError

LISTED = """
release:
  name: [mine
  license: {distribution: {name: Apache-2.0}}
  components:
    - name: Model parameters (Final)
    - {name: Model card, license: "[bold]mine"}
"""


@pytest.fixture
def run(tmp_path):
    def run(text, *more):
        (tmp_path / "m.yml").write_text(text)
        return CliRunner().invoke(app, ["openness", str(tmp_path / "m.yml"), *more])

    return run


def test_a_file_gets_its_class_and_what_the_next_one_takes(run):
    text = LISTED.replace("[mine", "mine")
    shown, told = run(text), run(text, "--json")
    assert "no class" in shown.output
    assert "[bold]mine" in shown.output
    assert "data card" in shown.output
    assert json.loads(told.output)["progress"] == {"1": 0.0, "2": 0.0, "3": pytest.approx(1 / 6)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (LISTED, "no YAML"),
        ("a: &x [*x]", "no YAML"),
        ("- 1", "no table"),
        ("#" * 1_000_001, "too large"),
        ("", "no tab"),
    ],
)
def test_files_that_are_none(run, text, what):
    found = run(text)
    assert isinstance(found.exception, InputError)
    assert what in found.exception.what
