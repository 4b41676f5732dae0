"""Upkeep of the folder of traces: recover what dead writers left, seal it to Parquet, drop what is too old.

A segment is deleted only after its Parquet file is complete, on disk, and under its final name. A crash between
the two leaves both; readers then take the Parquet file, and the next upkeep deletes the segment.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from weighbridge import settings
from weighbridge.errors import StoreError
from weighbridge.store import parquet, segments
from weighbridge.store.files import locked, private_folder, store_error
from weighbridge.store.sources import Where, places_in, sealed

LOCK = "maintain.lock"
DAMAGED = ".damaged"
log = logging.getLogger(__name__)
_DAY = 86_400.0
#: Files of an export or a sealing that was killed are left alone for this long: it may still be at work.
_STALE_SECONDS = 3600.0


class Report(Struct, frozen=True):
    """What one round of upkeep did."""

    busy: bool = False  #: another process was at it, so nothing was done
    sealed: int = 0  #: segments
    traces: int = 0  #: traces in them
    removed: int = 0  #: files that were too old
    live: int = 0  #: segments whose writers are at work
    waiting: int = 0  #: segments that wait until what they cost was added up
    notes: tuple[str, ...] = ()  #: what was recovered or cut, in sentences
    problems: tuple[str, ...] = ()  #: what could not be done, in sentences


class _Round:
    """One round of upkeep, under the lock."""

    def __init__(self, folder: Path, wanted: settings.Store, now: float, folded: Mapping[str, int] | None) -> None:
        self.folder = folder
        self.folded = folded
        self.wanted = wanted
        self.now = now
        self.oldest = now - wanted.retention_days * _DAY
        self.sealed = self.traces = self.removed = self.live = self.waiting = 0
        self.notes: list[str] = []
        self.problems: list[str] = []

    def run(self) -> Report:
        # What is too old goes first: it may make the space that sealing needs.
        self.remove_old()
        self.remove_leftovers()
        done = {n.stem for n in sealed(self.folder)}
        for path in segments.segments(self.folder):
            try:
                self.segment(path, sealed_before=path.stem in done)
            except FileNotFoundError:
                continue  # someone deleted it
            except OSError as error:
                self.problems.append(str(store_error(error, path)))
            except StoreError as error:
                self.problems.append(str(error))
        return Report(
            sealed=self.sealed,
            traces=self.traces,
            removed=self.removed,
            live=self.live,
            waiting=self.waiting,
            notes=tuple(self.notes),
            problems=tuple(self.problems),
        )

    def remove_old(self) -> None:
        old = [n.path for n in sealed(self.folder) if n.high < self.oldest]
        damaged = self.folder.glob(f"*{DAMAGED}")
        old += [p for p in damaged if (segments.created_at(p.name) or self.now) < self.oldest]
        for path in old:
            self.remove(path)

    def remove_leftovers(self) -> None:
        for pattern in (f".*{parquet.TEMPORARY}", f"*{segments.NEW_SUFFIX}"):
            for path in self.folder.glob(pattern):
                with contextlib.suppress(FileNotFoundError):
                    if self.now - path.stat().st_mtime > _STALE_SECONDS:
                        path.unlink()
                        self.notes.append(f"{path.name}: left by a process that was killed; deleted.")

    def remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
            self.removed += 1
        except OSError as error:
            self.problems.append(str(store_error(error, path)))

    def segment(self, path: Path, *, sealed_before: bool) -> None:
        with segments.Segment(path, exclusive=True) as segment:
            if not segment.dead:
                self.live += 1
                return
            if sealed_before:
                path.unlink()
                self.notes.append(f"{path.name}: had been sealed before an interruption; deleted.")
                return
            found = segment.recover()
            if found.torn:
                self.notes.append(f"{path.name}: cut {found.torn} bytes of an unfinished record off its end.")
            if not found.records and not found.damaged:
                path.unlink()
                return
            if self.folded is not None and self.folded.get(path.stem, 0) < segment.end:
                self.waiting += 1
                return
            self.settle(path, segment, found)

    def settle(self, path: Path, segment: segments.Segment, found: segments.Recovery) -> None:
        """Seal a dead writer's segment, or delete it, if it is time for either."""
        created = segments.created_at(path.name) or 0.0
        young = self.now - created < self.wanted.segment_seconds
        if young and segment.end < self.wanted.segment_mb * 1_000_000:
            return
        places = places_in(path, Where({}), self.notes.append if not found.damaged else _silent)
        if not places:
            self.keep_damaged(path, found)
            return
        if places[-1].at < self.oldest:
            self.remove(path)
            return
        target = parquet.sealed_path(self.folder, path.stem, places[0].at, places[-1].at)
        payloads: Iterator[bytes] = (segment.read(p.offset, p.length) for p in places)
        self.traces += parquet.write(payloads, target)
        self.sealed += 1
        if found.damaged or len(places) < found.records:
            self.keep_damaged(path, found)
        else:
            path.unlink()

    def keep_damaged(self, path: Path, found: segments.Recovery) -> None:
        kept = path.with_suffix(DAMAGED)
        path.rename(kept)
        self.notes.append(
            f"{path.name}: {found.damaged} bytes inside it are damaged; what is whole was sealed, "
            f"and the file was kept as {kept.name}."
        )


def maintain(folder: Path, wanted: settings.Store, now: float, *, folded: Mapping[str, int] | None = None) -> Report:
    """One round of upkeep. Safe at any time, in any number of processes, beside writers and readers.

    Args:
        folder: The folder of traces; it is made if it is missing.
        wanted: The settings: when to seal, how long to keep.
        now: The wall clock, in seconds since 1970.
        folded: How far each segment was added up, see `spend.positions`: none is sealed or deleted before its end was
            reached. None where nobody adds up.

    Returns:
        What was done. What could not be done stands in it too: one bad file does not stop the rest. Both the
        notes and the problems are logged as well.

    Raises:
        StoreError: The folder cannot be used at all.
    """
    private_folder(folder)
    try:
        with locked(folder / LOCK, wait=False) as held:
            if not held:
                return Report(busy=True)
            report = _Round(folder, wanted, now, folded).run()
    except OSError as error:
        raise store_error(error, folder) from error
    for message in (*report.notes, *report.problems):
        log.warning("%s", message)
    return report


def _silent(_message: str) -> None:
    """For damage that is told already."""
