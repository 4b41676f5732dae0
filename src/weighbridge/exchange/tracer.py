"""The trace of one exchange while it happens: attempts, times, tokens, cost. It is recorded exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from weighbridge.canon import Attempt, Engine, Loss, Reply, Request, TextPart, ToolResultPart, Trace, Usage
from weighbridge.engines.clock import Clock
from weighbridge.errors import EngineError
from weighbridge.exchange.call import Call

CHARS_PER_TOKEN = 4.0
"""English text in common tokenizers: about four characters a token. Only for estimates, which say that they are."""


def day_of(now: float) -> str:
    """The UTC day (`YYYY-MM-DD`) of a wall-clock time: the day whose price applies."""
    return time.strftime("%Y-%m-%d", time.gmtime(now))


def estimate_usage(request: Request, reply: Reply | None) -> Usage:
    """Tokens where the engine told none (a cancelled stream, a host that is silent), marked as an estimate."""
    asked = sum(_size(part) for message in request.messages for part in message.parts)
    told = sum(_size(part) for choice in reply.choices for part in choice.parts) if reply else 0
    return Usage(input=round(asked / CHARS_PER_TOKEN), output=round(told / CHARS_PER_TOKEN), estimated=True)


def _size(part: object) -> int:
    if isinstance(part, ToolResultPart):
        return sum(len(p.text) for p in part.parts if isinstance(p, TextPart))
    return len(getattr(part, "text", "")) + len(getattr(part, "arguments", ""))


class Tracer:
    """Collects what happens in one exchange. `end` closes it; later calls of `end` change nothing.

    Args:
        call: What is being answered.
        trace_id: The exchange's id.
        plan: The number of the plan in force when it began.
        clock: Both clocks.
        record: Where the finished trace goes.
    """

    def __init__(self, call: Call, *, trace_id: str, plan: int, clock: Clock, record: Callable[[Trace], None]) -> None:
        self._call = call
        self._clock = clock
        self._record = record
        self._at = clock.now()
        self._began = clock.monotonic()
        self._attempts: list[Attempt] = []
        self.id = trace_id
        self.plan = plan
        self.route = call.route or call.request.model
        self.engine: Engine | None = None
        self.losses: tuple[Loss, ...] = ()
        self.first_token: float | None = None
        self.trace: Trace | None = None

    @property
    def attempts(self) -> int:
        """How many calls of engines were made so far."""
        return len(self._attempts)

    def attempt(self, attempt: Attempt) -> None:
        """One call of one engine is over; its times are on the monotonic clock."""
        self._attempts.append(
            Attempt(
                engine=attempt.engine,
                started=attempt.started - self._began,
                ended=attempt.ended - self._began,
                outcome=attempt.outcome,
                status=attempt.status,
                message=attempt.message[:500],
            )
        )

    def spoil(self, ended: float, error: EngineError) -> None:
        """The last attempt began well, then its answer broke before anything of it was passed on."""
        last = replace(self._attempts.pop(), ended=ended - self._began, outcome=error.code, message=error.what[:500])
        self._attempts.append(last)

    def lose(self, losses: Iterable[Loss]) -> None:
        """More was lost on the way; what is known already is not told twice."""
        self.losses = tuple(dict.fromkeys((*self.losses, *losses)))

    def token(self) -> None:
        """The first content arrived (only the first call counts)."""
        if self.first_token is None:
            self.first_token = self._clock.monotonic() - self._began

    def end(self, outcome: str = "ok", *, reply: Reply | None = None, error: str = "") -> Trace:
        """Close and record the trace, with the tokens and their cost at the price of the day it began."""
        if self.trace is not None:
            return self.trace
        usage = cost = None
        currency = "USD"
        if self.engine is not None:
            usage = reply.usage if reply and reply.usage else estimate_usage(self._call.request, reply)
            day = day_of(self._at)
            cost = self.engine.cost(usage, day)
            price = self.engine.price_at(day)
            currency = price.currency if price else currency
        self.trace = Trace(
            id=self.id,
            at=self._at,
            route=self.route,
            engine=self.engine.name if self.engine else "",
            plan=self.plan,
            outcome=outcome,
            dialect=self._call.dialect,
            streamed=self._call.request.stream,
            conversation=self._call.conversation,
            source=self._call.source,
            first_token=self.first_token,
            total=self._clock.monotonic() - self._began,
            usage=usage,
            cost=cost,
            currency=currency,
            attempts=tuple(self._attempts),
            losses=self.losses,
            error=error,
            request=self._call.request,
            reply=reply,
        )
        self._record(self.trace)
        return self.trace
