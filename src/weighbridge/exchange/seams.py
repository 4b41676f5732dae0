"""What the road asks of parts that live elsewhere, beside a permit: which engines may be asked, and a kept answer."""

from __future__ import annotations

from typing import Protocol

from weighbridge.canon import Engine, Plan
from weighbridge.exchange.answer import StreamedAnswer, WholeAnswer
from weighbridge.exchange.call import Call
from weighbridge.exchange.tracer import Tracer
from weighbridge.routes import Choice


class Screen(Protocol):
    """Knows which engines may answer a request."""

    def admitted(self, call: Call, plan: Plan, choice: Choice, *, talks: bool = True) -> tuple[Engine, ...]:
        """Those of the choice's engines that every policy admits, in their order. Asked for each request.

        `talks`: is it a conversation? What is none (embeddings, counts) gives no output tokens.

        Raises:
            PolicyError: None of them, with the reason for each.
        """
        ...


class Cache(Protocol):
    """Knows answers that were given before."""

    def look(self, call: Call, choice: Choice, tracer: Tracer) -> WholeAnswer | StreamedAnswer | None:
        """The answer to an equal request, if one is kept that this caller may have. None: an engine is asked.

        It may put headers into `tracer.told`. To keep the answer that an engine gives now, it adds to `tracer.ended`.
        A kept answer sets `tracer.cached` and `tracer.engine`, and ends the trace as every answer does.

        Args:
            call: What is asked.
            choice: Who may answer: the engines that every policy admits.
            tracer: The exchange.
        """
        ...
