"""One call of one engine, from before it is sent to what it costs. Tokens that nobody told are estimated, and marked."""

from __future__ import annotations

import math
from typing import Protocol

from msgspec.structs import replace

from weighbridge.canon import Attempt, Engine, Reply, Request, TextPart, ToolResultPart, Usage

CHARS_PER_TOKEN = 4.0
"""English text in common tokenizers: about four characters a token. Only for estimates, which say that they are."""
LONGEST_MESSAGE = 500  #: characters of an error that a trace keeps


class Ledger(Protocol):
    """Keeps what exchanges under way owe, where it outlives this process."""

    def owe(self, trace_id: str, engine: str, attempts: tuple[Attempt, ...], note: bytes) -> None:
        """Write down what an exchange owes by now, in place of what was written before.

        Args:
            trace_id: The exchange.
            engine: Who answers; "" while nobody does.
            attempts: Its calls that may be charged for, as they would stand if this process died now.
            note: What its permit has reserved; see `Permit.note`.
        """
        ...


def estimate_usage(request: Request, reply: Reply | None) -> Usage:
    """Tokens where the engine told none (a cancelled stream, a host that is silent), marked as an estimate.

    Rounded up: whatever is said takes a token.
    """
    asked = sum(_size(part) for message in request.messages for part in message.parts)
    told = sum(_size(part) for choice in reply.choices for part in choice.parts) if reply else 0
    return Usage(input=math.ceil(asked / CHARS_PER_TOKEN), output=math.ceil(told / CHARS_PER_TOKEN), estimated=True)


def _size(part: object) -> int:
    if isinstance(part, ToolResultPart):
        return sum(len(p.text) for p in part.parts if isinstance(p, TextPart))
    return len(getattr(part, "text", "")) + len(getattr(part, "arguments", ""))


class Try:
    """A call of an engine. Times are on the monotonic clock.

    Attributes:
        ended: When its answer began, or it failed; None while nobody knows.
        billed: May its host charge for it?
        usage: The tokens, as the host told them or as far as they are guessed.
    """

    __slots__ = ("billed", "ended", "engine", "hedge", "message", "outcome", "started", "status", "usage")

    def __init__(self, engine: Engine, started: float, *, hedge: bool, billed: bool) -> None:
        self.engine = engine
        self.started = started
        self.hedge = hedge
        self.billed = billed
        self.ended: float | None = None
        self.outcome = "ok"
        self.status: int | None = None
        self.message = ""
        self.usage: Usage | None = None

    def close(self, ended: float, outcome: str, status: int | None = None, message: str = "") -> None:
        """How it went."""
        self.ended, self.outcome, self.status, self.message = ended, outcome, status, message[:LONGEST_MESSAGE]

    def told(self, usage: Usage | None, guess: Usage, *, whole: bool) -> None:
        """What it used: as the host told where its answer is whole, else at least what is known to have passed.

        Args:
            usage: What the host told last.
            guess: The tokens by the length of what was asked and answered.
            whole: Is the answer complete?
        """
        if usage is None:
            self.usage = guess
        elif whole:
            self.usage = usage
        else:
            most = max(usage.output, guess.output)
            self.usage = replace(usage, input=usage.input or guess.input, output=most, estimated=True)

    def attempt(self, began: float, now: float, day: str, *, service: str, unsaid: Usage) -> Attempt:
        """It as a trace tells it.

        Args:
            began: When the exchange began.
            now: The end of a try that is still under way.
            day: Whose price counts.
            service: The service tier that was asked for.
            unsaid: The tokens of a try of which nothing is known but what was asked.
        """
        ended = now if self.ended is None else self.ended
        usage = (self.usage or unsaid) if self.billed else None
        price = self.engine.price_at(day) if self.billed else None
        cost = price.cost(usage, service) if price is not None and usage is not None else None
        return Attempt(
            self.engine.name,
            self.started - began,
            ended - began,
            self.outcome,
            self.status,
            self.message,
            self.billed,
            usage,
            cost,
            price.currency if price is not None else "USD",
            self.hedge,
        )
