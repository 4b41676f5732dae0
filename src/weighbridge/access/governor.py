"""Lets exchanges in as far as the rules of their key, team, route and engines allow, and counts what they used."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from weighbridge.access import headers, refusals
from weighbridge.access.estimate import Estimate
from weighbridge.access.line import POLL, Bell, Line
from weighbridge.access.meters import (
    CONCURRENCY,
    DAY,
    FIELDS,
    INPUT,
    MONTH,
    OUTPUT,
    REQUESTS,
    Level,
    Meters,
    Refusal,
    Reservation,
    Want,
    note,
)
from weighbridge.canon import Engine, Key, Request, Rule, Trace, Usage, charges
from weighbridge.engines.clock import SYSTEM, Clock
from weighbridge.errors import BudgetError, LimitError, RateLimitedError
from weighbridge.settings import Limits

PATIENCE = 2.0  #: seconds to wait for a lease, or for what was spent before
_BURY = 1.0  #: seconds between two looks for processes that died

Count = Callable[[str, tuple[str, ...]], None]

log = logging.getLogger("weighbridge.access")


class Asked(Protocol):
    """What is needed of a call."""

    @property
    def request(self) -> Request:
        """What is asked."""
        ...

    @property
    def dialect(self) -> str:
        """The client's."""
        ...

    @property
    def caller(self) -> str:
        """Tells callers apart."""
        ...

    @property
    def key(self) -> Key | None:
        """What was shown."""
        ...


class Governor:
    """Gives permits; see `weighbridge.exchange.permit`.

    Args:
        meters: What is counted.
        rule: The rule of a subject.
        limits: How long callers wait, and how many; what a request may answer that does not say.
        clock: Both clocks.
        count: Counts a named event, with labels.
    """

    def __init__(
        self,
        meters: Meters,
        rule: Callable[[str], Rule | None],
        limits: Limits,
        *,
        clock: Clock = SYSTEM,
        count: Count = lambda _name, _labels: None,
    ) -> None:
        self.meters = meters
        self.rule = rule
        self.clock = clock
        self._limits = limits
        self._count = count
        self._lines: dict[str, Line] = {}
        self._buried = 0.0
        #: rung when something was given back
        self.bell = Bell()

    async def admit(self, call: Asked, *, trace_id: str, route: str, engine: Engine, deadline: float) -> Permit:
        """Reserve what an exchange may use; waits its turn where only too many are under way.

        Raises:
            LimitError: A limit is reached, or the queue is full.
            BudgetError: A budget would be overspent, or it cannot be known.
        """
        permit = Permit(self, Estimate(call.request, at=self.clock.now(), output=self._limits.output_tokens))
        permit.rules = [rule for subject in _subjects(call.key, route) if (rule := self.rule(subject)) is not None]
        own = self.rule(f"engine:{engine.name}")
        if not permit.rules and own is None:
            return permit
        try:
            wants = permit.wants(engine)
            if own is not None:
                with contextlib.suppress(BudgetError):  # of its own: `enter` tells it, and another engine may be asked
                    await self._known(permit.engine_wants(own, engine), deadline)
            permit.begin(await self._reserved(wants, call.caller or trace_id, trace_id, deadline))
        except LimitError as error:
            self._count("weighbridge_limited_total", (error.code, error.where.partition(":")[0]))
            self._tell(error, call.dialect, permit.seen)
            raise
        self.warn(permit.levels)
        return permit

    def _tell(self, error: LimitError, dialect: str, levels: Iterable[Level]) -> None:
        if not error.told:
            error.told = headers.told(dialect, tuple(levels), self.clock.now())

    async def _known(self, wants: list[Want], deadline: float) -> None:
        """An engine's limits are leased, and what it spent is known, before its call: then nothing can wait any more."""
        refusal = self.meters.look(wants)
        until = min(deadline, self.clock.monotonic() + PATIENCE)
        while refusal is not None and self.clock.monotonic() < until:
            await self.bell.heard(POLL)
            refusal = self.meters.look(wants)

    async def _reserved(self, wants: list[Want], caller: str, trace_id: str, deadline: float) -> Reservation:
        if not wants:
            return NOTHING
        names = [want.subject for want in wants if want.field == CONCURRENCY]
        if not any(name in self._lines for name in names):
            found = self.meters.reserve(wants)
            if isinstance(found, Reservation):
                return found
        else:
            found = next(_refused(want) for want in wants if want.field == CONCURRENCY and want.subject in self._lines)
        while True:
            if found.why != "limit":
                found = await self._patient(wants, deadline)
            elif found.want.field == CONCURRENCY and found.want.limit > 0:
                found = await self._in_line(found, wants, caller, trace_id, deadline)
            else:
                raise refusals.error(found, self.clock.now())
            if isinstance(found, Reservation):
                return found

    async def _patient(self, wants: list[Want], deadline: float) -> Reservation | Refusal:
        """Wait until what is not known or not leased yet is."""
        until = min(deadline, self.clock.monotonic() + PATIENCE)
        while True:
            await self.bell.heard(POLL)
            found = self.meters.reserve(wants)
            if isinstance(found, Reservation) or found.why == "limit":
                return found
            if self.clock.monotonic() >= until:
                raise refusals.error(found, self.clock.now())

    async def _in_line(
        self, refused: Refusal, wants: list[Want], caller: str, trace_id: str, deadline: float
    ) -> Reservation | Refusal:
        """Wait for the turn at a subject, then until it has room for one more; a refusal is one for another reason."""
        subject, until = refused.want.subject, self.clock.monotonic() + self._limits.queue_seconds
        until = min(until, deadline)
        if not self._limits.queue:
            raise refusals.error(refused, self.clock.now())
        line = self._lines.setdefault(subject, Line(self._limits.queue, lambda: self._closed(subject)))
        # A key's own requests go in order; those of many keys take turns.
        await line.enter(trace_id if subject.startswith("key:") else caller, max(0.0, until - self.clock.monotonic()))
        try:
            while True:
                found = self.meters.reserve(wants)
                if isinstance(found, Reservation) or found.want != refused.want:
                    return found
                if self.clock.monotonic() >= until:
                    raise refusals.error(found, self.clock.now())
                self._bury()
                await self.bell.heard(POLL)
        finally:
            line.leave()

    def _closed(self, subject: str) -> None:
        self._lines.pop(subject, None)

    def _bury(self) -> None:
        """What a dead process held must not keep others waiting, whether its parent lives or not."""
        if self.clock.monotonic() - self._buried >= _BURY:
            self._buried = self.clock.monotonic()
            self.meters.bury()

    def warn(self, levels: Iterable[Level]) -> None:
        """Tell, once for each span, of budgets near their end."""
        for level in levels:
            if headers.warns(level) and self.meters.first_warning(level):
                name, field = level.want.subject, FIELDS[level.want.field]
                self._count("weighbridge_budget_warnings_total", (name.partition(":")[0], field))
                log.warning(
                    "the budget of %s for the %s nears its end: %d of %d micro-units of %s are spent or reserved",
                    *(name, field, level.taken, level.want.limit, level.want.currency),
                )


