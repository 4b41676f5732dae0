"""The writer of traces: `record` costs microseconds, a thread of its own does the writing.

What was recorded reaches the operating system within 0.2 s and the disk within about a second. Where the disk is
full or too slow, traces wait in a queue of bounded size; what does not fit is dropped, counted and told, and
writing goes on by itself once there is space again. Serving requests never waits for the disk.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from weighbridge.canon import Loss, Trace, encode
from weighbridge.errors import StoreError
from weighbridge.store.files import make_folder, private_folder, store_error
from weighbridge.store.ids import new_trace_id
from weighbridge.store.segments import MAX_RECORD, SegmentWriter, Write

__all__ = ["TraceWriter", "new_trace_id"]

WRITE_SECONDS = 0.2  #: longest wait before what was recorded is handed to the operating system
SYNC_SECONDS = 1.0  #: shortest time between two syncs
RETRY_SECONDS = 1.0  #: wait after a failed write
QUEUE_BYTES = 64 << 20  #: encoded traces that wait at most
_CHUNK = 1 << 20
_SPARE = 8  #: one part in so many of the queue is kept for traces without their bodies

log = logging.getLogger(__name__)


class TraceWriter:
    """Records traces in segments of its own; one per process. Thread-safe.

    Make it after a fork, never before, and close it at the end: what was recorded within the last 0.2 s
    would be lost otherwise.

    Args:
        folder: The folder of traces; it is made, for its owner alone, if it is missing.
        bodies: Keep requests and replies; else they are left out and all the rest stays.
        segment_bytes: Size at which a new segment is begun.
        segment_seconds: Age at which a new segment is begun.
        now: The wall clock, in seconds since 1970.
        queue_bytes: How much may wait for the disk; what comes on top is dropped and counted.
        write: Writes bytes at an offset; another one than `os.pwrite` plays a full disk in tests.
        rng: For the segments' names.

    Raises:
        StoreError: The folder cannot be made.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bodies: bool = True,
        segment_bytes: int = 64_000_000,
        segment_seconds: float = 3600.0,
        now: Callable[[], float] = time.time,
        queue_bytes: int = QUEUE_BYTES,
        write: Write = os.pwrite,
        rng: random.Random | None = None,
    ) -> None:
        self.folder = private_folder(folder)
        self._bodies = bodies
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._now = now
        self._limit = min(queue_bytes, MAX_RECORD)
        self._write = write
        self._rng = rng or random.SystemRandom()
        self._lock = threading.Condition()
        self._queue: list[bytes] = []
        self._waiting = 0  # bytes recorded and not yet written, in the queue or in the thread's hands
        self._taken = self._written = 0  # tickets
        self._dropped = 0
        self._overflowed = False
        self._problem: OSError | None = None
        self._closing = False
        self._asked = self._answered = 0  # flushes
        self._work = threading.Event()
        self._hurry = threading.Event()
        # What follows belongs to the thread alone.
        self._pending: list[bytes] = []
        self._segment: SegmentWriter | None = None
        self._dirty = False
        self._synced = -SYNC_SECONDS
        self._thread = threading.Thread(target=self._run, name="weighbridge-traces", daemon=True)
        self._thread.start()

    def record(self, trace: Trace) -> int:
        """Take a trace. Never waits for the disk and never fails: `healthy` and `dropped` tell how it went.

        Where much waits for the disk already, requests and replies are given up first: what was spent matters more.

        Returns:
            A ticket: once `written` has reached it, the trace survives this process. 0: it was dropped.
        """
        payload = self._encode(trace)
        with self._lock:
            if payload is None:
                self._drop(trace.id, "it cannot be written as JSON")
                return 0
            if self._closing:
                self._drop(trace.id, "the writer is closed")
                return 0
            room = self._limit - self._waiting
            if len(payload) > room:
                payload = _slim(trace, "too much waits for the disk") or payload
                room += self._limit // _SPARE
            if len(payload) > room:
                if not self._overflowed:
                    self._overflowed = True
                    log.warning("traces are being dropped: the disk of %s is full or too slow", self.folder)
                self._dropped += 1
                return 0
            self._queue.append(payload)
            self._waiting += len(payload)
            self._taken += 1
            ticket = self._taken
        if not self._work.is_set():
            self._work.set()
        return ticket

    @property
    def written(self) -> int:
        """The ticket of the last trace that has reached the operating system, and with it all before."""
        return self._written

    @property
    def healthy(self) -> str:
        """Why traces are not being written; empty while they are."""
        with self._lock:
            if self._problem is not None:
                why = store_error(self._problem, self.folder).what.rstrip(".")
            elif self._overflowed:
                why = "the disk is slower than traces arrive"
            elif self._closing or not self._thread.is_alive():
                why = "the writer has stopped"
            else:
                return ""
            return f"Traces wait to be written: {why}. {self._dropped} dropped so far."

    @property
    def dropped(self) -> int:
        """Traces that were dropped since the start, because the disk was full or too slow."""
        return self._dropped

    def flush(self) -> None:
        """Wait until everything recorded so far is on the disk.

        Raises:
            StoreFullError: No space is left; the traces stay in the queue.
            StoreError: They could not be written for another reason; the same.
        """
        with self._lock:
            self._asked += 1
            ticket = self._asked
            self._hurry.set()
            self._work.set()
            while self._answered < ticket and self._thread.is_alive():
                self._lock.wait(WRITE_SECONDS)
            problem, stopped = self._problem, self._answered < ticket and not self._closing
        if problem is not None:
            raise store_error(problem, self.folder) from problem
        if stopped:
            raise StoreError("The thread that writes traces has stopped.", where=str(self.folder), fix="Restart.")

    def close(self) -> None:
        """Write what waits, and stop. Safe twice.

        Raises:
            StoreError: Traces were left that could not be written; the message says how many.
        """
        with self._lock:
            self._closing = True
            self._hurry.set()
            self._work.set()
        self._thread.join()
        with self._lock:
            left = len(self._pending) + len(self._queue)
            self._pending, self._queue = [], []
            problem = self._problem
        if left and problem is not None:
            error = store_error(problem, self.folder)
            raise type(error)(f"{left} traces could not be written. {error.what}", where=error.where, fix=error.fix)

    def _encode(self, trace: Trace) -> bytes | None:
        # Here and not in the thread: it costs the same under the interpreter's lock, and bytes can be counted.
        if not self._bodies:
            trace = _wordless(trace)
        try:
            payload = encode(trace)
        except (ValueError, TypeError, RecursionError) as error:
            return _slim(trace, f"not writable as JSON: {error}")
        return _slim(trace, "larger than a record may be") if len(payload) > self._limit else payload

    def _drop(self, trace_id: str, why: str) -> None:
        log.warning("trace %a is dropped: %s", trace_id, why)
        self._dropped += 1

    # --- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            if self._work.wait(self._patience()) and not self._closing:
                self._hurry.wait(WRITE_SECONDS)  # more will come: one write for many
            self._work.clear()
            self._hurry.clear()
            with self._lock:
                asked, closing = self._asked, self._closing
                self._pending += self._queue
                self._queue = []
            self._step(force=asked > self._answered, closing=closing)
            with self._lock:
                self._answered = asked
                self._lock.notify_all()
            if closing:
                return

    def _patience(self) -> float | None:
        """Seconds until there is something to do that nobody will wake the thread for; None: nothing."""
        due = []
        if self._pending:
            due.append(RETRY_SECONDS)
        if self._dirty:
            due.append(self._synced + SYNC_SECONDS - time.monotonic())
        if self._segment is not None:
            due.append(self._segment.created + self._segment_seconds - self._now())
        return max(0.0, min(due)) if due else None

    def _step(self, *, force: bool, closing: bool) -> None:
        try:
            try:
                self._write_pending()
                if self._dirty and (force or time.monotonic() >= self._synced + SYNC_SECONDS):
                    self._sync()
            finally:
                if self._segment is not None and (closing or self._is_full(self._segment)):
                    self._leave()
        except OSError as error:
            if self._problem is None:
                log.warning("traces cannot be written to %s: %s", self.folder, error.strerror)
            with self._lock:
                self._problem = error
            return
        with self._lock:
            recovered = self._problem is not None or self._overflowed
            self._problem, self._overflowed = None, False
        if recovered:
            log.warning("traces are written again to %s; %d were dropped so far", self.folder, self._dropped)

    def _write_pending(self) -> None:
        while self._pending:
            if self._segment is not None and (self._is_full(self._segment) or not self._segment.linked):
                self._leave()
            if self._segment is None:
                self._segment = self._begin()
            count = size = 0
            while count < len(self._pending) and (count == 0 or size + len(self._pending[count]) <= _CHUNK):
                size += len(self._pending[count])
                count += 1
            self._segment.append(self._pending[:count])
            self._dirty = True
            del self._pending[:count]
            with self._lock:
                self._waiting -= size
                self._written += count

    def _begin(self) -> SegmentWriter:
        make_folder(self.folder)  # someone may have deleted it
        return SegmentWriter(self.folder, created=self._now(), rng=self._rng, write=self._write)

    def _is_full(self, segment: SegmentWriter) -> bool:
        age = self._now() - segment.created
        # A clock that was set back ends a segment too, or it would wait for the old time to come again.
        return segment.end >= self._segment_bytes or not -1.0 <= age < self._segment_seconds

    def _sync(self) -> None:
        assert self._segment is not None
        try:
            self._segment.sync()
        except OSError:
            # After a failed sync nobody knows what the disk holds: what comes next goes to another file.
            segment, self._segment, self._dirty = self._segment, None, False
            segment.close()
            raise
        self._dirty = False
        self._synced = time.monotonic()

    def _leave(self) -> None:
        """Give the segment up, synced, so that it can be sealed."""
        if self._segment is None:
            return
        try:
            if self._dirty:
                self._sync()
        finally:
            if self._segment is not None:
                self._segment.close()
            self._segment, self._dirty = None, False


def _wordless(trace: Trace) -> Trace:
    """A trace without texts. What is told of a failed attempt may quote them, so only its code and status stay."""
    if any(attempt.outcome != "ok" for attempt in trace.attempts):
        attempts = tuple(msgspec.structs.replace(attempt, message="") for attempt in trace.attempts)
        trace = msgspec.structs.replace(trace, attempts=attempts, error="")
    return msgspec.structs.replace(trace, request=None, reply=None)


def _slim(trace: Trace, why: str) -> bytes | None:
    """A trace without its request and reply, which says so; None where even that cannot be written."""
    loss = Loss(field="bodies", reason=why, severity="low")
    try:
        return encode(msgspec.structs.replace(trace, request=None, reply=None, losses=(*trace.losses, loss)))
    except (ValueError, TypeError, RecursionError):
        return None
