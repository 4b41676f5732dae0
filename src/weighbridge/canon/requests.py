"""Requests: what an application asks."""

from __future__ import annotations

from typing import Any, Literal, get_args

from msgspec import Struct

from weighbridge.canon.parts import Message, OpaquePart

Effort = Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"]
#: Levels of thinking from none at all to the most; a level is compared by its place.
EFFORTS: tuple[Effort, ...] = get_args(Effort)[1:]


class Tool(Struct, frozen=True, omit_defaults=True):
    """A function that the engine may ask for; `schema` is a JSON schema of its arguments.

    A host's own tool (web search, code execution, MCP) has no `name`: it is kept whole in `opaque`.
    """

    name: str
    description: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    extra: dict[str, Any] = {}
    cache: str = ""
    opaque: OpaquePart | None = None


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """Whether tools may, must or must not be called; `name` when one certain tool must be.

    `among`: only these may be called, where it is not empty.
    """

    mode: Literal["auto", "none", "required", "named"] = "auto"
    name: str = ""
    among: tuple[str, ...] = ()


class ResponseFormat(Struct, frozen=True, omit_defaults=True):
    """The shape that the answer must have."""

    kind: Literal["text", "json_object", "json_schema"] = "text"
    name: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str = ""


class Sampling(Struct, frozen=True, omit_defaults=True):
    """How tokens are drawn. None means: the engine's default."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    n: int | None = None


class Thinking(Struct, frozen=True, omit_defaults=True):
    """How much the engine may think before it answers. What is not said is the engine's default.

    `enabled` is the switch alone; `budget` counts tokens; `show`: shall the thinking, or a summary of it, be told?
    """

    enabled: bool | None = None
    effort: Effort = ""
    budget: int | None = None
    show: bool | None = None


class Request(Struct, frozen=True, omit_defaults=True):
    """What an application asks. `model` is what it named: a route or an engine.

    `headers` are those that change what a request means (`Dialect.headers`), by lower-case name.
    """

    model: str
    messages: tuple[Message, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    sampling: Sampling = Sampling()
    thinking: Thinking = Thinking()
    stream: bool = False
    stream_usage: bool = False
    user: str = ""
    metadata: dict[str, Any] = {}
    service_tier: str = ""
    extra: dict[str, Any] = {}
    verbosity: str = ""
    continues: str = ""  #: the id of the earlier answer that this goes on from; what was said until then is not in it
    cache_key: str = ""  #: requests with the same one share a prompt cache, and may be told apart by it
    headers: dict[str, str] = {}
