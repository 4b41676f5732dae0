"""The same question asked with each vendor's SDK: text whole and streamed, and a tool over two turns."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
from google import genai
from google.genai import types
from scripted import WEATHER

Run = Callable[[str], str]
"""What the tool answers for a city."""

MOST = 40  #: tokens
#: The SDK no longer offers it, since newer models of its vendor refuse it.
GREEDY: dict[str, Any] = {"extra_body": {"temperature": 0}}


class ChatSdk:
    """OpenAI's SDK, Chat Completions."""

    def __init__(self, url: str) -> None:
        self._client: Any = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0, timeout=120)
        self._tools = [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]

    def text(self, model: str, question: str) -> str:
        asked = [{"role": "user", "content": question}]
        reply = self._client.chat.completions.create(model=model, messages=asked, max_tokens=MOST, temperature=0)
        return str(reply.choices[0].message.content)

    def stream(self, model: str, question: str) -> str:
        asked = [{"role": "user", "content": question}]
        stream = self._client.chat.completions.create(
            model=model, messages=asked, max_tokens=MOST, temperature=0, stream=True
        )
        return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)

    def tool(self, model: str, question: str, run: Run, *, must: bool = False) -> str:
        turns: list[Any] = [{"role": "user", "content": question}]
        more = {"tool_choice": "required"} if must else {}
        common = {"model": model, "tools": self._tools, "max_tokens": MOST, "temperature": 0}
        message = self._client.chat.completions.create(messages=turns, **common, **more).choices[0].message
        turns.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            told = run(json.loads(call.function.arguments)["city"])
            turns.append({"role": "tool", "tool_call_id": call.id, "content": told})
        return str(self._client.chat.completions.create(messages=turns, **common).choices[0].message.content)

    def close(self) -> None:
        self._client.close()


class ResponsesSdk:
    """OpenAI's SDK, Responses."""

    def __init__(self, url: str) -> None:
        self._client: Any = openai.OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0, timeout=120)
        self._tools = [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": False}]

    def text(self, model: str, question: str) -> str:
        reply = self._client.responses.create(model=model, input=question, max_output_tokens=MOST, temperature=0)
        return str(reply.output_text)

    def stream(self, model: str, question: str) -> str:
        with self._client.responses.stream(
            model=model, input=question, max_output_tokens=MOST, temperature=0
        ) as stream:
            return "".join(e.delta for e in stream if e.type == "response.output_text.delta")

    def tool(self, model: str, question: str, run: Run, *, must: bool = False) -> str:
        more = {"tool_choice": "required"} if must else {}
        common = {"model": model, "tools": self._tools, "max_output_tokens": MOST, "temperature": 0}
        first = self._client.responses.create(input=question, **common, **more)
        results = [
            {"type": "function_call_output", "call_id": c.call_id, "output": run(json.loads(c.arguments)["city"])}
            for c in first.output
            if c.type == "function_call"
        ]
        assert results
        again = self._client.responses.create(previous_response_id=first.id, input=results, **common)
        return str(again.output_text)

    def close(self) -> None:
        self._client.close()


class AnthropicSdk:
    """Anthropic's SDK."""

    def __init__(self, url: str) -> None:
        self._client: Any = anthropic.Anthropic(base_url=url, api_key="k", max_retries=0, timeout=120)
        self._tools = [{"name": "weather", "input_schema": WEATHER}]

    def text(self, model: str, question: str) -> str:
        asked = [{"role": "user", "content": question}]
        return _blocks(self._client.messages.create(model=model, messages=asked, max_tokens=MOST, **GREEDY))

    def stream(self, model: str, question: str) -> str:
        asked = [{"role": "user", "content": question}]
        with self._client.messages.stream(model=model, messages=asked, max_tokens=MOST, **GREEDY) as stream:
            return "".join(stream.text_stream)

    def tool(self, model: str, question: str, run: Run, *, must: bool = False) -> str:
        turns: list[Any] = [{"role": "user", "content": question}]
        more = {"tool_choice": {"type": "any"}} if must else {}
        common = {"model": model, "tools": self._tools, "max_tokens": MOST, **GREEDY}
        first = self._client.messages.create(messages=turns, **common, **more)
        results = [
            {"type": "tool_result", "tool_use_id": b.id, "content": run(b.input["city"])}
            for b in first.content
            if b.type == "tool_use"
        ]
        assert results
        said = [block.model_dump(exclude_none=True) for block in first.content]
        turns += [{"role": "assistant", "content": said}, {"role": "user", "content": results}]
        return _blocks(self._client.messages.create(messages=turns, **common))

    def close(self) -> None:
        self._client.close()


class GoogleSdk:
    """Google's SDK."""

    def __init__(self, url: str) -> None:
        self._client: Any = genai.Client(api_key="k", http_options=types.HttpOptions(base_url=url, timeout=120_000))
        declared = types.FunctionDeclaration(name="weather", parameters_json_schema=WEATHER)
        self._tools: list[Any] = [types.Tool(function_declarations=[declared])]

    def text(self, model: str, question: str) -> str:
        config = types.GenerateContentConfig(max_output_tokens=MOST, temperature=0)
        return str(self._client.models.generate_content(model=model, contents=question, config=config).text)

    def stream(self, model: str, question: str) -> str:
        config = types.GenerateContentConfig(max_output_tokens=MOST, temperature=0)
        chunks = self._client.models.generate_content_stream(model=model, contents=question, config=config)
        return "".join(chunk.text or "" for chunk in chunks)

    def tool(self, model: str, question: str, run: Run, *, must: bool = False) -> str:
        mode: Any = "ANY" if must else "AUTO"
        calling = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode=mode))
        turns: list[Any] = [types.Content(role="user", parts=[types.Part(text=question)])]
        common: Any = {"tools": self._tools, "max_output_tokens": MOST, "temperature": 0}
        config = types.GenerateContentConfig(**common, tool_config=calling)
        content = self._client.models.generate_content(model=model, contents=turns, config=config).candidates[0].content
        calls = [part.function_call for part in content.parts if part.function_call]
        assert calls
        results = [
            types.Part.from_function_response(name=call.name, response={"output": run(call.args["city"])})
            for call in calls
        ]
        turns += [content, types.Content(role="user", parts=results)]
        config = types.GenerateContentConfig(**common)
        return str(self._client.models.generate_content(model=model, contents=turns, config=config).text)

    def close(self) -> None:
        self._client.close()


Sdk = ChatSdk | ResponsesSdk | AnthropicSdk | GoogleSdk
SDKS: dict[str, type[Sdk]] = {
    "openai-chat": ChatSdk,
    "openai-responses": ResponsesSdk,
    "anthropic-messages": AnthropicSdk,
    "gemini-generate": GoogleSdk,
}


def _blocks(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")
