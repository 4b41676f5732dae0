"""What the evidence of a stage says: conversations of the canary against as many of the control, guard by guard.

Of each conversation the first exchange counts that says anything about a guard, so that its later ones, which resemble it,
are no further evidence; the n-th conversation of one side is compared with the n-th of the other, whoever they are. Who is
on which side is chance, so the two differ by the engine alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import log
from statistics import median

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weighbridge.store.evidence import Row
from weighbridge.swap.canary.record import Guard, Swap
from weighbridge.swap.signs import Signs
from weighbridge.weigh.stats.wealth import Wealth, mean_wealth, p_value, upper_bound
from weighbridge.weigh.types import VerdictWord

SHARES: frozenset[Guard] = frozenset({"errors", "format", "tools", "refusals", "feedback"})
"""Guards that look at yes or no; the others compare amounts."""
_HARMS: tuple[Guard, ...] = ("errors", "format", "tools", "refusals")
_LANGUAGES = 8  #: that are looked at by themselves; together they get half of the first wealth


class Said(Struct, frozen=True, omit_defaults=True):
    """The data of a row: what an exchange says, or what a user says of it."""

    signs: Signs | None = None
    good: bool | None = None
    other: Signs | None = None  #: of a shadow: what the route's own engine says in the exchange that it repeats


class Finding(Struct, frozen=True):
    """What one guard has seen in a stage.

    Attributes:
        guard: Which.
        pairs: Pairs of conversations that say anything about it.
        canary: Of them, the candidate's share of bad ones, or its median seconds or micro-units of cost; None of no pairs.
        control: The other engine's.
        tolerance: How much worse is no reason to go back.
        p: The chance of such evidence, at any time, if the candidate were no worse than that.
        limit: The guard fires at this p or below.
        harm: At most so many more conversations of all go wrong with the candidate (an upper bound that holds at all
            times at once); None where the guard compares amounts.
        where: The language in which it shows most, "" where it shows overall.
        worse: The chance of such evidence, at any time, if the candidate were worse than the tolerance.
    """

    guard: Guard
    pairs: int
    canary: float | None
    control: float | None
    tolerance: float
    p: float
    limit: float
    harm: float | None = None
    where: str = ""
    worse: float = 1.0

    @property
    def fired(self) -> bool:
        """Is it a reason to go back?"""
        return self.p <= self.limit

    @property
    def verdict(self) -> VerdictWord:
        """May the route move, as far as this guard is concerned?"""
        return "unsafe" if self.fired else "safe" if self.worse <= self.limit else "undecided"


class Judge:
    """Judges one stage of a move, as its evidence comes in.

    Args:
        swap: The move, in that stage.
    """

    def __init__(self, swap: Swap) -> None:
        self.swap = swap
        self.seen = 0  #: the number of the last row that was taken in
        self._seats: dict[Guard, _Seat] = {name: _Seat(name, bound) for name, bound in swap.tolerances.items()}
        self._harms = {name: _Harm() for name in _HARMS if name in swap.tolerances}
        self._sides: dict[str, set[str]] = {"canary": set(), "control": set()}
        self._currency = ""

    @property
    def conversations(self) -> tuple[int, int]:
        """Conversations on the candidate's side and on the other."""
        return len(self._sides["canary"]), len(self._sides["control"])

    def take(self, rows: Iterable[Row]) -> None:
        """Take in what was added, in order.

        In the last stage nobody is left to compare with: its controls are those of the stages before.
        """
        for row in rows:
            self.seen = max(self.seen, row.id)
            if row.arm == "shadow":
                self._repeated(row)
                continue
            if row.arm not in self._sides or not self._counts(row):
                continue
            said = _said(row.data)
            if said.good is not None:
                self._see("feedback", row, float(not said.good), "")
            if said.signs is not None:
                self._sides[row.arm].add(row.conversation)
                told = dict(self._values(said.signs))
                for name, value in told.items():
                    self._see(name, row, value, said.signs.language)
                for name, harm in self._harms.items():
                    bad = told.get(name, 0.0)
                    if said.signs.failed is not None:
                        harm.see(row.arm, row.conversation, bad)

    def _repeated(self, row: Row) -> None:
        """A shadow: both engines had the same request, so both halves of each pair come at once."""
        said = _said(row.data)
        if said.signs is None or said.other is None:
            return
        ours = dict(self._values(said.other))
        for name, value in self._values(said.signs):
            if name in ours:
                self._sides["canary"].add(row.conversation)
                self._sides["control"].add(row.conversation)
                self._see(name, replace(row, arm="canary"), value, said.signs.language)
                self._see(name, replace(row, arm="control"), ours[name], said.signs.language)

    def findings(self) -> tuple[Finding, ...]:
        """What each guard has seen so far."""
        swap = self.swap
        limit = swap.alpha / (len(swap.stages) * len(swap.tolerances))
        found = []
        for name, seat in self._seats.items():
            harm = self._harms.get(name)
            found.append(
                Finding(
                    name,
                    seat.pairs,
                    *seat.sides(),
                    tolerance=swap.tolerances[name],
                    p=p_value(seat.best),
                    limit=limit,
                    harm=harm.bound(swap.alpha / len(swap.stages)) if harm is not None else None,
                    where=seat.where,
                    worse=p_value(seat.back.best),
                )
            )
        return tuple(found)

    def _values(self, signs: Signs) -> Iterator[tuple[Guard, float]]:
        """What an exchange says to each guard. Costs in another currency than the first one are nothing to compare."""
        if signs.cost is not None:
            self._currency = self._currency or signs.currency
        told: Sequence[tuple[Guard, float | bool | None]] = (
            ("errors", signs.failed),
            ("format", signs.malformed),
            ("tools", signs.miscalled),
            ("refusals", signs.refused),
            ("latency", signs.seconds),
            ("cost", signs.cost if signs.currency == self._currency else None),
        )
        return ((name, float(value)) for name, value in told if value is not None)

    def _counts(self, row: Row) -> bool:
        alone = self.swap.share > 0.5 and row.arm == "control"  # noqa: PLR2004 - more than half leave too few to compare
        return row.at >= (self.swap.started if alone else self.swap.moved)

    def _see(self, name: Guard, row: Row, value: float, language: str) -> None:
        if (seat := self._seats.get(name)) is not None:
            seat.see(row.arm, row.conversation, value, language)


