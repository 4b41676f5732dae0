"""Counting the tokens of a request without answering it: how the dialects that know this ask for it and tell it.

A count asks about a request, so it is read and written through the canon as that request; only its frame is here.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from weighbridge import dialects
from weighbridge.canon import Profile, Request
from weighbridge.dialects.strict import decode, kind
from weighbridge.errors import BrokenAnswerError, InputError

#: The dialects that can ask for a count, the simplest answer first.
NAMES = ("anthropic-messages", "gemini-generate")
_ANTHROPIC, _GEMINI = NAMES
_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_MOST = 1 << 53
#: What says how to answer, not what is asked: an error where a count is asked for.
_ANSWERING = (
    "container",
    "diagnostics",
    "fallbacks",
    "inference_geo",
    "max_tokens",
    "metadata",
    "service_tier",
    "stop_sequences",
    "stream",
    "temperature",
    "top_k",
    "top_p",
)


class _Told(Struct):
    input_tokens: int | None = None
    totalTokens: int | None = None  # noqa: N815 - the wire's word


_TOLD = msgspec.json.Decoder(_Told)


def target(dialect: str, model: str) -> str:
    """What is appended to a host's address to ask for a count.

    Args:
        dialect: One of `NAMES`.
        model: What the host calls the model.
    """
    path = dialects.get(dialect).target(model, stream=False).partition("?")[0]
    return path.rpartition(":")[0] + ":countTokens" if dialect == _GEMINI else f"{path}/count_tokens"


def read_request(dialect: str, body: bytes, *, max_depth: int = 64, model: str = "") -> Request:
    """Read what a client wants to have counted.

    Args:
        dialect: One of `NAMES`.
        body: The request's body.
        max_depth: How deep it may nest.
        model: What the path names.

    Raises:
        InputError: It cannot be used; `where` is the field's path.
        TooLargeError: It nests deeper than `max_depth`.
    """
    if dialect == _GEMINI:
        body = _unwrapped(body, max_depth)
    return dialects.get(dialect).read_request(body, max_depth=max_depth, model=model)


def write_request(dialect: str, request: Request, profile: Profile) -> bytes:
    """Write a count for an engine, its profile applied. `request.model` is the name at the host.

    What only says how to answer is left out: nothing of it is counted, so no loss is told.

    Args:
        dialect: One of `NAMES`.
        request: What is to be counted.
        profile: The engine's quirks where this dialect is spoken.
    """
    body, _ = dialects.get(dialect).write_request(request, profile)
    out: dict[str, Any] = _DECODE(body)
    if dialect == _ANTHROPIC:
        return _ENCODE({name: value for name, value in out.items() if name not in _ANSWERING})
    if out.keys() <= {"contents"}:
        return _ENCODE(out)  # every host of the dialect understands this form
    return _ENCODE({"generateContentRequest": {"model": f"models/{request.model.removeprefix('models/')}", **out}})


def read_answer(body: bytes) -> int:
    """The tokens that a host counted.

    Raises:
        BrokenAnswerError: It does not say.
    """
    try:
        told = _TOLD.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenAnswerError(f"The count cannot be read: {error}.") from error
    counted = told.input_tokens if told.input_tokens is not None else told.totalTokens
    if counted is None or not 0 <= counted <= _MOST:
        raise BrokenAnswerError("The answer tells no count.")
    return counted


def write_answer(dialect: str, tokens: int) -> bytes:
    """Tell a client the tokens."""
    return _ENCODE({"totalTokens": tokens} if dialect == _GEMINI else {"input_tokens": tokens})


def _unwrapped(body: bytes, max_depth: int) -> bytes:
    """The request that a count is about: the body itself, or what stands in it as a whole."""
    asked = decode(body, max_depth)
    inner = asked.get("generateContentRequest", asked.get("generate_content_request"))
    if inner is None:
        return body
    if type(inner) is not dict:
        raise InputError(
            f"It is {kind(inner)}.", where="generateContentRequest", fix="Give an object, as for an answer."
        )
    return _ENCODE({name: value for name, value in inner.items() if name != "model"})
