"""Requests of the four dialects with a canary in every position that each has."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from weighbridge.cli.drill_positions import Plant

Body = dict[str, Any]
TOOL = "look_up"
CHAT, RESPONSES, ANTHROPIC, GEMINI = "openai-chat", "openai-responses", "anthropic-messages", "gemini-generate"
DIALECTS = (CHAT, RESPONSES, ANTHROPIC, GEMINI)


def path(dialect: str, model: str, *, stream: bool) -> str:
    """Where a gateway takes requests of a dialect."""
    if dialect == GEMINI:
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}"
    return {CHAT: "/v1/chat/completions", RESPONSES: "/v1/responses", ANTHROPIC: "/v1/messages"}[dialect]


def body(dialect: str, plant: Plant, model: str, *, stream: bool, shaped: bool = False) -> Body:
    """A request.

    Args:
        dialect: Its dialect.
        plant: What is planted in it.
        model: What it asks for.
        stream: Does it want a stream?
        shaped: Must its answer be JSON of a schema?
    """
    made = _TALKS[dialect](plant)
    if shaped:
        _SHAPES[dialect](made, plant)
    if dialect != GEMINI:
        made |= {"model": model, "stream": stream}
    return made


def headers(plant: Plant) -> dict[str, str]:
    """What a client may send beside: an id of its conversation, and what a browser tells of itself."""
    return {
        "content-type": "application/json",
        "x-weighbridge-conversation": plant.value("conversation", "email", "a-conversation"),
        "x-forwarded-user": plant.value("headers", "email", "somebody"),
        "cookie": f"session={plant.value('headers', 'api_key', 'none')}",
        "user-agent": f"app/1.0 ({plant.value('headers', 'ip', 'none')})",
    }


def embedding(plant: Plant, model: str) -> Body:
    """A request for embeddings."""
    return {"model": model, "input": plant.lines("embedding"), "user": plant.ident("user_id")}


def counted(dialect: str, plant: Plant, model: str) -> tuple[str, Body]:
    """Where and how tokens are counted."""
    text = plant.text("count")
    if dialect == GEMINI:
        return f"/v1beta/models/{model}:countTokens", {"contents": [{"role": "user", "parts": [{"text": text}]}]}
    return "/v1/messages/count_tokens", {"model": model, "messages": [{"role": "user", "content": text}]}


def continued(plant: Plant, model: str, earlier: str) -> Body:
    """A request that goes on from a stored answer."""
    return {
        "model": model,
        "input": plant.text("continued"),
        "previous_response_id": earlier,
        "safety_identifier": plant.ident("user_id"),
        "prompt_cache_key": plant.ident("cache_key"),
    }


def _schema(plant: Plant) -> Body:
    """A tool's parameters."""
    return {
        "type": "object",
        "properties": {
            "said": {"type": "string", "description": plant.text("parameter"), "enum": plant.lines("enum")},
            "more": {"type": "string", "default": plant.text("default"), "examples": plant.lines("example")},
        },
        "required": ["said"],
    }


def _shape(plant: Plant) -> Body:
    said = {"type": "string", "description": plant.text("shape")}
    return {"type": "object", "properties": {"said": said}, "required": ["said"], "additionalProperties": False}


