"""How the database of the state is opened, read and written: SQLite or PostgreSQL. The door to SQLAlchemy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry

from weighbridge.errors import InputError, MissingExtraError, StoreError
from weighbridge.store import migrations, postgres, sqlite

_IMMEDIATE = "weighbridge_immediate"
#: Writers of one PostgreSQL database take turns by this lock, as SQLite's do by its own.
_TURN = "SELECT pg_advisory_xact_lock(7308332045839065455)"
_POOL_SECONDS = 10.0


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
        if isinstance(place, str) and place.startswith(postgres.SCHEMES):
            self.name, self._engine = postgres.shown(place), _postgres(place)
        else:
            self.name, self._engine = _sqlite(place)
        #: is it shared by machines?
        self.shared = self._engine.dialect.name == "postgresql"
        self._driver_error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        one_view = {"isolation_level": "REPEATABLE READ"} if self.shared else {}
        self._reading = self._engine.execution_options(**one_view)
        self._writing = self._engine.execution_options(**{_IMMEDIATE: True})
        self._migrate()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection for reading: one consistent view, errors told as ours."""
        with self.errors(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction for writing: committed at the end, undone on an error. Writers take turns."""
        with self.errors(), self._writing.begin() as connection:
            if self.shared:
                connection.exec_driver_sql(_TURN)
            yield connection

    @contextmanager
    def leasing(self) -> Iterator[sa.Connection]:
        """A transaction on rows that nobody else writes but in this way: on PostgreSQL it waits for no other writer."""
        with self.errors(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Tell a driver's errors as ours; broken constraints pass, for they mean that another was first."""
        try:
            yield
        except sa.exc.IntegrityError:
            raise
        except (UnicodeEncodeError, sa.exc.DataError) as error:
            raise InputError(
                "A text does not fit into the database: it is too long, or holds what is no text.",
                where=self.name,
                fix="Shorten it, or leave out characters that cannot be printed.",
            ) from error
        except (sa.exc.SQLAlchemyError, self._driver_error, OSError) as error:
            raise (postgres.told if self.shared else sqlite.database_error)(error, self.name) from error

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _migrate(self) -> None:
        try:
            with self.reading() as connection:
                version = migrations.version(connection)
            migrations.check(version, self.name)
            if version < migrations.VERSION:
                with self.writing() as connection:
                    migrations.upgrade(connection, self.name)
        except BaseException:
            self.close()
            raise


def _postgres(place: str) -> sa.Engine:
    postgres.check(place)
    return sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: postgres.connect(place),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_timeout=_POOL_SECONDS,
        use_native_hstore=False,
    )


def _sqlite(place: str | Path) -> tuple[str, sa.Engine]:
    url = _url(place)
    name = url.render_as_string(hide_password=True)
    try:
        if url.get_backend_name() == "sqlite":
            name = str(url.database)
            sqlite.prepare_file(Path(name))
        engine = sa.create_engine(url)
    except (ModuleNotFoundError, sa.exc.NoSuchModuleError) as error:
        raise _unknown(name) from error
    if engine.dialect.name != "sqlite":
        raise _unknown(name)
    sa.event.listen(engine, "connect", _on_connect)
    sa.event.listen(engine, "begin", _on_begin)
    return name, engine


def _unknown(name: str) -> MissingExtraError:
    return MissingExtraError(
        "This kind of database cannot hold the state.",
        where=name,
        fix="Give the path of an SQLite file, or a URL that begins with postgresql://.",
    )


def _url(place: str | Path) -> sa.URL:
    if isinstance(place, Path) or "://" not in place:
        return sa.URL.create("sqlite", database=str(place))
    try:
        url = sa.make_url(place)
    except sa.exc.ArgumentError as error:
        raise StoreError(
            "The database's URL cannot be read.", fix="Write it as driver://user@host/name, or give a file's path."
        ) from error
    if url.get_backend_name() == "sqlite" and (url.host or url.username):
        raise StoreError(
            "A file has no host and no user.",
            where=url.render_as_string(hide_password=True),
            fix="Write it as sqlite:///PATH, or give the path alone.",
        )
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
