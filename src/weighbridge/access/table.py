"""What all workers of one machine count together, in one file of memory that they share.

A slot holds the meters of one subject; a hold keeps what one exchange has reserved in them, so that what a dead process
reserved can be given back. One file lock guards all of it: the kernel frees it when its holder dies, and
whoever takes it next undoes what the dead one had half done. Nothing here knows what time it is, or what a meter means.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

from weighbridge.errors import LimitError, StoreError
from weighbridge.store.files import FILE_MODE, private_folder, store_error

SUBJECTS = 8192  #: that can be counted at once
HOLDS = 8192  #: that can be open at once
METERS = 6  #: of a slot

_NAME = "table-1"  #: the number changes with the layout: two versions of this program never share a file
_MAGIC = 0x5745_4947_4854_0001
_INT = 8  #: bytes; all of the file is such numbers, signed
_WAYS = 8  #: slots of a bucket
_CHUNK = 32  #: holds that a process takes at a time
_OWNERS = 256  #: processes at once

# The head of the file, in numbers.
_IS, _BOOT, _SLOTS, _HOLDS, _COUNTER, FLAG, _MADE, _UNDO, _LOG = range(9)
_HEAD = 1024
_MOST_UNDO = (_HEAD - _LOG) // 2

# A slot: the subject's digest, its length, its currency; its meters; its name.
_A, _B, _LENGTH, CURRENCY = range(4)
_FIRST = 4
METER = 8  #: numbers of a meter
_TEXT = _FIRST + METERS * METER
_SLOT = 88
LONGEST = (_SLOT - _TEXT) * _INT  #: bytes of a subject's name

# A hold: what it is, whose, then what it reserved as (meter, generation, amount).
_STATE, _ID, OWNER, SINCE, _COUNT = range(5)
_ENTRIES = 5
_HOLD = 64
MOST = (_HOLD - _ENTRIES) // 3  #: entries of a hold
_FREE, _HELD, _BURIED = range(3)
_GRAVE = -1  #: the owner of holds whose process died

Entries = list[tuple[int, int, int]]


class Table:
    """The file, open in one process. Everything but `flag` is used within `with table:`, which is one step: all or nothing.

    Args:
        folder: Where it lies; made if it is missing.
        boot: Tells this run of the machine from others: what an earlier one left is not counted on.

    Raises:
        StoreError: The file cannot be made or opened.
    """

    def __init__(self, folder: Path, *, boot: int | None = None) -> None:
        self._folder = private_folder(folder)
        self._thread = threading.Lock()
        self._known: dict[str, tuple[int, int, int]] = {}
        self._missing: set[str] = set()
        self._made = -1
        self._mine: list[int] = []  # free holds of ours
        self._owner_fd = -1
        self._fd, self._map = _opened(folder / _NAME, _boot() if boot is None else boot)
        self._view = memoryview(self._map)
        #: the numbers; read them at will, write them by `set`
        self.ints = self._view.cast("q")
        self._slots = _HEAD + self.ints[_HOLDS] // _CHUNK
        self._holds = self._slots + self.ints[_SLOTS] * _SLOT
        with self:
            self._owner = self._own()

    def __enter__(self) -> None:
        """Begin a step."""
        self._thread.acquire()
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        if self.ints[_UNDO]:
            self._undo()  # of one who died

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End a step: it counts, or, if it failed, nothing of it."""
        if kind is not None:
            self._undo()
        self.ints[_UNDO] = 0
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._thread.release()

    def close(self) -> None:
        """Let go of it; what this process still held is given back by whoever looks next. Safe twice."""
        if self._map.closed:
            return
        self.ints.release()
        self._view.release()
        self._map.close()
        os.close(self._fd)
        os.close(self._owner_fd)

    def set(self, at: int, value: int) -> None:
        """Write a number, so that it can be undone until the step ends."""
        ints = self.ints
        done = ints[_UNDO]
        if done >= _MOST_UNDO:
            raise StoreError("One step writes more than can be undone.", where=str(self._folder / _NAME))
        log = _LOG + 2 * done
        ints[log], ints[log + 1] = at, ints[at]
        ints[_UNDO] = done + 1
        ints[at] = value

    def number(self) -> int:
        """A number that was never given before."""
        value = self.ints[_COUNTER] + 1
        self.set(_COUNTER, value)
        return value

    def _undo(self) -> None:
        ints = self.ints
        for log in range(_LOG + 2 * (ints[_UNDO] - 1), _LOG - 1, -2):
            ints[ints[log]] = ints[log + 1]
        ints[_UNDO] = 0

    # --- slots ----------------------------------------------------------------------------------

    def find(self, subject: str) -> int:
        """Where the meters of a subject begin; -1 if it has none."""
        known = self._known.get(subject)
        if known is not None and self.ints[known[2] + _A] == known[0] and self.ints[known[2] + _B] == known[1]:
            return known[2]
        if self.ints[_MADE] != self._made:
            self._missing.clear()
            self._made = self.ints[_MADE]
        elif subject in self._missing:
            return -1
        a, b = _digest(subject)
        for at in self._bucket(a, b):
            if self.ints[at + _A] == a and self.ints[at + _B] == b:
                if len(self._known) > 4 * SUBJECTS:
                    self._known.clear()
                self._known[subject] = (a, b, at)
                return at
        if len(self._missing) > SUBJECTS:
            self._missing.clear()
        self._missing.add(subject)
        return -1

    def make(self, subject: str, idle: Callable[[int], bool]) -> int:
        """Where the meters of a subject begin; new ones are all 0.

        Args:
            subject: Whose.
            idle: May the slot that begins here be given to another subject?

        Raises:
            LimitError: There is no room, or the name is too long.
        """
        if (at := self.find(subject)) >= 0:
            return at
        text = subject.encode()
        if len(text) > LONGEST:
            raise LimitError(
                f"'{subject[:60]}...' has a name of {len(text)} bytes, too long to be counted.",
                where="limits",
                fix=f"Give it a name of at most {LONGEST} bytes.",
            )
        a, b = _digest(subject)
        bucket = list(self._bucket(a, b))
        at = next((one for one in bucket if not self.ints[one + _LENGTH]), -1)
        if at < 0:
            at = next((one for one in bucket if idle(one)), -1)
        if at < 0:
            raise LimitError(
                f"There is no room to count what '{subject[:60]}' uses: {self.ints[_SLOTS]} subjects have limits in use.",
                where="limits",
                fix="Give limits to teams or routes instead of each key, or try again in a while.",
                retry_after=60.0,
            )
        for place in range(at, at + _TEXT):
            if self.ints[place]:
                self.set(place, 0)
        start = (at + _TEXT) * _INT
        self.set(at + _A, 0)  # until the name stands whole
        self._view[start : start + len(text)] = text
        for place, value in ((_A, a), (_B, b), (_LENGTH, len(text))):
            self.set(at + place, value)
        self.ints[_MADE] += 1  # never undone: who saw it must not see it twice
        return at

    def bunches(self, size: int) -> Iterator[range]:
        """The places of all slots, so many at a time."""
        for first in range(self._slots, self._holds, size * _SLOT):
            yield range(first, min(first + size * _SLOT, self._holds), _SLOT)

    def slots(self, places: Iterable[int] | None = None) -> Iterator[tuple[str, int]]:
        """Every subject, or those in some places, and where its meters begin."""
        for at in range(self._slots, self._holds, _SLOT) if places is None else places:
            if length := self.ints[at + _LENGTH]:
                start = (at + _TEXT) * _INT
                yield bytes(self._view[start : start + length]).decode(errors="replace"), at

    @staticmethod
    def meter(slot: int, field: int) -> int:
        """Where one of a slot's meters begins."""
        return slot + _FIRST + field * METER

    def field(self, at: int) -> int:
        """Which of its slot's meters begins here."""
        return ((at - self._slots) % _SLOT - _FIRST) // METER

    def _bucket(self, a: int, b: int) -> Iterator[int]:
        buckets = self.ints[_SLOTS] // _WAYS
        for number in dict.fromkeys((a % buckets, b % buckets)):
            start = self._slots + number * _WAYS * _SLOT
            yield from range(start, start + _WAYS * _SLOT, _SLOT)

    # --- holds ----------------------------------------------------------------------------------

    def hold(self, entries: Entries, now: int) -> tuple[int, int]:
        """Keep what an exchange reserved.

        Args:
            entries: Meters, their generations, and how much.
            now: Seconds since 1970.

        Returns:
            Where the hold is, and its id.

        Raises:
            LimitError: There is no room.
        """
        if len(entries) > MOST:
            raise LimitError(f"{len(entries)} limits hold for one call, more than {MOST}.", where="limits")
        if not self._mine:
            self._mine = self._claim(now)
        at = self._mine[-1]
        identity = self.number()
        ints = self.ints
        ints[at + _ID], ints[at + OWNER], ints[at + SINCE], ints[at + _COUNT] = identity, self._owner, now, len(entries)
        place = at + _ENTRIES
        for entry in entries:
            ints[place], ints[place + 1], ints[place + 2] = entry
            place += 3
        self.set(at + _STATE, _HELD)
        self._mine.pop()
        return at, identity

    def entries(self, at: int) -> Entries:
        """What a hold keeps."""
        ints = self.ints
        first = at + _ENTRIES
        return [(ints[p], ints[p + 1], ints[p + 2]) for p in range(first, first + 3 * ints[at + _COUNT], 3)]

    def amend(self, at: int, number: int, amount: int) -> None:
        """Another amount for one entry of a hold."""
        self.set(at + _ENTRIES + 3 * number + 2, amount)

    def held(self, at: int, identity: int) -> bool:
        """Is it still open, or was it when its process died?"""
        inside = self._holds <= at < len(self.ints) and (at - self._holds) % _HOLD == 0
        return inside and self.ints[at + _ID] == identity and self.ints[at + _STATE] != _FREE

    def buried(self, at: int) -> bool:
        """Was it given back already, because its process died?"""
        return self.ints[at + _STATE] == _BURIED

    def free(self, at: int) -> None:
        """A hold is over."""
        self.set(at + _STATE, _FREE)
        if self.ints[at + OWNER] == self._owner and self.ints[self._chunk(at)] == self._owner:
            self._mine.append(at)

    def bury(self, give_back: Callable[[int], None]) -> int:
        """Give back what processes hold that are gone.

        Args:
            give_back: Told where each of their holds is.

        Returns:
            How many holds these were.
        """
        ours = self.ints[_HEAD : self._slots].tolist()
        dead = {owner for owner in set(ours) if owner > 0 and owner != self._owner and not self._alive(owner)}
        return sum(self._bury_one(owner, give_back) for owner in dead)

    def _bury_one(self, owner: int, give_back: Callable[[int], None]) -> int:
        count = 0
        for number in range(_HEAD, self._slots):
            if self.ints[number] != owner:
                continue
            for at in self._of(number):
                if self.ints[at + _STATE] == _HELD:
                    give_back(at)
                    self.set(at + _STATE, _BURIED)
                    self.ints[_UNDO] = 0  # each is a step of its own: many would be more than can be undone
                    count += 1
            self.ints[number] = _GRAVE
        return count

    def _claim(self, now: int) -> list[int]:
        """Free holds for this process."""
        chunks = range(_HEAD, self._slots)
        free = next((number for number in chunks if not self.ints[number]), None)
        if free is None:
            free = next((number for number in chunks if self.ints[number] == _GRAVE and self._rests(number, now)), None)
        if free is None:
            raise LimitError(
                f"There is no room for one more call that has limits: {self.ints[_HOLDS]} are under way.",
                where="limits",
                fix="Try again in a moment, with fewer at once.",
                retry_after=1.0,
            )
        for at in self._of(free):
            self.ints[at + _STATE] = _FREE
        self.ints[free] = self._owner
        return list(self._of(free))

    def _rests(self, number: int, now: int) -> bool:
        """Has nobody asked for a long time for what lies here, or was all of it settled?"""
        return all(
            self.ints[at + _STATE] == _FREE or not 0 <= now - self.ints[at + SINCE] < 3600  # noqa: PLR2004 - an hour
            for at in self._of(number)
        )

    def _of(self, number: int) -> range:
        first = self._holds + (number - _HEAD) * _CHUNK * _HOLD
        return range(first, first + _CHUNK * _HOLD, _HOLD)

    def _chunk(self, at: int) -> int:
        return _HEAD + (at - self._holds) // (_CHUNK * _HOLD)

    # --- who lives --------------------------------------------------------------------------------

    def _own(self) -> int:
        """A number of our own, by a lock on a file that lasts as long as this process."""
        owners = set(self.ints[_HEAD : self._slots].tolist())
        for number in range(1, _OWNERS + 1):
            if number in owners:
                continue  # of one who lives, or who died and was not buried yet
            fd = self._lock(number)
            if fd is not None:
                self._owner_fd = fd
                return number
        raise StoreError(
            f"More than {_OWNERS} processes count in one store.", where=str(self._folder), fix="Give each its own."
        )

    def _alive(self, owner: int) -> bool:
        fd = self._lock(owner)
        if fd is None:
            return True
        os.close(fd)
        return False

    def _lock(self, number: int) -> int | None:
        fd = os.open(self._folder / f"owner-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd


def _opened(path: Path, boot: int) -> tuple[int, mmap.mmap]:
    fd = -1
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        fcntl.flock(fd, fcntl.LOCK_EX)
        memory = _mapped(fd, boot)
        fcntl.flock(fd, fcntl.LOCK_UN)
    except OSError as error:
        if fd >= 0:
            os.close(fd)
        raise store_error(error, path) from error
    return fd, memory


def _mapped(fd: int, boot: int) -> mmap.mmap:
    """The file as memory. One of another run of the machine, or one that was never finished, begins anew."""
    chunks = HOLDS // _CHUNK
    size = (_HEAD + chunks + SUBJECTS * _SLOT + HOLDS * _HOLD) * _INT
    head = os.pread(fd, 4 * _INT, 0)
    wanted = b"".join(value.to_bytes(_INT, "little") for value in (_MAGIC, boot, SUBJECTS, HOLDS))
    if os.fstat(fd).st_size != size or head != wanted:
        os.pwrite(fd, bytes(_INT), 0)
        os.posix_fallocate(fd, 0, size)  # real blocks: writing to a hole on a full disk would kill the process
        os.ftruncate(fd, size)
        memory = mmap.mmap(fd, size)
        zeros = bytes(1 << 20)
        for start in range(0, size, len(zeros)):
            memory[start : min(size, start + len(zeros))] = zeros[: min(size, start + len(zeros)) - start]
        memory[_INT : len(wanted)] = wanted[_INT:]
        memory[:_INT] = wanted[:_INT]
        return memory
    return mmap.mmap(fd, size)


def _digest(subject: str) -> tuple[int, int]:
    digest = blake2b(subject.encode(), digest_size=14).digest()
    return 1 + int.from_bytes(digest[:7], "little"), int.from_bytes(digest[7:], "little")


def _boot() -> int:
    """A number of this run of the machine; 0 where it cannot be told."""
    with contextlib.suppress(OSError):
        text = Path("/proc/sys/kernel/random/boot_id").read_bytes()
        return int.from_bytes(blake2b(text, digest_size=7).digest(), "little")
    return 0
