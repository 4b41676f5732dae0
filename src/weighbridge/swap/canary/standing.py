"""How a move stands, worked out anew from its evidence: what the guards see, and what comes next."""

from __future__ import annotations

from msgspec import Struct

from weighbridge.store import evidence
from weighbridge.store.state import State
from weighbridge.swap.canary.deciding import decide, decide_shadow
from weighbridge.swap.canary.judging import Finding, judged
from weighbridge.swap.canary.record import Swap


class Move(Struct, frozen=True):
    """How a move stands. `canary` and `control`: conversations of its stage on each side; `next`: what comes, and why."""

    swap: Swap
    canary: int
    control: int
    findings: tuple[Finding, ...]
    next: str = ""


def standing(state: State, swap: Swap, *, now: float) -> Move:
    """How a move stands.

    Raises:
        StoreError: The store cannot be read.
    """
    judge = judged(swap, evidence.read(state.database, swap.id))
    told = ""
    if swap.open:
        coming = decide_shadow(judge, broke=False) if swap.shadow else decide(judge, now=now)
        told = f"{coming.do}: {coming.why}"
    return Move(swap, *judge.conversations, judge.findings(), told)
