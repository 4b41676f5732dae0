"""What is to be done in a stage: go back, wait and for what, or go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from weighbridge.swap.canary.judging import SHARES, Finding, Judge
from weighbridge.swap.canary.record import Swap
from weighbridge.weigh.numbers import money


class Decision(Struct, frozen=True):
    """What is to be done, and why: a sentence."""

    do: Literal["wait", "advance", "finish", "back"]
    why: str


def decide(judge: Judge, *, now: float) -> Decision:
    """What is to be done with a move in the stage that is judged.

    It goes back as soon as a guard fires. It goes on when as many pairs as it asks for have been seen, it has been held
    long enough, and whatever guards cannot exclude would harm few enough conversations in the next stage.

    Args:
        judge: What was seen.
        now: Seconds since 1970.
    """
    swap, findings = judge.swap, judge.findings()
    if fired := [one for one in findings if one.fired]:
        return Decision("back", "; ".join(sentence(one) for one in fired))
    if waits := _waits(judge, swap, findings, now):
        return Decision("wait", waits)
    if swap.stage + 1 < len(swap.stages):
        return Decision("advance", f"no guard objects after {_pairs(findings):,} pairs of conversations")
    if swap.share < 1:
        return Decision("wait", "the last stage holds until somebody promotes or rolls back")
    canary, _ = judge.conversations
    return Decision("finish", f"no guard objects after {canary:,} conversations with all of the traffic")


def decide_shadow(judge: Judge, *, broke: bool) -> Decision:
    """What is to be done with a shadow: it ends when the verdict is known, or its money is spent.

    Unsafe is known as soon as one guard says so; safe when all say so that have anything to look at, after as many
    conversations as it asks for.

    Args:
        judge: What was seen.
        broke: Is its budget spent?
    """
    findings = [one for one in judge.findings() if one.pairs]
    unsafe = [sentence(one) for one in findings if one.verdict == "unsafe"]
    if unsafe:
        return Decision("finish", f"unsafe: {'; '.join(unsafe)}")
    open_ = [one.guard for one in findings if one.verdict == "undecided"]
    conversations, _ = judge.conversations
    if findings and not open_ and conversations >= judge.swap.least:
        return Decision(
            "finish", f"safe: {', '.join(one.guard for one in findings)}, in {conversations:,} conversations"
        )
    if broke:
        return Decision("finish", f"undecided: its budget is spent after {conversations:,} conversations")
    return Decision("wait", f"undecided: {', '.join(open_) or 'nothing was seen yet'}")


def sentence(one: Finding) -> str:
    """What a guard has seen, in words."""
    where = f" (language: {one.where})" if one.where else ""
    if one.canary is None or one.control is None:
        return f"{one.guard}: nothing seen yet"
    if one.guard in SHARES:
        told = f"{one.canary:.2%} against {one.control:.2%}, more than {one.tolerance:.2%} worse"
    elif one.guard == "latency":
        told = f"median {one.canary:.3g} s against {one.control:.3g} s, mostly more than {one.tolerance:.0%} slower"
    else:
        sides = (money(side / 1_000_000, "USD") for side in (one.canary, one.control))
        told = f"median {' against '.join(sides)}, mostly more than {one.tolerance:.0%} dearer"
    return f"{one.guard}{where}: {told}, in {one.pairs:,} pairs of conversations (p = {one.p:.2g})"


def _waits(judge: Judge, swap: Swap, findings: Sequence[Finding], now: float) -> str:
    """What a stage still waits for, "" for nothing."""
    if swap.status == "paused":
        return "it is paused"
    if (left := swap.moved + swap.hold - now) > 0:
        return f"it is held for {left:,.0f} more seconds"
    canary, control = judge.conversations
    sides = canary if swap.share == 1 else min(canary, control)
    if sides < swap.least:
        return f"{sides:,} of {swap.least:,} conversations on each side so far"
    if swap.share == 1:
        return ""
    ahead = swap.stages[swap.stage + 1] if swap.stage + 1 < len(swap.stages) else swap.share
    for one in findings:
        if one.harm is not None and one.harm * ahead > swap.harm:
            return (
                f"{one.guard}: up to {one.harm:.2%} of conversations may go wrong more often, which times {ahead:.0%} "
                f"is above {swap.harm:.1%}; more pairs will tell"
            )
    return ""


def _pairs(findings: Sequence[Finding]) -> int:
    return max((one.pairs for one in findings), default=0)
