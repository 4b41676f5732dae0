"""What a freshly started llama.cpp server can do, asked of it instead of assumed. Costs next to nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from weighbridge import dialects
from weighbridge.canon import Engine, Message, Request, ResponseFormat, Sampling, TextPart
from weighbridge.engines.endpoints import Ability, Endpoint, Support
from weighbridge.engines.transport import HttpRequest, Transport
from weighbridge.errors import EngineError, LocalEngineError

_TOOL = "wb_probe_tool"
_HELLO = [{"role": "user", "content": "hi"}]
_LIMIT = 4 << 20  #: bytes of an answer; chat templates can be long
_CONNECT = 5.0  #: seconds
_READ = 30.0  #: seconds; a server that is warming up may pause
_OK = 200
_REFUSED = 400
_UNKNOWN = 404


async def probe(transport: Transport, base: str, key: str, engine: Engine) -> Endpoint:
    """Ask a server for its context, and whether tools and shapes reach its prompt and its grammar.

    Each dialect that the engine's host speaks has an address of its own there, which need not do what the others do.

    Args:
        transport: The network.
        base: The server's address, without a path.
        key: Its key.
        engine: Which it is to be.

    Raises:
        LocalEngineError: It does not answer as a llama.cpp server does, or does not speak a dialect of the host's.
    """
    host = engine.host
    try:
        props = await _ask(transport, base, key, "/props")
        told = await _tools_reach_prompt(transport, base, key)
        able = {
            name: await _able(transport, base, key, engine, name, told=told) for name in (host.dialect, *host.speaks)
        }
    except (EngineError, msgspec.DecodeError) as error:
        reason = error.what if isinstance(error, EngineError) else "its answer is not JSON"
        raise LocalEngineError(
            f"The engine started but cannot be asked what it can do: {reason}.",
            where=engine.name,
            fix="Upgrade xllamacpp: pip install -U 'weighbridge[local]'.",
        ) from error
    own = able.pop(host.dialect)
    context = (props.get("default_generation_settings") or {}).get("n_ctx")
    return Endpoint(
        url=f"{base}/v1",
        key=key,
        tools=own.tools,
        structured=own.structured,
        context=context if isinstance(context, int) and context > 0 else None,
        others=able,
    )


async def _able(transport: Transport, base: str, key: str, engine: Engine, name: str, *, told: bool) -> Ability:
    """What works where a dialect is spoken. `told`: tools reach the prompt; the template is the same for all."""
    structured = await _structured(transport, base, key, engine, name)
    tools: Support = "native" if told else "grammar" if structured else "none"
    return Ability(tools, "native" if structured else "none")


async def _tools_reach_prompt(transport: Transport, base: str, key: str) -> bool:
    """A template without tools drops them silently: does the tool's name stand in the finished prompt?"""
    function = {"name": _TOOL, "description": "Probe.", "parameters": {"type": "object", "properties": {}}}
    body = {"messages": _HELLO, "tools": [{"type": "function", "function": function}]}
    answer = await _ask(transport, base, key, "/apply-template", body)
    return _TOOL in str(answer.get("prompt", ""))


async def _structured(transport: Transport, base: str, key: str, engine: Engine, name: str) -> bool:
    """A server that turns schemas into grammars refuses one that makes no sense; any other ignores it."""
    dialect = dialects.get(name)
    request = Request(
        model=engine.upstream,
        messages=(Message("user", (TextPart("hi"),)),),
        response_format=ResponseFormat("json_schema", "probe", {"type": "no such type"}),
        sampling=Sampling(max_tokens=1),
    )
    body, _ = dialect.write_request(request, engine.profile_in(name))
    status, _ = await _send(transport, base, key, f"/v1{dialect.target(engine.upstream, stream=False)}", body)
    if status == _UNKNOWN:
        raise LocalEngineError(f"llama.cpp does not speak {name}")
    return status == _REFUSED


async def _ask(
    transport: Transport, base: str, key: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    status, answer = await _send(transport, base, key, path, None if body is None else msgspec.json.encode(body))
    if status != _OK:
        raise LocalEngineError(f"{path} answered with status {status}")
    return msgspec.json.decode(answer, type=dict[str, Any])


async def _send(transport: Transport, base: str, key: str, path: str, body: bytes | None) -> tuple[int, bytes]:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = HttpRequest("GET" if body is None else "POST", base + path, headers, body or b"")
    response = await transport.send(request, connect_timeout=_CONNECT, read_timeout=_READ)
    try:
        return response.status, await response.read(_LIMIT)
    finally:
        await response.close()
