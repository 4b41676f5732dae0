"""JSON Lines from outside, read line by line: every fault names its line, and nothing unbounded gets in."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from weighbridge.errors import InputError, TooLargeError, unreadable

STDIN = "-"
MAX_TOTAL = 4 << 30  #: bytes of one file
_BOM = b"\xef\xbb\xbf"


class Lines(Protocol):
    """Whatever gives bytes line by line."""

    def readline(self, limit: int, /) -> bytes:
        """The next line, or as much of it as the limit allows; empty at the end."""
        ...


@contextlib.contextmanager
def opened(source: str, stdin: BinaryIO) -> Iterator[tuple[BinaryIO, str]]:
    """A file, or standard input for `-`, and what errors call it.

    Raises:
        InputError: The file cannot be read.
    """
    if source == STDIN:
        yield stdin, "standard input"
        return
    try:
        with Path(source).open("rb") as stream:
            yield stream, source
    except OSError as error:
        raise unreadable(error, source) from error


def read(
    stream: Lines, name: str, *, max_line: int, what: str, max_rows: int | None = None
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a stream, each with the number of its line. Blank lines and a byte order mark are passed over.

    Args:
        stream: The bytes.
        name: What the stream is called in errors.
        max_line: The longest line, in bytes.
        what: What one line holds, for errors: "sample", "score".
        max_rows: The most objects; None for no limit.

    Raises:
        InputError: A line is not a JSON object.
        TooLargeError: A line is too long, or there are too many.
    """
    decode = msgspec.json.Decoder().decode
    number = rows = total = 0
    while line := stream.readline(max_line + 1):
        number += 1
        where = f"{name}:{number}"
        if len(line) > max_line:
            raise TooLargeError(
                f"The line is longer than {max_line >> 20} MB.",
                where=where,
                fix=f"Shorten it, or check that each {what} ends with a line break.",
            )
        total += len(line)
        if total > MAX_TOTAL:
            raise TooLargeError(f"The file is over {MAX_TOTAL >> 30} GB.", where=where, fix="Split it.")
        if number == 1:
            line = line.removeprefix(_BOM)
        if not line.strip():
            continue
        rows += 1
        if max_rows is not None and rows > max_rows:
            raise TooLargeError(
                f"More than {max_rows:,} lines.", where=where, fix="Split the file, or take a part of it."
            )
        try:
            value = decode(line)
        except RecursionError as error:
            raise InputError("The JSON is nested too deep.", where=where, fix=f"Make the {what} flatter.") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(_fault(line, error), where=where, fix=_fix(line, what)) from error
        if not isinstance(value, dict):
            kind = "a list" if isinstance(value, list) else "a single value"
            raise InputError(
                f"The line is {kind}, not an object.", where=where, fix=f"Write one JSON object per {what}."
            )
        yield number, value


def _fault(line: bytes, error: Exception) -> str:
    try:
        line.decode()
    except UnicodeDecodeError as broken:
        return f"The line is not UTF-8: its byte {broken.start + 1} is 0x{line[broken.start]:02x}."
    return f"Not valid JSON: {error}."


def _fix(line: bytes, what: str) -> str:
    if b"\x00" in line or line.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "Save the file as UTF-8."
    try:
        line.decode()
    except UnicodeDecodeError:
        return "Save the file as UTF-8; `iconv -f LATIN1 -t UTF-8` makes it of Western European text."
    if line.strip() in (b"[", b"{"):
        return f"Write JSON Lines, one {what} per line; `jq -c .` makes them of an object, `jq -c '.[]'` of a list."
    if b"NaN" in line or b"Infinity" in line:
        return "JSON has no NaN or Infinity: leave the line out, or give a number."
    return "Correct that line; each line is one whole JSON object."
