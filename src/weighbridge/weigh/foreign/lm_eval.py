"""lm-evaluation-harness: `samples_<task>_*.jsonl`, written with `--log_samples`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from weighbridge.errors import InputError
from weighbridge.weigh.foreign.rows import Row, Source
from weighbridge.weigh.numbers import one_line

TOOL = "lm-evaluation-harness"
KEYS = frozenset({"doc_hash", "doc_id", "filtered_resps"})
_SHOWN = 60


def lines(rows: Iterable[tuple[str, Row]]) -> Source:
    """The documents of a task, each known by the hash of its content. Each filter grades all of them once."""
    return Source(rows, tool=TOOL, alike=("filter",), id=_hash, score=_metric)


def _hash(row: Row, _where: str) -> Any:
    return row.get("doc_hash")


def _metric(row: Row, where: str) -> Any:
    """The only metric of a line; `acc_norm` and the like stand beside others, so that somebody has to choose."""
    named = row.get("metrics")
    names = [name for name in named if name in row] if isinstance(named, list) else []
    if len(names) == 1:
        return row[names[0]]
    told = ", ".join(one_line(str(name), _SHOWN) for name in names[:8])
    fix = f"Choose one with --score: {told}." if names else "Name the metric with --score."
    raise InputError(f"The line has {len(names)} metrics.", where=where, fix=fix)