class _Queue:
    """Values of both sides, paired in the order in which they came."""

    def __init__(self) -> None:
        self.values: dict[str, list[float]] = {"canary": [], "control": []}
        self.pairs = 0

    def add(self, arm: str, value: float) -> Iterator[tuple[float, float]]:
        """The pairs that this value completes: one or none."""
        self.values[arm].append(value)
        canary, control = self.values["canary"], self.values["control"]
        if min(len(canary), len(control)) > self.pairs:
            yield canary[self.pairs], control[self.pairs]
            self.pairs += 1


class _Seat:
    """One guard: everything together, and for what users speak each language by itself."""

    def __init__(self, name: Guard, bound: float) -> None:
        self._name = name
        self._bound = bound
        self._known: dict[str, set[str]] = {"canary": set(), "control": set()}
        self._all = (_Queue(), self._wealth())
        self._by_language: dict[str, tuple[_Queue, Wealth]] = {}
        self.back = Wealth(-self._all[1].bound)  #: who bets that it is not that much worse
        self.best = 0.0
        self.where = ""

    def see(self, arm: str, conversation: str, value: float, language: str) -> None:
        """One exchange says something; only the first of its conversation counts."""
        if conversation in self._known[arm]:
            return
        self._known[arm].add(conversation)
        grown = self._bet(self._all, arm, value)
        if self._name in SHARES and language:
            if language not in self._by_language and len(self._by_language) < _LANGUAGES:
                self._by_language[language] = (_Queue(), self._wealth())
            if language in self._by_language:
                grown = self._bet(self._by_language[language], arm, value) or grown
        if grown:
            self._look()

    @property
    def pairs(self) -> int:
        """Pairs so far."""
        return self._all[0].pairs

    def sides(self) -> tuple[float | None, float | None]:
        """The share or the median of each side, over the pairs."""
        n = self.pairs
        if not n:
            return None, None
        of = (lambda values: sum(values) / n) if self._name in SHARES else median
        canary, control = (of(self._all[0].values[arm][:n]) for arm in ("canary", "control"))
        return canary, control

    def _wealth(self) -> Wealth:
        # Amounts: is the candidate's above the other's with its tolerance more often than not?
        return Wealth(self._bound if self._name in SHARES else 0.0)

    def _bet(self, place: tuple[_Queue, Wealth], arm: str, value: float) -> bool:
        """Bet on the pair that a value completes; False where it completes none."""
        queue, wealth = place
        before = wealth.n
        for canary, control in queue.add(arm, value):
            worse = canary - control
            if self._name not in SHARES:
                worse = 1.0 if canary > control * (1 + self._bound) else -1.0
            wealth.add(worse)
            if place is self._all:
                self.back.add(-worse)
        return wealth.n > before

    def _look(self) -> None:
        """Half of the first wealth rides on everything together, half on the languages as they turn up: 1/4, 1/8 ..."""
        parts = [(0.5, self._all[1])]
        parts += [(0.5 ** (at + 2), wealth) for at, (_, wealth) in enumerate(self._by_language.values())]
        if self._name not in SHARES:
            parts = [(1.0, self._all[1])]
        now = mean_wealth(parts)
        if now > self.best:
            self.best = now
            top = max(parts, key=lambda part: log(part[0]) + part[1].now)[1]
            self.where = next((name for name, (_, wealth) in self._by_language.items() if wealth is top), "")


class _Harm:
    """How many more conversations of all go wrong with the candidate, at most."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {"canary": set(), "control": set()}
        self._queue = _Queue()
        self._counts: Counter[float] = Counter()
        self._least = 1.0

    def see(self, arm: str, conversation: str, bad: float) -> None:
        """What the first exchange of a conversation says; where the guard does not apply, nothing went wrong."""
        if conversation not in self._known[arm]:
            self._known[arm].add(conversation)
            self._counts.update(canary - control for canary, control in self._queue.add(arm, bad))

    def bound(self, alpha: float) -> float:
        """The upper bound, which holds at all times at once with probability 1 - alpha, so that the least so far counts."""
        if self._counts:
            self._least = min(self._least, upper_bound(self._counts, alpha))
        return self._least


def _said(data: bytes) -> Said:
    try:
        return msgspec.json.decode(data, type=Said)
    except msgspec.DecodeError:
        return Said()  # of another version: it says nothing here


def judged(swap: Swap, rows: Iterable[Row]) -> Judge:
    """A judge that has seen these rows."""
    judge = Judge(swap)
    judge.take(rows)
    return judge
