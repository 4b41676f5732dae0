"""Inspect: the log of one run of a task, as `.json` or packed as `.eval`."""

from __future__ import annotations

import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any

from msgspec import Struct

from weighbridge.errors import InputError, MissingExtraError, TooLargeError
from weighbridge.weigh.foreign.rows import MAX_DOCUMENT, Lines, Row, Source, decoded
from weighbridge.weigh.numbers import one_line, plural

TOOL = "Inspect"
_ZSTANDARD = 93  #: its number among the methods of zip archives
BEGIN = re.compile(rb'\{\s*"version":\s*\d+,\s*"status":\s*"')
_SHOWN = 60
_WORDS = {"C": 1.0, "I": 0.0, "P": 0.5, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
"""How Inspect counts its own words: correct, incorrect, partial, no answer."""
_OWN = frozenset({"id", "epoch", "metadata"})


class _Score(Struct):
    value: Any = None


class _Sample(Struct):
    id: str | int
    epoch: int = 1
    scores: dict[str, _Score] | None = None
    metadata: dict[str, Any] = {}


class _Header(Struct):
    status: str = ""


class _Document(Struct):
    status: str = ""
    samples: list[_Sample] | None = None


def document(data: bytes, name: str) -> Source:
    """A log written as JSON.

    Raises:
        InputError: It is none, or holds no samples.
    """
    found = decoded(data, _Document, name, TOOL)
    return _source(found.samples or [], found.status, name)


def archive(begin: Lines, name: str) -> Source:
    """A log packed as `.eval`, of which the summaries are read: they hold all scores.

    Raises:
        InputError: It is none, or damaged.
        TooLargeError: It is over the limit.
        MissingExtraError: It is packed with Zstandard, which this Python does not know by itself.
    """
    data = begin.whole(name)
    zips, faults = _reader()
    try:
        with zips.ZipFile(BytesIO(data)) as packed:
            _check(packed, name)
            members = set(packed.namelist())
            parts = [member for member in members if re.fullmatch(r"_journal/summaries/\d{1,9}\.json", member)]
            whole = ["summaries.json"] if "summaries.json" in members else sorted(parts, key=_place)
            samples = [one for member in whole for one in decoded(packed.read(member), list[_Sample], name, TOOL)]
            status = "unfinished"
            if "header.json" in members:
                status = decoded(packed.read("header.json"), _Header, name, TOOL).status
    except faults as error:
        raise InputError(f"The archive cannot be read: {error}.", where=name, fix="Copy the log anew.") from error
    return _source(samples, status, name)


def _reader() -> tuple[Any, tuple[type[Exception], ...]]:
    """What reads archives, with Zstandard where this Python has it, and what it raises of damaged ones."""
    faults = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError)
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zipfile, (*faults, zstd.ZstdError)
    try:
        from backports import zstd
        from backports.zstd import zipfile as knowing
    except ImportError:
        return zipfile, faults
    return knowing, (*faults, knowing.BadZipFile, zstd.ZstdError)


def _check(packed: zipfile.ZipFile, name: str) -> None:
    """Is every member small enough, and packed in a way that can be read here?"""
    known = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    if sys.version_info >= (3, 14) or not isinstance(packed, zipfile.ZipFile):
        known.add(_ZSTANDARD)
    for one in packed.infolist():
        if one.file_size > MAX_DOCUMENT:
            fix = "Weigh fewer samples."
            raise TooLargeError("The log is too large.", where=f"{name}, {one.filename}", fix=fix)
        if one.compress_type == _ZSTANDARD and _ZSTANDARD not in known:
            raise MissingExtraError(
                "This log of Inspect is packed with Zstandard, which this Python does not know by itself.",
                where=name,
                fix="pip install 'weighbridge[inspect]', or: inspect log convert --to json --output-dir DIR FILE.",
            )
        if one.compress_type not in known:
            raise InputError(
                "The archive is packed in a way that Inspect does not use.", where=name, fix="Copy it anew."
            )


def _place(member: str) -> int:
    return int(member.rpartition("/")[2].removesuffix(".json"))


def _source(samples: Sequence[_Sample], status: str, name: str) -> Source:
    epochs = len({sample.epoch for sample in samples})
    note = (
        "" if status == "success" else f"The run of {name} ended with '{one_line(status, _SHOWN)}', not with success."
    )
    return Source(
        _rows(samples, name),
        tool=TOOL,
        id=_id,
        score=_only,
        cluster=(lambda row, _: row["id"]) if epochs > 1 else None,
        note=note,
    )


def _id(row: Row, _where: str) -> Any:
    return row["id"] if row["epoch"] == 1 else f"{row['id']} epoch {row['epoch']}"


def _rows(samples: Sequence[_Sample], name: str) -> Iterator[tuple[str, Row]]:
    """Each sample with a field for each scorer, null where it gave no score: `--score match` names one."""
    none = dict.fromkeys(scorer for sample in samples for scorer in sample.scores or ())
    for sample in samples:
        where = f"{name}, sample {one_line(str(sample.id), _SHOWN)}, epoch {sample.epoch}"
        scores = {scorer: valued(score.value) for scorer, score in (sample.scores or {}).items()}
        yield where, none | scores | {"id": sample.id, "epoch": sample.epoch, "metadata": sample.metadata}


def valued(value: Any) -> Any:
    """Inspect's value as a number, by its own rule; what it does not turn into one stays as it is."""
    if isinstance(value, dict):
        return {key: valued(one) for key, one in value.items()}
    if not isinstance(value, str):
        return value
    if (known := _WORDS.get(value, _WORDS.get(value.lower()))) is not None:
        return known
    try:
        return float(value)
    except ValueError:
        return value


def _only(row: Row, where: str) -> Any:
    """The score of the only scorer; None where the sample was not scored."""
    scorers = [name for name in row if name not in _OWN]
    if len(scorers) > 1:
        told = ", ".join(one_line(one, _SHOWN) for one in scorers[:8])
        raise InputError(
            f"The sample has {plural(len(scorers), 'score')}.", where=where, fix=f"Choose one with --score: {told}."
        )
    return row[scorers[0]] if scorers else None
