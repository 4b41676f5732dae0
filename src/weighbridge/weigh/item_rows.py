"""Answers to items: which engine was right on which one, from JSON Lines, read strictly, or from a weighing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from weighbridge import jsonl
from weighbridge.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from weighbridge.weigh.stats.items import Answer
    from weighbridge.weigh.types import Weighing

MAX_LINE = 1024 * 1024  #: bytes
MAX_ROWS = 5_000_000
_FIELDS = ("engine", "item", "right", "tries", "suite", "cluster")
_MOST = 1000  # characters of a name


class Rows(NamedTuple):
    """What engines did on items, and one label per answer, or None where no line has one."""

    answers: list[Answer]
    clusters: list[str] | None


def read(source: str, stdin: BinaryIO, *, cluster: str = "") -> Rows:
    """Read answers: `engine`, `item`, `right`; optional `tries` (1), `suite`, `cluster`.

    Args:
        source: A file, or `-` for `stdin`.
        stdin: What `-` reads.
        cluster: The field of items that belong together; "": `cluster` where it stands.

    Raises:
        InputError: The file cannot be read or is empty, or a line lacks a field or has a wrong value in it.
        TooLargeError: A line or the file is over its limit.
    """
    with jsonl.opened(source, stdin) as (stream, name):
        return _read(name, stream, cluster)


def of_weighing(weighing: Weighing) -> Rows:
    """The answers of a weighing: its samples are the items, and repeats are tries.

    Calls that failed and answers that nobody could grade are left out: they say nothing of how hard a sample is.
    """
    from weighbridge.weigh.axes.making import clusters_of
    from weighbridge.weigh.stats.items import Answer

    label = clusters_of(weighing.samples)
    clusters = dict(zip((sample.id for sample in weighing.samples), label or (), strict=bool(label)))
    answers = [
        Answer(engine, weighing.suite, one.sample, one.score)
        for engine, results in weighing.results.items()
        for one in (result for each in (results, *weighing.repeats.get(engine, ())) for result in each)
        if not one.error and not one.missing
    ]
    return Rows(answers, [clusters[str(one.item)] for one in answers] if label else None)


def _read(name: str, stream: BinaryIO, cluster: str) -> Rows:
    from weighbridge.weigh.stats.items import Answer

    answers, labels = list[Answer](), list[str]()
    told = False
    for number, row in jsonl.read(stream, name, max_line=MAX_LINE, max_rows=MAX_ROWS, what="answer"):
        where = f"{name}:{number}"
        suite = _name(row, "suite", where) if "suite" in row else ""
        item = _name(row, "item", where)
        right, tries = _count(row, "right", where), _count(row, "tries", where) if "tries" in row else 1.0
        if right > tries:
            raise InputError("There are more right answers than tries.", where=where, fix='Give "tries" as well.')
        answers.append(Answer(_name(row, "engine", where), suite, item, right, tries))
        label = row.get(cluster or "cluster")
        if label is None and cluster:
            raise InputError(f"There is no field '{cluster}'.", where=where, fix=did_you_mean(cluster, [*row]))
        told = told or label is not None
        labels.append(f"item {suite} {item}" if label is None else f"cluster {label}"[:_MOST])
    if not answers:
        raise InputError(
            "The file holds no answers.",
            where=name,
            fix='Give lines such as {"engine": "X", "item": "q1", "right": 1}.',
        )
    return Rows(answers, labels if told else None)


def _name(row: Mapping[str, Any], field: str, where: str) -> str:
    value = row.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _MOST:
        unknown = next((name for name in row if name not in _FIELDS), "")
        fix = f'Add "{field}".' + (f" {did_you_mean(unknown, _FIELDS)}" if unknown else "")
        raise InputError(f"Field '{field}' is missing or no name.", where=where, fix=fix)
    return value


def _count(row: Mapping[str, Any], field: str, where: str) -> float:
    value = row.get(field)
    if not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise InputError(f"Field '{field}' is missing or no number.", where=where, fix="Say 1 for right, 0 for wrong.")
    return float(value)
