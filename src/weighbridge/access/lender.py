"""Leases: where machines share limits and budgets through one database, each may use only what it took of them before.

What all machines took together never passes a limit, so neither does what they use; while one holds more than it uses,
the others have less: at most a lease of each. A machine that dies loses what it took until the span ends; of
requests at a time, which have no span, what it held is free for others after `HELD` seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from weighbridge.access.meters import DRY, FIELDS, Field, Meters, Standing
from weighbridge.access.rules import EACH, KIND, KINDS, MOST
from weighbridge.access.seeding import Knows, Spent, days
from weighbridge.canon import Record, Rule
from weighbridge.errors import InputError, WeighbridgeError

HELD = 15.0  #: seconds for which requests at a time are held without being asked for again
_RENEW = 5.0  #: seconds after which they are
_MINUTE = 60.0
_MINUTES = ("requests", "input", "output")  #: what is counted by the minute
TICK = 0.01  #: seconds between two looks whether anybody waits for a lease
_SECOND = 1.0
_AWAY = 1.0  #: seconds between two tries while the store is away
_RULE_FIELDS = {
    "requests": "requests",
    "input": "input_tokens",
    "output": "output_tokens",
    "concurrency": "concurrency",
    "day": "day",
    "month": "month",
}
_MONEY = ("day", "month")
_FIELDS: dict[str, Field] = {field: field for field in FIELDS}
_QUIET = {"concurrency": 1.0, "day": 60.0, "month": 60.0}  #: seconds without use after which the rest goes back
_QUIET_MINUTE = 5.0
_DRY = {"concurrency": 0.1}  #: seconds until others are asked again whether they left something
_REMEMBERED = 50_000

_Place = tuple[str, str, str]  #: subject, field, span

log = logging.getLogger("weighbridge.access")


class Allowances(Protocol):
    """What all machines took of each limit."""

    def take(self, subject: str, field: str, span: str, want: int, limit: int) -> int:
        """Take as much as is wanted, or what is left of the limit; how much that was."""
        ...

    def give_back(self, subject: str, field: str, span: str, amount: int) -> None:
        """Others may take it."""
        ...

    def hold(self, subject: str, holder: str, want: int, limit: int, *, seconds: float) -> int:
        """Hold requests at a time, in place of what was held; how many that are."""
        ...


class Lender:
    """Takes leases for this machine's meters, and gives back what is not used.

    Args:
        meters: Of this machine, with `leased`.
        rules: The rules in force.
        allowances: What is shared.
        spent: Reads what was spent in a budget's span until now.
        share: Of a limit, taken at a time.
        holder: A name that no other lender has.
        now: Seconds since 1970.
    """

    def __init__(
        self,
        meters: Meters,
        rules: Knows,
        allowances: Allowances,
        *,
        spent: Spent,
        share: float,
        holder: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._meters = meters
        self._rules = rules
        self._allowances = allowances
        self._spent = spent
        self._share = share
        self._holder = holder
        self._now = now
        self._turn = threading.Lock()
        self._changed: deque[str] = deque()  # filled by another thread
        self._seeded: set[_Place] = set()
        self._dry: dict[_Place, float] = {}
        self._quiet: dict[_Place, tuple[int, float]] = {}
        self._ahead: dict[_Place, int] = {}  # of the minute that comes
        self._minute = 0
        self._renewed = 0.0
        self._looked = 0.0
        self._away = 0.0
        #: why nothing can be taken, "" while it can
        self.problem = ""
        self._begin()

    def apply(self, records: Iterable[Record]) -> None:
        """Rules changed: what was taken under the old ones and is not used goes back."""
        self._changed.extend(record.name for record in records if record.kind == KIND)

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; then give back all that is not used."""
        while not stop.wait(TICK):
            self.tick()
        self.end()

    def tick(self) -> None:
        """Do what is due. It raises nothing: a store that is away is asked again later."""
        now = self._now()
        if 0 <= now - self._away < _AWAY:
            return
        try:
            with self._turn:
                self._work(now)
        except WeighbridgeError as error:
            if not self.problem:
                log.warning("no more of the limits can be leased: %s", error)
            self.problem, self._away = str(error), now
        else:
            self.problem, self._away = "", 0.0

    def end(self) -> None:
        """Give back all that is not used."""
        try:
            with self._turn:
                self._forgo(set(self._ahead))
                for one in self._leased():
                    self._give_back(one)
        except WeighbridgeError as error:
            log.warning("what was leased and not used is lost until its span ends: %s", error)

    def _begin(self) -> None:
        """What was counted without leases, or by a lender before this, is begun anew as far as it must be."""
        for one in self._meters.standings():
            fresh = one.granted < 0 or one.field == "concurrency"
            self._meters.grant(one.subject, one.field, one.span, 0 if fresh else one.granted)

    def _work(self, now: float) -> None:
        self._turn_over(now)
        self._obey()
        self._ask_again({place for place, until in self._dry.items() if not now < until <= now + _SECOND})
        if self._meters.wanting() or self.problem:
            for one in self._leased():
                if one.wanted > 0:
                    self._serve(one, now)
        if not 0 <= now - self._looked < _SECOND:
            standings = self._leased()
            if not 0 <= now - self._renewed < _RENEW:
                self._keep(standings)
                self._renewed = now
            self._rest(standings, now)
            self._look_ahead(standings, now)
            self._looked = now

    def _leased(self) -> list[Standing]:
        return [one for one in self._meters.standings() if one.granted >= 0]

    def _ask_again(self, places: set[_Place]) -> None:
        """Whoever is short there may ask once more: others may have left something."""
        for one in self._leased() if places else ():
            if _place(one) in places and one.wanted == DRY:
                self._meters.grant(one.subject, one.field, one.span, one.granted)
        for place in places:
            self._dry.pop(place, None)

    def _obey(self) -> None:
        changed: set[str] = set()
        while self._changed:
            changed.add(self._changed.popleft())
        if not changed:
            return
        try:
            self._reclaim(changed)
        except WeighbridgeError:
            self._changed.extend(changed)
            raise

    def _reclaim(self, changed: set[str]) -> None:
        kinds = {kind for kind in KINDS if f"{kind}:{EACH}" in changed}
        self._forgo({place for place in self._ahead if place[0] in changed or place[0].partition(":")[0] in kinds})
        theirs = [one for one in self._leased() if one.subject in changed or one.subject.partition(":")[0] in kinds]
        for one in theirs:
            self._give_back(one)
            self._seeded.discard(_place(one))
        self._ask_again({_place(one) for one in theirs})

    # --- taking -------------------------------------------------------------------------------------

    def _serve(self, one: Standing, now: float) -> None:
        rule = self._rules.of(one.subject)
        limit = _limit(rule, one)
        got = short = 0
        if limit is not None:
            short = one.wanted - (one.granted - one.granted // 2)
            want = max(short, int(self._share * limit))
            try:
                got = self._take(one, want, limit) if want > 0 else 0
            except InputError as error:  # a name that the database cannot hold must not keep others waiting
                log.error("%s has a limit and cannot be leased any of it: %s", one.subject, error)  # noqa: TRY400 - a traceback would say less
        dry = limit is not None and short > 0 and got < short
        if not self._meters.grant(one.subject, one.field, one.span, one.granted + got, dry=dry):
            return  # its span has passed, and with it what was taken
        self._quiet[_place(one)] = (one.used + one.reserved, now)  # whoever waits for it shall find it
        if dry:
            self._dry[_place(one)] = now + _DRY.get(one.field, _SECOND)

    def _take(self, one: Standing, want: int, limit: int) -> int:
        if one.field == "concurrency":
            return self._hold(one, one.granted + want, limit) - one.granted
        if one.field in _MONEY:
            self._seed(one)
        return self._allowances.take(one.subject, one.field, _span(one), want, limit)

    def _seed(self, one: Standing) -> None:
        """What was spent before a budget was there counts as taken: nothing is, where as much was taken already."""
        if _place(one) in self._seeded:
            return
        first, last = days(one.span)
        spent = self._spent(one.subject, first, last, one.currency)
        if spent > 0:
            self._allowances.take(one.subject, one.field, _span(one), spent, spent)
        if len(self._seeded) >= _REMEMBERED:
            self._seeded.clear()
        self._seeded.add(_place(one))

    def _look_ahead(self, standings: Iterable[Standing], now: float) -> None:
        """Whoever is busy gets a lease of the next minute now: nobody waits when it begins, even with the store away."""
        present, coming = _minute(now), _minute(now + _MINUTE)
        for one in standings:
            place = one.subject, one.field, coming
            limit = _limit(self._rules.of(one.subject), one)
            if one.field not in _MINUTES or one.span != present or not one.used or limit is None:
                continue
            have = self._ahead.get(place, 0)
            want = min(int(self._share * limit), one.used) - have
            if want > 0:
                self._ahead[place] = have + self._allowances.take(*place, want, limit)

    def _turn_over(self, now: float) -> None:
        """A minute begins."""
        if (minute := int(now // _MINUTE)) == self._minute:
            return
        self._minute, ahead, self._ahead = minute, self._ahead, {}
        present = _minute(now)
        for (subject, field, span), amount in ahead.items():
            if span == present and amount:
                one = self._meters.open(subject, _FIELDS[field])
                self._meters.grant(subject, one.field, span, max(0, one.granted) + amount)

    def _forgo(self, places: set[_Place]) -> None:
        """Leases of the next minute go back."""
        for place in places & set(self._ahead):
            if amount := self._ahead.pop(place):
                self._allowances.give_back(*place, amount)

    def _hold(self, one: Standing, want: int, limit: int) -> int:
        return self._allowances.hold(one.subject, self._holder, want, limit, seconds=HELD)

    def _keep(self, standings: Iterable[Standing]) -> None:
        """Hold on to requests at a time."""
        for one in standings:
            limit = _limit(self._rules.of(one.subject), one)
            if one.field == "concurrency" and one.granted and limit is not None:
                self._hold_on(one, one.granted, limit)

    def _hold_on(self, one: Standing, granted: int, limit: int) -> None:
        held = self._hold(one, granted, limit)
        if held < granted:  # it was not asked for in time, and others have it now
            self._meters.grant(one.subject, one.field, one.span, held, dry=one.wanted == DRY)

    # --- giving back --------------------------------------------------------------------------------

    def _rest(self, standings: Iterable[Standing], now: float) -> None:
        """What nobody used for a while goes back."""
        quiet: dict[_Place, tuple[int, float]] = {}
        for one in standings:
            taken = one.used + one.reserved
            before, since = self._quiet.get(_place(one), (-1, now))
            if before != taken or since > now:
                since = now
            quiet[_place(one)] = (taken, since)
            if one.granted > taken and now - since >= _QUIET.get(one.field, _QUIET_MINUTE):
                self._give_back(one)
        self._quiet = quiet

    def _give_back(self, one: Standing) -> None:
        spare = self._meters.shrink(one.subject, one.field, one.span)
        if spare <= 0:
            return
        if one.field == "concurrency":
            limit = _limit(self._rules.of(one.subject), one)
            self._hold_on(one, one.granted - spare, MOST if limit is None else limit)
            return
        try:
            self._allowances.give_back(one.subject, one.field, _span(one), spare)
        except WeighbridgeError:
            self._meters.grant(one.subject, one.field, one.span, one.granted)
            raise


def unlease(meters: Meters) -> None:
    """This machine shares its limits with no other any more: all of each is its own."""
    for one in meters.standings():
        if one.granted >= 0:
            meters.grant(one.subject, one.field, one.span, -1)


def _limit(rule: Rule | None, one: Standing) -> int | None:
    found: int | None = None if rule is None else getattr(rule, _RULE_FIELDS[one.field])
    return found


def _minute(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M", time.gmtime(now))


def _place(one: Standing) -> _Place:
    return one.subject, one.field, one.span


def _span(one: Standing) -> str:
    """A span as all machines name it; money in another currency is another budget."""
    return f"{one.span} {one.currency}" if one.field in _MONEY else one.span
