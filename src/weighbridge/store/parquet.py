"""Sealed traces: the columns of their Parquet files, writing them and reading them back. Loads DuckDB when used.

Scalars have a column each, money is a whole number of micro-units, attempts, losses and what was masked are JSON text, and
request and reply together are the JSON text `bodies`. A file is `ID-PID.FIRST_LAST.parquet`: the name of the
segment that it was, then the times of its oldest and newest trace in milliseconds since 1970.
"""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from weighbridge.canon import Attempt, Loss, Reply, Request, Trace, Usage
from weighbridge.errors import StoreError
from weighbridge.store.files import create, store_error, sync_folder

if TYPE_CHECKING:
    import duckdb

SUFFIX = ".parquet"
TEMPORARY = ".tmp"
COLUMNS = {
    "id": "VARCHAR",
    "at": "DOUBLE",
    "route": "VARCHAR",
    "engine": "VARCHAR",
    "plan": "BIGINT",
    "outcome": "VARCHAR",
    "dialect": "VARCHAR",
    "streamed": "BOOLEAN",
    "conversation": "VARCHAR",
    "source": "VARCHAR",
    "first_token": "DOUBLE",
    "total": "DOUBLE",
    "input_tokens": "BIGINT",
    "cached_tokens": "BIGINT",
    "output_tokens": "BIGINT",
    "reasoning_tokens": "BIGINT",
    "cache_written_tokens": "BIGINT",
    "tokens_estimated": "BOOLEAN",
    "cost": "BIGINT",
    "currency": "VARCHAR",
    "attempts": "VARCHAR",
    "losses": "VARCHAR",
    "error": "VARCHAR",
    "key": "VARCHAR",
    "team": "VARCHAR",
    "mask": "VARCHAR",
    "masked": "VARCHAR",
    "cached": "BOOLEAN",
    "swap": "VARCHAR",
    "arm": "VARCHAR",
    "pair": "VARCHAR",
    "bodies": "VARCHAR",
}
#: What stands for a column that files of earlier versions do not have.
_ADDED = {
    "cache_written_tokens": "0",
    "key": "''",
    "team": "''",
    "mask": "'none'",
    "masked": "'{}'",
    "cached": "false",
    "swap": "''",
    "arm": "''",
    "pair": "''",
}
_NAME = re.compile(r"(?P<stem>[0-9a-z]{26}-\d+)\.(?P<low>-?\d+)_(?P<high>-?\d+)\.parquet")
_FURTHEST = 10**15
_MAX_BIGINT = 2**63 - 1
_LINE_BYTES = 1 << 20
_MEMORY_BYTES = 1 << 30
_FETCH = 256


class Stored(Struct, frozen=True):
    """A trace as a segment holds it, its nested parts still JSON."""

    id: str
    at: float
    route: str
    engine: str
    plan: int = 0
    outcome: str = "ok"
    dialect: str = ""
    streamed: bool = False
    conversation: str = ""
    source: str = "gateway"
    first_token: float | None = None
    total: float | None = None
    usage: Usage | None = None
    cost: int | None = None
    currency: str = "USD"
    attempts: Raw = Raw(b"[]")
    losses: Raw = Raw(b"[]")
    error: str = ""
    key: str = ""
    team: str = ""
    mask: str = "none"
    masked: Raw = Raw(b"{}")
    cached: bool = False
    swap: str = ""
    arm: str = ""
    pair: str = ""
    request: Raw = Raw()
    reply: Raw = Raw()


class _Bodies(Struct, frozen=True):
    request: Request | None = None
    reply: Reply | None = None


class SealedName(NamedTuple):
    """What the name of a Parquet file tells."""

    path: Path
    stem: str
    low: float  #: no trace is older, seconds since 1970
    high: float  #: no trace is newer


_stored = msgspec.json.Decoder(Stored)
_bodies = msgspec.json.Decoder(_Bodies)
_attempts = msgspec.json.Decoder(tuple[Attempt, ...])
_losses = msgspec.json.Decoder(tuple[Loss, ...])
_counts = msgspec.json.Decoder(dict[str, int])
_encoder = msgspec.json.Encoder()


