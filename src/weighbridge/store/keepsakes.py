"""Keepsakes: the thinking of earlier answers, kept so that each engine gets its own back, whichever worker is asked.

What is in them and how it is found is the matter of `exchange/keeping.py`; here they are bytes. They are a help, not
a record: write-ahead logging without a sync per commit survives any kill, and a power cut costs the last ones at most.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from weighbridge.store.shelf import Shelf

_MEMORY = 16 * 1024 * 1024


class Keepsakes(Shelf):
    """Keepsakes in an SQLite file that several processes share.

    Args:
        path: The file.
        seconds: How long one is kept.
        max_bytes: How much is kept; the oldest go first.
        now: The wall clock, in seconds since 1970.
    """

    def __init__(self, path: Path, *, seconds: float, max_bytes: int, now: Callable[[], float]) -> None:
        super().__init__(path, "keepsakes", seconds=seconds, max_bytes=max_bytes, now=now, memory=_MEMORY)
