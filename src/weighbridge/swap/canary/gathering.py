"""From a gateway's own traces, and from what users say of them, to rows of evidence that every gateway sees."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from weighbridge.canon import Trace
from weighbridge.store import evidence
from weighbridge.store.evidence import Feedback, Row
from weighbridge.store.state import State
from weighbridge.store.tail import Tail
from weighbridge.swap.canary.judging import Said
from weighbridge.swap.canary.record import Swap
from weighbridge.swap.signs import Signs, signs

_REMEMBERED = 50_000  #: exchanges of which a user may still say something
_BATCH = 500


class _Known(Struct, frozen=True):
    swap: str
    arm: str
    conversation: str
    key: str


class _Half(Struct, frozen=True):
    """An exchange, or the one that repeats it, until the other one is there."""

    repeats: bool
    signs: Signs
    conversation: str
    at: float


class Gathering:
    """Reads what this machine's gateway recorded, and adds what it says to the store.

    Args:
        state: The state store.
        folder: The folder of traces.
    """

    def __init__(self, state: State, folder: Path) -> None:
        self._state = state
        self._folder = folder
        self._tail: Tail | None = None
        self._caught: set[str] = set()
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._waiting: list[Row] = []
        self._halves: OrderedDict[str, _Half] = OrderedDict()
        self.broke: set[str] = set()  #: the ids of shadows whose budget is spent
        self._heard: set[int] = set()

    def gather(self, swaps: Mapping[str, Swap]) -> None:
        """Add what was recorded since the last time, of these moves by their ids.

        What was recorded before this process began is read once; a row that is in the store already stays as it is.

        Raises:
            StoreError: The store or the folder cannot be read, or the store cannot be written; nothing is lost by it.
        """
        if self._tail is None:
            self._tail = Tail(self._folder)
        for swap in swaps.values():
            if swap.id not in self._caught:
                self._catch_up(swap)
                self._caught.add(swap.id)
        for trace in self._tail.new(lambda head: head.swap in swaps):
            self._take(trace, swaps[trace.swap])
        if swaps:
            self._listen(min(swap.started for swap in swaps.values()))
        self._flush()

    def _catch_up(self, swap: Swap) -> None:
        from weighbridge.store import reader

        if self._folder.is_dir():
            for trace in reader.scan(self._folder, since=swap.started):
                if trace.swap == swap.id:
                    self._take(trace, swap)

    def _take(self, trace: Trace, swap: Swap) -> None:
        if swap.shadow:
            self._pair(trace, swap)
            return
        if trace.arm not in ("canary", "control") or trace.source != "gateway":
            return
        conversation = trace.conversation or trace.id
        self._known[trace.id] = _Known(swap.id, trace.arm, conversation, trace.key)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        engine = swap.candidate if trace.arm == "canary" else swap.base
        said = Said(signs=signs(trace, engine))
        self._waiting.append(Row(swap.id, trace.id, trace.arm, conversation, trace.at, msgspec.json.encode(said)))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _pair(self, trace: Trace, swap: Swap) -> None:
        """Both halves of a pair are recorded here, in whichever order; what waits for the other one waits so long."""
        repeats = trace.arm == "shadow"
        if repeats and trace.outcome == "budget_spent":
            self.broke.add(swap.id)
            return
        name = trace.pair if repeats else trace.id
        half = _Half(repeats, signs(trace, swap.candidate if repeats else swap.base), trace.conversation, trace.at)
        first = self._halves.get(name)
        if first is None or first.repeats == repeats:  # read twice, as at the beginning
            self._halves[name] = half
            while len(self._halves) > _REMEMBERED:
                self._halves.popitem(last=False)
            return
        del self._halves[name]
        theirs, ours = (half, first) if repeats else (first, half)
        data = msgspec.json.encode(Said(signs=theirs.signs, other=ours.signs))
        self._waiting.append(Row(swap.id, name, "shadow", ours.conversation or name, ours.at, data))

    def _listen(self, since: float) -> None:
        """What users say of exchanges that this gateway answered; others are another gateway's to tell of."""
        for one in evidence.said(self._state.database, since=since):
            if one.id not in self._heard and (known := self._known.get(one.trace)) is not None:
                self._heard.add(one.id)
                if known.key == one.who or not one.who:
                    self._waiting.append(_row(one, known))

    def _flush(self) -> None:
        evidence.add(self._state.database, self._waiting)
        self._waiting.clear()


def _row(one: Feedback, known: _Known) -> Row:
    data = msgspec.json.encode(Said(good=one.good))
    return Row(known.swap, f"{one.trace} {one.who}", known.arm, known.conversation, one.at, data)


def names(swaps: Iterable[Swap]) -> dict[str, Swap]:
    """Moves by their ids."""
    return {swap.id: swap for swap in swaps}
