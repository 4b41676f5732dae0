"""OpenAI Chat: how much may be thought, in every host's words."""

from __future__ import annotations

import json

import pytest

from weighbridge import dialects
from weighbridge.canon import Message, Profile, Request, TextPart, Thinking
from weighbridge.errors import InputError

CHAT = dialects.get("openai-chat")
PLAIN = Profile()
BASE = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}


def read(**fields):
    return CHAT.read_request(json.dumps({**BASE, **fields}).encode())


def write(request, profile=PLAIN):
    body, losses = CHAT.write_request(request, profile)
    return json.loads(body), {loss.field: loss.severity for loss in losses}


@pytest.mark.parametrize(
    ("fields", "thinking"),
    [
        ({"reasoning_effort": "high"}, Thinking(effort="high")),
        ({"reasoning_effort": "default"}, Thinking()),
        ({"reasoning_effort": None}, Thinking()),
        ({"reasoning_effort": ""}, Thinking()),
        ({"reasoning": {"effort": "low", "exclude": True}}, Thinking(effort="low", show=False)),
        ({"reasoning": {"max_tokens": 2000, "enabled": True}}, Thinking(enabled=True, budget=2000)),
        ({"reasoning": {"summary": "auto", "effort": "x"}}, Thinking()),
        ({"reasoning": {}}, Thinking()),
        ({"reasoning": "yes"}, Thinking()),
        ({"thinking": {"type": "enabled", "budget_tokens": 500}}, Thinking(enabled=True, budget=500)),
        ({"thinking": {"type": "disabled", "clear_thinking": False}}, Thinking(enabled=False)),
        ({"thinking": {"type": "adaptive"}}, Thinking()),
        ({"thinking": {"type": ["x"]}}, Thinking()),
        ({"thinking": True}, Thinking()),
        ({"enable_thinking": True, "thinking_budget": 99}, Thinking(enabled=True, budget=99)),
        ({"enable_thinking": "yes"}, Thinking()),
        ({"chat_template_kwargs": {"enable_thinking": False, "x": 1}}, Thinking(enabled=False)),
        ({"chat_template_kwargs": {"thinking": True}}, Thinking(enabled=True)),
        ({"include_reasoning": True, "reasoning_effort": "none"}, Thinking(effort="none", show=True)),
        ({"reasoning_effort": "low", "reasoning": {"effort": "high"}}, Thinking(effort="low")),
        ({"reasoning_format": "parsed"}, Thinking()),
    ],
)
def test_each_way_to_ask_is_understood_and_comes_back(fields, thinking):
    request = read(**fields)
    assert request.thinking == thinking
    assert write(request) == ({**BASE, **fields}, {})
    assert not CHAT.needs_rewrite(request, Profile())


def test_a_level_is_a_text():
    with pytest.raises(InputError) as caught:
        read(reasoning_effort=3)
    assert caught.value.where == "reasoning_effort"


def test_what_was_understood_is_not_lost_when_it_crosses_and_the_rest_is_told():
    request = read(thinking={"type": "enabled", "budget_tokens": 2048, "clear_thinking": False})
    body, losses = dialects.get("anthropic-messages").write_request(request, Profile(max_output=9000))
    assert json.loads(body)["thinking"] == {"type": "enabled", "budget_tokens": 2048}
    assert ("thinking", "low") in [(loss.field, loss.severity) for loss in losses]


def asks(**thinking):
    return Request("m", (Message("user", (TextPart("Hello"),)),), thinking=Thinking(**thinking))


@pytest.mark.parametrize(
    ("thinking", "effort", "losses"),
    [
        ({"effort": "xhigh"}, "xhigh", {}),
        ({"enabled": False}, "none", {}),
        ({"enabled": False, "budget": 900}, "none", {}),
        ({"budget": 8192}, "medium", {}),
        ({"budget": 9000}, "medium", {"thinking": "low"}),
        ({"budget": -1}, None, {"thinking": "low"}),
        ({"enabled": True}, "medium", {"thinking": "low"}),
        ({"effort": "low", "show": True}, "low", {"thinking.show": "low"}),
        ({"show": False}, None, {"thinking.show": "low"}),
        ({}, None, {}),
    ],
)
def test_other_dialects_ask_in_openais_words(thinking, effort, losses):
    told, found = write(asks(**thinking))
    assert told.get("reasoning_effort") == effort
    assert found == losses


def test_an_engine_with_words_of_its_own_gets_no_others():
    profile = Profile(
        efforts={"none": {"reasoning.enabled": False}, **{e: {"reasoning.effort": e} for e in ("low", "high")}},
        budget="reasoning.max_tokens",
        shown={"reasoning.exclude": False},
    )
    for request in (read(reasoning_effort="high", include_reasoning=False), asks(effort="high", show=False)):
        told, losses = write(request, profile)
        assert told["reasoning"] == {"effort": "high", "exclude": True}
        assert set(told) == {"model", "messages", "reasoning"}
        assert losses == {}
    told, _ = write(asks(budget=3000, show=True), profile)
    assert told["reasoning"] == {"max_tokens": 3000, "exclude": False}
    own = read(reasoning={"effort": "high"})
    assert not CHAT.needs_rewrite(own, profile)
    assert CHAT.needs_rewrite(read(reasoning_effort="high"), profile)


def test_verbosity_cache_key_and_user_have_their_places():
    fields = {"verbosity": "low", "prompt_cache_key": "k", "safety_identifier": "u", "service_tier": "flex"}
    request = read(**fields)
    assert (request.verbosity, request.cache_key, request.user, request.service_tier) == ("low", "k", "u", "flex")
    assert write(request) == ({**BASE, **fields}, {})
    both = {"user": "a", "safety_identifier": "b"}
    assert read(**both).user == "a"
    assert write(read(**both)) == ({**BASE, **both}, {})
