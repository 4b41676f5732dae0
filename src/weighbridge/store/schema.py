"""The tables of the state store, and how its database is opened. The one module that loads SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from weighbridge.errors import MissingExtraError, StoreError
from weighbridge.store import sqlite

VERSION = 1

metadata = sa.MetaData()
meta = sa.Table("meta", metadata, sa.Column("version", sa.Integer, primary_key=True, autoincrement=False))
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("digest", sa.String(64), nullable=False, unique=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
publications = sa.Table(
    "publications",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("plan", sa.BigInteger, sa.ForeignKey("plans.number"), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("route", sa.Text, nullable=False),
)
votes = sa.Table(
    "votes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

records = sa.Table(
    "records",
    metadata,
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("revision", sa.BigInteger, nullable=False, unique=True),
    sa.Column("data", sa.LargeBinary),
)
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
spend = sa.Table(
    "spend",
    metadata,
    sa.Column("day", sa.String(10), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("team", sa.String(255), primary_key=True),
    sa.Column("route", sa.String(255), primary_key=True),
    sa.Column("engine", sa.String(255), primary_key=True),
    sa.Column("currency", sa.String(8), primary_key=True),
    sa.Column("exchanges", sa.BigInteger, nullable=False),
    sa.Column("cached", sa.BigInteger, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("cached_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
    sa.Column("cost", sa.BigInteger, nullable=False),
    sa.Column("estimated", sa.BigInteger, nullable=False),
    sa.Column("unpriced", sa.BigInteger, nullable=False),
)
folded = sa.Table(
    "folded",
    metadata,
    sa.Column("segment", sa.String(64), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
)
allowances = sa.Table(
    "allowances",
    metadata,
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("field", sa.String(16), primary_key=True),
    sa.Column("span", sa.String(16), primary_key=True),
    sa.Column("taken", sa.BigInteger, nullable=False),
)

_IMMEDIATE = "weighbridge_immediate"


class Database:
    """An open state database.

    Args:
        place: The path of an SQLite file, or a database URL.

    Raises:
        StoreError: The database cannot be opened, or a newer version wrote it.
        DamagedError: The file is not a database.
        MissingExtraError: The URL needs a driver that is not installed.
    """

    def __init__(self, place: str | Path) -> None:
        url = _url(place)
        self.name = url.render_as_string(hide_password=True)
        try:
            if url.get_backend_name() == "sqlite":
                sqlite.prepare_file(Path(str(url.database)))
                self.name = str(url.database)
            self._engine = sa.create_engine(url, pool_pre_ping=url.get_backend_name() != "sqlite")
        except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
            raise MissingExtraError(
                f"No driver for this kind of database is installed: {error}.",
                where=self.name,
                fix="Install the driver, or give the path of an SQLite file.",
            ) from error
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _on_connect)
            sa.event.listen(self._engine, "begin", _on_begin)
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        self._writing = self._engine.execution_options(**{_IMMEDIATE: True})
        self._migrate()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading: one consistent view, errors told as ours."""
        with self.errors(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction for writing: committed at the end, undone on an error. Writers take turns."""
        with self.errors(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell a driver's errors as ours; broken constraints pass, for they mean that another was first."""
        try:
            yield
        except sa.exc.IntegrityError:
            raise
        except (sa.exc.SQLAlchemyError, self._driver_error, OSError) as error:
            raise sqlite.database_error(error, self.name) from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        try:
            with self.reading() as connection:
                version = _version(connection)
            if version is None:
                with self.writing() as connection:
                    version = _version(connection)
                    if version is None:
                        metadata.create_all(connection)
                        connection.execute(meta.insert().values(version=VERSION))
                        version = VERSION
        except BaseException:
            self.close()
            raise
        if version > VERSION:
            self.close()
            raise StoreError(
                f"The state was written by a newer Weighbridge (version {version} of its tables, known: {VERSION}).",
                where=self.name,
                fix="Upgrade Weighbridge, or set store.path to another folder.",
            )


def _version(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table("meta"):
        return None
    version: int | None = connection.execute(sa.select(sa.func.max(meta.c.version))).scalar()
    return version


def _url(place: str | Path) -> sa.URL:
    if isinstance(place, Path) or "://" not in place:
        return sa.URL.create("sqlite", database=str(place))
    try:
        url = sa.make_url(place)
    except sa.exc.ArgumentError as error:
        raise StoreError(
            "The database's URL cannot be read.", fix="Write it as driver://user@host/name, or give a file's path."
        ) from error
    if url.get_backend_name() == "sqlite" and url.database in {None, "", ":memory:"}:
        raise StoreError(
            "A database in memory cannot be shared by processes.", where=place, fix="Give the path of a file."
        )
    return url


def _on_connect(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # Transactions are begun by `_on_begin` alone, not by the driver's guess at what a statement does.
    connection.isolation_level = None
    sqlite.tune(connection)
    connection.execute("PRAGMA foreign_keys=ON")


def _on_begin(connection: sa.Connection) -> None:
    # A writer takes the lock at once: one that began as a reader could no longer wait for its turn.
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(_IMMEDIATE) else "BEGIN")
