"""How much code may take."""

from __future__ import annotations

import math

from msgspec import Struct

MIB = 1 << 20
OUTPUT = 1_000_000  #: bytes that are read of what a program prints; more fails it


class Limits(Struct, frozen=True):
    """Limits of one run of code.

    `seconds` is wall-clock time, and of each process the CPU time. `memory` is the address space of each process in MiB,
    `processes` how many there may be at once, threads included, `files` the MiB that may be written.
    """

    seconds: float = 10.0
    memory: int = 512
    processes: int = 32
    files: int = 16

    def told(self, *, uid: int = 0, others: int = 0) -> dict[str, int]:
        """The limits as `inside.limit` takes them.

        Args:
            uid: The user to become, 0 for none.
            others: Processes that the user has already, where they are counted with those of the code.
        """
        return {
            "memory": self.memory * MIB,
            "seconds": math.ceil(self.seconds) + 1,
            "files": self.files * MIB,
            "processes": self.processes + others,
            "uid": uid,
        }
