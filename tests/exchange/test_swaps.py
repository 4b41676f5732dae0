"""Reasoning that survives a swap, over the whole road: clients of one dialect, back ends of several that say their lines."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scripts import Speaker, Theatre, engine, streamed

from weighbridge import dialects
from weighbridge.canon import Blob, Choice, Part, Policy, ReasoningPart, Reply, Route, TextPart, ToolCallPart, Usage
from weighbridge.exchange import StreamedAnswer
from weighbridge.exchange.screen import PolicyScreen
from weighbridge.store.keepsakes import Keepsakes

CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"
ALL = (CHAT, RESPONSES, ANTHROPIC, GEMINI)

CLAUDE = engine("claude@anthropic", ANTHROPIC)
GLM = engine("glm@zai", CHAT)
DEEPSEEK = engine("v4@deepseek", CHAT, replay="tools")
KIMI = engine("kimi@moonshot", ANTHROPIC)
GPT = engine("gpt@openai", RESPONSES)
GEM = engine("gem@google", GEMINI, blank_seal="skip_thought_signature_validator")

TOOLS: dict[str, Any] = {
    CHAT: {"tools": [{"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}]},
    RESPONSES: {"tools": [{"type": "function", "name": "ls", "parameters": {"type": "object"}}]},
    ANTHROPIC: {"tools": [{"name": "ls", "input_schema": {"type": "object"}}]},
    GEMINI: {"tools": [{"functionDeclarations": [{"name": "ls", "parameters": {"type": "object"}}]}]},
}


@pytest.fixture
def theatre() -> Theatre:
    return Theatre(CLAUDE, GLM, DEEPSEEK, KIMI, GPT, GEM)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Any]:
    """Opens the same file once more, as each worker does."""
    with contextlib.ExitStack() as stack:

        def opened() -> Keepsakes:
            kept = Keepsakes(tmp_path / "keepsakes.db", seconds=1e6, max_bytes=10**8, now=time.time)
            stack.callback(kept.close)
            return kept

        yield opened


def reply(*parts: Part, finish: str = "") -> Reply:
    calls = any(isinstance(part, ToolCallPart) for part in parts)
    return Reply((Choice(parts, finish or ("tool_calls" if calls else "stop")),), Usage(input=10, output=5))  # type: ignore[arg-type]  # a test's word


def sealed(text: str, data: str, issuer: str = ANTHROPIC, kind: str = "signature", item: str = "") -> ReasoningPart:
    return ReasoningPart(text, (Blob(issuer, data, kind, item),))


def call(number: int, *blobs: Blob) -> ToolCallPart:
    return ToolCallPart(f"call_{number:012d}", "ls", f'{{"path":"/{number}"}}', blobs=blobs)


def thinking(message: Any) -> list[Any]:
    """The blocks of thinking of an Anthropic message."""
    return [b for b in message["content"] if b["type"] in ("thinking", "redacted_thinking")]


def turns(body: Any) -> list[Any]:
    """The assistant's messages of a request, in Anthropic's dialect or Chat's."""
    return [m for m in body["messages"] if m["role"] == "assistant"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("front", ALL)
async def test_pitfall_11_claude_then_glm_then_claude(theatre, shelf, front, forgets, stream) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), front, forgets=forgets, **TOOLS[front])
    signed = sealed("I look first.", "U2lnbmVkQnlDbGF1ZGU=")
    theatre.answer("claude@anthropic", reply(signed, TextPart("Looking."), call(1)), stream=stream)
    theatre.answer("glm@zai", reply(ReasoningPart("GLM thinks."), TextPart("More."), call(2)), stream=stream)
    theatre.answer("claude@anthropic", reply(sealed("Now I know.", "U2Vjb25k"), TextPart("Done.")), stream=stream)
    theatre.answer("claude@anthropic", reply(TextPart("Bye.")), stream=stream)
    one.user("List the files.")
    first = await one.ask("claude@anthropic", stream=stream)
    one.results((first.choices[0].tool_calls[0].id, "ls", "a"))
    second = await one.ask("glm@zai", stream=stream)
    seen = theatre.stage.seen[1].body
    assert b"U2lnbmVk" not in seen  # no seal of Claude's for GLM
    one.results((second.choices[0].tool_calls[0].id, "ls", "b"))
    third = await one.ask("claude@anthropic", stream=stream)
    assert third.text == "Done."
    claude_s, glm_s = turns(theatre.stage.last)
    assert claude_s["content"][0] == {
        "type": "thinking",
        "thinking": "I look first.",
        "signature": "U2lnbmVkQnlDbGF1ZGU=",
    }
    assert [b["type"] for b in claude_s["content"]] == ["thinking", "text", "tool_use"]
    assert thinking(glm_s) == []
    one.user("Thanks.")
    await one.ask("claude@anthropic", stream=stream)
    *_, last = turns(theatre.stage.last)
    assert thinking(last) == [{"type": "thinking", "thinking": "Now I know.", "signature": "U2Vjb25k"}]


