"""One file per wire format: pure functions between bytes and the canon, no I/O."""

from __future__ import annotations

from weighbridge.dialects.anthropic_messages import AnthropicMessages
from weighbridge.dialects.base import Dialect, Relay, StreamReader, StreamWriter
from weighbridge.dialects.gemini_generate import GeminiGenerate
from weighbridge.dialects.openai_chat import OpenAIChat
from weighbridge.dialects.openai_responses import OpenAIResponses
from weighbridge.errors import InputError, did_you_mean

_ALL: dict[str, Dialect] = {
    dialect.name: dialect for dialect in (AnthropicMessages(), GeminiGenerate(), OpenAIChat(), OpenAIResponses())
}

#: The dialects that are known, in order.
NAMES = tuple(sorted(_ALL))


def get(name: str) -> Dialect:
    """A dialect by its name.

    Raises:
        InputError: There is none of this name.
    """
    found = _ALL.get(name)
    if found is None:
        raise InputError(f"There is no dialect '{name}'.", where="dialect", fix=did_you_mean(name, NAMES))
    return found


__all__ = ["NAMES", "Dialect", "Relay", "StreamReader", "StreamWriter", "get"]
