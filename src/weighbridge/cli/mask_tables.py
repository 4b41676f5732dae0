"""Tables in files, masked row by row into others: CSV, JSON Lines and Parquet. Memory does not grow with their rows."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, TextIO, TypeVar

import msgspec
from msgspec import Raw, Struct

from weighbridge.errors import InputError, TooLargeError
from weighbridge.mask.files import Cell, Rows, chosen
from weighbridge.store.files import create

MAX_LINE = 64 << 20  #: bytes of a line, characters of a field
_BATCH = 40_000  #: characters that are looked through at a time
_BATCH_ROWS = 1000
_DELIMITERS = ",;\t|"

Advance = Callable[[int], None]
"""Told how far the source is read: bytes, or rows of Parquet."""

_T = TypeVar("_T")


class Done(Struct, frozen=True):
    """What became of a table: its rows, the columns that were looked through, and those that were not."""

    rows: int
    columns: tuple[str, ...]
    passed: tuple[str, ...] = ()


def mask_csv(source: Path, target: Path, rows: Rows, named: Sequence[str], advance: Advance) -> Done:
    """Mask a CSV file, its first row being the names of its columns. All columns, where none is named.

    Raises:
        InputError: It is no CSV file in UTF-8, or lacks a column that was named.
    """
    before = csv.field_size_limit(MAX_LINE)
    where = str(source)
    with (
        source.open(encoding="utf-8-sig", newline="") as file,
        create(target) as binary,
        open(binary.fileno(), "w", encoding="utf-8", newline="", closefd=False) as out,
    ):
        lines = _Lines(file, where)
        try:
            done = _csv(file, lines, out, rows, named, advance)
        except csv.Error as error:
            raise InputError(f"It is no CSV: {error}.", where=f"{where}:{lines.number}", fix="Correct it.") from error
        except UnicodeDecodeError as error:
            raise InputError("It is no text in UTF-8.", where=where, fix="Save it as UTF-8.") from error
        finally:
            csv.field_size_limit(before)
    return done


def _csv(file: TextIO, lines: _Lines, out: TextIO, rows: Rows, named: Sequence[str], advance: Advance) -> Done:
    first = next(lines, "")
    delimiter = _delimiter(first, lines.where)
    reader = csv.reader(_again(first, lines), delimiter=delimiter, strict=True)
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n" if first.endswith("\r\n") else "\n")
    header = next(reader, [])
    _check_header(header, rows, lines.where)
    chosen(named, header, lines.where)
    wanted = [at for at, name in enumerate(header) if not named or name in named]
    writer.writerow(header)
    count = 0
    for batch in batches(_records(reader, header, wanted, lines.where)):
        advance(file.buffer.tell())
        made = rows.mask([cells for _, cells in batch])
        for (record, _), cells in zip(batch, made, strict=True):
            for at, text in zip((at for at in wanted if at < len(record)), cells, strict=True):
                record[at] = text
            writer.writerow(record)
        count += len(batch)
    looked = [header[at] for at in wanted]
    return Done(count, tuple(looked), tuple(name for name in header if name not in looked))


def mask_jsonl(source: Path, target: Path, rows: Rows, named: Sequence[str], advance: Advance) -> Done:
    """Mask a file of JSON objects, one a line; columns are their names. All of them, where none is named.

    Values are looked through as deep as they nest. Names, and what is not masked, stay as they were written.

    Raises:
        InputError: A line is no object, or no line has a column that was named.
    """
    decode = msgspec.json.Decoder(dict[str, Raw]).decode
    with source.open("rb") as file:
        _check_names(file, named, str(source), decode)
    seen: dict[str, None] = {}
    count = 0
    with source.open("rb") as file, create(target) as out:
        for batch in batches(_objects(file, named, seen, str(source), decode)):
            advance(file.tell())
            made = rows.mask([cells for _, cells in batch])
            for (record, cells), texts in zip(batch, made, strict=True):
                for cell, text in zip(cells, texts, strict=True):
                    if text != cell.text:  # what was a number is a text then
                        record[cell.column] = Raw(text.encode() if cell.json else msgspec.json.encode(text))
                out.write(msgspec.json.encode(record) + b"\n")
                count += 1
    looked = tuple(name for name in seen if not named or name in named)
    return Done(count, looked, tuple(name for name in seen if name not in looked))


def _objects(
    file: BinaryIO, named: Sequence[str], seen: dict[str, None], where: str, decode: Callable[[bytes], dict[str, Raw]]
) -> Iterator[tuple[dict[str, Raw], list[Cell]]]:
    for record in _decoded(file, where, decode):
        seen.update(dict.fromkeys(record))
        cells = []
        for name, raw in record.items():
            value = bytes(raw)
            if named and name not in named:
                continue
            if value[:1] == b'"':
                cells.append(Cell(name, msgspec.json.decode(value, type=str)))
            elif value[:1] not in b"ntf":  # null, true, false
                cells.append(Cell(name, value.decode(), json=value[:1] in b"{["))
        yield record, cells


def _decoded(file: BinaryIO, where: str, decode: Callable[[bytes], dict[str, Raw]]) -> Iterator[dict[str, Raw]]:
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        place = f"{where}:{number}"
        if len(line) > MAX_LINE:
            raise _too_long(place)
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            line.decode()
            yield decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            told = type(error).__name__ if isinstance(error, RecursionError) else str(error).partition("\n")[0]
            raise InputError(
                f"The line is no JSON object: {told}.", where=place, fix="Write one JSON object per line."
            ) from None


def _check_names(file: BinaryIO, named: Sequence[str], where: str, decode: Callable[[bytes], dict[str, Raw]]) -> None:
    """Look for the columns that were named before anything is masked; as a rule the first line has them all."""
    seen: set[str] = set()
    missing = set(named)
    if not missing:
        return
    for record in _decoded(file, where, decode):
        seen.update(record)
        missing -= record.keys()
        if not missing:
            return
    chosen(named, seen, where)


def _records(
    reader: Iterator[list[str]], header: Sequence[str], wanted: Sequence[int], where: str
) -> Iterator[tuple[list[str], list[Cell]]]:
    for number, record in enumerate(reader, 2):
        if len(record) > len(header):
            raise InputError(
                f"Row {number} has {len(record)} fields, and the first row names {len(header)}.",
                where=where,
                fix="Name every column in the first row, and put fields that hold the delimiter into quotes.",
            )
        yield record, [Cell(header[at], record[at]) for at in wanted if at < len(record)]


def _check_header(header: Sequence[str], rows: Rows, where: str) -> None:
    if not any(header):
        raise InputError("Its first row names no columns.", where=where, fix="Write their names into the first row.")
    if rows.holds_values(header):
        raise InputError(
            "Its first row holds values that are to be masked, where it must name the columns.",
            where=where,
            fix="Write the columns' names into the first row.",
        )


def _delimiter(first: str, where: str) -> str:
    """What parts the fields of a row: what the first row, without what stands in quotes, has most of."""
    if where.lower().endswith(".tsv"):
        return "\t"
    plain = re.sub(r'"[^"]*"', "", first)
    return max(_DELIMITERS, key=plain.count)


def batches(rows: Iterable[tuple[_T, list[Cell]]]) -> Iterator[list[tuple[_T, list[Cell]]]]:
    """Rows with their cells, as many at a time as are looked through at once."""
    batch: list[tuple[_T, list[Cell]]] = []
    size = 0
    for record, cells in rows:
        batch.append((record, cells))
        size += sum(len(cell.text) for cell in cells)
        if size >= _BATCH or len(batch) >= _BATCH_ROWS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _again(first: str, rest: Iterable[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest


def _too_long(place: str) -> TooLargeError:
    return TooLargeError(
        f"The line is longer than {MAX_LINE >> 20} MB.", where=place, fix="Check that each row ends with a line break."
    )


class _Lines:
    """The lines of a text, none longer than may be."""

    def __init__(self, file: TextIO, where: str) -> None:
        self._file = file
        self.where = where
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.number += 1
        line = self._file.readline(MAX_LINE + 1)
        if len(line) > MAX_LINE:
            raise _too_long(f"{self.where}:{self.number}")
        if not line:
            raise StopIteration
        return line
