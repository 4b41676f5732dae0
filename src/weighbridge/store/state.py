"""The state: plans, their publications, and votes. SQLite by default.

A plan's number names its content: publishing the same content again gives a new publication of the same
number. Publications are numbered by a sequence without gaps; the highest one is in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from weighbridge.canon import Act, Plan, Publication, Record, Vote
from weighbridge.errors import NotFoundError, StoreError
from weighbridge.store import audit
from weighbridge.store.follow import LATEST_SEQUENCE, PUBLISHED, read_plan, read_publication

if TYPE_CHECKING:
    from weighbridge.store.database import Database

#: Each round of a race has a winner, so this many publishers at once all get through.
_ATTEMPTS = 200
_CANONICAL = msgspec.json.Encoder(order="deterministic")


class PlanMovedError(StoreError):
    """Another publication came first."""


class State:
    """An open state store. Any number of threads and processes may use one database at once.

    Make it after a fork, never before: database connections do not survive one.

    Args:
        place: The path of an SQLite file, which is made if it is missing, or a database URL.

    Raises:
        StoreError: The database cannot be opened, or a newer version wrote it.
        DamagedError: The file is not a database.
        MissingExtraError: The URL needs a driver that is not installed.
    """

    def __init__(self, place: str | Path) -> None:
        from weighbridge.store.database import Database

        self._database: Database = Database(place)

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    @property
    def database(self) -> Database:
        """The tables, for the modules of the store that keep more than plans and records in them."""
        return self._database

    @property
    def name(self) -> str:
        """The database, as it may be shown: a path, or a URL without its password."""
        return self._database.name

    def sequence(self) -> int:
        """The sequence of the publication in force, 0 before the first.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._database.reading() as connection:
            latest: int = connection.exec_driver_sql(LATEST_SEQUENCE).scalar_one()
        return latest

    def current(self) -> Publication | None:
        """The publication in force, or None before the first.

        Raises:
            StoreError: The database cannot be read.
        """
        return next(iter(self.history(1)), None)

    def history(self, limit: int = 50) -> list[Publication]:
        """The last `limit` publications, newest first.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._database.reading() as connection:
            rows = connection.exec_driver_sql(PUBLISHED.format(max(0, limit))).all()
        return [read_publication(row, self._database.name) for row in rows]

    def plan(self, number: int) -> Plan:
        """The plan of a number.

        Raises:
            NotFoundError: No plan has this number.
            StoreError: The database cannot be read.
        """
        import sqlalchemy as sa

        from weighbridge.store.schema import plans

        with self._database.reading() as connection:
            content = connection.execute(sa.select(plans.c.content).where(plans.c.number == number)).scalar()
            highest = connection.execute(sa.select(sa.func.max(plans.c.number))).scalar() or 0
        if content is None:
            known = f"Plans are numbered 1 to {highest}." if highest else "No plan was published yet."
            raise NotFoundError(f"There is no plan {number}.", where=self._database.name, fix=known)
        return read_plan(number, content, self._database.name)

    def publish(
        self,
        plan: Plan,
        *,
        action: str,
        who: str,
        why: str,
        route: str,
        at: float,
        after: int | None = None,
    ) -> Publication:
        """Bring a plan into force.

        Args:
            plan: The plan. Its number is not read: the content decides which number it gets.
            action: What was done: declare, promote, rollback.
            who: Who did it.
            why: Their reason.
            route: The route that it was done to, "" for all.
            at: When, in seconds since 1970.
            after: The sequence that the plan was made from; None: whatever is in force now.

        Returns:
            The publication, with the plan's number set.

        Raises:
            PlanMovedError: Another publication came first (a StoreError).
            StoreError: The database cannot be written.
        """
        import sqlalchemy as sa

        from weighbridge.store import schema

        content = msgspec.json.encode(msgspec.structs.replace(plan, number=0))
        digest = hashlib.sha256(_CANONICAL.encode(_content(plan))).hexdigest()
        p = schema.plans.c
        try:
            with self._database.writing() as connection:
                latest: int = connection.exec_driver_sql(LATEST_SEQUENCE).scalar_one()
                if after is not None and latest != after:
                    raise self._moved()
                number: int | None = connection.execute(sa.select(p.number).where(p.digest == digest)).scalar()
                if number is None:
                    number = (connection.execute(sa.select(sa.func.max(p.number))).scalar() or 0) + 1
                    connection.execute(schema.plans.insert().values(number=number, digest=digest, content=content))
                row: dict[str, Any] = {"at": at, "who": who, "why": why, "action": action, "route": route}
                connection.execute(schema.publications.insert().values(sequence=latest + 1, plan=number, **row))
                audit.append(connection, Act(at, who, f"route.{action}", subject=route, why=why))
        except sa.exc.IntegrityError as error:
            raise self._moved() from error
        return Publication(sequence=latest + 1, plan=msgspec.structs.replace(plan, number=number), **row)

    def update(
        self, change: Callable[[Plan | None], Plan], *, action: str, who: str, why: str, route: str, at: float
    ) -> Publication:
        """Publish what `change` makes of the plan in force; where another came first, read and try again.

        Args:
            change: From the plan in force (None before the first) to the new one. It may be called several
                times, so it must have no effects of its own. What it raises ends the update.
            action: As for `publish`, like the rest.
            who: Who did it.
            why: Their reason.
            route: The route that it was done to, "" for all.
            at: When, in seconds since 1970.

        Raises:
            StoreError: The database cannot be written, or others kept publishing first.
        """
        for _ in range(_ATTEMPTS):
            current = self.current()
            plan = change(current.plan if current else None)
            try:
                return self.publish(
                    plan,
                    action=action,
                    who=who,
                    why=why,
                    route=route,
                    at=at,
                    after=current.sequence if current else 0,
                )
            except PlanMovedError:
                continue
        raise self._moved()

    def records(self, kind: str, *, after: int | None = None) -> list[Record]:
        """What is kept of one kind, by name.

        Args:
            kind: Which.
            after: Only what changed after this revision, deletions included; None: all that was not deleted.

        Raises:
            StoreError: The database cannot be read.
        """
        import sqlalchemy as sa

        from weighbridge.store.schema import records

        r = records.c
        wanted = sa.select(records).where(r.kind == kind).order_by(r.name)
        wanted = wanted.where(r.data.is_not(None) if after is None else r.revision > after)
        with self._database.reading() as connection:
            return [Record(*row) for row in connection.execute(wanted).all()]

    def everything(self) -> list[Record]:
        """What is kept of all kinds and was not deleted, in the order in which it was last changed.

        Raises:
            StoreError: The database cannot be read.
        """
        import sqlalchemy as sa

        from weighbridge.store.schema import records

        wanted = sa.select(records).where(records.c.data.is_not(None)).order_by(records.c.revision)
        with self._database.reading() as connection:
            return [Record(*row) for row in connection.execute(wanted).all()]

    def alter(self, kind: str, name: str, change: Callable[[bytes | None], bytes | None], act: Act) -> Record:
        """Change one record and write down who did it, both or neither.

        Args:
            kind: Of the record.
            name: Of the record.
            change: From what is kept now (None: nothing) to what is to be kept (None: delete it). What it raises ends
                the change, and nothing was done.
            act: What goes into the audit log.

        Raises:
            StoreError: The database cannot be written.
        """
        import sqlalchemy as sa

        from weighbridge.store.schema import records

        r = records.c
        with self._database.writing() as connection:
            now = connection.execute(sa.select(r.data).where(r.kind == kind, r.name == name)).first()
            data = change(now.data if now else None)
            revision = (connection.execute(sa.select(sa.func.max(r.revision))).scalar() or 0) + 1
            if now is None:
                connection.execute(records.insert().values(kind=kind, name=name, revision=revision, data=data))
            else:
                changed = records.update().where(r.kind == kind, r.name == name)
                connection.execute(changed.values(revision=revision, data=data))
            audit.append(connection, act)
        return Record(kind, name, revision, data)

    def acts(
        self, *, after: int = 0, since: float | None = None, limit: int = 100, newest: bool = False
    ) -> list[audit.Entry]:
        """What administrators did, in order.

        Args:
            after: Only entries after this number.
            since: Only what was done then or later, in seconds since 1970; None: ever.
            limit: At most so many.
            newest: The last ones of them, not the first.

        Raises:
            DamagedError: An entry cannot be read.
            StoreError: The database cannot be read.
        """
        with self._database.reading() as connection:
            return audit.read(
                connection, after=after, since=since, limit=limit, newest=newest, name=self._database.name
            )

    def verify(self, head: str = "") -> audit.Verified:
        """Compute the audit log's chain anew: `audit.verify` tells what that shows.

        Args:
            head: The hash of an entry that the log must hold, as an earlier look told it; "": none.

        Raises:
            StoreError: The database cannot be read.
        """
        with self._database.reading() as connection:
            return audit.verify(audit.rows(connection), head)

    @property
    def shared(self) -> bool:
        """May several machines use it, which then have to share limits and budgets through it?"""
        return self._database.shared

    def take(self, subject: str, field: str, span: str, want: int, limit: int, *, now: float | None = None) -> int:
        """Take a part of a limit or budget for this machine: as much as is left, and no more than is wanted.

        Args:
            subject: Whose limit, such as `key:ID`.
            field: Of what: requests, input, output, day, month.
            span: Of which minute, day or month.
            want: How much.
            limit: How much all machines together may take.
            now: Seconds since 1970; None: by the database's clock, which all machines share.

        Returns:
            How much was granted. Where this raises, it may have been taken nevertheless, and is lost for its span.

        Raises:
            StoreError: The database cannot be written.
        """
        from weighbridge.store import allowances

        with self._database.leasing() as connection:
            at = allowances.clock(connection) if now is None else now
            return allowances.take(connection, (subject, field, span), want, limit, at)

    def give_back(self, subject: str, field: str, span: str, amount: int) -> None:
        """Put back what this machine took and did not use.

        Raises:
            StoreError: The database cannot be written.
        """
        from weighbridge.store import allowances

        with self._database.leasing() as connection:
            allowances.give_back(connection, (subject, field, span), amount)

    def taken(self, subject: str, field: str, span: str) -> int:
        """How much all machines together have taken.

        Raises:
            StoreError: The database cannot be read.
        """
        from weighbridge.store import allowances

        with self._database.reading() as connection:
            return allowances.taken(connection, (subject, field, span))

    def hold(
        self, subject: str, holder: str, want: int, limit: int, *, seconds: float, now: float | None = None
    ) -> int:
        """Hold a part of what is in use, not used up (concurrency), until `seconds` pass without asking again.

        Args:
            subject: Whose limit.
            holder: Who holds it: a name of this machine's gateway that no other has.
            want: How much to hold from now on, in place of what was held; 0 lets go.
            limit: How much all holders together may hold.
            seconds: How long without a renewal.
            now: Seconds since 1970; None: by the database's clock, which all machines share.

        Returns:
            How much is held now.

        Raises:
            StoreError: The database cannot be written.
        """
        from weighbridge.store import allowances

        with self._database.leasing() as connection:
            return allowances.hold(connection, (subject, holder), want, limit, seconds=seconds, now=now)

    def add_vote(self, vote: Vote) -> None:
        """Keep a person's preference.

        Raises:
            StoreError: The database cannot be written.
        """
        from weighbridge.store.schema import votes

        with self._database.writing() as connection:
            connection.execute(votes.insert().values(at=vote.at, data=msgspec.json.encode(vote)))

    def votes(self) -> list[Vote]:
        """Every vote, oldest first.

        Raises:
            StoreError: The database cannot be read.
        """
        import sqlalchemy as sa

        from weighbridge.store.schema import votes

        with self._database.reading() as connection:
            rows = connection.execute(sa.select(votes.c.data).order_by(votes.c.id)).all()
        return [msgspec.json.decode(row.data, type=Vote) for row in rows]

    def _moved(self) -> PlanMovedError:
        return PlanMovedError(
            "Someone else published a plan at the same moment.",
            where=self._database.name,
            fix="Look at what is in force now, and try again.",
        )


def _content(plan: Plan) -> list[Any]:
    """What a plan's number stands for. Plans of before anything could be cut keep the digest that they have."""
    return [plan.routes, plan.declared, *([plan.cut] if plan.cut else [])]
