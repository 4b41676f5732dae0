"""What coding agents send is exact on its own dialect, and says on every other what was lost."""

from __future__ import annotations

import json

import pytest
from agent_bodies import claude_code, codex, gemini_cli, qwen_code
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import Profile, Request
from weighbridge.wire import outline
from weighbridge.wire.convert import neutral

AGENTS = {
    "anthropic-messages": lambda: claude_code()[0],
    "openai-responses": codex,
    "gemini-generate": gemini_cli,
    "openai-chat": qwen_code,
}
PAIRS = [(a, b) for a in AGENTS for b in dialects.NAMES if a != b]


def read(name: str) -> Request:
    body = json.dumps(AGENTS[name]()).encode()
    return dialects.get(name).read_request(body, model="assistant", stream=True)


@pytest.mark.parametrize("name", AGENTS)
def test_it_comes_back_exact(name: str) -> None:
    request = read(name)
    body, losses = dialects.get(name).write_request(request, neutral(request))
    assert json.loads(body) == AGENTS[name]()
    assert losses == ()


@pytest.mark.parametrize("name", AGENTS)
def test_it_is_as_long_as_theirs(name: str) -> None:
    assert 15_000 < len(json.dumps(AGENTS[name]())) < 90_000


@pytest.mark.parametrize(("name", "target"), PAIRS)
def test_all_that_is_portable_crosses(name: str, target: str) -> None:
    request = read(name)
    other = dialects.get(target)
    body, losses = other.write_request(request, Profile())
    there = outline.of_request(other.read_request(body, model="assistant", stream=True))
    here = outline.of_request(request)
    assert there["turns"][0]["text"].startswith(here["turns"][0]["text"])  # a system text may follow in its place
    assert [t["role"] for t in there["turns"]] == [t["role"] for t in here["turns"]]
    assert [t["tool_calls"] for t in there["turns"]] == [t["tool_calls"] for t in here["turns"]]
    assert [t["tool_results"] for t in there["turns"]] == [t["tool_results"] for t in here["turns"]]
    assert [t["name"] for t in there["tools"]] == [t["name"] for t in here["tools"]]
    assert "Read before you write" in there["system"]
    high = {loss.field for loss in losses if loss.severity == "high"}
    assert high == ({"tools[3]", "tools[4]"} if name == "openai-responses" else set())


@pytest.mark.parametrize("target", ["openai-chat", "openai-responses", "gemini-generate"])
def test_foreign_seals_stay_behind(target: str) -> None:
    """An empty signature, as other engines' thinking has when it is told to Claude Code, is no seal at all."""
    body, _ = dialects.get(target).write_request(read("anthropic-messages"), Profile())
    assert b"signature" not in body.lower()


def test_the_text_in_the_middle_keeps_its_place() -> None:
    body, _ = dialects.get("openai-chat").write_request(read("anthropic-messages"), Profile())
    roles = [m["role"] for m in json.loads(body)["messages"]]
    assert roles == ["system", "user", "system", "assistant", "tool", "tool"]


def test_flags_of_one_vendor_are_part_of_its_dialect() -> None:
    _, headers = claude_code()
    known = dialects.get("anthropic-messages").headers
    assert set(headers) <= set(known)
    request = replace(read("anthropic-messages"), headers=headers)
    assert dialects.get("anthropic-messages").write_request(request, neutral(request))[1] == ()
