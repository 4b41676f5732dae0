"""How a PostgreSQL database is reached: its URL, its connections, and how its errors are told. Needs the extra `postgres`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weighbridge.errors import MissingExtraError, StoreError, StoreFullError, WeighbridgeError

if TYPE_CHECKING:
    from psycopg import Connection

#: What a URL may begin with.
SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")
_CONNECT = 5  #: seconds to reach the server
_STATEMENT = 10  #: seconds that one statement may take, waiting for its turn included
_DEFAULTS = {
    "connect_timeout": _CONNECT,
    "application_name": "weighbridge",
    "client_encoding": "utf8",
    # A server that is cut off, without a word, is noticed within about this time too.
    "tcp_user_timeout": _STATEMENT * 1000,
    "keepalives_idle": _STATEMENT,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}
_SETTINGS = (
    f"SET statement_timeout = '{_STATEMENT}s'",
    f"SET idle_in_transaction_session_timeout = '{_STATEMENT}s'",
    "SET client_min_messages = 'error'",
)


def connect(place: str, *, autocommit: bool = False) -> Connection[Any]:
    """A connection on which nothing waits without end.

    Args:
        place: The URL; `connect_timeout` and the like may stand in its query.
        autocommit: Does each statement stand for itself?

    Raises:
        MissingExtraError: The driver is not installed.
        StoreError: The URL cannot be read.
        psycopg.Error: The server cannot be reached.
    """
    wanted = check(place)
    import psycopg

    # Prepared statements would outlive a connection that a pooler hands to someone else.
    asked: dict[str, Any] = {**_DEFAULTS, **wanted, "autocommit": True, "prepare_threshold": None}
    made = psycopg.connect(**asked)
    try:
        for setting in _SETTINGS:
            made.execute(setting)
        made.autocommit = autocommit
    except psycopg.Error:
        made.close()
        raise
    return made


def check(place: str) -> dict[str, Any]:
    """Read a URL.

    Returns:
        What it says, in libpq's words.

    Raises:
        MissingExtraError: The driver is not installed.
        StoreError: The URL cannot be read.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise MissingExtraError(
            "A state store in PostgreSQL needs psycopg.",
            where=shown(place),
            fix="Run: pip install 'weighbridge[postgres]'.",
        ) from error
    try:
        return dict(conninfo_to_dict(_plain(place)))
    except psycopg.Error:  # its text may repeat a password
        raise unreadable(place) from None


def shown(place: str) -> str:
    """A URL as it may be shown: without its password and its query, which may hold one too."""
    try:
        parts = urlsplit(place)
        user, host = parts.username, parts.hostname
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "postgresql://"
    return f"postgresql://{f'{user}@' if user else ''}{host or ''}{port}{parts.path}"


def unreadable(place: str) -> StoreError:
    """The error for a URL that means nothing."""
    return StoreError(
        "The database's URL cannot be read.",
        where=shown(place),
        fix="Write it as postgresql://user@host/name; percent-encode what is special in a URL.",
    )


def told(error: BaseException, name: str) -> StoreError:
    """The error of ours for one of the driver's.

    Args:
        error: The driver's, or SQLAlchemy's around it.
        name: The database, as it may be shown.
    """
    original = getattr(error, "orig", None) or error
    state = getattr(original, "sqlstate", None) or ""
    first, *more = str(original).strip().splitlines() or [type(original).__name__]
    message = (more[0] if first.endswith(":") and more else first).strip().rstrip(".?")
    if state.startswith("53") and state != "53300":  # 53300: too many connections
        return StoreFullError(
            f"The database has no room left: {message}.", where=name, fix="Give its server more space."
        )
    if state in ("55P03", "57014"):
        return StoreError(
            "Another process has held the database for too long.",
            where=name,
            fix="Find out what holds it (SELECT * FROM pg_stat_activity), and try again.",
        )
    if state.startswith("42501"):
        return StoreError(
            f"The database refused: {message}.",
            where=name,
            fix="Let this user own the database, or grant it the right to make and use tables.",
        )
    return StoreError(
        f"The database cannot be used: {message}.",
        where=name,
        fix="Check that the server runs and can be reached, and that user, password and name are right.",
    )


class Link:
    """A connection for reading, opened when it is first needed and after each failure. For one thread.

    Args:
        place: The URL.
    """

    interval = 0.1

    def __init__(self, place: str) -> None:
        self.name = shown(place)
        self._place = place
        self._connection: Connection[Any] | None = None

    def rows(self, statement: str) -> list[Sequence[Any]]:
        """What a query gives.

        Raises:
            StoreError: The database cannot be read; the next call opens it again.
            MissingExtraError: The driver is not installed.
        """
        try:
            if self._connection is None:
                self._connection = connect(self._place, autocommit=True)
            return self._connection.execute(statement).fetchall()
        except WeighbridgeError:
            raise
        except Exception as error:
            self.close()
            raise told(error, self.name) from error

    def close(self) -> None:
        """Let go of the connection; safe twice."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
            self._connection = None


def _plain(place: str) -> str:
    return f"postgresql://{place.partition('://')[2]}"
