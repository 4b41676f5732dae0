"""Reading recorded exchanges and scripts from JSON lines."""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from weighbridge import jsonl
from weighbridge.canon import Choice, Part, ReasoningPart, Reply, Request, TextPart, ToolCallPart, Usage
from weighbridge.dialects import get
from weighbridge.dialects.base import Dialect
from weighbridge.engines.recording import Order, Recording, Row, When, key_of, question_of, turns_of
from weighbridge.errors import InputError

MAX_DEPTH = 512
MAX_LINE = 64 << 20
MAX_ROWS = 1_000_000
_USAGE_NAMES = {"prompt_tokens": "input", "completion_tokens": "output"}
#: where an address names the model and asks for a stream, in the dialect that does so
_NAMED = re.compile(r"/models/([^/?]+):(stream)?[gG]enerateContent(?:[?]|$)")


class _Call(Struct, forbid_unknown_fields=True):
    name: str
    arguments: dict[str, Any] | str = {}
    id: str = ""


class _Said(Struct):
    """What an engine says in a row that is no recorded exchange."""

    output: str = ""
    reasoning: str = ""
    tool_calls: list[_Call] = []


def load(source: Path | Iterable[dict[str, Any]], dialect: Dialect, order: Order = "question") -> Recording:
    """Read recorded exchanges from a JSONL file (also one packed with gzip) or from objects.

    Args:
        source: The rows.
        dialect: What rows are written in that do not tell.
        order: What decides on the answer.

    Raises:
        InputError: The file cannot be read, or a row cannot be used; `where` names its line.
    """
    scripted = order != "question"
    if isinstance(source, Path):
        return Recording(_checked(source, dialect, scripted=scripted), order)
    rows = (_read(raw, dialect, f"row {i}", scripted=scripted) for i, raw in enumerate(source, 1))
    return Recording(rows, order)


def named(url: str) -> tuple[str, bool]:
    """The model that an address names, and whether it asks for a stream; ("", False) where it says neither."""
    found = _NAMED.search(url)
    return (unquote(found[1]), found[2] is not None) if found else ("", False)


def _checked(path: Path, dialect: Dialect, *, scripted: bool) -> Iterator[Row]:
    found = False
    try:
        with _open(path) as file:
            for number, raw in jsonl.read(file, str(path), max_line=MAX_LINE, max_rows=MAX_ROWS, what="row"):
                found = True
                yield _read(raw, dialect, f"{path}:{number}", scripted=scripted)
    except (OSError, EOFError, zlib.error) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it is damaged"
        raise InputError(f"The recording cannot be read: {why}.", where=str(path), fix="Check its path.") from error
    if not found:
        raise InputError("The recording is empty.", where=str(path), fix="Give at least one row.")


def _open(path: Path) -> io.BufferedIOBase:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _read(raw: Any, dialect: Dialect, where: str, *, scripted: bool) -> Row:
    if isinstance(raw, dict) and "request" in raw and "response" in raw:
        return _exchange(raw, dialect, where)
    asked = scripted or (isinstance(raw, dict) and ("input" in raw or "when" in raw))
    if isinstance(raw, dict) and asked and ("output" in raw or "tool_calls" in raw):
        return _answer(raw, where)
    raise InputError(
        "The row is neither an exchange nor an answer.",
        where=where,
        fix='Write {"request": {...}, "response": ...} or {"input": ..., "output": "..."}.',
    )


def _exchange(raw: dict[str, Any], default: Dialect, where: str) -> Row:
    dialect = _dialect(raw.get("dialect"), default, where)
    model, streamed = named(raw["path"]) if isinstance(raw.get("path"), str) else ("recorded", False)
    body = msgspec.json.encode(raw["request"])
    request = _request(body, dialect, f"{where}: request", model=model, stream=streamed)
    response, status, headers = raw["response"], raw.get("status", 200), raw.get("headers") or {}
    if type(status) is not int or not 100 <= status < 600:  # noqa: PLR2004 - the range of HTTP's statuses
        raise InputError(f"{status!r} is no HTTP status.", where=f"{where}: status", fix="Give a number such as 200.")
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise InputError("The headers are not texts.", where=f"{where}: headers", fix="Give an object of texts.")
    body = events = b""
    if not isinstance(response, str):
        body = msgspec.json.encode(response)
    elif raw.get("stream", True):
        events = response.encode()
    else:
        body = response.encode()
    return Row(
        key_of(request),
        question_of(request),
        dialect,
        turns_of(request),
        status,
        body,
        events,
        headers={name.lower(): value for name, value in headers.items()},
        latency=_seconds(raw, where),
        when=_when(raw, where),
    )


