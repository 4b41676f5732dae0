"""Every SDK against recorded engines of every dialect: one recording serves them all."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from gateways import Gateway
from scripted import TEXT, weather
from sdk_asking import SDKS

from weighbridge import dialects

TAPE = [
    {"when": {"tools": False}, "output": TEXT},
    {"tool_calls": [{"name": "weather", "arguments": {"city": "Łódź"}}]},
    {"output": "It is sunny there."},
]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "tape.jsonl").write_text("".join(json.dumps(line) + "\n" for line in TAPE))
    lines = ['[models.tape]\nlab = "test"']
    for name in dialects.NAMES:
        lines += [
            f'[hosts.{name}]\ndialect = "{name}"\nrecorded = {{ path = "tape.jsonl", order = "turn" }}',
            f'[offers."tape@{name}"]\n[routes.to-{name}]\nprimary = "tape@{name}"',
        ]
    (folder / "weighbridge.toml").write_text("\n".join(lines) + "\n")
    running = Gateway(folder)
    yield running
    running.stop()


@pytest.mark.parametrize("front", dialects.NAMES)
@pytest.mark.parametrize("back", dialects.NAMES)
def test_text_and_tools(gateway: Gateway, front: str, back: str) -> None:
    told: list[str] = []

    def run(city: str) -> str:
        told.append(city)
        return weather(city)

    sdk = SDKS[front](gateway.url)
    try:
        assert sdk.text(f"to-{back}", "Hello?") == TEXT
        assert sdk.stream(f"to-{back}", "Hello?") == TEXT
        assert sdk.tool(f"to-{back}", "The weather?", run) == "It is sunny there."
    finally:
        sdk.close()
    assert told == ["Łódź"]