async def test_pitfall_11_a_foreign_seal_never_passes_on_the_fast_lane(theatre, shelf) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), ANTHROPIC, **TOOLS[ANTHROPIC])
    theatre.answer("kimi@moonshot", reply(sealed("Kimi thinks.", "S2ltaQ=="), TextPart("Hm."), call(1)))
    theatre.answer("claude@anthropic", reply(TextPart("Yes.")))
    one.user("hi")
    first = await one.ask("kimi@moonshot")
    assert first.choices[0].parts[0] == sealed("Kimi thinks.", "S2ltaQ==")  # the client saw it
    one.results((first.choices[0].tool_calls[0].id, "ls", "a"))
    await one.ask("claude@anthropic")
    assert b"S2ltaQ==" not in theatre.stage.seen[-1].body
    assert thinking(turns(theatre.stage.last)[0]) == []
    assert any(loss.severity == "low" for loss in one.last.losses)


@pytest.mark.parametrize("stream", [False, True])
async def test_pitfall_11_thinking_without_a_seal_from_a_chat_engine_is_nothing_for_claude(
    theatre, shelf, stream
) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), ANTHROPIC, **TOOLS[ANTHROPIC])
    theatre.answer("glm@zai", reply(ReasoningPart("GLM thinks."), call(1)), stream=stream)
    theatre.answer("claude@anthropic", reply(TextPart("Yes.")), stream=stream)
    one.user("hi")
    first = await one.ask("glm@zai", stream=stream)
    assert first.choices[0].parts[0].text == "GLM thinks."  # type: ignore[union-attr]
    one.results((first.choices[0].tool_calls[0].id, "ls", "a"))
    await one.ask("claude@anthropic", stream=stream)
    assert thinking(turns(theatre.stage.last)[0]) == []


@pytest.mark.parametrize("front", ALL)
async def test_pitfall_12_redacted_and_empty_signed_thinking_come_back(theatre, shelf, front) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), front, forgets=True, **TOOLS[front])
    theatre.answer(
        "claude@anthropic", reply(sealed("", "ZW1wdHk="), sealed("", "cmVkYWN0ZWQ=", kind="redacted"), call(1))
    )
    theatre.answer("claude@anthropic", reply(TextPart("Yes.")))
    one.user("hi")
    first = await one.ask("claude@anthropic")
    one.results((first.choices[0].tool_calls[0].id, "ls", "a"))
    await one.ask("claude@anthropic")
    assert thinking(turns(theatre.stage.last)[0]) == [
        {"type": "thinking", "thinking": "", "signature": "ZW1wdHk="},
        {"type": "redacted_thinking", "data": "cmVkYWN0ZWQ="},
    ]


async def test_pitfall_13_a_turn_that_used_tools_begins_with_its_thinking(theatre, shelf) -> None:
    options = {**TOOLS[CHAT], "reasoning_effort": "high"}
    one = Speaker(theatre.road(keepsakes=shelf()), CHAT, forgets=True, **options)
    theatre.answer("claude@anthropic", reply(sealed("Hm.", "c2VhbA=="), TextPart("Looking."), call(1)))
    theatre.answer("claude@anthropic", reply(TextPart("Yes.")))
    one.user("hi")
    first = await one.ask("claude@anthropic")
    one.history[-1]["content"] = "The client changed these words."
    one.results((first.choices[0].tool_calls[0].id, "ls", "a"))
    await one.ask("claude@anthropic")
    (turn,) = turns(theatre.stage.last)
    assert turn["content"][0]["type"] == "thinking"
    assert theatre.stage.last["thinking"]["type"] == "enabled"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", ALL)
