"""A corpus of recorded exchanges: JSON Lines with `id`, `dialect`, `path`, `status`, `stream`, `request`, `response`."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import unquote

import msgspec
from msgspec import Struct

from weighbridge import dialects
from weighbridge.errors import InputError
from weighbridge.wire import lines

_ENDINGS = (".jsonl", ".jsonl.gz")
_MODEL = re.compile(r"/models/([^/:?]+):(stream)?\w+")
_OK = 200


class Row(Struct, frozen=True):
    """One recorded exchange. `request` and `response` are as they were sent; `model` is what the path names."""

    id: str
    dialect: str
    status: int
    request: bytes
    response: bytes
    stream: bool = False
    model: str = ""

    @property
    def good(self) -> bool:
        """Was it answered with success?"""
        return self.status == _OK


def files(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: those named, and in folders every `.jsonl` and `.jsonl.gz`.

    Raises:
        InputError: A path does not exist, or a folder holds none.
    """
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.iterdir() if p.name.endswith(_ENDINGS))
            if not inside:
                raise InputError("The folder holds no .jsonl file.", where=str(path), fix="Give files of recordings.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            raise InputError("It does not exist.", where=str(path), fix="Give files of recordings, or their folder.")
    return found


def read(path: Path) -> Iterator[Row]:
    """The rows of one file.

    Raises:
        InputError: A line is not a recorded exchange; `where` has its number.
    """
    try:
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as stream:
            for number, line in enumerate(lines.read(cast("IO[bytes]", stream), str(path)), 1):
                if isinstance(line, InputError):
                    raise line
                yield _row(line, f"{path}:{number}")
    except (OSError, EOFError) as error:
        raise InputError(f"It cannot be read: {error}.", where=str(path), fix="Give a file of recordings.") from error


def _row(raw: dict[str, Any], where: str) -> Row:
    dialect = raw.get("dialect")
    if dialect not in dialects.NAMES:
        raise InputError(f"'{dialect}' is no dialect.", where=where, fix=f"Known: {', '.join(dialects.NAMES)}.")
    if not isinstance(raw.get("request"), dict) or raw.get("response") is None:
        raise InputError("It has no request or no response.", where=where, fix="Give both, as they were sent.")
    path = raw.get("path")
    model = _MODEL.search(path if isinstance(path, str) else "")
    status = raw.get("status", _OK)
    return Row(
        id=str(raw.get("id") or where),
        dialect=dialect,
        status=status if isinstance(status, int) else _OK,
        request=msgspec.json.encode(raw["request"]),
        response=_bytes(raw["response"]),
        stream=isinstance(raw["response"], str) and bool(raw.get("stream")),
        model=unquote(model[1]) if model else "",
    )


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else msgspec.json.encode(value)
