"""What subjects used, and what is reserved for calls under way, counted over all workers of this machine.

Requests and tokens are counted by the minute of the clock, money by the UTC day and month. Money is a fold over
traces: a trace counts in a meter when it is settled if it ended at or after the meter's `since`, and when it is folded
if it ended before. So each counts once, whenever a budget was made and whoever died in between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from weighbridge.access import spans
from weighbridge.access.levels import DRY, Level, Refusal, Reservation, Standing, Want, Why, holds, note
from weighbridge.access.spans import CONCURRENCY, DAY, FIELDS, INPUT, MONTH, OUTPUT, REQUESTS, Field, wait
from weighbridge.access.table import CURRENCY, FLAG, METER, METERS, Entries, Table
from weighbridge.canon import Attempt, Trace, Usage, charges

__all__ = [
    "CONCURRENCY",
    "DAY",
    "DRY",
    "FIELDS",
    "INPUT",
    "MONTH",
    "OUTPUT",
    "REQUESTS",
    "Field",
    "Level",
    "Meters",
    "Refusal",
    "Reservation",
    "Standing",
    "Want",
    "note",
    "wait",
]

_GENERATION, _SPAN, _USED, _RESERVED, _GRANTED, _SINCE, _WANTED, _WARNED = range(METER)
_WANTING, _UNKNOWN = 1, 2  #: bits of the table's flag
_MICRO = 1_000_000
_AHEAD = 60.0  #: seconds that a clock may be set back before what was counted under the later time is dropped
_MOST = 1 << 53  #: of one amount: whatever a client asks for, sums stay numbers
_HOLDS = 10  #: given back in one step, at most
_AT_ONCE = 64  #: slots that are looked through in one step, so that calls need not wait for all of them


class Meters:
    """The meters of one machine, as one process sees them.

    Args:
        folder: Where their file lies.
        now: Seconds since 1970.
        leased: May this machine use only what it was granted, since others share the limits?
        boot: See `Table`.

    Raises:
        StoreError: The file cannot be made or opened.
    """

    def __init__(
        self, folder: Path, *, now: Callable[[], float] = time.time, leased: bool = False, boot: int | None = None
    ) -> None:
        self._table = Table(folder, boot=boot)
        self._now = now
        self._leased = leased
        self._minute = -1
        self._spans: tuple[int, ...] = ()

    def close(self) -> None:
        """Let go of the file."""
        self._table.close()

    # --- calls ------------------------------------------------------------------------------------

    def reserve(self, wants: Sequence[Want]) -> Reservation | Refusal:
        """Take what a call may use, of all meters or of none.

        Raises:
            LimitError: There is no room to count.
        """
        table, now = self._table, self._now()
        with table:
            levels: list[tuple[int, int]] = []
            refused: Refusal | None = None
            for want in wants:
                at = self._meter(want, now)
                taken, why = self._judged(at, want)
                if why is not None and (refused is None or refused.why == "lease"):
                    refused = Refusal(want, why, taken, table.ints[at + _USED])
                    if why != "lease":  # of leases all that is short is told at once
                        break
                levels.append((at, taken))
            if refused is not None:
                return refused
            entries = self._take(wants, levels)
            hold = table.hold(entries, int(now)) if entries else (-1, 0)
            told = [
                Level(want, taken + want.amount, table.ints[at + _SPAN])
                for want, (at, taken) in zip(wants, levels, strict=True)
            ]
            return Reservation(*hold, tuple(told))

    def levels(self, wants: Iterable[Want]) -> tuple[Level, ...]:
        """How the meters stand, without what is asked for."""
        now = self._now()
        with self._table:
            places = [(want, self._meter(want, now)) for want in wants]
            ints = self._table.ints
            return tuple(Level(want, ints[at + _USED] + ints[at + _RESERVED], ints[at + _SPAN]) for want, at in places)

    def release(self, note: bytes, trace: Trace | None = None) -> bool:
        """Give back what was reserved, of this process or of one that died.

        Args:
            note: What `note` gave.
            trace: What the exchange was, if it was billed: it counts unless it was settled already.

        Returns:
            Whether anything was still held: False means that it had been settled.
        """
        places = holds(note)
        gone = [self._released(places[at : at + _HOLDS], None) for at in range(0, len(places) - _HOLDS, _HOLDS)]
        return self._released(places[len(gone) * _HOLDS :], trace) or any(gone)

    def settle(self, done: Iterable[tuple[Reservation, Usage | None]], trace: Trace | None) -> None:
        """An exchange is over, or a part of it: count what it used, give the rest back.

        Args:
            done: What was reserved, with the tokens that count there; None: only given back.
            trace: Its money counts for all of its subjects; None where it goes on.
        """
        held = [one for one in done if one[0].hold >= 0]
        if not held and (trace is None or not self._budgeted(trace)):
            return
        while len(held) > _HOLDS:
            self._settle(held[:_HOLDS], None)
            held = held[_HOLDS:]
        # The last of them together with the money: the charge of who dies in between is counted from its note.
        self._settle(held, trace)

    def late(self, trace: Trace) -> None:
        """A trace was folded: it counts in those meters that began after it ended, and for which it is news."""
        with self._table:
            self._count(trace, late=True)

    def bury(self) -> int:
        """Give back what processes hold that are gone; their notes can still be released.

        Returns:
            How many calls these were.
        """
        with self._table:
            return self._table.bury(self._back)

    def step_out(self, reservation: Reservation) -> None:
        """A call no longer counts among those under way; what else it reserved stays until it is settled."""
        table = self._table
        if reservation.hold < 0:
            return
        with table:
            if table.held(reservation.hold, reservation.id):
                for number, (at, generation, amount) in enumerate(table.entries(reservation.hold)):
                    if table.field(at) == CONCURRENCY and amount:
                        table.amend(reservation.hold, number, 0)
                        if table.ints[at + _GENERATION] == generation:
                            table.set(at + _RESERVED, max(0, table.ints[at + _RESERVED] - amount))

    def look(self, wants: Sequence[Want]) -> Refusal | None:
        """Would these be refused because something is not known or leased yet? Nothing is taken."""
        now = self._now()
        with self._table:
            for want in wants:
                at = self._meter(want, now)
                taken, why = self._judged(at, want)
                if why is not None and why != "limit":
                    return Refusal(want, why, taken, self._table.ints[at + _USED])
        return None

    def first_warning(self, level: Level) -> bool:
        """Is nobody warned yet of this meter in its span? From now on somebody is."""
        table = self._table
        with table:
            at = table.meter(table.make(level.want.subject, self._idle), level.want.field)
            if table.ints[at + _WARNED] == level.span + 1:
                return False
            table.set(at + _WARNED, level.span + 1)
            return True

    # --- who keeps them -----------------------------------------------------------------------------

    def wanting(self) -> bool:
        """Is a lease short, or soon will be, since this was asked last?"""
        return self._flagged(_WANTING)

    def unknown(self) -> bool:
        """Was a meter asked of which nobody told what was spent before, since this was asked last?"""
        return self._flagged(_UNKNOWN)

    def standings(self) -> list[Standing]:
        """Every meter of the present spans."""
        table, now = self._table, self._now()
        found = []
        for bunch in table.bunches(_AT_ONCE):
            with table:
                found += [
                    self._standing(subject, slot, field)
                    for subject, slot in table.slots(bunch)
                    for field in range(METERS)
                    if table.ints[(at := table.meter(slot, field)) + _GENERATION]
                    and self._stays(table.ints[at + _SPAN], field, now)
                ]
        return found

    def open(self, subject: str, field: Field, currency: str = "") -> Standing:
        """Begin a meter before the first call, or show the one that is there."""
        number = FIELDS.index(field)
        with self._table:
            at = self._meter(Want(subject, number, 0, 0, currency=currency), self._now())
            if not self._table.ints[at + _SINCE]:
                self._flag(_UNKNOWN)
            return self._standing(subject, self._table.find(subject), number)

    def seed(self, subject: str, field: Field, span: str, spent: int) -> bool:
        """Tell what was spent of a budget before: from now on it counts.

        Nothing may be folded between the moment when `spent` was read and this.

        Returns:
            Whether it still waited for this.
        """
        table = self._table
        with table:
            at = self._present(subject, field, span)
            if at < 0 or table.ints[at + _SINCE]:
                return False
            table.set(at + _USED, max(0, min(spent, _MOST)))
            table.set(at + _SINCE, int(self._now() * _MICRO))
            return True

    def renew(self, subject: str = "") -> None:
        """Budgets of a subject, or of all, are to be told anew what was spent: their rule changed, or nobody counted."""
        table = self._table
        if self._leased:
            return
        slots = [table.find(subject)] if subject else [at for _, at in table.slots()]
        for slot in slots:
            with table:
                for field in (DAY, MONTH):
                    at = table.meter(slot, field)
                    if slot >= 0 and table.ints[at + _GENERATION]:
                        table.set(at + _SINCE, 0)
                        table.set(at + _USED, 0)
                        self._flag(_UNKNOWN)

    def grant(self, subject: str, field: Field, span: str, granted: int, *, dry: bool = False) -> bool:
        """Tell how much of a limit this machine may use; -1: all of it.

        Args:
            subject: Whose.
            field: Which of its meters.
            span: Of the meter.
            granted: How much.
            dry: Have others the rest? Then what is short is refused at once, and asked for no more until the next grant.

        Returns:
            Whether that span is still the present one.
        """
        table = self._table
        with table:
            at = self._present(subject, field, span)
            if at < 0:
                return False
            table.set(at + _GRANTED, granted)
            table.set(at + _WANTED, DRY if dry else 0)
            return True

    def shrink(self, subject: str, field: Field, span: str, keep: int = 0) -> int:
        """Take back what this machine was granted and does not use.

        Args:
            subject: Whose.
            field: Which of its meters.
            span: Of the meter.
            keep: How much of it stays, besides what is used and reserved.

        Returns:
            How much less it has now.
        """
        table = self._table
        with table:
            at = self._present(subject, field, span)
            granted = table.ints[at + _GRANTED] if at >= 0 else -1
            spare = granted - table.ints[at + _USED] - table.ints[at + _RESERVED] - keep
            if granted < 0 or spare <= 0:
                return 0
            spare = min(spare, granted)
            table.set(at + _GRANTED, granted - spare)
            return spare

    # --- one step ---------------------------------------------------------------------------------------

    def _settle(self, held: Sequence[tuple[Reservation, Usage | None]], trace: Trace | None) -> None:
        with self._table:
            for reservation, usage in held:
                if self._table.held(reservation.hold, reservation.id):
                    self._give_back(reservation.hold, usage)
            if trace is not None:
                self._count(trace, late=False)

    def _released(self, places: Sequence[tuple[int, int]], trace: Trace | None) -> bool:
        with self._table:
            held = [at for at, identity in places if self._table.held(at, identity)]
            for at in held:
                self._give_back(at)
            if held and trace is not None:
                self._count(trace, late=False)
        return bool(held)

    # --- within a step --------------------------------------------------------------------------------

    def _meter(self, want: Want, now: float) -> int:
        """The meter that a want is about, in its present span."""
        table, field = self._table, want.field
        slot = table.make(want.subject, self._idle)
        if field >= DAY:
            self._in_currency(slot, want.currency)
        at = table.meter(slot, field)
        if not table.ints[at + _GENERATION] or not self._stays(table.ints[at + _SPAN], field, now):
            self._begin(at, field, now)
        return at

    def _stays(self, span: int, field: int, now: float) -> bool:
        present = self._present_spans(now)[field]
        return span == present or (span > present and spans.start(span, field) - now <= _AHEAD)

    def _begin(self, at: int, field: int, now: float) -> None:
        """A meter's new span. Money that was counted without a gap until here goes on from nothing; other money is unknown."""
        ints, span = self._table.ints, self._present_spans(now)[field]
        known = field < DAY or self._leased or (ints[at + _SINCE] > 0 and ints[at + _SPAN] < span)
        values = (
            (_GENERATION, self._table.number()),
            (_SPAN, span),
            (_USED, 0),
            (_RESERVED, 0),
            (_GRANTED, 0 if self._leased else -1),
            (_SINCE, int(now * _MICRO) if known else 0),
            (_WANTED, 0),
        )
        for place, value in values:
            if ints[at + place] != value:
                self._table.set(at + place, value)

    def _in_currency(self, slot: int, currency: str) -> None:
        table, code = self._table, _code(currency)
        if table.ints[slot + CURRENCY] != code:
            table.set(slot + CURRENCY, code)
            for field in (DAY, MONTH):
                table.set(table.meter(slot, field) + _GENERATION, 0)
                table.set(table.meter(slot, field) + _SINCE, 0)

    def _judged(self, at: int, want: Want) -> tuple[int, Why | None]:
        """What is taken of a meter already, and why nothing more may be, if it may not."""
        ints = self._table.ints
        taken = ints[at + _USED] + ints[at + _RESERVED]
        if not want.hard:
            if not ints[at + _SINCE]:
                self._flag(_UNKNOWN)
            return taken, None
        total, granted = taken + min(want.amount, _MOST), ints[at + _GRANTED]
        if total > want.limit:
            return taken, "limit"
        if not ints[at + _SINCE]:
            self._flag(_UNKNOWN)
            return taken, "unknown"
        if granted >= 0:
            if 2 * total > granted and 0 <= ints[at + _WANTED] < total - granted // 2:
                self._table.set(at + _WANTED, total - granted // 2)
                self._flag(_WANTING)
            if total > granted:
                return taken, "limit" if ints[at + _WANTED] == DRY else "lease"
        return taken, None

    def _take(self, wants: Sequence[Want], levels: Sequence[tuple[int, int]]) -> Entries:
        table, entries = self._table, []
        for want, (at, _) in zip(wants, levels, strict=True):
            amount = min(want.amount, _MOST)
            place = at + (_USED if want.field == REQUESTS else _RESERVED)
            table.set(place, table.ints[place] + amount)
            if want.field != REQUESTS:
                entries.append((at, table.ints[at + _GENERATION], amount))
        return entries

    def _give_back(self, hold: int, usage: Usage | None = None) -> None:
        if not self._table.buried(hold):
            self._back(hold, usage)
        self._table.free(hold)

    def _back(self, hold: int, usage: Usage | None = None) -> None:
        table = self._table
        for at, generation, amount in table.entries(hold):
            if table.ints[at + _GENERATION] != generation:
                continue  # of a span that has passed
            table.set(at + _RESERVED, max(0, table.ints[at + _RESERVED] - amount))
            if usage is not None and (tokens := self._tokens(at, usage)):
                table.set(at + _USED, table.ints[at + _USED] + min(tokens, _MOST))

    def _tokens(self, at: int, usage: Usage) -> int:
        field = self._table.field(at)
        return usage.input if field == INPUT else usage.output if field == OUTPUT else 0

    def _count(self, trace: Trace, *, late: bool) -> None:
        """Add a trace's money to the budgets of its subjects, in the day and the month in which it began."""
        if late and self._leased and trace.source == "gateway":
            return
        table = self._table
        if not (budgeted := self._budgeted(trace)):
            return
        ended = int((trace.at + (trace.total or 0.0)) * _MICRO)
        began = spans.numbers(trace.at)
        billed = [attempt for attempt in charges(trace) if attempt.cost]
        for subject, slot in budgeted:
            if not (cost := _cost(billed, subject, table.ints[slot + CURRENCY])):
                continue
            for field in (DAY, MONTH):
                at = table.meter(slot, field)
                since = table.ints[at + _SINCE]
                news = ended < since or trace.source != "gateway" if late else ended >= since
                if since and news and table.ints[at + _GENERATION] and table.ints[at + _SPAN] == began[field]:
                    table.set(at + _USED, table.ints[at + _USED] + min(cost, _MOST))

    def _budgeted(self, trace: Trace) -> list[tuple[str, int]]:
        """Those of a trace's subjects that have a budget, and where their meters begin."""
        table = self._table
        found = ((subject, table.find(subject)) for subject in _named(trace))
        return [(subject, slot) for subject, slot in found if slot >= 0 and table.ints[slot + CURRENCY]]

    def _idle(self, slot: int) -> bool:
        """Is nothing of this subject counted in a present span?"""
        table, now = self._table, self._now()
        for field in range(METERS):
            at = table.meter(slot, field)
            if not table.ints[at + _GENERATION]:
                continue
            if table.ints[at + _RESERVED]:
                return False
            # What was spent is told anew to whoever asks again; what this machine was granted would be lost.
            counted = table.ints[at + _USED] and (field < DAY or self._leased)
            if counted and self._stays(table.ints[at + _SPAN], field, now):
                return False
        return True

    def _present(self, subject: str, field: Field, span: str) -> int:
        """Where a meter is, if it has begun and is in this span; else -1."""
        number = FIELDS.index(field)
        slot = self._table.find(subject)
        if slot < 0:
            return -1
        at = self._table.meter(slot, number)
        ints = self._table.ints
        return at if ints[at + _GENERATION] and spans.told(ints[at + _SPAN], number) == span else -1

    def _standing(self, subject: str, slot: int, field: int) -> Standing:
        ints, at = self._table.ints, self._table.meter(slot, field)
        return Standing(
            subject,
            FIELDS[field],
            spans.told(ints[at + _SPAN], field),
            ints[at + _USED],
            ints[at + _RESERVED],
            ints[at + _GRANTED],
            ints[at + _WANTED],
            ints[at + _SINCE] / _MICRO,
            _currency(ints[slot + CURRENCY]) if field >= DAY else "",
        )

    def _present_spans(self, now: float) -> tuple[int, ...]:
        minute = int(now // 60)
        if minute != self._minute:
            self._minute, self._spans = minute, spans.numbers(now)
        return self._spans

    def _flag(self, bit: int) -> None:
        # Outside of what is undone: a refusal is a step that counts, and asking once too often does no harm.
        self._table.ints[FLAG] |= bit

    def _flagged(self, bit: int) -> bool:
        if not self._table.ints[FLAG] & bit:
            return False
        with self._table:
            self._table.ints[FLAG] &= ~bit
        return True


def _code(currency: str) -> int:
    return int.from_bytes(currency.encode()[:7], "big")


def _currency(code: int) -> str:
    return code.to_bytes(7, "big").lstrip(b"\0").decode("utf-8", "replace")


def _named(trace: Trace) -> Iterator[str]:
    """Whose budgets a trace may count in."""
    yield f"route:{trace.route}"
    if trace.key:
        yield f"key:{trace.key}"
    if trace.team:
        yield f"team:{trace.team}"
    for engine in {trace.engine, *(attempt.engine for attempt in trace.attempts)}:
        yield f"engine:{engine}"


def _cost(billed: Iterable[Attempt], subject: str, code: int) -> int:
    """What was charged in a currency, by one engine where the subject is one."""
    engine = subject.startswith("engine:")
    return sum(
        attempt.cost or 0
        for attempt in billed
        if _code(attempt.currency) == code and (not engine or f"engine:{attempt.engine}" == subject)
    )
