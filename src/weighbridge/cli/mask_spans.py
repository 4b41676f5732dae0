"""`weighbridge mask spans`: what is found in each text, and where."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from weighbridge.cli import common, mask_room
from weighbridge.errors import InputError, WeighbridgeError

if TYPE_CHECKING:
    from weighbridge.mask.bulk import Bulk, Said

_CHUNK = 1 << 18
_BATCH = 40_000  #: characters that are looked through at a time


def spans(
    ctx: typer.Context,
    file: mask_room.Given = "-",
    names: mask_room.NamesOption = "",
    no_names: mask_room.NoNames = False,
    kinds: Annotated[
        str,
        typer.Option("--kinds", help="These alone, with commas; all if left out.", metavar="A,B", show_default=False),
    ] = "",
    min_score: Annotated[
        float | None,
        typer.Option(
            "--min-score",
            min=0,
            max=1,
            help=r"Leave out what is less certain \[default: mask.min_score].",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Tell what is found in texts, and where; nothing is changed.

    JSON Lines in and out, in the same order, as they come:

    In:  {"text": ..., "lang": "en"} - lang may be left out.

    Out: {"spans": [{"start", "end", "kind", "tier", "score"}]} - offsets count
    Unicode code points; score is 1 where a checksum agrees.

    Each text stands for itself. A line that cannot be used is
    {"error": {"code", "message"}} in its place, and the exit code is 1.

    Example: echo '{"text": "Write to a@example.org"}' | weighbridge mask spans
    """
    import msgspec

    from weighbridge.mask.bulk import Bulk
    from weighbridge.mask.scan import Scanner
    from weighbridge.wire.lines import read

    config = common.load_config(ctx)
    settings = mask_room.settings_of(config, names, no_names=no_names)
    wanted = mask_room.kinds_of(settings, kinds)
    least = settings.min_score if min_score is None else min_score
    stream, name = mask_room.opened(file)
    bulk = Bulk(
        Scanner(terms=settings.terms, patterns=settings.patterns, allow=settings.allow),
        mask_room.names_of(config, settings, wanted, asked=names not in {"", "off"}),
        min_score=least,
    )
    encode = msgspec.json.Encoder().encode
    failed = False
    with stream:
        eager = _Eager(stream)
        for batch in _batches(read(eager, name), eager):
            for row in _found(bulk, batch, wanted):
                failed = failed or "error" in row
                sys.stdout.buffer.write(encode(row) + b"\n")
            sys.stdout.buffer.flush()
    if failed:
        raise typer.Exit(1)


class _Eager:
    """Lines as soon as they are there: whoever waits for an answer before writing the next line gets it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._data = b""
        self._at = 0

    @property
    def waiting(self) -> bool:
        """Is a whole line at hand?"""
        return self._data.find(b"\n", self._at) >= 0

    def readline(self, limit: int, /) -> bytes:
        """See `jsonl.Lines`."""
        parts: list[bytes] = []
        room = limit
        while room:
            if self._at == len(self._data):
                self._data, self._at = self._stream.read1(_CHUNK), 0  # type: ignore[attr-defined]  # buffered readers have it
                if not self._data:
                    break
            end = self._data.find(b"\n", self._at) + 1
            stop = min(end or len(self._data), self._at + room)
            parts.append(self._data[self._at : stop])
            room -= stop - self._at
            self._at = stop
            if stop == end:
                break
        return b"".join(parts)


def _batches(rows: Iterator[dict[str, Any] | InputError], eager: _Eager) -> Iterator[list[dict[str, Any] | InputError]]:
    batch: list[dict[str, Any] | InputError] = []
    size = 0
    for row in rows:
        batch.append(row)
        text = row.get("text") if isinstance(row, dict) else None
        size += len(text) if isinstance(text, str) else 0
        if size >= _BATCH or not eager.waiting:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _found(
    bulk: Bulk, batch: list[dict[str, Any] | InputError], kinds: frozenset[str] | None
) -> Iterator[dict[str, Any]]:
    from weighbridge.mask.bulk import Said

    read = [_said(row) for row in batch]
    texts = [[one] for one in read if isinstance(one, Said)]
    spans = iter(bulk.find(texts, kinds=kinds))
    for one in read:
        yield _refused(one) if isinstance(one, InputError) else {"spans": next(spans)[0]}


def _said(row: dict[str, Any] | InputError) -> Said | InputError:
    from weighbridge.mask.bulk import Said

    if isinstance(row, InputError):
        return row
    text, language = row.get("text"), row.get("lang") or ""
    if not isinstance(text, str):
        return InputError("It is missing, or no text.", where="text", fix='Write {"text": "..."}.')
    if not isinstance(language, str):
        return InputError("It is no text.", where="lang", fix='Write a code such as "en", or leave it out.')
    return Said(text, language=language.partition("-")[0].lower())


def _refused(error: WeighbridgeError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": str(error)}}
