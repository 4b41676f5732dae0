"""The vendors' own Python types, where their SDKs are installed: what we write must fit them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import msgspec

from weighbridge.dialects.sse import SSE
from weighbridge.wire.checks import Parse

Validate = Callable[[Any], object]


def installed() -> dict[str, Parse]:
    """A parser for each dialect whose vendor's SDK is there."""
    found: dict[str, Parse] = {}
    if find_spec("openai"):
        found["openai-chat"] = _Parser(*_chat())
        found["openai-responses"] = _Parser(*_responses())
    if find_spec("anthropic"):
        found["anthropic-messages"] = _Parser(*_anthropic())
    if find_spec("google") and find_spec("google.genai"):
        found["gemini-generate"] = _Parser(*_gemini())
    return found


class _Parser:
    """Parses whole replies with one type, and each event of a stream with another."""

    def __init__(self, reply: Validate, event: Validate) -> None:
        self._reply = reply
        self._event = event

    def __call__(self, kind: str, body: bytes) -> None:
        """Raise where the body does not fit."""
        if kind == "reply":
            self._reply(msgspec.json.decode(body))
            return
        sse = SSE()
        for _, data in sse.feed(body) + sse.close():
            if data != b"[DONE]":
                self._event(msgspec.json.decode(data))


def _chat() -> tuple[Validate, Validate]:
    from openai.types.chat import ChatCompletion, ChatCompletionChunk

    return ChatCompletion.model_validate, ChatCompletionChunk.model_validate


def _responses() -> tuple[Validate, Validate]:
    from openai.types.responses import Response, ResponseStreamEvent
    from pydantic import TypeAdapter

    events: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    return Response.model_validate, events.validate_python


def _anthropic() -> tuple[Validate, Validate]:
    from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent  # with the fields behind beta flags, too
    from pydantic import TypeAdapter

    events: TypeAdapter[Any] = TypeAdapter(BetaRawMessageStreamEvent)
    return BetaMessage.model_validate, events.validate_python


def _gemini() -> tuple[Validate, Validate]:
    from google.genai.types import GenerateContentResponse

    return GenerateContentResponse.model_validate, GenerateContentResponse.model_validate
