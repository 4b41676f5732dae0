"""Reads data in which somebody marked what is personal: to see what masking would have missed.

Each document belongs to one of two halves by the hash of its text: rules may be tuned on the one (`even`), and the
other (`odd`) says how well they do on what nobody looked at.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from weighbridge import jsonl
from weighbridge.errors import InputError, unreadable
from weighbridge.mask import dataset_rows, dataset_words
from weighbridge.mask.dataset_rows import Document

Half = Literal["even", "odd"]

MAX_LINE = 64 << 20  #: bytes of one document
_SAMPLE = 4_000


class Dataset(Struct, frozen=True):
    """Documents that were marked by the same rules.

    `complete`: is everything marked that is personal? Only then does it say anything what else is masked.
    """

    name: str
    documents: tuple[Document, ...]
    complete: bool = True


def half_of(text: str) -> Half:
    """Which half a document belongs to: by the last bit of the SHA-256 of its text in UTF-8."""
    return "odd" if hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[-1] & 1 else "even"


def read(path: Path) -> list[Dataset]:
    """The data of a file, or of all the files below a folder; what else a folder holds is passed over.

    Known are JSON Lines with `text` and `spans`, TAB's documents with `entities`, synthetic ones with `full_text`,
    cases with `input`, CoNLL files with one word or one Chinese character a line, and CSV with `pii_units`.

    Args:
        path: A file or a folder.

    Raises:
        InputError: It cannot be read, is of none of these forms, or a document is at fault.
    """
    if not path.is_dir():
        alone = _one(path)
        if not alone.documents:
            raise InputError("No document in it has anything marked.", where=str(path), fix=_FIX)
        return [alone]
    groups: dict[tuple[str, bool], list[Document]] = {}
    for file in sorted(one for one in path.rglob("*") if one.is_file() and one.suffix):
        if _form(file) is None:
            continue
        found = _one(file)
        name = file.stem if file.parent == path else file.parent.name
        groups.setdefault((name, found.complete), []).extend(found.documents)
    if not groups:
        raise InputError("No file in it is of a known form.", where=str(path), fix=_FIX)
    return [
        Dataset(name, tuple(documents), complete=complete)
        for (name, complete), documents in groups.items()
        if documents
    ]


def _one(path: Path) -> Dataset:
    form = _form(path)
    if form is None:
        raise InputError("It is of no known form.", where=str(path), fix=_FIX)
    rows, complete = form
    try:
        documents = tuple(rows(path))
    except UnicodeDecodeError as error:
        raise InputError("It is no text in UTF-8.", where=str(path), fix="Convert it.") from error
    except (csv.Error, msgspec.DecodeError) as error:
        raise InputError(f"It cannot be read: {error}.", where=str(path), fix=_FIX) from error
    return Dataset(path.stem, documents, complete=complete)


_Read = Callable[[Path], Iterator[Document]]
_FIX = 'Give JSON Lines such as {"text": "...", "spans": [{"start": 0, "end": 3, "kind": "person"}]}.'


def _form(path: Path) -> tuple[_Read, bool] | None:
    """How a file is read, by its start, and whether everything in it is marked."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_SAMPLE).decode("utf-8", "ignore").removeprefix("\ufeff").lstrip()
    except OSError as error:
        raise unreadable(error, path) from error
    first = start.partition("\n")[0]
    if start.startswith("["):
        make = dataset_rows.synthetic if '"full_text"' in start else dataset_rows.case
        return (_array(make), "full_text" in start) if '"full_text"' in start or '"input"' in start else None
    if start.startswith("{"):
        court = first.startswith('{"metadata"') or ('"entities"' in first and '"spans"' not in first)
        return _lines(dataset_rows.court if court else dataset_rows.labelled), True
    if path.suffix == ".csv" and "pii_units" in first:
        return _csv, False
    return (_words, False) if dataset_words.is_conll(start) else None


def _lines(make: Callable[[dict[str, Any], str], Document]) -> _Read:
    def rows(path: Path) -> Iterator[Document]:
        with path.open("rb") as stream:
            for number, row in jsonl.read(stream, path.name, max_line=MAX_LINE, what="document"):
                yield make(row, f"{path.name}:{number}")

    return rows


def _array(make: Callable[[dict[str, Any], str], Document | None]) -> _Read:
    def rows(path: Path) -> Iterator[Document]:
        for number, row in enumerate(msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])):
            made = make(row, f"{path.name}: [{number}]")
            if made is not None:
                yield made

    return rows


def _csv(path: Path) -> Iterator[Document]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            made = dataset_rows.query(row)
            if made is not None:
                yield made


def _words(path: Path) -> Iterator[Document]:
    return dataset_words.read(path.read_text(encoding="utf-8-sig"))
