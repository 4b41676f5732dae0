"""Fixtures of the gateway's tests."""

from __future__ import annotations

import pytest
from gateways import Gateway, Host


@pytest.fixture
def host():
    made = Host().start()
    yield made
    made.stop()


@pytest.fixture
def serve(tmp_path, request):
    """Starts gateways in a folder; stops them at the end. A module that says `MEASURED` is told what code they reach."""
    made = []
    measured = getattr(request.module, "MEASURED", False)

    def start(text, *options, environ=None):
        (tmp_path / "weighbridge.toml").write_text(text)
        made.append(Gateway(tmp_path, *options, environ=environ, measured=measured))
        return made[-1]

    yield start
    for one in made:
        one.stop()
