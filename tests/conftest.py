"""Fixtures that every room's tests share."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import postgres as servers
import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: no example is held to a time. The run that decides about a change gives the same
# answer twice; at home every run looks for something new, and the fuzzers go further.
settings.register_profile(
    "unhurried",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize="CI" in os.environ,
    max_examples=50,
)
settings.load_profile("unhurried")

# A shell that starts the tests in the background has them ignore Ctrl-C, and so would what they start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

MEASURED = 6  #: cases of one table that run under coverage
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
AGENTS = ROOT / ".agents" / "node_modules"


def place(item):
    """The name of a test's table, and which case of it this one is: whatever order they are run in."""
    case = getattr(item, "callspec", None)
    return item.nodeid.partition("[")[0], tuple(case.indices.values()) if case is not None else ()


def pytest_collection_modifyitems(items):
    """Skip what needs material or parts that are not here, and say which; properties run without coverage.

    What their random inputs reach is chance: each line is to be reached by an example. It halves their time, too. Of a
    table of cases, too, only the first ones are measured, in the table's own order: measuring costs more than half of
    the whole time, and what a line does further cases show, not that it is reached.
    """
    seen: Counter[str] = Counter()
    for item in sorted(items, key=place):
        name, _ = place(item)
        seen[name] += 1
        if seen[name] > MEASURED:
            item.add_marker("no_cover")
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("no_cover")
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(pytest.mark.skip(reason="needs ../shared, which is not beside this checkout"))
        if item.get_closest_marker("agents") and not AGENTS.is_dir():
            item.add_marker(pytest.mark.skip(reason="needs the coding agents: run `make agents`"))


@pytest.fixture
def shared() -> Path:
    """The folder with recordings and data."""
    return SHARED


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees the user's keys or settings, and none writes outside its own folder."""
    for name in list(os.environ):
        if name.startswith("WEIGHBRIDGE_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    """A PostgreSQL server. Where none is installed its tests are skipped, but not in the run that decides."""
    if why := servers.missing():
        (pytest.fail if "CI" in os.environ else pytest.skip)(why)
    made = servers.Server()
    yield made
    made.end()


@pytest.fixture
def postgres_url(postgres: servers.Server) -> Iterator[str]:
    """The URL of an empty database."""
    url = postgres.make()
    yield url
    postgres.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def state_place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty state store may be made: a test that takes it runs on each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "store" / "state.db")
    found: str = request.getfixturevalue("postgres_url")
    return found
