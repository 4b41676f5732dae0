"""promptfoo: what `promptfoo eval -o` writes, `.json` or `.jsonl`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from weighbridge.weigh.foreign.rows import Row, Source, decoded

TOOL = "promptfoo"
BEGIN = re.compile(rb'\{\s*"evalId":')
KEYS = frozenset({"testIdx", "promptIdx", "success"})
_BROKEN = 2  #: its `failureReason` of a test that gave no answer; 1 is an answer that was found wrong


class _Results(Struct):
    results: list[dict[str, Any]]


class _Document(Struct):
    results: _Results


def document(data: bytes, name: str) -> Source:
    """The results of a whole document.

    Raises:
        InputError: It is none.
    """
    found = decoded(data, _Document, name, TOOL).results.results
    return lines((f"{name}, result {place}", row) for place, row in enumerate(found, 1))


def lines(rows: Iterable[tuple[str, Row]]) -> Source:
    """The tests, each known by its place in the file of tests. Each prompt and provider goes through all of them."""
    return Source(map(_plain, rows), tool=TOOL, alike=("provider", "promptIdx"), id=_test, score=_score)


def _plain(one: tuple[str, Row]) -> tuple[str, Row]:
    """The row with its provider by name, and without a score where there was no answer to grade."""
    where, row = one
    made = {**row, "provider": _provider(row)}
    return where, made | {"score": None, "success": None} if row.get("failureReason") == _BROKEN else made


def _provider(row: Row) -> str:
    """Its label where it has one, else its id."""
    told = row.get("provider")
    return str(told.get("label") or told.get("id") or "") if isinstance(told, dict) else str(told or "")


def _test(row: Row, _where: str) -> Any:
    return row.get("testIdx")


def _score(row: Row, _where: str) -> Any:
    return row.get("score")
