"""OpenAI Chat: requests."""

from __future__ import annotations

from typing import Any

from weighbridge.canon import (
    EFFORTS,
    Loss,
    Message,
    OpaquePart,
    Profile,
    Request,
    ResponseFormat,
    Sampling,
    Thinking,
    Tool,
    ToolChoice,
)
from weighbridge.dialects import profiles, thinking
from weighbridge.dialects.extras import Losses
from weighbridge.dialects.openai_chat_message import read_message, write_messages
from weighbridge.dialects.openai_chat_parts import EXTRAS, FORM, NAME, keep
from weighbridge.dialects.strict import MisfitError, misfit, take, take_text

LONGEST_NAME = 512
_NUMBER = (int, float)
_SAMPLING: dict[str, tuple[str, tuple[type, ...], str]] = {
    "temperature": ("temperature", _NUMBER, "a number"),
    "top_p": ("top_p", _NUMBER, "a number"),
    "top_k": ("top_k", (int,), "a whole number"),
    "max_tokens": ("max_tokens", (int,), "a whole number"),
    "max_completion_tokens": ("max_tokens", (int,), "a whole number"),
    "seed": ("seed", (int,), "a whole number"),
    "presence_penalty": ("presence_penalty", _NUMBER, "a number"),
    "frequency_penalty": ("frequency_penalty", _NUMBER, "a number"),
    "logprobs": ("logprobs", (bool,), "true or false"),
    "top_logprobs": ("top_logprobs", (int,), "a whole number"),
    "n": ("n", (int,), "a whole number"),
}
_PLAIN_SAMPLING = Sampling()
_CHOICES = {"auto", "none", "required"}


def read_request(rest: dict[str, Any]) -> Request:
    """Read a request; takes the object over.

    Raises:
        MisfitError: A field is missing or has the wrong type.
    """
    form: dict[str, Any] = {}
    model = take_text(rest, "model")
    if not model or len(model) > LONGEST_NAME:
        what = "It is missing." if not model else f"It has {len(model)} characters."
        raise MisfitError(what, "Give the name of a route or an engine.", "model")
    messages = _read_messages(rest)
    tools = _read_tools(rest) if "tools" in rest else ()
    stream = take(rest, "stream", bool, "true or false")
    if stream is False:
        rest["stream"] = False
    usage = _read_stream_options(rest) if "stream_options" in rest else False
    parallel = take(rest, "parallel_tool_calls", bool, "true or false")
    metadata = take(rest, "metadata", dict, "an object")
    if metadata == {}:
        rest["metadata"] = metadata
    sampling = _read_sampling(rest, form)
    choice = _read_choice(rest, form) if "tool_choice" in rest else None
    shape = _read_format(rest, form) if "response_format" in rest else None
    return Request(
        model,
        messages,
        tools,
        choice,
        parallel,
        shape,
        sampling,
        _read_effort(rest),
        stream or False,
        usage,
        take_text(rest, "user"),
        metadata or {},
        take_text(rest, "service_tier"),
        keep(rest, form),
    )


def _read_effort(rest: dict[str, Any]) -> Thinking:
    """The level of thinking. One that is not of the scale stays a field of this dialect."""
    effort = take_text(rest, "reasoning_effort")
    if effort in EFFORTS:
        return Thinking(effort=effort)
    if effort:
        rest["reasoning_effort"] = effort
    return Thinking()


def _read_messages(rest: dict[str, Any]) -> tuple[Message, ...]:
    raw = take(rest, "messages", list, "a list of messages")
    if not raw:
        raise MisfitError("It is missing." if raw is None else "It is empty.", "Give at least one message.", "messages")
    found = []
    for i, item in enumerate(raw):
        try:
            found.append(read_message(item))
        except MisfitError as error:
            raise error.under(f"messages[{i}]") from None
    return tuple(found)


def _read_tools(rest: dict[str, Any]) -> tuple[Tool, ...]:
    raw = rest["tools"]
    if raw is None or raw == []:
        return ()
    if type(raw) is not list:
        raise misfit(raw, "a list of tools", "tools")
    del rest["tools"]
    found = []
    for i, item in enumerate(raw):
        try:
            found.append(_read_tool(item))
        except MisfitError as error:
            raise error.under(f"tools[{i}]") from None
    return tuple(found)