def _dialect(name: Any, default: Dialect, where: str) -> Dialect:
    if name is None:
        return default
    try:
        return get(str(name))
    except InputError as error:
        raise InputError(error.what, where=f"{where}: dialect", fix=error.fix) from None


def _answer(raw: dict[str, Any], where: str) -> Row:
    if not isinstance(raw.get("output", ""), str):
        raise InputError("The output is not text.", where=f"{where}: output", fix="Give the answer's text.")
    try:
        said = msgspec.convert(raw, _Said)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$.")
        raise InputError(
            f"{message}.",
            where=f"{where}: {field.rstrip('`')}",
            fix='Write "reasoning": "...", "tool_calls": [{"name": "...", "arguments": {}}].',
        ) from None
    parts: list[Part] = [ReasoningPart(said.reasoning)] if said.reasoning else []
    if said.output or not said.tool_calls:
        parts.append(TextPart(said.output))
    parts += [ToolCallPart(call.id, call.name, _arguments(call.arguments)) for call in said.tool_calls]
    reply = Reply((Choice(tuple(parts), "tool_calls" if said.tool_calls else "stop"),), _usage(raw.get("usage"), where))
    key, question, turn = hashlib.sha256(where.encode()).digest(), "", 0
    if "input" in raw:
        request = _asked(raw, where)
        key, question, turn = key_of(request), question_of(request), turns_of(request)
    return Row(
        key, question, get("openai-chat"), turn, reply=reply, latency=_seconds(raw, where), when=_when(raw, where)
    )


def _asked(raw: dict[str, Any], where: str) -> Request:
    asked = raw["input"]
    messages = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    body = {"model": "recorded", "messages": messages, "tools": raw.get("tools") or []}
    return _request(msgspec.json.encode(body), get("openai-chat"), f"{where}: input")


def _arguments(given: dict[str, Any] | str) -> str:
    return given if isinstance(given, str) else msgspec.json.encode(given).decode()


def _when(raw: dict[str, Any], where: str) -> When | None:
    if "when" not in raw:
        return None
    try:
        return msgspec.convert(raw["when"], When)
    except msgspec.ValidationError as error:
        raise InputError(
            f"{str(error).partition(' - at')[0]}.",
            where=f"{where}: when",
            fix='Give some of {"last": "text", "system": "text", "tools": true}.',
        ) from None


def _request(body: bytes, dialect: Dialect, where: str, *, model: str = "", stream: bool = False) -> Request:
    try:
        return dialect.read_request(body, max_depth=MAX_DEPTH, model=model, stream=stream)
    except InputError as error:
        raise InputError(f"{error.where}: {error.what}", where=where, fix=error.fix) from error


def _usage(raw: Any, where: str) -> Usage | None:
    if raw is None:
        return None
    try:
        named = {_USAGE_NAMES.get(name, name): value for name, value in raw.items()}
        return msgspec.convert(named, Usage)
    except (msgspec.ValidationError, AttributeError) as error:
        raise InputError(
            "The usage cannot be read.",
            where=f"{where}: usage",
            fix='Give whole numbers: {"input": 12, "output": 34}, also cached and reasoning.',
        ) from error


def _seconds(raw: dict[str, Any], where: str) -> float | None:
    value = raw.get("latency")
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= 3600:  # noqa: PLR2004 - an hour
        raise InputError(f"{value!r} is no latency.", where=f"{where}: latency", fix="Give seconds, at most 3600.")
    return float(value)
