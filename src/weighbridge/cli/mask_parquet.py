"""Parquet, masked by DuckDB: every column that is not looked through, and every type, stays as it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from weighbridge.cli.mask_tables import Advance, Done, batches
from weighbridge.errors import InputError
from weighbridge.mask.files import Cell, Rows, chosen
from weighbridge.store.files import create

if TYPE_CHECKING:
    import duckdb

_FETCH = 512
_MEMORY = 512  #: MiB of DuckDB, beside what its longest lines take
_LINE = 1 << 20
_TEXT = ("VARCHAR", "ENUM")
_NESTED = ("STRUCT", "MAP", "UNION")


class Column(Struct, frozen=True):
    """A column. `form`: text, JSON text, nested values, or none that is looked through if nobody names it."""

    name: str
    type: str

    @property
    def form(self) -> str:
        """What is in it."""
        if self.type == "JSON":
            return "json"
        nested = self.type.startswith(_NESTED) or self.type.endswith("]")
        if nested:
            return "nested" if re.search(r"\b(VARCHAR|JSON|ENUM)\b", self.type) else ""
        return "text" if self.type.startswith(_TEXT) else ""

    @property
    def read(self) -> str:
        """SQL for its values as text."""
        name = _quoted(self.name)
        return f"CAST(to_json({name}) AS VARCHAR)" if self.form == "nested" else f"CAST({name} AS VARCHAR)"

    def written(self, value: str) -> str:
        """SQL that makes the column of texts again; a number that was named becomes a text."""
        if self.form == "nested":
            return f"CAST(CAST({value} AS JSON) AS {self.type})"
        return f"CAST({value} AS JSON)" if self.form == "json" else value


def mask_parquet(source: Path, target: Path, rows: Rows, named: Sequence[str], advance: Advance) -> Done:
    """Mask a Parquet file: the columns that are named, or all that hold texts.

    The masked columns go to a file of lines beside the target, from which the target is put together.

    Raises:
        InputError: It is no Parquet file, or lacks a column that was named.
    """
    import duckdb

    from weighbridge.store.parquet import connect

    lines = target.with_name(f"{target.name}.lines")
    try:
        with contextlib.closing(connect()) as connection:
            connection.execute("SET threads = 1")  # else finished parts wait for slower ones, and memory grows
            connection.execute("SET temp_directory = ''")  # nothing unmasked is put aside on a disk
            connection.execute("SET preserve_insertion_order = true")
            columns = _columns(connection, source)
            chosen(named, [column.name for column in columns], str(source))
            wanted = [column for column in columns if (column.name in named if named else column.form)]
            count, longest = _to_lines(connection, source, wanted, rows, lines, advance)
            _together(connection, source, lines, target, wanted, longest)
            made = connection.execute("SELECT count(*) FROM read_parquet(?)", [_pattern(target)]).fetchone()
            if made is None or made[0] != count:
                raise InputError("Rows were lost on the way; nothing was written.", where=str(source))
    except duckdb.Error as error:
        # The message may quote values: its kind alone is told.
        raise InputError(
            f"It cannot be read, or its types cannot hold surrogates ({type(error).__name__}).",
            where=str(source),
            fix="Check that it is a Parquet file; name the columns that hold texts with --columns.",
        ) from None
    finally:
        lines.unlink(missing_ok=True)
    names = tuple(column.name for column in wanted)
    return Done(count, names, tuple(column.name for column in columns if column.name not in names))


def total_rows(source: Path) -> int | None:
    """How many rows a Parquet file has; None where it cannot be read."""
    import duckdb

    from weighbridge.store.parquet import connect

    with contextlib.closing(connect()) as connection, contextlib.suppress(duckdb.Error):
        found = connection.execute("SELECT count(*) FROM read_parquet(?)", [_pattern(source)]).fetchone()
        return int(found[0]) if found else None
    return None


def _columns(connection: duckdb.DuckDBPyConnection, source: Path) -> list[Column]:
    rows = connection.execute(f"DESCRIBE SELECT * FROM {_parquet(source)}").fetchall()  # noqa: S608 - the path is quoted
    return [Column(row[0], row[1]) for row in rows]


def _to_lines(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    wanted: Sequence[Column],
    rows: Rows,
    lines: Path,
    advance: Advance,
) -> tuple[int, int]:
    """Write the masked columns as lines of JSON; how many there are, and how long the longest one is."""
    encode = msgspec.json.Encoder().encode
    read = ", ".join(column.read for column in wanted) or "1"
    result = connection.execute(f"SELECT {read} FROM {_parquet(source)}")  # noqa: S608 - names are quoted
    count = longest = 0
    with create(lines) as out:
        for batch in batches(_cells(result, wanted)):
            made = rows.mask([cells for _, cells in batch])
            for (places, _), texts in zip(batch, made, strict=True):
                line = encode({f"c{at}": text for at, text in zip(places, texts, strict=True)})
                longest = max(longest, len(line))
                out.write(line + b"\n")
            count += len(batch)
            advance(count)
    return count, longest


def _cells(result: duckdb.DuckDBPyConnection, wanted: Sequence[Column]) -> Iterator[tuple[list[int], list[Cell]]]:
    """For each row the places of the values that it has, and these."""
    while rows := result.fetchmany(_FETCH):
        for row in rows:
            places = [at for at, column in enumerate(wanted) if row[at] is not None]
            yield places, [Cell(wanted[at].name, row[at], json=wanted[at].form in {"json", "nested"}) for at in places]


def _together(
    connection: duckdb.DuckDBPyConnection,
    source: Path,
    lines: Path,
    target: Path,
    wanted: Sequence[Column],
    longest: int,
) -> None:
    create(target).close()  # DuckDB would make it readable for others
    chosen_columns = "a.*"
    tables = f"{_parquet(source)} a"
    if wanted:
        line = max(_LINE, longest + 1024)
        connection.execute(f"SET memory_limit = '{_MEMORY + (16 * line >> 20)}MiB'")
        made = ", ".join(f"{one.written(f'b.c{at}')} AS {_quoted(one.name)}" for at, one in enumerate(wanted))
        chosen_columns = f"a.* REPLACE ({made})"
        fields = ", ".join(f"'c{at}': 'VARCHAR'" for at in range(len(wanted)))
        tables += (
            f" POSITIONAL JOIN read_json('{_literal(_pattern(lines))}', format = 'newline_delimited', "
            f"compression = 'none', maximum_object_size = {line}, columns = {{{fields}}}) b"
        )
    connection.execute(
        f"COPY (SELECT {chosen_columns} FROM {tables}) TO '{_literal(str(target))}' "  # noqa: S608 - all is quoted
        "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 16384, USE_TMP_FILE false)"
    )


def _parquet(path: Path) -> str:
    return f"read_parquet('{_literal(_pattern(path))}', hive_partitioning = false)"


def _pattern(path: Path) -> str:
    """The path as DuckDB reads it, which would take some characters for any others."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _literal(text: str) -> str:
    return text.replace("'", "''")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