async def test_pitfall_14_gemini_s_seals_stay_in_their_parts_also_with_parallel_calls(
    theatre, shelf, front, stream
) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), front, forgets=True, **TOOLS[front])
    seal = Blob(GEMINI, "R2VtaW5pU2VhbA==", "signature")
    theatre.answer("gem@google", reply(TextPart("Both."), call(1, seal), call(2)), stream=stream)
    theatre.answer("glm@zai", reply(call(3)), stream=stream)
    theatre.answer("gem@google", reply(TextPart("Done.")), stream=stream)
    one.user("hi")
    first = await one.ask("gem@google", stream=stream)
    one.results(*((c.id, "ls", "x") for c in first.choices[0].tool_calls))
    second = await one.ask("glm@zai", stream=stream)
    assert b"R2VtaW5p" not in theatre.stage.seen[-1].body
    one.results((second.choices[0].tool_calls[0].id, "ls", "y"))
    await one.ask("gem@google", stream=stream)
    mine, foreign = [c["parts"] for c in theatre.stage.last["contents"] if c["role"] == "model"]
    calls = [part for part in mine if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in calls] == ["R2VtaW5pU2VhbA==", None]
    assert [part["functionCall"]["args"] for part in calls] == [{"path": "/1"}, {"path": "/2"}]
    assert [p["thoughtSignature"] for p in foreign if "functionCall" in p] == ["skip_thought_signature_validator"]


@pytest.mark.parametrize("forgets", [False, True])
async def test_pitfall_14_a_wire_without_ids_of_calls_loses_no_seal(theatre, shelf, forgets) -> None:
    """Google's own answers name no ids: the turn is known by what it says."""
    one = Speaker(theatre.road(keepsakes=shelf()), GEMINI, forgets=forgets, **TOOLS[GEMINI])
    calls = [{"functionCall": {"name": "ls", "args": {"path": path}}} for path in ("/1", "/2")]
    parts = [{"text": "Both."}, {**calls[0], "thoughtSignature": "R2VtaW5pU2VhbA=="}, calls[1]]
    told = {"candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}]}
    answers = {"role": "user", "parts": [{"functionResponse": {"name": "ls", "response": {"output": "x"}}}] * 2}
    one.user("hi")
    for name in ("gem@google", "glm@zai", "gem@google"):
        theatre.line("google", told) if name == "gem@google" else theatre.answer(name, reply(call(3)))
        await one.ask(name)
        if name == "glm@zai":
            one.results((call(3).id, "ls", "y"))
        else:
            one.history.append(answers)
    first, second = (c["parts"] for c in theatre.stage.last["contents"] if c["role"] == "model")
    assert first == parts
    assert b"R2VtaW5p" not in theatre.stage.seen[1].body
    assert [p["thoughtSignature"] for p in second if "functionCall" in p] == ["skip_thought_signature_validator"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", ALL)
async def test_pitfall_15_deepseek_gets_its_thinking_back_whatever_the_client_speaks(
    theatre, shelf, front, stream
) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), front, forgets=True, **TOOLS[front])
    theatre.answer("v4@deepseek", reply(ReasoningPart("First the files."), call(1)), stream=stream)
    theatre.answer("v4@deepseek", reply(ReasoningPart("Then those."), TextPart("I see."), call(2)), stream=stream)
    theatre.answer("v4@deepseek", reply(TextPart("Done.")), stream=stream)
    one.user("hi")
    for number in (1, 2):
        told = await one.ask("v4@deepseek", stream=stream)
        one.results((told.choices[0].tool_calls[0].id, "ls", str(number)))
    await one.ask("v4@deepseek", stream=stream)
    assert [m["reasoning_content"] for m in turns(theatre.stage.last)] == ["First the files.", "Then those."]


