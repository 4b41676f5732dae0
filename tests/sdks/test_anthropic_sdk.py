"""Anthropic's SDK against engines of every dialect."""

from __future__ import annotations

from typing import Any

import anthropic
import pytest
from anthropic.types import MessageParam, ToolParam
from pydantic import BaseModel
from scripted import CITIES, TEXT, TOLD, WEATHER, weather

from weighbridge import dialects

BACKS = pytest.mark.parametrize("back", dialects.NAMES)
TOOLS: list[ToolParam] = [{"name": "weather", "description": "The weather.", "input_schema": WEATHER}]
ASKED: list[MessageParam] = [{"role": "user", "content": "The weather?"}]


class Person(BaseModel):
    name: str
    born: int


@pytest.fixture(scope="module")
def client(gateway):
    with anthropic.Anthropic(base_url=gateway.url, api_key="k", max_retries=0) as made:
        yield made


@pytest.fixture
async def remote(gateway):
    async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="k", max_retries=0) as made:
        yield made


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def answered(message: Any) -> list[MessageParam]:
    """The conversation after the tools were run."""
    calls = [block for block in message.content if block.type == "tool_use"]
    assert tuple(call.input["city"] for call in calls) == CITIES
    results: Any = [
        {"type": "tool_result", "tool_use_id": call.id, "content": weather(call.input["city"])} for call in calls
    ]
    said: Any = [block.model_dump(exclude_none=True) for block in message.content]
    return [*ASKED, {"role": "assistant", "content": said}, {"role": "user", "content": results}]


@BACKS
def test_text(client: anthropic.Anthropic, back: str) -> None:
    reply = client.messages.create(model=f"to-{back}", max_tokens=99, system="Be brief.", messages=ASKED)
    assert text_of(reply) == TEXT
    assert reply.stop_reason == "end_turn"
    assert reply.usage.output_tokens == 7


@BACKS
async def test_text_async(remote: anthropic.AsyncAnthropic, back: str) -> None:
    assert text_of(await remote.messages.create(model=f"to-{back}", max_tokens=99, messages=ASKED)) == TEXT


@BACKS
def test_stream(client: anthropic.Anthropic, back: str) -> None:
    with client.messages.stream(model=f"to-{back}", max_tokens=99, messages=ASKED) as stream:
        assert "".join(stream.text_stream) == TEXT
        final = stream.get_final_message()
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens == 7


@BACKS
async def test_stream_async(remote: anthropic.AsyncAnthropic, back: str) -> None:
    async with remote.messages.stream(model=f"to-{back}", max_tokens=99, messages=ASKED) as stream:
        assert text_of(await stream.get_final_message()) == TEXT


@BACKS
def test_tools_over_two_turns(client: anthropic.Anthropic, back: str) -> None:
    first = client.messages.create(model=f"to-{back}", max_tokens=99, messages=ASKED, tools=TOOLS)
    assert first.stop_reason == "tool_use"
    second = client.messages.create(model=f"to-{back}", max_tokens=99, messages=answered(first), tools=TOOLS)
    assert text_of(second) == TOLD


@BACKS
async def test_tools_over_two_turns_streamed_async(remote: anthropic.AsyncAnthropic, back: str) -> None:
    async with remote.messages.stream(model=f"to-{back}", max_tokens=99, messages=ASKED, tools=TOOLS) as stream:
        first = await stream.get_final_message()
    async with remote.messages.stream(
        model=f"to-{back}", max_tokens=99, messages=answered(first), tools=TOOLS
    ) as stream:
        assert text_of(await stream.get_final_message()) == TOLD


@BACKS
def test_structured_output(client: anthropic.Anthropic, back: str) -> None:
    reply = client.messages.parse(model=f"to-{back}", max_tokens=99, messages=ASKED, output_format=Person)
    assert reply.parsed_output == Person(name="Ada", born=1815)


@BACKS
def test_tokens_are_counted(client: anthropic.Anthropic, back: str) -> None:
    assert client.messages.count_tokens(model=f"to-{back}", messages=ASKED).input_tokens > 0


def test_errors_are_the_sdks_own(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError) as error:
        client.messages.create(model="nowhere", max_tokens=9, messages=ASKED)
    assert "nowhere" in error.value.message
    assert "to-anthropic-messages" in [model.id for model in client.models.list()]
