"""One gateway with an engine of each dialect behind it, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from gateways import Gateway
from players import Player
from scripted import play

from weighbridge import dialects


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Routes are called `to-DIALECT`; each leads to an engine that speaks it."""
    folder: Path = tmp_path_factory.mktemp("sdks")
    with ExitStack() as stack:
        lines = []
        for name in dialects.NAMES:
            player = stack.enter_context(Player(name, play))
            lines += [
                f'[hosts.{name}]\ndialect = "{name}"\nurl = "{player.url}"\nauth = "none"\nself_hosted = true',
                f'[models.by-{name}]\nlab = "test"\n[offers."by-{name}@{name}"]',
                f'[routes.to-{name}]\nprimary = "by-{name}@{name}"',
            ]
        (folder / "weighbridge.toml").write_text("\n".join(lines) + "\n")
        running = Gateway(folder)
        stack.callback(running.stop)
        yield running
