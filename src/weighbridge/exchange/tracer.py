"""The trace of one exchange while it happens: attempts, times, tokens, cost. It is recorded exactly once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from functools import cached_property

from weighbridge.canon import Attempt, Engine, Loss, Reply, Request, Route, Trace, Usage
from weighbridge.engines.clock import Clock
from weighbridge.errors import EngineError, WeighbridgeError
from weighbridge.exchange.call import Call
from weighbridge.exchange.permit import Permit
from weighbridge.exchange.tries import CHARS_PER_TOKEN, Ledger, Try, estimate_usage
from weighbridge.exchange.veil import Veil
from weighbridge.routes.arms import Arm

PASSED_OVER = "passed_over"  #: the outcome of an attempt that was none
LOST = "lost"  #: the outcome of an attempt that another engine was faster than
_TELL_AT = 64  #: tokens of a stream after which its ledger hears of them for the first time; then each time they double


def day_of(now: float) -> str:
    """The UTC day (`YYYY-MM-DD`) of a wall-clock time: the day whose price applies."""
    return time.strftime("%Y-%m-%d", time.gmtime(now))


class Tracer:
    """Collects what happens in one exchange. `end` closes it; later calls of `end` change nothing.

    Args:
        call: What is being answered.
        trace_id: The exchange's id.
        plan: The number of the plan in force when it began.
        clock: Both clocks.
        record: Where the finished trace goes.
        ledger: Keeps what is owed until then.

    Attributes:
        cached: Is the answer one that was given before? Then nothing is charged.
        used: The tokens of that answer when it was made.
        told: Headers for the caller, besides those of the permit.
        won: Called with the engine that answers, before anything else happens.
        veil: What hides the request from its engines; None: nothing does.
        swap: The id of the move that is under way for its conversation.
        arm: On which side of it the conversation is.
        shadowed: The route whose shadow repeats it; None where none does.
        ended: Called with the trace when the exchange ends, before the permit is settled; must not fail.
    """

    def __init__(
        self,
        call: Call,
        *,
        trace_id: str,
        plan: int,
        clock: Clock,
        record: Callable[[Trace], None],
        ledger: Ledger | None = None,
    ) -> None:
        self._call = call
        self._clock = clock
        self._record = record
        self._ledger = ledger
        self._at = clock.now()
        self._day = day_of(self._at)
        self._began = clock.monotonic()
        self._tries: list[Try] = []
        self._tell_at = _TELL_AT
        self._heard = 0
        self.id = trace_id
        self.plan = plan
        self.route = call.route or call.request.model
        self.engine: Engine | None = None
        self.losses: tuple[Loss, ...] = ()
        self.first_token: float | None = None
        self._permit: Permit | None = None
        self.cached = False
        self.used: Usage | None = None
        self.told: list[tuple[bytes, bytes]] = []
        self.won: Callable[[Engine], None] | None = None
        self.ended: list[Callable[[Trace], None]] = []
        self.veil: Veil | None = None
        self.swap = ""
        self.arm: Arm = ""
        self.shadowed: Route | None = None
        self.trace: Trace | None = None

    @property
    def permit(self) -> Permit | None:
        """Leave to go on, settled when the exchange ends."""
        return self._permit

    @permit.setter
    def permit(self, permit: Permit | None) -> None:
        self._permit = permit
        self.owe()  # what is reserved is to be given back if this process dies now

    def asking(self, engine: Engine, *, hedge: bool = False) -> Asking:
        """An engine is about to be asked; `hedge`: beside another one."""
        return Asking(self, engine, hedge=hedge)

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the caller is told besides the answer."""
        limits = self.permit.told(self._call.dialect) if self.permit is not None else ()
        return (*limits, *self.told)

    def win(self, engine: Engine) -> bool:
        """This engine has an answer. False where another one was first; else the others lose."""
        if self.engine is not None:
            return False
        self.engine = engine
        now = self._clock.monotonic()
        for one in self._tries:
            if one.engine is not engine and one.outcome == "ok":
                one.close(now, LOST, one.status, f"{engine.name} answered first.")
        if self.won is not None:
            self.won(engine)
        return True

    def lose(self, losses: Iterable[Loss]) -> None:
        """More was lost on the way; what is known already is not told twice."""
        self.losses = tuple(dict.fromkeys((*self.losses, *losses)))

    def token(self) -> None:
        """The first content arrived (only the first call counts)."""
        if self.first_token is None:
            self.first_token = self._clock.monotonic() - self._began

    def heard(self, characters: int) -> None:
        """So much more of a stream was passed on: what is owed grows while nobody tells how much it is."""
        self._heard += characters
        tokens = math.ceil(self._heard / CHARS_PER_TOKEN)
        if tokens >= self._tell_at and (answering := self._answering()) is not None:
            self._tell_at = 2 * tokens
            unsaid = self.unsaid
            answering.usage = Usage(input=unsaid.input, output=tokens, estimated=True)
            self.owe()

    def end(self, outcome: str = "ok", *, reply: Reply | None = None, error: str = "", whole: bool = False) -> Trace:
        """Close and record the trace, with the tokens and their cost at the price of the day it began.

        Args:
            outcome: How it went.
            reply: What was answered, as far as it came.
            error: Why it went wrong.
            whole: Was the answer complete, however the exchange ended?
        """
        if self.trace is not None:
            return self.trace
        now = self._clock.monotonic()
        answering = self._answering()
        for one in self._tries:
            # What was under way, or had just begun to answer, ends as the exchange does.
            if one.ended is None or (self.engine is None and one.outcome == "ok"):
                one.close(now, outcome, message=error)
        if answering is not None and reply is not None:
            told = reply.usage
            if told is not None or not answering.usage or answering.usage.estimated:
                guess = estimate_usage(self._call.request, reply)
                answering.told(told, guess, whole=whole or outcome == "ok")
        self.trace = self._made(outcome, now, reply, error)
        for tell in self.ended:
            tell(self.trace)
        if self.permit is not None:
            self.permit.settle(self.trace)
        if self._ledger is not None:
            self._ledger.owe(self.id, self.trace.engine, tuple(a for a in self.trace.attempts if a.billed), b"")
        self._record(self.trace)
        return self.trace

    def _made(self, outcome: str, now: float, reply: Reply | None, error: str) -> Trace:
        attempts = tuple(self._attempts(now))
        usage, cost, currency = self._owed(attempts)
        key = self._call.key
        request: Request | None = self._call.request
        conversation, masked = self._call.conversation, None
        if self.veil is not None:
            asked = self.engine.name if self.engine else attempts[-1].engine if attempts else ""
            request, masked = self.veil.seen(asked)
            if masked is not None:
                conversation = masked.conversation
                if reply is not None and masked.masking.traces == "original":
                    reply = masked.recorded(reply)
            elif request is None:
                conversation = ""
        return Trace(
            id=self.id,
            at=self._at,
            route=self.route,
            engine=self.engine.name if self.engine else "",
            plan=self.plan,
            outcome=outcome,
            dialect=self._call.dialect,
            streamed=self._call.request.stream,
            conversation=conversation,
            source=self._call.source,
            first_token=self.first_token,
            total=now - self._began,
            usage=usage,
            cost=cost,
            currency=currency,
            attempts=attempts,
            losses=self.losses,
            error=error,
            key=key.id if key else "",
            team=key.team if key else "",
            cached=self.cached,
            swap=self.swap or self._call.swap,
            arm=self.arm or ("shadow" if self._call.pair else ""),
            pair=self._call.pair,
            mask=masked.level if masked is not None else "none",
            masked=masked.counts if masked is not None else {},
            request=request,
            reply=reply,
        )

    def _owed(self, attempts: tuple[Attempt, ...]) -> tuple[Usage | None, int | None, str]:
        """The answer's tokens, and what all attempts cost together in one currency: the answering engine's."""
        billed = [attempt for attempt in attempts if attempt.billed]
        price = self.engine.price_at(self._day) if self.engine else None
        currency = price.currency if price else next((a.currency for a in billed if a.cost is not None), "USD")
        if self.cached:
            return self.used, 0, currency
        name = self.engine.name if self.engine else ""
        answered = next((a for a in reversed(billed) if a.engine == name and a.outcome == "ok"), None)
        usage = answered.usage if answered is not None else None
        if answered is not None and answered.cost is None:
            return usage, None, currency
        costs = [a.cost for a in billed if a.cost is not None and a.currency == currency]
        return usage, (sum(costs) if costs else None), currency

    # --- what an engine that is asked tells ----------------------------------------------------

    @property
    def now(self) -> float:
        """The monotonic clock."""
        return self._clock.monotonic()

    @cached_property
    def unsaid(self) -> Usage:
        """What a call uses at least of which nothing is known but that it was sent."""
        return estimate_usage(self._call.request, None)

    def guess(self, reply: Reply) -> Usage:
        """About what a call used that was answered so."""
        return estimate_usage(self._call.request, reply)

    def add(self, one: Try) -> None:
        """One more call."""
        self._tries.append(one)

    def owe(self) -> None:
        """Let the ledger know what is owed by now."""
        if self._ledger is None or self.trace is not None:
            return
        billed = tuple(a for a in self._attempts(self._clock.monotonic()) if a.billed)
        note = self.permit.note() if self.permit is not None else b""
        self._ledger.owe(self.id, self.engine.name if self.engine else "", billed, note)

    def _attempts(self, now: float) -> Iterable[Attempt]:
        service = self._call.request.service_tier
        return [one.attempt(self._began, now, self._day, service=service, unsaid=self.unsaid) for one in self._tries]

    def _answering(self) -> Try | None:
        """The call that is being answered, or was."""
        if self.engine is None or self.cached:
            return None
        name = self.engine.name
        return next((t for t in reversed(self._tries) if t.engine.name == name and t.outcome == "ok"), None)