def _read_tool(raw: Any) -> Tool:
    """Read a function. A host's own tool, which is no function, has no name in the canon and is kept whole."""
    if type(raw) is not dict:
        raise misfit(raw, "an object with type and function", "")
    function = raw.get("function")
    if function is None and raw.get("type") != "function":
        return Tool("", opaque=OpaquePart(NAME, raw))
    if type(function) is not dict:
        raise misfit(function, "an object with name and parameters", "function")
    inner = dict(function)
    form: dict[str, Any] = {}
    try:
        name = _take_name(inner)
        description = take_text(inner, "description")
        schema = take(inner, "parameters", dict, "a JSON schema")
        strict = take(inner, "strict", bool, "true or false")
    except MisfitError as error:
        raise error.under("function") from None
    rest = {k: v for k, v in raw.items() if k != "function"}
    if rest.get("type") == "function":
        del rest["type"]
    elif "type" not in rest:
        form["type"] = "absent"
    if inner:
        form["function"] = inner
    return Tool(name, description, schema, strict, keep(rest, form))


def _take_name(inner: dict[str, Any]) -> str:
    name = take_text(inner, "name")
    if not name:
        raise MisfitError("It is missing.", "Give the function a name.", "name")
    return name


def _read_stream_options(rest: dict[str, Any]) -> bool:
    options = rest["stream_options"]
    if options is None:
        return False
    if type(options) is not dict:
        raise misfit(options, "an object", "stream_options")
    if options.get("include_usage") is not True:
        return False
    others = {k: v for k, v in options.items() if k != "include_usage"}
    if others:
        rest["stream_options"] = others
    else:
        del rest["stream_options"]
    return True


def _read_sampling(rest: dict[str, Any], form: dict[str, Any]) -> Sampling:
    found: dict[str, Any] = {}
    for key in [k for k in rest if k in _SAMPLING]:
        field, types, wanted = _SAMPLING[key]
        value = rest[key]
        if value is None:
            continue
        if type(value) not in types:
            raise misfit(value, wanted, key)
        if key == "max_tokens" and rest.get("max_completion_tokens") is not None:
            continue  # the newer name wins; the older one stays as it is
        if key == "max_completion_tokens":
            form["max_tokens"] = key
        del rest[key]
        found[field] = value
    stop = rest.get("stop")
    if stop:
        found["stop"] = _read_stop(stop)
        del rest["stop"]
        if type(stop) is str:
            form["stop"] = "text"
    return Sampling(**found) if found else _PLAIN_SAMPLING


def _read_stop(stop: Any) -> tuple[str, ...]:
    if type(stop) is str:
        return (stop,)
    if type(stop) is not list:
        raise misfit(stop, "text or a list of texts", "stop")
    for i, item in enumerate(stop):
        if type(item) is not str:
            raise misfit(item, "text", f"stop[{i}]")
    return tuple(stop)


def _choice_of(raw: Any) -> ToolChoice | None:
    if type(raw) is str:
        if raw in _CHOICES:
            return ToolChoice(raw)  # type: ignore[arg-type]  # one of the three just tested
        return ToolChoice("required") if raw == "any" else None
    if type(raw) is dict and type(raw.get("function")) is dict and type(raw["function"].get("name")) is str:
        return ToolChoice("named", raw["function"]["name"])
    return None


def _read_choice(rest: dict[str, Any], form: dict[str, Any]) -> ToolChoice | None:
    raw = rest["tool_choice"]
    if raw is not None and type(raw) not in (str, dict):
        raise misfit(raw, "auto, none, required or an object that names a function", "tool_choice")
    found = _choice_of(raw)
    if found is not None:
        del rest["tool_choice"]
        if _write_choice(found) != raw:
            form["tool_choice"] = raw
    return found


def _write_choice(choice: ToolChoice) -> Any:
    return {"type": "function", "function": {"name": choice.name}} if choice.mode == "named" else choice.mode


def _format_of(raw: dict[str, Any]) -> ResponseFormat | None:
    kind = raw.get("type")
    if kind == "text":
        return ResponseFormat("text")
    if kind == "json_object":
        return ResponseFormat("json_object")
    inner = raw.get("json_schema")
    if kind != "json_schema" or type(inner) is not dict:
        return None
    name, schema, strict = inner.get("name"), inner.get("schema"), inner.get("strict")
    said = inner.get("description")
    return ResponseFormat(
        "json_schema",
        name if type(name) is str else "",
        schema if type(schema) is dict else None,
        strict if type(strict) is bool else None,
        said if type(said) is str else "",
    )


def _read_format(rest: dict[str, Any], form: dict[str, Any]) -> ResponseFormat | None:
    raw = rest["response_format"]
    if raw is None:
        return None
    if type(raw) is not dict:
        raise misfit(raw, "an object with a type", "response_format")
    found = _format_of(raw)
    if found is not None:
        del rest["response_format"]
        if _write_format(found) != raw:
            form["response_format"] = raw
    return found


def _write_format(shape: ResponseFormat) -> dict[str, Any]:
    if shape.kind != "json_schema":
        return {"type": shape.kind}
    inner: dict[str, Any] = {"name": shape.name or "answer"}
    if shape.schema is not None:
        inner["schema"] = shape.schema
    if shape.strict is not None:
        inner["strict"] = shape.strict
    if shape.description:
        inner["description"] = shape.description
    return {"type": "json_schema", "json_schema": inner}


