"""Tells the meters what was spent before they began: of budgets that are new, or whose rule changed."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Iterable
from typing import Protocol

from weighbridge.access.meters import Field, Meters
from weighbridge.canon import Record, Rule

Spent = Callable[[str, str, str, str], int]
"""What a subject spent from one UTC day to another, in micro-units of a currency."""

_BUDGETS: tuple[Field, ...] = ("day", "month")


class Knows(Protocol):
    """Who knows the rules."""

    def of(self, subject: str) -> Rule | None:
        """The rule of a subject."""
        ...


class Seeder:
    """Follows the rules for the meters. Made once what one gateway counts is to be told anew.

    Args:
        meters: Of this machine.
        rules: Told of changes before this.
    """

    def __init__(self, meters: Meters, rules: Knows) -> None:
        self._meters = meters
        self._rules = rules
        meters.renew()

    def apply(self, records: Iterable[Record]) -> None:
        """Rules changed: what was spent of their budgets must be told, before the first request where that is possible."""
        for record in records:
            if record.name.endswith(":*"):
                self._meters.renew()
                continue
            self._meters.renew(record.name)
            rule = self._rules.of(record.name)
            for field in _BUDGETS:
                if rule is not None and getattr(rule, field) is not None:
                    self._meters.open(record.name, field, rule.currency)

    def asked(self) -> bool:
        """Was a budget asked of which nobody told what was spent before?"""
        return self._meters.unknown()

    def seed(self, spent: Spent) -> int:
        """Tell all that is not known. Nothing may be folded meanwhile.

        Args:
            spent: Reads what was folded.

        Returns:
            How many meters were told.
        """
        told = 0
        for one in self._meters.standings():
            if one.field in _BUDGETS and not one.since:
                first, last = days(one.span)
                told += self._meters.seed(
                    one.subject, one.field, one.span, spent(one.subject, first, last, one.currency)
                )
        return told


def days(span: str) -> tuple[str, str]:
    """The first and the last UTC day of a day or a month."""
    if span.count("-") > 1:
        return span, span
    year, month = map(int, span.split("-"))
    return f"{span}-01", f"{span}-{calendar.monthrange(year, month)[1]:02d}"
