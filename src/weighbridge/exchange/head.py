"""The beginning of a stream: nothing is passed on before there is some content, for until then another engine may answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from weighbridge.canon import Begin, Event, Failure
from weighbridge.dialects.base import Relay
from weighbridge.errors import BrokenAnswerError
from weighbridge.exchange.answer import Steps

MAX_HEAD = 4 * 1024 * 1024
"""Bytes of a stream that may pass without any content before it counts as broken."""


async def read_head(source: AsyncIterator[bytes], relay: Relay) -> Steps:
    """The stream up to its first content.

    Raises:
        BrokenAnswerError: It failed, or ended, before any content: another engine may still answer.
    """
    steps: Steps = []
    size = 0
    async for chunk in source:
        step = relay.feed(chunk)
        steps.append(step)
        if _has_content(step[1]):
            return steps
        size += len(chunk)
        if size > MAX_HEAD:
            raise BrokenAnswerError(f"The engine sent {size} bytes without any content.")
    _has_content(relay.close()[1])
    raise BrokenAnswerError("The engine's stream ended before it began.")


def _has_content(events: list[Event]) -> bool:
    for event in events:
        if isinstance(event, Failure):
            raise BrokenAnswerError(f"The engine answered with an error: {event.message}")
        if not isinstance(event, Begin):
            return True
    return False