def write_request(request: Request, losses: Losses) -> dict[str, Any]:
    """Write a request, as it stands: no profile, no stream options but those that were asked for."""
    extra = request.extra
    if extra:
        losses.foreign(extra, "")
    out = write_head(request, losses)
    messages: list[dict[str, Any]] = []
    for i, message in enumerate(request.messages):
        messages += write_messages(message, f"messages[{i}]", losses)
    out["messages"] = messages
    return out


def write_head(request: Request, losses: Losses) -> dict[str, Any]:
    """All fields but the messages."""
    form: dict[str, Any] = request.extra.get(FORM) or {}
    out: dict[str, Any] = {"model": request.model, **(request.extra.get(NAME) or {})}
    if request.tools:
        out["tools"] = [_write_tool(t, f"tools[{i}]", losses) for i, t in enumerate(request.tools)]
    if request.tool_choice is not None:
        told = form.get("tool_choice")
        out["tool_choice"] = told if _choice_of(told) == request.tool_choice else _write_choice(request.tool_choice)
    if request.response_format is not None:
        told = form.get("response_format")
        same = told is not None and _format_of(told) == request.response_format
        out["response_format"] = told if same else _write_format(request.response_format)
    if request.parallel_tool_calls is not None:
        out["parallel_tool_calls"] = request.parallel_tool_calls
    if request.sampling is not _PLAIN_SAMPLING:
        _write_sampling(out, request.sampling, form)
    if request.stream:
        out["stream"] = True
    if request.stream_usage:
        out["stream_options"] = {**(out.get("stream_options") or {}), "include_usage": True}
    named = {
        "reasoning_effort": thinking.level(request.thinking),
        "user": request.user,
        "metadata": request.metadata,
        "service_tier": request.service_tier,
    }
    out.update((key, value) for key, value in named.items() if value)
    return out


def _write_sampling(out: dict[str, Any], sampling: Sampling, form: dict[str, Any]) -> None:
    for field in sampling.__struct_fields__:
        value = getattr(sampling, field)
        if value is None or value == ():
            continue
        if field == "stop":
            out["stop"] = value[0] if form.get("stop") == "text" and len(value) == 1 else list(value)
        else:
            out[form.get("max_tokens", field) if field == "max_tokens" else field] = value


def _write_tool(tool: Tool, place: str, losses: Losses) -> dict[str, Any]:
    if tool.opaque is not None:
        return tool.opaque.data
    form: dict[str, Any] = tool.extra.get(FORM) or {}
    losses.foreign(tool.extra, place)
    out: dict[str, Any] = dict(tool.extra.get(NAME) or {})
    if form.get("type") != "absent":
        out.setdefault("type", "function")
    function: dict[str, Any] = {**(form.get("function") or {}), "name": tool.name}
    if tool.description:
        function["description"] = tool.description
    if tool.schema is not None:
        function["parameters"] = tool.schema
    if tool.strict is not None:
        function["strict"] = tool.strict
    out["function"] = function
    return out


def asks_for_usage(request: Request, profile: Profile) -> bool:
    """Must the tokens of a stream be asked for on the client's behalf?"""
    return request.stream and not request.stream_usage and profile.stream_usage


def changes(request: Request, profile: Profile) -> bool:
    """Would `adapt` change anything? Most often that is told without writing the request."""
    if asks_for_usage(request, profile):
        return True
    options = request.stream_usage or "stream_options" in (request.extra.get(NAME) or {})
    if profiles.is_neutral(profile) and (profile.stream_usage or not options):
        return False
    losses = EXTRAS.losses()
    whole = bool(profile.roles) or profiles.names(profile, "messages")
    out = write_request(request, losses) if whole else write_head(request, losses)
    return adapt(out, request, profile)[1]


def adapt(out: dict[str, Any], request: Request, profile: Profile) -> tuple[list[Loss], bool]:
    """Apply a profile, and see to it that a stream tells its tokens. Returns the losses and whether anything changed."""
    losses: list[Loss] = []
    changed = False
    options = out.get("stream_options") or {}
    if asks_for_usage(request, profile):
        out["stream_options"] = {**options, "include_usage": True}
        changed = True
    elif not profile.stream_usage and "include_usage" in options:
        rest = {k: v for k, v in options.items() if k != "include_usage"}
        if rest:
            out["stream_options"] = rest
        else:
            del out["stream_options"]
        losses.append(Loss("stream_options.include_usage", "the engine does not know this option", "low"))
        changed = True
    noted = EXTRAS.losses()
    changed |= profiles.apply(out, profile, noted)
    return [*losses, *noted.all()], changed