async def test_pitfall_16_an_engine_that_demands_thinking_gets_it_for_turns_of_another_too(theatre, shelf) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), CHAT, forgets=True, **TOOLS[CHAT])
    theatre.answer("claude@anthropic", reply(sealed("Claude thinks.", "c2VhbA=="), call(1)))
    theatre.answer("v4@deepseek", reply(TextPart("Done.")))
    one.user("hi")
    told = await one.ask("claude@anthropic")
    one.results((told.choices[0].tool_calls[0].id, "ls", "a"))
    await one.ask("v4@deepseek")
    assert turns(theatre.stage.last)[0]["reasoning_content"] == "Claude thinks."
    assert b"c2VhbA==" not in theatre.stage.seen[-1].body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", ALL)
async def test_pitfall_21_sealed_items_keep_their_ids(theatre, shelf, front, stream) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), front, forgets=True, **TOOLS[front])
    item = sealed("", "Z0FBQUFB", RESPONSES, "encrypted", "rs_0123456789")
    theatre.answer("gpt@openai", reply(item, call(1)), stream=stream)
    theatre.answer("claude@anthropic", reply(sealed("Hm.", "c2VhbA=="), call(2)), stream=stream)
    theatre.answer("gpt@openai", reply(TextPart("Done.")), stream=stream)
    one.user("hi")
    for name in ("gpt@openai", "claude@anthropic"):
        told = await one.ask(name, stream=stream)
        one.results((told.choices[0].tool_calls[0].id, "ls", "a"))
    assert b"Z0FBQUFB" not in theatre.stage.seen[1].body
    await one.ask("gpt@openai", stream=stream)
    (sent,) = [i for i in theatre.stage.last["input"] if i.get("type") == "reasoning" and i.get("encrypted_content")]
    assert (sent["id"], sent["encrypted_content"]) == ("rs_0123456789", "Z0FBQUFB")
    assert b"c2VhbA==" not in theatre.stage.seen[-1].body


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_worker_knows_what_this_one_answered(theatre, shelf, stream) -> None:
    roads = [theatre.road(keepsakes=shelf()) for _ in range(3)]
    one = Speaker(roads[0], CHAT, forgets=True, **TOOLS[CHAT])
    one.user("hi")
    for number, road in enumerate(roads, 1):
        one.road = road
        theatre.answer(
            "claude@anthropic", reply(sealed(f"Thought {number}.", f"c2VhbA{number}="), call(number)), stream=stream
        )
        told = await one.ask("claude@anthropic", stream=stream)
        one.results((told.choices[0].tool_calls[0].id, "ls", str(number)))
    theatre.answer("claude@anthropic", reply(TextPart("Done.")))
    one.road = roads[0]
    await one.ask("claude@anthropic")
    found = [thinking(turn)[0]["signature"] for turn in turns(theatre.stage.last)]
    assert found == ["c2VhbA1=", "c2VhbA2=", "c2VhbA3="]


async def test_another_caller_s_thinking_is_never_given_away(theatre, shelf) -> None:
    road = theatre.road(keepsakes=shelf())
    theatre.answer("claude@anthropic", reply(sealed("Ann's secret.", "YW5u"), TextPart("Hello."), call(1)))
    ann = Speaker(road, CHAT, forgets=True, **TOOLS[CHAT])
    ann.user("hi")
    told = await ann.ask("claude@anthropic")
    bob = Speaker(road, CHAT, caller="bob", **TOOLS[CHAT])
    bob.history = [*ann.history]
    bob.results((told.choices[0].tool_calls[0].id, "ls", "a"))
    theatre.answer("claude@anthropic", reply(TextPart("Done.")))
    await bob.ask("claude@anthropic")
    assert b"YW5u" not in theatre.stage.seen[-1].body
    assert b"secret" not in theatre.stage.seen[-1].body


