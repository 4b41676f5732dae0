"""Where bytes from outside become values of the canon: the same errors whatever the dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from weighbridge.canon import Reply, Request
from weighbridge.dialects import upstream_errors
from weighbridge.dialects.strict import MisfitError, decode, kind
from weighbridge.errors import BrokenAnswerError, EngineError, InputError

_DECODE = msgspec.json.Decoder().decode
_FIX = "Choose another engine, or correct the host's dialect in the catalogue."
_SHOWN = 1000  #: bytes of an answer that an error looks at

FromError = Callable[[Any], EngineError]
"""What an error object means that was told inside an answer."""


def request_of(body: bytes, max_depth: int, read: Callable[[dict[str, Any]], Request]) -> Request:
    """A client's request.

    Args:
        body: What it sent.
        max_depth: How deep it may nest.
        read: Reads the object, which it may take over.

    Raises:
        InputError: It cannot be used; `where` is the field's path.
        TooLargeError: It nests deeper than `max_depth`.
    """
    try:
        return read(decode(body, max_depth))
    except MisfitError as error:
        raise InputError(error.what, where=error.path, fix=error.fix) from None


def reply_of(
    body: bytes,
    read: Callable[[dict[str, Any]], Reply],
    *,
    answer: str = "",
    from_error: FromError = upstream_errors.from_stream,
) -> Reply:
    """An engine's answer.

    Args:
        body: What it sent.
        read: Reads the object, which it may take over.
        answer: The field without which an `error` beside it is all that was told; "": `read` looks itself.
        from_error: What that error means.

    Raises:
        BrokenAnswerError: It cannot be read.
        EngineError: It is an error told with a status of 200.
    """
    try:
        raw = _DECODE(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenAnswerError(f"The answer is not valid JSON: {error}.", fix=_FIX, body=_start(body)) from error
    if type(raw) is not dict:
        raise BrokenAnswerError(f"The answer is {kind(raw)}, not an object.", fix=_FIX, body=_start(body))
    if answer and raw.get("error") and not raw.get(answer):
        raise from_error(raw["error"])
    try:
        return read(raw)
    except MisfitError as error:
        raise BrokenAnswerError(error.what, where=error.path, fix=_FIX, body=_start(body)) from None


def _start(body: bytes) -> str:
    """What is shown of an answer that cannot be used; of every other one it would cost more than the reading."""
    return upstream_errors.clean(body[:_SHOWN].decode("utf-8", "replace"))
