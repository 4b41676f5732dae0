"""Scores made elsewhere, with an id and a score per row: read and paired.

Every fault names its file and place. Nothing is skipped but blank lines, and what does not pair is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from msgspec import Struct

from weighbridge import jsonl
from weighbridge.errors import InputError, did_you_mean
from weighbridge.weigh import foreign
from weighbridge.weigh.foreign.rows import Source
from weighbridge.weigh.numbers import one_line

_DIGITS = 10  # of a place in a list
_SHOWN = 60  # characters of a foreign value in a message


class Fields(Struct, frozen=True):
    """Which fields hold what. A dot goes into an object, or into a list by number: `metrics.acc`, `scores.0`.

    "" where the tool that wrote the file is known, and with it its fields. `where` names fields and the values that rows
    need to have to be taken.
    """

    id: str = ""
    score: str = ""
    cluster: str = ""
    where: tuple[tuple[str, str], ...] = ()


class Row(NamedTuple):
    """One sample: its score, its cluster ("" if it has none), and where it stands."""

    score: float
    cluster: str
    where: str


class Scored(Struct, frozen=True):
    """One file's rows by id, in its order.

    `name` is what errors call it. `unscored` are the samples that the tool gave no score; `clustered` tells that the file
    says by itself what hangs together; `note` is to be told of it.
    """

    name: str
    rows: dict[str, Row]
    unscored: int = 0
    clustered: bool = False
    note: str = ""


class Pairs(Struct, frozen=True):
    """Two files joined on their ids. `clusters` is None where none were asked for."""

    base: list[float]
    candidate: list[float]
    clusters: list[str] | None
    base_only: tuple[str, ...] = ()
    candidate_only: tuple[str, ...] = ()


def read(path: str, fields: Fields, stdin: BinaryIO, *, cluster_required: bool = True) -> Scored:
    """Read one file of scores.

    Args:
        path: The file, or `-` for `stdin`.
        fields: Where id, score and cluster stand in a line.
        stdin: What `-` reads.
        cluster_required: Must every line have the cluster's field, if one is asked for?

    Raises:
        InputError: The file cannot be read or is empty, a line is no JSON object, lacks a field or has a wrong
            value in it, or an id comes twice. The place is `file:line`.
        TooLargeError: A line or the file is over its limit.
    """
    with jsonl.opened(path, stdin) as (stream, name):
        return _read(name, stream, fields, cluster_required)


def pair(base: Scored, candidate: Scored, *, clustered: bool) -> Pairs:
    """Join two files on their ids, in the base's order.

    Raises:
        InputError: They share no id, or put one id into different clusters.
    """
    shared = [key for key in base.rows if key in candidate.rows]
    if not shared:
        ours, theirs = (one_line(next(iter(file.rows)), _SHOWN) for file in (base, candidate))
        raise InputError(
            "The two files share no id.",
            where=f"{base.name}, {candidate.name}",
            fix=f"Give the field that names the sample with --id; here it holds '{ours}' and '{theirs}'. "
            "Files of different samples are compared with --unpaired.",
        )
    return Pairs(
        base=[base.rows[key].score for key in shared],
        candidate=[candidate.rows[key].score for key in shared],
        clusters=[_cluster_of(key, base, candidate) for key in shared] if clustered else None,
        base_only=tuple(key for key in base.rows if key not in candidate.rows),
        candidate_only=tuple(key for key in candidate.rows if key not in base.rows),
    )


def _cluster_of(key: str, base: Scored, candidate: Scored) -> str:
    ours, theirs = base.rows[key], candidate.rows[key]
    if ours.cluster and theirs.cluster and ours.cluster != theirs.cluster:
        raise InputError(
            f"Sample '{one_line(key, _SHOWN)}' is in cluster '{one_line(theirs.cluster, _SHOWN)}' here, "
            f"but in '{one_line(ours.cluster, _SHOWN)}' in the base.",
            where=theirs.where,
            fix=f"Make it agree with {ours.where}.",
        )
    name = ours.cluster or theirs.cluster
    return f"cluster {name}" if name else f"sample {key}"


def _read(name: str, stream: BinaryIO, fields: Fields, cluster_required: bool) -> Scored:  # noqa: FBT001 - private
    source = foreign.opened(stream, name)
    rows: dict[str, Row] = {}
    unscored, passed = 0, False
    for where, value in _alike(source, fields):
        passed = True
        key = _id(_find(value, fields.id, where) if fields.id else source.id(value, where), fields.id or "id", where)
        if key in rows:
            raise InputError(
                f"The id '{one_line(key, _SHOWN)}' comes twice, at {rows[key].where} and {where}.",
                where=where,
                fix="Keep one row per sample, or name a field that tells them apart with --id.",
            )
        score = _find(value, fields.score, where) if fields.score else source.score(value, where)
        if score is None and source.tool:
            unscored += 1
            continue
        cluster = source.cluster(value, where) if source.cluster else None
        if fields.cluster:
            cluster = _find(value, fields.cluster, where, required=cluster_required)
        rows[key] = Row(
            _score(score, fields.score or "score", where), _cluster(cluster, fields.cluster or "cluster", where), where
        )
    if not rows:
        raise _empty(name, passed=passed, chosen=bool(fields.where))
    return Scored(name, rows, unscored, bool(fields.cluster or source.cluster), source.note)


def _empty(name: str, *, passed: bool, chosen: bool) -> InputError:
    if passed:
        return InputError("No sample in it has a score.", where=name, fix="Grade them first.")
    if chosen:
        return InputError("No row has what --where asks for.", where=name, fix="Check the field and the value.")
    return InputError("The file holds no scores.", where=name, fix="Give JSON Lines: one JSON object per line.")


def _alike(source: Source, fields: Fields) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The rows that are to be taken; they agree in the fields of which each value has all samples for itself."""
    chosen: dict[str, Any] = {}
    for where, row in source.rows:
        if any(_shown(_find(row, field, where, required=False)) != value for field, value in fields.where):
            continue
        for field in source.alike:
            ours, theirs = chosen.setdefault(field, row.get(field)), row.get(field)
            if ours != theirs:
                first, second = (one_line(_shown(one), _SHOWN) for one in (ours, theirs))
                raise InputError(
                    f"Samples stand in it more than once: the field '{field}' is '{first}' and '{second}'.",
                    where=where,
                    fix=f"Choose one for both files, --where '{field}={first}', or for one, --base-where '{field}=...'.",
                )
        yield where, row


