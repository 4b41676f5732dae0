"""How a database of an older version becomes one of this version: forward only, all or nothing, and checked."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from weighbridge.errors import DamagedError, StoreError
from weighbridge.store import schema

#: Whoever changes the audit log makes it another one. Its hashes tell of it; these keep accidents away.
_AUDIT_RULES = {
    "sqlite": (
        (
            "CREATE TRIGGER IF NOT EXISTS audit_stays_update BEFORE UPDATE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        ),
        (
            "CREATE TRIGGER IF NOT EXISTS audit_stays_delete BEFORE DELETE ON audit "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        ),
        (
            "CREATE TRIGGER IF NOT EXISTS audit_grows BEFORE INSERT ON audit "
            "WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) "
            "BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"
        ),
    ),
    "postgresql": (
        (
            "CREATE OR REPLACE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$"
        ),
        (
            "CREATE OR REPLACE FUNCTION audit_grows() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN IF NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit) THEN "
            "RAISE EXCEPTION 'the audit log is append-only'; END IF; RETURN NEW; END $$"
        ),
        (
            "CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON audit "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuses()"
        ),
        "CREATE TRIGGER audit_grows BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_grows()",
    ),
}


def _to_1(connection: sa.Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.meta, schema.plans, schema.publications, schema.votes])


def _to_2(connection: sa.Connection) -> None:
    """Keys, rules, facts and secrets; the audit log; spend; allowances."""
    tables = [schema.records, schema.audit, schema.spend, schema.folded, schema.allowances, schema.holdings]
    schema.metadata.create_all(connection, tables=tables)
    for rule in _AUDIT_RULES.get(connection.dialect.name, ()):
        connection.exec_driver_sql(rule)


def _to_3(connection: sa.Connection) -> None:
    """What masking keeps of conversations."""
    schema.metadata.create_all(connection, tables=[schema.vaults])


def _to_4(connection: sa.Connection) -> None:
    """People's votes on pairs of answers."""
    schema.metadata.create_all(connection, tables=[schema.ballots])


def _to_5(connection: sa.Connection) -> None:
    """What exchanges say of an engine that a route may move to, and what users say of answers."""
    schema.metadata.create_all(connection, tables=[schema.evidence, schema.feedback])


#: The step to each version, from the one before it; one that was released never changes.
STEPS: dict[int, Callable[[sa.Connection], None]] = {1: _to_1, 2: _to_2, 3: _to_3, 4: _to_4, 5: _to_5}
VERSION = max(STEPS)


def version(connection: sa.Connection) -> int:
    """The version of a database's tables, 0 of an empty one."""
    if not sa.inspect(connection).has_table("meta"):
        return 0
    found: int | None = connection.execute(sa.select(sa.func.max(schema.meta.c.version))).scalar()
    return found or 0


def upgrade(connection: sa.Connection, name: str) -> None:
    """Bring a database to this version, within the transaction of a connection that nobody else writes beside.

    Raises:
        StoreError: A newer Weighbridge wrote it.
        DamagedError: It lacks what its version promises.
    """
    before = version(connection)
    check(before, name)
    for step in range(before + 1, VERSION + 1):
        STEPS[step](connection)
    if before < VERSION:
        connection.execute(schema.meta.delete())
        connection.execute(schema.meta.insert().values(version=VERSION))
        _whole(connection, name)


def check(found: int, name: str) -> None:
    """Refuse a database of the future.

    Raises:
        StoreError: A newer Weighbridge wrote it.
    """
    if found > VERSION:
        raise StoreError(
            f"The state was written by a newer Weighbridge (version {found} of its tables, known: {VERSION}).",
            where=name,
            fix="Upgrade Weighbridge, or set store.path or store.state to another place.",
        )


def _whole(connection: sa.Connection, name: str) -> None:
    look = sa.inspect(connection)
    for table in schema.metadata.sorted_tables:
        have = {column["name"] for column in look.get_columns(table.name)}
        if lacking := sorted({column.name for column in table.columns} - have):
            raise DamagedError(
                f"The table {table.name} lacks {', '.join(lacking)}: it was made by something else.",
                where=name,
                fix="Restore a copy of the database, or give Weighbridge one of its own.",
            )
