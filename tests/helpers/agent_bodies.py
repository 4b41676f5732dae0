"""Requests as the four coding agents send them, with other words: their shapes, sizes, flags and odd tools.

The shapes are those of Claude Code 2.1, Codex CLI 0.169, Gemini CLI 0.61 and Qwen Code 0.15, each in the middle of a
task: a command was asked for and has been run.
"""

from __future__ import annotations

from typing import Any

LONG = "You help a person with their code. Read before you write; say what you did. " * 60
NAMES = ("Agent", "Bash", "Edit", "Glob", "Grep", "NotebookEdit", "Read", "TaskCreate", "TaskList", "WebFetch", "Write")
COMMAND = "printf hello > out.txt"


def schema(name: str) -> dict[str, Any]:
    """A tool's arguments: nested, with enums, unions, defaults and bounds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": f"What {name} does. " * 20},
            "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 600000},
            "mode": {"type": "string", "enum": ["once", "always"], "default": "once"},
            "edits": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "properties": {"old": {"type": "string"}, "new": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
                    "required": ["old", "new"],
                    "additionalProperties": False,
                },
            },
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["command"],
        "additionalProperties": False,
    }


def claude_code() -> tuple[dict[str, Any], dict[str, str]]:
    """Its body and the headers that change what it means."""
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        "model": "assistant",
        "max_tokens": 32000,
        "stream": True,
        "system": [
            {"type": "text", "text": "billing: cli"},
            {"type": "text", "text": LONG, **mark},
            {"type": "text", "text": LONG * 3, **mark},
        ],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "<reminder>Be calm.</reminder>"}, {"type": "text", "text": "Write hello."}]},
            {"role": "system", "content": "The time is noon."},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "A shell will do.", "signature": ""},
                    {"type": "text", "text": "I write it."},
                    {"type": "tool_use", "id": "toolu_01AbCd", "name": "Bash", "input": {"command": COMMAND}},
                    {"type": "tool_use", "id": "toolu_02AbCd", "name": "Read", "input": {"command": "out.txt"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_01AbCd", "content": "(no output)", "is_error": False},
                    {"type": "tool_result", "tool_use_id": "toolu_02AbCd", "content": [{"type": "text", "text": "hello"}], **mark},
                ],
            },
        ],
        "tools": [{"name": n, "description": LONG[:900], "input_schema": schema(n)} for n in NAMES],
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high"},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "metadata": {"user_id": '{"device_id": "d", "session_id": "s"}'},
    }  # fmt: skip
    betas = "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,effort-2025-11-24"
    return body, {"anthropic-version": "2023-06-01", "anthropic-beta": betas}


def codex() -> dict[str, Any]:
    """With a namespace of sub-agents and a hosted search."""
    function = {"type": "function", "strict": False, "description": LONG[:900]}
    inner = [{**function, "name": n, "parameters": schema(n)} for n in ("spawn_agent", "close_agent")]
    return {
        "model": "assistant",
        "stream": True,
        "input": [
            {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": LONG * 4}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "<env>bash</env>"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Write hello."}]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "A shell will do."}], "encrypted_content": "c2VhbGVk"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I write it."}]},
            {"type": "function_call", "name": "exec_command", "call_id": "call_1", "arguments": f'{{"command": "{COMMAND}"}}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "exit 0"},
        ],
        "tools": [
            *({**function, "name": n, "parameters": schema(n)} for n in ("exec_command", "write_stdin", "view_image")),
            {"type": "namespace", "name": "agents", "description": "Sub-agents.", "tools": inner},
            {"type": "web_search", "external_web_access": True},
        ],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"summary": "auto"},
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": "01a2-b3",
        "client_metadata": {"session_id": "s", "turn_id": "t"},
    }  # fmt: skip


def gemini_cli() -> dict[str, Any]:
    """With thoughts and signatures, ids on calls, and one entry of many declarations."""
    return {
        "systemInstruction": {"role": "user", "parts": [{"text": LONG * 5}]},
        "contents": [
            {"role": "user", "parts": [{"text": "The folder is empty."}, {"text": "Write hello."}]},
            {
                "role": "model",
                "parts": [
                    {"text": "A shell will do.", "thought": True},
                    {"functionCall": {"id": "c-1", "name": "run_shell_command", "args": {"command": COMMAND}}, "thoughtSignature": "c2VhbA=="},
                    {"functionCall": {"id": "c-2", "name": "read_file", "args": {"command": "out.txt"}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"id": "c-1", "name": "run_shell_command", "response": {"output": "exit 0"}}},
                    {"functionResponse": {"id": "c-2", "name": "read_file", "response": {"output": "hello"}}},
                ],
            },
        ],
        "tools": [
            {
                "functionDeclarations": [
                    {"name": n, "description": LONG[:900], "parametersJsonSchema": schema(n)}
                    for n in ("run_shell_command", "read_file", "write_file", "glob", "web_fetch")
                ]
            }
        ],
        "generationConfig": {"temperature": 1, "topP": 0.95, "topK": 64, "thinkingConfig": {"includeThoughts": True}},
    }  # fmt: skip


def qwen_code() -> dict[str, Any]:
    """Chat Completions as a fork of another vendor's agent sends them."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "run_shell_command", "arguments": f'{{"command": "{COMMAND}"}}'},
    }
    return {
        "model": "assistant",
        "max_tokens": 8000,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [
            {"role": "system", "content": LONG * 5},
            {"role": "user", "content": [{"type": "text", "text": "The folder is empty."}]},
            {"role": "assistant", "content": "Understood."},
            {"role": "user", "content": [{"type": "text", "text": "Write hello."}]},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "exit 0"},
        ],
        "tools": [
            {"type": "function", "function": {"name": n, "description": LONG[:900], "parameters": schema(n)}}
            for n in ("run_shell_command", "read_file", "write_file", "todo_write")
        ],
    }  # fmt: skip