def _shown(value: Any) -> str:
    """A value as --where writes it."""
    if isinstance(value, bool | None):
        return {True: "true", False: "false", None: "null"}[value]
    return _text(value) if isinstance(value, str | int | float) else ""


def _find(row: Mapping[str, Any], path: str, where: str, *, required: bool = True) -> Any:
    if path in row:  # a name with a dot in it comes first
        return row[path]
    value: Any = row
    names = path.split(".")
    for depth, name in enumerate(names):
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and len(name) < _DIGITS and int(name) < len(value):
            value = value[int(name)]
        elif required:
            raise _missing(value, names, depth, where)
        else:
            return None
    return value


def _missing(value: Any, names: list[str], depth: int, where: str) -> InputError:
    prefix = "".join(f"{name}." for name in names[:depth])
    if isinstance(value, dict):
        fix = did_you_mean(prefix + names[depth], [one_line(prefix + key, _SHOWN) for key in value])
    elif isinstance(value, list):
        fix = f"'{prefix[:-1]}' is a list of {len(value)}; give a number from 0 on."
    else:
        fix = f"'{prefix[:-1]}' is a plain value and has no fields."
    return InputError(f"There is no field '{'.'.join(names)}'.", where=where, fix=fix)


def _id(value: Any, field: str, where: str) -> str:
    """An id as text: 7, 7.0 and "7" are one sample, since tools disagree on how to write it."""
    if value == "" or isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError(
            f"The id in '{field}' is {_kind(value)}.",
            where=where,
            fix="Name a field that holds text or a number with --id.",
        )
    return _text(value)


def _text(value: str | float) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _score(value: Any, field: str, where: str) -> float:
    if not isinstance(value, bool | int | float):
        raise InputError(
            f"The score in '{field}' is {_kind(value)}, not a number.",
            where=where,
            fix="Give a number from 0 to 1, or true or false.",
        )
    if not 0 <= value <= 1:
        raise InputError(
            f"The score {one_line(str(value), _SHOWN)} in '{field}' is not between 0 and 1.",
            where=where,
            fix="Divide scores by the highest score that is possible: percentages by 100.",
        )
    return float(value)


def _cluster(value: Any, field: str, where: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int | float):
        return _text(value)
    raise InputError(
        f"The cluster in '{field}' is {_kind(value)}.", where=where, fix="Name a field that holds text or a number."
    )


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if value == "":
        return "an empty text"
    names: dict[type, str] = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
