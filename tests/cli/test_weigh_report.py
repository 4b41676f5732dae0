"""`weighbridge weigh report`: every form of report of a saved weighing, and what it refuses to write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import documents
import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from weighbridge.cli import app
from weighbridge.errors import InputError, NotFoundError
from weighbridge.weigh import document
from weighbridge.weigh.types import Judge, Weighing

PROMPT = "Which is better?\n```\n<b>A</b>\n```"


def judged() -> Weighing:
    judge = Judge("owl@tower", "pairwise", "pairs-1", PROMPT, "0" * 64, seed=3, kin=("birch@south",))
    return replace(documents.weigh(20), judges=(judge,))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    Path("card.json").write_bytes(document.write(judged()))
    return tmp_path


def report(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["weigh", "report", *arguments], catch_exceptions=False)


def test_a_saved_weighing_becomes_reports_of_the_forms_that_are_named():
    done = report("card.json", "--report", "r.html", "--report", "r.md", "--report", "r.json", "--report", "r.xml")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [f"Report: r.{form}" for form in ("html", "md", "json", "xml")]
    assert json.loads(Path("r.json").read_bytes()) == json.loads(Path("card.json").read_bytes())
    assert "alder" in Path("r.html").read_text("utf-8")
    assert report("r.html", "--report", "again.md").exit_code == 0  # a page carries its document
    assert Path("again.md").read_text("utf-8") == Path("r.md").read_text("utf-8")
    assert report("card.json").stdout == "Report: weighbridge-report.html\n"


def test_judges_and_their_prompts_stand_in_the_methods():
    report("card.json", "--report", "r.md", "--report", "r.html")
    told = Path("r.md").read_text("utf-8")
    methods = told.partition("## Methods")[2]
    assert "**Judge**: owl@tower, pairwise, by the prompt pairs-1" in methods
    assert "seed 3. Of the same family: birch@south." in methods
    assert f"````text\n{PROMPT}\n````" in told
    page = Path("r.html").read_text("utf-8")
    assert "by the prompt pairs-1" in page
    assert "Which is better?\n```\n&lt;b&gt;A" in page


def test_what_cannot_be_read_or_written_is_refused():
    with pytest.raises(NotFoundError):
        report("none.json")
    with pytest.raises(InputError, match="twice"):
        report("card.json", "--report", "r.md", "--report", "r.md")
    with pytest.raises(InputError, match="no such folder"):
        report("card.json", "--report", "none/r.md")
    Path("card.json").write_text("{}")
    with pytest.raises(InputError):
        report("card.json")