def parse_name(path: Path) -> SealedName | None:
    """What a sealed file's name tells, or None where the file is something else."""
    match = _NAME.fullmatch(path.name)
    return SealedName(path, match["stem"], int(match["low"]) / 1000, int(match["high"]) / 1000) if match else None


def sealed_path(folder: Path, stem: str, low: float, high: float) -> Path:
    """The path of the file that a segment's traces are sealed to; `low` and `high` are their times."""
    first, last = (max(-_FURTHEST, min(_FURTHEST, n)) for n in (math.floor(low * 1000), math.ceil(high * 1000)))
    return folder / f"{stem}.{first}_{last}{SUFFIX}"


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that fetches nothing from outside and keeps its size."""
    import duckdb

    connection = duckdb.connect(
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": f"{_MEMORY_BYTES >> 20}MiB",
            "threads": "2",
        }
    )
    return _quiet(connection)


def session(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same DuckDB, so that two results can be read in turn."""
    return _quiet(connection.cursor())


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    # Where DuckDB takes the process for an interactive one, it draws on standard output, among the results.
    connection.execute("SET enable_progress_bar = false")
    return connection


def write(payloads: Iterable[bytes], path: Path) -> int:
    """Write traces to a Parquet file, in the order given, whole or not at all.

    Args:
        payloads: Traces as JSON, as segments hold them.
        path: The file; one that exists is replaced.

    Returns:
        How many traces were written.

    Raises:
        StoreFullError: No space is left.
        StoreError: The file cannot be written.
    """
    import duckdb

    lines = path.with_name(f".{path.name}.{os.getpid()}.ndjson{TEMPORARY}")
    fresh = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        count, longest = _write_lines(payloads, lines)
        with contextlib.closing(connect()) as connection:
            _convert(connection, lines, fresh, longest)
        fd = os.open(fresh, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
        fresh.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        raise store_error(error, path) from error
    except duckdb.Error as error:
        raise _duckdb_error(error, path) from error
    finally:
        for temporary in (lines, fresh):
            temporary.unlink(missing_ok=True)
    return count


def read(
    connection: duckdb.DuckDBPyConnection,
    paths: Sequence[Path],
    where: str,
    parameters: Sequence[Any],
    tail: str = "",
    *,
    bodies: bool = True,
) -> Iterator[Trace]:
    """The traces of Parquet files that meet an SQL condition, a few at a time.

    Args:
        connection: From `connect`; busy until the iterator is exhausted.
        paths: The files.
        where: The condition, with `?` for parameters.
        parameters: Its parameters.
        tail: SQL to follow it, such as an order. Without one, files and rows come in their own order.
        bodies: Also read requests and replies.

    Raises:
        duckdb.Error: A file is missing or cannot be read.
        msgspec.DecodeError: A row is not a trace.
    """
    files = [str(p) for p in paths]
    present = {
        name for (name,) in connection.execute("SELECT DISTINCT name FROM parquet_schema(?)", [files]).fetchall()
    }
    names = ", ".join(_selected(c, present) if bodies or c != "bodies" else "NULL" for c in COLUMNS)
    source = "read_parquet(?, hive_partitioning = false, union_by_name = true)"
    sql = f"SELECT {names} FROM {source} WHERE {where} {tail}"  # noqa: S608 - all of it is ours
    result = connection.execute(sql, [files, *parameters])
    while rows := result.fetchmany(_FETCH):
        yield from map(_trace, rows)


def _selected(column: str, present: set[str]) -> str:
    default = _ADDED.get(column)
    if default is None:
        return f'"{column}"'
    return f'coalesce("{column}", {default})' if column in present else default


def _write_lines(payloads: Iterable[bytes], path: Path) -> tuple[int, int]:
    count = longest = 0
    with create(path) as file:
        for payload in payloads:
            line = _encoder.encode(_row(_stored.decode(payload)))
            longest = max(longest, len(line))
            file.write(line)
            file.write(b"\n")
            count += 1
    return count, longest


def _convert(connection: duckdb.DuckDBPyConnection, lines: Path, target: Path, longest: int) -> None:
    line = max(_LINE_BYTES, longest + 1024)
    # More threads keep finished parts waiting for slower ones: memory would grow with the number of rows.
    connection.execute("SET threads = 1")
    if line > _LINE_BYTES:
        # DuckDB holds a few lines of the greatest length at once.
        connection.execute(f"SET memory_limit = '{(_MEMORY_BYTES + 16 * line) >> 20}MiB'")
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in COLUMNS.items())
    create(target).close()  # DuckDB would make it readable for others
    # Paths are literals: COPY takes no parameters for them.
    source, sink = (str(p).replace("'", "''") for p in (lines, target))
    connection.execute(
        f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited', compression = 'none', "  # noqa: S608 - ours
        f"maximum_object_size = {line}, columns = {{{columns}}})) "
        f"TO '{sink}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 4096, USE_TMP_FILE false)"
    )


