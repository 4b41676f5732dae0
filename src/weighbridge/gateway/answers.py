"""Writing answers as ASGI messages: whole ones, errors, and the headers that go with every kind."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from weighbridge.canon import Loss, Severity
from weighbridge.dialects.base import Dialect
from weighbridge.errors import EngineError, LimitError, WeighbridgeError
from weighbridge.exchange import StreamedAnswer, WholeAnswer

Send = Callable[[Any], Awaitable[None]]
Pairs = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
CLOSE = (b"connection", b"close")
_ALLOWED = (
    b"authorization, content-type, x-api-key, x-goog-api-key, x-goog-api-client, anthropic-version, anthropic-beta, "
    b"anthropic-dangerous-direct-browser-access, openai-beta, openai-organization, openai-project, "
    b"x-weighbridge-conversation, x-weighbridge-data-class"
)
_EXPOSED = (
    b"x-weighbridge-engine, x-weighbridge-plan, x-weighbridge-trace, x-weighbridge-loss, x-weighbridge-estimated, "
    b"x-weighbridge-cache, x-weighbridge-budget, x-weighbridge-masked, retry-after"
    + b"".join(
        b", x-ratelimit-%s-%s" % (what, of)
        for of in (b"requests", b"tokens")
        for what in (b"limit", b"remaining", b"reset")
    )
    + b"".join(
        b", anthropic-ratelimit-%s-%s" % (of, what)
        for of in (b"requests", b"input-tokens", b"output-tokens")
        for what in (b"limit", b"remaining", b"reset")
    )
)
_NAMES = re.compile(rb"[a-z0-9_-]{1,64}(?: *, *[a-z0-9_-]{1,64}){0,63}", re.IGNORECASE)
_LOSS_BYTES = 1000  #: of the header that names what was lost
_LOSS_FIELD = 100  #: bytes of one name in it


async def whole(send: Send, status: int, headers: Pairs, body: bytes) -> None:
    """Send an answer in one piece."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def json(send: Send, value: Any, *, status: int = 200, headers: Pairs | None = None) -> None:
    """Send a value as JSON."""
    await whole(send, status, [JSON, *(headers or [])], msgspec.json.encode(value))


async def error(
    send: Send, problem: WeighbridgeError, dialect: Dialect, *, headers: Pairs, status: int | None = None
) -> None:
    """Send an error as the client's dialect words it; with `status` under another status than the dialect's."""
    usual, body = dialect.write_error(problem)
    if isinstance(problem, LimitError):
        headers.extend(problem.told)
    if isinstance(problem, EngineError | LimitError) and problem.retry_after is not None:
        headers.append((b"retry-after", b"%d" % math.ceil(max(0.0, problem.retry_after))))
    await whole(send, usual if status is None else status, [JSON, *headers], body)


def cors(origin: bytes) -> Pairs:
    """What lets a page of an origin that was admitted read the answer."""
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
        (b"vary", b"origin"),
    ]


def preflight(asked: bytes) -> Pairs:
    """What a page of an origin that was admitted may send.

    Args:
        asked: The headers that it asks for; the SDKs add many of their own.
    """
    allowed = _ALLOWED + b", " + asked if _NAMES.fullmatch(asked) else _ALLOWED
    return [
        (b"access-control-allow-methods", b"GET, POST, DELETE"),
        (b"access-control-allow-headers", allowed),
        (b"access-control-max-age", b"600"),
    ]


def told(answer: WholeAnswer | StreamedAnswer) -> Pairs:
    """The headers that say who answered, under which plan, with which trace and losses."""
    headers = [
        (b"x-weighbridge-engine", ascii_of(answer.engine)),
        (b"x-weighbridge-plan", b"%d" % answer.plan),
        (b"x-weighbridge-trace", answer.trace_id.encode()),
    ]
    if answer.losses:
        headers.append((b"x-weighbridge-loss", lost(answer.losses)))
    headers.extend(answer.told)
    return headers


def lost(losses: Sequence[Loss]) -> bytes:
    """How much was lost, and where, the worst first: `3; high=tools[0]; low=seed,user`.

    The trace has all of it; what has no room here is left out behind a `...`.
    """
    fields: dict[Severity, list[str]] = {"high": [], "medium": [], "low": []}
    for loss in losses:
        fields[loss.severity].append(quote(loss.field[:_LOSS_FIELD], safe="[]$/+@!*()")[:_LOSS_FIELD])
    text = str(len(losses))
    for severity, names in fields.items():
        for number, name in enumerate(dict.fromkeys(names)):
            more = f"; {severity}={name}" if number == 0 else f",{name}"
            if len(text) + len(more) > _LOSS_BYTES:
                return f"{text},...".encode()
            text += more
    return text.encode()


def ascii_of(text: str) -> bytes:
    """A name as a header can carry it."""
    return text.encode("ascii", "replace")