async def test_ids_of_calls_stay_the_same_over_turns_and_swaps(theatre, shelf) -> None:
    """An engine whose ids no other one takes: each request maps them alike, and calls and results stay together."""
    odd = "functions.ls:0"
    one = Speaker(theatre.road(keepsakes=shelf()), CHAT, **TOOLS[CHAT])
    one.user("hi")
    theatre.answer("glm@zai", reply(ToolCallPart(odd, "ls", "{}")))
    told = await one.ask("glm@zai")
    assert told.choices[0].tool_calls[0].id == odd  # the client's dialect takes any
    one.results((odd, "ls", "a"))
    sent = []
    for number in (2, 3):
        theatre.answer("claude@anthropic", reply(sealed("Hm.", "c2VhbA=="), call(number)))
        told = await one.ask("claude@anthropic")
        uses = [b for turn in turns(theatre.stage.last) for b in turn["content"] if b["type"] == "tool_use"]
        results = [
            b
            for m in theatre.stage.last["messages"]
            if isinstance(m["content"], list)
            for b in m["content"]
            if b["type"] == "tool_result"
        ]
        assert [b["id"] for b in uses] == [b["tool_use_id"] for b in results]
        sent.append(uses[0]["id"])
        one.results((told.choices[0].tool_calls[0].id, "ls", "b"))
    assert sent[0] == sent[1] != odd
    theatre.answer("glm@zai", reply(TextPart("Done.")))
    await one.ask("glm@zai")
    assert [m["tool_calls"][0]["id"] for m in turns(theatre.stage.last)] == [odd, *(f"call_{n:012d}" for n in (2, 3))]


async def test_a_client_that_leaves_after_the_turn_was_complete_has_not_lost_its_thinking(theatre, shelf) -> None:
    road = theatre.road(keepsakes=shelf())
    one = Speaker(road, CHAT, forgets=True, **TOOLS[CHAT])
    one.user("hi")
    whole = reply(sealed("Hm.", "c2VhbA=="), TextPart("Looking."), call(1))
    theatre.answer("claude@anthropic", whole, stream=True, chunk=40)
    answer = await road.open(one.call("claude@anthropic", stream=True))
    assert isinstance(answer, StreamedAnswer)
    async for chunk in answer.chunks():
        if b'"finish_reason":"tool_calls"' in chunk:
            break
    await answer.close()
    assert theatre.traces[-1].outcome == "cancelled"
    one.history.append(
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [
                {
                    "id": "call_000000000001",
                    "type": "function",
                    "function": {"name": "ls", "arguments": '{"path":"/1"}'},
                }
            ],
        }
    )
    one.results(("call_000000000001", "ls", "a"))
    theatre.answer("claude@anthropic", reply(TextPart("Done.")))
    await one.ask("claude@anthropic")
    assert thinking(turns(theatre.stage.last)[0]) == [{"type": "thinking", "thinking": "Hm.", "signature": "c2VhbA=="}]