def _row(t: Stored) -> dict[str, Any]:
    usage = t.usage
    parts = [b'"%s":%s' % (name, bytes(raw)) for name, raw in ((b"request", t.request), (b"reply", t.reply)) if raw]
    return {
        "id": t.id,
        "at": t.at,
        "route": t.route,
        "engine": t.engine,
        "plan": _bigint(t.plan),
        "outcome": t.outcome,
        "dialect": t.dialect,
        "streamed": t.streamed,
        "conversation": t.conversation,
        "source": t.source,
        "first_token": t.first_token,
        "total": t.total,
        "input_tokens": _bigint(usage.input) if usage else None,
        "cached_tokens": _bigint(usage.cached) if usage else None,
        "output_tokens": _bigint(usage.output) if usage else None,
        "reasoning_tokens": _bigint(usage.reasoning) if usage else None,
        "cache_written_tokens": _bigint(usage.cache_written) if usage else None,
        "tokens_estimated": usage.estimated if usage else None,
        "cost": None if t.cost is None else _bigint(t.cost),
        "currency": t.currency,
        "attempts": str(t.attempts, "utf-8"),
        "losses": str(t.losses, "utf-8"),
        "error": t.error,
        "key": t.key,
        "team": t.team,
        "mask": t.mask,
        "masked": str(t.masked, "utf-8"),
        "cached": t.cached,
        "swap": t.swap,
        "arm": t.arm,
        "pair": t.pair,
        "bodies": (b"{%s}" % b",".join(parts)).decode() if parts else None,
    }


def _bigint(value: int) -> int:
    # An engine may claim any number of tokens; a column holds 64 bits.
    return max(-_MAX_BIGINT, min(_MAX_BIGINT, value))


def _trace(row: Sequence[Any]) -> Trace:
    v = dict(zip(COLUMNS, row, strict=True))
    tokens = {kind: v.pop(f"{kind}_tokens") for kind in ("input", "cached", "output", "reasoning", "cache_written")}
    estimated = v.pop("tokens_estimated")
    usage = None if estimated is None else Usage(**tokens, estimated=estimated)
    text = v.pop("bodies")
    bodies = _bodies.decode(text) if text else _Bodies()
    v["attempts"] = _attempts.decode(v["attempts"])
    v["losses"] = _losses.decode(v["losses"])
    v["masked"] = _counts.decode(v["masked"])
    return Trace(**v, usage=usage, request=bodies.request, reply=bodies.reply)


def _duckdb_error(error: Exception, path: Path) -> StoreError:
    message = str(error).splitlines()[0]

    if "No space left" in message or "File too large" in message:
        cause = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return store_error(cause, path)
    return StoreError(
        f"The Parquet file cannot be written: {message}.", where=str(path), fix="Look at the message; nothing is lost."
    )
