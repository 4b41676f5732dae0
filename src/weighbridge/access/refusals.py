"""What callers are told when a limit or a budget of ours is reached: what, whose, and when there is room again."""

from __future__ import annotations

import math
from typing import Any

from weighbridge.access.meters import CONCURRENCY, DAY, FIELDS, REQUESTS, Refusal, Want, wait
from weighbridge.errors import BudgetError, LimitError

_MICRO = 1_000_000
_NAMES = ("requests", "input tokens", "output tokens", "requests at a time", "day", "month")


def error(refusal: Refusal, now: float, told: tuple[tuple[bytes, bytes], ...] = ()) -> LimitError:
    """The error for a refusal.

    Args:
        refusal: What was not let in.
        now: Seconds since 1970.
        told: The dialect's headers.
    """
    want = refusal.want
    where = f"{want.subject} {FIELDS[want.field]}"
    if refusal.why != "limit":
        return _not_now(refusal, where)
    seconds = wait(want.field, now)
    how: dict[str, Any] = {"where": where, "told": told}
    if want.field >= DAY:
        return _spent(refusal, seconds, how)
    if want.amount > want.limit:
        fix = "Ask for less: a shorter input or a smaller limit of output tokens." if want.limit else ""
        fix = f"{fix} Or have the limit raised.".strip()
        return LimitError(f"{_names(want)}, and this request may need {want.amount:,}.", fix=fix, **how)
    if want.field == CONCURRENCY:
        return LimitError(
            f"{_names(want)}, and as many are under way.",
            fix="Try again in a moment, with fewer at once.",
            retry_after=1.0,
            **how,
        )
    need = "" if want.field == REQUESTS else f", and this request may need {want.amount:,}"
    return LimitError(
        f"{_names(want)}; {refusal.taken:,} are used or reserved{_here(refusal)}{need}.",
        fix=f"Try again in {math.ceil(seconds)} seconds, when the next minute begins.",
        retry_after=seconds,
        **how,
    )


def unpriced(engine: str, want: Want) -> BudgetError:
    """The error for an engine whose cost in a budget's currency nobody knows."""
    return BudgetError(
        f"{engine} has no known price in {want.currency}, so the budget of {want.subject} cannot be kept.",
        where=f"{want.subject} {FIELDS[want.field]}",
        fix="Ask for another engine, give this one a price in that currency, or make the budget a soft one.",
    )


def _names(want: Want) -> str:
    per = "" if want.field == CONCURRENCY else " per minute"
    return f"The {_NAMES[want.field]}{per} of {want.subject} are limited to {want.limit:,}"


def _spent(refusal: Refusal, seconds: float, how: dict[str, Any]) -> BudgetError:
    want = refusal.want
    spent = refusal.used + want.amount > want.limit
    return BudgetError(
        f"{want.subject} may spend {_money(want.limit, want.currency)} per {_NAMES[want.field]}; "
        f"{_money(refusal.taken, want.currency)} are spent or reserved{_here(refusal)}, and this request may cost "
        f"{_money(want.amount, want.currency)}.",
        fix=f"Wait until the next {_NAMES[want.field]} (UTC), or have the budget raised."
        if spent
        else "Try again in a moment: requests under way hold a part of it.",
        retry_after=seconds if spent else 1.0,
        **how,
    )


def _here(refusal: Refusal) -> str:
    """Where the limit is not reached by this machine alone, others leased the rest of it."""
    want = refusal.want
    return " on this machine, others have the rest" if refusal.taken + want.amount <= want.limit else ""


def _not_now(refusal: Refusal, where: str) -> LimitError:
    want = refusal.want
    kind = BudgetError if want.field >= DAY else LimitError
    if refusal.why == "lease":
        what = f"This machine's share of what {want.subject} may use is used up, and no more of it could be had"
    else:
        what = f"What {want.subject} has spent so far could not be read"
    return kind(f"{what}: the state store does not answer.", where=where, fix="Try again in a moment.", retry_after=1.0)


def _money(micro: int, currency: str) -> str:
    whole, rest = divmod(micro, _MICRO)
    cents = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{whole:,}.{cents} {currency}"