class Permit:
    """One exchange that was let in, with what is reserved for it until it ends."""

    def __init__(self, governor: Governor, estimate: Estimate) -> None:
        self._governor = governor
        self._estimate = estimate
        self._whole = NOTHING
        self._calls: list[tuple[str, Reservation]] = []
        self._inside: list[tuple[str, Reservation]] = []
        self._money = 0
        self._settled = False
        #: of its key, team and route
        self.rules: list[Rule] = []

    @property
    def levels(self) -> tuple[Level, ...]:
        """How its limits stand."""
        return self._whole.levels

    @property
    def seen(self) -> tuple[Level, ...]:
        """How its limits stand, whether it was let in or not."""
        return self.levels or self._governor.meters.levels(
            [want for rule in self.rules for want in self._limits(rule) if want.field <= OUTPUT]
        )

    def begin(self, reservation: Reservation) -> None:
        """It was let in."""
        self._whole = reservation

    def wants(self, engine: Engine) -> list[Want]:
        """What it may use of the limits of its key, team and route."""
        found = []
        for rule in self.rules:
            found += self._limits(rule, engine)
            found += self._budgets(rule, engine)
        return found

    def engine_wants(self, rule: Rule, engine: Engine) -> list[Want]:
        """What one call may use of an engine's limits."""
        return self._limits(rule, engine) + self._budgets(rule, engine)

    def told(self, dialect: str) -> tuple[tuple[bytes, bytes], ...]:
        """The headers by which a dialect tells its clients how much of their limits is left, and of budgets near their end."""
        if not self.levels:
            return ()
        now = self._governor.clock.now()
        return headers.told(dialect, self.levels, now) + headers.budgets(self.levels, FIELDS)

    def note(self) -> bytes:
        """What must be released if this process dies now."""
        return note([self._whole, *(reservation for _, reservation in self._calls)])

    def enter(self, engine: Engine) -> None:
        """Take what the limits of an engine allow for one more call.

        Raises:
            RateLimitedError: A limit of ours on this engine is reached; another engine may be asked.
        """
        rule = self._governor.rule(f"engine:{engine.name}")
        try:
            wants = self.engine_wants(rule, engine) if rule is not None else []
            wants += self._more(engine)
            found = self._governor.meters.reserve(wants) if wants else NOTHING
        except LimitError as error:
            raise _as_engines(engine, error) from error
        if isinstance(found, Refusal):
            raise _as_engines(engine, refusals.error(found, self._governor.clock.now()))
        if found.levels:
            self._governor.warn(found.levels)
        self._calls.append((engine.name, found))
        self._inside.append((engine.name, found))

    def leave(self, engine: Engine) -> None:
        """The call of this engine is over."""
        for number, (name, reservation) in enumerate(self._inside):
            if name == engine.name:
                del self._inside[number]
                if not self._settled:
                    self._governor.meters.step_out(reservation)
                    self._governor.bell.ring()
                return

    def settle(self, trace: Trace) -> None:
        """The exchange is over: count what it really used, and give the rest back. Later calls change nothing."""
        if self._settled:
            return
        self._settled = True
        done: list[tuple[Reservation, Usage | None]] = [(self._whole, trace.usage)]
        seen: set[str] = set()
        for name, reservation in self._calls:
            done.append((reservation, _used(trace, name) if name not in seen else None))
            seen.add(name)
        self._governor.meters.settle(done, trace)
        self._governor.bell.ring()

    def _limits(self, rule: Rule, engine: Engine | None = None) -> list[Want]:
        found = []
        if rule.requests is not None:
            found.append(Want(rule.subject, REQUESTS, 1, rule.requests))
        if rule.input_tokens is not None:
            found.append(Want(rule.subject, INPUT, self._estimate.input, rule.input_tokens))
        if rule.output_tokens is not None:
            output = self._estimate.output(engine) if engine is not None else 0
            found.append(Want(rule.subject, OUTPUT, output, rule.output_tokens))
        if rule.concurrency is not None:
            found.append(Want(rule.subject, CONCURRENCY, 1, rule.concurrency))
        return found

    def _budgets(self, rule: Rule, engine: Engine, less: int = 0) -> list[Want]:
        """What it may spend; `less`: what is reserved for it already."""
        found = []
        for field, limit in ((DAY, rule.day), (MONTH, rule.month)):
            if limit is None:
                continue
            cost = self._estimate.cost(engine, rule.currency)
            more = max(0, (cost or 0) - less)
            want = Want(rule.subject, field, more, limit, rule.hard, rule.soft, rule.currency)
            if cost is None and rule.hard:
                raise refusals.unpriced(engine.name, want)
            found.append(want)
        return found

    def _more(self, engine: Engine) -> list[Want]:
        """What budgets must reserve besides: for an engine that costs more than the first, or is asked beside another."""
        found: list[Want] = []
        for rule in self.rules:
            found += self._budgets(rule, engine, 0 if self._inside else self._reserved(rule.subject))
        return [want for want in found if want.amount]

    def _reserved(self, subject: str) -> int:
        """The money that is reserved for a subject until now."""
        levels = (level for one in (self._whole, *(call for _, call in self._calls)) for level in one.levels)
        wants = [level.want for level in levels if level.want.subject == subject and level.want.field >= DAY]
        return max((sum(w.amount for w in wants if w.field == field) for field in (DAY, MONTH)), default=0)


NOTHING = Reservation(-1, 0)
"""What is reserved where there is nothing to reserve."""


def _subjects(key: Key | None, route: str) -> list[str]:
    found = [f"route:{route}"]
    if key is not None:
        found.append(f"key:{key.id}")
        if key.team:
            found.append(f"team:{key.team}")
    return found


def _refused(want: Want) -> Refusal:
    return Refusal(want, "limit", want.limit, 0)


def _as_engines(engine: Engine, error: LimitError) -> RateLimitedError:
    """A limit of ours as an engine's own: another engine may be asked."""
    what = f"{error.what} ({error.where})"
    return RateLimitedError(what, where=engine.name, fix=error.fix, retry_after=error.retry_after)


def _used(trace: Trace, engine: str) -> Usage:
    used = [attempt.usage for attempt in charges(trace) if attempt.engine == engine and attempt.usage is not None]
    return Usage(input=sum(one.input for one in used), output=sum(one.output for one in used))
