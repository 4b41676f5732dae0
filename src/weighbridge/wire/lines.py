"""JSON Lines of which each answers for itself: a line that cannot be read is an error in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from weighbridge.errors import InputError, TooLargeError
from weighbridge.jsonl import Lines

MAX_LINE = 64 << 20  #: bytes
_BOM = b"\xef\xbb\xbf"


def read(stream: Lines, name: str, max_line: int = MAX_LINE) -> Iterator[dict[str, Any] | InputError]:
    """The objects of a stream in their order, with an error where a line holds none. Blank lines are passed over.

    Args:
        stream: The bytes.
        name: What the stream is called in errors.
        max_line: The longest line, in bytes; what is longer is passed over up to its end.
    """
    number = 0
    while line := stream.readline(max_line + 1):
        number += 1
        where = f"{name}:{number}"
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > max_line:
            while line and not line.endswith(b"\n"):
                line = stream.readline(max_line)
            yield TooLargeError(f"The line is longer than {max_line >> 20} MB.", where=where, fix="Shorten it.")
        elif line.strip():
            yield _object(line, where)


def _object(line: bytes, where: str) -> dict[str, Any] | InputError:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return InputError(f"Not valid JSON: {error}.", where=where, fix="Write one JSON object per line.")
    if type(value) is not dict:
        return InputError("The line is not an object.", where=where, fix="Write one JSON object per line.")
    return value
