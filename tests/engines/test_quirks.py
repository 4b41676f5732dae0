"""The quirks that the catalogue knows, on requests of every dialect: what goes out is what the engine takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weighbridge import dialects
from weighbridge.canon import (
    Effort,
    FilePart,
    ImagePart,
    Message,
    OpaquePart,
    ReasoningPart,
    Request,
    ResponseFormat,
    Sampling,
    TextPart,
    Thinking,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)
from weighbridge.engines.catalogue import Catalogue, load

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = Tool("weather", schema=SCHEMA)
HELLO = (Message("user", (TextPart("Hello"),)),)
AFTER_TOOLS = (
    *HELLO,
    Message("assistant", (ToolCallPart("call_1", "weather", '{"city":"Ulm"}'),)),
    Message("tool", (ToolResultPart("call_1", (TextPart("sun"),)),)),
)


@pytest.fixture(scope="module")
def known() -> Catalogue:
    return load()


class Sender:
    """Writes requests for engines of the catalogue."""

    def __init__(self, known: Catalogue) -> None:
        self._known = known

    def __call__(self, name: str, dialect: str = "", **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
        """The body that goes out, and what is lost by field."""
        engine = self._known.engine(name, {})
        dialect = dialect or engine.host.dialect
        request = Request(engine.upstream, **{"messages": HELLO, **fields})
        body, losses = dialects.get(dialect).write_request(request, self._known.profile(engine, dialect))
        return json.loads(body), {loss.field: loss.severity for loss in losses}


@pytest.fixture(scope="module")
def send(known: Catalogue) -> Sender:
    return Sender(known)


def test_every_model_has_quirks_that_somebody_thought_of(known: Catalogue) -> None:
    assert [model.name for model in known.models.values() if not model.profile] == []
    used = {p for kind in (known.models, known.hosts, known.offers) for p in (row.profile for row in kind.values())}
    below = {name for profile in known.profiles.values() for name in (*profile.layers, *profile.over)}
    assert set(known.profiles) <= used | below


def test_every_engine_writes_every_request(known: Catalogue) -> None:
    asked = Request(
        "",
        AFTER_TOOLS,
        (TOOL,),
        ToolChoice("required"),
        sampling=Sampling(temperature=0.3, top_p=0.5, max_tokens=3000, seed=1),
        thinking=Thinking(effort="high"),
        user="u",
    )
    for engine in known.engines():
        for dialect in (engine.host.dialect, *engine.host.speaks):
            profile = known.profile(engine, dialect)
            assert profile == engine.profile_in(dialect)
            body, _ = dialects.get(dialect).write_request(asked, profile)
            assert json.loads(body)


@pytest.mark.parametrize("name", ["mistral-large-3@vllm", "qwen3-32b@sglang"])
def test_pitfall_05_some_take_one_system_text_first(send: Sender, name: str) -> None:
    said = (
        Message("system", (TextPart("a"),)),
        Message("developer", (TextPart("b"),)),
        *HELLO,
        Message("system", (TextPart("c"),)),
    )
    body, lost = send(name, messages=said)
    assert [(m["role"], m["content"]) for m in body["messages"]] == [
        ("system", "a\n\nb"),
        ("user", "Hello"),
        ("user", "c"),
    ]
    assert lost == {"messages[3].role": "medium"}


def test_pitfall_06_mistral_takes_ids_of_nine_characters(send: Sender) -> None:
    body, _ = send("mistral-large-3@mistral", messages=AFTER_TOOLS)
    call, result = body["messages"][1]["tool_calls"][0]["id"], body["messages"][2]["tool_call_id"]
    assert call == result
    assert len(call) == 9
    assert call.isalnum()
    body, _ = send("gpt-4o@openai", messages=AFTER_TOOLS)
    assert body["messages"][2]["tool_call_id"] == "call_1"


@pytest.mark.parametrize(
    "name", ["kimi-k2.6@moonshot", "deepseek-v4-pro@deepseek", "deepseek-r1@together", "qwen3-coder-plus@alibaba"]
)
def test_pitfall_07_some_cannot_be_made_to_call_a_tool(send: Sender, name: str) -> None:
    body, lost = send(name, tools=(TOOL,), tool_choice=ToolChoice("required"))
    assert body["tool_choice"] == "auto"
    assert lost["tool_choice"] == "medium"
    assert send("glm-5.2@zai", tools=(TOOL,), tool_choice=ToolChoice("required"))[0]["tool_choice"] == "required"


def test_pitfall_08_claude_cannot_think_where_a_tool_is_forced(send: Sender) -> None:
    forced: dict[str, Any] = {
        "tools": (TOOL,),
        "tool_choice": ToolChoice("required"),
        "thinking": Thinking(budget=2000),
    }
    body, lost = send("claude-sonnet-4-5@anthropic", **forced)
    assert body["tool_choice"]["type"] == "any"
    assert body.get("thinking", {}).get("type") != "enabled"
    assert lost["thinking"] == "medium"
    body, _ = send("claude-opus-4-8@anthropic", **forced)
    assert (body["tool_choice"]["type"], body["thinking"]["type"]) == ("any", "adaptive")
    body, lost = send("claude-fable-5@anthropic", **forced)
    assert body["tool_choice"]["type"] == "auto"
    assert lost["tool_choice"] == "medium"


@pytest.mark.parametrize("name", ["deepseek-v4-flash@deepseek", "kimi-k2.5@moonshot", "kimi-k3@moonshot"])
def test_pitfall_15_and_16_some_want_their_thinking_back_where_they_called_tools(send: Sender, name: str) -> None:
    body, _ = send(name, messages=AFTER_TOOLS)
    assert isinstance(body["messages"][1]["reasoning_content"], str)
    assert "reasoning_content" not in send("gpt-4o@openai", messages=AFTER_TOOLS)[0]["messages"][1]


def test_pitfall_15_the_first_reasoner_must_not_see_it(send: Sender) -> None:
    talk = (*HELLO, Message("assistant", (ReasoningPart("hm"), TextPart("Hi"))), *HELLO)
    assert "hm" not in json.dumps(send("deepseek-r1@together", messages=talk)[0])
    assert "hm" in json.dumps(send("deepseek-v4-pro@deepseek", messages=talk)[0])


def test_pitfall_17_kimi_is_switched_by_an_object_and_later_by_levels(send: Sender) -> None:
    off = Thinking(effort="none")
    body, lost = send("kimi-k2.5@moonshot", thinking=off)
    assert body["thinking"] == {"type": "disabled"}
    assert lost == {}
    body, lost = send("kimi-k3@moonshot", thinking=off)
    assert body["reasoning_effort"] == "low"
    assert lost == {"thinking": "medium"}
    assert send("kimi-k3@moonshot", thinking=Thinking(effort="medium"))[0]["reasoning_effort"] == "high"


def test_pitfall_18_glm_is_switched_and_the_latest_cannot_be_switched_off(send: Sender) -> None:
    body, lost = send("glm-5@zai", thinking=Thinking(effort="none"))
    assert (body["thinking"], lost) == ({"type": "disabled"}, {})
    body, lost = send("glm-5.2@zai", thinking=Thinking(effort="medium"))
    assert (body["thinking"], body["reasoning_effort"], lost) == ({"type": "enabled"}, "medium", {})
    asked: Effort
    for asked, level in (("none", "low"), ("minimal", "low"), ("medium", "high"), ("xhigh", "max"), ("max", "max")):
        body, lost = send("glm-5.3@zai", thinking=Thinking(effort=asked))
        assert body["reasoning_effort"] == level
        assert "thinking" not in body
        assert ("thinking" in lost) is (asked != level)
    body, _ = send("glm-5@vllm", thinking=Thinking(effort="none"))
    assert body["chat_template_kwargs"] == {"enable_thinking": False}


def test_pitfall_19_the_first_qwen3_think_only_in_streams(send: Sender) -> None:
    body, lost = send("qwen3-32b@alibaba")
    assert (body["enable_thinking"], lost) == (False, {})
    assert "enable_thinking" not in send("qwen3-32b@alibaba", stream=True)[0]
    body, lost = send("qwen3-32b@alibaba", thinking=Thinking(budget=3000))
    assert body["enable_thinking"] is False
    assert "thinking_budget" not in body
    assert "enable_thinking" in lost
    body, lost = send("qwen3-32b@alibaba", thinking=Thinking(effort="low"), stream=True)
    assert (body["enable_thinking"], body["thinking_budget"]) == (True, 2048)
    assert "reasoning_effort" not in body
    assert "thinking" not in lost
    assert "enable_thinking" not in send("qwen3.8-max@alibaba")[0]


def test_pitfall_20_a_budget_a_level_or_neither(send: Sender) -> None:
    budget, level = Thinking(budget=5000), Thinking(effort="high")
    body, lost = send("claude-opus-4-7@anthropic", thinking=budget)
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"]["effort"] == "medium"
    assert lost["thinking"] == "low"
    body, lost = send("claude-sonnet-5@anthropic", thinking=level)
    assert (body["thinking"], body["output_config"]["effort"]) == ({"type": "adaptive"}, "high")
    assert "thinking" not in lost
    body, _ = send("claude-haiku-4-5@anthropic", thinking=level)
    assert body["thinking"] == {"type": "enabled", "budget_tokens": 16384}
    config = send("gemini-2.5-flash@google", thinking=level)[0]["generationConfig"]["thinkingConfig"]
    assert config == {"thinkingBudget": 16384}
    config = send("gemini-3.1-pro-preview@google", thinking=budget)[0]["generationConfig"]["thinkingConfig"]
    assert config == {"thinkingLevel": "MEDIUM"}
    body, lost = send("gemini-2.5-pro@google", thinking=Thinking(effort="none"))
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 128}
    assert lost["thinking"] == "medium"
    body, lost = send("gemini-2.5-flash-lite@google", thinking=Thinking(effort="none"))
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}
    assert "thinking" not in lost


def test_pitfall_22_sampling_while_the_model_reasons(send: Sender) -> None:
    hot = Sampling(temperature=0.3, top_p=0.5)
    body, lost = send("gpt-5@openai", sampling=hot)
    assert not {"temperature", "top_p"} & body.keys()
    assert lost == {"temperature": "medium", "top_p": "medium"}
    assert send("gpt-5.1@openai", sampling=hot)[0]["temperature"] == 0.3
    assert "temperature" not in send("gpt-5.1@openai", sampling=hot, thinking=Thinking(effort="low"))[0]
    assert "temperature" not in send("gpt-5.5@openai", sampling=hot)[0]
    body, _ = send("gpt-5.5@openai", sampling=hot, thinking=Thinking(effort="none"))
    assert (body["temperature"], body["reasoning_effort"]) == (0.3, "none")
    assert "temperature" not in send("gpt-5.5@openai", "openai-responses", sampling=hot)[0]
    body, _ = send("gpt-5.2@openai", "openai-responses", sampling=hot, thinking=Thinking(effort="xhigh"))
    assert body["reasoning"]["effort"] == "xhigh"
    assert "temperature" not in body
    assert not {"temperature", "top_p"} & send("claude-opus-5@anthropic", sampling=hot)[0].keys()
    assert "temperature" not in send("kimi-k2.6@moonshot", sampling=hot)[0]
    assert send("kimi-k2.6@together", sampling=hot)[0]["temperature"] == 0.3
    body, _ = send("claude-sonnet-4-5@anthropic", sampling=hot)
    assert (body["temperature"], "top_p" in body) == (0.3, False)
    body, _ = send("claude-sonnet-4-5@anthropic", sampling=Sampling(temperature=0.3), thinking=Thinking(budget=2000))
    assert body["temperature"] == 1


def test_pitfall_23_the_name_of_the_limit(send: Sender) -> None:
    limit = Sampling(max_tokens=50)
    assert send("gpt-5@openai", sampling=limit)[0]["max_completion_tokens"] == 50
    for name in ("glm-5.2@zai", "mistral-large-3@mistral", "claude-opus-4-8@anthropic", "gpt-5@openrouter"):
        assert send(name, sampling=limit)[0]["max_tokens"] == 50


def test_a_limit_that_is_demanded_is_the_models_own(send: Sender) -> None:
    body, lost = send("claude-haiku-4-5@anthropic")
    assert body["max_tokens"] == 64000
    assert lost == {"max_tokens": "low"}


def test_pitfall_24_strict_schemas_at_openai_and_elsewhere(send: Sender) -> None:
    optional = {**SCHEMA, "required": [], "additionalProperties": False}
    strict = (Tool("weather", schema=optional, strict=True),)
    function = send("gpt-4o@openai", tools=strict)[0]["tools"][0]["function"]
    assert function["parameters"] == optional
    assert not function.get("strict")
    function = send("llama-3.3-70b@vllm", tools=strict)[0]["tools"][0]["function"]
    assert (function["parameters"], function["strict"]) == (optional, True)
    assert "strict" not in send("kimi-k2.6@moonshot", tools=strict)[0]["tools"][0]["function"]


def test_a_schema_that_the_engine_cannot_be_held_to_is_told(send: Sender) -> None:
    body, lost = send("deepseek-v4-pro@deepseek", response_format=ResponseFormat("json_schema", "a", SCHEMA))
    assert body["response_format"] == {"type": "json_object"}
    assert lost["response_format"] == "high"


def test_pitfall_26_the_hosts_own_tools_beside_functions(send: Sender) -> None:
    search = Tool("", opaque=OpaquePart("gemini-generate", {"googleSearch": {}}))
    body, lost = send("gemini-2.5-flash@google", tools=(TOOL, search))
    assert [list(tool) for tool in body["tools"]] == [["functionDeclarations"]]
    assert lost["tools.googleSearch"] == "high"
    for name, tools in (("gemini-3-flash-preview@google", (TOOL, search)), ("gemini-2.5-flash@google", (search,))):
        body, lost = send(name, tools=tools)
        assert any("googleSearch" in tool for tool in body["tools"])
        assert lost == {}


def test_pitfall_14_calls_of_other_engines_get_a_seal_that_says_so(send: Sender) -> None:
    body, _ = send("gemini-3-flash-preview@google", messages=AFTER_TOOLS)
    calls = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
    assert [part["thoughtSignature"] for part in calls] == ["skip_thought_signature_validator"]
    assert "thoughtSignature" not in json.dumps(send("gemini-2.5-flash@google", messages=AFTER_TOOLS)[0])


def test_pitfall_28_files_that_a_host_does_not_take(send: Sender) -> None:
    by_url = (Message("user", (TextPart("a"), FilePart(url="https://x.example/a.pdf", media_type="application/pdf"))),)
    body, lost = send("gpt-4o@openai", messages=by_url)
    assert "a.pdf" not in json.dumps(body)
    assert lost == {"messages[0].parts[1]": "high"}
    whole = (Message("user", (TextPart("a"), FilePart(data="AA==", media_type="application/pdf"))),)
    assert "file" in json.dumps(send("gpt-4o@openai", messages=whole)[0])
    assert send("qwen3.8-max@alibaba", messages=whole)[1] == {"messages[0].parts[1]": "high"}
    image = (Message("user", (TextPart("a"), ImagePart(data="AA==", media_type="image/png"))),)
    assert send("qwen3.8-max@alibaba", messages=image)[1] == {}


def test_a_model_that_does_not_think_says_so(send: Sender) -> None:
    for name in ("gpt-4o@openai", "llama-3.3-70b@groq", "gemma-3-27b@openrouter", "kimi-k2@moonshot"):
        body, lost = send(name, thinking=Thinking(effort="high"))
        assert "effort" not in json.dumps(body)
        assert lost == {"thinking": "medium"}
        assert send(name, thinking=Thinking(effort="none"))[1] == {}


def test_each_kind_of_host_is_asked_in_its_own_words(send: Sender) -> None:
    low = Thinking(effort="low")
    assert send("gpt-oss-120b@groq", thinking=low)[0]["reasoning_effort"] == "low"
    assert send("gpt-oss-120b@openrouter", thinking=low)[0]["reasoning"] == {"effort": "low"}
    assert send("gpt-oss-20b@llamacpp", thinking=low)[0]["chat_template_kwargs"] == {"reasoning_effort": "low"}
    body, _ = send("claude-sonnet-4-5@openrouter", thinking=Thinking(budget=3000))
    assert body["reasoning"] == {"enabled": True, "max_tokens": 3000}
    assert send("deepseek-v4-pro@deepseek", "anthropic-messages", thinking=low)[0]["output_config"] == {"effort": "low"}
    body, _ = send("deepseek-v4-pro@deepseek", "openai-responses", thinking=Thinking(effort="none"))
    assert body["reasoning"]["effort"] == "none"
    assert send("qwen3-32b@groq", thinking=Thinking(enabled=False))[0]["reasoning_effort"] == "none"


def test_issuers_of_seals(known: Catalogue) -> None:
    assert known.engine("claude-opus-4-8@anthropic", {}).issuer == "claude-opus-4-8"
    assert known.engine("gpt-5@openai", {}).issuer == "gpt-5@openai"


def test_nothing_is_changed_that_need_not_be(known: Catalogue) -> None:
    """A plain request goes to most engines as it came."""
    chat = dialects.get("openai-chat")
    body = {"model": "m", "messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}
    request = chat.read_request(json.dumps({**body, "max_tokens": 5, "temperature": 0.5}).encode())
    rewritten = {
        name
        for name in ("glm-5.2@zai", "deepseek-v4-pro@deepseek", "llama-3.3-70b@groq", "mistral-large-3@mistral")
        if chat.needs_rewrite(request, known.engine(name, {}).profile)
    }
    assert rewritten == set()
