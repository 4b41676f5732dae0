"""The recorded exchanges pass every check, and the page of the docs says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gateways import unmeasured

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.shared
@pytest.mark.no_cover
@pytest.mark.timeout(300)
def test_all_recorded_exchanges_pass_and_the_page_is_theirs(shared: Path, tmp_path: Path) -> None:
    page = tmp_path / "conformance.md"
    program = "from weighbridge.cli import main; main()"
    known = ["--known", str(DOCS / "conformance-known.toml")]
    words = ["wire", "conform", str(shared / "wire"), *known, "--markdown", str(page), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, check=False, env=unmeasured()
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    told = json.loads(done.stdout)
    assert sum(told["rows"].values()) == 889
    assert {failure["id"] for failure in told["failures"]} == {"01540bef5e96"}
    assert page.read_text() == (DOCS / "conformance.md").read_text(), "write it anew: `make conformance`"
