"""Google's SDK against engines of every dialect."""

from __future__ import annotations

from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from pydantic import BaseModel
from scripted import CITIES, TEXT, TOLD, WEATHER, weather

from weighbridge import dialects

# The SDK derives from a class of aiohttp, which warns of that; it is neither ours to do nor to mend.
pytestmark = pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
BACKS = pytest.mark.parametrize("back", dialects.NAMES)
DECLARED = types.FunctionDeclaration(name="weather", description="The weather.", parameters_json_schema=WEATHER)
TOOLS = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[DECLARED])])


class Person(BaseModel):
    name: str
    born: int


SHAPED = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Person)


@pytest.fixture(scope="module")
def client(gateway):
    made = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=gateway.url))
    yield made
    made.close()


@pytest.fixture
async def remote(gateway):
    made = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=gateway.url))
    yield made.aio
    await made.aio.aclose()
    made.close()


def answered(content: Any) -> list[Any]:
    """The conversation after the tools were run."""
    calls = [part.function_call for part in content.parts if part.function_call]
    assert tuple(call.args["city"] for call in calls) == CITIES
    results = [
        types.Part(
            function_response=types.FunctionResponse(
                id=call.id, name=call.name, response={"output": weather(call.args["city"])}
            )
        )
        for call in calls
    ]
    asked = types.Content(role="user", parts=[types.Part(text="The weather?")])
    return [asked, content, types.Content(role="user", parts=results)]


@BACKS
def test_text(client: genai.Client, back: str) -> None:
    config = types.GenerateContentConfig(system_instruction="Be brief.")
    reply = client.models.generate_content(model=f"to-{back}", contents="Hello?", config=config)
    assert reply.text == TEXT
    assert reply.usage_metadata is not None
    assert reply.usage_metadata.candidates_token_count == 7
    assert reply.candidates is not None
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP


@BACKS
async def test_text_async(remote, back: str) -> None:
    assert (await remote.models.generate_content(model=f"to-{back}", contents="Hello?")).text == TEXT


@BACKS
def test_stream(client: genai.Client, back: str) -> None:
    chunks = list(client.models.generate_content_stream(model=f"to-{back}", contents="Hello?"))
    assert "".join(chunk.text or "" for chunk in chunks) == TEXT
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.candidates_token_count == 7


@BACKS
async def test_stream_async(remote, back: str) -> None:
    stream = await remote.models.generate_content_stream(model=f"to-{back}", contents="Hello?")
    assert "".join([chunk.text or "" async for chunk in stream]) == TEXT


@BACKS
def test_tools_over_two_turns(client: genai.Client, back: str) -> None:
    first = client.models.generate_content(model=f"to-{back}", contents="The weather?", config=TOOLS)
    assert first.candidates is not None
    again = answered(first.candidates[0].content)
    second = client.models.generate_content(model=f"to-{back}", contents=again, config=TOOLS)
    assert second.text == TOLD


@BACKS
async def test_tools_over_two_turns_streamed_async(remote, back: str) -> None:
    stream = await remote.models.generate_content_stream(model=f"to-{back}", contents="The weather?", config=TOOLS)
    parts = [part async for chunk in stream for part in (chunk.candidates[0].content.parts or ())]
    again = answered(types.Content(role="model", parts=parts))
    stream = await remote.models.generate_content_stream(model=f"to-{back}", contents=again, config=TOOLS)
    assert "".join([chunk.text or "" async for chunk in stream]) == TOLD


@BACKS
def test_structured_output(client: genai.Client, back: str) -> None:
    reply = client.models.generate_content(model=f"to-{back}", contents="Who?", config=SHAPED)
    assert reply.parsed == Person(name="Ada", born=1815)


@BACKS
def test_tokens_are_counted(client: genai.Client, back: str) -> None:
    assert (client.models.count_tokens(model=f"to-{back}", contents="Hello?").total_tokens or 0) > 0


def test_errors_are_the_sdks_own(client: genai.Client) -> None:
    with pytest.raises(errors.ClientError) as error:
        client.models.generate_content(model="nowhere", contents="x")
    assert error.value.code == 404
    assert "models/to-gemini-generate" in [model.name for model in client.models.list()]