class Asking:
    """One engine that is asked within an exchange, as often as it takes. Several may be asked at once.

    Args:
        tracer: Of the exchange.
        engine: Who is asked.
        hedge: Beside another one, which is slow?
    """

    def __init__(self, tracer: Tracer, engine: Engine, *, hedge: bool) -> None:
        self._tracer = tracer
        self.engine = engine
        self._hedge = hedge
        self._now: Try | None = None
        self.asked = False  #: was there a try, successful or not?

    def sending(self) -> None:
        """A try is about to be sent: from now on its host may charge for it."""
        self._now = Try(self.engine, self._tracer.now, hedge=self._hedge, billed=True)
        self._tracer.add(self._now)
        self._tracer.owe()

    def tried(self, attempt: Attempt) -> None:
        """A try failed, or its answer began; times are on the monotonic clock."""
        self.asked = True
        one = self._now
        if one is None or one.ended is not None:
            one = Try(self.engine, attempt.started, hedge=self._hedge, billed=attempt.billed)
            self._tracer.add(one)
        one.started, one.billed = attempt.started, attempt.billed
        one.close(attempt.ended, attempt.outcome, attempt.status, attempt.message)
        self._now = one
        if not attempt.billed:
            self._tracer.owe()

    def read(self, reply: Reply) -> None:
        """The whole answer is here; whatever happens to it now, this is what it used."""
        if self._now is not None:
            guess = self._tracer.guess(reply) if reply.usage is None else self._tracer.unsaid
            self._now.told(reply.usage, guess, whole=True)
            self._tracer.owe()

    def spoil(self, error: EngineError) -> None:
        """The last try began well, then its answer broke before anything of it was passed on."""
        if self._now is not None:
            self._now.close(self._tracer.now, error.code, self._now.status, error.what)

    def fail(self, error: WeighbridgeError, started: float | None = None) -> None:
        """It never came to a try: no key, an engine that does not load, a request that it cannot be asked."""
        now = self._tracer.now
        status = error.status if isinstance(error, EngineError) else None
        self.tried(Attempt(self.engine.name, now if started is None else started, now, error.code, status, error.what))

    def passed(self, error: EngineError) -> None:
        """It was not asked: it is left alone for now, or a limit of ours is reached."""
        now = self._tracer.now
        self.tried(Attempt(self.engine.name, now, now, PASSED_OVER, None, error.what))
