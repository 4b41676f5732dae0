"""Reading traces: sealed Parquet files and living segments together, as if they were one table.

A trace is in one place at a time: where a segment and the Parquet file made of it both exist, because sealing
was interrupted, the Parquet file counts. Files that cannot be read are told and passed over.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, Unpack

import msgspec

from weighbridge.canon import Trace, encode
from weighbridge.errors import InputError, UnknownTraceError
from weighbridge.store import ids, parquet
from weighbridge.store.files import create, store_error
from weighbridge.store.sources import (
    TRACE,
    Filters,
    Warn,
    Where,
    living,
    load,
    merged,
    places_in,
    query,
    records,
    sealed,
)

__all__ = ["Filters", "Format", "export", "find", "known", "recent", "scan"]

Format = Literal["jsonl", "parquet"]

SUFFIXES: dict[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_FIRST = b'{"id":"'
_PREFIX_MATCHES = 4
_FILES_AT_FIRST = 4
_FILES_AT_ONCE = 64
_WINDOW_SECONDS = 5.0
_log = logging.getLogger(__name__)


def recent(
    folder: Path, *, limit: int = 50, bodies: bool = True, warn: Warn = _log.warning, **filters: Unpack[Filters]
) -> list[Trace]:
    """The newest traces, newest first.

    Args:
        folder: The folder of traces; a missing one holds none.
        limit: How many at most.
        bodies: Also read requests and replies; without them a list is quick.
        warn: Told of files that are damaged, in a sentence each.
        filters: Which traces count.

    Raises:
        StoreError: The folder cannot be read.
    """
    where = Where(filters)
    found: list[Trace] = []
    if limit < 1:
        return found
    for path in living(folder):
        places = places_in(path, where, warn)[-limit:]
        with contextlib.suppress(FileNotFoundError):  # sealed meanwhile: then it is read below
            found = _newest([*found, *load(path, places, warn, bodies=bodies)], limit)
    names = sorted((n for n in sealed(folder) if where.may_hold(n)), key=lambda n: n.high, reverse=True)
    question = (where.sql, where.parameters, f'ORDER BY "at" DESC, id DESC LIMIT {int(limit)}')
    start, count = 0, _FILES_AT_FIRST
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(contextlib.closing(parquet.connect())) if names else None
        while connection is not None and start < len(names):
            if len(found) == limit and found[-1].at > names[start].high:
                break
            group = [n.path for n in names[start : start + count]]
            found = _newest([*found, *query(connection, group, question, warn, bodies=bodies)], limit)
            start, count = start + count, min(_FILES_AT_ONCE, count * 2)
    return found


def scan(
    folder: Path, *, limit: int | None = None, warn: Warn = _log.warning, **filters: Unpack[Filters]
) -> Iterator[Trace]:
    """All traces, oldest first, with memory that does not grow with their number.

    Args:
        folder: The folder of traces; a missing one holds none.
        limit: Only the newest so many.
        warn: Told of files that are damaged, in a sentence each.
        filters: Which traces count.

    Raises:
        StoreError: The folder cannot be read.
    """
    first: tuple[float, str] | None = None
    if limit is not None:
        newest = recent(folder, limit=limit, bodies=False, warn=_silent, **filters)
        if not newest:
            return
        first = (newest[-1].at, newest[-1].id)
        filters["since"] = newest[-1].at
    for trace in merged(folder, Where(filters), warn):
        if first is None or (trace.at, trace.id) >= first:
            yield trace


def find(folder: Path, trace_id: str, *, warn: Warn = _log.warning) -> Trace:
    """The trace of an id, or of the start of one that no other shares.

    Raises:
        UnknownTraceError: No trace has this id, or several begin with it.
        StoreError: The folder cannot be read.
    """
    matches = _in_segments(folder, trace_id) if trace_id else {}
    names = sealed(folder) if trace_id else []
    made = ids.time_of(trace_id)
    near = [n for n in names if made is not None and n.low - _WINDOW_SECONDS <= made <= n.high + _WINDOW_SECONDS]
    for group in (near, [n for n in names if n not in near]):
        if group and trace_id not in matches:
            matches |= _in_sealed([n.path for n in group], trace_id, warn)
    if trace_id in matches:
        return matches[trace_id]
    if len(matches) == 1:
        return next(iter(matches.values()))
    if matches:
        some = ", ".join(sorted(matches)[:_PREFIX_MATCHES])
        raise UnknownTraceError(f"Several traces begin with '{trace_id}'.", fix=f"Give more of the id: {some}.")
    newest = recent(folder, limit=1, bodies=False, warn=_silent)
    fix = f"The newest is {newest[0].id}; `weighbridge traces list` shows more." if newest else "No trace is stored."
    raise UnknownTraceError(f"There is no trace '{trace_id}'.", where=str(folder), fix=fix)


def known(folder: Path, wanted: Mapping[str, float], *, warn: Warn = _log.warning) -> set[str]:
    """Which of some traces are stored already.

    Args:
        folder: The folder of traces.
        wanted: When each began, by its id.
        warn: Told of files that are damaged.

    Raises:
        StoreError: The folder cannot be read.
    """
    found: set[str] = set()
    if not wanted:
        return found
    for path in living(folder):
        # Also what a writer that is just dying had no time to publish.
        for record in records(path, _silent, published=False):
            start = len(_FIRST)
            name = record.payload[start : record.payload.find(b'"', start)].decode(errors="replace")
            if name in wanted:
                found.add(name)
    low, high = min(wanted.values()), max(wanted.values())
    paths = [n.path for n in sealed(folder) if n.low - 1 <= high and n.high + 1 >= low]
    left = sorted(wanted.keys() - found)
    if paths and left:
        with contextlib.closing(parquet.connect()) as connection:
            question = (f"id IN ({', '.join('?' * len(left))})", left, "")
            found |= {t.id for t in query(connection, paths, question, warn, bodies=False)}
    return found


def export(
    folder: Path,
    path: Path,
    format: Format | None = None,  # noqa: A002 - the word that users know
    *,
    limit: int | None = None,
    warn: Warn = _log.warning,
    **filters: Unpack[Filters],
) -> int:
    """Copy traces, oldest first, to a file that only its owner may read; whole or not at all.

    Args:
        folder: The folder of traces.
        path: The file; one that exists is replaced.
        format: jsonl or parquet; None: by the file's suffix.
        limit: Only the newest so many.
        warn: Told of files that are damaged.
        filters: Which traces count.

    Returns:
        How many traces were copied.

    Raises:
        InputError: The suffix says nothing and no format was given, or there is no such folder.
        StoreFullError: No space is left.
        StoreError: The file cannot be written.
    """
    chosen = format or SUFFIXES.get(path.suffix.lower())
    if chosen is None:
        raise InputError(
            f"The format of '{path.name}' is not clear.", where=str(path), fix="End the name in .jsonl or .parquet."
        )
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(
            f"'{path}' cannot be written: " + ("it is a folder." if path.is_dir() else "its folder does not exist."),
            where=str(path),
            fix="Give the name of a file in a folder that exists.",
        )
    traces = scan(folder, limit=limit, warn=warn, **filters)
    if chosen == "parquet":
        return parquet.write(map(encode, traces), path)
    fresh = path.with_name(f".{path.name}.{os.getpid()}{parquet.TEMPORARY}")
    try:
        with create(fresh) as file:
            count = 0
            for trace in traces:
                file.write(encode(trace) + b"\n")
                count += 1
        fresh.rename(path)
    except OSError as error:
        raise store_error(error, path) from error
    finally:
        fresh.unlink(missing_ok=True)
    return count


def _newest(traces: list[Trace], limit: int) -> list[Trace]:
    unique = {t.id: t for t in traces}  # one that was sealed between two looks is seen twice
    return sorted(unique.values(), key=lambda t: (t.at, t.id), reverse=True)[:limit]


def _in_segments(folder: Path, start: str) -> dict[str, Trace]:
    """Traces whose id begins so, a few at most."""
    found: dict[str, Trace] = {}
    beginning = b'{"id":' + msgspec.json.encode(start)[:-1]
    for path in living(folder):
        for record in records(path, _silent):
            if len(found) < _PREFIX_MATCHES and record.payload.startswith(beginning):
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                    trace = TRACE.decode(record.payload)
                    found[trace.id] = trace
    return found


def _in_sealed(paths: list[Path], start: str, warn: Warn) -> dict[str, Trace]:
    # The upper bound lets DuckDB skip row groups by their least and greatest id.
    question = (
        "id >= ? AND id < ? AND starts_with(id, ?)",
        [start, start + chr(0x10FFFF), start],
        "ORDER BY id LIMIT 4",
    )
    with contextlib.closing(parquet.connect()) as connection:
        return {t.id: t for t in query(connection, paths, question, warn)}


def _silent(_message: str) -> None:
    """For a second look at files whose damage was, or will be, told."""
