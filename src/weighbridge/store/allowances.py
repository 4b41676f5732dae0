"""Allowances: what machines that share a state store have taken of limits and budgets, never more than there is.

Each function runs in a transaction of its own (`Database.leasing`), and touches the rows of one subject.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from weighbridge.store.schema import allowances, holdings

_HOUR = 3600.0
#: Seconds that the row of a span is kept; clocks of machines differ, so that one may still count in a span that ended.
_KEPT = {"day": 72 * _HOUR, "month": 70 * 24 * _HOUR}
_CLOCKS = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT extract(epoch FROM clock_timestamp())::float8",
}
#: Those who hold parts of one subject take turns, and wait for nobody else.
_TURN = "SELECT pg_advisory_xact_lock(1749242213, hashtext(:subject))"


def clock(connection: sa.Connection) -> float:
    """The database's own time, in seconds since 1970: the one clock that all machines share."""
    return float(connection.exec_driver_sql(_CLOCKS[connection.dialect.name]).scalar_one())


def take(connection: sa.Connection, at: tuple[str, str, str], want: int, limit: int, now: float) -> int:
    """Take as much as is left, and no more than is wanted.

    Args:
        connection: A leasing transaction.
        at: Subject, field, and span.
        want: How much; not below 0.
        limit: How much all together may take.
        now: Seconds since 1970, by the database's clock.

    Returns:
        How much was granted.
    """
    a = allowances.c
    here = _here(at)
    if (have := _taken(connection, at, lock=True)) is None:
        subject, field, _ = at
        old = sa.and_(a.subject == subject, a.field == field, a.at < now - _KEPT.get(field, _HOUR))
        connection.execute(allowances.delete().where(old))
        connection.execute(_unless_there(connection, at, now))
        have = _taken(connection, at, lock=True) or 0
    granted = max(0, min(want, limit - have))
    if granted:
        connection.execute(allowances.update().where(here).values(taken=a.taken + granted))
    return granted


def give_back(connection: sa.Connection, at: tuple[str, str, str], amount: int) -> None:
    """Put back what was taken and not used; what a span that is forgotten had is gone with it."""
    left = allowances.c.taken - amount
    connection.execute(
        allowances.update().where(_here(at)).values(taken=sa.case((left > 0, left), else_=0)),
    )


def taken(connection: sa.Connection, at: tuple[str, str, str]) -> int:
    """How much all together have taken."""
    return _taken(connection, at, lock=False) or 0


def hold(
    connection: sa.Connection, at: tuple[str, str], want: int, limit: int, *, seconds: float, now: float | None
) -> int:
    """Hold a part of what is not used up but in use, such as concurrency, for a while; again to hold on or to change it.

    Args:
        connection: A leasing transaction.
        at: Subject, and who holds it.
        want: How much to hold from now on, in place of what was held; 0 lets go.
        limit: How much all together may hold.
        seconds: After which it is no longer held, unless it was asked for again.
        now: Seconds since 1970; None: the database's clock.

    Returns:
        How much is held now.
    """
    h = holdings.c
    subject, holder = at
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(_TURN), {"subject": subject})
    now = clock(connection) if now is None else now
    mine = h.holder == holder
    connection.execute(holdings.delete().where(h.subject == subject, mine | (h.until <= now)))
    others: Any = connection.execute(sa.select(sa.func.sum(h.held)).where(h.subject == subject)).scalar()
    granted = max(0, min(want, limit - int(others or 0)))
    if granted:
        row = {"subject": subject, "holder": holder, "held": granted, "until": now + seconds}
        connection.execute(holdings.insert().values(**row))
    return granted


def _here(at: tuple[str, str, str]) -> sa.ColumnElement[bool]:
    a = allowances.c
    subject, field, span = at
    return sa.and_(a.subject == subject, a.field == field, a.span == span)


def _taken(connection: sa.Connection, at: tuple[str, str, str], *, lock: bool) -> int | None:
    wanted = sa.select(allowances.c.taken).where(_here(at))
    found: int | None = connection.execute(wanted.with_for_update() if lock else wanted).scalar()
    return found


def _unless_there(connection: sa.Connection, at: tuple[str, str, str], now: float) -> sa.Executable:
    from sqlalchemy.dialects import postgresql, sqlite

    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    subject, field, span = at
    row = {"subject": subject, "field": field, "span": span, "taken": 0, "at": now}
    return insert(allowances).values(**row).on_conflict_do_nothing()
