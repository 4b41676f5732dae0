"""The docs' examples run, and print what the pages say they print."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: Path):
    """Files to write (language, name, text) and console blocks, in the page's order."""
    for language, name, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if name or language == "console":
            yield language, name, text


def commands(block: str):
    """(command, expected output) pairs; a command goes on in lines that begin with '> '."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            found[-1][1].append(line)
    return [("\n".join(command), "\n".join(expected).strip()) for command, expected in found]


def matches(expected: str, printed: str) -> bool:
    """Does the output match, where '...' stands for anything?"""
    pattern = ".*".join(re.escape(piece) for piece in expected.split("..."))
    squeeze = re.sub(r"(\\\s)+", r"\\s+", pattern)
    return re.fullmatch(squeeze, printed.strip(), re.DOTALL) is not None


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a page's examples run; what a page that failed left serving would answer the next run."""
    yield tmp_path
    for file in tmp_path.glob("*.pid"):
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(file.read_text()), signal.SIGTERM)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_examples_run(page: Path, folder: Path) -> None:
    # The examples show that the pages are right; what code they reach, other tests measure, in far less time.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    environ = {
        **inherited,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1",
        "COLUMNS": "80",
    }
    for language, name, text in examples(page):
        if language != "console":
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            continue
        for command, expected in commands(text):
            done = subprocess.run(
                ["bash", "-c", command],
                check=False,
                cwd=folder,
                env=environ,
                capture_output=True,
                text=True,
                timeout=240,
            )
            shown = f"$ {command}\n{done.stdout}{done.stderr}"
            assert done.returncode == 0, f"{page.name}: exit {done.returncode}\n{shown}"
            if expected:
                assert matches(expected, done.stdout), (
                    f"{page.name}: printed something else\n{shown}\nexpected:\n{expected}"
                )


def test_no_two_pages_serve_on_one_port() -> None:
    """Their examples may run at the same time."""
    users: dict[str, set[str]] = {}
    for page in PAGES:
        for language, _, text in examples(page):
            if language == "console":
                for port in re.findall(r"127\.0\.0\.1:(\d{4,5})\b", text):
                    users.setdefault(port, set()).add(page.name)
    assert users
    assert all(len(pages) == 1 for pages in users.values()), users


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}, which does not exist"


def test_output_with_ellipsis_is_matched_in_order() -> None:
    assert matches("a ... c", "a b c")
    assert not matches("a ... c", "c b a")
    assert commands("$ one \\\n> two\nout\n$ three") == [("one \\\ntwo", "out"), ("three", "")]


def test_the_jobs_that_pages_offer_are_jobs() -> None:
    import yaml

    found = [
        (name, yaml.safe_load(text))
        for page in PAGES
        for language, name, text in FENCE.findall(page.read_text(encoding="utf-8"))
        if language in ("yaml", "yml") and name.startswith(".github/workflows/")
    ]
    assert found
    for name, workflow in found:
        # YAML 1.1 reads the key `on` as true, and so do some of its readers.
        assert workflow.get("on", workflow.get(True)), name
        for job in workflow["jobs"].values():
            assert job["runs-on"]
            assert all(("run" in step) != ("uses" in step) for step in job["steps"])
            commands = "\n".join(step.get("run", "") for step in job["steps"])
            assert "weighbridge" in commands