def _chat(plant: Plant) -> Body:
    def call(name: str, arguments: str) -> Body:
        return {"id": name, "type": "function", "function": {"name": TOOL, "arguments": arguments}}

    document = f"data:text/plain;base64,{plant.base64('document')}"
    first = json.dumps(plant.tree("arguments", keys="argument_keys"), ensure_ascii=False)
    citation = {"type": "url_citation", "url_citation": {"url": "https://a.test/", "title": plant.text("citation")}}
    return {
        "messages": [
            {"role": "system", "content": plant.text("system")},
            {"role": "developer", "content": [{"type": "text", "text": plant.text("developer")}]},
            {
                "role": "user",
                "name": plant.ident("participant"),
                "content": [
                    {"type": "text", "text": plant.text("user")},
                    {"type": "text", "text": plant.text("user_part"), "note": plant.text("unknown_part")},
                    {"type": "file", "file": {"filename": plant.text("file_name"), "file_data": document}},
                ],
            },
            {
                "role": "assistant",
                "content": plant.text("assistant"),
                "reasoning_content": plant.text("reasoning"),
                "annotations": [citation],
                "tool_calls": [call("call_1", first), call("call_2", plant.json("escaped")), call("call_3", "{}")],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": plant.text("result")},
            {"role": "tool", "tool_call_id": "call_2", "content": plant.json("result_json")},
            {
                "role": "tool",
                "tool_call_id": "call_3",
                "content": [{"type": "text", "text": plant.text("result_part")}],
            },
            {"role": "user", "content": plant.text("last")},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": TOOL, "description": plant.text("tool"), "parameters": _schema(plant)},
            }
        ],
        "metadata": plant.flat("metadata", keys="metadata_key"),
        "user": plant.ident("user_id"),
        "prompt_cache_key": plant.ident("cache_key"),
        "stop": plant.lines("stop"),
        "notes_of_mine": {"deep": [{"er": plant.text("unknown")}]},
    }


def _shape_chat(made: Body, plant: Plant) -> None:
    made["response_format"] = {"type": "json_schema", "json_schema": {"name": "answer", "schema": _shape(plant)}}


def _responses(plant: Plant) -> Body:
    def call(name: str, arguments: str) -> Body:
        return {"type": "function_call", "call_id": name, "name": TOOL, "arguments": arguments}

    def output(name: str, what: Any) -> Body:
        return {"type": "function_call_output", "call_id": name, "output": what}

    document = f"data:text/plain;base64,{plant.base64('document')}"
    first = json.dumps(plant.tree("arguments", keys="argument_keys"), ensure_ascii=False)
    citation = {
        "type": "url_citation",
        "url": "https://a.test/",
        "title": plant.text("citation"),
        "start_index": 0,
        "end_index": 4,
    }
    said = {"type": "output_text", "text": plant.text("assistant"), "annotations": [citation]}
    thought = [{"type": "summary_text", "text": plant.text("reasoning")}]
    return {
        "instructions": plant.text("system"),
        "input": [
            {"type": "message", "role": "developer", "content": plant.text("developer")},
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": plant.text("user")},
                    {"type": "input_text", "text": plant.text("user_part"), "note": plant.text("unknown_part")},
                    {"type": "input_file", "filename": plant.text("file_name"), "file_data": document},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": thought},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [said]},
            call("call_1", first),
            call("call_2", plant.json("escaped")),
            call("call_3", "{}"),
            output("call_1", plant.text("result")),
            output("call_2", plant.json("result_json")),
            output("call_3", [{"type": "input_text", "text": plant.text("result_part")}]),
            {
                "type": "code_interpreter_call",
                "id": "ci_1",
                "container_id": "cntr_1",
                "status": "completed",
                "code": plant.text("code"),
                "outputs": [],
            },
            {"role": "user", "content": plant.text("last")},
        ],
        "tools": [{"type": "function", "name": TOOL, "description": plant.text("tool"), "parameters": _schema(plant)}],
        "metadata": plant.flat("metadata", keys="metadata_key"),
        "safety_identifier": plant.ident("user_id"),
        "prompt_cache_key": plant.ident("cache_key"),
        "notes_of_mine": {"deep": [{"er": plant.text("unknown")}]},
    }


def _shape_responses(made: Body, plant: Plant) -> None:
    made["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": _shape(plant)}}


