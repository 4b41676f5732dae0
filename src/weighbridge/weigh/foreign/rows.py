"""What every form of file becomes: rows with a place, and which of their fields hold what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO, TypeVar

import msgspec

from weighbridge.errors import InputError, TooLargeError
from weighbridge.weigh.numbers import one_line

MAX_LINE = 16 << 20  #: bytes
MAX_ROWS = 5_000_000
MAX_DOCUMENT = 1 << 30  #: bytes of a file that is read whole
_SHOWN = 60

Kind = TypeVar("Kind")
Row = Mapping[str, Any]
Of = Callable[[Row, str], Any]
"""What a row holds for a purpose, given where it stands."""


class Source:
    """The rows of a file, and how they are read where nobody says otherwise.

    Args:
        rows: Each with its place, for errors.
        tool: What wrote it; "" where nobody knows. A score that such a tool left out is none, not a fault.
        alike: Fields in which all rows have to agree, since a sample stands there once for each of their values.
        id: Gives a row's id.
        score: Gives its score; None where the tool gave none.
        cluster: Gives the id of what several rows measure again.
        note: What is to be told of the whole file.
    """

    def __init__(
        self,
        rows: Iterable[tuple[str, Row]],
        *,
        tool: str = "",
        alike: tuple[str, ...] = (),
        id: Of | None = None,  # noqa: A002 - what it is
        score: Of | None = None,
        cluster: Of | None = None,
        note: str = "",
    ) -> None:
        self.rows = rows
        self.tool = tool
        self.alike = alike
        self.id = id or _unnamed("--id", "the sample")
        self.score = score or _unnamed("--score", "the score")
        self.cluster = cluster
        self.note = note


def _unnamed(option: str, what: str) -> Of:
    def refuse(row: Row, where: str) -> Any:
        fields = ", ".join(one_line(name, _SHOWN) for name in list(row)[:8])
        raise InputError(
            f"Which field holds {what}?", where=where, fix=f"Name it with {option}. The line has: {fields}."
        )

    return refuse


class Lines:
    """A stream whose beginning was looked at.

    Args:
        stream: The bytes.
        look: How many of them are looked at.
    """

    def __init__(self, stream: BinaryIO, look: int) -> None:
        self.stream = stream
        self.start = stream.read(look)
        self._left = self.start

    def readline(self, limit: int, /) -> bytes:
        """The next line, or as much of it as the limit allows; empty at the end."""
        if not self._left:
            return self.stream.readline(limit)
        end = self._left.find(b"\n") + 1 or len(self._left)
        line, self._left = self._left[: min(end, limit)], self._left[min(end, limit) :]
        if not self._left and not line.endswith(b"\n") and len(line) < limit:
            line += self.stream.readline(limit - len(line))
        return line

    def whole(self, name: str) -> bytes:
        """All of it.

        Raises:
            TooLargeError: It is over the limit.
        """
        data = self.start + self.stream.read(MAX_DOCUMENT - len(self.start) + 1)
        if len(data) > MAX_DOCUMENT:
            raise TooLargeError(f"The file is over {MAX_DOCUMENT >> 30} GB.", where=name, fix="Split it.")
        return data.removeprefix(b"\xef\xbb\xbf")


def decoded(data: bytes, kind: type[Kind], name: str, tool: str) -> Kind:
    """A JSON document as a type.

    Raises:
        InputError: It is none.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError as error:
        raise InputError("The JSON is nested too deep.", where=name, fix=f"Write the {tool} file again.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(
            f"This is no {tool} file that can be read: {error}.", where=name, fix=f"Write it again with {tool}."
        ) from error