async def test_what_broke_off_in_the_middle_is_not_kept(theatre, shelf) -> None:
    kept = shelf()
    road = theatre.road(keepsakes=kept)
    one = Speaker(road, CHAT)
    one.user("hi")
    body = streamed(dialects.get(ANTHROPIC), reply(sealed("Hm.", "c2VhbA=="), TextPart("Looking.")))
    theatre.line("anthropic", body[: len(body) // 2], chunk=100, breaks=True)
    answer = await road.open(one.call("claude@anthropic", stream=True))
    assert isinstance(answer, StreamedAnswer)
    data = b"".join([chunk async for chunk in answer.chunks()])
    await answer.close()
    assert b'"error"' in data
    assert kept._given == 0


async def test_the_client_that_told_everything_exactly_keeps_the_fast_lane(theatre, shelf) -> None:
    one = Speaker(theatre.road(keepsakes=shelf()), ANTHROPIC, **TOOLS[ANTHROPIC])
    theatre.answer("claude@anthropic", reply(sealed("Hm.", "c2VhbA=="), TextPart("Looking."), call(1)))
    theatre.answer("claude@anthropic", reply(TextPart("Done.")))
    one.user("hi")
    told = await one.ask("claude@anthropic")
    one.results((told.choices[0].tool_calls[0].id, "ls", "a"))
    asked = one.call("claude@anthropic")
    await one.ask("claude@anthropic")
    assert asked.body is not None
    assert theatre.stage.seen[-1].body == asked.body.replace(b'"claude@anthropic"', b'"claude"')


async def test_a_single_turn_asks_no_keepsakes(theatre) -> None:
    class Untouched:
        def put(self, items):
            raise AssertionError

        def get(self, keys):
            raise AssertionError

        async def settle(self):
            raise AssertionError

    road = theatre.road(keepsakes=Untouched())
    for front in (CHAT, ANTHROPIC):
        one = Speaker(road, front)
        one.user("hi")
        theatre.answer("glm@zai", reply(TextPart("Hello.")))
        assert (await one.ask("glm@zai")).text == "Hello."


async def test_a_store_that_is_broken_fails_no_exchange(theatre, tmp_path, caplog) -> None:
    path = tmp_path / "keepsakes.db"
    path.write_bytes(b"a poem, not a database" * 300)
    kept = Keepsakes(path, seconds=1e6, max_bytes=10**7, now=time.time)
    one = Speaker(theatre.road(keepsakes=kept), CHAT, forgets=True, **TOOLS[CHAT])
    one.user("hi")
    for number in (1, 2):
        theatre.answer("claude@anthropic", reply(sealed("Hm.", "c2VhbA=="), call(number)))
        told = await one.ask("claude@anthropic")
        one.results((told.choices[0].tool_calls[0].id, "ls", "a"))
    assert [t.outcome for t in theatre.traces] == ["ok", "ok"]
    assert kept.faults
    await asyncio.to_thread(kept.close)


@pytest.mark.parametrize("front", ALL)
@pytest.mark.parametrize("fallbacks", [(), ("claude@anthropic",)])
async def test_a_turn_with_calls_pending_is_ended_by_who_began_it(theatre, shelf, front, fallbacks) -> None:
    theatre.publish(Route("r", "claude@anthropic"))
    one = Speaker(theatre.road(keepsakes=shelf()), front, forgets=True, **TOOLS[front])
    theatre.answer("claude@anthropic", reply(sealed("I look first.", "Rmlyc3Q="), call(1)))
    theatre.answer("claude@anthropic", reply(TextPart("Two files.")))
    theatre.answer("glm@zai", reply(TextPart("Gladly.")))
    one.user("List the files.")
    first = await one.ask("r")
    theatre.publish(Route("r", "glm@zai", fallbacks))
    one.road = theatre.road(keepsakes=shelf())
    one.results((first.choices[0].tool_calls[0].id, "ls", "a b"))
    assert (await one.ask("r")).text == "Two files."
    one.user("Thanks.")
    assert (await one.ask("r")).text == "Gladly."
    assert [trace.engine for trace in theatre.traces] == ["claude@anthropic"] * 2 + ["glm@zai"]
    assert [trace.plan for trace in theatre.traces] == [2, 3, 3]


@pytest.mark.parametrize("why", ["cut", "policy", "unknown", "no thinking", "down"])
async def test_a_turn_moves_where_it_must_or_may(theatre, shelf, why) -> None:
    theatre.publish(Route("r", "claude@anthropic"))
    one = Speaker(theatre.road(keepsakes=shelf()), CHAT, **TOOLS[CHAT])
    parts = (call(1),) if why == "no thinking" else (sealed("I look first.", "Rmlyc3Q="), call(1))
    theatre.answer("claude@anthropic", reply(*parts))
    if why == "down":
        theatre.line("anthropic", b"{}", 503)
    theatre.answer("glm@zai", reply(TextPart("Gladly.")))
    one.user("List the files.")
    first = await one.ask("r")
    cut = ["claude@anthropic"] if why == "cut" else []
    theatre.publish(Route("r", "glm@zai"), cut=cut)
    refusing = PolicyScreen(time.time, lambda *_: None) if why == "policy" else None
    if refusing is not None:
        theatre.publish(Route("r", "glm@zai", policy=Policy(licences=("mit",))))
        theatre.facts("glm@zai", licence="mit")
    if why == "unknown":
        theatre.forget("claude@anthropic")
    one.road = theatre.road(keepsakes=shelf(), screen=refusing)
    one.results((first.choices[0].tool_calls[0].id, "ls", "a b"))
    assert (await one.ask("r")).text == "Gladly."
