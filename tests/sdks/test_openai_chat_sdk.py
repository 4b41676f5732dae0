"""OpenAI's SDK, Chat Completions, against engines of every dialect."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic import BaseModel
from scripted import CITIES, TEXT, TOLD, WEATHER, weather

from weighbridge import dialects

BACKS = pytest.mark.parametrize("back", dialects.NAMES)
TOOLS: list[ChatCompletionToolParam] = [
    {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": WEATHER}}
]
ASKED: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "The weather?"},
]


class Person(BaseModel):
    name: str
    born: int


@pytest.fixture(scope="module")
def client(gateway):
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="k", max_retries=0) as made:
        yield made


@pytest.fixture
async def remote(gateway):
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k", max_retries=0) as made:
        yield made


@BACKS
def test_text(client: openai.OpenAI, back: str) -> None:
    reply = client.chat.completions.create(model=f"to-{back}", messages=ASKED)
    assert reply.choices[0].message.content == TEXT
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.completion_tokens == 7


@BACKS
async def test_text_async(remote: openai.AsyncOpenAI, back: str) -> None:
    reply = await remote.chat.completions.create(model=f"to-{back}", messages=ASKED)
    assert reply.choices[0].message.content == TEXT


@BACKS
def test_stream(client: openai.OpenAI, back: str) -> None:
    chunks = list(
        client.chat.completions.create(
            model=f"to-{back}", messages=ASKED, stream=True, stream_options={"include_usage": True}
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == TEXT
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == 7


@BACKS
async def test_stream_async(remote: openai.AsyncOpenAI, back: str) -> None:
    stream = await remote.chat.completions.create(model=f"to-{back}", messages=ASKED, stream=True)
    assert "".join([c.choices[0].delta.content or "" async for c in stream if c.choices]) == TEXT


def answered(message: Any) -> list[ChatCompletionMessageParam]:
    """The conversation after the tools were run."""
    cities = [json.loads(call.function.arguments)["city"] for call in message.tool_calls]
    assert tuple(cities) == CITIES
    results: list[ChatCompletionMessageParam] = [
        {"role": "tool", "tool_call_id": call.id, "content": weather(city)}
        for call, city in zip(message.tool_calls, cities, strict=True)
    ]
    return [*ASKED, message.model_dump(exclude_none=True), *results]


@BACKS
def test_tools_over_two_turns(client: openai.OpenAI, back: str) -> None:
    first = client.chat.completions.create(model=f"to-{back}", messages=ASKED, tools=TOOLS)
    assert first.choices[0].finish_reason == "tool_calls"
    second = client.chat.completions.create(
        model=f"to-{back}", messages=answered(first.choices[0].message), tools=TOOLS
    )
    assert second.choices[0].message.content == TOLD


@BACKS
def test_tools_over_two_turns_streamed(client: openai.OpenAI, back: str) -> None:
    with client.chat.completions.stream(model=f"to-{back}", messages=ASKED, tools=TOOLS) as stream:
        stream.until_done()
        message = stream.get_final_completion().choices[0].message
    with client.chat.completions.stream(model=f"to-{back}", messages=answered(message), tools=TOOLS) as stream:
        stream.until_done()
        assert stream.get_final_completion().choices[0].message.content == TOLD


@BACKS
async def test_tools_over_two_turns_async(remote: openai.AsyncOpenAI, back: str) -> None:
    first = await remote.chat.completions.create(model=f"to-{back}", messages=ASKED, tools=TOOLS)
    again = await remote.chat.completions.create(
        model=f"to-{back}", messages=answered(first.choices[0].message), tools=TOOLS
    )
    assert again.choices[0].message.content == TOLD


@BACKS
def test_structured_output(client: openai.OpenAI, back: str) -> None:
    reply = client.chat.completions.parse(model=f"to-{back}", messages=ASKED, response_format=Person)
    assert reply.choices[0].message.parsed == Person(name="Ada", born=1815)


@BACKS
async def test_structured_output_streamed_async(remote: openai.AsyncOpenAI, back: str) -> None:
    async with remote.chat.completions.stream(model=f"to-{back}", messages=ASKED, response_format=Person) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.parsed == Person(name="Ada", born=1815)


def test_errors_are_the_sdks_own(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as error:
        client.chat.completions.create(model="nowhere", messages=ASKED)
    assert error.value.code == "unknown_route"
    assert "to-openai-chat" in [model.id for model in client.models.list()]
