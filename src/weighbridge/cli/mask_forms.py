"""What a text is that somebody wants masked or restored: plain, JSON lines, or a request or an answer of some dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
from msgspec import Struct

Kind = Literal["text", "jsonl", "request", "reply", "stream"]

OPENAI_CHAT = "openai-chat"
OPENAI_RESPONSES = "openai-responses"
ANTHROPIC = "anthropic-messages"
GEMINI = "gemini-generate"
_STREAM = ("data:", "event:")
_ANTHROPIC_FIELDS = frozenset({"system", "anthropic_version", "stop_sequences", "thinking", "top_k", "mcp_servers"})
_ANTHROPIC_PARTS = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking", "document"})


class Form(Struct, frozen=True):
    """What it is; `dialect` where it is a request or an answer."""

    kind: Kind
    dialect: str = ""


def form_of(text: str) -> Form:
    """The form of a text, by its shape."""
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith(_STREAM):
        return _stream(start)
    tree = _decoded(text)
    if tree is None:
        first, _, rest = start.partition("\n")
        return Form("jsonl") if rest and _decoded(first) is not None else Form("text")
    if dialect := reply_dialect(tree):
        return Form("reply", dialect)
    if dialect := request_dialect(tree):
        return Form("request", dialect)
    return Form("jsonl" if "\n" not in text.strip() else "text")


def request_dialect(tree: Mapping[str, Any]) -> str:
    """The dialect of a request; "" where it is none."""
    if isinstance(tree.get("contents"), list):
        return GEMINI
    if isinstance(tree.get("messages"), list):
        return ANTHROPIC if _is_anthropic(tree) else OPENAI_CHAT
    if "input" in tree and "model" in tree:
        return OPENAI_RESPONSES
    return ""


def reply_dialect(tree: Mapping[str, Any]) -> str:
    """The dialect of an answer; "" where it is none."""
    if isinstance(tree.get("choices"), list):
        return OPENAI_CHAT
    if isinstance(tree.get("candidates"), list):
        return GEMINI
    if tree.get("object") == "response" and isinstance(tree.get("output"), list):
        return OPENAI_RESPONSES
    if tree.get("type") == "message" and isinstance(tree.get("content"), list):
        return ANTHROPIC
    return ""


def _is_anthropic(tree: Mapping[str, Any]) -> bool:
    if not _ANTHROPIC_FIELDS.isdisjoint(tree):
        return True
    tools = tree.get("tools")
    if isinstance(tools, list) and any(isinstance(tool, dict) and "input_schema" in tool for tool in tools):
        return True
    contents = [message.get("content") for message in tree["messages"] if isinstance(message, dict)]
    parts = [part for content in contents if isinstance(content, list) for part in content if isinstance(part, dict)]
    return any(part.get("type") in _ANTHROPIC_PARTS or "source" in part for part in parts)


def _stream(text: str) -> Form:
    for line in text.splitlines():
        tree = _decoded(line.partition("data:")[2]) if line.startswith("data:") else None
        if tree is None:
            continue
        kind = str(tree.get("type", ""))
        if kind.startswith("response."):
            return Form("stream", OPENAI_RESPONSES)
        if dialect := reply_dialect(tree):
            return Form("stream", dialect)
        if kind in {"message_start", "content_block_start", "ping"}:
            return Form("stream", ANTHROPIC)
    return Form("text")


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None