def _anthropic(plant: Plant) -> Body:
    def use(name: str, given: Any) -> Body:
        return {"type": "tool_use", "id": name, "name": TOOL, "input": given}

    def result(name: str, what: Any) -> Body:
        return {"type": "tool_result", "tool_use_id": name, "content": what}

    document = {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": plant.text("document_text")},
        "title": plant.text("file_name"),
        "context": plant.text("document_about"),
    }
    found = {
        "type": "search_result",
        "source": "https://a.test/",
        "title": "Found",
        "content": [{"type": "text", "text": plant.text("search")}],
    }
    cited = {
        "type": "char_location",
        "cited_text": plant.text("citation"),
        "document_index": 0,
        "document_title": "A",
        "start_char_index": 0,
        "end_char_index": 4,
    }
    return {
        "max_tokens": 100_000,
        "system": [{"type": "text", "text": plant.text("system")}, {"type": "text", "text": plant.text("developer")}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": plant.text("user")},
                    {"type": "text", "text": plant.text("user_part"), "note": plant.text("unknown_part")},
                    document,
                    found,
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": plant.text("reasoning"), "signature": "c2lnbmVk"},
                    {"type": "text", "text": plant.text("assistant"), "citations": [cited]},
                    use("toolu_1", plant.tree("arguments", keys="argument_keys")),
                    use("toolu_2", json.loads(plant.json("escaped"))),
                    use("toolu_3", {}),
                ],
            },
            {
                "role": "user",
                "content": [
                    result("toolu_1", plant.text("result")),
                    result("toolu_2", plant.json("result_json")),
                    result("toolu_3", [{"type": "text", "text": plant.text("result_part")}]),
                    {"type": "text", "text": plant.text("last")},
                ],
            },
        ],
        "tools": [{"name": TOOL, "description": plant.text("tool"), "input_schema": _schema(plant)}],
        "metadata": {"user_id": plant.ident("user_id")},
        "stop_sequences": plant.lines("stop"),
        "notes_of_mine": {"deep": [{"er": plant.text("unknown")}]},
    }


def _shape_anthropic(made: Body, plant: Plant) -> None:
    made["output_config"] = {"format": {"type": "json_schema", "schema": _shape(plant)}}


def _gemini(plant: Plant) -> Body:
    def call(given: Any) -> Body:
        return {"functionCall": {"name": TOOL, "args": given}}

    def result(what: Any) -> Body:
        return {"functionResponse": {"name": TOOL, "response": what}}

    return {
        "systemInstruction": {"parts": [{"text": plant.text("system")}, {"text": plant.text("developer")}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": plant.text("user")},
                    {"text": plant.text("user_part"), "note": plant.text("unknown_part")},
                    {
                        "inlineData": {
                            "mimeType": "text/plain",
                            "data": plant.base64("document"),
                            "displayName": plant.text("file_name"),
                        }
                    },
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": plant.text("reasoning"), "thought": True},
                    {"text": plant.text("assistant")},
                    {"executableCode": {"language": "PYTHON", "code": plant.text("code")}},
                    {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "done"}},
                    call(plant.tree("arguments", keys="argument_keys")),
                    call(json.loads(plant.json("escaped"))),
                ],
            },
            {
                "role": "user",
                "parts": [
                    result({"output": plant.text("result"), "parts": plant.lines("result_part")}),
                    result({"output": plant.json("result_json")}),
                    {"text": plant.text("last")},
                ],
            },
        ],
        "tools": [
            {"functionDeclarations": [{"name": TOOL, "description": plant.text("tool"), "parameters": _schema(plant)}]}
        ],
        "generationConfig": {"stopSequences": plant.lines("stop")},
        "labels": plant.flat("metadata", keys="metadata_key"),
        "notesOfMine": {"deep": [{"er": plant.text("unknown")}]},
    }


def _shape_gemini(made: Body, plant: Plant) -> None:
    config = made["generationConfig"]
    config |= {"responseMimeType": "application/json", "responseJsonSchema": _shape(plant)}


_TALKS: dict[str, Callable[[Plant], Body]] = {
    CHAT: _chat,
    RESPONSES: _responses,
    ANTHROPIC: _anthropic,
    GEMINI: _gemini,
}
_SHAPES: dict[str, Callable[[Body, Plant], None]] = {
    CHAT: _shape_chat,
    RESPONSES: _shape_responses,
    ANTHROPIC: _shape_anthropic,
    GEMINI: _shape_gemini,
}
