"""OpenAI's SDK, Responses, against engines of every dialect."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam
from pydantic import BaseModel
from scripted import CITIES, TEXT, TOLD, WEATHER, weather

from weighbridge import dialects

BACKS = pytest.mark.parametrize("back", dialects.NAMES)
TOOLS: list[FunctionToolParam] = [
    {"type": "function", "name": "weather", "description": "The weather.", "parameters": WEATHER, "strict": True}
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


def outputs(reply: Any) -> list[Any]:
    """What the tools answer."""
    calls = [item for item in reply.output if item.type == "function_call"]
    cities = [json.loads(call.arguments)["city"] for call in calls]
    assert tuple(cities) == CITIES
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": weather(city)}
        for call, city in zip(calls, cities, strict=True)
    ]


@BACKS
def test_text(client: openai.OpenAI, back: str) -> None:
    reply = client.responses.create(model=f"to-{back}", input="Hello?", instructions="Be brief.")
    assert reply.output_text == TEXT
    assert reply.status == "completed"
    assert reply.usage is not None
    assert reply.usage.output_tokens == 7


@BACKS
async def test_text_async(remote: openai.AsyncOpenAI, back: str) -> None:
    assert (await remote.responses.create(model=f"to-{back}", input="Hello?")).output_text == TEXT


@BACKS
def test_stream(client: openai.OpenAI, back: str) -> None:
    events = list(client.responses.create(model=f"to-{back}", input="Hello?", stream=True))
    assert events[0].type == "response.created"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == TEXT
    assert [e.sequence_number for e in events] == sorted({e.sequence_number for e in events})


@BACKS
async def test_stream_async(remote: openai.AsyncOpenAI, back: str) -> None:
    async with remote.responses.stream(model=f"to-{back}", input="Hello?") as stream:
        assert (await stream.get_final_response()).output_text == TEXT


@BACKS
def test_tools_over_two_turns(client: openai.OpenAI, back: str) -> None:
    asked: list[Any] = [{"role": "user", "content": "The weather?"}]
    first = client.responses.create(model=f"to-{back}", input=asked, tools=TOOLS, store=False)
    again = [*asked, *(item.model_dump(exclude_none=True) for item in first.output), *outputs(first)]
    second = client.responses.create(model=f"to-{back}", input=again, tools=TOOLS, store=False)
    assert second.output_text == TOLD


@BACKS
def test_tools_over_two_turns_by_the_earlier_answers_id(client: openai.OpenAI, back: str) -> None:
    first = client.responses.create(model=f"to-{back}", input="The weather?", tools=TOOLS)
    second = client.responses.create(
        model=f"to-{back}", previous_response_id=first.id, input=outputs(first), tools=TOOLS
    )
    assert second.output_text == TOLD
    assert client.responses.retrieve(second.id).output_text == TOLD
    client.responses.delete(second.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(second.id)


@BACKS
async def test_tools_over_two_turns_streamed_async(remote: openai.AsyncOpenAI, back: str) -> None:
    async with remote.responses.stream(model=f"to-{back}", input="The weather?", tools=TOOLS) as stream:
        first = await stream.get_final_response()
    async with remote.responses.stream(
        model=f"to-{back}", previous_response_id=first.id, input=outputs(first), tools=TOOLS
    ) as stream:
        assert (await stream.get_final_response()).output_text == TOLD


@BACKS
def test_structured_output(client: openai.OpenAI, back: str) -> None:
    reply = client.responses.parse(model=f"to-{back}", input="Who?", text_format=Person)
    assert reply.output_parsed == Person(name="Ada", born=1815)


@BACKS
async def test_structured_output_streamed_async(remote: openai.AsyncOpenAI, back: str) -> None:
    async with remote.responses.stream(model=f"to-{back}", input="Who?", text_format=Person) as stream:
        assert (await stream.get_final_response()).output_parsed == Person(name="Ada", born=1815)


def test_errors_are_the_sdks_own(client: openai.OpenAI) -> None:
    with pytest.raises((openai.BadRequestError, openai.NotFoundError)) as error:
        client.responses.create(model="nowhere", input="x")
    assert "nowhere" in error.value.message
